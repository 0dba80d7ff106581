/* What the people in the lab say and do to each other: a script of lines, "WHO VERB ...". */
#include "cmd/lab_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum {
	SEE_MS = 60000,
	LONG_TEXT = 5000,
	SCRIPT_MAX = 1 << 16,
	STEPS_MAX = 1000,
	SEEN_BYTES = 60,
	WAIT_MAX = 600000,
	JOIN_TRIES = 30,
	JOIN_MS = 1000
};

struct step {
	const struct verb *verb;
	unsigned line;
	unsigned who, whom;
	struct str text; /* of the script */
	unsigned number;
};

struct lab_script {
	char *name;
	struct buf text;
	struct step steps[STEPS_MAX];
	unsigned n;
};

/* How the rest of a line is read. */
enum rest { REST_NONE, REST_TEXT, REST_WHOM, REST_WHOM_TEXT, REST_TIME, REST_LOSS };

struct verb {
	const char *name;
	enum rest rest;
	int (*run)(struct lab *l, const struct step *s, struct buf *why);
};

/* When nobody tells them. */
static const char usual[] = "alice says bob hello Bob, this is Alice over the wire\n"
			    "bob says alice hi Alice, got it\n"
			    "alice says-long bob now something longer, so that it takes several segments:\n"
			    "bob says alice that was long & <fine>\n"
			    "alice says bob goodbye\n";

/* ---- what can be done ---- */

static struct lab_peer *who(struct lab *l, const struct step *s) { return &l->peers[s->who]; }
static struct lab_peer *whom(struct lab *l, const struct step *s) { return &l->peers[s->whom]; }

static int say(const struct lab *l, struct lab_peer *p, const char *command, const char *to, struct str text)
{
	CLEANUP(buf_clear) struct buf line = {.max = 4 * LONG_TEXT};

	buf_fmt(&line, text.n ? "/%s %s %.*s" : "/%s %s", command, to, STR_FMT(text));
	return lab_say(l, p, buf_view(&line));
}

/* The beginning of a text, as far as it is looked for. */
static const char *beginning(struct str text, char ret[SEEN_BYTES + 1])
{
	size_t n = 0, next;

	while (n < text.n && (next = str_utf8_next((struct str){text.p + n, text.n - n})) && n + next <= SEEN_BYTES)
		n += next;
	memcpy(ret, text.p, n);
	ret[n] = '\0';
	return ret;
}

/* The other one sees it, and then the speaker that it was delivered: where both have their cables in. */
static int see_delivered(struct lab *l, const struct step *s, struct buf *why)
{
	char text[SEEN_BYTES + 1];
	int err = lab_see(l, whom(l, s), beginning(s->text, text), SEE_MS, why);

	/* Old programs give no receipts. */
	return err ? err : lab_see(l, who(l, s), l->options.kind != LAB_TLS ? "(sent)" : "(delivered)", SEE_MS, why);
}

static int run_tells(struct lab *l, const struct step *s, struct buf *why)
{
	(void)why;
	return say(l, who(l, s), "msg", whom(l, s)->user, s->text);
}

static int run_says(struct lab *l, const struct step *s, struct buf *why)
{
	int err = run_tells(l, s, why);

	return err || who(l, s)->unplugged || whom(l, s)->unplugged ? err : see_delivered(l, s, why);
}

static int run_says_long(struct lab *l, const struct step *s, struct buf *why)
{
	CLEANUP(buf_clear) struct buf text = {.max = 2 * LONG_TEXT};
	int err;

	buf_str(&text, s->text);
	while (text.n < LONG_TEXT)
		buf_z(&text, " the quick brown fox jumps over the lazy dog");
	err = say(l, who(l, s), "msg", whom(l, s)->user, buf_view(&text));
	return err ? err : see_delivered(l, s, why);
}

static int run_types(struct lab *l, const struct step *s, struct buf *why)
{
	(void)why;
	return say(l, who(l, s), "typing", whom(l, s)->user, STR(""));
}

static int run_pauses(struct lab *l, const struct step *s, struct buf *why)
{
	(void)why;
	return say(l, who(l, s), "typing", whom(l, s)->user, STR("off"));
}

static int run_opens(struct lab *l, const struct step *s, struct buf *why)
{
	int err = say(l, who(l, s), "room", "create", s->text);

	return err ? err : lab_see(l, who(l, s), "you are in", SEE_MS, why);
}

