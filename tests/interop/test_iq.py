#!/usr/bin/python3
from lib import ROOMS, main


def server_questions(t, alice):
    alice.ping()
    info = alice.disco_info(jid="localhost")
    t.true("server/im" in info["identities"], f"identities {info['identities']}")
    for feature in ("http://jabber.org/protocol/disco#info", "urn:xmpp:ping", "jabber:iq:version", "vcard-temp"):
        t.true(feature in info["features"], f"{feature} is missing in {info['features']}")
    t.true(ROOMS in alice.disco_items(jid="localhost"), "the room service is not among the server's items")
    rooms = alice.disco_info(jid=ROOMS)
    t.true("conference/text" in rooms["identities"], f"identities of the room service {rooms['identities']}")
    t.true("http://jabber.org/protocol/muc" in rooms["features"], "the room service's features")
    version = alice.version(jid="localhost")
    t.true(version["name"], "a name of the software")
    t.step(f"ping, disco of server and room service, version: {version['name']} {version['version']}")


def vcards(t, alice, bob):
    alice.vcard_set(FN="Alice <&> \"Wonder\" \U0001f407", NICKNAME="al")
    got = bob.vcard_get(jid=alice.jid)
    t.equal(got["FN"], "Alice <&> \"Wonder\" \U0001f407", "alice's name as bob sees it")
    t.true("al" in got["NICKNAME"], f"nickname {got['NICKNAME']}")
    t.equal(alice.vcard_get()["FN"], "Alice <&> \"Wonder\" \U0001f407", "alice's name as she sees it")
    none = bob.refused("vcard_get", jid="nobody@localhost")
    t.true(none in ("item-not-found", "service-unavailable"), f"vCard of nobody: {none}")
    t.step("vCards: set, read by another, read by oneself")


def private(t, alice, bob):
    notes = "<notes xmlns='urn:example:notes'><n xml:lang='de'>\u00c4pfel &lt;&amp;&gt;</n></notes>"
    alice.iq(type="set", payload=f"<query xmlns='jabber:iq:private'>{notes}</query>")
    question = "<query xmlns='jabber:iq:private'><notes xmlns='urn:example:notes'/></query>"
    got = "".join(alice.iq(type="get", payload=question))
    t.true("\u00c4pfel &lt;&amp;&gt;" in got, f"private XML came back as {got}")
    t.true("\u00c4pfel" not in "".join(bob.iq(type="get", payload=question)), "alice's notes are bob's, too")
    t.equal(bob.refused("iq", type="get", payload=question, to=alice.jid) is not None, True, "asking for alice's")
    t.step("private XML: kept, and private")


def between_clients(t, alice, bob):
    if not t.deviates("prosody", "RFC 6121 8.5.3.1: questions of strangers are delivered"):
        t.equal(alice.refused("ping", jid="bob@localhost/bob"), "service-unavailable", "a stranger's question")
    alice.presence(to="bob@localhost/bob")
    bob.presence(to="alice@localhost/alice")
    alice.expect("presence", from_="bob@localhost/bob")
    bob.expect("presence", from_="alice@localhost/alice")
    alice.ping(jid="bob@localhost/bob")
    t.true("client/" in " ".join(bob.disco_info(jid="alice@localhost/alice")["identities"]), "alice's client identity")
    t.equal(bob.version(jid="alice@localhost/alice")["name"], "Slixmpp", "alice's software")
    t.equal(alice.refused("version", jid="bob@localhost/gone"), "service-unavailable", "a device that is not there")
    t.equal(alice.refused("iq", type="get", payload="<q xmlns='urn:example:unknown'/>"), "service-unavailable",
            "an unknown question to the own account")
    t.equal(alice.refused("iq", type="get", to="localhost", payload="<q xmlns='urn:example:unknown'/>"),
            "service-unavailable", "an unknown question to the server")
    t.step("questions from client to client, and unknown ones")


def survives(t, alice):
    t.server.restart()
    alice.expect("disconnected")
    again = t.slix("alice", label="again")
    t.equal(again.vcard_get()["FN"], "Alice <&> \"Wonder\" \U0001f407", "the vCard after a restart")
    got = "".join(again.iq(type="get", payload="<query xmlns='jabber:iq:private'><notes xmlns='urn:example:notes'/>"
                           "</query>"))
    t.true("\u00c4pfel &lt;&amp;&gt;" in got, f"private XML after a restart: {got}")
    t.step("vCard and private XML outlive a restart")


def test(t):
    """Questions: ping, disco, version, vCard, private XML, between clients"""
    alice = t.slix("alice")
    bob = t.slix("bob")
    server_questions(t, alice)
    vcards(t, alice, bob)
    private(t, alice, bob)
    between_clients(t, alice, bob)
    survives(t, alice)


if __name__ == "__main__":
    raise SystemExit(main(test))
