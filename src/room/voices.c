#include "room/voices.h"

#include "base/mem.h"

struct voice {
	enum role role;
	uint16_t jid_n;
	char jid[];
};

static struct str key(const void *item)
{
	const struct voice *v = item;

	return (struct str){v->jid, v->jid_n};
}

void voices_init(struct map *voices) { map_init(voices, key, VOICES_MAX); }

void voices_clear(struct map *voices)
{
	struct voice *v;

	for (uint32_t pos = 0; (v = map_next(voices, &pos));)
		xfree(v);
	map_clear(voices);
}

void voices_set(struct map *voices, struct str bare, enum role role)
{
	struct voice *v;

	xfree(map_remove(voices, bare));
	if (role == ROLE_NONE)
		return;
	v = xmalloc(sizeof(*v) + bare.n);
	v->role = role;
	v->jid_n = (uint16_t)bare.n;
	memcpy(v->jid, bare.p, bare.n);
	if (map_add(voices, v) < 0)
		xfree(v);
}

enum role voices_get(const struct map *voices, struct str bare)
{
	const struct voice *v = map_find(voices, bare);

	return v ? v->role : ROLE_NONE;
}
