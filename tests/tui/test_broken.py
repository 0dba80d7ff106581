#!/usr/bin/python3
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
    carol.expect(r"#tea: you are in as carol|#tea is a new room", timeout=40)
    carol.expect(r"-> #tea: after the restart \(delivered\)", timeout=40)
    t.step("the server was restarted: a new session, back in the room, and what was said meanwhile is said")
    t.equal(carol.end(60), 0, "the end")


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
