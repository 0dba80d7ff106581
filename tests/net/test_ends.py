#!/usr/bin/python3
"""How connections between machines end: each side says its last word and its FIN, and no system has to answer with a reset."""

import collections
import socket
import struct
import threading

from finch import Node, Raw, on
from lib import WAIT, Failure, main, wait_until

ALICE = "alice@alpha"
BOB = "bob@bravo"
FIN, SYN, RST, ACK = 1, 2, 4, 16
PORT = 5298


class Wire:
    """Every TCP segment of the links between peers that a machine sends or gets."""

    def __init__(self, host):
        self.segments = []  # (source, destination, flags, sequence after it, acknowledged)
        ALL = 3
        self.socket = on(host, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL)))
        self.socket.bind(("eth0", ALL))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                packet, where = self.socket.recvfrom(65536)
            except OSError:
                return
            kind = where[1]
            if kind == 0x0800 and packet[9] == socket.IPPROTO_TCP:
                start = (packet[0] & 15) * 4
                self._take(packet[12:16], packet[16:20], packet[start:struct.unpack("!H", packet[2:4])[0]])
            elif kind == 0x86dd and packet[6] == socket.IPPROTO_TCP:
                self._take(packet[8:24], packet[24:40], packet[40:40 + struct.unpack("!H", packet[4:6])[0]])

    def _take(self, source, destination, tcp):
        source_port, destination_port, sequence, acknowledged, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
        if PORT not in (source_port, destination_port):
            return
        after = sequence + len(tcp) - (offset >> 4) * 4 + bool(flags & SYN) + bool(flags & FIN)
        self.segments.append(((source, source_port), (destination, destination_port), flags, after % 2**32, acknowledged))

    def connections(self):
        """end, other end -> its segments, for each end of each connection that was made"""
        found = collections.defaultdict(list)
        for source, destination, flags, after, acknowledged in list(self.segments):
            found[source, destination].append((flags, after, acknowledged))
        return found

    def ended(self):
        """The connections on which both have said FIN and both FINs are acknowledged."""
        sides = self.connections()

        def well(here, there):
            fins = [after for flags, after, _ in sides[here, there] if flags & FIN]
            return fins and any(flags & ACK and acknowledged == fins[0] for flags, _, acknowledged in sides[there, here])
        return {frozenset(ends) for ends in list(sides) if well(*ends) and well(*reversed(ends))}

    def expect_well_ended(self, limit=WAIT):
        def all_of_them():
            made = {frozenset(ends) for ends, segments in self.connections().items() if any(f & SYN for f, _, _ in segments)}
            return made and made == self.ended()
        try:
            wait_until(all_of_them, "FIN, ACK, FIN, ACK on each connection", limit)
        finally:
            resets = [segment for segment in self.segments if segment[2] & RST]
        if resets:
            raise Failure(f"reset: {resets}")


def linked(net, *options):
    alpha, bravo = net.host("alpha"), net.host("bravo")
    wire = Wire(alpha)
    alice, bob = Node(net, alpha, ALICE, *options), Node(net, bravo, BOB)
    clients = alice.client(), bob.client()
    jid = clients[0].roster("bob")
    clients[0].presence(jid)
    clients[0].im(jid, "hello")
    clients[1].expect_im(clients[0].jid.split("/")[0], "hello")
    wait_until(lambda: alice.row(BOB)["state"] == "linked" and bob.row(ALICE)["state"] == "linked", "a link")
    return wire, alice, bob, clients


def stop_one(net, which):
    wire, alice, bob, _ = linked(net)
    (alice, bob)[which].stop()
    wait_until(lambda: (bob, alice)[which].row((ALICE, BOB)[which])["state"] != "linked", "the end of the link")
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
