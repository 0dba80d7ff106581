#!/usr/bin/python3
"""A server as the README and docs/running.md run it, and what the program says when something is wrong: one clear line
and a status that is not 0."""

import base64
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import pwd
import re
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import tempfile
import termios
import time
import unittest

from common import LIMIT, ROOT, WIRESIDE, commands, main, prompts, run

ANY_PORTS = ["--c2s", "127.0.0.1:0", "--c2s-tls", "127.0.0.1:0"]
HEADER = ("<stream:stream to='%s' version='1.0' xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams'>")
PIPED = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": LIMIT}
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (error|warn|info|debug) \w+( |$)")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def need_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as e:
        raise unittest.SkipTest(f"this machine has no IPv6: {e}")


class Serve:
    """A server that is ready; its ports are free ones."""

    def __init__(self, data, *args, ports=True, env=None):
        self.data = data
        ours, theirs = os.pipe()
        argv = [WIRESIDE, "serve", "--data", str(data), "--ready-fd", str(theirs), *args]
        if ports:
            argv += ANY_PORTS
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(argv, pass_fds=[theirs], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.log, preexec_fn=die_with_parent, env=env)
        os.close(theirs)
        with open(ours) as ready:
            self.lines = ready.read().splitlines()
        if self.lines[-1:] != ["ready"]:
            self.close()
            raise AssertionError("the server does not start:\n" + self.logged())

    def addresses(self, name):
        return [line.split(" ", 1)[1] for line in self.lines if line.startswith(name + " ")]

    def port(self, name="c2s-tls"):
        return int(self.addresses(name)[0].rsplit(":", 1)[1])

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def wait_logged(self, pattern):
        end = time.monotonic() + LIMIT
        while not re.search(pattern, self.logged()):
            if time.monotonic() > end:
                raise AssertionError(f"not logged: {pattern}\n{self.logged()}")
            time.sleep(0.02)

    def wait(self):
        return self.process.wait(LIMIT)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Client:
    """As little of a client as shows that an account works: direct TLS, PLAIN, a message."""

    def __init__(self, port, jid, password):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        user, domain = jid.split("@")
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), LIMIT), server_hostname=domain)
        self.seen = ""
        header = HEADER % domain
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.send(header)
        self.expect("</stream:features>")
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>")
        self.expect("<success|<failure")
        self.welcome = "<success" in self.seen
        if self.welcome:
            self.seen = ""
            self.send(header)
            self.expect("</stream:features>")
            self.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq><presence/>")
            self.expect("</bind>")

    def send(self, text):
        self.socket.sendall(text.encode())

    def expect(self, pattern):
        while not re.search(pattern, self.seen):
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError(f"the server closed, wanted {pattern}, got: {self.seen}")
            self.seen += data.decode()

    def certificate(self):
        return self.socket.getpeercert(True)

    def close(self):
        self.socket.close()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="wd-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"

    def serve(self, *args, data=None, **options):
        server = Serve(data or self.data, *args, **options)
        self.addCleanup(server.close)
        return server

    def client(self, server, jid, password):
        client = Client(server.port(), jid, password)
        self.addCleanup(client.close)
        return client

    def ok(self, *args, stdin="", data=None):
        result = run(*args, "--data", data or self.data, stdin=stdin)
        self.assertEqual((0, ""), (result.returncode, result.stderr), args)
        return result.stdout

    def add(self, jid, password, data=None):
        result = run("user", "add", jid, "--data", data or self.data, stdin=password + "\n")
        self.assertEqual(0, result.returncode, result.stderr)

    def refused(self, status, pattern, *args, stdin="", **options):
        """One line on standard error, beside the log, and what `wireside COMMAND --help` is."""
        result = run(*args, stdin=stdin, **options)
        lines = [line for line in result.stderr.splitlines()
                 if not LOG_LINE.match(line) and not line.startswith("See `")]
        self.assertEqual(status, result.returncode, (args, result.stderr))
        self.assertEqual(1, len(lines), (args, result.stderr))
        self.assertTrue(lines[0].startswith("wireside: "), lines)
        self.assertRegex(lines[0], pattern)

    def refuses_to_serve(self, status, pattern, *args, **options):
        self.refused(status, pattern, "serve", "--data", self.data, *args, **options)

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text)
        return file


