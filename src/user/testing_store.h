/* For user/testing.h only: the world, and its store in a few arrays. */
#ifndef USER_TESTING_STORE_H
#define USER_TESTING_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "core/command.h"
#include "core/feature.h"
#include "store/testing.h"
#include "user/users_i.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"

enum { LOG_MAX = 4096, CONNS = 64, TEST_WALL = 1800000000 };

struct test_conn {
	char *jid; /* NULL until bound */
	uint64_t session;
	char *got[LOG_MAX];
	uint64_t commits[LOG_MAX];
	struct packet *packets[LOG_MAX];
	unsigned head, tail;
	enum xerr_cond refused;
	bool closed;
	enum serr error;
	uint32_t handled;
	uint64_t handled_commit;
	/* answers to what a connection asks */
	bool auth_known, registered;
	struct scram_keys keys;
	enum xerr_cond register_error;
};

struct world {
	struct core *core;
	struct users *users;
	struct host far;
	struct entity far_user;
	char *far_got[LOG_MAX];
	unsigned far_head, far_tail;
	uint64_t far_commit; /* of the last stanza */
	struct test_conn conn[CONNS];
	unsigned conn_count;
	struct test_rows rows;
	struct msgs in;
	int64_t now;
	bool store_silent; /* queries and batches wait */
	int store_error;   /* of every query */
	struct msgs store_waiting;
	uint64_t committed;
	char *reply; /* of the last command */
	bool reply_failed;
	unsigned loads;        /* STORE_ACCOUNT_LOAD asked */
	uint32_t resume_queue; /* packets kept for a broken session; 0: the core's default */
};

static struct world world; /* one at a time: it is large */

/* ---- the store ---- */

/* Number of leading values that are the key of each table. */
UNUSED static unsigned key_size(int table)
{
	return table == STORE_ACCOUNT_PUT || table == STORE_VCARD_PUT || table == STORE_DELIVERED_PUT ? 2 : 3;
}

/* Only of what is not in the archive: the rest is tested with the real store. */
UNUSED static void recover(struct world *w, const struct store_value *v)
{
	struct test_row *r;
	int64_t id = v[2].i;

	while ((r = test_rows_find(&w->rows, STORE_TRANSIT_ADD, v, 2))) {
		struct store_value row[5] = {v[0], v[1], {.is_int = true, .i = ++id}, r->v[3], r->v[4]};

		test_rows_put(&w->rows, STORE_OFFLINE_ADD, row, 5);
		test_row_free(r);
	}
}

UNUSED static void apply_write(struct world *w, enum store_write kind, const struct store_value *v, unsigned n)
{
	switch (kind) {
	case STORE_ACCOUNT_DEL:
		for (int t = 0; t < STORE_WRITE_COUNT; t++)
			test_rows_del(&w->rows, t, v, 2);
		return;
	case STORE_ROSTER_DEL:
		test_rows_del(&w->rows, STORE_ROSTER_PUT, v, 3);
		return;
	case STORE_REQUEST_DEL:
		test_rows_del(&w->rows, STORE_REQUEST_PUT, v, 3);
		return;
	case STORE_ARCHIVE_TRIM:
		return;
	case STORE_TRANSIT_DEL:
		test_rows_del(&w->rows, STORE_TRANSIT_ADD, v, 3);
		return;
	case STORE_TRANSIT_RECOVER:
		recover(w, v);
		return;
	case STORE_OFFLINE_DEL:
		TEST_ROWS_EACH(&w->rows, r, STORE_OFFLINE_ADD, v, 2)
			if (r->v[2].i <= v[2].i)
				test_row_free(r);
		return;
	case STORE_PRIVATE_PUT:
		test_rows_del(&w->rows, kind, v, 3);
		if (v[3].s.p)
			test_rows_put(&w->rows, kind, v, n);
		return;
	default:
		test_rows_set(&w->rows, (int)kind, v, n, key_size((int)kind));
	}
}

UNUSED static void add_rows(struct store_rows *out, struct world *w, int table, enum store_row kind,
	const struct store_value *v, unsigned n_key, unsigned skip)
{
	TEST_ROWS_EACH(&w->rows, r, table, v, n_key)
		store_rows_add(out, kind, r->v + skip, r->n - skip);
}

