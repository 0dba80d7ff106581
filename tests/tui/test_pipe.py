#!/usr/bin/python3
import json
import re
import subprocess
import threading

from chat import command, environment, lib, once, pipe

NASTY = "a < b & c > d \"e\" 'f' \u00e9\u4f60 \U0001f600 \u200d"


def statuses(t):
    bob = t.slix("bob")
    status, lines = once(t, "alice", "/msg bob@localhost are you there?\n", "--wait", "1")
    bob.expect("message", body="are you there?")
    t.equal(status, 3, f"accepted, but no receipt: {lines}")
    t.step("a client that gives no receipts: status 3")

    bob.receipts()
    status, lines = once(t, "alice", "/msg bob@localhost now?\n")
    t.equal(status, 0, f"with a receipt: {lines}")
    t.true(any(re.search(r"-> bob@localhost: now\? \(delivered\)", line) for line in lines), f"the receipt: {lines}")
    t.step("one that does: status 0, and the receipt is shown")

    status, lines = once(t, "alice", "/msg nobody-there hi\n")
    t.equal(status, 1, f"an unknown label: {lines}")
    status, lines = once(t, "alice", "/frobnicate\n")
    t.equal(status, 2, f"an unknown command: {lines}")
    status, lines = once(t, "alice", "words to nobody\n")
    t.equal(status, 2, f"a text to nobody: {lines}")
    status, lines = once(t, "alice", "/msg nobody@localhost hi\n")
    t.equal(status, 1, f"to an account that does not exist: {lines}")
    t.true(any("failed: they take no messages now, or not yours" in line for line in lines), f"the failure is shown: {lines}")
    t.step("unknown people, commands, accounts: 1, 2, 1")


def refusals(t):
    status, lines = once(t, "alice", "/msg bob@localhost hi\n", trust=False)
    t.equal(status, 0, f"a certificate pinned by the runs before: {lines}")
    (t.folder / "home/.local/share/wireside/pins").write_text(
        f"# mine\nlocalhost {'0' * 64}\nelse.example {'1' * 64}\nodd\nlocalhost {'2' * 64}\n")
    status, lines = once(t, "alice", "/msg bob@localhost hi\n")
    t.equal(status, 1, f"another certificate than the pinned one: {lines}")
    t.true(any("not the one it was" in line for line in lines), f"and it says so: {lines}")
    right = once(t, "alice", "", "--fingerprint", "no hexadecimal")
    t.true(right[0] == 2 and "64 hexadecimal digits" in right[1][0], f"a fingerprint that is none: {right}")
    for option in (["--fingerprint", "12" * 32], ["--trust-new"]):
        wrong = once(t, "alice", "", "--data", str(t.folder), *option, trust=False)
        t.true(wrong[0] == 2 and f"{option[0]} is for the certificate of a server over the network; with --data" in wrong[1][0],
               f"a certificate where there is none: {wrong}")
    status, lines = once(t, "alice", "/msg bob@localhost hi\n", "--fingerprint", "12" * 32)
    t.equal(status, 1, f"another certificate than the one that was named: {lines}")
    right = next(m[1] for line in lines if (m := re.search(r"not the one of --fingerprint: its SHA-256 is (\w{64})", line)))
    with_colons = ":".join(right[i:i + 2] for i in range(0, 64, 2)).upper()
    status, lines = once(t, "alice", "/msg bob@localhost hi\n", "--fingerprint", with_colons, trust=False)
    t.equal(status, 0, f"the right one, named, whatever is pinned: {lines}")
    status, lines = once(t, "alice", "/msg bob@localhost hi\n", trust=False)
    t.equal(status, 0, f"and pinned by that: {lines}")
    t.equal((t.folder / "home/.local/share/wireside/pins").read_text(), f"# mine\nelse.example {'1' * 64}\nodd\nlocalhost {right}\n",
            "in place of those before, and of no other line")
    with (t.folder / "home/.local/share/wireside/pins").open("a") as pins:
        pins.write(f"localhost {'2' * 64}\n")
    status, lines = once(t, "alice", "/msg bob@localhost hi\n", "--fingerprint", right, trust=False)
    t.equal((status, (t.folder / "home/.local/share/wireside/pins").read_text().count("localhost")), (0, 1), "named, it is the only one")
    status, lines = once(t, "alice", "/msg bob@localhost hi\n", "--fingerprint", "12" * 32)
    t.equal(status, 1, f"the one that is pinned, but another one was named: {lines}")
    t.step("a fingerprint that is named counts more than what is pinned")
    (t.folder / "home/.local/share/wireside/pins").unlink()
    status, lines = once(t, "alice", "/msg bob@localhost hi\n", trust=False)
    t.equal(status, 1, f"an unknown certificate, and nobody to ask: {lines}")
    t.true(any("fingerprint" in line for line in lines), f"the fingerprint is shown: {lines}")
    t.passwords["bob@localhost"], right = "wrong", t.passwords["bob@localhost"]
    status, lines = once(t, "bob", "/msg alice@localhost hi\n")
    t.passwords["bob@localhost"] = right
    t.equal(status, 1, f"a wrong password: {lines}")
    t.true(any("refused (not-authorized" in line for line in lines), f"and it says so: {lines}")
    t.step("changed certificate, unknown certificate, wrong password: refused, with words")


