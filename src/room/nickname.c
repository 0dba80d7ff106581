#include "room/nickname.h"

#include "base/err.h"
#include "base/mem.h"
#include "xmpp/jid.h"
#include "xmpp/packet.h"

/* ---- what looks alike ---- */

/* What looks like a Latin letter or a sign of the keyboard, small or as capitals; after the mapping to small letters. In order. */
static const struct {
	uint32_t c;
	char like;
} alike[] = {
	/* clang-format off */
	/* Latin, small capitals, signs */
	{'0', 'o'}, {'1', 'l'}, {'|', 'l'}, {0x131, 'i'}, {0x1c0, 'l'}, {0x237, 'j'}, {0x251, 'a'}, {0x261, 'g'},
	{0x262, 'g'}, {0x269, 'i'}, {0x26a, 'i'}, {0x274, 'n'}, {0x280, 'r'}, {0x28f, 'y'}, {0x299, 'b'}, {0x29c, 'h'},
	{0x29f, 'l'}, {0x2b9, '\''}, {0x2bc, '\''},
	/* Greek */
	{0x3b1, 'a'}, {0x3b2, 'b'}, {0x3b5, 'e'}, {0x3b6, 'z'}, {0x3b7, 'h'}, {0x3b9, 'i'}, {0x3ba, 'k'}, {0x3bc, 'm'},
	{0x3bd, 'v'}, {0x3bf, 'o'}, {0x3c1, 'p'}, {0x3c4, 't'}, {0x3c5, 'u'}, {0x3c7, 'x'}, {0x3f2, 'c'}, {0x3f3, 'j'},
	/* Cyrillic */
	{0x430, 'a'}, {0x432, 'b'}, {0x435, 'e'}, {0x43a, 'k'}, {0x43c, 'm'}, {0x43d, 'h'}, {0x43e, 'o'}, {0x440, 'p'},
	{0x441, 'c'}, {0x442, 't'}, {0x443, 'y'}, {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x475, 'v'},
	{0x4bb, 'h'}, {0x4cf, 'l'}, {0x501, 'd'}, {0x51b, 'q'}, {0x51d, 'w'},
	/* Armenian */
	{0x570, 'h'}, {0x578, 'n'}, {0x57d, 'u'}, {0x581, 'g'}, {0x585, 'o'},
	/* Cherokee: two that are small letters elsewhere */
	{0x13fb, 'g'}, {0x13fc, 'b'},
	/* Small capitals, dashes and apostrophes */
	{0x1d00, 'a'}, {0x1d04, 'c'}, {0x1d05, 'd'}, {0x1d07, 'e'}, {0x1d0a, 'j'}, {0x1d0b, 'k'}, {0x1d0d, 'm'},
	{0x1d0f, 'o'}, {0x1d18, 'p'}, {0x1d1b, 't'}, {0x1d1c, 'u'}, {0x1d20, 'v'}, {0x1d21, 'w'}, {0x1d22, 'z'},
	{0x2010, '-'}, {0x2012, '-'}, {0x2013, '-'}, {0x2014, '-'}, {0x2015, '-'}, {0x2018, '\''}, {0x2019, '\''},
	{0x2212, '-'},
	/* Coptic */
	{0x2c85, 'r'}, {0x2c8f, 'h'}, {0x2c93, 'i'}, {0x2c95, 'k'}, {0x2c99, 'm'}, {0x2c9b, 'n'}, {0x2c9f, 'o'},
	{0x2ca3, 'p'}, {0x2ca5, 'c'}, {0x2ca7, 't'}, {0x2ca9, 'y'}, {0x2cad, 'x'},
	/* Lisu */
	{0xa4d0, 'b'}, {0xa4d1, 'p'}, {0xa4d2, 'd'}, {0xa4d3, 'd'}, {0xa4d4, 't'}, {0xa4d6, 'g'}, {0xa4d7, 'k'},
	{0xa4d9, 'j'}, {0xa4da, 'c'}, {0xa4dc, 'z'}, {0xa4dd, 'f'}, {0xa4df, 'm'}, {0xa4e0, 'n'}, {0xa4e1, 'l'},
	{0xa4e2, 's'}, {0xa4e3, 'r'}, {0xa4e6, 'v'}, {0xa4e7, 'h'}, {0xa4ea, 'w'}, {0xa4eb, 'x'}, {0xa4ec, 'y'},
	{0xa4ee, 'a'}, {0xa4f0, 'e'}, {0xa4f2, 'i'}, {0xa4f3, 'o'}, {0xa4f4, 'u'},
	/* Latin again */
	{0xa730, 'f'}, {0xa731, 's'}, {0xa7af, 'q'},
	/* Cherokee, as small letters */
	{0xab70, 'd'}, {0xab71, 'r'}, {0xab72, 't'}, {0xab75, 'i'}, {0xab79, 'y'}, {0xab7a, 'a'}, {0xab7b, 'j'},
	{0xab7c, 'e'}, {0xab83, 'w'}, {0xab87, 'm'}, {0xab8b, 'h'}, {0xab8d, 'y'}, {0xab90, 'g'}, {0xab92, 'h'},
	{0xab93, 'z'}, {0xab9e, '4'}, {0xab9f, 'b'}, {0xaba2, 'r'}, {0xaba4, 'w'}, {0xaba5, 's'}, {0xaba9, 'v'},
	{0xabaa, 's'}, {0xabae, 'l'}, {0xabaf, 'c'}, {0xabb2, 'p'}, {0xabb6, 'k'}, {0xabb7, 'd'}, {0xabbe, '6'},
	/* clang-format on */
};

