#include "user/account.h"

#include "base/err.h"
#include "user/deliver.h"
#include "user/presence.h"
#include "user/resource.h"
#include "user/subscription.h"
#include "user/transit.h"
#include "user/users_i.h"
#include "xmpp/scram.h"

struct account_keys {
	struct scram_keys keys[2];
	bool there[2];
};

/* ---- states ---- */

static const char *const state_names[] = {"loading", "here", "absent", "failed"};

static const bool legal[4][4] = {
	[ACCOUNT_LOADING] = {[ACCOUNT_HERE] = true, [ACCOUNT_ABSENT] = true, [ACCOUNT_FAILED] = true},
	[ACCOUNT_HERE] = {[ACCOUNT_ABSENT] = true},
	[ACCOUNT_ABSENT] = {[ACCOUNT_HERE] = true},
};

static void enter(struct account *a, enum account_state state)
{
	struct users *u = users_of(a);

	must(legal[a->state][state]);
	log_debug("account_state", "account=%.*s from=%s to=%s", STR_FMT(jid_str(a->entity.jid)), state_names[a->state],
		state_names[state]);
	if (a->state == ACCOUNT_ABSENT)
		u->absent--;
	if (state == ACCOUNT_ABSENT)
		u->absent++;
	if (state == ACCOUNT_FAILED)
		map_remove(&u->accounts, jid_local(a->entity.jid));
	a->state = state;
}

/* ---- leaving memory ---- */

static void start_idle(struct account *a)
{
	struct users *u = users_of(a);
	/* Names that do not exist are remembered only so long as there are few: they are free to make up. */
	bool crowded = a->state == ACCOUNT_ABSENT && u->absent > ABSENT_MAX;
	int64_t delay = crowded ? 0 : (int64_t)u->config.idle_evict * 1000;

	a->touched = false;
	timer_start(core_timers(a->entity.core), &a->idle, core_now(a->entity.core) + delay);
}

static void evict(struct account *a)
{
	if (a->state != ACCOUNT_FAILED)
		map_remove(&users_of(a)->accounts, jid_local(a->entity.jid));
	entity_die(&a->entity);
}

static void on_idle(struct timer *t)
{
	struct account *a = CONTAINER_OF(t, struct account, idle);

	if (a->session_count > 0)
		return;
	if (a->touched || a->loading || a->waiting || a->entity.parked || a->entity.inbox)
		start_idle(a);
	else
		evict(a);
}

static void free_contents(struct account *a)
{
	roster_clear(&a->roster);
	account_drop_keys(a);
	xfree(TAKE(a->private_index));
	xfree(TAKE(a->answered));
	transit_free(a);
}

static void account_free(struct entity *e)
{
	struct account *a = (struct account *)e;
	struct users *u = users_of(a);

	if (account_find(u, jid_local(e->jid)) == a)
		map_remove(&u->accounts, jid_local(e->jid));
	if (a->state == ACCOUNT_ABSENT)
		u->absent--;
	while (a->waiting) {
		struct account_wait *w = a->waiting;
		a->waiting = w->next;
		w->drop(w);
	}
	timer_stop(core_timers(e->core), &a->idle);
	free_contents(a);
	entity_clear(e);
	xfree(a);
}

/* ---- stanzas ---- */

static void deliver_here(struct account *a, struct stanza **s)
{
	switch ((*s)->kind) {
	case STANZA_MESSAGE:
		deliver_message(a, s);
		return;
	case STANZA_PRESENCE:
		presence_in(a, s);
		return;
	case STANZA_IQ:
		deliver_iq(a, s);
		return;
	}
}

static void deliver(struct entity *e, struct stanza **s)
{
	struct account *a = (struct account *)e;

	a->touched = true;
	switch (a->state) {
	case ACCOUNT_HERE:
		deliver_here(a, s);
		return;
	case ACCOUNT_ABSENT:
		deliver_to_nobody(e->core, s);
		return;
	case ACCOUNT_FAILED:
		e->unsettled = true;
		core_bounce(e->core, s, xerr(XERR_RESOURCE_CONSTRAINT));
		return;
	case ACCOUNT_LOADING:
		must(!"a loading account is parked");
	}
}

static void settle(struct entity *e)
{
	struct account *a = (struct account *)e;

	if (a->state == ACCOUNT_FAILED && !e->inbox)
		evict(a);
}

