#!/usr/bin/python3

import os
import pathlib
import signal
import termios
import time

from chat import LIMIT, Screen, Terminal, command, lib


def dialogue(t):
    """First contact: password and fingerprint are asked for."""
    jid = t.user("alice")
    argv = [str(lib.find_wireside()), "chat", jid, "--connect", f"127.0.0.1:{t.server.c2s}"]
    alice = Screen(t, "alice", argv)
    alice.shown("^Password:")
    alice.type(t.passwords[jid])
    alice.shown("SHA-256 fingerprint")
    alice.shown(r"yes/no")
    t.true(t.passwords[jid] not in alice.screen(), "the password is on the screen")
    alice.type("yes")
    alice.shown(r"\* online as alice@localhost")
    t.step("the password is asked for without echo, the fingerprint shown, and pinned")
    return alice


def state(process):
    return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def passwords(t, alice):
    """Once it is entered a room's password is not on the screen, nor among the lines of before."""
    alice.type("/config roomsecret open sesame")
    alice.shown(r"^#lunch> /config roomsecret \*\*\*$")
    alice.shown(r"\* done: roomsecret = \(set\)$")
    alice.keys("Up")
    alice.shown("^#lunch> /config roomsecret ?$")
    alice.cancel()
    long = "sesame" * 30
    alice.type(f"/join vault 'me {long}")
    alice.shown(r"^#lunch> /join vault 'me \*\*\*$")
    alice.shown("^#vault>")
    alice.keys("Up")
    alice.shown("^#vault> /join vault 'me ?$")
    alice.keys("Up")
    alice.shown("^#vault> /config roomsecret ?$")
    alice.cancel()
    alice.type("/leave")
    alice.shown("^>")
    alice.type("/join lunch alice")
    alice.shown("^#lunch> ?$")
    t.true("sesame" not in alice.tmux("capture-pane", "-p", "-S", "-"), "a password on the screen, or above it")
    alice.type('/config roomsecret ""')
    alice.shown(r"\* done: roomsecret is empty$")
    t.step("a room's password is neither left on the screen nor kept among the lines")


def keys(t):
    """What a terminal sends that is no key, and Ctrl-Z."""
    dora, erik = Terminal(t, "dora", command(t, "dora")), t.slix("erik")
    erik.receipts()
    dora.shown(b"online as")
    dora.type("/msg erik@localhost\r")
    dora.shown(b"erik@localhost> ")
    dora.type("\x1b[200~one\r\ttwo\r/quit\n\x1b[201~")
    dora.shown("one\u2424\u2409two\u2424/quit".encode())
    dora.type("!\r")
    erik.expect("message", body="one\n\ttwo\n/quit!")
    dora.type("\x1b[200~/quit\nnow\x1b[2")
    dora.type("01~\r")
    erik.expect("message", body="/quit\nnow")
    for before in "\n", "\t\n", " ", "\t", "\x01":
        dora.type(f"\x1b[200~{before}/quit\nx\x1b[201~\r")
        body = f"{before}/quit\nx" if "\n" in before else "/quit\nx"
        erik.expect("message", body=body)
    dora.type("  \x1b[200~/quit \nx\x1b[201~\r")
    erik.expect("message", body="/quit \nx")
    dora.type("a \x1b[200~word\x1b[201~ more\r")
    erik.expect("message", body="a word more")
    dora.type("\x1b[200~" + "x" * 70000 + "\x1b[201~")
    dora.shown(b"a paste of more than 65536 bytes is left out")
    dora.type("still here\r")
    erik.expect("message", body="still here")
    t.step("a paste of several lines is one text, sent by Enter; no line of it is a command; not too long")

    # What would be a signal, or a key, is neither: no interrupt, no end, no lost rest.
    dora.type("\x1b[200~in\x03 the\x04 mid\x1adle\x1c \x15of\x1b it\r/quit\x1b[201~\r")
    erik.expect("message", body="in the middle of it\n/quit")
    dora.type("not sent\x03sent\r")
    erik.expect("message", body="sent")
    # A paste without an end.
    dora.type("\x1b[200~without an end\x03")
    time.sleep(1.5)
    dora.type("\x03")
    time.sleep(0.5)
    dora.type("goes on\r")
    erik.expect("message", body="goes on")
    t.step("control characters in a paste are no commands; Ctrl-C ends one that has no end")

    dora.type("half a lino\x1b[D")
    dora.shown(b"half a lino")
    dora.process.send_signal(signal.SIGTSTP)
    lib.wait_until(lambda: state(dora.process) == "T", LIMIT, "it being stopped")
    lib.wait_until(lambda: dora.bytes.rstrip().endswith(b"\x1b[?2004l"), LIMIT, "the terminal being as it was")
    dora.process.send_signal(signal.SIGCONT)
    dora.shown(b"\x1b[?2004h\r\x1b[Jerik@localhost> half a lino\x08")
    dora.type("\x1b[3~e\r")
    erik.expect("message", body="half a line")
    t.step("Ctrl-Z and fg: the line and the place in it are as they were")
    dora.close()
    t.true(b"\x1b[?2004l" in dora.bytes[-200:], "at the end, too")


