#!/usr/bin/python3
import subprocess

from chat import environment, lib, pipe

ROOM = "lunch@rooms.localhost"


def talk(t, alice, bob):
    alice.say("/room create lunch", "first words", "/topic Soup & bread")
    alice.expect(r"\* #lunch is a new room, and yours; you are in as alice")
    alice.expect(r"-> #lunch: first words \(delivered\)")
    alice.expect(r"\* #lunch is about: Soup & bread \(set by alice\)")
    bob.say("/rooms", "/join lunch bobby", "hello all")
    bob.expect(rf"\* {ROOM}$")
    bob.expect(r"\* #lunch: you are in as bobby, with alice")
    bob.expect("#lunch alice: first words")
    bob.expect(r"-> #lunch: hello all \(delivered\)")
    alice.expect(r"\* #lunch bobby joined")
    alice.expect("#lunch bobby: hello all")
    bob.say("/nick robert the great")
    bob.expect('a nickname in several words goes into double quotes: "robert the great"')
    bob.say("/nick ALICE")
    bob.expect("refused: .*you are still bobby: somebody there has this nickname, or one that looks like it: /nick takes another")
    bob.say("/nick robert", "/pm alice a word", "/who")
    alice.expect(r"\* #lunch bobby is now called robert")
    alice.expect(r"#lunch/robert \(private\): a word")
    bob.expect("alice: moderator, owner")
    bob.expect(r"-> #lunch/alice \(private\): a word \(delivered\)")
    bob.say("a slip", "/retract")
    for who in (alice, bob):
        who.expect(r"\* #lunch: robert took back a message of [0-9:]{5}: a slip$")
    bob.say("rude words", "and more of them", "/retract never said")
    bob.expect('refused: nothing is known that you said there and that has "never said" in it')
    alice.expect("#lunch robert: and more of them")
    alice.say("/delete robert", "/delete robert Rude -- manners", "/delete nobody", "/delete robert rude")
    alice.expect(r"refused: robert has just said: and more of them \(the same again removes that; ")
    for who in (alice, bob):
        who.expect(r"\* #lunch: alice removed robert's message of [0-9:]{5}: rude words \(manners\)$")
    alice.expect("refused: nothing is known that nobody said there$")
    alice.expect('refused: nothing is known that robert said there and that has "rude" in it$')
    alice.say("/delete robert")
    alice.expect(r"\* #lunch: alice removed robert's message of [0-9:]{5}: and more of them$")
    t.equal(alice.count("done: remove"), 0, "told twice")
    bob.say("/delete alice first words")
    bob.expect("refused: remove alice's message of [0-9:]{5}: first words: you may not do that there")
    bob.say("/me", "/me takes a chair")
    bob.expect("/me TEXT: says what you do")
    bob.expect(r"-> #lunch: \* robert takes a chair \(delivered\)")
    alice.expect(r"#lunch \* robert takes a chair")
    bob.say("/msg alice@localhost", "/me nods")
    bob.expect(r"-> alice@localhost: \* bob nods \(delivered\)")
    alice.expect(r"bob@localhost: \* bob@localhost nods")
    bob.say("/msg #lunch")
    t.step("created, found, joined, talked in, renamed, a private word, what one does")


def history(t, alice, bob):
    alice.say("/config persistentroom on", "/topic Bread alone", "/topic Cake")
    for who in (alice, bob):
        who.expect(r"\* #lunch is about: Bread alone \(set by alice\)")
        who.expect(r"\* #lunch is about: Cake \(set by alice\)")
    alice.say("/log 10")
    alice.expect("#lunch alice: first words")
    alice.expect("#lunch bobby: hello all")
    # What it was about once is told again.
    alice.expect(r"\* #lunch is about: Bread alone \(set by alice\)")
    for wrong in ("nonsense", "0", "501"):
        bob.say(f"/log {wrong}")
        bob.expect("/log .*: the last N messages of the room")
    bob.say("/help affiliate")
    bob.expect("/affiliate ")
    t.step("what was said, out of the archive; help")


