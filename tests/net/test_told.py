#!/usr/bin/python3
"""Addresses that nodes tell each other over a link, where the network tells nothing."""

from lib import main, wait_until
from peers import Node


def told(node, about):
    return {row["address"] for peer in node.peers() if peer["label"] == about for row in peer["addresses"]
            if row["source"] in ("told", "typed")}


def test_change(net):
    """A machine gets another address while a link is up: its peers are told, and find it there when the first one is gone"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice, bob = Node(alpha, "alice", discovery="none").start(), Node(bravo, "bob", discovery="none").start()
    alice.command("peer", "add", f"bob@{bravo.address}")
    face, other = alice.face(), bob.face()
    jid = alice.linked(bob)
    face.receipt(face.say(jid, "hello"))
    other.message("hello")
    other.receipt(other.say(alice.address, "hello too"))
    net.true(f"{bravo.address}:5298" in told(alice, "bob"), "not even the first address")
    net.step("linked, by an address that was typed in")
    alpha.run("ip", "addr", "add", "10.78.0.1/24", "dev", "eth0")
    bravo.run("ip", "addr", "add", "10.78.0.2/24", "dev", "eth0")
    wait_until(lambda: "10.78.0.2:5298" in told(alice, "bob") and "10.78.0.1:5298" in told(bob, "alice"),
               "the new addresses are told")
    net.step("told")
    for host in alpha, bravo:
        host.run("ip", "addr", "del", f"{host.address}/24", "dev", "eth0")
    face.receipt(face.say(jid, "and now?"), limit=90)
    other.message("and now[?]")
    net.step("found by them, when those of before are gone")
    alice.stop()
    bob.stop()


if __name__ == "__main__":
    raise SystemExit(main(test_change))
