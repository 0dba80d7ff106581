/* A node's account: its contacts are the peers on the network, told by whoever knows them, and kept there. Both ends see
 * each other's presence. */
#include "base/err.h"
#include "user/presence.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/looks.h"
#include "xmpp/ns.h"

bool feed_is_for(const struct account *a)
{
	const struct users *u = users_of(a);

	return u->config.fed && str_is(jid_local(a->entity.jid), u->config.fed);
}

static struct account *fed_account(const struct users *u)
{
	struct account *a = account_find(u, str_z(u->config.fed));

	return a && a->state == ACCOUNT_HERE ? a : NULL;
}

static struct roster *feed_of(struct users *u)
{
	if (!u->feed)
		u->feed = xcalloc(1, sizeof(*u->feed));
	return u->feed;
}

void feed_load(struct account *a)
{
	struct roster *r = &a->roster;

	/* A version that no client can have from an earlier process: what was removed meanwhile nobody knows. */
	r->version = r->floor = (uint32_t)(core_wall(a->entity.core) / 1000);
	roster_copy(r, feed_of(users_of(a)));
}

static bool is_same(const struct contact *c, const struct contact_change *ch)
{
	return c && str_eq(contact_name(c), ch->name) && str_eq(contact_groups(c), ch->groups);
}

void users_feed(struct host *h, struct jid contact, struct str name, struct str group)
{
	struct users *u = (struct users *)h;
	struct contact_change ch = {.jid = jid_bare(contact), .name = name, .groups = group, .sub = SUB_TO | SUB_FROM};
	struct account *a = fed_account(u);

	if (is_same(roster_find(feed_of(u), contact), &ch))
		return;
	roster_keep(feed_of(u), &ch);
	if (a && roster_set(a, &ch) == 0)
		roster_push_contact(a, ch.jid);
}

void users_unfeed(struct host *h, struct jid contact)
{
	struct users *u = (struct users *)h;
	struct account *a = fed_account(u);
	CLEANUP(buf_clear) struct buf item = {.max = 8 * JID_MAX};

	roster_drop(feed_of(u), contact);
	if (!a || roster_unset(a, contact) != 0)
		return;
	roster_write_removed(&item, jid_bare(contact));
	roster_push(a, buf_view(&item));
}

/* ---- changed by a client ---- */

static const struct {
	int err;
	enum xerr_cond cond;
	const char *text;
} refusals[] = {
	{ERR_NOTFOUND, XERR_ITEM_NOT_FOUND,
		"nobody here is known by this address; peers are added by `wireside peer add`"},
	{ERR_SYNTAX, XERR_NOT_ACCEPTABLE, "a name has 1 to 63 bytes, all of which are seen"},
	{ERR_EXISTS, XERR_CONFLICT, "somebody else is called so, or nearly so"},
};

static struct xerr refusal(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].err == err)
			return xerr_text(refusals[i].cond, refusals[i].text);
	return XERR_OK;
}

/* Its groups say how far somebody is trusted: they follow from the table, and the push says what they are. No name: as it
 * was. */
struct xerr feed_rename(struct account *a, struct jid contact, struct str name)
{
	const struct users_config *config = &users_of(a)->config;
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	uint32_t version = a->roster.version;
	struct xerr e = XERR_OK;

	if (!config->on_rename)
		return xerr(XERR_NOT_ALLOWED);
	if (!roster_find(&a->roster, contact))
		return refusal(ERR_NOTFOUND);
	if (name.n)
		e = refusal(config->on_rename(config->presence_arg, contact, name, &why));
	if (xerr_ok(e) && a->roster.version == version)
		roster_push_contact(a, contact);
	return e;
}

struct xerr feed_remove(struct account *a, struct jid contact)
{
	const struct users_config *config = &users_of(a)->config;

	if (!config->on_remove)
		return xerr(XERR_NOT_ALLOWED);
	if (!roster_find(&a->roster, contact))
		return refusal(ERR_NOTFOUND);
	return refusal(config->on_remove(config->presence_arg, contact));
}

/* ---- what it shows ---- */

/* NULL: nobody is available. */
static struct stanza *best(const struct account *a)
{
	struct stanza *found = NULL, *s;

	for (const struct resource *r = a->resources; r; r = r->next) {
		if (!resource_available(r) || packet_parse(r->presence, a->entity.jid, &s) != 0)
			continue;
		if (found && !looks_presence_before(s, found)) {
			stanza_free(&s);
			continue;
		}
		stanza_free(&found);
		found = s;
	}
	return found;
}

static struct str child_text(const struct stanza *s, const char *name, struct buf *tmp)
{
	uint32_t i = stanza_child(s, name, NS_CLIENT);

	return i == XML_NONE ? STR_NONE : xml_text(&s->tree, i, tmp);
}

void feed_presence(struct account *a)
{
	struct users *u = users_of(a);
	CLEANUP(buf_clear) struct buf show = {.max = PRESENCE_SIZE_MAX};
	CLEANUP(buf_clear) struct buf status = {.max = PRESENCE_SIZE_MAX};
	struct stanza *s;

	if (!u->config.on_presence || !feed_is_for(a))
		return;
	s = best(a);
	if (s)
		u->config.on_presence(u->config.presence_arg, true, child_text(s, "show", &show),
			child_text(s, "status", &status));
	else
		u->config.on_presence(u->config.presence_arg, false, STR_NONE, STR_NONE);
	stanza_free(&s);
}

void feed_free(struct users *u)
{
	if (u->feed)
		roster_clear(u->feed);
	xfree(u->feed);
	xfree((char *)u->config.fed);
}
