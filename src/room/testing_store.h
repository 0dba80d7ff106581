/* For the tests of this folder only: what a world of testing.h consists of, and its store, an array of rows that fails, waits and
 * comes back as it is told. */
#ifndef ROOM_TESTING_STORE_H
#define ROOM_TESTING_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "room/rooms_i.h"
#include "store/testing.h"
#include "xml/write.h"
#include "xmpp/ns.h"

#ifndef TESTING_USERS /* fewer where many worlds are made */
#define TESTING_USERS 4096
#endif
enum { TEST_WALL = 1800000000, USERS = TESTING_USERS, TARGETS = 16 };

/* What a connection got. */
struct got {
	char *text; /* as written, without the to= that the wire fills in */
	uint64_t commit;
	uint32_t send; /* number of the message that brought it: equal ones came as one list */
	bool fill, volatile_;
};

struct log {
	struct got *got;
	uint32_t head, tail, cap;
};

struct user {
	struct session session;
	uint32_t index;
	bool there, mute;       /* mute: goes without telling the rooms */
	char *targets[TARGETS]; /* rooms that were sent presence */
};

struct world {
	struct core *core;
	struct rooms *rooms;
	struct entity account; /* owner of all sessions */
	struct host far;
	struct entity far_user;
	uint64_t far_by,
		far_via; /* the link's session that brings what say_far() says; that of the last thing sent there */
	struct user *users[USERS];
	struct log logs[USERS]; /* by connection; 0: far.test */
	uint32_t user_count, sends;
	bool counting; /* logs only count */
	uint64_t counted;
	struct test_rows rows;
	struct msgs in, store_waiting;
	int64_t now;
	bool store_silent;
	int store_error;
	unsigned asked[STORE_READ_COUNT];
	unsigned writes[STORE_WRITE_COUNT];
	char *reply;
	bool reply_failed;
	uint32_t turn_budget;
	const char *const *accounts; /* in the store; NULL at the end; may be NULL */
	uint32_t paused;             /* ms that the last client was slowed by */
};

static struct world world; /* one at a time: it is large */

/* ---- logs ---- */

UNUSED static void note(struct log *l, struct got g)
{
	if (l->tail == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->got = xrealloc(l->got, l->cap * sizeof(*l->got));
	}
	l->got[l->tail++] = g;
}

UNUSED static void log_clear(struct log *l)
{
	for (uint32_t i = 0; i < l->tail; i++)
		xfree(l->got[i].text);
	xfree(l->got);
	*l = (struct log){0};
}

/* ---- the store ---- */

/* The newest row of a room that is older than an id; NULL if there is none. */
UNUSED static struct test_row *archive_before(struct world *w, const struct store_value *v, int64_t id)
{
	struct test_row *found = NULL;

	TEST_ROWS_EACH(&w->rows, r, STORE_ARCHIVE_ADD, v, 2)
		if (r->v[2].i < id && (!found || r->v[2].i > found->v[2].i))
			found = r;
	return found;
}

UNUSED static struct test_row *archive_newest(struct world *w, const struct store_value *v, int64_t n)
{
	struct test_row *r = archive_before(w, v, INT64_MAX);

	for (; r && n > 0; n--)
		r = archive_before(w, v, r->v[2].i);
	return r;
}

/* As many more as there are light ones. */
UNUSED static void archive_trim(struct world *w, const struct store_value *v)
{
	int64_t n = v[2].i;
	struct test_row *r;

	TEST_ROWS_EACH(&w->rows, light, STORE_ARCHIVE_LIGHT, v, 2)
		n++;
	while ((r = archive_newest(w, v, n)) && (r = archive_before(w, v, r->v[2].i < v[3].i ? r->v[2].i + 1 : v[3].i)))
		test_row_free(r);
}

UNUSED static void archive_replace(struct world *w, const struct store_value *v)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_ARCHIVE_ADD, v, 3) {
		xfree((void *)r->v[5].s.p);
		r->v[5].s = test_own(v[3].s);
	}
}

UNUSED static void archive_expire(struct world *w, const struct store_value *v)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_ARCHIVE_ADD, v, 1)
		if (r->v[2].i < v[1].i)
			test_row_free(r);
}

