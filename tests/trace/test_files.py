#!/usr/bin/python3
"""Captures into files of other kinds and out of them: exports, saved packets, imported dumps, and what may be shared."""
import csv
import io
import json
import re
import subprocess
import xml.etree.ElementTree

from lib import ROOT, WIRESIDE, Lab, equal, events, fields, main, run, seen, step, true, tshark, wireside
from made import OPEN, Connection

HELLO = "hello Bob, this is Alice over the wire"


def check_report(folder):
    """The page: ladder, fields, answers, charts, numbers, streams, commands; and nothing of the network"""
    lab = Lab(folder, "--tls")
    page = folder / "page.html"
    wireside("trace", "report", lab.file, "-o", page)
    text = page.read_text()
    equal(page.stat().st_mode & 0o777, 0o600, "mode of the page")
    for part in (HELLO, "<svg", "Which segments are the three-way handshake", "half of them within", "Sequence numbers over time",
                 "(RTT)", "by TCP, and by the other program", "Connection 0, decrypted", "tshark -2 -R", " -r lab.pcapng",
                 "SHA-256 of the file " + run("sha256sum", lab.file).out.split()[0], "wireside lab --tls", "10.77.0.1"):
        true(part in text, f"the page has {part}")
    true(text.count("<path class=") >= 60 and "<script" not in text and "<img" not in text, "arrows, and no script")
    # The fields of each packet with a line stand beside it.
    for number in (int(n[0]) for (n,) in fields(lab.file, "frame.number", only='chat.kind == "message"')):
        part = text.split(f"<b>Frame {number}</b>")[1].split("</div>")[0]
        true("Sequence Number (raw)" in part and "<summary>Chat" in part and "BODY [value=" in part, f"the tree of frame {number}: {part}")
    said_there = text.split('id="said"')[1].split('id="frames"')[0]
    for one in lab.transcript:
        if one["dir"] == "sent" and "<body>" in one["xml"]:
            body = re.search("<body>([^<&]{1,10})", one["xml"]).group(1)
            true(body in said_there, f"'{body}' is in what the stream said")
    for part in ("<pre></pre>", "[UNKNOWN]", "Unknown element"):
        true(part not in text, f"the page has no {part}")
    true(max(map(len, re.findall("<td[^>]*>(.*?)</td>", text))) < 1000, "no cell of a table is longer than a line or two")
    for part in re.findall(r"<h3[^>]*>.*?</h3>\n(.*)", text.split('id="questions"')[1].split('id="charts"')[0]):
        equal(part, "<ul>", "what comes after each heading is a list")
    step("all parts are there, with the fields of every message")


