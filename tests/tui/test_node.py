#!/usr/bin/python3
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import threading

from chat import Home, Pipe, environment, lib


class Slow:
    """Takes a connection and says nothing until it is told to hang up."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.taken = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            self.taken.append(self.listener.accept()[0])


class Old(Slow):
    """A program of XEP-0174 as they were before receipts and keys."""

    def _serve(self):
        self.got = b""
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer):
        answered, got = False, b""
        while data := peer.recv(4096):
            got += data
            self.got += data
            if got[:1] == b"\x16":
                break  # that is TLS, which it does not know
            if not answered and b"<stream:stream" in got:
                answered = True
                peer.sendall(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' from='grandma@attic' "
                             b"xmlns:stream='http://etherx.jabber.org/streams'>")
        peer.close()


def apart(t, home, text, *options):
    """One run whose standard error is kept by itself."""
    words = home.words("--plain", *options)
    if (home.data / "control.sock").exists():
        words = [words[0], "--plain", "--data", str(home.data), *options]
    done = subprocess.run(words, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(t), timeout=110)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def in_a_pipe(t):
    """Nothing is dropped without a word, and what is refused stands on standard error."""
    home = Home(t, "apart")
    slow = Slow()
    status, out, err = apart(t, home, f"/add 127.0.0.1:{slow.port} dodo\n/msg dodo lost?\n", "--wait", "1")
    t.equal((status, err), (3, ""), f"it waits with the node: {out}")
    t.true("-> dodo: lost? (queued)" in out, f"the line behind /add is said: {out}")
    t.step("--wait begins when the last answer has come: what stands behind a slow /add is said")
    status, out, err = apart(t, home, "/msg nobody-there hi\n/msg 127.0.0.77 hi\n", "--wait", "1")
    t.equal(status, 1, "refused")
    t.equal(err.splitlines(), ["wireside: nobody is called nobody-there; /peers lists people, and an address works too",
                               "wireside: nobody is known at 127.0.0.77: /add 127.0.0.77 first"], "a line for each")
    t.true("refused: nobody is called nobody-there" in out, f"among the events, too: {out}")
    status, out, err = apart(t, home, "/frobnicate\n")
    t.equal((status, err), (2, "wireside: there is no command /frobnicate; /help lists them\n"), "a wrong command")
    t.step("what is refused is a line on standard error, and what to do with an unknown number is said")
    name = home.ask("node", "name")
    status, out, err = apart(t, home, "/status\n", "--name", "other@place", "--plaintext=never", "--listen", "127.0.0.1:1")
    t.equal((status, err.count("\n")), (0, 1), f"it goes on: {out}{err}")
    t.true("these do not now: --name, --plaintext, --listen (" in err, f"the flags: {err}")
    status, out, err = apart(t, home, "/status\n", "--name", name)
    t.true("--name" not in err, f"it is called so: {err}")
    t.step("options that a node that runs already does not take are named on standard error")
    comm = pathlib.Path("/proc", (home.data / "wireside.lock").read_text().strip(), "comm").read_text()
    t.equal(comm, "wireside\n", "the node's process")
    home.stop()


def to_old_programs(t):
    home = Home(t, "old")
    old = Old()
    apart(t, home, f"/add old@127.0.0.1:{old.port}\n/allow old\n")
    lib.wait_until(lambda: "old " in home.ask("peer", "list") and "typed in" not in home.ask("peer", "list"), 20, "who it is")
    status, out, err = apart(t, home, "/msg old hello\n", "--wait", "60")
    t.equal(status, 0, f"taken: {out}{err}")
    t.true(b"hello" in old.got, f"it came: {old.got}")
    home.stop()
    t.step("what a program without receipts has taken is not waited for: status 0")


class Node:
    """What of a node the client needs: its local socket (a server's stands in for it) and the control socket."""

    def __init__(self, folder, server, address):
        folder.mkdir(mode=0o700)
        os.symlink(server.folder / "xmpp.sock", folder / "node.sock")
        self.address = address
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "control.sock"))
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            asker, _ = self.listener.accept()
            got = b""
            while not got.endswith(b"\0\0"):
                got += asker.recv(4096)
            words = got[:-2].decode().split("\0")
            self.asked.append(words)
            asker.sendall(self._answer(words).encode())
            asker.close()

    def _answer(self, words):
        if words == ["node", "name"]:
            return "+me@here"
        if words == ["node", "address"]:
            return "+" + self.address
        if words == ["peer", "list"]:
            return "+bob (10.0.0.7:5298) verified\ncarol\x1b[2J new\n"
        if words == ["node", "find", "bob@bravo"]:
            return "+" + self.address
        if words[:2] == ["node", "find"]:
            return "-"
        if words[:2] == ["peer", "block"]:
            return "-nobody is called " + words[2]
        return "+"


