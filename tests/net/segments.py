"""The TCP segments of links between peers, as a machine sees them on its cable."""

import collections
import socket
import struct
import threading

from finch import on
from lib import WAIT, Failure, wait_until

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

    def dials(self):
        """How many connections were asked for."""
        return len({(source, destination) for source, destination, flags, _, _ in self.segments if flags & (SYN | ACK) == SYN})

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
