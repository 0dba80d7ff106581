#include "room/affiliation.h"

#include "base/err.h"
#include "base/mem.h"

static struct str key(const void *item) { return affiliate_jid(item); }

static void affiliate_free(struct affiliate *a)
{
	if (!a)
		return;
	xfree(a->reason);
	xfree(a);
}

void affiliates_init(struct affiliates *as)
{
	*as = (struct affiliates){0};
	map_init(&as->map, key, AFFILIATES_MAX);
}

void affiliates_clear(struct affiliates *as)
{
	struct affiliate *a;

	for (uint32_t pos = 0; (a = map_next(&as->map, &pos));)
		affiliate_free(a);
	map_clear(&as->map);
	as->owners = 0;
}

const struct affiliate *affiliates_find(const struct affiliates *as, struct str bare)
{
	return map_find(&as->map, bare);
}

enum affiliation affiliates_get(const struct affiliates *as, struct jid jid)
{
	const struct affiliate *a = affiliates_find(as, jid_bare_str(jid));

	if (a)
		return a->affiliation;
	a = affiliates_find(as, jid_domain(jid));
	return a && a->affiliation == AFFILIATION_OUTCAST ? AFFILIATION_OUTCAST : AFFILIATION_NONE;
}

struct str utf8_cut(struct str text, size_t max)
{
	size_t n = text.n < max ? text.n : max;

	while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return (struct str){text.p, n};
}

static void forget(struct affiliates *as, struct str bare)
{
	struct affiliate *a = map_remove(&as->map, bare);

	if (a && a->affiliation == AFFILIATION_OWNER)
		as->owners--;
	affiliate_free(a);
}

int affiliates_set(struct affiliates *as, struct str bare, enum affiliation affiliation, struct str reason)
{
	struct affiliate *a;

	must(bare.n > 0 && bare.n <= JID_MAX);
	if (affiliation != AFFILIATION_NONE && !affiliates_find(as, bare) && as->map.n >= AFFILIATES_MAX)
		return ERR_LIMIT;
	if (affiliation == AFFILIATION_NONE) {
		forget(as, bare);
		return 0;
	}
	/* Made before the old one goes: the address may be a view of that. */
	a = xmalloc(sizeof(*a) + bare.n);
	a->affiliation = affiliation;
	a->reason = reason.n ? str_dup(utf8_cut(reason, REASON_MAX)) : NULL;
	a->jid_n = (uint16_t)bare.n;
	memcpy(a->jid, bare.p, bare.n);
	forget(as, affiliate_jid(a));
	as->owners += affiliation == AFFILIATION_OWNER;
	must(map_add(&as->map, a) == 0);
	return 0;
}

struct affiliate *affiliates_next(const struct affiliates *as, uint32_t *pos) { return map_next(&as->map, pos); }
