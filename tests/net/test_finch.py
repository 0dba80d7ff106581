#!/usr/bin/python3
"""The node with finch and Pidgin, that is with libpurple's Bonjour as Debian has it."""

import hashlib
import re
import struct
import zlib

from finch import DELIVERED, Finch, Node, Purple, Raw
from lib import main, wait_until

BOB = "bob@bravo"
ALICE = "alice@alpha"
TEXTS = [
    "plain",
    "#include <stdio.h> and a < b && c > d",
    "&amp; is not & and &lt;b&gt; is not <b>bold</b>",
    "line one\nline two\n\nline four",
    "emoji \U0001f600\U0001f469\u200d\U0001f680 and h\u00e9llo \u20ac \u4f60\u597d",
    "'quoted' \"twice\"",
]


def machines(net):
    """Alice's machine without any daemon, bob's as a desktop has it."""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    bravo.dbus()
    bravo.avahi()
    return alpha, bravo


def meet(net, alpha, bravo, *options, **more):
    """A node and libpurple that see each other; the client of the node's user, and bob's address there."""
    node = Node(net, alpha, ALICE, *options, **more)
    bob = Purple(net, bravo, BOB)
    client = node.client()
    bob.expect("on", ALICE, None)
    jid = client.roster(BOB)
    client.presence(jid)
    return node, client, bob, jid


# ---- what two people do ----

def test_talk(net):
    """Seen and shown both ways; texts intact both ways; sent is not delivered; goodbye"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo, "--plaintext", "allow")
    net.step("seen both ways")
    for text in TEXTS:
        id = client.im(jid, text)
        bob.expect_im(ALICE, text)
        client.notice("sent", id)
    net.step("texts to libpurple, shown as sent")
    for text in TEXTS:
        bob.im(ALICE, text)
        client.expect_im(jid, text)
    net.step("texts from libpurple")
    net.true(not client.got(lambda s: any(DELIVERED.search(e.tag) for e in s)), "a receipt that nobody gave")
    net.true(node.waiting(BOB) == 0, "something still waits")
    bob.quit()
    client.presence(jid, "unavailable")
    bob = Purple(net, bravo, BOB)
    client.presence(jid)
    bob.expect("on", ALICE, None)
    node.stop()
    bob.expect("off", ALICE)
    net.step("goodbye both ways")


def test_status(net):
    """Away and available both ways; a node without a client is away"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo)
    bob.say("status", "away", "at lunch & <out>")
    client.presence(jid, show="away", status="at lunch & <out>")
    bob.say("status", "available", "")
    client.presence(jid)
    bob.say("status", "idle", "not typing")
    client.presence(jid, show="away", status="not typing")
    bob.say("status", "available", "")
    client.presence(jid)
    net.step("libpurple away, back, idle, back")
    for show in ("away", "xa", "dnd"):
        client.show(show, f"as {show}")
        bob.expect("status", ALICE, "away", f"as {show}")
        client.show(None, "here")
        bob.expect("status", ALICE, "available", "here")
    net.step("our user away, back")
    client.close()
    bob.expect("status", ALICE, "away")
    client = node.client()
    bob.expect("status", ALICE, "available")
    net.step("our user leaves, and is back")
    node.stop()


def png(side, grey):
    """A picture that nothing makes much smaller."""
    rows = b"".join(b"\0" + hashlib.shake_128(bytes([grey, y])).digest(side) for y in range(side))
    parts = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def pictures(net, client, bob, jid):
    small, large = png(8, 1), png(64, 2)  # the large one needs several packets
    for picture in (small, large):
        bob.set_picture(picture)
        client.shows(jid, sha1(picture))
        net.true(client.card(jid) == picture, "another picture came than libpurple's")
    net.step("theirs: the hash in presence, the picture as their card; another one")
    for picture in (large, small):
        client.card(picture=picture)
        bob.expect("icon", ALICE, sha1(picture))
    net.step("ours: shown there; another one")


