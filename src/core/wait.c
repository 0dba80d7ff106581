/* The pending table: what an answer of a later turn goes on with. */
#include "core/core_i.h"

uint64_t core_wait(struct core *c, struct wait *w)
{
	w->tag = table_add(&c->waits, w);
	must(w->tag);
	return w->tag;
}

void core_ask(struct core *c, struct store_query **q)
{
	struct msg *m = msgs_add(&c->asks);

	m->kind = MSG_STORE_ASK;
	m->store_ask.query = TAKE(*q);
}

void core_hash(struct core *c, char **password, struct wait *w)
{
	struct msg *m = msgs_add(&c->to_helper);

	m->kind = MSG_HASH_ASK;
	m->session = core_wait(c, w);
	m->hash_ask.password = TAKE(*password);
}

void wait_answer(struct core *c, uint64_t tag, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct wait *w = table_remove(&c->waits, tag);

	if (w)
		w->answer(c, w, rows, keys);
}

void wait_drop_all(struct core *c)
{
	struct wait *w;

	for (uint32_t pos = 0; (w = table_next(&c->waits, &pos));) {
		table_remove(&c->waits, w->tag);
		w->drop(w);
	}
}
