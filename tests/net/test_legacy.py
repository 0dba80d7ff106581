#!/usr/bin/python3
"""The node with streams of XEP-0174 that misbehave as old programs do, or worse."""

import contextlib
import socket
import struct
import threading
import time

from finch import Node, Raw, Stream, on
from lib import main, wait_until

ALICE = "alice@alpha"
BOB = "bob@bravo"


def test_pinned(net):
    """A plaintext stream that claims the name of somebody pinned is refused and reported"""
    alpha, bravo, thief = net.host("alpha"), net.host("bravo"), net.host("thief")
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    bob = Node(net, bravo, BOB)
    client, other = node.client(), bob.client()
    jid = client.roster("bob")
    client.presence(jid)
    client.im(jid, "to the right one")
    other.expect_im(client.jid.split("/")[0], "to the right one")
    net.step("bob is pinned")
    raw = Raw(net, thief, "mallory@thief")

    def refused(name):
        stream = raw.dial(alpha.address)
        stream.header(name, ALICE)
        stream.send("<message type='chat'><body>it is me, bob</body></message>")
        net.true("not-authorized" in stream.expect_end(), f"{name} was not refused: {stream.text}")
        client.notice("warning", "says without encryption that he is")

    refused(BOB)
    net.step("refused while bob is there")
    bob.stop()
    client.presence(jid, "unavailable")
    refused(BOB)
    node.peer("rename", "bob", "robert")
    refused("robert")
    net.step("refused while he is not, and by the name our user gave him")
    client.close()
    node.stop()
    node = Node(net, alpha, ALICE, "--plaintext", "allow", data=node.data)
    client = node.client()
    refused("robert")
    net.true(not client.got(lambda s: s.findtext("{jabber:client}body") == "it is me, bob"), "it was shown")
    net.step("and after a restart")
    node.stop()


def test_tolerant(net):
    """Headers without version or from, features, iqs, typing, markup, white space: nothing of it hurts"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    client = node.client()
    carol = Raw(net, bravo, "carol@bravo")
    jid = client.roster("carol@bravo")
    said = 0

    def talk(stream, *before):
        nonlocal said
        said += 1
        for text in before:
            stream.send(text)
        stream.send(f"<message to='{ALICE}' type='chat'><body>number {said}</body></message>")
        client.expect_im(jid, f"number {said}")
        return stream

    def dial(*header, **more):
        stream = carol.dial(alpha.address)
        stream.header(*header, **more)
        stream.expect("<stream:stream[^>]*>")
        return stream

    talk(dial("carol@bravo", ALICE)).close()
    stream = talk(dial("carol@bravo", ALICE, more=" version='1.0'"))
    stream.expect("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
    stream.close()
    talk(dial("carol@bravo")).close()
    talk(dial()).close()
    net.step("headers")
    stream = dial("carol@bravo", ALICE)
    talk(stream, " \n ", "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
    talk(stream, "<iq type='get' id='1' from='x'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", "<presence/>")
    talk(stream, "<message><x xmlns='jabber:x:event'><composing/><id>1</id></x></message>", "<message><body/></message>")
    talk(stream, "<odd xmlns='urn:odd'>text</odd>", "<message to='nobody@nowhere' from='&amp;&lt;@@/'/>")
    stream.send("<message from='bob@bravo' to='x' type='groupchat'><body>it is still carol</body></message>")
    client.expect_im(jid, "it is still carol")
    stream.send("<message><body>plain</body><html xmlns='http://www.w3.org/1999/xhtml'><body><font>a<br/>&lt;b&gt;</font>"
                "</body></html></message>")
    client.expect_im(jid, "a\n<b>")
    for byte in "<message><body>h\u00e9 \U0001f600</body></message>".encode():
        stream.socket.sendall(bytes([byte]))
    client.expect_im(jid, "h\u00e9 \U0001f600")
    net.true("<iq" not in stream.text and "<message" not in stream.text, f"it was answered: {stream.text}")
    net.step("elements")
    stream.send("</stream:stream>")
    net.true(stream.expect_end().endswith("</stream:stream>"), "the end was not answered")
    stream = dial("carol@bravo", ALICE)
    stream.send("<message><body>bad</message>")
    stream.expect_end()
    talk(dial("carol@bravo", ALICE)).close()
    net.step("ends")
    node.stop()


def test_drain(net):
    """What a peer's system has not taken goes by the next stream, in order, and is not shown as sent before"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    client = node.client()
    carol = Raw(net, bravo, "carol@bravo")
    jid = client.roster("carol@bravo")
    client.im(jid, "one")
    stream = carol.accept()
    net.true(node.waiting("carol@bravo") == 1, "counted without a header of theirs")
    stream.header("carol@bravo", ALICE)
    stream.expect("<body>one</body>")
    client.notice("sent")
    wait_until(lambda: node.waiting("carol@bravo") == 0, "the outbox empty")
    bravo.pull()
    ids = [client.im(jid, text) for text in ("two", "three")]
    client.ask("<ping xmlns='urn:xmpp:ping'/>")
    net.true(node.waiting("carol@bravo") == 2, "what is on no wire counts as sent")
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()
    net.true(not client.was_told("sent", ids[0]), "shown as sent")
    bravo.push()
    net.step("the cable was out, and the program has ended meanwhile")
    stream = carol.accept()
    stream.header("carol@bravo", ALICE)
    stream.expect("<body>two</body>.*<body>three</body>")
    for id in ids:
        client.notice("sent", id)
    wait_until(lambda: node.waiting("carol@bravo") == 0, "the outbox empty")
    net.true("one" not in stream.text and stream.text.count("<body>") == 2, f"too much: {stream.text}")
    node.stop()


