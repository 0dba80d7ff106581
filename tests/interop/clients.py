"""The clients of a test: slixmpp and @xmpp/client as processes that take commands and report events as lines of JSON,
and profanity in a terminal of its own."""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import threading
import time

import lib

LIMIT = 15  # seconds to wait for an event; only failures take that long
GONE = "(gone)"


class ClientError(lib.Failure):
    """A command of a client was answered with an error; condition is the XMPP condition where there is one."""

    def __init__(self, label, do, error):
        super().__init__(f"{label}: {do}: {error.get('condition')}: {error.get('text')}")
        self.condition = error.get("condition")


def fits(wanted, got):
    if isinstance(wanted, re.Pattern):
        return isinstance(got, str) and wanted.search(got) is not None
    if callable(wanted):
        return wanted(got)
    return wanted == got


class Client:
    """A client process. Any unknown method is a command: alice.say(to=…, body=…) waits for its answer."""

    def __init__(self, case, jid, label, argv, env=None):
        self.case = case
        self.jid = jid
        self.label = label
        self.changed = threading.Condition()
        self.events = []  # everything seen, in order
        self.taken = set()  # indices of events that an expect() has used up
        self.answers = {}
        self.number = 0
        self.gone = False
        self.errors = case.folder / f"{label}-{len(case.clients)}.stderr"
        with open(self.errors, "wb") as err:
            self.process = lib.spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                                     env={**os.environ, **(env or {})})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            try:
                item = json.loads(line)
            except ValueError:
                item = {"ev": "noise", "text": line.decode(errors="replace")}
            with self.changed:
                if "re" in item:
                    self.answers[item["re"]] = item
                else:
                    self.events.append(item)
                self.changed.notify_all()
        with self.changed:
            self.gone = True
            self.changed.notify_all()

    def _wait(self, check, timeout, what):
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                found = check()
                if found is not None:
                    return found
                left = end - time.monotonic()
                if self.gone:
                    raise lib.Failure(f"{self.label}'s client ended while waiting for {what}")
                if left <= 0:
                    raise lib.Failure(f"{self.label}: not within {timeout} s: {what}")
                self.changed.wait(left)

    # Commands

    def call(self, do, timeout=LIMIT, **args):
        self.number += 1
        number = self.number
        try:
            self.process.stdin.write(json.dumps({"re": number, "do": do, **args}).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise lib.Failure(f"{self.label}'s client is gone before {do}") from None
        answer = self._wait(lambda: self.answers.pop(number, None), timeout, f"the answer to {do} {args}")
        if "error" in answer:
            raise ClientError(self.label, do, answer["error"])
        return answer.get("value")

    def __getattr__(self, do):
        if do.startswith("_"):
            raise AttributeError(do)
        return lambda **args: self.call(do, **args)

    def sign_in(self, **options):
        """Log in with the case's account, trusting only the server's certificate."""
        server = self.case.server
        tls = options.get("tls", "starttls")
        options.setdefault("port", server.c2s_tls if tls == "direct" else server.c2s)
        options.setdefault("password", self.case.passwords[self.jid])
        options.setdefault("resource", self.label)
        options.setdefault("jid", self.jid)
        options.setdefault("ca", str(server.cert))
        return self.call("login", timeout=20, host="127.0.0.1", **options)

    def refused_sign_in(self, **options):
        """The login must fail; returns the condition."""
        try:
            value = self.sign_in(**options)
        except ClientError as e:
            return e.condition
        raise lib.Failure(f"{self.label}: login with {options} was accepted: {value!r}")

    def refused(self, do, **args):
        """The command must fail; returns the condition of the error."""
        try:
            value = self.call(do, **args)
        except ClientError as e:
            return e.condition
        raise lib.Failure(f"{self.label}: {do} {args} was accepted: {value!r}")

    # Events

    def _find(self, ev, match):
        for i, event in enumerate(self.events):
            if i not in self.taken and event.get("ev") == ev and all(fits(w, event.get(k)) for k, w in match.items()):
                return i, event
        return None

    def expect(self, ev, timeout=LIMIT, **match):
        """Wait for an event and use it up. A value to match may be a pattern or a function; from_ stands for from.
        The event's place in the order of events is its `at`."""
        match = {k.rstrip("_"): w for k, w in match.items()}
        what = f"{ev} " + " ".join(f"{k}={getattr(w, 'pattern', w)!r}" for k, w in match.items())
        i, event = self._wait(lambda: self._find(ev, match), timeout, what)
        self.taken.add(i)
        return {**event, "at": i}

    def seen(self, ev, **match):
        """All events so far that match, used up or not."""
        match = {k.rstrip("_"): w for k, w in match.items()}
        with self.changed:
            return [e for e in self.events if e.get("ev") == ev and all(fits(w, e.get(k)) for k, w in match.items())]

    def bodies(self, **match):
        """The texts of all messages so far that match and have one."""
        return [e["body"] for e in self.seen("message", **match) if e["body"] is not None]

    # The end

    def account(self):
        lines = [json.dumps({k: v for k, v in e.items() if v is not None}, ensure_ascii=False)[:600]
                 for e in self.events[-60:]]
        return "\n".join(lines) + "\n" + lib.tail(self.errors, 60)

    def close(self):
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()  # the end of commands is the order to leave
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Slix(Client):
    def __init__(self, case, jid, label):
        if subprocess.run(["/usr/bin/python3", "-c", "import importlib.util as u, sys; "
                           "sys.exit(u.find_spec('slixmpp') is None)"]).returncode:
            raise lib.Skip("slixmpp is not installed (python3-slixmpp)")
        super().__init__(case, jid, label, ["/usr/bin/python3", "-u", lib.HERE / "slix.py"])

    def logout(self):
        """Close the stream in order."""
        self.call("logout")
        self.expect("disconnected")

    def drop(self):
        """Hang up without a word."""
        self.call("drop")
        self.expect("disconnected")


def node_folder():
    """Where the packages of node/package-lock.json are installed: a folder of the build, never the source tree."""
    base = os.environ.get("WIRESIDE_INTEROP_CACHE")
    return (pathlib.Path(base) if base else lib.ROOT / "build") / "interop-node"


def install_node(limit=60):
    """Have the node packages; returns their folder. Skips where they cannot be had within so many seconds."""
    lib.need("node")
    lib.need("npm")
    folder = node_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _install_node(folder, limit)
    except (OSError, subprocess.SubprocessError) as e:
        raise lib.Skip(f"the packages for node cannot be installed: {e}") from None
    return folder


def _install_node(folder, limit):
    files = {name: (lib.HERE / "node" / name).read_bytes() for name in ("package.json", "package-lock.json")}
    stamp = hashlib.sha256(b"".join(files.values())).hexdigest()
    done = folder / ".installed"
    if done.exists() and done.read_text() == stamp:
        return
    for name, content in files.items():
        (folder / name).write_bytes(content)
    got = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
                          "--fetch-retries=1", "--fetch-retry-mintimeout=1000"], cwd=folder, timeout=limit,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if got.returncode:
        raise lib.Skip(f"npm ci failed: {got.stdout.strip()[-300:]}")
    done.write_text(stamp)


