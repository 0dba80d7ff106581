"""`wireside chat` for tests: in a pipe, in a tmux window, and on a pseudo-terminal whose bytes are kept. The server, slixmpp
and everything else comes from the interop harness."""

import contextlib
import fcntl
import os
import pathlib
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

import clients  # noqa: E402
import lib  # noqa: E402

LIMIT = 20


def environment(case):
    """Nothing of the user's own settings."""
    home = case.folder / "home"
    home.mkdir(exist_ok=True)
    keep = {k: v for k, v in os.environ.items() if not k.startswith("XDG_") and k not in ("LANG", "LC_ALL", "TERM")}
    return {**keep, "HOME": str(home), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "SHELL": "/bin/sh"}


def command(case, name, *options, port=None, tls=False, trust=True):
    """The words that start the client as name@localhost over the network."""
    jid = case.user(name)
    secret = case.folder / f"password-{name}"
    secret.write_text(case.passwords[jid] + "\n")
    server = case.server
    where = ["--connect-tls", f"127.0.0.1:{port or server.c2s_tls}"] if tls else \
        ["--connect", f"127.0.0.1:{port or server.c2s}"]
    return [str(lib.find_wireside()), "chat", jid, *where, "--password-file", str(secret),
            *(["--trust-new"] if trust else []), *options]


class Pipe:
    """In a pipe: lines in, lines out."""

    def __init__(self, case, label, argv):
        self.label = label
        self.lines = []
        self.taken = 0
        self.changed = threading.Condition()
        self.ended = False
        self.process = lib.spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env=environment(case))
        case.clients.append(self)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="backslashreplace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def say(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        self.process.stdin.flush()

    def expect(self, pattern, timeout=LIMIT):
        """The next line that matches, behind those of earlier calls."""
        wanted = re.compile(pattern)
        end = time.monotonic() + timeout
        with self.changed:
            at = self.taken
            while True:
                for i in range(at, len(self.lines)):
                    if wanted.search(self.lines[i]):
                        self.taken = i + 1
                        return self.lines[i]
                at = len(self.lines)
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    raise lib.Failure(f"{self.label}: no line like {pattern!r} after line {self.taken}")
                self.changed.wait(left)

    def count(self, pattern):
        with self.changed:
            return sum(bool(re.search(pattern, line)) for line in self.lines)

    def end(self, timeout=LIMIT):
        """The end of input; gives the exit status."""
        self.process.stdin.close()
        return self.status(timeout)

    def status(self, timeout=LIMIT):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise lib.Failure(f"{self.label} did not end") from None
        lib.wait_until(lambda: self.ended, LIMIT, "the end of the output")
        return status

    def account(self):
        return "\n".join(self.lines[-60:])

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        if self.process.poll() is None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def pipe(case, name, *options, **how):
    return Pipe(case, name, command(case, name, "--plain", *options, **how))


def once(case, name, text, *options, **how):
    """One run with this input; gives exit status and lines."""
    p = pipe(case, name, *options, **how)
    p.process.stdin.write(text.encode())
    return p.end(40), p.lines


class Screen:
    """In a terminal of tmux."""

    tmux = clients.Profanity.tmux
    screen = clients.Profanity.screen
    type = clients.Profanity.type
    shown = clients.Profanity.shown

    def __init__(self, case, label, argv, size=(100, 40)):
        lib.need("tmux")
        self.case = case
        self.label = label
        self.socket = case.folder / f"tmux-{label}"
        self.process = lib.spawn(["tmux", "-D", "-S", self.socket, "-f", "/dev/null"], env=environment(case),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        case.clients.append(self)
        lib.wait_until(self.socket.exists, LIMIT, "tmux")
        words = " ".join("'" + a.replace("'", "'\\''") + "'" for a in argv)
        # tmux does not always know the exit status of what ran in it.
        self.said = case.folder / f"status-{label}"
        self.tmux("set-option", "-g", "remain-on-exit", "on", ";", "new-session", "-d", "-x", str(size[0]), "-y",
                  str(size[1]), f"trap : INT; {words}; echo $? > '{self.said}'")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def text(self, text):
        self.tmux("send-keys", "-l", text)

    def cursor_line(self):
        return [line for line in self.screen().splitlines() if line][-1]

    def cancel(self):
        """Ctrl-C. A terminal throws away what is typed before the program has dealt with it, so that is waited for."""
        self.keys("C-c")
        lib.wait_until(lambda: re.fullmatch(r"(\S+)?> ?", self.cursor_line()), LIMIT, "an empty line after Ctrl-C")

    def ended(self):
        """Waits for the end; gives the exit status."""
        return int(lib.wait_until(lambda: self.said.exists() and self.said.read_text(), LIMIT, "the end"))

    def account(self):
        with contextlib.suppress(lib.Failure, subprocess.SubprocessError):
            return self.screen()
        return "(gone)"

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Terminal:
    """On a pseudo-terminal: every byte that the terminal would get is kept."""

    def __init__(self, case, label, argv, columns=80):
        self.label = label
        self.bytes = b""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.master = master
        self.process = lib.spawn(argv, stdin=slave, stdout=slave, stderr=slave, env=environment(case))
        os.close(slave)
        case.clients.append(self)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 65536):
                self.bytes += data

    def type(self, text):
        os.write(self.master, text.encode())

    def shown(self, part):
        lib.wait_until(lambda: part in self.bytes, LIMIT, f"{self.label}'s terminal getting {part!r}")

    def account(self):
        return repr(self.bytes[-3000:])

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self.master)


class Home:
    """A data folder in which a chat starts a node that nobody else can hear."""

    def __init__(self, case, name, port=None):
        self.case = case
        self.name = name
        self.data = case.folder / name
        self.port = port or lib.free_port()

    def words(self, *options):
        return [str(lib.find_wireside()), "--data", str(self.data), "--discovery", "none", "--listen", f"127.0.0.1:{self.port}", *options]

    def pipe(self, *options):
        return Pipe(self.case, self.name, self.words("--plain", *options))

    def once(self, text, *options):
        """One run with this input; gives exit status and lines."""
        p = self.pipe(*options)
        p.process.stdin.write(text.encode())
        return p.end(40), p.lines

    def screen(self, label, *options):
        return Screen(self.case, label, self.words(*options))

    def ask(self, *words):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.data / "control.sock"))
            s.sendall("\0".join(words).encode() + b"\0\0")
            return b"".join(iter(lambda: s.recv(1 << 16), b"")).decode()[1:].strip()

    def pid(self):
        """Of the node, as the lock has it."""
        return int((self.data / "wireside.lock").read_text())

    def stop(self):
        """Ends the node."""
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            os.kill(self.pid(), signal.SIGTERM)
        lib.wait_until(lambda: not (self.data / "control.sock").exists(), LIMIT, "the node's end")
