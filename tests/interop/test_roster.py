#!/usr/bin/python3
import re

from lib import main


def subscribe(t, a, b):
    """a asks for b's presence, b approves; both see all of it."""
    a.presence(to=b.jid, type="subscribe")
    a.expect("push", jid=b.jid, ask="subscribe")
    b.expect("presence", from_=a.jid, type="subscribe")
    b.presence(to=a.jid, type="subscribed")
    a.expect("presence", from_=b.jid, type="subscribed")
    a.expect("push", jid=b.jid, subscription=re.compile("^(to|both)$"))
    b.expect("push", jid=a.jid, subscription=re.compile("^(from|both)$"))
    a.expect("presence", from_=re.compile(f"^{b.jid}/"), type=None)


def both_ways(t, alice, bob):
    subscribe(t, alice, bob)
    t.step("alice asked, bob approved, alice sees him online")
    subscribe(t, bob, alice)
    for one, other in ((alice, bob), (bob, alice)):
        t.equal(one.roster()["items"][other.jid]["subscription"], "both", f"{one.label}'s roster")
    t.step("and the other way; both rosters say both")


def presence(t, alice, bob):
    bob.presence(show="away", status="at \u00ablunch\u00bb <&> \U0001f35c", priority=3)
    alice.expect("presence", from_="bob@localhost/bob", show="away", status="at \u00ablunch\u00bb <&> \U0001f35c",
                 priority="3", type=None)
    second = t.slix("bob", label="second")
    alice.expect("presence", from_="bob@localhost/second", type=None)
    bob.expect("presence", from_="bob@localhost/second", type=None)
    second.expect("presence", from_="bob@localhost/bob", show="away")
    second.expect("presence", from_="alice@localhost/alice", type=None)
    t.step("away with a status, a second device: everybody entitled sees both")
    second.logout()
    alice.expect("presence", from_="bob@localhost/second", type="unavailable")
    bob.expect("presence", from_="bob@localhost/second", type="unavailable")
    bob.drop()
    alice.expect("presence", from_="bob@localhost/bob", type="unavailable")
    t.step("logging out and hanging up both show as unavailable")


def after_login(t, alice):
    alice.roster_set(jid="bob@localhost", name="Bob \u2605 <&>", groups=["Friends", "Work & Play"])
    alice.expect("push", jid="bob@localhost", name="Bob \u2605 <&>", groups=["Friends", "Work & Play"],
                 subscription="both")
    alice.logout()
    bob = t.slix("bob")
    t.equal(bob.seen("presence", from_="alice@localhost/alice"), [], "presence of one who is not there")
    again = t.slix("alice")
    bob.expect("presence", from_="alice@localhost/alice", type=None)
    again.expect("presence", from_="bob@localhost/bob", type=None)
    roster = again.roster()
    t.equal(roster["items"], {"bob@localhost": {"name": "Bob \u2605 <&>", "subscription": "both", "ask": None,
                                                "groups": ["Friends", "Work & Play"]}}, "roster after login")
    t.step("name and groups are there after a new login, and presence flows at once")
    return again, bob, roster


def versions(t, alice, ver):
    if ver is None:
        t.step("(no roster versions)")
        return
    known = alice.iq(type="get", payload=f"<query xmlns='jabber:iq:roster' ver='{ver}'/>")
    t.equal(known, [], "answer to a request with the current version")
    unknown = alice.iq(type="get", payload="<query xmlns='jabber:iq:roster' ver='never heard'/>")
    t.true("bob@localhost" in "".join(unknown), "an unknown version must get the whole roster")
    t.step("roster versions: nothing new for the current one, all for an unknown one")


def offline_request(t, alice):
    carla_jid = t.user("carla")
    alice.presence(to=carla_jid, type="subscribe")
    alice.expect("push", jid=carla_jid, ask="subscribe")
    alice.ping()
    carla = t.slix("carla")
    carla.expect("presence", from_=alice.jid, type="subscribe")
    t.step("a request made while carla was offline waits for her")
    carla.presence(to=alice.jid, type="unsubscribed")
    alice.expect("presence", from_=carla_jid, type="unsubscribed")
    alice.expect("push", jid=carla_jid, subscription="none", ask=None)
    t.step("she declines, and nothing is pending any more")
    carla.logout()
    later = t.slix("carla", label="later")
    later.ping()
    t.equal(later.seen("presence", type="subscribe"), [], "requests after the answer")


def removal(t, alice, bob):
    alice.roster_set(jid=bob.jid, subscription="remove")
    alice.expect("push", jid=bob.jid, subscription="remove")
    bob.expect("push", jid=alice.jid, subscription="none")
    bob.expect("presence", from_="alice@localhost/alice", type="unavailable")
    if not t.deviates("prosody", "RFC 6121 3.3.3: no unavailable presence to one who unsubscribed"):
        alice.expect("presence", from_="bob@localhost/bob", type="unavailable")
    t.true(bob.jid not in alice.roster()["items"], "bob is still in alice's roster")
    t.step("removed from the roster: both go dark to each other")
    bob.presence(status="nobody should see this")
    bob.say(to=alice.jid, body="after the presence")
    alice.expect("message", body="after the presence")
    t.equal(alice.seen("presence", status="nobody should see this"), [], "presence after removal")


def test(t):
    """Roster: subscriptions both ways, presence, what a new login finds, removal"""
    alice = t.slix("alice")
    bob = t.slix("bob")
    both_ways(t, alice, bob)
    presence(t, alice, bob)
    alice, bob, roster = after_login(t, alice)
    versions(t, alice, roster["ver"])
    offline_request(t, alice)
    removal(t, alice, bob)


if __name__ == "__main__":
    raise SystemExit(main(test))