UNUSED static void store_write(struct world *w, enum store_write kind, const struct store_value *v, unsigned n)
{
	w->writes[kind]++;
	switch (kind) {
	case STORE_ROOM_PUT:
		test_rows_set(&w->rows, kind, v, n, 2);
		return;
	case STORE_ROOM_DEL:
		test_rows_del(&w->rows, STORE_ROOM_PUT, v, 2);
		test_rows_del(&w->rows, STORE_AFFILIATION_PUT, v, 2);
		test_rows_del(&w->rows, STORE_ROOM_NICK_PUT, v, 2);
		test_rows_del(&w->rows, STORE_HAT_PUT, v, 2);
		test_rows_del(&w->rows, STORE_INVITED_PUT, v, 2);
		test_rows_del(&w->rows, STORE_SUBSCRIBER_PUT, v, 2);
		test_rows_del(&w->rows, STORE_VCARD_PUT, v, 2);
		test_rows_del(&w->rows, STORE_ARCHIVE_ADD, v, 2);
		test_rows_del(&w->rows, STORE_ARCHIVE_LIGHT, v, 2);
		return;
	case STORE_AFFILIATION_PUT:
		test_rows_del(&w->rows, kind, v, 3);
		if (v[3].i)
			test_rows_put(&w->rows, kind, v, n);
		return;
	case STORE_ROOM_NICK_PUT:
	case STORE_SUBSCRIBER_PUT:
		test_rows_del(&w->rows, kind, v, 3);
		if (v[3].s.p)
			test_rows_put(&w->rows, kind, v, n);
		return;
	case STORE_HAT_PUT:
		test_rows_del(&w->rows, kind, v, 4);
		if (v[4].s.p)
			test_rows_put(&w->rows, kind, v, n);
		return;
	case STORE_INVITED_PUT:
		test_rows_put(&w->rows, kind, v, n);
		return;
	case STORE_INVITED_DEL:
		test_rows_del(&w->rows, STORE_INVITED_PUT, v, 4);
		return;
	case STORE_ROOM_MOVED:
		test_rows_del(&w->rows, kind, v, 2);
		if (v[2].i)
			test_rows_put(&w->rows, kind, v, n);
		return;
	case STORE_VCARD_PUT:
		test_rows_del(&w->rows, kind, v, 2);
		if (v[2].s.p)
			test_rows_put(&w->rows, kind, v, n);
		return;
	case STORE_ROOM_LOG:
	case STORE_ROOM_LOG_DAY:
	case STORE_ROOM_LOG_EXPIRE:
	case STORE_ROOM_UNLOG:
	case STORE_ARCHIVE_ADD:
		test_rows_put(&w->rows, kind, v, n);
		return;
	case STORE_ARCHIVE_LIGHT:
		test_rows_set(&w->rows, kind, v, n, 3);
		return;
	case STORE_ARCHIVE_TRIM:
		archive_trim(w, v);
		return;
	case STORE_ARCHIVE_REPLACE:
		archive_replace(w, v);
		return;
	case STORE_ARCHIVE_EXPIRE:
		archive_expire(w, v);
		return;
	default:
		fail_msg("a room wrote %s", store_write_name(kind));
	}
}

UNUSED static void answer_history(struct store_rows *out, struct world *w, const struct store_value *v)
{
	struct test_row *r, *newest[2 * HISTORY_MAX];
	int64_t n = 0;

	for (r = archive_newest(w, v, 0); r && n < v[2].i; r = archive_before(w, v, r->v[2].i))
		if (!n || memmem(r->v[5].s.p, r->v[5].s.n, "<body", 5) ||
			memmem(r->v[5].s.p, r->v[5].s.n, "<retracted", 10))
			newest[n++] = r;
	while (n > 0)
		store_rows_add(out, ROW_HISTORY, newest[--n]->v + 2, 6);
}

/* All of it, or the newest: filters and bounds are tested with the real store. */
UNUSED static void answer_page(struct store_rows *out, struct world *w, const struct store_value *v)
{
	struct store_value count[2] = {{.is_int = true}, {.is_int = true}};
	int64_t limit = v[8].i;
	struct test_row *r;

	for (int64_t i = 0; i < w->rows.n; i++) {
		r = archive_newest(w, v, limit < 0 ? i : w->rows.n - 1 - i);
		if (!r || (limit < 0 && count[0].i >= -limit))
			continue;
		store_rows_add(out, ROW_ARCHIVE, (struct store_value[]){r->v[2], r->v[5], r->v[3], r->v[6], r->v[7]},
			5);
		count[0].i++;
	}
	store_rows_add(out, ROW_ARCHIVE_COUNT, count, 2);
}

UNUSED static void answer_ids(struct store_rows *out, struct world *w, const struct store_value *v)
{
	char id[32];

	TEST_ROWS_EACH(&w->rows, r, STORE_ARCHIVE_ADD, v, 2) {
		snprintf(id, sizeof(id), "[%lld]", (long long)r->v[2].i);
		if (str_is(v[2].s, id))
			store_rows_add(out, ROW_ARCHIVE,
				(struct store_value[]){r->v[2], r->v[5], r->v[3], r->v[6], r->v[7]}, 5);
	}
}

UNUSED static void answer_account(struct store_rows *out, struct world *w, const struct store_value *v)
{
	struct jid_buf jid;

	for (const char *const *a = w->accounts; a && *a; a++)
		if (jid_parse_buf(str_z(*a), &jid) == 0 && str_eq(jid_domain(jid.jid), v[0].s) &&
			str_eq(jid_local(jid.jid), v[1].s))
			store_rows_add(out, ROW_ACCOUNT,
				(struct store_value[]){{.is_int = true}, {0}, {0}, {.is_int = true}}, 4);
}

