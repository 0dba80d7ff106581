#!/usr/bin/python3
"""A client from browsers: the library stanza, both as who owns a room and as who is in it. What is asserted is what the
library itself made of what came, in its own words; carla, who is slixmpp, is there as a third."""

import base64
import hashlib

from lib import ROOMS, main
from test_rooms_more import CONFIG

TEA, CLUB, STAGE, LOCKED = (f"{name}@{ROOMS}" for name in ("tea", "club", "stage", "locked"))
SECRET = "open & <sesame> \u2615"
DELAYED = 2


def codes(*wanted):
    """Status codes, which stanza has as text."""
    return lambda muc: muc is not None and {str(code) for code in wanted} <= set(muc.get("statusCodes", []))


def item(**wanted):
    return lambda muc: muc is not None and all(muc.get(name) == value for name, value in wanted.items())


def form(**values):
    return {"fields": [{"name": "FORM_TYPE", "type": "hidden", "value": "http://jabber.org/protocol/muc#roomconfig"}] +
            [{"name": CONFIG + name, "value": value} for name, value in values.items()]}


def make(owner, room, **values):
    owner.run("joinRoom", room, owner.label)
    owner.run("configureRoom", room, form(**values))


def say(who, room, text):
    who.run("sendMessage", {"to": room, "type": "groupchat", "body": text})


def create(t, alice, bob):
    made = alice.run("joinRoom", TEA, "alice")
    t.true(codes(110, 201)(made["muc"]), f"a new room: {made}")
    t.equal((made["muc"]["role"], made["muc"]["affiliation"]), ("moderator", "owner"), "who makes a room")
    seen = alice.run("getRoomConfig", TEA)
    values = {CONFIG + "roomname": "Tea & <biscuits>", CONFIG + "roomdesc": "\u2615?", CONFIG + "persistentroom": True,
              CONFIG + "changesubject": True, CONFIG + "whois": "anyone"}
    for field in seen["fields"]:  # all goes back, as a client with a form on its screen does it
        if field.get("name") in values:
            field["value"] = values[field["name"]]
    alice.run("configureRoom", TEA, seen)
    again = {field.get("name"): field.get("value") for field in alice.run("getRoomConfig", TEA)["fields"]}
    t.equal({name: again[name] for name in values}, values, "the form afterwards")
    info = bob.run("getDiscoInfo", TEA)
    t.equal(info["identities"][0]["name"], "Tea & <biscuits>", "the name in discovery")
    t.true({"muc_persistent", "muc_nonanonymous", "urn:xmpp:mam:2"} <= set(info["features"]), f"{info['features']}")
    t.true(TEA in [i["jid"] for i in bob.run("getDiscoItems", ROOMS)["items"]], "the list of rooms")
    t.step("a room made, its whole form filled in, as discovery shows")


def enter(t, alice, bob):
    alice.run("setSubject", TEA, "Assam or Darjeeling?")
    for n in range(4):
        say(alice, TEA, f"line {n}")
    alice.expect("groupchat", body="line 3")
    joined = bob.run("joinRoom", TEA, "bob", {"muc": {"history": {"maxStanzas": DELAYED}}})
    t.true(codes(110, 100)(joined["muc"]), f"bob in a room that shows addresses: {joined}")
    there = bob.expect("muc:available", from_=f"{TEA}/alice")
    t.equal((there["muc"]["affiliation"], there["muc"]["jid"]), ("owner", "alice@localhost/alice"), "alice, to bob")
    topic = bob.expect("muc:topic", topic="Assam or Darjeeling?")
    past = bob.seen("groupchat")
    t.equal([m["body"] for m in past], ["line 2", "line 3"], "the history asked for")
    t.true(all("delay" in m for m in past), "the times of the history")
    t.true(bob.events.index(past[-1]) < topic["at"], "the subject comes after the history")
    alice.expect("muc:available", from_=f"{TEA}/bob")
    t.step("entered: who is there, as much history as was asked for, then the subject")


