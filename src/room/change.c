#include "room/change.h"

#include "base/err.h"
#include "room/archive.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { CODE_AFFILIATION = 101, CODE_BANNED = 301, CODE_KICKED = 307, CODE_NOT_MEMBER = 321 };
enum { UNITS = 8 /* of work for one change, with its row in the store */ };

void changes_clear(struct changes *cs)
{
	for (uint32_t i = 0; i < cs->n; i++) {
		xfree(cs->list[i]->jid);
		xfree(cs->list[i]->reason);
		xfree(cs->list[i]->nick);
		xfree(cs->list[i]->key);
		xfree(cs->list[i]);
	}
	xfree(cs->list);
	*cs = (struct changes){0};
}

struct change *changes_add(struct changes *cs)
{
	if (!cs->list)
		cs->list = xcalloc(CHANGES_MAX, sizeof(struct change *));
	if (cs->n == CHANGES_MAX)
		return NULL;
	return cs->list[cs->n++] = xcalloc(1, sizeof(struct change));
}

struct change *changes_find(const struct changes *cs, struct str bare)
{
	for (uint32_t i = 0; i < cs->n; i++)
		if (!cs->list[i]->of_role && str_eq(change_jid(cs->list[i]), bare))
			return cs->list[i];
	return NULL;
}

/* ---- checking ---- */

/* A nickname is not registered while another one has it. */
static struct xerr check_nick(struct room *r, const struct change *ch)
{
	const struct nickname *taken = nicknames_find_key(&r->reserved, str_z(ch->key));
	const struct nickname *asked = nicknames_find_key(&r->requests, str_z(ch->key));
	const struct subscriber *hears = subscriber_find_key(r, str_z(ch->key));
	const struct occupant *o = occupant_find_key(r, str_z(ch->key));

	if (asked && !str_eq(nickname_jid(asked), change_jid(ch)))
		return xerr(XERR_CONFLICT); /* it has to be decided about first */
	if (taken && !str_eq(nickname_jid(taken), change_jid(ch)))
		return xerr(XERR_CONFLICT);
	if (hears && !str_eq(subscriber_jid(hears), change_jid(ch)))
		return xerr(XERR_CONFLICT);
	if (o && !str_eq(jid_bare_str(occupant_real(o)), change_jid(ch)))
		return xerr(XERR_CONFLICT);
	/* What he has here already stays his. */
	return taken || hears ? XERR_OK : service_nick_check(rooms_of(r), str_z(ch->key), jid_view(change_jid(ch)));
}

/* What counts, whatever the list says: administrators of the service are owners. */
static enum affiliation affiliation_of(const struct room *r, struct str bare)
{
	const struct affiliate *listed = affiliates_find(&r->affiliates, bare);

	if (rooms_is_admin(rooms_of(r), jid_view(bare)))
		return AFFILIATION_OWNER;
	return listed ? listed->affiliation : AFFILIATION_NONE;
}

static struct xerr check_affiliation(struct room *r, struct party actor, struct jid self, struct change *ch)
{
	struct jid who = jid_view(change_jid(ch));
	struct xerr e;

	ch->before = affiliation_of(r, change_jid(ch));
	if (ch->affiliation == AFFILIATION_OUTCAST && may(MAY_CHANGE_AFFILIATIONS, actor.role, actor.affiliation) &&
		jid_eq_bare(who, self))
		return xerr(XERR_CONFLICT); /* 9.1: not oneself */
	if (!who.local && ch->affiliation > AFFILIATION_OUTCAST)
		return xerr_text(XERR_NOT_ACCEPTABLE, "a domain can only be banned");
	if (ch->affiliation == AFFILIATION_OUTCAST && rooms_is_admin(rooms_of(r), who))
		return xerr_text(XERR_NOT_ALLOWED, "an administrator of the service is an owner everywhere");
	e = affiliation_change_check(actor.affiliation, ch->before, ch->affiliation);
	return xerr_ok(e) && ch->key ? check_nick(r, ch) : e;
}

static struct xerr check_one(struct room *r, struct party actor, struct jid self, struct change *ch)
{
	if (ch->of_role)
		return role_change_check(actor, occupant_party(ch->occupant), ch->role);
	return check_affiliation(r, actor, self, ch);
}

