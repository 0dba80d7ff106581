/* Persistent rooms in the store. */
#include "base/err.h"
#include "room/rooms_i.h"

static struct str domain(const struct room *r) { return jid_domain(r->entity.jid); }
static struct str local(const struct room *r) { return jid_local(r->entity.jid); }

/* ---- writing ---- */

static void wrote(struct room *r) { r->commit = core_commit(room_core(r)); }

void room_store(struct room *r)
{
	CLEANUP(buf_clear) struct buf text = {.max = CONFIG_TEXT_MAX};
	const struct subject *s = &r->subject;

	rooms_list(r);
	if (!r->config.persistent)
		return;
	room_config_text(&r->config, &text);
	must(buf_ok(&text));
	store_put(core_batch(room_core(r)), STORE_ROOM_PUT, domain(r), local(r), r->created, buf_view(&text),
		str_z(s->text), str_z(s->nick), s->time);
	wrote(r);
	if (text.p)
		mem_wipe(text.p, text.n);
}

void room_store_affiliation(struct room *r, struct str bare)
{
	const struct affiliate *a = affiliates_find(&r->affiliates, bare);
	int64_t number = a ? a->affiliation : AFFILIATION_NONE;

	if (!r->config.persistent)
		return;
	store_put(core_batch(room_core(r)), STORE_AFFILIATION_PUT, domain(r), local(r), bare, number,
		a ? str_z(a->reason) : STR_NONE);
	wrote(r);
}

void room_store_nick(struct room *r, struct str bare)
{
	const struct nickname *n = nicknames_find(&r->reserved, bare);

	if (!n)
		n = nicknames_find(&r->requests, bare);
	if (!r->config.persistent)
		return;
	store_put(core_batch(room_core(r)), STORE_ROOM_NICK_PUT, domain(r), local(r), bare,
		n ? str_z(n->nick) : STR_NONE);
	wrote(r);
}

static void store_message(struct room *r, int64_t id, int64_t time, const struct packet *live)
{
	struct history *h = &r->history;

	store_put(core_batch(room_core(r)), STORE_HISTORY_ADD, domain(r), local(r), id, time, packet_view(live));
	h->stored++;
	wrote(r);
}

void room_store_history(struct room *r)
{
	struct history *h = &r->history;
	int64_t last = h->n ? history_newest(h, h->n - 1)->id - 1 : INT64_MAX;

	if (!r->config.persistent)
		return;
	store_put(core_batch(room_core(r)), STORE_HISTORY_TRIM, domain(r), local(r), last);
	h->stored = h->n;
	wrote(r);
}

void room_store_message(struct room *r, struct history_entry *e)
{
	if (!r->config.persistent)
		return;
	store_message(r, e->id, e->time, e->live);
	r->history.stored--; /* in the place of the one that was there */
	e->commit = r->commit;
}

/* Not at every message. */
static void trim(struct room *r)
{
	const struct history *h = &r->history;

	if (h->stored >= 2 * h->cap && h->n >= h->cap)
		room_store_history(r);
}

void room_remember(struct room *r, int64_t id, struct packet *live)
{
	int64_t now = core_wall(room_core(r));

	if (!r->history.cap)
		return;
	history_add(&r->history, id, now, live);
	if (!r->config.persistent)
		return;
	store_message(r, id, now, live);
	history_newest(&r->history, 0)->commit = r->commit;
	trim(r);
}

static void store_nicks(struct room *r, const struct nicknames *ns)
{
	const struct nickname *n;

	for (uint32_t pos = 0; (n = map_next(&ns->by_jid, &pos));)
		room_store_nick(r, nickname_jid(n));
}

void room_store_all(struct room *r)
{
	struct history *h = &r->history;
	const struct affiliate *a;

	room_store(r);
	for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos));)
		room_store_affiliation(r, affiliate_jid(a));
	store_nicks(r, &r->reserved);
	store_nicks(r, &r->requests);
	h->stored = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		const struct history_entry *e = &h->ring[(h->first + i) % h->cap];
		store_message(r, e->id, e->time, e->live);
	}
}

