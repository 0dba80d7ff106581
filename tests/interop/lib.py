"""Interop harness: a server under test, real clients beside it, and what one client saw of the other.

A test is a function that gets a Case. The Case owns a scratch folder, one server and any number of clients, each a
process of its own, and ends all of them by pid, also after a failure or a signal. Nothing here sleeps for a fixed
time: everything waits for an event, with a limit.

Standard library only; run with /usr/bin/python3, where Debian's slixmpp lives.
"""

import argparse
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DOMAIN = "localhost"
ROOMS = "rooms.localhost"
SKIP = 77  # the exit status by which meson knows a skipped test
LIMIT = 110  # seconds for one test, below the limit of the meson test

START_LIMIT = 20
STOP_LIMIT = 15


class Failure(Exception):
    """The other side did not do what it should."""


class Skip(Exception):
    """This machine lacks something the test needs."""


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed")
    return path


def _die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv, **options):
    """A child that cannot outlive the test, even when the test is killed."""
    return subprocess.Popen([str(a) for a in argv], preexec_fn=_die_with_parent, **options)


def wait_until(check, limit, what):
    """Poll check() until it returns something true; for the few things that cannot be waited for otherwise."""
    end = time.monotonic() + limit
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {limit} s: {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def tail(path, lines=40):
    with contextlib.suppress(OSError):
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])
    return ""


class Server:
    """What a test may ask of a server. The ports stay the same over a restart, as they would in earnest."""

    name = "?"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.log = self.folder.parent / "server.log"
        self.c2s = 0
        self.c2s_tls = 0
        self.process = None

    @property
    def cert(self):
        """The certificate that clients trust."""
        return self.folder / "cert.pem"

    def start(self):
        raise NotImplementedError

    def stop(self):
        """Ask it to end, and insist on a clean end."""
        raise NotImplementedError

    def add_user(self, jid, password):
        raise NotImplementedError

    def restart(self):
        self.stop()
        self.start()

    def kill9(self):
        """No chance to write anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_LIMIT)
        self.process = None

    def close(self):
        """End it however needed; never fails."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def _wait_end(self):
        try:
            status = self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {STOP_LIMIT} s of being asked") from None
        self.process = None
        return status


class Prosody(Server):
    """Debian's prosody, the reference: a test that it does not pass is a wrong test, or a listed deviation."""

    name = "prosody"

    CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ debug = "{log}" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
c2s_direct_tls_ports = {{ {c2s_tls} }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "private", "vcard", "version", "ping", "smacks",
                     "register", "posix" }}
modules_disabled = {{ "s2s" }}
authentication = "internal_plain"
c2s_require_encryption = true
smacks_hibernation_time = 60
archive_expires_after = "never"
ssl = {{ key = "{folder}/key.pem", certificate = "{folder}/cert.pem" }}
VirtualHost "localhost"
Component "rooms.localhost" "muc"
    modules_enabled = {{ "muc_mam" }}
    muc_log_by_default = true
    max_history_messages = 20
    muc_room_default_public = true