/* A room has an owner (10.4). */
static bool leaves_an_owner(const struct room *r, const struct changes *cs)
{
	uint32_t owners = r->affiliates.owners, lost = 0;

	for (uint32_t i = 0; i < cs->n; i++) {
		const struct change *ch = cs->list[i];
		const struct affiliate *a = ch->of_role ? NULL : affiliates_find(&r->affiliates, change_jid(ch));
		bool was = a && a->affiliation == AFFILIATION_OWNER,
		     is = !ch->of_role && ch->affiliation == AFFILIATION_OWNER;

		owners += is && !was;
		lost += was && !is;
	}
	return lost == 0 || owners > lost;
}

/* Those that the list has not: a full one can still be changed. */
static uint32_t count_new(const struct room *r, const struct changes *cs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cs->n; i++)
		n += !cs->list[i]->of_role && cs->list[i]->affiliation != AFFILIATION_NONE &&
			!affiliates_find(&r->affiliates, change_jid(cs->list[i]));
	return n;
}

/* Who is silenced has to be noted, or he enters again and speaks. */
static uint32_t count_silenced(const struct room *r, const struct changes *cs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cs->n; i++) {
		const struct change *ch = cs->list[i];

		n += ch->of_role && ch->role == ROLE_VISITOR &&
			voices_get(&r->voices, jid_bare_str(occupant_real(ch->occupant))) != ROLE_VISITOR &&
			role_initial(ch->occupant->affiliation, role_silent(&r->config)) != ROLE_VISITOR;
	}
	return n;
}

static struct xerr check_all(struct room *r, struct party actor, struct jid self, struct changes *cs)
{
	struct xerr e = XERR_OK;

	for (uint32_t i = 0; i < cs->n && xerr_ok(e); i++)
		e = check_one(r, actor, self, cs->list[i]);
	if (xerr_ok(e) && !leaves_an_owner(r, cs))
		e = xerr(XERR_CONFLICT);
	if (xerr_ok(e) && r->affiliates.map.n + count_new(r, cs) > AFFILIATES_MAX)
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	if (xerr_ok(e) && !voices_have_room(&r->voices, count_silenced(r, cs)))
		e = xerr_text(XERR_RESOURCE_CONSTRAINT,
			"too many are without voice here to remember one more: ban him");
	return e;
}

/* ---- making them ---- */

/* He hears no more, either, or he would go on speaking from outside. That he is out does not wait for a store that fails. */
static void kick(struct room *r, struct occupant *o, struct str actor, struct str reason)
{
	struct notice n = {.type = TYPE_UNAVAILABLE, .codes = {CODE_KICKED}, .actor = actor, .reason = reason};
	const struct subscriber *s = subscriber_find(r, jid_bare_str(occupant_real(o)));

	leave_remove(r, o, &n);
	if (s && core_can_store(room_core(r)))
		unsubscribe(r, subscriber_jid(s), true);
}

static void set_role(struct room *r, struct occupant *o, enum role role, struct str actor, struct str reason)
{
	if (role == ROLE_NONE)
		kick(r, o, actor, reason);
	else
		role_set(r, o, role, actor, reason);
}

/* What follows from the affiliation anyway, and moderators that are none by it, need not be noted. */
void role_set(struct room *r, struct occupant *o, enum role role, struct str actor, struct str reason)
{
	bool noted = role != ROLE_MODERATOR && role != role_initial(o->affiliation, role_silent(&r->config));

	voices_set(&r->voices, jid_bare_str(occupant_real(o)), noted ? role : ROLE_NONE);
	role_change(r, o, role, actor, reason);
}

enum role role_of_newcomer(const struct room *r, struct jid who, enum affiliation a)
{
	enum role initial = role_initial(a, role_silent(&r->config)), noted = voices_get(&r->voices, jid_bare_str(who));

	return noted == ROLE_NONE || initial == ROLE_MODERATOR ? initial : noted;
}

/* Who becomes a moderator sees what he could not see before; who is none any more does not see those who are not for
 * everybody. */
