#!/usr/bin/python3
import os
import pwd

from chat import Pipe, lib, pipe


def test(t):
    """Line mode over the server's local socket, without a password"""
    me = pwd.getpwuid(os.getuid()).pw_name
    bob = pipe(t, "bob")
    bob.expect("online")
    argv = [str(lib.find_wireside()), "chat", f"{me}@localhost", "--data", str(t.server.folder)]
    stranger = Pipe(t, "stranger", argv)
    t.equal(stranger.status(), 1, "a local user without account")
    t.true(stranger.count("refused"), "and is told")
    t.user(me)
    local = Pipe(t, me, argv)
    local.say("/msg bob@localhost from next door")
    bob.expect(f"{me}@localhost: from next door")
    local.expect("from next door .delivered.")
    t.equal(local.end(), 0, "the end")
    t.step(f"{me} talks without a password")
    lost = Pipe(t, "lost", [str(lib.find_wireside()), "chat", "x@localhost", "--data", str(t.folder / "none")])
    t.equal(lost.status(), 1, "no server there")
    wrong = Pipe(t, "wrong", [str(lib.find_wireside()), "chat", "x@localhost", "--frob"])
    t.equal(wrong.status(), 2, "a wrong option")
    t.step("no server: 1, a wrong option: 2")


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
