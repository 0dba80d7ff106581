#!/usr/bin/python3
"""What owners and moderators do in rooms, as the others see it."""

from lib import ROOMS, main
from test_rooms import has

TEA, CLUB, STAGE, DOOMED = (f"{name}@{ROOMS}" for name in ("tea", "club", "stage", "doomed"))
CONFIG = "muc#roomconfig_"
CHANGED, NO_MEMBER = 104, 321
SECRET = "open & <sesame> \u2615"


def make(owner, room, **values):
    owner.join(room=room, nick=owner.label)
    owner.room_config(room=room, values={CONFIG + name: value for name, value in values.items()})


def configure(t, alice, bob):
    make(alice, TEA)
    bob.join(room=TEA, nick="bob")
    alice.expect("presence", from_=f"{TEA}/bob", type=None)
    history = next(var for var in alice.room_form(room=TEA) if "history" in var)
    values = {CONFIG + "roomname": "Tea & <biscuits>", CONFIG + "roomdesc": "What is it about?\u2615",
              CONFIG + "lang": "de", CONFIG + "persistentroom": True, CONFIG + "changesubject": True,
              CONFIG + "whois": "anyone", CONFIG + "presencebroadcast": ["moderator", "participant"], history: "7"}
    if not t.deviates("prosody", "the registry of XEP-0045 15.5.3: no contact, nor who may send private messages"):
        values |= {"muc#roominfo_contactjid": "alice@localhost", CONFIG + "maxusers": "50",
                   CONFIG + "allowpm": "participants"}
    alice.room_config(room=TEA, values=values)
    bob.expect("message", from_=TEA, muc=has(CHANGED))
    alice.room_affiliation(room=TEA, jid=bob.jid, affiliation="owner")
    alice.expect("presence", from_=f"{TEA}/bob", muc=lambda muc: muc["affiliation"] == "owner")
    seen = bob.room_form(room=TEA)
    for var, value in values.items():
        got = seen[var]["value"]
        t.equal(sorted(got) if isinstance(got, list) else got, value, f"{var} in the form that bob gets")
    kinds = {field["type"] for field in seen.values()}
    t.true({"hidden", "boolean", "text-single", "text-private", "list-single", "list-multi"} <= kinds, f"types: {kinds}")
    t.true("muc_nonanonymous" in bob.disco_info(jid=TEA)["features"], "the kind of room in discovery")
    t.step("the form: fetched, changed in every type of field, and another owner gets what was set")


def bad_form(t, alice, bob):
    if t.deviates("prosody", "XEP-0045 10.2: what is no value of a list is taken as the default"):
        return
    before = bob.room_form(room=TEA)
    t.equal(alice.refused("room_config", room=TEA, values={CONFIG + "roomname": "new", CONFIG + "whois": "nobody"}),
            "not-acceptable", "a value that is not in the list")
    t.equal(bob.room_form(room=TEA), before, "the form after a refused one")
    t.step("a form with one wrong value changes nothing")


def password(t, alice, carla):
    alice.room_config(room=TEA, values={CONFIG + "passwordprotectedroom": True, CONFIG + "roomsecret": SECRET}
                      if t.server.name == "wireside" else {CONFIG + "roomsecret": SECRET})
    t.true("muc_passwordprotected" in carla.disco_info(jid=TEA)["features"], "the lock, as carla sees it")
    t.equal(carla.refused("join", room=TEA, nick="carla"), "not-authorized", "no password")
    t.equal(carla.refused("join", room=TEA, nick="carla", password=SECRET + " "), "not-authorized", "a wrong one")
    t.equal(carla.join(room=TEA, nick="carla", password=SECRET)["nick"], "carla", "the right one")
    alice.expect("presence", from_=f"{TEA}/carla", type=None)
    t.equal(len(alice.seen("presence", from_=f"{TEA}/carla")), 1, "presences of carla, as alice sees them")
    t.step("a password: none, a wrong one, the right one")


