/* Commands that have to do with rooms. They mean the current room, or the one named first with a '#'. */
#include "tui/line_i.h"

/* So that an empty text is typed on purpose. */
#define NOTHING "\"\""

/* Which room: "#lunch " before the rest, or the current one. */
static bool take_room(struct line *n, struct str *args, struct buf *ret)
{
	if (args->n && args->p[0] == '#') {
		struct str name = line_word(args);
		return line_find(n, name, FIND_ROOM, ret);
	}
	if (n->current && client_in_room(n->client, jid_bare_str(jid_view(str_z(n->current))))) {
		buf_str(ret, jid_bare_str(jid_view(str_z(n->current))));
		return true;
	}
	line_misuse(n, "in which room? /join one, or write #ROOM before the rest");
	return false;
}

/* The room, and a first word that must be there. */
static bool take_both(struct line *n, const struct command *c, struct str *args, struct buf *room, struct str *ret)
{
	if (!take_room(n, args, room))
		return false;
	*ret = line_word(args);
	if (!ret->n)
		line_usage(n, c);
	return ret->n > 0;
}

static void enter(struct line *n, struct str name, struct str nick, struct str password)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX}, why = {.max = 16384};
	int err;

	if (!line_ok(n, client_online(n->client) ? 0 : ERR_CLOSED))
		return;
	err = client_room_address(n->client, name, &room, &why);
	if (err) {
		err == ERR_SYNTAX ? line_misuse(n, "%s", buf_cstr(&why)) : line_refuse(n, "%s", buf_cstr(&why));
		return;
	}
	err = client_join(n->client, buf_view(&room), nick, password);
	if (err == ERR_EXISTS)
		line_talk_to(n, buf_view(&room));
	else
		line_ok(n, err);
}

/* A room's name is one word. What has its place and still looks like a name in several is not taken for a nickname. */
static bool is_several_words(struct line *n, struct str name, struct str nick, struct str more)
{
	CLEANUP(buf_clear) struct buf joined = {.max = LINE_MAX_BYTES};

	if (!more.n && (memchr(name.p, '@', name.n) || !nick.n || !memchr(nick.p, '@', nick.n)))
		return false;
	buf_fmt(&joined, "%.*s-%.*s", STR_FMT(name), STR_FMT(nick.n ? nick : STR("...")));
	line_misuse(n, "a room's name is one word, like %s; a nickname in several goes into double quotes",
		buf_cstr(&joined));
	return true;
}

static void join(struct line *n, const struct command *c, struct str args)
{
	struct str name = line_word(&args), nick = line_word(&args), password = line_word(&args);

	if (!name.n)
		line_usage(n, c);
	else if (!is_several_words(n, name, nick, args))
		enter(n, name, nick, password);
}

static void run_room(struct line *n, const struct command *c, struct str args)
{
	struct str verb = line_word(&args), name = line_word(&args), more = line_word(&args);

	if (str_is(verb, "create") && name.n && !more.n)
		enter(n, name, STR_NONE, STR_NONE);
	else if (str_is(verb, "create") && name.n)
		is_several_words(n, name, more, more);
	else
		line_usage(n, c);
}

static void run_leave(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};

	(void)c;
	if (take_room(n, &args, &room))
		line_ok(n, client_leave(n->client, buf_view(&room), args));
}

/* At our own service, or at that of somebody, or at an address. */
static void run_rooms(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear)
	struct buf room = {.max = JID_MAX}, service = {.max = JID_MAX}, text = {.max = JID_MAX}, why = {.max = 16384};
	struct str where = line_word(&args);
	struct jid_buf j;

	(void)c;
	if (where.n && memchr(where.p, '.', where.n) && jid_parse_buf(where, &j) == 0 && !j.jid.local) {
		buf_str(&service, jid_domain(j.jid));
	} else if (where.n) {
		buf_fmt(&text, "x@%.*s", STR_FMT(where));
		if (client_room_address(n->client, buf_view(&text), &room, &why) != 0) {
			line_refuse(n, "%s", buf_cstr(&why));
			return;
		}
		buf_str(&service, jid_domain(jid_view(buf_view(&room))));
	}
	line_ok(n, client_rooms(n->client, service.n ? buf_view(&service) : STR_NONE));
}

