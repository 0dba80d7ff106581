#!/usr/bin/python3
"""What a node keeps of its flags from one start to the next, and what it keeps from others on its machine."""

import contextlib
import os
import subprocess

from lib import Failure, main, need, wait_until
from peers import Node, wireside


class Plain(Node):
    """Started with no more than is said."""

    def start(self, *options):
        self.program = self.host.program(self.name, wireside(), "node", "--data", self.data, *options)
        self.program.expect("^Chat:")
        return self

    def instance(self):
        return self.command("node", "name").strip()


def test_name(net):
    """A name that was given once is the name, until another is given; other flags hold for one run, and node.conf for all"""
    alpha = net.host("alpha")
    node = Plain(alpha, "whoever").start("--name", "alice@kitchen", "--discovery", "none", "--listen", "127.0.0.1:5400")
    net.true(node.instance() == "alice@kitchen", node.instance())
    net.true(node.lan_address() == "127.0.0.1:5400", node.lan_address())
    address = node.address
    node.stop()
    node = Plain(alpha, "whoever", data=node.data).start()
    net.true(node.instance() == "alice@kitchen" and node.address == address, f"{node.instance()}, {node.address}")
    net.true(node.lan_address() == "*:5298", "of the flags the name alone is kept")
    node.stop()
    net.step("the name is kept")
    said = alpha.run(wireside(), "peer", "add", "alice@10.77.0.9", "--data", node.data, check=False)
    net.true("this node's own name" in said, said)
    net.step("commands on a stopped node know it, too")
    node.start("--name", "alice@attic")
    net.true(node.instance() == "alice@attic", node.instance())
    node.restart()
    net.true(node.instance() == "alice@attic", node.instance())
    node.stop()
    net.step("another one replaces it, and outlives a crash")
    (node.data / "node.conf").write_text('listen = {"127.0.0.1:5500"}\ndiscovery = none\n')
    node.start()
    net.true(node.lan_address() == "127.0.0.1:5500" and node.instance() == "alice@attic", node.lan_address())
    node.stop()
    node.start("--listen", "127.0.0.1:5600")
    net.true(node.lan_address() == "127.0.0.1:5600", node.lan_address())
    node.stop()
    net.step("node.conf holds for each start, a flag goes before it")
    (node.data / "node.conf").unlink()
    (node.data / "node.name").write_text("<&>\n")
    node.start("--discovery", "none")
    net.true("@" in node.instance() and "<" not in node.instance(), node.instance())
    node.stop()
    net.step("a name that is none is not taken")


def bare(*argv):
    """Without any capability: a process may look into another one of its user only if that one is dumpable."""
    return [need("setpriv"), "--inh-caps=-all", "--bounding-set=-all", *map(str, argv)]


def readable(pid):
    return subprocess.run(bare("cat", f"/proc/{pid}/environ"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


@contextlib.contextmanager
def running(argv, expect, line=""):
    """A process, as soon as it has said this (on either stream); its input stays open."""
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # which would have to trace the process
    with subprocess.Popen(bare(*argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env) as p:
        try:
            p.stdin.write(line.encode())
            p.stdin.flush()
            said = b""
            while expect.encode() not in said:
                more = os.read(p.stdout.fileno(), 4096)
                said += more
                if not more:
                    raise Failure(f"{argv} ended: {said.decode()}")
            yield p
            if p.poll() is not None:
                raise Failure(f"{argv} ended too early")
        finally:
            p.kill()


def test_memory(net):
    """Nobody of the same user can look into a process that has keys or reads a password, whichever command it is"""
    with running(["sh", "-c", "echo ready; exec sleep 60"], "ready") as p:
        net.true(readable(p.pid), "a process that hides nothing is to be read, or this test proves nothing")
    data, line = net.folder / "memory", f"bob\tbob\t{'ab' * 32}\tpinned\t\t-\n"
    with running([wireside(), "node", "--data", data, "--discovery", "none", "--listen", "127.0.0.1:0"], "Chat:") as p:
        net.true(not readable(p.pid), "wireside node is to be read")
    net.step("a node")
    # On a stopped node's data: it has read the key for the first line, and waits for the next one.
    with running([wireside(), "peer", "import", "--data", data], "bob", line) as p:
        net.true(not readable(p.pid), "wireside peer is to be read")
    net.step("a command on its data when it is stopped")
    server = [wireside(), "serve", "--data", net.folder / "server", "--c2s", "127.0.0.1:0", "--c2s-tls", "127.0.0.1:0"]
    with running(server, "Wireside") as p:
        net.true(not readable(p.pid), "wireside serve is to be read")
    net.step("a server")
    user = [wireside(), "user", "add", "bob@localhost", "--data", net.folder / "server"]
    with running(["sh", "-c", 'echo started; exec "$@"', "sh", *user], "started") as p:
        wait_until(lambda: not readable(p.pid), "wireside user, which waits for a password, is closed")
    net.step("a command that reads a password")


if __name__ == "__main__":
    raise SystemExit(main(test_name, test_memory))
