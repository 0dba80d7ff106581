/* What was said in a room while our session was broken, out of the room's archive (XEP-0313), from the last message that we
 * know: what a room gives to those who enter is a part of it, as many as its owner lets it. A room that numbers its messages
 * (XEP-0359) mostly has one; where it has none, we enter once more, and take what is given. Peers' rooms have their own ways. */
#include "client/client_i.h"

#define QUERY_ID "missed-here"

enum { PAGE = 100, PAGES_MAX = 10 };

void client_catch_up_note(struct client *c, struct room *r, const struct said *m)
{
	uint32_t id = c->config.node || m->history || r->catching ? XML_NONE
								  : xml_child(m->t, m->node, "stanza-id", NS_STANZA_ID);

	if (id && str_is(xml_attr(m->t, id, "by"), r->jid) && xml_attr(m->t, id, "id").n)
		set_text(&r->last_id, xml_attr(m->t, id, "id"));
}

static void on_page(struct client *c, const struct pending *p, const struct stanza *s);

static void ask_page(struct client *c, struct room *r, unsigned page)
{
	CLEANUP(buf_clear) struct buf q = {.max = 8192};

	buf_fmt(&q, "<query xmlns='" NS_MAM "' queryid='" QUERY_ID "'><set xmlns='" NS_RSM "'><max>%d</max>", PAGE);
	xml_put_text(&q, "after", str_z(r->last_id));
	buf_z(&q, "</set></query>");
	client_ask(c, "set", str_z(r->jid), buf_view(&q), on_page, str_z(r->jid), STR_NONE, page);
}

static void end(struct client *c, struct room *r)
{
	r->catching = false;
	client_room_settle(c, r);
}

/* It has no archive, or not for us: then what it gives to everybody. */
static void do_without(struct client *c, struct room *r)
{
	xfree(TAKE(r->last_id));
	r->catching = false;
	client_room_enter(c, r, ROOM_RETURNS);
}

static void on_page(struct client *c, const struct pending *p, const struct stanza *s)
{
	struct room *r = client_room(c, str_z(p->about));
	uint32_t fin = s && s->type == TYPE_RESULT ? stanza_child(s, "fin", NS_MAM) : XML_NONE;
	uint32_t set = fin ? xml_child(&s->tree, fin, "set", NS_RSM) : XML_NONE;
	uint32_t last = set ? xml_child(&s->tree, set, "last", NS_RSM) : XML_NONE;
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	bool complete = fin && str_is(xml_attr(&s->tree, fin, "complete"), "true");

	if (!r || r->state != ROOM_IN || !r->catching || c->state != CLIENT_ONLINE)
		return; /* when we come back it is asked anew, from where we are */
	if (!fin && p->number == 1) {
		do_without(c, r);
		return;
	}
	if (last)
		set_text(&r->last_id, xml_text(&s->tree, last, &tmp));
	if (last && !complete && p->number < PAGES_MAX) {
		ask_page(c, r, p->number + 1);
		return;
	}
	if (!complete)
		client_room_event(c, r, EVENT_OCCUPANT, str_z(r->nick), "missed more than is shown here",
			STR("/log has the end of it"));
	end(c, r);
}

bool client_catch_up_can(const struct client *c, const struct room *r) { return r->last_id && !c->config.node; }

void client_catch_up_room(struct client *c, struct room *r) { ask_page(c, r, 1); }

bool client_catch_up_takes(const struct client *c, struct jid from, struct str id)
{
	const struct room *r = client_room(c, jid_str(from));

	return r && r->catching && str_is(id, QUERY_ID);
}
