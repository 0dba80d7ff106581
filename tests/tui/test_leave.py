#!/usr/bin/python3
import contextlib
import fcntl
import pathlib
import shutil
import socket
import time

from chat import Home, lib


def waiting(t):
    """What the node has it keeps."""
    home = Home(t, "alice")
    alice = home.screen("alice", "--name", "alice@here")
    alice.shown("online as")
    for name in ("bob", "carol"):
        alice.type(f"/add {name}@127.0.0.1:{lib.free_port()}")
        alice.shown(rf"\* {name} is added; nobody answers there now")
    for text in ("/msg bob one", "two", "/msg carol three"):
        alice.type(text)
    lib.wait_until(lambda: "messages waiting  3" in home.ask("node", "status"), 20, "three that wait")
    alice.type("/quit")
    alice.shown(r"\* 3 messages wait for (bob .2., carol .1.|carol .1., bob .2.): the node goes on without you, and sends what waits")
    t.equal(alice.ended(), 0, "/quit")
    t.equal(home.ask("node", "waiting").split(" for ")[0], "3 messages wait", "the node is there, and so are they")
    t.step("/quit says in one line what waits for whom; the node goes on")
    again = home.screen("again")
    again.shown("online as")
    again.keys("C-d")
    again.shown(r"\* 3 messages wait for ")
    t.equal(again.ended(), 0, "Ctrl-D")
    t.step("so does Ctrl-D")
    return home


def lost(t, home):
    """What only the chat has is lost, and nobody starts a node that was stopped."""
    alice = home.screen("stopped")
    alice.shown("online as")
    home.stop()
    alice.shown(r"\* offline: this machine's node was stopped; /start starts it again$")
    alice.type("/msg bob four")
    alice.shown(r"-> bob: four \(not handed over yet: this chat keeps it until the node is back\)")
    t.true("four (queued)" not in alice.screen(), "no node has it, so it is not queued")
    alice.type("/peers")
    alice.shown(r"refused: this machine's node was stopped; /start starts it again")
    alice.keys("C-d")
    alice.shown(r"\* 1 line has not reached the node yet and would be lost: /quit again does without it")
    alice.text("still here")
    alice.shown("^bob> still here$")
    alice.cancel()
    alice.type("/quit")
    t.equal(alice.ended(), 0, "/quit")
    t.true(not (home.data / "control.sock").exists(), "the node was started again")
    t.step("what has not reached the node holds up the first /quit or Ctrl-D, not the second")


def started_again(t):
    """A node that was stopped comes back when a person says so, and gets what the chat has kept."""
    home = Home(t, "gina")
    gina = home.screen("gina", "--name", "gina@here")
    gina.shown("online as")
    gina.type("/start")
    gina.shown("refused: the node runs, and this chat is online")
    gina.type(f"/add bob@127.0.0.1:{lib.free_port()}")
    gina.shown(r"\* bob is added; nobody answers there now")
    home.stop()
    gina.shown(r"\* offline: this machine's node was stopped")
    gina.type("/msg bob kept meanwhile")
    gina.shown(r"-> bob: kept meanwhile \(not handed over yet")
    log, earlier = home.data / "node.log", home.data / "node.log.1"
    with log.open("a") as out:
        out.write("a line of the one that has the data\n" * 10000)
    said = log.read_text()
    with (home.data / "wireside.lock").open("r") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        gina.type("/start")
        gina.text("goes on")
        gina.shown("^bob> goes on$")
        gina.cancel()
        time.sleep(2)
        t.true(log.read_text() == said and not earlier.exists(), "a start that makes way to another node has written into its log")
    gina.shown(r"-> bob: kept meanwhile \(queued\)")
    t.true(earlier.read_text().startswith(said) and "peers_loaded" in log.read_text(), "who has the data begins a new log")
    t.true("1 message waits for bob" in home.ask("node", "waiting"), "the node has it")
    gina.type("/quit")
    t.equal(gina.ended(), 0, "/quit")
    home.stop()
    t.step("/start brings a stopped node back, when what has its data has made way, and what was kept is handed over")


