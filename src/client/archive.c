/* The archive (XEP-0313): what was missed while away; what it tells is read here. Works without one. */
#include "client/client_i.h"

enum { CATCH_UP_MAX = 200 };

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
	set_text(&c->archive.last, xml_text(&s->tree, last, &tmp));
	if (p->number && more && *c->archive.last)
		client_catch_up(c);
}

/* First time: only where the archive ends now, so that we know from where to go on. */
void client_catch_up(struct client *c)
{
	CLEANUP(buf_clear) struct buf q = {.max = 8192};

	buf_z(&q, "<query xmlns='" NS_MAM "' queryid='missed'><set xmlns='" NS_RSM "'>");
	if (c->archive.last) {
		buf_fmt(&q, "<max>%d</max>", CATCH_UP_MAX);
		xml_put_text(&q, "after", str_z(c->archive.last));
	} else {
		buf_z(&q, "<max>1</max><before/>");
	}
	buf_z(&q, "</set></query>");
	client_ask(c, "set", STR_NONE, buf_view(&q), on_caught_up, STR_NONE, STR_NONE, c->archive.last != NULL);
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
	struct str id;

	if (!result)
		return false;
	id = xml_attr(&s->tree, result, "queryid");
	if (client_forwarded(&s->tree, result, &from, &to, &m) != 0 || !is_trusted(c, s, &m))
		return true;
	m.delayed = true;
	if (client_catch_up_takes(c, s->from, id))
		m.archived = xml_attr(&s->tree, result, "id");
	/* The first catch-up only asks where the end is. */
	if (!client_history_take(c, id, s, &m) &&
		(client_catch_up_takes(c, s->from, id) || (str_is(id, "missed") && c->archive.last)))
		client_on_said(c, &m);
	return true;
}