class FirstChat(Case):
    def test_readme(self):
        """The commands of the README, as they stand there, but on a scratch folder and free ports."""
        text = (ROOT / "README.md").read_text().split("## A first chat")[1].split("\n## ")[0]
        lines = [words for line in prompts(text) for words in commands(line) if words[0] == "wireside"]
        self.assertEqual(["wireside user add alice@localhost", "wireside user add bob@localhost"],
                         [" ".join(words) for words in lines])
        server = self.serve()
        for words in lines:
            self.ok(*words[1:], stdin="secret\n")
        alice, bob = (self.client(server, jid, "secret") for jid in ("alice@localhost", "bob@localhost"))
        alice.send("<message to='bob@localhost' type='chat' id='m1'><body>hello</body></message>")
        bob.expect("<body>hello</body>")
        status = json.loads(self.ok("status", "--json"))
        self.assertEqual((2, 2, "ok"), (status["sessions"], status["connections"], status["store"]))
        self.assertRegex(self.ok("status"), r"sessions +2\n")
        accounts = {a["account"]: a["sessions"] for a in json.loads(self.ok("user", "list", "--json"))}
        self.assertEqual({"alice@localhost": 1, "bob@localhost": 1}, accounts)
        self.assertEqual("stopped\n", self.ok("stop"))
        self.assertEqual(0, server.wait())
        alice.expect("system-shutdown")

    def test_greeting(self):
        """Without --ready-fd a person reads where clients connect, how to add a user, and what to compare."""
        process = subprocess.Popen([WIRESIDE, "serve", "--data", self.data, *ANY_PORTS], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, preexec_fn=die_with_parent)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        seen = ""
        while "Add a user" not in seen:
            line = process.stdout.readline()
            self.assertTrue(line, seen)
            seen += line
        self.assertRegex(seen, r"c2s 127\.0\.0\.1:\d+\n")
        self.assertIn(f"Add a user:  wireside user add NAME@localhost --data {self.data}\n", seen)
        der = ssl.PEM_cert_to_DER_cert((self.data / "cert.pem").read_text())
        self.assertIn(hashlib.sha256(der).hexdigest(), seen)

    def test_user_commands(self):
        server = self.serve()
        self.add("carla@localhost", "one")
        self.refused(1, "carla@localhost: there is such an account already", "user", "add", "carla@localhost",
                     "--data", self.data, stdin="two\n")
        self.assertTrue(self.client(server, "carla@localhost", "one").welcome)
        self.ok("user", "passwd", "carla@localhost", stdin="three\n")
        self.assertFalse(self.client(server, "carla@localhost", "one").welcome)
        self.assertTrue(self.client(server, "carla@localhost", "three").welcome)
        self.ok("user", "del", "carla@localhost")
        self.assertFalse(self.client(server, "carla@localhost", "three").welcome)
        for action in ("passwd", "del"):
            self.refused(1, "carla@localhost: no such account", "user", action, "carla@localhost", "--data", self.data,
                         stdin="x\n")
        self.refused(1, "elsewhere.example", "user", "add", "x@elsewhere.example", "--data", self.data, stdin="x\n")
        self.assertEqual("", self.ok("user", "list"))

    def test_ipv6(self):
        need_ipv6()
        server = self.serve("--c2s", "[::1]:0", "--c2s-tls", "[::1]:0", ports=False)
        for name in ("c2s", "c2s-tls"):
            (address,) = server.addresses(name)
            self.assertRegex(address, r"^\[::1\]:\d+$")
            with socket.create_connection(("::1", server.port(name)), LIMIT) as s:
                self.assertEqual(socket.AF_INET6, s.family)

    def test_all_addresses(self):
        need_ipv6()
        server = self.serve("--c2s=*:0", "--c2s-tls=*:0", ports=False)
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, server.port("c2s")), LIMIT).close()

    def test_open_registration_is_off_by_default(self):
        server = self.serve()
        context = ssl._create_unverified_context()
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.port()), LIMIT)) as s:
            s.sendall((HEADER % "localhost").encode())
            seen = b""
            while b"</stream:features>" not in seen:
                seen += s.recv(4096)
        self.assertNotIn(b"register", seen)


