#!/usr/bin/python3
from lib import main


def test(t):
    """The archive: both directions, page by page, with whom, after a restart"""
    alice = t.slix("alice")
    bob = t.slix("bob")
    for i in range(5):
        alice.say(to="bob@localhost", body=f"to bob {i}")
        bob.expect("message", body=f"to bob {i}")
    bob.say(to="alice@localhost", body="to alice")
    alice.expect("message", body="to alice")
    alice.say(to="bob@localhost", body="typing", type="headline")
    wanted = [f"to bob {i}" for i in range(5)] + ["to alice"]
    for client, name in ((alice, "alice"), (bob, "bob")):
        found = client.archive(page=2)
        t.equal([one["body"] for one in found], wanted, f"the archive of {name}")
        t.equal(len({one["id"] for one in found}), len(wanted), f"different ids in the archive of {name}")
    t.step("three pages of two, the same for both")
    t.equal(len(alice.archive(with_="bob@localhost")), 6, "messages with bob")
    t.equal(alice.archive(with_="nobody@localhost"), [], "messages with nobody")
    t.step("with whom")
    t.server.kill9()
    t.server.start()
    alice.expect("disconnected")
    again = t.slix("alice", label="again")
    t.equal([one["body"] for one in again.archive(page=4)], wanted, "the archive after a crash")
    t.step("it outlives a crash")


if __name__ == "__main__":
    raise SystemExit(main(test))
