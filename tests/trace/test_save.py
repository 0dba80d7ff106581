#!/usr/bin/python3
"""Saved packets: what was chosen of an encrypted connection can be read, with the secrets of no other session; what a kind of file
has no place for is said."""
import re
import struct
import subprocess

from lib import ROOT, equal, events, fields, main, step, true, tshark, wireside

ROOM = ROOT / "docs/samples/room.pcapng"  # two links
TLS = ROOT / "docs/samples/tls.pcapng"
MESSAGE = 'chat.kind == "message"'


def blocks(file):
    """kind -> bodies"""
    data, at, found = file.read_bytes(), 0, {}
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        found.setdefault(kind, []).append(data[at + 8:at + size - 4])
        at += size
    return found


def sessions(file):
    """Client randoms of which there are secrets."""
    return {random.decode() for body in blocks(file).get(10, []) for random in re.findall(rb"^\w+ (\w{64}) ", body[8:], re.M)}


def hellos(file, only="frame"):
    return {random[0] for (random,) in fields(file, "tls.handshake.random", only=f"tls.handshake.type == 1 && {only}")}


def check_readable(folder):
    """One message of an encrypted link: with all that is needed to read it, and not more"""
    for source, chosen in ((TLS, 0), (TLS, -1), (ROOM, -1)):
        frame, stream, text = fields(source, "frame.number", "tcp.stream", "chat.text", only=MESSAGE)[chosen]
        out = folder / f"{source.stem}{chosen}.pcapng"
        said = wireside("trace", "save", source, "-Y", f"frame.number == {frame[0]}", "-w", out).err
        kept = [e for e in events(out) if e.kind == "message"]
        equal(kept[-1].text, f'"{text[0]}"', f"what is read in frame {frame[0]} of {source.name}")
        true(f"{len(fields(out, 'frame.number')) - 1} more frames are kept so that the 1 chosen can be decrypted" in said, said)
        true("SECRETS of 1 TLS session" in said, said)
        equal(sessions(out), hellos(source, f"tcp.stream == {stream[0]}"), "secrets of this link alone")
        until = f"tcp.stream == {stream[0]} && frame.number <= {frame[0]}"
        equal({row[0][0] for row in fields(out, "frame.time_epoch")} - {row[0][0] for row in fields(source, "frame.time_epoch", only=until)},
              set(), "nothing of later, nothing of others")
        equal([e.text for e in events(out, two_passes=False) if e.kind == "message"], [e.text for e in kept], "in one pass")
        step(f"frame {frame[0]} of {source.name}")


def check_exact(folder):
    """--exact, and what needs no secrets: none are there"""
    count = len(fields(TLS, "frame.number", only=MESSAGE)) + 3  # segments in which the long one begins
    done = wireside("trace", "save", TLS, "-Y", MESSAGE, "--exact", "-w", folder / "exact.pcapng")
    equal((len(blocks(folder / "exact.pcapng")[6]), sessions(folder / "exact.pcapng"), done.err), (count, set(), ""), "as many as chosen")
    equal(events(folder / "exact.pcapng"), [], "nothing can be read")
    done = wireside("trace", "save", TLS, "-Y", "mdns", "-w", folder / "mdns.pcapng")
    equal((sessions(folder / "mdns.pcapng"), done.err), (set(), ""), "multicast DNS alone")
    done = wireside("trace", "save", ROOM, "-w", folder / "all.pcapng")
    equal(sessions(folder / "all.pcapng"), hellos(ROOM), "with all packets all secrets")
    true(f"SECRETS of {len(hellos(ROOM))} TLS sessions" in done.err, done.err)
    done = wireside("trace", "save", ROOM, "--exact", "-w", folder / "bare.pcapng")
    equal((sessions(folder / "bare.pcapng"), done.err), (set(), ""), "all packets, no secrets")
    # Without secrets in it nothing can be made readable, and nothing is said.
    wireside("trace", "strip", TLS, "-w", folder / "stripped.pcapng")
    done = wireside("trace", "save", folder / "stripped.pcapng", "-Y", "tls.app_data", "-w", folder / "closed.pcapng")
    equal(done.err, "", "no secrets, no words")
    equal(len(blocks(folder / "closed.pcapng")[6]), len(fields(folder / "stripped.pcapng", "frame.number", only="tls.app_data")) + 3,
          "as many as chosen, and the three segments")
    step("exact; no TLS; all; without secrets")


def check_places(folder):
    """Names of addresses go along; other kinds of files say what they have no place for"""
    wireside("trace", "save", ROOM, "-Y", MESSAGE, "-w", folder / "x.pcapng")
    names = b"".join(blocks(folder / "x.pcapng")[4])
    true(all(name + b"\0" in names for name in (b"alice", b"bob", b"carol")), f"names: {names}")
    for name, kind in (("x.pcap", "pcap"), ("x.snoop", "snoop"), ("y.pcap.gz", "pcap")):
        said = wireside("trace", "save", ROOM, "-w", folder / name).err
        true(f"{kind} has no place for these, so they are lost: secrets of {len(hellos(ROOM))} TLS sessions, names of 3 addresses, 1 comment" in said, said)
        true("SECRETS" not in said, said)
        equal(len(events(folder / name)), 0, "and so it is")
        again = wireside("trace", "save", folder / name, "-w", folder / f"{name}.again.pcap").err
        equal(again, "", "what has nothing of it loses nothing")
    packed = folder / "x.pcapng.gz"
    said = wireside("trace", "save", ROOM, "-Y", MESSAGE, "-w", packed).err
    true("SECRETS of 2 TLS sessions" in said and "lost" not in said, said)
    whole = subprocess.run(["gzip", "-dc", packed], stdout=subprocess.PIPE, check=True).stdout
    equal(whole, (folder / "x.pcapng").read_bytes(), "compressed, the same file")
    said = wireside("trace", "save", packed, "-Y", MESSAGE, "-w", folder / "w.pcapng").err
    true("more frames are kept" in said and "SECRETS of 2" in said, f"out of a compressed one: {said}")
    equal(sorted(f.name for f in folder.iterdir() if ".part" in f.name or ".whole" in f.name), [], "nothing is left over")
    true(tshark(folder / "w.pcapng", "-Y", MESSAGE), "which can be read")
    step("pcap, snoop, compressed")


if __name__ == "__main__":
    raise SystemExit(main(check_readable, check_exact, check_places))
