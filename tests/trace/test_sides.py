#!/usr/bin/python3
"""The same chat captured at either end and on the way: what was lost, what it cost, and whose times these are."""
import re

from lib import equal, main, step, true, wireside
from made import OPEN, Connection

MESSAGE = (b"<message from='alice@a' to='bob@b' type='chat' id='%s'><body>%s</body>"
           b"<request xmlns='urn:xmpp:receipts'/></message>")
RECEIPT = b"<message from='bob@b' to='alice@a'><received xmlns='urn:xmpp:receipts' id='%s'/></message>"
RTT = 20000  # microseconds


class Chat(Connection):
    """place: 0 at Alice, 1 at Bob, 0.5 between them. lost: who loses what, "message" or "receipt"."""

    def __init__(self, place, lost):
        super().__init__(opened=False)
        there, back = int(RTT * (1 - place)), int(RTT * place)
        self.there, self.back = max(there, 50), max(back, 50)
        self.put(0, 1000, b"", 0x02)
        self.put(1, 5000, b"", 0x12, 1001, after=self.there)
        self.seq = {0: 1001, 1: 5001}
        self.put(0, 1001, b"", 0x10, after=self.back)
        self.send(0, OPEN % (b"alice@a", b"bob@b"), self.back)
        self.send(1, OPEN % (b"bob@b", b"alice@a"), self.there)
        self.exchange(b"m1", b"first")
        self.lose(lost, place)
        self.exchange(b"m3", b"third")
        self.acknowledge(0, after=self.back)

    def send(self, who, data, after, seen=True, again=True):
        """One segment; not seen: it is lost before it comes here."""
        before = self.seq[who]
        if seen:
            self.put(who, before, data, after=after)
        else:
            self.time += after
        self.seq[who] = before + len(data)

    def exchange(self, name, text):
        self.send(0, MESSAGE % (name, text), self.back)
        self.send(1, RECEIPT % name, self.there)

    def lose(self, what, place):
        """The second message, or its receipt, is sent again after 300 ms."""
        who, data = (0, MESSAGE % (b"m2", b"second")) if what == "message" else (1, RECEIPT % b"m2")
        if what == "receipt":
            self.send(0, MESSAGE % (b"m2", b"second"), self.back)
        at = self.seq[who]
        # Before the capture if that is beyond the middle of the way.
        self.send(who, data, self.there if who else self.back, seen=(place < 0.9) if who == 0 else (place > 0.1))
        self.put(who, at, data, after=300000)
        if what == "message":
            self.send(1, RECEIPT % b"m2", self.there)


def explain(folder, place, lost):
    file = Chat(place, lost).pcap(folder / f"{lost}{place}.pcap")
    return file, wireside("trace", "explain", file).out


def has(text, *parts):
    for part in parts:
        true(part in text, f"{part!r} is not said: {text}")


def lacks(text, *parts):
    for part in parts:
        true(part not in text, f"{part!r} is said: {text}")


def noted(text):
    """What is said of whose times they are, by who acknowledges: of both the same."""
    found = {}
    for who, rest in re.findall(r"^ +(TCP|the other program) acknowledges it in frame \d+, after [\d.]+ ms: (.*)$", text, re.M):
        found.setdefault(who, set()).add(rest.split(", ", 1)[1] if ", " in rest else None)
    return found


