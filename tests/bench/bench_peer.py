#!/usr/bin/python3
"""Two nodes, and no server: on the loopback interface, and on two machines (network namespaces) with a cable."""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "net"))
import lib  # noqa: E402
import peers  # noqa: E402

STARTS = 5
LINES = 1000  # one after the other, for the time of each
FLOOD = 30000
IDLE = int(os.environ.get("IDLE", "600"))  # seconds
TICK = os.sysconf("SC_CLK_TCK")


def report(name, value, unit, aim=None):
    print(f"{name:<52} {value:>12,.2f} {unit}" + (f"   (aim: {aim})" if aim else ""), flush=True)


def pid_of(node):
    return node.program.process.pid


def cpu(node):
    fields = pathlib.Path(f"/proc/{pid_of(node)}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def starts(net):
    """Both ways: the one that starts finds, and is found."""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = peers.Node(alpha, "alice").start()
    took = []
    for i in range(STARTS):
        bob = peers.Node(bravo, "bob", data=net.folder / f"bob-{i}")
        began = time.monotonic()
        bob.start()
        up = time.monotonic() - began
        bob.sees(alice)
        found = time.monotonic() - began
        lib.wait_until(lambda b=bob: any(b.address.split("@")[1] in row["jid"] and row["state"] != "away"
                                         for row in alice.peers()), "being found")
        took.append((up, found, time.monotonic() - began))
        bob.stop()
    for i, what in enumerate(("start to a socket for clients", "start to peer found", "start to found by the peer")):
        report(f"{what}, median of {STARTS}", statistics.median(t[i] for t in took) * 1000, "ms")
    alice.stop()


def pair(net):
    nodes = [peers.Node(net.host(h), u) for h, u in (("alpha", "alice"), ("bravo", "bob"))]
    for node in nodes:
        node.start()
    peers.meet(*nodes)
    return nodes


def delays(where, alice, bob):
    first, second = alice.face(), bob.face()
    peers.befriend(alice, first, bob, second)
    to, took = alice.sees(bob), []
    for i in range(LINES):
        began = time.monotonic()
        took.append(first.receipt(first.say(to, f"line {i}")) - began)
    took.sort()
    report(f"Enter to delivered, {where}, p50", took[LINES // 2] * 1000, "ms")
    report(f"Enter to delivered, {where}, p99", took[LINES * 99 // 100] * 1000, "ms")
    for face in (first, second):
        face.close()


class Counting(peers.Face):
    """Only counts, once it is logged in: a parser would be slower than what it measures."""

    wanted = None
    count = 0
    rest = b""

    def _take(self, data):
        if not self.wanted:
            super()._take(data)
            return
        data = self.rest + data
        with self.more:
            self.count += data.count(self.wanted)
            self.more.notify_all()
        self.rest = data[-len(self.wanted) + 1:]


def flood(where, alice, bob):
    to = alice.sees(bob)
    first, second = Counting(alice, "flood", managed=False), Counting(bob, "flood", managed=False)
    first.wanted, second.wanted = b"<received ", b"<body>line "
    texts = [f"<message type='chat' to='{to}' id='f{i}'><body>line {i} of a usual length, as people write them</body>"
             f"<request xmlns='{peers.RECEIPTS}'/></message>".encode() for i in range(FLOOD)]
    before, began = [cpu(alice), cpu(bob)], time.monotonic()
    for i in range(0, FLOOD, 100):
        first.socket.sendall(b"".join(texts[i:i + 100]))
    second.wait(lambda: second.count >= FLOOD, "all of them", 120)
    first.wait(lambda: first.count >= FLOOD, "all receipts", 120)
    took = time.monotonic() - began
    report(f"messages a second over one link, {where}", FLOOD / took, "/s   (each with a receipt, on both disks)")
    for node, was, what in ((alice, before[0], "sender"), (bob, before[1], "receiver")):
        report(f"processor time of a message, {where}, {what}", (cpu(node) - was) / FLOOD * 1e6, "us")
    for face in (first, second):
        face.close()


def recovery(net, alice, bob):
    first, second = alice.face(), bob.face()
    to = alice.sees(bob)
    for out in (3, 10):
        net.hosts[1].pull()
        first.say(to, "while it is out")
        time.sleep(out)
        began = time.monotonic()
        net.hosts[1].push()
        number = first.say(to, f"after {out} s")
        report(f"delivered after a cable is put back, {out} s out", (first.receipt(number) - began) * 1000, "ms")
    for face in (first, second):
        face.close()


def private_dirty(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Private_Dirty:\s+(\d+)", text).group(1)) / 1024


def idle(net, alice, bob):
    """Of a node that has a link to each of two others, and whose user looks on."""
    fresh = peers.Node(net.host("charlie"), "carol").start()
    face = fresh.face()
    for other in (alice, bob):
        theirs = other.face()
        peers.befriend(fresh, face, other, theirs)
        fresh.linked(other)
        theirs.close()
    time.sleep(IDLE)
    for other in (alice, bob):
        fresh.linked(other)
    report(f"private dirty memory after {IDLE} s idle, new node", private_dirty(pid_of(fresh)), "MB", "4")
    report("private dirty memory after all of the above, sender", private_dirty(pid_of(alice)), "MB")
    report("private dirty memory after all of the above, receiver", private_dirty(pid_of(bob)), "MB")
    text = subprocess.run(["ldd", peers.wireside()], stdout=subprocess.PIPE, text=True).stdout
    report("libraries linked", text.count("=>"), "")
    print("  " + " ".join(sorted(line.split()[0].split(".so")[0] for line in text.splitlines() if "=>" in line)))


def on_loopback(folder):
    net = peers.NoNet(folder)
    try:
        nodes = [peers.Node(net.host(h), u, "--listen", "127.0.0.1:0", discovery="none").start()
                 for h, u in (("alpha", "alice"), ("bravo", "bob"))]
        nodes[0].command("peer", "add", f"bob@{nodes[1].lan_address()}")
        nodes[0].linked(nodes[1])
        delays("loopback", *nodes)
        flood("loopback", *nodes)
    finally:
        net.close()


def on_cable(folder):
    net = lib.Net(folder)
    try:
        starts(net)
    finally:
        net.close()
    net = lib.Net(folder)
    try:
        nodes = pair(net)
        delays("veth", *nodes)
        flood("veth", *nodes)
        recovery(net, *nodes)
        idle(net, *nodes)
    finally:
        net.close()


def main():
    apart = True
    try:
        lib.enter()
        lib.run("ip", "link", "set", "lo", "up")
    except lib.Skip as skip:
        apart = False
        print(f"loopback only: {skip}")
    try:
        with tempfile.TemporaryDirectory(prefix="wireside-bench-") as folder:
            on_loopback(folder)
        if apart:
            with tempfile.TemporaryDirectory(prefix="wireside-bench-") as folder:
                on_cable(folder)
    except lib.Failure as failure:
        sys.exit(f"bench: {failure}")


if __name__ == "__main__":
    main()