class Node(Client):
    PROGRAM = "client.mjs"

    def __init__(self, case, jid, label):
        folder = install_node()
        super().__init__(case, jid, label, ["node", lib.HERE / "node" / self.PROGRAM],
                         {"INTEROP_NODE": str(folder), "NODE_EXTRA_CA_CERTS": str(case.server.cert)})


class Stanza(Node):
    """The library stanza. Its events have its own names, and in them is what it made of a stanza."""

    PROGRAM = "stanza.mjs"

    def run(self, method, *args):
        """A method of the library."""
        return self.call("run", method=method, args=args)

    def refused_run(self, method, *args):
        return self.refused("run", method=method, args=args)


class Profanity:
    """profanity in a tmux server of its own, with a HOME of its own. What it shows is read off the screen, what it
    sent and received from its log."""

    SETTINGS = """[ui]
splash=false
titlebar.show=false
wins.autotidy=false
occupants=false
roster=false
[notifications]
message=off
room=off
invite=false
sub=false
[connection]
autoping=0
[logging]
rotate=false
"""

    def __init__(self, case, jid, label):
        lib.need("tmux")
        lib.need("profanity")
        self.case = case
        self.jid = jid
        self.label = label
        self.home = case.folder / f"profanity-{label}"
        config = self.home / ".config" / "profanity"
        config.mkdir(parents=True)
        (config / "profrc").write_text(self.SETTINGS)
        self.socket = self.home / "tmux"
        env = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
               "TERM": "screen-256color", "SHELL": "/bin/sh"}
        self.process = lib.spawn(["tmux", "-D", "-S", self.socket, "-f", "/dev/null"], env=env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lib.wait_until(self.socket.exists, LIMIT, "tmux")
        self.tmux("set-option", "-g", "remain-on-exit", "on", ";", "new-session", "-d", "-x", "200", "-y", "50",
                  "exec profanity -l DEBUG")
        self.shown(r"Profanity|/help")
        self.errors = None

    def tmux(self, *args):
        done = subprocess.run(["tmux", "-S", str(self.socket), *args], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10)
        if done.returncode:
            raise lib.Failure(f"tmux {shlex.join(args)}: {done.stdout}")
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J")

    def type(self, text):
        """One line, then Enter."""
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def shown(self, pattern, timeout=LIMIT):
        """Wait until a line on the screen matches; returns it."""
        wanted = re.compile(pattern)

        def look():
            return next((line for line in self.screen().splitlines() if wanted.search(line)), None)

        return lib.wait_until(look, timeout, f"{self.label}'s screen showing {pattern!r}")

    def log(self):
        return "".join(p.read_text(errors="replace") for p in
                       sorted((self.home / ".local/share/profanity/logs").glob("*.log")))

    def logged(self, pattern, timeout=LIMIT):
        wanted = re.compile(pattern, re.S)
        return lib.wait_until(lambda: wanted.search(self.log()), timeout, f"{self.label}'s log holding {pattern!r}")

    def sign_in(self):
        self.type(f"/connect {self.jid} server 127.0.0.1 port {self.case.server.c2s} tls trust")
        self.shown(r"password")
        self.type(self.case.passwords[self.jid])
        self.shown(r"logged in successfully")

    def quit(self):
        """Leave by /quit, and see it end."""
        self.type("/quit")
        lib.wait_until(lambda: "1" == self.tmux("list-panes", "-F", "#{pane_dead}").strip(), LIMIT, "profanity's end")

    def account(self):
        with contextlib.suppress(lib.Failure, subprocess.SubprocessError):
            return self.screen() + "\n" + "\n".join(self.log().splitlines()[-25:])
        return GONE

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)  # profanity goes with its terminal
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
