#!/usr/bin/python3
"""Every stanza that the ends say they exchanged is seen by Wireshark's engine with our configuration: plain, STARTTLS, TLS from
the first byte; on 5298 and on another port; over IPv4 and IPv6; in one pass and in two. And what a bad wire does."""
import os
import re
import signal
import subprocess
import time

from lib import ROOT, WIRESIDE, Lab, equal, events, fields, main, run, said, seen, step, true, wireside
from made import OPEN, Connection, Tls


def check_seen(file, sent):
    """One pass and two, as it is, and after editcap; nothing that is not known."""
    for two_passes in (False, True):
        equal(seen(file, two_passes=two_passes), sent, f"stanzas of {file}, two passes {two_passes}")
    equal([e.text for e in events(file) if e.kind == "other"], [], "of an unknown kind")
    copy = file.with_name("copy.pcapng")
    run("editcap", file, copy)
    equal(seen(copy), sent, "after editcap")


def check_sealed(file, folder):
    """Without its secrets nothing is seen."""
    stripped = folder / "stripped.pcapng"
    wireside("trace", "strip", file, "-w", stripped)
    equal(seen(stripped), {}, "without secrets")


def check_links(folder):
    """Links of nodes: plain, STARTTLS and TLS, both ports, both families"""
    files = []
    for number, options in enumerate((["--tls", "--ipv6"], ["--plain", "--ipv6", "--port", "random"], ["--tls", "--port", "random"],
                                      ["--tls", "--ipv6", "--port", "random"], ["--plain", "--port", "random"], ["--plain", "--ipv6"],
                                      ["--starttls"], ["--starttls", "--ipv6", "--port", "random"])):
        lab = Lab(folder / str(number), *options)
        sent = said(lab.transcript, "sent")
        true(sum(sent.values()) >= 5 and sent == said(lab.transcript, "received"), f"a chat: {sent}")
        check_seen(lab.file, sent)
        ports = {p for (ports,) in fields(lab.file, "tcp.port", only="tcp.flags.syn == 1") for p in ports}
        equal("5298" in ports, "--port" not in options, f"port 5298 in {ports}")
        family = {bool(v6) for (v6,) in fields(lab.file, "ipv6.src", only="tcp || mdns")}
        equal(family, {"--ipv6" in options}, "the family")
        ladder = wireside("trace", lab.file).out
        true("\nbob: " in ladder and "handshake complete" in ladder and "::: ::" not in ladder, ladder)
        if "--plain" not in options:
            check_sealed(lab.file, folder / str(number))
        if "--starttls" in options:
            for text in ("asks for TLS", "go ahead with TLS", "TLS 1.3"):
                true(text in ladder, f"the ladder has {text}: {ladder}")
        files.append((lab.file, sent))
        step(f"{' '.join(options)}: {sum(sent.values())} stanzas")
    run("mergecap", "-w", folder / "all.pcapng", *(f for f, _ in files[:3]))
    equal(seen(folder / "all.pcapng"), files[0][1] + files[1][1] + files[2][1], "of three captures merged")


TALK = [(0, b"<presence from='alice@a' to='bob@b'/>"), (1, b"<presence from='bob@b' to='alice@a'/>"),
        (0, b"<message from='alice@a' to='bob@b' id='m1'><body>hello</body><request xmlns='urn:xmpp:receipts'/></message>"),
        (1, b"<message from='bob@b' to='alice@a' id='r1'><received xmlns='urn:xmpp:receipts' id='m1'/></message>"),
        (1, b"<message from='bob@b' to='alice@a' id='m2'><body>" + b"a long one " * 900 + b"</body></message>"),
        (0, b"<iq from='alice@a' to='bob@b' id='i1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")]


