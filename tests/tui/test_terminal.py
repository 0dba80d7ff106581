#!/usr/bin/python3

from chat import LIMIT, Screen, command, lib, pipe


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
    alice.shown(r"\| /destroy \[#ROOM\] \[REASON\]: ends the room for all")
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
    alice.text("/config memb")
    alice.keys("Tab")
    alice.shown("^#lunch> /config membersonly ?$")
    alice.cancel()
    alice.text("Bobby welcome \u00e9\u4f60")
    alice.keys("Enter")
    bob.shown("#lunch alice: Bobby welcome \u00e9\u4f60")
    t.step("a nickname is completed in a room")

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


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
