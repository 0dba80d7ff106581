"""What the tests of traces share: running the program and Wireshark's own tools with our configuration. Standard library
of Python only."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import traceback
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIRESIDE = os.environ.get("WIRESIDE", str(ROOT / "build/test/wireside"))
SHARE = ROOT / "share/wireshark"
SKIP = 77  # the exit status by which meson knows a skipped test
LIMIT = 240  # seconds for one program


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def need(program):
    if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
        raise Skip(f"{program} is not installed")


def run(*argv, check=True, env=None):
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LIMIT, env={**os.environ, **(env or {})})
    done.out = done.stdout.decode("utf-8", "replace")
    done.err = done.stderr.decode("utf-8", "replace")
    if check and done.returncode:
        raise Failure(f"{' '.join(map(str, argv))}: {done.returncode}: {done.out}{done.err}")
    return done


def wireside(*argv, check=True):
    return run(WIRESIDE, *argv, check=check, env={"WIRESIDE_SHARE": str(SHARE)})


def tshark(file, *argv):
    """With our configuration folder and nothing of the user's."""
    return run("tshark", "-r", file, *argv, env={"WIRESHARK_CONFIG_DIR": str(SHARE)}).out


def fields(file, *names, two_passes=True, only="frame"):
    """Rows of lists of values."""
    argv = (["-2"] if two_passes else []) + ["-Y", only, "-T", "fields", "-E", "separator=\x1f", "-E", "aggregator=\x1e"]
    rows = tshark(file, *argv, *(a for n in names for a in ("-e", n))).split("\n")[:-1]  # splitlines() takes the aggregator for an end
    return [[value.split("\x1e") if value else [] for value in row.split("\x1f")] for row in rows]


class Event:
    def __init__(self, row):
        kind, stanza, *rest = row.split("|")
        self.kind, self.stanza = kind, stanza
        self.id, self.who, self.to, self.text = (urllib.parse.unquote(r) for r in rest[:4])
        self.other, self.latency = rest[4], rest[5]


def events(file, **options):
    return [Event(row) for (rows,) in fields(file, "chat.row", **options) for row in rows]


def seen(file, **options):
    """The stanzas that Wireshark sees, counted by name and id."""
    return collections.Counter((e.stanza, e.id) for e in events(file, **options) if e.stanza)


def said(transcript, direction):
    """The same of what the nodes say."""
    count = collections.Counter()
    for one in transcript:
        if one["dir"] == direction:
            tag = re.match(r"<(\w+)((?:[^>'\"]|'[^']*'|\"[^\"]*\")*)>", one["xml"])
            found = re.search(r"\sid=['\"]([^'\"]*)['\"]", tag.group(2))
            count[tag.group(1), found.group(1) if found else ""] += 1
    return count


class Lab:
    """One run of the lab, and what it left."""

    def __init__(self, folder, *options):
        done = wireside("lab", "--batch", "-o", folder, *options, check=False)
        if "not allowed here" in done.err:
            raise Skip("networks of our own are not allowed here")
        if done.returncode:
            raise Failure(f"lab {options}: {done.out}{done.err}")
        self.said = done.out + done.err
        self.file = pathlib.Path(folder) / "lab.pcapng"
        self.transcript = json.loads((pathlib.Path(folder) / "transcript.json").read_text())
        for path in (self.file, pathlib.Path(folder) / "transcript.json"):
            equal(path.stat().st_mode & 0o777, 0o600, f"mode of {path}")


def step(text):
    print(f"  {text}", flush=True)


def true(value, what):
    if not value:
        raise Failure(what)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: {got!r} instead of {wanted!r}")


def main(*tests):
    try:
        for program in ("tshark", "ip"):
            need(program)
        for test in tests:
            print(test.__doc__, flush=True)
            with tempfile.TemporaryDirectory(prefix="wireside-trace-") as folder:
                test(pathlib.Path(folder))
    except Skip as skip:
        print(f"skipped: {skip}")
        return SKIP
    except Failure as failure:
        where = [f"{f.name}:{f.lineno}" for f in traceback.extract_tb(failure.__traceback__)]
        print(f"FAILED at {' '.join(where)}: {failure}")
        return 1
    return 0