def order(t, alice, bob):
    carol = t.slix("carol")
    alice.say("/config moderatedroom on")
    alice.expect("done: moderatedroom = on")
    carol.join(room=ROOM, nick="carol")
    alice.expect(r"\* #lunch carol joined")
    alice.say("/voice carol of")
    alice.expect("/voice .*: lets somebody speak")
    alice.say("/voice carol", "/moderator carol", "/moderator carol off", "/voice carol off")
    for role in ("participant", "moderator", "participant", "visitor"):
        alice.expect(rf"\* #lunch carol is now {role}")
    t.step("voice and moderation, given and taken")
    bob.say("/kick carol")
    bob.expect("refused: kick carol: you may not do that there; owners and admins of a room say who may")
    alice.say("/member bob@localhost", "/affiliate member", "/affiliate robert admin")
    alice.expect("bob@localhost is member in #lunch")
    alice.expect("^      | bob@localhost$")
    alice.expect(r"\* #lunch robert is now admin")
    alice.say("/kick carol be quiet")
    bob.expect(r"\* #lunch carol was kicked \(be quiet\)")
    alice.say("/ban carol@localhost for good", "/affiliate outcast")
    alice.expect("carol@localhost is outcast in #lunch")
    alice.expect("^      | carol@localhost$")
    alice.say("/ban @else.example", "/ban *@third.example spam", "/affiliate @third.example member", "/affiliate outcast")
    alice.expect("done: else.example is outcast in #lunch")
    alice.expect("done: third.example is outcast in #lunch")
    alice.expect("refused: .*a domain can only be banned")
    alice.expect("^      | else.example$")
    alice.say("/affiliate @else.example none")
    alice.expect("done: else.example is none in #lunch")
    t.step("kicked, banned, member, admin, domains, and the lists")


def invite(t, alice, bob):
    dave = pipe(t, "dave")
    dave.expect("online")
    alice.say("/config membersonly yes", "/config nonsense 1")
    alice.expect("done: membersonly = yes")
    alice.expect("refused: nonsense: the room has no such setting")
    dave.say("/join lunch")
    dave.expect("refused: #lunch: cannot join: it is for members only: /register #ROOM asks to be one, or somebody there may /invite you$")
    alice.say("/invite nobody@localhost")
    alice.expect("asking nobody@localhost to come to #lunch")
    alice.expect("refused: the invitation to #lunch: it did not arrive: nobody has this address, or takes no invitations now")
    alice.say("/invite dave@localhost come in")
    alice.expect("asking dave@localhost to come to #lunch")
    dave.expect(rf"\* alice@localhost invites you: /join {ROOM} \(come in\)")
    dave.say("/decline")
    dave.expect(rf"\* {ROOM}$")
    dave.say("/decline lunch no time")
    dave.expect("done: declined: #lunch")
    alice.expect(r"\* #lunch dave@localhost declined \(no time\)")
    dave.say("/decline lunch", "/help decline")
    dave.expect("no invitation to lunch waits")
    dave.expect("/decline ")
    alice.say("/config whois anyone", "/config enablelogging yes")
    alice.expect(r"\* #lunch: everybody here sees your real address from now on")
    alice.expect(r"\* #lunch: what is said here is logged in public from now on")
    dave.say("/join lunch dave")
    dave.expect(r"\* #lunch: you are in as dave, with")
    dave.expect(r"\* #lunch: everybody here sees your real address")
    dave.expect(r"\* #lunch: what is said here is logged in public")
    alice.say("/config whois moderators")
    alice.expect(r"\* #lunch: only moderators see your real address from now on")
    alice.say("/voice dave off")
    dave.expect(r"\* #lunch dave is now visitor")
    dave.say("may I?")
    dave.expect(r"-> #lunch: may I\? \(failed: you have no voice there; /request-voice asks for it\)")
    alice.say("/voice dave")
    dave.expect(r"\* #lunch dave is now participant")
    dave.say("thanks")
    alice.expect("#lunch dave: thanks")
    alice.say("/destroy closing time")
    alice.expect("refused: this ends #lunch for all, and nobody can take it back; if you mean it: /destroy #lunch yes closing time$")
    alice.say("/destroy --to hall closing time", "/destroy #lunch yes closing time")
    alice.expect("if you mean it: /destroy #lunch yes --to hall closing time$")
    for who in (alice, bob, dave):
        who.expect(r"\* #lunch \S+ left: the room was destroyed \(closing time\)")
    t.step("members only, invitation, a refused word, destroyed")