def interrupts(t):
    """Ctrl-C behind a key that is not whole, and what ends the program without asking."""
    fred = Terminal(t, "fred", command(t, "fred"))
    fred.shown(b"online as")
    for part in (b"\x1b", b"\x1b[", b"\xe2", b"\x18"):
        os.write(fred.master, b"half" + part)
        time.sleep(0.3)
        before = fred.bytes.count(b"^C\r")
        fred.type("\x03")
        lib.wait_until(lambda before=before: fred.bytes.count(b"^C\r") > before, 5, f"Ctrl-C behind {part}")
    fred.close()
    t.step("one Ctrl-C is enough, also behind a key that is not whole")

    for number in signal.SIGQUIT, signal.SIGUSR1, signal.SIGABRT:
        case = Terminal(t, "gus", command(t, "gus"))
        case.shown(b"\x1b[?2004h")
        case.shown(b"online as")
        raw = signal_keys(case)
        case.process.send_signal(number)
        t.equal(case.process.wait(20), -number, "the signal ends it")
        lib.wait_until(lambda case=case: case.bytes.endswith(b"\x1b[?2004l"), 5, "the terminal marking no pastes any more")
        t.equal((raw, signal_keys(case)), (False, True), "the terminal's signals while it runs, and then")
        case.close()
    t.step("a signal that ends it leaves the terminal as it was")


def signal_keys(terminal):
    """Whether it makes signals of keys, shows what is typed, and gives whole lines."""
    local = termios.tcgetattr(terminal.master)[3]
    wanted = termios.ISIG | termios.ECHO | termios.ICANON
    return local & wanted == wanted


