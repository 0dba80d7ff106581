#!/usr/bin/python3
from lib import main

SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"


def mechanisms(t):
    alice = t.slix("alice", login=False)
    alice.sign_in()
    auth = alice.expect("auth")
    t.step(f"STARTTLS, {auth['tls']}, {auth['mechanism']} of {' '.join(auth['offered'])}")
    t.true(auth["mechanism"] in ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), f"mechanism {auth['mechanism']}")
    t.equal(auth["tls"], "TLSv1.3", "TLS version")
    t.equal(alice.seen("auth_failed"), [], "mechanisms tried in vain before")

    old = t.slix("alice", label="old", login=False)
    old.sign_in(tls_max="TLSv1_2")
    auth = old.expect("auth")
    t.step(f"STARTTLS, {auth['tls']}, {auth['mechanism']}")
    t.equal(auth["tls"], "TLSv1.2", "TLS version")
    t.true(auth["mechanism"].startswith("SCRAM-SHA-256"), f"mechanism {auth['mechanism']}")

    # A client that has channel binding and leaves it out although it is offered must be refused (RFC 5802 section 6),
    # so the one that always says whether it has it is asked for the -PLUS name where the server offers that.
    plus = "SCRAM-SHA-1-PLUS" if "SCRAM-SHA-1-PLUS" in auth["offered"] else "SCRAM-SHA-1"
    for mechanism in (plus, "PLAIN"):
        simple = t.slix("alice", label=mechanism, mechanism=mechanism)
        t.equal(simple.expect("auth")["mechanism"], mechanism, "mechanism")
        t.step(f"{mechanism} inside TLS")
        simple.close()
    return alice


def direct_tls(t, alice):
    bob = t.slix("bob", tls="direct")
    auth = bob.expect("auth")
    t.true(auth["mechanism"].startswith("SCRAM-SHA-256"), f"mechanism {auth['mechanism']}")
    bob.say(to=alice.jid, body="from one port to the other")
    alice.expect("message", from_="bob@localhost/bob", body="from one port to the other")
    t.step(f"direct TLS, {auth['tls']}, {auth['mechanism']}, and a message across the ports")


def refusals(t):
    wrong = t.slix("bob", label="wrong", login=False)
    t.equal(wrong.refused_sign_in(password="wrong", mechanism="SCRAM-SHA-256"), "not-authorized", "wrong password")
    nobody = t.slix("bob", label="nobody", login=False)
    t.equal(nobody.refused_sign_in(jid="nobody@localhost", password="wrong", mechanism="SCRAM-SHA-256"),
            "not-authorized", "unknown user")
    t.step("a wrong password and an unknown user get the same answer")

    persistent = t.slix("bob", label="persistent", login=False)
    t.equal(persistent.refused_sign_in(password="wrong"), "not-authorized", "wrong password, every mechanism")
    t.step(f"so does a client that tries every mechanism: {[e['mechanism'] for e in persistent.seen('auth_failed')]}")

    stranger = t.slix("bob", label="stranger", login=False)
    t.equal(stranger.refused_sign_in(ca=SYSTEM_CAS), "bad-certificate", "a client that does not trust the server")
    t.step("a client that does not trust the certificate goes away")


def test(t):
    """Login: STARTTLS and direct TLS, every mechanism on TLS 1.3 and 1.2, wrong passwords"""
    alice = mechanisms(t)
    direct_tls(t, alice)

    t.user("carla", password="p\u00e4ss w\u00f6rd <&>\"'=,")
    carla = t.slix("carla")
    t.step(f"a password with spaces, signs and umlauts: {carla.expect('auth')['mechanism']}")
    refusals(t)
    alice.ping()


if __name__ == "__main__":
    raise SystemExit(main(test))
