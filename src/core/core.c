#include "core/core_i.h"

/* Bounded by what asks: accounts and rooms in memory, stanzas that a session may have under way. */
enum { TABLE_MAX = (1 << 24) - 1 };

/* ---- making and ending ---- */

static struct str host_key(const void *item) { return jid_str(((const struct host *)item)->entity.jid); }

struct core *core_new(const struct core_config *config)
{
	struct core *c = xcalloc(1, sizeof(*c));

	c->config = *config;
	must(config->wires >= 1 && config->wires <= WIRES_MAX);
	if (!c->config.turn_budget)
		c->config.turn_budget = 2000;
	if (!c->config.max_sessions)
		c->config.max_sessions = 1000000;
	if (!c->config.resume_seconds)
		c->config.resume_seconds = 300;
	if (!c->config.resume_queue)
		c->config.resume_queue = 1000;
	if (!c->config.resume_bytes)
		c->config.resume_bytes = 64 << 20;
	timers_init(&c->timers);
	map_init(&c->hosts, host_key, 1000);
	table_init(&c->entities, TABLE_MAX, 0);
	table_init(&c->sessions, c->config.max_sessions, 0);
	table_init(&c->waits, TABLE_MAX, 0);
	list_init(&c->runnable);
	list_init(&c->dead);
	list_init(&c->overfull);
	commit_init(c);
	return c;
}

static void free_sessions(struct core *c)
{
	struct session *s;

	for (uint32_t pos = 0; (s = table_next(&c->sessions, &pos));)
		s->ops->free(s);
}

static void free_dead(struct core *c)
{
	LIST_EACH(node, &c->dead) {
		struct entity *e = LIST_ITEM(node, struct entity, runnable);
		list_remove(node);
		e->ops->free(e);
	}
}

static void free_entities(struct core *c)
{
	struct entity *e;

	free_dead(c);
	/* Hosts last: freeing a room or an account may still look at its host. */
	for (uint32_t pos = 0; (e = table_next(&c->entities, &pos));)
		if (e->host)
			e->ops->free(e);
	for (uint32_t pos = 0; (e = table_next(&c->entities, &pos));)
		e->ops->free(e);
}

bool core_ending(const struct core *c) { return c->ending; }

void core_free(struct core **core)
{
	struct core *c = TAKE(*core);

	if (!c)
		return;
	c->ending = true;
	wait_drop_all(c);
	free_sessions(c);
	free_entities(c);
	map_clear(&c->hosts);
	table_clear(&c->entities);
	table_clear(&c->sessions);
	table_clear(&c->waits);
	timers_clear(&c->timers);
	commit_clear(c);
	for (unsigned i = 0; i < WIRES_MAX; i++) {
		msgs_clear(&c->to_wire[i]);
		xfree(c->conns[i]);
	}
	msgs_clear(&c->to_store);
	msgs_clear(&c->asks);
	for (uint32_t i = 0; i < c->late.n; i++)
		msg_clear(&c->late.m[i]);
	msgs_clear(&c->late);
	msgs_clear(&c->to_admin);
	msgs_clear(&c->to_helper);
	msgs_clear(&c->to_discovery);
	xfree(c);
}

/* ---- the turn ---- */

void core_begin(struct core *c, int64_t now, int64_t wall)
{
	c->now = now;
	c->wall = wall;
	c->budget = c->config.turn_budget;
	c->batch_before = c->batch_number;
	c->stats.turns++;
	commit_take_up(c);
	timers_run(&c->timers, now);
}

static void on_login(struct core *c, struct msg *m)
{
	const char *account = m->kind == MSG_AUTH_ASK ? m->auth_ask.account
		: m->kind == MSG_BIND                 ? m->bind.account
						      : m->reg.account;
	struct host *h = core_find_host(c, jid_domain(jid_view(str_z(account))));

	commit_take_up(c);
	/* The wire opens streams only for domains in its own list, which app/ made from the same rows. */
	must(h && h->ops->on_login);
	h->ops->on_login(h, m);
}

/* What concerns other hosts; only who has a gateway gets any. */
static void on_gateway(struct core *c, struct msg *m)
{
	must(c->gateway);
	commit_take_up(c);
	c->gateway->ops->on_msg(c->gateway, m);
}