def added(t):
    """An address where nobody says a word."""
    home = Home(t, "bob")
    bob = home.screen("bob", "--name", "bob@here")
    bob.shown("online as")
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        bob.type(f"/add dave@127.0.0.1:{silent.getsockname()[1]}")
        bob.type("/help quit")
        bob.shown(r"\* /quit: ends")
        bob.shown(r"\* no answer yet; it is told when it comes, and you can go on meanwhile")
        t.true("is added" not in bob.screen(), "it is not known yet what came of it")
    bob.shown(r"\* dave is added; something takes connections there, but does not answer in TLS")
    bob.shown("/allow dave ")
    bob.type("/quit")
    t.equal(bob.ended(), 0, "/quit")
    t.true("wait for" not in bob.screen(), f"nothing waits: {bob.screen()}")
    home.stop()
    t.step("/add of an address that is silent holds nobody up, and says what came of it")


def known(t):
    """Somebody who was only an address, while one talks to him."""
    home, other = Home(t, "erin"), Home(t, "frank")
    erin = home.screen("erin", "--name", "erin@here")
    erin.shown("online as")
    erin.type(f"/add zoe@127.0.0.1:{other.port}")
    erin.shown(r"\* zoe is added; nobody answers there now")
    erin.type("/msg zoe early")
    erin.shown("^zoe> ?$")
    frank = other.pipe("--name", "frank@there")
    frank.expect("erin: early")
    erin.shown(r"\* zoe is there: key ")
    erin.type("late")
    frank.expect("erin: late")
    erin.shown(r"-> zoe: late \(delivered\)")
    erin.type("/rename zoe Zoe Z")
    erin.shown("^Zoe Z> ?$")
    erin.type("/remove \"Zoe Z\"")
    erin.shown(r"\* Zoe Z is forgotten")
    erin.type("to nobody")
    erin.shown("refused: to whom[?]")
    t.true(".internal>" not in erin.screen(), "an address for a name")
    erin.type("/quit")
    erin.ended()
    frank.say("/quit")
    frank.status()
    home.stop()
    other.stop()
    t.step("a conversation with an address goes on with who is there, and the prompt says how he is called")


def ends(home, pid):
    """Waits for the end of the node with this number."""
    lib.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 40, f"the end of the node of {home.name}")


def killed(t):
    """Nobody stays behind who is not needed."""
    home = Home(t, "killed")
    hana = home.pipe("--name", "hana@here", "--idle-seconds", "2")
    hana.say("/room create den")
    hana.expect(r"\* #den is a new room")
    node = home.pid()
    hana.process.kill()
    hana.process.wait()
    ends(home, node)
    t.step("a chat that was killed in a room keeps no node for the minutes that its session would wait")
    hana = home.pipe("--idle-seconds", "2")
    hana.say(f"/add ivo@127.0.0.1:{lib.free_port()}", "/msg ivo waits")
    hana.expect(r"-> ivo: waits \(queued\)")
    node = home.pid()
    hana.process.kill()
    hana.process.wait()
    time.sleep(5)
    t.true(home.ask("node", "waiting").startswith("1 message waits for ivo"), "the node goes on, since something waits")
    shutil.rmtree(home.data)
    ends(home, node)
    t.step("what waits keeps it, but not when its folder was removed")
    guests(t)


def guests(t):
    """In the room of another one."""
    home, other = Home(t, "jo"), Home(t, "kim")
    jo, kim = home.pipe("--name", "jo@here", "--idle-seconds", "2"), other.pipe("--name", "kim@there", "--idle-seconds", "2")
    for chat in (jo, kim):
        chat.expect("online as")
    kim.say("/room create den")
    kim.expect(r"\* #den is a new room")
    jo.say(f"/add kim@127.0.0.1:{other.port}", "/join den@kim")
    jo.expect(r"\* #den: you are in as jo, with kim")
    nodes = home.pid(), other.pid()
    jo.process.kill()
    kim.expect(r"\* #den jo left")
    ends(home, nodes[0])
    kim.process.kill()
    ends(other, nodes[1])
    t.step("a killed guest leaves the room of another one before his node ends")


def test(t):
    """What waits when one goes, and questions to the node that take their time"""
    home = waiting(t)
    lost(t, home)
    started_again(t)
    added(t)
    known(t)
    killed(t)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
