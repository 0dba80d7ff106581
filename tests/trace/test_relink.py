#!/usr/bin/python3
"""Secrets are handed out while somebody takes them, of new connections only; links that are up are made anew for that, and
nothing that is said is lost."""
import os
import pathlib
import re
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "net"))
os.environ.setdefault("WIRESIDE_DISCOVER", "")
from lib import Failure, main, need, run, wait_until  # noqa: E402  (tests/net)
from segments import Wire  # noqa: E402

WIRESIDE = os.environ.get("WIRESIDE", "")
LABELS = {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
          "SERVER_TRAFFIC_SECRET_0"}


def control(folder, *words):
    """What the node of this folder answers: (done, text)."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(folder / "control.sock"))
        s.sendall(b"".join(w.encode() + b"\0" for w in words) + b"\0")
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    return answer[:1] == b"+", answer[1:].decode()


def ask(folder, *words):
    done, text = control(folder, *words)
    if not done:
        raise Failure(f"{words}: {text}")
    return text


def start(net, name, user):
    host, folder = net.host(name), net.folder / name
    node = host.program(f"{user}-node", WIRESIDE, "node", "--data", folder, "--name", f"{user}@{name}", "--discovery", "own",
                        "--interface", "eth0")
    node.expect(r"^lan ")
    return folder, host.program(user, WIRESIDE, "chat", "--plain", "--data", folder)


def secrets(text):
    """client random -> labels"""
    found = {}
    for label, random in re.findall(r"^key (\w+) (\w+) ", text, re.M):
        found.setdefault(random, set()).add(label)
    return found


def test(net):
    """A link that is up is opened anew for a trace, and goes on"""
    (alpha, alice), (bravo, bob) = start(net, "alpha", "alice"), start(net, "bravo", "bob")
    wire = Wire(net.hosts[0])
    alice.expect(r"\* bob is ")
    bob.expect(r"\* alice is ")
    alice.say("/msg bob before")
    bob.expect("before$")
    alice.expect(r"before \(delivered\)")
    net.true(not control(alpha, "trace", "take", "1")[0], "nothing is handed out before it is asked for")
    net.step("linked, and not traced")

    first = ask(alpha, "trace", "arm").strip()
    second = ask(alpha, "trace", "arm", "keys").strip()
    alice.say("/msg bob armed")
    alice.expect(r"armed \(delivered\)")
    text = ask(alpha, "trace", "take", first)
    net.true(not secrets(text), f"no secrets of a link that was there before: {secrets(text)}")
    net.true("<body>armed</body>" in text, "but what is said on it")
    net.true("<body>before</body>" not in text, "from now on")
    net.true(ask(alpha, "trace", "take", second) == "", "and nothing of it to whom wants keys alone")
    net.step("armed: what is said is told, the old link stays closed")

    text = ""
    net.true("bob" in ask(alpha, "trace", "links", "bob"), "it is told where bob is")
    net.true(ask(alpha, "trace", "relink", "bob") == "1\n", "one link is opened anew")
    for i in range(5):
        alice.say(f"/msg bob number {i}")
    for i in range(5):
        bob.expect(rf"number {i}$")

    def told():
        nonlocal text
        text += ask(alpha, "trace", "take", first)
        return any(labels >= LABELS for labels in secrets(text).values()) and text.count("<body>number ") >= 5

    wait_until(told, "the secrets of the new link")
    other = ask(alpha, "trace", "take", second)
    net.true(secrets(other) == secrets(text) and "stanza" not in other, f"the other one has the same secrets: {secrets(other)}")
    alice.expect(*(rf"number {i} \(delivered\)" for i in range(5)))
    net.true(len([1 for _, line in bob.lines if "number 3" in line]) == 1, "each once")
    net.step("opened anew: its secrets are told to both, every message arrived once")
    net.true(wire.dials() == 2, f"one dial for it, not {wire.dials() - 1}")
    # The other end is the one that was dialled: it does not dial either.
    its_own = ask(bravo, "trace", "arm").strip()
    net.true(ask(bravo, "trace", "relink") == "1\n", "from the other end, too")
    bob.say("/msg alice again")
    alice.expect("again$")
    bob.expect(r"again \(delivered\)")
    net.true(wire.dials() == 3, f"one dial for it, not {wire.dials() - 2}")
    ask(bravo, "trace", "disarm", its_own)
    wait_until(lambda: wire.dials() == 4, "the link whose secrets were told is not used any more")
    alice.say("/msg bob on the new one")
    alice.expect(r"on the new one \(delivered\)")
    net.step("the same from the other end")

    for number in (first, second):
        net.true(wire.dials() == 4, "the link stays while somebody takes its secrets")
        ask(alpha, "trace", "disarm", number)
        net.true(not control(alpha, "trace", "take", number)[0], "nothing is handed out any more")
    wait_until(lambda: wire.dials() == 5, "nor used with the secrets that were")
    alice.say("/msg bob afterwards")
    bob.expect("afterwards$")
    third = ask(alpha, "trace", "arm").strip()
    net.true(third not in (first, second) and ask(alpha, "trace", "take", third) == "", "and what was kept is forgotten")
    numbers = [third]
    while (done := control(alpha, "trace", "arm"))[0] and len(numbers) < 20:
        numbers.append(done[1].strip())
    net.true(len(numbers) == 8 and "already" in done[1], f"eight at a time: {numbers} {done}")
    for words in (["trace"], ["trace", "frobnicate"], ["trace", "arm", "x"], ["trace", "take"], ["trace", "relink", "nobody"],
                  ["trace", "links", "nobody"]):
        net.true(not control(alpha, *words)[0], f"{words} is refused")
    net.true((bravo / "control.sock").stat().st_mode & 0o777 == 0o600, "only for the owner")
    ask(bravo, "stop")
    ask(alpha, "stop")


def half_way(net):
    """A link in the middle of its handshake when nobody takes secrets any more: those that were told open nothing"""
    (alpha, alice), (bravo, bob) = start(net, "alpha", "alice"), start(net, "bravo", "bob")
    wire = Wire(net.hosts[0])
    alice.expect(r"\* bob is ")
    alice.say("/msg bob before")
    alice.expect(r"before \(delivered\)")
    nft, rules = need("nft"), "bridge half"
    run(nft, f"add table {rules}; add chain {rules} forward {{ type filter hook forward priority 0; }}")
    try:
        run(nft, f"add rule {rules} forward meta l4proto tcp meta length > 400 counter drop")  # what a server says first in TLS
        tracers = [(folder, ask(folder, "trace", "arm", "keys").strip()) for folder in (alpha, bravo)]
        net.true(ask(alpha, "trace", "relink") == "1\n", "one link is opened anew")
        told = ""

        def half():
            nonlocal told
            told += "".join(ask(folder, "trace", "take", number) for folder, number in tracers)
            return any("SERVER_TRAFFIC_SECRET_0" in labels for labels in secrets(told).values())

        wait_until(half, "secrets of a link that is not up")
        net.true("link" not in ask(bravo, "trace", "links").split(), "which it is not")
        dials = wire.dials()
        for folder, number in tracers:
            ask(folder, "trace", "disarm", number)
    finally:
        run(nft, f"delete table {rules}")
    wait_until(lambda: wire.dials() > dials, "another one instead of it")
    alice.say("/msg bob afterwards")
    bob.expect("afterwards$")
    alice.expect(r"afterwards \(delivered\)")
    net.step("when it comes up it is opened anew")
    for folder in (bravo, alpha):
        ask(folder, "stop")


if __name__ == "__main__":
    raise SystemExit(main(test, half_way))