def test_refusing(net):
    """A peer that answers and closes at once, as libpurple does with whom it has not resolved: nothing counts as sent, the
    next attempts come later and later, and when it takes the stream all arrives"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    client = node.client()
    carol = Raw(net, bravo, "carol@bravo")
    jid = client.roster("carol@bravo")
    client.im(jid, "one")
    at = []
    for _ in range(4):
        stream = carol.accept()
        at.append(time.monotonic())
        stream.expect("<stream:stream[^>]*>")
        stream.header("carol@bravo", ALICE)
        stream.send("</stream:stream>")
        stream.close()
    net.true(node.waiting("carol@bravo") == 1 and not client.was_told("sent"), "it counts as sent")
    net.true(at[3] - at[0] > 1, f"four attempts within {at[3] - at[0]:.3f} s")
    stream = carol.accept()
    stream.header("carol@bravo", ALICE)
    stream.expect("<body>one</body>")
    client.notice("sent")
    node.stop()


def test_no_xml(net):
    """A peer whose name has an &, in its header as libpurple writes it: refused, what is for it waits; another name helps"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    client = node.client()
    carol = Raw(net, bravo, "c&d@bravo")
    client.im(client.roster("c&d@bravo"), "one")
    for stream in carol.accept(), carol.dial(alpha.address):
        stream.header('c&d@bravo', ALICE)
        net.true("not-well-formed" in stream.expect_end(), f"not refused: {stream.text}")
        net.true("<body>" not in stream.text, "something went out to nobody")
    net.step("refused, both ways")
    net.true(node.waiting("c&d@bravo") == 1 and not client.was_told("sent"), "it counts as sent")
    carol.program.say("name cd@bravo")
    jid = client.roster("cd@bravo")
    client.im(jid, "two")
    stream = carol.accept()
    while "to='cd@bravo'" not in stream.expect("<stream:stream[^>]*>")[0]:
        stream = carol.accept()
    stream.header("cd@bravo", ALICE)
    stream.expect("<body>two</body>")
    client.notice("sent")
    node.stop()


def pour(stream, text, times):
    """As much of it as is taken; gives what came back until the end."""
    with contextlib.suppress(ConnectionError):
        for _ in range(times):
            stream.send(text)
    return stream.expect_end()