def talk(t, alice, bob):
    for one in (alice, bob):
        say(one, TEA, f"{one.label} & <all> \U0001f600")
        got = [who.expect("groupchat", from_=f"{TEA}/{one.label}", body=f"{one.label} & <all> \U0001f600")
               for who in (alice, bob)]
        t.true(got[0]["stanzaIds"] == got[1]["stanzaIds"] and got[0]["stanzaIds"][0]["by"] == TEA, f"{got}")
        here = alice.seen("muc:available", from_=f"{TEA}/{one.label}")[-1]
        t.true(got[1]["occupantId"] and got[1]["occupantId"] == here["occupantId"], "whose it is, by occupant-id")
    bob.run("sendMessage", {"to": f"{TEA}/alice", "type": "chat", "body": "between us"})
    alice.expect("chat", from_=f"{TEA}/bob", body="between us")
    bob.run("setSubject", TEA, "Oolong")
    alice.expect("muc:topic", room=TEA, from_=f"{TEA}/bob", topic="Oolong")
    t.step("talk with numbers and occupants' ids, a private message, another subject")


def names(t, alice, bob, carla):
    carla.join(room=TEA, nick="carla")
    t.equal(bob.refused_run("changeNick", TEA, "carla"), "conflict", "a name that is taken")
    mine = bob.run("changeNick", TEA, "robert")
    t.equal(mine["from"], f"{TEA}/robert", "the new name")
    alice.expect("muc:unavailable", from_=f"{TEA}/bob", muc=lambda m: codes(303)(m) and m["nick"] == "robert")
    alice.expect("muc:available", from_=f"{TEA}/robert")
    bob.run("ping", f"{TEA}/robert")  # XEP-0410
    t.equal(bob.refused_run("ping", f"{CLUB}/robert"), "item-not-found", "a ping to oneself, where there is no room")
    bob.run("leaveRoom", TEA)
    gone = alice.expect("muc:unavailable", from_=f"{TEA}/robert", muc=item(role="none"))
    t.true(not codes(307)(gone["muc"]), "he went by himself")
    t.equal(bob.refused_run("ping", f"{TEA}/robert"), "not-acceptable", "a ping to oneself, after leaving")
    t.step("another nickname, one that is taken, self-ping inside and outside")


def password(t, alice, bob):
    values = {"roomsecret": SECRET}
    make(alice, LOCKED, **values if t.server.name == "prosody" else {"passwordprotectedroom": True, **values})
    t.equal(bob.refused_run("joinRoom", LOCKED, "bob"), "not-authorized", "no password")
    t.equal(bob.refused_run("joinRoom", LOCKED, "bob", {"muc": {"password": SECRET + "!"}}), "not-authorized", "a wrong one")
    bob.run("joinRoom", LOCKED, "bob", {"muc": {"password": SECRET}})
    bob.expect("muc:join", from_=f"{LOCKED}/bob")
    t.step("a password: none, a wrong one, the right one")


def request(t, alice, bob):
    bob.run("requestRoomVoice", STAGE)
    asked = alice.expect("message", from_=STAGE, forms=lambda f: f)["forms"][0]
    fields = {f["name"]: f.get("value") for f in asked["fields"]}
    t.equal((fields["muc#role"], fields["muc#roomnick"]), ("participant", "bob"), "the request")
    for field in asked["fields"]:
        if field["name"] == "muc#request_allow":
            field["value"] = True
    alice.run("sendMessage", {"to": STAGE, "forms": [{**asked, "type": "submit"}]})


def voice(t, alice, bob, carla):
    make(alice, STAGE, moderatedroom=True)
    t.equal(bob.run("joinRoom", STAGE, "bob")["muc"]["role"], "visitor", "who enters a moderated room")
    carla.join(room=STAGE, nick="carla")
    say(bob, STAGE, "may I?")
    t.equal(bob.expect("message:error", from_=STAGE)["error"]["condition"], "forbidden", "no voice")
    request(t, alice, bob)
    for who in (alice, bob):
        who.expect("muc:available", from_=f"{STAGE}/bob", muc=item(role="participant"))
    say(bob, STAGE, "thank you")
    alice.expect("groupchat", from_=f"{STAGE}/bob", body="thank you")
    t.step("voice asked for and granted, by the forms")
    alice.run("setRoomRole", STAGE, "bob", "visitor", "too loud")
    bob.expect("muc:available", from_=f"{STAGE}/bob", muc=item(role="visitor", reason="too loud"))
    say(bob, STAGE, "hush")
    t.equal(bob.expect("message:error", from_=STAGE)["error"]["condition"], "forbidden", "voice taken")
    alice.run("setRoomRole", STAGE, "bob", "participant")
    bob.expect("muc:available", from_=f"{STAGE}/bob", muc=item(role="participant"))
    if not t.deviates("prosody", "XEP-0045 8.3: not-allowed"):
        t.equal(bob.refused_run("setRoomRole", STAGE, "carla", "participant"), "forbidden", "a participant as moderator")
    t.step("voice taken, with the reason, and given back; not by a participant")


