#!/usr/bin/python3
import json
import re
import subprocess

from chat import Home, lib


def lines_of(pipe):
    return [line.split(" ", 1)[1] if re.match(r"\d\d:\d\d ", line) else line for line in pipe.lines]


def added(t, alice, bob, where):
    """One line for one event: what was asked for, and that he is there."""
    alice.say(f"/add {where}", "/peers", f"/msg {where} by number", "/msg bob by name")
    alice.expect(r"\* bob is added .key [a-z2-7]{26}, pinned.$")
    # His key is known a moment before the link is open.
    alice.expect(r"^\d\d:\d\d \* bob +pinned +(linked|away)")
    alice.expect(r"-> bob: by number \(delivered\)$")
    alice.expect(r"-> bob: by name \(delivered\)$")
    bob.expect(r"\* alice, whom you have not spoken to yet, writes to you")
    bob.expect("alice: by number$")
    alice.say(f"/msg {where.split(':')[0]} without a port")
    alice.expect(r"-> bob: without a port \(delivered\)$")
    for pipe in (alice, bob):
        text = "\n".join(lines_of(pipe))
        for never in (r"\3a", "@typed", "was added", "was removed", "is away", ".internal)"):
            t.true(never not in text, f"{never!r} among the lines of {pipe.label}:\n{text}")
    bob.say("/msg alice hello")
    bob.expect(r"-> alice: hello \(delivered\)")
    t.true(alice.count(r"\* bob is here$") <= 1 and bob.count(r"\* alice is here$") == 1, "that somebody is here is said once")
    t.step("added by a number, found by it and by name; nothing twice, nothing escaped")


def unreachable(t, alice):
    port = lib.free_port()
    alice.say(f"/add 127.0.0.1:{port}", "/peers", f"/msg 127.0.0.1:{port} for later")
    alice.expect(rf"\* 127\.0\.0\.1:{port} is added; nobody answers there now")
    alice.expect(rf"^\d\d:\d\d \* 127\.0\.0\.1:{port} +new +away")
    alice.expect(rf"-> 127\.0\.0\.1:{port}: for later \(queued\)$")
    alice.say(f"/remove 127.0.0.1:{port}")
    alice.expect(rf"\* 127\.0\.0\.1:{port} is forgotten, and so are the messages that waited")
    t.step("somebody who does not answer has his number for a name")


def verified(t, alice, bob):
    alice.say("/verify bob")
    alice.expect(r"\* compare with bob, .*: \d{3} \d{3} \(")
    alice.say("/status") # what it says comes behind the answer to the line before
    alice.expect(r"\* you are available as ")
    text = "\n".join(alice.lines)
    t.true("comes in a moment" not in text.partition("* compare with bob")[2], f"the code comes, and then it does:\n{text}")
    bob.expect(r"\* compare with alice, ")
    alice.say("/verify bob yes")
    alice.expect(r"\* you say it is the same; bob is verified once the other side says so, too$")
    bob.say("/verify alice yes")
    for pipe, who in ((alice, "bob"), (bob, "alice")):
        pipe.expect(rf"\* {who} is verified: you have compared the codes$")
    # The node's answer and its notice come on two sockets.
    lib.wait_until(lambda: bob.count(r"\* you say it is the same(, and so does alice$|; alice is)"), 20, "the answer to bob")
    t.step("verified, with words for each step")


