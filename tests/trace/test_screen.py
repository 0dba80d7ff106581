#!/usr/bin/python3
"""The ladder on a terminal: in tmux, and on a pseudo-terminal whose bytes are kept."""
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
import threading
import time

from lib import SHARE, WIRESIDE, Failure, Lab, equal, events, main, need, run, step, true, wireside
from test_hostile import NASTY, OPEN, Connection, escape
from test_missing import made_hole

WAIT = 120


def wait_until(what, check):
    end = time.monotonic() + WAIT
    while not (found := check()):
        if time.monotonic() > end:
            raise Failure(f"{what} did not come")
        time.sleep(0.02)
    return found


class Screen:
    """The program in a terminal of tmux."""

    count = 0

    def __init__(self, folder, *argv, size=(100, 30), env=""):
        need("tmux")
        Screen.count += 1
        self.socket, self.status = folder / f"tmux-{Screen.count}", folder / f"status-{Screen.count}"
        words = f"WIRESIDE_SHARE={shlex.quote(str(SHARE))} {env} {shlex.join([WIRESIDE, 'trace', *map(str, argv)])}"
        self.tmux("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]),
                  f"cd {shlex.quote(str(folder))}; {words} 2> said; echo $? > {shlex.quote(str(self.status))}; sleep {10 * WAIT}")

    def tmux(self, *argv):
        done = subprocess.run(["tmux", "-S", str(self.socket), "-f", "/dev/null", *argv], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=WAIT,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "DISPLAY": "", "NO_COLOR": ""})
        return done.stdout.decode("utf-8", "replace")

    def text(self, *how):
        return self.tmux("capture-pane", "-p", *how)

    def shown(self, pattern):
        try:
            return wait_until(pattern, lambda: re.search(pattern, self.text(), re.MULTILINE))
        except Failure:
            raise Failure(f"no {pattern!r} in:\n{self.text()}") from None

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def answer(self, key, text):
        self.keys(key)
        self.shown(r"^(search|filter|write to .*):")
        self.keys("C-u")
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        wait_until("the size", lambda: len(self.text().rstrip("\n").split("\n")) <= rows)

    def end(self):
        self.keys("q")
        equal(int(wait_until("the end", lambda: self.status.exists() and self.status.read_text())), 0, "exit status")
        self.close()

    def close(self):
        self.tmux("kill-server")


def check_keys(folder):
    """Moved in, searched, filtered, looked into, written"""
    lab = Lab(folder / "lab", "--tls")
    two_passes = wireside("trace", lab.file).out
    screen = Screen(folder, lab.file)
    try:
        screen.shown(r"^ lab\.pcapng  \d+ frames")
        screen.shown("alice +bob")
        screen.answer("/", "HELLO BOB")
        screen.shown('alice: "hello Bob, this is Alice over the wire"')
        step("a message was found")

        screen.keys("p")
        number = screen.shown(r"^ +(\d+) +\S+ \|<=+\| bob: has the message of frame").group(1)
        screen.keys("Enter")
        screen.shown(f"^ frame {number} of ")
        screen.answer("/", "chat.receipt_latency")
        screen.shown("^not found")
        screen.answer("/", "From message to receipt")
        screen.shown(r"From message to receipt: 0\.\d+ seconds")
        screen.answer("/", "0000  ")
        screen.shown(r"^0000  [0-9a-f]{2} ")
        screen.keys("q")
        screen.shown("^ lab.pcapng")
        step("its receipt, with all fields and bytes")

        screen.answer("f", "chat.kind ==")
        screen.shown("^filter: tshark: Unexpected end of filter expression")
        screen.shown("bob: has the message of frame")
        screen.answer("f", 'chat.kind == "message"')
        screen.shown(r'^ lab\.pcapng  \[chat\.kind == "message"\]')
        equal(len(re.findall("[=>]\\|", screen.text())), 5, f"messages: {screen.text()}")
        true("bare ACK" not in screen.text() and "has the message" not in screen.text(), "nothing else")
        screen.answer("f", "")
        screen.shown("bare ACK")
        step("a bad filter is told and changes nothing; a good one filters; an empty one shows all")

        screen.keys("g")
        screen.keys("a")
        screen.shown("IGMP|ARP|ICMPv6")
        true("other packet" not in screen.text(), f"nothing is folded: {screen.text()}")
        screen.keys("a")
        screen.shown("other packet")
        for key, what in (("s", "receipts of the other program"), ("x", "Who is in this trace"), ("?", "any display filter of Wireshark")):
            screen.keys(key)
            screen.shown(what)
            screen.keys("q")
            screen.shown("^ lab.pcapng")
        screen.keys("w")
        screen.shown("needs a graphical display")
        step("unfolded and folded; statistics, explanation, help")

        screen.answer("e", "ladder.txt")
        screen.shown("^ladder.txt is written")
        equal((folder / "ladder.txt").read_text(), two_passes, "the ladder of one pass, against that of two")
        equal((folder / "ladder.txt").stat().st_mode & 0o777, 0o600, "its mode")
        screen.answer("e", "ladder.txt")
        screen.shown("there already")
        screen.answer("e", "ladder.odt")
        screen.shown("the end of the name says")
        screen.answer("f", 'chat.kind == "message"')
        screen.shown(r"\[chat")
        for name in ("some.html", "some.pcapng", "some.txt"):
            screen.answer("e", name)
            screen.shown(f"^{name} is written" + (", with the SECRETS of 1 TLS session" if name.endswith("ng") else ""))
        true("hello Bob" in (folder / "some.html").read_text(), "the page")
        text = (folder / "some.txt").read_text()
        true("hello Bob" in text and "SYN" not in text, f"the ladder of the filter: {text}")
        packets = int(run("capinfos", "-c", "-M", folder / "some.pcapng").out.split()[-1])
        whole = int(run("capinfos", "-c", "-M", lab.file).out.split()[-1])
        equal(len([e for e in events(folder / "some.pcapng") if e.kind == "message"]), 5, "messages in it that can be read")
        true(packets < whole, f"and not all of the packets: {packets} of {whole}")
        step("written as text (one pass and two agree), page, packets")
        screen.end()
    finally:
        screen.close()


