/* Rooms that are at a peer: who has one may go, and come back with it or without. A service of a server is not gone from one
 * moment to the other without a word, so this is for the clients of nodes. */
#include "client/client_i.h"

static bool is_at(const struct room *r, struct str domain)
{
	const struct str rooms = STR("rooms.");
	struct str own = jid_domain(jid_view(str_z(r->jid)));

	return str_starts(own, rooms) && str_eq((struct str){own.p + rooms.n, own.n - rooms.n}, domain);
}

bool client_host_awaited(const struct room *r) { return client_room_joining(r) && r->state != ROOM_ASKED; }

/* Until he is seen, if he is not; who is may have no link yet, or is just going, so he is asked. */
static void wait_for_host(const struct client *c, struct room *r, bool here)
{
	r->state = here ? ROOM_RETRIES : ROOM_AWAITS;
	r->settled = false;
	r->settle_at = c->now + AGAIN_MS;
}

static void lost(struct client *c, struct room *r, bool here)
{
	bool in = r->state == ROOM_IN;

	r->missing_until = 0;
	wait_for_host(c, r, here);
	if (in)
		client_room_event(c, r, EVENT_OCCUPANT, STR_NONE,
			"whoever has it is gone; you go in again when it is back", STR_NONE);
}

static bool is_here(const struct contact *host) { return !list_empty(&host->resources); }

bool client_host_stops(struct client *c, struct room *r)
{
	const struct contact *host = client_host_of(c, jid_domain(jid_view(str_z(r->jid))));

	if (host)
		lost(c, r, is_here(host));
	return host != NULL;
}

/* His node is back before his chat is, which makes the room again; until then we may not make it, or it is not open yet. */
static bool may_come_back(const struct client *c, struct room *r, struct str condition)
{
	if (!str_is(condition, "not-allowed") && !str_is(condition, "item-not-found"))
		return false;
	if (!r->missing_until)
		r->missing_until = c->now + MISSING_MS;
	return c->now < r->missing_until;
}

/* A room says resource-constraint that is closing. */
static bool is_trouble(struct str condition)
{
	return str_is(condition, "remote-server-timeout") || str_is(condition, "resource-constraint");
}

bool client_host_waits(struct client *c, struct room *r, const struct stanza *error)
{
	const struct contact *host = client_host_of(c, jid_domain(jid_view(str_z(r->jid))));
	struct str condition = error ? client_condition(error) : STR("remote-server-timeout");

	if (!host || !client_host_awaited(r) || !(is_trouble(condition) || may_come_back(c, r, condition)))
		return false;
	wait_for_host(c, r, is_here(host));
	return true;
}

/* He may be seen before there is a link to him, and what is asked then is lost: so it is asked at each sign of him, and once more
 * without one. */
static void come_back(struct client *c, struct room *r)
{
	client_room_enter(c, r, ROOM_RETRIES);
	r->settle_at = c->now + AGAIN_MS;
}

/* Who is not in any more is told so by the answer (XEP-0410 section 4); all else means nothing. */
static void on_self_ping(struct client *c, const struct pending *p, const struct stanza *s)
{
	struct room *r = client_room(c, str_z(p->about));
	struct str condition = s && s->type == TYPE_ERROR ? client_condition(s) : STR_NONE;

	if (!r || r->state != ROOM_IN || !(str_is(condition, "not-acceptable") || str_is(condition, "item-not-found")))
		return;
	lost(c, r, true); /* it may not be there again at once */
	come_back(c, r);
}

static void look_after(struct client *c, struct room *r)
{
	CLEANUP(buf_clear) struct buf self = {.max = JID_MAX};

	if (client_host_awaited(r)) {
		come_back(c, r);
	} else if (r->state == ROOM_IN && c->now >= r->asked_at + AGAIN_MS) {
		r->asked_at = c->now;
		buf_fmt(&self, "%s/%s", r->jid, r->nick);
		client_ask(c, "get", buf_view(&self), STR("<ping xmlns='" NS_PING "'/>"), on_self_ping, str_z(r->jid),
			STR_NONE, 0);
	}
}

void client_host_seen(struct client *c, struct str domain, bool here)
{
	struct room *r;
	uint32_t pos = 0;

	if (!c->config.node)
		return;
	while ((r = map_next(&c->rooms, &pos))) {
		if (!is_at(r, domain))
			continue;
		if (here)
			look_after(c, r);
		else if (r->state == ROOM_IN || client_host_awaited(r))
			lost(c, r, false);
	}
}
