#!/usr/bin/python3
import contextlib
import re
import signal
import threading
import time

from lib import main, need, run, wait_until
from peers import Node, befriend, meet, wireside

TEXT = "a < b & c > d \"e\" 'f'\nsecond line \u00e9\u4f60 \U0001f600 \u200d"


def talk(net, one, other):
    """Both ways, with receipts; gives the faces."""
    first, second = one.face(), other.face()
    befriend(one, first, other, second)
    for me, to, at in ((first, one.sees(other), second), (second, other.sees(one), first)):
        number = me.say(to, TEXT)
        at.message("^a < b")
        me.receipt(number)
        at.got("^a <", [TEXT])
    return first, second


def test_own(net):
    """Two machines, our responder: seen, away without a client, here with one, texts and receipts, status, goodbye"""
    alice, bob = (Node(net.host(h), u).start() for h, u in (("alpha", "alice"), ("bravo", "bob")))
    meet(alice, bob)
    face = alice.face()
    away = face.presence(alice.sees(bob))
    net.true(away.findtext("{jabber:client}show") == "away", "nobody is at bob's machine")
    bobs = bob.face("bobs")
    face.expect(lambda e: e.tag.endswith("presence") and e.get("type") is None and e.find("{jabber:client}show") is None
                and e.get("from").startswith(alice.sees(bob)), "bob is here")
    net.step("seen, away, then here")
    first, second = talk(net, alice, bob)
    for node, other in ((alice, bob), (bob, alice)):
        row = node.peer(other.user)
        net.true(row["trust"] == "pinned", f"the key is pinned: {row}")
    net.step("texts both ways, receipts, keys pinned")
    bobs.send("<presence><show>dnd</show><status>digging</status></presence>")
    first.expect(lambda e: e.tag.endswith("presence") and e.findtext("{jabber:client}status") == "digging", "his status")
    net.step("status")
    bob.stop()
    alice.peer("bob", lambda row: row["state"] == "away", "is away")
    net.step("goodbye")


def test_avahi(net):
    """avahi-daemon on one machine, our responder on the other"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alpha.dbus()
    alpha.avahi("alpha-mdns")
    alice, bob = Node(alpha, "alice", discovery="avahi").start(), Node(bravo, "bob").start()
    meet(alice, bob)
    talk(net, alice, bob)
    net.step("found, texts both ways")


def test_typed(net):
    """No discovery at all: one typed address is enough, for both ends, also after a restart"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice = Node(alpha, "alice", discovery="none").start()
    bob = Node(bravo, "bob", "--listen", "10.77.0.2:5400", discovery="none").start()
    alice.command("peer", "add", "bob@10.77.0.2:5400")
    alice.linked(bob)
    first, second = talk(net, alice, bob)
    net.step("added by a number, texts both ways")
    alice.stop()
    number = second.say(bob.peer("alice")["jid"], "are you back?")
    bob.peer("alice", lambda row: row["waiting"] >= 1, "is waited for")
    alice.start()
    alice.face().message("are you back")
    second.receipt(number)
    net.step("the other end was told where the first is: its message comes after a restart")


@contextlib.contextmanager
def deaf():
    """Meanwhile the switch lets no multicast pass, nor anything of mDNS. Gives a function that says how many packets it has dropped."""
    nft = need("nft")
    run(nft, "add table bridge deaf; add chain bridge deaf forward { type filter hook forward priority 0; }")
    run(nft, "add rule bridge deaf forward meta pkttype multicast counter drop")
    run(nft, "add rule bridge deaf forward udp dport 5353 counter drop")
    try:
        yield lambda: sum(map(int, re.findall(r"counter packets (\d+)", run(nft, "list table bridge deaf"))))
    finally:
        run(nft, "delete table bridge deaf")


def at_chat(node):
    """Its user at `wireside --plain`."""
    chat = node.host.program(f"{node.user}'s chat", wireside(), "--plain", "--data", node.data)
    chat.expect("online as")
    return chat


def test_filtered(net):
    """A switch that drops multicast: told sanely that nobody is found; one typed address is enough, at the command line
    and in the chat"""
    with deaf() as dropped:
        filtered(net, dropped)


