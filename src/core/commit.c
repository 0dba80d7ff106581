/* Commits: one batch of writes a turn (or every 200 ms), numbered; what depends on it waits at the wire until the
 * number comes back. While the store fails nothing is rolled back: batches wait in db/ and are tried again;
 * new changes are refused, and output held longer than 5 s is taken back and bounced. */
#include "core/core_i.h"

/* A batch of a turn that writes a lot is handed over before it comes near the limit of a batch. */
enum { RELAXED_MS = 200, HELD_MAX_MS = 5000, BATCH_BYTES = 8 << 20 };

static void on_commit_timer(struct timer *t)
{
	struct core *c = CONTAINER_OF(t, struct core, commit_timer);

	c->flush_due = true;
}

/* Only a failing store is worth giving up on: a slow one will answer. */
static void on_expire_timer(struct timer *t)
{
	struct core *c = CONTAINER_OF(t, struct core, expire_timer);

	if (c->oldest_pending == INT64_MAX || !c->store_failing)
		return;
	for (unsigned i = 0; i < c->config.wires; i++) {
		struct msg *m = msgs_add(&c->to_wire[i]);
		m->kind = MSG_EXPIRE;
		m->committed.number = c->committed + 1;
	}
	log_warn("commit_expire", "from=%llu", (unsigned long long)c->committed + 1);
	/* Once more and again: output may come to be held meanwhile. */
	timer_start(&c->timers, t, c->now + HELD_MAX_MS);
}

void commit_init(struct core *c)
{
	c->oldest_pending = INT64_MAX;
	c->commit_timer.fire = on_commit_timer;
	c->expire_timer.fire = on_expire_timer;
}

void commit_clear(struct core *c) { store_batch_free(&c->batch); }

static void hand_over(struct core *c)
{
	struct msg *m = msgs_add(&c->to_store);

	m->kind = MSG_STORE_BATCH;
	c->batch_number = c->batch->number;
	m->store_batch.batch = TAKE(c->batch);
	c->stats.batches++;
	if (c->oldest_pending == INT64_MAX)
		c->oldest_pending = c->now;
	if (c->store_failing && !timer_running(&c->expire_timer))
		timer_start(&c->timers, &c->expire_timer, c->now + HELD_MAX_MS);
}

bool core_can_store(const struct core *c) { return !c->store_failing; }

struct store_batch *core_batch(struct core *c)
{
	if (!c->batch) {
		c->batch = store_batch_new();
		c->batch->number = c->batch_number + 1;
	}
	return c->batch;
}

static bool has_writes(const struct core *c) { return c->batch && c->batch->count; }

uint64_t core_commit(const struct core *c)
{
	if (has_writes(c))
		return c->batch->number;
	return c->batch_number > c->batch_before ? c->batch_number : 0;
}

uint64_t commit_of_all(const struct core *c)
{
	if (has_writes(c))
		return c->batch->number;
	return c->batch_number > c->committed ? c->batch_number : 0;
}

uint64_t core_uncommitted(const struct core *c) { return commit_of_all(c); }

void commit_take_up(struct core *c)
{
	if (c->batch && c->batch->bytes.n > BATCH_BYTES)
		hand_over(c);
	c->writes_seen = c->batch ? c->batch->count : 0;
}

uint64_t commit_since_take(const struct core *c)
{
	return c->batch && c->batch->count > c->writes_seen ? c->batch->number : 0;
}

static void put_asks(struct core *c)
{
	for (uint32_t i = 0; i < c->asks.n; i++)
		*msgs_add(&c->to_store) = c->asks.m[i];
	c->asks.n = 0;
}

void commit_end_turn(struct core *c)
{
	bool now = !c->config.relaxed || c->flush_due || c->asks.n;

	if (has_writes(c) && now) {
		c->flush_due = false;
		timer_stop(&c->timers, &c->commit_timer);
		hand_over(c);
	} else if (has_writes(c) && !timer_running(&c->commit_timer)) {
		timer_start(&c->timers, &c->commit_timer, c->now + RELAXED_MS);
	}
	put_asks(c);
}

void commit_on_done(struct core *c, uint64_t number)
{
	must(number > c->committed && number <= c->batch_number);
	c->committed = number;
	c->oldest_pending = number == c->batch_number ? INT64_MAX : c->now;
	for (unsigned i = 0; i < c->config.wires; i++) {
		struct msg *m = msgs_add(&c->to_wire[i]);
		m->kind = MSG_COMMITTED;
		m->committed.number = number;
	}
}

void commit_on_state(struct core *c, bool failing, int error)
{
	c->store_failing = failing;
	if (failing) {
		log_error("store_failing", "error=\"%s\"", err_name(error));
		if (!timer_running(&c->expire_timer))
			timer_start(&c->timers, &c->expire_timer, c->now + HELD_MAX_MS);
	} else {
		timer_stop(&c->timers, &c->expire_timer);
		log_info("store_recovered", "committed=%llu", (unsigned long long)c->committed);
	}
}