static char like(uint32_t c)
{
	size_t from = 0, to = ARRAY_LEN(alike);

	while (from < to) {
		size_t middle = (from + to) / 2;
		if (alike[middle].c == c)
			return alike[middle].like;
		if (alike[middle].c < c)
			from = middle + 1;
		else
			to = middle;
	}
	return 0;
}

/* Marks that go with any letter, and did not become one with it (NFKC): "own" with a line below is no other name. Those of scripts
 * that write vowels so are letters there. In order. */
static bool is_mark(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} marks[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
		{0xfe20, 0xfe2f}};

	for (size_t i = 0; i < ARRAY_LEN(marks) && c >= marks[i].first; i++)
		if (c <= marks[i].last)
			return true;
	return false;
}

/* What shows nothing, or no more than a space does, and is allowed in a nickname all the same: signs that are blank, and joiners.
 * All else of the kind is not (RFC 8264 9.13). */
static bool is_blank(uint32_t c)
{
	static const uint32_t blanks[] = {' ', 0x200c, 0x200d, 0x2800, 0xfffc, 0x13441, 0x13442, 0x16fe4, 0x1d159};

	for (size_t i = 0; i < ARRAY_LEN(blanks); i++)
		if (c == blanks[i])
			return true;
	return false;
}

int nick_key(struct str nick, struct buf *ret_key)
{
	CLEANUP(buf_clear) struct buf folded = {.max = 4 * NICK_MAX};
	size_t begin = ret_key->n, n;
	bool gap = false;

	if (nick.n > NICK_MAX)
		return ERR_LIMIT;
	if (jid_prep_nickname(nick, &folded) < 0 || !buf_ok(&folded) || folded.n == 0)
		return ERR_INVALID;
	for (size_t i = 0; i < folded.n; i += n) {
		uint32_t c;
		char letter;

		n = str_utf8_next((struct str){folded.p + i, folded.n - i});
		must(n > 0);
		c = str_utf8_char(folded.p + i, n);
		letter = like(c);
		gap |= c == ' ' && ret_key->n > begin;
		if (is_blank(c) || is_mark(c))
			continue;
		if (gap)
			buf_char(ret_key, ' ');
		gap = false;
		buf_add(ret_key, letter ? &letter : folded.p + i, letter ? 1 : n);
	}
	return buf_ok(ret_key) && ret_key->n > begin ? 0 : ERR_INVALID;
}

