#include "room/voices.h"

#include "base/err.h"
#include "base/mem.h"

struct voice {
	struct list given; /* if it was given */
	enum role role;
	uint16_t jid_n;
	char jid[];
};

static struct str key(const void *item)
{
	const struct voice *v = item;

	return (struct str){v->jid, v->jid_n};
}

void voices_init(struct voices *vs)
{
	map_init(&vs->map, key, VOICES_MAX);
	list_init(&vs->given);
}

void voices_clear(struct voices *vs)
{
	struct voice *v;

	for (uint32_t pos = 0; (v = map_next(&vs->map, &pos));)
		xfree(v);
	map_clear(&vs->map);
	list_init(&vs->given);
}

static void forget(struct voices *vs, struct str bare)
{
	struct voice *v = map_remove(&vs->map, bare);

	if (v)
		list_remove(&v->given);
	xfree(v);
}

static void forget_oldest(struct voices *vs)
{
	struct list *node = list_take(&vs->given);

	if (node)
		forget(vs, key(LIST_ITEM(node, struct voice, given)));
}

int voices_set(struct voices *vs, struct str bare, enum role role)
{
	struct voice *v;

	forget(vs, bare);
	if (role == ROLE_NONE)
		return 0;
	if (vs->map.n >= VOICES_MAX)
		forget_oldest(vs);
	if (vs->map.n >= VOICES_MAX)
		return ERR_LIMIT;
	v = xcalloc(1, sizeof(*v) + bare.n);
	v->role = role;
	v->jid_n = (uint16_t)bare.n;
	memcpy(v->jid, bare.p, bare.n);
	must(map_add(&vs->map, v) == 0);
	if (role == ROLE_PARTICIPANT)
		list_append(&vs->given, &v->given);
	return 0;
}

enum role voices_get(const struct voices *vs, struct str bare)
{
	const struct voice *v = map_find(&vs->map, bare);

	return v ? v->role : ROLE_NONE;
}

bool voices_have_room(const struct voices *vs, uint32_t silenced)
{
	uint32_t free = VOICES_MAX - vs->map.n;

	for (struct list *node = vs->given.next; node != &vs->given && free < silenced; node = node->next)
		free++;
	return free >= silenced;
}
