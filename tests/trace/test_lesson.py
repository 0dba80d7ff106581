#!/usr/bin/python3
"""docs/traces.md: every command in it works as it stands there, and the answers of the lesson are those of the samples."""
import os
import re
import shlex
import shutil

from lib import fields, ROOT, SHARE, WIRESIDE, equal, main, run, step, true, wireside

# What the answers say of single frames: sample, frame, field, values.
FACTS = (
    ("tls", 1, "ip.dst", ["224.0.0.251"]), ("tls", 5, "udp.dstport", ["5353"]), ("tls", 12, "dns.srv.port", ["5298"]),
    ("tls", 103, "dns.resp.ttl", ["0", "0", "0"]), ("tls", 19, "tcp.ack_raw", ["558607258"]), ("tls", 18, "tcp.options.mss_val", ["1460"]),
    ("tls", 34, "tcp.seq", ["1200"]), ("tls", 34, "tcp.len", ["389"]), ("tls", 34, "tcp.flags.str", ["·······AP···"]),
    ("tls", 35, "tcp.seq", ["1589"]), ("tls", 35, "tcp.len", ["435"]), ("tls", 36, "tcp.seq", ["2024"]), ("tls", 36, "tcp.len", ["48"]),
    ("tls", 37, "tcp.ack", ["2072"]), ("tls", 54, "tcp.seq", ["2762"]), ("tls", 54, "tcp.len", ["1448"]), ("tls", 55, "tcp.nxtseq", ["5658"]),
    ("tls", 56, "frame.len", ["1514"]), ("tls", 56, "tcp.hdr_len", ["32"]), ("tls", 57, "tcp.len", ["1035"]), ("tls", 60, "tcp.ack", ["8141"]),
    ("tls", 45, "chat.receipt_for", ["34"]), ("tls", 98, "tcp.flags.fin", ["1"]), ("tls", 100, "tcp.flags.fin", ["1"]),
    ("tls", 94, "chat.kind", ["stream-error", "stream-end"]), ("tls", 96, "chat.kind", ["stream-end"]),
    ("plain", 26, "chat.text", ["hello Bob, this is Alice over the wire"]), ("plain", 49, "tcp.flags.fin", ["1"]),
    ("plain", 51, "tcp.flags.reset", ["1"]), ("plain", 51, "ip.src", ["10.77.0.1"]),
    ("loss", 53, "tcp.seq", ["2762"]), ("loss", 55, "tcp.options.sack_le", ["3138"]), ("loss", 56, "tcp.seq", ["2762"]),
    ("loss", 58, "tcp.seq", ["2762"]), ("loss", 60, "tcp.seq", ["2762"]), ("loss", 62, "chat.receipt_for", ["53"]),
    ("room", 26, "ip.src", ["10.77.0.2"]), ("room", 97, "ip.dst", ["10.77.0.1"]), ("room", 99, "ip.dst", ["10.77.0.2"]),
    ("room", 100, "ip.dst", ["10.77.0.3"]), ("room", 97, "chat.text", ["tea is ready"]), ("room", 99, "chat.text", ["tea is ready"]),
    ("room", 100, "chat.text", ["tea is ready"]),
    *(("tls", frame, "dns.qry.name", ["alice@alpha._presence._tcp.local", "alpha.local"]) for frame in (3, 6, 9)),
    ("tls", 15, "dns.srv.port", ["5298"]), ("tls", 93, "dns.resp.ttl", ["0", "0", "0"]), ("tls", 18, "tcp.seq_raw", ["558607257"]),
    ("tls", 19, "tcp.seq_raw", ["2864001349"]), ("tls", 20, "tcp.flags.str", ["·······A····"]), ("tls", 34, "tcp.nxtseq", ["1589"]), ("tls", 54, "tcp.nxtseq", ["4210"]),
    ("tls", 56, "tcp.nxtseq", ["7106"]), ("tls", 57, "tcp.flags.str", ["·······AP···"]), ("tls", 60, "chat.receipt_for", ["57"]),
    ("tls", 18, "ip.src", ["10.77.0.1"]), ("tls", 18, "ip.dst", ["10.77.0.2"]), ("plain", 50, "chat.kind", ["stream-end"]),
    ("loss", 32, "chat.text", ["hello Bob, this is Alice over the wire"]), ("loss", 67, "chat.text", ["goodbye"]),
)
# And of the time between two of them, in milliseconds, rounded as it is told there.
TIMES = (("tls", 34, 37, "0.2"), ("tls", 34, 45, "10.8"), ("loss", 53, 58, "208"), ("loss", 53, 60, "644"), ("loss", 53, 62, "653.9"),
         ("loss", 32, 42, "4.1"), ("loss", 67, 70, "9.8"))
# What is so in any trace, with what it is.
ANYWHERE = {"1": "the first byte's relative number", "2": "bytes to fill up the options", "10": "bytes of the option timestamps", "14": "bytes of "
            "Ethernet's header", "20": "bytes of the headers of IP and TCP", "32": "the same of TCP with timestamps", "1500": "Ethernet's limit",
            "38": "letters of the first message", "1.3": "version of TLS", "6": "number of a question"}
