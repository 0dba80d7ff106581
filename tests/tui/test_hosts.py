#!/usr/bin/python3
import os
import signal

from chat import Home, lib


def meet(t):
    """Bob has a room on his node, and alice is in it."""
    homes = [Home(t, "alice"), Home(t, "bob")]
    alice, bob = (home.pipe("--name", f"{home.name}@here") for home in homes)
    for pipe in (alice, bob):
        pipe.expect(f"online as {pipe.label}@here")
    alice.say(f"/add 127.0.0.1:{homes[1].port}")
    alice.expect(r"\* bob is added")
    bob.say("/room create tea")
    bob.expect(r"\* #tea is a new room")
    alice.say("/join tea@bob")
    alice.expect(r"\* #tea: you are in as alice, with bob$")
    bob.expect(r"\* #tea alice joined$")
    return homes, alice, bob


def quits(t, homes, alice, bob):
    """The room is on the node, which goes on."""
    bob.say("/quit")
    t.equal(bob.status(), 0, "/quit")
    alice.expect(r"\* #tea bob left")
    alice.say("/who", "alone in here")
    alice.expect(r"\* alice: participant, none$")
    alice.expect(r"-> #tea: alone in here \(delivered\)$")
    t.equal(alice.count(r"whoever has it|bob is gone|was lost"), 0, "said that somebody is gone")
    t.equal(alice.count("you are in as alice"), 1, "in again without having been out")
    t.step("a host's chat ends: he is away, and his room stays")
    again = homes[1].pipe()
    again.expect("online as")
    again.say("/join tea")
    again.expect(r"\* #tea: you are in as bob, with alice$")
    alice.expect(r"\* #tea bob joined$")
    return again


def stops(t, homes, alice, bob):
    """What is written meanwhile waits."""
    homes[1].stop()
    alice.expect(r"\* #tea: whoever has it is gone; you go in again when it is back$")
    alice.say("written meanwhile", "and this")
    for text in ("written meanwhile", "and this"):
        alice.expect(rf"-> #tea: {text} \(not handed over yet: this chat keeps it until the room is back\)$")
    bob.say("/start")
    bob.expect("online as")
    alice.expect(r"\* #tea: you are in (again )?as alice", 60)
    bob.expect("#tea alice: written meanwhile$", 60)
    bob.expect("#tea alice: and this$")
    alice.expect(r"-> #tea: and this \(delivered\)$")
    t.equal(alice.count("refused"), 0, "refused")
    t.equal(bob.count(r"#tea alice: written meanwhile$"), 1, "said once")
    t.step("a host's node is stopped and comes back: so do those in his room, with what they wrote")


def crashes(t, homes, alice, bob):
    """The node is back before there is a room: who was in waits for it."""
    bob.say("/quit")
    t.equal(bob.status(), 0, "/quit")
    alice.expect(r"\* #tea bob left")
    gone, again = "whoever has it is gone", r"\* #tea: you are in (again )?as alice, with bob$"
    before, back = alice.count(gone), alice.count(again)
    os.kill(homes[1].pid(), signal.SIGKILL)
    bob = homes[1].pipe()
    bob.expect("online as")
    bob.expect(r"\* alice is here$", 60)
    bob.say("/msg alice there is no room yet")
    alice.expect("bob: there is no room yet$", 60)
    lib.wait_until(lambda: alice.count(gone) > before, 60, "that the host was gone")
    alice.say("after the crash")
    alice.expect(r"-> #tea: after the crash \(not handed over yet")
    bob.say("/room create tea")
    lib.wait_until(lambda: alice.count(again) > back, 60, "alice in the room")
    bob.expect("#tea alice: after the crash$")
    t.equal(alice.count("refused|failed"), 0, "given up")
    t.step("a host's node crashes, and is back without the room: those who were in wait until he has made it again")
    return bob


def test(t):
    """A room of somebody whose chat ends, and whose node is stopped, or crashes"""
    homes, alice, bob = meet(t)
    bob = quits(t, homes, alice, bob)
    stops(t, homes, alice, bob)
    bob = crashes(t, homes, alice, bob)
    for pipe in (alice, bob):
        pipe.end()
    for home in homes:
        home.stop()


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
