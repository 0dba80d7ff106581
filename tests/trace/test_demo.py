#!/usr/bin/python3
"""What `make demo` shows: by itself, to its end, all that it promises."""
import os
import re

from lib import ROOT, SHARE, WIRESIDE, Skip, equal, events, main, run, step, true


def check_demo(folder):
    """Two hosts in a box: found, verified, a cable out and in, a room; then the same as packets"""
    done = run(ROOT / "tools/demo", folder / "demo", env={"WIRESIDE": os.path.realpath(WIRESIDE), "WIRESIDE_SHARE": str(SHARE)}, check=False)
    if "not allowed here" in done.out:
        equal(done.returncode, 0, done.out + done.err)
        raise Skip("networks of our own are not allowed here; the demo ran without")
    equal(done.returncode, 0, done.out + done.err)
    at = 0
    for text in ("alice  runs a node on the host alpha", r"\* bob is here", "Tea at four", r"bob +alice: Tea at four", "the same code on both: ",
                 r"bob is verified|alice is verified", "bob's cable is out", "are you there", "bob's cable is in again",
                 (r"bob +alice: are you there\?", r"alice +-> bob: never mind.*\(delivered\)"), "#lunch: you are in as bob", "#lunch alice: soup",
                 "The same on the wire", r'alice: "Tea at four', "has the message of frame", "RETRANSMISSION", "receipts of the other program"):
        # What two people see at the same time is printed in any order.
        for one in (text,) if isinstance(text, str) else text:
            found = re.compile(one).search(done.out, at)
            true(found, f"'{one}' in its place: {done.out}")
        at = found.start() + 1
    file = folder / "demo/lab.pcapng"
    texts = [e.text.strip('"') for e in events(file) if e.kind == "message"]
    equal([t for t in texts if "there?" in t][:1], ["are you there?"], "what waited is in the capture")
    true((folder / "demo/report.html").stat().st_size > 10000, "and there is a page")
    step("discovery, a verified link, receipts, a cable, a room, and all of it on the wire")


def check_without_hosts(folder):
    """What it shows where hosts in a box are not allowed"""
    done = run(ROOT / "tools/demo-loopback", env={"WIRESIDE": os.path.realpath(WIRESIDE)}, check=False)
    equal(done.returncode, 0, done.out + done.err)
    true("#lunch alice: soup" in done.out and "Done in" in done.out, done.out)
    step("two nodes on the loopback interface, to the end")


if __name__ == "__main__":
    raise SystemExit(main(check_demo, check_without_hosts))