def other_inputs(t):
    text = t.folder / "input"
    text.write_text("/msg bob@localhost from a file\n")
    argv = command(t, "alice")
    with open(text) as file:
        done = subprocess.run(argv, stdin=file, stdout=subprocess.PIPE, text=True, env=environment(t), timeout=30)
    t.equal(done.returncode, 0, f"from a file: {done.stdout}")
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment(t), timeout=30)
    t.equal(done.returncode, 0, f"from /dev/null: {done.stdout}")
    t.true("\x1b" not in done.stdout and "> " not in done.stdout, "no prompt and no escapes")
    status, lines = once(t, "alice", "/msg bob@localhost x\n", port=lib.free_port())
    t.equal(status, 1, f"nobody listens there: {lines}")
    t.step("a file, nothing at all, and a server that is not there")


def talk(t):
    carol = pipe(t, "carol")
    dave = pipe(t, "dave", "--json", tls=True)
    carol.expect("online as carol@localhost")
    dave.expect('"event":"online"')
    carol.say("/msg dave@localhost " + NASTY, "and more")
    carol.expect(re.escape(f"-> dave@localhost: {NASTY} (delivered)"))
    carol.expect(r"-> dave@localhost: and more \(delivered\)")
    got = json.loads(dave.expect('"event":"message"'))
    t.equal((got["body"], got["who"], got["conversation"]), (NASTY, "carol@localhost", "carol@localhost"), "the event")
    t.step("two of us: texts unchanged, receipts, events as JSON, direct TLS")

    carol.say("/add dave@localhost Davy")
    carol.expect("done: add")
    dave.expect('"event":"request"')
    dave.say("/add carol@localhost")
    carol.expect(r"\* Davy is here")
    carol.say("/status")
    carol.expect(r"you are available as carol@localhost$")
    carol.say("/rename dave@localhost Davy")
    carol.expect("done: rename")
    dave.say("/status away lunch: soup")
    carol.expect(r"\* Davy is away \(lunch: soup\)")
    carol.say("/msg davy still there?")
    carol.expect(r"-> Davy: still there\? \(delivered\)")
    carol.say("/peers")
    carol.expect(r"Davy \(dave@localhost\) away: lunch: soup")
    t.step("contacts: added, seen, away with a text, called by their label")

    carol.say("/add davy@localhost Davy")
    carol.expect("done: add")
    carol.say("/msg Davy who?")
    carol.expect(r"refused: Davy is ambiguous: Davy \(1\) = dave@localhost, Davy \(2\) = davy@localhost")
    carol.say('/msg "Davy (1)" you')
    carol.expect(r"-> dave@localhost: you \(delivered\)")
    t.step("an ambiguous label is refused with the choices; a number or an address chooses")
    t.equal(carol.end(), 1, "something was refused")
    dave.expect('"verb":"unavailable"')
    t.equal(dave.end(), 0, "nothing was")


def quits(t):
    bob = t.slix("bob4")
    status, lines = once(t, "alice", "/msg bob4@localhost one\n/quit\n/msg bob4@localhost two\n", "--wait", "1")
    bob.expect("message", body="one")
    t.equal(status, 3, f"said, without a receipt: {lines}")
    t.true(not any("two" in line for line in lines), f"what follows /quit is not said: {lines}")
    bob.receipts()
    status, lines = once(t, "alice", "/msg bob4@localhost three\n /QUIT now\n/frobnicate\n")
    t.equal(status, 0, f"with a receipt, and what follows is not read: {lines}")
    for text, wanted in (("/frobnicate\n/quit\n", 2), ("/msg nobody-there hi\n/quit\n", 1), ("/quit\n", 0)):
        status, lines = once(t, "alice", text)
        t.equal(status, wanted, f"{text!r}: {lines}")
    alice = pipe(t, "alice")
    alice.expect("online as")
    alice.say("/quit")
    t.equal(alice.status(), 0, "the pipe stays open")
    t.equal(bob.bodies(), ["one", "three"], "what came")
    t.step("/quit in a pipe: what was said before is waited for, what follows is not read; 3, 0, 2, 1")


