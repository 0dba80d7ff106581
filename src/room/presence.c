/* What an occupant's presence says to whom, and who gets it. */
#include "room/hats.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { CODE_SELF = 110, CODE_NICK = 303 };

enum view view_of(const struct room *r, enum role viewer)
{
	return r->config.whois == WHOIS_ANYONE || may(MAY_SEE_JIDS, viewer, AFFILIATION_NONE) ? VIEW_JID : VIEW_PLAIN;
}

bool occupant_shown(const struct room *r, const struct occupant *o)
{
	return (r->config.broadcast >> o->role & 1) != o->behind;
}

static void put_code(struct buf *out, unsigned code) { buf_fmt(out, "<status code='%u'/>", code); }

static void put_actor_and_reason(struct buf *out, const struct notice *n)
{
	if (n->actor.p) {
		buf_z(out, "<actor");
		xml_put_attr(out, "nick", n->actor);
		buf_z(out, "/>");
	}
	if (n->reason.n)
		xml_put_text(out, "reason", n->reason);
}

static void put_item(struct buf *out, const struct occupant *o, const struct visit *about, const struct notice *n,
	enum view view)
{
	/* Who changes his nick does not leave. */
	bool gone = n->type == TYPE_UNAVAILABLE && n->codes[0] != CODE_NICK;
	bool empty = !n->actor.p && !n->reason.n;

	buf_z(out, "<item");
	xml_put_attr(out, "affiliation", str_z(affiliation_name(o->affiliation)));
	if (view == VIEW_JID && about)
		xml_put_attr(out, "jid", jid_str(about->jid));
	xml_put_attr(out, "nick", n->new_nick);
	xml_put_attr(out, "role", str_z(role_name(gone ? ROLE_NONE : o->role)));
	buf_z(out, empty ? "/>" : ">");
	put_actor_and_reason(out, n);
	if (!empty)
		buf_z(out, "</item>");
}

static void put_x(struct buf *out, const struct occupant *o, const struct visit *about, const struct notice *n,
	enum view view, bool self)
{
	buf_z(out, "<x xmlns='" NS_MUC_USER "'>");
	put_item(out, o, about, n, view);
	buf_str(out, n->destroy);
	if (self)
		put_code(out, CODE_SELF);
	for (int i = 0; i < NOTICE_CODES; i++)
		if (n->codes[i])
			put_code(out, n->codes[i]);
	buf_z(out, "</x>");
	occupant_put_id(out, o);
}

struct packet *notice_packet(struct room *r, const struct occupant *o, const struct visit *about,
	const struct notice *n, enum view view, bool self)
{
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = n->type,
		.from = jid_str(o->address),
		.id = self ? n->id : STR_NONE};
	struct packet_writer w;

	packet_begin(&w, &head);
	buf_str(&w.out, n->show);
	put_x(&w.out, o, about, n, view, self);
	if (n->type == TYPE_AVAILABLE)
		hats_put(&w.out, r->hats, hats_of(r->hats, jid_bare_str(occupant_real(o))));
	return packet_end(&w);
}

static struct str show_shown(const struct occupant *o) { return (struct str){o->visits->show, o->visits->show_n}; }

struct packet *occupant_view(struct room *r, struct occupant *o, enum view view)
{
	struct notice n = {.type = TYPE_AVAILABLE, .show = show_shown(o)};

	if (!o->views[view])
		o->views[view] = notice_packet(r, o, o->visits, &n, view, false);
	return o->views[view];
}

/* ---- output ---- */

void room_send_to(struct room *r, struct packet *p, struct jid to)
{
	struct stanza *s;

	if (p && packet_parse(p, to, &s) == 0)
		core_send(room_core(r), &s);
}

/* To somebody who came by a link. What is said to him goes by the session with that machine by which he came in, or comes back; and
 * not before that is stored which it tells, as with those who are here. */
static void send_remote(struct room *r, struct stanza **s, const struct visit *v, uint64_t commit)
{
	(*s)->via = v->via;
	(*s)->commit = commit;
	core_send(room_core(r), s);
}

