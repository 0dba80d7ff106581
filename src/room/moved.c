/* Rooms that were destroyed: who wants to enter is told so, and where to go if there is another place, after a restart of the server, too. */
#include "room/rooms_i.h"

#include "base/err.h"

enum {
	MOVED_MS = 24 * 60 * 60 * 1000,
	MOVED_MAX = 10000,
	MOVED_TEMPORARY_MS = 60 * 60 * 1000,
	MOVED_TEMPORARY_MAX = MOVED_MAX / 2
};

static struct str key(const void *item)
{
	const struct moved *m = item;

	return (struct str){m->local, m->local_n};
}

void moved_init(struct map *moved) { map_init(moved, key, MOVED_MAX); }

static void moved_free(struct moved *m)
{
	if (!m)
		return;
	jid_free(&m->by);
	xfree(m->alternate);
	xfree(m);
}

void moved_clear(struct map *moved)
{
	struct moved *m;

	for (uint32_t pos = 0; (m = map_next(moved, &pos));)
		moved_free(m);
	map_clear(moved);
}

static struct moved *moved_new(struct str local, int64_t until, struct jid by, struct str alternate)
{
	struct moved *m = xmalloc(sizeof(*m) + local.n);

	m->until = until;
	m->by = jid_dup(jid_bare(by));
	m->alternate = alternate.n ? str_dup(alternate) : NULL;
	m->local_n = (uint16_t)local.n;
	memcpy(m->local, local.p, local.n);
	return m;
}

/* While the store fails it is known as long as the server runs: nothing that anybody was told is lost by that. */
static void store(struct rooms *rs, const struct moved *m, int64_t until)
{
	struct core *c = rs->host.entity.core;

	if (core_can_store(c))
		store_put(core_batch(c), STORE_ROOM_MOVED, jid_domain(rs->host.entity.jid), key(m), until,
			jid_str(m->by), m->alternate ? str_z(m->alternate) : STR(""));
}

void rooms_moved_forget(struct rooms *rs, struct str local)
{
	struct moved *m = map_remove(&rs->moved, local);

	if (m)
		store(rs, m, 0);
	moved_free(m);
}

/* A temporary room, which anybody can make, is remembered for less long, and never in place of a persistent one. */
void rooms_move(struct room *r, struct jid by, struct str alternate)
{
	int64_t keep = r->config.persistent ? MOVED_MS : MOVED_TEMPORARY_MS;
	struct rooms *rs = rooms_of(r);
	struct str local = jid_local(r->entity.jid);
	struct moved *m;

	rooms_moved_forget(rs, local);
	if (!r->config.persistent && rs->moved.n >= MOVED_TEMPORARY_MAX)
		return;
	m = moved_new(local, core_wall(room_core(r)) + keep, by, alternate);
	if (map_add(&rs->moved, m) < 0)
		moved_free(m);
	else
		store(rs, m, m->until);
}

const struct moved *rooms_moved(const struct rooms *rs, struct str local, struct jid who)
{
	const struct moved *m = map_find(&rs->moved, local);
	bool over = m && m->until <= core_wall(rs->host.entity.core);

	return m && !over && !jid_eq_bare(m->by, who) && !rooms_is_admin(rs, who) ? m : NULL;
}

void moved_expire(struct rooms *rs)
{
	int64_t now = core_wall(rs->host.entity.core);
	struct moved *m;

	for (uint32_t pos = 0; (m = map_next(&rs->moved, &pos));) {
		if (m->until > now)
			continue;
		rooms_moved_forget(rs, key(m));
		pos = 0; /* the map has moved */
	}
}

/* What became of the room since this was asked is known better. */
void moved_load(struct rooms *rs, const struct store_value *v)
{
	struct jid_buf by;
	struct moved *m;

	if (!v[0].s.n || v[0].s.n > JID_PART_MAX || jid_parse_buf(v[2].s, &by) != 0 || rooms_find(rs, v[0].s))
		return;
	m = moved_new(v[0].s, v[1].i, by.jid, v[3].s);
	if (map_add(&rs->moved, m) < 0)
		moved_free(m);
}
