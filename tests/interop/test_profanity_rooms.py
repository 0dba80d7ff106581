#!/usr/bin/python3
"""profanity as the owner of a room and as a guest in others: slixmpp is who he deals with."""

import re

from lib import ROOMS, main
from test_rooms import BANNED, KICKED, has

OWN, CLUB, STAGE, TEA = (f"{name}@{ROOMS}" for name in ("own", "club", "stage", "tea"))
CONFIG = "muc#roomconfig_"
MEMBERS_INVITE = {"wireside": CONFIG + "allowinvites",
                  "prosody": "{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites"}


def is_role(role):
    return lambda muc: muc is not None and muc.get("role") == role


def is_affiliation(affiliation):
    return lambda muc: muc is not None and muc.get("affiliation") == affiliation


def make(owner, room, **values):
    owner.join(room=room, nick=owner.label)
    owner.room_config(room=room, values={CONFIG + name: value for name, value in values.items()})


def create(t, alice, bob):
    """profanity numbers the fields of a form as they come, and knows them by these numbers."""
    bob.type(f"/join {OWN} nick bob")
    bob.shown("/room accept|Room locked|room is locked")
    bob.type("/room config")
    form = bob.logged(f'RECV: <iq (?=[^>]*from="{OWN}")[^>]*><query [^>]*muc#owner.*?</iq>').group()
    fields = [re.search(r'var="([^"]*)"', tag).group(1) for tag in re.findall(r"<field [^>]*>", form)
              if not re.search(r'type="(hidden|fixed)"', tag)]
    values = {"roomname": "Bob & friends", "persistentroom": "on", "roomsecret": "sesame", "whois": "anyone"}
    if t.server.name == "wireside":
        values["passwordprotectedroom"] = "on"
    for name, value in values.items():
        bob.type(f"/field{fields.index(CONFIG + name) + 1} {value}")
    bob.type("/form submit")
    bob.shown("configuration successful")
    features = alice.disco_info(jid=OWN)["features"]
    for feature in ("muc_persistent", "muc_passwordprotected", "muc_nonanonymous"):
        t.true(feature in features, f"{feature} in {features}")
    t.step("profanity makes a room and fills in its form, as alice sees in discovery")


def password(t, alice, bob):
    t.equal(alice.refused("join", room=OWN, nick="alice"), "not-authorized", "without the password")
    alice.join(room=OWN, nick="alice", password="sesame")
    bob.logged(f"RECV: <presence [^>]*from=\"{OWN}/alice\"")
    t.step("its password: alice enters with it only")


def moderate(t, alice, bob):
    bob.type("/win 2")
    bob.type("/kick alice too loud")
    gone = alice.expect("presence", from_=f"{OWN}/alice", type="unavailable", muc=has(KICKED))
    t.equal(gone["muc"]["reason"], "too loud", "the reason of the kick")
    alice.join(room=OWN, nick="alice", password="sesame")
    bob.type("/ban alice@localhost no manners")
    gone = alice.expect("presence", from_=f"{OWN}/alice", type="unavailable", muc=has(BANNED))
    t.equal(gone["muc"]["reason"], "no manners", "the reason of the ban")
    t.equal(alice.refused("join", room=OWN, nick="alice", password="sesame"), "forbidden", "banned")
    bob.type("/affiliation set none alice@localhost")
    number = bob.logged('SENT: <iq (?=[^>]*id="([^"]+)")[^>]*><query [^>]*><item [^>]*affiliation="none"').group(1)
    bob.logged(f'RECV: <iq (?=[^>]*id="{number}")(?=[^>]*type="result")')
    alice.join(room=OWN, nick="alice", password="sesame")
    t.step("kick, ban with the reason, and the ban lifted")


def rights(t, alice, bob):
    """What alice is, by bob's word; in a room that shows addresses he names people by them."""
    bob.type("/win 2")
    for affiliation in ("member", "admin", "owner", "none"):
        bob.type(f"/affiliation set {affiliation} alice@localhost")
        alice.expect("presence", from_=f"{OWN}/alice", type=None, muc=is_affiliation(affiliation))
    for role in ("visitor", "moderator", "participant"):
        bob.type(f"/role set {role} alice because & so")
        alice.expect("presence", from_=f"{OWN}/alice", type=None,
                     muc=lambda muc: muc["role"] == role and muc["reason"] == "because & so")
    bob.type("/affiliation set member carla@localhost")
    bob.type("/affiliation list member")
    bob.shown("carla@localhost")
    t.step("member, admin, owner, visitor, moderator and back; a member who is not there, in the list")


