#!/usr/bin/python3
import contextlib
import re
import threading
import time

from lib import main, need, run, wait_until
from peers import Node, befriend, meet

OUT = 3  # seconds without a cable: longer than a round trip, a retransmission and a dial


def pair(net, *options, discovery="own"):
    alice, bob = (Node(net.host(h), u, *options, discovery=discovery).start()
                  for h, u in (("alpha", "alice"), ("bravo", "bob")))
    if discovery == "none":
        alice.command("peer", "add", "bob@10.77.0.2")
        alice.linked(bob)
    meet(alice, bob)
    return alice, bob


def hold(began):
    """The cable stays out long enough for the links to notice."""
    wait_until(lambda: time.monotonic() > began + OUT, "the cable")


def move(host):
    """It has another address from now on: its links are of no use any more, and the sessions go on over new ones."""
    host.run("sh", "-c", f"ip addr flush dev eth0 && ip addr add 10.77.0.{100 + host.number}/24 dev eth0")


def test_cable(net):
    """The cable is pulled in the middle of 1,000 messages each way, and put back"""
    pulled(net, lambda host: None)


def test_cable_moved(net):
    """The same, and the machine has another address when it is back"""
    pulled(net, move)


def pulled(net, meanwhile):
    alice, bob = pair(net)
    first, second = alice.face(), bob.face()
    befriend(alice, first, bob, second)
    total, sent = 1000, {first: [], second: []}
    gone, back = threading.Event(), threading.Event()

    def talk(me, to):
        for i in range(total):
            sent[me].append(me.say(to, f"{me.label} {i}"))
            if i == total // 3:
                gone.wait(30)
            if i == 2 * total // 3:
                back.wait(30)

    threads = [threading.Thread(target=talk, args=(me, to), daemon=True)
               for me, to in ((first, alice.sees(bob)), (second, bob.sees(alice)))]
    for thread in threads:
        thread.start()
    first.wait(lambda: len(first.bodies("^bob/face")) > 50, "some of them")
    net.hosts[1].pull()
    meanwhile(net.hosts[1])
    began = time.monotonic()
    gone.set()
    wait_until(lambda: all(len(s) > 2 * total // 3 for s in sent.values()), "messages without a cable")
    hold(began)
    for node, other in ((alice, "bob"), (bob, "alice")):
        waiting = node.peer(other)["waiting"]
        net.true(waiting > total // 3 - 50, f"they wait: {waiting}")
    net.step(f"{waiting} and more wait while the cable is out")
    net.hosts[1].push()
    back.set()
    for thread in threads:
        thread.join(60)
    for me, at in ((first, second), (second, first)):
        me.receipts_for(sent[me], limit=60)
        at.got(f"^{me.label} ", [f"{me.label} {i}" for i in range(total)])
    for node, other in ((alice, "bob"), (bob, "alice")):
        node.peer(other, lambda row: not row["waiting"], "has nothing waiting")
        node.program.refuse("link_end")
    for me, at in ((first, second), (second, first)):
        at.got(f"^{me.label} ", [f"{me.label} {i}" for i in range(total)])
    net.step("2,000 messages, none lost, none twice, in order, a receipt for each")


def archive(face, pattern):
    """What the node keeps: the history that a client reads."""
    got, after = [], ""
    while True:
        page = f"<after>{after}</after>" if after else ""
        done = face.ask("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>"
                        f"<max>200</max>{page}</set></query>")
        fin = done.find("{urn:xmpp:mam:2}fin")
        last = fin.findtext(".//{http://jabber.org/protocol/rsm}last")
        if fin.get("complete") == "true" or not last:
            break
        after = last
    with face.more:
        for e in face.stanzas:
            body = e.findtext("{urn:xmpp:mam:2}result/{urn:xmpp:forward:0}forwarded/{jabber:client}message/{jabber:client}body")
            if body and re.search(pattern, body):
                got.append(body)
    return got


def test_crash_sender(net):
    """kill -9 of the sender: what it had taken goes out after its restart, once, in order"""
    alice, bob = pair(net)
    first, second = alice.face(), bob.face()
    befriend(alice, first, bob, second)
    to = alice.sees(bob)
    for i in range(100):
        first.say(to, f"before {i}")
    net.hosts[1].pull()
    for i in range(100, 300):
        first.say(to, f"before {i}")
    first.saved()
    net.true(alice.peer("bob")["waiting"] >= 200, f"they wait: {alice.peer('bob')}")
    alice.restart()
    net.step("200 wait, kill -9, started again")
    net.hosts[1].push()
    second.got("^before", [f"before {i}" for i in range(300)])
    alice.peer("bob", lambda row: not row["waiting"], "has nothing waiting")
    third = alice.face()
    number = third.say(to, "after")
    second.message("^after$")
    third.receipt(number)
    second.got("^before", [f"before {i}" for i in range(300)])
    net.step("all there, once, in order")


def test_crash_receiver(net):
    """kill -9 of the receiver in the middle of 1,000 messages"""
    alice, bob = pair(net)
    first, second = alice.face(), bob.face()
    befriend(alice, first, bob, second)
    to, total = alice.sees(bob), 1000
    numbers = [first.say(to, f"text {i}") for i in range(total)]
    second.wait(lambda: len(second.bodies("^text")) > 100, "some of them")
    bob.restart()
    third = bob.face()
    first.receipts_for(numbers)
    alice.peer("bob", lambda row: not row["waiting"], "has nothing waiting")
    # The history has what the receipts were for. A client may have missed some in the crash; it asks the history.
    net.true(archive(third, "^text") == [f"text {i}" for i in range(total)], "the history has all, once, in order")
    late = third.bodies("^text")
    net.true(late == sorted(set(late), key=lambda b: int(b.split()[1])), "in order, none twice after the restart")
    missed = total - len(set(second.bodies("^text")) | set(late))
    net.step(f"{total} in the history once; {len(late)} shown after the restart, {missed} to be read in the history")


def links(host, ports="( sport >= 5298 and sport <= 5310 ) or ( dport >= 5298 and dport <= 5310 )"):
    return [line for line in host.run("ss", "-Htn", "state", "established", ports).splitlines() if line.strip()]


def test_glare(net):
    """Both dial at the same time: one link stays, nothing is lost"""
    alice, bob = pair(net)
    first, second = alice.face(), bob.face()
    one, two = alice.sees(bob), bob.sees(alice)
    start = threading.Barrier(2)
    sent = {}

    def talk(me, to):
        start.wait(30)
        sent[me] = [me.say(to, f"{me.label} {i}") for i in range(100)]

    threads = [threading.Thread(target=talk, args=a) for a in ((first, one), (second, two))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for me, at in ((first, second), (second, first)):
        at.got(f"^{me.label} ", [f"{me.label} {i}" for i in range(100)])
        me.receipts_for(sent[me])
    wait_until(lambda: len(links(net.hosts[0])) == 1, "one link", 20)
    net.step("100 each way, one link")


@contextlib.contextmanager
def unanswered():
    """Meanwhile the switch lets no TCP connection come about: who dials goes on dialling."""
    nft = need("nft")
    run(nft, "add table bridge glare; add chain bridge glare forward { type filter hook forward priority 0; }")
    run(nft, "add rule bridge glare forward tcp flags & (syn | ack) == (syn | ack) drop")
    try:
        yield
    finally:
        run(nft, "delete table bridge glare")


def given_up(node):
    """Links that this node gave up for the other one: "own", or "theirs"."""
    found = [m[1] for _, line in node.program.lines if (m := re.search(r"link_refused address=\S*:(\d+) .*the other link stays", line))]
    return {"own" if port == "5298" else "theirs" for port in found}


def test_glare_choice(net):
    """Both dial until both get through in the same moment: the link that the node with the lower id dialled stays, at both ends"""
    alice, bob = pair(net)
    faces = {alice: alice.face(), bob: bob.face()}
    befriend(alice, faces[alice], bob, faces[bob])
    lower, higher = sorted((alice, bob), key=lambda node: node.address.split("@")[1])
    for turn in range(4):
        for node, other in ((alice, bob), (bob, alice)):
            node.command("peer", "block", other.user)
        wait_until(lambda: not links(lower.host) and not links(higher.host), "no link")
        with unanswered():
            for node, other in ((alice, bob), (bob, alice)):
                node.command("peer", "unblock", other.user)
            numbers = {node: faces[node].say(node.peer(other.user)["jid"], f"turn {turn}")
                       for node, other in ((lower, higher), (higher, lower))}
            for node in lower, higher:
                wait_until(lambda: node.host.run("ss", "-Htn", "state", "syn-sent", "( dport = 5298 )").strip(), "dialling")
        for node in lower, higher:
            faces[node].receipt(numbers[node])
        wait_until(lambda: len(links(lower.host)) == 1 and len(links(higher.host)) == 1, "one link", 20)
        net.true(links(lower.host, "( dport = 5298 )") and links(higher.host, "( sport = 5298 )"),
                 f"turn {turn}: the link of the higher one stayed: {links(lower.host)}")
        net.true("own" not in given_up(lower), "the lower one gave up its own link")
        net.true("theirs" not in given_up(higher), "the higher one refused the link of the lower one")
    net.true(given_up(lower) | given_up(higher), "they never met, so nothing was proven")
    for node in lower, higher:
        faces[node].got("^turn", [f"turn {i}" for i in range(4)])
    net.step("four times")


def test_room(net):
    """Eight machines in one room on one of them; one pulled out and back"""
    names = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
    nodes = [Node(net.host(f"host-{i}"), name).start() for i, name in enumerate(names)]
    meet(*nodes)
    net.step("eight see each other")
    host = nodes[0]
    faces = [node.face() for node in nodes]
    room = f"lunch@rooms.{host.address.split('@')[1]}"
    faces[0].create(room, host.user)
    for node, face in list(zip(nodes, faces))[1:]:
        face.join(room, node.user)
        face.presence(f"{room}/{node.user}")
    for face in faces:
        face.wait(lambda: {e.get("from") for e in face.stanzas if (e.get("from") or "").startswith(room)} >=
                  {f"{room}/{name}" for name in names}, "all eight in the room")
    net.step("all eight are in the room")
    count = 0

    def round_of(speakers):
        nonlocal count
        for face in speakers:
            face.say(room, f"line {count}", kind="groupchat")
            faces[0].message(f"^line {count}$")
            count += 1

    round_of(faces)
    for face in faces:
        face.got("^line", [f"line {i}" for i in range(count)])
    net.step("each said something, all heard it, in one order")
    net.hosts[5].pull()
    began = time.monotonic()
    round_of(faces[:5] + faces[6:])
    for face in faces[:5] + faces[6:]:
        face.got("^line", [f"line {i}" for i in range(count)])
    net.true(len(faces[5].bodies("^line")) == 8, "frank hears nothing")
    hold(began)
    net.hosts[5].push()
    faces[5].got("^line", [f"line {i}" for i in range(count)])
    round_of([faces[5]])
    for face in faces:
        face.got("^line", [f"line {i}" for i in range(count)])
    net.step("seven went on; the eighth came back, and missed nothing")
    net.hosts[5].pull()
    move(net.hosts[5])
    round_of(faces[:5] + faces[6:])
    net.hosts[5].push()
    faces[5].got("^line", [f"line {i}" for i in range(count)], limit=60)
    round_of([faces[5]])
    for face in faces:
        face.got("^line", [f"line {i}" for i in range(count)])
    net.step("and so with another address")


def codes(e):
    return {status.get("code") for status in e.iter("{http://jabber.org/protocol/muc#user}status")}


def test_room_crash(net):
    """kill -9 of an occupant's node: what was said meanwhile comes back, so he is out of the room, with 333 (XEP-0045 11.1)"""
    alice, bob = pair(net)
    first, second = alice.face(), bob.face()
    befriend(alice, first, bob, second)
    room = f"lunch@rooms.{alice.address.split('@')[1]}"
    first.create(room, "alice")
    second.join(room, "bob")
    second.presence(f"{room}/bob")
    first.presence(f"{room}/bob")
    bob.kill9()
    first.say(room, "is anybody there?", kind="groupchat")
    first.message("^is anybody there")
    net.step("bob's node is gone without a word, and alice says something")
    bob.start()
    third = bob.face()
    gone = first.presence(f"{room}/bob", "unavailable")
    net.true(codes(gone) == {"333"}, f"the others are told why: {codes(gone)}")
    net.step("his new session has nothing of the old one's: he is out")
    first.say(room, "not for him", kind="groupchat")
    first.message("^not for him")
    third.join(room, "bob")
    first.presence(f"{room}/bob")
    third.presence(f"{room}/bob")
    first.say(room, "welcome back", kind="groupchat")
    third.got("^(not for|welcome)", ["welcome back"])
    net.step("and comes in again under his name")


if __name__ == "__main__":
    raise SystemExit(main(test_cable, test_cable_moved, test_crash_sender, test_crash_receiver, test_glare, test_glare_choice, test_room,
                          test_room_crash))
