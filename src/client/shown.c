/* What was said in a room lately, so that who takes something back (XEP-0424), or removes it (XEP-0425), is told with what that
 * was. A face of lines cannot make it unseen; it can say so. */
#include <stdio.h>
#include <time.h>

#include "client/client_i.h"

enum { SHOWN_TEXT = 60, KEPT_TEXT = 500 };

static void shown_free(struct shown *k)
{
	xfree(k->id);
	xfree(k->nick);
	xfree(k->author);
	xfree(k->text);
	xfree(k->asked);
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

/* So many bytes of it, or a few less: no half of a character. */
static struct str begin_of(struct str text, size_t max)
{
	size_t at = 0, n;

	while (at < text.n && (n = str_utf8_next((struct str){text.p + at, text.n - at})) && at + n <= max)
		at += n;
	return (struct str){text.p, at};
}

void client_shown_put_text(const struct shown *k, struct buf *out)
{
	struct str rest = str_z(k->text), first = str_cut(&rest, '\n'), begin = begin_of(first, SHOWN_TEXT);

	buf_str(out, begin);
	if (begin.n < first.n || rest.p)
		buf_z(out, " ...");
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
	bool said_here = own && client_message(c, m->id);

	/* What the room itself says is nobody's to take back. */
	if (!id.n || m->history || !m->from.resource || find(r, id))
		return;
	if (l->n == SHOWN_MAX)
		forget(l, 0);
	l->list[l->n++] = (struct shown){.id = str_dup(id),
		.nick = str_dup(jid_resource(m->from)),
		.author = str_dup(author_of(m)),
		.text = str_dup(begin_of(text, KEPT_TEXT)),
		.when = m->delayed ? m->when : c->wall,
		.fresh_until = said_here ? 0 : c->now + SHOWN_FRESH_MS,
		.own = own};
}

/* ---- taken back ---- */

void client_shown_put(const struct client *c, const struct shown *k, bool others, struct buf *out)
{
	time_t at = (time_t)(k->when / 1000) + (time_t)c->config.utc_offset * 60;
	struct tm tm;

	if (others)
		client_put_nick(out, str_z(k->nick), true);
	buf_z(out, others ? "'s message" : "a message");
	if (gmtime_r(&at, &tm))
		buf_fmt(out, " of %02d:%02d", tm.tm_hour, tm.tm_min);
	buf_z(out, ": ");
	client_shown_put_text(k, out);
}

static void tell(struct client *c, struct room *r, struct str who, struct str id, struct str reason, bool moderated)
{
	CLEANUP(buf_clear) struct buf text = {.max = 16384};
	struct shown *k = find(r, id);

	client_put_nick(&text, who, true);
	buf_z(&text, moderated ? " removed " : " took back ");
	if (k)
		client_shown_put(c, k, moderated, &text);
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
