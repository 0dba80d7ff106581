/* The archive of an account for those who ask (XEP-0313): its owner alone. */
#include "core/mam.h"
#include "user/archive.h"
#include "user/iq.h"
#include "user/users_i.h"
#include "xmpp/ns.h"

static struct xerr check_owner(const struct iq *iq)
{
	return account_is_own((struct account *)iq->entity, iq->stanza->from) ? XERR_OK : xerr(XERR_FORBIDDEN);
}

/* Both directions: the rows have the other side as their peer. */
static void find_with(struct mam_page *p)
{
	struct jid with = p->with ? jid_view(str_z(p->with)) : JID_NONE;

	if (!p->with)
		return;
	p->peer = str_dup(jid_bare_str(with));
	p->name = with.resource ? str_dup(jid_resource(with)) : NULL;
}

struct xerr iq_archive_set(struct iq *iq)
{
	struct xerr e = check_owner(iq);
	struct mam_page page;

	if (xerr_ok(e))
		e = mam_read(&page, &iq->stanza->tree, iq->query);
	if (!xerr_ok(e))
		return e;
	find_with(&page);
	mam_ask(iq, &page, NULL);
	return XERR_OK;
}

struct xerr iq_archive_get(struct iq *iq)
{
	struct xerr e = check_owner(iq);

	if (xerr_ok(e))
		mam_form(iq);
	return e;
}

struct xerr iq_archive_metadata_get(struct iq *iq)
{
	struct xerr e = check_owner(iq);

	if (xerr_ok(e))
		mam_metadata(iq);
	return e;
}

/* ---- preferences ---- */

static struct xerr put_prefs(struct iq *iq)
{
	buf_z(&iq->reply, "<prefs xmlns='" NS_MAM "' default='always'><always/><never/></prefs>");
	return XERR_OK;
}

struct xerr iq_archive_prefs_get(struct iq *iq)
{
	struct xerr e = check_owner(iq);

	return xerr_ok(e) ? put_prefs(iq) : e;
}

static bool names_somebody(const struct iq *iq, const char *list)
{
	uint32_t i = xml_child(&iq->stanza->tree, iq->query, list, NS_MAM);

	return i != XML_NONE && xml_first(&iq->stanza->tree, i) != XML_NONE;
}

/* What is so already may be said; what would be otherwise is refused, not ignored. */
struct xerr iq_archive_prefs_set(struct iq *iq)
{
	struct xerr e = check_owner(iq);

	if (!xerr_ok(e))
		return e;
	if (!str_is(xml_attr(&iq->stanza->tree, iq->query, "default"), "always") || names_somebody(iq, "never"))
		return xerr_text(XERR_FEATURE_NOT_IMPLEMENTED, "everything is archived");
	return put_prefs(iq);
}