static void take_answer(struct core *c, struct msg *m)
{
	struct store_rows *rows = TAKE(m->store_answer.rows);

	commit_take_up(c);
	wait_answer(c, rows->tag, rows, NULL);
	store_rows_free(&rows);
}

/* Pages of an archive are long: some in a turn, or all others would wait for as many as came at once. Behind them wait only others. */
static bool is_page(const struct store_rows *rows)
{
	return rows->read == STORE_ARCHIVE_PAGE || rows->read == STORE_ARCHIVE_GET;
}

static bool has_time_for_answers(const struct core *c) { return c->budget > c->config.turn_budget / 2; }

static void on_store_answer(struct core *c, struct msg *m)
{
	if (!is_page(m->store_answer.rows) || (!c->late.n && has_time_for_answers(c))) {
		take_answer(c, m);
		return;
	}
	*msgs_add(&c->late) = *m;
	*m = (struct msg){0};
}

/* At least one. */
static void take_late_answers(struct core *c)
{
	uint32_t n = 0;

	while (n < c->late.n && (n == 0 || has_time_for_answers(c))) {
		struct msg m = c->late.m[n++];

		take_answer(c, &m);
		msg_clear(&m);
	}
	c->late.n -= n;
	if (n)
		memmove(c->late.m, c->late.m + n, c->late.n * sizeof(*c->late.m));
}

static void on_hash_reply(struct core *c, struct msg *m)
{
	commit_take_up(c);
	wait_answer(c, m->session, NULL, m->hash_reply.keys);
}

static void on_committed(struct core *c, struct msg *m) { commit_on_done(c, m->committed.number); }

static void on_store_state(struct core *c, struct msg *m)
{
	commit_on_state(c, m->store_state.failing, m->store_state.error);
}

static void (*const handlers[MSG_KIND_COUNT])(struct core *c, struct msg *m) = {
	[MSG_AUTH_ASK] = on_login,
	[MSG_REGISTER] = on_login,
	[MSG_BIND] = on_login,
	[MSG_RESUME] = session_on_resume,
	[MSG_SM_ENABLE] = session_on_sm_enable,
	[MSG_STANZA] = session_on_stanza,
	[MSG_LOST] = session_on_lost,
	[MSG_CLOSED] = session_on_closed,
	[MSG_EXPIRED] = session_on_expired,
	[MSG_STORE_COMMITTED] = on_committed,
	[MSG_STORE_ANSWER] = on_store_answer,
	[MSG_STORE_STATE] = on_store_state,
	[MSG_ADMIN_ASK] = command_on_ask,
	[MSG_HASH_REPLY] = on_hash_reply,
	[MSG_LINK_ASK] = on_gateway,
	[MSG_LINK_PROVEN] = on_gateway,
	[MSG_LINK_OPEN] = on_gateway,
	[MSG_LINK_FAILED] = on_gateway,
	[MSG_ACKED] = session_on_acked,
	[MSG_FOUND] = on_gateway,
	[MSG_GONE] = on_gateway,
	[MSG_NAMED] = on_gateway,
	[MSG_PICTURE] = on_gateway,
	[MSG_NETWORK] = on_gateway,
};

void core_handle(struct core *c, struct msg *m)
{
	must(m->kind < MSG_KIND_COUNT && handlers[m->kind]);
	handlers[m->kind](c, m);
	msg_clear(m);
}

/* One entity's share: at most an eighth of the turn, so that a busy room cannot keep the others waiting. */
static void serve(struct core *c, struct entity *e)
{
	uint32_t share = c->config.turn_budget / 8 + 1;
	uint32_t floor = c->budget > share ? c->budget - share : 0;

	while (e->inbox && !e->parked && !e->dead && c->budget > floor) {
		struct stanza *s = e->inbox;

		e->inbox = s->next;
		if (!e->inbox)
			e->inbox_tail = &e->inbox;
		e->inbox_count--;
		s->next = NULL;
		commit_take_up(c);
		core_spend(c, 1);
		e->ops->deliver(e, &s);
		must(s == NULL);
	}
}

