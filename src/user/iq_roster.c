/* jabber:iq:roster (RFC 6121 section 2). */
#include <stdlib.h>

#include "base/err.h"
#include "user/resource.h"
#include "user/roster.h"
#include "user/subscription.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { GROUPS_COUNT_MAX = 100 };

/* ---- get ---- */

static void write_all(struct buf *out, const struct account *a)
{
	const struct contact *c;

	out->max = (size_t)6 * ROSTER_TEXT_MAX + (1 << 19); /* everything escaped, and the markup */
	xml_put_open(out, "query", NS_ROSTER);
	buf_z(out, " ver='");
	roster_write_version(out, a);
	buf_z(out, "'>");
	for (uint32_t pos = 0; (c = roster_next(&a->roster, &pos));)
		roster_write_item(out, c);
	buf_z(out, "</query>");
}

static void send_item(const struct account *a, struct session *s, const struct contact *c)
{
	CLEANUP(buf_clear) struct buf id = {0};
	struct packet_head head = {.kind = STANZA_IQ, .type = TYPE_SET};
	struct packet_writer w;
	struct packet *p;

	buf_init(&id, 32);
	buf_fmt(&id, "push%u", c->version);
	head.id = buf_view(&id);
	packet_begin(&w, &head);
	xml_put_open(&w.out, "query", NS_ROSTER);
	buf_fmt(&w.out, " ver='%llx-%u'>", (unsigned long long)a->created, c->version);
	roster_write_item(&w.out, c);
	buf_z(&w.out, "</query>");
	p = packet_end(&w);
	if (p)
		session_send(s, &p, 0);
}

static int by_version(const void *a, const void *b)
{
	const struct contact *x = *(const struct contact *const *)a, *y = *(const struct contact *const *)b;

	return x->version < y->version ? -1 : x->version > y->version;
}

/* 2.6.3: an empty result, then what changed since, one push each, in the order of the changes. */
static void answer_changes(struct iq *iq, struct account *a, uint32_t since)
{
	struct stanza *request = iq_defer(iq);
	const struct contact **changed = xcalloc(roster_count(&a->roster) + 1, sizeof(*changed)), *c;
	size_t n = 0;

	iq_answer(a->entity.core, &request, STR_NONE, 0);
	for (uint32_t pos = 0; (c = roster_next(&a->roster, &pos));)
		if (c->version > since)
			changed[n++] = c;
	qsort(changed, n, sizeof(*changed), by_version);
	for (size_t i = 0; i < n; i++)
		send_item(a, iq->session, changed[i]);
	xfree(changed);
}

struct xerr iq_roster_get(struct iq *iq)
{
	struct account *a = (struct account *)iq->entity;
	int64_t known;

	if (!account_is_own(a, iq->stanza->from))
		return xerr(XERR_FORBIDDEN);
	if (iq->session && iq->session->owner == iq->entity)
		resource_of(iq->session)->interested = true;
	known = roster_read_version(a, xml_attr(&iq->stanza->tree, iq->query, "ver"));
	core_spend(iq->core, roster_count(&a->roster));
	if (known >= (int64_t)a->roster.floor && known <= (int64_t)a->roster.version && iq->session)
		answer_changes(iq, a, (uint32_t)known);
	else
		write_all(&iq->reply, a);
	return XERR_OK;
}

/* ---- set ---- */

static bool has_group(struct str groups, struct str group)
{
	while (groups.p)
		if (str_eq(str_cut(&groups, '\n'), group))
			return true;
	return false;
}

/* One group; what the store puts between groups cannot be in one. */
static struct xerr add_group(const struct xml_tree *t, uint32_t i, struct buf *groups)
{
	CLEANUP(buf_clear) struct buf tmp = {0};
	struct str group;

	buf_init(&tmp, ROSTER_NAME_MAX + 1);
	group = xml_text(t, i, &tmp);
	if (!buf_ok(&tmp) || group.n == 0 || group.n > ROSTER_NAME_MAX || memchr(group.p, '\n', group.n))
		return xerr(XERR_NOT_ACCEPTABLE);
	if (groups->n && has_group(buf_view(groups), group))
		return xerr(XERR_BAD_REQUEST);
	if (groups->n)
		buf_char(groups, '\n');
	buf_str(groups, group);
	return buf_ok(groups) ? XERR_OK : xerr(XERR_NOT_ACCEPTABLE);
}

static struct xerr read_groups(const struct xml_tree *t, uint32_t item, struct buf *groups)
{
	unsigned n = 0;

	XML_EACH(i, t, item) {
		struct xerr e;

		if (!xml_is(t, i, "group", NS_ROSTER))
			continue;
		e = ++n > GROUPS_COUNT_MAX ? xerr(XERR_NOT_ACCEPTABLE) : add_group(t, i, groups);
		if (!xerr_ok(e))
			return e;
	}
	return XERR_OK;
}

static struct xerr set_item(struct account *a, const struct xml_tree *t, uint32_t item, struct jid jid)
{
	struct contact_change ch = roster_begin(&a->roster, jid);
	CLEANUP(buf_clear) struct buf groups = {0};
	struct xerr e;

	buf_init(&groups, ROSTER_GROUPS_MAX);
	e = read_groups(t, item, &groups);
	if (!xerr_ok(e))
		return e;
	ch.name = xml_attr(t, item, "name");
	ch.groups = buf_view(&groups);
	if (ch.name.n > ROSTER_NAME_MAX)
		return xerr(XERR_NOT_ACCEPTABLE);
	if (feed_is_for(a))
		return feed_rename(a, jid, ch.name);
	if (roster_put(a, &ch) != 0)
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "the roster is full");
	roster_push_contact(a, jid);
	return XERR_OK;
}

static struct xerr remove_item(struct account *a, struct jid jid)
{
	CLEANUP(buf_clear) struct buf item = {0};

	if (feed_is_for(a))
		return feed_remove(a, jid);
	if (!roster_find(&a->roster, jid))
		return xerr(XERR_ITEM_NOT_FOUND);
	subscription_cancel(a, jid);
	roster_remove(a, jid);
	buf_init(&item, 8 * JID_MAX);
	roster_write_removed(&item, jid);
	roster_push(a, buf_view(&item));
	return XERR_OK;
}

struct xerr iq_roster_set(struct iq *iq)
{
	struct account *a = (struct account *)iq->entity;
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t item = xml_child(t, iq->query, "item", NS_ROSTER);
	struct jid_buf jid;

	if (!account_is_own(a, iq->stanza->from))
		return xerr(XERR_FORBIDDEN);
	if (item == XML_NONE || xml_next(t, iq->query, item) != XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	if (!xml_attr(t, item, "jid").p)
		return xerr(XERR_BAD_REQUEST);
	if (jid_parse_buf(xml_attr(t, item, "jid"), &jid) < 0)
		return xerr(XERR_JID_MALFORMED);
	if (jid.jid.resource)
		return xerr_text(XERR_BAD_REQUEST, "contacts are bare addresses");
	if (account_is_own(a, jid.jid))
		return xerr(XERR_NOT_ALLOWED);
	if (!core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	if (str_is(xml_attr(t, item, "subscription"), "remove"))
		return remove_item(a, jid.jid);
	return set_item(a, t, item, jid.jid);
}