def invite(t, alice, bob, carla):
    """Into a public room profanity invites by itself, into one for members by the room."""
    bob.type('/invite send carla@localhost "Come & see"')
    carla.expect("message", direct={"jid": OWN, "reason": "Come & see"})
    make(alice, CLUB, membersonly=True)
    alice.room_config(room=CLUB, values={MEMBERS_INVITE[t.server.name]: True})
    bob.type("/win 1")
    if not t.deviates("prosody", "XEP-0045 7.2.6: the error without <x/>, so that profanity goes on waiting"):
        bob.type(f"/join {CLUB} nick bob")
        bob.shown(f"Error joining room {CLUB}, reason: registration-required")
    alice.room_invite(room=CLUB, jid=bob.jid, reason="Join & talk")
    bob.shown("Message: Join & talk")
    bob.type("/invite list")
    bob.shown(f"^[ 0-9:-]*{CLUB}")
    bob.type(f"/join {CLUB} nick bob")
    alice.expect("presence", from_=f"{CLUB}/bob", muc=is_affiliation("member"))
    bob.shown("joined the room as bob.*affiliation: member")  # its window is the one that is typed in
    bob.type('/invite send carla@localhost "You, too"')
    got = carla.expect("message", from_=CLUB, muc=lambda muc: muc is not None and "invite" in muc)["muc"]["invite"]
    t.equal(got["reason"], "You, too", "an invitation by the room")
    carla.join(room=CLUB, nick="carla")
    alice.expect("presence", from_=f"{CLUB}/carla", muc=is_affiliation("member"))
    t.step("invitations: by profanity itself, through the room to profanity, and by it")


def voice(t, alice, bob):
    make(alice, STAGE, moderatedroom=True)
    bob.type(f"/join {STAGE} nick bob")
    alice.expect("presence", from_=f"{STAGE}/bob", muc=is_role("visitor"))
    bob.shown("joined the room as bob, role: visitor")  # its window is the one that is typed in
    bob.type("may I?")
    bob.shown("forbidden|Error")
    bob.type("/affiliation request")
    form = alice.expect("message", from_=STAGE, form=lambda f: f is not None)["form"]
    t.equal((form["muc#role"], form["muc#roomnick"]), (["participant"], ["bob"]), "the request")
    alice.room_answer(room=STAGE, **{"muc#request_allow": True})
    bob.shown("role has been changed to: participant")
    bob.type("thank you & all")
    alice.expect("message", from_=f"{STAGE}/bob", body="thank you & all")
    t.equal(alice.seen("message", body="may I?"), [], "what was said without voice")
    alice.room_role(room=STAGE, nick="bob", role="visitor", reason="too loud")
    bob.shown("role has been changed to: visitor.*too loud")
    alice.expect("presence", from_=f"{STAGE}/bob", muc=is_role("visitor"))
    t.step("voice: asked for, granted, used, and taken away with the reason")


def guest(t, alice, bob):
    """What others do to profanity."""
    make(alice, TEA)
    alice.room_role(room=STAGE, nick="bob", role="none", reason="a break & <tea>")
    bob.shown(f"Kicked from {STAGE} by alice.*a break & <tea>")
    bob.type(f"/join {STAGE} nick bob")
    alice.expect("presence", from_=f"{STAGE}/bob", muc=is_role("visitor"))
    alice.room_destroy(room=STAGE, reason="moved & gone", other=TEA)
    bob.shown(f"Room destroyed: {STAGE}, reason: moved & gone")
    bob.shown(f"Replacement room: {TEA}")
    bob.type(f"/join {TEA} nick bob")
    alice.expect("presence", from_=f"{TEA}/bob", type=None)
    alice.room_affiliation(room=TEA, jid=bob.jid, affiliation="outcast", reason="no & manners")
    bob.shown(f"Banned from {TEA} by alice.*no & manners")
    bob.type("/win 1")
    bob.type(f"/join {TEA} nick bob")
    bob.shown(f"Error .*{TEA}.*forbidden")
    t.step("kicked, sent to another room when this one ends, banned: by whom and why, on its screen")


def destroy(t, alice, bob):
    bob.type("/win 2")
    bob.type("/room destroy")
    end = alice.expect("presence", from_=f"{OWN}/alice", type="unavailable", muc=lambda muc: "destroy" in muc)
    t.equal(end["muc"]["role"], "none", "the end, as alice sees it")
    t.step("profanity destroys its room")


def test(t):
    """Rooms with profanity: form, password, kick, ban, rights, destroy; invitations and voice, and what is done to it"""
    alice, carla = t.slix("alice"), t.slix("carla")
    bob = t.profanity("bob")
    bob.sign_in()
    create(t, alice, bob)
    password(t, alice, bob)
    moderate(t, alice, bob)
    rights(t, alice, bob)
    invite(t, alice, bob, carla)
    voice(t, alice, bob)
    guest(t, alice, bob)
    destroy(t, alice, bob)
    bob.quit()


if __name__ == "__main__":
    raise SystemExit(main(test))