def test(t):
    """Line mode on a terminal: editing, history, completion, events above the line"""
    alice = dialogue(t)
    bob = Screen(t, "bob", command(t, "bob"))
    bob.shown("online as")
    alice.type("/add bob@localhost Bob")
    bob.shown("alice@localhost wants to see")
    bob.type("/add alice@localhost")
    alice.shown(r"\* Bob is here")
    alice.type("/msg Bob hi")
    alice.shown(r"-> Bob: hi \(delivered\)")
    bob.shown(r"alice: hi")
    t.step("two terminals: hi, and the receipt")

    alice.text("half a sent")
    alice.shown("^Bob> half a sent$")
    bob.type("/msg alice meanwhile")
    alice.shown(r"^\d\d:\d\d Bob: meanwhile")
    lib.wait_until(lambda: alice.cursor_line() == "Bob> half a sent", LIMIT, "the line being typed below the event")
    t.equal(alice.screen().count("half a sent"), 1, "the typed line stands there once")
    alice.text("ence")
    alice.keys("Enter")
    bob.shown("alice: half a sentence")
    alice.shown(r"-> Bob: half a sentence \(read\)")
    t.step("what comes is printed above the line being typed, and the prompt says whom one talks to")

    bob.shown("alice is typing|alice: half a sentence")
    alice.keys("Up")
    alice.shown("^Bob> half a sentence$")
    alice.keys("Up", "Up")
    alice.shown("^Bob> /add bob@localhost Bob$")
    alice.cancel()
    alice.text("xyz")
    alice.keys("Left", "Left", "BSpace", "C-e")
    alice.text("!")
    alice.shown("^Bob> yz!$")
    alice.cancel()
    t.step("history, Ctrl-C, and editing in the middle")

    alice.text("/his")
    alice.keys("Tab")
    alice.shown("^Bob> /history ?$")
    alice.text("b")
    alice.keys("Tab")
    alice.shown("^Bob> /history Bob ?$")
    alice.cancel()
    alice.text("/m")
    alice.keys("Tab")
    alice.shown("/msg .*/moderator .*/member")
    alice.cancel()
    alice.text("/typing b")
    alice.keys("Tab")
    alice.shown("^Bob> /typing Bob ?$")
    for _ in range(2):  # what follows is nobody any more, and nothing twice
        alice.keys("Tab")
        alice.shown("^Bob> /typing Bob off ?$")
    alice.cancel()
    t.step("commands and people are completed, choices shown")
    alice.type("/help")
    alice.shown(r"\| /peers: ")
    alice.shown(r"\| In rooms: /join ")
    t.true("/destroy [" not in alice.screen().rsplit("/peers: ", 1)[1], "what rooms know is named only")
    alice.type("/help all")
    alice.shown(r"\| /destroy \[#ROOM\|ROOM@WHERE\] yes \[--to ROOM\] \[REASON\]: ends the room for all")
    t.step("/help fits on a screen; /help all is more")

    alice.type("/room create lunch")
    alice.shown("^#lunch>")
    bob.type("/join lunch Bobby")
    alice.shown("#lunch Bobby joined")
    alice.text("bo")
    alice.keys("Tab")
    alice.shown("^#lunch> Bobby ?$")
    alice.cancel()
    alice.text("/affiliate Bobby ow")
    alice.keys("Tab")
    alice.shown("^#lunch> /affiliate Bobby owner ?$")
    alice.cancel()
    alice.text("/config memberso")
    alice.keys("Tab")
    alice.shown("^#lunch> /config membersonly ?$")
    alice.cancel()
    alice.text("Bobby welcome \u00e9\u4f60")
    alice.keys("Enter")
    bob.shown("#lunch alice: Bobby welcome \u00e9\u4f60")
    t.step("a nickname is completed in a room")
    passwords(t, alice)

    alice.tmux("resize-window", "-x", "40", "-y", "20")
    alice.text("w" * 60)
    lib.wait_until(lambda: "w" * 60 in alice.screen().replace("\n", ""), LIMIT, "a line longer than the terminal")
    bob.type("an event while a long line is typed")

    def whole():
        text = alice.screen().replace("\n      | ", "").replace("\n", "")
        return "Bobby: an event while a long line is typed#lunch> " + "w" * 60 in text and text.count("w" * 60) == 1

    lib.wait_until(whole, LIMIT, "the event above the long line, and that once")
    alice.cancel()
    t.step("another size; a long line")

    alice.keys("Escape")
    bob.type("escape does not stop me")
    alice.shown("escape does not")
    alice.keys("Enter")
    alice.cancel()
    alice.keys("C-d")
    t.equal(alice.ended(), 0, "Ctrl-D")
    bob.shown(r"#lunch alice left|\* alice is gone")
    bob.type("/quit")
    t.equal(bob.ended(), 0, "/quit")
    t.step("Ctrl-D and /quit end it")
    keys(t)
    interrupts(t)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
