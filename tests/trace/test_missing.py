#!/usr/bin/python3
"""What is not in the capture: the beginning of a connection, packets in its middle, parts of the handshake. It is said, what is there
is shown, and no answer claims what only the missing packets could tell."""
import json
import os
import subprocess
import threading
import time

from lib import LIMIT, ROOT, SHARE, WIRESIDE, Failure, equal, events, main, run, step, true, wireside
from made import OPEN, Connection

MESSAGE = (b"<message from='alice@a' to='bob@b' type='chat' id='%s'><body>%s</body>"
           b"<request xmlns='urn:xmpp:receipts'/></message>")
RECEIPT = b"<message from='bob@b' to='alice@a'><received xmlns='urn:xmpp:receipts' id='%s'/></message>"
PLAIN, TLS = (ROOT / f"docs/samples/{name}.pcapng" for name in ("plain", "tls"))


def talk(c):
    c.say(0, OPEN % (b"alice@a", b"bob@b"))
    c.say(1, OPEN % (b"bob@b", b"alice@a"))
    c.acknowledge(0)
    for i, text in enumerate((b"first", b"second", b"third")):
        c.say(0, MESSAGE % (b"m%d" % i, text))
        c.acknowledge(1)
        c.say(1, RECEIPT % (b"m%d" % i))
    c.acknowledge(0)
    for who in (0, 1):
        c.say(who, b"</stream:stream>")
    for who in (0, 1):
        c.add(who, b"", 0x11)
    c.acknowledge(0)
    return c


def without(c, *numbers):
    c.frames = [f for i, f in enumerate(c.frames, 1) if i not in numbers]
    return c


def made_hole():
    """The second of three messages is missing."""
    return without(talk(Connection()), 10)


def views(file):
    return wireside("trace", file).out, wireside("trace", "explain", file).out, wireside("trace", "stats", file).out


def lacks(text, *parts):
    for part in parts:
        true(part not in text, f"{part!r} is said: {text}")


def has(text, *parts):
    for part in parts:
        true(part in text, f"{part!r} is not said: {text}")


def check_late(folder):
    """Captured from the middle on: what begins there can be read"""
    c = Connection(opened=False)
    c.say(1, b"end of something</body></message>")
    c.say(0, MESSAGE % (b"m1", b"hello"))
    c.say(1, RECEIPT % b"m1")
    c.say(0, b"<presence from='alice@a'><show>away</show></presence>")
    c.say(0, MESSAGE % (b"m2", b"x" * 2000))
    c.say(1, b"<r xmlns='urn:xmpp:sm:3'/>")
    c.say(0, b"</stream:stream>")
    for port in (41234, 5222):
        c.ports = (40000, port)
        file = c.pcap(folder / f"late{port}.pcap")
        kinds = [e.kind for e in events(file) if e.kind != "other"]
        equal(kinds, ["message", "receipt", "presence", "message", "ack-request", "stream-end"], "in two passes")
        equal([e.kind for e in events(file, two_passes=False) if e.kind != "other"], kinds, "in one")
        ladder, answers, numbers = views(file)
        has(ladder, 'alice: "hello"', "receipt in frame 3", "the beginning of connection 0 is not in this capture")
        has(answers, "No: everybody on the wire can read what is said. Its beginning is not in the capture.", 'alice@a: "hello"')
        has(numbers, "its beginning is not in this capture")
        lacks(ladder + answers, "encrypted bytes", "probably encrypted", "cannot be read")
    has(wireside("trace", folder / "late41234.pcap").out, "bytes 1 to 33, which are a part of something; the beginning of the connection")
    step("two ports")


def check_single(folder):
    """One packet: saved out of a chat, imported from a text"""
    wireside("trace", "save", PLAIN, "-Y", 'chat.text contains "hello Bob"', "-w", folder / "one.pcapng")
    equal([e.text for e in events(folder / "one.pcapng")], ['"hello Bob, this is Alice over the wire"'], "saved")
    text = "".join(f"{i:04x}  " + " ".join(f"{b:02x}" for b in row) + "\n" for data in [MESSAGE % (b"m1", b"by hand")]
                   for i in range(0, len(data), 16) for row in [data[i:i + 16]])
    (folder / "dump.txt").write_text(text)
    wireside("trace", "import", folder / "dump.txt", "-w", folder / "i.pcapng", "--from", "10.0.0.1:40000", "--to", "10.0.0.2:41000")
    has(wireside("trace", folder / "i.pcapng").out, 'alice: "by hand"')
    step("saved, imported")


