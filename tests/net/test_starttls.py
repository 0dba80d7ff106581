#!/usr/bin/python3
"""The node and programs of others that speak XEP-0174 with STARTTLS, calling and called: encrypted, and nobody's proof."""

import socket
import ssl

from finch import Node, Raw
from lib import main, need, run, wait_until

ALICE = "alice@alpha"
BOB = "bob@bravo"
CAROL = "carol@bravo"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
OFFER = f"<stream:features><starttls xmlns='{TLS}'/></stream:features>"
REQUIRED = f"<stream:features><starttls xmlns='{TLS}'><required/></starttls></stream:features>"
VERSION = " version='1.0'"
PROTECTED = "encrypted, not verified"


def client_side(stream, version=ssl.TLSVersion.TLSv1_3):
    """The stream goes on encrypted, whoever is there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    stream.socket.settimeout(30)
    stream.socket = context.wrap_socket(stream.socket)
    stream.text = ""


def server_side(net, stream):
    cert, key = net.folder / "cert.pem", net.folder / "key.pem"
    if not cert.exists():
        run(need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "1",
            "-subj", "/CN=bravo")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    stream.socket.settimeout(30)
    stream.socket = context.wrap_socket(stream.socket, server_side=True)
    stream.text = ""


def dial(net, raw, node, name=CAROL, version=ssl.TLSVersion.TLSv1_3, offer=OFFER):
    """A stream to the node, encrypted."""
    stream = raw.dial(node.host.address)
    stream.header(name, ALICE, more=VERSION)
    stream.expect("<stream:stream[^>]* version='1.0'>" + offer)
    stream.send(f"<starttls xmlns='{TLS}'/>")
    stream.expect("<proceed ")
    client_side(stream, version)
    stream.header(name, ALICE, more=VERSION)
    return stream


def accept(net, raw, features=OFFER):
    """The node's stream, encrypted."""
    stream = raw.accept()
    stream.expect("<stream:stream[^>]* version='1.0'>")
    stream.header(raw.name, ALICE, more=VERSION)
    stream.send(features)
    stream.expect(f"<starttls xmlns='{TLS}'/>")
    net.true("<message" not in stream.text, f"something was said in the clear: {stream.text}")
    stream.send(f"<proceed xmlns='{TLS}'/>")
    server_side(net, stream)
    stream.expect("<stream:stream[^>]* version='1.0'>")
    stream.header(raw.name, ALICE, more=VERSION)
    stream.send("<stream:features/>")
    return stream


def linked(node, protection):
    wait_until(lambda: node.shows(CAROL, link=protection), f"a link that is {protection}")


def test_calling(net):
    """A program with TLS calls a node that asks before it speaks in the clear: seen, heard and answered, without asking"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE)
    client = node.client()
    carol = Raw(net, bravo, CAROL)
    jid = client.roster(CAROL)
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        stream = dial(net, carol, node, version=version)
        stream.expect("from='alice@alpha' to='carol@bravo' version='1.0'><stream:features/>")
        linked(node, PROTECTED)
        stream.send(f"<message to='{ALICE}' type='chat'><body>hello by {version.name}</body></message>")
        client.expect_im(jid, f"hello by {version.name}")
        number = client.im(jid, f"answer by {version.name}")
        stream.expect(f"<body>answer by {version.name}</body>")
        client.notice("sent", number)
        net.true(node.shows(CAROL, trust="legacy"), "it became more than a name")
        stream.send("</stream:stream>")
        net.true(stream.expect_end().endswith("</stream:stream>"), "the end was not answered")
        stream.close()
        linked(node, None)
        net.step(version.name)
    net.true(client.was_told("request", "encrypted, but without a key"), "nobody said that it is a stranger")
    net.true(not client.was_told("plaintext"), "it was asked for leave")
    node.stop()


def test_called(net):
    """The node calls a program with TLS, and uses it; one that has none gets what our user allows"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE)
    client = node.client()
    carol = Raw(net, bravo, CAROL)
    jid = client.roster(CAROL)
    client.im(jid, "one")
    client.notice("plaintext", "carol")
    node.peer("allow", "carol")
    stream = accept(net, carol, REQUIRED)
    stream.expect("<body>one</body>")
    client.notice("sent")
    linked(node, PROTECTED)
    stream.send(f"<message to='{ALICE}' type='chat'><body>two</body></message>")
    client.expect_im(jid, "two")
    stream.close()
    linked(node, None)
    net.step("encrypted")
    client.im(jid, "three")
    stream = carol.accept()
    stream.expect("<stream:stream[^>]* version='1.0'>")
    stream.header(CAROL, ALICE)
    stream.expect("<body>three</body>")
    linked(node, "readable")
    net.step("and without, where it is allowed and there is none")
    node.stop()


