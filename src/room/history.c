#include "room/history.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"

void history_init(struct history *h, uint32_t cap) { *h = (struct history){.cap = cap}; }

static struct history_entry *entry_at(const struct history *h, uint32_t i) { return &h->ring[(h->first + i) % h->cap]; }

static void entry_clear(struct history_entry *e)
{
	packet_unref(&e->live);
	packet_unref(&e->delayed);
	xfree(e->real);
	xfree(e->nick);
}

void history_clear(struct history *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		entry_clear(entry_at(h, i));
	h->first = h->n = 0;
}

void history_resize(struct history *h, uint32_t cap)
{
	struct history_entry *ring = cap && h->n ? xcalloc(cap, sizeof(*ring)) : NULL;
	uint32_t keep = h->n < cap ? h->n : cap, drop = h->n - keep;

	for (uint32_t i = 0; i < drop; i++)
		entry_clear(entry_at(h, i));
	for (uint32_t i = 0; i < keep; i++)
		ring[i] = *entry_at(h, drop + i);
	xfree(h->ring);
	h->ring = ring;
	h->first = 0;
	h->n = keep;
	h->cap = cap;
}

struct history_entry *history_newest(const struct history *h, uint32_t i) { return entry_at(h, h->n - 1 - i); }

int64_t history_next_id(struct history *h, int64_t wall)
{
	h->last_id = h->last_id < wall * 1000 ? wall * 1000 : h->last_id + 1;
	return h->last_id;
}

void history_add(struct history *h, struct history_entry *e)
{
	if (!h->cap)
		return;
	if (!h->ring)
		h->ring = xcalloc(h->cap, sizeof(*h->ring));
	if (h->n == h->cap) {
		entry_clear(entry_at(h, 0));
		h->first = (h->first + 1) % h->cap;
		h->n--;
	}
	*entry_at(h, h->n++) = (struct history_entry){.id = e->id,
		.time = e->time,
		.live = packet_ref(e->live),
		.commit = e->commit,
		.open = e->open,
		.real = TAKE(e->real),
		.nick = TAKE(e->nick)};
}

struct history_entry *history_find(const struct history *h, int64_t id)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (entry_at(h, i)->id == id)
			return entry_at(h, i);
	return NULL;
}

void history_replace(struct history_entry *e, struct packet *live)
{
	packet_unref(&e->live);
	packet_unref(&e->delayed);
	e->live = packet_ref(live);
}

/* ---- what is wanted ---- */

static uint64_t wish_number(const struct xml_tree *t, uint32_t i, const char *name)
{
	struct str value = xml_attr(t, i, name);
	uint64_t n;

	/* What cannot be read limits nothing. */
	return value.p && str_uint(value, UINT32_MAX, &n) == 0 ? n : UINT64_MAX;
}

static bool wishes_nothing(const struct history_wish *w)
{
	return w->max_chars == UINT64_MAX && w->max_messages == UINT64_MAX && w->since == INT64_MIN;
}

static void read_wish(const struct xml_tree *t, uint32_t i, int64_t wall, struct history_wish *ret)
{
	int64_t since;
	uint64_t seconds;

	ret->max_chars = wish_number(t, i, "maxchars");
	ret->max_messages = wish_number(t, i, "maxstanzas");
	seconds = wish_number(t, i, "seconds");
	if (seconds != UINT64_MAX)
		ret->since = wall - (int64_t)seconds * 1000;
	if (clock_parse(xml_attr(t, i, "since"), &since) == 0 && since > ret->since)
		ret->since = since;
}

void history_wish_read(const struct xml_tree *t, uint32_t x, int64_t wall, uint32_t shown, struct history_wish *ret)
{
	uint32_t i = x == XML_NONE ? XML_NONE : xml_child(t, x, "history", NS_MUC);

	*ret = (struct history_wish){UINT64_MAX, UINT64_MAX, INT64_MIN};
	if (i != XML_NONE)
		read_wish(t, i, wall, ret);
	if (wishes_nothing(ret))
		ret->max_messages = shown;
}

void delay_write(struct buf *out, struct jid room, int64_t time)
{
	buf_z(out, "<delay xmlns='" NS_DELAY "'");
	xml_put_attr(out, "from", jid_bare_str(room));
	buf_z(out, " stamp='");
	clock_format(out, time);
	buf_z(out, "'/>");
}

/* The message with its stamp, NULL if it cannot be read back. */
static struct packet *delayed(struct history_entry *e, struct jid room)
{
	struct packet_head head;
	struct packet_writer w;
	struct stanza *s;

	if (e->delayed || packet_parse(e->live, JID_NONE, &s) != 0)
		return e->delayed;
	packet_head_of(s, &head);
	packet_begin(&w, &head);
	packet_put_payload(&w, s, NULL);
	delay_write(&w.out, room, e->time);
	e->delayed = packet_end(&w);
	stanza_free(&s);
	return e->delayed;
}

uint32_t history_list(struct history *h, struct jid room, const struct history_wish *wish, struct packet **packets)
{
	uint64_t chars = 0;
	uint32_t first = h->n, n = 0;

	while (first > 0 && h->n - first < wish->max_messages) {
		struct history_entry *e = entry_at(h, first - 1);
		struct packet *p = delayed(e, room);

		chars += p ? packet_view(p).n : 0;
		if (e->time < wish->since || chars > wish->max_chars)
			break;
		first--;
	}
	for (; first < h->n; first++) {
		struct packet *p = entry_at(h, first)->delayed;
		if (p)
			packets[n++] = packet_ref(p);
	}
	return n;
}
