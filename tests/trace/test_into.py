#!/usr/bin/python3
"""Where what is written goes: never over a capture of any kind, nor over what we have not written; packets to standard output."""
import os
import pty
import shutil
import signal
import subprocess

from lib import ROOT, SHARE, WIRESIDE, equal, events, main, run, step, true, wireside

PLAIN = ROOT / "docs/samples/plain.pcapng"
TLS = ROOT / "docs/samples/tls.pcapng"
ENV = {**os.environ, "WIRESIDE_SHARE": str(SHARE)}
VIEWS = {"page.html": ["report"], "page.svg": ["report"], "rows.csv": ["report"], "all.json": ["report"], "all.pdml": ["report"], "ladder": [],
         "answers": ["explain"], "numbers": ["stats"], "numbers.json": ["stats", "--json"]}


def refused(file, *argv):
    """Nothing of the file is changed, and what helps is said."""
    before = file.read_bytes()
    done = wireside("trace", *argv, "-w", file, check=False)
    equal((done.returncode, file.read_bytes() == before), (1, True), f"{argv} over {file.name}: {done.out} {done.err}")
    true("is there already" in done.err and "--force" in done.err, done.err)
    return done.err


def check_captures(folder):
    """A capture of no kind that tshark writes is lost to a view"""
    kinds = [line.split()[0] for line in run("tshark", "-F", "dummy", check=False).err.splitlines() if " - " in line]
    tried = 0
    for kind in kinds:
        file = folder / f"{kind}.file"
        if run("tshark", "-r", PLAIN, "-F", kind, "-w", file, check=False).returncode == 0 and file.stat().st_size:
            refused(file, "stats", TLS)
            tried += 1
    true(tried > 5, f"{tried} of {kinds}")
    for program in ("gzip", "lz4", "zstd"):
        file = folder / f"packed.{program}"
        try:
            file.write_bytes(subprocess.run([program, "-c", PLAIN], stdout=subprocess.PIPE, check=True).stdout)
        except FileNotFoundError:
            continue
        refused(file, "report", TLS)
    step(f"{tried} kinds, and compressed ones")


