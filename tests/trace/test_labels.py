#!/usr/bin/python3
"""People see people: no address of a node where its label is known, members of rooms by their names there, and words instead of
namespaces."""
import re
import struct

from lib import ROOT, equal, events, fields, main, step, true, wireside
from made import OPEN, Connection, announcement, block, stanzas

A, B, C = (f"{c * 26}.internal".encode() for c in "abc")
ALICE, BOB = b"alice@" + A, b"bob@" + B
ID = re.compile(r"[a-z2-7]{26}")
ROOM = ROOT / "docs/samples/room.pcapng"

WORDS = (
    (b"<message from='%s' to='%s'><addresses xmlns='urn:wireside:addresses:0' id='x'/></message>" % (B, A), "bob", "addresses of its node, signed"),
    (b"<message from='k@rooms.%s' to='%s/r' type='groupchat'><subject></subject></message>" % (A, BOB), "k@alice", "the room has no subject"),
    (b"<message from='k@rooms.%s/al' to='%s/r' type='groupchat'><subject>tea</subject></message>" % (A, BOB), "al in k", 'sets the subject: "tea"'),
    (b"<message from='k@rooms.%s' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x></message>" % (A, BOB),
     "k@alice", "invites to a room"),
    (b"<message from='%s/r' to='%s' type='chat'><what xmlns='urn:nobody:knows'/></message>" % (BOB, ALICE), "bob", "message without text (urn:nobody:knows)"),
    (b"<message from='%s/r' to='%s'/>" % (BOB, ALICE), "bob", "message without text"),
    (b"<presence from='%s/r' to='k@rooms.%s/bo'><x xmlns='http://jabber.org/protocol/muc'/></presence>" % (BOB, A), "bob", "wants to come into k@alice"),
    (b"<presence from='k@rooms.%s/al' to='%s/r'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>" % (A, BOB), "al in k", "is here"),
    (b"<presence from='%s/r' to='%s' type='unavailable'/>" % (BOB, ALICE), "bob", "is gone"),
    (b"<iq from='%s/r' to='%s' type='get' id='i1'><ping xmlns='urn:xmpp:ping'/></iq>" % (BOB, ALICE), "bob", "asks for a sign of life"),
    (b"<iq from='%s' to='%s/r' type='result' id='i1'/>" % (ALICE, BOB), "alice", "answers: done"),
    (b"<iq from='rooms.%s' to='%s/r' type='error' id='i2'><error type='cancel'><item-not-found xmlns='urn:x'/></error></iq>" % (A, BOB),
     "rooms of alice", "refuses: item-not-found"),
)


def nodes(said):
    """A link between alice and bob, on which bob's side says this."""
    one = Connection(port=5298)
    one.say(0, OPEN % (ALICE, BOB))
    one.say(1, OPEN % (BOB, ALICE))
    for data in said:
        one.say(1, data)
    return one


def no_ids(text, what):
    found = ID.search(text)
    true(not found, f"{what}: {text[max(0, found.start() - 60):found.end() + 20] if found else ''}")


def check_words(folder):
    """What is said without text, by whom, in words"""
    file = nodes(said for said, _, _ in WORDS).pcap(folder / "words.pcap")
    ladder = wireside("trace", file, "-a").out
    for (_, who, words), event in zip(WORDS, [e for e in events(file) if e.kind != "stream-open"], strict=True):
        equal(event.text, words, f"what {who} does")
        true(f"  {who.split('@')[0]}: {words}\n" in ladder, f"{who}: {words}: {ladder}")
    no_ids(ladder, "the ladder")
    true("?" not in re.sub(r"who is there\?", "", ladder) and "urn:wireside" not in ladder, ladder)
    step(f"{len(WORDS)} of them")