def voice(t, alice, bob, carla):
    make(alice, STAGE, moderatedroom=True)
    t.equal(bob.join(room=STAGE, nick="bob")["muc"]["role"], "visitor", "who enters a moderated room")
    carla.join(room=STAGE, nick="carla")
    bob.say(to=STAGE, body="may I?", type="groupchat", id="mute")
    bob.expect("message", type="error", id="mute", error="forbidden")
    bob.room_request_voice(room=STAGE)
    form = alice.expect("message", from_=STAGE, form=lambda f: f is not None)["form"]
    t.equal((form["muc#role"], form["muc#roomnick"]), (["participant"], ["bob"]), "the request")
    alice.room_answer(room=STAGE, **{"muc#request_allow": True})
    for who in (bob, carla):
        who.expect("presence", from_=f"{STAGE}/bob", muc=lambda muc: muc["role"] == "participant")
    bob.say(to=STAGE, body="thank you", type="groupchat")
    carla.expect("message", from_=f"{STAGE}/bob", body="thank you")
    t.equal(carla.seen("message", body="may I?"), [], "what was said without voice, as carla sees it")
    t.equal(carla.seen("message", form=lambda f: f is not None), [], "requests that come to a visitor")
    t.step("no voice in a moderated room; asked for, granted through the form, told to all")
    alice.room_role(room=STAGE, nick="bob", role="visitor", reason="too loud")
    seen = carla.expect("presence", from_=f"{STAGE}/bob", muc=lambda muc: muc["role"] == "visitor" and muc["reason"])
    t.equal(seen["muc"]["reason"], "too loud", "the reason")
    bob.say(to=STAGE, body="hush", type="groupchat", id="hush")
    bob.expect("message", type="error", id="hush", error="forbidden")
    alice.room_role(room=STAGE, nick="bob", role="participant")
    bob.expect("presence", from_=f"{STAGE}/bob", muc=lambda muc: muc["role"] == "participant")
    bob.say(to=STAGE, body="again", type="groupchat")
    carla.expect("message", from_=f"{STAGE}/bob", body="again")
    t.step("voice taken away, with the reason, and given back")


def identity(t, alice, bob):
    """Who it is stays known under another name, and after coming back."""
    bob.say(to=STAGE, body="it is me", type="groupchat")
    before = alice.expect("message", from_=f"{STAGE}/bob", body="it is me")["occupant_id"]
    bob.leave(room=STAGE, nick="bob")
    alice.expect("presence", from_=f"{STAGE}/bob", type="unavailable")
    bob.join(room=STAGE, nick="robert")
    seen = alice.expect("presence", from_=f"{STAGE}/robert", type=None)
    t.equal(seen["occupant_id"], before, "the occupant's id after coming back under another name")
    others = {e["occupant_id"] for e in alice.seen("presence", from_=f"{STAGE}/carla")}
    t.true(before and before not in others, f"carla has another: {before}, {others}")
    bob.room_nick(room=STAGE, nick="bob")
    alice.expect("presence", from_=f"{STAGE}/robert", type="unavailable")  # an earlier presence of "bob" may be unread
    alice.expect("presence", from_=f"{STAGE}/bob", type=None, occupant_id=before)
    alice.room_role(room=STAGE, nick="bob", role="participant")
    bob.expect("presence", from_=f"{STAGE}/bob", muc=lambda muc: muc["role"] == "participant")
    t.step("the same occupant under another name")


