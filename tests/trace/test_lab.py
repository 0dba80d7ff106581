#!/usr/bin/python3
import os
import re
import shutil

from lib import ROOT, SHARE, WIRESIDE, Lab, equal, events, fields, main, need, run, said, seen, step, true, tshark, wireside

HELLO = "hello Bob, this is Alice over the wire"


def check_all_seen(lab, two_passes=True):
    found = seen(lab.file, two_passes=two_passes)
    true(sum(found.values()) >= 5, f"a chat: {found}")
    equal(found, said(lab.transcript, "sent"), "stanzas on the wire, against those that the nodes sent")
    equal(found, said(lab.transcript, "received"), "and against those that they received")


def check_views(lab, receipts):
    """Both views have every message, with its frame."""
    ladder, explain = wireside("trace", lab.file).out, wireside("trace", "explain", lab.file).out
    messages = [e for e in events(lab.file) if e.kind == "message"]
    equal(len(messages), 5, "messages of the script")
    for message in messages:
        for name, view in (("ladder", ladder), ("explain", explain)):
            true(message.text[1:20] in view, f"{name} has {message.text[:30]}: {view}")
    for text in ("SYN  sequence number", "SYN, ACK", "handshake complete", "alice@alpha is here, on port 5298", "opens a stream",
                 "ends the stream", "FIN", "closed connection 0 first"):
        true(text in ladder, f"the ladder has '{text}': {ladder}")
    (absolute,) = fields(lab.file, "tcp.seq_raw", only="tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.stream == 0")[0]
    for view in (ladder, explain):
        true(absolute[0] in view, f"the absolute sequence number {absolute}: {view}")
    equal(("receipt" in ladder, "a receipt (XEP-0184)" in explain), (receipts, receipts), "receipts are told")
    check_filters(lab, explain)


def check_filters(lab, explain):
    """Every filter of explain is one that Wireshark understands."""
    filters = [line.split("filter: ")[1] for line in explain.splitlines() if line.startswith("   filter: ")]
    true(len(filters) >= 9, f"filters in {explain}")
    for one in filters:
        tshark(lab.file, "-c", "1", "-Y", one)


def check_cable(lab):
    """What a cable would show: an MSS of Ethernet, frames that fit, right checksums."""
    for (mss,) in fields(lab.file, "tcp.options.mss_val", only="tcp.flags.syn == 1"):
        equal(mss, ["1460"], "MSS")
    sizes = [int(size[0]) for (size,) in fields(lab.file, "frame.len")]
    true(max(sizes) <= 1514, f"longest frame {max(sizes)}")
    wrong = tshark(lab.file, "-o", "tcp.check_checksum:TRUE", "-Y", "tcp.checksum.status == 0")
    equal(wrong, "", "segments with a wrong checksum")


def check_plain(folder):
    """Without encryption: all that is said is on the wire"""
    lab = Lab(folder, "--plain")
    check_all_seen(lab)
    check_all_seen(lab, two_passes=False)
    check_cable(lab)
    check_views(lab, receipts=False)
    equal(fields(lab.file, "frame.number", only="tls"), [], "frames of TLS")
    true("secret" not in lab.said and "nothing is encrypted" in lab.said, f"nobody is told of secrets that there are not: {lab.said}")
    step(f"{sum(seen(lab.file).values())} stanzas, as said; one pass and two agree")


def check_folder(folder):
    """What is in a folder already is not written over"""
    script = folder / "short.lab"
    script.write_text("alice says bob hello\n")
    os.chdir(folder)

    def lab(*options):
        done = wireside("lab", "--batch", "--script", script, *options, check=False)
        true("not allowed here" not in done.err, done.err)
        return done

    true("wireside-lab/lab.pcapng: " in lab().out, "the first")
    old = folder / "wireside-lab"
    notes = {name: (old / name).read_bytes() + b"my notes" for name in ("lab.pcapng", "report.html", "transcript.json")}
    for name, text in notes.items():
        (old / name).write_bytes(text)
    true("wireside-lab-2/lab.pcapng: " in lab().out, "the second has a folder of its own")
    for name in list(notes):
        done = lab("-o", old)
        true(done.returncode == 1 and done.out == "" and "--force" in done.err, f"a folder that is named: {done.out}{done.err}")
        equal({n: (old / n).read_bytes() for n in notes if (old / n).exists()}, notes, "the first one's files")
        (old / name).unlink()
        del notes[name]
    (old / "other.txt").write_text("mine")
    equal(lab("-o", old).returncode, 0, "none of our files is there any more")
    equal(lab("-o", old, "--force").returncode, 0, "all of them, with --force")
    equal((old / "other.txt").read_text(), "mine", "what is somebody else's")
    bad = folder / "bad.lab"
    bad.write_text("alice frobnicates\n")
    equal(wireside("lab", "--batch", "--script", bad, "-o", folder / "none", check=False).returncode, 2, "a script that is wrong")
    true(not (folder / "none").exists(), "no empty folder is left")
    os.chdir("/")
    step("a new folder, or --force")


