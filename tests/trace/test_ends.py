#!/usr/bin/python3
"""Who is who: where both ends of a connection have one address, or two people speak from one, ports and streams tell them apart."""
import json
import subprocess

from lib import WIRESIDE, equal, main, step, true, wireside
from made import OPEN, Connection

HELLO = b"<message from='%s' to='%s' type='chat' id='%s'><body>%s</body></message>"
BOUND = (b"<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>%s/x</jid></bind></iq>")


class Link(Connection):
    def __init__(self, ends, ports, time=0):
        super().__init__(opened=False)
        self.ends, self.ports, self.time = ends, ports, time

    def begin(self):
        self.add(0, b"", 0x02)
        self.add(1, b"", 0x12)
        self.add(0, b"", 0x10)
        return self

    def close(self):
        self.add(0, b"", 0x11)
        self.add(1, b"", 0x11)
        self.add(0, b"", 0x10)


def client(ends, port, who, time=0):
    """A client of a server for `here`, as far as its own address."""
    link = Link(ends, (port, 5222), time).begin()
    link.say(0, b"<stream:stream to='here' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
    link.say(1, OPEN.replace(b" to='%s'", b"") % b"here")
    link.say(1, BOUND % who)
    return link


def together(folder, name, *links):
    one = Link(None, None)
    one.frames = sorted((f for link in links for f in link.frames), key=lambda f: f[0])
    return one.pcap(folder / f"{name}.pcap")


def hosts(file):
    return [h["label"] for h in json.loads(wireside("trace", "report", file, "--json").out)["hosts"]]


def lines(file, *parts):
    """Lines of the ladder that have all of these."""
    return [line for line in wireside("trace", file).out.splitlines() if all(p in line for p in parts)]


def check_server(folder):
    """A server and its two clients on one machine: three, not one"""
    for name, ends in (("loopback", ("127.0.0.1", "127.0.0.1")), ("six", ("::1", "::1")), ("own", ("10.0.0.1", "10.0.0.1"))):
        alice, bob = client(ends, 40000, b"alice@here", 0), client(ends, 40002, b"bob@here", 100)
        alice.time = bob.time = 20000
        alice.say(0, HELLO % (b"alice@here/x", b"bob@here", b"m1", b"hello bob"))
        bob.say(1, HELLO % (b"alice@here/x", b"bob@here", b"m1", b"hello bob"))
        alice.close()
        file = together(folder, name, alice, bob)
        equal(hosts(file), ["alice", "here", "bob"], f"lanes of {name}")
        up, down = lines(file, "hello bob")
        true("|------------->|              |" in up, f"alice to the server: {up}")
        true("|              |------------->|" in down, f"the server to bob: {down}")
        said = wireside("trace", "explain", file).out
        for part in (f"alice: address {ends[0]}, port 40000, on its streams called alice@here", f"here: address {ends[0]}, port 5222",
                     "alice, port 40000, with here, port 5222", "bob, port 40002, with here, port 5222",
                     "alice says that it sends no more (FIN): the first to close"):
            true(part in said, f"{part}: {said}")
        true("connection 1, bob with here" in wireside("trace", "stats", file).out, "statistics")
        true("here: <iq" in (follow := wireside("trace", "follow", file).out) and "alice: <message" in follow, follow)
        step(name)


def check_remote(folder):
    """Two clients of a server elsewhere, on one machine; one that comes again; two programs of one account"""
    ends = ("10.0.0.1", "10.0.0.9")
    file = together(folder, "remote", client(ends, 40000, b"alice@here"), client(ends, 40002, b"bob@here", 20000))
    equal(hosts(file), ["alice", "here", "bob"], "two people at one address")
    local = ("127.0.0.1", "127.0.0.1")
    first = client(local, 40000, b"alice@here")
    first.close()
    file = together(folder, "again", first, client(local, 40002, b"alice@here", 50000))
    equal(hosts(file), ["alice", "here"], "who comes again is the same")
    true("alice: address 127.0.0.1, port 40000 and others" in wireside("trace", "explain", file).out, "with another port")
    file = together(folder, "both", client(local, 40000, b"alice@here"), client(local, 40002, b"alice@here", 500))
    equal(hosts(file), ["alice", "here", "alice (port 40002)"], "two programs of one account")
    step("remote, again, two programs")


def check_peers(folder):
    """Two nodes on one machine, each of which dials the other"""
    local, links = ("127.0.0.1", "127.0.0.1"), []
    for i, (port, listens, one, other) in enumerate(((40000, 5299, b"alice@a", b"bob@a"), (41000, 5298, b"bob@a", b"alice@a"))):
        link = Link(local, (port, listens), i * 50000).begin()
        link.say(0, OPEN % (one, other))
        link.say(1, OPEN % (other, one))
        link.say(0, HELLO % (one, other, b"m%d" % i, b"from " + one))
        links.append(link)
    file = together(folder, "peers", *links)
    equal(hosts(file), ["alice", "bob"], "two, whoever dials")
    (there,), (back,) = lines(file, '"from alice@a"'), lines(file, '"from bob@a"')
    true("|------------->|" in there and "|<-------------|" in back, f"{there} {back}")
    live = subprocess.run([WIRESIDE, "trace", "--live", "-"], input=file.read_bytes(), stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
    true('|<-------------|  bob: "from bob@a"' in live, f"and while it grows: {live}")
    step("nodes")


def check_unknown(folder):
    """Who does not say who he is; and more than there are lanes for"""
    local = ("127.0.0.1", "127.0.0.1")
    link = Link(local, (40000, 5222)).begin()
    link.say(0, b"\x16\x03\x01" + bytes(200))
    link.say(1, bytes(range(200)))
    equal(hosts(together(folder, "closed", link)), ["127.0.0.1:40000", "127.0.0.1:5222"], "by their ports")
    many = together(folder, "many", *(client(local, 40000 + 2 * i, b"user%d@here" % i, 20000 * i) for i in range(40)))
    found = hosts(many)
    equal((len(found), found[:3], found[-1]), (16, ["user0", "here", "user1"], "others at 127.0.0.1"), f"lanes: {found}")
    true("There is more than can be shown" not in wireside("trace", many).out, "all is shown")
    step("closed, many")


if __name__ == "__main__":
    raise SystemExit(main(check_server, check_remote, check_peers, check_unknown))