def invite(t, alice, bob, carla):
    make(alice, CLUB, membersonly=True)
    t.equal(bob.refused("join", room=CLUB, nick="bob"), "registration-required", "who is no member")
    alice.room_invite(room=CLUB, jid=bob.jid, reason="Join us & talk")
    got = bob.expect("message", from_=CLUB, muc=lambda muc: muc is not None and "invite" in muc)
    t.equal(got["muc"]["invite"]["reason"], "Join us & talk", "the reason of the invitation")
    t.true(got["muc"]["invite"]["from"].startswith("alice@localhost") or
           got["muc"]["invite"]["from"] == f"{CLUB}/alice", f"who invites: {got['muc']['invite']}")
    t.equal(got.get("direct", {}).get("jid"), CLUB, "the same for clients that know jabber:x:conference only")
    t.equal(bob.join(room=CLUB, nick="bob")["muc"]["affiliation"], "member", "who was invited")
    alice.expect("presence", from_=f"{CLUB}/bob", muc=lambda muc: muc["affiliation"] == "member")
    t.step("members only: refused, invited, a member")
    alice.room_invite(room=CLUB, jid=carla.jid, reason="you, too")
    carla.expect("message", from_=CLUB, muc=lambda muc: muc is not None and "invite" in muc)
    carla.room_decline(room=CLUB, jid=alice.jid, reason="no time")
    no = alice.expect("message", from_=CLUB, muc=lambda muc: muc is not None and "decline" in muc)["muc"]["decline"]
    t.equal((no["from"].split("/")[0], no["reason"]), (carla.jid, "no time"), "the refusal")
    # slixmpp 1.8.3 fails on a refusal and answers it with an error; that must not throw anybody out.
    alice.say(to=CLUB, body="a pity", type="groupchat")
    bob.expect("message", from_=f"{CLUB}/alice", body="a pity")
    t.step("an invitation declined, with the reason")
    alice.room_affiliation(room=CLUB, jid=bob.jid, affiliation="none")
    bob.expect("presence", from_=f"{CLUB}/bob", type="unavailable", muc=has(NO_MEMBER))
    alice.expect("presence", from_=f"{CLUB}/bob", type="unavailable", muc=has(NO_MEMBER))
    t.equal(bob.refused("join", room=CLUB, nick="bob"), "registration-required", "who is no member any more")
    t.step("no member any more: out, and not in again")


def destroy(t, alice, bob):
    make(alice, DOOMED, persistentroom=True)
    bob.join(room=DOOMED, nick="bob")
    t.equal(bob.refused("room_destroy", room=DOOMED, reason="", other=None), "forbidden", "not an owner")
    alice.room_destroy(room=DOOMED, reason="moved & gone", other=TEA)
    end = bob.expect("presence", from_=f"{DOOMED}/bob", type="unavailable")["muc"]
    t.equal((end["destroy"]["jid"], end["destroy"]["reason"]), (TEA, "moved & gone"), "where to, and why")
    t.true(DOOMED not in bob.disco_items(jid=ROOMS), "the room is off the list")
    t.equal(bob.refused("join", room=DOOMED, nick="bob"), "gone", "entering what was destroyed")
    t.step("destroyed: the others learn why, and where to go, and cannot enter any more")


def pages(t, alice, bob):
    said = [["alice", f"line {n}"] for n in range(7)]
    for _, text in said:
        alice.say(to=STAGE, body=text, type="groupchat")
    bob.expect("message", body=said[-1][1])
    forth = bob.archive_pages(jid=STAGE, page=3)
    back = bob.archive_pages(jid=STAGE, page=3, reverse=True)
    every = [one for page in forth for one in page if one[1]]
    t.equal(every, [["bob", text] for text in ("thank you", "again", "it is me")] + said, "the archive, forwards")
    t.equal([one for page in reversed(back) for one in page if one[1]], every, "the same backwards")
    t.equal(max(len(page) for page in forth + back), 3, "most messages in a page")
    t.equal([one[1] for one in back[0]], [text for _, text in said[-3:]], "the newest page comes first backwards")
    t.step("the archive of a room, page by page, forwards and backwards")


def retract(t, alice, bob, carla):
    if t.deviates("prosody", "XEP-0425: not in Debian's packages"):
        return
    bob.say(to=STAGE, body="buy my potions", type="groupchat")
    number = carla.expect("message", from_=f"{STAGE}/bob", body="buy my potions")["stanza_id"]
    moderate = (f"<moderate xmlns='urn:xmpp:message-moderate:1' id='{number}'>"
                "<retract xmlns='urn:xmpp:message-retract:1'/><reason>no trade</reason></moderate>")
    t.equal(carla.refused("iq", type="set", payload=moderate, to=STAGE), "forbidden", "a visitor as moderator")
    alice.iq(type="set", payload=moderate, to=STAGE)
    for who in (bob, carla):
        seen = who.expect("message", from_=STAGE, retraction=lambda r: r is not None)["retraction"]
        t.equal(seen, {"what": "retract", "id": number, "reason": "no trade", "by": f"{STAGE}/alice"},
                f"as {who.label} sees it")
    carla.leave(room=STAGE, nick="carla")
    alice.expect("presence", from_=f"{STAGE}/carla", type="unavailable")
    carla.join(room=STAGE, nick="carla")
    left = carla.expect("message", stanza_id=number, retraction=lambda r: r is not None)
    t.equal((left["body"], left["retraction"]["what"]), (None, "retracted"), "what a newcomer sees of it")
    texts = [one[1] for page in bob.archive_pages(jid=STAGE, page=50) for one in page]
    t.true("buy my potions" not in texts, "it is out of the archive")
    t.step("taken back by a moderator: told to all, gone from history and archive")


