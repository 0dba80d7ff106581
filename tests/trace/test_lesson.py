#!/usr/bin/python3
"""docs/traces.md: every command in it works as it stands there, and the answers of the lesson are those of the samples."""
import os
import re
import shlex
import shutil

from lib import ROOT, SHARE, WIRESIDE, equal, main, run, step, true, wireside

PAGE = (ROOT / "docs/traces.md").read_text()


def check_answers(folder):
    """The numbers that the page tells are in the samples"""
    for name, texts in (("tls", ("frame 18: alice begins with sequence number 558607257", "frame 19: bob begins with sequence number 2864001349",
                                 "frame 34: alice: \"hello Bob", "bytes 1200 to 1588", "in frame 37, after 0.2", "in frame 45, after 10.8")),
                        ("loss", ("message of frame 53 was lost and sent again 3 times: its receipt came after 653.9 ms",
                                  "sent again in frames 56, 58, 60", "frame 56: bytes 2762 to 3137 again", "frame 58: bytes 2762", "frame 60: bytes 2762",
                                  "frame 90: bob says that it sends no more (FIN): the first to close"))):
        explain = wireside("trace", "explain", ROOT / f"docs/samples/{name}.pcapng").out
        for text in texts:
            true(text in explain, f"{name}: {text}: {explain}")
    for number in ("558607257", "2864001349", "1200 to 1588", "653.9 ms", "frame 53"):
        true(number in PAGE, f"{number} is in the page")
    late, closed = folder / "late.pcapng", folder / "closed.pcapng"
    run("editcap", "-r", ROOT / "docs/samples/tls.pcapng", late, "31-104")
    wireside("trace", "strip", late, "-w", closed)
    explain = wireside("trace", "explain", closed).out
    true("the TLS handshake is not in this capture" in explain and "can read what is said" not in explain, f"without its beginning: {explain}")
    whole, cut = (ROOT / "docs/samples/tls.pcapng").read_bytes(), folder / "cut.pcapng"
    cut.write_bytes(whole[:20000])
    for view in ([], ["explain"], ["report", "-o", folder / "cut.html"]):
        done = wireside("trace", *view[:1], cut, *view[1:], check=False)
        true(done.returncode == 0 and "cut short" in done.err, f"{view}: {done.returncode} {done.err}")
    true('"hello Bob' in wireside("trace", "explain", cut).out, "what is whole is shown")
    step("as told; and of a link without its beginning nobody says that it can be read")


def check_commands(folder):
    """One after the other, in one folder"""
    (folder / "bin").mkdir()
    (folder / "bin/wireside").symlink_to(WIRESIDE)
    (folder / "bin/wireshark").write_text("#!/bin/sh\n")
    (folder / "bin/wireshark").chmod(0o755)
    (folder / "docs").symlink_to(ROOT / "docs")
    dump = re.search(r"```\n(> 2026.*?)```", PAGE, re.S).group(1)
    for name in ("dump.txt", "said.txt"):
        (folder / name).write_text("\n".join(f"{n:04x}  {'02 ' * 16}" for n in range(0, 64, 16)) if name == "dump.txt" else dump)
    where = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "WIRESIDE_SHARE": str(SHARE), "XDG_STATE_HOME": f"{folder}/state"}
    done = 0
    old = os.getcwd()
    os.chdir(folder)
    try:
        for line in re.findall(r"^\$ (wireside .*)$", PAGE, re.M):
            if " capture " in line or " --live" in line:  # tests of their own: they go on until they are ended
                continue
            words = shlex.split(line)
            said = run(*words, env=where, check=False)
            if "not allowed here" in said.err:
                continue
            equal(said.returncode, 0, f"{line}: {said.out}{said.err}")
            done += 1
    finally:
        os.chdir(old)
        shutil.rmtree(folder / "wireside-lab", ignore_errors=True)
    true(done >= 12, f"only {done}")
    step(f"{done} commands")


if __name__ == "__main__":
    raise SystemExit(main(check_answers, check_commands))
