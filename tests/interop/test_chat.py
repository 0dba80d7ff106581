#!/usr/bin/python3
import re
import time

from lib import main

NASTY = "a < b && b > c, \"quoted\" and 'apostrophes' ]]> &amp; <not>xml</not>"
TEXTS = [
    "plain",
    NASTY,
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
    "e\u0301 \u00e9 \u05e9\u05dc\u05d5\u05dd \u4f60\u597d",
    "first line\nsecond line\n\n\tindented fourth",
    "  spaces around  ",
    "x" * 60000,
]
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def texts(t, alice, bob):
    for a, b in ((alice, bob), (bob, alice)):
        for text in TEXTS:
            a.say(to=b.jid, body=text, id=f"id-{a.label}")
            got = b.expect("message", body=text)
            t.equal((got["from"], got["type"], got["id"], got["delay"]),
                    (f"{a.jid}/{a.label}", "chat", f"id-{a.label}", None), "message")
    t.step("text with <&\"', emoji, line breaks and 60,000 letters, both ways, unchanged")


def addresses(t, alice, bob):
    phone = t.slix("bob", label="phone", priority=-1)
    alice.say(to="bob@localhost/phone", body="only to the phone")
    phone.expect("message", body="only to the phone")
    alice.say(to=bob.jid, body="not to the phone")
    bob.expect("message", body="not to the phone")
    alice.say(to="bob@localhost/phone", body="marker")
    phone.expect("message", body="marker")
    t.equal(phone.bodies(), ["only to the phone", "marker"], "the phone's messages")
    t.equal(bob.seen("message", body="only to the phone"), [], "bob's copy of a message to his phone")
    t.step("a full address reaches one device; priority -1 gets nothing sent to the bare one")
    phone.logout()

    alice.say(to="nobody@localhost", body="anybody there?", id="lost")
    t.equal(alice.expect("message", type="error", id="lost")["error"], "service-unavailable", "unknown user")
    alice.say(to="nowhere.invalid", body="anybody there?", id="far")
    t.true(alice.expect("message", type="error", id="far")["error"], "unknown domain")
    t.step("messages to nobody come back as errors")


def order(t, alice, bob):
    for n in range(100):
        alice.say(to=bob.jid, body=f"count {n}")
    bob.expect("message", body="count 99")
    t.equal(bob.bodies(body=re.compile("^count ")), [f"count {n}" for n in range(100)], "a hundred messages")
    t.step("a hundred messages in a row arrive once each, in order")


def offline(t, alice, bob):
    bob.logout()
    before = time.time()
    sent = ["while you were away", NASTY, "line\nbreak \U0001f44b"]
    for text in sent:
        alice.say(to=bob.jid, body=text)
    alice.say(to=bob.jid, body="a headline", type="headline")
    alice.ping()
    negative = t.slix("bob", label="negative", priority=-5)
    negative.ping()
    t.equal(negative.bodies(), [], "offline messages at a negative priority")
    negative.logout()

    back = t.slix("bob", label="back")
    for text in sent:
        got = back.expect("message", body=text)
        t.equal(got["from"], "alice@localhost/alice", "sender")
        t.true(STAMP.match(got["delay"] or ""), f"delay stamp {got['delay']!r}")
        stamp = time.mktime(time.strptime(got["delay"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        t.true(before - 2 <= stamp <= time.time() + 2, f"delay stamp {got['delay']} is not the time of sending")
    alice.say(to="bob@localhost/back", body="marker")
    back.expect("message", body="marker")
    t.equal(back.bodies(), sent + ["marker"], "offline messages")
    t.step("offline: in order, with a delay stamp, not for a negative priority, no headline")
    back.logout()
    once = t.slix("bob", label="once")
    alice.say(to="bob@localhost/once", body="marker")
    once.expect("message", body="marker")
    t.equal(once.bodies(), ["marker"], "offline messages at the second login")
    t.step("and only once")
    once.logout()


def over_restart(t, alice):
    alice.say(to="bob@localhost", body="kept over a restart")
    alice.ping()
    t.server.restart()
    alice.expect("disconnected")
    bob = t.slix("bob", label="after")
    t.true(bob.expect("message", body="kept over a restart")["delay"], "a delay stamp")
    t.step("an offline message outlives a restart of the server")


def test(t):
    """One-to-one chat: texts, addresses, order, offline messages"""
    alice = t.slix("alice")
    bob = t.slix("bob")
    texts(t, alice, bob)
    addresses(t, alice, bob)
    order(t, alice, bob)
    offline(t, alice, bob)
    over_restart(t, alice)


if __name__ == "__main__":
    raise SystemExit(main(test))
