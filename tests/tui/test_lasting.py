#!/usr/bin/python3
import os
import signal

from chat import Home, lib

AGAIN = r"\* #tea: you are in (again )?as alice(, with bob)?$"
GONE = r"\* #tea: whoever has it is gone; you go in again when it is back$"


def meet(t):
    """Bob makes a room last: alice is a member there, carol is banned."""
    homes = [Home(t, name) for name in ("alice", "bob", "carol")]
    pipes = [home.pipe("--name", f"{home.name}@here") for home in homes]
    alice, bob, carol = pipes
    for pipe in pipes:
        pipe.expect(f"online as {pipe.label}@here")
    bob.say("/room create tea", "/config persistentroom on", "/config roomdesc Two leaves and a bud", "/config moderatedroom on",
            "/topic Darjeeling")
    for setting in ("persistentroom = on", "roomdesc = Two leaves and a bud", "moderatedroom = on"):
        bob.expect(f"done: {setting}$")
    bob.expect(r"\* #tea is about: Darjeeling \(set by bob\)$")
    for guest in (alice, carol):
        guest.say(f"/add 127.0.0.1:{homes[1].port}")
        guest.expect(r"\* bob is added")
        guest.say("/join tea@bob")
        guest.expect(rf"\* #tea: you are in as {guest.label}, with ")
        bob.expect(rf"\* #tea {guest.label} joined$")
    bob.say("/member alice", "/ban carol two lumps of sugar", "first flush")
    bob.expect("done: alice@.* is member in #tea$")
    bob.expect("done: carol@.* is outcast in #tea$")
    carol.expect(r"\* #tea carol was banned \(two lumps of sugar\)$")
    alice.expect("#tea bob: first flush$")
    alice.say("with milk")
    alice.expect(r"-> #tea: with milk \(delivered\)$")
    return homes, alice, bob, carol


def is_what_it_was(t, homes, bob, carol, alice_is, topic, said):
    """As its owner sees it, as somebody of its list who comes anew does, and as who may not come."""
    role, affiliation = alice_is
    bob.say(f"/affiliate {affiliation}", "/affiliate outcast", "/affiliate owner", "/config")
    for line in (r"\* alice@.*", r"\* carol@.*", r"\* bob@.*", r"\| roomdesc = Two leaves and a bud  .*", r"\| persistentroom = 1 .*",
                 r"\| moderatedroom = 1 .*"):
        bob.expect(rf"{line}$")
    again = homes[0].pipe()
    again.expect("online as")
    again.say("/join tea@bob")
    again.expect(r"\* #tea: you are in as alice, with bob$")
    for text in said:
        again.expect(f"#tea {text}$")
    again.expect(rf"\* #tea is about: {topic} \(set by bob\)$")
    for text in said:
        t.equal(again.count(f"#tea {text}$"), 1, text)
    again.say("/who")
    again.expect(f"alice: {role}, {affiliation}")
    t.equal(again.end(), 0, "the end of the one who looked")
    carol.say("/join tea@bob")
    carol.expect("refused: #tea: cannot join: you are banned there", 60)


def stops(t, homes, alice, bob, carol):
    homes[1].stop()
    alice.expect(GONE)
    alice.say("poured meanwhile")
    alice.expect(r"-> #tea: poured meanwhile \(not handed over yet")
    bob.say("/start")
    bob.expect("online as")
    bob.expect(r"\* #tea: you are in as bob", 60)
    alice.expect(AGAIN, 60)
    alice.expect(r"-> #tea: poured meanwhile \(delivered\)$", 60)
    bob.expect("#tea alice: poured meanwhile$", 60)
    is_what_it_was(t, homes, bob, carol, ("participant", "member"), "Darjeeling", ["bob: first flush", "alice: with milk", "alice: poured meanwhile"])
    t.step("a host's node ends and begins anew: subject, settings, rights and history are there")


def crashes(t, homes, alice, bob, carol):
    """What was answered for the moment before is kept."""
    bob.say("/topic Assam", "/affiliate alice admin")
    bob.expect("done: alice@.* is admin in #tea$")
    alice.say("a second cup")
    alice.expect(r"-> #tea: a second cup \(delivered\)$")
    os.kill(homes[1].pid(), signal.SIGKILL)
    alice.expect(GONE, 60)
    bob.say("/start")
    bob.expect("online as", 60)
    bob.expect(r"\* #tea: you are in as bob", 60)
    alice.expect(AGAIN, 60)
    is_what_it_was(t, homes, bob, carol, ("moderator", "admin"), "Assam",
                   ["bob: first flush", "alice: with milk", "alice: poured meanwhile", "alice: a second cup"])
    t.step("a host's node is killed: what was answered for is there")


def test(t):
    """A node's room that lasts is what it was when the node was stopped, or killed, and started again"""
    homes, alice, bob, carol = meet(t)
    stops(t, homes, alice, bob, carol)
    crashes(t, homes, alice, bob, carol)
    for pipe in (alice, bob, carol):
        pipe.end()
    for home in homes:
        home.stop()


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
