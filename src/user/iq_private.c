/* Private XML storage (XEP-0049): one element per name and namespace, at most a hundred. Which there are is kept beside
 * them under a key that no element can have; in memory only once something is stored. */
#include "user/account.h"
#include "user/iq.h"
#include "user/stored_xml.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { PRIVATE_SIZE_MAX = 64 << 10, PRIVATE_ELEMENTS_MAX = 100, PRIVATE_KEY_MAX = 1024 };
#define INDEX_KEY STR(" index")

/* "namespace name" */
static bool write_key(struct buf *out, const struct xml_tree *t, uint32_t i)
{
	struct str ns = xml_ns(t, i);

	buf_init(out, PRIVATE_KEY_MAX);
	if (ns.n == 0 || str_is(ns, NS_CLIENT) || str_is(ns, NS_PRIVATE) || memchr(ns.p, '\n', ns.n))
		return false;
	buf_str(out, ns);
	buf_char(out, ' ');
	buf_str(out, xml_name(t, i));
	return buf_ok(out);
}

/* ---- get ---- */

/* XEP-0049: the empty element of the request. */
static struct xerr missing(const struct stanza *request, struct buf *reply)
{
	xml_put_open(reply, "query", NS_PRIVATE);
	buf_char(reply, '>');
	xml_write_inner(reply, &request->tree, stanza_payload(request), STR(NS_PRIVATE));
	buf_z(reply, "</query>");
	return XERR_OK;
}

static const struct stored_xml kind = {"<query xmlns='" NS_PRIVATE "'>", "</query>", missing};

struct xerr iq_private_get(struct iq *iq)
{
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t child = xml_first(t, iq->query);
	CLEANUP(buf_clear) struct buf key = {0};

	if (!account_is_own((struct account *)iq->entity, iq->stanza->from))
		return xerr(XERR_FORBIDDEN);
	if (child == XML_NONE || xml_next(t, iq->query, child) != XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	if (!write_key(&key, t, child))
		return xerr(XERR_NOT_ACCEPTABLE);
	return stored_xml_ask(iq, &kind, STORE_PRIVATE_GET, buf_view(&key));
}

/* ---- set ---- */

struct private_wait {
	struct wait wait;
	uint64_t account;
	struct stanza *request;
};

static void drop(struct wait *wait)
{
	struct private_wait *w = (struct private_wait *)wait;

	stanza_free(&w->request);
	xfree(w);
}

/* The index without this key; true if it was there. */
static bool without(struct str index, struct str key, struct buf *out)
{
	bool found = false;

	while (index.n) {
		struct str one = str_cut(&index, '\n');

		if (str_eq(one, key)) {
			found = true;
			continue;
		}
		if (out->n)
			buf_char(out, '\n');
		buf_str(out, one);
	}
	return found;
}

static unsigned count(struct str index)
{
	unsigned n = 0;

	for (; index.n; n++)
		str_cut(&index, '\n');
	return n;
}

static bool is_empty(const struct xml_tree *t, uint32_t i)
{
	return t->nodes[i].inner == t->nodes[i].inner_end && t->nodes[i].attr_count == 0;
}

/* What the index becomes with this element; an empty one is forgotten. */
static struct xerr index_one(const struct stanza *s, uint32_t child, struct buf *index)
{
	CLEANUP(buf_clear) struct buf key = {0}, rest = {0}, xml = {0};

	buf_init(&rest, index->max);
	buf_init(&xml, PRIVATE_SIZE_MAX);
	if (!write_key(&key, &s->tree, child))
		return xerr(XERR_NOT_ACCEPTABLE);
	stored_xml_write(&xml, s, child);
	if (!buf_ok(&xml))
		return xerr_text(XERR_NOT_ACCEPTABLE, "longer than 64 KiB");
	without(buf_view(index), buf_view(&key), &rest);
	if (!is_empty(&s->tree, child)) {
		if (count(buf_view(&rest)) >= PRIVATE_ELEMENTS_MAX)
			return xerr_text(XERR_RESOURCE_CONSTRAINT, "too many elements are stored");
		if (rest.n)
			buf_char(&rest, '\n');
		buf_str(&rest, buf_view(&key));
	}
	must(buf_ok(&rest));
	buf_reset(index);
	buf_str(index, buf_view(&rest));
	return XERR_OK;
}

static void store_one(struct account *a, const struct stanza *s, uint32_t child)
{
	CLEANUP(buf_clear) struct buf key = {0}, xml = {0};

	buf_init(&xml, PRIVATE_SIZE_MAX);
	write_key(&key, &s->tree, child);
	stored_xml_write(&xml, s, child);
	store_put(core_batch(a->entity.core), STORE_PRIVATE_PUT, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		buf_view(&key), is_empty(&s->tree, child) ? STR_NONE : buf_view(&xml));
}

/* All of the request's elements or, when one of them cannot be, none. */
static struct xerr store_all(struct account *a, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf index = {0};

	buf_init(&index, (PRIVATE_KEY_MAX + 1) * PRIVATE_ELEMENTS_MAX);
	buf_z(&index, a->private_index);
	XML_EACH(child, &s->tree, stanza_payload(s)) {
		struct xerr e = index_one(s, child, &index);
		if (!xerr_ok(e))
			return e;
	}
	XML_EACH(child, &s->tree, stanza_payload(s))
		store_one(a, s, child);
	xfree(a->private_index);
	a->private_index = str_dup(buf_view(&index));
	store_put(core_batch(a->entity.core), STORE_PRIVATE_PUT, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		INDEX_KEY, buf_view(&index));
	return XERR_OK;
}

/* Another set may have read and changed the index meanwhile: then the one in memory is the newer. */
static void take_index(struct account *a, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row row;
	size_t pos = 0;
	unsigned n;

	if (a->private_index)
		return;
	if (store_rows_next(rows, &pos, &row, v, &n) && row == ROW_XML && v[0].s.p)
		a->private_index = str_dup(v[0].s);
	else
		a->private_index = xstrdup("");
}

static void on_index(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct private_wait *w = (struct private_wait *)wait;
	struct account *a = (struct account *)entity_find(c, w->account);
	struct stanza *request = TAKE(w->request);
	struct xerr e = xerr(XERR_RESOURCE_CONSTRAINT);

	xfree(w);
	if (a && a->state == ACCOUNT_HERE && !rows->error && core_can_store(c)) {
		take_index(a, rows);
		e = store_all(a, request);
	}
	if (xerr_ok(e))
		iq_answer(c, &request, STR_NONE, core_commit(c));
	else
		core_bounce(c, &request, e);
}

static void ask_index(struct iq *iq)
{
	struct jid owner = iq->entity->jid;
	struct private_wait *w = xcalloc(1, sizeof(*w));
	struct store_query *q;

	w->wait.answer = on_index;
	w->wait.drop = drop;
	w->account = iq->entity->id;
	w->request = iq_defer(iq);
	q = store_query_new(STORE_PRIVATE_GET, core_wait(iq->core, &w->wait), jid_domain(owner), jid_local(owner),
		INDEX_KEY);
	core_ask(iq->core, &q);
}

struct xerr iq_private_set(struct iq *iq)
{
	struct account *a = (struct account *)iq->entity;

	if (!account_is_own(a, iq->stanza->from))
		return xerr(XERR_FORBIDDEN);
	if (xml_first(&iq->stanza->tree, iq->query) == XML_NONE)
		return xerr(XERR_NOT_ACCEPTABLE);
	if (!core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	if (a->private_index)
		return store_all(a, iq->stanza);
	ask_index(iq);
	return XERR_OK;
}
