"""Who meets whom in the tests with libpurple: a node with a client on its socket, libpurple's Bonjour on another machine
(finch and Pidgin without their windows), and a peer of XEP-0174 that is only a socket and does what no program would."""

import base64
import contextlib
import ctypes
import json
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

from lib import WAIT, Failure, Skip, need, run, wait_until
from peers import wireside

HERE = pathlib.Path(__file__).resolve().parent
CLIENT = "{jabber:client}"
EVENT = "{urn:wireside:event:0}event"
UPDATE = "{vcard-temp:x:update}"
STREAM = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
DELIVERED = re.compile(r"urn:xmpp:receipts|urn:xmpp:chat-markers")


def build_purple(net):
    """The program around libpurple, made in the test's folder."""
    need("cc")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "purple"], stdout=subprocess.PIPE, text=True)
    if flags.returncode:
        raise Skip("libpurple is not installed with its headers")
    program = net.folder / "purple"
    if not program.exists():
        run("cc", "-Wall", "-o", program, HERE / "purple.c", *shlex.split(flags.stdout))
    return program


def _words(notice):
    """The text of a node's notice; one that is for programs only tells the id of a message."""
    return notice.findtext(CLIENT + "body") or notice.find(EVENT).get("id", "")


def escape(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


class Purple:
    """libpurple with one Bonjour account, on a machine with its bus and its avahi-daemon."""

    def __init__(self, net, host, name="bob@bravo", port=5298):
        self.name = name
        folder = self.folder = net.folder / f"purple-{len(net.programs)}"
        folder.mkdir()
        program = build_purple(net)
        self.program = host.program(name, "env", f"HOME={folder}", "LC_ALL=C.UTF-8", program, folder, name, str(port))
        self.program.expect("^ready")

    def say(self, *parts):
        self.program.say("\t".join(parts))

    def im(self, who, text):
        self.say("im", who, escape(text))

    def expect(self, event, *parts, limit=WAIT):
        """The next such event; parts that are None may be anything. Returns the parts."""
        wanted = "\t".join([event, *("[^\t]*" if part is None else re.escape(escape(part)) for part in parts)])
        line = self.program.expect(f"^{wanted}", limit=limit).string
        return [unescape(part) for part in line.split("\t")[1:]]

    def set_picture(self, png):
        path = self.folder / "picture.png"
        path.write_bytes(png)
        self.say("icon", str(path))

    def expect_im(self, who, text=None, limit=WAIT):
        """The next message at all; when the text is given it has to be that one."""
        got = self.expect("im", None, None, limit=limit)
        if got[0] != who or text not in (None, got[1]):
            raise Failure(f"libpurple shows {got}, not {[who, text]}")
        return got[1]

    def texts(self):
        """All messages it has shown."""
        return [unescape(line.split("\t")[2]) for _, line in self.program.lines if line.startswith("im\t")]

    def quit(self):
        self.program.quit()

    def kill9(self):
        self.program.kill9()


FINCH_ACCOUNTS = """<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account><protocol>prpl-bonjour</protocol><name>{name}</name>
<settings><setting name='first' type='string'>Bob</setting><setting name='last' type='string'>Bravo</setting>
<setting name='port' type='int'>5298</setting></settings>
<settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting></settings></account></account>
"""


class Finch:
    """The program finch in a terminal (tmux), as a person has it before him. Its list of people is window 1, a conversation
    the next one."""

    def __init__(self, net, host, name="bob@bravo"):
        self.host = host
        folder = net.folder / f"finch-{len(net.programs)}"
        folder.mkdir()
        (folder / "accounts.xml").write_text(FINCH_ACCOUNTS.format(name=name))
        self.socket = folder / "tmux"
        env = ["env", f"HOME={folder}", "LC_ALL=C.UTF-8", "TERM=screen", "TMUX="]
        self.terminal = host.program("terminal", *env, need("tmux"), "-f", "/dev/null", "-S", self.socket, "-D")
        wait_until(self.socket.exists, "a terminal")
        self.tmux("new-session", "-d", "-x", "100", "-y", "30", need("finch"), "-c", folder)

    def tmux(self, *argv):
        return self.host.run("tmux", "-S", self.socket, *argv)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def see(self, *patterns, limit=WAIT):
        """All of them stand on the screen."""
        def seen():
            screen = self.screen()
            return all(re.search(pattern, screen) for pattern in patterns)
        try:
            wait_until(seen, f"finch shows {patterns}", limit)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.screen()}") from None

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def choose_status(self, step):
        """Of its menu, Available, Away, Invisible, Offline: the next one, or (-1) the one before."""
        self.press("M-1")
        self.press("Tab")
        self.press("Enter")
        self.see("Invisible")
        # The arrow keys, as a terminal sends them that was told that a program runs in it.
        self.press("-H", "1b", "4f", "42" if step > 0 else "41")
        self.press("Enter")

    def quit(self):
        self.press("M-q")