void room_store_forget(struct room *r)
{
	rooms_unlist(rooms_of(r), local(r));
	if (!r->config.persistent)
		return;
	store_put(core_batch(room_core(r)), STORE_ROOM_DEL, domain(r), local(r));
	wrote(r);
}

/* ---- reading ---- */

struct load {
	struct wait wait;
	uint64_t room;
};

static void load_drop(struct wait *w) { xfree(w); }

static void take_room(struct room *r, const struct store_value *v)
{
	room_enter(r, ROOM_OPEN);
	r->created = v[1].i;
	room_config_parse(&r->config, v[2].s);
	r->config.persistent = true; /* or it would not be here */
	history_resize(&r->history, r->config.history);
	subject_set(&r->subject, v[3].s, v[4].s, v[5].i);
}

static void take_affiliation(struct room *r, const struct store_value *v)
{
	if (v[1].i > AFFILIATION_NONE && v[1].i < AFFILIATION_COUNT && v[0].s.n && v[0].s.n <= JID_MAX)
		affiliates_set(&r->affiliates, v[0].s, (enum affiliation)v[1].i, v[2].s);
}

/* Of who is no member it is a request. */
static void take_nick(struct room *r, const struct store_value *v)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};
	bool member;

	if (!v[0].s.n || v[0].s.n > JID_MAX || !v[1].s.n || nick_key(v[1].s, &key) < 0)
		return;
	member = room_affiliation(r, jid_view(v[0].s)) >= AFFILIATION_MEMBER;
	nicknames_set(member ? &r->reserved : &r->requests, v[0].s, v[1].s, buf_view(&key));
}

static void take_message(struct room *r, const struct store_value *v)
{
	struct stanza *s;
	struct packet *p;

	r->history.stored++;
	if (stanza_parse(v[2].s, &s) != 0)
		return;
	p = packet_from(s, NULL);
	if (p)
		history_add(&r->history, v[0].i, v[1].i, p);
	packet_unref(&p);
	stanza_free(&s);
}

static void take_row(struct room *r, enum store_row kind, const struct store_value *v)
{
	if (kind == ROW_ROOM && r->state == ROOM_LOADING)
		take_room(r, v);
	else if (r->state != ROOM_OPEN)
		return;
	else if (kind == ROW_AFFILIATION)
		take_affiliation(r, v);
	else if (kind == ROW_ROOM_NICK)
		take_nick(r, v);
	else if (kind == ROW_HISTORY)
		take_message(r, v);
}

static void take_rows(struct room *r, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t pos = 0;
	unsigned n;

	if (rows->error) {
		log_warn("room_load_failed", "room=%.*s error=\"%s\"", STR_FMT(room_address(r)), err_name(rows->error));
		room_enter(r, ROOM_FAILED);
		return;
	}
	while (store_rows_next(rows, &pos, &kind, v, &n))
		take_row(r, kind, v);
	if (r->state == ROOM_LOADING) {
		room_enter(r, ROOM_VACANT);
		return;
	}
	rooms_list(r);
	if (r->config.occupant_key)
		return;
	/* Of an earlier version. Their ids must not change with the next start. */
	room_make_key(r);
	room_store(r);
}

static void on_loaded(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct load *l = (struct load *)w;
	struct entity *e = entity_find(c, l->room);

	xfree(l);
	if (!e)
		return;
	take_rows((struct room *)e, rows);
	entity_park(e, false);
	if (!e->inbox)
		room_rest((struct room *)e);
}

void room_store_load(struct room *r)
{
	struct core *c = room_core(r);
	struct load *l = xcalloc(1, sizeof(*l));
	struct store_query *q;

	l->wait.answer = on_loaded;
	l->wait.drop = load_drop;
	l->room = r->entity.id;
	entity_park(&r->entity, true);
	q = store_query_new(STORE_ROOM_LOAD, core_wait(c, &l->wait), domain(r), local(r));
	core_ask(c, &q);
}