def check_others(folder):
    """XML that is no XMPP stays what it is"""
    for text in (b"<message>not of ours</message>", b"<a href='x'>y</a>", b"<success/>", b"<html><iq/></html>", b"<presence>"):
        c = Connection(opened=False)
        c.say(0, text)
        equal(events(c.pcap(folder / "x.pcap")), [], f"{text}")
    step("five")


def check_holes(folder):
    """Packets are missing in the middle"""
    whole = talk(Connection()).pcap(folder / "whole.pcap")
    lacks("".join(views(whole)), "NOT IN THIS", "missing", "not in this capture", "as far as")
    # The second message; the same with who acknowledges it; the end of the other's stream.
    for name, gone, place, told in (
            ("message", (10,), "bytes 266 to 385 of alice", ", which this acknowledges. ACK  up to 386"),
            ("more", (10, 11, 12), "bytes 266 to 385 of alice", ', before this. alice: "third"'),
            ("end", (18,), "bytes 417 to 432 of bob", ", which this acknowledges. FIN")):
        file = without(talk(Connection()), *gone).pcap(folder / f"{name}.pcap")
        ladder, answers, numbers = views(file)
        has(ladder, f"NOT IN THIS CAPTURE: {place}{told}", '"third"', "alice ended the stream of connection 0 as far as this capture shows",
            "bytes of connection 0 are not in this capture")
        has(answers, f"{place} are not in this capture: frame", "of what is not, that is not known", '"third"',
            "tcp.analysis.ack_lost_segment", "the first of which this trace knows; bytes are missing from it")
        has(numbers, "; bytes are missing in")
        lacks(ladder + answers, "No: no segment", "the first to end", "the first to close", "go on in a later segment")
        true(json.loads(wireside("trace", "stats", file, "--json").out)["connections"][0]["holes"] >= 1, "for programs")
        page = folder / "page.html"
        wireside("trace", "report", file, "-o", page)
        has(page.read_text(), "NOT IN THIS CAPTURE")
        step(name)
    c = talk(Connection())
    c.frames[9], c.frames[12] = (c.frames[9][0], c.frames[12][1]), (c.frames[12][0], c.frames[9][1])
    ladder, answers, _ = views(c.pcap(folder / "turned.pcap"))
    lacks(ladder + answers, "NOT IN THIS", "not in this capture")
    has(ladder, '"second"', '"third"')
    step("what comes late is not missing")
    c = talk(Connection())
    c.frames.insert(8, (c.frames[7][0] + 500, c.frames[0][1]))
    lacks("".join(views(c.pcap(folder / "syn.pcap"))), "NOT IN THIS", "missing", "not in this capture")
    step("nor is anything before a SYN that comes once more")


def check_sealed(folder):
    """What was encrypted after a hole cannot be decrypted; that is not for want of secrets"""
    run("editcap", TLS, folder / "t.pcapng", "45")
    ladder = wireside("trace", folder / "t.pcapng").out
    has(ladder, "NOT IN THIS CAPTURE: bytes 2109 to 2357 of bob, before this. 48 encrypted bytes, which stay closed: bytes 2109 to 2357 before them")
    lacks(ladder + wireside("trace", "explain", folder / "t.pcapng").out, "without their secrets", "secrets are not in this file")
    wireside("trace", "strip", folder / "t.pcapng", "-w", folder / "s.pcapng")
    has(wireside("trace", "explain", folder / "s.pcapng").out, "secrets are not in this file")
    step("one record")


def check_cut(folder):
    """A message across a hole is not put together with what follows"""
    c = Connection()
    c.say(0, OPEN % (b"alice@a", b"bob@b"))
    c.say(1, OPEN % (b"bob@b", b"alice@a"))
    c.say(0, MESSAGE % (b"m1", b"A" * 3000))
    c.say(0, MESSAGE % (b"m2", b"after it"))
    file = without(c, 7).pcap(folder / "cut.pcap")
    ladder = wireside("trace", file).out
    equal([line.split("alice: ")[1].split("  [")[0] for line in ladder.splitlines() if 'alice: "' in line], ['"after it"'], ladder)
    has(ladder, "go on in bytes that are not in this capture", "the rest of something whose beginning is not in the capture")
    step("three segments, the middle one is gone")


