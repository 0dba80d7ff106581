#!/usr/bin/python3
import os
import pwd
import signal
import socket
import threading

from chat import Home, Pipe, lib


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
    me = pwd.getpwuid(os.getuid()).pw_name
    t.user(me)
    node = Node(t.folder / "node", t.server, f"{me}@localhost")
    line = Pipe(t, "line", [str(lib.find_wireside()), "--plain", "--data", str(t.folder / "node")])
    line.expect("online as me@here")
    line.say("/add 10.0.0.7:5298", "/add bob@10.0.0.7:5298 Bobby B", "/verify bob", "/verify bob yes", "/peers", "/block eve", "/unblock bob", "/accept bob", "/allow carol",
             "/rename bob Bobby B", "/remove bob")
    line.expect("^      | bob .10.0.0.7:5298. verified$")
    line.expect("^      | carol\u241b.2J new$")
    line.expect("refused: nobody is called eve")
    t.equal(line.end(), 1, "something was refused")
    t.equal(node.asked, [["node", "address"], ["node", "name"], ["peer", "add", "10.0.0.7:5298"], ["peer", "add", "Bobby B@10.0.0.7:5298"],
                         ["peer", "verify", "bob"], ["peer", "verify", "bob", "yes"], ["peer", "list"],
                         ["peer", "block", "eve"], ["peer", "unblock", "bob"], ["peer", "accept", "bob"], ["peer", "allow", "carol"],
                         ["peer", "rename", "bob", "Bobby B"], ["peer", "del", "bob"]], "what the node was asked")
    t.step("/add, /verify, /peers, /block, /unblock, /accept, /allow, /rename, /remove become words on the control socket; the answers are shown, filtered")


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
