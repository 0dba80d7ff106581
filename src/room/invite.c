/* Invitations through the room (XEP-0045 7.8.2), with the element that older clients know (XEP-0249). */
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

static uint32_t find(const struct stanza *s, const char *name)
{
	uint32_t x = stanza_child(s, "x", NS_MUC_USER);

	return x == XML_NONE ? XML_NONE : xml_child(&s->tree, x, name, NS_MUC_USER);
}

bool invite_is(const struct stanza *s)
{
	return s->type == TYPE_NORMAL && (find(s, "invite") != XML_NONE || find(s, "decline") != XML_NONE);
}

/* What is passed on from the sender's element: the reason, and whether a conversation goes on here. */
struct words {
	struct str reason, thread;
	bool continues;
};

static void put_words(struct buf *out, const struct words *w)
{
	if (w->reason.n)
		xml_put_text(out, "reason", utf8_cut(w->reason, REASON_MAX));
	if (!w->continues)
		return;
	buf_z(out, "<continue");
	xml_put_attr(out, "thread", utf8_cut(w->thread, w->thread.p ? REASON_MAX : 0));
	buf_z(out, "/>");
}

static void send_invitation(struct room *r, struct jid to, struct jid from, struct str id, const struct words *words)
{
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_NORMAL,
		.from = room_address(r),
		.to = jid_str(to),
		.id = id};
	struct str secret = r->config.password_protected && r->config.secret ? str_z(r->config.secret) : STR_NONE;
	struct packet_writer w;
	struct packet *p;

	packet_begin(&w, &head);
	buf_z(&w.out, "<x xmlns='" NS_MUC_USER "'><invite");
	xml_put_attr(&w.out, "from", jid_bare_str(from));
	buf_char(&w.out, '>');
	put_words(&w.out, words);
	buf_z(&w.out, "</invite>");
	if (secret.p)
		xml_put_text(&w.out, "password", secret);
	buf_z(&w.out, "</x><x xmlns='" NS_X_CONFERENCE "'");
	xml_put_attr(&w.out, "jid", room_address(r));
	xml_put_attr(&w.out, "password", secret);
	xml_put_attr(&w.out, "reason", words->reason.n ? utf8_cut(words->reason, REASON_MAX) : STR_NONE);
	buf_z(&w.out, "/>");
	p = packet_end(&w);
	room_send_to(r, p, JID_NONE);
	packet_unref(&p);
}

/* ---- inviting ---- */

void invite_member(struct room *r, struct jid who, struct jid from, struct str reason)
{
	struct words words = {.reason = reason};

	invited_add(r, from, who);
	send_invitation(r, who, from, STR_NONE, &words);
}

/* Only admins may let somebody into a members-only room, unless the room says otherwise. */
static struct xerr may_invite(const struct room *r, const struct visit *v)
{
	const struct occupant *o = v ? v->occupant : NULL;

	if (!o)
		return xerr(XERR_NOT_ACCEPTABLE);
	if (!may_here(&r->config, MAY_INVITE, o->role, o->affiliation))
		return xerr(XERR_FORBIDDEN);
	if (r->config.members_only && !may_here(&r->config, MAY_INVITE_MEMBERS, o->role, o->affiliation))
		return xerr(XERR_FORBIDDEN);
	return XERR_OK;
}

/* Those who are invited in one message. All are looked at before the first is. */
struct guest {
	uint32_t invite;
	struct jid_buf who;
};
struct guests {
	struct guest *list;
	uint32_t n, let_in;
};

static void guests_clear(struct guests *gs) { xfree(gs->list); }

/* Who is invited to a members-only room becomes a member: the invitation would be worth nothing. */
static bool is_let_in(const struct room *r, struct jid who)
{
	return r->config.members_only && room_affiliation(r, who) == AFFILIATION_NONE;
}

static struct xerr check_guest(const struct room *r, struct str to, struct guest *g)
{
	if (!to.p || jid_parse_buf(to, &g->who) < 0)
		return xerr(XERR_JID_MALFORMED);
	if (!g->who.jid.local || jid_eq_bare(g->who.jid, r->entity.jid) ||
		room_affiliation(r, g->who.jid) == AFFILIATION_OUTCAST)
		return xerr(XERR_NOT_ALLOWED);
	return XERR_OK;
}

static struct xerr read_guests(const struct room *r, const struct stanza *s, struct guests *gs)
{
	uint32_t x = stanza_child(s, "x", NS_MUC_USER);
	struct xerr e = XERR_OK;

