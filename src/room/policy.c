/* Who may make a room, and with which name; and what only administrators of the service may make of it. */
#include "base/hash.h"
#include "room/rooms_i.h"

uint64_t rooms_owner_key(struct jid who)
{
	struct str bare = jid_bare_str(who);

	return hash_bytes(bare.p, bare.n);
}

static bool is_reserved(const struct rooms *rs, struct str local)
{
	for (size_t i = 0; rs->reserved && rs->reserved[i]; i++)
		if (str_is(local, rs->reserved[i]))
			return true;
	return false;
}

/* Persistent ones, in memory or not, and the others. */
static uint32_t rooms_of_owner(const struct rooms *rs, uint64_t owner)
{
	const struct listing *l;
	const struct room *r;
	uint32_t n = 0;

	for (uint32_t pos = 0; (l = map_next(&rs->directory, &pos));)
		n += l->owner == owner;
	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));)
		n += r->owner == owner && !r->config.persistent && (r->state == ROOM_OPEN || r->state == ROOM_LOCKED);
	return n;
}

struct xerr rooms_may_make(struct rooms *rs, struct str local, struct jid who)
{
	if (rooms_is_admin(rs, who))
		return XERR_OK;
	if (rs->only_admins_make)
		return xerr_text(XERR_NOT_ALLOWED, "only administrators make rooms here");
	if (is_reserved(rs, local))
		return xerr_text(XERR_NOT_ALLOWED, "this name is reserved");
	if (rs->config.per_user && !rs->loaded) /* nobody knows how many he has */
		return (struct xerr){XERR_RESOURCE_CONSTRAINT, "wait",
			"the service is starting: try again in a moment"};
	core_spend(rs->host.entity.core, (rs->directory.n + rs->live.n) / 64);
	if (rs->config.per_user && rooms_of_owner(rs, rooms_owner_key(who)) >= rs->config.per_user)
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "you have as many rooms as one may have");
	if (!makers_count(&rs->makers, who, core_now(rs->host.entity.core)))
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "too many new rooms today");
	return XERR_OK;
}

struct room_switches room_switches(const struct room_config *c)
{
	return (struct room_switches){c->logging, c->public_, c->persistent};
}

struct xerr rooms_may_turn_on(const struct rooms *rs, struct room_switches before, struct room_switches after,
	struct jid who)
{
	const struct rooms_config *c = &rs->config;

	if (rooms_is_admin(rs, who))
		return XERR_OK;
	if (c->only_admins_log && after.logging && !before.logging)
		return xerr_text(XERR_NOT_ALLOWED, "only administrators of the service turn on public logs here");
	if (c->only_admins_publish && after.public_ && !before.public_)
		return xerr_text(XERR_NOT_ALLOWED, "only administrators of the service make rooms public here");
	if (c->only_admins_keep && after.persistent && !before.persistent)
		return xerr_text(XERR_NOT_ALLOWED, "only administrators of the service make rooms persistent here");
	return XERR_OK;
}
