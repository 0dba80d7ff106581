#!/usr/bin/python3
import os
import signal

from chat import lib, pipe


def test(t):
    """Connections that break: nothing is lost, nothing comes twice"""
    bob = t.slix("bob")
    bob.receipts()
    cable = t.cable()
    alice = pipe(t, "alice", "--wait", "60", port=cable.port)
    alice.expect("online")
    alice.say("/msg bob@localhost before")
    alice.expect("before .delivered.")
    for i in range(3):
        cable.cut()
        alice.say(*[f"cut {i} line {n}" for n in range(20)])
        alice.expect("offline")
        alice.expect("online as .* again, nothing was lost", timeout=40)
    alice.expect("cut 2 line 19 .delivered.", timeout=40)
    want = [f"cut {i} line {n}" for i in range(3) for n in range(20)]
    t.equal([b for b in bob.bodies() if b.startswith("cut")], want, "what came")
    t.step("cut three times while talking: resumed, all there, in order, once")

    bob.say(to="alice@localhost", body="to you")
    alice.expect("bob@localhost: to you")
    t.equal(alice.end(), 0, "the end")

    carol = pipe(t, "carol", "--wait", "60")
    carol.say("/room create tea", "in the room")
    carol.expect(r"-> #tea: in the room \(delivered\)")
    t.server.restart()
    carol.expect("offline")
    carol.say("after the restart")
    carol.expect("online as", timeout=60)
    carol.expect(r"#tea is a new room", timeout=40)
    carol.expect("#tea: it was gone and is made anew: its settings, members and bans are lost; /config shows and sets them")
    carol.expect(r"-> #tea: after the restart \(delivered\)", timeout=40)
    t.step("the server was restarted: a new session, back in the room, and what was said meanwhile is said")

    dave = pipe(t, "dave", "--wait", "60")
    dave.say("/join tea")
    dave.expect(r"#tea: you are in as dave, with carol")
    carol.process.send_signal(signal.SIGSTOP)
    t.server.restart()
    dave.expect(r"#tea: it is gone with its server's last run; you go in again when its owner has made it anew", timeout=60)
    dave.say("for carol")
    carol.process.send_signal(signal.SIGCONT)
    carol.expect(r"#tea is a new room", timeout=60)
    carol.expect(r"#tea dave: for carol", timeout=60)
    dave.say("/who")
    dave.expect("carol: moderator, owner")
    t.equal(dave.end(60), 0, "the end")
    t.step("who comes back first after a restart leaves the room to its owner, and what he said waits")
    t.equal(carol.end(60), 0, "the end")
    away(t)


def away(t):
    """Nothing is heard for longer than the server keeps a session: the room's archive has it."""
    erin, dave = pipe(t, "erin", "--wait", "60"), pipe(t, "dave", "--wait", "60")
    erin.say("/room create den", "/config persistentroom on", "first")
    erin.expect(r"-> #den: first \(delivered\)")
    dave.say("/join den")
    dave.expect("#den: you are in as dave")
    dave.expect("first")
    os.kill(dave.process.pid, signal.SIGSTOP)
    t.server.restart()
    erin.expect("offline")
    erin.expect("#den: you are in as erin", timeout=60)
    erin.say(*[f"meanwhile {n}" for n in range(60)])
    erin.expect(r"meanwhile 59 \(delivered\)", timeout=60)
    os.kill(dave.process.pid, signal.SIGCONT)
    dave.expect("#den: you are in as dave", timeout=60)
    for n in range(60):
        dave.expect(f"erin: meanwhile {n}$", timeout=40)
    dave.say("all there")
    erin.expect("dave: all there")
    t.equal([dave.count(f"erin: meanwhile {n}$") for n in range(60)], [1] * 60, "each once")
    t.step("60 lines said while somebody was away are shown, in order and once, though a room gives 20")
    for chat in (erin, dave):
        t.equal(chat.end(60), 0, "the end")


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