static void show_others(struct room *r, struct occupant *o, enum role before)
{
	struct packet **packets = rooms_packets(rooms_of(r), room_count(r));
	struct occupant *other;
	uint32_t n = 0;

	for (uint32_t pos = 0; (other = map_next(&r->nicks, &pos));) {
		struct packet *p = other == o ? NULL : occupant_view_change(r, other, before, o->role);
		if (p)
			packets[n++] = p;
	}
	room_send_visits(r, o, NULL, packets, n, 0);
}

/* In the public log; not where a change of the room gives voice to all. */
static void log_role(struct room *r, const struct occupant *o, enum role before, struct str reason)
{
	static const char *const now[] = {[ROLE_VISITOR] = "has no voice any more",
		[ROLE_PARTICIPANT] = "has voice now",
		[ROLE_MODERATOR] = "is a moderator now"};
	bool no_moderator = before == ROLE_MODERATOR && o->role == ROLE_PARTICIPANT;

	if (o->role != before && o->role != ROLE_NONE)
		room_log_of(r, o, no_moderator ? "is no moderator any more" : now[o->role], reason);
}

static void log_affiliation(struct room *r, const struct occupant *o, struct str reason)
{
	static const char *const now[] = {[AFFILIATION_NONE] = "is in no list of the room any more",
		[AFFILIATION_MEMBER] = "is a member now",
		[AFFILIATION_ADMIN] = "is an admin now",
		[AFFILIATION_OWNER] = "is an owner now"};

	if (o->affiliation != AFFILIATION_OUTCAST)
		room_log_of(r, o, now[o->affiliation], reason);
}

void role_change(struct room *r, struct occupant *o, enum role role, struct str actor, struct str reason)
{
	enum role before = o->role;
	bool shown, of_all = o->gets_voice;
	struct notice n = {.actor = actor, .reason = reason};

	announce_catch_up(r, o);
	shown = occupant_shown(r, o);
	o->role = role;
	o->gets_voice = false;
	occupant_changed(o);
	occupant_reseat(r, o);
	if (shown && !occupant_shown(r, o))
		announce_hidden(r, o);
	announce_change(r, o, &n);
	if (!of_all)
		log_role(r, o, before, reason);
	if (role != before && (role == ROLE_MODERATOR || before == ROLE_MODERATOR))
		show_others(r, o, before);
}

/* Who made the room is its owner no more: it is one of another one's rooms now. */
static void pass_on(struct room *r)
{
	const struct affiliate *a;
	uint32_t pos = 0;

	do
		a = affiliates_next(&r->affiliates, &pos);
	while (a && a->affiliation != AFFILIATION_OWNER);
	room_belongs_to(r, a ? affiliate_jid(a) : STR_NONE);
	room_store(r);
}

int room_set_affiliation(struct room *r, struct str bare, enum affiliation a, struct str reason)
{
	int err = affiliates_set(&r->affiliates, bare, a, reason);

	if (err < 0)
		return err;
	room_store_affiliation(r, bare);
	if (a != AFFILIATION_OWNER && r->config.maker && str_is(bare, r->config.maker))
		pass_on(r);
	nicknames_changed(&r->reserved, bare);
	if (a < AFFILIATION_MEMBER)
		room_set_nick(r, bare, STR_NONE, STR_NONE);
	subscriptions_check(r, bare);
	return 0;
}

void room_put_nick(struct room *r, struct str bare, struct str nick, struct str key)
{
	if (nicknames_set(&r->reserved, bare, nick, key) == 0)
		nicknames_mark(&r->reserved, bare, occupant_find_real(r, jid_view(bare)) != NULL);
}

void room_set_nick(struct room *r, struct str bare, struct str nick, struct str key)
{
	bool had = nicknames_find(&r->reserved, bare) || nicknames_find(&r->requests, bare);

	nicknames_forget(&r->requests, bare);
	if (nick.n)
		room_put_nick(r, bare, nick, key);
	else
		nicknames_forget(&r->reserved, bare);
	if (had || nick.n)
		room_store_nick(r, bare);
}

