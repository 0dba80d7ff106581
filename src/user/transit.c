#include "user/transit.h"

#include "user/archive.h"
#include "user/offline.h"
#include "user/users_i.h"

/* WINDOW: a client may have GATE_CREDIT_MAX stanzas under way that nobody has dealt with; half of them may wait here. */
enum { OPEN_MAX = 256, WINDOW = GATE_CREDIT_MAX / 2 };

enum kind {
	ARCHIVED,
	HELD,   /* nowhere else; its stanza is here */
	PARKED, /* in the store, in transit */
	LOOSE   /* the store was failing: nowhere */
};

struct entry {
	int64_t id;
	struct stanza *stanza;
	enum kind kind;
};

/* Oldest first; they end in about that order. */
struct transit {
	struct account *account;
	struct list due; /* of users: something is to be done at the next tick */
	struct entry *e;
	uint32_t first, n, cap; /* e[first] .. e[n - 1] */
	uint32_t held;
	bool dirty; /* what has arrived is not written down */
};

static struct transit *get(struct account *a)
{
	if (!a->transit) {
		a->transit = xcalloc(1, sizeof(*a->transit));
		a->transit->account = a;
	}
	return a->transit;
}

static void be_due(struct transit *t)
{
	struct users *u = users_of(t->account);
	struct core *c = t->account->entity.core;

	if (!list_linked(&t->due))
		list_append(&u->transit_due, &t->due);
	if (!timer_running(&u->transit_timer))
		timer_start(core_timers(c), &u->transit_timer, core_now(c) + TRANSIT_TICK_MS);
}

/* ---- the entries ---- */

static struct entry *add(struct transit *t, int64_t id, enum kind kind)
{
	if (t->n == t->cap && t->first > t->cap / 2) {
		memmove(t->e, t->e + t->first, (t->n - t->first) * sizeof(*t->e));
		t->n -= t->first;
		t->first = 0;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 4;
		t->e = xrealloc(t->e, t->cap * sizeof(*t->e));
	}
	must(t->first == t->n || t->e[t->n - 1].id < id);
	t->e[t->n] = (struct entry){.id = id, .kind = kind};
	return &t->e[t->n++];
}

