/* In-band registration (XEP-0077) for those who are logged in: changing the password, removing the account. New
 * accounts are made before login, by the wire and login.c. */
#include "user/iq.h"
#include "user/resource.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"

enum { PASSWORD_MAX = 1023 };

bool register_on(const struct entity *e)
{
	const struct users *u = (const struct users *)(e->host ? e->host : (const struct host *)e);

	return !u->config.fed;
}

/* The account that asks: addressed itself or its domain; NULL when it is somebody else's. */
static struct account *asker(const struct iq *iq)
{
	struct account *a = iq->session ? account_of(iq->session) : NULL;

	if (!a || a->state != ACCOUNT_HERE)
		return NULL;
	return iq->entity == &a->entity || iq->entity == &a->entity.host->entity ? a : NULL;
}

struct xerr iq_register_get(struct iq *iq)
{
	struct account *a = asker(iq);

	if (!a)
		return xerr(XERR_SERVICE_UNAVAILABLE);
	xml_put_open(&iq->reply, "query", NS_REGISTER);
	buf_z(&iq->reply, "><registered/>");
	xml_put_text(&iq->reply, "username", jid_local(a->entity.jid));
	buf_z(&iq->reply, "<password/></query>");
	return XERR_OK;
}

/* ---- the password ---- */

struct passwd_wait {
	struct wait wait;
	uint64_t account;
	struct stanza *request;
};

static void drop(struct wait *wait)
{
	struct passwd_wait *w = (struct passwd_wait *)wait;

	stanza_free(&w->request);
	xfree(w);
}

static void on_hashed(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct passwd_wait *w = (struct passwd_wait *)wait;
	struct account *a = (struct account *)entity_find(c, w->account);
	struct stanza *request = TAKE(w->request);

	xfree(w);
	if (a)
		a->new_password = false;
	if (!a || a->state != ACCOUNT_HERE || !core_can_store(c)) {
		core_bounce(c, &request, xerr(XERR_RESOURCE_CONSTRAINT));
		return;
	}
	account_set_keys(a, keys);
	log_info("password_changed", "account=%.*s", STR_FMT(jid_str(a->entity.jid)));
	iq_answer(c, &request, STR_NONE, core_commit(c));
}

/* The prepared password; NULL if it cannot be one. */
static char *read_password(const struct iq *iq, uint32_t element)
{
	CLEANUP(buf_clear) struct buf tmp = {0}, prepared = {0};
	struct str text;
	char *own = NULL;

	buf_init(&tmp, PASSWORD_MAX);
	buf_init(&prepared, 4 * PASSWORD_MAX);
	text = xml_text(&iq->stanza->tree, element, &tmp);
	if (buf_ok(&tmp) && text.n > 0 && text.n <= PASSWORD_MAX && jid_prep_password(text, &prepared) == 0)
		own = str_dup(buf_view(&prepared));
	if (tmp.p)
		mem_wipe(tmp.p, tmp.n);
	if (prepared.p)
		mem_wipe(prepared.p, prepared.n);
	return own;
}

static struct xerr change_password(struct iq *iq, struct account *a, uint32_t element)
{
	char *password;
	struct passwd_wait *w;

	if (!iq->session->secure)
		return xerr_text(XERR_NOT_AUTHORIZED, "not over an unencrypted connection");
	/* Hashing is slow on purpose; one account may not fill the queue that logins wait in, too. */
	if (a->new_password)
		return (struct xerr){XERR_RESOURCE_CONSTRAINT, "wait", "one password at a time"};
	password = read_password(iq, element);
	if (!password)
		return xerr(XERR_BAD_REQUEST);
	a->new_password = true;
	w = xcalloc(1, sizeof(*w));
	w->wait.answer = on_hashed;
	w->wait.drop = drop;
	w->account = a->entity.id;
	w->request = iq_defer(iq);
	core_hash(iq->core, &password, &w->wait);
	return XERR_OK;
}

/* ---- */

/* The user name may be left out, but it cannot be another's. */
static bool names_other(const struct iq *iq, const struct account *a)
{
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t i = xml_child(t, iq->query, "username", NS_REGISTER);
	CLEANUP(buf_clear) struct buf tmp = {0}, prepared = {0};
	struct str name;

	if (i == XML_NONE)
		return false;
	buf_init(&tmp, JID_PART_MAX);
	buf_init(&prepared, JID_MAX);
	name = xml_text(t, i, &tmp);
	return !buf_ok(&tmp) || jid_prep_local(name, &prepared) < 0 ||
		!str_eq(buf_view(&prepared), jid_local(a->entity.jid));
}

static struct xerr remove_account(struct iq *iq, struct account *a)
{
	struct stanza *request;

	if (xml_next(&iq->stanza->tree, iq->query, xml_first(&iq->stanza->tree, iq->query)) != XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	request = iq_defer(iq);
	account_delete(a, &request);
	return XERR_OK;
}

struct xerr iq_register_set(struct iq *iq)
{
	struct account *a = asker(iq);
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t password = xml_child(t, iq->query, "password", NS_REGISTER);

	if (!a)
		return iq->entity->host ? xerr(XERR_FORBIDDEN) : xerr(XERR_REGISTRATION_REQUIRED);
	if (!core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	if (xml_child(t, iq->query, "remove", NS_REGISTER) != XML_NONE)
		return remove_account(iq, a);
	if (password == XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	if (names_other(iq, a))
		return xerr(XERR_FORBIDDEN);
	return change_password(iq, a, password);
}