/* A room that has just been opened is closed to others for a moment: then once more. */
static int run_joins(struct lab *l, const struct step *s, struct buf *why)
{
	CLEANUP(buf_clear) struct buf room = {.max = 1000};
	int err = ERR_TIMEOUT;

	buf_str(&room, s->text);
	for (int i = 0; i < JOIN_TRIES && err == ERR_TIMEOUT; i++) {
		buf_reset(why);
		err = say(l, who(l, s), "join", buf_cstr(&room), STR(""));
		if (!err)
			err = lab_see(l, who(l, s), "you are in", JOIN_MS, why);
	}
	return err;
}

/* Into the room: whoever is in it sees it, the speaker too. */
static int run_says_room(struct lab *l, const struct step *s, struct buf *why)
{
	struct str text = s->text, room = str_cut(&text, ' ');
	CLEANUP(buf_clear) struct buf to = {.max = 1000};
	char shown[SEEN_BYTES + 1];
	int err;

	if (!text.n) {
		buf_z(why, "into which room, and what?");
		return ERR_SYNTAX;
	}
	buf_str(&to, room);
	err = say(l, who(l, s), "msg", buf_cstr(&to), text);
	return err ? err : lab_see(l, who(l, s), beginning(text, shown), SEE_MS, why);
}

/* "compare with bob, by voice or side by side: CODE. ..." */
static int read_code(struct lab *l, struct lab_peer *p, struct buf *ret, struct buf *why)
{
	int err = lab_see(l, p, ", by voice or side by side: ", SEE_MS, why);
	size_t from = p->seen;
	struct str line;

	if (!err)
		err = lab_see(l, p, "\n", SEE_MS, why);
	if (err)
		return err;
	line = (struct str){p->said.p + from, p->seen - from - 1};
	buf_str(ret, str_trim(str_cut(&line, '.')));
	return 0;
}

static int confirm(struct lab *l, struct lab_peer *one, const struct lab_peer *other, struct buf *why)
{
	CLEANUP(buf_clear) struct buf shown = {.max = 100};
	int err = say(l, one, "verify", other->user, STR("yes"));

	buf_fmt(&shown, "%s is verified", other->user);
	return err ? err : lab_see(l, one, buf_cstr(&shown), SEE_MS, why);
}

/* As two do who read the code to each other on the telephone. */
static int run_verifies(struct lab *l, const struct step *s, struct buf *why)
{
	CLEANUP(buf_clear) struct buf one = {.max = 1000}, other = {.max = 1000}, line = {.max = 2000};
	int err = say(l, who(l, s), "verify", whom(l, s)->user, STR(""));

	if (!err)
		err = read_code(l, who(l, s), &one, why);
	if (!err)
		err = read_code(l, whom(l, s), &other, why);
	if (err)
		return err;
	if (!one.n || !str_eq(buf_view(&one), buf_view(&other))) {
		buf_fmt(why, "two codes: %s and %s", buf_cstr(&one), buf_cstr(&other));
		return ERR_INVALID;
	}
	buf_fmt(&line, "the same code on both: %s", buf_cstr(&one));
	lab_tell(l, "wire", buf_view(&line));
	err = say(l, who(l, s), "verify", whom(l, s)->user, STR("yes"));
	if (!err)
		err = confirm(l, whom(l, s), who(l, s), why);
	return err ? err : lab_see(l, who(l, s), "is verified", SEE_MS, why);
}

static int run_does(struct lab *l, const struct step *s, struct buf *why)
{
	(void)why;
	return lab_say(l, who(l, s), s->text);
}

static int run_sees(struct lab *l, const struct step *s, struct buf *why)
{
	CLEANUP(buf_clear) struct buf text = {.max = SCRIPT_MAX};

	buf_str(&text, s->text);
	return lab_see(l, who(l, s), buf_cstr(&text), SEE_MS, why);
}

static void tell_wire(struct lab *l, const struct step *s, const char *what)
{
	CLEANUP(buf_clear) struct buf line = {.max = 100};

	buf_fmt(&line, "%s%s", who(l, s)->user, what);
	lab_tell(l, "wire", buf_view(&line));
}

static int run_unplugged(struct lab *l, const struct step *s, struct buf *why)
{
	who(l, s)->unplugged = true;
	tell_wire(l, s, "'s cable is out");
	return box_cable(&who(l, s)->host, false, why);
}

