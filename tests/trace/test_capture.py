#!/usr/bin/python3
"""`wireside trace capture` beside a chat that goes on already: its links are opened anew, so that they can be read."""
import importlib.util
import os
import pathlib
import signal
import sys

os.environ.setdefault("WIRESIDE_DISCOVER", "")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))
from lib import main, need, run  # noqa: E402  (tests/net)

spec = importlib.util.spec_from_file_location("traces", HERE / "lib.py")
traces = importlib.util.module_from_spec(spec)
spec.loader.exec_module(traces)
WIRESIDE = os.environ.get("WIRESIDE", "")


def start(net, name, user):
    host, folder = net.host(name), net.folder / name
    node = host.program(f"{user}-node", WIRESIDE, "node", "--data", folder, "--name", f"{user}@{name}", "--discovery", "own",
                        "--interface", "eth0")
    node.expect(r"^lan ")
    return host, folder, host.program(user, WIRESIDE, "chat", "--plain", "--data", folder)


def capture(net, host, file, folder, *options):
    program = host.program("capture", WIRESIDE, "trace", "capture", "-i", "eth0", "-w", file, "--data", folder, *options)
    program.expect("^Capturing chat on eth0")
    return program


def end(net, program):
    """Ctrl-C; what it says."""
    os.kill(child_of(program), signal.SIGINT)
    program.wait_end()
    return program.expect(r"(\d+) packets, (\d+) dropped by the system, secrets of (\d+) links")


def child_of(program):
    """nsenter has become the program itself."""
    return program.process.pid


def talk(alice, bob, text):
    alice.say(f"/msg bob {text}")
    bob.expect(f"{text}$")
    alice.expect(rf"{text} \(delivered\)")


def texts(file):
    return [e.text.strip('"') for e in traces.events(file) if e.kind == "message"]


def test(net):
    """Captured beside a chat that goes on: with secrets, without, and by dumpcap"""
    need("tshark")
    alpha, folder, alice = start(net, "alpha", "alice")
    _, _, bob = start(net, "bravo", "bob")
    alice.expect(r"\* bob is ")
    bob.expect(r"\* alice is ")
    talk(alice, bob, "before")

    file = net.folder / "with.pcapng"
    program = capture(net, alpha, file, folder, "--with-secrets")
    net.true("SECRETS are recorded" in program.text(), program.text())
    alice.expect("the secrets of your links are being recorded")
    late = alpha.program("late", WIRESIDE, "chat", "--plain", "--data", folder)
    late.expect("the secrets of your links are being recorded")
    talk(alice, bob, "while it is captured")
    found = end(net, program)
    alice.expect("are not recorded any more")
    late.expect("are not recorded any more")
    late.say("/quit")
    net.true(int(found.group(1)) > 10 and found.group(2) == "0" and int(found.group(3)) >= 1, found.group(0))
    net.true(texts(file) == ["while it is captured"], f"what can be read: {texts(file)}")
    net.true(file.stat().st_mode & 0o777 == 0o600, "mode 0600")
    ladder = run(WIRESIDE, "trace", file)
    net.true("while it is captured" in ladder and "session goes on" in ladder, ladder)
    net.step("the link was opened anew and went on; what was said then can be read")

    file = net.folder / "without.pcapng"
    program = capture(net, alpha, file, folder)
    talk(alice, bob, "not to be read")
    found = end(net, program)
    net.true(found.group(3) == "0" and texts(file) == [], f"nothing can be read: {texts(file)}")
    net.true(b"_SECRET" not in file.read_bytes(), "no key material")
    net.step("without --with-secrets: packets, and nothing to read in them")

    before = file.read_bytes()
    said = alpha.run(WIRESIDE, "trace", "capture", "-i", "eth0", "-w", file, "--seconds", "1", "--data", folder, check=False)
    net.true("--force replaces it" in said and file.read_bytes() == before, f"over what is there: {said}")
    said = alpha.run(WIRESIDE, "trace", "capture", "-i", "eth0", "-w", file, "--with-secrets", "--data", net.folder / "nobody",
                     "--force", check=False)
    net.true("gives no secrets" in said and file.read_bytes() == before, f"without a node an older file stays: {said}")
    net.step("a capture that cannot have secrets leaves an older file alone")
    files = [net.folder / f"{n}.pcapng" for n in ("first", "second")]
    programs = [capture(net, alpha, one, folder, "--with-secrets") for one in files]
    # The second may have begun while the first one's links were on their way up; then it has them opened once more.
    last = [f"seen by both {i}" for i in range(100)]
    for text in last:
        talk(alice, bob, text)
        if all(text in texts(one) for one in files):
            break
    for one, program in zip(files, programs):
        end(net, program)
        net.true(text in texts(one), f"{one.name}: {texts(one)}")
    net.step("two captures of one node: each has all secrets")

    shown_live(net, alpha, folder, alice, bob)
    as_pcap(net, alpha, folder, alice, bob)
    need("dumpcap")
    by_dumpcap(net, alpha, folder, alice, bob)
    traces.equal(traces.wireside("trace", "capture", "-i", "nothing", "-w", net.folder / "x", check=False).returncode, 1,
                 "no such interface")


