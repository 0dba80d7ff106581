#include "base/codec.h"
#include "peer/testing.h"

/* The other end is the same automaton, driven by hand. */
struct other {
	struct sas sas;
	struct world *w;
	uint64_t conn;
};

static void other_init(struct other *o, struct world *w, uint64_t conn)
{
	uint8_t exporter[32];

	memset(exporter, (int)conn, sizeof(exporter));
	*o = (struct other){.w = w, .conn = conn};
	assert_int_equal(sas_init(&o->sas, key_of('b'), key_of('n'), exporter), 0);
}

static void other_says(struct other *o, const char *step, const uint8_t *data, size_t n)
{
	CLEANUP(buf_clear) struct buf text = {.max = 256};

	b64_encode(&text, data, n);
	hear(o->w, o->conn,
		"<message from='%s' to='%s' id='v'><verify xmlns='urn:wireside:verify:0' step='%s'>%s</verify></message>",
		domain_of('b'), domain_of('n'), step, buf_cstr(&text));
}

/* The data of our step with this name. */
static struct str our(struct other *o, const char *step, struct buf *out)
{
	char part[64];
	const char *text, *end;

	snprintf(part, sizeof(part), "step='%s'>", step);
	text = strstr(expect_sent(o->w, o->conn, part), part) + strlen(part);
	end = strchr(text, '<');
	buf_reset(out);
	assert_int_equal(b64_decode(out, (struct str){text, (size_t)(end - text)}), 0);
	return buf_view(out);
}

static struct world *with_link(struct other *o)
{
	struct world *w = world_new();
	uint64_t conn = link_from(w, 'b', "bob");

	say_message(w, jid_of('b', "bob"), "m", "hi");
	look_away(w);
	other_init(o, w, conn);
	return w;
}

/* Up to where both see the code; we began. */
static void compare(struct other *o)
{
	CLEANUP(buf_clear) struct buf data = {.max = 64};
	struct sas_code code;
	uint8_t nonce[32];

	command(o->w, "peer", "verify", "bob", NULL);
	assert_false(o->w->reply_failed);
	assert_int_equal(sas_on_commit(&o->sas, our(o, "commit", &data), nonce), 0);
	other_says(o, "nonce", nonce, sizeof(nonce));
	assert_int_equal(sas_on_reveal(&o->sas, our(o, "reveal", &data)), 0);
	assert_int_equal(sas_code(&o->sas, &code), 0);
	assert_non_null(strstr(expect_got(o->w, "compare with"), code.digits));
	assert_int_equal(row(o->w, 'b')->trust, TRUST_PINNED);
}

static void both_say_yes(void **state)
{
	for (int we_first = 0; we_first < 2; we_first++) {
		struct other o;
		struct world *w = with_link(&o);

		compare(&o);
		if (!we_first)
			other_says(&o, "confirm", NULL, 0);
		assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
		command(w, "peer", "verify", "bob", "yes", NULL);
		assert_false(w->reply_failed);
		expect_sent(w, o.conn, "step='confirm'");
		if (we_first) {
			assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
			other_says(&o, "confirm", NULL, 0);
		}
		assert_int_equal(row(w, 'b')->trust, TRUST_VERIFIED);
		expect_got(w, "kind='verified'");
		assert_null(row(w, 'b')->verify);
		sas_clear(&o.sas);
		world_restart(w);
		assert_int_equal(row(w, 'b')->trust, TRUST_VERIFIED);
		world_free(w);
	}
}

static void they_begin(void **state)
{
	struct other o;
	struct world *w = with_link(&o);
	CLEANUP(buf_clear) struct buf data = {.max = 64};
	uint8_t commit[32], reveal[32];
	struct sas_code code;

	assert_int_equal(sas_start(&o.sas, commit), 0);
	other_says(&o, "commit", commit, sizeof(commit));
	assert_int_equal(got_with(w, "compare with"), 0);
	assert_int_equal(sas_on_nonce(&o.sas, our(&o, "nonce", &data), reveal), 0);
	other_says(&o, "reveal", reveal, sizeof(reveal));
	assert_int_equal(sas_code(&o.sas, &code), 0);
	assert_non_null(strstr(expect_got(w, "compare with"), code.words));
	command(w, "peer", "verify", "bob", "yes", NULL);
	other_says(&o, "confirm", NULL, 0);
	assert_int_equal(row(w, 'b')->trust, TRUST_VERIFIED);
	sas_clear(&o.sas);
	world_free(w);
}

