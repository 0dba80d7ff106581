#!/usr/bin/python3
"""What is at the program's ends when it starts: streams that are closed or full, and others that start at the same time."""
import subprocess

from chat import Home, environment, lib

TOGETHER = 5


def run(t, words, streams, text=b""):
    """One run through a shell, which closes or redirects."""
    line = " ".join("'" + w + "'" for w in words) + " " + streams
    done = subprocess.run(["/bin/sh", "-c", line], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(t), timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def closed(t):
    home = Home(t, "closed")
    plain = home.words("--plain")
    t.equal(run(t, plain, "<&-")[0], 0, "a chat without standard input")
    t.equal(run(t, plain, ">&-", b"/status\n")[:2], (0, ""), "without standard output")
    t.equal(run(t, plain, "<&- >&- 2>&-")[0], 0, "without any")
    home.stop()
    alone = Home(t, "alone")
    words = [plain[0], "node", *alone.words()[1:]]
    node = subprocess.Popen(["/bin/sh", "-c", "exec " + " ".join("'" + w + "'" for w in words) + " <&- >&- 2>&-"],
                            env=environment(t))
    lib.wait_until(lambda: (alone.data / "control.sock").exists(), 20, "the node")
    t.equal(alone.once("/status\n")[0], 0, "a chat with it")
    alone.stop()
    t.equal(node.wait(20), 0, "its end")
    t.step("closed standard input, output and error: a chat and a node do without")


def full(t):
    home = Home(t, "full")
    home.once("/add bob@127.0.0.1:9\n")
    for words in (["peer", "--data", str(home.data)], ["peer", "export", "--data", str(home.data)], ["status", "--data", str(home.data)],
                  ["--help"], ["--version"], ["chat", "--plain", "--data", str(home.data)]):
        status, _, err = run(t, [home.words()[0], *words], ">/dev/full", b"/status\n")
        t.equal((status, err), (1, "wireside: not all of the output could be written\n"), f"{words}")
    home.stop()
    t.step("a full disk below standard output: status 1, and a line")


def imported(t):
    """Line ends of all kinds, and rows that look like something else."""
    home = Home(t, "imported")
    words = [home.words()[0], "peer", "import", "--data", str(home.data)]
    row = "%s\t\ttyped\tnew\t10.0.0.7:%d\t-"
    status, out, _ = run(t, words, "", "\r\n".join(row % of for of in (("zed", 1), ("{x", 2), ("anna", 3))).encode() + b"\r\r\n")
    t.equal((status, out), (0, "zed\n{x\nanna\n"), "a label that begins as an object does")
    one = '{"label": "bea", "user": "", "key": "typed", "trust": "new", "addresses": ["10.0.0.8:1"], "secret": null}'
    status, out, err = run(t, words, "", f"[\r{one}\r]\r".encode())
    t.equal((status, out, err), (0, "bea\n", ""), "a CR is a blank")
    for nothing in b"", b"\n", b"[]", b"[\n]\n":
        t.equal(run(t, words, "", nothing), (0, "nothing to import: there is no row in it\n", ""), "nothing")
    home.stop()
    t.step("import: line ends, labels that look like JSON, and nothing at all")


def together(t):
    """Nobody has started a node, and several want it at once."""
    for turn in range(3):
        home = Home(t, f"together{turn}")
        chats = [home.pipe() for _ in range(TOGETHER)]
        for chat in chats:
            chat.say("/status")
        statuses = [chat.end(60) for chat in chats]
        t.equal(statuses, [0] * TOGETHER, f"{[chat.lines for chat in chats]}")
        t.true(all(chat.count("you are available") for chat in chats), "all are with a node")
        names = {line for chat in chats for line in chat.lines if " name " in line}
        t.equal(len(names), 1, f"one node: {names}")
        home.stop()
    t.step("chats that start together, the first time: one node, and all have it")
    home.once("/status\n")
    home.stop()
    chats = [home.pipe() for _ in range(TOGETHER)]
    t.equal([chat.end(60) for chat in chats], [0] * TOGETHER, f"{[chat.lines for chat in chats]}")
    home.stop()
    t.step("the same where one ran before")


def test(t):
    """Streams that are closed or full; chats that start together"""
    closed(t)
    full(t)
    imported(t)
    together(t)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
