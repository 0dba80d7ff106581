#!/usr/bin/python3
from lib import main


def pulled(net, alice, bob, host):
    """Bob's cable out and back: alice hears of him again at once, and he of her."""
    alice.expect("^found bob@bravo ")
    bob.expect("^found alice@alpha ", "^named bob@bravo renamed=0")
    bob.skip()
    host.pull()
    bob.expect("^network usable=0 changed=1 no wired network: no cable in eth0", "^gone alice@alpha")
    alice.refuse("^gone")
    net.step("cable out: told, and nobody else is disturbed")
    alice.skip()
    bob.say("status dnd")
    host.push()
    bob.expect("^network usable=1 changed=1 wired: eth0", "^found alice@alpha ")
    alice.expect("^found bob@bravo .*status=dnd")
    bob.refuse("renamed=1")
    net.step("back, with what was changed meanwhile")


def test_own(net):
    """A cable pulled and put back: our responder"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    pulled(net, alpha.discover("alice@alpha"), bravo.discover("bob@bravo"), bravo)


def test_avahi(net):
    """A cable pulled and put back: avahi-daemon"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    for host in (alpha, bravo):
        host.dbus()
        host.avahi()
    pulled(net, alpha.discover("alice@alpha", backend="avahi"), bravo.discover("bob@bravo", backend="avahi"), bravo)


def test_late(net):
    """No network at the start: said, and it works when a cable comes; a second one with another address"""
    alpha, bravo = net.host("alpha"), net.host("bravo", plug=False)
    alice, bob = alpha.discover("alice@alpha"), bravo.discover("bob@bravo")
    bob.expect("^network usable=0 changed=0 no wired network: this machine has no Ethernet interface")
    bravo.plug(address=False, up=False)
    bob.expect("^network usable=0 changed=0 no wired network: eth0 is switched off")
    bravo.run("ip", "link", "set", "eth0", "up")
    bob.expect("^network usable=0 changed=0 no wired network: no cable in eth0")
    bravo.run("ip", "addr", "add", "10.77.0.2/24", "dev", "eth0")
    bravo.push()
    bob.expect("^network usable=1 changed=1 wired: eth0", "^found alice@alpha ", "^named bob@bravo renamed=0")
    alice.expect("^found bob@bravo .*addresses=10.77.0.2")
    net.step("works when a cable comes")
    bravo.address = "10.77.0.22"
    bravo.plug("eth1")
    bob.expect(r"^network usable=1 changed=1 wired: eth0 \(10.77.0.2.*eth1 \(10.77.0.22")
    bob.expect("^found alice@alpha .*addresses=10.77.0.1,fe80::.*%eth0,fe80::.*%eth1 ")
    bob.say("status dnd")
    alice.expect("^found bob@bravo .*status=dnd")
    bravo.pull("eth0")
    alice.expect("^found bob@bravo .*addresses=10.77.0.22")
    for peer in (alice, bob):
        peer.refuse("renamed=1")
        peer.refuse("^gone")
    net.step("two cables into one switch are no clash, and one of them is enough")


def test_kinds(net):
    """What is no wire is not used unless it is named"""
    alpha, bravo = net.host("alpha", plug=False), net.host("bravo")
    alpha.plug("eth0", address=False)
    alpha.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    alpha.run("ip", "link", "set", "eth0", "master", "br0")
    alpha.run("ip", "addr", "add", "10.77.0.1/24", "dev", "br0")
    alpha.run("ip", "link", "set", "br0", "up")
    bob = bravo.discover("bob@bravo")
    alice = alpha.discover("alice@alpha")
    alice.expect("^network usable=0 .*only a bridge here, which is used when it is named: --interface br0")
    alice.quit()
    alice = alpha.discover("alice@alpha", "--interface", "br0")
    alice.expect("^network usable=1 changed=1 wired: br0", "^found bob@bravo .*interface=br0")
    bob.expect("^found alice@alpha .*addresses=10.77.0.1")
    net.step("a bridge")
    bob.quit()
    bob = bravo.discover("bob@bravo", "--interface", "eth7")
    bob.expect("^network usable=0 .*this machine has no interface eth7")


if __name__ == "__main__":
    raise SystemExit(main(test_own, test_avahi, test_late, test_kinds))
