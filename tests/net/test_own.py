#!/usr/bin/python3
from lib import main


def test(net):
    """Two machines with our own responder: found with all there is to know, changed, pictured, gone"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@alpha")
    alice.expect(r"^network usable=1 changed=1 wired: eth0 \(10\.77\.0\.1")
    alice.expect(r"^backend own$")
    alice.expect(r"^named alice@alpha renamed=0$")
    bob = bravo.discover("bob b.\u00f6 #2@bravo", "--picture", "8000", "--port", "5299")
    bob.expect(r"^found alice@alpha host=alpha\.local port=5298 interface=eth0 addresses=10\.77\.0\.1.*"
               r" txt=txtvers=1;status=avail;$", r"^named bob b\.\u00f6 #2@bravo renamed=0$")
    alice.expect(r"^found bob b\.\u00f6 #2@bravo host=bravo\.local port=5299 interface=eth0 addresses=10\.77\.0\.2")
    net.step("both found, odd name and all")

    alice.say("status dnd")
    bob.expect(r"^found alice@alpha .* txt=txtvers=1;status=dnd;$")
    net.step("a change of status is told")
    alice.say("picture bob b.\u00f6 #2@bravo")
    alice.expect(r"^picture bob b\.\u00f6 #2@bravo bytes=8000 sum=%d$" % sum(i * 7 % 256 for i in range(8000)))
    net.step("a picture of 8 kB came")

    alice.say("name alice@elsewhere")
    bob.expect(r"^gone alice@alpha$", r"^found alice@elsewhere ")
    net.step("another name")
    alpha.run("sh", "-c", "ip addr del 10.77.0.1/24 dev eth0 && ip addr add 10.77.0.101/24 dev eth0")
    alice.expect(r"^network usable=1 changed=1 .*10\.77\.0\.101")
    bob.expect(r"^found alice@elsewhere .* addresses=(?!.*10\.77\.0\.1,)10\.77\.0\.101")
    net.step("another address")

    bob.refuse("^gone")
    alice.quit()
    bob.expect(r"^gone alice@elsewhere$", limit=5)
    bob.quit()
    alice.refuse("^found alice")
    net.step("goodbye")


def test_link_local(net):
    """Only IPv6 link-local addresses"""
    alpha, bravo = net.host("alpha", plug=False), net.host("bravo", plug=False)
    alpha.plug(address=False)
    bravo.plug(address=False)
    alice, bob = alpha.discover("alice@alpha"), bravo.discover("bob@bravo")
    alice.expect(r"^found bob@bravo .* addresses=fe80::[0-9a-f:]+%eth0 ")
    bob.expect(r"^found alice@alpha .* addresses=fe80::[0-9a-f:]+%eth0 ")
    net.step("found")


def test_one_machine(net):
    """Two users of one machine, and a third across the wire: each sees both others"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@alpha")
    alice.expect("^named alice@alpha renamed=0")
    ann = alpha.discover("ann@alpha", "--port", "5299")
    ann.expect("^backend own, beside another responder", "^found alice@alpha ", "^named ann@alpha renamed=0")
    alice.expect("^found ann@alpha .*port=5299")
    bob = bravo.discover("bob@bravo")
    bob.expect("^found alice@alpha host=alpha.local ", "^found ann@alpha host=alpha.local ")
    alice.expect("^found bob@bravo ")
    ann.expect("^found bob@bravo ")
    net.step("all found")
    alice.quit()
    bob.expect("^gone alice@alpha$", limit=5)
    bob.refuse("^gone ann")
    ann.say("status away")
    bob.expect("^found ann@alpha .*addresses=10.77.0.1.*status=away")
    net.step("one goes, the other's address stays")


if __name__ == "__main__":
    raise SystemExit(main(test, test_link_local, test_one_machine))
