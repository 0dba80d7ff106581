/* What was said in a room while our session was broken, out of the room's archive (XEP-0313), from the last message that we
 * know: what a room gives to those who enter is a part of it, as many as its owner lets it. A room that numbers its messages
 * (XEP-0359) mostly has one; where it has none, we enter once more, and take what is given. Peers' rooms have their own ways. */
#include "client/client_i.h"

#define QUERY_ID "missed-here"

enum { PAGE = 100, PAGES_MAX = 10, PATIENCE_MS = ANSWER_MS + 5000, HELD_MAX = 4 << 20 };

void client_catch_up_note(struct client *c, struct room *r, const struct said *m)
{
	struct str id = c->config.node || m->history || r->catching ? STR_NONE : client_room_said_id(r, m);

	if (id.n)
		set_text(&r->last_id, id);
}

bool client_catch_up_can(const struct client *c, const struct room *r)
{
	return r->last_id && !r->no_archive && !c->config.node;
}

static void tell_hole(struct client *c, struct room *r, const char *what)
{
	client_room_event(c, r, EVENT_OCCUPANT, str_z(r->nick), what, STR("/log has the end of it"));
}

/* ---- what comes meanwhile ---- */

bool client_catch_up_holds(struct client *c, const struct stanza *s)
{
	struct room *r = client_room(c, jid_bare_str(s->from));
	size_t n = xml_raw(&s->tree, XML_ROOT).n;
	struct stanza **at;

	if (!r || !r->catching || r->state != ROOM_IN || r->held_bytes + n > HELD_MAX ||
		!str_is(xml_attr(&s->tree, XML_ROOT, "type"), "groupchat"))
		return false;
	for (at = &r->held; *at; at = &(*at)->next)
		;
	*at = stanza_copy(s, s->to);
	r->held_bytes += n;
	return true;
}

static struct stanza *take_held(struct room *r)
{
	struct stanza *s = r->held;

	if (s) {
		r->held = s->next;
		s->next = NULL;
	}
	return s;
}

void client_catch_up_drop(struct room *r)
{
	struct stanza *s;

	while ((s = take_held(r)))
		stanza_free(&s);
	r->held_bytes = 0;
}

static void tell_held(struct client *c, struct room *r)
{
	struct stanza *s;

	r->catching = false;
	while ((s = take_held(r))) {
		client_on_message(c, s);
		stanza_free(&s);
	}
	r->held_bytes = 0;
}

/* ---- asking ---- */

static void end(struct client *c, struct room *r)
{
	tell_held(c, r);
	client_room_settle(c, r);
}

/* It has no archive, or does not answer, or knows that message no more: then what it gives to everybody, which may be less. */
static void do_without(struct client *c, struct room *r)
{
	tell_held(c, r);
	xfree(TAKE(r->last_id));
	tell_hole(c, r, "may have missed more than the room gives now");
	client_room_enter(c, r, ROOM_RETURNS);
}

static void on_page(struct client *c, const struct pending *p, const struct stanza *s);

static void ask_page(struct client *c, struct room *r)
{
	CLEANUP(buf_clear) struct buf q = {.max = 16384};

	r->catch_until = c->now + PATIENCE_MS;
	buf_fmt(&q, "<query xmlns='" NS_MAM "' queryid='" QUERY_ID "'><set xmlns='" NS_RSM "'><max>%d</max>", PAGE);
	xml_put_text(&q, "after", str_z(r->last_id));
	buf_z(&q, "</set></query>");
	if (!buf_ok(&q) ||
		client_ask(c, "set", str_z(r->jid), buf_view(&q), on_page, str_z(r->jid), STR_NONE, r->catch_page) != 0)
		r->catch_until = c->now; /* as if nobody answered */
}

void client_catch_up_room(struct client *c, struct room *r)
{
	r->catch_page = 1;
	ask_page(c, r);
}

/* The question died with a connection, or could not be asked. */
void client_catch_up_tick(struct client *c, struct room *r)
{
	if (r->catching && r->state == ROOM_IN && c->now >= r->catch_until)
		do_without(c, r);
}

static void on_refused(struct client *c, struct room *r, const struct stanza *s)
{
	r->no_archive = s && !str_is(client_condition(s), "item-not-found");
	if (r->catch_page == 1) {
		do_without(c, r);
		return;
	}
	tell_hole(c, r, "missed more than is shown here");
	end(c, r);
}

static void on_page(struct client *c, const struct pending *p, const struct stanza *s)
{
	struct room *r = client_room(c, str_z(p->about));
	uint32_t fin = s && s->type == TYPE_RESULT ? stanza_child(s, "fin", NS_MAM) : XML_NONE;
	uint32_t set = fin ? xml_child(&s->tree, fin, "set", NS_RSM) : XML_NONE;
	uint32_t last = set ? xml_child(&s->tree, set, "last", NS_RSM) : XML_NONE;
	CLEANUP(buf_clear) struct buf tmp = {.max = 4 * SHOWN_ID_MAX};
	struct str id = last ? xml_text(&s->tree, last, &tmp) : STR_NONE;

	/* An answer to what is not asked any more; and when we come back it is asked anew, from where we are. */
	if (!r || r->state != ROOM_IN || !r->catching || p->number != r->catch_page || c->state != CLIENT_ONLINE)
		return;
	if (!fin) {
		on_refused(c, r, s);
		return;
	}
	id = buf_ok(&tmp) && id.n <= SHOWN_ID_MAX ? id : STR_NONE;
	if (id.n)
		set_text(&r->last_id, id);
	if (str_is(xml_attr(&s->tree, fin, "complete"), "true")) {
		end(c, r);
	} else if (id.n && r->catch_page < PAGES_MAX) {
		r->catch_page++;
		ask_page(c, r);
	} else {
		tell_hole(c, r, "missed more than is shown here");
		end(c, r);
	}
}

bool client_catch_up_takes(const struct client *c, struct jid from, struct str id)
{
	const struct room *r = client_room(c, jid_str(from));

	return r && r->catching && str_is(id, QUERY_ID);
}
