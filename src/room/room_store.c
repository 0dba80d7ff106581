/* Persistent rooms in the store. */
#include "base/err.h"
#include "room/activity.h"
#include "room/archive.h"
#include "room/hats.h"
#include "room/picture.h"
#include "room/rooms_i.h"
#include "room/subscription.h"

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
	room_note_use(r);
	room_config_text(&r->config, &text);
	must(buf_ok(&text));
	store_put(core_batch(room_core(r)), STORE_ROOM_PUT, domain(r), local(r), r->created, buf_view(&text),
		str_z(s->text), str_z(s->nick), s->time);
	if (!room_archive_on(&r->entity))
		room_archive_trim(r);
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
	room_seen(r);
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
	room_seen(r);
}

void room_store_history(struct room *r)
{
	if (!r->config.persistent)
		return;
	room_archive_trim(r);
	wrote(r);
}

static void store_nicks(struct room *r, const struct nicknames *ns)
{
	const struct nickname *n;

	for (uint32_t pos = 0; (n = nicknames_next(ns, &pos));)
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
	hats_store(r);
	invited_store(r);
	if (r->picture)
		picture_store(r);
	for (uint32_t i = h->n; i > 0; i--)
		room_archive_store(r, history_newest(h, i - 1));
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
	r->created = r->active_since = v[1].i;
	room_config_parse(&r->config, v[2].s);
	r->config.persistent = true; /* or it would not be here */
	if (r->config.maker)
		r->owner = rooms_owner_key(jid_view(str_z(r->config.maker)));
	history_resize(&r->history, r->config.history);
	subject_set(&r->subject, v[3].s, v[4].s, v[5].i);
}

static void take_affiliation(struct room *r, const struct store_value *v)
{
	if (v[1].i > AFFILIATION_NONE && v[1].i < AFFILIATION_COUNT && v[0].s.n && v[0].s.n <= JID_MAX)
		affiliates_set(&r->affiliates, v[0].s, (enum affiliation)v[1].i, v[2].s);
}

static char *real_of(struct str bare, struct str resource)
{
	CLEANUP(buf_clear) struct buf out = {.max = JID_MAX};

	buf_str(&out, bare);
	if (resource.p) {
		buf_char(&out, '/');
		buf_str(&out, resource);
	}
	return bare.n && buf_ok(&out) ? str_dup(buf_view(&out)) : NULL;
}

/* Of who is no member it is a request. */
static void take_nick(struct room *r, const struct store_value *v)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};
	bool member;

	if (!v[0].s.n || v[0].s.n > JID_MAX || !v[1].s.n || nick_key(v[1].s, &key) < 0)
		return;
	member = room_affiliation(r, jid_view(v[0].s)) >= AFFILIATION_MEMBER;
	if (member)
		room_put_nick(r, v[0].s, v[1].s, buf_view(&key));
	else
		nicknames_set(&r->requests, v[0].s, v[1].s, buf_view(&key));
}

/* It was nobody else's when it was chosen. */
static void take_subscriber(struct room *r, const struct store_value *v)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};

	if (v[0].s.n && v[0].s.n <= JID_MAX && v[1].s.n && nick_key(v[1].s, &key) == 0)
		subscriber_put(r, v[0].s, v[1].s, buf_view(&key), (unsigned)v[2].i);
}

static void take_message(struct room *r, const struct store_value *v)
{
	struct history_entry e = {.id = v[0].i, .time = v[0].i / 1000, .open = v[5].i != 0};
	struct stanza *s;

	/* Numbers are not given twice, whatever became of the message. */
	if (r->history.last_id < e.id)
		r->history.last_id = e.id;
	if (stanza_parse(v[3].s, &s) != 0)
		return;
	if (message_is_shown(s))
		e.live = packet_from(s, NULL);
	if (e.live) {
		e.real = real_of(v[1].s, v[4].s);
		e.nick = v[2].s.p ? str_dup(v[2].s) : NULL;
		history_add(&r->history, &e);
		xfree(e.real);
		xfree(e.nick);
	}
	packet_unref(&e.live);
	stanza_free(&s);
}

/* Definitions come before those who wear them. */
static void take_hat(struct room *r, const struct store_value *v)
{
	int i = hats_find(r->hats, v[1].s);

	if (!v[0].s.n)
		hats_define(&r->hats, v[1].s, v[2].s, v[3].s);
	else if (i >= 0 && v[0].s.n <= JID_MAX)
		hats_wear(r->hats, v[0].s, i, true);
}

static bool corrects(const struct history_entry *e)
{
	struct stanza *s;
	bool does;

	if (packet_parse(e->live, JID_NONE, &s) != 0)
		return false;
	does = message_corrects(s);
	stanza_free(&s);
	return does;
}

/* What happened before the oldest message that is still known is not known. */
static void take_activity(struct room *r)
{
	const struct history *h = &r->history;
	int64_t now = core_wall(room_core(r));

	if (h->n && h->n >= r->config.history)
		r->active_since = history_newest(h, h->n - 1)->time;
	for (uint32_t i = 0; i < h->n; i++)
		if (!corrects(history_newest(h, i)))
			activity_add(&r->activity, r->active_since, history_newest(h, i)->time, now);
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
	else if (kind == ROW_HAT)
		take_hat(r, v);
	else if (kind == ROW_INVITED)
		invited_load(r, v[0].i, v[1].i);
	else if (kind == ROW_SUBSCRIBER)
		take_subscriber(r, v);
	else if (kind == ROW_XML && !r->picture)
		picture_new(v[0].s, &r->picture);
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
	take_activity(r);
	rooms_list(r);
	if (r->config.occupant_key)
		return;
	/* Of an earlier version. Their ids must not change with the next start. */
	room_make_key(r);
	room_store(r);
}

static void run_jobs(struct room *r)
{
	struct room_job *j;

	while ((j = r->jobs)) {
		r->jobs = j->next;
		j->run(r, j);
	}
}

/* In the order in which they came. */
void room_when_loaded(struct room *r, struct room_job *j)
{
	struct room_job **end = &r->jobs;

	if (r->state != ROOM_LOADING) {
		j->run(r, j);
		return;
	}
	while (*end)
		end = &(*end)->next;
	j->next = NULL;
	*end = j;
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
	run_jobs((struct room *)e);
	if (!e->inbox && !e->dead)
		room_rest((struct room *)e);
}

void room_store_load(struct room *r)
{
	const struct listing *listed = map_find(&rooms_of(r)->directory, local(r));
	struct core *c = room_core(r);
	struct load *l = xcalloc(1, sizeof(*l));
	struct store_query *q;
	int64_t many;

	l->wait.answer = on_loaded;
	l->wait.drop = load_drop;
	l->room = r->entity.id;
	entity_park(&r->entity, true);
	/* Not all that looks so is shown as history. How many are, is known before the room is, as a rule. */
	many = listed ? listed->history : HISTORY_MAX;
	q = store_query_new(STORE_ROOM_LOAD, core_wait(c, &l->wait), domain(r), local(r), many + many / 4 + 4);
	core_ask(c, &q);
}
