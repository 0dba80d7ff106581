"""Captures made by hand: TCP connections with whatever is said on them, over IPv4 and IPv6, in clear or behind STARTTLS."""
import ipaddress
import pathlib
import ssl
import struct
import subprocess

OPEN = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        b" from='%s' to='%s' version='1.0'>")
MSS = 1448


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(ends, ports, seq, ack, flags, payload, options=b""):
    """One Ethernet frame. Options of TCP take whole words."""
    addresses = [ipaddress.ip_address(e).packed for e in ends]
    tcp = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50 + (len(options) << 2), flags, 64240, 0, 0) + options
    pseudo = b"".join(addresses) + struct.pack(">HH", 6, len(tcp) + len(payload))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp + payload)) + tcp[18:]
    if len(addresses[0]) == 16:
        return b"\2" * 12 + b"\x86\xdd" + struct.pack(">IHBB", 0x60000000, len(tcp) + len(payload), 6, 64) + b"".join(addresses) + tcp + payload
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(payload), 1, 0x4000, 64, 6, 0) + b"".join(addresses)
    return b"\2" * 12 + b"\x08\0" + ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + tcp + payload


def labels(*names):
    return b"".join(bytes([len(n)]) + n for n in names) + b"\0"


def announcement(address, instance, port):
    """A frame of multicast DNS: who somebody is, and where he listens."""
    service = labels(b"_presence", b"_tcp", b"local")
    name = bytes([len(instance)]) + instance + service
    srv = struct.pack(">HHH", 0, 0, port) + labels(b"box", b"local")
    dns = struct.pack(">6H", 0, 0x8400, 0, 2, 0, 0) + service + struct.pack(">HHIH", 12, 1, 4500, len(name)) + name
    dns += name + struct.pack(">HHIH", 33, 0x8001, 120, len(srv)) + srv
    udp = struct.pack(">HHHH", 5353, 5353, 8 + len(dns), 0) + dns
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 255, 17, 0) + ipaddress.ip_address(address).packed + bytes([224, 0, 0, 251])
    return b"\1\0\x5e\0\0\xfb" + b"\2" * 6 + b"\x08\0" + ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + udp


class Connection:
    """Frames of one TCP connection from its handshake on. 0 opened it, 1 answered."""

    def __init__(self, v6=False, port=41234, opened=True):
        self.ends = ("fd00::1", "fd00::2") if v6 else ("10.0.0.1", "10.0.0.2")
        self.ports = (40000, port)
        self.seq = {0: 1000, 1: 5000}
        self.frames = []  # (microseconds, bytes)
        self.time = 0
        if opened:
            self.add(0, b"", 0x02)
            self.add(1, b"", 0x12)
            self.add(0, b"", 0x10)

    def put(self, who, seq, payload, flags=0x18, ack=None, options=b"", after=1000):
        """One segment, wherever it stands in the stream, `after` so many microseconds."""
        turned = (lambda pair: pair) if who == 0 else (lambda pair: pair[::-1])
        self.time += after
        ack = (self.seq[1 - who] if ack is None else ack) if flags & 0x10 else 0
        self.frames.append((self.time, segment(turned(self.ends), turned(self.ports), seq, ack, flags, payload, options)))

    def add(self, who, payload, flags=0x18):
        self.put(who, self.seq[who], payload, flags)
        self.seq[who] += len(payload) + (1 if flags & 3 else 0)

    def say(self, who, data):
        """In as many segments as it takes."""
        for at in range(0, len(data), MSS):
            self.add(who, data[at:at + MSS])

    def acknowledge(self, who, upto=None, options=b"", after=1000):
        """Nothing but an acknowledgement, of all so far or up to a byte."""
        self.put(who, self.seq[who], b"", 0x10, upto, options, after)

    def pcap(self, path):
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
        body = (struct.pack("<IIII", 1700000000, t, len(f), len(f)) + f for t, f in self.frames)
        path.write_bytes(head + b"".join(body))
        return path

    def pcapng(self, path, secrets=b"", dropped=None):
        blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), block(1, struct.pack("<HHI", 1, 0, 0))]
        if secrets:
            blocks.append(block(10, struct.pack("<II", 0x544C534B, len(secrets)) + secrets))
        for t, f in self.frames:
            when = 1700000000000000 + t
            blocks.append(block(6, struct.pack("<IIIII", 0, when >> 32, when & 0xFFFFFFFF, len(f), len(f)) + f))
        if dropped is not None:  # as dumpcap tells it at the end
            blocks.append(block(5, struct.pack("<IIIHHQI", 0, 0, 0, 5, 8, dropped, 0)))
        path.write_bytes(b"".join(blocks))
        return path


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def stanzas(path, *said):
    """Stanzas without packets, as capture --stanzas writes them: link type 252, from one address to itself."""
    frames = []
    for xml in said:
        tags = [(12, b"xmpp"), (20, bytes([127, 0, 0, 1])), (21, bytes([127, 0, 0, 1])), (24, struct.pack(">I", 2)),
                (25, struct.pack(">I", 5298)), (26, struct.pack(">I", 5298)), (0, b"")]
        frames.append(b"".join(struct.pack(">HH", tag, len(data)) + data for tag, data in tags) + xml)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 252)
    path.write_bytes(head + b"".join(struct.pack("<IIII", 1700000000, 1000 * i, len(f), len(f)) + f for i, f in enumerate(frames)))
    return path


class Tls:
    """Both ends of a TLS session, whose records are what goes over a Connection."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.keys = folder / "keys"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=made", "-keyout", folder / "k.pem", "-out", folder / "c.pem"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(folder / "c.pem", folder / "k.pem")
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.keylog_filename = str(self.keys)
        self.wires = [(ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())]
        self.ends = [client.wrap_bio(*self.wires[0]), server.wrap_bio(*self.wires[1], server_side=True)]

    def carry(self, connection, who):
        """What this end has written goes over the wire to the other."""
        data = self.wires[who][1].read()
        if data:
            connection.say(who, data)
            self.wires[1 - who][0].write(data)

    def handshake(self, connection):
        for _ in range(4):
            for who in (0, 1):
                try:
                    self.ends[who].do_handshake()
                except ssl.SSLWantReadError:
                    pass
                self.carry(connection, who)

    def say(self, connection, who, data):
        self.ends[who].write(data)
        self.carry(connection, who)
        try:
            self.ends[1 - who].read(1 << 20)
        except ssl.SSLWantReadError:
            pass

    def secrets(self):
        """Of the lines that the library wrote, those that readers need."""
        return b"".join(line + b"\n" for line in self.keys.read_bytes().splitlines() if b"TRAFFIC_SECRET" in line)
