#!/usr/bin/python3
"""What `wireside trace install` puts into the user's own Wireshark, and what `uninstall` takes away again."""
import json
import os
import pathlib

from lib import ROOT, SHARE, WIRESIDE, equal, main, need, run, step, true


class Home:
    def __init__(self, folder):
        self.folder = folder
        self.env = {"HOME": str(folder), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": "", "WIRESIDE_SHARE": str(SHARE)}
        self.config = folder / ".config/wireshark"
        self.profile = self.config / "profiles/Wireside"

    def wireside(self, *argv, check=True):
        return run(WIRESIDE, "trace", *argv, env=self.env, check=check)

    def tree(self):
        """All that is there, with what is in it."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file():
                found[name] = path.read_bytes()
            else:
                found[name] = None
        return found

    def results(self, *argv):
        return {pathlib.Path(row["path"]).name: row["result"] for row in json.loads(self.wireside(*argv, "--json").out)}


def check_there_and_back(folder):
    """Into a Wireshark that has settings of its own, twice, and away again"""
    home = Home(folder)
    (home.config / "profiles/Mine").mkdir(parents=True)
    (home.config / "preferences").write_text("gui.font: mine\n")
    (home.config / "profiles/Mine/colorfilters").write_text("# mine\n")
    before = home.tree()
    said = home.wireside("install").out
    true("written" in said and "Wireside" in said and "uninstall" in said, f"it says what it does: {said}")
    first = home.tree()
    for name in ("preferences", "colorfilters", "dfilter_buttons", "io_graphs"):
        equal((home.profile / name).read_text(), (SHARE / name).read_text(), name)
    for name, text in before.items():
        equal(first[name], text, f"{name}, which is the user's")
    equal(set(home.results("install").values()), {"is there"}, "once more")
    equal(home.tree(), first, "nothing has changed")
    listed = run("tshark", "-D", env=home.env).out
    true("Wireside: peer links" in listed and "Wireside: stanzas" in listed, f"interfaces: {listed}")
    fields = run("tshark", "-G", "fields", env=home.env).out
    true("chat.receipt_latency" in fields, "the chat layer is there")
    true("chat.kind" in run("tshark", "-G", "currentprefs", "-C", "Wireside", env=home.env).out, "the profile is there")
    step("there: profile, chat layer, interfaces; nothing of the user's touched")
    equal(set(home.results("uninstall").values()), {"removed"}, "uninstall")
    equal(home.tree(), before, "what is left")
    true("Nothing is installed" in home.wireside("uninstall").out, "once more")
    step("and away again: all is as it was")


def check_plugins(folder):
    """Plugins of the user's own are none of ours: what they print and change is in no view"""
    home = Home(folder)
    sample = ROOT / "docs/samples/tls.pcapng"
    view = ("report", sample, "--json")
    before = home.wireside(*view).out
    home.wireside("install")
    plugins = folder / ".local/lib/wireshark/plugins"
    (plugins / "mine.lua").write_text("print('a line')\nlocal p = Proto('mine', 'Mine')\nfunction p.dissector(b, i) i.cols.info = 'mine' end\n"
                                      "register_postdissector(p)\n")
    true("a line" in run("tshark", "-r", sample, env=home.env).out, "the plugin works, by itself")
    true(home.wireside(*view).out == before, "what we show is as it was")
    step("nothing of them is shown")


def check_changed(folder):
    """What somebody has changed stays; what was there before is not overwritten"""
    home = Home(folder)
    home.profile.mkdir(parents=True)
    (home.profile / "io_graphs").write_text("# mine\n")
    true("left alone" in home.results("install")["io_graphs"], "a file of somebody else's")
    equal((home.profile / "io_graphs").read_text(), "# mine\n", "is as it was")
    (home.profile / "preferences").write_text("# changed\n")
    (home.profile / "recent").write_text("# by Wireshark\n")
    (home.profile / "colorfilters").unlink()
    again = home.results("install")
    true("left alone" in again["preferences"] and again["colorfilters"] == "written", f"installed again: {again}")
    (home.profile / "dfilter_buttons").unlink()
    gone = home.results("uninstall")
    true("left alone" in gone["preferences"] and gone["colorfilters"] == "removed", f"uninstalled: {gone}")
    true("any more" in gone["dfilter_buttons"] and "io_graphs" not in gone, f"uninstalled: {gone}")
    equal(sorted(p.name for p in home.profile.iterdir()), ["io_graphs", "preferences", "recent"], "what is left")
    true(not (home.config / "extcap").exists(), "the folder of the program is gone")
    step("changed and strange files are left alone")


def check_newer(folder):
    """A newer version replaces an older one, but not what was changed"""
    home = Home(folder / "home")
    home.folder.mkdir()
    newer = folder / "share"
    newer.mkdir()
    for file in SHARE.iterdir():
        (newer / file.name).write_bytes(file.read_bytes() + b"# newer\n" * (file.name == "colorfilters"))
    home.wireside("install")
    home.env["WIRESIDE_SHARE"] = str(newer)
    results = home.results("install")
    equal((results["colorfilters"], results["preferences"]), ("written", "is there"), "a newer version")
    equal((home.profile / "colorfilters").read_bytes(), (newer / "colorfilters").read_bytes(), "its text")
    equal(set(home.results("uninstall").values()), {"removed"}, "uninstall")
    step("a newer version takes the place of the older")


def check_refused(folder):
    """Where it cannot be done it is said, and what was begun can be taken away"""
    home = Home(folder)
    (folder / ".config").write_text("this is no folder\n")
    done = home.wireside("install", check=False)
    true(done.returncode == 1 and "trace install:" in done.err, f"no folder: {done.err}")
    home.wireside("uninstall")
    equal(list(home.tree()), [".config"], "what is left")
    for wrong in (["install", "x"], ["uninstall", "--live"], ["install", "--frobnicate"]):
        equal(home.wireside(*wrong, check=False).returncode, 2, f"{wrong}")


if __name__ == "__main__":
    need("tshark")
    raise SystemExit(main(check_there_and_back, check_plugins, check_changed, check_newer, check_refused))
