/* What was said in a room lately, so that who takes something back (XEP-0424), or removes it (XEP-0425), is told with what that
 * was. A face of lines cannot make it unseen; it can say so. */
#include <stdio.h>
#include <time.h>

#include "client/client_i.h"

enum { SHOWN_TEXT = 60 };

static void shown_free(struct shown *k)
{
	xfree(k->id);
	xfree(k->nick);
	xfree(k->author);
	xfree(k->text);
}

static void forget(struct shown_list *l, unsigned i)
{
	shown_free(&l->list[i]);
	memmove(&l->list[i], &l->list[i + 1], (l->n - i - 1) * sizeof(l->list[0]));
	l->n--;
}

void client_shown_clear(struct room *r)
{
	while (r->shown.n)
		forget(&r->shown, r->shown.n - 1);
}

static struct str bounded(struct str id) { return id.n <= SHOWN_ID_MAX ? id : STR_NONE; }

/* The one that the room gave: others could say anything (XEP-0359). */
struct str client_room_said_id(const struct room *r, const struct said *m)
{
	if (m->archived.n)
		return bounded(m->archived);
	XML_EACH(i, m->t, m->node) {
		if (xml_is(m->t, i, "stanza-id", NS_STANZA_ID) && str_is(xml_attr(m->t, i, "by"), r->jid))
			return bounded(xml_attr(m->t, i, "id"));
	}
	return STR_NONE;
}

static struct str author_of(const struct said *m)
{
	uint32_t i = xml_child(m->t, m->node, "occupant-id", NS_OCCUPANT_ID);

	return i ? bounded(xml_attr(m->t, i, "id")) : STR_NONE;
}

/* The begin of the first line. */
static char *shorten(struct str text)
{
	CLEANUP(buf_clear) struct buf out = {.max = 2 * SHOWN_TEXT};
	struct str rest = text, first = str_cut(&rest, '\n');
	size_t at = 0, n;

	while (at < first.n && (n = str_utf8_next((struct str){first.p + at, first.n - at})) && at + n <= SHOWN_TEXT)
		at += n;
	buf_add(&out, first.p, at);
	if (at < first.n || rest.p)
		buf_z(&out, " ...");
	return xstrdup(buf_cstr(&out));
}

static struct shown *find(struct room *r, struct str id)
{
	for (unsigned i = r->shown.n; i-- > 0;)
		if (str_is(id, r->shown.list[i].id))
			return &r->shown.list[i];
	return NULL;
}

void client_shown_note(struct client *c, struct room *r, const struct said *m, struct str text, bool own)
{
	struct shown_list *l = &r->shown;
	struct str id = client_room_said_id(r, m);

	/* What the room itself says is nobody's to take back. */
	if (!id.n || m->history || !m->from.resource || find(r, id))
		return;
	if (l->n == SHOWN_MAX)
		forget(l, 0);
	l->list[l->n++] = (struct shown){.id = str_dup(id),
		.nick = str_dup(jid_resource(m->from)),
		.author = str_dup(author_of(m)),
		.text = shorten(text),
		.when = m->delayed ? m->when : c->wall,
		.own = own};
}

/* ---- taken back ---- */

static void put_what(const struct client *c, const struct shown *k, bool others, struct buf *out)
{
	time_t at = (time_t)(k->when / 1000) + (time_t)c->config.utc_offset * 60;
	struct tm tm;

	if (others)
		buf_fmt(out, "%s's message", k->nick);
	else
		buf_z(out, "a message");
	if (gmtime_r(&at, &tm))
		buf_fmt(out, " of %02d:%02d", tm.tm_hour, tm.tm_min);
	buf_fmt(out, ": %s", k->text);
}

static void tell(struct client *c, struct room *r, struct str who, struct str id, struct str reason, bool moderated)
{
	CLEANUP(buf_clear) struct buf text = {.max = 16384};
	struct shown *k = find(r, id);

	buf_fmt(&text, "%.*s %s ", STR_FMT(who), moderated ? "removed" : "took back");
	if (k)
		put_what(c, k, moderated, &text);
	else
		buf_z(&text, "a message");
	if (reason.n)
		buf_fmt(&text, " (%.*s)", STR_FMT(reason));
	client_emit(c,
		&(struct client_event){.kind = EVENT_ROOM,
			.room = true,
			.conversation = str_z(r->jid),
			.who = who,
			.verb = moderated ? STR("removed") : STR("retracted"),
			.body = buf_view(&text),
			.id = id});
	if (k)
		forget(&r->shown, (unsigned)(k - r->shown.list));
}