def test_flood(net):
    """Stanzas of 5 MB and a flood of connections from one machine: refused there, and nobody else notices"""
    alpha, bravo, thief = net.host("alpha"), net.host("bravo"), net.host("thief")
    node, bob = Node(net, alpha, ALICE, "--plaintext", "allow"), Node(net, bravo, BOB)
    client, other = node.client(), bob.client()
    jid = client.roster("bob")
    client.presence(jid)
    mallory = Raw(net, thief, "mallory@thief")
    client.roster("mallory")
    said = 0

    def others_talk():
        nonlocal said
        said += 1
        client.im(jid, f"number {said}")
        other.expect_im(client.jid.split("/")[0], f"number {said}")

    others_talk()
    stream = mallory.dial(alpha.address)
    stream.header("mallory@thief", ALICE)
    stream.expect("<stream:stream[^>]*>")
    stream.send(f"<message to='{ALICE}' type='chat'><body>")
    got = pour(stream, "x" * 65536, 80)
    # A reset may take the last words away.
    net.true("policy-violation" in got or "</stream:stream>" not in got, f"how it ended: {got[-300:]}")
    pour(mallory.dial(alpha.address), "<stream:stream a='" + "x" * 65536, 80)
    net.true(not client.got(lambda s: "xxxx" in (s.findtext("{jabber:client}body") or "")), "it was shown")
    others_talk()
    net.step("5 MB in a stanza, and before the stream: the end of the stream, and nothing is shown")

    flood = [mallory.dial(alpha.address) for _ in range(200)]
    for one in flood:
        one.socket.setblocking(False)
    closed = set()

    def are_closed():
        for n, one in enumerate(flood):
            try:
                if n not in closed and not one.socket.recv(65536):
                    closed.add(n)
            except BlockingIOError:
                pass
            except ConnectionError:
                closed.add(n)
        return len(closed) >= 150

    others_talk()
    wait_until(are_closed, "what is more than 50 connections of one machine being closed")
    others_talk()
    net.step("200 connections of one machine that say nothing: all but 50 are closed, others talk meanwhile")
    for one in flood:
        one.close()
    node.stop()
    bob.stop()


def test_hangs_up(net):
    """What closes or resets at our hello knows no TLS: it is called in the clear where that is allowed; what sends an alert is not"""
    alpha, bravo = net.host("alpha"), net.host("bravo")

    def closes(s):
        s.close()

    def resets(s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()

    def alerts(s):
        s.sendall(b"\x15\x03\x01\x00\x02\x02\x28")
        s.close()

    for number, (answer, plain) in enumerate(((closes, True), (resets, True), (alerts, False))):
        node = Node(net, alpha, ALICE, "--plaintext", "allow", "--discovery", "none")
        port = 5300 + number
        listener = on(bravo, lambda: socket.create_server(("0.0.0.0", port)))
        listener.settimeout(30)
        came = []

        def serve():
            while len(came) < 2:
                s, _ = listener.accept()
                came.append(s.recv(65536)[:1])
                if came[-1] == b"\x16":
                    answer(s)
                else:
                    stream = Stream(s)
                    stream.header("carol@bravo", ALICE)
                    stream.expect("hello in the clear")

        thread = threading.Thread(target=serve)
        thread.start()
        client = node.client()
        node.peer("add", f"carol@{bravo.address}:{port}")
        jid = next(row["jid"] for row in node.rows() if row["label"] == "carol")
        client.im(jid, "hello in the clear")
        thread.join()
        net.true((came == [b"\x16", b"<"]) == plain, f"{answer.__name__}: {came}")
        net.step(f"{answer.__name__}: {'called in the clear' if plain else 'called by TLS only'}")
        listener.close()
        client.close()
        node.stop()


if __name__ == "__main__":
    raise SystemExit(main(test_pinned, test_tolerant, test_drain, test_refusing, test_no_xml, test_flood, test_hangs_up))
