#!/usr/bin/python3
import signal

from lib import main


def crash(net, alice, bob, again):
    """Bob ends without a word, and comes again: alice hears of it at once, though his old records still live."""
    alice.expect("^found bob@bravo ")
    bob.expect("^named bob@bravo renamed=0")
    bob.kill9()
    alice.refuse("^gone")
    bob = again()
    bob.expect("^named bob@bravo renamed=0", "^found alice@alpha ")
    alice.expect("^gone bob@bravo", "^found bob@bravo .*port=5310 ")
    net.step("seen again, with the new port and the old name")
    return bob


def test_own(net):
    """A crash: our responder on both"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@alpha")
    crash(net, alice, bravo.discover("bob@bravo"),
          lambda: bravo.discover("bob@bravo", "--after-crash", "--port", "5310"))


def test_watched_by_avahi(net):
    """A crash of our responder, seen through an avahi-daemon: its browser of services tells it too"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alpha.dbus()
    alpha.avahi()
    alice = alpha.discover("alice@alpha", backend="avahi")
    crash(net, alice, bravo.discover("bob@bravo"),
          lambda: bravo.discover("bob@bravo", "--after-crash", "--port", "5310"))


def test_machine(net):
    """A machine that loses power with its avahi-daemon"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@alpha")
    daemons = [bravo.dbus(), bravo.avahi()]

    def again():
        bravo.push()
        bravo.dbus()
        bravo.avahi()
        return bravo.discover("bob@bravo", "--after-crash", "--port", "5310", backend="avahi")

    bob = bravo.discover("bob@bravo", backend="avahi")
    bob.expect("^found alice")
    alice.expect("^found bob@bravo ")
    bravo.pull()
    bob.kill9()
    for daemon in reversed(daemons):
        daemon.kill9()
    bob = again()
    bob.expect("^named bob@bravo renamed=0", "^found alice@alpha ")
    alice.expect("^gone bob@bravo", "^found bob@bravo .*port=5310 ")
    net.step("seen again, with the new port and the old name")


def test_daemon(net):
    """The avahi-daemon goes and comes back: published again; it goes for good: our own responder takes over"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@alpha")
    bravo.dbus()
    daemon = bravo.avahi()
    bob = bravo.discover("bob@bravo", backend="auto")
    bob.expect("^backend avahi", "^named bob@bravo", "^found alice@alpha ")
    alice.expect("^found bob@bravo ")
    daemon.kill9()
    bob.expect("^gone alice@alpha")
    daemon = bravo.avahi()
    bob.expect("^found alice@alpha ")
    bob.say("status dnd")
    alice.expect("^found bob@bravo .*status=dnd")
    bob.refuse("renamed=1|^backend own")
    net.step("published again")
    bob.skip()
    daemon.kill9()
    bob.expect("^backend own", "^found alice@alpha ")
    bob.say("status away")
    alice.expect("^found bob@bravo .*status=away")
    bob.refuse("renamed=1")
    net.step("our own responder took over")


def test_choice(net):
    """auto without a bus, without a daemon, and with one"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@alpha", backend="auto")
    alice.expect("^backend own$", "^named alice@alpha")
    net.step("no bus: own")
    bravo.dbus()
    bob = bravo.discover("bob@bravo", backend="auto")
    bob.expect("^backend own$", "^found alice")
    bob.quit()
    net.step("no daemon: own")
    bravo.avahi()
    bob = bravo.discover("bob@bravo", backend="auto")
    bob.expect("^backend avahi$", "^found alice")
    bob.quit()
    none = bravo.discover("nobody@bravo", backend="none")
    none.expect("^network usable=1", "^named nobody@bravo renamed=0", "^backend none$")
    none.quit()
    none.refuse("^found")
    net.step("none finds nobody")


def test_hung(net):
    """An avahi-daemon that hangs: our own responder takes over, and nobody waits for it at the end"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = alpha.discover("alice@alpha")
    bravo.dbus()
    daemon = bravo.avahi()
    daemon.process.send_signal(signal.SIGSTOP)
    bob = bravo.discover("bob@bravo", backend="auto")
    bob.expect("^backend own", "^found alice@alpha ")
    alice.expect("^found bob@bravo ")
    bob.say("quit")
    bob.wait_end(limit=5)
    net.step("own")


if __name__ == "__main__":
    raise SystemExit(main(test_own, test_watched_by_avahi, test_machine, test_daemon, test_choice, test_hung))