static void run_who(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};

	(void)c;
	if (take_room(n, &args, &room))
		line_ok(n, client_who(n->client, buf_view(&room)));
}

static void run_nick(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str nick;

	if (!take_both(n, c, &args, &room, &nick))
		return;
	if (args.n)
		line_misuse(n, "a nickname in several words goes into double quotes: \"%.*s %.*s\"", STR_FMT(nick),
			STR_FMT(args));
	else
		line_ok(n, client_nick(n->client, buf_view(&room), nick));
}

static void run_topic(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};

	(void)c;
	if (take_room(n, &args, &room))
		line_ok(n,
			client_topic(n->client, buf_view(&room),
				!args.n                         ? STR_NONE
					: str_is(args, NOTHING) ? STR("")
								: args));
}

static void run_kick(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str nick;

	if (take_both(n, c, &args, &room, &nick))
		line_ok(n, client_role(n->client, buf_view(&room), nick, "none", args));
}

/* With what it had, if that was asked for. */
static void refuse_unknown(struct line *n, const char *who, struct str words)
{
	if (words.n)
		line_refuse(n, "nothing is known that %s said there and that has \"%.*s\" in it", who, STR_FMT(words));
	else
		line_refuse(n, "nothing is known that %s said there", who);
}

static void run_retract(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str words;
	int err;

	(void)c;
	if (!take_room(n, &args, &room))
		return;
	words = line_name(args);
	err = client_retract(n->client, buf_view(&room), words);
	if (err == ERR_EXISTS)
		refuse_unknown(n, "you", words);
	else
		line_ok(n, err);
}

/* Behind a "--" of its own. */
static struct str take_reason(struct str *args)
{
	const struct str dashes = STR("--"), middle = STR(" -- ");
	const char *at = args->n ? memmem(args->p, args->n, middle.p, middle.n) : NULL;
	struct str reason = STR_NONE;

	if (str_is(*args, "--") || str_starts(*args, STR("-- ")))
		at = args->p;
	else if (!at && str_ends(*args, STR(" --")))
		at = args->p + args->n - dashes.n;
	if (at) {
		reason = str_trim((struct str){at, (size_t)(args->p + args->n - at)});
		reason = str_trim((struct str){reason.p + dashes.n, reason.n - dashes.n});
		*args = str_trim((struct str){args->p, (size_t)(at - args->p)});
	}
	return reason;
}

static void run_delete(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX}, who = {.max = LINE_MAX_BYTES};
	struct str nick, words, reason;
	int err;

	if (!take_both(n, c, &args, &room, &nick))
		return;
	reason = take_reason(&args);
	words = line_name(args);
	err = client_moderate(n->client, buf_view(&room), nick, words, reason);
	buf_str(&who, nick);
	if (err == ERR_EXISTS)
		refuse_unknown(n, buf_cstr(&who), words);
	else
		line_ok(n, err);
}

/* What gives something takes it away with "off", and never does the one for the other because of a slip. */
static bool take_off(struct line *n, const struct command *c, struct str args, bool *ret)
{
	*ret = str_is_nocase(args, "off");
	if (args.n && !*ret && !str_is_nocase(args, "on"))
		line_usage(n, c);
	return !args.n || *ret || str_is_nocase(args, "on");
}

static void set_role(struct line *n, const struct command *c, struct str args, const char *on, const char *off)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str nick;
	bool is_off;

	if (take_both(n, c, &args, &room, &nick) && take_off(n, c, args, &is_off))
		line_ok(n, client_role(n->client, buf_view(&room), nick, is_off ? off : on, STR_NONE));
}

static void run_voice(struct line *n, const struct command *c, struct str args)
{
	set_role(n, c, args, "participant", "visitor");
}