def check_nodes(folder):
    """Addresses of nodes: labels in each view; two of one name are told apart"""
    hello = b"<message from='%s/r' to='%s' id='m1'><body>hello</body></message>" % (BOB, ALICE)
    other = b"<message from='bob@%s/r' to='%s' id='m2'><body>who am I</body></message>" % (C, ALICE)
    room = b"<message from='k@rooms.%s/carol' to='%s' type='groupchat' id='m3'><body>all</body></message>" % (A, BOB)
    file = nodes((hello, other, room)).pcap(folder / "nodes.pcap")
    for words in ([file], ["explain", file]):
        out = wireside("trace", *words).out
        no_ids(out, words)
        for part in ('bob: "hello"', 'bob (cccccc): "who am I"', 'carol in k: "all"'):
            true(part in out, f"{words}: {part}: {out}")
    head, said = wireside("trace", "follow", file).out.split("\n\n", 1)
    true("alice is " + "a" * 26 in head and "bob is " + "b" * 26 in head and "bob (cccccc) is " + "c" * 26 in head, f"what they stand for: {head}")
    true("alice, port 40000, with bob, port 5298" in head, head)
    no_ids(said, "follow")
    for part in ("alice: <?xml", "bob: <message from='bob/r' to='alice' id='m1'>", "from='bob (cccccc)/r'", "from='k@alice/carol' to='bob'"):
        true(part in said, f"{part}: {said}")
    page = folder / "page.html"
    wireside("trace", "report", file, "-o", page)
    text = page.read_text().split('id="said"')[1].split('id="frames"')[0]
    true("alice is " + "a" * 26 in text, "the page tells it, too")
    no_ids(text.split("</p>", 1)[1], "what was said")
    # What only looks like one stays as it is.
    odd = b"<message from='%s' to='%s'><body>%s.internal x%s.internal %s.internals</body></message>" % (BOB, ALICE, b"a" * 25, b"1" * 26, b"z" * 40)
    said = wireside("trace", "follow", nodes((odd,)).pcap(folder / "odd.pcap")).out
    true(f"<body>{'a' * 25}.internal x{'1' * 26}.internal {'z' * 40}.internals</body>" in said, said)
    step("ladder, explain, follow, report")


def check_room(folder):
    """A room acknowledges what is said in it by sending it back"""
    (said,), (back,), ((copy,),) = fields(ROOM, "frame.number", only='chat.kind == "message"')
    equal(fields(ROOM, "chat.returned_in", only="chat.returned_in"), [[back]], "in Wireshark")
    equal(fields(ROOM, "chat.returned_for", only="chat.returned_for"), [[said]], "and the other way round")
    after = float(fields(ROOM, "frame.time_relative", only=f"frame.number == {back[0]}")[0][0][0]) - \
        float(fields(ROOM, "frame.time_relative", only=f"frame.number == {said[0]}")[0][0][0])
    lines = {line.split()[0]: line for line in wireside("trace", ROOM).out.splitlines() if line.strip()}
    true('bob to kitchen@alice: "tea is ready"' in lines[said[0]] and f"the room sends it back in frame {back[0]} after {after * 1e3:.1f} ms" in lines[said[0]],
         lines[said[0]])
    true('bob in kitchen: "tea is ready"' in lines[back[0]] and f"it was said in frame {said[0]}" in lines[back[0]], lines[back[0]])
    true('bob in kitchen: "tea is ready"' in lines[copy] and "it was said" not in lines[copy], lines[copy])
    out = wireside("trace", "explain", ROOM).out
    for part in (f"the room acknowledges it in frame {back[0]}, after", f"the room's acknowledgement of the message of frame {said[0]}",
                 "this is the room's copy for carol"):
        true(part in out, f"{part}: {out}")
    true("no receipt of the other program" not in out, "nobody gives receipts in rooms")
    step("ladder, explain, fields")


def check_labels(folder):
    """What the user calls somebody, as the capture has it, goes before what that one calls himself"""
    for v6 in (False, True):
        one = Connection(port=5298, v6=v6)
        one.say(0, OPEN % (ALICE, BOB))
        one.say(1, OPEN % (BOB, ALICE))
        one.say(1, b"<message from='%s/r' to='%s' id='m1'><body>hello</body></message>" % (BOB, ALICE))
        file = one.pcapng(folder / f"labels{v6}.pcapng")
        data, kind = file.read_bytes(), 2 if v6 else 1
        address = bytes.fromhex("fd00" + "0" * 27 + "2") if v6 else bytes([10, 0, 0, 2])
        value = address + b"bobby\0"
        names = block(4, struct.pack("<HH", kind, len(value)) + value + b"\0" * (-len(value) % 4) + struct.pack("<HH", 0, 0))
        file.write_bytes(data[:48] + names + data[48:])
        ladder = wireside("trace", file).out
        true('bobby: "hello"' in ladder and re.search(r"seconds +alice +bobby", ladder), ladder)
        true("bobby: <message from='bobby/r' to='alice'" in wireside("trace", "follow", file).out, "follow")
    step("IPv4, IPv6")