static void a_no(void **state)
{
	for (int ours = 0; ours < 2; ours++) {
		struct other o;
		struct world *w = with_link(&o);

		compare(&o);
		if (ours) {
			command(w, "peer", "verify", "bob", "no", NULL);
			expect_sent(w, o.conn, "step='cancel'");
		} else {
			other_says(&o, "cancel", NULL, 0);
		}
		expect_got(w, "could not be verified");
		other_says(&o, "confirm", NULL, 0);
		command(w, "peer", "verify", "bob", "yes", NULL);
		assert_true(w->reply_failed);
		assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
		sas_clear(&o.sas);
		world_free(w);
	}
}

/* A yes before there is a code to compare is none. */
static void too_early(void **state)
{
	struct other o;
	struct world *w = with_link(&o);
	uint8_t commit[32];

	other_says(&o, "confirm", NULL, 0);
	assert_null(row(w, 'b')->verify);
	sas_start(&o.sas, commit);
	other_says(&o, "commit", commit, sizeof(commit));
	other_says(&o, "confirm", NULL, 0);
	command(w, "peer", "verify", "bob", "yes", NULL);
	assert_true(w->reply_failed);
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	sas_clear(&o.sas);
	world_free(w);
}

/* The number is not the promised one: told, and no second attempt on this link. */
static void a_broken_promise(void **state)
{
	struct other o;
	struct world *w = with_link(&o);
	uint8_t commit[32], wrong[32] = {1};

	sas_start(&o.sas, commit);
	other_says(&o, "commit", commit, sizeof(commit));
	other_says(&o, "reveal", wrong, sizeof(wrong));
	expect_got(w, "somebody may sit between");
	assert_int_equal(got_with(w, "compare with"), 0);
	other_says(&o, "commit", commit, sizeof(commit));
	expect_sent(w, o.conn, "step='cancel'");
	assert_int_equal(sent_with(w, o.conn, "step='nonce'"), 0);
	sas_clear(&o.sas);
	/* Ours goes by a new link. */
	command(w, "peer", "verify", "bob", NULL);
	assert_true(conn_of(w, o.conn)->closed);
	o.conn = link_from(w, 'b', "bob");
	expect_sent(w, o.conn, "step='commit'");
	world_free(w);
}

static void nonsense(void **state)
{
	static const char *const steps[] = {"commit", "nonce", "reveal", "confirm", "cancel", "", "x"};
	struct other o;
	struct world *w = with_link(&o);
	uint8_t junk[40] = {7};

	for (size_t n = 0; n <= sizeof(junk); n += 8)
		for (size_t i = 0; i < ARRAY_LEN(steps); i++)
			other_says(&o, steps[i], junk, n);
	hear(w, o.conn,
		"<message from='%s' to='%s'><verify xmlns='urn:wireside:verify:0' step='commit'>!!</verify></message>",
		domain_of('b'), domain_of('n'));
	hear(w, o.conn, "<message from='%s' to='%s'><verify xmlns='urn:wireside:verify:0'/></message>", domain_of('b'),
		domain_of('n'));
	assert_int_equal(row(w, 'b')->trust, TRUST_PINNED);
	sas_clear(&o.sas);
	world_free(w);
}

static void ends(void **state)
{
	struct other o;
	struct world *w = with_link(&o);

	compare(&o);
	sleep_ms(w, 120000);
	expect_got(w, "it took too long");
	assert_null(row(w, 'b')->verify);
	sas_clear(&o.sas);
	world_free(w);

	w = with_link(&o);
	compare(&o);
	cut(w, o.conn, false);
	expect_got(w, "the link broke");
	assert_null(row(w, 'b')->verify);
	sas_clear(&o.sas);
	world_free(w);
}