/* Only the room may say that a moderator did it. */
static void on_moderated(struct client *c, struct room *r, const struct said *m, uint32_t retract, uint32_t moderated)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	uint32_t reason = xml_child(m->t, retract, "reason", NS_RETRACT);
	struct str by = STR("a moderator");
	struct jid_buf j;

	if (m->from.resource)
		return;
	if (jid_parse_buf(xml_attr(m->t, moderated, "by"), &j) == 0 && j.jid.resource &&
		str_is(jid_bare_str(j.jid), r->jid))
		by = jid_resource(j.jid);
	tell(c, r, by, xml_attr(m->t, retract, "id"), reason ? xml_text(m->t, reason, &tmp) : STR_NONE, true);
}

/* By its author alone, who may have another nickname by now. */
static bool is_of(const struct shown *k, const struct said *m)
{
	struct str author = author_of(m);

	return k->author && author.n ? str_is(author, k->author) : str_is(jid_resource(m->from), k->nick);
}

bool client_shown_taken(struct client *c, struct room *r, const struct said *m)
{
	uint32_t retract = xml_child(m->t, m->node, "retract", NS_RETRACT);
	uint32_t moderated = retract ? xml_child(m->t, retract, "moderated", NS_MODERATE) : XML_NONE;
	struct str id = retract ? xml_attr(m->t, retract, "id") : STR_NONE;
	struct shown *k = id.n ? find(r, id) : NULL;

	if (!retract)
		return false;
	/* Of what was taken back before we came there is nothing to tell. */
	if (m->history || !id.n || (m->delayed && !k))
		return true;
	if (moderated)
		on_moderated(c, r, m, retract, moderated);
	else if (m->from.resource && (!k || is_of(k, m)))
		tell(c, r, jid_resource(m->from), id, STR_NONE, false);
	return true;
}

/* ---- to take back ---- */

/* The last one of somebody; absent: of ours. */
static const struct shown *last_of(const struct room *r, struct str nick)
{
	for (unsigned i = r->shown.n; i-- > 0;) {
		const struct shown *k = &r->shown.list[i];

		if (nick.p ? str_is(nick, k->nick) : k->own)
			return k;
	}
	return NULL;
}

/* What we said last, if the room has not given it back yet. */
static struct message *under_way(struct client *c, const struct room *r)
{
	for (struct list *n = c->message_order.prev; n != &c->message_order; n = n->prev) {
		struct message *m = LIST_ITEM(n, struct message, node);

		if (m->room && strcmp(m->conversation, r->jid) == 0 && m->state != MESSAGE_FAILED)
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

void client_shown_take_back(struct client *c, struct room *r, const struct said *m)
{
	struct str id = client_room_said_id(r, m);

	if (!id.n || put_retraction(c, r, id) != 0)
		client_say_event(c, EVENT_REFUSED,
			STR("what you took back has been said: the room gives its messages no numbers"));
}

int client_retract(struct client *c, struct str room)
{
	struct room *r = client_room(c, room);
	const struct shown *k = r && r->state == ROOM_IN ? last_of(r, STR_NONE) : NULL;
	struct message *m;

	if (!r || r->state != ROOM_IN)
		return ERR_NOTFOUND;
	m = under_way(c, r);
	if (m)
		m->take_back = true;
	if (m)
		return 0;
	return k ? put_retraction(c, r, str_z(k->id)) : ERR_EXISTS;
}

int client_moderate(struct client *c, struct str room, struct str nick, struct str reason)
{
	CLEANUP(buf_clear) struct buf q = {.max = 65536}, what = {.max = 4096};
	struct room *r = client_room(c, room);
	const struct shown *k = r && r->state == ROOM_IN ? last_of(r, nick) : NULL;

	if (!r || r->state != ROOM_IN)
		return ERR_NOTFOUND;
	if (!k)
		return ERR_EXISTS;
	buf_z(&q, "<moderate xmlns='" NS_MODERATE "'");
	xml_put_attr(&q, "id", str_z(k->id));
	buf_z(&q, "><retract xmlns='" NS_RETRACT "'/>");
	if (reason.n)
		xml_put_text(&q, "reason", reason);
	buf_z(&q, "</moderate>");
	buf_fmt(&what, "remove what %.*s said last", STR_FMT(nick));
	return client_order(c, room, buf_view(&q), buf_cstr(&what));
}
