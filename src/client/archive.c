/* The archive (XEP-0313): the end of a conversation on demand, and what was missed while away. Works without one. */
#include "client/client_i.h"

enum { HISTORY_MAX = 500, CATCH_UP_MAX = 200 };

static void put_field(struct buf *out, const char *name, struct str value)
{
	buf_fmt(out, "<field var='%s'>", name);
	xml_put_text(out, "value", value);
	buf_z(out, "</field>");
}

static void on_fetched(struct client *c, const struct pending *p, const struct stanza *s)
{
	if (!s || s->type != TYPE_RESULT) {
		if (p->about)
			client_refuse(c, "history", s);
		return;
	}
	if (p->about)
		client_say_event(c, EVENT_DONE, STR(""));
}

/* One page of a catch-up; there may be more. */
static void on_caught_up(struct client *c, const struct pending *p, const struct stanza *s)
{
	uint32_t fin = s && s->type == TYPE_RESULT ? stanza_child(s, "fin", NS_MAM) : XML_NONE;
	uint32_t set = fin ? xml_child(&s->tree, fin, "set", NS_RSM) : XML_NONE;
	uint32_t last = set ? xml_child(&s->tree, set, "last", NS_RSM) : XML_NONE;
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	bool more = fin && !str_is(xml_attr(&s->tree, fin, "complete"), "true");

	if (!last)
		return;
	set_text(&c->last_archived, xml_text(&s->tree, last, &tmp));
	if (p->number && more && *c->last_archived)
		client_catch_up(c);
}

/* First time: only where the archive ends now, so that we know from where to go on. */
void client_catch_up(struct client *c)
{
	CLEANUP(buf_clear) struct buf q = {.max = 8192};

	buf_z(&q, "<query xmlns='" NS_MAM "' queryid='missed'><set xmlns='" NS_RSM "'>");
	if (c->last_archived) {
		buf_fmt(&q, "<max>%d</max>", CATCH_UP_MAX);
		xml_put_text(&q, "after", str_z(c->last_archived));
	} else {
		buf_z(&q, "<max>1</max><before/>");
	}
	buf_z(&q, "</set></query>");
	client_ask(c, "set", STR_NONE, buf_view(&q), on_caught_up, STR_NONE, STR_NONE, c->last_archived != NULL);
}

int client_history(struct client *c, struct str conversation, unsigned n)
{
	CLEANUP(buf_clear) struct buf q = {.max = 16384};
	bool room = client_room(c, conversation) != NULL;

	if (c->state != CLIENT_ONLINE)
		return ERR_CLOSED;
	buf_z(&q, "<query xmlns='" NS_MAM "' queryid='history'><x xmlns='" NS_DATA "' type='submit'>");
	put_field(&q, "FORM_TYPE", STR(NS_MAM));
	if (!room)
		put_field(&q, "with", conversation);
	buf_fmt(&q, "</x><set xmlns='" NS_RSM "'><max>%u</max><before/></set></query>",
		n == 0 || n > HISTORY_MAX ? HISTORY_MAX : n);
	return client_ask(c, "set", room ? conversation : STR_NONE, buf_view(&q), on_fetched, STR("history"), STR_NONE,
		0);
}

/* Only our own account, or a room of ours about itself, may tell what was said. */
static bool is_trusted(const struct client *c, const struct stanza *s, const struct said *m)
{
	return client_is_own(c, s->from) ||
		(client_room(c, jid_str(s->from)) && str_eq(jid_bare_str(m->from), jid_str(s->from)));
}

bool client_on_archived(struct client *c, const struct stanza *s)
{
	uint32_t result = stanza_child(s, "result", NS_MAM);
	struct jid_buf from, to;
	struct said m;
	bool missed;

	if (!result)
		return false;
	missed = str_is(xml_attr(&s->tree, result, "queryid"), "missed");
	if (client_forwarded(&s->tree, result, &from, &to, &m) != 0 || !is_trusted(c, s, &m))
		return true;
	m.history = !missed;
	m.delayed = true;
	/* The first catch-up only asks where the end is. */
	if (missed && !c->last_archived)
		return true;
	client_on_said(c, &m);
	return true;
}
