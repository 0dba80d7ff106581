/* muc#owner: configuration and the end of a room (XEP-0045 10.1, 10.2, 10.9). */
#include <stddef.h>

#include "base/err.h"
#include "room/change.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum {
	CODE_SHOWS_ABSENT = 102,
	CODE_HIDES_ABSENT = 103,
	CODE_CHANGED = 104,
	CODE_LOGGED = 170,
	CODE_NOT_LOGGED = 171,
	CODE_NON_ANONYMOUS = 172,
	CODE_SEMI_ANONYMOUS = 173,
	CODE_MEMBERS_ONLY = 322
};

/* Lists of affiliations that are fields of the form, too: each is the whole list (10.1.3). */
static const struct {
	const char *var, *label;
	enum affiliation affiliation;
} lists[] = {
	{"muc#roomconfig_roomowners", "Owners", AFFILIATION_OWNER},
	{"muc#roomconfig_roomadmins", "Admins", AFFILIATION_ADMIN},
};

static struct room *room_of(const struct iq *iq) { return (struct room *)iq->entity; }

static void put_lists(struct room *r, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct affiliate *a;

		buf_fmt(out, "<field var='%s' type='jid-multi' label='%s'>", lists[i].var, lists[i].label);
		for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos));)
			if (a->affiliation == lists[i].affiliation)
				xml_put_text(out, "value", affiliate_jid(a));
		buf_z(out, "</field>");
	}
}

static void put_form(struct room *r, struct buf *out)
{
	struct room_config settings;

	buf_z(out, "<x xmlns='" NS_DATA "' type='form'><title>Configuration of ");
	xml_escape(out, room_address(r));
	buf_z(out, "</title>");
	room_settings(r, &settings);
	room_config_form(&settings, out);
	room_config_clear(&settings);
	put_lists(r, out);
	buf_z(out, "</x>");
}

struct xerr owner_get(struct iq *iq)
{
	struct room *r = room_of(iq);

	if (!may(MAY_CONFIGURE, ROLE_NONE, room_affiliation(r, iq->stanza->from)))
		return xerr(XERR_FORBIDDEN);
	if (xml_first(&iq->stanza->tree, iq->query) != XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	core_spend(iq->core, r->affiliates.map.n / 8);
	xml_put_open(&iq->reply, "query", NS_MUC_OWNER);
	buf_char(&iq->reply, '>');
	put_form(r, &iq->reply);
	xml_put_close(&iq->reply, "query");
	return XERR_OK;
}

/* ---- what follows from a change ---- */

/* All are told and out before the others hear of it: those who go need not be told of each other, nor who is outside of each of many. */
static void put_out_non_members(struct room *r)
{
	struct notice n = {.type = TYPE_UNAVAILABLE, .codes = {CODE_MEMBERS_ONLY}};
	struct occupant **gone, *o;
	uint32_t count = 0;

	if (!r->config.members_only)
		return;
	gone = xmalloc((room_count(r) + 1) * sizeof(struct occupant *));
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		if (!may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, o->affiliation))
			gone[count++] = o;
	n.inside = count > TOLD_OF_MAX;
	for (uint32_t i = 0; i < count; i++)
		leave_tell(r, gone[i], &n);
	for (uint32_t i = 0; i < count; i++)
		leave_free(r, gone[i], &n);
	xfree(gone);
}

static void on_members_only(struct room *r)
{
	put_out_non_members(r);
	subscriptions_check(r, STR_NONE);
}

static void on_password(struct room *r)
{
	if (r->config.password_protected && r->config.secret)
		subscriptions_new_password(r);
}

static void forget_views(struct room *r)
{
	struct occupant *o;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		occupant_changed(o);
}

static void on_persistence(struct room *r)
{
	if (r->config.persistent) {
		room_store_all(r);
		return;
	}
	/* It has to be forgotten as the persistent one that it was. */
	r->config.persistent = true;
	room_store_forget(r);
	r->config.persistent = false;
}

