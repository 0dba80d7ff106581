#include "room/archive.h"

#include <stdio.h>

#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/keep.h"
#include "xmpp/ns.h"

/* Trimming looks for the oldest one to stay: not at every message. */
enum { TRIM_LEAST = 64, TRIM_MOST = 256, DAY_MS = 86400000 };

bool room_archive_on(const struct entity *e)
{
	const struct room *r = (const struct room *)e;

	return r->config.archive && rooms_of(r)->config.archive_max > 0;
}

/* What is no text, but belongs to one that was said. */
static bool is_about_text(const struct stanza *s)
{
	static const struct {
		const char *name, *ns;
	} kinds[] = {{"reactions", NS_REACTIONS}, {"x", NS_OOB}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (stanza_child(s, kinds[i].name, kinds[i].ns) != XML_NONE)
			return true;
	return false;
}

/* That something was read, whatever its sender wants: each message would bring as many of these as are in, and they would push
 * out what was said. */
static bool is_mere_mark(const struct stanza *s)
{
	static const char *const beside[] = {NS_MARKERS, NS_HINTS, NS_STANZA_ID};
	bool mark = stanza_child(s, "displayed", NS_MARKERS) != XML_NONE;

	XML_EACH(i, &s->tree, XML_ROOT) {
		bool known = xml_is(&s->tree, i, "thread", NS_CLIENT);

		for (size_t k = 0; k < ARRAY_LEN(beside); k++)
			known |= str_is(xml_ns(&s->tree, i), beside[k]);
		mark &= known;
	}
	return mark;
}

bool room_archive_wants(const struct stanza *s)
{
	return (keep_has_content(s) || is_about_text(s)) && !keep_forbidden(s) && !is_mere_mark(s);
}

bool room_archive_is_light(const struct stanza *s)
{
	return stanza_child(s, "reactions", NS_REACTIONS) != XML_NONE && !keep_says(s);
}

int64_t room_archive_id(struct str text)
{
	uint64_t id;

	return text.p && str_uint(text, INT64_MAX - 1, &id) == 0 ? (int64_t)id : 0;
}

/* ---- keeping ---- */

/* How many messages of this room the store keeps. */
static uint32_t kept(const struct room *r)
{
	uint32_t max = room_archive_on(&r->entity) ? rooms_of(r)->config.archive_max : 0;

	return max > r->history.cap ? max : r->history.cap;
}

/* Without an archive what is stored is the history, and what is not shown, of a time when there was one, does not count. */
void room_archive_trim(struct room *r)
{
	const struct history *h = &r->history;
	int64_t before = INT64_MAX;

	if (!room_archive_on(&r->entity) && h->n)
		before = history_newest(h, h->n - 1)->id;
	store_put(core_batch(room_core(r)), STORE_ARCHIVE_TRIM, jid_domain(r->entity.jid), jid_local(r->entity.jid),
		(int64_t)kept(r), before);
}

/* Trimming counts what is there, so that of a great archive is done less often: it is as long as was said, about. */
static uint32_t trim_every(const struct room *r)
{
	uint32_t some = kept(r) / 16;

	return some < TRIM_LEAST ? TRIM_LEAST : some > TRIM_MOST ? TRIM_MOST : some;
}

void room_archive_store(struct room *r, const struct history_entry *e)
{
	struct jid real = e->real ? jid_view(str_z(e->real)) : JID_NONE;

	if (!kept(r))
		return;
	store_put(core_batch(room_core(r)), STORE_ARCHIVE_ADD, jid_domain(r->entity.jid), jid_local(r->entity.jid),
		e->id, e->real ? jid_bare_str(real) : STR(""), e->nick ? str_z(e->nick) : STR_NONE,
		packet_view(e->live), real.resource ? jid_resource(real) : STR_NONE, (int64_t)e->open);
	r->commit = core_commit(room_core(r));
	if (r->history.untrimmed++ % trim_every(r) == 0)
		room_archive_trim(r);
}

void room_remember(struct room *r, int64_t id, const struct visit *v, struct packet *live, bool shown)
{
	struct history_entry e = {.id = id,
		.time = core_wall(room_core(r)),
		.live = live,
		.open = r->config.whois == WHOIS_ANYONE};

	if (v) {
		e.real = str_dup(jid_str(v->jid));
		e.nick = str_dup(occupant_nick(v->occupant));
	}
	if (r->config.persistent && (shown || room_archive_on(&r->entity)))
		room_archive_store(r, &e);
	e.commit = r->commit; /* as for those who are in */
	if (shown)
		history_add(&r->history, &e);
	xfree(e.real);
	xfree(e.nick);
}

void room_archive_lighten(struct room *r, int64_t id)
{
	if (r->config.persistent && room_archive_on(&r->entity))
		store_put(core_batch(room_core(r)), STORE_ARCHIVE_LIGHT, jid_domain(r->entity.jid),
			jid_local(r->entity.jid), id);
}

static int64_t oldest(const struct rooms *rs)
{
	int64_t days = rs->config.archive_days;

	return days ? core_wall(rs->host.entity.core) - days * DAY_MS : INT64_MIN;
}

int64_t room_archive_oldest(const struct room *r) { return oldest(rooms_of(r)); }

void room_archive_expire(struct rooms *rs)
{
	struct core *c = rs->host.entity.core;

	if (rs->config.archive_days && core_can_store(c))
		store_put(core_batch(c), STORE_ARCHIVE_EXPIRE, jid_str(rs->host.entity.jid), oldest(rs) * 1000);
}

void rooms_log_expire(struct rooms *rs)
{
	struct core *c = rs->host.entity.core;

	if (rs->config.logs && rs->config.logs_days && core_can_store(c))
		store_put(core_batch(c), STORE_ROOM_LOG_EXPIRE, jid_str(rs->host.entity.jid),
			core_wall(c) - (int64_t)rs->config.logs_days * DAY_MS);
}

/* What the room is called and is about stands at the head of a day's page, so it comes before the first line. */
static void log_day(struct room *r, int64_t time)
{
	struct core *c = room_core(r);
	uint16_t day = (uint16_t)(time / DAY_MS);

	if (r->log_day == day)
		return;
	r->log_day = day;
	store_put(core_batch(c), STORE_ROOM_LOG_DAY, jid_domain(r->entity.jid), jid_local(r->entity.jid), time,
		str_z(r->config.name), str_z(r->subject.text));
}

void room_log_at(struct room *r, int64_t time, struct str nick, const char *did, struct str text)
{
	struct core *c = room_core(r);

	/* While the store fails nothing gathers for it that is not needed. */
	if (!r->config.logging || !rooms_of(r)->config.logs || !core_can_store(c))
		return;
	log_day(r, time);
	store_put(core_batch(c), STORE_ROOM_LOG, jid_domain(r->entity.jid), jid_local(r->entity.jid), time, nick,
		did ? str_z(did) : STR_NONE, text.n ? text : STR_NONE);
}

void room_log(struct room *r, struct str nick, const char *did, struct str text)
{
	room_log_at(r, core_wall(room_core(r)), nick, did, text);
}

/* Who is hidden from others in the room is not shown to the world. */
void room_log_of(struct room *r, const struct occupant *o, const char *did, struct str text)
{
	if (occupant_shown(r, o))
		room_log(r, occupant_nick(o), did, text);
}

/* ---- who may read it (7.2: who may enter may) ---- */

static struct xerr check_asker(const struct room *r, struct jid who)
{
	enum affiliation a = room_affiliation(r, who);
	bool member = may(MAY_ENTER_MEMBERS_ONLY, ROLE_NONE, a);

	if (!may(MAY_ENTER, ROLE_NONE, a) || (r->config.members_only && !member))
		return xerr(XERR_FORBIDDEN);
	/* Whoever knows the password is in, or has set it. A member need not know it: membership may be had for the asking. */
	if (r->config.password_protected && !may(MAY_CONFIGURE, ROLE_NONE, a) && !occupant_find_real(r, who) &&
		!subscriber_find(r, jid_bare_str(who)))
		return xerr(XERR_FORBIDDEN);
	return XERR_OK;
}

static bool sees_senders(const struct room *r, struct jid who)
{
	struct party p = room_party(r, who);

	return may(MAY_SEE_JIDS, p.role, p.affiliation) || p.affiliation >= AFFILIATION_ADMIN;
}

/* An occupant's address means a nickname, any other one the real sender. */
static struct xerr find_with(const struct room *r, struct mam_page *p)
{
	struct jid with = p->with ? jid_view(str_z(p->with)) : JID_NONE;

	if (!p->with)
		return XERR_OK;
	if (!jid_eq_bare(with, r->entity.jid)) {
		p->peer = str_dup(jid_bare_str(with));
		return p->senders || p->open_senders ? XERR_OK : xerr(XERR_FORBIDDEN);
	}
	p->name = with.resource ? str_dup(jid_resource(with)) : NULL;
	return XERR_OK;
}

/* ---- answers ---- */

/* XEP-0313 6.1.2: with the real address, for those who may know it. */
static void put_message(struct buf *out, const struct mam_row *row, const struct mam_page *page)
{
	const struct str end = STR("</message>");

	packet_put_inner(out, row->stanza, strlen("<message"));
	if (!mam_names_sender(page, row) || !row->peer.n || !str_ends(row->stanza, end))
		return;
	buf_cut(out, out->n - end.n);
	buf_z(out, "<x xmlns='" NS_MUC_USER "'><item jid='");
	xml_escape(out, row->peer);
	if (row->sender.p) {
		buf_char(out, '/');
		xml_escape(out, row->sender);
	}
	buf_z(out, "'/></x>");
	buf_str(out, end);
}

static struct mam_row row_of(const struct history_entry *e)
{
	struct jid real = e->real ? jid_view(str_z(e->real)) : JID_NONE;

	return (struct mam_row){e->id, packet_view(e->live), e->real ? jid_bare_str(real) : STR_NONE,
		e->nick ? str_z(e->nick) : STR_NONE, real.resource ? jid_resource(real) : STR_NONE, e->open};
}

static void answer_from_memory(struct iq *iq, struct room *r, struct mam_page *page)
{
	const struct history *h = &r->history;
	struct mam_row *rows = xcalloc(h->n + 1, sizeof(*rows));

	for (uint32_t i = 0; i < h->n; i++)
		rows[i] = row_of(history_newest(h, h->n - 1 - i));
	core_spend(iq->core, h->n);
	mam_answer(iq, page, put_message, rows, h->n);
	xfree(rows);
}

struct xerr room_archive_set(struct iq *iq)
{
	struct room *r = (struct room *)iq->entity;
	struct xerr e = check_asker(r, iq->stanza->from);
	struct mam_page page;

	if (xerr_ok(e))
		e = mam_read(&page, &iq->stanza->tree, iq->query);
	if (!xerr_ok(e))
		return e;
	page.senders = sees_senders(r, iq->stanza->from);
	page.open_senders = r->config.whois == WHOIS_ANYONE;
	e = find_with(r, &page);
	if (!xerr_ok(e))
		mam_page_clear(&page);
	else if (r->config.persistent)
		mam_ask(iq, &page, put_message);
	else
		answer_from_memory(iq, r, &page);
	return e;
}

struct xerr room_archive_get(struct iq *iq)
{
	struct xerr e = check_asker((struct room *)iq->entity, iq->stanza->from);

	if (xerr_ok(e))
		mam_form(iq);
	return e;
}

struct xerr room_archive_metadata_get(struct iq *iq)
{
	struct room *r = (struct room *)iq->entity;
	const struct history *h = &r->history;
	struct xerr e = check_asker(r, iq->stanza->from);

	if (!xerr_ok(e))
		return e;
	if (r->config.persistent)
		mam_metadata(iq);
	else
		mam_put_metadata(&iq->reply, h->n ? history_newest(h, h->n - 1)->id : 0,
			h->n ? history_newest(h, 0)->id : 0);
	return XERR_OK;
}

/* ---- one message ---- */

static void lookup_free(struct room_lookup *l)
{
	stanza_free(&l->request);
	xfree(l->why);
	xfree(l->old);
	xfree(l);
}

static void lookup_drop(struct wait *w) { lookup_free((struct room_lookup *)w); }

static void on_found(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct room_lookup *l = (struct room_lookup *)w;
	struct entity *room = entity_find(c, l->room);
	struct store_value v[STORE_VALUES_MAX];
	struct str stored = STR_NONE;
	enum store_row kind;
	size_t pos = 0;
	unsigned n;

	if (!rows->error && store_rows_next(rows, &pos, &kind, v, &n))
		stored = v[1].s;
	l->done(c, (struct room *)room, l, stored, rows->error);
	lookup_free(l);
}

void room_archive_find(struct room *r, struct room_lookup *l)
{
	struct store_query *q;
	char ids[32];

	l->wait.answer = on_found;
	l->wait.drop = lookup_drop;
	l->room = r->entity.id;
	snprintf(ids, sizeof(ids), "[%lld]", (long long)l->id);
	q = store_query_new(STORE_ARCHIVE_GET, core_wait(room_core(r), &l->wait), jid_domain(r->entity.jid),
		jid_local(r->entity.jid), str_z(ids));
	core_ask(room_core(r), &q);
}

/* What was taken back leaves the public log, too, whether there is one now or not. */
static void unlog(struct room *r, int64_t id, struct str before)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1 << 20};
	struct stanza *s;
	uint32_t body;

	if (!rooms_of(r)->config.logs || stanza_parse(before, &s) != 0)
		return;
	body = stanza_child(s, "body", NS_CLIENT);
	if (body != XML_NONE && s->from.resource)
		store_put(core_batch(room_core(r)), STORE_ROOM_UNLOG, jid_domain(r->entity.jid),
			jid_local(r->entity.jid), id / 1000, jid_resource(s->from), xml_text(&s->tree, body, &tmp));
	stanza_free(&s);
}

void room_archive_replace(struct room *r, int64_t id, struct str before, const struct packet *p)
{
	if (core_can_store(room_core(r)))
		unlog(r, id, before);
	if (!r->config.persistent)
		return;
	store_put(core_batch(room_core(r)), STORE_ARCHIVE_REPLACE, jid_domain(r->entity.jid), jid_local(r->entity.jid),
		id, packet_view(p));
	r->commit = core_commit(room_core(r));
}
