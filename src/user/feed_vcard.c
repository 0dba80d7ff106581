/* The picture of a node's user, out of his vCard, for who shows it on the network. */
#include "base/codec.h"
#include "user/users_i.h"
#include "xml/parse.h"
#include "xmpp/ns.h"

enum { TEXT_MAX = 128 << 10 };

static void take(const struct users *u, const struct xml_tree *t, uint32_t vcard)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	CLEANUP(buf_clear) struct buf bytes = {.max = TEXT_MAX};
	uint32_t photo = xml_child(t, vcard, "PHOTO", NS_VCARD);
	uint32_t data = photo == XML_NONE ? XML_NONE : xml_child(t, photo, "BINVAL", NS_VCARD);
	struct str text = data == XML_NONE ? STR_NONE : xml_text(t, data, &tmp);
	bool good = buf_ok(&tmp) && text.n && b64_decode_folded(&bytes, text) == 0 && bytes.n;

	u->config.on_picture(u->config.presence_arg, good ? buf_view(&bytes) : STR_NONE);
}

void feed_vcard(struct account *a, const struct stanza *s, uint32_t element)
{
	if (feed_is_for(a) && users_of(a)->config.on_picture)
		take(users_of(a), &s->tree, element);
}

/* ---- at the start ---- */

struct vcard_wait {
	struct wait wait;
	struct users *users;
};

static void drop(struct wait *w) { xfree(w); }

static void on_rows(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct users *u = ((struct vcard_wait *)wait)->users;
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	struct xml_tree t;
	void *block;
	unsigned n;

	xfree(wait);
	for (size_t pos = 0; !rows->error && store_rows_next(rows, &pos, &kind, v, &n);)
		if (kind == ROW_XML && xml_parse_all(v[0].s, &block, &t) == 0) {
			take(u, &t, XML_ROOT);
			xfree(block);
		}
}

void feed_vcard_load(struct users *u)
{
	struct core *c = u->host.entity.core;
	struct vcard_wait *w;
	struct store_query *q;

	if (!u->config.fed || !u->config.on_picture)
		return;
	w = xcalloc(1, sizeof(*w));
	w->wait.answer = on_rows;
	w->wait.drop = drop;
	w->users = u;
	q = store_query_new(STORE_VCARD_GET, core_wait(c, &w->wait), jid_str(u->host.entity.jid), str_z(u->config.fed));
	core_ask(c, &q);
}
