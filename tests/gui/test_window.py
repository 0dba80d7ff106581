#!/usr/bin/python3
"""Wireshark's window as `wireside trace open` makes it, on a screen that nobody sees (Xvfb): a file of the lab, and a chat while
it goes on. What is looked for are the colours of our profile, which are there only when the file is read, what was encrypted
is decrypted, and the chat layer has told what is what. The pictures stay in build/gui, for people. By `make test-gui`."""
import importlib.util
import os
import pathlib
import struct
import sys
import zlib

os.environ.setdefault("WIRESIDE_DISCOVER", "")
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "net"))
from lib import Failure, main, need, run, wait_until  # noqa: E402  (tests/net)

spec = importlib.util.spec_from_file_location("traces", HERE.parent / "trace/lib.py")
traces = importlib.util.module_from_spec(spec)
spec.loader.exec_module(traces)
spec = importlib.util.spec_from_file_location("made", HERE.parent / "trace/made.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
WIRESIDE = os.path.abspath(os.environ.get("WIRESIDE", ROOT / "build/test/wireside"))
PICTURES = ROOT / "build/gui"
LIMIT = 90  # seconds for a window
ROW = 400  # pixels of a colour at least, when a row of it is there


def colours():
    """Name of the rule -> its background as a pixel."""
    found = {}
    for line in (ROOT / "share/wireshark/colorfilters").read_text().splitlines():
        if line.startswith("@"):
            _, name, rest = line.split("@", 2)
            back = rest.rsplit("@", 1)[1].split("]")[0].lstrip("[").split(",")
            found[name] = tuple(int(c) >> 8 for c in back)
    return found


COLOURS = colours()


class Screen:
    """An X server whose picture is a file (XWD) that it keeps up to date."""

    def __init__(self, net, number):
        self.number = f":{number}"
        self.folder = net.folder / f"screen{number}"
        self.folder.mkdir()
        self.file = self.folder / "Xvfb_screen0"
        self.program = net.hosts[0].program("Xvfb", need("Xvfb"), self.number, "-screen", "0", "1300x740x24", "-fbdir",
                                            self.folder, "-nolisten", "tcp", "-noreset") if net.hosts else None
        wait_until(lambda: pathlib.Path(f"/tmp/.X11-unix/X{number}").exists() and self.file.exists(), "a screen")

    def pixels(self):
        """(width, height, rows of bytes BGRX)"""
        data = self.file.read_bytes()
        head = struct.unpack(">25I", data[:100])
        size, width, height, line, colors = head[0], head[4], head[5], head[12], head[19]
        start = size + colors * 12
        return width, height, [data[start + y * line:start + y * line + width * 4] for y in range(height)]

    def count(self, rule):
        """Pixels of that rule's colour."""
        red, green, blue = COLOURS[rule]
        _, _, rows = self.pixels()
        wanted = bytes((blue, green, red))
        return sum(1 for row in rows for x in range(0, len(row), 4) if row[x:x + 3] == wanted)

    def wait(self, *rules):
        for rule in rules:
            wait_until(lambda: self.count(rule) >= ROW, f"rows of the colour '{rule}'", LIMIT)

    def save(self, name):
        width, height, rows = self.pixels()
        raw = b"".join(b"\0" + b"".join(row[x:x + 3][::-1] for x in range(0, width * 4, 4)) for row in rows)

        def chunk(kind, body):
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
            ">2I5B", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def open_window(net, host, screen, *argv):
    home = net.folder / "home"
    return host.program("wireshark", "env", f"HOME={home}", f"XDG_STATE_HOME={home}/state", f"XDG_CONFIG_HOME={home}/config",
                        f"XDG_CACHE_HOME={home}/cache", f"XDG_RUNTIME_DIR={home}", "LANG=C.UTF-8", f"WIRESIDE_SHARE={traces.SHARE}",
                        f"DISPLAY={screen.number}", WIRESIDE, "trace", "open", *argv)


def free_number():
    return next(n for n in range(90, 200) if not pathlib.Path(f"/tmp/.X11-unix/X{n}").exists()
                and not pathlib.Path(f"/tmp/.X{n}-lock").exists())


def test_file(net):
    """A file of the lab, decrypted and coloured"""
    need("wireshark")
    host = net.host("alpha")
    traces.Lab(net.folder / "lab", "--tls")
    (net.folder / "home").mkdir(mode=0o700)
    screen = Screen(net, free_number())
    file = net.folder / "lab/lab.pcapng"
    ((frame,),) = traces.fields(file, "frame.number", only='chat.kind == "message"')[0]
    window = open_window(net, host, screen, file, "-Y", "chat || tcp.flags.syn == 1", "--frame", frame)
    screen.wait("Message, encrypted", "Receipt", "Stream and login begin", "Presence, typing", "Open and close")
    net.true(screen.count("Message, everybody can read it") == 0, "nothing was said in clear")
    screen.save("file")
    net.true(not window.ended, "the window is there")
    net.step(f"messages, receipts, presence, handshake in their colours: {PICTURES}/file.png")


def test_missing(net):
    """A file in which packets are missing: what comes behind them is there"""
    need("wireshark")
    host = net.host("alpha")
    (net.folder / "home").mkdir(mode=0o700)
    hole = made.Connection()
    hole.say(0, made.OPEN % (b"alice@a", b"bob@b"))
    hole.say(1, made.OPEN % (b"bob@b", b"alice@a"))
    for text in (b"before", b"missing", b"behind", b"later"):
        hole.say(0, b"<message from='alice@a' to='bob@b' id='%s'><body>%s</body></message>" % (text, text))
        hole.acknowledge(1)
    del hole.frames[7]
    screen = Screen(net, free_number())
    window = open_window(net, host, screen, hole.pcap(net.folder / "hole.pcap"), "-Y", 'chat.text == "later" || tcp.flags.syn == 1')
    screen.wait("Message, everybody can read it")
    screen.save("missing")
    net.true(not window.ended, "the window is there")
    net.step("the message behind the hole is found and shown")


def start(net, host, name, user):
    folder = net.folder / name
    node = host.program(f"{user}-node", WIRESIDE, "node", "--data", folder, "--name", f"{user}@{name}", "--discovery", "own",
                        "--interface", "eth0")
    node.expect(r"^lan ")
    return folder, host.program(user, WIRESIDE, "chat", "--plain", "--data", folder)


def test_live(net):
    """A chat while it goes on, with a link that was up before"""
    need("wireshark")
    need("dumpcap")
    alpha, bravo = net.host("alpha"), net.host("bravo")
    (net.folder / "home").mkdir(mode=0o700)
    folder, alice = start(net, alpha, "alpha", "alice")
    _, bob = start(net, bravo, "bravo", "bob")
    alice.expect(r"\* bob is ")
    bob.expect(r"\* alice is ")
    alice.say("/msg bob before anybody looked")
    alice.expect(r"looked \(delivered\)")
    screen = Screen(net, free_number())
    window = open_window(net, alpha, screen, "--live", "--data", folder, "-Y", "chat || tcp.flags.syn == 1")
    screen.wait("Stream and login begin")
    net.step("the link was opened anew, and its beginning is seen")
    net.true(screen.count("Message, encrypted") == 0, "nothing is said yet")
    alice.say("/msg bob can you see this in Wireshark?")
    bob.expect("Wireshark\\?$")
    bob.say("/msg alice yes, while it is said")
    alice.expect("while it is said")
    screen.wait("Message, encrypted", "Receipt")
    screen.save("live")
    net.true(not window.ended, "the window is there")
    net.step(f"what is said comes up in the window: {PICTURES}/live.png")


if __name__ == "__main__":
    status = main(test_file, test_missing, test_live)
    print("0 passed, 1 failed" if status else "1 passed, 0 failed")
    raise SystemExit(status)
