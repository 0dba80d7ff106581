/* vcard-temp (XEP-0054): kept as it is, shown to anybody. */
#include "user/account.h"
#include "user/iq.h"
#include "user/stored_xml.h"
#include "user/users_i.h"
#include "xmpp/ns.h"

enum { VCARD_SIZE_MAX = 64 << 10 };

/* To others the same as for an account that does not exist, so that nobody finds out which do (3.3). */
static struct xerr missing(const struct stanza *request, struct buf *reply)
{
	bool own = !jid_some(request->to) || jid_eq_bare(request->to, request->from);

	return xerr(own ? XERR_ITEM_NOT_FOUND : XERR_SERVICE_UNAVAILABLE);
}

static const struct stored_xml kind = {"", "", missing};

struct xerr iq_vcard_get(struct iq *iq) { return stored_xml_ask(iq, &kind, STORE_VCARD_GET, STR_NONE); }

struct xerr iq_vcard_set(struct iq *iq)
{
	struct jid owner = iq->entity->jid;
	CLEANUP(buf_clear) struct buf xml = {0};

	if (!account_is_own((struct account *)iq->entity, iq->stanza->from))
		return xerr(XERR_FORBIDDEN);
	if (!core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	buf_init(&xml, VCARD_SIZE_MAX);
	stored_xml_write(&xml, iq->stanza, iq->query);
	if (!buf_ok(&xml))
		return xerr_text(XERR_NOT_ACCEPTABLE, "longer than 64 KiB");
	store_put(core_batch(iq->core), STORE_VCARD_PUT, jid_domain(owner), jid_local(owner), buf_view(&xml));
	feed_vcard((struct account *)iq->entity, iq->stanza, iq->query);
	return XERR_OK;
}
