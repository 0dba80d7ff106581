#!/usr/bin/python3
import re

from lib import ROOMS, main

ROOM = f"tea@{ROOMS}"
KEPT = f"kept@{ROOMS}"
NO = ("forbidden", "not-allowed")  # not one's right, and not against an owner: both apply
SELF, CREATED, BANNED, NEW_NICK, KICKED = 110, 201, 301, 303, 307


def codes(event):
    return event["muc"]["codes"]


def has(*wanted):
    """Matches the muc#user part of a presence that carries all these status codes."""
    return lambda muc: muc is not None and all(code in muc["codes"] for code in wanted)


def create(t, alice):
    mine = alice.join(room=ROOM, nick="alice")
    t.true(CREATED in mine["muc"]["codes"] and SELF in mine["muc"]["codes"], f"status codes {mine['muc']}")
    t.equal((mine["muc"]["affiliation"], mine["muc"]["role"]), ("owner", "moderator"), "the creator")
    alice.room_config(room=ROOM, values={})
    t.true(ROOM in alice.disco_items(jid=ROOMS), "the new room in the list of rooms")
    t.step("alice creates the room and owns it")


def enter(t, alice, bob):
    theirs = bob.join(room=ROOM, nick="bob")
    t.equal(theirs["occupants"], ["alice"], "who is there")
    t.equal((theirs["muc"]["affiliation"], theirs["muc"]["role"]), ("none", "participant"), "bob in the room")
    t.true(CREATED not in theirs["muc"]["codes"], "bob did not create it")
    seen = alice.expect("presence", from_=f"{ROOM}/bob", type=None)
    t.equal(seen["muc"]["role"], "participant", "bob as alice sees him")
    t.true(SELF not in codes(seen), "status 110 about another one")
    carla = t.slix("carla")
    t.equal(carla.refused("join", room=ROOM, nick="bob"), "conflict", "a nickname in use")
    error = carla.expect("presence", type="error", error="conflict")
    if not t.deviates("prosody", "XEP-0045 7.2.8: errors to a join without its <x/>, which slixmpp waits for"):
        t.true(error["join"], "the refusal repeats the <x/> of the join, as slixmpp needs")
    carla.say(to=ROOM, body="from outside", type="groupchat", id="outside")
    t.equal(carla.expect("message", type="error", id="outside")["error"], "not-acceptable", "talking from outside")
    t.step("bob enters, both see it; a used nickname and talk from outside are refused")
    return carla


def talk(t, alice, bob):
    text = "a < b & c > d \"e\" 'f' \U0001f600\nsecond line"
    for one, other in ((alice, bob), (bob, alice)):
        one.say(to=ROOM, body=text, type="groupchat", id=f"room-{one.label}")
        for who in (one, other):
            got = who.expect("message", from_=f"{ROOM}/{one.label}", type="groupchat", body=text)
            t.equal((got["id"], got["delay"]), (f"room-{one.label}", None), f"the message as {who.label} sees it")
    alice.say(to=f"{ROOM}/bob", body="between us", type="chat")
    bob.expect("message", from_=f"{ROOM}/alice", type="chat", body="between us")
    alice.say(to=ROOM, body="marker", type="groupchat")
    for who in (alice, bob):
        who.expect("message", body="marker")
    t.equal(alice.seen("message", body="between us"), [], "alice's private message to bob, as alice sees it")
    t.step("both talk, everybody sees it once with its id; a private message reaches one")


def subject(t, alice, bob):
    alice.room_subject(room=ROOM, subject="Tea & <biscuits> \u2615")
    for who in (alice, bob):
        got = who.expect("message", subject="Tea & <biscuits> \u2615", from_=f"{ROOM}/alice")
        t.equal(got["body"], None, "body of a subject")
    bob.room_subject(room=ROOM, subject="mine")
    bob.expect("message", type="error", error="forbidden")
    t.step("the subject: set by the owner, not by a participant")


def nickname(t, alice, bob):
    bob.room_nick(room=ROOM, nick="Bobby")
    gone = alice.expect("presence", from_=f"{ROOM}/bob", type="unavailable", muc=has(NEW_NICK))
    t.equal(gone["muc"].get("nick"), "Bobby", "the new name in the old one's farewell")
    came = alice.expect("presence", from_=f"{ROOM}/Bobby", type=None)
    t.true(gone["at"] < came["at"], "the farewell comes first")
    bob.expect("presence", from_=f"{ROOM}/bob", type="unavailable", muc=has(NEW_NICK, SELF))
    bob.expect("presence", from_=f"{ROOM}/Bobby", type=None, muc=has(SELF))
    bob.room_nick(room=ROOM, nick="alice")
    bob.expect("presence", from_=f"{ROOM}/alice", type="error", error="conflict")
    bob.say(to=ROOM, body="it is me", type="groupchat")
    alice.expect("message", from_=f"{ROOM}/Bobby", body="it is me")
    t.step("bob changes his name, and cannot take another's")


def kick(t, alice, bob):
    alice.room_role(room=ROOM, nick="Bobby", role="none", reason="too much tea")
    for who in (bob, alice):
        gone = who.expect("presence", from_=f"{ROOM}/Bobby", type="unavailable", muc=has(KICKED))
        t.equal((gone["muc"]["role"], gone["muc"]["reason"]), ("none", "too much tea"), f"as {who.label} sees it")
    t.true(bob.refused("room_role", room=ROOM, nick="alice", role="none") in NO, "kicking the owner from outside")
    bob.join(room=ROOM, nick="bob")
    alice.expect("presence", from_=f"{ROOM}/bob", type=None)
    t.step("bob is kicked, with the reason, and may come back")


