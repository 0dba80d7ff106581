#!/usr/bin/python3
import json
import os
import pathlib
import re
import socket
import subprocess

from chat import Home, Pipe, environment, lib

WIRESIDE = str(lib.find_wireside())


def run(t, *words):
    done = subprocess.run([WIRESIDE, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=environment(t), timeout=40)
    return done.returncode, done.stdout, done.stderr


def usual_name():
    return re.escape("@" + os.uname().nodename.split(".")[0])


def piped(t):
    home = Home(t, "piped")
    line = home.pipe()
    first = line.expect(r"\* others on this network see you as ")
    t.true(re.search(usual_name(), first), f"login name and host name: {first}")
    line.expect("online as")
    t.equal(line.end(), 0, "the end")
    again = home.pipe()
    again.expect("online as")
    t.equal(again.end(), 0, "the end")
    t.equal(again.count("see you as"), 0, "it is said once")
    home.stop()
    again = home.pipe()
    again.expect("online as")
    again.end()
    t.equal(again.count("see you as"), 0, "not when it starts again, either")
    home.stop()
    t.step("from a pipe the first start says the name, later ones do not")

    home = Home(t, "json")
    line = home.pipe("--json")
    notice = json.loads(line.expect("see you as"))
    t.equal(notice["event"], "notice", "what kind of event")
    line.end()
    home.stop()
    home = Home(t, "named")
    line = home.pipe("--name", "alice@kitchen")
    line.expect("online as alice@kitchen")
    line.end()
    t.equal(line.count("see you as"), 0, "who has said his name knows it")
    home.stop()
    t.step("as an event in JSON; not with --name")


def told(t):
    """Why nobody will be found."""
    absent = "there is no interface nosuch0 now .*; this waits for it$"
    words = [WIRESIDE, "--plain", "--data", str(t.folder / "told"), "--listen", f"127.0.0.1:{lib.free_port()}", "--interface", "nosuch0"]
    daemon = pathlib.Path("/run/avahi-daemon/socket").exists()
    chat = Pipe(t, "told", [*words, "--discovery", "avahi"])
    chat.expect(r"\* " + absent)
    if not daemon:
        chat.expect(r"\* no avahi-daemon runs here.*--discovery auto or own")
    chat.end()
    Home.stop(Home(t, "told"))
    node = Pipe(t, "alone", [WIRESIDE, "node", *words[2:], "--discovery", "own"])
    node.expect("^Note:  " + absent)
    node.expect("^Note:  no wired network: .*; when that changes it is used at once$")
    Home.stop(Home(t, "told"))
    t.equal(node.count("avahi"), 0, "nobody wanted that")
    t.step("an interface that is not there, an avahi-daemon that does not run, no network: told at the start")


def as_json(t):
    """Answers of the index table for programs, with a node and without."""
    home = Home(t, "json-peer")
    for runs in (False, True):
        if runs:
            home.once("/status\n")
        for words, wanted, part in ((["add", "bob@127.0.0.1:9"], 0, "bob"), (["rename", "bob", "Bob Smith"], 0, "Bob Smith"),
                                    (["block", "Bob Smith"], 0, "Bob Smith"), (["unblock", "nobody"], 1, "nobody"),
                                    (["verify", "nobody"], 1, "nobody"), (["del", "Bob Smith"], 0, "")):
            status, out, err = run(t, "peer", *words, "--json", "--data", home.data)
            answer = json.loads(out)
            t.equal((status, answer["ok"], set(answer)), (wanted, wanted == 0, {"ok", "text"}), f"{words}: {out}{err}")
            t.true(part in answer["text"] and out.count("\n") == 1, f"{words}: {out}")
            t.true(not err or "made its store" in err, f"{words}: {err}")
    t.equal(json.loads(run(t, "peer", "--json", "--data", home.data)[1]), [], "the table")
    status, out, err = run(t, "peer", "--json", "unblock", "nobody", "--data", home.data)
    t.equal((status, json.loads(out)["ok"]), (1, False), f"--json before the command: {out}{err}")
    t.equal(json.loads(run(t, "peer", "--json", "list", "--data", home.data)[1]), [], "the table, by its name")
    home.stop()
    status, out, err = run(t, "peer", "block", "bob", "--json", "--data", t.folder / "none-here")
    t.equal((status, json.loads(out)["ok"], err), (1, False, ""), "no store")
    for words in (["add", "bob@[::1"], ["set-password", "bob", "letters"], ["block"], ["frobnicate"]):
        status, out, err = run(t, "peer", *words, "--json", "--data", home.data)
        t.equal((status, json.loads(out)["ok"], err), (2, False, ""), f"{words}: {out}{err}")
    t.step("wireside peer with --json: one object a command, refusals too, whether a node runs or not")


def offered(t):
    home = Home(t, "offered")
    alice = home.screen("offered")
    alice.shown(r"see you as .*" + usual_name() + r"\.$")
    alice.shown("^Enter keeps that, or type another name: *$")
    t.true(not home.data.exists(), "nothing is made before it is answered")
    alice.type("not<good")
    alice.shown("wireside: name: 'not<good@")
    alice.type("alice@kitchen")
    alice.shown(r"\* online as alice@kitchen$")
    alice.type("/quit")
    t.equal(alice.ended(), 0, "/quit")
    t.equal(home.ask("node", "name"), "alice@kitchen", "what the node is called")
    again = home.screen("again", "--name", "carol@den")
    again.shown(r"\* the node runs already: options for it count when it starts")
    again.shown(r"\* online as alice@kitchen$")
    again.type("/quit")
    t.equal(again.ended(), 0, "/quit")
    t.true("Enter keeps" not in again.screen(), "asked twice")
    home.stop()
    t.step("on a terminal it is offered once; a bad name is refused, with a word why, and asked for again")

    home = Home(t, "kept")
    bob = home.screen("kept")
    bob.shown("Enter keeps that")
    bob.keys("Enter")
    bob.shown(r"\* online as .*" + usual_name())
    bob.type("/quit")
    t.equal(bob.ended(), 0, "/quit")
    home.stop()
    home = Home(t, "short")
    bob = home.screen("short")
    bob.shown("Enter keeps that")
    bob.type("bob")
    bob.shown(r"\* online as bob" + usual_name())
    bob.keys("C-d")
    t.equal(bob.ended(), 0, "Ctrl-D")
    home.stop()
    home = Home(t, "away")
    gone = home.screen("away")
    gone.shown("Enter keeps that")
    gone.keys("C-d")
    t.equal(gone.ended(), 1, "Ctrl-D instead of a name")
    t.true(not home.data.exists(), "and nothing was made")
    t.step("Enter keeps it; a name without a host is one of this machine; Ctrl-D leaves")


BAD = [(["--name", "nohost"], "name: 'nohost' is not of the form USER@HOST"),
       (["--name"], "--name needs USER@HOST"),
       (["--listen", "somewhere"], "listen: 'somewhere' is not ADDR:PORT"),
       (["--listen", "127.0.0.1:99999"], "listen: '127.0.0.1:99999' is an address with port 99999, and the last port is 65535"),
       (["peer", "add", "bob@10.0.0.7:99999"], "'bob@10.0.0.7:99999' is an address with port 99999, and the last"),
       (["--discovery", "magic"], "discovery: 'magic' is none of auto|avahi|own|none"),
       (["--plaintext=maybe"], "plaintext: 'maybe' is none of"),
       (["--c2s", "5222"], "c2s: '5222' is not a loopback address"),
       (["--wait", "soon"], "--wait: 'soon' is no number of seconds"),
       (["--frobnicate"], "'--frobnicate' is not understood"),
       (["--while-needed"], "'--while-needed' is not understood"),
       (["--connect", "127.0.0.1"], "--connect: '127.0.0.1' is not ADDR:PORT in numbers, like 127.0.0.1:5222"),
       (["--connect", "127.0.0.1:1"], "--connect needs USER@DOMAIN")]


def refused(t):
    for words, why in BAD:
        status, out, err = run(t, *words, "--data", t.folder / "bad") if words[0] == "peer" else \
            run(t, "--data", t.folder / "bad", *words)
        t.equal((status, out), (2, ""), f"{words}: {out}{err}")
        t.true(why in err and err.count("\n") == 1, f"{words}: one line that says why: {err}")
        t.true(not (t.folder / "bad").exists(), f"{words}: nothing is made")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, out, err = run(t, "--data", t.folder / "taken", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    t.equal((status, err.count("\n")), (1, 1), f"a port that is taken: {out}{err}")
    t.step("bad options: status 2 and one line; a port that is taken: 1 and one line")
    for where, why in (("192.0.2.1:5298", "this machine has no such address; `ip address` lists those that it has"),
                       ("[fe80::1]:5298", "an address that begins with fe80 needs the network interface")):
        status, out, err = run(t, "--data", t.folder / "elsewhere", "--listen", where)
        t.equal((status, err.count("\n")), (1, 1), f"{where}: {out}{err}")
        t.true(why in err, f"{where}: {err}")
    file = t.folder / "file"
    file.write_text("")
    long = t.folder / ("x" * 120)
    for data, why in ((file, "is a file. Name a folder"), (file / "below", "is below a file. Name a folder"),
                      (long, "is too long: there are sockets in it, for which a folder's path may have 94 bytes")):
        for words in ([], ["chat"], ["node"], ["peer"], ["status"], ["stop"], ["peer", "add", "bob@10.0.0.7"], ["serve"]):
            status, out, err = run(t, *words, "--data", data)
            t.true(status in (1, 2) and why in err and err.count("\n") == 1, f"{words} --data {data}: {status} {out}{err}")
    t.true(not long.exists(), "nothing is made")
    t.step("an address that is not ours, a data folder that cannot be one: said, with what to do")


def logged(t):
    """What a node said before is there after the next start, and does not grow for ever."""
    home = Home(t, "logged")
    home.data.mkdir(mode=0o700)
    log, earlier = home.data / "node.log", home.data / "node.log.1"

    def start():
        status, lines = home.once("/quit\n", "--name", "alice@here")
        t.equal(status, 0, f"a start: {lines}")
        home.stop()

    log.write_text("what the one before said at its end\n")
    start()
    t.true(log.read_text().startswith("what the one before said") and "peers_loaded" in log.read_text(), "both are there")
    t.true(not earlier.exists(), "there is little of it")
    log.write_text("".join(f"line {i}\n" for i in range(500_000)))
    log.chmod(0o600)
    start()
    kept = earlier.read_text().splitlines()
    t.true("line 499999" not in log.read_text() and "peers_loaded" in log.read_text(), "the new one begins anew")
    t.true(kept[-1] == "line 499999" and kept[0].startswith("line ") and 900_000 < earlier.stat().st_size <= 1 << 20,
           f"the end of the earlier one: {kept[0]} to {kept[-1]}, {earlier.stat().st_size} bytes")
    for file in (log, earlier):
        t.equal(file.stat().st_mode & 0o777, 0o600, f"who may read {file.name}")
    log.write_text("said before\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", home.port))
        taken.listen()
        status, lines = home.once("/quit\n")
    t.true(status == 1 and "in use" in lines[-1] and "said before" not in "".join(lines), f"why it does not start: {lines}")
    t.step("node.log is kept over starts, and 1 MiB of the earlier one at most")


def helped(t):
    status, out, _ = run(t, "--help")
    t.true(status == 0 and "wireside --name alice@kitchen" in out and "wireside node --help" in out, f"wireside --help: {out}")
    status, out, _ = run(t, "chat", "--help")
    for flag in ("--name", "--listen", "--interface", "--discovery", "--plaintext", "--c2s"):
        t.true(flag in out, f"chat --help without {flag}: {out}")
    status, out, _ = run(t, "node", "--help")
    t.true(re.search(r"--c2s ADDR:PORT .*off by default", out), f"--c2s: {out}")
    t.true(re.search(r"--resume-seconds N .*client's", out), f"--resume-seconds: {out}")
    t.step("the help names the node's options, and says whose they are")


def stopped(t):
    home = Home(t, "stopped")
    line = home.pipe("--name", "alice@kitchen")
    line.expect("online as")
    line.say("/status away out for lunch", "/status")
    line.expect(r"\* you are away now: out for lunch$")
    line.expect(r"\* you are away as alice@kitchen: out for lunch$")
    line.expect(r"\d \* name +alice@kitchen .node [a-z2-7]{12}.$")
    line.expect(r"\| listens +127\.0\.0\.1:\d+$")
    line.expect(r"\| discovery +none$")
    line.expect(r"\| peers +0 known, 0 here, 0 linked$")
    line.expect(r"\| messages waiting +0$")
    line.end()
    _, out, _ = run(t, "status", "--json", "--data", home.data)
    node = json.loads(out)["node"]
    t.equal((node["name"], node["discovery"], node["peers_linked"], node["messages_waiting"]), ("alice@kitchen", "none", 0, 0),
            "status --json of a node")
    t.true(node["listen"][0].startswith("127.0.0.1:"), f"where it listens: {node}")
    t.step("/status and `wireside status`: name, id, where it listens, how many peers, what waits")
    status, out, err = run(t, "stop", "--data", home.data)
    t.equal(status, 0, f"stop: {out}{err}")
    for word in ("status", "stop"):
        status, out, err = run(t, word, "--data", home.data)
        t.equal(status, 1, f"{word}: {out}{err}")
        t.true("no node runs on" in err and "server" not in err, f"{word} on a node's folder: {err}")
    mine = pathlib.Path(environment(t)["HOME"]) / ".local/share/wireside/node"
    line = Pipe(t, "mine", [WIRESIDE, "--plain", "--discovery", "none", "--listen", f"127.0.0.1:{lib.free_port()}"])
    line.expect("online as")
    line.end()
    if os.geteuid():  # root's server lies where one may run
        either(t, mine)
    status, out, err = run(t, "status")
    t.true(status == 0 and "messages waiting" in out, f"who names no folder is told of what runs, the node: {out}{err}")
    status, out, err = run(t, "stop")
    t.true(status == 0 and out == f"the node of {mine}: stopped\n", f"and ends it: {out}{err}")
    status, out, err = run(t, "stop")
    t.true(status == 1 and "no server runs on" in err and f"no node on {mine}" in err, f"neither is there: {err}")
    t.step("status and stop speak of a node on its folder, and where it alone runs")


def either(t, node):
    """Without --data, where both run: status has both, stop ends neither."""
    folder = node.parent / "server"
    server = lib.spawn([WIRESIDE, "serve", "--c2s", f"127.0.0.1:{lib.free_port()}", "--c2s-tls", f"127.0.0.1:{lib.free_port()}"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(t))
    try:
        lib.wait_until((folder / "control.sock").exists, 20, "the server")
        status, out, err = run(t, "status")
        t.true(status == 0 and f"Server ({folder})" in out and f"Node ({node})" in out, f"both: {out}{err}")
        for words in (["stop"], ["status", "--json"]):
            status, out, err = run(t, *words)
            t.true(status == 1 and not out and f"a server runs on {folder} and a node on {node}: --data" in err, f"which?: {err}")
        status, out, err = run(t, "stop", "--data", folder)
        t.equal(status, 0, f"the server alone: {out}{err}")
    finally:
        server.terminate()
        server.wait(20)


def test(t):
    """The first start of a chat with its node; options, help, status"""
    for part in (piped, told, as_json, offered, refused, logged, helped, stopped):
        part(t)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
