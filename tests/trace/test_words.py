#!/usr/bin/python3
"""Each option belongs to some subcommands of `wireside trace`; the others refuse it, and whatever is no capture is refused by all."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

from lib import ROOT, SHARE, WIRESIDE, equal, main, run, step, true, wireside

SAMPLE = ROOT / "docs/samples/tls.pcapng"
VIEWS = ("", "explain", "stats", "report", "follow")
FILES = ("save", "strip", "share", "import")
# Which subcommands have it ("": the ladder), with a value that is good.
OPTIONS = {
    "-a": ("", "report"),
    "-Y tcp": ("", "explain", "stats", "report", "save"),
    "--filter tcp": ("", "explain", "stats", "report", "save"),
    "-w OUT": ("", "explain", "stats", "report", "save", "strip", "share", "import", "capture"),
    "-o OUT": ("", "explain", "stats", "report", "save", "strip", "share", "import", "capture"),
    "--exact": ("save",),
    "--force": ("", "explain", "stats", "report", "save", "strip", "share", "import", "capture"),
    "--format pcap": ("save", "report"),
    "--html": ("report",), "--svg": ("report",), "--csv": ("report",), "--json": ("report", "stats"), "--txt": ("report",),
    "--pcap": ("report",), "--pdml": ("report",), "--crlf": ("report",),
    "--from 10.0.0.1:1": ("import",), "--to 10.0.0.2:2": ("import",),
    "--connection 0": ("follow",),
    "--plain": ("", "follow"),
    "--live": ("", "capture"),
    "-i lo": ("capture",), "--data /none": ("capture",), "--peer bob": ("capture",), "--seconds 1": ("capture",), "--count 1": ("capture",),
    "--port 5222": ("capture",), "--with-secrets": ("capture",), "--stanzas": ("capture",), "--dumpcap": ("capture",),
}
WRONG = (
    ["capture", "--seconds", "0"], ["capture", "--seconds", "soon"], ["capture", "--count", "0"], ["capture", "--port", "0"],
    ["capture", "--port", "65536"], ["capture", "--seconds"], ["capture", "--stanzas", "-i", "lo"], ["capture", "--stanzas", "--dumpcap"],
    ["capture", "--stanzas", "--port", "1"], ["capture", "--stanzas", "--with-secrets"], ["capture", "-a"], ["capture", "-Y", "tcp"],
    ["capture", "x"], ["--live", SAMPLE, "--with-secrets"], ["--live", SAMPLE, "-i", "lo"], [SAMPLE, SAMPLE],
    ["report", SAMPLE, "--csv", "--json"], ["report", SAMPLE, "--csv", "--csv"], ["report", SAMPLE, "--format", "csv", "--json", "-o", "x"], ["report", SAMPLE, "-a"], ["report", SAMPLE, "--svg", "--crlf"],
    ["report", SAMPLE, "--format", "frobnicate"], ["stats", SAMPLE, "-Y", "tcp", "--filter", "udp"], [SAMPLE, "-w", "x", "-o", "y"],
    ["follow", SAMPLE, "--connection", "-1"], ["explain"], ["explain", SAMPLE, "--frobnicate"], ["save", SAMPLE], ["save", SAMPLE, "-w", "--force"], ["strip", SAMPLE],
    ["share", SAMPLE], ["import", SAMPLE], ["import", SAMPLE, "-w", "x", "--from", "10.0.0.1:1"],
)
WIRESHARK = {"open": ("--live", "-Y x", "--filter x", "--frame 1", "--folder", "-i lo", "--peer x", "--data x", "--stanzas"),
             "install": ("--json",), "uninstall": ("--json",)}
LAB = (["--tls", "--plain"], ["--plain", "--starttls"], ["--starttls", "--tls"], ["--peers", "9"], ["--port", "0"], ["--loss", "x"], ["x"], ["-o"])


def argv(action, option, folder):
    words = option.replace("OUT", str(folder / "out")).split()
    if action == "capture":
        return ["trace", "capture", *words]
    return ["trace", *([action] if action else []), SAMPLE, *words, *(["-w", folder / "out"] if action in FILES and "OUT" not in option else [])]


def check_table(folder):
    """Subcommands and options"""
    for action, options in WIRESHARK.items():
        for option in [o for o in OPTIONS if o.split()[0] not in {w.split()[0] for w in options}]:
            done = wireside("trace", action, *option.replace("OUT", str(folder / "out")).split(), check=False)
            equal((done.returncode, done.out), (2, ""), f"{action} {option}")
    for option, actions in OPTIONS.items():
        for action in (*VIEWS, *FILES, "capture"):
            if action in actions:
                continue
            done = wireside(*argv(action, option, folder), check=False)
            equal((done.returncode, done.out), (2, ""), f"{action or 'ladder'} {option}")
            true(f"'{option.split()[0]}' does not belong to `trace {action or 'ladder'}`" in done.err, done.err)
    true(not (folder / "out").exists(), "nothing was written")
    for action in ("", "explain", "stats"):
        for option in (o for o, actions in OPTIONS.items() if action in actions and o != "--live"):
            (folder / "out").unlink(missing_ok=True)  # a view replaces no other one
            equal(wireside(*argv(action, option, folder)).returncode, 0, f"{action} {option}")
    step(f"{len(OPTIONS)} options, {len(VIEWS) + len(FILES) + 1} subcommands")


def check_wrong(folder):
    """Values that are wrong, words that do not go together"""
    for words in WRONG:
        done = wireside("trace", *words, check=False)
        equal((done.returncode, done.out), (2, ""), f"{words}: {done.err}")
        true("wireside: trace" in done.err, done.err)
    for words in LAB:
        done = wireside("lab", *words, "--batch", check=False)
        equal((done.returncode, done.out), (2, ""), f"lab {words}: {done.err}")
    step(f"{len(WRONG) + len(LAB)} refused")


def at_width(columns, *argv):
    """What the program says on a terminal that wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    program = subprocess.Popen([WIRESIDE, *argv], stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT)
    os.close(theirs)
    text = b""
    try:
        while part := os.read(ours, 65536):
            text += part
    except OSError:  # EIO: the other end is closed
        pass
    os.close(ours)
    equal(program.wait(), 0, f"{argv}")
    return text.decode().replace("\r\n", "\n")


