#include "tui/text.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/client.h"
#include "tui/filter.h"

/* ---- for people ---- */

static void put_time(struct buf *out, int64_t wall, int64_t now)
{
	time_t t = (time_t)(wall / 1000), n = (time_t)(now / 1000);
	struct tm then, today;
	char text[32];

	if (!localtime_r(&t, &then) || !localtime_r(&n, &today)) {
		buf_z(out, "??:?? ");
		return;
	}
	if (then.tm_year == today.tm_year && then.tm_yday == today.tm_yday)
		strftime(text, sizeof(text), "%H:%M ", &then);
	else
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M ", &then);
	buf_z(out, text);
}

static void put(struct buf *out, const char *before, struct str text, const char *after)
{
	buf_z(out, before);
	filter_line(out, text);
	buf_z(out, after);
}

static void put_opt(struct buf *out, const char *before, struct str text, const char *after)
{
	if (text.n)
		put(out, before, text, after);
}

static void put_nick(struct buf *out, const char *before, struct str nick, bool in_event, const char *after)
{
	CLEANUP(buf_clear) struct buf shown = {.max = 4 * 1024};

	client_put_nick(&shown, nick, in_event);
	put(out, before, buf_ok(&shown) ? buf_view(&shown) : STR("?"), after);
}

static void on_online(struct buf *out, const struct client_event *e)
{
	put(out, "* online as ", e->label.n ? e->label : e->who,
		str_is(e->body, "resumed") ? " again, nothing was lost" : "");
}

static void on_offline(struct buf *out, const struct client_event *e)
{
	bool stopped =
		e->body.n && memmem(e->body.p, e->body.n, "/start", 6); /* it stays so until somebody does that */

	put(out, "* offline: ", e->body.n ? e->body : STR("the connection broke"),
		e->final || stopped ? "" : "; trying again");
}

/* "/me waves" is "* alice waves" (XEP-0245), behind the name of the conversation: alone it could look like an event. */
static bool take_action(struct str *body)
{
	const struct str me = STR(CLIENT_ACTION);

	if (!str_starts(*body, me))
		return false;
	*body = (struct str){body->p + me.n, body->n - me.n};
	return true;
}

/* A private message names the room and the nickname; in a room the label is the room's. */
static void put_speaker(struct buf *out, const struct client_event *e, bool acts)
{
	if (e->own && !e->room)
		put(out, "-> ", e->label, e->secret ? " (private): " : ": ");
	else if (e->secret)
		put(out, "", e->label, " (private): ");
	else if (e->room)
		put(out, "", e->label, " ");
	if (!e->secret && !(e->own && !e->room) && !(e->room && acts))
		put_nick(out, "", e->who, false, ": ");
}

static void on_message(struct buf *out, const struct client_event *e)
{
	struct str body = e->body;
	bool acts = take_action(&body);

	put_speaker(out, e, acts);
	if (str_is(e->verb, "corrected"))
		buf_z(out, "corrected: ");
	if (acts)
		put_nick(out, "* ", e->who, false, " ");
	filter_text(out, body);
}

/* Nothing is promised that nobody but we could keep. */
static const char *state_words(enum message_state state)
{
	return state == MESSAGE_UNSENT ? "not handed over yet" : message_state_name(state);
}

static void on_state(struct buf *out, const struct client_event *e)
{
	struct str rest = e->body, first;
	bool acts = take_action(&rest);

	first = str_cut(&rest, '\n');
	put(out, "-> ", e->label, e->secret ? " (private): " : ": ");
	if (acts)
		put_nick(out, "* ", e->who, false, " ");
	put(out, "", first, rest.p ? " ..." : "");
	buf_fmt(out, " (%s", state_words(e->state));
	put_opt(out, ": ", e->detail, "");
	buf_char(out, ')');
}

static void on_presence(struct buf *out, const struct client_event *e)
{
	static const struct {
		const char *verb, *text;
	} shows[] = {{"available", " is here"}, {"unavailable", " is gone"}, {"xa", " is away for long"},
		{"dnd", " is busy (dnd)"}, {"chat", " is here, and wants to chat"}, {"away", " is away"}};
	const char *text = " is ?";

	for (size_t i = 0; i < ARRAY_LEN(shows); i++)
		if (str_is(e->verb, shows[i].verb))
			text = shows[i].text;
	put(out, "* ", e->label, text);
	put_opt(out, " (", e->detail, ")");
}

static void on_request(struct buf *out, const struct client_event *e)
{
	put(out, "* ", e->conversation, " wants to see when you are here");
	put_opt(out, " (", e->detail, ")");
	put(out, ": /add ", e->conversation, " accepts");
}

static void on_contact(struct buf *out, const struct client_event *e)
{
	put(out, "* ", e->label, " was ");
	put(out, "", e->verb, "");
	put(out, " (", e->conversation, ")");
}

static void on_typing(struct buf *out, const struct client_event *e)
{
	if (str_is(e->verb, "composing"))
		put(out, "* ", e->label, " is typing");
}

static void on_joined(struct buf *out, const struct client_event *e)
{
	put(out, "* ", e->label, str_is(e->verb, "created") ? " is a new room, and yours;" : ":");
	put_nick(out, " you are in as ", e->who, true, "");
	put_opt(out, ", with ", e->detail, "");
}

