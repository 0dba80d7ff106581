"""Network harness: machines in namespaces of their own on a switch whose cables can be pulled, and programs on them.

A test is a function that gets a Net. Everything runs in a user namespace when we are not root, and ends with the test, by
pid, also after a failure or a signal. Nothing sleeps for a fixed while: everything waits for a line or a state, with a
limit. Standard library only.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SKIP = 77  # the exit status by which meson knows a skipped test
LIMIT = 170  # seconds for one test, below the limit of the meson test
WAIT = 30  # seconds for a line: the slowest thing here is a daemon that starts
DBUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_type="method_return"/><allow send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="signal"/><allow receive_type="method_return"/><allow receive_type="error"/></policy></busconfig>
"""
# In an unprivileged user namespace there is only one user: the daemon is to be content with that one.
ACCOUNTS = {"passwd": "root:x:0:0::/:/bin/sh\navahi:x:0:0::/:/bin/sh\n", "group": "root:x:0:\navahi:x:0:\nnetdev:x:0:\n"}
AVAHI_CONFIG = """[server]
host-name={host}
use-ipv4=yes
use-ipv6=yes
enable-dbus=yes
[publish]
publish-workstation=no
publish-hinfo=no
[rlimits]
"""


class Failure(Exception):
    """The network did not do what it should."""


class Skip(Exception):
    """This machine lacks something the test needs."""


def need(program):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not path:
        raise Skip(f"{program} is not installed")
    return path


def _die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv, **options):
    """A child that cannot outlive the test, even when the test is killed."""
    return subprocess.Popen([str(a) for a in argv], preexec_fn=_die_with_parent, **options)


def run(*argv, check=True):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode:
        raise Failure(f"{' '.join(map(str, argv))}: {done.stdout.strip()}")
    return done.stdout


def wait_until(check, what, limit=WAIT):
    end = time.monotonic() + limit
    while not (value := check()):
        if time.monotonic() > end:
            raise Failure(f"not within {limit} s: {what}")
        time.sleep(0.02)
    return value


class Program:
    """One that prints lines: what it printed, waited for in order."""

    def __init__(self, net, name, argv, **options):
        self.net = net
        self.name = name
        self.lines = []
        self.seen = 0  # lines that were waited for, or passed over
        self.more = threading.Condition()
        self.ended = False
        self.process = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="surrogateescape", **options)
        net.programs.append(self)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.more:
                self.lines.append((time.monotonic(), line.rstrip("\n")))
                self._heard(line.rstrip("\n"))
                self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    def _heard(self, line):
        """For those who want to do something with each."""

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, *patterns, limit=WAIT):
        """Lines that match, one for each pattern, in any order; those before the last of them are passed over."""
        end = time.monotonic() + limit
        missing = list(patterns)
        match = None
        with self.more:
            at = self.seen
            while missing:
                if at < len(self.lines):
                    at += 1
                    for pattern in missing:
                        if found := re.search(pattern, self.lines[at - 1][1]):
                            match, self.seen = found, at
                            missing.remove(pattern)
                            break
                elif self.ended or time.monotonic() >= end:
                    what = "ended" if self.ended else f"not within {limit} s"
                    raise Failure(f"{self.name}: {what}: {missing}")
                else:
                    self.more.wait(end - time.monotonic())
        return match

    def refuse(self, pattern):
        """No line since the last one waited for matches, so far."""
        with self.more:
            for _, line in self.lines[self.seen:]:
                if re.search(pattern, line):
                    raise Failure(f"{self.name}: must not be: {line}")

    def skip(self):
        """What was printed until now is not looked at any more."""
        with self.more:
            self.seen = len(self.lines)

    def text(self):
        return "\n".join(f"  {self.name} {at - self.net.start:7.3f} {line}" for at, line in self.lines[-60:])

    def wait_end(self, limit=WAIT):
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end") from None
        if status:
            raise Failure(f"{self.name} ended with {status}")

    def quit(self):
        """A clean end."""
        self.say("quit")
        self.wait_end()

    def kill9(self):
        """No chance to say goodbye."""
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Host:
    """A machine: network, mounts and name of its own."""

    def __init__(self, net, name, number):
        self.net = net
        self.name = name
        self.number = number
        self.address = f"10.77.0.{number}"
        self.cables = []  # (here, at the switch)
        self.daemons = []
        setup = ("mount -t tmpfs none /run && { mount -t sysfs sysfs /sys 2>/dev/null || true; } && hostname $0 &&"
                 " ip link set lo up && echo ready && exec cat")
        self.holder = Program(net, name, ["unshare", "--net", "--mount", "--uts", "--", "sh", "-c", setup, name])
        self.holder.expect("^ready$")
        self.pid = self.holder.process.pid

    def argv(self, *argv):
        return ["nsenter", "-t", self.pid, "-n", "-m", "-u", "--", *argv]

    def run(self, *argv, check=True):
        return run(*self.argv(*argv), check=check)

    def plug(self, interface="eth0", address=True, up=True):
        """A cable to the switch, with an IPv4 address and the IPv6 one that comes by itself."""
        port = f"{self.name[:8]}-{interface}"
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "tmp", "netns", self.pid)
        self.run("ip", "link", "set", "tmp", "name", interface)
        self.run("sh", "-c", f"echo 0 >/proc/sys/net/ipv6/conf/{interface}/accept_dad")
        run("ip", "link", "set", port, "master", "switch")
        self.cables.append((interface, port))
        if address:
            self.run("ip", "addr", "add", f"{self.address}/24", "dev", interface)
        if up:
            self.run("ip", "link", "set", interface, "up")
            run("ip", "link", "set", port, "up")
        return interface

    def pull(self, interface="eth0"):
        """Takes the cable out: the interface stays up, without a carrier."""
        run("ip", "link", "set", dict(self.cables)[interface], "down")

    def push(self, interface="eth0"):
        run("ip", "link", "set", dict(self.cables)[interface], "up")

    def program(self, name, *argv):
        return Program(self.net, name, self.argv(*argv))

    def discover(self, instance, *options, backend="own", interfaces=True):
        """The test program; waits for nothing."""
        argv = [self.net.discover, "--name", instance, "--backend", backend, *options]
        return self.program(instance, *argv)

    def dbus(self):
        config = self.net.folder / f"{self.name}-dbus.conf"
        config.write_text(DBUS_CONFIG)
        self.run("mkdir", "-p", "/run/dbus")
        bus = self.program(f"{self.name}-dbus", need("dbus-daemon"), f"--config-file={config}", "--nofork", "--nopidfile",
                           "--print-address=1")
        bus.expect("unix:")
        return bus

    def avahi(self, host=None):
        """The daemon, in the foreground; waits until it is ready."""
        config = self.net.folder / f"{self.name}-avahi.conf"
        config.write_text(AVAHI_CONFIG.format(host=host or self.name))
        for file, text in ACCOUNTS.items():
            ours = self.net.folder / file
            ours.write_text(text)
            self.run("mount", "--bind", ours, f"/etc/{file}")
        self.run("mkdir", "-p", "/run/avahi-daemon")
        self.run("rm", "-f", "/run/avahi-daemon/pid")
        daemon = self.program(f"{self.name}-avahi", need("avahi-daemon"), "-f", config, "--no-drop-root", "--no-chroot",
                              "--no-rlimits", "--no-proc-title")
        daemon.expect("Server startup complete")
        return daemon


