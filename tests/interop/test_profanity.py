#!/usr/bin/python3
import re

from lib import ROOMS, main

ROOM = f"tea@{ROOMS}"
NASTY = "a < b & c > d \"e\" 'f' \u00e9\u4f60 \U0001f600"


def login(t):
    bob = t.profanity("bob")
    bob.sign_in()
    mechanism = bob.logged(r"SENT: <auth [^>]*mechanism=[\"'](SCRAM-[A-Z0-9-]+)").group(1)
    bob.logged("SENT: <starttls ")
    t.step(f"profanity over STARTTLS with tls trust, {mechanism}")
    return bob


def presence(t, alice, bob):
    alice.presence(to=bob.jid, type="subscribe")
    bob.shown("subscription request|Received.*alice@localhost")
    bob.type("/sub allow alice@localhost")
    resource = alice.expect("presence", from_=re.compile("^bob@localhost/"), type=None)["from"]
    bob.type("/sub request alice@localhost")
    alice.expect("presence", from_=bob.jid, type="subscribe")
    alice.presence(to=bob.jid, type="subscribed")
    bob.logged("RECV: <presence [^>]*from=\"alice@localhost/alice\"")
    bob.type("/status set away \"gone for lunch\"")
    alice.expect("presence", from_=resource, show="away", status="gone for lunch")
    bob.type("/status set online")
    alice.expect("presence", from_=resource, show=None, type=None)
    alice.presence(show="dnd", status="writing")
    bob.shown(r"alice.*dnd|dnd.*writing")
    t.step("subscribed both ways; alice sees profanity away, profanity shows her busy")
    return resource


def chat(t, alice, bob, resource):
    bob.type(f"/msg alice@localhost {NASTY}")
    got = alice.expect("message", body=NASTY)
    t.equal((got["from"], got["type"]), (resource, "chat"), "profanity's message")
    alice.say(to=resource, body="reply: " + NASTY)
    bob.shown(re.escape("reply: " + NASTY))
    alice.say(to=resource, body="line one\nline two")
    bob.shown("line one")
    bob.shown("^\\s*line two")
    bob.type("and a second one")
    alice.expect("message", body="and a second one")
    t.step("messages both ways, unchanged, as received by slixmpp and shown on profanity's screen")


def room(t, alice, bob):
    alice.join(room=ROOM, nick="alice")
    alice.room_config(room=ROOM, values={})
    alice.room_subject(room=ROOM, subject="Tea time")
    alice.expect("message", subject="Tea time")
    bob.type(f"/join {ROOM} nick bobby")
    alice.expect("presence", from_=f"{ROOM}/bobby", type=None)
    bob.shown("Tea time")
    bob.type(NASTY)
    alice.expect("message", from_=f"{ROOM}/bobby", type="groupchat", body=NASTY)
    alice.say(to=ROOM, body="welcome " + NASTY, type="groupchat")
    bob.shown("alice.*" + re.escape("welcome " + NASTY))
    bob.type("/nick robert")
    alice.expect("presence", from_=f"{ROOM}/robert", type=None)
    t.step("a room: joined, subject shown, talk both ways, nickname changed")


def create(t, alice, bob):
    """profanity creates a room itself, and accepts its defaults."""
    bob.type(f"/join own@{ROOMS} nick bob")
    bob.shown("Room locked|room is locked|/room accept")
    bob.type("/room accept")
    # It says "unlocked" before the server has answered, so look at the wire.
    number = bob.logged(f'SENT: <iq (?=[^>]*id="([^"]+)")(?=[^>]*to="own@{ROOMS}")[^>]*><query [^>]*muc#owner').group(1)
    bob.logged(f'RECV: <iq (?=[^>]*id="{number}")(?=[^>]*type="result")')
    alice.join(room=f"own@{ROOMS}", nick="alice")
    bob.logged(f"RECV: <presence [^>]*from=\"own@{ROOMS}/alice\"")
    alice.say(to=f"own@{ROOMS}", body="nice place", type="groupchat")
    bob.shown("alice.*nice place")
    t.step("profanity creates a room, unlocks it, and alice comes in")


def leave(t, alice, bob, resource):
    alice.ping(jid=resource)
    bob.quit()
    alice.expect("presence", from_=resource, type="unavailable")
    alice.expect("presence", from_=f"{ROOM}/robert", type="unavailable")
    t.step("/quit: gone everywhere")


def test(t):
    """profanity with slixmpp: STARTTLS, SCRAM, presence, chat, rooms"""
    alice = t.slix("alice")
    bob = login(t)
    resource = presence(t, alice, bob)
    chat(t, alice, bob, resource)
    room(t, alice, bob)
    create(t, alice, bob)
    leave(t, alice, bob, resource)


if __name__ == "__main__":
    raise SystemExit(main(test))