/* What is said about a change (10.2.1). */
static const struct {
	const char *var;
	size_t offset; /* of a bool, or of one of two values */
	uint16_t on, off;
} privacy[] = {
	{"muc#roomconfig_enablelogging", offsetof(struct room_config, logging), CODE_LOGGED, CODE_NOT_LOGGED},
	{"muc#roomconfig_whois", offsetof(struct room_config, whois), CODE_NON_ANONYMOUS, CODE_SEMI_ANONYMOUS},
	{"muc#roomconfig_showabsent", offsetof(struct room_config, show_absent), CODE_SHOWS_ABSENT, CODE_HIDES_ABSENT},
};

static void say_what_changed(struct room *r, uint64_t changed)
{
	for (size_t i = 0; i < ARRAY_LEN(privacy); i++) {
		uint64_t bit = room_config_bit(privacy[i].var);

		if (changed & bit)
			message_status(r,
				((const uint8_t *)&r->config)[privacy[i].offset] ? privacy[i].on : privacy[i].off);
		changed &= ~bit;
	}
	if (changed)
		message_status(r, CODE_CHANGED);
}

/* ---- what concerns each of many ---- */

/* Deliveries in one go: what goes out together is written together, so fewer would cost more, and others wait for these. */
enum { GO_ON_WORK = 16000 };

/* Of a great room these are some at a time: its other changes, and all other rooms, go in between. */
void room_go_on(struct room *r)
{
	struct occupant *o;
	uint32_t work = 0;

	r->unfinished = false;
	core_spend(room_core(r), room_count(r) / 16);
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));) {
		if (!o->behind && !o->gets_voice)
			continue;
		if (work > GO_ON_WORK) {
			r->unfinished = r->entity.unsettled = true;
			entity_park(&r->entity, false); /* it is served again, whoever changed it */
			return;
		}
		announce_catch_up(r, o);
		if (o->gets_voice)
			role_change(r, o, ROLE_PARTICIPANT, STR_NONE, STR_NONE);
		work += room_count(r) + subscribers_hearing(r, SUB_PRESENCE);
	}
}

/* Where everybody may speak nobody has to ask for voice. */
static void on_moderation(struct room *r)
{
	struct occupant *o;

	if (!r->config.moderated)
		voices_clear(&r->voices);
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		o->gets_voice = !r->config.moderated && o->role == ROLE_VISITOR;
}

/* Who will not be seen any more, or was not seen before. */
static void on_broadcast(struct room *r, uint8_t before)
{
	uint8_t other = before ^ r->config.broadcast;
	struct occupant *o;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		if (other >> o->role & 1)
			o->behind = !o->behind;
}

static void change_history(struct room *r)
{
	history_resize(&r->history, r->config.history);
	room_store_history(r);
}

static void on_change(struct room *r, uint64_t changed, uint8_t broadcast_before)
{
	if (changed & room_config_bit("muc#roomconfig_persistentroom"))
		on_persistence(r);
	else
		room_store(r);
	if (changed & room_config_bit("muc#roomconfig_whois"))
		forget_views(r);
	if (changed & room_config_bit("muc#maxhistoryfetch"))
		change_history(r);
	if (changed & room_config_bit("muc#roomconfig_presencebroadcast"))
		on_broadcast(r, broadcast_before);
	if (changed & room_config_bit("muc#roomconfig_slow_mode_duration"))
		paces_unsilence(&r->paces);
	if (changed & room_config_bit("voice_request_min_interval"))
		paces_may_ask(&r->paces);
	if (changed & room_config_bit("muc#roomconfig_membersonly"))
		on_members_only(r);
	if (changed &
		(room_config_bit("muc#roomconfig_passwordprotectedroom") |
			room_config_bit("muc#roomconfig_roomsecret")))
		on_password(r);
	if (!subscriptions_on(&r->entity))
		subscriptions_end(r);
	if (changed & room_config_bit("muc#roomconfig_moderatedroom"))
		on_moderation(r);
	room_go_on(r);
}

/* ---- requests ---- */

