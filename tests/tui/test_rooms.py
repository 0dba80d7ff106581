#!/usr/bin/python3
from chat import lib, pipe

ROOM = "lunch@rooms.localhost"


def talk(t, alice, bob):
    alice.say("/room create lunch", "first words", "/topic Soup & bread")
    alice.expect(r"\* #lunch is a new room, and yours; you are in as alice")
    alice.expect(r"-> #lunch: first words \(delivered\)")
    alice.expect(r"\* #lunch is about: Soup & bread \(set by alice\)")
    bob.say("/rooms", "/join lunch bobby", "hello all")
    bob.expect(rf"\* {ROOM}$")
    bob.expect(r"\* #lunch: you are in as bobby, with alice")
    bob.expect("#lunch alice: first words")
    bob.expect(r"-> #lunch: hello all \(delivered\)")
    alice.expect(r"\* #lunch bobby joined")
    alice.expect("#lunch bobby: hello all")
    bob.say("/nick robert", "/pm alice a word", "/who")
    alice.expect(r"\* #lunch bobby is now called robert")
    alice.expect(r"#lunch/robert \(private\): a word")
    bob.expect("alice: moderator, owner")
    bob.expect(r"-> #lunch/alice \(private\): a word \(delivered\)")
    t.step("created, found, joined, talked in, renamed, a private word")


def history(t, alice, bob):
    alice.say("/config persistentroom on", "/topic Bread alone", "/topic Cake")
    for who in (alice, bob):
        who.expect(r"\* #lunch is about: Bread alone \(set by alice\)")
        who.expect(r"\* #lunch is about: Cake \(set by alice\)")
    alice.say("/log 10")
    alice.expect("#lunch alice: first words")
    alice.expect("#lunch bobby: hello all")
    # What it was about once is told again.
    alice.expect(r"\* #lunch is about: Bread alone \(set by alice\)")
    bob.say("/log nonsense")
    bob.expect("/log .*: the last N messages of the room")
    bob.say("/help affiliate")
    bob.expect("/affiliate ")
    t.step("what was said, out of the archive; help")


def order(t, alice, bob):
    carol = t.slix("carol")
    alice.say("/config moderatedroom on")
    alice.expect("done: moderatedroom = on")
    carol.join(room=ROOM, nick="carol")
    alice.expect(r"\* #lunch carol joined")
    alice.say("/voice carol", "/moderator carol", "/moderator carol off", "/voice carol off")
    for role in ("participant", "moderator", "participant", "visitor"):
        alice.expect(rf"\* #lunch carol is now {role}")
    t.step("voice and moderation, given and taken")
    bob.say("/kick carol")
    bob.expect("refused: kick carol: you may not do that there; owners and admins of a room say who may")
    alice.say("/member bob@localhost", "/affiliate member", "/affiliate robert admin")
    alice.expect("bob@localhost is member in #lunch")
    alice.expect("^      | bob@localhost$")
    alice.expect(r"\* #lunch robert is now admin")
    alice.say("/kick carol be quiet")
    bob.expect(r"\* #lunch carol was kicked \(be quiet\)")
    alice.say("/ban carol@localhost for good", "/affiliate outcast")
    alice.expect("carol@localhost is outcast in #lunch")
    alice.expect("^      | carol@localhost$")
    t.step("kicked, banned, member, admin, and the lists")


def invite(t, alice, bob):
    dave = pipe(t, "dave")
    dave.expect("online")
    alice.say("/config membersonly yes", "/config nonsense 1")
    alice.expect("done: membersonly = yes")
    alice.expect("refused: nonsense = 1: the room has no such setting")
    dave.say("/join lunch")
    dave.expect("refused: #lunch: cannot join: it is for members only, who may be asked to /invite you$")
    alice.say("/invite dave@localhost come in")
    dave.expect(rf"\* alice@localhost invites you: /join {ROOM} \(come in\)")
    dave.say("/decline")
    dave.expect(rf"\* {ROOM}$")
    dave.say("/decline lunch no time")
    dave.expect("done: declined: #lunch")
    alice.expect(r"\* #lunch dave@localhost declined \(no time\)")
    dave.say("/decline lunch", "/help decline")
    dave.expect("no invitation to lunch waits")
    dave.expect("/decline ")
    alice.say("/config whois anyone", "/config enablelogging yes")
    alice.expect(r"\* #lunch: everybody here sees your real address from now on")
    alice.expect(r"\* #lunch: what is said here is logged in public from now on")
    dave.say("/join lunch dave")
    dave.expect(r"\* #lunch: you are in as dave, with")
    dave.expect(r"\* #lunch: everybody here sees your real address")
    dave.expect(r"\* #lunch: what is said here is logged in public")
    alice.say("/config whois moderators")
    alice.expect(r"\* #lunch: only moderators see your real address from now on")
    alice.say("/voice dave off")
    dave.expect(r"\* #lunch dave is now visitor")
    dave.say("may I?")
    dave.expect(r"-> #lunch: may I\? \(failed: you have no voice there; /request-voice asks for it\)")
    alice.say("/voice dave")
    dave.expect(r"\* #lunch dave is now participant")
    dave.say("thanks")
    alice.expect("#lunch dave: thanks")
    alice.say("/destroy closing time")
    for who in (alice, bob, dave):
        who.expect(r"\* #lunch \S+ left: the room was destroyed \(closing time\)")
    t.step("members only, invitation, a refused word, destroyed")


def test(t):
    """Rooms in line mode: every command of theirs"""
    alice, bob = pipe(t, "alice"), pipe(t, "bob")
    alice.expect("online")
    bob.expect("online")
    talk(t, alice, bob)
    history(t, alice, bob)
    order(t, alice, bob)
    invite(t, alice, bob)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
