#!/usr/bin/python3
"""Addresses that nodes tell each other over a link, where the network tells nothing."""

import re

from lib import main, wait_until
from peers import Node, wireside


def told(node, about, sources=("told", "typed")):
    return {row["address"] for peer in node.peers() if peer["label"] == about for row in peer["addresses"]
            if row["source"] in sources}


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


def test_listen(net):
    """What is told is what a node listens on, each address with its own port; who listens on all tells of the interfaces he uses"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    for number, device in (("10.78.0.2/24", "eth0"), ("10.79.0.2/24", "eth0")):
        bravo.run("ip", "addr", "add", number, "dev", device)
    bravo.run("ip", "link", "add", "docker0", "type", "bridge")
    bravo.run("ip", "addr", "add", "172.17.0.1/16", "dev", "docker0")
    bravo.run("ip", "link", "set", "docker0", "up")
    alice = Node(alpha, "alice", discovery="none").start()
    bob = Node(bravo, "bob", "--listen", "127.0.0.1:5298", "--listen", f"{bravo.address}:5400", "--listen", "10.78.0.2:5500",
               discovery="none").start()
    alice.command("peer", "add", f"bob@{bravo.address}:5400")
    jid = alice.linked(bob)
    face, other = alice.face(), bob.face()
    face.receipt(face.say(jid, "hello"))
    other.message("hello")
    other.receipt(other.say(alice.address, "hello too"))
    wanted = {f"{bravo.address}:5400", "10.78.0.2:5500"}
    wait_until(lambda: told(alice, "bob") == wanted, "both addresses, each with its port")
    net.true(told(bob, "alice", ("told",)) == {f"{alpha.address}:5298"}, f"{told(bob, 'alice')}")
    net.step("two ports")
    bob.stop()
    alice.command("peer", "del", "bob")
    carol = Node(bravo, "carol", discovery="none").start()
    alice.command("peer", "add", f"carol@{bravo.address}")
    face.receipt(face.say(alice.linked(carol), "hello"))
    carol_face = carol.face()
    carol_face.receipt(carol_face.say(alice.address, "hello"))
    wanted = {f"{bravo.address}:5298", "10.78.0.2:5298", "10.79.0.2:5298"}
    wait_until(lambda: told(alice, "carol") == wanted, "all of eth0")
    net.step("all, but docker's bridge")
    def add(what):
        script = f"{wireside()} peer add {what} --data {carol.data}; echo status $?"
        return bravo.run("sh", "-c", script)

    net.true(re.search("this node itself.*\nstatus 1\n", add("172.17.0.1")), "itself")
    for what in "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "10.0.0.7:0", "fe80::1":
        said = add(what)
        net.true(said.startswith(f"wireside: {what}: ") and said.endswith("\nstatus 2\n"), said)
    net.step("neither itself nor nobody is added")
    alice.stop()
    carol.stop()


if __name__ == "__main__":
    raise SystemExit(main(test_change, test_listen))