static void tell_readers(struct room *r, struct occupant *o, const struct notice *out, enum sub_reader reader,
	enum view view)
{
	struct packet *p = out ? notice_packet(r, o, o->visits, out, view, false) : occupant_view(r, o, view);

	subscribers_tell(r, SUB_AFFILIATIONS, reader, p, WORTH_NOW, r->commit);
	if (out)
		packet_unref(&p);
}

/* As ejabberd does it: with his address for those who would see it inside. out: he goes by it; or NULL. */
static void tell_subscribers_of(struct room *r, struct occupant *o, const struct notice *out)
{
	if (!subscribers_hearing(r, SUB_AFFILIATIONS))
		return;
	tell_readers(r, o, out, READ_BY_MODERATORS, VIEW_JID);
	if (occupant_shown(r, o))
		tell_readers(r, o, out, READ_BY_OTHERS, view_of(r, ROLE_VISITOR));
}

struct cause {
	struct str actor, reason;
	bool of_many; /* who hears it outside is not told of each */
};

/* One occupant's part of apply_to_all(). */
static void apply_to(struct room *r, struct occupant *o, enum affiliation now, const struct cause *c)
{
	struct notice out = {.type = TYPE_UNAVAILABLE, .actor = c->actor, .reason = c->reason, .inside = c->of_many};
	enum affiliation before = o->affiliation;

	o->affiliation = now;
	if (!may(MAY_ENTER, ROLE_NONE, now))
		out.codes[0] = CODE_BANNED;
	else if (r->config.members_only && !may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, now))
		out.codes[0] = CODE_NOT_MEMBER;
	if (out.codes[0]) {
		if (!c->of_many)
			tell_subscribers_of(r, o, &out);
		leave_remove(r, o, &out);
	} else if (now != before) {
		enum role role = role_after(o->role, before, now, role_silent(&r->config)),
			  noted = voices_get(&r->voices, jid_bare_str(occupant_real(o)));

		log_affiliation(r, o, c->reason);
		role_change(r, o, noted == ROLE_NONE || role == ROLE_MODERATOR ? role : noted, c->actor, c->reason);
		tell_subscribers_of(r, o, NULL);
	}
}

static void apply(struct room *r, struct occupant *o, const struct cause *c)
{
	enum affiliation now = room_affiliation(r, occupant_real(o));

	if (now != o->affiliation)
		apply_to(r, o, now, c);
}

/* A ban of a domain concerns all who are from there. */
static struct occupant *next_of_domain(struct room *r, struct str domain, uint32_t *pos)
{
	struct occupant *o;

	while ((o = map_next(&r->nicks, pos)))
		if (str_eq(jid_domain(occupant_real(o)), domain))
			return o;
	return NULL;
}

static void apply_to_domain(struct room *r, struct str domain, struct cause *c)
{
	struct occupant *o;
	uint32_t pos = 0, count = 0;

	core_spend(room_core(r), room_count(r) / 16);
	while (next_of_domain(r, domain, &pos))
		count++;
	c->of_many = count > TOLD_OF_MAX;
	pos = 0;
	while ((o = next_of_domain(r, domain, &pos))) {
		uint32_t n = room_count(r);

		apply(r, o, c);
		if (room_count(r) != n)
			pos = 0; /* the map has moved */
	}
}

/* The occupants with this bare address (or domain) get what follows from their affiliation now: a role, or the door. */
static void apply_to_all(struct room *r, struct jid who, struct str actor, struct str reason)
{
	struct cause c = {actor, reason, false};
	struct occupant *twin;

	if (!who.local) {
		apply_to_domain(r, jid_domain(who), &c);
		return;
	}
	for (struct occupant *o = occupant_find_real(r, who); o; o = twin) {
		twin = o->twin;
		apply(r, o, &c);
	}
}

static bool is_here(struct room *r, struct jid who)
{
	uint32_t pos = 0;

	return who.local ? occupant_find_real(r, who) != NULL : next_of_domain(r, jid_domain(who), &pos) != NULL;
}