def test_picture(net):
    """Pictures both ways: those who see each other get each other's, changed ones, too, and who comes later"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo)
    pictures(net, client, bob, jid)
    client.close()
    bob.quit()
    client = node.client()
    bob = Purple(net, bravo, BOB)
    bob.expect("icon", ALICE, sha1(png(8, 1)))
    net.step("ours, to who comes later")
    client.card(picture=b"")
    bob.expect("icon", ALICE, "none")
    net.step("ours, taken away")
    node.stop()


def test_avahi(net):
    """The same with the node's discovery by its own avahi-daemon"""
    alpha, bravo = machines(net)
    alpha.dbus()
    alpha.avahi()
    node, client, bob, jid = meet(net, alpha, bravo, "--plaintext", "allow", discovery="avahi")
    client.im(jid, TEXTS[1])
    bob.expect_im(ALICE, TEXTS[1])
    bob.im(ALICE, TEXTS[2])
    client.expect_im(jid, TEXTS[2])
    bob.say("status", "away", "out")
    client.presence(jid, show="away", status="out")
    client.show("away", "gone")
    bob.expect("status", ALICE, "away", "gone")
    pictures(net, client, bob, jid)
    node.stop()
    bob.expect("off", ALICE)


def test_names(net):
    """Odd instance names, of libpurple's and of others"""
    alpha, bravo = machines(net)
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    client = node.client()
    for port, name in enumerate(["J\u00fcrgen M\u00fcller (2)@bravo", "o'neil@bravo", "a#2 \\20@bravo"], 5400):
        bob = Purple(net, bravo, name, port)
        bob.expect("on", ALICE, None)
        jid = client.roster(name)
        client.presence(jid)
        client.im(jid, "hello")
        bob.expect_im(ALICE, "hello")
        bob.im(ALICE, "hello yourself")
        client.expect_im(jid, "hello yourself")
        bob.quit()
        client.presence(jid, "unavailable")
        net.step(name)
    for port, name in enumerate(["Carol Smith@bravo (2)", "bob@bravo #2", "o'neil & <sons> \"x\"@bravo", "no at sign", "\u4f60\u597d \U0001f600"], 5500):
        raw = Raw(net, bravo, name, port=port)
        client.im(client.roster(name), "hello")
        stream = raw.accept()
        stream.expect("from='alice@alpha'")
        stream.header()
        stream.expect("<body>hello</body>")
        net.step(name)
        raw.close()
        stream.close()
    node.stop()


# ---- what nobody may read ----

def test_ask(net):
    """Plaintext ask: what our user writes waits until he allows it, also with a stream of theirs; allowing is remembered"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo)
    client.im(jid, "one")
    client.notice("plaintext", "bob")
    bob.im(ALICE, "anybody there?")
    client.notice("request", "bob")
    client.expect_im(jid, "anybody there?")
    client.im(jid, "two")
    bob.say("status", "away", "so that the network tells of him again")
    client.presence(jid, show="away")
    net.true(node.waiting(BOB) == 2, "something went out before it was allowed")
    net.true(not bob.texts(), "it was shown there")
    net.true(sum(1 for s in client.stanzas if "plaintext" in str([e.attrib for e in s])) == 1, "told more than once")
    net.step("both wait")
    node.peer("allow", "bob")
    bob.expect_im(ALICE, "one")
    bob.expect_im(ALICE, "two")
    client.notice("sent")
    client.notice("sent")
    net.step("allowed")
    client.close()
    node.stop()
    bob.expect("off", ALICE)
    node = Node(net, alpha, ALICE, data=node.data)
    bob.expect("on", ALICE, None)
    client = node.client()
    client.presence(jid, show="away")
    client.im(jid, "three")
    bob.expect_im(ALICE, "three")
    net.step("and remembered")
    node.stop()


def test_never(net):
    """Plaintext never: refused both ways, and told"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo, "--plaintext", "never")
    client.im(jid, "out")  # a program of others could know STARTTLS
    client.notice("plaintext", "never")
    client.expect_error(client.im(jid, "once more"))
    bob.im(ALICE, "in")
    node.program.expect("link_refused.*without encryption")
    net.true(not client.got(lambda s: s.findtext("{jabber:client}body") == "in"), "it was shown")
    net.true(not bob.texts(), "something went out")
    node.stop()


# ---- streams ----

