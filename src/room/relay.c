/* Requests from one occupant to another (XEP-0045 17.4): passed on under the occupants' addresses. Nothing is kept about
 * them: the id that goes out holds the nick asked and the sender's own id, sealed with a keyed hash over all that belongs
 * together, so that an answer finds back and nobody else can make one up. */
#include <stdio.h>

#include "room/rooms_i.h"
#include "xmpp/ns.h"

enum { SEAL = 16, ID_MAX = 512 };

static void seal(struct jid asker, struct jid asked, struct str nick, struct str id, char ret[SEAL + 1])
{
	CLEANUP(buf_clear) struct buf text = {.max = 3 * JID_MAX + ID_MAX};

	buf_str(&text, jid_str(asker));
	buf_char(&text, '\0');
	buf_str(&text, jid_bare_str(asked));
	buf_char(&text, '\0');
	buf_str(&text, nick);
	buf_char(&text, '\0');
	buf_str(&text, id);
	must(buf_ok(&text));
	snprintf(ret, SEAL + 1, "%016llx", (unsigned long long)hash_bytes(text.p, text.n));
}

/* "seal-length-nick id" */
static void write_id(struct buf *out, struct jid asker, struct jid asked, struct str nick, struct str id)
{
	char sealed[SEAL + 1];

	seal(asker, asked, nick, id, sealed);
	buf_fmt(out, "%s-%zu-", sealed, nick.n);
	buf_str(out, nick);
	buf_str(out, id);
}

struct relayed {
	struct str seal, nick, id;
};

static bool read_id(struct str text, struct relayed *ret)
{
	uint64_t n;

	if (!text.p)
		return false;
	ret->seal = str_cut(&text, '-');
	if (ret->seal.n != SEAL || !text.p || str_uint(str_cut(&text, '-'), NICK_MAX, &n) < 0 || !text.p ||
		text.n < n || text.n > NICK_MAX + ID_MAX)
		return false;
	ret->nick = (struct str){text.p, n};
	ret->id = (struct str){text.p + n, text.n - n};
	return ret->id.n <= ID_MAX;
}

/* ---- requests ---- */

static bool asks(const struct stanza *s, const char *name, const char *ns)
{
	return s->type == TYPE_GET && xml_is(&s->tree, stanza_payload(s), name, ns);
}

/* Avatars: the card is the account's, which answers for all its sessions. */
static void pass_on(struct room *r, const struct visit *v, const struct occupant *to, const struct stanza *s,
	struct str id)
{
	bool to_account = asks(s, "vCard", NS_VCARD);
	struct packet_head head;
	struct packet_writer w;
	struct packet *p;

	packet_head_of(s, &head);
	head.from = jid_str(v->occupant->address);
	head.to = STR_NONE;
	head.id = id;
	packet_begin(&w, &head);
	packet_put_payload(&w, s, NULL);
	p = packet_end(&w);
	if (to_account) {
		room_send_to(r, p, jid_bare(occupant_real(to)));
		packet_unref(&p);
	} else {
		room_send_visits(r, (struct occupant *)to, to->visits, &p, 1, 0);
	}
}