class Client:
    """A client on the node's socket: what it was sent, as elements, looked at in order."""

    def __init__(self, path, resource="test"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.stanzas = []
        self.seen = 0
        self.ids = 0
        self._open()
        self._send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        self._read_until(lambda s: s.tag.endswith("}success"), "the login")
        self._open()
        bound = self.ask(f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind>", "set")
        self.jid = bound.find(".//{urn:ietf:params:xml:ns:xmpp-bind}jid").text
        self.ask("<query xmlns='jabber:iq:roster'/>")
        self.show()

    def _open(self):
        self.parser = ElementTree.XMLPullParser(["start", "end"])
        self.depth = 0
        self._send(f"<?xml version='1.0'?>{STREAM} to='localhost' version='1.0'>")
        self._read_until(lambda s: s.tag.endswith("}features"), "the features")

    def _send(self, text):
        self.socket.sendall(text.encode())

    def _pump(self, limit):
        """What there is, or what comes within the limit."""
        self.socket.settimeout(max(limit, 0.001))
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            return
        if not data:
            raise Failure("the node closed the client's stream: " + str([ElementTree.tostring(s) for s in self.stanzas]))
        self.parser.feed(data)
        for event, element in self.parser.read_events():
            self.depth += 1 if event == "start" else -1
            if event == "end" and self.depth == 1:
                self.stanzas.append(element)

    def _read_until(self, check, what, limit=WAIT):
        end = time.monotonic() + limit
        while True:
            while self.seen < len(self.stanzas):
                self.seen += 1
                if check(self.stanzas[self.seen - 1]):
                    return self.stanzas[self.seen - 1]
            left = end - time.monotonic()
            if left <= 0:
                last = "\n".join("  " + ElementTree.tostring(s, "unicode") for s in self.stanzas[-12:])
                raise Failure(f"the client was not sent {what} within {limit} s; the last it got:\n{last}")
            self._pump(left)

    def ask(self, payload, kind="get", to=None):
        self.ids += 1
        id = f"q{self.ids}"
        at = f" to='{to}'" if to else ""
        self._send(f"<iq type='{kind}' id='{id}'{at}>{payload}</iq>")
        return self._read_until(lambda s: s.tag == CLIENT + "iq" and s.get("id") == id, f"an answer to {payload}")

    def card(self, to=None, picture=None):
        """Somebody's card, or with a picture: ours is set. Returns the bytes of the photo, or None."""
        inner = f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{base64.b64encode(picture).decode()}</BINVAL></PHOTO>" if picture else ""
        got = self.ask(f"<vCard xmlns='vcard-temp'>{inner}</vCard>", "set" if picture is not None else "get", to)
        if got.get("type") != "result":
            raise Failure(f"the card: {ElementTree.tostring(got, 'unicode')}")
        photo = got.findtext("{vcard-temp}vCard/{vcard-temp}PHOTO/{vcard-temp}BINVAL")
        return base64.b64decode(photo) if photo else None

    def shows(self, who, sha1):
        """A presence of somebody that has the hash of a picture, "" for none (XEP-0153)."""
        def fits(s):
            photo = s.find(f"{UPDATE}x/{UPDATE}photo")
            return (s.tag == CLIENT + "presence" and s.get("from", "").split("/")[0] == who and photo is not None
                    and (photo.text or "") == sha1)
        return self._read_until(fits, f"a presence of {who} with the picture {sha1!r}")

    def safe(self):
        """What was sent until now is on the node's disk: this is stored behind it, and answered when it is."""
        got = self.ask("<query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query>", "set")
        if got.get("type") != "result":
            raise Failure(f"not stored: {ElementTree.tostring(got, 'unicode')}")

    def show(self, show=None, text=None):
        inner = (f"<show>{show}</show>" if show else "") + (f"<status>{text}</status>" if text else "")
        self._send(f"<presence>{inner}</presence>")

    def im(self, to, text, id=None):
        """A message; returns its id."""
        self.ids += 1
        message = ElementTree.Element("message", {"to": to, "type": "chat", "id": id or f"m{self.ids}"})
        ElementTree.SubElement(message, "body").text = text
        ElementTree.SubElement(message, "{urn:xmpp:receipts}request")
        self._send(ElementTree.tostring(message, "unicode"))
        return message.get("id")

    def presence(self, who, kind=None, show=None, status=None):
        """One of somebody, by the bare address; kind "unavailable" or None."""
        def fits(s):
            return (s.tag == CLIENT + "presence" and s.get("from", "").split("/")[0] == who and s.get("type") == kind
                    and (kind or (s.findtext(CLIENT + "show") == show and status in (None, s.findtext(CLIENT + "status")))))
        return self._read_until(fits, f"a presence of {who}: {kind or show or 'available'} {status or ''}")

    def roster(self, name):
        """The address of the contact with this name on the network, in the roster as it is or when it comes; he is called
        by his user name there, as long as nobody else is."""
        plain = re.sub("[:@/]", "-", re.sub("[\"'()]", "", name.split("@")[0] or name)).strip()
        names = name, name.split("@")[0], plain
        def find():
            items = self.ask("<query xmlns='jabber:iq:roster'/>").iter("{jabber:iq:roster}item")
            return next((i.get("jid") for i in items if i.get("name") in names), None)
        at = self.seen
        jid = wait_until(find, f"{name} in the roster")
        self.seen = at
        return jid

    def expect_im(self, who, text=None):
        """The next message with a text that is no line of the node."""
        def is_message(s):
            return s.tag == CLIENT + "message" and s.get("type") != "headline" and s.find(CLIENT + "body") is not None
        got = self._read_until(is_message, f"a message of {who}")
        said = got.findtext(CLIENT + "body")
        if got.get("from").split("/")[0] != who or text not in (None, said) or got.get("type") == "error":
            raise Failure(f"a message {text!r} of {who} was expected, not {ElementTree.tostring(got, 'unicode')}")
        return said

    def expect_error(self, id):
        got = self._read_until(lambda s: s.tag == CLIENT + "message" and s.get("id") == id, f"an error for {id}")
        if got.get("type") != "error":
            raise Failure(f"no error: {ElementTree.tostring(got, 'unicode')}")

    def notice(self, kind, holds=""):
        def fits(s):
            event = s.find(EVENT)
            return event is not None and event.get("kind") == kind and holds in _words(s)
        return self._read_until(fits, f"a notice {kind} with {holds!r}")

    def got(self, check):
        """Has anything that came until now, which is all of it up to an answer of the node's, this?"""
        self.ask("<ping xmlns='urn:xmpp:ping'/>")
        return any(check(s) for s in self.stanzas)

    def was_told(self, kind, holds=""):
        return self.got(lambda s: s.find(EVENT) is not None and s.find(EVENT).get("kind") == kind
                        and holds in _words(s))

    def close(self):
        self.socket.close()


class Node:
    """`wireside node` on a machine."""

    def __init__(self, net, host, name="alice@alpha", *options, discovery="own", data=None):
        self.host = host
        self.data = data or net.folder / f"node-{len(net.programs)}"
        self.wireside = wireside()
        env = [f"HOME={net.folder}", "XDG_RUNTIME_DIR=", "XDG_DATA_HOME=", "ASAN_OPTIONS=detect_leaks=0"]
        self.program = host.program(name, "env", *env, self.wireside, "node", "--data", self.data, "--name", name,
                                    "--discovery", discovery, *options)
        self.program.expect("^Chat:")

    def client(self):
        return Client(self.data / "node.sock")

    def peer(self, *words):
        return self.host.run(self.wireside, "peer", *words, "--data", self.data)

    def rows(self):
        return json.loads(self.peer("list", "--json"))

    def row(self, instance):
        return next((row for row in self.rows() if row["instance"] == instance), None)

    def shows(self, instance, **fields):
        """Whether the table has this peer, with these values; who has just called is in it before his name is."""
        row = self.row(instance)
        return row is not None and all(row[name] == value for name, value in fields.items())

    def waiting(self, instance):
        row = self.row(instance)
        return row["waiting"] if row else 0

    def stop(self):
        self.program.process.terminate()
        self.program.wait_end()
        for word in ("AddressSanitizer", "runtime error:"):
            self.program.seen = 0
            self.program.refuse(word)

    def kill9(self):
        self.program.kill9()


def on(host, make):
    """What make() makes, a socket, in the network of a machine: only the thread that makes it goes there."""
    result = []

    def work():
        CLONE_NEWNET = 0x40000000
        with open(f"/proc/{host.pid}/ns/net") as ns:
            if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET) != 0:
                result.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            result.append(make())
        except OSError as e:
            result.append(e)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


class Stream:
    """One connection of a raw peer."""

    def __init__(self, s):
        self.socket = s
        self.text = ""

    def send(self, text):
        self.socket.sendall(text.encode())

    def header(self, source=None, to=None, more=""):
        at = "".join(f" {name}='{value}'" for name, value in (("from", source), ("to", to)) if value)
        self.send(f"<?xml version='1.0'?>{STREAM}{at}{more}>")

    def expect(self, pattern, limit=WAIT):
        end = time.monotonic() + limit
        while not (found := re.search(pattern, self.text, re.S)):
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise Failure(f"the raw peer did not get {pattern} within {limit} s, but {self.text!r}") from None
            if not data:
                raise Failure(f"closed before {pattern}: {self.text!r}")
            self.text += data.decode()
        return found

    def expect_end(self):
        """Everything until it is closed."""
        self.socket.settimeout(WAIT)
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(65536):
                self.text += data.decode()
        return self.text

    def close(self):
        self.socket.close()


class Raw:
    """A peer that is a listening socket and a name on the network."""

    def __init__(self, net, host, name, *options, port=5300):
        self.name = name
        self.host = host
        self.listener = on(host, lambda: socket.create_server(("0.0.0.0", port)))
        self.program = host.discover(name, "--port", str(port), *options)
        self.program.expect("^named ")

    def accept(self, limit=WAIT):
        self.listener.settimeout(limit)
        try:
            return Stream(self.listener.accept()[0])
        except TimeoutError:
            raise Failure(f"nobody dialled {self.name} within {limit} s") from None

    def dial(self, address, port=5298):
        return Stream(on(self.host, lambda: socket.create_connection((address, port), WAIT)))

    def close(self):
        self.listener.close()