static struct packet *affiliation_packet(const struct room *r, const struct change *ch)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = room_address(r)};
	struct packet_writer w;

	packet_begin(&w, &head);
	buf_z(&w.out, "<x xmlns='" NS_MUC_USER "'><item");
	xml_put_attr(&w.out, "affiliation", str_z(affiliation_name(ch->affiliation)));
	xml_put_attr(&w.out, "jid", change_jid(ch));
	buf_z(&w.out, " role='none'/></x>");
	return packet_end(&w);
}

/* 10.3 and elsewhere: to those who see addresses. */
static void tell_room(struct room *r, const struct change *ch)
{
	struct packet *p = affiliation_packet(r, ch);

	room_send_seers(r, &p, r->commit);
}

/* Of who is in they hear by his presence, in apply_to(); of a domain here, since who is from there may be many. */
static void tell_subscribers(struct room *r, const struct change *ch)
{
	struct jid who = jid_view(change_jid(ch));
	struct packet *p;

	if (ch->affiliation == ch->before || ch->untold || !subscribers_hearing(r, SUB_AFFILIATIONS) ||
		(who.local && is_here(r, who)))
		return;
	p = affiliation_packet(r, ch);
	subscribers_tell(r, SUB_AFFILIATIONS, r->config.whois == WHOIS_ANYONE ? READ_BY_ALL : READ_BY_MODERATORS, p,
		WORTH_NOW, r->commit);
	packet_unref(&p);
}

/* Code 101. Without the reason: it would be a way to write to strangers. */
static void tell_absent(struct room *r, const struct change *ch)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = room_address(r), .to = change_jid(ch)};
	struct packet_writer w;
	struct packet *p;

	packet_begin(&w, &head);
	buf_z(&w.out, "<x xmlns='" NS_MUC_USER "'><item");
	xml_put_attr(&w.out, "affiliation", str_z(affiliation_name(ch->affiliation)));
	buf_fmt(&w.out, "/><status code='%d'/></x>", CODE_AFFILIATION);
	p = packet_end(&w);
	room_send_to(r, p, JID_NONE);
	packet_unref(&p);
}

/* 9.5: who has just been let in is invited. Of a list of many nobody else is told, neither those in it nor the room: it is cheap. */
static void tell_of_absent(struct room *r, const struct change *ch, struct jid from, bool tell_him)
{
	struct jid who = jid_view(change_jid(ch));
	bool let_in = r->config.members_only && ch->affiliation == AFFILIATION_MEMBER && ch->before == AFFILIATION_NONE;

	if (ch->affiliation == ch->before || is_here(r, who))
		return;
	if (!ch->untold)
		tell_room(r, ch);
	if (!tell_him)
		return;
	if (let_in)
		invite_member(r, who, from, str_z(ch->reason));
	else if (who.local && !ch->untold)
		tell_absent(r, ch);
}

/* Who is made a member while he asks to be one has got what he wanted, with the nickname if nobody else is called so. */
static void grant_request(struct room *r, const struct change *ch)
{
	const struct nickname *asked = nicknames_find(&r->requests, change_jid(ch));
	struct change whole = *ch;
	bool is_free;

	if (!asked || ch->affiliation < AFFILIATION_MEMBER)
		return;
	whole.nick = xstrdup(asked->nick); /* the request goes */
	whole.key = xstrdup(asked->key);
	is_free = xerr_ok(check_nick(r, &whole));
	room_set_nick(r, change_jid(ch), is_free ? str_z(whole.nick) : STR_NONE, is_free ? str_z(whole.key) : STR_NONE);
	xfree(whole.nick);
	xfree(whole.key);
}

static int affiliate(struct room *r, const struct change *ch, struct str actor, struct jid from, bool tell_him)
{
	struct str reason = str_z(ch->reason);
	int err = room_set_affiliation(r, change_jid(ch), ch->affiliation, reason);

	if (err < 0)
		return err;
	if (ch->nick)
		room_set_nick(r, change_jid(ch), str_z(ch->nick), str_z(ch->key));
	else
		grant_request(r, ch);
	tell_of_absent(r, ch, from, tell_him);
	tell_subscribers(r, ch);
	/* Now, since after it those who are banned are not here any more. */
	apply_to_all(r, jid_view(change_jid(ch)), actor, reason);
	return 0;
}