static struct xerr request(struct room *r, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf id = {.max = NICK_MAX + ID_MAX + 64};
	struct visit *v = visit_find(r, s->from);
	struct occupant *to = occupant_find(r, jid_resource(s->to));
	bool disco = asks(s, "query", NS_DISCO_INFO) || asks(s, "query", NS_DISCO_ITEMS);
	struct xerr e;

	if (!v)
		return xerr(disco ? XERR_BAD_REQUEST : XERR_NOT_ACCEPTABLE); /* 6.6 */
	if (!to)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (!s->id.p || s->id.n > ID_MAX || stanza_payload(s) == XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	if (to != v->occupant && !may_here(&r->config, MAY_ASK_OTHERS, v->occupant->role, v->occupant->affiliation))
		return xerr_text(XERR_NOT_ALLOWED, "occupants are not asked in this room");
	e = room_charge(r, v->jid, COST_REQUEST);
	if (!xerr_ok(e))
		return e;
	write_id(&id, v->jid, occupant_real(to), occupant_nick(to), s->id);
	must(buf_ok(&id));
	pass_on(r, v, to, s, buf_view(&id));
	return XERR_OK;
}

/* XEP-0410: whether one is in is for the room to say. */
static bool is_self_ping(const struct room *r, const struct stanza *s)
{
	const struct visit *v = visit_find(r, s->from);

	return v && asks(s, "ping", NS_PING) && str_eq(jid_resource(s->to), occupant_nick(v->occupant));
}

/* ---- answers ---- */

static struct visit *find_asker(const struct room *r, const struct stanza *s, const struct relayed *id)
{
	struct occupant *o = occupant_find(r, jid_resource(s->to));
	char expected[SEAL + 1];

	for (struct visit *v = o ? o->visits : NULL; v; v = v->next) {
		seal(v->jid, s->from, id->nick, id->id, expected);
		if (str_is(id->seal, expected))
			return v;
	}
	return NULL;
}

static void answer(struct room *r, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf from = {.max = 2 * JID_MAX};
	struct packet_head head;
	struct packet_writer w;
	struct relayed id;
	struct visit *v;
	struct packet *p;

	if (!jid_some(s->from) || !read_id(s->id, &id) || !(v = find_asker(r, s, &id)) ||
		!room_may_answer(r, s->from, COST_ANSWER))
		return;
	buf_str(&from, room_address(r));
	buf_char(&from, '/');
	buf_str(&from, id.nick);
	packet_head_of(s, &head);
	head.from = buf_view(&from);
	head.to = STR_NONE;
	head.id = id.id;
	packet_begin(&w, &head);
	packet_put_payload(&w, s, NULL);
	p = packet_end(&w);
	room_send_visits(r, v->occupant, v, &p, 1, 0);
}

/* ---- invitations: an error is told to who invited ---- */

/* Sealed with the id: whether the invitation made a member. */
enum { LET_IN = '+', ONLY_ASKED = '=' };

void relay_write_id(struct buf *out, const struct visit *v, struct jid asked, bool let_in, struct str id)
{
	CLEANUP(buf_clear) struct buf marked = {.max = ID_MAX};

	buf_char(&marked, let_in ? LET_IN : ONLY_ASKED);
	if (id.p && id.n < ID_MAX)
		buf_str(&marked, id);
	write_id(out, v->jid, asked, occupant_nick(v->occupant), buf_view(&marked));
}

/* Who never heard of it is no member by it: there may be nobody of that address, and whoever gets it later was not meant. */
static void take_back_member(struct room *r, struct jid who, struct jid inviter)
{
	if (room_affiliation(r, who) == AFFILIATION_MEMBER && !occupant_find_real(r, who) &&
		(!r->config.persistent || core_can_store(room_core(r))))
		room_affiliate(r, who, AFFILIATION_NONE, STR_NONE, inviter, false);
}

static bool is_no_error(const struct stanza *s, uint32_t child) { return !xml_is(&s->tree, child, "error", NS_CLIENT); }

bool relay_on_error(struct room *r, const struct stanza *s)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .type = TYPE_ERROR, .from = room_address(r)};
	char expected[SEAL + 1];
	struct relayed id;
	struct packet_writer w;
	struct packet *p;
	struct occupant *o = read_id(s->id, &id) ? occupant_find(r, id.nick) : NULL;

	for (struct visit *v = o ? o->visits : NULL; v; v = v->next) {
		seal(v->jid, s->from, id.nick, id.id, expected);
		if (!str_is(id.seal, expected) || !invited_take(r, v->jid, s->from))
			continue;
		if (*id.id.p == LET_IN)
			take_back_member(r, s->from, v->jid);
		if (id.id.n > 1)
			head.id = (struct str){id.id.p + 1, id.id.n - 1};
		packet_begin(&w, &head);
		packet_put_payload(&w, s, is_no_error);
		p = packet_end(&w);
		room_send_visits(r, o, v, &p, 1, 0);
		return true;
	}
	return false;
}

void relay_on_iq(struct room *r, struct stanza **s)
{
	struct core *c = room_core(r);
	struct xerr e = XERR_OK;

	if ((*s)->type != TYPE_GET && (*s)->type != TYPE_SET) {
		answer(r, *s);
	} else if (is_self_ping(r, *s)) {
		iq_answer(c, s, STR_NONE, 0);
		return;
	} else {
		e = request(r, *s);
	}
	if (xerr_ok(e))
		core_done(c, s);
	else
		core_bounce(c, s, e);
}