def secret(t, alice, bob):
    """Who is invited does not have to be told the password beside it."""
    alice.say("/room create vip", "/config roomsecret open sesame", "/config passwordprotectedroom on")
    alice.expect(r"done: roomsecret = \(set\)$")
    alice.expect("done: passwordprotectedroom = on")
    alice.say("/config")
    alice.expect(r"\| roomsecret = \(set\)  Password$")
    t.equal(alice.count("sesame"), 0, "the password on the screen")
    bob.say("/join vip", "/join vip bob wrong")
    bob.expect("refused: #vip: cannot join: it has a password")
    bob.expect("refused: #vip: cannot join: that is not its password")
    alice.say("/request-voice", "/invite bob@localhost")
    alice.expect("refused: you have voice there already")
    bob.expect(r"\* alice@localhost invites you: /join vip@rooms.localhost")
    bob.say("/join vip")
    bob.expect(r"\* #vip: you are in as bob, with alice")
    alice.say("/destroy yes")
    bob.expect(r"\* #vip \S+ left: the room was destroyed")
    t.step("a password comes with the invitation")


def register(t, alice, bob):
    """A nickname of one's own, with an admin's leave and without."""
    alice.say("/room create club")
    alice.expect("#club is a new room")
    bob.say("/join club", "/register Bobby")
    alice.expect(r"\* #club Bobby asks to be a member \(/member bob@localhost says yes, /affiliate bob@localhost none says no\)")
    bob.expect("done: registered as Bobby, or asked for it where admins have to say yes")
    alice.say("/member bob@localhost", "/nick bobby", "/register off")
    bob.expect(r"\* #club bob is now member")
    alice.expect("refused: .*you are still alice: somebody there has this nickname")
    alice.expect("refused: registered no more: ")
    alice.say("/config registration open")
    alice.expect("done: registration = open")
    bob.say("/register off", "/register", "/register two words", '/register "two words"', "/register alice")
    bob.expect("done: registered no more")
    bob.expect("done: registered as bob,")
    bob.expect(r"/register \[#ROOM\|--all\] \[NICK|off\]")
    bob.expect("done: registered as two words,")
    bob.expect("refused: registered as alice.*: somebody has that already")
    alice.say("/destroy yes")
    bob.expect(r"\* #club \S+ left: the room was destroyed")
    t.step("nicknames registered, by leave and freely, and given back")


def named(t, alice, bob):
    """A room that is not the current one is ended only by its name, which is no reason to end the current one."""
    for name in ("one", "two", "three"):
        alice.say(f"/room create {name}")
        alice.expect(f"#{name} is a new room")
    alice.say("/config persistentroom on", "/leave", "/destroy one@rooms.localhost yes over and out")
    alice.expect("done: persistentroom = on")
    alice.expect(r"\* #one alice left: the room was destroyed \(over and out\)$")
    alice.say("/destroy three@rooms.localhost yes", "/join two", "/destroy @two over", "/destroy two@nobody.example yes over")
    alice.expect("done: destroy three@rooms.localhost$")
    alice.expect("refused: @two is no name for a room: .* stands the room: /destroy #ROOM yes REASON$")
    alice.expect("refused: destroy two@nobody.example: this server speaks to no others: only who has an account on it")
    bob.say("/rooms", "/destroy two@rooms.localhost yes", "/join two@chat.example.org", "/msg carol@example.org hello", "/join two")
    bob.expect(r"\* two@rooms.localhost$")
    bob.expect("refused: destroy two@rooms.localhost: you may not do that there")
    bob.expect("refused: .*cannot join: this server speaks to no others; /rooms lists the rooms that it has itself$")
    bob.expect(r"-> carol@example.org: hello \(failed: this server speaks to no others: only who has an account")
    bob.expect(r"\* #two: you are in as bob, with alice")
    t.equal(bob.count("three@rooms.localhost"), 0, "ended by somebody who was not in it")
    alice.say("/destroy #two yes no reason")
    bob.expect(r"\* #two \S+ left: the room was destroyed \(no reason\)")
    t.step("rooms ended by name; other servers")


