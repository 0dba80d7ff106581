/* Leaving a room, changing in it, and being put out. */
#include "room/archive.h"
#include "room/form.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { CODE_NEW_NICK = 303 };

/* ---- leaving (7.14) ---- */

static void unseat(struct room *r, struct occupant *o)
{
	for (struct visit *v = o->visits; v; v = v->next) {
		audience_remove(&r->audience, v);
		list_remove(&v->remote);
	}
}

static void log_out(struct room *r, const struct occupant *o, const struct notice *n)
{
	static const struct {
		uint16_t code;
		const char *did;
	} list[] = {{301, "was banned"}, {307, "was put out"}, {321, "was put out, being no member"},
		{322, "was put out, being no member"}};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		if (n->codes[0] == list[i].code) {
			room_log_of(r, o, list[i].did, n->reason);
			return;
		}
	room_log_of(r, o, "left", STR_NONE);
}

void leave_tell(struct room *r, struct occupant *o, const struct notice *n)
{
	log_out(r, o, n);
	announce_to_self(r, o, n);
	unseat(r, o);
}

void leave_free(struct room *r, struct occupant *o, const struct notice *n)
{
	announce_to_others(r, o, n);
	occupant_free(r, &o);
}

void leave_remove(struct room *r, struct occupant *o, const struct notice *n)
{
	leave_tell(r, o, n);
	leave_free(r, o, n);
}

/* One of several sessions: the others see that only if it was the one that showed. */
static void leave_others_behind(struct room *r, struct visit *v, const struct notice *n)
{
	struct occupant *o = v->occupant;
	bool shown = o->visits == v;
	struct packet *p = notice_packet(r, o, v, n, view_of(r, o->role), true);

	room_send_visits(r, o, v, &p, 1, 0);
	visit_free(r, &v);
	if (shown)
		announce_change(r, o, &(struct notice){.type = TYPE_AVAILABLE});
}

void leave_visit(struct room *r, struct visit *v, struct str show, uint16_t code)
{
	struct notice n = {.type = TYPE_UNAVAILABLE, .show = show, .codes = {code}};

	if (v->occupant->visit_count > 1)
		leave_others_behind(r, v, &n);
	else if (r->state == ROOM_LOCKED && room_count(r) == 1)
		room_destroy(r, STR_NONE, STR_NONE, STR_NONE); /* 10.1.3: gone before the room was what it is to be */
	else
		leave_remove(r, v->occupant, &n);
	room_seen(r);
}

/* The user's server repeats it for every nick that there was (RFC 6121 4.6.3), so which one is named does not matter. */
void presence_on_unavailable(struct room *r, struct stanza **s)
{
	struct visit *v = visit_find(r, (*s)->from);
	struct packet_writer w;

	if (v) {
		struct str show = show_of(*s, &w);
		leave_visit(r, v, show_fits(*s) ? show : STR_NONE, 0);
		buf_clear(&w.out);
	}
	core_done(room_core(r), s);
}

void leave_ghosts(struct room *r)
{
	struct core *c = room_core(r);

	/* From the back: what takes a freed place has been looked at. */
	for (uint32_t i = r->audience.n; i-- > 0;) {
		struct session *s = i < r->audience.n ? session_find(c, r->audience.handles[i]) : NULL;

		if (i < r->audience.n && (!s || !session_alive(s)))
			leave_visit(r, r->audience.visits[i], STR_NONE, CODE_TECHNICAL);
	}
	room_rest(r);
}

/* ---- a new nick (7.6) ---- */

static struct xerr check_new_nick(struct room *r, const struct occupant *o, const struct stanza *s, struct buf *key)
{
	const struct occupant *other;