def lanes(file):
    head = next(line for line in wireside("trace", file).out.splitlines() if line.startswith("   frame "))
    return head.split()[2:]


def late(*said, port=5298):
    """Captured from the middle on: (who, stanza)..."""
    one = Connection(opened=False, port=port)
    for who, data in said:
        one.say(who, data)
    return one


def check_guessed(folder):
    """No stream begins in the capture: lanes have the names that stanzas and multicast DNS tell, where those agree"""
    def message(sender, to, kind=b"chat"):
        return b"<message from='%s/r' to='%s' type='%s' id='m1'><body>hello</body></message>" % (sender, to, kind)

    alice, bob, room = b"alice@alpha", b"bob@bravo", b"k@rooms." + A + b"/al"
    for told, said, port in ((["alice", "bob"], [(0, message(alice, bob)), (1, message(bob, alice))], 5298),
                             (["alice", "bob"], [(0, message(ALICE, BOB)), (1, message(BOB, ALICE))], 5298),
                             (["alice", "10.0.0.2"], [(0, message(ALICE, BOB)), (1, message(room, ALICE, b"groupchat"))], 5298),
                             (["10.0.0.1", "10.0.0.2"], [(1, message(b"bob@h", b"alice@h"))], 41000),  # of a server
                             (["10.0.0.1", "10.0.0.2"], [(1, message(bob, alice))], 5222),
                             (["10.0.0.1", "10.0.0.2"], [(1, message(bob, alice)), (1, message(b"carol@c", alice))], 5298)):
        equal(sorted(lanes(late(*said, port=port).pcap(folder / "late.pcap"))), sorted(told), f"{said}")
    step("stanzas")
    quiet = late((0, b"\x17\x03\x03\0\x20" + b"x" * 32), (1, b"\x17\x03\x03\0\x20" + b"x" * 32))
    for who, name in ((1, b"alice@alpha"), (2, b"bob@bravo")):
        quiet.frames.append((quiet.time + who, announcement(f"10.0.0.{who}", name, 5298)))
    file = quiet.pcap(folder / "quiet.pcap")
    equal(lanes(file), ["alice", "bob"], "multicast DNS")
    true("10.0.0.1, as it calls itself (no stream begins in this capture): alice@alpha" in wireside("trace", "explain", file).out, "explained")
    quiet.frames.append((quiet.time + 9, announcement("10.0.0.2", b"mallory@bravo", 5299)))
    equal(lanes(quiet.pcap(folder / "quiet.pcap")), ["alice", "10.0.0.2"], "two names at one address")
    step("multicast DNS")
    both = nodes([message(BOB, ALICE)])
    both.frames.insert(0, (0, announcement("10.0.0.2", b"somebody@else", 5298)))
    equal(lanes(both.pcap(folder / "both.pcap"))[::-1], ["alice", "bob"], "what a stream says goes before")
    step("streams go before")


def check_stanzas(folder):
    """Stanzas without packets: nobody has an address of a machine, and nothing is known of the wire"""
    file = stanzas(folder / "s.pcap", b"<message from='%s/x' to='%s' id='m1'><body>hi</body></message>" % (ALICE, BOB),
                   b"<message from='%s/x' to='k@rooms.%s' id='m2' type='groupchat'><body>all</body></message>" % (BOB, A))
    for words in ([file], ["explain", file], ["stats", file]):
        out = wireside("trace", *words).out
        no_ids(out, words)
        true("tanzas, not packets" in out and "address " not in out and "in clear" not in out and "0 of them encrypted" not in out, f"{words}: {out}")
    true("filter: chat.from || chat.to" in wireside("trace", "explain", file).out, "and that shows who is there")
    done = wireside("trace", "follow", file, check=False)
    true(done.returncode == 1 and "stanzas, not packets" in done.err, f"{done.err}")
    step("ladder, explain, stats, follow")


if __name__ == "__main__":
    raise SystemExit(main(check_words, check_nodes, check_room, check_labels, check_guessed, check_stanzas))
