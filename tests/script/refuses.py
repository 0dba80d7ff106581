#!/usr/bin/env python3
"""Does the runner notice what it has to notice? Each of these small scripts has to fail, for the reason given.

    refuses.py XT
"""
import pathlib
import subprocess
import sys
import tempfile

ACTORS = "juliet: juliet@localhost/balcony\nromeo: romeo@localhost/orchard\n"
PING = "juliet sends <iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>\n"

CASES = [
    ("what nobody expects",
     "juliet logs in\n" + PING,
     "got something that the script does not expect"),
    ("what does not come",
     "juliet logs in\njuliet gets <message/>\n",
     "nothing came"),
    ("another value",
     "juliet logs in\n" + PING + "juliet gets <iq type='result' id='2' from='localhost'/>\n",
     "has id='1', not '2'"),
    ("too little",
     "juliet logs in\n" + PING + "juliet gets <iq type='result' id='1' from='localhost'><query xmlns='x'/></iq>\n",
     "has no <query"),
    ("too much",
     "juliet logs in\n" + PING + "juliet gets <iq type='result' id='1'/>\n",
     "an attribute from='localhost' too many"),
    ("the wrong order",
     "juliet and romeo are online\nromeo sends <message to='juliet@localhost' id='1'/><message to='juliet@localhost' id='2'/>\n"
     "juliet gets\n  <message from='{any}' id='2'/>\n  <message from='{any}' id='1'/>\n",
     "has id='1', not '2'"),
    ("something in any order, but not all of it",
     "juliet and romeo are online\nromeo sends <message to='juliet@localhost' id='1'/><message to='juliet@localhost' id='2'/>\n"
     "juliet gets, in any order\n  <message from='{any}' id='2'/>\n  <message from='{any}' id='2'/>\n",
     "did not get what the script expects"),
    ("somebody who is not there any more",
     "juliet logs in\njuliet sends <nonsense/>\njuliet gets <stream:error>{...}</stream:error></stream:stream>\n",
     "was disconnected, which the script does not expect"),
    ("somebody who is still there",
     "juliet logs in\njuliet is disconnected\n",
     "is still connected"),
    ("a password that is wrong",
     "juliet opens a stream\njuliet authenticates password wrong\n",
     "the login failed"),
    ("another value under the same name",
     "juliet logs in\n" + PING + "juliet gets <iq type='{x}' id='{x}' from='localhost'/>\n",
     "did not get what the script expects"),
    ("a name that nobody knows",
     "juliet logs in\njuliet sends <message id='{unknown}'/>\n",
     "nothing is known as {unknown}"),
    ("an expectation that is not XML",
     "juliet logs in\njuliet gets <message></iq>\n",
     "is not XML"),
]

DEVIATIONS = [
    ("a deviation that does not happen",
     "case [RFC 1] here\n  says nothing\n",
     "[RFC 1] here\njuliet logs in\n",
     "does not deviate any more"),
    ("a deviation of a block that there is not",
     "case [RFC 2] elsewhere\n  says nothing\n",
     "[RFC 1] here\njuliet logs in\n",
     "has no block [RFC 2] elsewhere"),
]

# Where clients verify the server's certificate, and it is another one of the same name that they trust.
VERIFYING = ["tls", "wires2-tls", "wires2-direct"]
LOGIN = "[RFC 1] here\njuliet logs in\n"


def run(xt, folder, script, deviations=None, options=()):
    path = folder / "case.xt"
    path.write_text(ACTORS + script)
    command = [xt, *options, path]
    if deviations is not None:
        (folder / "deviations").write_text(deviations)
        command += ["--deviations", folder / "deviations"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


def make_certificate(folder):
    made = folder / "stranger.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", made],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return made


def main():
    xt = sys.argv[1]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="xt-refuses-") as name:
        folder = pathlib.Path(name)
        cases = [(what, script, None, reason) for what, script, reason in CASES]
        cases += [(what, script, deviations, reason) for what, deviations, script, reason in DEVIATIONS]
        for what, script, deviations, reason in cases:
            status, output = run(xt, folder, script, deviations)
            if status != 1 or reason not in output:
                bad += 1
                print(f"{what}: exit status {status}, not 1 with '{reason}':\n{output}")
        status, output = run(xt, folder, "[RFC 1] here\njuliet gets <message/>\n", "case [RFC 1] here\n  says nothing\n")
        if status != 0:
            bad += 1
            print(f"a deviation as listed: exit status {status}:\n{output}")
        stranger = make_certificate(folder)
        for transport in VERIFYING:
            for options, wanted, reason in ([], 0, ""), (["--authority", stranger], 1, "certificate verify failed"):
                status, output = run(xt, folder, LOGIN, options=["--transport", transport, *options])
                if status != wanted or reason not in output:
                    bad += 1
                    print(f"{transport} {options}: exit status {status}, not {wanted} with '{reason}':\n{output}")
    print(f"{len(cases) + 1 + 2 * len(VERIFYING) - bad} noticed, {bad} not")
    return 1 if bad else 0


sys.exit(main())