def check_tls(folder):
    """With encryption: as much with the secrets in the file, nothing without them"""
    lab = Lab(folder / "tls", "--tls")
    check_all_seen(lab)
    check_all_seen(lab, two_passes=False)
    check_cable(lab)
    check_views(lab, receipts=True)
    for event in events(lab.file):
        if event.kind == "message":
            true(event.other and float(event.latency) > 0, f"a receipt for {event.text[:30]}")
    step(f"{sum(seen(lab.file).values())} stanzas, as said; one pass and two agree")

    stripped = folder / "stripped.pcapng"
    out = wireside("trace", "strip", lab.file, "-w", stripped).out
    true("without the secrets of 1 link\n" in out, out)
    data = stripped.read_bytes()
    true(b"_SECRET" not in data and b"CLIENT_RANDOM" not in data and b"_SECRET" in lab.file.read_bytes(),
         "no key material is left")
    equal(stripped.stat().st_mode & 0o777, 0o600, "mode of the stripped file")
    equal(seen(stripped), {}, "stanzas without secrets")
    true("Number of packets" in run("capinfos", stripped).out, "capinfos reads it")
    ladder, explain = wireside("trace", stripped).out, wireside("trace", "explain", stripped).out
    true(HELLO not in ladder and "without their secrets" in ladder, f"the ladder: {ladder}")
    true("their secrets are not in this file" in explain, f"explain: {explain}")
    equal(wireside("trace", "strip", lab.file, "-w", stripped, check=False).returncode, 1, "over a file that is there")
    step("stripped: no key material, no stanza, and the views say so")

    need("editcap")
    whole, both = folder / "copy.pcapng", folder / "both.pcapng"
    run("editcap", lab.file, whole)
    equal(seen(whole), seen(lab.file), "stanzas after editcap")
    run("editcap", "--discard-all-secrets", lab.file, whole)
    equal(seen(whole), {}, "after editcap has discarded the secrets")
    other = Lab(folder / "other", "--tls")
    run("mergecap", "-w", both, lab.file, other.file)
    equal(seen(both), seen(lab.file) + seen(other.file), "stanzas of two files merged")
    info = run("capinfos", lab.file).out
    for text in ("Number of decryption secrets in file: 1", "Number of resolved IPv4 addresses in file: 2",
                 "Capture application: Wireside", "Capture comment:     wireside lab", "Strict time order:   True"):
        true(text in " ".join(info.split("\n")) or text.split()[0] in info, f"capinfos says {text}: {info}")
    step("capinfos, editcap and mergecap take it")


def check_files(folder):
    """Numbers, a page, one connection, some packets"""
    lab = Lab(folder, "--tls")
    stats = wireside("trace", "stats", lab.file).out
    for text in ("5, 5 of them encrypted", "receipts of the other program      5, half of them within", "connection 0, alice with bob"):
        true(text in stats, f"stats say {text}: {stats}")
    page = folder / "page.html"
    wireside("trace", "report", lab.file, "-w", page)
    text = page.read_text()
    for part in (HELLO, "<svg", "Which segments are the three-way handshake", "half of them within", "Sequence numbers over time"):
        true(part in text, f"the page has {part}")
    true(text.count('class="tls head"') >= 30 and "href=\"http" not in text and "src=" not in text and "url(" not in text,
         "arrows, and nothing of the network")
    true(HELLO in wireside("trace", "follow", lab.file).out, "follow has what was said")
    some = folder / "some.pcapng"
    some.write_bytes(b"what was here before")
    some.chmod(0o644)
    done = wireside("trace", "save", lab.file, "-Y", "tcp.stream == 0", "-w", some, check=False)
    equal((done.returncode, some.read_bytes()), (1, b"what was here before"), "over what is there")
    true("--force" in done.err, done.err)
    wireside("trace", "save", lab.file, "-Y", "tcp.stream == 0", "-w", some, "--force")
    equal(seen(some), seen(lab.file), "stanzas of the connection saved alone")
    equal(some.stat().st_mode & 0o777, 0o600, "mode of the saved file")
    other = folder / "old.pcap"
    run("editcap", "-F", "pcap", lab.file, other)
    true("SYN  sequence number" in wireside("trace", other).out, "a classic pcap file is read, too")
    filtered = wireside("trace", lab.file, "-Y", 'chat.kind == "message"').out
    true(HELLO in filtered and "SYN" not in filtered and "receipt in frame" in filtered, f"only messages: {filtered}")
    before = some.read_bytes()
    for argv in (["trace", "save", some], ["trace", "report", some], ["trace", some]):
        equal(wireside(*argv, "-w", some, check=False).returncode, 2, "writing into the capture that is read")
    true(some.read_bytes() == before, "the capture is as it was")
    step("stats, report, follow, save, -Y; a pcap file")