def check_sizes(folder):
    """Sizes from small to wide, colours or none, other ways of asking"""
    lab = Lab(folder / "lab", "--plain")
    screen = Screen(folder, lab.file, size=(80, 24))
    try:
        screen.shown("alice +bob")
        screen.answer("/", "hello bob")
        for columns, rows in ((60, 15), (30, 5), (12, 3), (200, 50), (80, 24)):
            screen.resize(columns, rows)
            if rows > 5:
                screen.shown('alice: "hello')
        wait_until("colours", lambda: re.search(r"\x1b\[[0-9;]*3[1-6]m", screen.text("-e")))
        screen.end()
        for env in ("NO_COLOR=1", "TERM=vt220"):
            screen = Screen(folder, lab.file, env=env)
            screen.shown("alice +bob")
            true(not re.search(r"\x1b\[[0-9;]*[34][0-7]m", screen.text("-e")), f"no colours with {env}")
            screen.end()
        step("the chosen line stays in sight; NO_COLOR, and a terminal without colours")
        for argv, env in ((("--plain",), ""), ((), "TERM=dumb")):
            screen = Screen(folder, lab.file, *argv, env=env, size=(160, 200))
            screen.shown("closed connection 0 first|broke connection 0 off")
            screen.close()
        screen = Screen(folder, folder / "none")
        equal(int(wait_until("the end", lambda: screen.status.exists() and screen.status.read_text())), 1, "no such file")
        true("No such file" in (folder / "said").read_text(), "and that is said")
        step("--plain, a dumb terminal, no such file")
    finally:
        screen.close()


def check_long(folder):
    """A long file is shown while it is read"""
    one = Connection()
    one.add(0, OPEN % b"alice@a")
    one.add(1, OPEN % b"bob@b")
    for i in range(6000):
        one.add(0, b"<message from='alice@a' to='bob@b' id='m%d'><body>number %d</body></message>" % (i, i))
        one.add(1, b"", 0x10)
    file = one.write(folder / "long.pcap")
    screen = Screen(folder, file)
    try:
        screen.shown(r'"number 3"')
        true("reading" in screen.text().split("\n")[0], f"it is not read to its end yet: {screen.text()}")
        screen.shown(r"^ long\.pcap  12005 frames, \S+ s +$|^ long\.pcap  12005 frames, \S+ s$")
        screen.keys("End")
        screen.shown('"number 5999"')
        screen.keys("g")
        screen.answer("/", '"number 4500"')
        screen.shown('"number 4500"')
        step("first the first screen, then the rest")
        screen.end()
    finally:
        screen.close()


def check_hostile(folder):
    """What is said in a capture reaches the terminal filtered"""
    one = Connection()
    one.add(0, OPEN % escape(NASTY))
    one.add(0, b"<message from='%s' id='%s' to='bob@b'><body>%s</body></message>" % ((escape(NASTY),) * 3))
    one.add(0, b"<message from='a' to='b' id='2'><body>\x1b[31mraw\x07 the last</body></message>")
    file = one.write(folder / "nasty.pcap")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen([WIRESIDE, "trace", str(file)], stdin=slave, stdout=slave, stderr=slave,
                               env={**os.environ, "WIRESIDE_SHARE": str(SHARE), "TERM": "xterm", "LC_ALL": "C.UTF-8"})
    os.close(slave)
    got = bytearray()

    def read():
        try:
            while data := os.read(master, 65536):
                got.extend(data)
        except OSError:
            pass

    threading.Thread(target=read, daemon=True).start()
    wait_until("the last line", lambda: b"the last" in got)
    os.write(master, b"Gk\r")
    wait_until("the fields", lambda: b"Frame 5" in got)
    os.write(master, b"qsqxqq")
    equal(process.wait(WAIT), 0, "exit status")
    for evil in (b"\x1b[31mraw", b"\x1b]0;", b"owned\x07", "\u202e".encode(), "\x9b".encode()):
        true(evil not in got, f"{evil!r} reached the terminal")
    os.close(master)
    step("no escape, no turned writing")