UNUSED static void answer_load(struct store_rows *out, struct world *w, const struct store_value *v)
{
	struct test_row *account = test_rows_find(&w->rows, STORE_ACCOUNT_PUT, v, 2);
	struct store_value row[4], count[2] = {{.is_int = true}, {.is_int = true}};
	struct store_value ends[2] = {{.is_int = true}, {.is_int = true}};
	struct store_value transit = {.is_int = true};
	int64_t version = 0;

	TEST_ROWS_EACH(&w->rows, r, STORE_ARCHIVE_ADD, v, 2)
		ends[1].i = r->v[2].i > ends[1].i ? r->v[2].i : ends[1].i;
	TEST_ROWS_EACH(&w->rows, r, STORE_TRANSIT_ADD, v, 2)
		transit.i++;
	TEST_ROWS_EACH(&w->rows, r, STORE_ROSTER_PUT, v, 2)
		version = r->v[8].i > version ? r->v[8].i : version;
	TEST_ROWS_EACH(&w->rows, r, STORE_OFFLINE_ADD, v, 2) {
		count[0].i++;
		count[1].i = r->v[2].i > count[1].i ? r->v[2].i : count[1].i;
	}
	if (account) {
		memcpy(row, account->v + 2, 3 * sizeof(row[0]));
		row[3] = (struct store_value){.is_int = true, .i = version};
		store_rows_add(out, ROW_ACCOUNT, row, 4);
	}
	add_rows(out, w, STORE_ROSTER_PUT, ROW_ROSTER, v, 2, 2);
	add_rows(out, w, STORE_REQUEST_PUT, ROW_REQUEST, v, 2, 2);
	store_rows_add(out, ROW_OFFLINE_COUNT, count, 2);
	store_rows_add(out, ROW_ARCHIVE_ENDS, ends, 2);
	store_rows_add(out, ROW_TRANSIT_COUNT, &transit, 1);
}

/* Ids grow, so an account's rows are sorted by them. */
UNUSED static struct test_row *row_after(struct world *w, int table, const struct store_value *v, int64_t id)
{
	struct test_row *next = NULL;

	TEST_ROWS_EACH(&w->rows, r, table, v, 2)
		if (r->v[2].i > id && (!next || r->v[2].i < next->v[2].i))
			next = r;
	return next;
}

UNUSED static void answer_offline(struct store_rows *out, struct world *w, const struct store_value *v)
{
	for (struct test_row *r = NULL; (r = row_after(w, STORE_OFFLINE_ADD, v, r ? r->v[2].i : 0));)
		store_rows_add(out, ROW_OFFLINE, r->v + 2, 3);
}

/* All of it: filters and bounds are tested with the real store. */
UNUSED static void answer_page(struct store_rows *out, struct world *w, const struct store_value *v)
{
	struct store_value count[2] = {{.is_int = true}, {.is_int = true}};

	for (struct test_row *r = NULL; (r = row_after(w, STORE_ARCHIVE_ADD, v, r ? r->v[2].i : 0)); count[0].i++)
		store_rows_add(out, ROW_ARCHIVE, (struct store_value[]){r->v[2], r->v[5], r->v[3], r->v[6], r->v[7]},
			5);
	store_rows_add(out, ROW_ARCHIVE_COUNT, count, 2);
}

UNUSED static void answer_list(struct store_rows *out, struct world *w, const struct store_value *v)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_ACCOUNT_PUT, v, v[0].s.p ? 1 : 0)
		store_rows_add(out, ROW_ACCOUNT_NAME, r->v, 3);
}

UNUSED static struct store_rows *answer_query(struct world *w, const struct store_query *q)
{
	struct store_rows *out = store_rows_new(q->read, q->tag);

	if (q->read == STORE_ACCOUNT_LOAD)
		w->loads++;
	out->error = w->store_error;
	if (out->error)
		return out;
	if (q->read == STORE_ACCOUNT_LOAD)
		answer_load(out, w, q->values);
	else if (q->read == STORE_OFFLINE_LIST)
		answer_offline(out, w, q->values);
	else if (q->read == STORE_ARCHIVE_PAGE)
		answer_page(out, w, q->values);
	else if (q->read == STORE_PRIVATE_GET)
		add_rows(out, w, STORE_PRIVATE_PUT, ROW_XML, q->values, 3, 3);
	else if (q->read == STORE_VCARD_GET)
		add_rows(out, w, STORE_VCARD_PUT, ROW_XML, q->values, 2, 2);
	else
		answer_list(out, w, q->values);
	return out;
}

UNUSED static void store_take(struct world *w, struct msg *m)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_write kind;
	size_t pos = 0;
	unsigned n;
	struct msg *out;

	if (m->kind == MSG_STORE_ASK) {
		struct store_rows *rows = answer_query(w, m->store_ask.query);
		out = msgs_add(&w->in);
		out->kind = MSG_STORE_ANSWER;
		out->store_answer.rows = rows;
		return;
	}
	assert_int_equal(m->kind, MSG_STORE_BATCH);
	while (store_batch_next(m->store_batch.batch, &pos, &kind, v, &n))
		apply_write(w, kind, v, n);
	out = msgs_add(&w->in);
	out->kind = MSG_STORE_COMMITTED;
	out->committed.number = w->committed = m->store_batch.batch->number;
}

#endif
