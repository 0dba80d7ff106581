#!/usr/bin/python3
"""The pages say what the program does: flags and keys with their defaults, examples, log events, functions and files
named in them, the table of protocols."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from common import ROOT, WIRESIDE, commands, help_of, main, pages, prompts, run

SOURCES = {str(f.relative_to(ROOT / "src")): f.read_text() for f in sorted(ROOT.glob("src/*/*.[ch]"))}
PROGRAM = {f: t for f, t in SOURCES.items() if "/test_" not in f and "/testing" not in f}


def options(command="serve"):
    """What `serve --help` says: name -> (value, explanation)."""
    lines = re.findall(r"^  --([a-z0-9-]+)(?: (\S+))? +(.*)$", help_of(command), re.M)
    return {name: (value, text) for name, value, text in lines}


def sections(page, head):
    """What stands under each `.It HEAD NAME ...` of a man page: name -> (rest of the line, text)."""
    found = re.findall(rf"^\.It {head}([a-z0-9-]+)(.*)\n((?:(?!\.It|\.El).*\n)*)", page, re.M)
    return {name: (rest, " ".join(text.split())) for name, rest, text in found}


class Flags(unittest.TestCase):
    def setUp(self):
        self.options = options()
        self.keys = sections((ROOT / "man/wireside.conf.5").read_text(), "Ic ")
        manual = (ROOT / "man/wireside.1").read_text()
        self.flags = sections(manual.split(".Sh OPTIONS")[1].split(".Sh SIGNALS")[0], "Fl -")
        self.assertGreater(len(self.options), 10)

    def test_every_flag_is_a_key_and_the_other_way_round(self):
        self.assertEqual(set(self.options) | set(options("node")), set(self.keys))
        self.assertEqual(set(self.options), set(self.flags))

    def test_numbers(self):
        for name, (value, text) in self.options.items():
            numbers = re.search(r"\((\d+) to (\d+), default (\d+)\)", text)
            if not numbers:
                continue
            least, most, default = numbers.groups()
            with self.subTest(name):
                self.assertIn(f"from {least} to {most}; the default is {default}", self.keys[name][1])

    def test_words(self):
        for name, (value, text) in self.options.items():
            default = re.search(r"\(default (\w+)\)$", text)
            if "|" not in value:
                continue
            with self.subTest(name):
                for page in (self.keys, self.flags):
                    self.assertIn("Cm " + value.replace("|", " | "), page[name][0])
                self.assertIn(f"Default: {default.group(1)}.", self.keys[name][1])

    def test_values(self):
        """The same word stands for the value everywhere; a switch has none."""
        for name, (value, _) in self.options.items():
            with self.subTest(name):
                if not value:
                    self.assertEqual("", self.flags[name][0])
                elif "|" not in value:
                    self.assertIn("Ar " + value, self.flags[name][0])
                    self.assertIn("Ar " + value, self.keys[name][0])

    def test_every_key_is_taken_from_a_file(self):
        sample = {"c2s": '"127.0.0.1:0"', "c2s-tls": '{"[::1]:0"}', "admin": '"a@localhost"', "domain": "localhost",
                  "allow-plaintext": "true", "ready-fd": "-1", "room-default": '"rooms.localhost moderatedroom=1"',
                  "room-limit": '"occupants=50"', "rooms-host": '"conference.example.org"', "room-logs-url": '"https://example.org/rooms/"'}
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "conf")
            for name, (value, text) in self.options.items():
                default = re.search(r"default (\d+)\)", text)
                chosen = sample.get(name) or (default and default.group(1)) or (value.split("|")[0])
                if name in ("certificate", "key", "data"):
                    continue
                file.write_text(f"{name} = {chosen}\n")
                with self.subTest(name):
                    result = run("check", "-c", file, "--data", folder + "/none", "--domain", "localhost")
                    self.assertNotEqual(result.returncode, 2, result.stderr)


def usage_error(words):
    """Why the program would not understand the words of an example; None if it would. Nothing is run but --help."""
    names = re.findall(r"^  ([a-z]+) ", help_of().split("Examples:")[0], re.M)
    if words[:1] in (["help"], ["--version"], ["--help"]):
        return None if words[1:] == [] or words[1] in names else f"no command {words[1]}"
    if not words or words[0].startswith("--"):  # without a word it is the chat, with this machine's node
        words = ["chat", *words]
    if words[0] not in names:
        return f"no command {words[:1]}"
    names = re.findall(r"^  ([a-z]+) ", help_of("trace").split("Examples:")[0], re.M)
    if words[0] == "trace" and len(words) > 1:  # each of these has its own
        words = ["trace " + (words[1] if words[1] in names else "ladder"), *words[1 + (words[1] in names):]]
    text = help_of(*words[0].split())
    flags = set(re.findall(r"--[a-z0-9-]+", help_of("serve") if words[0] == "check" else text)) | {"--help"}
    flags |= set(re.findall(r"(?<![\w-])-[a-zA-Z](?![\w-])", text))
    usage = text.split("\n\n")[0]
    actions = set("|".join(re.findall(rf"wireside {words[0]} ([a-z|-]+)", usage)).split("|")) - {""}
    if f"wireside {words[0]} [" in usage and len(words) < 2:
        return None  # the first action goes without its name
    plain = re.search(rf"wireside {words[0]} [A-Z]", usage)  # also with a file instead of an action
    if actions and not plain and (len(words) < 2 or words[1] not in actions):
        return f"no command {words[:2]}"
    for word in words[1:]:
        if word == "|":
            break  # what follows are words of another program
        if word.startswith("--") and word.split("=")[0] not in flags:
            return f"no flag {word}"
        if word.startswith("-") and not word.startswith("--") and word not in flags | {"-c", "-"}:  # "-": instead of a file
            return f"no flag {word}"
    return None


class Examples(unittest.TestCase):
    def test_commands_after_a_prompt(self):
        seen = 0
        for path, text in pages().items():
            for line in prompts(text):
                for words in commands(line):
                    if words[0] != "wireside":
                        continue
                    seen += 1
                    with self.subTest(path, line=line):
                        self.assertIsNone(usage_error(words[1:]))
        self.assertGreater(seen, 20)

    def test_commands_in_the_text(self):
        for path, text in pages().items():
            for line in re.findall(r"`(wireside [^`\n]+)`", text):
                words = commands(line.replace("...", ""))[0][1:]
                with self.subTest(path, line=line):
                    self.assertIsNone(usage_error(words))

    def test_examples_of_help(self):
        for name in re.findall(r"^  ([a-z]+) ", help_of().split("Examples:")[0], re.M):
            for line in re.findall(r"^  (wireside .*)$", help_of(name), re.M):
                with self.subTest(line):
                    self.assertIsNone(usage_error(commands(line)[0][1:]))

    def test_every_command_is_in_the_manual(self):
        page = (ROOT / "man/wireside.1").read_text().split(".Sh COMMANDS")[1]
        for name in re.findall(r"^  ([a-z]+) ", help_of().split("Examples:")[0], re.M):
            self.assertRegex(page, rf"(?m)^\.It Cm {name}\b")

    def test_make_targets(self):
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
        for path, text in pages().items():
            if not path.endswith(".md"):
                continue
            lines = prompts(text) + re.findall(r"`(make [^`\n]*)`", text)
            for target in re.findall(r"^make ([a-z-]+)", "\n".join(lines), re.M):
                with self.subTest(path, target=target):
                    self.assertIn(target, targets)

    def test_files_named(self):
        """Paths of this repository, in backquotes or after a prompt, exist."""
        folders = "|".join(sorted(p.name for p in ROOT.iterdir() if p.is_dir() and p.name != "build"))
        for path, text in pages().items():
            if not path.endswith(".md") or path == "docs/PROTOCOL.md":  # that one is below
                continue
            code = "\n".join(re.findall(r"`([^`\n]+)`", text) + prompts(text))
            for name in re.findall(rf"(?<![\w/.-])((?:{folders})/[\w./*-]+[\w*])", code):
                if re.search(r"/(x|fuzz_x|test_x|bench_x)\b", name) or "FOLDER" in name:
                    continue  # an example of a name
                with self.subTest(path, name=name):
                    self.assertTrue(list(ROOT.glob(name)), f"{name} does not exist")


class Design(unittest.TestCase):
    """docs/DESIGN.md names files of src/ without src/, functions with (), and in a table row functions of its files."""

    def setUp(self):
        self.text = (ROOT / "docs/DESIGN.md").read_text()
        built = re.sub(r"(?m)^#+ [^\n]*\(planned\)\n(?:(?!#).*\n)*", "", self.text)
        self.code = re.findall(r"`([^`\n]+)`", built)

    def files(self, names):
        """Those of the names that are a path: folder/name of src/, or a whole path."""
        for name in names:
            if re.fullmatch(r"[a-z_]+(/[a-z_.]+)+", name):
                yield name

    def test_files(self):
        seen = 0
        for name in self.files(self.code):
            seen += 1
            with self.subTest(name):
                there = [p for p in (ROOT / "src" / name, ROOT / name) if p.exists()]
                there += list((ROOT / "src").glob(name + ".[ch]"))
                self.assertTrue(there, f"{name} does not exist")
        self.assertGreater(seen, 15)

    def defined(self, function, files):
        return any(re.search(rf"(?m)^(?:[a-z].*|#define )\b{function}\(", SOURCES[f]) for f in files)

    def test_functions(self):
        for name in self.code:
            match = re.fullmatch(r"([a-z_0-9]+)\(\)", name)
            if match:
                with self.subTest(name):
                    self.assertTrue(self.defined(match.group(1), PROGRAM), f"{name} does not exist")

    def test_functions_in_their_files(self):
        rows = [re.findall(r"`([^`]+)`", line) for line in self.text.splitlines() if line.startswith("|")]
        for names in rows:
            files = [f for f in self.files(names) if f in SOURCES]
            for function in [n[:-2] for n in names if n.endswith("()")]:
                with self.subTest(function):
                    self.assertTrue(self.defined(function, files), f"{function}() is in none of {files}")

    def test_folders(self):
        """What the text says is planned is not there yet."""
        layers = set(re.findall(r"^([a-z]+) *:", (ROOT / "src/LAYERS").read_text(), re.M))
        planned = re.search(r"\*Planned folders\*: ([a-z, ]+)\.", self.text)
        for name in planned.group(1).split(", ") if planned else []:
            self.assertNotIn(name, layers)


class Lists(unittest.TestCase):
    def test_protocol_page_is_up_to_date(self):
        self.assertEqual((ROOT / "docs/PROTOCOL.md").read_text(), run("features").stdout,
                         "docs/PROTOCOL.md is not what the program speaks: tools/gen-protocol writes it anew")

    def test_proofs_exist(self):
        for name in re.findall(r"`(tests/[^`]+)`", run("features").stdout):
            with self.subTest(name):
                self.assertTrue((ROOT / name).exists(), f"{name} does not exist")

    def test_log_events(self):
        """The tables in docs/running.md and, of a node, docs/peer-to-peer.md have the events that there are, with their levels."""
        said = {}
        row = r"^\| ((?:`[a-z_]+`(?:, )?)+) \| ((?:info|warn|error|, )+) \|"
        for names, levels in re.findall(row, pages()["docs/running.md"] + pages()["docs/peer-to-peer.md"], re.M):
            for name in re.findall(r"`([a-z_]+)`", names):
                said[name] = set(levels.split(", "))
        there = {}
        for text in PROGRAM.values():
            for level, name in re.findall(r'\blog_(error|warn|info)\(\s*"([a-z_]+)"', text):
                there.setdefault(name, set()).add(level)
        self.assertEqual({}, {name: levels for name, levels in there.items() if said.get(name) != levels})
        self.assertEqual(set(), set(said) - set(there))

    def test_limits(self):
        """Numbers of the page that no flag changes."""
        page = " ".join(pages()["docs/running.md"].split())
        limits = PROGRAM["wire/limits.c"]
        number = {k: int(v) for k, v in re.findall(r"\.(\w+) = (\d+),", limits)}
        self.assertIn(f"{number['logins_max_address']} of one address", page)
        self.assertIn(f"{number['logins_max']} in all", page)
        self.assertIn(f"| {number['ack_ms'] // 1000} s |", page)
        self.assertEqual(3, number["free_tries"])


class Packaging(unittest.TestCase):
    def test_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            text = (ROOT / "packaging/wireside.conf").read_text()
            file = pathlib.Path(folder, "conf")
            file.write_text(re.sub(r"(?m)^#(\w.* = )", r"\1", text))  # what is commented out is right too
            result = run("check", "-c", file, "--data", folder + "/none", "--domain", "localhost")
            self.assertNotEqual(result.returncode, 2, result.stderr)
            self.assertIn("certificate /etc/wireside/fullchain.pem", result.stdout)

    def test_unit(self):
        unit = (ROOT / "packaging/systemd/wireside.service").read_text()
        words = commands(re.search(r"(?m)^ExecStart=(.*)$", unit).group(1).replace("$", ""))[0]
        self.assertEqual("wireside", words[0])
        self.assertIsNone(usage_error(words[1:]))
        if shutil.which("systemd-analyze"):
            with tempfile.TemporaryDirectory() as folder:
                # Its own manual pages and program may not be installed here.
                file = pathlib.Path(folder, "wireside.service")
                unit = re.sub(r"(?m)^Documentation=.*\n", "", unit)
                file.write_text(unit.replace("ExecStart=wireside", "ExecStart=/bin/true"))
                result = subprocess.run(["systemd-analyze", "verify", str(file)], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
                self.assertNotIn("wireside.service", result.stdout)

    def test_scripts(self):
        for file in (ROOT / "packaging/certbot-deploy-hook",):
            subprocess.run(["sh", "-n", str(file)], check=True)


class SetUp(unittest.TestCase):
    def test_machine_with_nothing(self):
        """Where there is no command at all, not even a compiler: names that a package manager understands, and each once."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("dirname", "awk", "tr"):
                os.symlink(shutil.which(name), os.path.join(folder, name))
            setup = ["/bin/sh", str(ROOT / "tools/setup"), "--list"]
            result = subprocess.run(setup, env={"PATH": folder}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        names = result.stdout.split()
        self.assertIn("gcc", names)
        self.assertIn("tmux", names)
        self.assertEqual([], [name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name)])
        self.assertEqual(len(set(names)), len(names))


class Manual(unittest.TestCase):
    def test_renders_without_warnings(self):
        if not shutil.which("mandoc"):
            if not shutil.which("groff"):
                self.skipTest("neither mandoc nor groff is installed")
            return
        for file in sorted(ROOT.glob("man/*")):
            with self.subTest(file.name):
                result = subprocess.run(["mandoc", "-T", "lint", "-W", "style", str(file)], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
                complaints = [line for line in result.stdout.splitlines()
                              if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
                self.assertEqual([], complaints)

    def test_groff_too(self):
        if not shutil.which("groff"):
            return  # the same pages, another formatter: where it is
        for file in sorted(ROOT.glob("man/*")):
            result = subprocess.run(["groff", "-mandoc", "-ww", "-z", str(file)], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True)
            self.assertEqual("", result.stdout)


if __name__ == "__main__":
    main()