def check_help(folder):
    """Each subcommand tells its own options and no others, on narrow terminals, too"""
    everything = wireside("trace", "--help").out
    has = {action: {o.split()[0] for o, actions in OPTIONS.items() if action in actions} for action in (*VIEWS, *FILES, "capture")}
    has |= {action: {o.split()[0] for o in options} for action, options in WIRESHARK.items()}
    has["capture"] |= {"-Y", "--filter", "-a", "--plain"}  # with --live
    for action, options in has.items():
        name = action or "ladder"
        text = wireside("trace", name, "--help").out
        equal(text, wireside("trace", name, SAMPLE, "-h").out, "wherever it is asked for")
        equal(text, wireside("help", "trace", name).out, "and as a command of its own")
        rows = re.findall(r"^  (-.*?)(?:  .*)?$", text, re.M)
        equal({word for row in rows for word in re.findall(r"(?<!\w)--?[a-zA-Z-]+", row)}, options, f"options of {name}")
        usage, examples = text.split("\n\n")[0], text.split("Examples:\n")[1].replace("\\\n", " ").splitlines()
        true(usage.startswith("Usage: wireside trace "), usage)
        equal(len(examples), 2, f"examples of {name}")
        true(all(e.startswith(f"  wireside trace {action}") for e in examples), f"{examples}")
        true(re.search(rf"^  {name} ", everything, re.M), f"{name} is in the list of all")
        wide, narrow = at_width(200, "trace", name, "--help"), at_width(40, "trace", name, "--help")
        equal(narrow.replace("\\\n", " ").split(), wide.replace("\\\n", " ").split(), f"no word of {name} is lost on a narrow terminal")
        long = [line for line in narrow.split("Examples:")[0].splitlines() if len(line) > 40]
        equal(long, [], f"lines of {name} that do not fit")
    equal({a for a in re.findall(r"^  ([a-z]+) ", everything.split("Commands")[1].split("Examples")[0], re.M)},
          {a or "ladder" for a in has}, "what is in the list of all")
    for done in (wireside("trace", "stat", SAMPLE, check=False),):
        true(done.returncode == 2 and "'stat' is no command" in done.err, done.err)
    true(max(map(len, at_width(40, "lab", "--help").split("Examples:")[0].splitlines())) <= 40, "the lab's, too")
    step(f"{len(has)} of them")


