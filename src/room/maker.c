#include "room/maker.h"

#include "base/mem.h"

enum { MAKERS_MAX = 100000, DAY_MS = 24 * 60 * 60 * 1000 };

struct maker {
	int64_t since; /* beginning of the day that is counted */
	uint32_t count;
	struct jid who;
};

static struct str maker_key(const void *item) { return jid_str(((const struct maker *)item)->who); }

void makers_init(struct makers *ms, uint32_t max)
{
	map_init(&ms->map, maker_key, MAKERS_MAX);
	ms->max = max;
}

static void maker_free(struct maker *m)
{
	jid_free(&m->who);
	xfree(m);
}

void makers_clear(struct makers *ms)
{
	struct maker *m;

	for (uint32_t pos = 0; (m = map_next(&ms->map, &pos));)
		maker_free(m);
	map_clear(&ms->map);
}

/* Those whose day is over are forgotten when there are too many to remember. */
static void sweep(struct makers *ms, int64_t now)
{
	struct maker **old = xmalloc((ms->map.n + 1) * sizeof(struct maker *)), *m;
	uint32_t n = 0;

	for (uint32_t pos = 0; (m = map_next(&ms->map, &pos));)
		if (now - m->since >= DAY_MS)
			old[n++] = m;
	for (uint32_t i = 0; i < n; i++) {
		map_remove(&ms->map, maker_key(old[i]));
		maker_free(old[i]);
	}
	xfree(old);
}

static struct maker *maker_new(struct makers *ms, struct jid who, int64_t now)
{
	struct maker *m;

	if (ms->map.n >= MAKERS_MAX)
		sweep(ms, now);
	if (ms->map.n >= MAKERS_MAX)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->since = now;
	m->who = jid_dup(jid_bare(who));
	must(map_add(&ms->map, m) == 0);
	return m;
}

bool makers_count(struct makers *ms, struct jid who, int64_t now)
{
	struct maker *m = map_find(&ms->map, jid_bare_str(who));

	if (!m)
		m = maker_new(ms, who, now);
	if (!m)
		return false;
	if (now - m->since >= DAY_MS) {
		m->since = now;
		m->count = 0;
	}
	if (m->count >= ms->max)
		return false;
	m->count++;
	return true;
}