def in_a_shell(t, home):
    """The code is waited for there, too."""
    done = subprocess.run([str(lib.find_wireside()), "peer", "verify", "bob", "--json", "--data", str(home.data)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=40)
    t.true("you are comparing with bob" in json.loads(done.stdout)["text"], f"for programs one object: {done.stdout}")
    done = subprocess.run([str(lib.find_wireside()), "peer", "verify", "bob", "--data", str(home.data)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=40)
    t.equal(done.returncode, 0, f"a code: {done.stdout}")
    t.true(re.search(r"you are comparing with bob: \d{3} \d{3} \(", done.stdout), f"it is shown: {done.stdout}")
    t.true("`wireside peer verify bob yes`" in done.stdout, f"with what is said next: {done.stdout}")
    t.step("`wireside peer verify NAME` waits for the code")


def rooms(t, alice, bob):
    bob.say("/join dinner@alice", "/rooms")
    bob.expect(r"refused: there is no room dinner at alice, and no other\. /room create dinner makes one here$")
    bob.expect(r"\* no rooms; ")
    alice.say("/room create lunch")
    alice.expect(r"\* #lunch is a new room, and yours; you are in as alice$")
    bob.say("/join lunch@alice")  # open at once, or it would be refused
    bob.expect(r"\* #lunch: you are in as bob, with alice$")
    bob.say("/join dinner@alice", "/rooms alice", "/rooms", "/join lunch@nobody", "/join lunch@alicf", "/rooms alicf",
            "/join bad room@alice", "/room create bad room", "/join lunch@alice alice")
    bob.expect("refused: there is no room dinner at alice; these are there: lunch@alice")
    bob.expect(r"\* lunch@alice$")
    bob.expect(r"\* lunch@alice$")
    bob.expect(r"refused: nobody is called nobody; /peers lists people")
    for _ in range(2):
        bob.expect(r"refused: nobody is called alicf; did you mean alice\? /peers lists people")
    bob.expect(r"refused: a room's name is one word, like bad-room@alice; a nickname in several goes into double quotes$")
    bob.expect(r"refused: a room's name is one word, like bad-room;")
    bob.expect(r"refused: #lunch: you are still bob: somebody there has this nickname, or one that looks like it: /nick takes another$")
    bob.say("/who", "/join lunch@alice", "/msg alcie hi")
    bob.expect(r"(\||\*) bob: participant, none")
    bob.expect(r"\* #lunch: you are in as bob, with alice$")
    bob.expect(r"refused: nobody is called alcie; did you mean alice\? /peers lists people, and an address works too$")
    alice.expect(r"\* #lunch bob joined$")
    alice.say("/rooms")
    alice.expect(r"\* lunch$")
    for pipe in (alice, bob):
        t.equal(pipe.count("done:|not-allowed"), 0, "no jargon")
    t.step("a room that is not there: said so, with those that are; a new one is told when others can come")


def presence(t, alice, bob):
    alice.say("/status away lunch")
    bob.expect(r"\* alice is away \(lunch\)$")
    bob.say("/peers")
    bob.expect(r"^      \|     away: lunch$")
    alice.say("/status available")
    bob.expect(r"\* alice is here$")
    before = bob.count(r"\* alice is (away|gone|here)")
    alice.say("/quit")
    t.equal(alice.status(), 3, "what waited for somebody forgotten was not delivered")
    bob.expect(r"\* alice is away$")
    t.equal(bob.count(r"\* alice is (away|gone|here)"), before + 1, "who quits is away: one line")
    t.step("away and back, with a text; a chat that ends leaves its node, which is away")


def statuses(t, home, bobs):
    status, lines = home.once("/msg bob receipt?\n")
    t.equal(status, 0, f"delivered: {lines}")
    status, lines = home.once("/msg nobody-here hi\n")
    t.equal(status, 1, f"nobody: {lines}")
    t.true(any("refused: nobody is called nobody-here" in line for line in lines), f"and it says so: {lines}")
    status, lines = home.once("/block bob\n/msg bob hi\n")
    t.equal(status, 1, f"to somebody blocked: {lines}")
    t.true(any(re.search(r"hi \(failed: you have blocked them; /unblock NAME", line) for line in lines),
           f"and it says so: {lines}")
    home.ask("peer", "unblock", "bob")
    status, lines = home.once("/frobnicate\n/msg bob still\n")
    t.equal(status, 2, f"a command that is none: {lines}")
    bobs.stop()
    status, lines = home.once("/msg bob later\n", "--wait", "1")
    t.equal(status, 3, f"safe, but not delivered: {lines}")
    t.true(any(re.search(r"-> bob: later \(queued\)", line) for line in lines), f"and it says so: {lines}")
    t.step("status 0 delivered, 1 refused, 2 usage, 3 safe and not yet delivered")


def strangers(t):
    """Somebody writes to a node that no chat is attached to; whoever comes is told."""
    homes = [Home(t, "erin"), Home(t, "frank")]
    erin = homes[0].pipe("--name", "erin@here", "--idle-seconds", "600")
    erin.expect("online as")
    t.equal(erin.end(), 0, "the end")
    status, lines = homes[1].once(f"/add erin@127.0.0.1:{homes[0].port}\n/msg erin anybody there?\n", "--name", "frank@there")
    t.equal(status, 0, f"her node has it: {lines}")
    for options in ((), ("--json",)):
        erin = homes[0].pipe(*options)
        erin.expect("frank, whom you have not spoken to yet, writes to you .*/accept frank")
        if not options:
            erin.expect("frank: anybody there[?]")  # who that is was said before
            erin.say("/accept nobody-here")
            erin.expect("refused: nobody is called nobody-here")
        erin.end()
    erin = homes[0].pipe()
    erin.expect("frank, whom you have not spoken to yet")
    erin.say("/accept frank", "/history frank 1")
    erin.expect(r"frank is known by this key from now on \(pinned\)")
    erin.expect("frank: anybody there[?]")
    erin.end()
    erin = homes[0].pipe()
    erin.say("/peers", "/allow frank", "/block frank", "/unblock frank")
    erin.expect("frank +pinned")
    erin.expect("refused: it has a key")
    erin.expect("frank is blocked: .*; /unblock frank takes that back")
    erin.expect("frank is not blocked any more")
    erin.end()
    t.equal(erin.count("have not spoken to"), 0, "it is answered")
    for home in homes:
        home.stop()
    t.step("a stranger who wrote to nobody is shown to whoever comes, until he is answered")


def killed(t):
    """What a node tells while its only chat has been killed, and might come back for minutes, is told to the next one."""
    homes = [Home(t, "gina"), Home(t, "hugo")]
    gina = homes[0].pipe("--name", "gina@here", "--idle-seconds", "600")
    gina.say(f"/add hugo@127.0.0.1:{homes[1].port}")
    gina.expect("hugo is added; nobody answers there now")
    gina.process.kill()
    gina.status()
    hugo = homes[1].pipe("--name", "hugo@there")
    hugo.expect("online as")
    known = r'"label": "hugo", .*"state": "linked"'
    lib.wait_until(lambda: re.search(known, homes[0].ask("peer", "list", "--json")), 60, "the link")
    for told in (1, 0):
        gina = homes[0].pipe()
        gina.expect("online as")
        gina.say("/peers")
        gina.expect("hugo +pinned +linked")
        gina.end()
        t.equal(gina.count("hugo is there: key"), told, "it is told once")
    hugo.end()
    for home in homes:
        home.stop()
    t.step("a chat that was killed has heard nothing; the next one hears it, once")


def test(t):
    """Two people with nodes: every line that their chats print"""
    homes = [Home(t, "alice"), Home(t, "bob")]
    alice, bob = (home.pipe("--name", f"{home.name}@here", "--wait", "1") for home in homes)
    for pipe in (alice, bob):
        pipe.expect(f"online as {pipe.label}@here")
        # What is answered comes after the presence: from here on its node says to it what happens.
        pipe.say("/peers")
        pipe.expect("nobody yet")
    added(t, alice, bob, f"127.0.0.1:{homes[1].port}")
    unreachable(t, alice)
    verified(t, alice, bob)
    in_a_shell(t, homes[0])
    rooms(t, alice, bob)
    presence(t, alice, bob)
    bob.end()
    statuses(t, homes[0], homes[1])
    homes[0].stop()
    strangers(t)
    killed(t)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