def check_forms(folder):
    """Several forms of a report are several files, and none takes the place of a capture"""
    said = wireside("trace", "report", SAMPLE, "--json", "--csv", "--html", "-o", folder / "page.html").out
    equal(said.split(), [str(folder / f"page.{end}") for end in ("html", "csv", "json")], "what it has written")
    for end in ("html", "csv", "json"):
        (folder / "one").unlink(missing_ok=True)
        wireside("trace", "report", SAMPLE, f"--{end}", "-o", folder / "one")
        equal((folder / f"page.{end}").read_bytes(), (folder / "one").read_bytes(), f"the same {end}")
        equal((folder / f"page.{end}").stat().st_mode & 0o777, 0o600, "its mode")
    equal(len(list(folder.iterdir())), 4, "no other file")
    done = wireside("trace", "report", SAMPLE, "--json", "--csv", check=False)
    true(done.returncode == 2 and done.out == "" and "-o NAME" in done.err, done.err)
    mine = folder / "mine.pcap"
    wireside("trace", "save", SAMPLE, "-w", mine)
    before = mine.read_bytes()
    for words in (["explain", SAMPLE, "-w", mine], ["report", SAMPLE, "-o", mine], ["report", SAMPLE, "--pcap", "--txt", "-o", folder / "mine"],
                  [SAMPLE, "-w", mine], ["stats", SAMPLE, "-w", mine]):
        done = wireside("trace", *words, check=False)
        true(done.returncode == 1 and "--force" in done.err, f"{words}: {done.returncode} {done.err}")
    equal(mine.read_bytes(), before, "a capture that is there")
    equal(wireside("trace", "report", mine, "--pcap", "--txt", "-o", folder / "mine", check=False).returncode, 2, "onto itself, by its form")
    true(not (folder / "mine.txt").exists() and mine.read_bytes() == before, "nothing is written")
    wireside("trace", "stats", SAMPLE, "-w", mine, "--force")
    true(mine.read_text().startswith(("frames", "packets")) or "encrypted" in mine.read_text(), "with --force")
    step("html, csv, json at a time")


def check_no_captures(folder):
    """Files that are no captures: said so by every subcommand, and nothing is written"""
    files = {"empty": b"", "data.json": b'{"a": [1, 2, 3]}\n', "picture.png": (ROOT / "docs/pictures/ladder.png").read_bytes(),
             "text": b"this is no capture\n", "program": open(WIRESIDE, "rb").read(1 << 16), "page.pdf": b"%PDF-1.4\n%abc\n1 0 obj\n",
             "garbage": bytes(range(256)) * 4}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    for name in (*files, "missing", "."):
        for action in (*VIEWS, *FILES):
            done = wireside(*argv(action, "", folder)[:-3 if action in FILES else -1], folder / name,
                            *(["-w", folder / "out"] if action in FILES else []), check=False)
            equal((done.returncode, done.out), (1, ""), f"{action or 'ladder'} {name}: {done.err}")
            true(done.err.startswith("wireside: trace") and "ERROR" not in done.err, f"{action} {name}: {done.err}")
    for name in ("data.json", "."):
        done = wireside("trace", "--live", "--plain", folder / name, check=False)
        equal((done.returncode, done.out), (1, ""), f"also while it grows: {done.err}")
    for name, said in (("data.json", "is no capture, but JSON"), ("picture.png", "is no capture, but a picture, a program"), ("empty", "is empty"),
                       (".", "is a folder"), ("missing", "No such file")):
        done = wireside("trace", "open", folder / name, check=False)
        equal(done.returncode, 1, f"open {name}")
        true(done.err.startswith("wireside: trace open: ") and said in done.err, f"before any window is opened: {done.err}")
    equal(list(folder.glob("out*")), [], "nothing was written")
    done = wireside("trace", "follow", SAMPLE, "--connection", "9", check=False)
    equal((done.returncode, done.out), (1, ""), "a connection that is not there")
    step(f"{len(files) + 2} of them")


