/* Requests by the tables of features, what they wait for, and administration. */
#include "core/testing.h"

static struct world *w;
static struct stanza *deferred;
static unsigned dropped;

/* ---- a table ---- */

static struct xerr get_plain(struct iq *iq)
{
	assert_int_equal(iq->session != NULL, iq->stanza->origin != 0);
	buf_z(&iq->reply, "<plain xmlns='urn:t'>");
	buf_str(&iq->reply, xml_attr(&iq->stanza->tree, iq->query, "say"));
	buf_z(&iq->reply, "</plain>");
	return XERR_OK;
}

static struct xerr set_plain(struct iq *iq)
{
	store_something(w);
	return XERR_OK;
}

static struct xerr get_refused(struct iq *iq) { return xerr_text(XERR_FORBIDDEN, "not you"); }

static struct xerr get_later(struct iq *iq)
{
	deferred = iq_defer(iq);
	return XERR_OK;
}

static struct xerr get_huge(struct iq *iq)
{
	static const char block[65536];

	for (int i = 0; i < 64; i++)
		buf_add(&iq->reply, block, sizeof(block));
	return XERR_OK;
}

static const struct feature first[] = {
	{.name = "Plain",
		.ns = "urn:t",
		.element = "plain",
		.at = AT_SERVER,
		.get = get_plain,
		.set = set_plain,
		.disco = "urn:t",
		.disco_at = AT_SERVER},
	{.name = "Refused",
		.ns = "urn:t",
		.element = "refused",
		.at = AT_SERVER,
		.get = get_refused,
		.disco = "urn:r",
		.disco_at = AT_ACCOUNT | AT_SERVER},
	{.name = "Elsewhere", .ns = "urn:t", .element = "elsewhere", .at = AT_ACCOUNT, .get = get_plain},
	{.name = NULL},
};
static const struct feature second[] = {
	{.name = "Later", .ns = "urn:t", .element = "later", .at = AT_SERVER | AT_ACCOUNT, .get = get_later},
	{.name = "Huge", .ns = "urn:t", .element = "huge", .at = AT_SERVER, .get = get_huge},
	{.name = "Told only", .disco = "urn:only", .disco_at = AT_ACCOUNT},
	{.name = "No handler", .ns = "urn:t", .element = "none", .at = AT_SERVER},
	{.name = NULL},
};
static const struct feature *const tables[] = {first, second, NULL};

static void run_echo(struct command_call *call)
{
	CLEANUP(buf_clear) struct buf text = {.max = 1000};

	for (uint32_t i = 0; i < call->n; i++)
		buf_fmt(&text, "%s%s", i ? "," : "", call->words[i]);
	command_reply_buf(call->core, call->asker, &text);
}

static void run_long(struct command_call *call)
{
	struct buf text;

	buf_init(&text, 10);
	buf_z(&text, "more than ten bytes");
	command_reply_buf(call->core, call->asker, &text);
	buf_clear(&text);
}

static const struct command commands[] = {
	{.name = "user add", .args = "NAME [PASSWORD]", .min = 1, .max = 2, .run = run_echo, .last_is_secret = true},
	{.name = "user", .args = "", .min = 0, .max = 0, .run = run_echo},
	{.name = "long", .args = "", .min = 0, .max = 0, .run = run_long},
	{.name = NULL},
};
static const struct command *const command_tables[] = {commands, NULL};

static int setup(void **state)
{
	w = world_new(&(struct core_config){.wires = 1, .features = tables, .commands = command_tables});
	dropped = 0;
	return 0;
}

static int teardown(void **state)
{
	world_free(w);
	return 0;
}

/* ---- requests ---- */

static void ask(struct peer *a, const char *type, const char *payload)
{
	char xml[512];

	snprintf(xml, sizeof(xml), "<iq to='x.test' type='%s' id='q'>%s</iq>", type, payload);
	say(w, a, xml);
}

static void test_answers(void **state)
{
	static const struct {
		const char *type, *payload, *answer;
	} cases[] = {
		{"get", "<plain xmlns='urn:t' say='hi'/>", "type='result'><plain xmlns='urn:t'>hi</plain></iq>"},
		{"set", "<plain xmlns='urn:t'/>", "id='q' type='result'/>"},
		{"get", "<refused xmlns='urn:t'/>", "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text"},
		{"set", "<refused xmlns='urn:t'/>", "feature-not-implemented"},
		{"get", "<none xmlns='urn:t'/>", "service-unavailable"},
		{"get", "<elsewhere xmlns='urn:t'/>", "service-unavailable"},
		{"get", "<unknown xmlns='urn:t'/>", "service-unavailable"},
		{"get", "<plain xmlns='urn:other'/>", "service-unavailable"},
		{"get", "", "bad-request"},
		{"get", "text", "bad-request"},
		{"get", "<plain xmlns='urn:t'/><plain xmlns='urn:t'/>", "bad-request"},
		{"get", "<huge xmlns='urn:t'/>", "resource-constraint"},
	};
	struct peer a = login(w, 0, "alice", "desk");

	for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask(&a, cases[i].type, cases[i].payload);
		expect_send(w, a.conn, cases[i].answer);
		assert_int_equal(expect(w, a.conn, MSG_CREDIT)->handled, i + 1);
	}
	expect_nothing(w, a.conn);
}

static void test_answers_get_no_answer(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	ask(&a, "result", "<plain xmlns='urn:t'/>");
	expect_credit(w, a.conn, 1, 0);
	ask(&a, "error", "<plain xmlns='urn:t'/>");
	expect_credit(w, a.conn, 2, 0);
	expect_nothing(w, a.conn);
}