"""

    def __init__(self, folder):
        super().__init__(folder)
        need("prosody")
        need("openssl")
        (self.folder / "data").mkdir(parents=True)
        self.config = self.folder / "prosody.cfg.lua"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", self.folder / "key.pem", "-out", self.cert, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,DNS:rooms.localhost"],
                       check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        for _ in range(3):  # another process may take a free port between our look and prosody's bind
            if self._try_start():
                return
        raise Failure("prosody does not start:\n" + tail(self.log))

    def _try_start(self):
        if not self.c2s:
            self.c2s, self.c2s_tls = free_port(), free_port()
            self.config.write_text(self.CONFIG.format(folder=self.folder, log=self.log, c2s=self.c2s,
                                                      c2s_tls=self.c2s_tls))
        out = open(self.folder / "stdout", "ab")
        self.process = spawn(["prosody", "-F", "--config", self.config], stdin=subprocess.DEVNULL, stdout=out,
                             stderr=out)
        try:
            wait_until(lambda: not self.alive() or accepts(self.c2s) and accepts(self.c2s_tls), START_LIMIT, "ports")
        except Failure:
            self.close()
        if self.alive():
            return True
        self.c2s = 0
        return False

    def stop(self):
        self.process.terminate()
        self._wait_end()

    def add_user(self, jid, password):
        user, host = jid.split("@")
        subprocess.run(["prosodyctl", "--config", self.config, "register", user, host, password], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=30)


def find_wireside():
    """The program under test: $WIRESIDE, or the newest build in the tree."""
    if os.environ.get("WIRESIDE"):
        return pathlib.Path(os.environ["WIRESIDE"]).resolve()
    built = [p for pattern in ("build*/wireside", "build*/*/wireside") for p in ROOT.glob(pattern)
             if p.is_file() and os.access(p, os.X_OK)]
    if not built:
        raise Skip("no wireside program: build it, or say where it is with WIRESIDE=PATH")
    return max(built, key=lambda p: p.stat().st_mtime)


class Wireside(Server):
    """The server under test."""

    name = "wireside"
    TROUBLE = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")

    def __init__(self, folder):
        super().__init__(folder)
        self.program = find_wireside()
        home = str(self.folder.parent)  # nothing of the user's own settings, nothing left behind
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("XDG_")}, "HOME": home}

    def start(self):
        ready, theirs = os.pipe()
        with open(self.log, "ab") as out:
            self.process = spawn([self.program, "serve", "--data", self.folder, "--domain", DOMAIN,
                                  "--c2s", f"127.0.0.1:{self.c2s}", "--c2s-tls", f"127.0.0.1:{self.c2s_tls}",
                                  "--ready-fd", theirs, *os.environ.get("WIRESIDE_SERVE_ARGS", "").split()],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=[theirs], env=self.env)
        os.close(theirs)
        with open(ready, "rb", buffering=0) as pipe:
            lines = self._read_ready(pipe)
        ports = dict(line.split(" ", 1) for line in lines if " " in line)
        try:
            self.c2s = int(ports["c2s"].rsplit(":", 1)[1])
            self.c2s_tls = int(ports["c2s-tls"].rsplit(":", 1)[1])
        except (KeyError, ValueError, IndexError):
            raise Failure(f"the ready descriptor said {lines!r}, without the ports") from None

    def _read_ready(self, pipe):
        os.set_blocking(pipe.fileno(), False)
        got = b""

        def finished():
            nonlocal got
            chunk = pipe.read(4096)
            if chunk:
                got += chunk
            return chunk == b""  # closed, as promised after `ready`, or by the death of the server

        try:
            wait_until(finished, START_LIMIT, "the ready descriptor")
        except Failure as e:
            raise Failure(f"{e}; it said {got!r}; log:\n{tail(self.log)}") from None
        lines = got.decode(errors="replace").splitlines()
        if not lines or lines[-1] != "ready":
            status = self.process.poll()
            raise Failure(f"wireside serve did not get ready (exit status {status}); on the ready descriptor: "
                          f"{lines!r}; log:\n{tail(self.log)}")
        return lines

    def stop(self):
        done = self._run("stop", "--data", self.folder)
        if done.returncode:
            raise Failure(f"wireside stop: status {done.returncode}: {done.stdout}")
        status = self._wait_end()
        if status != 0:
            raise Failure(f"wireside serve ended with status {status}; log:\n{tail(self.log)}")
        found = self.TROUBLE.search(self.log.read_text(errors="replace"))
        if found:
            raise Failure(f"{found.group()} in the log:\n{tail(self.log, 100)}")

    def _run(self, *args, input=""):
        return subprocess.run([str(a) for a in (self.program, *args)], input=input, text=True, timeout=STOP_LIMIT,
                              env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def add_user(self, jid, password):
        done = self._run("user", "add", jid, "--data", self.folder, input=password + "\n")
        if done.returncode != 0:
            raise Failure(f"wireside user add {jid}: status {done.returncode}: {done.stdout}")


SERVERS = {"prosody": Prosody, "wireside": Wireside}


class Cable:
    """A network cable between client and server: it can go dead, or be cut, without either end being asked."""

    def __init__(self, target):
        self.target = target
        self.pairs = []
        self.frozen = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                pair = {"near": near, "far": far, "dead": False}
                self.pairs.append(pair)
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(pair, a, b), daemon=True).start()

    @staticmethod
    def _carry(pair, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if pair["dead"]:
                    return  # swallowed: neither end learns anything
                sink.sendall(data)
            if not pair["dead"]:
                sink.shutdown(socket.SHUT_WR)

    def freeze(self):
        """What is connected goes silent in both directions, for ever; new connections work."""
        for pair in self.pairs:
            pair["dead"] = True

    def cut(self):
        """Both ends get a reset."""
        for pair in self.pairs:
            pair["dead"] = True
            for s in (pair["near"], pair["far"]):
                with contextlib.suppress(OSError):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    s.shutdown(socket.SHUT_RD)
                    s.close()
        self.pairs.clear()

    def close(self):
        self.cut()
        self.listener.close()


class Case:
    """One run of one test: the scratch folder, the server, the clients, and the account of what happened."""

    def __init__(self, kind, keep=False, quiet=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interop-"))
        self.keep = keep
        self.quiet = quiet
        self.clients = []
        self.cables = []
        self.passwords = {}
        self.server = None
        try:
            self.server = SERVERS[kind](self.folder / "data")
            self.server.start()
        except BaseException:
            self.close()
            raise

    # What the test says

    def step(self, text):
        if not self.quiet:
            print(f"  - {text}", flush=True)

    @staticmethod
    def equal(got, want, what):
        if got != want:
            raise Failure(f"{what}: got {got!r}, want {want!r}")

    @staticmethod
    def true(value, what):
        if not value:
            raise Failure(what)

    def deviates(self, server, paragraph):
        """True where a server is known not to do what the specification asks, so that the test still holds for the
        rest and for everybody else."""
        if self.server.name != server:
            return False
        self.step(f"({server} deviates from {paragraph})")
        return True

    # Who takes part

    def user(self, name, password=None):
        """An account name@localhost, made at first use. Returns its JID."""
        jid = f"{name}@{DOMAIN}"
        if jid not in self.passwords:
            self.passwords[jid] = password or f"secret-of-{name}"
            self.server.add_user(jid, self.passwords[jid])
        return jid

    def _add(self, client):
        self.clients.append(client)
        return client

    def slix(self, name, **login):
        """A slixmpp client; logged in unless login=False. The rest is passed to its login command."""
        import clients
        client = self._add(clients.Slix(self, self.user(name), login.pop("label", name)))
        if login.pop("login", True):
            client.sign_in(**login)
        return client

    def node(self, name, **login):
        """An @xmpp/client on node."""
        import clients
        client = self._add(clients.Node(self, self.user(name), name))
        if login.pop("login", True):
            client.sign_in(**login)
        return client

    def stanza(self, name, **login):
        """The library stanza on node, logged in."""
        import clients
        client = self._add(clients.Stanza(self, self.user(name), name))
        client.sign_in(**login)
        return client

    def profanity(self, name):
        """profanity in a terminal, logged in."""
        import clients
        return self._add(clients.Profanity(self, self.user(name), name))

    def cable(self, port=None):
        cable = Cable(port or self.server.c2s)
        self.cables.append(cable)
        return cable

    # The end

    def account(self):
        """Everything that helps to understand a failure."""
        for client in self.clients:
            print(f"--- {client.label}", client.account(), sep="\n", file=sys.stderr)
        if self.server:
            print(f"--- log of {self.server.name}", tail(self.server.log, 60), sep="\n", file=sys.stderr)

    def close(self):
        for thing in self.clients + self.cables + [self.server]:
            if thing:
                thing.close()
        if self.keep:
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def _out_of_time(*_):
    raise Failure(f"the test did not end within {LIMIT} s")


def _terminated(number, _):
    raise KeyboardInterrupt(f"signal {number}")


def main(test):
    """Run one test as a script: exit status 0 passed, 1 failed, 77 skipped."""
    parser = argparse.ArgumentParser(description=test.__doc__)
    parser.add_argument("--server", choices=SERVERS, default="wireside")
    parser.add_argument("--keep", action="store_true", help="keep the scratch folder")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.signal(signal.SIGTERM, _terminated)
    signal.alarm(LIMIT)
    case = None
    began = time.monotonic()
    try:
        print(f"{test.__doc__.splitlines()[0]} [{options.server}]", flush=True)
        case = Case(options.server, options.keep)
        test(case)
        case.true(case.server.alive(), "the server is gone")
        for client in case.clients:
            client.close()
        case.server.stop()
        print(f"passed in {time.monotonic() - began:.1f} s")
        return 0
    except Skip as e:
        print(f"skipped: {e}")
        return SKIP
    except (Exception, KeyboardInterrupt) as e:
        signal.alarm(0)
        traceback.print_exc()
        if case:
            case.account()
        print(f"FAILED: {e or type(e).__name__}", file=sys.stderr)
        return 1
    finally:
        signal.alarm(0)
        if case:
            case.close()