static void run_moderator(struct line *n, const struct command *c, struct str args)
{
	set_role(n, c, args, "moderator", "participant");
}

static void set_affiliation(struct line *n, struct str room, struct str whom, struct str affiliation, struct str reason)
{
	int err = client_affiliate(n->client, room, whom, affiliation, reason);

	if (err == ERR_INVALID)
		line_refuse(n, "it is not known who %.*s is here; their address would do", STR_FMT(whom));
	else
		line_ok(n, err);
}

static void run_ban(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str whom;

	if (take_both(n, c, &args, &room, &whom))
		set_affiliation(n, buf_view(&room), whom, STR("outcast"), args);
}

static void run_member(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str whom;
	bool is_off;

	if (take_both(n, c, &args, &room, &whom) && take_off(n, c, args, &is_off))
		set_affiliation(n, buf_view(&room), whom, is_off ? STR("none") : STR("member"), STR_NONE);
}

static bool is_affiliation(struct str s)
{
	static const char *const all[] = {"owner", "admin", "member", "outcast", "none"};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (str_is(s, all[i]))
			return true;
	return false;
}

static void run_affiliate(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str first, affiliation;

	if (!take_both(n, c, &args, &room, &first))
		return;
	affiliation = line_word(&args);
	if (!affiliation.n && is_affiliation(first))
		line_ok(n, client_affiliated(n->client, buf_view(&room), first));
	else if (is_affiliation(affiliation))
		set_affiliation(n, buf_view(&room), first, affiliation, args);
	else
		line_usage(n, c);
}

static void run_invite(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX}, jid = {.max = JID_MAX};
	struct str whom;

	if (take_both(n, c, &args, &room, &whom) && line_find(n, whom, FIND_PEER, &jid))
		line_ok(n, client_invite(n->client, buf_view(&room), buf_view(&jid), args));
}

static void run_decline(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX}, why = {.max = 1024};
	struct str name = line_word(&args);
	int err;

	(void)c;
	if (!name.n) {
		client_invitations(n->client);
		return;
	}
	err = client_room_address(n->client, name, &room, &why);
	if (!err)
		err = client_decline(n->client, buf_view(&room), args);
	if (err == ERR_CLOSED)
		line_ok(n, err);
	else if (err)
		line_refuse(n, "no invitation to %.*s waits for an answer", STR_FMT(name));
}

static void run_config(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str field;

	(void)c;
	if (!take_room(n, &args, &room))
		return;
	field = line_word(&args);
	line_ok(n, client_configure(n->client, buf_view(&room), field, args.n ? line_name(args) : STR_NONE));
}

static void run_log(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	uint64_t count = 20;

	if (!take_room(n, &args, &room))
		return;
	if (args.n && (str_uint(args, 500, &count) != 0 || count == 0))
		line_usage(n, c);
	else
		line_ok(n, client_history(n->client, buf_view(&room), (unsigned)count));
}

static void run_request_voice(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};

	int err;

	(void)c;
	if (!take_room(n, &args, &room))
		return;
	err = client_request_voice(n->client, buf_view(&room));
	if (err == ERR_EXISTS)
		line_refuse(n, "you have voice there already");
	else
		line_ok(n, err);
}

/* The room also from outside, where others are for members only. */
static bool take_any_room(struct line *n, struct str *args, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf why = {.max = 16384};
	struct str rest = *args, name = line_word(&rest);
	int err = str_starts(name, STR("#")) ? client_find(n->client, name, FIND_ROOM, ret, &why) : ERR_INVALID;

	if (err && err != ERR_NOTFOUND)
		return take_room(n, args, ret);
	*args = rest;
	if (err == 0)
		return true;
	buf_reset(&why);
	if (client_room_address(n->client, name, ret, &why) == 0)
		return true;
	line_misuse(n, "%s", buf_cstr(&why));
	return false;
}

/* The nickname that we have there, or would have. */
static struct str usual_nick(const struct line *n, struct str room)
{
	return room.n && client_in_room(n->client, room) ? client_own_nick(n->client, room)
							 : jid_local(jid_view(client_jid(n->client)));
}