static const struct entity_ops entity_ops = {.name = "account",
	.deliver = deliver,
	.settle = settle,
	.free = account_free};

/* ---- loading ---- */

struct load {
	struct wait wait;
	uint64_t account;
};

static void load_drop(struct wait *w) { xfree(w); }

static void take_keys(struct account *a, const struct store_value *v)
{
	account_drop_keys(a);
	a->keys = xcalloc(1, sizeof(*a->keys));
	for (int i = 0; i < 2; i++)
		a->keys->there[i] = v[1 + i].s.p && store_keys_unpack(v[1 + i].s, &a->keys->keys[i]) == 0;
}

static void take_row(struct account *a, enum store_row kind, const struct store_value *v)
{
	if (kind == ROW_ACCOUNT) {
		a->created = v[0].i;
		a->roster.version = a->roster.floor = (uint32_t)v[3].i;
		take_keys(a, v);
		enter(a, ACCOUNT_HERE);
		if (feed_is_for(a))
			feed_load(a);
	} else if (a->state != ACCOUNT_HERE) {
		return;
	} else if (kind == ROW_ROSTER && !feed_is_for(a)) {
		roster_load_contact(&a->roster, v);
	} else if (kind == ROW_REQUEST) {
		roster_load_request(&a->roster, v);
	} else if (kind == ROW_OFFLINE_COUNT) {
		a->offline_count = (uint32_t)v[0].i;
		a->offline_last = v[1].i;
	} else if (kind == ROW_ARCHIVE_ENDS) {
		a->archive_last = v[1].i;
	} else if (kind == ROW_TRANSIT_COUNT) {
		transit_recover(a, v[0].i);
	}
}

static void take_rows(struct account *a, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	bool keys_only = a->state == ACCOUNT_HERE;
	enum store_row kind;
	unsigned n;

	for (size_t pos = 0; store_rows_next(rows, &pos, &kind, v, &n);) {
		if (!keys_only)
			take_row(a, kind, v);
		else if (kind == ROW_ACCOUNT && !a->keys)
			take_keys(a, v);
	}
}

static void run_waiting(struct account *a)
{
	struct account_wait *w = TAKE(a->waiting);

	while (w) {
		struct account_wait *next = w->next;
		w->ready(a, w);
		w = next;
	}
}

static void on_loaded(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct load *l = (struct load *)wait;
	struct account *a = (struct account *)entity_find(c, l->account);

	xfree(l);
	if (!a)
		return;
	a->loading = false;
	if (!rows->error && a->state != ACCOUNT_ABSENT)
		take_rows(a, rows);
	if (a->state == ACCOUNT_LOADING) {
		enter(a, rows->error ? ACCOUNT_FAILED : ACCOUNT_ABSENT);
		if (rows->error)
			log_error("account_load", "account=%.*s error=\"%s\"", STR_FMT(jid_str(a->entity.jid)),
				err_name(rows->error));
	}
	run_waiting(a);
	if (!a->offline_loading)
		entity_park(&a->entity, false);
	if (a->session_count == 0)
		start_idle(a);
}

static void load(struct account *a)
{
	struct core *c = a->entity.core;
	struct load *l = xcalloc(1, sizeof(*l));
	struct store_query *q;

	l->wait.answer = on_loaded;
	l->wait.drop = load_drop;
	l->account = a->entity.id;
	a->loading = true;
	q = store_query_new(STORE_ACCOUNT_LOAD, core_wait(c, &l->wait), jid_domain(a->entity.jid),
		jid_local(a->entity.jid));
	core_ask(c, &q);
}

struct account *account_find(const struct users *u, struct str local) { return map_find(&u->accounts, local); }

struct account *account_get(struct users *u, struct jid bare)
{
	struct account *a = account_find(u, jid_local(bare));

	if (a || u->accounts.n >= ACCOUNTS_MAX)
		return a;
	a = xcalloc(1, sizeof(*a));
	entity_init(&a->entity, &entity_ops, u->host.entity.core, &u->host, bare);
	a->idle.fire = on_idle;
	must(map_add(&u->accounts, a) == 0);
	entity_park(&a->entity, true);
	load(a);
	return a;
}