def gone(t, alice, bob):
    """Who left can be banned; who may only listen knows it at once; the rooms of a domain are found."""
    alice.say("/room create stage", "/config moderatedroom on")
    alice.expect("done: moderatedroom = on")
    bob.say("/leave", "/join stage Bobby", "/leave")
    bob.expect(r"\* #stage: you are in as Bobby, with alice")
    bob.expect(r"\* #stage: you have no voice here, and can only listen; /request-voice asks for it")
    alice.expect(r"\* #stage Bobby left")
    alice.say("/ban Bobby", "/rooms localhost", "/config membersonly on")
    alice.expect("done: bob@localhost is outcast in #stage")
    alice.expect("stage@rooms.localhost")
    alice.say("/affiliate bob@localhost none")
    alice.expect("done: bob@localhost is none in #stage")
    bob.say("/join stage", "/register #stage")
    bob.expect("refused: #stage: cannot join: it is for members only")
    bob.expect("done: registered as bob, or asked")
    alice.expect(r"\* #stage bob asks to be a member \(/member bob@localhost says yes")
    alice.say("/member bob@localhost")
    alice.expect("done: bob@localhost is member in #stage")
    bob.say("/join stage")
    bob.expect(r"\* #stage: you are in as bob, with alice")
    alice.say("/destroy yes")
    bob.expect(r"\* #stage \S+ left: the room was destroyed")
    t.step("banned when gone; a member from outside")


def everywhere(t, alice, bob):
    """A nickname of one's own in all rooms: nobody else enters with it; the administrator sees it and takes it away."""
    bob.say("/register --all Bobby")
    bob.expect("done: Bobby is yours in all rooms of the service")
    alice.say("/room create den")
    alice.expect("#den is a new room")
    alice.say("/register bobby")
    alice.expect("refused: .*somebody else has this nickname in all rooms there")
    alice.say("/destroy yes")
    alice.expect("#den .*destroyed")
    alice.say("/join pub bobby")
    alice.expect("refused: #pub: cannot join: somebody else has this nickname in all rooms there: /join ROOM NICK takes another$")
    wireside = [str(lib.find_wireside()), "room", "nicknames"]
    for words, said in ([], "Bobby\tbob@localhost\trooms.localhost\n"), (["remove", "bobby"], "bobby: anybody may have it now\n"), ([], ""):
        done = subprocess.run([*wireside, *words, "--data", str(t.server.folder)], stdout=subprocess.PIPE, text=True,
                              env=environment(t), timeout=30)
        t.equal(done.stdout, said, "what the administrator sees")
    bob.say("/register --all off")
    bob.expect("refused: .*registered no more with the service of rooms")
    t.step("a nickname for all rooms")


