#!/usr/bin/python3
import base64
import os
import pwd
import re
import socket

from lib import main

HEADER = ("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'"
          " version='1.0'>")


class Local:
    """A client of the unix socket, by hand: no client library speaks EXTERNAL there."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(os.path.join(folder, "xmpp.sock"))
        self.text = ""

    def ask(self, text, until):
        self.socket.sendall(text.encode())
        while not (found := re.search(until, self.text)):
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError(f"closed before {until}; the last was {self.text}")
            self.text += more.decode()
        before, self.text = self.text[: found.end()], self.text[found.end():]
        return before


def sasl(authzid):
    data = base64.b64encode(authzid.encode()).decode() or "="
    return f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{data}</auth>"


def test(t):
    """The local socket: who one is on this machine is proof enough (SASL EXTERNAL by peer credentials)"""
    me = pwd.getpwuid(os.getuid()).pw_name
    stranger = Local(t.server.folder)
    t.true("EXTERNAL" in stranger.ask(HEADER, "</stream:features>"), "EXTERNAL is not offered")
    t.true("not-authorized" in stranger.ask(sasl(""), "</failure>"), "a local user without account")
    t.step(f"{me} has no account: refused")

    t.user(me)
    t.user("alice")
    local = Local(t.server.folder)
    local.ask(HEADER, "</stream:features>")
    t.true("invalid-authzid" in local.ask(sasl("alice@localhost"), "</failure>"), "acting as somebody else")
    local.ask(sasl(f"{me}@localhost"), "<success")
    local.ask(HEADER, "</stream:features>")
    bound = local.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>here</resource></bind>"
                      "</iq>", "</iq>")
    t.true(f"{me}@localhost/here" in bound, f"bound as {bound}")
    t.step(f"logged in as {me}@localhost without a password, and as nobody else")

    alice = t.slix("alice")
    local.ask("<message to='alice@localhost' type='chat'><body>from next door</body></message>", "")
    alice.expect("message", from_=f"{me}@localhost/here", body="from next door")
    t.step("and a message reaches a client on the network")


if __name__ == "__main__":
    raise SystemExit(main(test))
