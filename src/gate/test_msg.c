#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "gate/msg.h"

static struct packet *packet(const char *bytes) { return packet_raw(str_z(bytes)); }

static struct packets some_packets(uint32_t n)
{
	struct packets ps = {0};

	for (uint32_t i = 0; i < n; i++) {
		struct packet *p = packet("x");
		packets_add(&ps, &p);
		assert_null(p);
	}
	return ps;
}

/* Everything that a message of its kind can own. */
static void fill(struct msg *m, enum msg_kind kind)
{
	*m = (struct msg){.kind = kind, .conn = 1, .session = 2};
	switch (kind) {
	case MSG_AUTH_ASK:
		m->auth_ask.account = xstrdup("a@x");
		return;
	case MSG_AUTH_REPLY:
		m->auth_reply.keys = xcalloc(1, sizeof(struct scram_keys));
		return;
	case MSG_REGISTER:
		m->reg.account = xstrdup("a@x");
		m->reg.email = xstrdup("a@y");
		m->reg.keys = xcalloc(2, sizeof(struct scram_keys));
		return;
	case MSG_BIND:
		m->bind.account = xstrdup("a@x");
		m->bind.resource = xstrdup("r");
		m->bind.peer = xstrdup("p");
		return;
	case MSG_BOUND:
		m->bound.jid = xstrdup("a@x/r");
		return;
	case MSG_RESUME:
		m->resume.account = xstrdup("a@x");
		m->resume.token = xstrdup("t");
		return;
	case MSG_ATTACH:
		m->attach.jid = xstrdup("a@x/r");
		m->attach.queue = some_packets(5);
		return;
	case MSG_SM_ENABLED:
		m->sm_enabled.token = xstrdup("t");
		return;
	case MSG_STANZA:
		assert_int_equal(stanza_parse(STR("<message from='a@x'/>"), &m->stanza.stanza), 0);
		return;
	case MSG_LOST:
	case MSG_CLOSED:
	case MSG_EXPIRED:
		m->end.rest = some_packets(3);
		return;
	case MSG_STORE_BATCH:
		m->store_batch.batch = store_batch_new();
		store_put(m->store_batch.batch, STORE_OFFLINE_DEL, STR("d"), STR("l"), (int64_t)1);
		return;
	case MSG_STORE_ASK:
		m->store_ask.query = store_query_new(STORE_VCARD_GET, 1, STR("d"), STR("l"));
		return;
	case MSG_STORE_ANSWER:
		m->store_answer.rows = store_rows_new(STORE_VCARD_GET, 1);
		return;
	case MSG_ADMIN_ASK:
		m->admin_ask.n = 2;
		m->admin_ask.words = xcalloc(2, sizeof(char *));
		m->admin_ask.words[0] = xstrdup("user");
		m->admin_ask.words[1] = xstrdup("add");
		return;
	case MSG_ADMIN_REPLY:
		m->admin_reply.text = xstrdup("done");
		return;
	case MSG_HASH_ASK:
		m->hash_ask.password = xstrdup("secret");
		return;
	case MSG_HASH_REPLY:
		m->hash_reply.keys = xcalloc(2, sizeof(struct scram_keys));
		return;
	default:
		return;
	}
}

static void assert_cleared(const struct msg *m)
{
	static const struct msg none;

	assert_memory_equal(m, &none, sizeof(none));
}

static void test_every_kind_frees_what_it_owns(void **state)
{
	struct msg m;

	for (int kind = MSG_NONE; kind < MSG_KIND_COUNT; kind++) {
		int64_t before = mem_stats().bytes;

		fill(&m, (enum msg_kind)kind);
		msg_clear(&m);
		assert_cleared(&m);
		assert_int_equal(mem_stats().bytes, before);
		m.kind = (enum msg_kind)kind; /* what was taken out of it is not there any more */
		msg_clear(&m);
	}
}

static void test_sends_hold_references(void **state)
{
	struct msg m = {.kind = MSG_SEND, .conn = 1};
	struct packet *p = packet("one"), *q = packet("two");

	m.send.packet = packet_ref(p);
	m.send.packet_count = m.send.conn_count = 1;
	msg_clear(&m);
	assert_cleared(&m);
	m.kind = MSG_SEND;
	m.send.packet_count = m.send.conn_count = 2;
	m.send.packets = xmalloc(2 * sizeof(struct packet *));
	m.send.packets[0] = packet_ref(p);
	m.send.packets[1] = packet_ref(q);
	m.send.conns = xcalloc(2, sizeof(uint64_t));
	msg_clear(&m);
	assert_int_equal(p->refs, 1);
	assert_int_equal(q->refs, 1);
	packet_unref(&p);
	packet_unref(&q);
}

static void test_every_kind_has_a_name(void **state)
{
	for (int kind = MSG_NONE; kind < MSG_KIND_COUNT; kind++) {
		const char *name = msg_name((enum msg_kind)kind);

		assert_non_null(name);
		assert_true(name[0] >= 'A' && name[0] <= 'Z');
		for (int other = MSG_NONE; other < kind; other++)
			assert_string_not_equal(name, msg_name((enum msg_kind)other));
	}
	assert_string_equal(msg_name(MSG_STORE_BATCH), "STORE_BATCH");
	assert_string_equal(msg_name(MSG_KIND_COUNT), "?");
}

static void test_a_list_grows_with_zeroed_messages(void **state)
{
	struct msgs q = {0};

	for (uint32_t i = 0; i < 1000; i++) {
		struct msg *m = msgs_add(&q);

		assert_cleared(m);
		m->kind = MSG_CREDIT;
		m->credit.handled = i;
	}
	assert_int_equal(q.n, 1000);
	for (uint32_t i = 0; i < q.n; i++)
		assert_int_equal(q.m[i].credit.handled, i);
	q.n = 0;
	assert_cleared(msgs_add(&q)); /* also where another one was */
	msgs_clear(&q);
	assert_int_equal(q.n + q.cap, 0);
}

/* There is no capacity in struct packets: it follows from n, also after some were taken out. */
static void test_packets_after_taking_some_out(void **state)
{
	for (uint32_t cut = 0; cut <= 33; cut++) {
		struct packets ps = some_packets(33);

		for (uint32_t i = 0; i < cut; i++)
			packet_unref(&ps.p[i]);
		memmove(ps.p, ps.p + cut, (33 - cut) * sizeof(*ps.p));
		ps.n -= cut;
		for (uint32_t i = 0; i < 40; i++) {
			struct packet *p = packet("y");
			packets_add(&ps, &p);
		}
		assert_int_equal(ps.n, 73 - cut);
		packets_clear(&ps);
		assert_null(ps.p);
		assert_int_equal(ps.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_frees_what_it_owns),
		cmocka_unit_test(test_sends_hold_references),
		cmocka_unit_test(test_every_kind_has_a_name),
		cmocka_unit_test(test_a_list_grows_with_zeroed_messages),
		cmocka_unit_test(test_packets_after_taking_some_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
