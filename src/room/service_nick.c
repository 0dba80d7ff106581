/* Nicknames that belong to somebody in all rooms of a service, as ejabberd and the NickServ of IRC have them: registered with the
 * service itself (XEP-0077), by the form of XEP-0045 7.10. A nickname that somebody else has registered with one room stays his there.
 * In the store they are those of the room without a name. */
#include "base/err.h"
#include "room/form.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { SERVICE_NICKS_MAX = 100000, TEXT_MAX = 65536 };

void service_nicks_init(struct rooms *rs)
{
	nicknames_init(&rs->nicks, SERVICE_NICKS_MAX);
	paces_init(&rs->paces);
}

void service_nicks_clear(struct rooms *rs)
{
	nicknames_clear(&rs->nicks);
	paces_clear(&rs->paces);
}

bool service_nicks_on(const struct entity *e)
{
	return ((const struct host *)e)->kind == HOST_ROOMS && !((const struct rooms *)e)->config.no_nicknames;
}

/* Until the directory is loaded nobody is kept out, and nobody registers. */
void service_nick_load(struct rooms *rs, const struct store_value *v)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};

	if (nick_key(v[1].s, &key) == 0 && nicknames_set(&rs->nicks, v[0].s, v[1].s, buf_view(&key)) < 0)
		log_warn("service_nick_lost", "account=%.*s", STR_FMT(v[0].s));
}

/* Whoever has an account is called as it is called, whatever others register who are not: most clients propose that. */
static bool is_own_name(const struct rooms *rs, struct str key, struct jid who)
{
	CLEANUP(buf_clear) struct buf name = {.max = 4 * NICK_MAX};
	const struct host *h = core_find_host(rs->host.entity.core, jid_domain(who));

	return h && h->kind == HOST_USERS && nick_key(jid_local(who), &name) == 0 && str_eq(buf_view(&name), key);
}

struct xerr service_nick_check(const struct rooms *rs, struct str key, struct jid who)
{
	const struct nickname *n = rs->config.no_nicknames ? NULL : nicknames_find_key(&rs->nicks, key);

	if (!n || str_eq(nickname_jid(n), jid_bare_str(who)))
		return XERR_OK;
	if (is_own_name(rs, key, who) && !is_own_name(rs, key, jid_view(nickname_jid(n))))
		return XERR_OK;
	return xerr_text(XERR_CONFLICT, "somebody else has registered this nickname with the service");
}

const struct nickname *service_nick_of(const struct rooms *rs, struct jid who)
{
	return rs->config.no_nicknames ? NULL : nicknames_find(&rs->nicks, jid_bare_str(who));
}

static void store(struct rooms *rs, struct str bare, struct str nick)
{
	store_put(core_batch(rs->host.entity.core), STORE_ROOM_NICK_PUT, jid_domain(rs->host.entity.jid), STR(""), bare,
		nick);
}

void service_nick_forget(struct rooms *rs, struct str bare)
{
	/* Also while it is not loaded: the account of a server that is stopped. */
	store(rs, bare, STR_NONE);
	nicknames_forget(&rs->nicks, bare);
}

/* ---- the requests ---- */

static const struct xerr not_now = {XERR_RESOURCE_CONSTRAINT, "wait", "not now: try again in a moment"};

struct xerr service_register_get(struct iq *iq)
{
	struct rooms *rs = (struct rooms *)iq->entity;
	const struct nickname *n = nicknames_find(&rs->nicks, jid_bare_str(iq->stanza->from));

	if (!rs->loaded)
		return not_now;
	xml_put_open(&iq->reply, "query", NS_REGISTER);
	buf_char(&iq->reply, '>');
	if (n)
		buf_z(&iq->reply, "<registered/>");
	buf_z(&iq->reply,
		"<instructions>Choose the nickname that will be yours in all rooms of this service.</instructions>"
		"<nick>");
	if (n)
		xml_escape(&iq->reply, str_z(n->nick));
	buf_z(&iq->reply, "</nick>");
	register_put_form(&iq->reply, jid_str(rs->host.entity.jid), n ? str_z(n->nick) : STR_NONE);
	xml_put_close(&iq->reply, "query");
	return XERR_OK;
}

/* The form, or without one the element of XEP-0077. */
static struct xerr read_nick(const struct iq *iq, struct buf *ret_nick, struct buf *ret_key)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	const struct xml_tree *t = &iq->stanza->tree;
	uint32_t x = xml_child(t, iq->query, "x", NS_DATA), element;
	struct str type;

	if (x == XML_NONE) {
		element = xml_child(t, iq->query, "nick", NS_REGISTER);
		return element == XML_NONE ? xerr(XERR_BAD_REQUEST)
					   : register_prepare(xml_text(t, element, &tmp), ret_nick, ret_key);
	}
	type = xml_attr(t, x, "type");
	return type.p && str_is(type, "submit") ? register_read_nick(t, x, ret_nick, ret_key) : xerr(XERR_BAD_REQUEST);
}

static struct xerr enrol(struct rooms *rs, const struct iq *iq)
{
	CLEANUP(buf_clear) struct buf nick = {.max = 4 * NICK_MAX}, key = {.max = 4 * NICK_MAX};
	struct str bare = jid_bare_str(iq->stanza->from);
	struct xerr e = read_nick(iq, &nick, &key);

	if (xerr_ok(e))
		e = service_nick_check(rs, buf_view(&key), iq->stanza->from);
	if (!xerr_ok(e))
		return e;
	if (nicknames_set(&rs->nicks, bare, buf_view(&nick), buf_view(&key)) < 0)
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "the service has as many nicknames as it can have");
	store(rs, bare, buf_view(&nick));
	return XERR_OK;
}

/* Accounts of this server alone: of them it is known when they are no more. */
static struct xerr may_register(struct rooms *rs, const struct iq *iq)
{
	int64_t now = core_now(iq->core);

	if (!iq->session)
		return xerr_text(XERR_NOT_ALLOWED, "only who has an account of this server registers with it");
	if (!rs->loaded || !core_can_store(iq->core))
		return not_now;
	if (!rs->config.no_limits && !paces_allow(&rs->paces, jid_bare_str(iq->stanza->from), PACE_OWN, COST_MAIL, now))
		return (struct xerr){XERR_POLICY_VIOLATION, "wait", "you are too fast"};
	return XERR_OK;
}

struct xerr service_register_set(struct iq *iq)
{
	struct rooms *rs = (struct rooms *)iq->entity;
	struct xerr e = may_register(rs, iq);

	if (!xerr_ok(e))
		return e;
	if (xml_child(&iq->stanza->tree, iq->query, "remove", NS_REGISTER) == XML_NONE)
		return enrol(rs, iq);
	if (!nicknames_find(&rs->nicks, jid_bare_str(iq->stanza->from)))
		return xerr(XERR_UNEXPECTED_REQUEST);
	service_nick_forget(rs, jid_bare_str(iq->stanza->from));
	return XERR_OK;
}
