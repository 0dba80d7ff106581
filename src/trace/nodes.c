#include "trace/nodes.h"

#include <stdio.h>

#include "base/mem.h"
#include "trace/ladder.h"

#define DOMAIN ".internal"
enum { SHORT = 6 };

/* [local@][rooms.]NODEID.internal, in a text. */
struct found {
	size_t at, end;
	struct str local, id;
	bool rooms;
};

static bool in_id(char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); }

static bool in_local(char c) { return (unsigned char)c > ' ' && !strchr("\"'&/:<>@=,;", c); }

/* The id that ends before `end`; absent: there is none. */
static struct str id_before(struct str text, size_t end)
{
	size_t at = end;

	while (at && in_id(text.p[at - 1]) && end - at <= NODEID_LEN)
		at--;
	return end - at == NODEID_LEN ? (struct str){text.p + at, NODEID_LEN} : STR_NONE;
}

static void take_local(struct str text, struct found *f)
{
	static const struct str rooms = STR("rooms.");
	size_t at;

	f->rooms = f->at >= rooms.n && memcmp(text.p + f->at - rooms.n, rooms.p, rooms.n) == 0;
	f->at -= f->rooms ? rooms.n : 0;
	f->local = STR_NONE;
	if (!f->at || text.p[f->at - 1] != '@')
		return;
	for (at = f->at - 1; at && in_local(text.p[at - 1]);)
		at--;
	f->local = (struct str){text.p + at, f->at - 1 - at};
	f->at = at;
}

/* The next one at or after `from`. */
static bool find(struct str text, size_t from, struct found *ret)
{
	const char *dot;

	while (from < text.n && (dot = memmem(text.p + from, text.n - from, DOMAIN, sizeof(DOMAIN) - 1))) {
		size_t end = (size_t)(dot - text.p);

		from = end + sizeof(DOMAIN) - 1;
		ret->id = id_before(text, end);
		if (!ret->id.p)
			continue;
		ret->at = (size_t)(ret->id.p - text.p);
		ret->end = from;
		take_local(text, ret);
		return true;
	}
	return false;
}

/* ---- labels ---- */

static int index_of(const struct nodes *n, struct str id)
{
	for (unsigned i = 0; i < n->n; i++)
		if (memcmp(n->node[i].id, id.p, NODEID_LEN) == 0)
			return (int)i;
	return -1;
}

static bool is_taken(const struct nodes *n, const char *label)
{
	for (unsigned i = 0; i < n->n; i++)
		if (strcmp(n->node[i].label, label) == 0)
			return true;
	return false;
}

/* As the host is called on whose streams he speaks; else as he calls himself. */
static void put_user(const struct dissected *d, struct str user, struct buf *out)
{
	for (unsigned i = 0; i < d->host_n; i++) {
		struct str rest = str_z(d->hosts[i].person);

		if (str_eq(str_cut(&rest, '@'), user)) {
			host_label(d, i, out);
			return;
		}
	}
	buf_str(out, user);
}

static void add(struct nodes *n, const struct dissected *d, const struct found *f)
{
	CLEANUP(buf_clear) struct buf label = {.max = NODE_LABEL_MAX / 2};

	put_user(d, f->local, &label);
	if (n->n == NODES_MAX || !buf_ok(&label) || index_of(n, f->id) >= 0)
		return;
	memcpy(n->node[n->n].id, f->id.p, NODEID_LEN);
	/* Two of one name: the second shows whose he is. */
	snprintf(n->node[n->n].label, NODE_LABEL_MAX, is_taken(n, buf_cstr(&label)) ? "%s (%.*s)" : "%s",
		buf_cstr(&label), SHORT, f->id.p);
	n->n++;
}

void nodes_learn(struct nodes *n, const struct dissected *d, struct str text)
{
	struct found f;

	for (size_t at = 0; find(text, at, &f); at = f.end)
		if (f.local.n && !f.rooms)
			add(n, d, &f);
}

/* ---- text ---- */

static void put_label(struct nodes *n, struct str id, struct buf *out)
{
	int i = index_of(n, id);

	if (i < 0) {
		buf_fmt(out, "%.*s...", SHORT, id.p);
		return;
	}
	n->node[i].used = true;
	buf_z(out, n->node[i].label);
}

void nodes_put(struct nodes *n, struct str text, struct buf *out)
{
	struct found f;
	size_t at = 0;

	while (find(text, at, &f)) {
		f.at = f.at > at ? f.at : at;
		buf_add(out, text.p + at, f.at - at);
		if (f.rooms)
			buf_fmt(out, "%.*s%s", STR_FMT(f.local), f.local.n ? "@" : "rooms of ");
		put_label(n, f.id, out);
		at = f.end;
	}
	buf_add(out, text.p + at, text.n - at);
}

void nodes_legend(const struct nodes *n, struct buf *out)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->node[i].used)
			buf_fmt(out, "%s%s is %.*s", out->n ? ", " : "", n->node[i].label, NODEID_LEN, n->node[i].id);
}
