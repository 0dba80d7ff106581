#!/usr/bin/python3
import random
import re

from lib import ROOMS, Failure, main

COUNT = 90  # below the limit of offline messages
ROUNDS = 4
ROOM = f"kept@{ROOMS}"


def crash(t, sender, recipient, acked):
    """Kill the server when so many messages are acknowledged, while more are on the way. Returns the numbers of all
    that were acknowledged before it died."""
    sender.stream_of_messages(to=f"{recipient}@localhost", count=COUNT, prefix=recipient)
    for _ in range(acked):
        sender.expect("acked", id=re.compile(f"^{recipient}-"))
    t.server.kill9()
    sender.expect("sent_all", prefix=recipient)
    sender.expect("disconnected")
    got = [int(e["id"].rsplit("-", 1)[1]) for e in sender.seen("acked", id=re.compile(f"^{recipient}-"))]
    t.true(len(got) < COUNT, "the server was killed too late to prove anything")
    return got


def verify(t, recipient, acked):
    reader = t.slix(recipient)
    reader.say(to=f"{recipient}@localhost/{recipient}", body="marker")
    reader.expect("message", body="marker")
    got = [int(body.split()[1]) for body in reader.bodies(delay=lambda d: d is not None)]
    missing = sorted(set(acked) - set(got))
    if missing:
        raise Failure(f"acknowledged, and lost in the crash: {missing} of {len(acked)}")
    t.equal(got, sorted(set(got)), f"{recipient}'s messages, once each and in order")
    t.step(f"{len(acked)} of {COUNT} acknowledged, then kill -9: {len(got)} kept, none of those lost, none twice")
    reader.logout()
    again = t.slix(recipient, label=f"{recipient}-again")
    again.say(to=f"{recipient}@localhost/{recipient}-again", body="marker")
    again.expect("message", body="marker")
    t.equal(again.bodies(), ["marker"], "messages at a second login")


def stored(t):
    """Acknowledged also means: the result of a question that stores something, and a room's reflection."""
    alice = t.slix("alice", label="keeper")
    alice.roster_set(jid="friend@localhost", name="Friend", groups=["Old"])
    alice.vcard_set(FN="Alice")
    alice.join(room=ROOM, nick="alice")
    alice.room_config(room=ROOM, values={"muc#roomconfig_persistentroom": True})
    # No more than one may say at once: of more one is let through now and then, and there would be gaps.
    alice.stream_of_messages(to=ROOM, count=250, prefix="said", type="groupchat")
    alice.expect("message", body="said 50")
    t.server.kill9()
    alice.expect("disconnected")
    reflected = alice.bodies(from_=f"{ROOM}/alice")
    t.server.start()
    again = t.slix("alice", label="again")
    t.equal(again.roster()["items"]["friend@localhost"]["groups"], ["Old"], "the roster after the crash")
    t.equal(again.vcard_get()["FN"], "Alice", "the vCard after the crash")
    kept = [m["body"] for m in again.join(room=ROOM, nick="alice")["history"]]
    numbers = [int(body.split()[1]) for body in kept]
    t.equal(numbers, list(range(numbers[0], numbers[-1] + 1)), "the room's history, once each and in order")
    t.true(numbers[-1] >= len(reflected) - 1, f"{len(reflected)} messages were reflected, history ends at {kept[-1]}")
    t.step(f"roster and vCard are kept, and the room's history of {len(reflected)} reflected messages")


def test(t):
    """Crash: what was acknowledged before kill -9 is there after it, exactly once"""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    t.step(f"seed {seed}")
    for n in range(ROUNDS):
        recipient = f"reader{n}"
        t.user(recipient)
        sender = t.slix("alice", label=f"alice{n}", sm=True)
        sender.expect("sm_enabled")
        acked = crash(t, sender, recipient, chance.randrange(1, COUNT - 20))
        t.server.start()
        verify(t, recipient, acked)
    stored(t)


if __name__ == "__main__":
    raise SystemExit(main(test))
