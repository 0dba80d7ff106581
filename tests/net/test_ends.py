#!/usr/bin/python3
"""How connections between machines end: each side says its last word and its FIN, and no system has to answer with a reset."""

import socket

from finch import Node, Raw
from lib import main, wait_until
from segments import RST, Wire

ALICE = "alice@alpha"
BOB = "bob@bravo"


def linked(net, *options):
    alpha, bravo = net.host("alpha"), net.host("bravo")
    wire = Wire(alpha)
    alice, bob = Node(net, alpha, ALICE, *options), Node(net, bravo, BOB)
    clients = alice.client(), bob.client()
    jid = clients[0].roster("bob")
    clients[0].presence(jid)
    clients[0].im(jid, "hello")
    clients[1].expect_im(clients[0].jid.split("/")[0], "hello")
    wait_until(lambda: alice.shows(BOB, state="linked") and bob.shows(ALICE, state="linked"), "a link")
    return wire, alice, bob, clients


def stop_one(net, which):
    wire, alice, bob, _ = linked(net)
    (alice, bob)[which].stop()
    wait_until(lambda: not (bob, alice)[which].shows((ALICE, BOB)[which], state="linked"), "the end of the link")
    wire.expect_well_ended()
    (bob, alice)[which].stop()
    wire.expect_well_ended()


def test_dialler(net):
    """The node that dialled is stopped, the other one stays"""
    stop_one(net, 0)


def test_dialled(net):
    """The node that was dialled is stopped, the other one stays"""
    stop_one(net, 1)


def test_both(net):
    """Both are stopped at once"""
    wire, alice, bob, _ = linked(net)
    for node in alice, bob:
        node.program.process.terminate()
    for node in alice, bob:
        node.stop()
    wire.expect_well_ended()


def test_slow(net):
    """A program that answers the end of the stream late is listened to; one that never does holds nobody up for long"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    wire = Wire(alpha)
    node = Node(net, alpha, ALICE)
    carol = Raw(net, bravo, "carol@bravo")
    slow, silent = carol.dial(alpha.address), carol.dial(alpha.address)
    for name, stream in ("carol@bravo", slow), ("dave@bravo", silent):
        stream.header(name, ALICE)
        stream.expect("<stream:stream[^>]*>")
    node.program.process.terminate()
    for stream in slow, silent:
        stream.expect("</stream:stream>")
        net.true(stream.socket.recv(1) == b"", "its FIN comes with it")
    slow.send("<message><body>last</body></message>")
    slow.send("</stream:stream>")
    slow.socket.shutdown(socket.SHUT_WR)
    net.true(slow.socket.recv(1) == b"", "it was reset")
    node.stop()
    here = (socket.inet_aton(bravo.address), slow.socket.getsockname()[1])
    wait_until(lambda: any(here in ends for ends in wire.ended()), "FIN, ACK, FIN, ACK")
    net.true(not [s for s in wire.segments if s[2] & RST and here in s[:2]], "it was reset")


if __name__ == "__main__":
    raise SystemExit(main(test_dialler, test_dialled, test_both, test_slow))