def check_pipe(folder):
    """A capture that comes through a pipe is shown while it comes, to its end"""
    through = subprocess.Popen([WIRESIDE, "trace", "--live", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env={**os.environ, "WIRESIDE_SHARE": str(SHARE)})
    out, _ = through.communicate(SAMPLE.read_bytes(), timeout=240)
    equal(through.returncode, 0, "its end is the end")
    true(b'"hello Bob, this is Alice over the wire"' in out and b"closed connection 0 first, with FIN in frame 98" in out, f"{out}")
    for action in (*VIEWS, "save", "strip", "share"):
        done = wireside(*argv(action, "", folder)[:-3 if action in FILES else -1], "-", *(["-w", folder / "out"] if action in FILES else []),
                        check=False)
        equal((done.returncode, done.out), (1, ""), f"{action or 'ladder'}: {done.err}")
        true("cannot be read twice" in done.err and "trace --live -" in done.err, done.err)
    step("live; all else says what to do")


def check_stats(folder):
    """Statistics for programs are those for people"""
    text, found = wireside("trace", "stats", SAMPLE).out, json.loads(wireside("trace", "stats", SAMPLE, "--json").out)
    for part in (f"{found['frames']} in {found['seconds']:.3f} s, {found['bytes']} bytes", f"{found['messages']}, {found['messages_encrypted']} of them encrypted",
                 f"{found['receipts']['count']}, half of them within {found['receipts']['median_ms']:.3f} ms", f"message {found['said']['message']},"):
        true(part in text, f"{part}: {text}")
    equal([c["connection"] for c in found["connections"]], list(range(len(found["connections"]))), "connections")
    none = json.loads(wireside("trace", "stats", SAMPLE, "--json", "-Y", "frame.number > 100000").out)
    equal((none["frames"], none["receipts"], none["connections"]), (0, {"count": 0}, []), "of nothing")
    step("the same numbers")


def check_strip(folder):
    """Secrets go out of any kind of file, into any"""
    packed = folder / "in.pcapng.gz"
    with packed.open("wb") as file:
        subprocess.run(["gzip", "-c", SAMPLE], stdout=file, check=True)
    old = folder / "in.pcap"
    run("editcap", "-F", "pcap", SAMPLE, old)
    for source, secrets in ((SAMPLE, True), (packed, True), (old, False)):
        for name, kind in (("a.pcapng", "pcapng"), ("a.pcapng.gz", "pcapng"), ("a.pcap", "pcap")):
            out = folder / f"{source.name}-{name}"
            said = wireside("trace", "strip", source, "-w", out).out
            true(("secrets of 1 link\n" if secrets else "there were no secrets") in said, said)
            equal(run("captype", out).out.split(": ")[1].strip(), kind, f"kind of {out.name}")
            equal(out.read_bytes()[:2] == b"\x1f\x8b", name.endswith(".gz"), f"{out.name} is compressed")
            equal(out.stat().st_mode & 0o777, 0o600, f"mode of {out.name}")
            whole = subprocess.run(["gzip", "-dc", "-f", out], stdout=subprocess.PIPE, check=True).stdout
            true(b"TRAFFIC_SECRET" not in whole, "no key is left")
            counts = [run("capinfos", "-Mrc", f).out.split(":")[-1].strip() for f in (SAMPLE, out)]
            equal(counts[1], counts[0], "every packet")
    before = sorted(folder.iterdir())
    equal(wireside("trace", "strip", SAMPLE, "-w", old, check=False).returncode, 1, "over a file that is there")
    wireside("trace", "strip", SAMPLE, "-w", old, "--force")
    equal(sorted(folder.iterdir()), before, "nothing is left over")
    step("pcapng, compressed, pcap")


if __name__ == "__main__":
    raise SystemExit(main(check_help, check_forms, check_table, check_wrong, check_no_captures, check_pipe, check_stats, check_strip))