def check_place(folder):
    """Where it was captured, and whose times these are"""
    for place, told in ((0, "captured at alice, or near: the SYN was answered after 20.000 ms"), (1, "captured at bob, or near: the SYN was answered after 0.050 ms"),
                        (0.5, "captured on the way between both")):
        file, text = explain(folder, place, "message")
        has(text, told)
        has(wireside("trace", "stats", file).out, told.split(":")[0])
        note = {0: None, 1: "as measured at bob, who got it; to alice, who sent it, about 20.0 ms more",
                0.5: "as measured on the way; to whoever sent it, more"}[place]
        equal(noted(text), {"TCP": {note}, "the other program": {note}}, f"whose times, captured at {place}")
    near = Chat(0, "message")
    near.frames = [(when // 100, data) for when, data in near.frames]
    has(wireside("trace", "explain", near.pcap(folder / "near.pcap")).out,
        "At which end it was captured cannot be told, and makes no difference: the whole handshake took 0.200 ms")
    late = Chat(0, "receipt")
    del late.frames[:3]  # from the streams on: nothing tells where that was
    late.frames[4:] = []
    text = wireside("trace", "explain", late.pcap(folder / "late.pcap")).out
    note = "as measured where this was captured, and where that was is not known"
    equal(noted(text), {"TCP": {note}, "the other program": {note}}, "whose times is not known")
    has(text, "At which end it was captured is not told: its handshake is not whole in this capture, and nothing was lost")
    step("three places, and one that is not known")


def check_message(folder):
    """A message that is lost and sent again"""
    _, text = explain(folder, 0, "message")
    has(text, 'alice@a: "second"', "sent again in frame 9", "the message of frame 8 was lost and sent again 1 time: its receipt came after 320.0 ms",
        "half of 2 receipts on this connection within 20.0 ms")
    file, text = explain(folder, 1, "message")  # it comes once, and nothing came in between
    has(text, "Not as far as can be seen here: no segment came twice. What was lost on its way to where this was captured")
    lacks(text, "No: no segment", "not in this capture")
    step("seen at alice; seen at bob, who gets it only once")


def check_missed(folder):
    """At who gets it, when something else came in between: since when it was missed"""
    c = Chat(1, "receipt")
    first = c.seq[0]
    data = MESSAGE % (b"m4", b"fourth")
    c.seq[0] += len(data)
    c.send(0, MESSAGE % (b"m5", b"fifth"), 50)
    c.acknowledge(1, upto=first)
    c.put(0, first, data, after=250000)
    c.send(1, RECEIPT % b"m4" + RECEIPT % b"m5", 50)
    file = c.pcap(folder / "missed.pcap")
    text, number = wireside("trace", "explain", file).out, len(c.frames)
    has(text, f"frame {number - 1} is it sent again: the first time it was lost on its way here",
        f"the message of frame {number - 1} was lost on its way here, and this is it sent again; they were missed from frame {number - 3} on, 251.0 ms before",
        f"the message of frame {number - 1} was here in frame {number - 3}, and waited 251.0 ms for what was lost before it",
        "2 segments were lost and sent again")
    has(wireside("trace", file).out, f"frame {number - 1} is it sent again, the first time it was lost on its way here")
    step("missed for 251 ms")


def check_mixed(folder):
    """A message in three segments: one is lost after it was here, one before; each is told once, as what it is"""
    c = Chat(0.5, "receipt")
    data = MESSAGE % (b"m4", b"x" * 4000)
    parts = [(at, data[at:at + 1448]) for at in range(0, len(data), 1448)]
    begin, number = c.seq[0], len(c.frames)
    c.put(0, begin, parts[0][1], after=c.back)
    c.put(0, begin + parts[2][0], parts[2][1])
    c.acknowledge(1, upto=begin)
    c.put(0, begin, parts[0][1], after=300000)
    c.acknowledge(1, upto=begin + 1448)
    c.put(0, begin + parts[1][0], parts[1][1], after=300000)
    c.seq[0] += len(data)
    c.send(1, RECEIPT % b"m4", c.there)
    file = c.pcap(folder / "mixed.pcap")
    line = next(x for x in wireside("trace", file).out.splitlines() if '"xxxx' in x)
    has(line, f"; frame {number + 6} is it sent again, the first time it was lost on its way here; sent again in frame {number + 4}")
    lacks(line, "frames")
    has(wireside("trace", "explain", file).out, f"frame {number + 6} is it sent again: the first time", f"sent again in frame {number + 4}\n")
    step("both")


def check_receipt(folder):
    """A receipt that is lost and sent again"""
    _, text = explain(folder, 1, "receipt")
    has(text, "the receipt of the message of frame 8, in frame 9, was lost and sent again 1 time, the last time in frame 10: it came 300.1 ms after the message "
        "at the soonest", "half of 2 receipts on this connection within 0.1 ms")
    _, text = explain(folder, 0, "receipt")  # it comes once
    has(text, "Not as far as can be seen here")
    step("seen at bob; seen at alice")


if __name__ == "__main__":
    raise SystemExit(main(check_place, check_message, check_missed, check_mixed, check_receipt))
