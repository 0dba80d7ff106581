#!/usr/bin/python3
"""A capture of somebody who means harm: what is said in it reaches no terminal as it is."""
import html.parser
import struct

from lib import equal, events, main, step, true, tshark, wireside

MARKUP = "</title></text></svg><script>alert(1)</script><img src=http:evil onerror=alert(1)>"
NASTY = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe \x9b31m\r\n   99   9.999999  |------------->|  forged line"


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Page(html.parser.HTMLParser):
    """Of the report: only elements and attributes that it makes itself."""

    ELEMENTS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "pre", "div", "svg", "g", "path", "circle",
                "text", "table", "tr", "th", "td", "nav", "a", "b", "br", "code", "details", "summary", "span", "ul", "li", "rect"}

    def handle_starttag(self, tag, attrs):
        true(tag in self.ELEMENTS, f"element {tag} in the page")
        true(not any(name.startswith("on") or name == "src" or (name == "href" and value[:1] != "#") for name, value in attrs),
             f"{tag} {attrs}")

    def check(self, text):
        self.feed(text)
        self.close()


class Connection:
    """Segments of one TCP connection, as a classic pcap file."""

    def __init__(self):
        self.out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
        self.seq = {0: 1000, 1: 5000}
        self.time = 0
        self.add(0, b"", 0x02)
        self.add(1, b"", 0x12)
        self.add(0, b"", 0x10)

    def add(self, who, payload, flags=0x18):
        ports = (40000, 41234) if who == 0 else (41234, 40000)
        tcp = struct.pack(">HHIIBBHHH", *ports, self.seq[who], self.seq[1 - who] if flags & 0x10 else 0, 0x50, flags, 64240, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(payload), 1, 0, 64, 6, 0,
                         bytes([10, 0, 0, 1 + who]), bytes([10, 0, 0, 2 - who]))
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        frame = b"\2" * 12 + b"\x08\0" + ip + tcp + payload
        self.time += 1
        self.out.append(struct.pack("<IIII", 1700000000, self.time * 1000, len(frame), len(frame)) + frame)
        self.seq[who] = self.seq[who] + len(payload) + (1 if flags & 3 else 0)

    def write(self, path):
        path.write_bytes(b"".join(self.out))
        return path


OPEN = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        b" from='%s' to='bob@b' version='1.0'>")


def escape(text):
    return "".join(f"&#{ord(c)};" if ord(c) < 32 or c in "<>&'\"" or 0x7F <= ord(c) < 0xA0 else c for c in text).encode()