def elsewhere(t, alice, bob):
    """The administrator or an owner says where a room goes; whoever was in, or comes later, is told."""
    alice.say("/room create tea", "/topic Darjeeling")
    alice.expect(r"\* #tea is about: Darjeeling")
    bob.say("/join tea")
    bob.expect(r"\* #tea: you are in as bob, with alice")
    wireside = [str(lib.find_wireside()), "room", "destroy", "tea@rooms.localhost"]
    done = subprocess.run([*wireside, "too small", "hall@rooms.localhost", "--data", str(t.server.folder)],
                          stdout=subprocess.PIPE, text=True, env=environment(t), timeout=30)
    t.equal(done.stdout, "tea@rooms.localhost: destroyed\n", "ended by the administrator")
    for who in (alice, bob):
        who.expect(r"\* #tea \S+ left: the room was destroyed \(too small\)")
        who.expect(r"\* #tea: it goes on elsewhere: /join hall@rooms.localhost")
    bob.say("/join tea", "/join hall@rooms.localhost")
    bob.expect("refused: #tea: cannot join: it was destroyed; /join hall@rooms.localhost goes where it is now")
    bob.expect(r"\* #hall is a new room, and yours; you are in as bob")
    alice.say("/room create den")
    alice.expect(r"\* #den is a new room")
    bob.say("/leave", "/join den")
    alice.expect(r"\* #den bob joined")
    alice.say("/destroy yes --to", "/destroy --to hall yes too small")
    alice.expect(r"/destroy \[#ROOM\|ROOM@WHERE\] yes")
    for who in (alice, bob):
        who.expect(r"\* #den \S+ left: the room was destroyed \(too small\)")
        who.expect(r"\* #den: it goes on elsewhere: /join hall@rooms.localhost")
    t.step("a room that goes on elsewhere")


def settings(t, alice, bob):
    """What is shown can be typed; what has no value is shown; two owners do not undo each other."""
    alice.say("/room create den2", "/topic Lions")
    alice.expect(r"#den2 is about: Lions \(set by alice\)")
    alice.say("/topic", "/config roomname", "/config roomname \"The den\"", "/config roomname",
              "/config presencebroadcast moderator, participant", "/config muc#roomconfig_presencebroadcast",
              "/config contactjid alice@localhost", "/config roomname \"\"", "/config membersonly", "/topic \"\"")
    alice.expect(r"\* #den2 is about: Lions \(set by alice\)")
    alice.expect(r"\* roomname =   Name$")
    alice.expect(r'\| /config roomname TEXT sets it, /config roomname "" empties it$')
    alice.expect("done: roomname = The den$")
    alice.expect(r"\* roomname = The den  Name$")
    alice.expect("done: presencebroadcast = moderator, participant$")
    alice.expect(r"\* presencebroadcast = participant, moderator \[visitor\|participant\|moderator\]")
    alice.expect("done: contactjid = alice@localhost$")
    alice.expect("done: roomname is empty$")
    alice.expect(r"\* membersonly = 0 \[0\|1\]  Only members may enter$")
    alice.expect(r"\* #den2 has no subject any more \(set by alice\)")
    alice.say("/topic")
    alice.expect(r"\* #den2 has no subject; /topic TEXT sets one")
    bob.say("/leave", "/join den2")
    alice.expect(r"\* #den2 bob joined")
    alice.say("/affiliate bob owner")
    bob.expect(r"\* #den2 bob is now owner")
    for i in range(5):
        alice.say(f"/config roomdesc words {i}")
        bob.say(f"/config maxusers {10 + i}")
    alice.expect("done: roomdesc = words 4")
    bob.expect("done: maxusers = 14")
    alice.say("/config roomdesc", "/config maxusers", "/destroy yes")
    alice.expect(r"\* roomdesc = words 4 ")
    alice.expect(r"\* maxusers = 14 ")
    t.step("settings and subject, shown, set and emptied")


def test(t):
    """Rooms in line mode: every command of theirs"""
    alice, bob = pipe(t, "alice"), pipe(t, "bob")
    alice.expect("online")
    bob.expect("online")
    talk(t, alice, bob)
    history(t, alice, bob)
    order(t, alice, bob)
    invite(t, alice, bob)
    secret(t, alice, bob)
    register(t, alice, bob)
    named(t, alice, bob)
    everywhere(t, alice, bob)
    elsewhere(t, alice, bob)
    settings(t, alice, bob)
    gone(t, alice, bob)


if __name__ == "__main__":
    raise SystemExit(lib.main(test))