def check_loss(folder):
    """A bad wire: what is lost is sent again, and the ladder and explain say what it cost"""
    need("nft")
    lab = Lab(folder, "--tls", "--loss", "30%")
    again = len(fields(lab.file, "frame.number", only="tcp.analysis.retransmission || tcp.analysis.out_of_order"))
    true(again > 0, "something was sent again")
    found, sent = seen(lab.file), said(lab.transcript, "sent")
    equal({key for key in sent if key[0] == "message"} - {key for key in found}, set(), "messages that were sent, and not seen")
    ladder, explain = wireside("trace", lab.file).out, wireside("trace", "explain", lab.file).out
    true("RETRANSMISSION" in ladder or "OUT OF ORDER" in ladder, f"the ladder: {ladder}")
    true(re.search(r"frame \d+: (bytes \d+ to \d+ (again|come after)|the (SYN|SYN,ACK|FIN) again)", explain), f"explain: {explain}")
    step(f"{again} segments sent again")


def check_many(folder):
    """Four hosts on the switch"""
    lab = Lab(folder, "--peers", "4")
    check_all_seen(lab)
    ladder = wireside("trace", lab.file).out
    for name in ("alice", "bob", "carol", "dave"):
        true(f"\n{name}: 10.77.0." in "\n" + ladder, f"{name} is a host: {ladder}")
    step(f"{sum(seen(lab.file).values())} stanzas, as said")


def check_open(folder):
    """The user's Wireshark gets our folder, and its own settings are left alone"""
    (folder / "bin").mkdir()
    (folder / "home").mkdir()
    fake = folder / "bin/wireshark"
    fake.write_text('#!/bin/sh\necho "$@"\necho "$WIRESHARK_CONFIG_DIR"\nls "$WIRESHARK_CONFIG_DIR"\n')
    fake.chmod(0o755)
    where = {"DISPLAY": ":0", "PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder / "home"), "XDG_STATE_HOME": "",
             "WIRESIDE_SHARE": str(SHARE)}
    os.chdir(folder)
    file = folder / "some file"
    shutil.copy(ROOT / "docs/samples/plain.pcapng", file)
    for _ in range(2):
        out = run(WIRESIDE, "trace", "open", file, env=where).out.splitlines()
        equal(out[0], f"-r {file}", "arguments")
        equal(out[1], str(folder / "home/.local/state/wireside/wireshark"), "folder")
        equal(sorted(out[2:]), sorted(["extcap", *(f.name for f in SHARE.iterdir())]), "what is in it")
        equal(os.path.realpath(f"{out[1]}/extcap/wireside"), os.path.realpath(WIRESIDE), "the program that captures")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        where[name] = ""
    done = run(WIRESIDE, "trace", "open", file, env=where, check=False)
    equal((done.returncode, done.out), (1, ""), "without a screen")
    true("no screen" in done.err and "trace report" in done.err, f"and why: {done.err}")
    where["WAYLAND_DISPLAY"] = "wayland-0"
    equal(run(WIRESIDE, "trace", "open", file, env=where).out.splitlines()[0], f"-r {file}", "on Wayland")
    done = run(WIRESIDE, "trace", "open", "--live", env=where, check=False)
    true(done.returncode == 1 and "no node runs" in done.err, f"live without a node: {done.err}")
    done = run(WIRESIDE, "trace", "open", "no file", env=where, check=False)
    true(done.returncode == 1 and done.err.startswith("wireside: trace open: no file: No such file"), f"a file that is missing: {done.err}")
    for wrong in ([], ["x", "--live"], ["--frobnicate"], ["--json", "x"]):
        equal(run(WIRESIDE, "trace", "open", *wrong, env=where, check=False).returncode, 2, f"open {wrong}")
    state = folder / "home/.local/state/wireside/wireshark"
    equal(state.stat().st_mode & 0o777, 0o700, "mode of the folder")
    state.chmod(0o777)
    equal(run(WIRESIDE, "trace", "open", "some file", env=where, check=False).returncode, 1, "where others may write")


def check_refusals(folder):
    """What is wrong is said, and nothing is left behind"""
    for argv in (["lab", "--peers", "1"], ["lab", "--loss", "51"], ["lab", "--frobnicate"], ["trace"], ["trace", "-Y"],
                 ["trace", "strip", "x"]):
        equal(wireside(*argv, check=False).returncode, 2, f"status of {argv}")
    text = folder / "text"
    text.write_text("this is no capture\n")
    for argv in (["trace", folder / "missing"], ["trace", text], ["trace", "strip", text, "-w", folder / "new"],
                 ["trace", text, "-Y", "no such filter"]):
        done = wireside(*argv, check=False)
        equal(done.returncode, 1, f"status of {argv}")
        true(done.err.startswith("wireside: trace"), done.err)
    true(not (folder / "new").exists(), "no half of a file is left")


if __name__ == "__main__":
    raise SystemExit(main(check_refusals, check_open, check_folder, check_plain, check_tls, check_files, check_loss, check_many))