static int run_plugged(struct lab *l, const struct step *s, struct buf *why)
{
	who(l, s)->unplugged = false;
	tell_wire(l, s, "'s cable is in again");
	return box_cable(&who(l, s)->host, true, why);
}

static int run_loses(struct lab *l, const struct step *s, struct buf *why)
{
	return s->text.n ? box_lose(&who(l, s)->host, s->number, why) : box_lose_next(&who(l, s)->host, s->number, why);
}

static int run_restarts(struct lab *l, const struct step *s, struct buf *why) { return lab_restart(l, who(l, s), why); }

static int run_wait(struct lab *l, const struct step *s, struct buf *why) { return lab_wait(l, s->number, why); }

static int run_show(struct lab *l, const struct step *s, struct buf *why)
{
	(void)why;
	lab_tell(l, "", s->text);
	return 0;
}

static const struct verb verbs[] = {
	{"says", REST_WHOM_TEXT, run_says},
	{"says-long", REST_WHOM_TEXT, run_says_long},
	{"tells", REST_WHOM_TEXT, run_tells},
	{"types-to", REST_WHOM, run_types},
	{"pauses-to", REST_WHOM, run_pauses},
	{"opens-room", REST_TEXT, run_opens},
	{"joins-room", REST_TEXT, run_joins},
	{"says-in-room", REST_TEXT, run_says_room},
	{"verifies", REST_WHOM, run_verifies},
	{"does", REST_TEXT, run_does},
	{"sees", REST_TEXT, run_sees},
	{"unplugged", REST_NONE, run_unplugged},
	{"plugged", REST_NONE, run_plugged},
	{"loses", REST_LOSS, run_loses},
	{"restarts", REST_NONE, run_restarts},
};
/* Lines without a person in front. */
static const struct verb alone[] = {{"wait", REST_TIME, run_wait}, {"show", REST_TEXT, run_show}};

/* ---- reading ---- */

static bool read_who(struct str word, unsigned *ret, unsigned *peers)
{
	for (unsigned i = 0; i < LAB_PEERS_MAX; i++)
		if (str_is(word, lab_user(i))) {
			*ret = i;
			*peers = i + 1 > *peers ? i + 1 : *peers;
			return true;
		}
	return false;
}

/* "500ms" or "2s" -> milliseconds. */
static bool read_time(struct str text, unsigned *ret)
{
	bool ms = str_ends(text, STR("ms"));
	uint64_t n = 0;

	if (!ms && !str_ends(text, STR("s")))
		return false;
	text.n -= ms ? 2 : 1;
	if (str_uint(text, WAIT_MAX, &n) != 0 || n * (ms ? 1 : 1000) > WAIT_MAX)
		return false;
	*ret = (unsigned)(n * (ms ? 1 : 1000));
	return true;
}

/* "20%" of all, or the next "3"; "nothing". The text that is kept says that it is a share. */
static bool read_loss(struct step *s, struct str text)
{
	bool share = str_ends(text, STR("%"));
	uint64_t n = 0;

	s->text = share || str_is(text, "nothing") ? text : STR("");
	if (str_is(text, "nothing"))
		return true;
	text.n -= share;
	if (str_uint(text, share ? 90 : 1000, &n) != 0)
		return false;
	s->number = (unsigned)n;
	return true;
}

static bool read_rest(struct step *s, struct str rest, unsigned *peers)
{
	switch (s->verb->rest) {
	case REST_NONE:
		return !rest.n;
	case REST_TEXT:
		s->text = rest;
		return rest.n > 0;
	case REST_WHOM:
		return read_who(rest, &s->whom, peers) && s->whom != s->who;
	case REST_WHOM_TEXT:
		s->text = STR("");
		if (!read_who(str_cut(&rest, ' '), &s->whom, peers) || s->whom == s->who)
			return false;
		s->text = rest.p ? str_trim(rest) : STR("");
		return s->text.n > 0 && s->text.n < LONG_TEXT;
	case REST_TIME:
		return read_time(rest, &s->number);
	default:
		return read_loss(s, rest);
	}
}

