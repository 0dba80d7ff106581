#!/usr/bin/python3
"""Packets that were dropped while it was captured: said at the end, and kept in the file."""
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time

from lib import SHARE, WIRESIDE, Skip, equal, main, run, step, true, wireside
from made import OPEN, Connection, block

# A dumpcap that writes a capture, waits to be ended, and then says how many packets were dropped.
FAKE = """#!/usr/bin/python3
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
os.write(1, open({capture!r}, "rb").read())
signal.sigwait([signal.SIGINT])
os.write(1, open({statistics!r}, "rb").read())
"""


def statistics(received, dropped):
    """The last block of a file, as dumpcap writes it: isb_ifrecv, isb_ifdrop."""
    return block(5, struct.pack("<III", 0, 0, 0) + struct.pack("<HHQ", 4, 8, received) + struct.pack("<HHQ", 5, 8, dropped) + struct.pack("<HH", 0, 0))


def dropped_in(file):
    """The option isb_ifdrop of the last block."""
    data = file.read_bytes()
    last = data[-int.from_bytes(data[-4:], "little"):]
    equal(last[:4], b"\5\0\0\0", "the kind of the last block")
    at = 20
    while at < len(last) - 4:
        code, size = struct.unpack_from("<HH", last, at)
        if code == 5:
            return int.from_bytes(last[at + 4:at + 4 + size], "little")
        at += 4 + size + -size % 4
    return None


def captured(folder, name, dropped):
    one = Connection(port=5298)
    one.say(0, OPEN % (b"alice@a", b"bob@b"))
    one.pcapng(folder / "packets")
    (folder / "statistics").write_bytes(statistics(100, dropped))
    fake = folder / "bin/dumpcap"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text(FAKE.format(capture=str(folder / "packets"), statistics=str(folder / "statistics")))
    fake.chmod(0o755)
    file, out = folder / f"{name}.pcapng", folder / f"{name}.out"
    capture = subprocess.Popen([WIRESIDE, "trace", "capture", "--dumpcap", "-i", "lo", "--data", folder, "-w", file], stdin=subprocess.DEVNULL,
                               stdout=out.open("wb"), stderr=subprocess.STDOUT,
                               env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "WIRESIDE_SHARE": str(SHARE)})
    end = time.monotonic() + 60
    while not (file.exists() and b"alice@a" in file.read_bytes()):
        true(time.monotonic() < end and capture.poll() is None, f"it captures: {out.read_text()}")
        time.sleep(0.02)
    capture.send_signal(signal.SIGINT)
    equal(capture.wait(60), 0, out.read_text())
    return file, out.read_text()


def check_dropped(folder):
    """Some, by dumpcap"""
    file, said = captured(folder, "some", 7)
    true("4 packets, 7 dropped by the system" in said and "PACKETS ARE MISSING" in said, said)
    for words in ([file], [file, "--plain"], ["explain", file], ["stats", file], ["report", file, "-o", folder / "page.html"]):
        done = wireside("trace", *words)
        told = re.search(r"7 packets were dropped by the system while this was captured|packets dropped at the capture +7$", done.out + done.err, re.M)
        true(told, f"{words}: {done.out} {done.err}")
    for view in ("stats", "report"):
        equal(json.loads(wireside("trace", view, file, "--json").out)["dropped"], 7, f"for programs, by {view}")
    true("7 packets were dropped" in (folder / "page.html").read_text(), "and in the page")
    wireside("trace", "strip", file, "-w", folder / "stripped.pcapng")
    true("7 packets were dropped" in wireside("trace", folder / "stripped.pcapng").out, "stripped, too")
    equal(dropped_in(file), 7, "the number in the file")
    equal(dropped_in(folder / "stripped.pcapng"), 7, "stripped, too")
    step("said at the end, and by each view")


