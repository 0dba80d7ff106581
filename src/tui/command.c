/* What people may say: the table of commands, and those that have to do with people. */
#include <stdio.h>

#include "tui/line_i.h"
#include "tui/text.h"

/* ---- words ---- */

struct str line_word(struct str *rest)
{
	struct str s = str_trim(rest->p ? *rest : STR("")), word;

	if (!s.n) {
		*rest = STR("");
		return STR_NONE;
	}
	if (s.p[0] == '"') {
		s = (struct str){s.p + 1, s.n - 1};
		word = str_cut(&s, '"');
	} else {
		word = str_cut(&s, ' ');
	}
	*rest = s.p ? str_trim(s) : STR("");
	return word;
}

bool line_ok(struct line *n, int err)
{
	const struct {
		int err;
		const char *text;
	} texts[] = {{ERR_CLOSED, line_offline_words(n)}, {ERR_LIMIT, "too much is waiting already"},
		{ERR_NOTFOUND, "you are not in that room"}, {ERR_INVALID, "not understood, or not known who that is"},
		{ERR_SYNTAX, "not an address"}};

	if (err == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].err == err) {
			line_refuse(n, "%s", texts[i].text);
			return false;
		}
	line_refuse(n, "%s", err_name(err));
	return false;
}

/* bob@bravo: as somebody is called on the network. What is that of nobody stays the address that it is, and an address that is
 * made of a key means that key, whatever others call themselves. */
