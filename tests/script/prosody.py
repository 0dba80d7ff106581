#!/usr/bin/env python3
"""Plays one protocol script against Debian's Prosody: a script that Prosody does not pass either says something wrong, or
the difference stands in prosody-deviations.txt with the paragraph of the specification.

    prosody.py [--tls] XT SCRIPT.xt [ARGUMENT of xt]...

With --tls Prosody insists on STARTTLS, and offers what it offers behind it.
Prosody runs with a configuration and data of its own in a scratch folder, on a free port of 127.0.0.1.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
DEVIATIONS = HERE / "prosody-deviations.txt"
SKIPPED = 77
START_LIMIT = 20

CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ info = "{folder}/log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
modules_enabled = {{ "roster", "saslauth", "disco", "private", "vcard", "version", "ping", "smacks", "register",
                     "offline", "time", "posix", "carbons"{modules} }}
default_archive_policy = true
authentication = "internal_plain"
{tls}
allow_registration = {registration}
VirtualHost "localhost"
Component "rooms.localhost" "muc"
    max_history_messages = 20
    muc_room_default_public = true
    modules_enabled = {{ {rooms} }}
"""

WITHOUT_TLS = """
modules_disabled = { "s2s", "tls" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
require_encryption = false
"""
WITH_TLS = """
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
ssl = {{ key = "{folder}/key.pem", certificate = "{folder}/cert.pem" }}
"""


def die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def needs(xt, script):
    """What the script needs: (accounts, options)."""
    text = subprocess.run([xt, "--describe", script], stdout=subprocess.PIPE, text=True, check=True).stdout
    words = [line.split(" ", 1) for line in text.splitlines()]
    return [rest for kind, rest in words if kind == "account"], [rest for kind, rest in words if kind == "option"]


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def prepare(folder, port, accounts, options, tls):
    registration = "open" in options[options.index("--registration"):] if "--registration" in options else False
    (folder / "prosody.cfg.lua").write_text(
        CONFIG.format(folder=folder, port=port, modules=(', "mam"' if "--archive-max" in options else "") + (', "tls"' if tls else ""),
                      rooms='"muc_mam"' if "--room-archive-max" in options else "",
                      registration="true" if registration else "false",
                      tls=WITH_TLS.format(folder=folder) if tls else WITHOUT_TLS))
    for account in accounts:
        user, host = account.split("@")
        path = folder / "data" / host / "accounts" / (user + ".dat")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('return {\n\t["password"] = "secret";\n};\n')


def start(folder, accounts, options, tls):
    """The running server and its port; another process may take a free port between our look and Prosody's bind."""
    for _ in range(3):
        port = free_port()
        prepare(folder, port, accounts, options, tls)
        with open(folder / "stdout", "ab") as out:
            server = subprocess.Popen(["prosody", "-F", "--config", folder / "prosody.cfg.lua"], stdin=subprocess.DEVNULL,
                                      stdout=out, stderr=out, preexec_fn=die_with_parent)
        end = time.monotonic() + START_LIMIT
        while server.poll() is None and time.monotonic() < end:
            if accepts(port):
                return server, port
            time.sleep(0.02)
        stop(server)
    sys.exit("prosody does not start:\n" + (folder / "stdout").read_text(errors="replace"))


def stop(server):
    if server.poll() is None:
        server.kill()
    server.wait()


def check_list():
    """A deviation of a script that there is not would never be looked at."""
    for line in DEVIATIONS.read_text(encoding="utf-8").splitlines():
        name = line.split(" ", 1)[0]
        if name and not line.startswith("#") and not (HERE / (name + ".xt")).exists():
            sys.exit(f"{DEVIATIONS.name}: there is no script {name}")


def main():
    tls = sys.argv[1:2] == ["--tls"]
    xt, script, *more = sys.argv[1 + tls:]
    check_list()
    if not shutil.which("prosody"):
        print("prosody is not installed")
        return SKIPPED
    folder = pathlib.Path(tempfile.mkdtemp(prefix="xt-prosody-"))
    try:
        if tls:
            make_certificate(folder)
        server, port = start(folder, *needs(xt, script), tls)
        try:
            command = [xt, "--transport", "tcp-tls" if tls else "tcp", "--server", f"127.0.0.1:{port}",
                       "--deviations", DEVIATIONS, script, *more]
            status = subprocess.run(command).returncode
        finally:
            stop(server)
        if status and os.path.exists(folder / "log"):
            complaints = [line for line in (folder / "log").read_text(errors="replace").splitlines()
                          if "\terror\t" in line and "certificate" not in line]
            print("\n".join(complaints[-20:]), file=sys.stderr)
        return status
    finally:
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