def check_exports(folder):
    """Formats for other programs, by flag and by the name of the file"""
    lab = Lab(folder, "--tls")
    messages = [e for e in events(lab.file) if e.kind == "message"]
    wireside("trace", "report", lab.file, "-o", folder / "x.csv")
    data = (folder / "x.csv").read_bytes()
    equal(data, wireside("trace", "report", lab.file, "--csv").stdout, "csv by name and by flag")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    equal([r["chat_text"] for r in rows if r["kind"] == "message"], [m.text[1:-1] for m in messages], "messages in the table")
    true(data.endswith(b"\r\n") and all(float(r["receipt_after_ms"]) > 0 for r in rows if r["kind"] == "message"), "receipts")
    equal(len({r["frame"] for r in rows}), int(fields(lab.file, "frame.number")[-1][0][0]), "every frame")

    wireside("trace", "report", lab.file, "--json", "-o", folder / "x")
    whole = json.loads((folder / "x").read_text())
    found = [e for f in whole["frames"] for e in f.get("events", ()) if e["kind"] == "message"]
    equal([e["text"] for e in found], [m.text[1:-1] for m in messages], "messages in the JSON")
    equal([h["label"] for h in whole["hosts"]], ["alice", "bob"], "hosts")

    wireside("trace", "report", lab.file, "-o", folder / "x.svg")
    picture = xml.etree.ElementTree.parse(folder / "x.svg").getroot()
    equal(picture.tag, "{http://www.w3.org/2000/svg}svg", "the picture")
    true(any(HELLO in (t.text or "") for t in picture.iter("{http://www.w3.org/2000/svg}text")), "words in the picture")

    plain = wireside("trace", "report", lab.file, "--txt").stdout
    equal(plain, wireside("trace", lab.file).stdout, "text is the ladder")
    windows = wireside("trace", "report", lab.file, "--txt", "--crlf").stdout
    equal(windows.replace(b"\r\n", b"\n"), plain, "with line ends of Windows")
    true(windows.count(b"\r\n") == plain.count(b"\n"), "each line")

    wireside("trace", "report", lab.file, "-o", folder / "x.pdml")
    tree = xml.etree.ElementTree.parse(folder / "x.pdml").getroot()
    equal(len(tree.findall("packet")), int(whole["frames"][-1]["frame"]), "packets in PDML")
    wireside("trace", "report", lab.file, "--pcap", "-o", folder / "x.pcap")
    true((folder / "x.pcap").read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"), "a classic pcap file")
    step("csv, json, svg, txt, pdml, pcap")


def check_formulas(folder):
    """A table of values is not calculated"""
    one = Connection()
    one.say(0, OPEN % (b"=cmd()", b"b"))
    one.say(0, b"<message from='@SUM(1)' to='-1' id='+1'><body>=HYPERLINK(\"x\")</body></message>")
    rows = list(csv.reader(io.StringIO(wireside("trace", "report", one.pcap(folder / "x.pcap"), "--csv").stdout.decode(), newline="")))
    bad = [cell for row in rows for cell in row if cell[:1] in ("=", "@", "+") or (cell[:1] == "-" and not cell[1:2].isdigit())]
    equal(bad, [], "cells that a spreadsheet would calculate")
    true(any("'+1" in row for row in rows), f"{rows}")


def check_saved(folder):
    """Some or all packets, in several formats, from files of several formats"""
    lab = Lab(folder / "lab", "--plain")
    count = sum(seen(lab.file).values())
    frames = len(fields(lab.file, "frame.number"))
    for name, kind in (("a.pcapng", "pcapng"), ("a.pcap", "pcap"), ("a.snoop", "snoop"), ("a.pcap.gz", "pcap"), ("a.pcapng.gz", "pcapng")):
        file = folder / name
        wireside("trace", "save", lab.file, "-w", file)
        equal(file.stat().st_mode & 0o777, 0o600, f"mode of {name}")
        equal(run("captype", file).out.split(": ")[1].strip(), kind, f"kind of {name}")
        equal(file.read_bytes()[:2] == b"\x1f\x8b", name.endswith(".gz"), f"{name} is compressed")
        equal((len(fields(file, "frame.number")), seen(file)), (frames, seen(lab.file)), f"what is in {name}")
        true(HELLO in wireside("trace", file).out, f"the ladder of {name}")
        some = folder / ("some-" + name)
        wireside("trace", "save", file, "--filter", 'chat.kind == "message"', "-w", some)
        # Three segments go along, in which the long one begins.
        equal(len(fields(some, "frame.number")), 8, f"messages of {name}")
    wireside("trace", "save", lab.file, "-w", folder / "named", "--format", "pcap")
    equal(run("captype", folder / "named").out.split(": ")[1].strip(), "pcap", "a format by its name")
    equal(sorted(f.name for f in folder.iterdir() if f.name.endswith(".part") or ".part." in f.name), [], "nothing is left over")
    done = wireside("trace", "save", lab.file, "-Y", "no such thing", "-w", folder / "bad.pcap.gz", check=False)
    equal((done.returncode, list(folder.glob("bad*"))), (1, []), "a wrong filter leaves nothing")
    windows = folder / "windows.pcapng"  # as dumpcap on Windows writes it
    one = Connection()
    one.say(0, OPEN % (b"a", b"b"))
    data = one.pcapng(windows).read_bytes()
    head = b"\x04\0\x08\0Dumpcap!\x03\0\x12\0Windows 11, 64-bit\0\0\0\0\0\0"
    section = data[:28]
    section = section[:24] + head
    windows.write_bytes(section[:4] + (len(section) + 4).to_bytes(4, "little") + section[8:] + (len(section) + 4).to_bytes(4, "little") + data[28:])
    true("a: opens a stream" in wireside("trace", windows).out, "a file made on Windows")
    step(f"{count} stanzas in pcapng, pcap, snoop, compressed, of another system")


def dump(data, style):
    """As the tools print it."""
    lines = []
    for at in range(0, len(data), 16):
        c = data[at:at + 16]
        text = "".join(chr(x) if 32 <= x < 127 else "." for x in c)
        pairs = " ".join(c[i:i + 2].hex() for i in range(0, len(c), 2))
        one = {"wireshark": f"{at:04x}  {c.hex(' '):<47}   {text}", "hexdump": f"{at:08x}  {c[:8].hex(' '):<23}  {c[8:].hex(' '):<23}  |{text}|",
               "xxd": f"{at:08x}: {pairs:<39}  {text}", "tcpdump": f"\t0x{at:04x}:  {pairs:<39}  {text}", "od": f"{at:06x} {c.hex(' ')}"}[style]
        lines.append(one)
    return lines + ([f"{len(data):06x}"] if style == "od" else [])


def check_import(folder):
    """Text dumps of several tools, of frames and of what TCP carried, with times and line ends of any system"""
    stream, back = OPEN % (b"alice@a", b"bob@b"), OPEN % (b"bob@b", b"alice@a")
    message = b"<message from='alice@a' to='bob@b' id='m1'><body>dead beef 0010 ab cd</body></message>"
    chat = [(">", "2026-11-26T22:49:13.976123Z", stream), ("<", "2026-11-26 22:49:14.5", back), (">", "2026-11-26T23:49:15.000001+01:00", message)]
    for number, style in enumerate(("wireshark", "hexdump", "xxd", "tcpdump", "od")):
        end, v6 = ("\n", "\r\n")[number % 2], number % 3 == 0
        text, file = folder / "dump.txt", folder / f"{style}{len(end)}{v6}.pcapng"
        lines = [line for arrow, when, data in chat for line in [f"{arrow} at {when}", *dump(data, style), ""]]
        text.write_bytes(end.join(lines).encode())
        ends = ("[fd00::1]:40000", "[fd00::2]:5298") if v6 else ("10.0.0.1:40000", "10.0.0.2:5298")
        out = wireside("trace", "import", text, "-w", file, "--from", ends[0], "--to", ends[1]).out
        true("3 packets" in out, out)
        equal([(e.kind, e.who, e.text) for e in events(file) if e.kind in ("stream-open", "message")],
              [("stream-open", "alice@a", "opens a stream"), ("stream-open", "bob@b", "opens a stream"),
               ("message", "alice@a", '"dead beef 0010 ab cd"')], f"what {style} says")
        equal([row[0][0] for row in fields(file, "frame.time_epoch")],
              ["1795733353.976123000", "1795733354.500000000", "1795733355.000001000"], "times")
        equal([row[0][0] for row in fields(file, "ipv6.src" if v6 else "ip.src")], [("fd00::" if v6 else "10.0.0.") + n for n in "121"], "ends")
        equal(tshark(file, "-o", "tcp.check_checksum:TRUE", "-Y", "tcp.checksum.status == 0 || tcp.analysis.flags"), "", "TCP is right")
    step("wireshark, hexdump, xxd, tcpdump, od; LF and CRLF; IPv4 and IPv6")

    lab = Lab(folder / "lab", "--plain")
    text, again = folder / "lab.txt", folder / "again.pcapng"
    text.write_text(tshark(lab.file, "-x", "-P", "-t", "ad"))
    equal(again.exists(), False, "not yet")
    wireside("trace", "import", text, "-w", again)
    equal(again.stat().st_mode & 0o777, 0o600, "mode")
    equal((len(fields(again, "frame.number")), seen(again)), (len(fields(lab.file, "frame.number")), seen(lab.file)), "a whole chat, printed and read")
    equal(wireside("trace", "import", text, "-w", again, check=False).returncode, 1, "not over a file")
    raw = folder / "raw.txt"  # tcpdump -x: IP packets without a frame
    raw.write_text("\n".join(line for _, f in Connection().frames for line in dump(f[14:], "tcpdump")))
    wireside("trace", "import", raw, "-w", folder / "raw.pcapng")
    equal(len(fields(folder / "raw.pcapng", "tcp.seq_raw", only="tcp.flags.syn == 1")), 2, "IP packets")
    for bad in ("", "hello\n", "0000  00 01 02\n0020  00 01\n", "0010  00 01 02\n"):
        raw.write_text(bad)
        done = wireside("trace", "import", raw, "-w", folder / "none.pcapng", check=False)
        equal((done.returncode, (folder / "none.pcapng").exists()), (1, False), f"refused: {bad!r}")
    equal(wireside("trace", "import", raw, "-w", folder / "n", "--from", "10.0.0.1:1", check=False).returncode, 2, "one end alone")
    done = subprocess.run([WIRESIDE, "trace", "import", "-", "-w", folder / "stdin.pcapng"], input=b"\n".join(l.encode() for l in dump(Connection().frames[0][1], "xxd")),
                          check=True, stdout=subprocess.PIPE)
    true(b"1 packet\n" in done.stdout, "from standard input")
    step("whole frames and IP packets; what is broken is refused")


SECRETS = [b"AHVzZXIAc2VjcmV0cGxhaW4=", b"biwsbj11c2VyLHI9Y2xpZW50bm9uY2U=", b"cj1jbGllbnRub25jZXNlcnZlcg==", b"Yz1iaXdzLHI9cHJvb2Y9",
           b"dj1zZXJ2ZXJzaWc=", b"Regi5tered-pa55", b"0ld-L0gin-pa55", b"0123d1gest4567", b"Muc-R00m-pa55", b"1nvited-pa55",
           b"F0rm-v4lue-pa55", b"D1rect-inv1te-pa55", b"s4sl2-1nitial", b"Cd4ta-pa55word",
           b"Bearer-upl0ad-right", b"j1ngle-pwd-22chars",
           b"sd3s-inline-k3y", b"s1gned-upl0ad-query"]
SECRET_STANZAS = [
    b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>",
    b"<a:auth xmlns:a='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>%s</a:auth>",
    b"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</challenge>",
    b"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</response>",
    b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</success>",
    b"<iq type='set' id='1'><query xmlns='jabber:iq:register'><username>u</username><password>%s</password></query></iq>",
    b"<iq type='set' id='2'><query xmlns='jabber:iq:auth'><username>u</username><password>%s</password></query></iq>",
    b"<iq type='set' id='3'><query xmlns='jabber:iq:auth'><digest>%s</digest></query></iq>",
    b"<presence to='r@c/n'><x xmlns='http://jabber.org/protocol/muc'><password >%s</password></x></presence>",
    b"<message to='a'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='b'/><password>%s</password></x></message>",
    b"<iq type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data'><field var='muc#roomconfig_roomsecret'"
    b" type='text-private'><value>%s</value></field><field var='n'><value>public-value</value></field></x></query></iq>",
    b"<message to='a'><x xmlns='jabber:x:conference' jid='r@c' password=\"%s\" reason='come'/></message>",
    b"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>%s</initial-response></authenticate>",
    b"<iq type='set' id='9'><query xmlns='jabber:iq:register'><password><![CDATA[%s]]></password></query></iq>",
    b"<iq type='result' id='10'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://up.test/'><header name='Authorization'>%s</header></put></slot></iq>",
    b"<iq type='set' id='11'><jingle xmlns='urn:xmpp:jingle:1'><content><transport ufrag='f' pwd='%s'/></content></jingle></iq>",
    b"<iq type='set' id='12'><jingle xmlns='urn:xmpp:jingle:1'><content><description xmlns='urn:xmpp:jingle:apps:rtp:1'><encryption>"
    b"<crypto crypto-suite='AES_CM_128_HMAC_SHA1_80' key-params='inline:%s' tag='1'/></encryption></description></content></jingle></iq>",
    b"<iq type='result' id='13'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://up.test/f?sig=%s'/><get url='https://up.test/f'/></slot></iq>",
]
KEPT = [b"<body>this stays</body>", b"public-value", b"mechanism='PLAIN'", b"<username>u</username>", b"come", b"put url='https://up.test/x", b"get url='https://up.test/f'"]


def login(size, v6=False, **options):
    """A stream in clear with all kinds of logins, cut into segments of `size` bytes, some of them sent twice."""
    one = Connection(v6=v6, **options)
    text = OPEN % (b"u@h", b"h") + b"".join(s % secret for s, secret in zip(SECRET_STANZAS, SECRETS))
    text += b"<message to='a' id='m'><body>this stays</body></message>"
    for number, at in enumerate(range(0, len(text), size)):
        one.add(0, text[at:at + size])
        if number % 5 == 0:
            one.put(0, one.seq[0] - len(text[at:at + size]), text[at:at + size])
    return one


def check_share(folder):
    """Shared: no key, no password, no login, however it was cut; the rest stays"""
    for size, v6, write in ((7, False, Connection.pcap), (100, True, Connection.pcapng), (1400, False, Connection.pcapng)):
        one = login(size, v6)
        file, out = folder / "in", folder / "out"
        out.unlink(missing_ok=True)
        write(one, file)
        said_out = wireside("trace", "share", file, "-w", out).out
        equal(out.stat().st_mode & 0o777, 0o600, "mode")
        stream = b"".join(bytes.fromhex(row[0][0]) for row in fields(out, "tcp.payload", only="tcp.len > 0 && !tcp.analysis.retransmission") if row[0])
        data = stream + out.read_bytes()
        for secret in SECRETS:
            true(secret not in data, f"{secret} in segments of {size}")
            for part in range(0, len(secret) - 6):
                true(secret[part:part + 7] not in data, f"a part of {secret} in segments of {size}")
        for kept in KEPT:
            true(kept in stream, f"{kept} is still there: {stream}")
        equal(tshark(out, "-o", "tcp.check_checksum:TRUE", "-Y", "tcp.checksum.status == 0"), "", "checksums are right")
        equal(len(fields(out, "frame.number")), len(one.frames), "every packet")
        true(f"{len(SECRETS)} logins and passwords made unreadable" in said_out, said_out)
        true("1 message went in clear" in said_out or size < 100, said_out)
    step("PLAIN, SCRAM, registration, old logins, rooms, forms, invitations; in segments of 7 to 1400 bytes, sent twice")

    one = login(100)
    del one.frames[5]  # what was not captured
    one.pcap(folder / "hole")
    wireside("trace", "share", folder / "hole", "-w", folder / "hole.out")
    data = (folder / "hole.out").read_bytes()
    true(not any(secret in data for secret in SECRETS), "with a hole in the stream")
    late = login(50, opened=False)
    late.frames = late.frames[4:]
    late.pcap(folder / "late")
    wireside("trace", "share", folder / "late", "-w", folder / "late.out")
    data = (folder / "late.out").read_bytes()
    true(not any(secret[:12] in data or secret[-8:] in data for secret in SECRETS), "begun in the middle")
    step("also where something of it is missing")

    lab = Lab(folder / "lab", "--tls")
    run("editcap", "-r", ROOT / "docs/samples/plain.pcapng", folder / "tail", "28-60")
    said_out = wireside("trace", "share", folder / "tail", "-w", folder / "tail.out").out
    true("4 messages went in clear" in said_out and b"<body" in (folder / "tail.out").read_bytes(),
         f"a stream without its beginning: {said_out}")
    part = Connection(opened=False)
    part.say(0, b"to='bob@b'><body>nobody finds where it begins</body></message>")
    said_out = wireside("trace", "share", part.pcap(folder / "part"), "-w", folder / "part.out").out
    true("what was said in clear" in said_out, f"a piece of a stanza: {said_out}")
    said_out = wireside("trace", "share", lab.file, "-w", folder / "lab.out").out
    true("secrets of 1 link;" in said_out and "in clear" not in said_out, said_out)
    data = (folder / "lab.out").read_bytes()
    true(b"TRAFFIC_SECRET" not in data and seen(folder / "lab.out") == {}, "no key is left")
    equal(len(fields(folder / "lab.out", "frame.number")), len(fields(lab.file, "frame.number")), "every packet")
    equal(wireside("trace", "share", lab.file, "-w", folder / "lab.out", check=False).returncode, 1, "not over a file")
    fragment = Connection()
    frame = bytearray(fragment.frames[0][1])
    frame[20] |= 0x20
    fragment.frames[0] = (1, bytes(frame))
    done = wireside("trace", "share", fragment.pcap(folder / "fragment"), "-w", folder / "f.out", check=False)
    true(done.returncode == 1 and "frame 1: a fragment" in done.err and not (folder / "f.out").exists(), done.err)
    step("an encrypted chat; and what cannot be looked into is refused")


if __name__ == "__main__":
    raise SystemExit(main(check_formulas, check_share, check_import, check_report, check_exports, check_saved))
