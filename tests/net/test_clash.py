#!/usr/bin/python3
from lib import main


def test_names(net):
    """Two with one name: the second is renamed and told so; a third too; both stay reachable"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    first = alpha.discover("user@host", "--port", "5001")
    first.expect("^named user@host renamed=0")
    second = bravo.discover("user@host", "--port", "5002")
    second.expect("^named user@host-1 renamed=1", "^found user@host .*port=5001")
    first.expect("^found user@host-1 .*port=5002")
    third = bravo.discover("user@host", "--port", "5003")
    third.expect("^named user@host-2 renamed=1", "^found user@host-1 .*port=5002", "^found user@host .*port=5001")
    first.expect("^found user@host-2 .*port=5003")
    first.refuse("^named")
    net.step("user@host, user@host-1, user@host-2")


def test_at_once(net):
    """Two with one name that begin at the same moment: one keeps it"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    peers = [alpha.discover("user@host", "--port", "5001"), bravo.discover("user@host", "--port", "5002")]
    names = {peer.expect("^named (user@host(-1)?) renamed=").group(1) for peer in peers}
    net.true(names == {"user@host", "user@host-1"}, f"they are called {names}")
    for peer in peers:
        peer.seen = 0
        peer.expect("^found user@host(-1)? ")
    net.step("one is renamed, and they see each other")


def test_hosts(net):
    """Two machines with one name, different addresses: one becomes NAME-1, and both are reachable"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@box", "--host", "box")
    alice.expect("^named alice@box renamed=0")
    bob = bravo.discover("bob@box", "--host", "box")
    bob.expect("^found alice@box host=box.local .*addresses=10.77.0.1,", "^named bob@box renamed=0")
    alice.expect("^found bob@box host=box-1.local .*addresses=10.77.0.2,")
    net.step("box and box-1")


def test_avahi(net):
    """With an avahi-daemon: a name it holds, and one that we hold"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alpha.dbus()
    alpha.avahi()
    first = alpha.discover("user@host", "--port", "5001", backend="avahi")
    first.expect("^named user@host renamed=0")
    second = bravo.discover("user@host", "--port", "5002")
    second.expect("^named user@host-1 renamed=1", "^found user@host .*port=5001")
    first.expect("^found user@host-1 .*port=5002")
    third = alpha.discover("user@host-1", "--port", "5003", backend="avahi")
    third.expect("^named user@host-1-1 renamed=1", "^found user@host-1 .*port=5002", "^found user@host .*port=5001")
    fourth = alpha.discover("user@host", "--port", "5004", backend="avahi")
    fourth.expect("^named user@host-[2-9] renamed=1")
    second.expect("^found user@host-1-1 .*port=5003", "^found user@host-[2-9] .*port=5004")
    net.step("renamed, whoever holds it")


if __name__ == "__main__":
    raise SystemExit(main(test_names, test_at_once, test_hosts, test_avahi))