UNUSED static void answer_survey(struct store_rows *out, struct world *w, const struct store_value *v)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_AFFILIATION_PUT, v, 1)
		if (r->v[3].i == AFFILIATION_OWNER)
			store_rows_add(out, ROW_OWNER, r->v + 1, 2);
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_PUT, v, 1)
		store_rows_add(out, ROW_ROOM_ACTIVE, r->v + 1, 3);
}

UNUSED static void answer_subscriptions(struct store_rows *out, struct world *w, const struct store_value *v)
{
	TEST_ROWS_EACH(&w->rows, r, STORE_SUBSCRIBER_PUT, v, 1)
		if (str_eq(r->v[2].s, v[1].s))
			store_rows_add(out, ROW_SUBSCRIPTION, (struct store_value[]){r->v[1], r->v[3], r->v[4]}, 3);
}

UNUSED static struct store_rows *store_answer(struct world *w, const struct store_query *q)
{
	struct store_rows *out = store_rows_new(q->read, q->tag);
	unsigned key = q->read == STORE_ROOM_LIST ? 1 : 2;

	w->asked[q->read]++;
	out->error = w->store_error;
	if (!out->error && q->read == STORE_ARCHIVE_PAGE)
		answer_page(out, w, q->values);
	if (!out->error && q->read == STORE_ARCHIVE_GET)
		answer_ids(out, w, q->values);
	if (!out->error && q->read == STORE_ROOM_SURVEY)
		answer_survey(out, w, q->values);
	if (!out->error && q->read == STORE_SUBSCRIPTIONS)
		answer_subscriptions(out, w, q->values);
	if (!out->error && q->read == STORE_ACCOUNT_LOAD)
		answer_account(out, w, q->values);
	if (q->read != STORE_ROOM_LIST && q->read != STORE_ROOM_LOAD)
		return out;
	if (out->error)
		return out;
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_PUT, q->values, key)
		store_rows_add(out, ROW_ROOM, r->v + 1, 6);
	if (key == 1) {
		TEST_ROWS_EACH(&w->rows, r, STORE_AFFILIATION_PUT, q->values, 1)
			if (r->v[3].i == AFFILIATION_OWNER)
				store_rows_add(out, ROW_OWNER, r->v + 1, 2);
		TEST_ROWS_EACH(&w->rows, r, STORE_SUBSCRIBER_PUT, q->values, 1)
			store_rows_add(out, ROW_SUBSCRIBED, (struct store_value[]){r->v[2], {.is_int = true, .i = 1}},
				2);
		TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_MOVED, q->values, 1)
			store_rows_add(out, ROW_MOVED, r->v + 1, 4);
		TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_NICK_PUT, q->values, 1)
			if (!r->v[1].s.n)
				store_rows_add(out, ROW_ROOM_NICK, r->v + 2, 2);
		return out;
	}
	TEST_ROWS_EACH(&w->rows, r, STORE_AFFILIATION_PUT, q->values, 2)
		store_rows_add(out, ROW_AFFILIATION, r->v + 2, 3);
	TEST_ROWS_EACH(&w->rows, r, STORE_ROOM_NICK_PUT, q->values, 2)
		store_rows_add(out, ROW_ROOM_NICK, r->v + 2, 2);
	TEST_ROWS_EACH(&w->rows, r, STORE_HAT_PUT, q->values, 2)
		if (!r->v[2].s.n)
			store_rows_add(out, ROW_HAT, r->v + 2, 4);
	TEST_ROWS_EACH(&w->rows, r, STORE_HAT_PUT, q->values, 2)
		if (r->v[2].s.n)
			store_rows_add(out, ROW_HAT, r->v + 2, 4);
	TEST_ROWS_EACH(&w->rows, r, STORE_INVITED_PUT, q->values, 2)
		store_rows_add(out, ROW_INVITED, r->v + 2, 2);
	TEST_ROWS_EACH(&w->rows, r, STORE_SUBSCRIBER_PUT, q->values, 2)
		store_rows_add(out, ROW_SUBSCRIBER, r->v + 2, 3);
	TEST_ROWS_EACH(&w->rows, r, STORE_VCARD_PUT, q->values, 2)
		store_rows_add(out, ROW_XML, r->v + 2, 1);
	answer_history(out, w, q->values);
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
		struct store_rows *rows = store_answer(w, m->store_ask.query);
		out = msgs_add(&w->in);
		out->kind = MSG_STORE_ANSWER;
		out->store_answer.rows = rows;
		return;
	}
	while (store_batch_next(m->store_batch.batch, &pos, &kind, v, &n))
		store_write(w, kind, v, n);
	out = msgs_add(&w->in);
	out->kind = MSG_STORE_COMMITTED;
	out->committed.number = m->store_batch.batch->number;
}

UNUSED static void store_keep(struct world *w, struct msg *m)
{
	*msgs_add(&w->store_waiting) = *m;
	*m = (struct msg){0};
}

#endif
