#include "room/pace.h"

#include "base/mem.h"

enum { SWEEP_LEAST = 64 };

static struct str key(const void *item)
{
	const struct pace *p = item;

	return (struct str){p->jid, p->jid_n};
}

void paces_init(struct paces *ps)
{
	*ps = (struct paces){.sweep_at = SWEEP_LEAST};
	map_init(&ps->map, key, PACES_MAX);
}

void paces_clear(struct paces *ps)
{
	struct pace *p;

	for (uint32_t pos = 0; (p = map_next(&ps->map, &pos));)
		xfree(p);
	map_clear(&ps->map);
	ps->sweep_at = SWEEP_LEAST;
}

static bool owes_nothing(const struct pace *p, int64_t now)
{
	for (int i = 0; i < PACE_KINDS; i++)
		if (p->until[i] > now)
			return false;
	return p->asked_until <= now && p->silent_until <= now;
}

void paces_sweep(struct paces *ps, int64_t now)
{
	struct pace **old = xmalloc((ps->map.n + 1) * sizeof(struct pace *)), *p;
	uint32_t n = 0;

	for (uint32_t pos = 0; (p = map_next(&ps->map, &pos));)
		if (owes_nothing(p, now))
			old[n++] = p;
	for (uint32_t i = 0; i < n; i++) {
		map_remove(&ps->map, key(old[i]));
		xfree(old[i]);
	}
	xfree(old);
	if (!ps->map.n)
		map_clear(&ps->map);
	/* What a sweep costs is paid by as many new ones. */
	ps->sweep_at = ps->map.n < SWEEP_LEAST / 2 ? SWEEP_LEAST : ps->map.n * 2;
}

void paces_unsilence(struct paces *ps)
{
	struct pace *p;

	for (uint32_t pos = 0; (p = map_next(&ps->map, &pos));)
		p->silent_until = 0;
}

void paces_may_ask(struct paces *ps)
{
	struct pace *p;

	for (uint32_t pos = 0; (p = map_next(&ps->map, &pos));)
		p->asked_until = 0;
}

const struct pace *paces_find(const struct paces *ps, struct str bare) { return map_find(&ps->map, bare); }

struct pace *paces_get(struct paces *ps, struct str bare, int64_t now)
{
	struct pace *p = map_find(&ps->map, bare);

	if (p)
		return p;
	if (ps->map.n >= ps->sweep_at)
		paces_sweep(ps, now);
	if (ps->map.n >= PACES_MAX)
		return NULL;
	p = xcalloc(1, sizeof(*p) + bare.n);
	p->jid_n = (uint16_t)bare.n;
	memcpy(p->jid, bare.p, bare.n);
	must(map_add(&ps->map, p) == 0);
	return p;
}

bool paces_allow(struct paces *ps, struct str bare, enum pace_kind kind, uint32_t cost, int64_t now)
{
	struct pace *p = paces_get(ps, bare, now);
	int64_t from;

	if (!p)
		return false;
	from = p->until[kind] > now ? p->until[kind] : now;
	if (from + cost - now > PACE_AHEAD)
		return false;
	p->until[kind] = from + cost;
	return true;
}

bool paces_may(const struct paces *ps, struct str bare, enum pace_kind kind, int64_t now)
{
	const struct pace *p = paces_find(ps, bare);

	return p ? p->until[kind] - now <= PACE_AHEAD : ps->map.n < PACES_MAX;
}

int64_t paces_owe(struct paces *ps, struct str bare, enum pace_kind kind, uint32_t cost, int64_t now)
{
	struct pace *p = cost ? paces_get(ps, bare, now) : NULL;

	if (!p)
		return 0;
	p->until[kind] = (p->until[kind] > now ? p->until[kind] : now) + cost;
	return p->until[kind] - now;
}
