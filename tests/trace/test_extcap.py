#!/usr/bin/python3
"""Wireside as a capture interface of Wireshark: what Wireshark asks, and a chat seen live by tshark through dumpcap, decrypted;
without packets; several that trace at a time; one peer alone."""
import importlib.util
import os
import pathlib
import signal
import sys

os.environ.setdefault("WIRESIDE_DISCOVER", "")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))
from lib import main, need, run, wait_until  # noqa: E402  (tests/net)

spec = importlib.util.spec_from_file_location("traces", HERE / "lib.py")
traces = importlib.util.module_from_spec(spec)
spec.loader.exec_module(traces)
WIRESIDE = os.environ.get("WIRESIDE", "")
INTERFACES = {"wireside-links": "Wireside: peer links (packets + secrets)",
              "wireside-stanzas": "Wireside: stanzas as the program saw them"}


def start(net, name, user):
    host, folder = net.host(name), net.folder / name
    node = host.program(f"{user}-node", WIRESIDE, "node", "--data", folder, "--name", f"{user}@{name}", "--discovery", "own",
                        "--interface", "eth0")
    node.expect(r"^lan ")
    return host, folder, host.program(user, WIRESIDE, "chat", "--plain", "--data", folder)


def with_ours(home, *argv):
    """With a home that is nobody's, and the folder that `trace open` makes there."""
    return ["env", f"HOME={home}", f"XDG_STATE_HOME={home}/state", f"XDG_CONFIG_HOME={home}/config",
            f"WIRESHARK_CONFIG_DIR={home}/state/wireside/wireshark", f"WIRESIDE_SHARE={traces.SHARE}", *argv]


def tshark(net, host, home, interface, folder, file, *settings):
    """A live capture, printed as it goes on; once it runs."""
    name = interface.replace("-", "_")
    options = [a for s in (f"data:{folder}", *settings) for a in ("-o", f"extcap.{name}.{s}")]
    program = host.program(interface, *with_ours(home, "tshark", "-l", "-i", interface, *options, "-w", file, "-P"))
    program.expect("^Capturing on 'Wireside: ")
    # Not before dumpcap has read the beginning of what we write is it there that the node gathers something.
    wait_until(lambda: file.exists() and file.stat().st_size > 0, "a capture file")
    return program


def end(program):
    os.kill(program.process.pid, signal.SIGINT)
    program.wait_end()


def talk(one, other, name, text):
    one.say(f"/msg {name} {text}")
    other.expect(f"{text}$")
    one.expect(rf"{text} \(delivered\)")


def texts(file):
    return [e.text.strip('"') for e in traces.events(file) if e.kind == "message"]


def test_asked(net):
    """What Wireshark asks before it captures, and what it shows of that"""
    home = net.folder / "home"
    for need_program in ("tshark", "dumpcap"):
        need(need_program)
    folder = run(*with_ours(home, WIRESIDE, "trace", "open", "--folder")).strip()
    net.true(folder == f"{home}/state/wireside/wireshark", folder)
    net.true((pathlib.Path(folder).stat().st_mode & 0o777) == 0o700, "only for its owner: what is in it is run")
    listed = run(*with_ours(home, "tshark", "-D"))
    for value, display in INTERFACES.items():
        net.true(f"{value} ({display})" in listed, f"tshark lists {display}: {listed}")
    program = pathlib.Path(folder) / "extcap/wireside"
    for value, link_type in (("wireside-links", "EN10MB"), ("wireside-stanzas", "WIRESHARK_UPPER_PDU")):
        net.true(link_type in run(program, "--extcap-interface", value, "--extcap-dlts"), f"link type of {value}")
        net.true("{call=--peer}" in run(program, "--extcap-interface", value, "--extcap-config", "--what-comes-later"),
                 f"settings of {value}")
    for wrong in (["--capture", "--extcap-interface", "wireside-links"], ["--extcap-interface", "eth0", "--extcap-dlts"],
                  ["--capture", "--extcap-interface", "wireside-links", "--fifo", "/dev/null", "--data", home],
                  ["--extcap-interface"]):
        net.true(traces.run(program, *wrong, check=False).returncode == 1, f"{wrong} is refused")
    net.step("listed by tshark, with link types and settings")
    host = net.host("alone")
    tried = host.program("tshark", *with_ours(home, "tshark", "-i", "wireside-links", "-o", f"extcap.wireside_links.data:{home}"))
    tried.expect("no node runs on ")
    tried.process.wait(30)
    net.step("where no node runs Wireshark is told so, and does not wait for ever")


