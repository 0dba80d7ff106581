/* A temporary room ends with its server, and whoever comes back first would own the next one of that name, without its locks. So
 * what this program makes by itself is left again at once by who did not own it before, which ends it, and tried a few times more:
 * its owner comes back, too. An owner gets it, and is told what is gone. Rooms at a peer have a rule of their own: host.c. */
#include "client/client_i.h"

enum { TRIES = 5, FIRST_MS = 2000 }; /* each waits twice as long as the one before: a minute, as for peers */

static void give_up(struct client *c, struct room *r)
{
	CLEANUP(buf_clear) struct buf verb = {.max = 4096};

	buf_z(&verb, "it is gone, and nobody has made it again; /join ");
	client_room_name(c, jid_view(str_z(r->jid)), &verb);
	buf_z(&verb, " makes a new one");
	r->state = ROOM_OUT;
	client_room_forget(r);
	client_room_event(c, r, EVENT_LEFT, STR_NONE, buf_cstr(&verb), STR_NONE);
	client_unsay(c, r->jid);
}

static void try_later(struct client *c, struct room *r)
{
	client_occupants_clear(r);
	r->settled = false;
	if (r->tries == TRIES) {
		give_up(c, r);
		return;
	}
	if (r->tries == 0)
		client_room_event(c, r, EVENT_OCCUPANT, STR_NONE,
			r->owner
				? "it is not open yet; you go in again when it is"
				: "it is gone with its server's last run; you go in again when its owner has made it anew",
			STR_NONE);
	r->state = ROOM_RETRIES;
	r->settle_at = c->now + ((int64_t)FIRST_MS << r->tries);
	r->tries++;
}

bool client_anew_yields(struct client *c, struct room *r)
{
	if (r->owner || !client_host_awaited(r))
		return false;
	client_put_leave(c, r, STR_NONE);
	client_room_forget(r); /* the next one knows nothing of it */
	try_later(c, r);
	return true;
}

/* Somebody has just made it, and is about to open it or to leave it; or only others may make rooms there. */
bool client_anew_waits(struct client *c, struct room *r, const struct stanza *error)
{
	struct str condition = client_condition(error);

	if (!client_host_awaited(r) || client_host_of(c, jid_domain(jid_view(str_z(r->jid)))) ||
		!(str_is(condition, "item-not-found") || str_is(condition, "not-allowed")))
		return false;
	try_later(c, r);
	return true;
}

void client_anew_note(struct room *r)
{
	const struct occupant *self = client_occupant(r, str_z(r->nick));

	r->owner = self && self->affiliation && str_is(str_z(self->affiliation), "owner");
	r->tries = 0;
}

void client_anew_tell(struct client *c, struct room *r)
{
	client_emit(c,
		&(struct client_event){.kind = EVENT_ROOM,
			.room = true,
			.conversation = str_z(r->jid),
			.verb = STR("warning"),
			.body = STR(
				"it was gone and is made anew: its settings, members and bans are lost; /config shows and sets them")});
}