/* To those who are reached by address and are meant: read once, however many they are. */
static void to_remote_if(struct room *r, struct packet *p, bool (*meant)(const struct visit *v, const void *arg),
	const void *arg, uint64_t commit)
{
	struct stanza *model = NULL, *one;

	LIST_EACH(node, &r->remote) {
		struct visit *v = LIST_ITEM(node, struct visit, remote);

		if (!p || (meant && !meant(v, arg)) || (!model && packet_parse(p, JID_NONE, &model) != 0))
			continue;
		one = stanza_copy(model, v->jid);
		send_remote(r, &one, v, commit);
	}
	stanza_free(&model);
}

/* Without those that could not be written. */
static uint32_t squeeze(struct packet **packets, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (packets[i])
			packets[kept++] = packets[i];
	return kept;
}

static void unref_all(struct packet **packets, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		packet_unref(&packets[i]);
}

static void multicast(struct room *r, struct packet **packets, uint32_t n, const uint64_t *handles, uint32_t n_handles,
	uint64_t commit)
{
	n = squeeze(packets, n);
	if (n && n_handles)
		core_multicast(room_core(r), packets, n, handles, n_handles, commit);
	else
		unref_all(packets, n);
}

void room_send_all(struct room *r, struct packet **p, uint64_t commit)
{
	struct packet *one = TAKE(*p);

	to_remote_if(r, one, NULL, NULL, commit);
	multicast(r, &one, 1, r->audience.handles, r->audience.n, commit);
}

void room_send_visits(struct room *r, struct occupant *o, struct visit *only, struct packet **packets, uint32_t n,
	uint64_t commit)
{
	uint64_t handles[VISITS_PER_NICK];
	uint32_t count = 0;

	for (struct visit *v = o->visits; v; v = v->next) {
		if (only && v != only)
			continue;
		if (v->handle && count < VISITS_PER_NICK)
			handles[count++] = v->handle;
		for (uint32_t i = 0; !v->handle && i < n; i++) {
			struct stanza *s;

			if (packets[i] && packet_parse(packets[i], v->jid, &s) == 0)
				send_remote(r, &s, v, commit);
		}
	}
	multicast(r, packets, n, handles, count, commit);
}

/* ---- announcing ---- */

void announce_to_self(struct room *r, struct occupant *o, const struct notice *n)
{
	struct packet *p = notice_packet(r, o, o->visits, n, view_of(r, o->role), true);

	room_send_visits(r, o, NULL, &p, 1, 0);
}

/* The part [from, to) of the audience without the visits of one occupant. */
static uint32_t without(struct room *r, const struct occupant *o, uint32_t from, uint32_t to, uint64_t *handles)
{
	uint32_t n = to - from;

	if (!n)
		return 0;
	memcpy(handles, r->audience.handles + from, n * sizeof(*handles));
	/* From the back, so that what takes a freed place has been looked at. */
	for (uint32_t i = n; i-- > 0;)
		if (r->audience.visits[from + i]->occupant == o)
			handles[i] = handles[--n];
	return n;
}

/* The audience is served in parts: moderators, who see everybody and every address, and the others. */
enum part { MODERATORS = 1, OTHERS = 2, ALL = MODERATORS | OTHERS };

static bool in_part(enum role role, enum part part) { return part & (role == ROLE_MODERATOR ? MODERATORS : OTHERS); }
static enum view part_view(const struct room *r, enum part part)
{
	return part == MODERATORS ? VIEW_JID : view_of(r, ROLE_VISITOR);
}

struct meant {
	const struct occupant *not_him; /* may be NULL */
	enum part part;
};

static bool is_meant(const struct visit *v, const void *arg)
{
	const struct meant *m = arg;

	return v->occupant != m->not_him && in_part(v->occupant->role, m->part);
}

/* o: not to him; may be NULL. */
static void to_remote(struct room *r, const struct occupant *o, struct packet *p, enum part part, uint64_t commit)
{
	to_remote_if(r, p, is_meant, &(struct meant){o, part}, commit);
}

void room_send_remote(struct room *r, struct packet *p, bool moderators)
{
	to_remote(r, NULL, p, moderators ? MODERATORS : OTHERS, 0);
}

