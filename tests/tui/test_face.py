#!/usr/bin/python3
import base64
import functools
import json
import os
import re
import signal
import socket
import ssl
import stat

from chat import LIMIT, Home, clients, lib

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
HEADER = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='{}' version='1.0'>"
TLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def mechanisms(port, domain):
    """What is offered under TLS, by hand: no client would tell of what it does not want."""

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        plain.sendall(HEADER.format(domain).encode())
        first = b""
        while b"</stream:features>" not in first:
            first += plain.recv(65536)
        plain.sendall(TLS.encode())
        while b"<proceed" not in first:
            first += plain.recv(65536)
        with context.wrap_socket(plain) as secure:
            secure.sendall(HEADER.format(domain).encode())
            text = b""
            while b"</stream:features>" not in text:
                text += secure.recv(65536)
    return first.decode(), re.findall(r"<mechanism>([^<]+)</mechanism>", text.decode())


def node_pid(home):
    return int((home.data / "wireside.lock").read_text())


def password_once(t, home, port):
    """The first start without --c2s makes the account; the first one with it says the password."""
    line = home.pipe("--name", "alice@here")
    line.expect("online as")
    line.end()
    t.equal(line.count("password"), 0, "a password for nobody")
    home.stop()
    line = home.pipe("--name", "alice@here", "--c2s", f"127.0.0.1:{port}")
    said = line.expect(r"programs log in over TCP as ")
    line.expect("online as")
    line.end()
    jid, password = re.search(r" as (\S+) with the password (\S+), which", said).groups()
    for file in home.data.iterdir():
        if stat.S_ISREG(file.stat().st_mode):
            t.true(password.encode() not in file.read_bytes(), f"the password is in {file.name}")
            if file.suffix != ".pem":  # a certificate is public
                t.equal(stat.S_IMODE(file.stat().st_mode) & 0o077, 0, f"{file.name} is private")
    home.stop()
    line = home.pipe("--name", "alice@here", "--c2s", f"127.0.0.1:{port}")
    line.expect("online as")
    t.equal(line.count("password"), 0, "it is said once")
    t.step("the password is said once, also where the account was there before, and kept nowhere")
    return line, jid, password


class Face(clients.Slix):
    """slixmpp at the node's TCP port."""

    def __init__(self, case, jid, label, home, port, password):
        super().__init__(case, jid, label)
        case.clients.append(self)
        case.passwords[jid] = password
        self.how = {"port": port, "ca": str(home.data / "cert.pem"), "password": password, "jid": jid}

    def enter(self, **more):
        return self.sign_in(**{**self.how, **more})