def affiliations(t, alice, bob):
    for affiliation in ("member", "admin", "owner", "none"):
        alice.run("setRoomAffiliation", STAGE, bob.jid, affiliation)
        bob.expect("muc:available", from_=f"{STAGE}/bob", muc=item(affiliation=affiliation))
    alice.run("setRoomAffiliation", STAGE, "dora@localhost", "member")
    members = alice.run("getRoomMembers", STAGE)["muc"]["users"]
    t.equal([(m["jid"], m["affiliation"]) for m in members], [("dora@localhost", "member")], "the list of members")
    t.step("member, admin, owner, none again; the list of members")


def moderate(t, alice, bob):
    alice.run("kick", STAGE, "bob", "a break & <tea>")
    out = bob.expect("muc:leave", from_=f"{STAGE}/bob", muc=codes(307))
    t.equal((out["muc"]["reason"], out["muc"]["actor"]["nick"]), ("a break & <tea>", "alice"), "who kicked, and why")
    bob.run("joinRoom", STAGE, "bob")
    if t.server.name != "prosody":
        t.equal(bob.refused_run("kick", STAGE, "alice"), "forbidden", "a kick by somebody else")
    alice.run("ban", STAGE, bob.jid, "no manners")
    out = bob.expect("muc:leave", from_=f"{STAGE}/bob", muc=codes(301))
    t.equal((out["muc"]["reason"], out["muc"]["affiliation"]), ("no manners", "outcast"), "the ban")
    t.equal(bob.refused_run("joinRoom", STAGE, "bob"), "forbidden", "banned")
    banned = alice.run("getRoomMembers", STAGE, {"affiliation": "outcast"})["muc"]["users"]
    t.equal([b["jid"] for b in banned], [bob.jid], "the list of the banned")
    alice.run("setRoomAffiliation", STAGE, bob.jid, "none")
    bob.run("joinRoom", STAGE, "bob")
    t.step("kicked, banned, in again")


def invite(t, alice, bob, carla):
    make(alice, CLUB, membersonly=True)
    t.equal(bob.refused_run("joinRoom", CLUB, "bob"), "registration-required", "who is no member")
    alice.run("invite", CLUB, [{"to": bob.jid, "reason": "Join & <see>"}])
    got = bob.expect("muc:invite", room=CLUB, type="mediated")
    t.equal(got["reason"], "Join & <see>", "the reason of the invitation")
    t.true(got["from"].split("/")[0] == alice.jid or got["from"] == f"{CLUB}/alice", f"who invites: {got['from']}")
    t.equal(bob.run("joinRoom", CLUB, "bob")["muc"]["affiliation"], "member", "who was invited")
    alice.run("invite", CLUB, [{"to": carla.jid}])
    carla.expect("message", from_=CLUB, muc=lambda muc: muc is not None and "invite" in muc)
    carla.room_decline(room=CLUB, jid=alice.jid, reason="no time")
    # stanza 12 looks for <decline/> in the wrong place, and sees no more of it than that it is one.
    alice.expect("muc:other", from_=CLUB, muc=item(action="decline"))
    bob.run("directInvite", TEA, alice.jid, {"reason": "tea", "password": "x"})
    got = alice.expect("muc:invite", type="direct", room=TEA)
    t.equal((got["from"], got["reason"], got["password"]), ("bob@localhost/bob", "tea", "x"), "the direct invitation")
    alice.run("setRoomAffiliation", CLUB, bob.jid, "none")
    bob.expect("muc:leave", from_=f"{CLUB}/bob", muc=codes(321))
    t.step("members only: invited, declined, invited directly, no member any more")