def test_remembered(net):
    """Who has had TLS is called with it or not at all: nothing is read along because it is taken away"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE)
    client = node.client()
    carol = Raw(net, bravo, CAROL)
    jid = client.roster(CAROL)
    stream = dial(net, carol, node)
    linked(node, PROTECTED)
    stream.close()
    linked(node, None)
    client.im(jid, "one")
    stream = accept(net, carol)
    stream.expect("<body>one</body>")
    client.notice("sent")
    stream.close()
    linked(node, None)
    client.im(jid, "two")
    stream = carol.accept()
    stream.header(CAROL, ALICE, more=VERSION)
    stream.send("<stream:features/>")
    net.true("<message" not in stream.expect_end(), f"it was said in the clear: {stream.text}")
    client.notice("plaintext", "carol")
    net.true(node.waiting(CAROL) == 1, "it does not wait")
    node.stop()


def test_pinned(net):
    """A stream with STARTTLS that claims the name of somebody pinned is refused and reported, encrypted as it is"""
    alpha, bravo, thief = net.host("alpha"), net.host("bravo"), net.host("thief")
    node = Node(net, alpha, ALICE, "--plaintext", "allow")
    bob = Node(net, bravo, BOB)
    client, other = node.client(), bob.client()
    jid = client.roster("bob")
    client.presence(jid)
    client.im(jid, "to the right one")
    other.expect_im(client.jid.split("/")[0], "to the right one")
    bob.stop()
    client.presence(jid, "unavailable")
    raw = Raw(net, thief, "mallory@thief")
    stream = dial(net, raw, node, name=BOB)
    stream.send("<message type='chat'><body>it is me, bob</body></message>")
    net.true("not-authorized" in stream.expect_end(), f"it was not refused: {stream.text}")
    client.notice("warning", "says without the key that he is bob")
    net.true(not client.got(lambda s: s.findtext("{jabber:client}body") == "it is me, bob"), "it was shown")
    node.stop()


def test_never(net):
    """Plaintext never: encrypted streams are taken and made, all others refused"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE, "--plaintext", "never")
    client = node.client()
    carol = Raw(net, bravo, CAROL)
    jid = client.roster(CAROL)
    for more in "", VERSION:
        stream = carol.dial(alpha.address)
        stream.header(CAROL, ALICE, more=more)
        stream.send(f"<message to='{ALICE}' type='chat'><body>in the clear</body></message>")
        net.true("policy-violation" in stream.expect_end(), f"not refused: {stream.text}")
        node.program.expect("link_refused.*without encryption")
        stream.close()
    net.step("refused")
    stream = dial(net, carol, node, offer=REQUIRED)
    stream.send(f"<message to='{ALICE}' type='chat'><body>encrypted</body></message>")
    client.expect_im(jid, "encrypted")
    net.true(not client.got(lambda s: s.findtext("{jabber:client}body") == "in the clear"), "it was shown")
    stream.close()
    linked(node, None)
    client.im(jid, "one")
    stream = accept(net, carol)
    stream.expect("<body>one</body>")
    client.notice("sent")
    stream.close()
    linked(node, None)
    net.step("encrypted, both ways")
    client.im(jid, "two")
    stream = carol.accept()
    stream.header(CAROL, ALICE)
    net.true("<message" not in stream.expect_end(), f"it was said in the clear: {stream.text}")
    client.notice("plaintext", "never")
    client.expect_error(client.im(jid, "three"))
    net.step("and nothing else")
    node.stop()


def test_broken(net):
    """What follows <starttls/> and is no TLS ends the stream, and nothing of it is heard"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    node = Node(net, alpha, ALICE)
    client = node.client()
    carol = Raw(net, bravo, CAROL)
    jid = client.roster(CAROL)
    hello = "<message type='chat'><body>smuggled</body></message>"
    for behind in hello, f"{hello}</stream:stream>", "\x16\x03\x01" + "\0" * 64:
        stream = carol.dial(alpha.address)
        stream.header(CAROL, ALICE, more=VERSION)
        stream.expect("</stream:features>")
        stream.send(f"<starttls xmlns='{TLS}'/>{behind}")
        stream.expect_end()
        stream.close()
    for behind in hello.encode(), b"\x16\x03\x01\x40\x00", b"":
        stream = carol.dial(alpha.address)
        stream.header(CAROL, ALICE, more=VERSION)
        stream.expect("</stream:features>")
        stream.send(f"<starttls xmlns='{TLS}'/>")
        stream.expect("<proceed ")
        stream.socket.sendall(behind)
        stream.socket.shutdown(socket.SHUT_WR)
        stream.expect_end()
        stream.close()
    stream = dial(net, carol, node)
    stream.send(f"<message to='{ALICE}' type='chat'><body>the right one</body></message>")
    client.expect_im(jid, "the right one")
    net.true(not client.got(lambda s: s.findtext("{jabber:client}body") == "smuggled"), "it was heard")
    node.stop()


if __name__ == "__main__":
    raise SystemExit(main(test_calling, test_called, test_remembered, test_pinned, test_never, test_broken))