static int find_on_network(struct line *n, struct str typed, struct buf *ret, struct buf *why)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	int err = str_ends(buf_view(ret), STR(".internal")) ? ERR_NOTFOUND
							    : n->config.find_peer(n->config.arg, typed, &jid, why);

	if (err == 0) {
		buf_reset(ret);
		buf_str(ret, buf_view(&jid));
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

bool line_find(struct line *n, struct str typed, unsigned kinds, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf why = {.max = 16384}, other = {.max = 16384};
	int err = client_find(n->client, typed, kinds, ret, &why);

	/* The node knows more of peers than a roster has: numbers, keys, names on the network. Some of these look like addresses. */
	if (err == ERR_NOTFOUND && (kinds & FIND_PEER) && n->config.find_peer)
		err = n->config.find_peer(n->config.arg, typed, ret, &other);
	else if (err == 0 && (kinds & FIND_PEER) && n->config.find_peer && !client_is_known(n->client, buf_view(ret)))
		err = find_on_network(n, typed, ret, &other);
	if (err == 0)
		return true;
	line_refuse(n, "%s", buf_cstr(err == ERR_NOTFOUND ? &why : other.n ? &other : &why));
	return false;
}

void line_usage(struct line *n, const struct command *c)
{
	line_misuse(n, LINE_USAGE "/%s %s: %s", c->name, c->args, c->help);
}

static void say_to(struct line *n, struct str jid, struct str text)
{
	if (text.n > CLIENT_BODY_MAX)
		line_refuse(n, "a text of more than %d bytes, which is the most; say it in parts", CLIENT_BODY_MAX);
	else
		line_ok(n, client_say(n->client, jid, text));
}

static void say_here(struct line *n, struct str text)
{
	if (n->current)
		say_to(n, str_z(n->current), text);
	else
		line_misuse(n, "to whom? /msg PEER or /join ROOM begins a conversation");
}

struct str line_name(struct str args)
{
	struct str rest = args, word = line_word(&rest);

	return rest.n ? args : word;
}

/* The same with one of these words behind it, perhaps. */
static struct str take_name_before(struct str args, const char *a, const char *b, struct str *ret_last)
{
	struct str name = args, last;
	size_t at = name.n;

	while (at && name.p[at - 1] != ' ')
		at--;
	last = (struct str){name.p + at, name.n - at};
	if (at && (str_is(last, a) || str_is(last, b))) {
		name = str_trim((struct str){name.p, at});
		*ret_last = last;
	}
	return line_name(name);
}

/* To the node, or, where there is none, false. */
static bool ask_node(struct line *n, const char *verb, struct str what, struct str more)
{
	const char *words[4] = {"peer", verb};
	uint32_t k = 2;
	char *a = str_dup(what), *b = str_dup(more);

	if (n->config.ask_node) {
		if (what.n)
			words[k++] = a;
		if (more.n)
			words[k++] = b;
		line_ask(n, words, k, ASKED_COMMAND);
	}
	xfree(a);
	xfree(b);
	return n->config.ask_node != NULL;
}

/* ---- commands ---- */

/* All of them are more lines than a terminal has. */
static void put_rooms(struct buf *out)
{
	buf_z(out, "\nIn rooms:");
	for (size_t i = 0; i < line_room_commands_n; i++)
		buf_fmt(out, " /%s", line_room_commands[i].name);
	buf_z(out, "; /help COMMAND explains one, /help all all of them.");
}

static void run_help(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf out = {.max = 16384};
	struct str name = line_word(&args);
	bool all = str_is(name, "all") || (!name.n && !n->edit);
	const struct command *k;

	(void)c;
	if (str_starts(name, STR("/")))
		name = (struct str){name.p + 1, name.n - 1};
	if (name.n && !all && !line_find_command(name)) {
		line_misuse(n, "there is no command /%.*s", STR_FMT(name));
		return;
	}
	for (size_t i = 0; (k = line_command(i)); i++)
		if (all || (name.n ? str_is(name, k->name) : i < line_commands_n))
			buf_fmt(&out, "%s/%s%s%s: %s", out.n ? "\n" : "", k->name, *k->args ? " " : "", k->args,
				k->help);
	if (!name.n && !all)
		put_rooms(&out);
	if (!name.n || all)
		buf_z(&out,
			"\nAnything else goes to the current conversation; a text that begins with / needs two of them.");
	line_say(n, EVENT_ANSWER, "%s", buf_cstr(&out));
}

static void run_peers(struct line *n, const struct command *c, struct str args)
{
	(void)c;
	(void)args;
	if (!ask_node(n, "list", STR_NONE, STR_NONE))
		client_peers(n->client);
}

static void run_msg(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str peer = line_word(&args);

	if (!peer.n) {
		line_usage(n, c);
		return;
	}
	if (!line_find(n, peer, FIND_PEER | FIND_ROOM, &jid))
		return;
	line_talk_to(n, buf_view(&jid));
	if (args.n)
		say_to(n, buf_view(&jid), args);
}

/* Others see "* alice waves" (XEP-0245). */
static void run_me(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf text = {.max = 2 * LINE_MAX_BYTES};

	if (!args.n) {
		line_usage(n, c);
		return;
	}
	buf_fmt(&text, CLIENT_ACTION "%.*s", STR_FMT(args));
	say_here(n, buf_view(&text));
}

/* A face that sees keys says so by itself; in lines, and for lessons, it is said. */
static void run_typing(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str peer = line_word(&args);

	if (!peer.n || (args.n && !str_is(args, "off")))
		line_usage(n, c);
	else if (line_find(n, peer, FIND_PEER | FIND_ROOM, &jid))
		client_typing(n->client, buf_view(&jid), !args.n);
}

static void run_add(struct line *n, const struct command *c, struct str args)
{
	struct str who = line_word(&args);
	struct jid_buf j;

	if (!who.n) {
		line_usage(n, c);
		return;
	}
	if (n->config.ask_node) {
		CLEANUP(buf_clear) struct buf target = {.max = LINE_MAX_BYTES};
		struct str name = line_name(args);
		size_t at = who.n;

		while (at && who.p[at - 1] != '@')
			at--;
		/* A node takes it in one word. */
		if (name.n)
			buf_fmt(&target, "%.*s@", STR_FMT(name));
		buf_add(&target, name.n ? who.p + at : who.p, name.n ? who.n - at : who.n);
		ask_node(n, "add", buf_view(&target), STR_NONE);
		return;
	}
	if (jid_parse_buf(who, &j) != 0 || !j.jid.local)
		line_misuse(n, "%.*s is not an address like bob@example.org", STR_FMT(who));
	else
		line_ok(n, client_add(n->client, jid_bare_str(j.jid), args.n ? line_name(args) : STR_NONE));
}

static void run_remove(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str who = line_name(args);

	if (!who.n)
		line_usage(n, c);
	else if (!ask_node(n, "del", who, STR_NONE) && line_find(n, who, FIND_PEER, &jid))
		line_ok(n, client_remove(n->client, buf_view(&jid)));
}

/* The code may be here before the answer that it comes. */
static void begin_verify(struct line *n, struct str who)
{
	char *name = str_dup(who);
	const char *words[] = {"peer", "verify", name};

	n->code_told = false;
	line_ask(n, words, ARRAY_LEN(words), ASKED_CODE);
	xfree(name);
}

static void run_verify(struct line *n, const struct command *c, struct str args)
{
	struct str last = STR_NONE, who = take_name_before(args, "yes", "no", &last);

	if (!who.n)
		line_usage(n, c);
	else if (n->config.ask_node && !last.n)
		begin_verify(n, who);
	else if (!ask_node(n, "verify", who, last))
		line_refuse(n, "a server vouches for its people; /verify is for peers without one");
}

static void run_rename(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str who = line_word(&args), name = line_name(args);

	if (!who.n || !name.n)
		line_usage(n, c);
	else if (!ask_node(n, "rename", who, name) && line_find(n, who, FIND_PEER, &jid))
		line_ok(n, client_rename(n->client, buf_view(&jid), name));
}

static void block_or_not(struct line *n, const struct command *c, struct str args, const char *verb,
	int (*order)(struct client *client, struct str jid))
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str who = line_name(args);

	if (!who.n)
		line_usage(n, c);
	else if (!ask_node(n, verb, who, STR_NONE) && line_find(n, who, FIND_PEER, &jid))
		line_ok(n, order(n->client, buf_view(&jid)));
}