/* What is true, and what to do, however often it is said. */
static void again(void **state)
{
	struct other o;
	struct world *w = with_link(&o);

	command(w, "peer", "verify", "bob", "yes", NULL);
	assert_true(w->reply_failed);
	assert_non_null(strstr(w->reply, "nothing is being compared with bob now: /verify bob begins"));
	command(w, "peer", "verify", "bob", NULL);
	assert_string_equal(w->reply, "a code to compare with bob comes in a moment\n");
	command(w, "peer", "verify", "bob", NULL);
	assert_string_equal(w->reply, "comparing with bob has begun before; the code comes in a moment\n");
	command(w, "peer", "verify", "bob", "code", NULL);
	assert_string_equal(w->reply, "");
	/* He has cancelled: whoever looks for the code is told so, and gives nobody another try. */
	other_says(&o, "cancel", NULL, 0);
	command(w, "peer", "verify", "bob", "code", NULL);
	assert_true(w->reply_failed);
	assert_non_null(strstr(w->reply, "nothing is being compared with bob any more"));
	assert_false(conn_of(w, o.conn)->closed);
	world_free(w);

	w = with_link(&o);
	compare(&o);
	command(w, "peer", "verify", "bob", NULL);
	assert_non_null(strstr(w->reply, "you are comparing with bob: "));
	assert_non_null(strstr(w->reply, "). The same on both? /verify bob yes, otherwise /verify bob no"));
	command(w, "peer", "verify", "bob", "code", NULL);
	assert_non_null(strstr(w->reply, "). The same on both? `wireside peer verify bob yes`, otherwise"));
	assert_false(conn_of(w, o.conn)->closed);
	command(w, "peer", "verify", "bob", "yes", NULL);
	assert_non_null(strstr(w->reply, "bob is verified once the other side says so, too"));
	other_says(&o, "confirm", NULL, 0);
	assert_int_equal(row(w, 'b')->trust, TRUST_VERIFIED);
	/* Linked as it is: the next comparison needs another link. */
	command(w, "peer", "verify", "bob", NULL);
	assert_string_equal(w->reply,
		"bob is verified already; once more: the link to bob has had its one comparison, so it is made anew, and a code "
		"comes then\n");
	assert_true(conn_of(w, o.conn)->closed);
	sas_clear(&o.sas);
	o.conn = link_from(w, 'b', "bob");
	expect_sent(w, o.conn, "step='commit'");
	assert_int_equal(row(w, 'b')->trust, TRUST_VERIFIED);
	cut(w, o.conn, false);
	command(w, "peer", "verify", "bob", NULL);
	assert_non_null(strstr(w->reply, "bob is not linked now; a code to compare comes if that changes"));
	world_free(w);

	w = with_link(&o);
	compare(&o);
	other_says(&o, "confirm", NULL, 0);
	command(w, "peer", "verify", "bob", "yes", NULL);
	assert_string_equal(w->reply, "you say it is the same, and so does bob\n");
	sas_clear(&o.sas);
	world_free(w);
}

/* Not there yet: it begins when there is a link. */
static void when_it_comes(void **state)
{
	struct world *w = world_new();
	char address[64];
	uint64_t id, conn;

	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	command(w, "peer", "verify", "bob", NULL);
	id = next_dial(w, address, NULL);
	conn = ask_link(w, &(struct asking){.who = 'b', .from = jid_of('b', "bob"), .dial = id});
	open_session(w, conn, "t");
	expect_sent(w, conn, "step='commit'");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_say_yes),
		cmocka_unit_test(they_begin),
		cmocka_unit_test(a_no),
		cmocka_unit_test(too_early),
		cmocka_unit_test(a_broken_promise),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(ends),
		cmocka_unit_test(again),
		cmocka_unit_test(when_it_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
