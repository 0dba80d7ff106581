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
#include "user/users_i.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"

#define UNUSED __attribute__((unused))

enum { LOG_MAX = 4096, CONNS = 64, ROWS = 8192, TEST_WALL = 1800000000 };

/* ---- the store ---- */

struct test_row {
	int table; /* the write that put it; -1: free */
	struct store_value v[STORE_VALUES_MAX];
	unsigned n;
};

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
	struct test_row row[ROWS];
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

UNUSED static struct str own_str(struct str s)
{
	return s.p ? (struct str){xmemdup(s.n ? s.p : "", s.n ? s.n : 1), s.n} : s;
}

UNUSED static void free_row(struct test_row *r)
{
	for (unsigned i = 0; i < r->n; i++)
		xfree((void *)r->v[i].s.p);
	r->table = -1;
}

/* Number of leading values that are the key of each table. */
UNUSED static unsigned key_size(int table)
{
	return table == STORE_ACCOUNT_PUT || table == STORE_VCARD_PUT || table == STORE_DELIVERED_PUT ? 2 : 3;
}

UNUSED static bool same(const struct store_value *a, const struct store_value *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (a[i].is_int ? a[i].i != b[i].i : !str_eq(a[i].s, b[i].s))
			return false;
	return true;
}

UNUSED static struct test_row *find_row(struct world *w, int table, const struct store_value *v, unsigned n)
{
	for (unsigned i = 0; i < ROWS; i++)
		if (w->row[i].table == table && same(w->row[i].v, v, n))
			return &w->row[i];
	return NULL;
}

UNUSED static void put_row(struct world *w, int table, const struct store_value *v, unsigned n)
{
	struct test_row *r = find_row(w, table, v, key_size(table));

	if (r)
		free_row(r);
	for (unsigned i = 0; !r && i < ROWS; i++)
		if (w->row[i].table == -1)
			r = &w->row[i];
	assert_non_null(r);
	r->table = table;
	r->n = n;
	for (unsigned i = 0; i < n; i++) {
		r->v[i] = v[i];
		r->v[i].s = own_str(v[i].s);
	}
}

UNUSED static void delete_rows(struct world *w, int table, const struct store_value *v, unsigned n)
{
	struct test_row *r;

	while ((r = find_row(w, table, v, n)))
		free_row(r);
}

/* Only of what is not in the archive: the rest is tested with the real store. */
UNUSED static void recover(struct world *w, const struct store_value *v)
{
	struct test_row *r;
	int64_t id = v[2].i;

	while ((r = find_row(w, STORE_TRANSIT_ADD, v, 2))) {
		struct store_value row[5] = {v[0], v[1], {.is_int = true, .i = ++id}, r->v[3], r->v[4]};

		put_row(w, STORE_OFFLINE_ADD, row, 5);
		free_row(r);
	}
}

UNUSED static void apply_write(struct world *w, enum store_write kind, const struct store_value *v, unsigned n)
{
	switch (kind) {
	case STORE_ACCOUNT_DEL:
		for (int t = 0; t < STORE_WRITE_COUNT; t++)
			delete_rows(w, t, v, 2);
		return;
	case STORE_ROSTER_DEL:
		delete_rows(w, STORE_ROSTER_PUT, v, 3);
		return;
	case STORE_REQUEST_DEL:
		delete_rows(w, STORE_REQUEST_PUT, v, 3);
		return;
	case STORE_ARCHIVE_TRIM:
		return;
	case STORE_TRANSIT_DEL:
		delete_rows(w, STORE_TRANSIT_ADD, v, 3);
		return;
	case STORE_TRANSIT_RECOVER:
		recover(w, v);
		return;
	case STORE_OFFLINE_DEL:
		for (unsigned i = 0; i < ROWS; i++)
			if (w->row[i].table == STORE_OFFLINE_ADD && same(w->row[i].v, v, 2) &&
				w->row[i].v[2].i <= v[2].i)
				free_row(&w->row[i]);
		return;
	case STORE_PRIVATE_PUT:
		delete_rows(w, kind, v, 3);
		if (v[3].s.p)
			put_row(w, kind, v, n);
		return;
	default:
		put_row(w, (int)kind, v, n);
	}
}

UNUSED static void add_rows(struct store_rows *out, struct world *w, int table, enum store_row kind,
	const struct store_value *v, unsigned n_key, unsigned skip)
{
	for (unsigned i = 0; i < ROWS; i++) {
		struct test_row *r = &w->row[i];
		if (r->table == table && same(r->v, v, n_key))
			store_rows_add(out, kind, r->v + skip, r->n - skip);
	}
}

UNUSED static void answer_load(struct store_rows *out, struct world *w, const struct store_value *v)
{
	struct test_row *account = find_row(w, STORE_ACCOUNT_PUT, v, 2);
	struct store_value row[4], count[2] = {{.is_int = true}, {.is_int = true}};
	struct store_value ends[2] = {{.is_int = true}, {.is_int = true}};
	struct store_value transit = {.is_int = true};
	int64_t version = 0;

	for (unsigned i = 0; i < ROWS; i++) {
		struct test_row *r = &w->row[i];
		if (r->table == STORE_ARCHIVE_ADD && same(r->v, v, 2) && r->v[2].i > ends[1].i)
			ends[1].i = r->v[2].i;
		if (r->table == STORE_TRANSIT_ADD && same(r->v, v, 2))
			transit.i++;
		if (r->table == STORE_ROSTER_PUT && same(r->v, v, 2) && r->v[8].i > version)
			version = r->v[8].i;
		if (r->table == STORE_OFFLINE_ADD && same(r->v, v, 2)) {
			count[0].i++;
			if (r->v[2].i > count[1].i)
				count[1].i = r->v[2].i;
		}
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

	for (unsigned i = 0; i < ROWS; i++) {
		struct test_row *r = &w->row[i];
		if (r->table == table && same(r->v, v, 2) && r->v[2].i > id && (!next || r->v[2].i < next->v[2].i))
			next = r;
	}
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
	for (unsigned i = 0; i < ROWS; i++) {
		struct test_row *r = &w->row[i];
		if (r->table == STORE_ACCOUNT_PUT && (!v[0].s.p || str_eq(r->v[0].s, v[0].s)))
			store_rows_add(out, ROW_ACCOUNT_NAME, r->v, 3);
	}
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