/* ---- whose they are ---- */

struct nickname_table {
	struct map by_jid, by_key;
	struct list away;
};

static struct str jid_key(const void *item) { return nickname_jid(item); }
static struct str nick_of(const void *item) { return str_z(((const struct nickname *)item)->key); }

void nicknames_init(struct nicknames *ns, uint32_t max) { *ns = (struct nicknames){.max = max}; }

static struct nickname_table *table_make(struct nicknames *ns)
{
	if (ns->table)
		return ns->table;
	ns->table = xmalloc(sizeof(*ns->table));
	map_init(&ns->table->by_jid, jid_key, ns->max);
	map_init(&ns->table->by_key, nick_of, ns->max);
	list_init(&ns->table->away);
	return ns->table;
}

static void nickname_free(struct nickname *n)
{
	list_remove(&n->away);
	packet_unref(&n->packet);
	xfree(n->nick);
	xfree(n->key);
	xfree(n);
}

void nicknames_clear(struct nicknames *ns)
{
	struct nickname *n;

	if (!ns->table)
		return;
	for (uint32_t pos = 0; (n = nicknames_next(ns, &pos));)
		nickname_free(n);
	map_clear(&ns->table->by_jid);
	map_clear(&ns->table->by_key);
	xfree(TAKE(ns->table));
}

struct nickname *nicknames_next(const struct nicknames *ns, uint32_t *pos)
{
	return ns->table ? map_next(&ns->table->by_jid, pos) : NULL;
}

struct nickname *nicknames_next_away(const struct nicknames *ns, struct nickname *n)
{
	struct list *node;

	if (!ns->table)
		return NULL;
	node = n ? n->away.next : ns->table->away.next;
	return node == &ns->table->away ? NULL : LIST_ITEM(node, struct nickname, away);
}

static struct nickname *find(const struct nicknames *ns, struct str bare)
{
	return ns->table ? map_find(&ns->table->by_jid, bare) : NULL;
}

const struct nickname *nicknames_find(const struct nicknames *ns, struct str bare) { return find(ns, bare); }

const struct nickname *nicknames_find_key(const struct nicknames *ns, struct str key)
{
	return ns->table ? map_find(&ns->table->by_key, key) : NULL;
}

static void forget(struct nickname_table *t, struct str bare)
{
	struct nickname *n = map_remove(&t->by_jid, bare);

	if (!n)
		return;
	map_remove(&t->by_key, nick_of(n));
	nickname_free(n);
}

void nicknames_forget(struct nicknames *ns, struct str bare)
{
	if (!ns->table)
		return;
	forget(ns->table, bare);
	if (!ns->table->by_jid.n)
		nicknames_clear(ns);
}

void nicknames_mark(struct nicknames *ns, struct str bare, bool here)
{
	struct nickname *n = find(ns, bare);

	if (!n)
		return;
	list_remove(&n->away);
	if (!here)
		list_append(&ns->table->away, &n->away);
}

void nicknames_changed(struct nicknames *ns, struct str bare)
{
	struct nickname *n = find(ns, bare);

	if (n)
		packet_unref(&n->packet);
}

int nicknames_set(struct nicknames *ns, struct str bare, struct str nick, struct str key)
{
	const struct nickname *taken = nicknames_find_key(ns, key);
	struct nickname_table *t;
	struct nickname *n;

	if (taken && !str_eq(nickname_jid(taken), bare))
		return ERR_EXISTS;
	t = table_make(ns);
	if (!find(ns, bare) && t->by_jid.n >= ns->max)
		return ERR_LIMIT;
	/* Made before the old one goes: the address may be a view of that. */
	n = xcalloc(1, sizeof(*n) + bare.n);
	n->nick = str_dup(nick);
	n->key = str_dup(key);
	n->jid_n = (uint16_t)bare.n;
	memcpy(n->jid, bare.p, bare.n);
	forget(t, nickname_jid(n));
	must(map_add(&t->by_jid, n) == 0);
	must(map_add(&t->by_key, n) == 0);
	return 0;
}