def check_none(folder):
    """None"""
    file, said = captured(folder, "none", 0)
    true("4 packets, 0 dropped by the system" in said and "MISSING" not in said, said)
    done = wireside("trace", file)
    true(done.err == "" and "dropped" not in done.out, "nothing to be told")
    equal(dropped_in(file), 0, "the number in the file")
    run("capinfos", file)
    file.write_bytes(file.read_bytes()[:-40])
    true("dropped" not in wireside("trace", file).out, "cut short")


FLOOD = 60000  # packets of 1400 bytes: more than any buffer on the way has room for


def state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def until(check, what):
    end = time.monotonic() + 60
    while not check():
        true(time.monotonic() < end, what)
        time.sleep(0.02)


def flood(folder, *options):
    """In a network of its own: while the capture is stopped nobody takes packets, so some must be dropped."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    file, out = folder / "flood.pcapng", folder / "flood.out"
    capture = subprocess.Popen([WIRESIDE, "trace", "capture", "-i", "lo", "--data", folder, "-w", file, "--force", *options],
                               stdin=subprocess.DEVNULL, stdout=out.open("wb"), stderr=subprocess.STDOUT)
    until(lambda: "Capturing chat on lo" in out.read_text() or capture.poll() is not None, "it captures")
    capture.send_signal(signal.SIGSTOP)
    until(lambda: state(capture.pid) == "T", "it is stopped")
    with socket.socket(type=socket.SOCK_DGRAM) as to, socket.socket(type=socket.SOCK_DGRAM) as by:
        to.bind(("127.0.0.1", 5353))
        for number in range(FLOOD):
            by.sendto(b"%-1400d" % number, ("127.0.0.1", 5353))
    capture.send_signal(signal.SIGCONT)
    if "--count" not in options:
        capture.send_signal(signal.SIGINT)
    equal(capture.wait(120), 0, out.read_text())
    print(out.read_text())


def check_flood(folder):
    """Really dropped, by the system and by dumpcap: the number is told, and adds up"""
    for name, options in (("by a socket of our own", []), ("by dumpcap", ["--dumpcap"])):
        done = run("unshare", "--net", "--", sys.executable, __file__, "--flood", folder, *options, check=False)
        if "unshare failed" in done.err:
            raise Skip("networks of our own are not allowed here")
        equal(done.returncode, 0, done.out + done.err)
        kept, dropped = map(int, re.search(r"(\d+) packets, (\d+) dropped by the system", done.out).groups())
        true(dropped > 0 and f"{dropped} came faster than they could be taken" in done.out, done.out)
        file = folder / "flood.pcapng"
        equal(dropped_in(file), dropped, "the number in the file")
        true(f"{dropped} packets were dropped by the system" in wireside("trace", "explain", file).out, "and for whoever reads it")
        equal(int(run("capinfos", "-Mc", file).out.split(":")[-1]), kept, "packets in the file")
        # libpcap sees what goes over the loopback twice, and counts what it never got so, too.
        true(kept + dropped == FLOOD if not options else kept + dropped >= FLOOD > kept, f"kept and dropped together, {name}: {done.out}")
        step(f"{name}: {dropped} of {FLOOD} dropped")


def check_count(folder):
    """--count, when more come at once: so many, and not one more"""
    for options in ([], ["--dumpcap"]):
        done = run("unshare", "--net", "--", sys.executable, __file__, "--flood", folder, "--count", "7", *options, check=False)
        if "unshare failed" in done.err:
            raise Skip("networks of our own are not allowed here")
        equal(done.returncode, 0, done.out + done.err)
        true(": 7 packets," in done.out, done.out)
        equal(int(run("capinfos", "-Mc", folder / "flood.pcapng").out.split(":")[-1]), 7, "packets in the file")
    step("seven")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--flood"]:
        raise SystemExit(flood(pathlib.Path(sys.argv[2]), *sys.argv[3:]))
    raise SystemExit(main(check_dropped, check_none, check_flood, check_count))
