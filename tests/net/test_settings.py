#!/usr/bin/python3
"""What a node keeps of its flags from one start to the next, and what it keeps from others on its machine."""

from lib import main
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


if __name__ == "__main__":
    raise SystemExit(main(test_name))
