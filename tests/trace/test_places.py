#!/usr/bin/python3
"""Which bytes a message is, in which segments and records; what was sent again, and whether it had to be; who ended what."""
import json
import re
import struct

from lib import ROOT, Lab, equal, events, fields, main, step, true, tshark, wireside
from made import MSS, OPEN, Connection, Tls, stanzas


def message(name, size=0, to=b"bob@h", sender=b"alice@h"):
    return (b"<message from='%s' to='%s' id='%s' type='chat'><body>%s %s</body><request xmlns='urn:xmpp:receipts'/></message>"
            % (sender, to, name, name, b"x" * size))


def receipt(name, number):
    return b"<message from='bob@h' to='alice@h' id='r%d'><received xmlns='urn:xmpp:receipts' id='%s'/></message>" % (number, name)


def both_open(one):
    one.say(0, OPEN % (b"alice@h", b"bob@h"))
    one.say(1, OPEN % (b"bob@h", b"alice@h"))


def answer(file, name, *options):
    """What explain says of the message with this word in it: its lines, until the next message."""
    lines = wireside("trace", "explain", file, *options).out.splitlines()
    at = next(i for i, line in enumerate(lines) if re.match(rf'   frame \d+: .*"{name} ', line))
    end = next(i for i in range(at + 1, len(lines)) if not lines[i].startswith("      "))
    return "\n".join(lines[at:end])


def rung(file, name, *options):
    """Its line in the ladder."""
    return next(line for line in wireside("trace", file, *options).out.splitlines() if f'"{name} ' in line)


def relative(one, who, at):
    return at - {0: 1000, 1: 5000}[who]


def check_clear(folder):
    """In clear: many messages in one segment, one in many, and one that begins in the segment of another"""
    one = Connection()
    both_open(one)
    three = [message(b"first"), message(b"second", 30), message(b"third")]
    begin = relative(one, 0, one.seq[0])
    one.add(0, b"".join(three))
    one.acknowledge(1, one.seq[0] - 5)  # all but the end of the third
    one.acknowledge(1)
    file = one.pcap(folder / "three.pcap")
    at, frame = begin, len(one.frames) - 2
    for name, text in zip(("first", "second", "third"), three):
        told, by = answer(file, name), frame + 1 if name != "third" else frame + 2
        true(f"frame {frame}: alice@h" in told and f"bytes {at} to {at + len(text) - 1} of the stream, {len(text)} in all" in told, told)
        true(f"(absolute {at + 1000} to {at + 999 + len(text)})" in told and f"TCP acknowledges it in frame {by}," in told, told)
        true(f"bytes {at} to {at + len(text) - 1}]  TCP: acknowledged by frame {by} " in rung(file, name), rung(file, name))
        at += len(text)
    step("three in a segment, each with bytes and an acknowledgement of its own")

    long = message(b"long", 3 * MSS)
    begin = relative(one, 0, one.seq[0])
    first = len(one.frames) + 1
    one.say(0, long)
    one.acknowledge(1)
    file = one.pcap(folder / "long.pcap")
    told = answer(file, "long")
    parts = [(first + i, begin + i * MSS, min(begin + (i + 1) * MSS, begin + len(long)) - 1) for i in range(4)]
    true(f"bytes {begin} to {begin + len(long) - 1} of the stream" in told, told)
    true("in 4 segments: " + ", ".join("frame %d (%d to %d)" % p for p in parts) in told, told)
    true(f"TCP acknowledges it in frame {first + 4}, after 1.000 ms: acknowledgement number {begin + len(long)}" in told, told)
    true(f"bytes {begin} to {begin + len(long) - 1} in 4 segments from frame {first} on]" in rung(file, "long"), rung(file, "long"))

    # Wireshark takes what ends with '>' for whole; the message goes on all the same.
    cut, next_ = message(b"cut"), message(b"next")
    at = cut.index(b"<body>") + 6
    begin, first = relative(one, 0, one.seq[0]), len(one.frames) + 1
    one.add(0, cut[:at])
    one.add(0, cut[at:] + next_)
    one.acknowledge(1)
    file = one.pcap(folder / "cut.pcap")
    told = answer(file, "cut")
    true(f"bytes {begin} to {begin + len(cut) - 1} of" in told, told)
    true(f"in 2 segments: frame {first} ({begin} to {begin + at - 1}), frame {first + 1} ({begin + at} to {begin + len(cut) - 1})" in told, told)
    told = answer(file, "next")
    true(f"bytes {begin + len(cut)} to {begin + len(cut) + len(next_) - 1} of" in told and "segments:" not in told, told)
    step("over four segments; cut where Wireshark sees an end")

    # The middle one comes last.
    late = message(b"late", 2 * MSS)
    begin, first, seq = relative(one, 0, one.seq[0]), len(one.frames) + 1, one.seq[0]
    one.put(0, seq, late[:MSS])
    one.put(0, seq + 2 * MSS, late[2 * MSS:])
    one.put(0, seq + MSS, late[MSS:2 * MSS])
    one.seq[0] += len(late)
    one.acknowledge(1)
    file = one.pcap(folder / "late.pcap")
    told = answer(file, "late")
    true(f"bytes {begin} to {begin + len(late) - 1} of" in told and f"TCP acknowledges it in frame {first + 3}," in told, told)
    true(f"frame {first + 1} ({begin + 2 * MSS} to {begin + len(late) - 1})" in told and f"frame {first + 2} ({begin + MSS} to" in told, told)
    step("in the wrong order")