/* Where the first one is that is not older than this id. */
static uint32_t place(const struct transit *t, int64_t id)
{
	uint32_t low = t->first, high = t->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->e[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct entry *find(const struct transit *t, uint64_t tag)
{
	uint32_t i = t ? place(t, (int64_t)tag) : 0;

	return t && i < t->n && t->e[i].id == (int64_t)tag ? &t->e[i] : NULL;
}

static void take_out(struct transit *t, struct entry *e)
{
	uint32_t at = (uint32_t)(e - t->e);

	memmove(t->e + t->first + 1, t->e + t->first, (at - t->first) * sizeof(*e));
	if (++t->first == t->n)
		t->first = t->n = 0;
}

/* ---- what is in the archive ---- */

int64_t transit_oldest(const struct account *a)
{
	const struct transit *t = a->transit;

	for (uint32_t i = t ? t->first : 0; t && i < t->n; i++)
		if (t->e[i].kind == ARCHIVED)
			return t->e[i].id;
	return INT64_MAX;
}

/* Of very many only the oldest are named; then the rest may come again. */
static void write_delivered(struct transit *t)
{
	CLEANUP(buf_clear) struct buf open = {.max = (OPEN_MAX + 1) * 24};
	struct account *a = t->account;
	int64_t upto = a->archive_last;
	uint32_t named = 0;

	t->dirty = false;
	buf_char(&open, '[');
	for (uint32_t i = t->first; i < t->n; i++) {
		if (t->e[i].kind != ARCHIVED)
			continue;
		if (named == OPEN_MAX) {
			upto = t->e[i].id - 1;
			break;
		}
		buf_fmt(&open, named++ ? ",%lld" : "%lld", (long long)t->e[i].id);
	}
	buf_char(&open, ']');
	store_put(core_batch(a->entity.core), STORE_DELIVERED_PUT, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		upto, buf_view(&open));
}

uint64_t transit_add_archived(struct account *a, int64_t id)
{
	add(get(a), id, ARCHIVED);
	return (uint64_t)id;
}

void transit_touch(struct account *a)
{
	get(a)->dirty = true;
	be_due(a->transit);
}

/* ---- what is not ---- */

bool transit_wants(const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && (s->type == TYPE_CHAT || s->type == TYPE_NORMAL) &&
		offline_worth(s) == OFFLINE_KEEP;
}

static void put_transit(struct account *a, int64_t id, int64_t time, struct str text)
{
	store_put(core_batch(a->entity.core), STORE_TRANSIT_ADD, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		id, time, text);
}

uint64_t transit_add_stored(struct account *a, int64_t time, struct str text)
{
	int64_t id = archive_next_id(a);

	add(get(a), id, PARKED);
	put_transit(a, id, time, text);
	return (uint64_t)id;
}

uint64_t transit_add_held(struct account *a) { return (uint64_t)add(get(a), archive_next_id(a), HELD)->id; }

/* While the store fails nothing can be done for it, and its sender must not wait for ever. When one is done with, a session
 * may be resumed that has others: e and its neighbours move. */
static void park(struct transit *t, struct entry *e)
{
	struct account *a = t->account;
	struct core *c = a->entity.core;
	struct stanza *s = TAKE(e->stanza);
	struct str to = jid_str(s->to);
	struct packet *p = core_can_store(c) ? packet_from(s, &to) : NULL;

	e->kind = p ? PARKED : LOOSE;
	t->held--;
	if (p)
		put_transit(a, e->id, core_wall(c), packet_view(p));
	packet_unref(&p);
	core_done(c, &s);
}

static void park_all(struct transit *t)
{
	int64_t id = INT64_MIN;

	for (uint32_t i; t->held && (i = place(t, id)) < t->n;) {
		id = t->e[i].id + 1;
		if (t->e[i].kind == HELD)
			park(t, &t->e[i]);
	}
}

static bool sender_can_wait(const struct core *c, const struct stanza *s)
{
	const struct session *from = s->origin_seq ? session_find(c, s->counted_by) : NULL;

	return !from || from->received - from->handled < WINDOW;
}

void transit_hold(struct account *a, uint64_t tag, struct stanza **s)
{
	struct transit *t = a->transit;
	struct entry *e = find(t, tag);

	must(e && e->kind == HELD && !e->stanza);
	e->stanza = TAKE(*s);
	t->held++;
	if (sender_can_wait(a->entity.core, e->stanza))
		be_due(t);
	else
		park(t, e);
}

/* ---- the end of one ---- */

void transit_end(struct account *a, uint64_t tag, bool arrived)
{
	struct transit *t = a->transit;
	struct entry *e = find(t, tag), was;

	if (!e)
		return; /* another session had it already */
	was = *e;
	take_out(t, e);
	if (was.kind == HELD) {
		t->held--;
		core_done(a->entity.core, &was.stanza);
	} else if (was.kind == PARKED) {
		store_put(core_batch(a->entity.core), STORE_TRANSIT_DEL, jid_domain(a->entity.jid),
			jid_local(a->entity.jid), was.id);
	} else if (was.kind == ARCHIVED) {
		t->dirty = true;
		be_due(t);
		/* What becomes of it instead is in the store with this batch. And a node has little to do, and one user who
		 * would see it twice. */
		if (!arrived || core_gateway(a->entity.core))
			write_delivered(t);
	}
}

/* ---- now and then ---- */

void transit_flush(struct account *a)
{
	struct transit *t = a->transit;

	if (!t)
		return;
	list_remove(&t->due);
	park_all(t);
	if (t->dirty)
		write_delivered(t);
}

void transit_on_tick(struct timer *timer)
{
	struct users *u = CONTAINER_OF(timer, struct users, transit_timer);
	struct list *node;

	while ((node = list_take(&u->transit_due)))
		transit_flush(LIST_ITEM(node, struct transit, due)->account);
}

void transit_hurry(struct host *h)
{
	struct users *u = (struct users *)h;

	if (!list_empty(&u->transit_due))
		timer_start(core_timers(h->entity.core), &u->transit_timer, core_now(h->entity.core));
}

void transit_recover(struct account *a, int64_t count)
{
	if (!count)
		return;
	log_info("transit_recovered", "account=%.*s messages=%lld", STR_FMT(jid_str(a->entity.jid)), (long long)count);
	store_put(core_batch(a->entity.core), STORE_TRANSIT_RECOVER, jid_domain(a->entity.jid),
		jid_local(a->entity.jid), a->offline_last, a->archive_last);
	a->offline_count += (uint32_t)count;
	a->offline_last += count;
}

void transit_free(struct account *a)
{
	struct transit *t = TAKE(a->transit);

	if (!t)
		return;
	list_remove(&t->due);
	for (uint32_t i = t->first; i < t->n; i++) {
		if (t->e[i].stanza && core_ending(a->entity.core))
			stanza_free(&t->e[i].stanza);
		else if (t->e[i].stanza)
			core_done(a->entity.core, &t->e[i].stanza);
	}
	xfree(t->e);
	xfree(t);
}