def ban(t, alice, bob):
    t.true(bob.refused("room_affiliation", room=ROOM, jid=alice.jid, affiliation="outcast") in NO, "banning the owner")
    alice.room_affiliation(room=ROOM, jid=bob.jid, affiliation="outcast", reason="no manners")
    for who in (bob, alice):
        gone = who.expect("presence", from_=f"{ROOM}/bob", type="unavailable", muc=has(BANNED))
        t.equal(gone["muc"]["affiliation"], "outcast", f"bob as {who.label} sees him")
    t.equal(bob.refused("join", room=ROOM, nick="bob"), "forbidden", "joining when banned")
    t.equal(alice.room_affiliates(room=ROOM, affiliation="outcast"), [bob.jid], "the list of the banned")
    alice.room_affiliation(room=ROOM, jid=bob.jid, affiliation="none")
    bob.join(room=ROOM, nick="bob")
    alice.expect("presence", from_=f"{ROOM}/bob", type=None)
    t.step("bob is banned, stays out until he is pardoned")


def leave(t, alice, bob):
    bob.leave(room=ROOM, nick="bob")
    alice.expect("presence", from_=f"{ROOM}/bob", type="unavailable")
    bob.expect("presence", from_=f"{ROOM}/bob", type="unavailable", muc=has(SELF))
    bob.join(room=ROOM, nick="bob")
    alice.expect("presence", from_=f"{ROOM}/bob", type=None)
    bob.drop()
    alice.expect("presence", from_=f"{ROOM}/bob", type="unavailable")
    t.step("leaving, and losing the connection: both show")


def history(t, alice, carla):
    said = [f"remember {n}" for n in range(25)]
    for text in said:
        alice.say(to=ROOM, body=text, type="groupchat")
    alice.expect("message", body=said[-1])
    got = carla.join(room=ROOM, nick="carla")
    t.equal([m["body"] for m in got["history"]], said[-20:], "history")
    t.true(all(m["delay"] and m["nick"] == "alice" for m in got["history"]), "stamps and names of the history")
    t.equal(got["subject"], "Tea & <biscuits> \u2615", "subject")
    events = carla.seen("presence", from_=re.compile(f"^{ROOM}/"), error=None)
    t.equal([e["from"] for e in events], [f"{ROOM}/alice", f"{ROOM}/carla"], "presence: others first, oneself last")
    t.step("a newcomer gets presence, the last 20 messages, the subject, in this order")
    carla.leave(room=ROOM, nick="carla")
    carla.expect("presence", from_=f"{ROOM}/carla", type="unavailable")
    some = carla.join(room=ROOM, nick="carla", maxstanzas=3)
    t.equal([m["body"] for m in some["history"]], said[-3:], "history of 3")
    carla.leave(room=ROOM, nick="carla")
    none = carla.join(room=ROOM, nick="carla", maxstanzas=0)
    t.equal(none["history"], [], "history of 0")
    t.step("or as many as asked for")


def persistent(t, alice, carla):
    alice.join(room=KEPT, nick="alice")
    alice.room_config(room=KEPT, values={"muc#roomconfig_persistentroom": True})
    alice.room_subject(room=KEPT, subject="still here")
    alice.expect("message", subject="still here")
    said = [f"kept {n}" for n in range(25)]
    for text in said:
        alice.say(to=KEPT, body=text, type="groupchat")
    alice.expect("message", body=said[-1])
    t.server.restart()
    alice.expect("disconnected")
    carla.expect("disconnected")
    bob = t.slix("bob", label="after")
    t.equal([j for j in bob.disco_items(jid=ROOMS) if j in (ROOM, KEPT)], [KEPT], "rooms after the restart")
    got = bob.join(room=KEPT, nick="bob")
    t.equal(got["occupants"], [], "who is there after a restart")
    t.equal(got["muc"]["affiliation"], "none", "bob's affiliation")
    t.equal([m["body"] for m in got["history"]], said[-20:], "history after the restart")
    t.true(all(m["delay"] and m["nick"] == "alice" for m in got["history"]), "stamps and names")
    t.equal(got["subject"], "still here", "subject after the restart")
    owner = t.slix("alice", label="owner")
    t.equal(owner.join(room=KEPT, nick="alice")["muc"]["affiliation"], "owner", "alice after the restart")
    bob.expect("presence", from_=f"{KEPT}/alice", type=None)
    bob.say(to=KEPT, body="good morning", type="groupchat")
    owner.expect("message", from_=f"{KEPT}/bob", body="good morning")
    t.step("a persistent room outlives a restart: owner, subject, last 20 messages")


def test(t):
    """Rooms: create, join, talk, subject, nicknames, kick, ban, history, persistent over a restart"""
    alice = t.slix("alice")
    bob = t.slix("bob")
    create(t, alice)
    carla = enter(t, alice, bob)
    talk(t, alice, bob)
    subject(t, alice, bob)
    nickname(t, alice, bob)
    kick(t, alice, bob)
    ban(t, alice, bob)
    leave(t, alice, bob)
    history(t, alice, carla)
    persistent(t, alice, carla)


if __name__ == "__main__":
    raise SystemExit(main(test))