class Operation(Case):
    def test_backup_and_restore(self):
        """docs/running.md: Backup and restore."""
        server = self.serve()
        self.add("alice@localhost", "old")
        backup = self.folder / "backup.db"
        self.assertEqual(f"{backup}\n", self.ok("backup", backup))
        self.assertEqual(0o600, stat.S_IMODE(backup.stat().st_mode))
        self.refused(1, "there is such a file already", "backup", backup, "--data", self.data)
        self.ok("user", "passwd", "alice@localhost", stdin="new\n")
        self.add("bob@localhost", "b")
        server.process.kill()  # so that something is left in wireside.db-wal, which must not get into the restored one
        server.wait()
        old = self.data / "old"
        old.mkdir()
        files = list(self.data.glob("wireside.db*"))
        self.assertIn("wireside.db-wal", [f.name for f in files])
        for file in files:
            file.rename(old / file.name)
        shutil.copy(backup, self.data / "wireside.db")
        checked = run("check", "--data", self.data, *ANY_PORTS)
        self.assertEqual(0, checked.returncode, checked.stdout)
        server = self.serve()
        self.assertEqual("alice@localhost\n", self.ok("user", "list"))
        self.assertTrue(self.client(server, "alice@localhost", "old").welcome)
        self.assertFalse(self.client(server, "alice@localhost", "new").welcome)

    def test_backup_of_a_stopped_server(self):
        self.add("alice@localhost", "x")
        self.ok("backup", self.folder / "b.db")
        with contextlib.closing(sqlite3.connect(self.folder / "b.db")) as store:
            self.assertEqual([("alice",)], store.execute("SELECT local FROM account").fetchall())

    def test_rooms_of_a_stopped_server(self):
        """`room show` and `room log` read the data of a server that does not run; they say the same as before."""
        server = self.serve()
        self.add("alice@localhost", "a")
        room = "lunch@rooms.localhost"
        self.ok("room", "create", room, "alice@localhost", "Where we eat")
        client = self.client(server, "alice@localhost", "a")
        client.send(f"<presence to='{room}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        client.expect("<subject")
        for text in ("soup today", "&lt;and&gt; bread"):
            client.send(f"<message to='{room}' type='groupchat'><body>{text}</body></message>")
            client.expect(text)
        log = [self.ok("room", "log", room, *words) for words in ([], ["1"], ["--json"])]
        client.send(f"<presence to='{room}/alice' type='unavailable'/>")
        client.expect("type=.unavailable")
        shown = self.ok("room", "show", room, "--json")
        self.ok("stop")
        server.wait()
        self.assertEqual(log, [self.ok("room", "log", room, *words) for words in ([], ["1"], ["--json"])])
        self.assertIn("soup today", log[0])
        self.assertNotIn("soup today", log[1])
        self.assertIn("bread", log[1])
        self.assertEqual(json.loads(shown), json.loads(self.ok("room", "show", room, "--json")))
        self.assertIn("Where we eat", shown)
        self.refused(1, "there is no such room", "room", "log", "tea@rooms.localhost", "--data", self.data)
        self.refused(1, "there is no such room", "room", "show", "tea@rooms.localhost", "--data", self.data)
        self.refused(1, "no server runs on", "room", "kick", room, "alice", "--data", self.data)
        self.assertEqual([room], [row["room"] for row in json.loads(self.ok("room", "list", "--json"))])
        self.assertEqual("Where we eat\n", self.ok("room", "config", room, "roomname"))
        self.assertEqual("owner    alice@localhost\n", self.ok("room", "affiliate", room))
        self.refused(1, "no server runs on", "room", "config", room, "roomname", "x", "--data", self.data)
        self.refused(1, "no server runs on", "room", "affiliate", room, "bob@localhost", "owner", "--data", self.data)

    def test_service_of_another_name(self):
        """Rooms are where `rooms-host` says, also in the data of a stopped server."""
        server = self.serve("--rooms-host", "conference.example.org")
        self.add("alice@localhost", "a")
        room = "lunch@conference.example.org"
        self.ok("room", "create", room, "alice@localhost", "Lunch")
        self.refused(1, "no rooms there", "room", "show", "lunch@rooms.localhost", "--data", self.data)
        before = json.loads(self.ok("room", "list", "--json"))
        self.assertEqual([room], [row["room"] for row in before])
        server.close()
        self.assertEqual(before, json.loads(self.ok("room", "list", "--json")))
        self.assertEqual("Lunch\n", self.ok("room", "config", room, "roomname"))
        result = run("user", "add", "x@elsewhere.example", "--data", self.data, stdin="x\n")
        self.assertIn(f"the server of {self.data} serves localhost and would", result.stderr)

    def test_stop_returns_when_the_store_is_free(self):
        for _ in range(3):
            server = self.serve()
            self.add("a@localhost", "x") if not (self.folder / "once").exists() else None
            self.write("once", "")
            self.ok("stop")
            self.ok("user", "list")  # would find the store in use
            self.assertEqual(0, server.wait())

    def test_signals_end_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = self.serve()
            server.process.send_signal(number)
            self.assertEqual(0, server.wait())
            self.assertFalse((self.data / "control.sock").exists())

    def test_starts_after_a_crash(self):
        server = self.serve()
        self.add("a@localhost", "x")
        server.process.kill()
        server.wait()
        self.assertTrue((self.data / "control.sock").exists())
        self.refused(1, "no server runs on", "status", "--data", self.data)
        self.assertEqual("a@localhost\n", self.ok("user", "list"))
        self.assertTrue(self.client(self.serve(), "a@localhost", "x").welcome)

    def other_certificate(self):
        """Another pair, made by the program itself."""
        other = self.folder / "other"
        self.serve(data=other).close()
        return other

    def test_reload(self):
        """Also with threads, each of which has to take the new certificate; connections are dealt to them in turn."""
        other = self.other_certificate()
        for wires in ("0", "2"):
            server = self.serve("--wires", wires)
            if wires == "0":
                self.add("a@localhost", "x")
            before = self.client(server, "a@localhost", "x")
            kept = {name: (self.data / name).read_bytes() for name in ("cert.pem", "key.pem")}
            for name in kept:
                shutil.copy(other / name, self.data / name)
            self.assertIn("certificate", self.ok("reload"))
            new = ssl.PEM_cert_to_DER_cert((other / "cert.pem").read_text())
            self.assertNotEqual(before.certificate(), new)
            for _ in range(max(1, int(wires))):
                for _ in range(100):  # a thread may need a moment
                    after = self.client(server, "a@localhost", "x")
                    if after.certificate() == new:
                        break
                self.assertEqual(new, after.certificate())
            before.send("<message to='a@localhost'><body>still here</body></message>")
            before.expect("still here")
            for name, content in kept.items():
                (self.data / name).write_bytes(content)
            self.ok("stop")
            server.wait()

    def test_reload_of_what_does_not_fit(self):
        other = self.other_certificate()
        for wires in ("0", "2"):
            server = self.serve("--wires", wires)
            if wires == "0":
                self.add("a@localhost", "x")
            before = self.client(server, "a@localhost", "x").certificate()
            key = (self.data / "key.pem").read_text()
            shutil.copy(other / "key.pem", self.data / "key.pem")
            self.refused(1, "key.pem: not the key of the certificate", "reload", "--data", self.data)
            server.process.send_signal(signal.SIGHUP)
            server.wait_logged(r"error certificate_reload why=.*kept=old")
            self.assertEqual(before, self.client(server, "a@localhost", "x").certificate())
            (self.data / "key.pem").write_text(key)
            server.process.send_signal(signal.SIGHUP)
            server.wait_logged(r"info certificate_reload file=")
            self.ok("stop")
            server.wait()

    def test_modes(self):
        """Folder 0700, everything in it 0600, whatever the umask was; an old store is corrected."""
        for _ in range(2):
            mask = os.umask(0)
            try:
                server = self.serve()
            finally:
                os.umask(mask)
            self.add("a@localhost", "x") if not list(self.folder.glob("backup*")) else None
            found = {p.name: stat.S_IMODE(p.stat().st_mode) for p in self.data.iterdir()}
            for name in ("wireside.db", "wireside.lock", "cert.pem", "key.pem", "control.sock", "xmpp.sock"):
                self.assertIn(name, found)
            self.assertEqual({0o600}, set(found.values()), found)
            self.assertEqual(0o700, stat.S_IMODE(self.data.stat().st_mode))
            self.ok("stop")
            server.wait()
            (self.data / "wireside.db").chmod(0o644)
            self.write("backup", "")

    def test_check(self):
        server = self.serve("--domain", "localhost")
        flags = ["--c2s", server.addresses("c2s")[0], "--c2s-tls", "127.0.0.1:0"]
        result = run("check", "--data", self.data, *flags)
        self.assertEqual(0, result.returncode, result.stdout)
        for line in ("ok       server: running", "ok       store: integrity: ok", "in use, by this server",
                     "self-signed", "0 errors, 0 warnings"):
            self.assertIn(line, result.stdout)
        self.ok("stop")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.data.chmod(0o755)
            result = run("check", "--data", self.data, *ANY_PORTS, "--c2s", "127.0.0.1:%d" % taken.getsockname()[1])
        self.assertEqual(1, result.returncode, result.stdout)
        self.assertIn("another program uses it", result.stdout)
        self.assertIn("chmod 700", result.stdout)
        self.assertIn("1 error, 1 warning\n", result.stdout)

    def test_check_changes_nothing(self):
        self.assertEqual(0, run("check", "--data", self.data, *ANY_PORTS).returncode)
        self.assertFalse(self.data.exists())

    def test_tells_systemd(self):
        path = str(self.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(LIMIT)
            self.serve(env={**os.environ, "NOTIFY_SOCKET": path})
            self.assertEqual(b"READY=1", s.recv(100))

    def test_without_ipv6(self):
        """A container often has none: the default addresses must not keep a server from starting."""
        program = f"""
import ctypes, fcntl, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare({0x40000000 if os.geteuid() == 0 else 0x50000000}) != 0:
    os._exit(77)
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS, up and running
open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w").write("1")
os.execv({WIRESIDE!r}, ["wireside", "check", "--data", {str(self.data)!r}])
"""
        result = subprocess.run(["/usr/bin/python3", "-c", program], **PIPED)
        if result.returncode not in (0, 1) or "Error" in result.stderr:
            self.skipTest("no network namespace to be had")
        self.assertEqual(0, result.returncode, result.stdout)
        self.assertIn("c2s [::1]:5222: left out, this machine has no such address", result.stdout)
        self.assertIn("c2s 127.0.0.1:5222: free", result.stdout)


class Refusals(Case):
    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.refuses_to_serve(1, f"c2s {address}: the port is in use", "--c2s", address)
            self.refuses_to_serve(1, f"c2s-tls {address}: the port is in use", "--c2s=127.0.0.1:0", "--c2s-tls", address)
            file = self.write("conf", f"log = info\nc2s = \"{address}\"\n")
            self.refuses_to_serve(1, f"^wireside: {file}:2: c2s {address}: the port is in use", "-c", file)

    def test_address_of_another_machine(self):
        self.refuses_to_serve(1, r"c2s 192\.0\.2\.1:5222: this machine has no such address", "--c2s", "192.0.2.1:5222")

    def test_second_server_on_the_same_data(self):
        server = self.serve()
        self.refuses_to_serve(1, f"is in use by another process, number {server.process.pid}", "--c2s", "127.0.0.1:0")
        self.ok("status")

    def test_flags(self):
        for args, pattern in (
            (["--frob"], "'--frob' is not understood"),
            (["frob"], "'frob' is not understood"),
            (["--allow-plaintext=yes"], "is not understood"),
            (["--domain"], "--domain needs NAME"),
            (["-c"], "-c needs FILE"),
            (["--domain", "bad domain"], "domain: 'bad domain' is not a domain"),
            (["--domain", "a@example.org"], "'a@example.org' is not a domain"),
            (["--domain", "example.org/x"], "is not a domain"),
            (["--domain="], "is not a domain"),
            (["--admin", "example.org"], "not an address of the form USER@DOMAIN"),
            (["--c2s", "5222"], "not ADDR:PORT"),
            (["--c2s", "localhost:5222"], "not ADDR:PORT"),
            (["--c2s", "127.0.0.1:65536"], "the last port is 65535"),
            (["--c2s", "::1:5222"], "not ADDR:PORT"),
            (["--c2s", "unix:/tmp/x"], "not ADDR:PORT"),
            (["--wires", "9"], "'9' is no number from 0 to 8"),
            (["--wires", "1x"], "no number"),
            (["--wires", "99999999999999999999"], "no number"),
            (["--wires="], "no number"),
            (["--registration", "maybe"], "'maybe' is none of closed|open"),
            (["--data="], "data: is empty"),
            (["--certificate", "x"], "certificate and key belong together"),
            (["--domain=a.example"] * 65, "domain: more than 64 values"),
        ):
            with self.subTest(args[:2]):
                self.refuses_to_serve(2, pattern, *args)
                self.assertFalse(self.data.exists())

    def test_configuration_names_file_and_line(self):
        for text, line, pattern in (
            ("domain = {\"localhost\"}\nfrob = 3\n", 2, "no such option 'frob'"),
            ("\n\n# comment\nwires = 99\n", 4, "wires: '99' is no number from 0 to 8"),
            ("wires = many\n", 1, "'wires'"),
            ("log = info\nregistration = maybe\n", 2, "'maybe' is none of closed|open"),
            ("domain = {\n  \"example.org\",\n  \"bad domain\"\n}\n", 3, "'bad domain' is not a domain"),
            ("\nc2s = \"localhost\"\n", 2, "not ADDR:PORT"),
            ("admin = \"example.org\"\n", 1, "not an address"),
            ("allow-plaintext = perhaps\n", 1, "'allow-plaintext'"),
            ("domain = {\n", 2, "end of file"),
            ("log = info\n# comment\nwires = \"a\\", 3, "does not end"),
            ("log = info # one\n# two\n// three\n/* four\nfive */ wires = 9\n", 5, "no number"),
            ("# \"\ndata = \"/a#b//c /* \\\" \" # \"\nwires = 9\n", 3, "no number"),
            ("data = '/a # b' wires = 9 # c", 1, "no number"),
            ("data = /a#b\nwires = 9", 2, "no number"),
            ("data = /a//b wires = 9", 1, "no number"),
            ("log = info\n/* never ended\nwires = 0\n", 2, "does not end"),
            ("log = info\n\ndata = \"never ended\nwires = 0\n", 3, "does not end"),
        ):
            with self.subTest(text):
                file = self.write("conf", text)
                self.refuses_to_serve(2, rf"^wireside: {file}:{line}: .*{pattern}", "-c", file)
                self.refused(2, rf"^wireside: {file}:{line}: .*{pattern}", "check", "-c", file)
                self.assertFalse(self.data.exists())

    def test_configuration_that_cannot_be_read(self):
        self.refuses_to_serve(2, "/none: cannot be read: No such file", "-c", self.folder / "none")
        self.refuses_to_serve(2, "cannot be read: Is a directory", "-c", self.folder)

    def test_flags_win_over_the_file(self):
        file = self.write("conf", """
            domain = {"a.example", "b.example"}
            log = error
            c2s = "127.0.0.1:1"
            c2s-tls = "127.0.0.1:0"
        """)
        server = self.serve("-c", str(file), "--domain=c.example", "--c2s=127.0.0.1:0", ports=False)
        self.add("x@c.example", "x")
        self.refused(1, "a.example", "user", "add", "x@a.example", "--data", self.data, stdin="x\n")
        self.assertEqual(1, len(server.addresses("c2s-tls")))

    def test_certificate_and_key(self):
        a, b = self.folder / "a", self.folder / "b"
        for data in (a, b):
            self.serve(data=data).close()
        self.write("text", "this is no certificate\n")
        for cert, key, pattern in (
            (a / "cert.pem", b / "key.pem", "b/key.pem: not the key of the certificate"),
            (self.folder / "none", a / "key.pem", "none: No such file"),
            (a / "cert.pem", self.folder / "none", "none: No such file"),
            (self.folder / "text", a / "key.pem", "text: no certificate in PEM form"),
            (a / "cert.pem", self.folder / "text", "text: no private key in PEM form"),
        ):
            with self.subTest(pattern):
                self.refuses_to_serve(1, pattern, "--certificate", cert, "--key", key, "--c2s", "127.0.0.1:0")
                result = run("check", "--data", a, "--certificate", cert, "--key", key, *ANY_PORTS)
                self.assertIn(pattern, result.stdout)
                self.assertEqual(1, result.returncode)
        for cert, line in ((self.folder / "none", 2), (a / "cert.pem", 4)):
            file = self.write("conf", f'c2s = "127.0.0.1:0"\ncertificate = "{cert}"\n\nkey = "{self.folder / "none"}"\n')
            self.refuses_to_serve(1, f"^wireside: {file}:{line}: .*none: No such file", "-c", file)

    def test_store_of_a_newer_version(self):
        self.add("a@localhost", "x")
        with contextlib.closing(sqlite3.connect(self.data / "wireside.db")) as store:
            store.execute("PRAGMA user_version = 999")
        self.refuses_to_serve(1, "made by a newer program")
        self.refused(1, "made by a newer program", "user", "list", "--data", self.data)
        result = run("check", "--data", self.data, *ANY_PORTS)
        self.assertIn("use the newer program", result.stdout)
        self.assertEqual(1, result.returncode)

    def test_what_is_no_store(self):
        self.data.mkdir()
        (self.data / "wireside.db").write_text("not a database, but long enough to look at" * 100)
        self.refuses_to_serve(1, "wireside.db")
        (self.data / "wireside.db").unlink()
        with contextlib.closing(sqlite3.connect(self.data / "wireside.db")) as store:
            store.execute("CREATE TABLE mine (x)")
        self.refuses_to_serve(1, "not one of this program")

    def test_data_folder(self):
        file = self.write("file", "")
        self.refused(2, str(file), "serve", "--data", file)
        long = self.folder / ("x" * 120)
        self.refused(2, "is too long: there are sockets in it", "serve", "--data", long, *ANY_PORTS)

    def test_another_user(self):
        """Somebody else's server: what may not be done is said, and not done on another store instead."""
        server = self.serve()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.folder.chmod(0o755)
            self.data.chmod(0o711)
            program = pathlib.Path("/tmp", "wd-%d-wireside" % os.getpid())  # where nobody may read it
            shutil.copy(WIRESIDE, program)
            program.chmod(0o755)
            self.addCleanup(program.unlink)

            def other(*args, stdin=""):
                return subprocess.run([program, *map(str, args)], input=stdin, **PIPED, user=nobody.pw_uid,
                                      group=nobody.pw_gid, extra_groups=[])
        else:
            (self.data / "control.sock").chmod(0)
            other = run
        for args in (["status"], ["stop"], ["user", "add", "a@localhost"], ["user", "list"]):
            result = other(*args, "--data", self.data, stdin="x\n")
            self.assertEqual(1, result.returncode)
            self.assertRegex(result.stderr, r"^wireside: .*/control.sock: permission denied; .*\n$")
        if os.geteuid() == 0:
            for args in (["serve"], ["backup", "/tmp/wd-none.db"]):
                result = other(*args, "--data", self.data)
                self.assertEqual(1, result.returncode)
                self.assertRegex(result.stderr, r"^wireside: .*([Pp]ermission denied|unable to open database file)\n$")
            self.assertIn("Permission denied; run this as the user", other("check", "--data", self.data).stdout)
        self.assertIsNone(server.process.poll())

    def test_root_acts_as_the_owner(self):
        if os.geteuid() != 0:
            return  # nobody else can
        nobody = pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        self.data.mkdir(0o700)
        os.chown(self.data, nobody.pw_uid, nobody.pw_gid)
        self.add("a@localhost", "x")
        self.assertEqual({nobody.pw_uid}, {p.stat().st_uid for p in self.data.iterdir()})
        self.assertEqual("a@localhost\n", self.ok("user", "list"))
        os.chown(self.data / "wireside.db", 0, 0)
        result = run("check", "--data", self.data, *ANY_PORTS)
        self.assertRegex(result.stdout, r"error +\S*wireside.db: belongs to user 0")

    def test_peers_of_a_stopped_node(self):
        """The index table is changed where no node runs, also before its first start."""
        node = ["--data", self.folder / "node"]
        self.assertIn("bob is added", run("peer", "add", "bob@127.0.0.1:5999", *node).stdout)
        self.assertIn("10.1.1.1:5298 is added", run("peer", "add", "10.1.1.1", *node).stdout)
        self.assertEqual(0, run("peer", "rename", "bob", "bobby", *node).returncode)
        rows = json.loads(run("peer", "list", "--json", *node).stdout)
        self.assertEqual({"bobby", "10.1.1.1:5298"}, {row["label"] for row in rows})
        self.assertEqual(0, run("peer", "del", "bobby", *node).returncode)
        self.assertNotIn("bobby", run("peer", "list", *node).stdout)

    def test_password_of_a_room(self):
        """It is no word of a command line, and nowhere printed."""
        self.serve()
        room = "tea@rooms.localhost"
        self.add("alice@localhost", "secret")
        self.ok("room", "create", room, "alice@localhost")
        self.write("secret", "hush hush\n")
        self.refused(2, "no word of a command line", "room", "config", room, "roomsecret", "hush", "--data", self.data)
        self.assertEqual("\n", self.ok("room", "config", room, "roomsecret"))
        self.refused(2, "--password-file is for", "room", "config", room, "--password-file", "x", "--data", self.data)
        self.refused(1, "no password in it", "room", "config", room, "roomsecret", "--password-file", "/dev/null",
                     "--data", self.data)
        set_ = f"{room}: roomsecret = (set)\n"
        self.assertEqual(set_, self.ok("room", "config", room, "roomsecret", "-", stdin="--json\n"))
        self.assertEqual(set_, self.ok("room", "config", room, "roomsecret", "-", stdin="hush hush\n"))
        self.assertEqual(set_, self.ok("room", "config", room, "roomsecret", "--password-file", self.folder / "secret"))
        self.assertEqual({"room": room, "result": "changed", "setting": "roomsecret", "value": "(set)"},
                         json.loads(self.ok("room", "config", "--json", room, "roomsecret", "-", stdin="hush hush\n")))
        self.assertEqual("(set)\n", self.ok("room", "config", room, "roomsecret"))
        self.ok("room", "config", room, "passwordprotectedroom", "1")
        for args in (["show", room], ["show", room, "--json"], ["config", room]):
            text = self.ok("room", *args)
            self.assertNotIn("hush", text)
            self.assertRegex(text, r"roomsecret\W+\(set\)")
        with contextlib.closing(sqlite3.connect(self.data / "wireside.db")) as store:
            self.assertIn("hush hush", "".join(str(row) for row in store.execute("SELECT * FROM room")))
        self.ok("room", "config", room, "passwordprotectedroom", "0")
        self.assertEqual(f"{room}: roomsecret = \n", self.ok("room", "config", room, "roomsecret", ""))
        self.assertNotIn("(set)", self.ok("room", "show", room))

    def test_a_word_too_many(self):
        """Is a wrong use, with a server and without; --json is no word."""
        room = "lunch@rooms.localhost"
        for args in (["room", "list"], ["room", "list", "--json"], ["room", "show", room], ["room", "show", room, "--json"],
                     ["room", "log", room, "3"], ["room", "config", room, "lang", "en"], ["user", "list", "localhost"],
                     ["room", "affiliate", room, "a@localhost", "member", "why"]):
            self.refused(2, "^wireside: .*: 'odd' is not understood$", *args, "odd", "--data", self.data)
        self.refused(2, "'--json' is not understood", "room", "list", "--json", "--json", "--data", self.data)

    def test_rooms_for_programs(self):
        """Every verb takes --json, wherever it stands; a room has an owner who exists."""
        self.serve()
        room = "tea@rooms.localhost"
        self.refused(1, "no such account", "room", "create", room, "nobody@localhost", "--data", self.data)
        self.refused(1, "without a resource", "room", "create", room, "alice@localhost/x", "--data", self.data)
        self.ok("user", "add", "alice@localhost", stdin="secret\n")
        self.assertEqual({"room": room, "result": "created", "owner": "alice@localhost", "name": "Tea"},
                         json.loads(self.ok("room", "create", room, "alice@localhost", "Tea", "--json")))
        self.assertEqual([room], [row["room"] for row in json.loads(self.ok("room", "list", "--json"))])
        self.assertEqual("Tea\n", self.ok("room", "config", room, "roomname"))
        self.assertEqual({"roomname": "Tea"}, json.loads(self.ok("room", "config", "--json", room, "roomname")))
        self.assertEqual({"room": room, "result": "changed", "setting": "roomname", "value": ""},
                         json.loads(self.ok("room", "config", room, "roomname", "", "--json")))
        self.assertEqual({"room": room, "result": "changed", "jid": "bob@localhost", "affiliation": "member"},
                         json.loads(self.ok("room", "affiliate", room, "--json", "bob@localhost", "member")))
        self.refused(1, "nobody in the room", "room", "kick", room, "bob", "--json", "--data", self.data)
        self.assertEqual(["alice@localhost"], json.loads(self.ok("room", "list", "--json"))[0]["owners"])
        self.assertEqual("", self.ok("room", "list", "--unused", "1"))
        self.refused(2, "not understood with a room", "room", "destroy", room, "--unused", "1", "--data", self.data)
        self.refused(2, "'--yes' is not understood", "room", "destroy", room, "--yes", "--data", self.data)
        for days in ("x", "0", "36501", "1d", ""):
            self.refused(2, "1 to 36500", "room", "list", "--unused", days, "--data", self.data)
            self.refused(2, "1 to 36500", "room", "destroy", "--unused", days, "--yes", "--data", self.data)
        self.refused(1, "--yes destroys them", "room", "destroy", "--unused", "1", "--data", self.data)
        self.refused(1, "--yes destroys them", "room", "destroy", "--unused", "1", "--json", "--data", self.data)
        self.assertEqual({"destroyed": 0, "failed": 0},
                         json.loads(self.ok("room", "destroy", "--unused", "1", "--yes", "--json")))
        self.assertEqual("0 destroyed\n", self.ok("room", "destroy", "--unused", "1", "--yes"))
        self.assertEqual({"room": room, "result": "destroyed", "reason": "Over"},
                         json.loads(self.ok("room", "destroy", room, "Over", "--json")))
        self.refused(2, "'--json' is not understood", "user", "del", "alice@localhost", "--json", "--data", self.data)

    def test_no_server(self):
        (self.folder / "secret").write_text("hush hush\n")
        for args in (["status"], ["stop"], ["reload"], ["room", "kick", "a@rooms.localhost", "b"],
                     ["room", "destroy", "--unused", "1"], ["room", "destroy", "--unused", "1", "--yes", "--json"],
                     ["room", "config", "a@rooms.localhost", "roomsecret", "--password-file", self.folder / "secret"]):
            self.refused(1, f"no server runs on {self.data}; start one", *args, "--data", self.data)
        for args in (["user", "list"], ["room", "list"], ["user", "del", "a@localhost"], ["user", "passwd", "a@localhost"]):
            self.refused(1, f"{self.data} has no store yet", *args, "--data", self.data, stdin="x\n")
        self.refused(1, "No such file", "backup", self.folder / "b.db", "--data", self.data)
        self.assertFalse(self.data.exists())
        result = run("user", "add", "a@localhost", "--data", self.data, stdin="x\n")
        self.assertEqual((0, "a@localhost: added\n"), (result.returncode, result.stdout))
        self.assertIn("no server runs on", result.stderr)

    def test_domain_of_a_stopped_server(self):
        """An account where nobody would find it: before the first start it is told what has to be served, then refused."""
        result = run("user", "add", "a@own.example", "--data", self.data, stdin="x\n")
        self.assertEqual((0, "a@own.example: added\n"), (result.returncode, result.stdout))
        self.assertIn("for when one starts with --domain own.example\n", result.stderr)
        result = run("user", "add", "b@own.example", "--data", self.data, stdin="x\n")
        self.assertEqual(0, result.returncode)
        self.assertIn("no server has run on", result.stderr)
        server = self.serve("--domain", "own.example", "--domain", "second.example")
        self.assertTrue(self.client(server, "a@own.example", "x").welcome)
        self.ok("stop")
        self.assertEqual(0, server.wait())
        self.refused(1, "x@owm.example: the server of .* serves own.example, second.example and .*start it so first",
                     "user", "add", "x@owm.example", "--data", self.data, stdin="x\n")
        self.add("b@second.example", "x")
        server = self.serve("--domain", "third.example")
        self.ok("stop")
        self.assertEqual(0, server.wait())
        self.refused(1, "serves third.example and", "user", "add", "c@own.example", "--data", self.data, stdin="x\n")
        self.assertEqual("a@own.example: removed\n", self.ok("user", "del", "a@own.example"))
        (self.data / "served").unlink()
        os.mkfifo(self.data / "served")
        self.add("d@third.example", "x")  # and waits for no writer
        (self.data / "served").unlink()
        (self.data / "served").symlink_to("/dev/zero")
        self.add("e@third.example", "x")

    def test_usage(self):
        for args, pattern in (
            (["frob"], "no command 'frob'"),
            (["user", "frob"], "no command 'user frob'"),
            (["user", "add"], "user add needs USER@DOMAIN"),
            (["room", "create", "a@rooms.localhost"], "room create needs ROOM@SERVICE OWNER"),
            (["room", "kick", "a@rooms.localhost"], "room kick needs ROOM@SERVICE NICK"),
            (["user", "add", "alice"], "'alice' is not an address of the form USER@DOMAIN, like alice@localhost"),
            (["user", "add", "alice@localhost", "secret"], "'secret' is not understood; the password is asked for"),
            (["user", "list", "--jsn"], "'--jsn' is not understood"),
            (["user", "list", "--data"], "--data needs DIR"),
            (["user", "list", "--data="], "--data needs DIR"),
            (["status", "--data"], "--data needs DIR"),
            (["status", "now"], "'now' is not understood"),
            (["stop", "--json"], "'--json' is not understood"),
            (["room", "destroy", "lunch"], "'lunch' is not an address"),
            (["backup"], "needs one FILE"),
            (["backup", "--frob"], "needs one FILE"),
            (["backup", "--data"], "--data needs DIR"),
        ):
            with self.subTest(args):
                self.refused(2, pattern, *args, stdin="x\n", cwd=self.folder)
                self.assertEqual([], list(self.folder.iterdir()))

    def test_help(self):
        names = re.findall(r"^  ([a-z]+) ", run("--help").stdout.split("Examples:")[0], re.M)
        for name in names:
            texts = {run(*args).stdout for args in ([name, "--help"], [name, "-h"], ["help", name])}
            self.assertEqual(1, len(texts), name)
            text = texts.pop()
            self.assertIn(f"Usage: wireside {name}", text)
            self.assertRegex(text, rf"Examples?:\n  wireside {name}")
        self.assertEqual(run("--version").stdout, run("version").stdout)
        self.assertEqual(2, run("--frob").returncode)  # without a word it is the chat
        self.assertEqual(run("--help").stdout, run("help", "--help").stdout)
        self.assertEqual(2, run("help", "frob").returncode)


class Terminal(Case):
    """A password typed by a person."""

    def start(self, *args):
        self.master, slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        self.slave = slave
        self.addCleanup(os.close, slave)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            die_with_parent()

        process = subprocess.Popen([WIRESIDE, *args, "--data", str(self.data)], stdin=slave, stdout=slave, stderr=slave,
                                   preexec_fn=own_terminal)
        self.addCleanup(process.wait)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        self.shown = ""
        return process

    def expect(self, text):
        while text not in self.shown:
            if not select.select([self.master], [], [], LIMIT)[0]:
                self.fail(f"the terminal does not show {text!r}, but {self.shown!r}")
            self.shown += os.read(self.master, 1000).decode()

    def type(self, prompt, text):
        self.expect(prompt)
        self.shown = self.shown.split(prompt, 1)[1]
        os.write(self.master, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def test_twice_the_same(self):
        process = self.start("user", "add", "a@localhost")
        self.type("Password: ", "secret\n")
        self.type("Once more: ", "secret\n")
        self.expect("added")
        self.assertEqual(0, process.wait(LIMIT))
        self.assertNotIn("secret", self.shown)
        self.assertTrue(self.echoes())

    def test_not_the_same(self):
        process = self.start("user", "add", "a@localhost")
        self.type("Password: ", "secret\n")
        self.type("Once more: ", "other\n")
        self.expect("the two are not the same")
        self.assertEqual(1, process.wait(LIMIT))
        self.assertFalse(self.data.exists())

    def test_none(self):
        process = self.start("user", "add", "a@localhost")
        self.type("Password: ", "\n")
        self.expect("no password")
        self.assertEqual(1, process.wait(LIMIT))

    def test_interrupted(self):
        """Ctrl-C at the prompt does not leave a terminal without echo."""
        process = self.start("user", "add", "a@localhost")
        self.type("Password: ", "sec\x03")
        self.assertEqual(-signal.SIGINT, process.wait(LIMIT))
        self.assertTrue(self.echoes())

    def test_address_comes_first(self):
        process = self.start("user", "add", "alice")
        self.expect("'alice' is not an address")
        self.assertEqual(2, process.wait(LIMIT))
        self.assertNotIn("Password", self.shown)


if __name__ == "__main__":
    main()