/* Voice that was given or taken in person stays with who registers or resigns himself: an admin's change decides anew. */
static void make_change(struct room *r, const struct change *ch, struct str actor, struct jid from)
{
	if (ch->of_role) {
		set_role(r, ch->occupant, ch->role, actor, str_z(ch->reason));
		return;
	}
	if (ch->affiliation != ch->before)
		voices_set(&r->voices, change_jid(ch), ROLE_NONE);
	affiliate(r, ch, actor, from, true);
}

int room_affiliate(struct room *r, struct jid who, enum affiliation to, struct str reason, struct jid from,
	bool tell_him)
{
	struct change ch = {.affiliation = to, .jid = str_dup(jid_bare_str(who)), .reason = str_dup(reason)};
	int err;

	ch.before = affiliation_of(r, change_jid(&ch));
	err = affiliate(r, &ch, STR_NONE, from, tell_him);
	xfree(ch.jid);
	xfree(ch.reason);
	return err;
}

/* Each occupant or address once, and roles and affiliations not mixed: so what was checked holds until it is done. */
static bool clash(const struct change *a, const struct change *b)
{
	if (a->of_role != b->of_role)
		return true;
	if (a->of_role)
		return a->occupant == b->occupant;
	return str_eq(change_jid(a), change_jid(b)) || (a->key && b->key && strcmp(a->key, b->key) == 0);
}

static bool names_twice(const struct changes *cs)
{
	for (uint32_t i = 0; i < cs->n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (clash(cs->list[i], cs->list[k]))
				return true;
	return false;
}

static bool needs_store(const struct room *r, const struct changes *cs)
{
	return r->config.persistent && !cs->list[0]->of_role;
}

/* What others get because of it. Little of who is away and is not told, so that lists of many can be brought in. */
static uint32_t cost_of(const struct room *r, const struct change *ch, bool told)
{
	bool anyone = r->config.whois == WHOIS_ANYONE, invited = r->config.members_only;
	uint32_t inside = anyone ? r->audience.n : r->audience.moderators,
		 heard = (inside + subscribers_hearing(r, SUB_AFFILIATIONS)) / COST_HEARD_BY;

	if (ch->of_role || invited || !ch->jid || occupant_find_real(r, jid_view(change_jid(ch))) ||
		!jid_view(change_jid(ch)).local)
		return COST_MESSAGE;
	if (!told)
		return COST_CHANGE;
	return heard > COST_MESSAGE ? heard : COST_MESSAGE;
}

struct xerr changes_charge(struct room *r, const struct stanza *s, bool is_session, const struct changes *cs)
{
	bool admin = room_affiliation(r, s->from) >= AFFILIATION_ADMIN;
	uint32_t cost = 0;

	for (uint32_t i = 0; i < cs->n; i++)
		cost += cost_of(r, cs->list[i], cs->n <= TOLD_MAX);
	if (!admin)
		return room_charge(r, s->from, cost);
	return is_session ? room_charge_list_slowly(r, s, cost) : room_charge_list(r, s->from, cost);
}

struct xerr changes_make(struct room *r, struct changes *cs, struct jid from)
{
	struct party actor = room_party(r, from);
	struct visit *v = visit_find(r, from);
	char nick[NICK_MAX];
	struct str name = {v ? nick : NULL, v ? occupant_nick(v->occupant).n : 0};
	struct xerr e = cs->n && names_twice(cs) ? xerr(XERR_BAD_REQUEST) : XERR_OK;

	if (xerr_ok(e))
		e = check_all(r, actor, from, cs);
	if (xerr_ok(e) && cs->n && needs_store(r, cs) && !core_can_store(room_core(r)))
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	if (!xerr_ok(e))
		return e;
	/* Who acts may put himself out. */
	if (v)
		memcpy(nick, occupant_nick(v->occupant).p, name.n);
	core_spend(room_core(r), cs->n * UNITS);
	for (uint32_t i = 0; i < cs->n; i++) {
		cs->list[i]->untold = cs->n > TOLD_MAX;
		make_change(r, cs->list[i], name, from);
	}
	return XERR_OK;
}