class Growing:
    """A copy of a capture file, block by block."""

    def __init__(self, source, path):
        data, self.blocks, at = source.read_bytes(), [], 0
        while at < len(data):
            size = int.from_bytes(data[at + 4:at + 8], "little")
            self.blocks.append(data[at:at + size])
            at += size
        self.file = open(path, "wb", buffering=0)

    def grow(self, blocks):
        """Also in the middle of a block, as a reader may find it."""
        for block in self.blocks[:blocks]:
            self.file.write(block[:20])
            self.file.write(block[20:])
        self.blocks = self.blocks[blocks:]


def check_live(folder):
    """A file that grows, on a screen and line by line"""
    lab = Lab(folder / "lab", "--tls")
    file = folder / "growing.pcapng"
    growing = Growing(lab.file, file)
    growing.grow(40)
    screen = Screen(folder, "--live", file, size=(120, 40))
    lines = subprocess.Popen([WIRESIDE, "trace", "--live", str(file)], stdout=subprocess.PIPE,
                             env={**os.environ, "WIRESIDE_SHARE": str(SHARE)})
    seen = []
    threading.Thread(target=lambda: seen.extend(lines.stdout), daemon=True).start()
    try:
        screen.shown(r"^ growing\.pcapng  \d+ frames, \S+ s  live")
        screen.shown("handshake complete")
        before = screen.text()
        true("goodbye" not in before, f"it does not know the future: {before}")
        screen.answer("f", 'chat.kind == "message"')
        screen.shown(r"\[chat")
        growing.grow(len(growing.blocks) - 12)
        screen.shown('alice: "goodbye"')
        step("while it grows; the filter goes on with it")
        growing.grow(1000)
        screen.answer("f", "")
        screen.shown("bob@bravo says goodbye")
        screen.answer("e", "grown.txt")
        screen.shown("^grown.txt is written")
        equal((folder / "grown.txt").read_text(), wireside("trace", lab.file).out, "one pass over a growing file, against two")
        screen.end()
        step("in the end what two passes make of it")

        wait_until("the last line", lambda: any(b"bob@bravo says goodbye" in line for line in seen))
        lines.terminate()
        equal(lines.wait(WAIT), 0, "exit status")
        wait_until("its lines", lambda: any(b"connection 0" in line for line in seen))
        said = b"".join(seen).decode()
        for text in ('alice: "hello Bob', "receipt after", "SYN  sequence number", "frame    seconds  alice          bob"):
            true(text in said, f"{text} in {said}")
        step("line by line: the same")
    finally:
        screen.close()
        lines.kill()
        lines.wait()


def check_missing(folder):
    """Packets are missing: what is behind them is there, also with its fields and for a filter, in a file and in one that grows"""
    hole = made_hole()
    screen = Screen(folder, hole.pcap(folder / "hole.pcap"), size=(120, 40))
    try:
        screen.shown("^Packets are missing in this capture")
        screen.shown('alice: "third"')
        screen.answer("/", '"third"')
        screen.keys("Enter")
        screen.shown("^Frame ")
        screen.answer("/", "XMPP Protocol")
        screen.shown("^XMPP Protocol")
        screen.keys("q")
        screen.answer("f", 'chat.kind == "message"')
        screen.shown(r"\[chat")
        equal(re.findall(r'alice: "(\w+)"', screen.text()), ["first", "third"], screen.text())
        screen.end()
        step("a file")
        growing = Growing(hole.pcapng(folder / "whole.pcapng"), folder / "growing.pcapng")
        growing.grow(2 + 9)
        screen = Screen(folder, "--live", folder / "growing.pcapng", "-Y", 'chat.kind == "message"', size=(120, 40))
        screen.shown('alice: "first"')
        growing.grow(4)
        screen.shown('alice: "third"')
        screen.answer("f", "")
        screen.shown("NOT IN THIS CAPTURE")
        growing.grow(1000)
        screen.shown("FIN")
        screen.answer("e", "grown.txt")
        screen.shown("^grown.txt is written")
        equal((folder / "grown.txt").read_text(), wireside("trace", folder / "whole.pcapng").out, "one pass over a growing file, against two")
        screen.end()
        step("one that grows, with a filter and without")
    finally:
        screen.close()


if __name__ == "__main__":
    raise SystemExit(main(check_keys, check_sizes, check_long, check_hostile, check_live, check_missing))
