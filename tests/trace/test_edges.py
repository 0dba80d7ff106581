#!/usr/bin/python3
"""Files and words at the edge: texts, captures that are cut short, filters that match nothing, names in capitals, quotes."""
import csv
import io
import json

from lib import ROOT, equal, fields, main, run, step, true, wireside
from made import OPEN, Connection

PLAIN, TLS = (ROOT / f"docs/samples/{name}.pcapng" for name in ("plain", "tls"))


def check_text(folder):
    """A text is no capture, whatever it may look like"""
    for name, text in (("a.txt", "a note\nof two lines\n"), ("b.html", "<html><p>x"), ("c.txt", "0000  3c 3f 78\n"), ("d.log", "11-27 10:00:00.000 I/x( 1): y\n"),
                       ("e.txt", "{}"), ("f.csv", "a,b\r\n1,2\r\n")):
        (folder / name).write_text(text)
        for words in ([], ["explain"], ["save", "-w", folder / "x.pcapng"]):
            done = wireside("trace", *words[:1], folder / name, *words[1:], check=False)
            true(done.returncode == 1 and "is no capture, but" in done.err and not done.out, f"{name} {words}: {done.out}{done.err}")
    step("six, three commands")


def check_cut(folder):
    """What is whole of a capture that was cut short can be saved, stripped and shared, and it is said"""
    run("editcap", "-F", "pcap", PLAIN, folder / "whole.pcap")
    for name, source in (("a.pcapng", TLS), ("b.pcap", folder / "whole.pcap")):
        (folder / name).write_bytes(source.read_bytes()[:-30])
        run("gzip", "-k", folder / name)
        for file in (folder / name, folder / f"{name}.gz"):
            whole = len(json.loads(wireside("trace", "report", file, "--json").out)["frames"])
            for what in ("save", "strip", "share"):
                out = folder / f"{what}-{file.name}.pcapng"
                done = wireside("trace", what, file, "-w", out)
                true("cut short in the middle" in done.err, f"{what} {file.name}: {done.err}")
                equal(len(fields(out, "frame.number")), whole, f"packets of {what} {file.name}")
            equal("cut short" in wireside("trace", "save", folder / f"save-{file.name}.pcapng", "-w", folder / f"again-{file.name}.pcapng").err, False, "not again")
    step("pcapng, pcap, compressed")


def check_nothing(folder):
    """A filter that lets nothing through"""
    for words in ([], ["explain"], ["stats"], ["report", "-o", folder / "x.html"]):
        done = wireside("trace", *words[:1], PLAIN, "-Y", "udp.port == 9", *words[1:])
        true("the filter lets none of the 54 frames through" in done.err, f"{words}: {done.err}")
    done = wireside("trace", PLAIN, "-Y", "udp")
    equal(done.err, "", "one that does is not spoken of")
    step("four views")


def check_names(folder):
    """Names in capitals mean the same; what was said goes to programs as it was said"""
    wireside("trace", "save", PLAIN, "-w", folder / "X.PCAP")
    true("pcap" in run("captype", folder / "X.PCAP").out.split(), "X.PCAP is one")
    wireside("trace", "save", PLAIN, "-w", folder / "Y.PCAPNG.GZ")
    equal((folder / "Y.PCAPNG.GZ").read_bytes()[:2], b"\x1f\x8b", "compressed")
    wireside("trace", "report", PLAIN, "-o", folder / "R.CSV")
    rows = list(csv.DictReader(io.StringIO((folder / "R.CSV").read_text())))
    said = [r["chat_text"] for r in rows if r["kind"] == "message"]
    equal(said[0], "hello Bob, this is Alice over the wire", "no quotes around it in a table")
    frames = json.loads(wireside("trace", "report", PLAIN, "--json").out)["frames"]
    equal([e["text"] for f in frames for e in f.get("events", []) if e["kind"] == "message"], said, "and in JSON")
    step("names, texts")


def check_wide(folder):
    """What cannot be searched is not shared: logins in UTF-16, compressed streams, WebSockets"""
    for name in ("utf-16-le", "utf-16-be"):
        c = Connection()
        c.say(0, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAc2VjcmV0</auth>".encode(name))
        done = wireside("trace", "share", c.pcap(folder / f"{name}.pcap"), "-w", folder / f"{name}.out", check=False)
        true(done.returncode == 1 and "UTF-16" in done.err and not (folder / f"{name}.out").exists(), f"{name}: {done.out}{done.err}")
    step("both orders of bytes")
    for name, said in (("a compressed stream", b"<compressed xmlns='http://jabber.org/protocol/compress'/>x\x9c\0"),
                       ("a compressed stream", b"<c:compressed xmlns:c='http://jabber.org/protocol/compress'/>x\x9c\0"),
                       ("a WebSocket", b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n"),
                       ("a WebSocket", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")):
        c = Connection()
        c.say(0, OPEN % (b"a@a", b"b"))
        c.say(1, said)
        done = wireside("trace", "share", c.pcap(folder / "closed.pcap"), "-w", folder / "closed.out", check=False)
        true(done.returncode == 1 and f"it has {name}" in done.err and not (folder / "closed.out").exists(), f"{name}: {done.out}{done.err}")
    c = Connection()
    c.say(0, OPEN % (b"a@a", b"b"))
    c.say(0, b"<message to='b@b'><compressedness/><body>HTTP/1.1 101 is the answer</body></message>")
    wireside("trace", "share", c.pcap(folder / "talk.pcap"), "-w", folder / "talk.out")
    step("nor what is compressed, nor what goes over a WebSocket")


if __name__ == "__main__":
    raise SystemExit(main(check_text, check_cut, check_nothing, check_names, check_wide))
