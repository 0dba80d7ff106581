#!/usr/bin/python3
from lib import ROOMS, main

ROOM = f"tea@{ROOMS}"
TEXTS = ["plain", "a < b && c > d, \"e\" 'f' ]]> &amp; <g/>", "first line\nsecond line",
         "\U0001f600 \u4f60\u597d \u05e9", "y" * 30000]


def login(t):
    bob = t.node("bob")
    auth = bob.expect("auth")
    t.true(auth["mechanism"].startswith("SCRAM-"), f"mechanism {auth['mechanism']}")
    t.true(bob.expect("sm_enabled")["id"], "an id to resume with")
    t.step(f"@xmpp/client over STARTTLS, {auth['tls']}, {auth['mechanism']}, stream management on")
    return bob


def presence(t, alice, bob):
    alice.presence(to=bob.jid, type="subscribe")
    bob.expect("presence", from_=alice.jid, type="subscribe")
    bob.presence(to=alice.jid, type="subscribed")
    alice.expect("presence", from_="bob@localhost/bob", type=None)
    bob.presence(to=alice.jid, type="subscribe")
    alice.expect("presence", from_=bob.jid, type="subscribe")
    alice.presence(to=bob.jid, type="subscribed")
    bob.expect("presence", from_="alice@localhost/alice", type=None)
    bob.presence(show="dnd", status="busy <&> \U0001f6d1")
    alice.expect("presence", from_="bob@localhost/bob", show="dnd", status="busy <&> \U0001f6d1")
    t.step("subscribed both ways, presence seen")


def chat(t, alice, bob):
    for one, other in ((alice, bob), (bob, alice)):
        for n, text in enumerate(TEXTS):
            one.say(to=other.jid, body=text, id=f"{one.label}-{n}")
            got = other.expect("message", body=text)
            t.equal((got["from"], got["type"], got["id"]), (f"{one.jid}/{one.label}", "chat", f"{one.label}-{n}"),
                    "message")
    for n in range(len(TEXTS)):
        bob.expect("acked", id=f"bob-{n}")
    t.step("messages both ways unchanged, and acknowledged")


def room(t, alice, bob):
    alice.join(room=ROOM, nick="alice")
    alice.room_config(room=ROOM, values={})
    bob.join(room=ROOM, nick="bob")
    alice.expect("presence", from_=f"{ROOM}/bob", type=None)
    for one in (alice, bob):
        one.say(to=ROOM, body=f"{one.label} in the room", type="groupchat")
        for who in (alice, bob):
            who.expect("message", from_=f"{ROOM}/{one.label}", body=f"{one.label} in the room")
    t.step("a room with both")


def leave(t, alice, bob):
    bob.ping(jid="alice@localhost/alice")
    alice.ping(jid="bob@localhost/bob")
    bob.logout()
    alice.expect("presence", from_="bob@localhost/bob", type="unavailable")
    alice.expect("presence", from_=f"{ROOM}/bob", type="unavailable")
    t.equal([e["text"] for e in bob.seen("error")], [], "errors that @xmpp/client reported")
    t.step("pings across, logout in order, no error reported")


def test(t):
    """@xmpp/client with slixmpp: STARTTLS, SCRAM, presence, chat, a room, stream management"""
    alice = t.slix("alice")
    bob = login(t)
    presence(t, alice, bob)
    chat(t, alice, bob)
    room(t, alice, bob)
    leave(t, alice, bob)


if __name__ == "__main__":
    raise SystemExit(main(test))