static void run_block(struct line *n, const struct command *c, struct str args)
{
	block_or_not(n, c, args, "block", client_block);
}

static void run_unblock(struct line *n, const struct command *c, struct str args)
{
	block_or_not(n, c, args, "unblock", client_unblock);
}

/* On a server that is what /add does: see when they are here, and let them see it. */
static void run_accept(struct line *n, const struct command *c, struct str args)
{
	struct str who = line_name(args);
	struct jid_buf j;

	if (!who.n)
		line_usage(n, c);
	else if (ask_node(n, "accept", who, STR_NONE))
		return;
	else if (jid_parse_buf(who, &j) != 0 || !j.jid.local)
		line_misuse(n, "%.*s is not an address like bob@example.org", STR_FMT(who));
	else
		line_ok(n, client_add(n->client, jid_bare_str(j.jid), STR_NONE));
}

/* /allow and /disallow. */
static void run_allow(struct line *n, const struct command *c, struct str args)
{
	struct str who = line_name(args);

	if (!who.n)
		line_usage(n, c);
	else if (!ask_node(n, c->name, who, STR_NONE))
		line_refuse(n, "/%s is for peers without a server, of which some cannot encrypt", c->name);
}

/* What others see; with a node, also how that is. */
static void say_status(struct line *n)
{
	static const char *const words[] = {"node", "status"};
	struct str show, text, name = str_z(n->config.name);

	if (!client_online(n->client)) {
		line_say(n, EVENT_ANSWER, "nobody sees you now: %s", line_offline_words(n));
		return;
	}
	client_own_status(n->client, &show, &text);
	line_say(n, EVENT_ANSWER, "you are %.*s as %.*s%s%.*s", STR_FMT(show),
		STR_FMT(name.n ? name : client_jid(n->client)), text.n ? ": " : "", STR_FMT(text));
	if (n->config.ask_node)
		line_ask(n, words, ARRAY_LEN(words), ASKED_COMMAND);
}

static void run_status(struct line *n, const struct command *c, struct str args)
{
	struct str show = line_word(&args);

	if (!show.n)
		say_status(n);
	else if (client_status(n->client, show, args) != 0)
		line_usage(n, c);
	else
		line_say(n, EVENT_ANSWER, "you are %.*s now%s%.*s", STR_FMT(show), args.n ? ": " : "", STR_FMT(args));
}

static unsigned take_count(struct str *s, unsigned usual)
{
	uint64_t k;

	if (!s->n || str_uint(*s, 500, &k) != 0)
		return usual;
	*s = STR("");
	return (unsigned)k;
}

