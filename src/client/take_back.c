/* To take back what we said in a room (XEP-0424), or to remove what somebody said (XEP-0425): the last of it, or the last with some
 * words in it. Nobody can undo that, and between what a person has seen and the command there may be one more message: what has just
 * come is told first, and is meant if the command is given again. */
#include "client/client_i.h"

enum { ASKED_MS = 10 * 1000 };

struct wanted {
	struct str nick;  /* absent: ours */
	struct str words; /* in it; may be empty */
};

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c; }

static bool begins_with(struct str text, struct str words)
{
	for (size_t i = 0; i < words.n; i++)
		if (i == text.n || lower(text.p[i]) != lower(words.p[i]))
			return false;
	return true;
}

static bool has_words(struct str text, struct str words)
{
	for (size_t i = 0; i + words.n <= text.n; i++)
		if (begins_with((struct str){text.p + i, text.n - i}, words))
			return true;
	return false;
}

static bool fits(const struct shown *k, const struct wanted *w)
{
	return (w->nick.p ? str_is(w->nick, k->nick) : k->own) && has_words(str_z(k->text), w->words);
}

static bool same_words(struct str a, struct str b) { return a.n == b.n && begins_with(a, b); }

/* Asked about a moment ago with these words, and nothing that fits, too, came behind it and has been there to be seen: `seen`. */
static bool is_asked(const struct client *c, const struct shown *k, const struct wanted *w, bool seen)
{
	return k->asked_until > c->now && !seen && same_words(str_z(k->asked), w->words);
}

/* The newest, unless we have just asked about another one. */
static struct shown *pick(const struct client *c, struct room *r, const struct wanted *w, bool *ret_sure)
{
	struct shown *newest = NULL;
	unsigned n = 0;
	bool seen = false; /* a newer one */

	for (unsigned i = r->shown.n; i-- > 0;) {
		struct shown *k = &r->shown.list[i];

		if (!fits(k, w))
			continue;
		if (is_asked(c, k, w, seen)) {
			*ret_sure = true;
			return k;
		}
		seen |= k->fresh_until <= c->now;
		newest = newest ? newest : k;
		n++;
	}
	*ret_sure = newest && (newest->fresh_until <= c->now || (w->words.n && n == 1));
	return newest;
}

static void ask(struct client *c, struct shown *k, const struct wanted *w)
{
	CLEANUP(buf_clear) struct buf text = {.max = 16384};

	k->asked_until = c->now + ASKED_MS;
	set_text(&k->asked, w->words);
	if (w->nick.p)
		client_put_nick(&text, w->nick, true);
	buf_z(&text, w->nick.p ? " has just said: " : "you have just said elsewhere: ");
	client_shown_put_text(k, &text);
	buf_z(&text,
		w->nick.p ? " (the same again removes that; WORDS behind the name mean the last with these in it)"
			  : " (the same again takes that back; /retract WORDS the last with these in it)");
	client_say_event(c, EVENT_REFUSED, buf_view(&text));
}

/* ---- ours ---- */

/* What we said last, if the room has not given it back yet. */
static struct message *under_way(struct client *c, const struct room *r, struct str words)
{
	for (struct list *n = c->message_order.prev; n != &c->message_order; n = n->prev) {
		struct message *m = LIST_ITEM(n, struct message, node);

		if (m->room && strcmp(m->conversation, r->jid) == 0 && m->state != MESSAGE_FAILED &&
			has_words(str_z(m->body), words))
			return m->state < MESSAGE_DELIVERED ? m : NULL;
	}
	return NULL;
}

/* Known by an id, so that a connection that breaks does not lose it. */
static int put_retraction(struct client *c, const struct room *r, struct str what)
{
	CLEANUP(buf_clear) struct buf out = {.max = 16384};
	char id[17];

	rand_token(id, 16);
	buf_fmt(&out, "<message type='groupchat' id='%s'", id);
	xml_put_attr(&out, "to", str_z(r->jid));
	buf_z(&out, "><retract xmlns='" NS_RETRACT "'");
	xml_put_attr(&out, "id", what);
	buf_z(&out,
		"/><fallback xmlns='urn:xmpp:fallback:0' for='" NS_RETRACT
		"'/><body>/me retracted a previous message, but it's unsupported by your client.</body>"
		"<store xmlns='" NS_HINTS "'/></message>");
	return buf_ok(&out) ? client_put_message(c, buf_view(&out), id, r->jid) : ERR_LIMIT;
}

void client_take_back_said(struct client *c, struct room *r, const struct said *m)
{
	struct str id = client_room_said_id(r, m);

	if (!id.n || put_retraction(c, r, id) != 0)
		client_say_event(c, EVENT_REFUSED,
			STR("what you took back has been said: the room gives its messages no numbers"));
}

int client_retract(struct client *c, struct str room, struct str words)
{
	const struct wanted w = {.words = words};
	struct room *r = client_room(c, room);
	struct message *m;
	struct shown *k;
	bool sure;

	if (!r || r->state != ROOM_IN)
		return ERR_NOTFOUND;
	m = under_way(c, r, words);
	if (m) {
		m->take_back = true;
		return 0;
	}
	k = pick(c, r, &w, &sure);
	if (!k)
		return ERR_EXISTS;
	if (sure)
		return put_retraction(c, r, str_z(k->id));
	ask(c, k, &w);
	return 0;
}

/* ---- of others ---- */

/* Mostly the room has told all by then. */
static void on_removed(struct client *c, const struct pending *p, const struct stanza *s)
{
	const struct room *r = client_room(c, str_z(p->to));
	bool told = true;

	if (!s || s->type != TYPE_RESULT) {
		client_refuse(c, p->about, s);
		return;
	}
	for (unsigned i = 0; r && i < r->shown.n; i++)
		told &= strcmp(r->shown.list[i].id, p->extra) != 0;
	client_say_event(c, EVENT_DONE, told ? STR("") : str_z(p->about));
}

static int remove_it(struct client *c, const struct room *r, const struct shown *k, struct str reason)
{
	CLEANUP(buf_clear) struct buf q = {.max = 65536}, what = {.max = 4096};

	buf_z(&q, "<moderate xmlns='" NS_MODERATE "'");
	xml_put_attr(&q, "id", str_z(k->id));
	buf_z(&q, "><retract xmlns='" NS_RETRACT "'/>");
	if (reason.n)
		xml_put_text(&q, "reason", reason);
	buf_z(&q, "</moderate>");
	buf_z(&what, "remove ");
	client_shown_put(c, k, true, &what);
	if (!buf_ok(&q))
		return ERR_LIMIT;
	return client_ask(c, "set", str_z(r->jid), buf_view(&q), on_removed, buf_view(&what), str_z(k->id), 0);
}

int client_moderate(struct client *c, struct str room, struct str nick, struct str words, struct str reason)
{
	const struct wanted w = {nick, words};
	struct room *r = client_room(c, room);
	struct shown *k;
	bool sure;

	if (!r || r->state != ROOM_IN)
		return ERR_NOTFOUND;
	k = pick(c, r, &w, &sure);
	if (!k)
		return ERR_EXISTS;
	if (sure)
		return remove_it(c, r, k, reason);
	ask(c, k, &w);
	return 0;
}