def command(client, room, name, **fields):
    """A command of the room (XEP-0050) with its form filled in at once."""
    inside = "".join(f"<field var='hats#{var}'><value>{value}</value></field>" for var, value in fields.items())
    return client.iq(type="set", to=room, payload=f"<command xmlns='http://jabber.org/protocol/commands' "
                     f"node='urn:xmpp:hats:commands:{name}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'"
                     f" type='hidden'><value>urn:xmpp:hats:commands</value></field>{inside}</x></command>")


def hats(t, alice, bob, carla):
    if t.deviates("prosody", "XEP-0317, XEP-0486: not in Debian's packages"):
        return
    command(alice, STAGE, "create", title="Teacher", uri="urn:hat:teacher")
    command(alice, STAGE, "assign", jid=bob.jid, uri="urn:hat:teacher")
    for who in (bob, carla):
        who.expect("presence", from_=f"{STAGE}/bob", hats=["Teacher"])
    command(alice, STAGE, "unassign", jid=bob.jid, uri="urn:hat:teacher")
    carla.expect("presence", from_=f"{STAGE}/bob", hats=None)
    t.step("a hat: made, given, seen by the others, taken away")


def picture(t, alice, bob):
    if t.server.name == "prosody":
        return
    card = "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>iVBORw0KGgo=</BINVAL></PHOTO></vCard>"
    t.equal(bob.refused("iq", type="set", payload=card, to=STAGE), "forbidden", "a picture set by a participant")
    alice.iq(type="set", payload=card, to=STAGE)
    bob.expect("message", from_=STAGE, muc=has(CHANGED))
    t.true("iVBORw0KGgo=" in bob.iq(type="get", payload="<vCard xmlns='vcard-temp'/>", to=STAGE)[0], "the picture")
    t.step("the room's picture: set by the owner, the others are told and get it")


def looked_away(t, alice, bob, carla):
    """Nobody looks at carla's client: presences wait for a message, the last of each; typing waits until somebody looks."""
    if t.server.name == "prosody":
        return
    carla.join(room=STAGE, nick="carla")
    carla.looked_at(active=False)
    carla.ping()  # taken in order: from its answer on the server knows
    shown = len(carla.seen("presence"))
    for show in ("away", "xa", "dnd"):
        bob.presence(to=f"{STAGE}/bob", show=show)
    bob.ping()
    alice.expect("presence", from_=f"{STAGE}/bob", show="dnd")
    t.equal(len(carla.seen("presence")), shown, "presences while nobody looks")
    alice.say(to=STAGE, body="carla, look", type="groupchat")
    carla.expect("message", body="carla, look")
    t.equal([p["show"] for p in carla.seen("presence")[shown:]], ["dnd"], "presences before the message")
    bob.presence(to=f"{STAGE}/bob", show="chat")
    alice.expect("presence", from_=f"{STAGE}/bob", show="chat")
    carla.looked_at(active=True)
    carla.expect("presence", from_=f"{STAGE}/bob", show="chat")
    t.step("nobody looks at a client: it hears of messages at once, of the rest when it matters")


def test(t):
    """Rooms: form, password, voice, invitations, destroy, archive by pages, retraction, hats, picture, a client at which nobody looks"""
    alice, bob, carla = (t.slix(name) for name in ("alice", "bob", "carla"))
    configure(t, alice, bob)
    bad_form(t, alice, bob)
    password(t, alice, carla)
    voice(t, alice, bob, carla)
    identity(t, alice, bob)
    invite(t, alice, bob, carla)
    destroy(t, alice, bob)
    pages(t, alice, bob)
    retract(t, alice, bob, carla)
    hats(t, alice, bob, carla)
    picture(t, alice, bob)
    looked_away(t, alice, bob, carla)


if __name__ == "__main__":
    raise SystemExit(main(test))