def test_live(net):
    """A chat, live and decrypted, by tshark through dumpcap; at the same time as another capture"""
    need("tshark")
    need("dumpcap")
    home = net.folder / "home"
    run(*with_ours(home, WIRESIDE, "trace", "open", "--folder"))
    alpha, folder, alice = start(net, "alpha", "alice")
    _, _, bob = start(net, "bravo", "bob")
    alice.expect(r"\* bob is ")
    bob.expect(r"\* alice is ")
    talk(alice, bob, "bob", "before")

    live, packets = net.folder / "live.pcapng", net.folder / "packets.pcapng"
    other = alpha.program("capture", WIRESIDE, "trace", "capture", "-w", packets, "--data", folder, "--with-secrets")
    other.expect("^Capturing chat on eth0")  # found by itself: where the link is
    shown = tshark(net, alpha, home, "wireside-links", folder, live)
    talk(alice, bob, "bob", "seen as it is said")
    shown.expect("seen as it is said")
    talk(bob, alice, "alice", "and the answer")
    shown.expect("and the answer", "delivered, ")
    net.step("seen live, while another capture goes on")
    end(shown)
    os.kill(other.process.pid, signal.SIGINT)
    other.wait_end()
    for file in (live, packets):
        net.true(texts(file)[-2:] == ["seen as it is said", "and the answer"], f"{file.name}: {texts(file)}")
    net.true("alice" in traces.tshark(live, "-z", "hosts", "-q"), "addresses have the names of peers")
    net.step("each has all the secrets, and the names")

    file = net.folder / "stanzas.pcapng"
    shown = tshark(net, alpha, home, "wireside-stanzas", folder, file)
    talk(alice, bob, "bob", "without a packet")
    shown.expect("without a packet", "delivered")
    end(shown)
    net.true(texts(file) == ["without a packet"], f"stanzas: {texts(file)}")
    net.true("not packets" in traces.run("capinfos", file).out, "the file says that it has no packets")
    net.true(traces.fields(file, "tcp.seq") == [[[]]] * len(traces.fields(file, "frame.number")), "no TCP in it")
    rows = traces.fields(file, "chat.receipt_latency", only='chat.kind == "receipt"')
    net.true(any(value for (value,) in rows), f"a receipt and its message: {rows}")
    net.step("stanzas, not packets: with receipts, without TCP")


def test_peer(net):
    """One peer alone, without packets, and nobody of that name"""
    need("tshark")
    alpha, folder, alice = start(net, "alpha", "alice")
    people = {name: start(net, host, name) for host, name in (("bravo", "bob"), ("charlie", "carol"))}
    alice.expect(r"\* bob is ", r"\* carol is ")
    for name, (_, _, person) in people.items():
        person.expect(r"\* alice is ")
        talk(alice, person, name, f"before to {name}")
    files = {}
    for kind, options in (("packets", ["--with-secrets"]), ("stanzas", ["--stanzas"])):
        files[kind] = net.folder / f"{kind}.pcapng"
        program = alpha.program(kind, WIRESIDE, "trace", "capture", "-w", files[kind], "--data", folder, "--peer", "bob", *options)
        program.expect("^Capturing ")
        files[kind + " of"] = program
    for name, (_, _, person) in people.items():
        talk(alice, person, name, f"said to {name}")
    for kind in ("packets", "stanzas"):
        end(files[kind + " of"])
        net.true(texts(files[kind]) == ["said to bob"], f"{kind}: {texts(files[kind])}")
    addresses = {a for row in traces.fields(files["packets"], "ip.addr") for a in row[0]}
    net.true("10.77.0.2" in addresses and "10.77.0.3" not in addresses, f"addresses: {addresses}")
    cards = {a for row in traces.fields(files["packets"], "eth.src") for a in row[0]}
    net.true(len(cards) == 2, f"nothing of a third machine, by whatever protocol: {cards}")
    net.step("only what is between alice and bob")
    before = files["packets"].read_bytes()
    said = alpha.run(WIRESIDE, "trace", "capture", "-w", files["packets"], "--data", folder, "--peer", "nobody", "--force",
                    check=False)
    net.true("nobody is called nobody" in said and files["packets"].read_bytes() == before, said)


def test_rights(net):
    """What a capture may do once it runs; and where it may not capture at all"""
    need("tshark")
    need("setpriv")
    alpha, folder, alice = start(net, "alpha", "alice")
    _, _, bob = start(net, "bravo", "bob")
    alice.expect(r"\* bob is ")
    bob.expect(r"\* alice is ")
    file = net.folder / "packets.pcapng"
    program = alpha.program("capture", WIRESIDE, "trace", "capture", "-w", file, "--data", folder)
    program.expect("^Capturing chat on eth0")
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{program.process.pid}/status").read_text().splitlines()
                  if ":\t" in line)
    for name in ("CapEff", "CapPrm", "CapInh"):
        net.true(int(status[name], 16) & ~(1 << 1) == 0, f"no right but to reach files of others: {name} {status[name]}")
    net.true(status["NoNewPrivs"] == "1", "and never again any")
    talk(alice, bob, "bob", "with fewer rights")
    alpha.run(sys.executable, "-c", "import socket; s = socket.socket(type=socket.SOCK_DGRAM)\n"
              "for port in (5298, 9999): s.sendto(b'x', ('10.77.0.2', port))")
    talk(alice, bob, "bob", "and after that")
    end(program)
    protocols = {p for row in traces.fields(file, "udp.port") for p in row[0]}
    net.true(len(traces.fields(file, "tcp.port", only="tcp")) > 3 and protocols <= {"5353"}, f"only what is ours: {protocols}")
    net.step("rights are given up")

    weak = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-net_raw,-net_admin", "--no-new-privs", WIRESIDE, "trace",
            "capture", "--data", folder, "-w", file, "--force"]
    before = file.read_bytes()
    said = alpha.run(*weak, check=False)
    net.true("--stanzas" in said and file.read_bytes() == before, f"it is said what can be done: {said}")
    program = alpha.program("weak", *weak, "--with-secrets")
    program.expect("STANZAS, NOT PACKETS", "^Capturing stanzas")
    talk(alice, bob, "bob", "without any right")
    end(program)
    program.expect(r"[1-9]\d* stanzas, not packets; 0 that")
    net.true("without any right" in texts(file), f"{texts(file)}")
    net.true(file.stat().st_mode & 0o777 == 0o600, "mode 0600")
    net.step("without rights: stanzas, when what is said was wanted; else it is told what to do")


if __name__ == "__main__":
    raise SystemExit(main(test_asked, test_live, test_peer, test_rights))