void account_when_ready(struct account *a, struct account_wait *w, bool with_keys)
{
	struct account_wait **at = &a->waiting;

	a->touched = true;
	/* Read every time, also for a name that does not exist: the time of the answer must not tell which it is. */
	if (!a->loading && with_keys && a->state != ACCOUNT_FAILED)
		load(a);
	if (!a->loading) {
		w->ready(a, w);
		return;
	}
	while (*at)
		at = &(*at)->next;
	w->next = NULL;
	*at = w;
}

/* ---- keys ---- */

bool account_keys(const struct account *a, enum hash_kind hash, struct scram_keys *ret)
{
	int i = hash == HASH_SHA1 ? 0 : 1;

	if (!a->keys || !a->keys->there[i])
		return false;
	*ret = a->keys->keys[i];
	return true;
}

void account_drop_keys(struct account *a)
{
	if (!a->keys)
		return;
	mem_wipe(a->keys, sizeof(*a->keys));
	xfree(TAKE(a->keys));
}

static void store_account(const struct account *a)
{
	struct buf packed[2];

	for (int i = 0; i < 2; i++) {
		buf_init(&packed[i], 1024);
		store_keys_pack(&packed[i], &a->keys->keys[i]);
		must(buf_ok(&packed[i]));
	}
	store_put(core_batch(a->entity.core), STORE_ACCOUNT_PUT, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		a->created, buf_view(&packed[0]), buf_view(&packed[1]));
	for (int i = 0; i < 2; i++) {
		mem_wipe(packed[i].p, packed[i].n);
		buf_clear(&packed[i]);
	}
}

void account_set_keys(struct account *a, const struct scram_keys *keys)
{
	account_drop_keys(a);
	a->keys = xcalloc(1, sizeof(*a->keys));
	for (int i = 0; i < 2; i++) {
		a->keys->keys[i] = keys[i];
		a->keys->there[i] = true;
	}
	store_account(a);
}

/* ---- beginning and end ---- */

void account_create(struct account *a, const struct scram_keys *keys)
{
	a->created = core_wall(a->entity.core);
	enter(a, ACCOUNT_HERE);
	if (feed_is_for(a))
		feed_load(a);
	account_set_keys(a, keys);
	log_info("account_created", "account=%.*s", STR_FMT(jid_str(a->entity.jid)));
}

static void close_sessions(struct account *a)
{
	/* Each unlinks itself. */
	while (a->resources)
		session_close(&a->resources->session, SERR_NOT_AUTHORIZED, "the account was removed");
}

static void cancel_subscriptions(struct account *a)
{
	const struct contact *c;
	const struct request *q;

	for (uint32_t pos = 0; (c = roster_next(&a->roster, &pos));)
		subscription_cancel(a, contact_jid(c));
	for (uint32_t pos = 0; (q = roster_next_request(&a->roster, &pos));)
		send_presence(a->entity.core, TYPE_UNSUBSCRIBED, a->entity.jid,
			jid_view((struct str){q->jid, q->jid_n}), STR_NONE);
}

void account_delete(struct account *a, struct stanza **request)
{
	struct core *c = a->entity.core;

	/* From here on nothing is written for it any more: what comes back from its sessions goes to nobody. */
	store_put(core_batch(c), STORE_ACCOUNT_DEL, jid_domain(a->entity.jid), jid_local(a->entity.jid));
	core_account_gone(c, a->entity.jid);
	enter(a, ACCOUNT_ABSENT);
	if (request)
		iq_answer(c, request, STR_NONE, core_commit(c));
	close_sessions(a);
	cancel_subscriptions(a);
	free_contents(a);
	a->offline_count = 0;
	a->offline_last = 0;
	log_info("account_deleted", "account=%.*s", STR_FMT(jid_str(a->entity.jid)));
	if (a->session_count == 0)
		start_idle(a);
}

/* ---- sessions ---- */

void account_enter_session(struct account *a)
{
	a->session_count++;
	timer_stop(core_timers(a->entity.core), &a->idle);
	account_drop_keys(a);
}

void account_leave_session(struct account *a)
{
	must(a->session_count > 0);
	if (--a->session_count > 0)
		return;
	if (!core_ending(a->entity.core))
		transit_flush(a);
	start_idle(a);
}

bool account_shows_presence_to(const struct account *a, struct jid j)
{
	const struct contact *c;

	if (account_is_own(a, j))
		return true;
	c = roster_find(&a->roster, j);
	return c && (c->sub & SUB_FROM);
}
