#include "user/stored_xml.h"

#include "xml/write.h"
#include "xmpp/ns.h"

struct xml_wait {
	struct wait wait;
	const struct stored_xml *kind;
	struct stanza *request;
};

static void drop(struct wait *wait)
{
	struct xml_wait *w = (struct xml_wait *)wait;

	stanza_free(&w->request);
	xfree(w);
}

/* The one row, absent when there is none. */
static struct str find_xml(const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	unsigned n;

	for (size_t pos = 0; store_rows_next(rows, &pos, &kind, v, &n);)
		if (kind == ROW_XML)
			return v[0].s;
	return STR_NONE;
}

static struct xerr make_reply(const struct xml_wait *w, const struct store_rows *rows, struct buf *reply)
{
	struct str xml;

	if (rows->error)
		return xerr(XERR_RESOURCE_CONSTRAINT);
	xml = find_xml(rows);
	if (!xml.p)
		return w->kind->missing(w->request, reply);
	buf_z(reply, w->kind->before);
	buf_str(reply, xml);
	buf_z(reply, w->kind->after);
	return buf_ok(reply) ? XERR_OK : xerr(XERR_RESOURCE_CONSTRAINT);
}

static void on_rows(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct xml_wait *w = (struct xml_wait *)wait;
	CLEANUP(buf_clear) struct buf reply = {0};
	struct xerr e;

	buf_init(&reply, 1 << 20);
	e = make_reply(w, rows, &reply);
	if (xerr_ok(e))
		iq_answer(c, &w->request, buf_view(&reply), 0);
	else
		core_bounce(c, &w->request, e);
	xfree(w);
}

struct xerr stored_xml_ask(struct iq *iq, const struct stored_xml *kind, enum store_read read, struct str key)
{
	struct xml_wait *w = xcalloc(1, sizeof(*w));
	struct jid owner = iq->entity->jid;
	struct store_query *q;
	uint64_t tag;

	w->wait.answer = on_rows;
	w->wait.drop = drop;
	w->kind = kind;
	tag = core_wait(iq->core, &w->wait);
	if (read == STORE_PRIVATE_GET)
		q = store_query_new(read, tag, jid_domain(owner), jid_local(owner), key);
	else
		q = store_query_new(read, tag, jid_domain(owner), jid_local(owner));
	w->request = iq_defer(iq);
	core_ask(iq->core, &q);
	return XERR_OK;
}

void stored_xml_write(struct buf *out, const struct stanza *s, uint32_t element)
{
	xml_write_node(out, &s->tree, element, STR(NS_CLIENT));
}