def secured(folder):
    one, tls = Connection(), Tls(folder)
    both_open(one)
    one.say(0, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    one.say(1, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    tls.handshake(one)
    tls.say(one, 0, OPEN % (b"alice@h", b"bob@h"))
    tls.say(one, 1, OPEN % (b"bob@h", b"alice@h"))
    return one, tls


def check_tls(folder):
    """Encrypted: the records that carry it, and where in their text it is"""
    one, tls = secured(folder)
    EXTRA = 22  # header, tag and type of a record
    two = [message(b"first"), message(b"second")]
    begin = relative(one, 0, one.seq[0])
    tls.say(one, 0, b"".join(two))  # in one record
    size = len(b"".join(two))
    apart = [message(b"third"), message(b"fourth")]
    places = []
    for text in apart:  # two records, one segment
        places.append(begin + size + EXTRA + sum(len(t) + EXTRA for t in apart[:len(places)]))
        tls.ends[0].write(text)
    tls.carry(one, 0)
    one.acknowledge(1)
    huge = message(b"huge", 40000)
    at, first = relative(one, 0, one.seq[0]), len(one.frames) + 1
    tls.ends[1].read(1 << 20)
    tls.say(one, 0, huge)
    one.acknowledge(1)
    file = one.pcapng(folder / "tls.pcapng", tls.secrets())
    for name, from_, to in (("first", 0, len(two[0]) - 1), ("second", len(two[0]), size - 1)):
        told = answer(file, name)
        true(f"bytes {begin} to {begin + size + EXTRA - 1} of the stream" in told, told)
        true(f"one TLS record; in its text of {size} bytes the message is bytes {from_} to {to}\n" in told, told)
    for name, text, place in zip(("third", "fourth"), apart, places):
        told = answer(file, name)
        true(f"bytes {place} to {place + len(text) + EXTRA - 1} of the stream" in told, told)
        true(f"one TLS record; in its text of {len(text)} bytes the message is bytes 0 to {len(text) - 1}\n" in told, told)
    told = answer(file, "huge")
    segments = len(one.frames) - first
    true(f"bytes {at} to {relative(one, 0, one.seq[0]) - 1} of the stream" in told, told)
    true(f"3 TLS records; in their text of {len(huge)} bytes together the message is bytes 0 to {len(huge) - 1}\n" in told, told)
    true(f"in {segments} segments: frame {first} ({at} to {at + MSS - 1})" in told and f" and {segments - 12} more" in told, told)
    step("two in a record, two records in a segment, three records over many segments")

    told = wireside("trace", "explain", file).out
    true("the smallest receive window was 64240 bytes" in told and "unscaled" not in told, told)

    # The same begun in the middle: nothing can be read, and nothing looks as if everybody could.
    one.frames = one.frames[first - 6:]
    file = one.pcap(folder / "middle.pcap")
    ladder = wireside("trace", file).out
    data = [line for line in ladder.splitlines() if " encrypted bytes" in line or "data:" in line]
    true(len(data) > 10 and all("handshake is not in this capture" in line and "=" in line and "data:" not in line for line in data), ladder)
    told = wireside("trace", "explain", file).out
    true("the TLS handshake is not in this capture" in told, told)
    true("the smallest receive window was 64240 as announced, unscaled:" in told and "64240 bytes" not in told, told)
    step("begun in the middle it is opaque, and it is said why")


def check_filter(folder):
    """A filter chooses what is told; it is judged by all"""
    one = Connection()
    both_open(one)
    for i, name in enumerate((b"one", b"two", b"three")):
        seq = one.seq[0]
        one.say(0, message(name))
        if name == b"two":
            one.put(0, seq, message(name), after=250000)
        one.acknowledge(1)
        one.say(1, receipt(name, i))
    one.add(0, b"", 0x11)
    file = one.pcap(folder / "all.pcap")
    whole = answer(file, "two")
    only = 'chat.text contains "two"'
    equal(answer(file, "two", "-Y", only), whole, "the message, with and without a filter")
    told = wireside("trace", "explain", file, "-Y", only).out
    for text in ("a receipt (XEP-0184)", "begins with sequence number 1000 (absolute", "1 segment was lost and sent again",
                 "without a loss: half of 2 receipts", "the first to close"):
        true(text in told, f"'{text}' in {told}")
    true('"one ' not in told and '"three ' not in told, told)
    true("Connection" not in wireside("trace", "explain", file, "-Y", "udp").out, "no connection is chosen")
    true("the filter hides 3 messages" in wireside("trace", "explain", file, "-Y", "tcp.flags.fin == 1").out, "messages that are not shown")
    true("Not in this trace: there is no packet of multicast DNS" in told, told)
    sample = ROOT / "docs/samples/tls.pcapng"
    packets = len(fields(sample, "frame.number", only="mdns"))
    told = wireside("trace", "explain", sample, "-Y", "tcp").out
    true(f"the filter hides {packets} packets of multicast DNS" in told and "Not in this trace" not in told, told)
    line = rung(file, "two", "-Y", only)
    equal(line, rung(file, "two"), "its line in the ladder")
    true("sent again in frame" in line and "acknowledged by frame" in line and "receipt in frame" in line, line)
    equal(wireside("trace", "explain", file, "-Y", "no such thing", check=False).returncode, 1, "a wrong filter")
    step("acknowledgement, receipt, handshake, losses of what is not shown")


def check_again(folder):
    """Sent again because it was lost, needlessly, or only late"""
    one = Connection()
    both_open(one)
    seq = one.seq[0]
    one.say(0, message(b"lost"))
    one.put(0, seq, message(b"lost"), after=300000)
    one.acknowledge(1)
    one.say(1, receipt(b"lost", 1))
    lost = len(one.frames) - 2
    seq, begin = one.seq[0], relative(one, 0, one.seq[0])
    one.say(0, message(b"twice"))
    one.put(0, seq, message(b"twice"), after=250000)
    needless = len(one.frames)
    edges = b"\x01\x01\x05\x0a" + struct.pack(">II", seq, one.seq[0])
    one.acknowledge(1, options=edges)
    one.say(1, receipt(b"twice", 2))
    seq = one.seq[0]
    one.say(0, message(b"known"))
    one.acknowledge(1)
    one.put(0, seq, message(b"known"), after=250000)
    known = len(one.frames)
    one.say(1, receipt(b"known", 3))
    for i in range(3):
        one.say(0, message(b"easy%d" % i))
        one.acknowledge(1)
        one.say(1, receipt(b"easy%d" % i, 10 + i))
    file = one.pcap(folder / "again.pcap")
    told, ladder, stats = (wireside("trace", *words).out for words in (("explain", file), (file,), ("stats", file)))
    for text in ("1 segment was lost and sent again", "2 segments were sent again needlessly", f"frame {needless + 1} says that they came twice (D-SACK)",
                 f"frame {known}: bytes", "they were acknowledged already", "was lost and sent again 1 time: its receipt came after 302.0 ms"):
        true(text in told, f"'{text}' in {told}")
    true("without a loss: half of 5 receipts on this connection within 2.0 ms" in told, told)
    equal(told.count("was lost and sent again 1 time"), 1, "only what was lost had a cost")
    for number in (needless, known):
        line = next(x for x in ladder.splitlines() if x.startswith(f"{number:8} "))
        true("RETRANSMISSION" in line and "NEEDLESS" in line, line)
    true("NEEDLESS" not in next(x for x in ladder.splitlines() if x.startswith(f"{lost:8} ")), ladder)
    true(f"sent again in frame {needless} (needlessly)" in rung(file, "twice") and "needlessly" not in rung(file, "lost"), ladder)
    true("1 segment lost and sent again, 2 needlessly, 0 out of order" in stats, stats)
    page = folder / "again.html"
    wireside("trace", "report", file, "-o", page)
    text = page.read_text()
    true(f"frame {lost}: bytes" in text and ", sent again needlessly" in text and "2 segments were sent again needlessly" in text, "the page tells both")
    step("told apart in ladder, answers, numbers and page")


def check_marks(folder):
    """SYN, SYN,ACK and FIN sent again: called by their names, and a loss only where one was"""
    one = Connection(opened=False)
    one.put(0, 1000, b"", 0x02)
    one.put(1, 5000, b"", 0x12, ack=1001)  # lost further on
    one.put(0, 1000, b"", 0x02, after=1000000)  # 3
    one.put(1, 5000, b"", 0x12, ack=1001)  # 4
    one.put(1, 5000, b"", 0x12, ack=1001, after=20000)  # 5, by the timer
    one.seq = {0: 1001, 1: 5001}
    one.add(0, b"", 0x10)
    both_open(one)
    one.say(0, b"</stream:stream>")
    one.add(0, b"", 0x11)
    first = len(one.frames)
    one.acknowledge(1)
    one.put(0, one.seq[0] - 1, b"", 0x11, after=250000)
    one.say(1, b"</stream:stream>")
    one.add(1, b"", 0x11)
    one.put(1, one.seq[1] - 1, b"", 0x11, after=250000)
    one.acknowledge(0)
    file = one.pcap(folder / "marks.pcap")
    told, ladder, stats = (wireside("trace", *words).out for words in (("explain", file), (file,), ("stats", file)))
    for number, name, needless in ((3, "SYN", True), (4, "SYN,ACK", False), (5, "SYN,ACK", True), (first + 2, "FIN", True), (first + 5, "FIN", False)):
        line = next(x for x in told.splitlines() if f"frame {number}: the {name} again" in x)
        equal("; needlessly: " in line, needless, line)
        line = next(x for x in ladder.splitlines() if x.startswith(f"{number:8} "))
        true(f"RETRANSMISSION of the {name}" in line and ("NEEDLESS" in line) == needless, line)
    true("2 segments were lost and sent again" in told and "3 segments were sent again needlessly" in told, told)
    true("2 segments lost and sent again, 3 needlessly, 0 out of order" in stats, stats)
    ends = [int(n) for n in re.findall(r"frame (\d+): ", told[told.index("Who ends it"):])]
    equal(ends, [first - 1, first, first + 3, first + 4], "who ends it, in the order of time, each once")
    single = Connection()
    both_open(single)
    single.add(0, b"", 0x11)
    single.acknowledge(1)
    single.put(0, single.seq[0] - 1, b"", 0x11, after=250000)
    told = wireside("trace", "explain", single.pcap(folder / "single.pcap")).out
    true("No: nothing was lost." in told and "1 segment was sent again needlessly" in told and "sent twice" not in told, told)
    step("two lost, three needless")


def check_share_of_text(folder):
    """What people wrote is counted against all bytes that carry it, with a filter too"""
    one = Connection()
    both_open(one)
    one.say(0, message(b"long", 4 * MSS))
    one.acknowledge(1)
    file = one.pcap(folder / "text.pcap")
    whole = sum(len(frame) for _, frame in one.frames[-6:-1])
    line = next(x for x in wireside("trace", "stats", file, "-Y", 'chat.kind == "message"').out.splitlines() if x.startswith("text "))
    true(f"{4 * MSS + 5} of {whole} bytes" in line and "with all segments" in line, line)
    told = json.loads(wireside("trace", "stats", file, "-Y", 'chat.kind == "message"', "--json").out)
    equal((told["text_bytes"], told["text_in_bytes"]), (4 * MSS + 5, whole), "the same for programs")
    line = next(x for x in wireside("trace", "stats", file).out.splitlines() if x.startswith("text "))
    true(f" of {sum(len(frame) for _, frame in one.frames)} bytes" in line and "segments" not in line, line)
    for name in ("tls", "plain", "loss", "room"):
        told = wireside("trace", "stats", ROOT / f"docs/samples/{name}.pcapng", "-Y", 'chat.kind == "message"').out
        true(float(re.search(r"\(([0-9.]+) %\)", told).group(1)) < 100, told)
    step("never more than there is")


def check_stanzas(folder):
    """Captured without packets: each stanza is a row from one to the other, and nothing is told of TCP"""
    file = stanzas(folder / "stanzas.pcap", message(b"one"), receipt(b"one", 1), message(b"two", 0, b"alice@h", b"bob@h/x"),
                   b"<presence from='alice@h' to='bob@h'/>")
    told, ladder = wireside("trace", "explain", file).out, wireside("trace", file).out
    rows = [line for line in ladder.splitlines() if re.match(r" +\d+ +\d+\.\d", line)]
    equal([int(row.split()[0]) for row in rows], [1, 2, 3, 4], ladder)
    equal([">" if "->" in row else "<" if "<-" in row else "" for row in rows], [">", "<", "<", ">"], ladder)
    equal(ladder.splitlines()[:2], ["alice@h", "bob@h"], "whoever they are from and to")
    true("other packet" not in ladder and "bytes" not in ladder, ladder)
    true('"one ' in rows[0] and rows[0].endswith("receipt in frame 2 after 1.0 ms"), rows[0])
    true("Stanzas, not packets" in told and 'frame 1: alice@h: "one ' in told and 'frame 3: bob@h: "two ' in told, told)
    true("acknowledges it in frame 2, after 1.000 ms: a receipt" in told and "no receipt" in told, told)
    for word in ("bytes ", "TCP acknowledges", "absolute", "Connection"):
        true(word not in told.split("Stanzas, not packets")[1], f"{word}: {told}")
    step("messages, receipts, presence")


def check_lossy(folder):
    """A cable that loses: the very message is sent again, and its receipt is late, in ladder, answers and page"""
    script = folder / "loss.lab"
    script.write_text((ROOT / "docs/samples/loss.lab").read_text())
    lab = Lab(folder / "lab", "--script", script)
    rows = fields(lab.file, "frame.number", "chat.text", "chat.receipt_in", "tcp.stream", "tcp.srcport", "tcp.seq", "tcp.len", only='chat.kind == "message"')
    row = next(r for r in rows if "lost at first" in "".join(r[1]))
    number, seq, size = int(row[0][0]), int(row[5][0]), int(row[6][0])
    again = [int(r[0][0]) for r in fields(lab.file, "frame.number", only=f"tcp.len > 0 && tcp.srcport == {row[4][0]} && tcp.seq == {seq} "
                                          f"&& frame.number > {number}")]
    true(len(again) >= 1 and row[2], f"the message of frame {number} was sent again: {again}")
    latency = {e.text: float(e.latency or 0) for e in events(lab.file) if e.kind == "message"}
    own = next(v for k, v in latency.items() if "lost at first" in k)
    others = sorted(v for k, v in latency.items() if "lost at first" not in k)
    true(own > 0.15 and own > 3 * others[len(others) // 2], f"its receipt was late: {latency}")
    page = folder / "loss.html"
    wireside("trace", "report", lab.file, "-o", page)
    ladder, told, text = wireside("trace", lab.file).out, wireside("trace", "explain", lab.file).out, page.read_text()
    line = next(x for x in ladder.splitlines() if x.startswith(f"{number:8} "))
    listed = ", ".join(map(str, again))
    for where, words in ((line, f"; sent again in frame{'s' if len(again) > 1 else ''} {listed}"), (line, f"receipt in frame {row[2][0]} after {own * 1e3:.1f} ms"),
                         (told, f"sent again in frame{'s' if len(again) > 1 else ''} {listed}"),
                         (told, f"the message of frame {number} was lost and sent again {len(again)} time"), (told, f"its receipt came after {own * 1e3:.1f} ms"),
                         (text, f"; sent again in frame{'s' if len(again) > 1 else ''} {listed}"), (text, f"its receipt came after {own * 1e3:.1f} ms")):
        true(words in where, f"'{words}' in {where if len(where) < 20000 else 'the page'}")
    times = {int(n): float(t) for (n,), (t,) in fields(lab.file, "frame.number", "frame.time_relative")}
    for frame in again:
        one = next(x for x in ladder.splitlines() if x.startswith(f"{frame:8} "))
        true(f"RETRANSMISSION of {size} bytes from sequence number {seq}" in one, one)
        late = re.search(rf"; first sent in frame {number}, ([0-9.]+) ms before", one)
        true(late and abs((times[frame] - times[number]) * 1e3 - float(late.group(1))) < 0.06, one)
        true(f"<span>{frame}</span>" in text and f"frame {frame}: bytes {seq} to {seq + size - 1} again" in told, f"frame {frame}")
    step(f"frame {number}, again in {listed}, receipt after {own * 1e3:.0f} ms instead of {others[len(others) // 2] * 1e3:.1f}")


def check_ends(folder):
    """Who ends the stream, who closes the connection; texts and names as they should be; no such connection"""
    one = Connection()
    both_open(one)
    one.say(1, "<message to='alice@h' id='u'><body>u {}</body></message>".format("ä€😀" * 20).encode())
    one.say(0, b"</stream:stream>")
    one.say(1, b"</stream:stream>")
    one.add(1, b"", 0x11)
    one.add(0, b"", 0x11)
    file = one.pcap(folder / "ends.pcap")
    told, ladder = wireside("trace", "explain", file).out, wireside("trace", file).out
    end = len(one.frames) - 3
    true("alice ended the stream of connection 0 first" in ladder and "bob closed connection 0 first" in ladder, ladder)
    true(f"frame {end}: alice ends its stream (</stream:stream>): the first to end the chat" in told, told)
    true(f"frame {end + 2}: bob says that it sends no more (FIN): the first to close the connection" in told, told)
    true(f"acknowledged in frame {end + 3} with {one.seq[1] - 5000}: FIN counts" in told, told)
    line = next(x for x in told.splitlines() if '"u ' in x)
    true("\ufffd" not in line and "bob: \"u ä€😀" in line and '..."' in line, line)
    true("\ufffd" not in ladder and "bob: \"u " in ladder, ladder)
    done = wireside("trace", "follow", file, "--connection", "3", check=False)
    equal((done.returncode, done.out), (1, ""), "a connection that is not there")
    true("there is no connection 3" in done.err and "only connection 0" in done.err, done.err)
    true("ends.pcap" in done.err and "</stream:stream>" in wireside("trace", "follow", file).out, "one that is")
    single = Connection(opened=False)
    single.add(0, b"", 0x02)
    true(wireside("trace", single.pcap(folder / "single.pcap")).out.splitlines()[2].startswith("1 frame, "), "one frame")
    true("none" in wireside("trace", "follow", Connection(opened=False).pcap(folder / "empty.pcap"), check=False).err, "none at all")
    step("stream and connection, each with who was first")


def on_cards(one, cards):
    """The same frames between cards with numbers of their own."""
    ends = (one.ports[0]).to_bytes(2, "big")
    at = 12 + 2 + (40 if ":" in one.ends[0] else 20)
    one.frames = [(t, b"".join(reversed(cards) if f[at:at + 2] == ends else cards) + f[12:]) for t, f in one.frames]


def check_hosts(folder):
    """Two addresses of one card are one host; behind a router there are many"""
    cards = (b"\2\0\0\0\0\1", b"\2\0\0\0\0\2")
    for first in (False, True):
        one, other = Connection(), Connection(v6=True, port=5298)
        other.ends, other.ports = ("fe80::1", "fe80::2"), (40001, 5298)
        other.frames.clear()
        other.say(0, OPEN % (b"alice@h", b"bob@h"))
        both_open(one)
        on_cards(one, cards)
        on_cards(other, cards)
        one.frames = sorted(one.frames + [(t + (0 if first else 10**6), f) for t, f in other.frames])
        told = wireside("trace", "explain", one.pcap(folder / "cards.pcap")).out
        for end in (1, 2):
            true(f"address 10.0.0.{end} and fe80::{end}" in told, told)
        true(told.count(": address ") == 2, told)
    far = Connection()
    far.ends = ("10.0.0.1", "192.0.2.9")
    both_open(far)
    near = Connection()
    both_open(near)
    for each in (far, near):
        on_cards(each, cards)
    near.frames += [(t + 10**6, f) for t, f in far.frames]
    told = wireside("trace", "explain", near.pcap(folder / "router.pcap")).out
    true(told.count(": address ") == 3, told)
    step("one host for each card, and three behind a router")


if __name__ == "__main__":
    raise SystemExit(main(check_hosts, check_clear, check_tls, check_filter, check_again, check_marks, check_stanzas, check_share_of_text, check_ends, check_lossy))