static bool takes_all(struct str *args)
{
	struct str rest = *args;

	if (!str_is(line_word(&rest), "--all"))
		return false;
	*args = rest;
	return true;
}

static void run_register(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str nick;

	if (!takes_all(&args) && !take_any_room(n, &args, &room))
		return;
	nick = line_word(&args);
	if (args.n)
		line_usage(n, c);
	else if (str_is_nocase(nick, "off"))
		line_ok(n, client_register(n->client, buf_view(&room), STR_NONE));
	else
		line_ok(n, client_register(n->client, buf_view(&room), nick.n ? nick : usual_nick(n, buf_view(&room))));
}

static void run_pm(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX};
	struct str nick;

	if (!take_both(n, c, &args, &room, &nick))
		return;
	if (!args.n) {
		line_usage(n, c);
		return;
	}
	buf_char(&room, '/');
	if (jid_prep_resource(nick, &room) != 0)
		line_misuse(n, "nobody can be called %.*s", STR_FMT(nick));
	else
		line_ok(n, client_say(n->client, buf_view(&room), args));
}

/* The same line again, with the word that says that it is meant. */
static void ask_destroy(struct line *n, struct str room, struct str other, struct str reason)
{
	CLEANUP(buf_clear) struct buf label = {.max = 2 * JID_MAX};

	client_label(n->client, room, &label);
	line_misuse(n, "this ends %s for all, and nobody can take it back; if you mean it: /destroy %s yes%s%.*s%s%.*s",
		buf_cstr(&label), buf_cstr(&label), other.n ? " --to " : "", STR_FMT(other), reason.n ? " " : "",
		STR_FMT(reason));
}

/* The words that may stand before the reason, in any order. */
static void take_destroy_words(struct str *args, bool *ret_yes, struct str *ret_other)
{
	struct str rest = *args, word;

	while ((word = line_word(&rest)).p) {
		if (str_is(word, "yes") && !*ret_yes)
			*ret_yes = true;
		else if (str_is(word, "--to") && !ret_other->p)
			*ret_other = rest.n ? line_word(&rest) : STR("");
		else
			return;
		*args = rest;
	}
}

/* Whoever owns a room need not be in it to end it. What may be an address is never taken for a reason to end another one. */
static bool take_address(struct line *n, struct str *args, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf why = {.max = 16384};
	struct str rest = *args, name = line_word(&rest);
	int err;

	if (!name.n || !memchr(name.p, '@', name.n))
		return take_room(n, args, ret);
	err = client_room_address(n->client, name, ret, &why);
	if (!err)
		*args = rest;
	else if (err == ERR_SYNTAX)
		line_misuse(n, "%s; before a reason that begins so stands the room: /destroy #ROOM yes REASON",
			buf_cstr(&why));
	else
		line_refuse(n, "%s", buf_cstr(&why));
	return err == 0;
}

static void run_destroy(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf room = {.max = JID_MAX}, jid = {.max = JID_MAX}, why = {.max = 16384};
	struct str other = STR_NONE;
	bool yes = false;

	if (!take_address(n, &args, &room))
		return;
	take_destroy_words(&args, &yes, &other);
	if (other.p && !other.n)
		line_usage(n, c);
	else if (other.n && client_room_address(n->client, other, &jid, &why) != 0)
		line_misuse(n, "%s", buf_cstr(&why));
	else if (!yes)
		ask_destroy(n, buf_view(&room), other, args);
	else
		line_ok(n, client_destroy(n->client, buf_view(&room), jid.n ? buf_view(&jid) : STR_NONE, args));
}

/* ---- passwords ---- */

static struct str join_secret(struct str args)
{
	line_word(&args);
	line_word(&args);
	return args;
}

static struct str config_secret(struct str args)
{
	struct str field = line_word(&args);

	if (field.n && field.p[0] == '#')
		field = line_word(&args);
	return str_ends(field, STR("roomsecret")) ? args : STR_NONE;
}