def test_glare(net):
    """Both dial at once, again and again: nothing of ours is lost, or doubled"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo, "--plaintext", "allow")
    rounds = 20
    for i in range(rounds):
        bob.im(ALICE, f"theirs {i}")
        id = client.im(jid, f"ours {i}")
        bob.expect_im(ALICE, f"ours {i}")
        client.notice("sent", id)
        bob.say("close", ALICE)
        wait_until(lambda: not node.shows(BOB, state="linked"), "the stream closed")
    net.true(bob.texts() == [f"ours {i}" for i in range(rounds)], f"shown there: {bob.texts()}")
    theirs = [s.findtext("{jabber:client}body") for s in client.stanzas if s.get("from", "").startswith(jid)]
    theirs = [text for text in theirs if text]
    net.true(len(set(theirs)) == len(theirs), f"doubled: {theirs}")
    net.step(f"{rounds} times; of theirs {len(theirs)} came (libpurple drops what it queued for a stream that is replaced)")
    node.stop()


# ---- what breaks ----

def test_node_crash(net):
    """The node is killed and started again: seen again at once, its streams taken, and what waited goes out"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo)
    client.im(jid, "waits for permission")
    client.safe()
    node.kill9()
    node = Node(net, alpha, ALICE, data=node.data)
    bob.expect("off", ALICE)
    bob.expect("on", ALICE, None)
    client = node.client()
    client.presence(jid)
    bob.im(ALICE, "there you are")
    client.expect_im(jid, "there you are")
    node.peer("allow", "bob")
    bob.expect_im(ALICE, "waits for permission")
    net.step("seen again")
    node.stop()


def test_purple_crash(net):
    """libpurple is killed and started again: its dead stream takes nothing with it"""
    alpha, bravo = machines(net)
    node, client, bob, jid = meet(net, alpha, bravo, "--plaintext", "allow")
    client.im(jid, "one")
    bob.expect_im(ALICE, "one")
    bob.kill9()
    client.presence(jid, "unavailable")
    client.im(jid, "two")
    bob = Purple(net, bravo, BOB)
    client.presence(jid)
    bob.expect_im(ALICE, "two")
    net.step("killed")
    net.true(bob.texts() == ["two"], "more than that")


def test_power(net):
    """libpurple's whole machine loses power with a stream open, and is back"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    daemons = [bravo.dbus(), bravo.avahi()]
    node, client, bob, jid = meet(net, alpha, bravo, "--plaintext", "allow")
    client.im(jid, "one")
    bob.expect_im(ALICE, "one")
    client.notice("sent")
    bravo.pull()
    client.im(jid, "two")
    bob.kill9()
    for daemon in reversed(daemons):
        daemon.kill9()
    bravo.push()
    bravo.dbus()
    bravo.avahi()
    bob = Purple(net, bravo, BOB)
    bob.expect_im(ALICE, "two", limit=60)
    client.notice("sent")
    bob.im(ALICE, "back")
    client.expect_im(jid, "back")
    net.true(bob.texts() == ["two"], "more than that")
    node.stop()


# ---- on a screen ----

def test_program(net):
    """finch itself in a terminal: shown by name, texts intact both ways, away and back both ways, our crash, goodbye"""
    alpha, bravo = machines(net)
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    finch = Finch(net, bravo, BOB)
    finch.see("Bonjour", "\u2296 alice")
    client = node.client()
    jid = client.roster(BOB)
    client.presence(jid)
    finch.see("\u25ef alice")
    net.step("each sees the other by name; away without a client, then here")
    client.show("away", "at lunch")
    finch.see("\u2296 alice")
    client.show(None, "here")
    finch.see("\u25ef alice")
    finch.choose_status(1)
    client.presence(jid, show="away")
    finch.choose_status(-1)
    client.presence(jid)
    net.step("away and back, both ways")
    for i, text in enumerate(TEXTS):
        id = client.im(jid, text)
        client.notice("sent", id)
        if not i:
            finch.see("alice \\(bob@bravo")
            finch.press("M-2")
        finch.see(*(re.escape(line) for line in text.split("\n")))
        finch.type(f"{i}: {text.splitlines()[0]}")
        finch.press("Enter")
        client.expect_im(jid, f"{i}: {text.splitlines()[0]}")
    net.step("texts both ways, on the screen as they were written")
    client.close()
    node.kill9()
    node = Node(net, alpha, ALICE, "--plaintext", "allow", data=node.data)
    client = node.client()
    client.presence(jid)
    finch.type("there you are")
    finch.press("Enter")
    client.expect_im(jid, "there you are")
    client.im(jid, "here I am")
    finch.see("here I am")
    net.step("our node crashed, and both go on")
    finch.quit()
    client.presence(jid, "unavailable")
    node.stop()


if __name__ == "__main__":
    raise SystemExit(main(test_talk, test_status, test_picture, test_avahi, test_names, test_ask, test_never, test_glare,
                          test_node_crash, test_purple_crash, test_power, test_program))
