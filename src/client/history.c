/* The end of a conversation on demand (XEP-0313). An archive has receipts and marks in it, too, and is read page by page from its
 * end, so what was said is gathered until there is as much of it as was asked for, and shown then, the oldest first. */
#include "client/client_i.h"

enum {
	HISTORY_MAX = 500,
	PAGE_MAX = 100, /* more than servers give at once, as a rule */
	PAGES_MAX = 50, /* an archive of nothing but receipts */
	HELD_MAX = 4 << 20,
	AT_ONCE_MAX = 32
};

struct history {
	struct list node;
	char id[CLIENT_ID_MAX + 1]; /* of the question, which each line of the answer names */
	char *conversation;
	bool room;
	struct stanza *lines, **at; /* oldest first; at: where the next one of this page goes */
	unsigned wanted, n, pages;
	size_t bytes;
};

static void history_free(struct history *h)
{
	struct stanza *s;

	list_remove(&h->node);
	while ((s = h->lines)) {
		h->lines = s->next;
		s->next = NULL;
		stanza_free(&s);
	}
	xfree(h->conversation);
	xfree(h);
}

void client_histories_clear(struct client *c)
{
	struct list *n;

	while ((n = list_take(&c->archive.histories)))
		history_free(LIST_ITEM(n, struct history, node));
}

static struct history *find(const struct client *c, struct str id)
{
	LIST_EACH(n, &c->archive.histories) {
		struct history *h = LIST_ITEM(n, struct history, node);

		if (str_is(id, h->id))
			return h;
	}
	return NULL;
}

/* ---- what is shown ---- */

static void show_one(struct client *c, struct history *h)
{
	struct stanza *s = h->lines;
	struct jid_buf from, to;
	struct said m;

	h->lines = s->next;
	s->next = NULL;
	if (client_forwarded(&s->tree, stanza_child(s, "result", NS_MAM), &from, &to, &m) == 0) {
		m.history = m.delayed = true;
		if (!h->room) /* some may have gone to another address that was his */
			m.with = str_z(h->conversation);
		client_on_said(c, &m);
	}
	stanza_free(&s);
}

static void show(struct client *c, struct history *h)
{
	for (; h->n > h->wanted; h->n--) {
		struct stanza *s = h->lines;

		h->lines = s->next;
		s->next = NULL;
		stanza_free(&s);
	}
	while (h->lines)
		show_one(c, h);
}

/* ---- what comes ---- */

static bool is_line(const struct history *h, const struct said *m)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	struct str text = STR_NONE;

	if (client_said_text(m, "body", &tmp, &text) && text.n)
		return true;
	return h->room && xml_child(m->t, m->node, "subject", NS_CLIENT) != XML_NONE;
}

bool client_history_take(struct client *c, struct str id, const struct stanza *s, const struct said *m)
{
	struct history *h = find(c, id);
	struct stanza *copy;
	size_t n = xml_raw(&s->tree, XML_ROOT).n;

	if (!h)
		return false;
	if (h->bytes + n > HELD_MAX || !is_line(h, m))
		return true;
	copy = stanza_copy(s, s->to);
	copy->next = *h->at;
	*h->at = copy;
	h->at = &copy->next;
	h->bytes += n;
	h->n++;
	return true;
}

/* ---- questions ---- */

static void put_field(struct buf *out, const char *name, struct str value)
{
	buf_fmt(out, "<field var='%s'>", name);
	xml_put_text(out, "value", value);
	buf_z(out, "</field>");
}

static void on_page(struct client *c, const struct pending *p, const struct stanza *s);

static int ask_page(struct client *c, struct history *h, struct str before)
{
	CLEANUP(buf_clear) struct buf q = {.max = 16384};
	unsigned page = 3 * (h->wanted - h->n) + 10;

	buf_fmt(&q, "<query xmlns='" NS_MAM "' queryid='%s'><x xmlns='" NS_DATA "' type='submit'>", h->id);
	put_field(&q, "FORM_TYPE", STR(NS_MAM));
	if (!h->room)
		put_field(&q, "with", str_z(h->conversation));
	buf_fmt(&q, "</x><set xmlns='" NS_RSM "'><max>%u</max>", page < PAGE_MAX ? page : PAGE_MAX);
	if (before.n)
		xml_put_text(&q, "before", before);
	else
		buf_z(&q, "<before/>");
	buf_z(&q, "</set></query>");
	h->at = &h->lines;
	h->pages++;
	return client_ask(c, "set", h->room ? str_z(h->conversation) : STR_NONE, buf_view(&q), on_page, STR("history"),
		str_z(h->id), 0);
}

/* Where the page before this one ends; nothing if there is none. */
static struct str first_of(const struct stanza *s, struct buf *tmp)
{
	uint32_t fin = stanza_child(s, "fin", NS_MAM), set = fin ? xml_child(&s->tree, fin, "set", NS_RSM) : XML_NONE;
	uint32_t first = set ? xml_child(&s->tree, set, "first", NS_RSM) : XML_NONE;

	if (!first || str_is(xml_attr(&s->tree, fin, "complete"), "true"))
		return STR("");
	return xml_text(&s->tree, first, tmp);
}

static void on_page(struct client *c, const struct pending *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	struct history *h = find(c, str_z(p->extra));
	bool good = s && s->type == TYPE_RESULT;
	struct str before = good ? first_of(s, &tmp) : STR("");

	if (!h)
		return;
	if (before.n && h->n < h->wanted && h->pages < PAGES_MAX && h->bytes < HELD_MAX / 2 &&
		ask_page(c, h, before) == 0)
		return;
	show(c, h);
	history_free(h);
	if (good)
		client_say_event(c, EVENT_DONE, STR(""));
	else
		client_refuse(c, "history", s);
}

int client_history(struct client *c, struct str conversation, unsigned n)
{
	struct history *h;
	unsigned under_way = 0;
	int err;

	if (c->state != CLIENT_ONLINE)
		return ERR_CLOSED;
	LIST_EACH(k, &c->archive.histories)
		under_way++;
	if (under_way >= AT_ONCE_MAX)
		return ERR_LIMIT;
	h = xcalloc(1, sizeof(*h));
	rand_token(h->id, 16);
	h->conversation = str_dup(conversation);
	h->room = client_room(c, conversation) != NULL;
	h->wanted = n == 0 || n > HISTORY_MAX ? HISTORY_MAX : n;
	list_append(&c->archive.histories, &h->node);
	err = ask_page(c, h, STR(""));
	if (err)
		history_free(h);
	return err;
}