static void run_history(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str who = line_word(&args);
	unsigned count = take_count(&args, 20);

	if (who.n && !args.n)
		count = take_count(&who, count);
	if (args.n || (!who.n && !n->current)) {
		line_usage(n, c);
		return;
	}
	if (!who.n)
		buf_z(&jid, n->current);
	else if (!line_find(n, who, FIND_PEER | FIND_ROOM, &jid))
		return;
	line_ok(n, client_history(n->client, buf_view(&jid), count));
}

static void run_start(struct line *n, const struct command *c, struct str args)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	(void)c;
	(void)args;
	if (!n->config.start_node)
		line_refuse(n, "a server is started by who runs it; this chat comes back when it is there");
	else if (client_online(n->client))
		line_refuse(n, "the node runs, and this chat is online");
	else if (n->config.start_node(n->config.arg, &why) != 0)
		line_refuse(n, "%s", buf_cstr(&why));
}

static void run_quit(struct line *n, const struct command *c, struct str args)
{
	(void)c;
	(void)args;
	line_quit(n);
}

const struct command line_commands[] = {
	{"help", "[COMMAND|all]", "what can be said, or how one command is used", COMPLETE_COMMAND, run_help},
	{"peers", "", "who there is, and how they are", 0, run_peers},
	{"msg", "PEER [TEXT]", "says TEXT to somebody, and talks to them from now on", FIND_PEER | FIND_ROOM, run_msg},
	{"me", "TEXT", "says what you do: /me waves", 0, run_me},
	{"typing", "PEER [off]", "tells somebody that you are writing", FIND_PEER | FIND_ROOM, run_typing, "off "},
	{"history", "[PEER] [N]", "the last N messages of a conversation", FIND_PEER | FIND_ROOM, run_history},
	{"status", "[available|away|dnd|xa|chat] [TEXT]", "what others see of you", 0, run_status,
		"available away dnd xa chat "},
	{"add", "ADDRESS [NAME]", "a new person: USER@DOMAIN, or ADDR[:PORT] on a LAN", 0, run_add},
	{"rename", "PEER NAME", "how somebody is called here", FIND_PEER, run_rename},
	{"remove", "PEER", "forgets a person", FIND_PEER, run_remove},
	{"verify", "PEER [yes|no]", "compares a code with a peer, to know who it is", FIND_PEER, run_verify, "yes no "},
	{"accept", "PEER", "takes a stranger, or somebody with a new key, for who he says he is", FIND_PEER,
		run_accept},
	{"allow", "PEER", "lets you talk to a program that cannot encrypt", FIND_PEER, run_allow},
	{"disallow", "PEER", "takes that back", FIND_PEER, run_allow},
	{"block", "PEER", "hears no more of somebody", FIND_PEER, run_block},
	{"unblock", "PEER", "takes that back", FIND_PEER, run_unblock},
	{"start", "", "starts this machine's node again after it was stopped", 0, run_start},
	{"quit", "", "ends", 0, run_quit},
};
const size_t line_commands_n = ARRAY_LEN(line_commands);

/* ---- the table ---- */

const struct command *line_command(size_t i)
{
	if (i < line_commands_n)
		return &line_commands[i];
	i -= line_commands_n;
	return i < line_room_commands_n ? &line_room_commands[i] : NULL;
}

const struct command *line_find_command(struct str name)
{
	const struct command *c;

	for (size_t i = 0; (c = line_command(i)); i++)
		if (str_is_nocase(name, c->name))
			return c;
	return NULL;
}

static void run_command(struct line *n, struct str line)
{
	struct str args = line, name = str_cut(&args, ' ');
	const struct command *c = line_find_command(name);

	if (!c)
		line_misuse(n, "there is no command /%.*s; /help lists them", STR_FMT(name));
	else
		c->run(n, c, args.p ? str_trim(args) : STR(""));
}

void line_run(struct line *n, struct str line)
{
	struct str trimmed = str_trim(line);

	if (!trimmed.n)
		return;
	/* Nobody means a text by a blank before it, but by a line break, which only a paste has. */
	if (trimmed.p[0] == '/' && !memchr(line.p, '\n', (size_t)(trimmed.p - line.p)))
		line = trimmed;
	if (line.p[0] == '/' && !str_starts(line, STR("//"))) {
		run_command(n, (struct str){line.p + 1, line.n - 1});
		return;
	}
	if (line.p[0] == '/')
		line = (struct str){line.p + 1, line.n - 1};
	say_here(n, line);
}