def check_others(folder):
    """Nor is a letter, a page of others, a picture"""
    for name, text in (("letter.txt", "dear Bob\n"), ("page.html", "<!doctype html>\n<html lang=\"en\"><head><title>mine</title>"), ("x.csv", "a,b,c\n"),
                       ("x.json", '{"file": "mine"}\n'), ("x.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="1"></svg>'), ("bytes", "\x00\x01")):
        file = folder / name
        file.write_text(text)
        refused(file, "stats", TLS)
        refused(file, "save", TLS, *(["--format", "pcapng"] if "." in name else []))
    wireside("trace", "stats", TLS, "-w", folder / "letter.txt", "--force")
    true((folder / "letter.txt").read_text().startswith("frames "), "with --force")
    for place in (folder, "/dev/null"):
        for action in ("stats", "save"):
            done = wireside("trace", action, TLS, "-w", place, "--force", check=False)
            true(done.returncode == 1 and "is no file that could be replaced" in done.err, done.err)
    true(os.path.exists("/dev/null") and not os.path.isfile("/dev/null"), "a device stays one")
    step("refused; with --force; no folder and no device")


def check_own(folder):
    """An earlier output of the same kind is replaced, one of another is not"""
    for name, words in VIEWS.items():
        file = folder / name
        wireside("trace", *words, PLAIN, "-w", file)
        before = file.read_bytes()
        wireside("trace", *words, TLS, "-w", file)
        true(file.read_bytes() != before, f"{name} is replaced")
        refused(file, *(["explain"] if name != "answers" else ["stats"]), PLAIN)
    (folder / "empty").touch()
    wireside("trace", "stats", PLAIN, "-w", folder / "empty")
    equal(wireside("trace", "stats", PLAIN, "-w", "-").out, wireside("trace", "stats", PLAIN).out, "- is standard output")
    step(f"{len(VIEWS)} kinds")


def poured(*argv, tmp):
    return subprocess.run([WIRESIDE, "trace", *map(str, argv), "-w", "-"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**ENV, "TMPDIR": str(tmp)}, cwd=tmp)


def check_pipe(folder):
    """save, strip and import to standard output, share not; nothing is left, and a terminal gets none of it"""
    for argv in (["save", TLS], ["save", TLS, "-Y", "tcp.stream == 0"], ["strip", TLS], ["save", TLS, "--format", "pcap"]):
        tmp = folder / "tmp"
        tmp.mkdir(exist_ok=True)
        done = poured(*argv, tmp=tmp)
        equal((done.returncode, list(tmp.iterdir())), (0, []), done.stderr.decode())
        wireside("trace", *argv, "-w", folder / "named", "--force")
        equal(done.stdout, (folder / "named").read_bytes(), f"{argv}: the same as into a file")
    true(b"SECRETS of 1 TLS session" in poured("save", TLS, tmp=tmp).stderr, "what a file would be told of")
    equal(poured("share", TLS, tmp=tmp).returncode, 2, "share")
    main_end, end = pty.openpty()
    done = subprocess.run([WIRESIDE, "trace", "save", TLS, "-w", "-"], stdin=subprocess.DEVNULL, stdout=end, stderr=subprocess.PIPE, env=ENV)
    os.close(end)
    os.close(main_end)
    true(done.returncode == 1 and b"nothing for a terminal" in done.stderr, done.stderr.decode())
    done = poured("save", folder / "none.pcapng", tmp=tmp)
    equal((done.returncode, done.stdout, list(tmp.iterdir())), (1, b"", []), "what fails")
    step("as into a file")


def check_ended(folder):
    """Nobody reads it, or a signal comes while tshark works: no secrets are left anywhere"""
    tmp, bin_ = folder / "tmp", folder / "bin"
    tmp.mkdir()
    bin_.mkdir()
    for argv in (["save", TLS], ["strip", TLS]):
        reads, writes = os.pipe()
        os.close(reads)
        done = subprocess.run([WIRESIDE, "trace", *map(str, argv), "-w", "-"], stdin=subprocess.DEVNULL, stdout=writes, stderr=subprocess.PIPE,
                              env={**ENV, "TMPDIR": str(tmp)})
        os.close(writes)
        equal((done.returncode, done.stderr, list(tmp.iterdir())), (-signal.SIGPIPE, b"", []), f"{argv}: nobody reads it")
    (bin_ / "tshark").write_text(f'#!/bin/sh\nkill -TERM $PPID\nexec {shutil.which("tshark")} "$@"\n')
    (bin_ / "tshark").chmod(0o755)
    for into in ("-", tmp / "new.pcapng"):
        done = subprocess.run([WIRESIDE, "trace", "save", TLS, "-w", into], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**ENV, "TMPDIR": str(tmp), "PATH": f"{bin_}:{ENV['PATH']}"})
        equal((done.returncode, done.stdout, list(tmp.iterdir())), (-signal.SIGTERM, b"", []), f"ended, into {into}: {done.stderr.decode()}")
    done = subprocess.run([WIRESIDE, "trace", "save", TLS, "-w", "-"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**ENV, "TMPDIR": str(folder / "none")})
    true(done.returncode == 1 and b"No such file" in done.stderr, "no folder for it")
    step("unread; ended")


def check_names(folder):
    """Packets in a file whose name says text: the kinds there are, instead"""
    for name in ("x.txt", "x.csv", "X.HTML", "x.pdml"):
        for action in ("save", "strip", "share"):
            done = wireside("trace", action, TLS, "-w", folder / name, check=False)
            true(done.returncode == 2 and ".pcapng, .pcap, .cap or .snoop" in done.err and not (folder / name).exists(), done.err)
    wireside("trace", "save", TLS, "-w", folder / "x.txt", "--format", "pcapng")
    true(events(folder / "x.txt"), "unless it is said")
    step("refused")


if __name__ == "__main__":
    raise SystemExit(main(check_captures, check_others, check_own, check_pipe, check_ended, check_names))