	gs->list = xcalloc(INVITES_MAX, sizeof(*gs->list));
	XML_EACH(i, &s->tree, x) {
		struct guest *g = &gs->list[gs->n];

		if (!xml_is(&s->tree, i, "invite", NS_MUC_USER))
			continue;
		if (gs->n == INVITES_MAX)
			return xerr_text(XERR_NOT_ACCEPTABLE, "too many invitations at once");
		g->invite = i;
		e = check_guest(r, xml_attr(&s->tree, i, "to"), g);
		if (!xerr_ok(e))
			return e;
		gs->n++;
		gs->let_in += is_let_in(r, g->who.jid);
	}
	return r->affiliates.map.n + gs->let_in > AFFILIATES_MAX ? xerr(XERR_RESOURCE_CONSTRAINT) : XERR_OK;
}

static void invite_one(struct room *r, const struct visit *v, const struct stanza *s, const struct guest *g)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 65536}, id = {.max = 4096};
	const struct xml_tree *t = &s->tree;
	uint32_t reason = xml_child(t, g->invite, "reason", NS_MUC_USER),
		 go_on = xml_child(t, g->invite, "continue", NS_MUC_USER);
	struct words words = {.continues = go_on != XML_NONE};
	struct jid who = g->who.jid;
	bool let_in = is_let_in(r, who);

	if (let_in)
		room_affiliate(r, who, AFFILIATION_MEMBER, STR_NONE, v->jid, false);
	if (reason != XML_NONE)
		words.reason = xml_text(t, reason, &tmp);
	if (go_on != XML_NONE)
		words.thread = xml_attr(t, go_on, "thread");
	relay_write_id(&id, v, who, let_in, s->id);
	invited_add(r, v->jid, who);
	send_invitation(r, who, v->jid, buf_view(&id), &words);
}

static struct xerr invite(struct room *r, const struct visit *v, const struct stanza *s)
{
	CLEANUP(guests_clear) struct guests gs = {0};
	struct xerr e = may_invite(r, v);

	if (xerr_ok(e))
		e = read_guests(r, s, &gs);
	if (xerr_ok(e) && gs.let_in && r->config.persistent && !core_can_store(room_core(r)))
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	if (xerr_ok(e))
		e = room_charge(r, v->jid, COST_MAIL * gs.n);
	for (uint32_t i = 0; i < gs.n && xerr_ok(e); i++)
		invite_one(r, v, s, &gs.list[i]);
	return e;
}

/* ---- no, thank you ---- */

/* Who invited, if in the room: nobody else gets a stranger's message through it. */
static struct occupant *find_inviter(const struct room *r, struct jid who)
{
	if (jid_eq_bare(who, r->entity.jid))
		return occupant_find(r, jid_resource(who));
	return occupant_find_real(r, who);
}

static void put_decline(struct buf *out, const struct stanza *s, uint32_t i)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 65536};
	uint32_t reason = xml_child(&s->tree, i, "reason", NS_MUC_USER);
	struct words words = {0};

	if (reason != XML_NONE)
		words.reason = xml_text(&s->tree, reason, &tmp);
	buf_z(out, "<x xmlns='" NS_MUC_USER "'><decline");
	xml_put_attr(out, "from", jid_bare_str(s->from));
	buf_char(out, '>');
	put_words(out, &words);
	buf_z(out, "</decline></x>");
}

/* Each invitation is declined once, and nobody declines without one. */
static struct xerr decline(struct room *r, const struct stanza *s, uint32_t i)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .type = TYPE_NORMAL, .from = room_address(r), .id = s->id};
	struct str to = xml_attr(&s->tree, i, "to");
	struct jid_buf who;
	struct occupant *o = to.p && jid_parse_buf(to, &who) == 0 ? find_inviter(r, who.jid) : NULL;
	struct packet_writer w;
	struct packet *p;
	struct xerr e = room_charge(r, s->from, COST_MAIL);

	if (!xerr_ok(e))
		return e;
	if (!o || room_affiliation(r, s->from) == AFFILIATION_OUTCAST || !invited_take(r, occupant_real(o), s->from))
		return xerr_text(XERR_ITEM_NOT_FOUND, "there is no such invitation, or it has been answered");
	packet_begin(&w, &head);
	put_decline(&w.out, s, i);
	p = packet_end(&w);
	room_send_visits(r, o, NULL, &p, 1, 0);
	return XERR_OK;
}

void invite_on(struct room *r, struct stanza **s)
{
	uint32_t no = find(*s, "decline");
	struct xerr e = no != XML_NONE ? decline(r, *s, no) : invite(r, visit_find(r, (*s)->from), *s);

	if (xerr_ok(e))
		core_done(room_core(r), s);
	else
		core_bounce(room_core(r), s, e);
}