def local_login(path):
    """What the local socket answers to us."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(HEADER.format("localhost").encode())
        text = b""
        while b"</stream:features>" not in text:
            text += s.recv(65536)
        s.sendall(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        while b"</failure>" not in text and b"<success" not in text and (more := s.recv(65536)):
            text += more
    return text.decode()


def as_user(uid, action):
    """Runs it in a process of its own; gives what it returns, or the name of its exception."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            text = action()
        except BaseException as error:  # a child of a test must not go on as a second test
            text = type(error).__name__
        os.write(into, text.encode()[:60000])
        os._exit(0)
    os.close(into)
    with open(out, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def other_user(t, home):
    """The node's local socket takes its own user's programs and nobody else's, though they reach it."""
    NOBODY = 65534
    sock = home.data / "node.sock"
    login = functools.partial(local_login, str(sock))
    t.true("<success" in local_login(str(sock)), "its own user")
    if os.geteuid():
        t.step("the local socket takes its own user (only root can be somebody else here)")
        return
    folders = [f for f in (home.data, *home.data.parents) if not f.stat().st_mode & 0o001]
    before = {f: stat.S_IMODE(f.stat().st_mode) for f in (*folders, sock)}
    t.equal(as_user(NOBODY, login), "PermissionError", "somebody else reaches it")
    try:
        for f, mode in before.items():
            f.chmod(mode | (0o006 if f == sock else 0o001))
        text = as_user(NOBODY, login)
    finally:
        for f, mode in before.items():
            f.chmod(mode)
    t.true("<stream:features" in text and "<success" not in text, f"somebody else was let in: {text}")
    t.true("EXTERNAL" not in text.split("</stream:features>")[0] or "not-authorized" in text, f"and how: {text}")
    t.step("another user of this machine does not reach the local socket, and would not be let in")


def refused(t, home, port, jid, password):
    domain = jid.split("@")[1]
    before, offered = mechanisms(port, domain)
    t.true("ANONYMOUS" not in before and offered and "ANONYMOUS" not in offered, f"offered: {before} {offered}")
    t.true("PLAIN" not in before and "EXTERNAL" not in offered, f"offered in the clear, and later: {before} {offered}")
    # One mechanism each: after three failures the answers of an address take longer and longer.
    bad = Face(t, jid, "bad", home, port, password)
    t.equal(bad.refused_sign_in(**{**bad.how, "password": "wrong", "mechanism": "SCRAM-SHA-256"}), "not-authorized", "a wrong password")
    other = Face(t, f"mallory@{domain}", "mallory", home, port, password)
    t.equal(other.refused_sign_in(**other.how, mechanism="SCRAM-SHA-256"), "not-authorized", "another account")
    t.step("ANONYMOUS is not offered; a wrong password and another name are refused")


def roster(t, face, line, bob, homes):
    line.say(f"/add 127.0.0.1:{homes[1].port} Bobby", "/msg Bobby from the line")
    line.expect(r"-> Bobby: from the line \(delivered\)")
    bob.say("/msg alice hello")
    line.expect("Bobby: hello")
    peer = json.loads(homes[0].ask("peer", "list", "--json"))[0]["jid"]
    got = lib.wait_until(lambda: {k: v for k, v in face.roster()["items"].items() if k == peer}, LIMIT, "the peer in the roster")
    t.equal(got[peer]["name"], "Bobby", f"the roster: {got}")
    face.expect("message", from_=re.compile(re.escape(peer)), body="hello")
    face.expect("presence", from_=re.compile(re.escape(peer)), type=None)
    face.say(to=peer, body="from slixmpp", type="chat")
    bob.expect("alice: from slixmpp$")
    line.expect("-> Bobby: from slixmpp")
    t.step("the peer is in the roster with its name and presence; texts go both ways, and to the other client")
    return peer


def history_and_avatar(t, face, homes, peer):
    pages = face.archive(with_=peer, page=10)
    text = json.dumps(pages)
    for said in ("from the line", "hello", "from slixmpp"):
        t.true(said in text, f"{said} is not in the archive: {text}")
    t.step("what was said is in the archive (XEP-0313), whichever client said it")
    theirs = Face(t, homes[1].ask("node", "address"), "bobs", homes[1], homes[1].c2s, homes[1].password)
    theirs.enter()
    photo = base64.b64encode(PNG).decode()
    theirs.iq(type="set", payload=f"<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>{photo}</BINVAL></PHOTO></vCard>")
    card = lib.wait_until(lambda: (c := face.iq(type="get", payload="<vCard xmlns='vcard-temp'/>", to=peer)) and photo in str(c) and c,
                          LIMIT, "the picture")
    t.true(photo in str(card), f"the picture: {card}")
    t.step("his picture is had from his node")


def idle(t):
    """Who still needs a node keeps it; nobody: it ends."""
    home = Home(t, "idle")
    line = home.pipe("--name", "alice@here", "--idle-seconds", "1")
    line.expect("online as")
    pid = node_pid(home)
    line.say("/room create lunch")
    line.expect("new room")
    slow = Home(t, "guest")
    guest = slow.pipe("--name", "bob@here", "--idle-seconds", "1")
    guest.expect("online as")
    guest.say(f"/add 127.0.0.1:{home.port}", "/msg alice hi", "/join lunch@alice")
    guest.expect("you are in as bob")
    line.say("/msg bob hi", "/leave #lunch")
    line.expect("lunch alice left")
    t.equal(line.end(), 0, "the end")
    # As many of its checks as would have ended it: the guest's node, which nobody needs either, is not there to count them.
    witness(t, "a room with somebody in it")
    t.true(alive(pid), "it ended although somebody is in its room")
    guest.say("/leave")
    guest.expect("lunch bob left")
    lib.wait_until(lambda: not alive(pid), LIMIT, "the end of the node that nobody needs")
    t.true(not (home.data / "node.sock").exists(), "its socket is left")
    t.step("a room with somebody in it keeps a node; when he has gone it ends by itself")
    guest.end()
    lib.wait_until(lambda: not (slow.data / "control.sock").exists(), LIMIT, "the end of the guest's node")

    line = home.pipe("--name", "alice@here", "--idle-seconds", "1", "--wait", "1")
    line.expect("online as")
    pid = node_pid(home)
    line.say("/msg bob for later")
    t.equal(line.end(), 3, "nobody is there to get it")
    witness(t, "a message that waits")
    t.true(alive(pid), "it ended although a message waits")
    guest = slow.pipe("--name", "bob@here", "--idle-seconds", "1")
    guest.say("/msg alice here again")  # only the guest knows where the other is
    guest.expect("alice: for later")
    guest.end()
    lib.wait_until(lambda: not alive(pid), LIMIT, "the end of the node when nothing waits any more")
    t.step("a message that waits keeps it, until that is delivered")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] != "Z"


def witness(t, what):
    """A node that nobody needs lives and ends by the same clock: when three have, one after the other, another would have, too."""
    for i in range(3):
        home = Home(t, f"witness-{what.split()[-1]}-{i}")
        line = home.pipe("--name", "w@here", "--idle-seconds", "1")
        line.expect("online as")
        pid = node_pid(home)
        line.end()
        lib.wait_until(lambda: not alive(pid), LIMIT, f"the end of a witness ({what})")


def test(t):
    """Any client is the face of a node over TCP; and how long a node lives that a chat has started"""
    homes = [Home(t, "alice"), Home(t, "bob")]
    port = lib.free_port()
    line, jid, password = password_once(t, homes[0], port)
    other_user(t, homes[0])
    refused(t, homes[0], port, jid, password)
    homes[1].c2s = lib.free_port()
    bob = homes[1].pipe("--name", "bob@here", "--c2s", f"127.0.0.1:{homes[1].c2s}")
    said = bob.expect("programs log in over TCP as ")
    homes[1].password = re.search(r"with the password (\S+), which", said)[1]
    bob.expect("online as")
    face = Face(t, jid, "face", homes[0], port, password)
    face.enter()
    peer = roster(t, face, line, bob, homes)
    history_and_avatar(t, face, homes, peer)
    line.end()
    bob.end()
    for home in homes:
        home.stop()
    idle(t)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
