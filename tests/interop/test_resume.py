#!/usr/bin/python3
import re

from lib import Failure, main

WATCHED = re.compile("^bob@localhost/")


def marked(t, a, b, prefix, want):
    """Everything with this prefix that b got from a, after a marker that a sends last: once each, in order."""
    a.say(to="bob@localhost/bob" if b.label == "bob" else b.jid, body=f"{prefix} end")
    b.expect("message", body=f"{prefix} end")
    t.equal([body for body in b.bodies() if body.startswith(prefix)], want + [f"{prefix} end"],
            f"what {b.label} got")


def acknowledged(t, bob):
    sent = [bob.say(to="alice@localhost", body=f"ack {n}") for n in range(12)]
    for number in sent:
        bob.expect("acked", id=number)
    t.step("every message is acknowledged")


def cut(t, alice, bob, cable):
    cable.cut()
    bob.expect("disconnected")
    want = [f"cut {n}" for n in range(5)]
    for text in want:
        alice.say(to="bob@localhost/bob", body=text)
    alice.ping()
    t.equal(alice.seen("presence", from_=WATCHED, type="unavailable"), [], "bob's going away while he may resume")
    before = len(bob.seen("start"))
    t.equal(bob.reconnect()["jid"], "bob@localhost/bob", "address after resuming")
    bob.expect("resumed")
    t.equal(len(bob.seen("start")), before, "new sessions")
    marked(t, alice, bob, "cut", want)
    marked(t, bob, alice, "after cut", [])
    t.step("the connection is cut: resumed, what came meanwhile arrives once each, in order")


def dead_cable(t, alice, bob, cable):
    """The server still believes in the old connection when the client comes back on a new one."""
    cable.freeze()
    lost = [bob.say(to=alice.jid, body=f"void {n}") for n in range(3)]
    want = [f"dead {n}" for n in range(5)]
    for text in want:
        alice.say(to="bob@localhost/bob", body=text)
    alice.ping()
    bob.drop()
    bob.reconnect()
    bob.expect("resumed")
    marked(t, alice, bob, "dead", want)
    marked(t, bob, alice, "void", [f"void {n}" for n in range(3)])
    for number in lost:
        bob.expect("acked", id=number)
    t.equal(alice.seen("presence", from_=WATCHED, type="unavailable"), [], "bob's going away")
    t.step("the cable goes dead: resumed beside the old connection, nothing lost or doubled either way")


def many_times(t, alice, bob, cable):
    """Cuts at arbitrary moments of a stream of messages."""
    for n in range(60):
        alice.say(to="bob@localhost/bob", body=f"stream {n}")
        if n % 12 == 7:
            cable.cut()
            bob.expect("disconnected")
            bob.reconnect()
            bob.expect("resumed")
    marked(t, alice, bob, "stream", [f"stream {n}" for n in range(60)])
    t.step("five cuts in a stream of messages: all there once, in order")


def not_after_logout(t, alice, bob):
    bob.logout()
    alice.expect("presence", from_=WATCHED, type="unavailable")
    t.step("an orderly logout ends the session at once")


def not_after_restart(t, alice, cable):
    bob = t.slix("bob", sm=True, label="bob", port=cable.port)
    bob.expect("sm_enabled")
    t.server.restart()
    bob.expect("disconnected")
    alice.expect("disconnected")
    got = bob.reconnect()
    if bob.seen("resumed"):
        raise Failure("a session that the server cannot know any more was resumed")
    bob.expect("sm_failed")
    t.true(got["jid"].startswith("bob@localhost/"), f"address {got['jid']}")
    again = t.slix("alice", label="again")
    again.say(to=got["jid"], body="still there?")
    bob.expect("message", body="still there?")
    t.step("resuming after a restart is refused, and a new session begins on the same connection")


def test(t):
    """Stream management: acknowledgements, resuming after the connection is cut or goes dead"""
    alice = t.slix("alice")
    t.user("bob")
    cable = t.cable()
    bob = t.slix("bob", sm=True, port=cable.port)
    t.true(bob.expect("sm_enabled")["id"], "an id to resume with")
    bob.presence(to="alice@localhost/alice")
    alice.expect("presence", from_="bob@localhost/bob", type=None)
    acknowledged(t, bob)
    cut(t, alice, bob, cable)
    dead_cable(t, alice, bob, cable)
    many_times(t, alice, bob, cable)
    not_after_logout(t, alice, bob)
    not_after_restart(t, alice, cable)


if __name__ == "__main__":
    raise SystemExit(main(test))
