#!/usr/bin/python3
"""`wireside trace capture` of a server and its clients: its ports by themselves, and with its secrets what they say."""
import importlib.util
import pathlib
import re
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))
import lib  # noqa: E402  (tests/interop)

spec = importlib.util.spec_from_file_location("traces", HERE / "lib.py")
traces = importlib.util.module_from_spec(spec)
spec.loader.exec_module(traces)


class Capture:
    """One that goes on; file: what it writes."""

    def __init__(self, t, name, *options, data=True):
        self.t = t
        self.file = t.folder / f"{name}.pcapng"
        self.log = t.folder / f"{name}.log"
        where = ["--data", t.server.folder] if data else []
        self.process = lib.spawn([lib.find_wireside(), "trace", "capture", *where, "-w", self.file, *options], stdin=subprocess.DEVNULL,
                                 stdout=self.log.open("w"), stderr=subprocess.STDOUT, env=t.server.env)
        lib.wait_until(lambda: "Capturing" in self.said() or self.process.poll() is not None, 20, "the capture")
        if "Capturing needs a right" in self.said():
            raise lib.Skip("capturing is not allowed here")
        t.true(self.process.poll() is None, self.said())

    def said(self):
        return self.log.read_text()

    def wait_for(self, *parts):
        """Until it is in the file; without secrets nothing is held back, with them a second at most."""
        lib.wait_until(lambda: all(part in self.file.read_bytes() for part in parts), 20, f"{parts} in the file")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.t.equal(self.process.wait(30), 0, f"status: {self.said()}")
        return self.said()


def texts(file):
    return [e.text.strip('"') for e in traces.events(file) if e.kind == "message"]


def talk(t, alice, bob, text):
    alice.say(to=bob.jid, body=text)
    bob.expect("message", body=text)


def syns(file):
    return {int(row[0][0]) for row in traces.fields(file, "tcp.dstport", only="tcp.flags.syn == 1 && tcp.flags.ack == 0")}


def test(t):
    """A server's clients, captured and decrypted"""
    if not shutil.which("tshark"):
        raise lib.Skip("tshark is not installed")
    early = t.slix("carol")
    one = Capture(t, "with", "--with-secrets")
    for part in (f"With the server of localhost: port {t.server.c2s}, port {t.server.c2s_tls}", "Capturing chat on lo into",
                 "SECRETS are recorded", "stay closed in this file, until they connect anew"):
        t.true(part in one.said(), f"{part}: {one.said()}")
    alice, bob = t.slix("alice"), t.slix("bob", tls="direct")
    talk(t, alice, bob, "by way of the server")
    talk(t, bob, alice, "and back")
    alice.say(to=early.jid, body="to one who was there before")
    early.expect("message", body="to one who was there before")
    said = one.end()
    t.true("secrets of 2 links" in said, said)
    t.equal(syns(one.file), {t.server.c2s, t.server.c2s_tls}, "connections in the file")
    twice = traces.fields(one.file, "frame.number", only="tcp.analysis.retransmission || tcp.analysis.out_of_order || tcp.analysis.duplicate_ack")
    t.equal(len(twice), 0, "frames that the loopback gave twice")
    found = texts(one.file)
    t.equal([found.count(x) for x in ("by way of the server", "and back", "to one who was there before")], [2, 2, 1], f"from and to: {found}")
    ladder = traces.wireside("trace", one.file).out
    for part in ("asks for TLS", "go ahead with TLS", "TLS 1.3", "by way of the server", "SCRAM-SHA-256"):
        t.true(part in ladder, f"the ladder has {part}: {ladder}")
    t.step("STARTTLS and direct TLS, logins and messages, both ways; who was there before stays closed")

    two = Capture(t, "without")
    third = t.slix("dave", tls="direct")
    talk(t, third, bob, "not for you")
    t.true("secrets of 0 links" in two.end() and texts(two.file) == [] and t.server.c2s_tls in syns(two.file), f"sealed: {two.said()}")
    t.true(b"SECRET" not in two.file.read_bytes(), "no key material")
    t.step("without --with-secrets: packets of the same ports, and nothing to read in them")

    shared = t.folder / "shared.pcapng"
    traces.wireside("trace", "share", one.file, "-w", shared)
    t.true(texts(shared) == [] and b"SECRET" not in shared.read_bytes(), "shared without secrets")
    refusals(t)
    everywhere(t)


def everywhere(t):
    """One that listens on all addresses is taken, too."""
    folder, port = t.folder / "everywhere", r"port \d+"
    server = lib.spawn([lib.find_wireside(), "serve", "--data", folder, "--domain", "x.test", "--c2s", "*:0", "--c2s-tls", "*:0"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lib.wait_until(lambda: (folder / "control.sock").exists(), 20, "the server")
    done = traces.run(lib.find_wireside(), "trace", "capture", "--data", folder, "-w", t.folder / "everywhere.pcapng", "--seconds", "1")
    t.true(re.search(f"With the server of x.test: {port}, {port}", done.out + done.err), done.out + done.err)
    server.terminate()
    t.equal(server.wait(20), 0, "the server's end")
    t.step("a server on all addresses")


def refusals(t):
    for options, part in ((["--stanzas"], "tells secrets only, no stanzas"), (["--peer", "alice"], "has no peers")):
        done = traces.run(lib.find_wireside(), "trace", "capture", "--data", t.server.folder, "-w", t.folder / "none", *options, check=False)
        t.true(done.returncode == 1 and part in done.err and not (t.folder / "none").exists(), f"{options}: {done.err}")
    t.step("no stanzas and no peers of a server")


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