static void settle(struct core *c, struct entity *e)
{
	if (!e->unsettled || e->dead)
		return;
	e->unsettled = false;
	commit_take_up(c);
	e->ops->settle(e);
}

static void serve_inboxes(struct core *c)
{
	struct list *node;

	while (c->budget > 0 && (node = list_take(&c->runnable))) {
		struct entity *e = LIST_ITEM(node, struct entity, runnable);

		serve(c, e);
		settle(c, e);
		if ((e->inbox || e->unsettled) && !e->parked && !e->dead && !list_linked(&e->runnable))
			list_append(&c->runnable, &e->runnable);
	}
}

void core_end(struct core *c)
{
	take_late_answers(c);
	/* Sessions that keep the core busy with what is for themselves do not keep messages from others. */
	if (c->budget < c->config.turn_budget / 2)
		c->budget = c->config.turn_budget / 2;
	serve_inboxes(c);
	detach_end_overfull(c);
	commit_end_turn(c);
	free_dead(c);
}

bool core_busy(const struct core *c) { return !list_empty(&c->runnable) || c->late.n; }

int64_t core_next_timer(const struct core *c) { return timers_next(&c->timers); }

/* ---- small accessors ---- */

struct msgs *core_out_wire(struct core *c, unsigned wire)
{
	must(wire < c->config.wires);
	return &c->to_wire[wire];
}
struct msgs *core_out_store(struct core *c) { return &c->to_store; }
struct msgs *core_out_admin(struct core *c) { return &c->to_admin; }
struct msgs *core_out_helper(struct core *c) { return &c->to_helper; }
struct msgs *core_out_discovery(struct core *c) { return &c->to_discovery; }
int64_t core_now(const struct core *c) { return c->now; }
int64_t core_wall(const struct core *c) { return c->wall; }
struct timers *core_timers(struct core *c) { return &c->timers; }
const struct feature *const *core_features(const struct core *c) { return c->config.features; }
uint32_t core_session_count(const struct core *c) { return c->sessions.n; }
struct core_stats *core_stats(struct core *c) { return &c->stats; }
const struct core_config *core_config(const struct core *c) { return &c->config; }

struct session *core_next_session(const struct core *c, uint32_t *pos) { return table_next(&c->sessions, pos); }

void core_spend(struct core *c, uint32_t units) { c->budget = c->budget > units ? c->budget - units : 0; }

/* ---- hosts ---- */

void core_add_host(struct core *c, struct host *h) { must(map_add(&c->hosts, h) == 0); }

void core_set_gateway(struct core *c, struct host *h)
{
	must(!c->gateway);
	c->gateway = h;
}

struct host *core_gateway(const struct core *c) { return c->gateway; }

struct host *core_find_host(const struct core *c, struct str domain) { return map_find(&c->hosts, domain); }

struct host *core_next_host(const struct core *c, uint32_t *pos) { return map_next(&c->hosts, pos); }

void core_account_gone(struct core *c, struct jid bare)
{
	struct host *h;

	for (uint32_t pos = 0; (h = core_next_host(c, &pos));)
		if (h->ops->account_gone)
			h->ops->account_gone(h, bare);
}

struct msg *core_to_wire(struct core *c, enum msg_kind kind, uint64_t conn)
{
	struct msg *m = msgs_add(core_out_wire(c, table_tag(conn)));

	m->kind = kind;
	m->conn = conn;
	return m;
}

struct msg *core_to_discovery(struct core *c, enum msg_kind kind)
{
	struct msg *m = msgs_add(&c->to_discovery);

	m->kind = kind;
	return m;
}

void core_to_admin(struct core *c, uint64_t asker, char **text, bool failed)
{
	struct msg *m = msgs_add(&c->to_admin);

	m->kind = MSG_ADMIN_REPLY;
	m->conn = asker;
	m->admin_reply.text = TAKE(*text);
	m->admin_reply.failed = failed;
}

void core_shutdown(struct core *c)
{
	struct session *s;

	c->shutting_down = true;
	c->config.relaxed = false; /* the last turn may be near */
	for (uint32_t pos = 0; (s = table_next(&c->sessions, &pos));)
		session_close(s, SERR_SYSTEM_SHUTDOWN, NULL);
}
