"""What both tests of the documents need: the program, the pages, the commands in them."""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WIRESIDE = os.environ.get("WIRESIDE", str(ROOT / "build/release/wireside"))
SKIP = 77  # the exit status by which meson knows a skipped test
LIMIT = 60  # seconds for any one command


def run(*args, stdin="", **options):
    """Runs the program with standard input closed after `stdin`."""
    return subprocess.run([WIRESIDE, *map(str, args)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=LIMIT, **options)


def help_of(*command):
    return run(*command, "--help").stdout


def pages():
    """The texts with examples in them, by their path."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("man/*"))]
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def prompts(text):
    """The lines that begin with a prompt, without it."""
    return re.findall(r"^ *\$ (.+)$", text, re.M)


def commands(line):
    """The commands of a shell line, as lists of words; without sudo, and what sudo's shell would run."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split = True
    found = [[]]
    for word in lexer:
        if set(word) <= set("|;&"):
            found.append([])
        else:
            found[-1].append(word)
    result = []
    for words in found:
        if words[:1] == ["sudo"]:
            words = words[1:]
        if words[:2] == ["sh", "-c"]:
            result += commands(words[2])
        elif words:
            result.append(words)
    return result


def main():
    """As unittest.main(), but what was skipped shows in the exit status."""
    program = unittest.main(module="__main__", exit=False, verbosity=1)
    if not program.result.wasSuccessful():
        sys.exit(1)
    for test, reason in program.result.skipped:
        print(f"skipped: {test}: {reason}")
    sys.exit(SKIP if program.result.skipped else 0)