def filtered(net, dropped):
    alice, bob, carol = (Node(net.host(h), u, discovery="auto").start()
                         for h, u in (("alpha", "alice"), ("bravo", "bob"), ("charlie", "carol")))
    # Three probes and three announcements of each, in two families, and then questions.
    wait_until(lambda: dropped() > 3 * 12, "all of them have said who they are")
    chat = at_chat(carol)
    chat.say("/peers")
    chat.expect("nobody yet", "by an address, like bob@10.0.0.7")
    chat.say("/msg bob hello")
    chat.expect("nobody is called bob")
    for node in (alice, bob, carol):
        net.true(node.peers() == [], f"somebody got through: {node.peers()}")
        node.program.refuse("kind=network|warn|error")
    net.step("nobody is seen, and that is what one is told")
    said = alice.host.run(wireside(), "peer", "add", "bob@10.77.0.2:5298", "--data", alice.data)
    net.true("bob" in said, f"said: {said}")
    alice.linked(bob)
    talk(net, alice, bob)
    net.step("`wireside peer add`: texts both ways")
    chat.say("/add bob@10.77.0.2:5298")
    chat.expect("^[0-9:]+ \\* bob is added")
    chat.say("/msg bob hello")
    chat.expect("bob: hello \\(delivered\\)")
    other = at_chat(bob)
    other.say("/msg carol hello yourself")
    chat.expect("^[0-9:]+ bob: hello yourself")
    other.expect("carol: hello yourself \\(delivered\\)")
    net.step("/add in the chat: texts both ways")
    for node, only in ((alice, "bob"), (carol, "bob")):
        net.true([row["label"] for row in node.peers()] == [only], f"{node.user} knows others: {node.peers()}")


def test_link_local(net):
    """IPv6 link-local addresses, and no others: our responder on two machines, avahi-daemon on the third"""
    nodes = []
    for name, user, discovery in (("alpha", "alice", "avahi"), ("bravo", "bob", "own"), ("charlie", "carol", "own")):
        host = net.host(name, plug=False)
        host.plug(address=False)
        if discovery == "avahi":
            host.dbus()
            host.avahi()
        nodes.append(Node(host, user, discovery=discovery).start())
    meet(*nodes)
    alice, bob, carol = nodes
    for one, other in ((alice, bob), (carol, alice), (bob, carol)):
        talk(net, one, other)
        for node, peer in ((one, other), (other, one)):
            known = [a["address"] for a in node.peer(peer.user)["addresses"]]
            net.true(known and all("fe80" in a for a in known), f"only those are known: {known}")
        net.step(f"{one.user} and {other.user}: texts both ways over fe80::")


def test_address(net):
    """A machine gets another address in the middle of a conversation (IPv4 alone)"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    for host in (alpha, bravo):
        host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6")
    alice, bob = Node(alpha, "alice").start(), Node(bravo, "bob").start()
    meet(alice, bob)
    first, second = talk(net, alice, bob)
    bravo.run("sh", "-c", "ip addr del 10.77.0.2/24 dev eth0 && ip addr add 10.77.0.102/24 dev eth0")
    for me, to, at in ((first, alice.peer("bob")["jid"], second), (second, bob.peer("alice")["jid"], first)):
        numbers = [me.say(to, f"moved {i}") for i in range(20)]
        me.receipts_for(numbers)
        at.got("^moved", [f"moved {i}" for i in range(20)])
    alice.peer("bob", lambda row: not row["waiting"] and any(a["address"] == "10.77.0.102:5298" for a in row["addresses"]),
               "has a new address, and nothing waits")
    net.step("the conversation goes on at the new address")
    bravo.run("sh", "-c", "ip addr del 10.77.0.102/24 dev eth0 && ip addr add 192.168.7.2/24 dev eth0")
    numbers = [first.say(alice.peer("bob")["jid"], f"renumbered {i}") for i in range(20)]
    first.saved()
    alpha.run("sh", "-c", "ip addr del 10.77.0.1/24 dev eth0 && ip addr add 192.168.7.1/24 dev eth0")
    first.receipts_for(numbers, limit=60)
    second.got("^renumbered", [f"renumbered {i}" for i in range(20)])
    net.step("and in another subnet, once both are there")


def test_users(net):
    """Two users on one machine, and one on another: three nodes that talk to each other"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    nodes = [Node(alpha, "alice").start(), Node(alpha, "anna").start(), Node(bravo, "bob").start()]
    meet(*nodes)
    net.step("each sees both others")
    alice, anna, bob = nodes
    talk(net, alice, anna)
    talk(net, anna, bob)
    talk(net, bob, alice)
    ports = sorted(int(a["address"].rsplit(":", 1)[1]) for n in ("alice", "anna") for a in bob.peer(n)["addresses"])
    net.true(set(ports) == {5298, 5299}, f"a port each: {ports}")
    net.step("each talks to both others")