static struct xerr list_one(struct room *r, struct str bare, enum affiliation affiliation, struct changes *cs)
{
	struct affiliate *a = map_find(&r->affiliates.map, bare);
	struct change *ch = changes_find(cs, bare);

	if (a && !ch && a->affiliation == affiliation) {
		a->listed = true;
		return XERR_OK;
	}
	if (!ch)
		ch = changes_add(cs);
	if (!ch)
		return xerr_text(XERR_NOT_ACCEPTABLE, "too many changes at once");
	if (!ch->jid)
		ch->jid = str_dup(bare);
	if (ch->affiliation < affiliation)
		ch->affiliation = affiliation;
	return XERR_OK;
}

/* The list as it is to be: who is not in it any more has no affiliation, unless another list has him. */
static struct xerr read_list(struct room *r, struct str text, enum affiliation affiliation, struct changes *cs)
{
	struct xerr e = XERR_OK;

	while (text.p && xerr_ok(e)) {
		struct str line = str_trim(str_cut(&text, '\n'));
		struct jid_buf jid;

		if (!line.n)
			continue;
		if (jid_parse_buf(line, &jid) < 0)
			return xerr(XERR_JID_MALFORMED);
		e = list_one(r, jid_bare_str(jid.jid), affiliation, cs);
	}
	return e;
}

static struct xerr remove_others(struct room *r, enum affiliation affiliation, struct changes *cs)
{
	const struct affiliate *a;

	for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos));) {
		struct change *ch;

		if (a->affiliation != affiliation || a->listed || changes_find(cs, affiliate_jid(a)))
			continue;
		ch = changes_add(cs);
		if (!ch)
			return xerr_text(XERR_NOT_ACCEPTABLE, "too many changes at once");
		ch->jid = str_dup(affiliate_jid(a));
	}
	return XERR_OK;
}

/* Only what is different is a change. */
static void drop_the_same(struct room *r, struct changes *cs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cs->n; i++) {
		const struct affiliate *a = affiliates_find(&r->affiliates, change_jid(cs->list[i]));
		bool same = a && a->affiliation == cs->list[i]->affiliation;

		if (same) {
			xfree(cs->list[i]->jid);
			xfree(cs->list[i]);
		} else {
			cs->list[n++] = cs->list[i];
		}
	}
	cs->n = n;
}

static struct xerr read_lists(struct room *r, const struct xml_tree *t, uint32_t x, struct changes *cs)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1 << 20};
	bool given[ARRAY_LEN(lists)] = {false};
	struct xerr e = XERR_OK;
	struct affiliate *a;

	for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos));)
		a->listed = false;
	for (size_t i = 0; i < ARRAY_LEN(lists) && xerr_ok(e); i++) {
		uint32_t field = form_field(t, x, lists[i].var);

		given[i] = field != XML_NONE;
		if (given[i])
			e = read_list(r, form_values(t, field, &tmp), lists[i].affiliation, cs);
	}
	for (size_t i = 0; i < ARRAY_LEN(lists) && xerr_ok(e); i++)
		if (given[i])
			e = remove_others(r, lists[i].affiliation, cs);
	if (xerr_ok(e))
		drop_the_same(r, cs);
	return e;
}

static void configure(struct room *r, const struct room_config *new)
{
	uint64_t changed = room_config_diff(&r->config, new);
	uint8_t broadcast = r->config.broadcast;
	bool as_expected = r->will_persist && new->persistent;

	rooms_items_changed(rooms_of(r));
	room_config_clear(&r->config);
	room_config_copy(&r->config, new);
	r->will_persist = false; /* what its owner says now counts */
	if (r->state == ROOM_LOCKED)
		room_unlock(r);
	if (!changed)
		return;
	on_change(r, changed, broadcast);
	say_what_changed(r, as_expected ? changed & ~room_config_bit("muc#roomconfig_persistentroom") : changed);
}

struct xerr room_configure(struct room *r, const struct room_config *new)
{
	if ((r->config.persistent || new->persistent) && !core_can_store(room_core(r)))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	configure(r, new);
	return XERR_OK;
}

