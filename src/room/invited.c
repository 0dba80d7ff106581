/* Who was invited by whom, and has neither come back with an error nor declined: without an invitation nobody sends a stranger's
 * words through a room. What is kept of one is a number that only this room makes of the two addresses. */
#include "room/rooms_i.h"

#include "base/hash.h"

enum { FIRST = 4 };
#define INVITED_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct invitation {
	int64_t pair, time; /* of no two the same time */
};

struct invited {
	uint32_t n, cap;
	struct invitation list[]; /* the oldest first */
};

/* The same after a restart, for each room another one: the key that its occupants' ids are made with is nobody else's. */
static int64_t pair(const struct room *r, struct jid inviter, struct jid invited)
{
	CLEANUP(buf_clear) struct buf text = {.max = 2 * JID_MAX + 16};
	uint8_t digest[HASH_MAX];
	int64_t n;

	buf_z(&text, "invited\n");
	buf_str(&text, jid_bare_str(inviter));
	buf_char(&text, '\n');
	buf_str(&text, jid_bare_str(invited));
	must(buf_ok(&text));
	hash_hmac(HASH_SHA256, str_z(r->config.occupant_key), buf_view(&text), digest);
	memcpy(&n, digest, sizeof(n));
	return n;
}

/* ---- the store ---- */

static void write_one(struct room *r, enum store_write what, const struct invitation *one)
{
	struct core *c = room_core(r);

	if (!r->config.persistent)
		return;
	store_put(core_batch(c), what, jid_domain(r->entity.jid), jid_local(r->entity.jid), one->pair, one->time);
	r->commit = core_commit(c);
}

void invited_store(struct room *r)
{
	for (uint32_t i = 0; r->invited && i < r->invited->n; i++)
		write_one(r, STORE_INVITED_PUT, &r->invited->list[i]);
}

/* ---- the list ---- */

static void drop(struct room *r, uint32_t i)
{
	struct invited *in = r->invited;

	write_one(r, STORE_INVITED_DEL, &in->list[i]);
	in->n--;
	memmove(&in->list[i], &in->list[i + 1], (in->n - i) * sizeof(*in->list));
	if (!in->n)
		xfree(TAKE(r->invited));
}

static void append(struct room *r, int64_t number, int64_t time)
{
	struct invited *in = r->invited;

	if (!in || in->n == in->cap) {
		uint32_t n = in ? in->n : 0, cap = n ? 2 * n : FIRST;

		in = r->invited = xrealloc(in, sizeof(*in) + cap * sizeof(*in->list));
		in->n = n;
		in->cap = cap;
	}
	in->list[in->n++] = (struct invitation){number, time};
}

/* Those that nobody answered for a month, and the oldest of too many. */
static void make_room(struct room *r, int64_t now)
{
	while (r->invited && (r->invited->n >= INVITED_MAX || r->invited->list[0].time < now - INVITED_MS))
		drop(r, 0);
}

void invited_add(struct room *r, struct jid inviter, struct jid invited)
{
	int64_t now = core_wall(room_core(r)), time = now;

	make_room(r, now);
	if (r->invited && r->invited->list[r->invited->n - 1].time >= time)
		time = r->invited->list[r->invited->n - 1].time + 1;
	append(r, pair(r, inviter, invited), time);
	write_one(r, STORE_INVITED_PUT, &r->invited->list[r->invited->n - 1]);
}

bool invited_take(struct room *r, struct jid inviter, struct jid invited)
{
	int64_t wanted = pair(r, inviter, invited);

	make_room(r, core_wall(room_core(r)));
	for (uint32_t i = 0; r->invited && i < r->invited->n; i++) {
		if (r->invited->list[i].pair != wanted)
			continue;
		drop(r, i);
		return true;
	}
	return false;
}

void invited_load(struct room *r, int64_t number, int64_t time)
{
	if (!r->invited || r->invited->n < INVITED_MAX)
		append(r, number, time);
}