def starttls(folder, v6, port):
    """XEP-0174 with STARTTLS, as other programs do it."""
    one, tls = Connection(v6=v6, port=port), Tls(folder)
    for who in (0, 1):
        one.say(who, OPEN % ((b"alice@a", b"bob@b") if who == 0 else (b"bob@b", b"alice@a")))
    one.say(1, b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
    one.say(0, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    one.say(1, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    tls.handshake(one)
    for who in (0, 1):
        tls.say(one, who, OPEN % ((b"alice@a", b"bob@b") if who == 0 else (b"bob@b", b"alice@a")))
    for who, stanza in TALK:
        tls.say(one, who, stanza)
    return one, tls.secrets()


def check_starttls(folder):
    """STARTTLS of other programs: both ports, both families, with secrets and without"""
    for v6 in (False, True):
        for port in (5298, 34567):
            here = folder / f"{v6}{port}"
            here.mkdir()
            one, secrets = starttls(here, v6, port)
            file = one.pcapng(here / "starttls.pcapng", secrets)
            sent = said([{"dir": "sent", "xml": s.decode()} for _, s in TALK], "sent")
            check_seen(file, sent)
            check_sealed(file, here)
            ladder = wireside("trace", file).out
            for text in ("asks for TLS", "go ahead with TLS", "TLS 1.3", "has the message of frame"):
                true(text in ladder, f"the ladder has {text}: {ladder}")
    step(f"{sum(sent.values())} stanzas each")


def check_loss(folder):
    """A message that is lost on its way: what it cost is in ladder, explain and report"""
    lab = Lab(folder, "--script", ROOT / "docs/samples/loss.lab")
    ladder, explain, page = (wireside("trace", *words, lab.file).out for words in ([], ["explain"], ["report"]))
    (lost,) = [e for e in events(lab.file) if "lost at first" in e.text]
    late = float(lost.latency) * 1e3
    usual = min(float(e.latency) * 1e3 for e in events(lab.file) if e.kind == "message" and e.latency and e is not lost)
    true(late > 200 and late > 4 * usual, f"the receipt is late: {late} ms, else {usual} ms")
    again = fields(lab.file, "frame.number", only="(tcp.analysis.retransmission || tcp.analysis.out_of_order) && tcp.len > 300")
    true(len(again) >= 2, f"sent again in {again}")
    for name, view in (("ladder", ladder), ("report", page)):
        true("RETRANSMISSION of" in view and f"after {late:.1f} ms" in view, f"{name}: {view}")
    found = re.search(r"the message of frame (\d+) was lost and sent again .*: its receipt came after ([\d.]+) ms", explain)
    true(found and found.group(2) == f"{late:.1f}", explain)
    true(found.group(0) in page, "the report answers, too")
    step(f"{late:.0f} ms instead of {usual:.0f}")


def check_script(folder):
    """A script: rooms, typing, a cable that is pulled, a node that begins again; and what it cannot do"""
    lab = Lab(folder / "tour", "--script", ROOT / "docs/samples/tour.lab")
    texts = [e.text.strip('"') for e in events(lab.file) if e.kind in ("message", "typing")]
    for text in ("is typing", "good morning", "I am here, too", "tea is ready", "your cable is out", "back again"):
        true(text in texts, f"'{text}' was said: {texts}")
    true((folder / "tour/report.html").stat().st_size > 10000, "and there is a page")
    script = folder / "bad.lab"
    for bad in ("alice shouts bob x", "mallory says bob x", "alice says alice x", "wait 3", "alice loses", "alice says bob",
                "alice verifies alice", "alice verifies", "show"):
        script.write_text("# a comment\n\n" + bad + "\n")
        done = wireside("lab", "--script", script, "-o", folder / "none", check=False)
        true(done.returncode == 2 and f"bad.lab, line 3: not understood: {bad}" in done.err, f"{bad}: {done.err}")
    true(not (folder / "none").exists(), "nothing was begun")
    step("done as it says; what is wrong is said with its line")


def check_interrupt(folder):
    """Ctrl-C in the lab: nothing of it is left but what was captured"""
    scratch = pathlib_glob()
    lab = subprocess.Popen([WIRESIDE, "lab", "--batch", "-o", folder / "lab", "--script", write(folder, "wait 300s\n")],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    end = time.monotonic() + 60
    while not (new := pathlib_glob() - scratch) or not children(lab.pid):
        true(time.monotonic() < end and lab.poll() is None, "it begins")
        time.sleep(0.05)
    lab.send_signal(signal.SIGINT)
    out, _ = lab.communicate(timeout=60)
    equal((lab.returncode, out.splitlines()[-1]), (130, b"wireside: lab: ended early; what was captured until then is in " +
          os.fsencode(folder / "lab/lab.pcapng")), "what it says")
    true(not any(os.path.exists(f) for f in new), f"its folder {new} is gone")
    left = subprocess.run(["pgrep", "-f", next(iter(new))], stdout=subprocess.PIPE, check=False).stdout
    equal(left, b"", "nobody of it runs on")
    run("capinfos", folder / "lab/lab.pcapng")
    step("its folder and its programs are gone")


def pathlib_glob():
    return {f"/tmp/{name}" for name in os.listdir("/tmp") if name.startswith("wireside-lab-")}


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def write(folder, text):
    (folder / "script").write_text(text)
    return folder / "script"


if __name__ == "__main__":
    raise SystemExit(main(check_starttls, check_loss, check_script, check_interrupt, check_links))