def test_changed(net):
    """Somebody with a known name and another key: kept apart, and warned about"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice, bob = Node(alpha, "alice").start(), Node(bravo, "bob").start()
    meet(alice, bob)
    first, _ = talk(net, alice, bob)
    known = alice.peer("bob")["jid"]
    bob.stop()
    impostor = Node(bravo, "bob", data=net.folder / "other").start()
    warning = first.notice("changed", "it is not the bob you know: another key")
    row = alice.peer("bob-bravo", lambda row: row["trust"] == "changed", "is shown with a changed key")
    net.true(row["jid"] != known and alice.peer("bob")["jid"] == known, f"two rows: {alice.peers()}")
    net.step(f"warned: {warning[:60]}...")
    waiting = first.say(known, "for the real one")
    theirs = impostor.face()
    theirs.say(impostor.sees(alice), "it is me, bob")
    got = first.message("it is me")
    net.true(got.get("from").startswith(row["jid"]), f"not in bob's conversation: {got.get('from')}")
    first.saved()
    alice.peer("bob", lambda row: row["waiting"], "is waited for")
    first.wait(lambda: any("somebody else answered" in w for w in first.notices("warning")), "a warning of the address")
    net.true(not theirs.bodies("real one"), "nobody else gets what is for bob")
    net.true(first.notices("changed").count(warning) == 1, f"warned once: {first.notices('changed')}")
    impostor.stop()
    bob.start()
    bob.face().message("for the real one")
    first.receipt(waiting)
    net.step("what was for bob came to bob alone")


def test_pipe(net):
    """`wireside` in a pipe: it starts the node, and its exit status says what became of the message"""
    alpha, bravo = net.host("alpha"), net.host("bravo")
    bob = Node(bravo, "bob").start()
    data = net.folder / "alice"

    def chat(text, *options):
        argv = [wireside(), "--plain", "--data", data, "--name", "alice@alpha", "--discovery", "own", *options]
        return alpha.run("sh", "-c", 'printf "%s" "$0" | "$@"; echo status=$?', text, *argv)

    try:
        out = chat("/add bob@10.77.0.2\n")
        net.true("status=0" in out, f"added: {out}")
        out = chat("/msg bob hi\n")
        net.true("status=0" in out, f"delivered: {out}")
        bob.face().message("^hi$")
        bob.stop()
        out = chat("/msg bob later\n", "--wait", "3")
        net.true("status=3" in out, f"safe, but not delivered: {out}")
        out = chat("/msg nobody-here hi\n")
        net.true("status=1" in out, f"refused: {out}")
        out = chat("/frobnicate\n")
        net.true("status=2" in out, f"usage: {out}")
        net.step("0, 3, 1, 2")
        bob.start().face().message("^later$")
        net.step("the node that the chat started delivers what waited, with no chat there")
    finally:
        # It is nobody's child.
        run(wireside(), "stop", "--data", data, check=False)
        wait_until(lambda: not (data / "control.sock").exists(), "the end of the node")


def test_faster_than_the_link(net):
    """A program that writes more, and faster, than its link carries: it is read more slowly, and nothing is refused"""
    many = 7000  # 5,000 may wait
    alpha, bravo = net.host("alpha"), net.host("bravo")
    alice, bob = Node(alpha, "alice").start(), Node(bravo, "bob").start()
    to = alice.sees(bob)
    writer, reader = alice.face("writer", managed=False), bob.face("reader", managed=False)
    befriend(alice, writer, bob, reader)
    before = len(reader.stanzas)
    text = "".join(f"<message type='chat' to='{to}' id='n{i}'><body>number {i}</body></message>" for i in range(many))

    def is_slow():
        """Now that bob takes nothing there is more than usual, and it does not grow fast (or has no room to)."""
        first = alice.peers()[0]["waiting"]
        time.sleep(1)
        return 0 <= alice.peers()[0]["waiting"] - first < 500 < first

    writing = threading.Thread(target=writer.send, args=(text,), daemon=True)
    bob.program.process.send_signal(signal.SIGSTOP)
    try:
        writing.start()
        wait_until(is_slow, "a writer that is slowed")
    finally:
        bob.program.process.send_signal(signal.SIGCONT)
    reader.wait(lambda: len(reader.stanzas) - before >= many, "all of them", 120)
    reader.got("^number", [f"number {i}" for i in range(many)])
    net.true(not [s for s in writer.stanzas if s.get("type") == "error"], "nothing was refused")


if __name__ == "__main__":
    raise SystemExit(main(test_own, test_avahi, test_typed, test_filtered, test_link_local, test_address, test_users,
                          test_changed, test_pipe, test_faster_than_the_link))