def revived(t):
    folder = t.folder / "own"
    port = lib.free_port()
    line = Pipe(t, "own", [str(lib.find_wireside()), "--plain", "--data", str(folder), "--discovery", "none",
                           "--listen", f"127.0.0.1:{port}"])
    line.expect("online as")
    first = int((folder / "wireside.lock").read_text())
    os.kill(first, signal.SIGKILL)
    line.expect("offline")
    line.expect("online as")
    second = int((folder / "wireside.lock").read_text())
    t.true(second != first, "another node")
    t.step("a node that the chat has started is killed: it gets another one")
    other = Pipe(t, "other", [str(lib.find_wireside()), "--plain", "--data", str(folder), "--discovery", "none",
                              "--listen", f"127.0.0.1:{port}"])
    other.expect("online as")
    t.equal(line.end(), 0, "the end")
    third = Pipe(t, "third", other.process.args)
    third.expect("online as")
    os.kill(second, signal.SIGKILL)
    for one in (other, third):
        one.expect("offline: the connection broke")
        one.expect("online as")
    second = int((folder / "wireside.lock").read_text())
    t.step("of two chats that found it there one starts another node, and both have it")
    for one in (other, third):
        t.equal(one.end(), 0, "the end")
    os.kill(second, signal.SIGTERM)
    lib.wait_until(lambda: not (folder / "control.sock").exists(), 20, "the node's end")


def stopped(t):
    """In a pipe that stays open, with a node that was told to end."""
    home = Home(t, "stopped")

    def begin(*options):
        line = home.pipe(*options)
        line.expect("online as")
        return line

    line = begin("--wait", "1")
    line.say(f"/add bob@127.0.0.1:{lib.free_port()}")
    line.expect("bob is added")
    home.stop()
    line.expect("offline: this machine's node was stopped")
    line.say("/quit")
    t.equal(line.status(), 0, "nothing is lost")
    line = begin("--wait", "1")
    home.stop()
    line.expect("offline: ")
    line.say("/msg bob lost", "/quit")
    t.equal(line.status(), 1, "what was to be said was not")
    line = begin("--wait", "5")
    home.stop()
    line.expect("offline: ")
    line.say("/start", "/msg bob hi", "/quit")
    t.equal(line.status(), 3, f"it is with the node: {line.lines}")
    home.stop()
    t.step("a node that was stopped holds up no /quit in a pipe; /start has it back")


def test(t):
    """Line mode with a node: found by itself, and asked about peers"""
    revived(t)
    stopped(t)
    in_a_pipe(t)
    to_old_programs(t)
    me = pwd.getpwuid(os.getuid()).pw_name
    t.user(me)
    node = Node(t.folder / "node", t.server, f"{me}@localhost")
    line = Pipe(t, "line", [str(lib.find_wireside()), "--plain", "--data", str(t.folder / "node")])
    line.expect("online as me@here")
    line.say("/add 10.0.0.7:5298", "/add bob@10.0.0.7:5298 Bobby B", "/verify bob", "/verify bob yes", "/peers", "/block eve", "/unblock bob", "/accept bob", "/allow carol",
             "/disallow carol", "/rename bob Bobby B", "/remove bob",
             '/rename "Bobby B" "Bob Smith"', '/add 10.0.0.7 "Bob Smith"', "/block Bob Smith", '/accept "Bob Smith"', "/verify Bob Smith", '/verify "Bob Smith" no',
             "  /verify Bob Smith yes", "/verify")
    line.expect("^      | bob .10.0.0.7:5298. verified$")
    line.expect("^      | carol\u241b.2J new$")
    line.expect("refused: nobody is called eve")
    line.expect(r"\* usage: /verify PEER")
    t.equal(line.end(), 1, "something was refused")
    t.equal(node.asked, [["status"], ["node", "address"], ["node", "name"], ["node", "notes"], ["peer", "add", "10.0.0.7:5298"], ["peer", "add", "Bobby B@10.0.0.7:5298"],
                         ["peer", "verify", "bob"], ["peer", "verify", "bob", "yes"], ["peer", "list"],
                         ["peer", "block", "eve"], ["peer", "unblock", "bob"], ["peer", "accept", "bob"], ["peer", "allow", "carol"], ["peer", "disallow", "carol"],
                         ["peer", "rename", "bob", "Bobby B"], ["peer", "del", "bob"],
                         ["peer", "rename", "Bobby B", "Bob Smith"], ["peer", "add", "Bob Smith@10.0.0.7"], ["peer", "block", "Bob Smith"], ["peer", "accept", "Bob Smith"],
                         ["peer", "verify", "Bob Smith"], ["peer", "verify", "Bob Smith", "no"], ["peer", "verify", "Bob Smith", "yes"]], "what the node was asked")
    t.step("/add, /verify, /peers, /block, /unblock, /accept, /allow, /disallow, /rename, /remove become words on the control socket; the answers are shown, filtered")
    line = Pipe(t, "found", [str(lib.find_wireside()), "--plain", "--wait", "1", "--data", str(t.folder / "node")])
    line.expect("online as me@here")
    line.say("/msg bob@bravo hi there", f"/msg bob@{'a' * 26}.internal hi you")
    line.end()
    t.equal((line.count(f"{me}@localhost: hi there"), line.count(rf"bob@{'a' * 26}.internal: hi you \(failed")), (1, 1),
            "to whom each goes")
    t.true(["node", "find", "bob@bravo"] in node.asked, "the node knows names on the network")
    t.true(not any(".internal" in word for words in node.asked for word in words), "an address made of a key is that")
    t.step("a name on the network is found, though it looks like an address")


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
