#!/usr/bin/python3
"""profanity as the owner of a room: slixmpp is who he deals with."""

import re

from lib import ROOMS, main
from test_rooms import BANNED, KICKED, has

OWN = f"own@{ROOMS}"
CONFIG = "muc#roomconfig_"


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
    bob.type("/win own")
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


def destroy(t, alice, bob):
    bob.type("/win own")
    bob.type("/room destroy")
    end = alice.expect("presence", from_=f"{OWN}/alice", type="unavailable", muc=lambda muc: "destroy" in muc)
    t.equal(end["muc"]["role"], "none", "the end, as alice sees it")
    t.step("profanity destroys its room")


def test(t):
    """Rooms with profanity as the owner: form, password, kick, ban, destroy"""
    alice = t.slix("alice")
    bob = t.profanity("bob")
    bob.sign_in()
    create(t, alice, bob)
    password(t, alice, bob)
    moderate(t, alice, bob)
    destroy(t, alice, bob)
    bob.quit()


if __name__ == "__main__":
    raise SystemExit(main(test))
