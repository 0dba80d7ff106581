/* Voice in a moderated room: asking for it (XEP-0045 7.13), giving it to who asked (8.6). */
#include "room/form.h"
#include "room/rooms_i.h"
#include "xmpp/ns.h"

enum { TEXT_MAX = 65536 };

/* To all moderators, who see every address. */
static void ask_moderators(struct room *r, const struct visit *v)
{
	struct packet_writer w;
	struct packet *p;

	form_begin(r, &w, "Voice request", NS_MUC_REQUEST);
	form_put(&w, "muc#role", "list-single", "Requested role", STR("participant"));
	form_put(&w, "muc#jid", "jid-single", "User ID", jid_str(v->jid));
	form_put(&w, "muc#roomnick", "text-single", "Room nickname", occupant_nick(v->occupant));
	form_put(&w, "muc#request_allow", "boolean", "Grant voice to this person?", STR("0"));
	p = form_end(&w);
	room_send_moderators(r, &p, 0);
}

static bool has_moderator(const struct room *r)
{
	const struct occupant *o;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		if (may(MAY_APPROVE_VOICE, o->role, o->affiliation))
			return true;
	return false;
}

static struct xerr ask(struct room *r, struct visit *v)
{
	struct occupant *o = v->occupant;
	int64_t now = core_now(room_core(r));
	struct pace *p;
	struct xerr e;

	if (o->role >= ROLE_PARTICIPANT)
		return xerr_text(XERR_BAD_REQUEST, "you have voice");
	if (!may_here(&r->config, MAY_REQUEST_VOICE, o->role, o->affiliation))
		return xerr(XERR_FORBIDDEN);
	if (!has_moderator(r))
		return (struct xerr){XERR_RECIPIENT_UNAVAILABLE, "wait", "there is no moderator in the room"};
	e = room_charge(r, v->jid, COST_MAIL);
	if (!xerr_ok(e))
		return e;
	p = paces_get(&r->paces, jid_bare_str(v->jid), now);
	if (!p || p->asked_until > now)
		return (struct xerr){XERR_POLICY_VIOLATION, "wait", "moderators have just been asked"};
	p->asked_until = now + (int64_t)r->config.manners.ask_seconds * 1000;
	ask_moderators(r, v);
	return XERR_OK;
}

static bool has_address(const struct occupant *o, struct str jid)
{
	for (const struct visit *v = o->visits; v; v = v->next)
		if (str_eq(jid_str(v->jid), jid) || str_eq(jid_bare_str(v->jid), jid))
			return true;
	return false;
}

/* The form names whom it is about twice: who has left since and whose nickname another one has now gets nothing. */
static struct occupant *find_asker(struct room *r, const struct stanza *s, uint32_t x)
{
	CLEANUP(buf_clear) struct buf one = {.max = TEXT_MAX}, other = {.max = TEXT_MAX};
	struct str nick = form_text(&s->tree, x, "muc#roomnick", &one), jid = form_text(&s->tree, x, "muc#jid", &other);
	struct occupant *o = nick.n ? occupant_find(r, nick) : NULL;

	return o && (!jid.n || has_address(o, jid)) ? o : NULL;
}

static struct xerr decide(struct room *r, const struct visit *v, const struct stanza *s, uint32_t x, bool yes)
{
	const struct occupant *actor = v->occupant;
	struct occupant *o;
	struct xerr e;

	if (!may(MAY_APPROVE_VOICE, actor->role, actor->affiliation))
		return xerr(XERR_FORBIDDEN);
	o = find_asker(r, s, x);
	if (!o)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (!yes || o->role != ROLE_VISITOR)
		return XERR_OK; /* another moderator was faster */
	e = role_change_check(occupant_party(actor), occupant_party(o), ROLE_PARTICIPANT);
	if (xerr_ok(e))
		role_set(r, o, ROLE_PARTICIPANT, occupant_nick(actor), STR_NONE);
	return e;
}

struct xerr voice_on_form(struct room *r, const struct stanza *s, uint32_t x)
{
	CLEANUP(buf_clear) struct buf one = {.max = TEXT_MAX}, other = {.max = TEXT_MAX};
	struct visit *v = visit_find(r, s->from);
	struct str role = form_text(&s->tree, x, "muc#role", &one),
		   answer = form_text(&s->tree, x, "muc#request_allow", &other);
	struct xerr e;

	if (!v)
		return xerr(XERR_NOT_ACCEPTABLE);
	if (!role.p || !str_is(role, "participant"))
		return xerr(XERR_BAD_REQUEST);
	if (!answer.p)
		return ask(r, v);
	e = room_charge(r, v->jid, COST_MESSAGE);
	return xerr_ok(e) ? decide(r, v, s, x, form_says_yes(answer)) : e;
}
