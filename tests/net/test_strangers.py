#!/usr/bin/python3
"""What strangers may cost, and what a flood costs others, between real nodes."""

import re
import threading
import time

from lib import main, wait_until
from peers import CLIENT, Node, befriend

BIG = "x" * 60000
EACH = 17  # of these are less than 1 MiB
ALL = 16 << 20


def errors(face):
    with face.more:
        return sum(e.tag == CLIENT + "message" and e.get("type") == "error" for e in face.stanzas)


def outcome(bob, face, tag, sent, limit=60):
    """How many of those with this mark came to bob; the others came back."""
    wait_until(lambda: len(bob.bodies(f"^{tag} ")) + errors(face) >= sent, f"{sent} of {tag} there or back", limit)
    got = len(bob.bodies(f"^{tag} "))
    assert got + errors(face) == sent, f"{tag}: {got} there, {errors(face)} back, {sent} sent"
    return got


def test_total(net):
    """Many strangers with keys: 1 MiB stored of each, 16 MiB of all"""
    bob = Node(net.host("bobs"), "bob", discovery="none").start()
    face = bob.face()
    where = f"bob@{bob.host.address}:{bob.lan_address().rsplit(':', 1)[1]}"
    total, full = 0, 0
    for i in range(1, 19):
        one = Node(net.host(f"m{i}"), f"s{i}", discovery="none").start()
        me = one.face()
        one.command("peer", "add", where)
        to = one.linked(bob)
        for k in range(EACH):
            me.say(to, f"s{i}: {k} {BIG}")
        got = outcome(face, me, f"s{i}:", EACH)
        total += got * len(BIG)
        full += got == EACH
        net.true(total <= ALL, f"{total} bytes are stored of strangers")
        if full == i:
            one.stop()
            continue
        net.step(f"{full} strangers filled 1 MiB each; of the next one {got} of {EACH} were taken, {total >> 10} KiB in all")
        break
    net.true(full == 16, f"{full} strangers had their whole part before the limit of all")
    me.say(to, f"s{i}: again {BIG}")
    net.true(outcome(face, me, f"s{i}:", EACH + 1) == got, "more than all may have")
    bob.command("peer", "accept", "s1")
    me.say(to, f"s{i}: now {BIG}")
    net.true(outcome(face, me, f"s{i}:", EACH + 2) == got + 1, "whoever is answered makes room for another")
    net.step("one of them is accepted: there is room again")


def verify(one, my, other, their):
    one.command("peer", "verify", other.user)
    codes = [re.search(r"\d{3} \d{3}", face.notice("verify", "compare with"))[0] for face in (my, their)]
    assert codes[0] == codes[1], codes
    one.command("peer", "verify", other.user, "yes")
    other.command("peer", "verify", one.user, "yes")
    one.peer(other.user, lambda row: row["trust"] == "verified", "is verified")


def test_floods(net):
    """Somebody verified at full speed delays nobody else; a stranger's flood is cut"""
    bob, alice, carol, dave = (Node(net.host(f"{user}s"), user, discovery="none").start()
                               for user in ("bob", "alice", "carol", "dave"))
    faces = {node: node.face() for node in (bob, alice, carol, dave)}
    hers, his = faces[alice], faces[bob]
    for node in (alice, carol, dave):
        node.command("peer", "add", f"bob@{bob.host.address}:5298")
        node.linked(bob)
    befriend(alice, hers, bob, his)
    befriend(carol, faces[carol], bob, his)
    verify(alice, hers, bob, his)

    flood = [f"flood {i}" for i in range(3000)]
    to = alice.linked(bob)
    pouring = threading.Thread(target=lambda: [hers.say(to, text) for text in flood], daemon=True)
    pouring.start()
    his.wait(lambda: len(his.bodies("^flood ")) >= 100, "the flood has begun")
    begun = time.monotonic()
    for i in range(60):
        faces[dave].say(to, f"dave: {i}")
    number = faces[carol].say(carol.linked(bob), "from carol")
    his.message("^from carol$")
    behind = len(his.bodies("^flood "))
    faces[carol].receipt(number)
    got = outcome(his, faces[dave], "dave:", 60)
    allowed = 20 + int(time.monotonic() - begun) + 1
    net.true(20 <= got <= allowed, f"{got} of a stranger's 60, {allowed} may be")
    net.step(f"of a stranger's 60 messages {got} came, the others went back to him")
    his.got("^flood ", flood, 120)
    pouring.join(30)
    net.true(behind < len(flood), f"{behind} of the flood were there when carol's message was")
    net.step(f"carol's message was there behind {behind} of {len(flood)}; all of those came, in order")


if __name__ == "__main__":
    raise SystemExit(main(test_total, test_floods))