static void test_a_change_waits_for_its_commit(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	send(w, &a, "<iq to='x.test' type='set' id='1'><plain xmlns='urn:t'/></iq>");
	send(w, &a, "<iq to='x.test' type='get' id='2'><plain xmlns='urn:t'/></iq>");
	pump(w);
	assert_int_equal(expect_send(w, a.conn, "id='1'")->commit, 1);
	expect_credit(w, a.conn, 1, 1);
	assert_int_equal(expect_send(w, a.conn, "id='2'")->commit, 0);
	expect_credit(w, a.conn, 2, 1);
}

static void test_later(void **state)
{
	struct peer a = login(w, 0, "alice", "desk");

	ask(&a, "get", "<later xmlns='urn:t'/>");
	expect_nothing(w, a.conn);
	turn_begin(w);
	iq_answer(w->core, &deferred, STR("<late xmlns='urn:t'/>"), 0);
	turn_end(w);
	assert_null(deferred);
	expect_send(w, a.conn, "<late xmlns='urn:t'/>");
	expect_credit(w, a.conn, 1, 0);
}

/* Some stanza of somebody who is no session of ours. */
static void test_from_elsewhere(void **state)
{
	struct stanza *s =
		parse("note@x.test", "<iq to='x.test' type='get' id='q'><plain xmlns='urn:t' say='far'/></iq>");

	turn_begin(w);
	core_send(w->core, &s);
	turn_end(w);
	pump(w);
	expect_note(w,
		"note: <iq from='x.test' to='note@x.test' id='q' type='result'><plain xmlns='urn:t'>far</plain>");
}

static void test_what_is_advertised(void **state)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1000};

	feature_disco(&w->box[0]->entity, AT_ACCOUNT, &out);
	assert_string_equal(buf_cstr(&out), "<feature var='urn:r'/><feature var='urn:only'/>");
}

/* ---- waiting ---- */

struct note_wait {
	struct wait wait;
	int n;
};

static int last_answer, last_rows;

static void on_answer(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	last_answer = ((struct note_wait *)wait)->n;
	last_rows = rows ? rows->error : keys ? 1000 + (int)keys[1].iterations : 0;
	xfree(wait);
}

static void on_drop(struct wait *wait)
{
	dropped++;
	xfree(wait);
}

static struct wait *new_wait(int n)
{
	struct note_wait *nw = xcalloc(1, sizeof(*nw));

	nw->wait.answer = on_answer;
	nw->wait.drop = on_drop;
	nw->n = n;
	return &nw->wait;
}

static void answer(uint64_t tag, int error)
{
	struct msg *m = put(w, MSG_STORE_ANSWER, 0, 0);

	m->store_answer.rows = store_rows_new(STORE_VCARD_GET, tag);
	m->store_answer.rows->error = error;
	pump(w);
}

static void test_waits(void **state)
{
	uint64_t tags[3];
	struct store_query *q;
	char *password = xstrdup("secret");
	struct msg *m;

	turn_begin(w);
	for (int i = 0; i < 3; i++)
		tags[i] = core_wait(w->core, new_wait(i + 1));
	q = store_query_new(STORE_VCARD_GET, tags[0], STR("x.test"), STR("a"));
	core_ask(w->core, &q);
	assert_null(q);
	core_hash(w->core, &password, new_wait(4));
	assert_null(password);
	turn_end(w);
	assert_int_equal(w->store.n, 1);
	assert_int_equal(w->store.m[0].store_ask.query->tag, tags[0]);
	assert_int_equal(core_out_helper(w->core)->n, 1);
	answer(tags[1], ERR_IO);
	assert_int_equal(last_answer, 2);
	assert_int_equal(last_rows, ERR_IO);
	answer(tags[0], 0);
	assert_int_equal(last_answer, 1);
	last_answer = 0;
	answer(tags[0], 0); /* nobody waits any more */
	answer(12345, 0);
	assert_int_equal(last_answer, 0);
	m = put(w, MSG_HASH_REPLY, 0, core_out_helper(w->core)->m[0].session);
	m->hash_reply.keys = xcalloc(2, sizeof(struct scram_keys));
	m->hash_reply.keys[1].iterations = 7;
	pump(w);
	assert_int_equal(last_answer, 4);
	assert_int_equal(last_rows, 1007);
	assert_int_equal(dropped, 0);
	core_free(&w->core);
	assert_int_equal(dropped, 1); /* the third */
	w->core = core_new(&(struct core_config){.wires = 1});
}

/* ---- administration ---- */

static void command(const char *line)
{
	char *copy = xstrdup(line), *save = NULL;
	struct msg *m = put(w, MSG_ADMIN_ASK, 77, 0);

	m->admin_ask.words = xcalloc(16, sizeof(char *));
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		m->admin_ask.words[m->admin_ask.n++] = xstrdup(word);
	xfree(copy);
	pump(w);
}

static void test_commands(void **state)
{
	command("user add alice secret");
	assert_string_equal(w->reply, "user,add,alice,secret");
	assert_false(w->reply_failed);
	command("user add alice");
	assert_string_equal(w->reply, "user,add,alice");
	command("user");
	assert_string_equal(w->reply, "user");
	command("user add");
	assert_true(w->reply_failed);
	assert_string_equal(w->reply, "usage: user add NAME [PASSWORD]");
	command("user add a b c");
	assert_true(w->reply_failed);
	command("user delete");
	assert_true(w->reply_failed);
	command("use");
	assert_string_equal(w->reply, "unknown command");
	command("");
	assert_string_equal(w->reply, "unknown command");
	command("long");
	assert_true(w->reply_failed);
	assert_string_equal(w->reply, "the answer is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_get_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_change_waits_for_its_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_advertised, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