/* Everything is looked at before anything is changed. */
static struct xerr submit(struct room *r, const struct stanza *s, bool is_session, uint32_t x)
{
	CLEANUP(changes_clear) struct changes cs = {0};
	struct room_config new;
	struct room_switches before;
	struct xerr e = room_charge(r, s->from, COST_PRESENCE);

	if (!xerr_ok(e))
		return e;
	room_settings(r, &new);
	before = room_switches(&new);
	e = room_config_submit(&new, &s->tree, x);
	if (xerr_ok(e))
		e = rooms_may_turn_on(rooms_of(r), before, room_switches(&new), s->from);
	if (xerr_ok(e))
		e = read_lists(r, &s->tree, x, &cs);
	if (xerr_ok(e) && (r->config.persistent || new.persistent) && !core_can_store(room_core(r)))
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	if (xerr_ok(e) && cs.n)
		e = changes_charge(r, s, is_session, &cs);
	if (xerr_ok(e))
		e = changes_make(r, &cs, s->from);
	if (xerr_ok(e))
		configure(r, &new);
	room_config_clear(&new);
	return e;
}

/* 10.1.3: who does not want the new room, does not want it. */
static struct xerr cancel(struct room *r)
{
	if (r->state == ROOM_LOCKED)
		room_destroy(r, STR_NONE, STR_NONE, STR_NONE);
	return XERR_OK;
}

static struct xerr on_form(struct room *r, const struct stanza *s, bool is_session, uint32_t x)
{
	struct str type = xml_attr(&s->tree, x, "type");

	if (type.p && str_is(type, "submit"))
		return submit(r, s, is_session, x);
	if (type.p && str_is(type, "cancel"))
		return cancel(r);
	return xerr(XERR_BAD_REQUEST);
}

static struct str child_text(const struct xml_tree *t, uint32_t parent, const char *name, struct buf *tmp)
{
	uint32_t i = xml_child(t, parent, name, NS_MUC_OWNER);

	return i == XML_NONE ? STR_NONE : xml_text(t, i, tmp);
}

static struct xerr destroy(struct room *r, const struct stanza *s, uint32_t i)
{
	const struct xml_tree *t = &s->tree;
	CLEANUP(buf_clear) struct buf reason = {.max = 65536}, password = {.max = 65536};
	struct str alternate = xml_attr(t, i, "jid");
	struct jid_buf jid;

	if (alternate.p && jid_parse_buf(alternate, &jid) < 0)
		return xerr(XERR_JID_MALFORMED);
	if (alternate.p && jid_eq_bare(jid.jid, r->entity.jid))
		return xerr_text(XERR_NOT_ACCEPTABLE, "a room cannot go to where it is");
	if (r->config.persistent && !core_can_store(room_core(r)))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	if (r->state == ROOM_OPEN)
		rooms_move(r, s->from, alternate.p ? jid_bare_str(jid.jid) : STR_NONE);
	room_destroy(r, alternate.p ? jid_str(jid.jid) : STR_NONE, child_text(t, i, "reason", &reason),
		child_text(t, i, "password", &password));
	return XERR_OK;
}

struct xerr owner_set(struct iq *iq)
{
	struct room *r = room_of(iq);
	const struct xml_tree *t = &iq->stanza->tree;
	enum affiliation sender = room_affiliation(r, iq->stanza->from);
	uint32_t form = xml_child(t, iq->query, "x", NS_DATA), end = xml_child(t, iq->query, "destroy", NS_MUC_OWNER);

	if (!may(MAY_CONFIGURE, ROLE_NONE, sender))
		return xerr(XERR_FORBIDDEN);
	if (form != XML_NONE)
		return on_form(r, iq->stanza, iq->session != NULL, form);
	if (end != XML_NONE && may(MAY_DESTROY, ROLE_NONE, sender))
		return destroy(r, iq->stanza, end);
	return xerr(XERR_BAD_REQUEST);
}