class Net:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.discover = os.environ.get("WIRESIDE_DISCOVER")
        self.programs = []
        self.hosts = []
        self.start = time.monotonic()
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "switch", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
        run("ip", "link", "set", "switch", "up")

    def host(self, name, plug=True):
        host = Host(self, name, len(self.hosts) + 1)
        self.hosts.append(host)
        if plug:
            host.plug()
        return host

    def step(self, text):
        print(f"  {time.monotonic() - self.start:6.1f} s  {text}", flush=True)

    def true(self, value, what):
        if not value:
            raise Failure(what)

    def close(self):
        for program in reversed(self.programs):
            program.close()
        # The kernel takes a namespace away later; its cables have to be gone now.
        for _, port in (cable for host in self.hosts for cable in host.cables):
            run("ip", "link", "del", port, check=False)
        run("ip", "link", "del", "switch", check=False)


def enter():
    """Runs this script again where it may make networks. Returns when it is there."""
    if os.environ.get("WIRESIDE_NET_INSIDE"):
        return
    env = {**os.environ, "WIRESIDE_NET_INSIDE": "1", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    for tool in ("unshare", "nsenter", "ip"):
        need(tool)
    for how in (["--user", "--map-root-user", "--net", "--mount"], ["--net", "--mount"]):
        if subprocess.run(["unshare", *how, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.execvpe("unshare", ["unshare", *how, "--", sys.executable, *sys.argv], env)
    raise Skip("namespaces are not allowed here")


def _on_alarm(number, frame):
    raise Failure(f"the test took more than {LIMIT} s")


def main(*tests):
    try:
        enter()
        need("ip")
        signal.signal(signal.SIGALRM, _on_alarm)
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
        for test in tests:
            signal.alarm(LIMIT)
            print(test.__doc__ or test.__name__, flush=True)
            with tempfile.TemporaryDirectory(prefix="wireside-net-") as folder:
                net = Net(folder)
                try:
                    test(net)
                except Failure:
                    print("\n".join(program.text() for program in net.programs if len(program.lines) > 1))
                    raise
                finally:
                    signal.alarm(0)
                    net.close()
    except Skip as skip:
        print(f"skipped: {skip}")
        return SKIP
    except Failure as failure:
        where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(failure.__traceback__)]
        print(f"FAILED at {' '.join(where)}: {failure}")
        return 1
    return 0