def shown_live(net, alpha, folder, alice, bob):
    """Line by line while they chat."""
    file = net.folder / "live.pcapng"
    program = alpha.program("live", WIRESIDE, "trace", "capture", "--live", "-i", "eth0", "-w", file, "--data", folder,
                            "--with-secrets")
    program.expect("SECRETS are recorded")
    program.expect("session goes on")
    talk(alice, bob, "seen while it is said")
    program.expect(r'[<>=]+[ |]+  alice: "seen while it is said"')
    program.expect("bob: has the message of frame [0-9]+: receipt after")
    end(net, program)
    net.true(texts(file) == ["seen while it is said"], f"and in the file: {texts(file)}")
    net.step("--live shows it, decrypted, while it is said")


def as_pcap(net, alpha, folder, alice, bob):
    """The name says which kind of file it is; what that kind has no place for is refused, or told."""
    file = net.folder / "old.pcap"
    program = capture(net, alpha, file, folder)
    program.expect("pcap has no place for the peers' names")
    talk(alice, bob, "into an older kind of file")
    found = end(net, program)
    net.true(file.read_bytes()[:4] == bytes.fromhex("4d3cb2a1") and file.stat().st_mode & 0o777 == 0o600, "pcap, nanoseconds, 0600")
    net.true(found.group(1) == run("capinfos", "-Mc", file).split()[-1] and int(found.group(1)) > 0, f"packets in it: {found.group(0)}")
    net.true("not in this capture" in run(WIRESIDE, "trace", file), "it can be shown")
    for name, options, why in (("x.pcap", ["--with-secrets"], "no place for secrets"), ("x.cap", ["--with-secrets", "--live"], "no place for secrets"),
                               ("x.snoop", [], "cannot be written while packets come"), ("x.pcapng.gz", [], "cannot be written while"),
                               ("x.html", [], "is no name of a file of packets")):
        done = traces.wireside("trace", "capture", "-w", net.folder / name, *options, check=False)
        net.true(done.returncode == 2 and why in done.err and not (net.folder / name).exists(), f"{name}: {done.returncode} {done.err}")
    net.step("the name says the kind: pcap is pcap; other kinds, and secrets in it, are refused")


def by_dumpcap(net, alpha, folder, alice, bob):
    """As where the program itself may not capture."""
    file = net.folder / "dumpcap.pcapng"
    program = capture(net, alpha, file, folder, "--with-secrets", "--dumpcap")
    talk(alice, bob, "seen by dumpcap")
    found = end(net, program)
    net.true(int(found.group(3)) >= 1 and texts(file) == ["seen by dumpcap"], f"{found.group(0)} {texts(file)}")
    net.step("by dumpcap: the same")
    alpha.run("ip", "link", "add", "quiet", "type", "veth", "peer", "name", "end")
    alpha.run("ip", "link", "set", "quiet", "up")
    said = alpha.run(WIRESIDE, "trace", "capture", "-i", "quiet", "-w", net.folder / "quiet.pcapng", "--dumpcap",
                     "--seconds", "1")
    net.true("0 packets" in said, said)
    net.step("it ends where nothing is on the wire, too")


if __name__ == "__main__":
    raise SystemExit(main(test))