def check_terminal(folder):
    """Escapes, line breaks and turned writing in a message, a name and an id"""
    one = Connection()
    one.add(0, OPEN % escape(NASTY))
    one.add(1, OPEN % b"bob@b")
    one.add(0, b"<message from='%s' id='%s' to='bob@b'><body>%s</body></message>" % ((escape(NASTY),) * 3))
    one.add(0, b"<message from='%s' id='3' to='bob@b'><body>%s</body></message>" % ((escape(MARKUP),) * 2))
    one.add(0, b"<message from='a' to='b' id='2'><body>\x1b[31mraw\x07</body></message>")
    file = one.write(folder / "nasty.pcap")
    equal([e.kind for e in events(file)].count("message"), 3, "all are seen")
    views = [["trace", file], ["trace", "-a", file], ["trace", "explain", file]]
    for argv, out in [(v, wireside(*v).stdout.decode("utf-8")) for v in views] + [("tshark", tshark(file))]:
        bad = [c for c in out if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"]
        equal(bad, [], f"control characters in {argv}")
        true(not any(line.startswith("   99   9.999999") for line in out.splitlines()), f"a forged line: {out}")
        true("raw" in out, f"the text itself is there: {out}")
    step("ladder and explain show marks instead")

    page = folder / "nasty.html"
    wireside("trace", "report", file, "-w", page)
    equal(page.stat().st_mode & 0o777, 0o600, "mode of the page")
    text = page.read_text()
    for bad in ("\x1b", "\u202e", "<script", "<img", "onerror=\"", "http://evil"):
        true(bad not in text.replace("&lt;script", "").replace("&lt;img", ""), f"{bad} in the page")
    Page().check(text)
    step("nor does the page of HTML")


def check_pieces(folder):
    """Stanzas cut where a dissector is easily deceived, several in one segment, quotes with angle brackets"""
    one = Connection()
    one.add(0, OPEN % b"alice@a")
    one.add(1, OPEN % b"bob@b")
    one.add(0, b"<message from='alice@a' to='bob@b' id='m1' note='a > b'>")
    one.add(0, b"<body>cut behind a bracket</body></message>")
    one.add(0, b"<message from='alice@a' to='bob@b' id='m2'><body>cut in a w")
    one.add(0, b"ord</body></message><presence from='alice@a'/><iq type='get' id='i1' to='bob@b'><ping xmlns='urn:xmpp:ping'/></iq>")
    one.add(1, b" ")
    one.add(1, b"<message from='bob@b' to='alice@a' id='r1'><received xmlns='urn:xmpp:receipts' id='m1'/></message></stream:stream>")
    file = one.write(folder / "pieces.pcap")
    for two_passes in (False, True):
        found = [(e.kind, e.id) for e in events(file, two_passes=two_passes)]
        equal(found, [("stream-open", ""), ("stream-open", ""), ("message", "m1"), ("message", "m2"), ("presence", ""),
                      ("iq", "i1"), ("keepalive", ""), ("receipt", "r1"), ("stream-end", "")], f"events, two passes {two_passes}")
    out = wireside("trace", file).out
    true("cut behind a bracket" in out and "has the message of frame" in out, out)
    step("each is seen once, in one pass and in two")


def check_hidden(folder):
    """Comments, instructions and CDATA hide no speech, and forge none; odd markers of a chat break nothing"""
    one = Connection()
    one.add(0, OPEN % b"a@a")
    hidden = [b"<!-- ' --><message id='1'><body>behind a quote</body></message>", b'<!-- " > --><message id="2"><body>behind two</body></message>',
              b"<message id='3'><!-- <body>not said</body> ' --><body>said</body></message>",
              b"<message id='4'><body><![CDATA[in <cdata> & ]]>all</body></message>", b"<?x ' ?><message id='5'><body>behind an instruction</body></message>",
              b"<message id='6' note='<!--'><body>no comment</body></message><message id='7' note='-->'><body>nor this</body></message>",
              b"<message id='8'><body>half<!-- ' -->way</body></message>",
              b"<message id='a'><body xml:lang='>'>one > two</body></message><message id='b'><body>1 > 0</body></message>"]
    for text in hidden:
        one.add(0, text)
    for odd in (b"<' xmlns='urn:xmpp:chat-markers:0'/>", b"<|x| xmlns='urn:xmpp:chat-markers:0' id='1'/>", b"< xmlns='urn:xmpp:chat-markers:0'",
                b"<\xff xmlns='urn:xmpp:chat-markers:0'/>", b"<displayed xmlns=\"urn:xmpp:chat-markers:0\" id='%1E%1F|'/>"):
        one.add(0, b"<message id='o'>" + odd + b"</message>")
    one.add(0, b"<message id='9'><body>the end</body></message>")
    file = one.write(folder / "hidden.pcap")
    found = events(file)
    equal([(e.id, e.text) for e in found if e.kind == "message" and len(e.id) == 1 and e.id not in "9o"],
          [("1", '"behind a quote"'), ("2", '"behind two"'), ("3", '"said"'), ("4", '"in <cdata> & all"'), ("5", '"behind an instruction"'),
           ("6", '"no comment"'), ("7", '"nor this"'), ("8", '"halfway"'), ("a", '"one > two"'), ("b", '"1 > 0"')], "what was said")
    true([e for e in found if e.kind == "other"], "what is not allowed is shown")
    for argv in (["trace", file], ["trace", "explain", file], ["trace", "report", file]):
        out = wireside(*argv).out
        true("Lua" not in out and "behind a quote" in out and "half" in out, f"{argv}: {out}")
    true("Lua" not in tshark(file, "-V"), "no error of the chat layer")
    step("each is seen")


def check_garbage(folder):
    """Streams that are none, without end, or deep"""
    for name, text in (("open", b"<message " * 2000), ("deep", b"<a>" * 20000), ("quote", b"<message from='" + b"x" * 30000),
                       ("junk", bytes(range(256)) * 100), ("entity", b"<message id='&#x110000;&#0;&zz;'><body>&#99999999999;</body></message>")):
        one = Connection()
        one.add(0, OPEN % b"alice@a")
        for at in range(0, len(text), 1400):
            one.add(0, text[at:at + 1400])
        file = one.write(folder / f"{name}.pcap")
        wireside("trace", file)
        wireside("trace", "explain", file)
    step("shown, and no harm done")


if __name__ == "__main__":
    raise SystemExit(main(check_terminal, check_pieces, check_hidden, check_garbage))