static void on_occupant(struct buf *out, const struct client_event *e)
{
	bool named = str_is(e->verb, "is now called");

	put(out, "* ", e->label, e->who.n ? " " : ": "); /* without anybody: of the room */
	if (e->who.n)
		put_nick(out, "", e->who, true, " ");
	put(out, "", e->verb, "");
	if (named)
		put_nick(out, " ", e->detail, true, "");
	else
		put_opt(out, " (", e->detail, ")");
}

static void on_subject(struct buf *out, const struct client_event *e)
{
	put(out, "* ", e->label, e->body.n ? " is about: " : " has no subject any more");
	filter_text(out, e->body);
	if (e->who.n)
		put_nick(out, " (set by ", e->who, true, ")");
}

static void on_invited(struct buf *out, const struct client_event *e)
{
	put(out, "* ", e->who, " invites you: /join ");
	put(out, "", e->conversation, "");
	put_opt(out, " (", e->detail, ")");
}

static void on_answer(struct buf *out, const struct client_event *e)
{
	buf_z(out, "* ");
	filter_text(out, e->body);
}

static void on_done(struct buf *out, const struct client_event *e) { put_opt(out, "* done: ", e->body, ""); }
static void on_refused(struct buf *out, const struct client_event *e)
{
	put(out, str_starts(e->body, STR(LINE_USAGE)) ? "* " : "* refused: ", e->body, "");
}

static void on_room(struct buf *out, const struct client_event *e)
{
	put(out, "* ", e->label, ": ");
	filter_text(out, e->body);
}

static void on_notice(struct buf *out, const struct client_event *e)
{
	buf_z(out, "* ");
	filter_text(out, e->body);
}

void text_of_event(struct buf *out, const struct client_event *e, int64_t now)
{
	static void (*const texts[EVENT_KINDS])(struct buf *, const struct client_event *) = {
		[EVENT_ONLINE] = on_online,
		[EVENT_OFFLINE] = on_offline,
		[EVENT_MESSAGE] = on_message,
		[EVENT_STATE] = on_state,
		[EVENT_PRESENCE] = on_presence,
		[EVENT_REQUEST] = on_request,
		[EVENT_CONTACT] = on_contact,
		[EVENT_TYPING] = on_typing,
		[EVENT_JOINED] = on_joined,
		[EVENT_LEFT] = on_occupant,
		[EVENT_OCCUPANT] = on_occupant,
		[EVENT_SUBJECT] = on_subject,
		[EVENT_INVITED] = on_invited,
		[EVENT_ANSWER] = on_answer,
		[EVENT_DONE] = on_done,
		[EVENT_REFUSED] = on_refused,
		[EVENT_ROOM] = on_room,
		[EVENT_NOTICE] = on_notice,
	};
	size_t before = out->n, stamp;

	put_time(out, e->when, now);
	stamp = out->n;
	texts[e->kind](out, e);
	if (out->n == stamp)
		buf_cut(out, before);
}

/* ---- for programs ---- */

/* Everything beyond printable ASCII that is no letter to be relied on is escaped: JSON is read on terminals, too. */
static size_t put_json_char(struct buf *out, struct str s)
{
	CLEANUP(buf_clear) struct buf shown = {.max = 64};
	size_t n = str_utf8_next(s);
	unsigned char c = (unsigned char)*s.p;

	if (n == 1 && (c < ' ' || c == 0x7f)) {
		buf_fmt(out, "\\u%04x", c);
		return 1;
	}
	if (n == 1 && (c == '"' || c == '\\')) {
		buf_char(out, '\\');
		buf_char(out, (char)c);
		return 1;
	}
	filter_line(&shown, (struct str){s.p, n ? n : 1});
	if (n && shown.n > 4 && str_starts(buf_view(&shown), STR("<U+"))) {
		unsigned long code = strtoul(buf_cstr(&shown) + 3, NULL, 16);

		if (code > 0xffff)
			buf_fmt(out, "\\u%04lx\\u%04lx", 0xd800 + ((code - 0x10000) >> 10),
				0xdc00 + ((code - 0x10000) & 0x3ff));
		else
			buf_fmt(out, "\\u%04lx", code);
	} else {
		buf_str(out, buf_view(&shown));
	}
	return n ? n : 1;
}

static void put_json(struct buf *out, const char *name, struct str text)
{
	if (!text.p)
		return;
	buf_fmt(out, ",\"%s\":\"", name);
	while (text.n) {
		size_t n = put_json_char(out, text);
		text = (struct str){text.p + n, text.n - n};
	}
	buf_char(out, '"');
}

void text_json(struct buf *out, const struct client_event *e)
{
	const struct {
		const char *name;
		bool on;
	} flags[] = {{"delayed", e->delayed}, {"history", e->history}, {"own", e->own}, {"room", e->room},
		{"private", e->secret}, {"final", e->final}};
	const struct {
		const char *name;
		struct str text;
	} texts[] = {{"conversation", e->conversation}, {"label", e->label}, {"who", e->who}, {"verb", e->verb},
		{"body", e->body}, {"detail", e->detail}, {"id", e->id}};

	buf_fmt(out, "{\"event\":\"%s\",\"time\":\"", client_event_name(e->kind));
	clock_format(out, e->when);
	buf_char(out, '"');
	if (e->kind == EVENT_STATE)
		put_json(out, "state", str_z(message_state_name(e->state)));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put_json(out, texts[i].name, texts[i].text);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i].on)
			buf_fmt(out, ",\"%s\":true", flags[i].name);
	buf_char(out, '}');
}