def archive(t, alice, bob, carla):
    said = [f"page {n}" for n in range(7)]
    for text in said:
        say(alice, STAGE, text)
    last = bob.expect("groupchat", body=said[-1])
    texts, after, sizes = [], {}, []
    while True:
        page = bob.run("searchHistory", STAGE, {"paging": {"max": 3, **after}})
        sizes.append(len(page["results"]))
        texts += [r["item"]["message"].get("body") for r in page["results"]]
        if page.get("complete"):
            break
        t.true(len(sizes) < 20, "pages without an end")
        after = {"after": page["paging"]["last"]}
    texts = [text for text in texts if text]
    t.equal((max(sizes), texts[-8:]), (3, ["thank you"] + said), "the archive, page by page")
    back = bob.run("searchHistory", STAGE, {"paging": {"max": 3, "before": ""}})
    t.equal([r["item"]["message"]["body"] for r in back["results"]], said[-3:], "its last page")
    t.equal(back["results"][-1]["id"], last["stanzaIds"][0]["id"], "its numbers are those of the messages")
    if t.server.name != "prosody":
        alice.run("setRoomAffiliation", STAGE, carla.jid, "owner")
        carla.iq(type="set", to=STAGE, payload="<moderate xmlns='urn:xmpp:message-moderate:1' "
                 f"id='{back['results'][0]['id']}'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>")
        left = bob.run("searchHistory", STAGE, {"paging": {"max": 50}})["results"]
        t.true(said[-3] not in [r["item"]["message"].get("body") for r in left], "what a moderator took back")
    t.step("the archive by pages, forwards and backwards, and without what a moderator took back")


def card(t, alice, bob):
    if t.deviates("prosody", "XEP-0486: not in Debian's packages"):
        return
    photo = {"type": "photo", "mediaType": "image/png", "data": "iVBORw0KGgo="}
    alice.run("sendIQ", {"to": STAGE, "type": "set", "vcard": {"records": [photo]}})
    got = bob.run("getVCard", STAGE)["records"]
    t.equal([(r["type"], r["mediaType"]) for r in got], [("photo", "image/png")], "the room's picture")
    told = [f for x in bob.run("getDiscoInfo", STAGE)["extensions"] for f in x["fields"] if "avatarhash" in f["name"]]
    t.equal([f["value"] for f in told], [[hashlib.sha1(base64.b64decode(photo["data"])).hexdigest()]], "its hash, in discovery")
    t.step("the room's picture, by its vCard, and its hash in discovery")


def destroy(t, alice, bob):
    t.equal(bob.refused_run("destroyRoom", STAGE, {}), "forbidden", "not an owner")
    alice.run("destroyRoom", STAGE, {"jid": TEA, "reason": "moved & gone"})
    end = bob.expect("muc:destroyed", room=STAGE)
    t.equal((end["newRoom"], end["reason"]), (TEA, "moved & gone"), "where to, and why")
    bob.run("joinRoom", end["newRoom"], "bob")
    alice.expect("muc:available", from_=f"{TEA}/bob")
    t.step("destroyed: bob learns why, and goes where he is told")


def test(t):
    """stanza: rooms from making one to its end, in the library's own events"""
    alice, bob, carla = t.stanza("alice"), t.stanza("bob", tls="direct"), t.slix("carla")
    create(t, alice, bob)
    enter(t, alice, bob)
    talk(t, alice, bob)
    names(t, alice, bob, carla)
    password(t, alice, bob)
    voice(t, alice, bob, carla)
    affiliations(t, alice, bob)
    moderate(t, alice, bob)
    invite(t, alice, bob, carla)
    archive(t, alice, bob, carla)
    card(t, alice, bob)
    destroy(t, alice, bob)
    bob.logout()
    alice.expect("muc:unavailable", from_=f"{TEA}/bob")


if __name__ == "__main__":
    raise SystemExit(main(test))
