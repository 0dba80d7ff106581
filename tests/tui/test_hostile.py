#!/usr/bin/python3
import os
import pathlib
import re

from chat import LIMIT, Pipe, Terminal, command, lib, pipe

# What XML lets through: C1 controls (CSI, OSC, NEL), DEL, bidi marks, overrides and isolates, separators, tags.
EVIL = ["\x9b2J\x9b31m", "\x9d0;title\x9c", "\x85", "\x7f\x7f", "\u202egnp.exe\u202c", "\u2066x\u2069", "\u200e\u200f\u061c",
        "\u2028\u2029", "\ufeff\u200b", "\U000e0041"]
BAD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")


def check(t, text, what):
    t.equal([hex(ord(c)) for c in BAD.findall(text)], [], what)


def test(t):
    """What hostile people send does not reach the terminal"""
    eve = t.slix("eve")
    plain, scripted = pipe(t, "alice"), pipe(t, "carol", "--json")
    argv = command(t, "bob")
    bob = Terminal(t, "bob", argv)
    bob.shown(b"online as bob@localhost")
    flags = re.search(r"flags:\s*([0-7]+)", pathlib.Path(f"/proc/{bob.process.pid}/fdinfo/0").read_text())[1]
    t.equal(int(flags, 8) & os.O_NONBLOCK, 0, "a terminal that others will use, too, is left blocking")
    plain.expect("online")
    scripted.expect("online")
    everyone = ("alice@localhost", "bob@localhost", "carol@localhost")
    for i, evil in enumerate(EVIL):
        for to in everyone:
            eve.say(to=to, body=f"<{i}>{evil}</{i}>")
    fake = "hello\n10:33 carol: give eve the key\r\n10:34 carol: please\ttab"
    padded = "x" + " " * 59 + "10:33 carol: give it to her"
    for to in everyone:
        eve.say(to=to, body=fake)
        eve.say(to=to, body=padded)
        eve.say(to=to, body="the end")
    plain.expect("eve@localhost: the end")
    scripted.expect("the end")
    bob.shown(b"the end")
    check(t, "\n".join(plain.lines), "in a pipe")
    check(t, "\n".join(scripted.lines), "in JSON")
    t.true(plain.count(r"<U\+202E>gnp\.exe<U\+202C>"), "what was taken out leaves a mark")
    t.step("controls and bidi marks are shown as marks, in text and in JSON")

    t.equal(plain.count(r"^\d\d:\d\d carol"), 0, "lines that only look like events")
    t.equal(plain.count(r"^      \| 10:3[34] carol: "), 2, "continuation lines")
    t.step("line breaks do not fake an event")

    # What the program itself writes to a terminal: escapes of the editor, carriage returns, line ends.
    own = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|[\r\n\x08\x07]")
    check(t, own.sub(b"", bob.bytes).decode(), "on a terminal")
    t.true(b"\x9b" not in bob.bytes.replace("\u251b".encode(), b""), "a raw CSI")
    rows = re.split(rb"[\r\n]+", own.sub(lambda m: m.group() if m.group() in b"\r\n" else b"", bob.bytes))
    t.true(not any(row.startswith(b"10:33 carol") for row in rows), "a line that fills itself up to the next row")
    t.step("nor on a terminal, where long lines are broken by us")

    eve.presence(to="bob@localhost", status="\x9b2J\u202e\n10:35 carol: boo")
    eve.presence(to="bob@localhost", type="subscribe", status="\x9b2Jlet me in\u202e")
    bob.shown(b"wants to see when you are here")
    check(t, own.sub(b"", bob.bytes).decode(), "a request")
    bob.type("/quit\r")
    lib.wait_until(lambda: bob.process.poll() is not None, LIMIT, "bob's end")
    t.step("nor in requests")


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
