"""Nodes of the peer-to-peer network for tests, the demo and the benches: `wireside node` on a machine of the network
harness, and small XMPP clients on its local socket, which see all that any client would."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import socket
import threading
import time
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape, quoteattr

from lib import WAIT, Failure, Program, wait_until

STREAM = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " \
         "to='localhost' version='1.0'>"
CLIENT = "{jabber:client}"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
RECEIPTS = "urn:xmpp:receipts"
SM = "urn:xmpp:sm:3"
MUC = "http://jabber.org/protocol/muc"
DELAY = "{urn:xmpp:delay}delay"
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def wireside():
    """The program that is tested."""
    for place in (os.environ.get("WIRESIDE"), SOURCE / "build/test/wireside", SOURCE / "build/release/wireside"):
        if place and os.access(place, os.X_OK):
            return str(pathlib.Path(place).resolve())
    raise Failure("there is no wireside program; tools/build release makes one")


class Face:
    """A client on the local socket of a node. Receipts are given by its node."""

    numbers = itertools.count(1)

    def __init__(self, node, resource="face", managed=True):
        self.label = f"{node.user}/{resource}"
        self.resource = resource
        self.managed = managed  # acknowledges (XEP-0198)
        self.stanzas = []  # elements, each once it is complete
        self.arrived = []  # when
        self.seen = 0
        self.times = {}  # of the receipts: by id
        self.more = threading.Condition()
        self.out = threading.Lock()
        self.ended = False
        self.sent = self.taken = 0  # stanzas since acknowledgements (XEP-0198) are on
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(node.data / "node.sock"))
        self._restart()
        threading.Thread(target=self._read, daemon=True).start()
        self._log_in()

    def _restart(self):
        self.parser = ElementTree.XMLPullParser(("start", "end"))
        self.depth = 0
        self.root = None

    def _log_in(self):
        self.send(STREAM)
        self.expect(lambda e: e.tag.endswith("}features"), "features")
        self.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        self.expect(lambda e: e.tag.endswith("}success"), "success")
        self.send(STREAM)
        self.expect(lambda e: e.tag.endswith("}features"), "features")
        bound = self.ask("set", f"<bind xmlns='{BIND}'><resource>{self.resource}</resource></bind>")
        self.jid = bound.findtext(f".//{{{BIND}}}jid")
        self.ask("get", "<query xmlns='jabber:iq:roster'/>")
        if self.managed:
            self.send(f"<enable xmlns='{SM}'/>")
            self.expect(lambda e: e.tag == f"{{{SM}}}enabled", "acknowledgements")
        self.sent = 0
        self.send("<presence/>")

    def _read(self):
        while True:
            try:
                data = self.socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            self._take(data)
        with self.more:
            self.ended = True
            self.more.notify_all()

    def _take(self, data):
        # A stream begins again after the login; it is the only one with a declaration of its own.
        if data.startswith(b"<?xml"):
            self._restart()
        self.parser.feed(data)
        for event, element in self.parser.read_events():
            if event == "start":
                self.depth += 1
                self.root = self.root if self.depth > 1 else element
                continue
            self.depth -= 1
            if self.depth == 1:
                self.root.remove(element)
                self._keep(element)

    def _keep(self, element):
        now = time.monotonic()
        if element.tag == f"{{{SM}}}enabled":
            self.taken = 0
        self.taken += element.tag.startswith(CLIENT)
        if element.tag == f"{{{SM}}}r":
            self.send(f"<a xmlns='{SM}' h='{self.taken}'/>")
        received = element.find(f"{{{RECEIPTS}}}received")
        with self.more:
            if received is not None:
                self.times[received.get("id")] = now
            self.stanzas.append(element)
            self.arrived.append(now)
            self.more.notify_all()

    def send(self, text):
        """What the node does not take any more is lost; that it has it, saved() and receipt() tell."""
        with self.out, contextlib.suppress(OSError):
            self.sent += text.startswith(("<message", "<iq", "<presence"))
            self.socket.sendall(text.encode())

    def ask(self, kind, payload, to=None, limit=WAIT):
        number = f"q{next(self.numbers)}"
        at = f" to={quoteattr(to)}" if to else ""
        self.send(f"<iq type='{kind}' id='{number}'{at}>{payload}</iq>")
        return self.expect(lambda e: e.tag == CLIENT + "iq" and e.get("id") == number, f"answer to {payload}", limit)

    def say(self, to, body, kind="chat"):
        """Sends a message; gives its id."""
        number = f"m{next(self.numbers)}"
        request = f"<request xmlns='{RECEIPTS}'/>" if kind == "chat" else ""
        self.send(f"<message type='{kind}' to={quoteattr(to)} id='{number}'><body>{escape(body)}</body>{request}</message>")
        return number

    def saved(self, limit=WAIT):
        """Waits until all that was said is on the node's disk."""
        while True:
            self.send(f"<r xmlns='{SM}'/>")
            answer = self.expect(lambda e: e.tag == f"{{{SM}}}a", "acknowledgement", limit)
            if int(answer.get("h")) >= self.sent:
                return

    def receipt(self, number, limit=WAIT):
        self.wait(lambda: number in self.times, f"the receipt of {number}", limit)
        return self.times[number]

    def receipts_for(self, numbers, limit=WAIT):
        self.wait(lambda: all(n in self.times for n in numbers), "all receipts", limit)

    def wait(self, check, what, limit=WAIT):
        with self.more:
            if not self.more.wait_for(lambda: check() or self.ended, limit) or not check():
                raise Failure(f"{self.label}: not within {limit} s: {what}\n{self.text()}")

    def expect(self, wanted, what, limit=WAIT):
        """The next stanza that fits, behind those of earlier calls."""
        end = time.monotonic() + limit
        with self.more:
            at = self.seen
            while True:
                while at < len(self.stanzas):
                    at += 1
                    if wanted(self.stanzas[at - 1]):
                        self.seen = at
                        return self.stanzas[at - 1]
                if self.ended or not self.more.wait(end - time.monotonic()):
                    raise Failure(f"{self.label}: no {what} within {limit} s\n{self.text()}")

    def message(self, pattern, limit=WAIT):
        return self.expect(lambda e: e.tag == CLIENT + "message" and re.search(pattern, e.findtext(CLIENT + "body") or ""),
                           f"message like {pattern!r}", limit)

    def presence(self, jid, kind=None, limit=WAIT):
        """Of that address, bare or with any resource."""
        return self.expect(lambda e: e.tag == CLIENT + "presence" and e.get("type") == kind and
                           (e.get("from") or "").startswith(jid), f"presence {kind or 'available'} of {jid}", limit)

    def bodies(self, pattern=""):
        with self.more:
            got = [e.findtext(CLIENT + "body") or "" for e in self.stanzas
                   if e.tag == CLIENT + "message" and e.get("type") != "headline"]
        return [b for b in got if b and re.search(pattern, b)]

    def got(self, pattern, wanted, limit=WAIT):
        """Waits for as many bodies that match; they must be these, in this order, each once."""
        self.wait(lambda: len(self.bodies(pattern)) >= len(wanted), f"{len(wanted)} messages like {pattern!r}", limit)
        bodies = self.bodies(pattern)
        if bodies != wanted:
            at = next((i for i, (a, b) in enumerate(zip(bodies, wanted)) if a != b), len(wanted))
            raise Failure(f"{self.label}: {len(bodies)} for {len(wanted)} messages; from {at}: {bodies[at:at + 5]}, "
                          f"not {wanted[at:at + 5]}")

    def notices(self, kind):
        with self.more:
            return [e.findtext(CLIENT + "body") for e in self.stanzas if e.tag == CLIENT + "message"
                    and (event := e.find("{urn:wireside:event:0}event")) is not None and event.get("kind") == kind]

    def notice(self, kind, pattern="", limit=WAIT):
        """Its text; of one that has none the id of the message that it is about."""
        def text(e, event):
            return e.findtext(CLIENT + "body") or event.get("id")

        def fits(e):
            event = e.find("{urn:wireside:event:0}event")
            return event is not None and event.get("kind") == kind and re.search(pattern, text(e, event))
        found = self.expect(fits, f"notice {kind} like {pattern!r}", limit)
        return text(found, found.find("{urn:wireside:event:0}event"))

    def join(self, room, nick):
        self.send(f"<presence to={quoteattr(f'{room}/{nick}')}><x xmlns='{MUC}'><history maxstanzas='0'/></x></presence>")

    def create(self, room, nick):
        """A room on this node, open at once (XEP-0045 10.1.2)."""
        self.join(room, nick)
        self.presence(f"{room}/{nick}")
        self.ask("set", f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'/></query>", to=room)

    def text(self):
        return "\n".join("  " + ElementTree.tostring(e, encoding="unicode")[:300] for e in self.stanzas[-12:])

    def close(self):
        # Another thread reads, so close() alone would end nothing.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Node:
    """`wireside node` of one user on a machine, with its data."""

    def __init__(self, host, user, *options, discovery="own", data=None):
        self.host = host
        self.user = user
        self.name = f"{user}@{host.name}"
        self.options = ("--discovery", discovery, *options)
        self.data = pathlib.Path(data or host.net.folder / self.name)
        self.faces = []
        self.program = None

    def start(self):
        self.program = self.host.program(self.name, wireside(), "node", "--data", self.data, "--name", self.name,
                                         *self.options)
        self.program.expect("^Chat:")
        return self

    def kill9(self):
        """The program as it would end without power. nsenter replaced itself by it, so it is the child."""
        self.program.kill9()
        self.faces.clear()

    def stop(self):
        self.program.process.terminate()
        self.program.wait_end()
        self.faces.clear()

    def restart(self):
        self.kill9()
        return self.start()

    def face(self, resource="face", **options):
        face = Face(self, resource, **options)
        self.faces.append(face)
        return face

    def command(self, *words, refused=False):
        """What `wireside ...` would ask of the running node."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.data / "control.sock"))
            s.settimeout(WAIT)
            s.sendall("\0".join(words).encode() + b"\0\0")
            answer = b"".join(iter(lambda: s.recv(1 << 16), b"")).decode()
        if answer.startswith("-") != refused:
            raise Failure(f"{self.name}: {' '.join(words)}: {answer}")
        return answer[1:]

    @property
    def address(self):
        return self.command("node", "address").strip()

    def lan_address(self):
        """Where others dial it, as its greeting says."""
        return next(line.split()[1] for _, line in self.program.lines if line.startswith("lan "))

    def peers(self):
        return json.loads(self.command("peer", "list", "--json"))

    def peer(self, label, check=lambda row: True, what="is known", limit=WAIT):
        """The row called so, when it is as wanted."""
        def find():
            rows = [row for row in self.peers() if row["label"] == label and check(row)]
            return rows and rows[0]
        try:
            return wait_until(find, f"{self.name}: {label} {what}", limit)
        except Failure as failure:
            raise Failure(f"{failure}\n{json.dumps(self.peers(), indent=1)}\n{self.program.text()}") from None

    def sees(self, other, limit=WAIT):
        """Waits until it has the other on the network; gives its address."""
        return self.peer(other.user, lambda row: row["state"] != "away", "is there", limit)["jid"]

    def linked(self, other, limit=WAIT):
        return self.peer(other.user, lambda row: row["state"] == "linked", "is linked", limit)["jid"]


def meet(*nodes):
    """All see each other; nothing is sent yet."""
    for one in nodes:
        for other in nodes:
            if one is not other:
                one.sees(other)


def befriend(one, face, other, other_face):
    """Both have spoken: nobody is a stranger, whose messages are counted."""
    for node, me, peer, to in ((one, face, other, other_face), (other, other_face, one, face)):
        number = me.say(node.sees(peer), f"hello from {node.user}")
        to.message(f"^hello from {node.user}$")
        me.receipt(number)


class Loopback:
    """Instead of a machine, where namespaces are not allowed."""

    def __init__(self, net, name):
        self.net = net
        self.name = name

    def argv(self, *argv):
        return argv

    def program(self, name, *argv):
        return Program(self.net, name, argv)


class NoNet:
    """Instead of a network of machines."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.programs = []
        self.hosts = []

    def host(self, name):
        self.hosts.append(Loopback(self, name))
        return self.hosts[-1]

    def close(self):
        for program in reversed(self.programs):
            program.close()