	if (!s->to.resource)
		return xerr(XERR_JID_MALFORMED);
	if (!show_fits(s))
		return xerr_text(XERR_POLICY_VIOLATION, "presence is too long");
	if (str_eq(jid_resource(s->to), occupant_nick(o)))
		return XERR_OK;
	if (!may_here(&r->config, MAY_CHANGE_NICK, o->role, o->affiliation) || nick_locked(r, occupant_real(o)) ||
		nick_key(jid_resource(s->to), key) < 0)
		return xerr(XERR_NOT_ACCEPTABLE);
	other = occupant_find_key(r, buf_view(key));
	if (other && other != o)
		return xerr(XERR_CONFLICT);
	return nick_check_owner(r, buf_view(key), occupant_real(o));
}

/* The occupant gets it, with all its sessions. */
static void change_nick(struct room *r, struct visit *v, const struct stanza *s, struct str key)
{
	struct occupant *o = v->occupant;
	struct str nick = jid_resource(s->to);
	struct notice old = {.type = TYPE_UNAVAILABLE, .codes = {CODE_NEW_NICK}, .new_nick = nick};

	room_log_of(r, o, "is now called", nick);
	announce_to_others(r, o, &old);
	announce_to_self(r, o, &old);
	occupant_rename(r, o, nick, key);
	visit_update(r, v, s);
	announce_change(r, o, &(struct notice){.id = s->id});
}

/* ---- a change of availability (7.7) ---- */

/* Without a change nobody else needs to hear of it. */
static void change_show(struct room *r, struct visit *v, const struct stanza *s)
{
	struct occupant *o = v->occupant;
	struct notice n = {.type = TYPE_AVAILABLE, .id = s->id};
	struct packet *p;

	if (visit_show(v, s)) {
		announce_change(r, o, &n);
		return;
	}
	n.show = (struct str){v->show, v->show_n};
	p = notice_packet(r, o, v, &n, view_of(r, o->role), true);
	room_send_visits(r, o, v, &p, 1, 0);
}

void presence_on_update(struct room *r, struct visit *v, struct stanza **s)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};
	struct xerr e = check_new_nick(r, v->occupant, *s, &key);

	bool same = str_eq(jid_resource((*s)->to), occupant_nick(v->occupant));

	if (xerr_ok(e) && same && !may_here(&r->config, MAY_CHANGE_STATUS, v->occupant->role, v->occupant->affiliation))
		e = xerr(XERR_FORBIDDEN);
	if (xerr_ok(e))
		e = room_charge(r, v->jid, COST_PRESENCE);
	if (!xerr_ok(e)) {
		room_refuse(room_core(r), s, e);
		return;
	}
	if (same)
		change_show(r, v, *s);
	else
		change_nick(r, v, *s, buf_view(&key));
	core_done(room_core(r), s);
}

/* ---- the end of the room (10.9) ---- */

static void write_destroy(struct buf *out, struct str alternate, struct str reason, struct str password)
{
	buf_z(out, "<destroy");
	xml_put_attr(out, "jid", alternate);
	buf_char(out, '>');
	if (password.n)
		xml_put_text(out, "password", password);
	if (reason.n)
		xml_put_text(out, "reason", reason);
	buf_z(out, "</destroy>");
}

void room_destroy(struct room *r, struct str alternate, struct str reason, struct str password)
{
	CLEANUP(buf_clear) struct buf destroy = {.max = 8 * REASON_MAX + 8 * JID_MAX};
	struct notice n = {.type = TYPE_UNAVAILABLE};
	struct occupant *o;

	write_destroy(&destroy, alternate, utf8_cut(reason, REASON_MAX), utf8_cut(password, REASON_MAX));
	if (buf_ok(&destroy))
		n.destroy = buf_view(&destroy);
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));) {
		o->affiliation = AFFILIATION_NONE;
		announce_to_self(r, o, &n);
	}
	subscribers_end(r, n.destroy);
	log_info("room_destroyed", "room=%.*s", STR_FMT(room_address(r)));
	room_log(r, STR_NONE, "was destroyed", reason);
	room_store_forget(r);
	room_vacate(r);
}