PAGE = (ROOT / "docs/traces.md").read_text()


def numbers():
    """Every number in the answers, with the sample that it is about: the last one named in the same answer, else tls."""
    lesson = PAGE[PAGE.index("### Answers"):PAGE.index("## What Wireshark can do")]
    for answer in re.split(r"\n(?=\d\. |- \*)", lesson):
        sample = "tls"
        for name, number in re.findall(r"`(?:docs/samples/)?(\w+)\.pcapng`|(?<![\w.-])(\d[\d.]*\d|\d)(?![\w-])", re.sub(r"^\d\. ", "", answer)):
            sample = name or sample
            if number:
                yield sample, number


def check_every_number(folder):
    """No number of the answers is without a proof"""
    proved = {(sample, str(n)) for sample, frame, _, values in FACTS for n in (frame, *values)}
    proved |= {(sample, str(int(v) - 1)) for sample, _, field, values in FACTS if field == "tcp.nxtseq" for v in values}  # "to 4209"
    proved |= {(sample, str(n)) for sample, _, second, told in TIMES for n in (second, told)}
    found = list(numbers())
    true(len(found) > 80, f"only {len(found)}")
    equal([one for one in found if one not in proved and one[1] not in ANYWHERE], [], "numbers that nothing proves")
    for sample, first, second, told in TIMES:
        rows = fields(ROOT / f"docs/samples/{sample}.pcapng", "frame.time_relative", only=f"frame.number in {{{first}, {second}}}")
        taken = 1e3 * (float(rows[1][0][0]) - float(rows[0][0][0]))
        equal(f"{taken:.{len(told.partition('.')[2])}f}", told, f"{sample}: from frame {first} to {second}")
        true((sample, told) in found, f"{told} is told of {sample}")
    (text,), = fields(ROOT / "docs/samples/tls.pcapng", "chat.text", only="frame.number == 34")
    equal(len(text[0]), 38, "letters of the first message")
    questions = PAGE[PAGE.index("## A lesson of"):PAGE.index("### Answers")]
    filters = [f for f in re.findall(r"\(`([^`]+)`\)", questions)]
    true(len(filters) >= 6, f"{filters}")
    for one in filters:
        sample = "loss" if "retransmission" in one else "tls"
        true(fields(ROOT / f"docs/samples/{sample}.pcapng", "frame.number", only=one), f"{one} shows something")
    step(f"{len(found)} numbers, {len(filters)} filters")


def check_page(folder):
    """In the page of the loss the message that was sent again is red, and no other"""
    page = wireside("trace", "report", ROOT / "docs/samples/loss.pcapng").out
    found = re.findall(r'<path class="dot (\w+)" [^>]*><title>frame (\d+): receipt', page)
    equal(found, [("two", "32"), ("two", "46"), ("bad", "53"), ("two", "67")], "receipts")


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
    for name in ("tls", "plain", "loss"):
        sample = ROOT / f"docs/samples/{name}.pcapng"
        rtt = [float(r) for (row,) in fields(sample, "tcp.analysis.ack_rtt", only="tcp.stream == 0 && tcp.analysis.ack_rtt") for r in row]
        told = wireside("trace", "explain", sample).out.split("How fast does it go?")[1]
        told = next(line for line in told.splitlines() if "acknowledge data" in line)
        numbers = [float(n) for n in re.findall(r"[0-9.]+", told)[:3]]
        true(numbers[0] == len(rtt) and abs(numbers[1] - 1e3 * sum(rtt) / len(rtt)) < 0.001 and abs(numbers[2] - 1e3 * max(rtt)) < 0.001,
             f"{name}: what the filter shows, {len(rtt)} frames, is what is told: {told}")
    for number in ("558607257", "2864001349", "1200 to 1588", "653.9 ms", "frame 53"):
        true(number in PAGE, f"{number} is in the page")
    for sample, frame, field, values in FACTS:
        (row,) = fields(ROOT / f"docs/samples/{sample}.pcapng", field, only=f"frame.number == {frame}")
        equal(row[0], values, f"{sample}, frame {frame}, {field}")
    lesson = PAGE[PAGE.index("### Answers"):PAGE.index("## What Wireshark can do")]
    for number in {str(frame) for _, frame, _, _ in FACTS}:
        true(re.search(rf"\b{number}\b", lesson), f"frame {number} is in the answers")
    closed = run("tshark", "-r", ROOT / "docs/samples/tls.pcapng", "-q", "-z", "conv,tcp").out
    equal(closed.count("<->"), 1, "connections of two people")
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
    where = {"DISPLAY": ":0", "PATH": f"{folder}/bin:{os.environ['PATH']}", "WIRESIDE_SHARE": str(SHARE), "XDG_STATE_HOME": f"{folder}/state"}
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
    raise SystemExit(main(check_every_number, check_page, check_answers, check_commands))