const struct command line_room_commands[] = {
	{"join", "ROOM [NICK] [PASSWORD]", "goes into a room: NAME, NAME@PEER or an address", FIND_ROOM | FIND_INVITED,
		join, NULL, join_secret},
	{"leave", "[#ROOM] [REASON]", "goes out", FIND_ROOM, run_leave},
	{"rooms", "[PEER|SERVICE]", "which rooms there are", FIND_PEER, run_rooms},
	{"room", "create NAME", "makes a room and goes in", 0, run_room, "create "},
	{"who", "[#ROOM]", "who is in the room, and what they may", FIND_ROOM, run_who},
	{"nick", "[#ROOM] NAME", "another name for you in the room", 0, run_nick},
	{"topic", "[#ROOM] [TEXT]", "what the room is about, shown or set; " NOTHING " empties it", 0, run_topic},
	{"pm", "[#ROOM] NICK TEXT", "says something to one occupant alone", COMPLETE_NICK, run_pm},
	{"invite", "[#ROOM] PEER [REASON]", "asks somebody to come", FIND_PEER, run_invite},
	{"decline", "[ROOM [REASON]]", "says no to an invitation, or lists those that wait", FIND_INVITED, run_decline},
	{"retract", "[#ROOM] [WORDS]", "takes back what you said last, or last with WORDS in it", 0, run_retract},
	{"delete", "[#ROOM] NICK [WORDS] [-- REASON]", "removes what somebody said last, or last with WORDS in it",
		COMPLETE_NICK, run_delete},
	{"kick", "[#ROOM] NICK [REASON]", "puts somebody out", COMPLETE_NICK, run_kick},
	{"ban", "[#ROOM] WHO [REASON]",
		"puts somebody out for ever (/affiliate WHO none takes it back), @DOMAIN all from there",
		COMPLETE_NICK | FIND_PEER, run_ban},
	{"voice", "[#ROOM] NICK [off]", "lets somebody speak in a moderated room", COMPLETE_NICK, run_voice, "off "},
	{"moderator", "[#ROOM] NICK [off]", "lets somebody keep order", COMPLETE_NICK, run_moderator, "off "},
	{"member", "[#ROOM] WHO [off]", "makes somebody a member", COMPLETE_NICK | FIND_PEER, run_member, "off "},
	{"affiliate", "[#ROOM] (WHO AFFILIATION [REASON] | AFFILIATION)",
		"makes somebody owner, admin, member, outcast or none of them; or lists them",
		COMPLETE_NICK | FIND_PEER, run_affiliate, "owner admin member outcast none "},
	{"config", "[#ROOM] [SETTING [VALUE]]",
		"the room's settings, one of them, or one set; " NOTHING
		" empties it, several values have commas between them",
		COMPLETE_SETTING, run_config,
		"roomname roomdesc lang contactjid persistentroom publicroom membersonly moderatedroom members_by_default "
		"passwordprotectedroom roomsecret whois enablelogging enablearchiving changesubject allowinvites allowpm "
		"allow_private_messages_from_visitors allow_query_users allowvoicerequests voice_request_min_interval "
		"canchangenick allowvisitornickchange allowvisitorstatus registration locknicks presencebroadcast getmemberlist showabsent "
		"public_list allow_subscription maxusers maxhistoryfetch defaulthistorymessages slow_mode_duration on off ",
		config_secret},
	{"log", "[#ROOM] [N]", "the last N messages of the room", 0, run_log},
	{"request-voice", "[#ROOM]", "asks moderators to be let speak", 0, run_request_voice},
	{"register", "[#ROOM|--all] [NICK|off]",
		"makes a nickname yours in the room, and you a member, also from outside; --all: yours in all rooms of the server",
		0, run_register, "off --all "},
	{"destroy", "[#ROOM|ROOM@WHERE] yes [--to ROOM] [REASON]",
		"ends the room for all, who may be told of another one; without yes nothing", 0, run_destroy,
		"yes --to "},
};
const size_t line_room_commands_n = ARRAY_LEN(line_room_commands);