def check_chosen(folder):
    """What comes behind a hole is found by filters, and its fields are there, wherever a file is read"""
    file = made_hole().pcap(folder / "hole.pcap")
    third = 'chat.text == "third"'
    for words in ([file], ["explain", file], ["report", file, "--txt"], ["report", file, "--json"], ["report", file, "--pdml"]):
        has(wireside("trace", *words, "-Y", third).out, "third")
    wireside("trace", "report", file, "-o", folder / "page.html")
    tree = (folder / "page.html").read_text().split('alice: &quot;third&quot;')[2].split('<div class="r')[0]
    has(tree, "XMPP Protocol", "Kind: message")
    for name in ("some.pcap", "some.pcapng"):
        wireside("trace", "save", file, "-Y", third, "-w", folder / name)
        equal(int(run("capinfos", "-Mc", folder / name).out.split(":")[-1]), 1, name)
    step("ladder, explain, report, save")


class Growing:
    """A file that grows, and what is said of it meanwhile."""

    def __init__(self, path, frames):
        self.frames, self.lines, self.path = frames, [], path
        self.file = open(path, "wb", buffering=0)
        self.file.write(Connection(opened=False).pcap(path.with_suffix(".head")).read_bytes())
        self.process = subprocess.Popen([WIRESIDE, "trace", "--live", path], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "WIRESIDE_SHARE": str(SHARE)})
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def grow(self, upto):
        more = Connection(opened=False)
        more.frames, self.frames = self.frames[:upto], self.frames[upto:]
        self.file.write(more.pcap(self.path.with_suffix(".more")).read_bytes()[24:])

    def said(self):
        return "".join(self.lines)

    def wait(self, text):
        end = time.monotonic() + LIMIT
        while text not in self.said():
            if time.monotonic() > end or self.process.poll() is not None:
                self.process.kill()
                raise Failure(f"no {text!r} in {self.said()}")
            time.sleep(0.02)

    def end(self):
        self.process.terminate()
        equal(self.process.wait(LIMIT), 0, "exit status")


AGAIN = "what comes behind them is read as it came, again from frame"


def check_growing(folder):
    """While it grows: what comes behind a hole is read as soon as the hole is acknowledged; what is only late is waited for"""
    growing = Growing(folder / "growing.pcap", made_hole().frames)
    growing.grow(9)
    growing.wait("bob: has the message of frame 7")
    growing.grow(4)
    growing.wait('alice: "third"')
    has(growing.said(), AGAIN)
    growing.grow(100)
    growing.wait("FIN")
    growing.end()
    two = wireside("trace", growing.path).out.splitlines()
    last = growing.said().split(AGAIN)[1].splitlines()
    for line in [one for one in two if "third" in one and "has the message" not in one]:
        true(any(line.split("  TCP:")[0] in other for other in last), f"{line} in {last}")
    step("the other end has it, and the file has not")
    c = talk(Connection())
    c.frames[9], c.frames[12] = (c.frames[9][0], c.frames[12][1]), (c.frames[12][0], c.frames[9][1])
    growing = Growing(folder / "late.pcap", c.frames)
    growing.grow(100)
    growing.wait("FIN")
    growing.end()
    has(growing.said(), '"second"', '"third"')
    lacks(growing.said(), AGAIN)
    step("late, but not missing")


def check_handshake(folder):
    """A handshake of which a part is missing; one that is complete once"""
    c = Connection()
    c.acknowledge(0)  # a window update, say
    c.say(0, OPEN % (b"alice@a", b"bob@b"))
    ladder, answers, _ = views(c.pcap(folder / "twice.pcap"))
    equal(ladder.count("handshake complete"), 1, "complete once")
    equal(answers.count("the acknowledgement that completes it"), 1, "and so it is explained")
    for gone, told in (((3,), "The third of them, an acknowledgement alone, is not in this trace"), ((1,), "The first of them, the SYN, is not"),
                       ((2,), "There is no answer to the SYN")):
        ladder, answers, _ = views(without(talk(Connection()), *gone).pcap(folder / "part.pcap"))
        has(answers, told)
        lacks(ladder + answers, "round trip 0.000 ms")
    step("four")


if __name__ == "__main__":
    raise SystemExit(main(check_late, check_single, check_others, check_holes, check_sealed, check_cut, check_chosen, check_growing, check_handshake))
