/* Service discovery (XEP-0030) of a domain and of its accounts. */
#include "user/iq.h"
#include "user/resource.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

static bool has_node(const struct iq *iq) { return xml_attr(&iq->stanza->tree, iq->query, "node").n > 0; }

static void identity(struct buf *out, const char *category, const char *type, const char *name)
{
	buf_z(out, "<identity");
	xml_put_attr(out, "category", str_z(category));
	xml_put_attr(out, "type", str_z(type));
	xml_put_attr(out, "name", str_z(name));
	buf_z(out, "/>");
}

/* ---- info ---- */

static bool is_admin(const struct account *a)
{
	const char *const *admins = users_of(a)->config.admins;

	for (size_t i = 0; admins && admins[i]; i++)
		if (str_eq(str_z(admins[i]), jid_str(a->entity.jid)))
			return true;
	return false;
}

struct xerr iq_disco_info_get(struct iq *iq)
{
	bool server = iq->entity->host == NULL;
	struct account *a = server ? NULL : (struct account *)iq->entity;

	/* Section 8: whether an account exists, its subscribers may know. */
	if (a && !account_shows_presence_to(a, iq->stanza->from))
		return xerr(XERR_SERVICE_UNAVAILABLE);
	if (has_node(iq))
		return xerr(XERR_ITEM_NOT_FOUND);
	xml_put_open(&iq->reply, "query", NS_DISCO_INFO);
	buf_char(&iq->reply, '>');
	if (server)
		identity(&iq->reply, "server", "im", ((struct host *)iq->entity)->title);
	else
		identity(&iq->reply, "account", is_admin(a) ? "admin" : "registered", NULL);
	feature_disco(iq->entity, server ? AT_SERVER : AT_ACCOUNT, &iq->reply);
	buf_z(&iq->reply, "</query>");
	return XERR_OK;
}

/* ---- items ---- */

static void put_item(struct buf *out, struct str jid, const char *name)
{
	buf_z(out, "<item");
	xml_put_attr(out, "jid", jid);
	xml_put_attr(out, "name", str_z(name));
	buf_z(out, "/>");
}

/* Services are below a domain, or have a name of their own. */
static bool is_service_of(const struct host *h, struct str domain)
{
	struct str name = jid_str(h->entity.jid);

	if (h->kind != HOST_ROOMS || h->users)
		return h->kind == HOST_ROOMS && str_is(domain, h->users);
	return name.n > domain.n + 1 && str_ends(name, domain) && name.p[name.n - domain.n - 1] == '.';
}

static void server_items(struct iq *iq)
{
	struct str domain = jid_str(iq->entity->jid);
	struct host *h;

	for (uint32_t pos = 0; (h = core_next_host(iq->core, &pos));) {
		if (is_service_of(h, domain))
			put_item(&iq->reply, jid_str(h->entity.jid), h->title);
	}
}

static void account_items(struct iq *iq, const struct account *a)
{
	for (const struct resource *r = a->resources; r; r = r->next)
		if (resource_available(r))
			put_item(&iq->reply, jid_str(r->session.jid), NULL);
}

struct xerr iq_disco_items_get(struct iq *iq)
{
	bool server = iq->entity->host == NULL;
	struct account *a = server ? NULL : (struct account *)iq->entity;

	/* Section 8 would have an empty result, also for accounts that do not exist, but RFC 6121 8.5.1 wants an
	 * error for those: the same error for both tells nothing about who exists. */
	if (a && !account_shows_presence_to(a, iq->stanza->from))
		return xerr(XERR_SERVICE_UNAVAILABLE);
	if (has_node(iq))
		return xerr(XERR_ITEM_NOT_FOUND);
	xml_put_open(&iq->reply, "query", NS_DISCO_ITEMS);
	buf_char(&iq->reply, '>');
	if (server)
		server_items(iq);
	else
		account_items(iq, a);
	buf_z(&iq->reply, "</query>");
	return XERR_OK;
}