class Late(lib.Cable):
    """Carries nothing before it is told to."""

    def __init__(self, target):
        self.go = threading.Event()
        super().__init__(target)

    def _carry(self, pair, source, sink):
        self.go.wait()
        lib.Cable._carry(pair, source, sink)


def waits(t):
    bob = t.slix("bob3")
    bob.receipts()
    cable = Late(t.server.c2s)
    t.cables.append(cable)
    alice = pipe(t, "alice", "--wait", "1", port=cable.port)
    alice.say("/msg bob3@localhost after a long login")
    alice.process.stdin.close()
    try:
        alice.process.wait(3)
        raise lib.Failure(f"gave up before it was there: {alice.lines}")
    except subprocess.TimeoutExpired:
        cable.go.set()
    t.equal(alice.status(), 0, "a receipt in time")
    t.equal(bob.bodies(), ["after a long login"], "what came")
    t.step("--wait counts from the end of input, and not before there is a session")


def many(t):
    bob = t.slix("bob2")
    bob.receipts()
    text = "/msg bob2@localhost start\n" + "".join(f"line {i}\n" for i in range(2000))
    status, lines = once(t, "alice", text, "--wait", "30")
    t.equal(status, 0, f"2000 lines: {lines[-3:]}")
    t.equal([b for b in bob.bodies() if b.startswith("line ")], [f"line {i}" for i in range(2000)], "what came")
    t.step("2000 lines through a pipe: all there, in order, once")


def whole_lines(t):
    """What cannot be said as it is, is not said at all, above all not to somebody else."""
    bob, carol = t.slix("bob5"), t.slix("carol5")
    bob.receipts(), carol.receipts()
    most = 65536
    for size in (most + 1, 3 * most):
        head = "/msg carol5@localhost "
        text = f"/msg bob5@localhost hi\n{head}{'x' * (size - len(head) - 5)} TAIL\nand more\n"
        status, lines = once(t, "alice", text)
        t.equal(status, 1, f"a line of {size} bytes is refused: {[line[:200] for line in lines]}")
        told = [line[:200] for line in lines if "refused" in line]
        t.equal(len(told), 1, f"once: {told}")
        t.true(f"line 2 has more than {most} bytes" in told[0], f"the limit is said: {told}")
    status, lines = once(t, "alice", f"/msg bob5@localhost hi\n{'y' * (most - 5)} LAST\n")
    t.equal(status, 0, f"{most} bytes: {[line[:200] for line in lines]}")
    status, lines = once(t, "alice", f"/msg bob5@localhost hi\n{'y' * 200000}")
    t.equal(status, 1, "too long, and no end")
    t.equal([b[-8:] for b in bob.bodies()], ["hi", "and more", "hi", "and more", "hi", "yyy LAST", "hi"], "what came to bob")
    t.equal(carol.bodies(), [], "what came to carol")
    t.step("a line that is too long is refused once, with the limit, and no part of it is a line of its own")

    for raw, why in ((b"before\0after", "control character (byte 7 of it is 0x00)"), (b"caf\xe9", "no UTF-8 text (byte 4 of it is 0xe9)"),
                     (b"\x1b[2J", "control character (byte 1 of it is 0x1b)"), (b"a\x01", "0x01"), (b"a\x7f", "0x7f"),
                     (b"a\xef\xbf\xbe", "U+FFFE (byte 2 of it)"), (b"\xef\xbf\xbfz", "U+FFFF (byte 1 of it)")):
        p = pipe(t, "alice")
        p.process.stdin.write(b"/msg bob5@localhost first\n" + raw + b"\nand\ta tab\xef\xbf\xbd\r\n")
        status = p.end()
        t.equal(status, 1, f"{raw}: {p.lines}")
        t.true(p.count(rf"refused: line 2 .*{re.escape(why)}") == 1, f"{raw}: why: {p.lines}")
        t.equal(bob.bodies()[-2:], ["first", "and\ta tab\ufffd"], f"{raw}: what came")
    t.step("a line with what is no text is refused, with its number and the byte; a tab is text")


def test(t):
    """Line mode in a pipe: statuses, certificates, chat, contacts, JSON"""
    statuses(t)
    other_inputs(t)
    refusals(t)
    talk(t)
    quits(t)
    waits(t)
    whole_lines(t)
    many(t)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
