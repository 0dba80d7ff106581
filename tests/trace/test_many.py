#!/usr/bin/python3
"""A capture of 100,000 frames: there is something to see while it is still read, all is counted in the end, and what was
dropped when it was captured is told."""
import json
import re

from lib import equal, main, step, true, wireside
from made import OPEN, Connection
from test_screen import Screen, wait_until

FRAMES, DROPPED = 100000, 4711
EVERY = 20  # a message and its receipt in so many frames; the rest is the small talk of TCP


def many():
    """The capture, and how many messages are in it."""
    one, n = Connection(), 0
    one.say(0, OPEN % (b"alice@h", b"bob@h"))
    one.say(1, OPEN % (b"bob@h", b"alice@h"))
    while len(one.frames) + EVERY <= FRAMES:
        n += 1
        one.add(0, b"<message from='alice@h' to='bob@h' id='m%d'><body>number %d</body><request xmlns='urn:xmpp:receipts'/></message>" % (n, n))
        one.acknowledge(1)
        one.add(1, b"<message from='bob@h' to='alice@h' id='r%d'><received xmlns='urn:xmpp:receipts' id='m%d'/></message>" % (n, n))
        one.acknowledge(0)
        one.frames += [(one.time, one.frames[-1][1])] * (EVERY - 4)
    one.frames += [(one.time, one.frames[-1][1])] * (FRAMES - len(one.frames))
    return one, n


def check_many(folder):
    """Shown while it is read; counted; dropped packets told"""
    one, messages = many()
    file = one.pcapng(folder / "many.pcapng", dropped=DROPPED)
    screen = Screen(folder, file)

    def begun():
        text = screen.text()
        return "SYN  sequence number 1000" in text and "number 1\"" in text and re.search(r"reading, \d+ %", text)
    try:
        wait_until("the beginning of the ladder, while the rest is read", begun)
        screen.keys("Down")
        step("the first screen comes before the file is read")
        text = wait_until("the end", lambda: (t := screen.text()) and "reading" not in t and t)
        true(f"{FRAMES} frames" in text and f"{DROPPED} DROPPED" in text, text)
        screen.keys("End")
        screen.shown(f"has the message of frame \\d+: receipt")
        screen.end()
    except BaseException:
        screen.close()
        raise
    stats = wireside("trace", "stats", file).out
    for pattern in (rf"^frames +{FRAMES} in ", rf"^messages +{messages}, 0 of them", rf"^receipts of the other program +{messages}, ",
                    rf"^packets dropped at the capture +{DROPPED}$"):
        true(re.search(pattern, stats, re.M), f"{pattern} in {stats}")
    step(f"{FRAMES} frames, {messages} messages with receipts, {DROPPED} dropped")


def page(file, folder):
    wireside("trace", "report", file, "-o", folder / "page.html")
    return (folder / "page.html").read_text()


def check_dropped(folder):
    """Packets that the system dropped: in ladder and answers; nothing where there are none"""
    small = Connection()
    for dropped, told in ((0, None), (1, "1 packet was dropped by the system while this was captured: it is missing here"),
                          (2, "2 packets were dropped")):
        file = small.pcapng(folder / f"{dropped}.pcapng", dropped=dropped)
        for view in (wireside("trace", file).out, wireside("trace", "explain", file).out):
            true(told in view if told else "dropped by" not in view, view)
        equal(re.search(r"^packets dropped at the capture +(\d+)$", wireside("trace", "stats", file).out, re.M).group(1), str(dropped), "in the numbers")
    for file in (small.pcap(folder / "x.pcap"), small.pcapng(folder / "x.pcapng")):
        true("dropped" not in wireside("trace", file).out, "a file that cannot tell, or does not")
        for what in (wireside("trace", "stats", file).out, page(file, folder)):
            true(re.search(r"packets dropped at the capture\W.*unknown: the file does not tell", what), f"not none, but unknown: {what}")
        for view in ("stats", "report"):
            equal(json.loads(wireside("trace", view, file, "--json").out)["dropped"], None, f"for programs, by {view}")
    step("one, two, none")


if __name__ == "__main__":
    raise SystemExit(main(check_dropped, check_many))