static bool read_step(struct step *s, struct str line, unsigned *peers)
{
	struct str rest = line, first = str_cut(&rest, ' '), word;

	for (size_t i = 0; i < ARRAY_LEN(alone); i++)
		if (str_is(first, alone[i].name)) {
			s->verb = &alone[i];
			return read_rest(s, rest.p ? str_trim(rest) : STR(""), peers);
		}
	word = rest.p ? str_cut(&rest, ' ') : STR("");
	if (!read_who(first, &s->who, peers))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(verbs) && !s->verb; i++)
		if (str_is(word, verbs[i].name))
			s->verb = &verbs[i];
	return s->verb && read_rest(s, rest.p ? str_trim(rest) : STR(""), peers);
}

static int read_steps(struct lab_script *s, unsigned *peers, struct buf *why)
{
	struct str text = buf_view(&s->text);

	for (unsigned number = 1; text.p && text.n; number++) {
		struct str line = str_trim(str_cut(&text, '\n'));
		struct step step = {.line = number};

		if (!line.n || line.p[0] == '#')
			continue;
		if (s->n == STEPS_MAX || !read_step(&step, line, peers)) {
			buf_fmt(why, "%s, line %u: %s: %.*s", s->name, number,
				s->n == STEPS_MAX ? "too many" : "not understood", STR_FMT(line));
			return ERR_SYNTAX;
		}
		s->steps[s->n++] = step;
	}
	return 0;
}

static int read_text(const char *file, struct buf *ret, struct buf *why)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *room = buf_room(ret, SCRIPT_MAX);
	ssize_t n = -1;

	if (fd >= 0)
		n = read(fd, room, SCRIPT_MAX);
	if (n < 0 || n == SCRIPT_MAX)
		buf_fmt(why, "%s: %s", file, n < 0 ? strerror(errno) : "too long");
	if (fd >= 0)
		close(fd);
	if (n < 0 || n == SCRIPT_MAX)
		return ERR_IO;
	ret->n = (size_t)n;
	return 0;
}

int lab_script_read(const char *file, struct lab_script **ret, unsigned *ret_peers, struct buf *why)
{
	struct lab_script *s = xcalloc(1, sizeof(*s));
	unsigned peers = 2;
	int err = 0;

	s->name = xstrdup(file ? file : "");
	buf_init(&s->text, SCRIPT_MAX);
	if (file)
		err = read_text(file, &s->text, why);
	else
		buf_z(&s->text, usual);
	if (!err)
		err = read_steps(s, &peers, why);
	if (err) {
		lab_script_free(&s);
		return err;
	}
	*ret = s;
	*ret_peers = peers;
	return 0;
}

void lab_script_free(struct lab_script **script)
{
	struct lab_script *s = TAKE(*script);

	if (!s)
		return;
	buf_clear(&s->text);
	xfree(s->name);
	xfree(s);
}

/* ---- running ---- */

/* Everybody else says hello to the first one. */
static int greet(struct lab *l, unsigned from, struct buf *why)
{
	char text[100];
	struct step hello = {.who = from, .text = {text, 0}};

	hello.text.n = (size_t)snprintf(text, sizeof(text), "hello Alice, %s is here, too", l->peers[from].user);
	return run_says(l, &hello, why);
}

static int find_each_other(struct lab *l, struct buf *why)
{
	char text[64];
	int err = 0;

	for (unsigned i = 1; !err && i < l->n; i++) {
		snprintf(text, sizeof(text), "%s is ", l->peers[i].user); /* here, or away: a matter of moments */
		l->peers[0].seen = 0;                                     /* in any order */
		err = lab_see(l, &l->peers[0], text, SEE_MS, why);
		if (!err)
			err = lab_see(l, &l->peers[i], "alice is ", SEE_MS, why);
	}
	return err;
}

int lab_script_run(struct lab *l, const struct lab_script *s, struct buf *why)
{
	int err = find_each_other(l, why);
	unsigned i;

	for (i = 0; !err && i < s->n; i++)
		err = s->steps[i].verb->run(l, &s->steps[i], why);
	if (err && err != ERR_CLOSED && i && s->name[0]) {
		CLEANUP(buf_clear) struct buf what = {.max = 8192};

		buf_str(&what, buf_view(why));
		buf_reset(why);
		buf_fmt(why, "%s, line %u: %s", s->name, s->steps[i - 1].line,
			what.n ? buf_cstr(&what) : err_name(err));
	}
	for (unsigned k = 2; !err && !s->name[0] && k < l->n; k++)
		err = greet(l, k, why);
	return err;
}