static void send_part(struct room *r, struct packet **p, enum part part, uint64_t commit)
{
	struct packet *one = TAKE(*p);

	to_remote(r, NULL, one, part, commit);
	multicast(r, &one, 1, r->audience.handles, part == ALL ? r->audience.n : r->audience.moderators, commit);
}

void room_send_seers(struct room *r, struct packet **p, uint64_t commit)
{
	send_part(r, p, r->config.whois == WHOIS_ANYONE ? ALL : MODERATORS, commit);
}

void room_send_moderators(struct room *r, struct packet **p, uint64_t commit) { send_part(r, p, MODERATORS, commit); }

/* A notice that says nothing of its own is the cached presence. */
static struct packet *packet_for_others(struct room *r, struct occupant *o, const struct notice *n, enum view view)
{
	bool plain = n->type == TYPE_AVAILABLE && !n->codes[0] && !n->actor.p && !n->reason.n;
	struct packet *p = plain ? occupant_view(r, o, view) : NULL;

	if (plain)
		return p ? packet_ref(p) : NULL;
	return notice_packet(r, o, o->visits, n, view, false);
}

static void to_part(struct room *r, struct occupant *o, const struct notice *n, enum part part)
{
	static const enum sub_reader readers[] =
		{[MODERATORS] = READ_BY_MODERATORS, [OTHERS] = READ_BY_OTHERS, [ALL] = READ_BY_ALL};
	const struct audience *a = &r->audience;
	uint32_t from = part & MODERATORS ? 0 : a->moderators, to = part & OTHERS ? a->n : a->moderators;
	uint64_t *handles = rooms_handles(rooms_of(r), to - from);
	uint32_t count = without(r, o, from, to, handles);
	struct packet *p;

	if (!count && list_empty(&r->remote) && !subscribers_hearing(r, SUB_PRESENCE))
		return;
	p = packet_for_others(r, o, n, part_view(r, part));
	to_remote(r, o, p, part, 0);
	if (!n->inside)
		subscribers_tell(r, SUB_PRESENCE, readers[part], p, WORTH_LITTLE, 0);
	multicast(r, &p, 1, handles, count, 0);
}

void announce_to_others(struct room *r, struct occupant *o, const struct notice *n)
{
	if (occupant_shown(r, o) && r->config.whois == WHOIS_ANYONE) {
		to_part(r, o, n, ALL);
		return;
	}
	if (occupant_shown(r, o))
		to_part(r, o, n, OTHERS);
	to_part(r, o, n, MODERATORS);
}

void announce_hidden(struct room *r, struct occupant *o)
{
	to_part(r, o, &(struct notice){.type = TYPE_UNAVAILABLE}, OTHERS);
}

void announce_shown(struct room *r, struct occupant *o)
{
	to_part(r, o, &(struct notice){.type = TYPE_AVAILABLE}, OTHERS);
}

void announce_catch_up(struct room *r, struct occupant *o)
{
	bool before = occupant_shown(r, o);

	if (!o->behind)
		return;
	o->behind = false;
	if (before)
		announce_hidden(r, o);
	else
		announce_shown(r, o);
}

/* What he saw before, and what he sees now. */
struct packet *occupant_view_change(struct room *r, struct occupant *o, enum role before, enum role now)
{
	bool shown = occupant_shown(r, o), saw = shown || may(MAY_SEE_ALL, before, AFFILIATION_NONE),
	     sees = shown || may(MAY_SEE_ALL, now, AFFILIATION_NONE);
	struct notice gone = {.type = TYPE_UNAVAILABLE};
	bool more = !saw || (view_of(r, before) == VIEW_PLAIN && view_of(r, now) == VIEW_JID);
	struct packet *p = sees && more ? occupant_view(r, o, view_of(r, now)) : NULL;

	if (saw && !sees)
		return notice_packet(r, o, o->visits, &gone, view_of(r, now), false);
	return p ? packet_ref(p) : NULL;
}

void announce_change(struct room *r, struct occupant *o, const struct notice *n)
{
	struct notice full = *n;

	full.type = TYPE_AVAILABLE;
	full.show = show_shown(o);
	announce_to_others(r, o, &full);
	announce_to_self(r, o, &full);
}
