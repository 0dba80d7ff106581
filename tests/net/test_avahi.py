#!/usr/bin/python3
from itertools import count

from lib import main, wait_until


def pair(net, first, second):
    """Two hosts; each word says what runs there: our responder, avahi-daemon, or ours beside an avahi-daemon."""
    people = []
    for name, user, what in (("alpha", "alice", first), ("bravo", "bob", second)):
        host = net.host(name)
        if what != "own":
            host.bus = host.dbus()
            host.daemon = host.avahi(f"{name}-mdns")
        peer = host.discover(f"{user}@{name}", "--picture", "3000", backend="avahi" if what == "avahi" else "own")
        peer.what, peer.host = what, host
        people.append(peer)
    return people


def meet(net, first, second):
    alice, bob = pair(net, first, second)
    for me, name, other, number in ((alice, "alice@alpha", "bob@bravo", 2), (bob, "bob@bravo", "alice@alpha", 1)):
        host = other.split("@")[1] + ("" if (second if me is alice else first) == "own" else "-mdns")
        me.expect(rf"^found {other} host={host}\.local port=5298 interface=eth0 addresses=10\.77\.0\.{number},.*fe80::"
                  r"[^ ]* txt=txtvers=1;status=avail;$", f"^named {name} renamed=0$")
    net.step("both found")
    bob.say("status away")
    alice.expect("^found bob@bravo .*txt=txtvers=1;status=away;$")
    alice.say("status dnd")
    bob.expect("^found alice@alpha .*status=dnd")
    alice.say("picture bob@bravo")
    alice.expect("^picture bob@bravo bytes=3000 ")
    bob.say("picture alice@alpha")
    bob.expect("^picture alice@alpha bytes=3000 ")
    net.step("changes of status, pictures")
    for peer in (alice, bob):
        peer.refuse("^gone|renamed=1")
    bob.quit()
    alice.expect("^gone bob@bravo", limit=5)
    alice.refuse("^gone alice")
    net.step("goodbye")


def test_avahi(net):
    """avahi-daemon on both"""
    meet(net, "avahi", "avahi")


def test_mixed(net):
    """Our responder on one, avahi-daemon on the other"""
    meet(net, "own", "avahi")


def test_beside(net):
    """Our responder beside an avahi-daemon that has another host name: that name is used, and nothing is renamed"""
    meet(net, "beside", "own")


def test_beside_avahi(net):
    """Our responder beside an avahi-daemon, and avahi-daemon"""
    meet(net, "beside", "avahi")


def test_hasty(net):
    """A status that changes while avahi-daemon still probes for the name: nobody is taken for somebody else"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    bravo.dbus()
    bravo.avahi()
    alice = alpha.discover("alice@alpha")
    bob = bravo.discover("bob@bravo", backend="avahi")
    number = count()

    def named():
        bob.say(f"status s{next(number) * 7919 % 1000:03}")
        return any("named " in line for _, line in bob.lines)

    wait_until(named, "its name")
    bob.say("status dnd")
    bob.expect("^named bob@bravo renamed=0")
    alice.expect("^found bob@bravo .*status=dnd")
    bob.refuse("renamed=1")
    net.step(f"{next(number)} changes meanwhile")


if __name__ == "__main__":
    raise SystemExit(main(test_avahi, test_mixed, test_beside, test_beside_avahi, test_hasty))