size_t line_open_part(struct str typed)
{
	struct str args = str_trim(typed), name = str_cut(&args, ' '), secret = STR_NONE;
	const struct command *c = NULL;

	if (str_starts(name, STR("/")))
		c = line_find_command((struct str){name.p + 1, name.n - 1});
	if (c && c->secret)
		secret = c->secret(args);
	return secret.n ? (size_t)(secret.p - typed.p) : typed.n;
}

/* ---- completion ---- */

struct completion {
	struct edit_choices *ret;
	bool hash; /* a '#' was typed before a room */
};

static void offer(void *arg, struct str name)
{
	struct completion *k = arg;
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	bool spaces = memchr(name.p, ' ', name.n) != NULL;

	buf_z(&text, k->hash ? "#" : spaces ? "\"" : "");
	buf_str(&text, name);
	buf_z(&text, spaces && !k->hash ? "\"" : "");
	edit_choose(k->ret, buf_view(&text));
}

static void offer_commands(struct str prefix, const char *before, struct edit_choices *ret)
{
	const struct command *c;
	char text[64];

	for (size_t i = 0; (c = line_command(i)); i++) {
		snprintf(text, sizeof(text), "%s%s", before, c->name);
		if (str_starts(str_z(text), prefix))
			edit_choose(ret, str_z(text));
	}
}

static bool has_word(struct str text, struct str wanted)
{
	struct str word;

	while ((word = line_word(&text)).p)
		if (str_eq(word, wanted))
			return true;
	return false;
}

/* But none that stands there already. */
static void offer_words(struct str rest, struct str before, struct str prefix, struct edit_choices *ret)
{
	struct str word;

	while ((word = str_cut(&rest, ' ')).n)
		if (str_starts(word, prefix) && !has_word(before, word))
			edit_choose(ret, word);
}

/* Other services have others. */
static void offer_settings(struct str all, const char *known, struct str before, struct str prefix,
	struct edit_choices *ret)
{
	CLEANUP(buf_clear) struct buf others = {.max = 65536};
	struct str word;

	while ((word = str_cut(&all, ' ')).n)
		if (!has_word(str_z(known), word))
			buf_fmt(&others, "%.*s ", STR_FMT(word));
	if (buf_ok(&others))
		offer_words(buf_view(&others), before, prefix, ret);
}

/* The next word is whom or what a command is about; a room may be named before that. */
static bool is_first(struct str before)
{
	struct str first = line_word(&before);

	return !first.p || (str_starts(first, STR("#")) && !line_word(&before).p);
}

void line_complete(struct line *n, struct str line, struct str word, struct edit_choices *ret)
{
	struct completion k = {.ret = ret, .hash = str_starts(word, STR("#"))};
	struct str rest = line, first = str_cut(&rest, ' '), before;
	struct str room = n->current && client_in_room(n->client, str_z(n->current)) ? str_z(n->current) : STR_NONE;
	const struct command *c;
	unsigned kinds = 0;

	if (str_starts(line, STR("/")) && !rest.p) {
		offer_commands(word, "/", ret);
		return;
	}
	c = str_starts(first, STR("/")) ? line_find_command((struct str){first.p + 1, first.n - 1}) : NULL;
	before = (struct str){rest.p, rest.n > word.n ? rest.n - word.n : 0};
	if (c && c->words)
		offer_words(str_z(c->words), before, word, ret);
	if (c && (c->complete & COMPLETE_SETTING) && room.p)
		offer_settings(client_settings(n->client, room), c->words, before, word, ret);
	if (c && is_first(before)) {
		if (c->complete & COMPLETE_COMMAND)
			offer_commands(word, "", ret);
		kinds = c->complete;
	}
	if (!c)
		kinds = COMPLETE_NICK; /* in a text: whom it is for */
	if (k.hash || (word.n && word.p[0] == '"'))
		word = (struct str){word.p + 1, word.n - 1};
	client_complete(n->client, word, kinds & (FIND_PEER | FIND_ROOM | FIND_INVITED),
		kinds & COMPLETE_NICK ? room : STR_NONE, offer, &k);
}
