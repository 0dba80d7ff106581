/* What a session and a message cost in allocations: counted, not timed, so every run gives the same numbers. They may become
 * smaller; if one of them has to grow, that is a decision. */
#include <stdio.h>

#include "base/codec.h"
#include "loop/loop.h"
#include "tests/sim/guest.h"
#include "xmpp/ns.h"

enum {
	SESSION_BYTES_MAX = 2560,
	SM_BYTES_MAX = 320,       /* more with XEP-0198 enabled */
	ALLOCS_MESSAGE = 5,       /* one-to-one */
	ALLOCS_ROOM_MESSAGE = 10, /* the history keeps who said it */
	ALLOCS_PRESENCE = 8
};

/* ---- a cable that holds nothing: what the server reads is given by hand, what it writes is looked at and dropped ---- */

struct plug {
	struct link link;
	struct loop *loop;
	struct defer ready;
	int events;
	void (*on_ready)(void *arg, int events);
	void *arg;
	struct str in; /* not read yet */
};

static struct {
	struct buf got; /* of all plugs, while kept */
	bool keep;
	uint64_t stanzas; /* "<message", counted as they begin a write */
} written;

static struct plug *plug_of(struct link *k) { return CONTAINER_OF(k, struct plug, link); }

static int plug_recv(struct link *k, void *p, size_t n)
{
	struct plug *g = plug_of(k);

	if (!g->in.n)
		return ERR_AGAIN;
	if (n > g->in.n)
		n = g->in.n;
	memcpy(p, g->in.p, n);
	g->in = (struct str){g->in.p + n, g->in.n - n};
	return (int)n;
}

static int plug_send(struct link *k, const void *p, size_t n)
{
	if (written.keep)
		buf_add(&written.got, p, n);
	written.stanzas += n >= 8 && memcmp(p, "<message", 8) == 0;
	return (int)n;
}

static void plug_ready(struct defer *d)
{
	struct plug *g = CONTAINER_OF(d, struct plug, ready);

	if (g->events & WATCH_READ && g->in.n)
		g->on_ready(g->arg, WATCH_READ);
}

static void plug_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg)
{
	struct plug *g = plug_of(k);

	g->events = events;
	g->on_ready = on_ready;
	g->arg = arg;
	if (g->in.n && events & WATCH_READ)
		loop_next(g->loop, &g->ready);
}

static bool plug_pending(struct link *k) { return false; }
static int plug_shutdown(struct link *k) { return 0; }
static int plug_want(struct link *k, int events) { return events; }
static int plug_binding(struct link *k, enum link_binding kind, struct buf *out) { return ERR_UNSUPPORTED; }

static void plug_info(struct link *k, struct link_info *ret)
{
	*ret = (struct link_info){.peer = STR("plug"), .address = STR("plug"), .local = true, .unix_uid = -1};
}

static void plug_free(struct link *k)
{
	loop_undefer(&plug_of(k)->ready);
	xfree(plug_of(k));
}

static const struct link_ops plug_ops = {
	.name = "plug",
	.recv = plug_recv,
	.send = plug_send,
	.pending = plug_pending,
	.shutdown = plug_shutdown,
	.want = plug_want,
	.watch = plug_watch,
	.info = plug_info,
	.binding = plug_binding,
	.free = plug_free,
};

static struct plug *plug_new(struct loop *l)
{
	struct plug *g = xcalloc(1, sizeof(*g));

	g->link.ops = &plug_ops;
	g->loop = l;
	g->ready.run = plug_ready;
	return g;
}

/* ---- sessions ---- */

struct hall {
	struct stage stage;
	struct plug *plugs[1200]; /* the server frees them */
	unsigned n;
};

static void hall_open(struct hall *h, unsigned people)
{
	const struct stage_options o = {.people = people, .strangers = true, .no_limits = true};

	*h = (struct hall){.n = 0};
	stage_open(&h->stage, &o);
	buf_init(&written.got, 1 << 20);
}

static void hall_close(struct hall *h)
{
	buf_clear(&written.got);
	stage_close(&h->stage);
}

/* The client of this plug says it; all that follows has happened. The text must live until then. */
static void say(struct hall *h, unsigned i, const char *text)
{
	struct plug *g = h->plugs[i];

	g->in = str_z(text);
	loop_next(h->stage.loop, &g->ready);
	stage_settle(&h->stage);
	assert_int_equal(g->in.n, 0);
}

static void expect(struct hall *h, unsigned i, const char *text, const char *answer)
{
	buf_reset(&written.got);
	written.keep = true;
	say(h, i, text);
	written.keep = false;
	if (answer && !strstr(buf_cstr(&written.got), answer))
		fail_msg("no \"%s\" in \"%s\"", answer, buf_cstr(&written.got));
}

#define HEADER "<stream:stream to='" STAGE_DOMAIN "' version='1.0' xmlns='jabber:client' xmlns:stream='" NS_STREAM "'>"

static unsigned login(struct hall *h)
{
	unsigned i = h->n++;
	struct link *link = &(h->plugs[i] = plug_new(h->stage.loop))->link;
	char plain[64], auth[256];
	int n = snprintf(plain, sizeof(plain), "%cu%u%csecret", 0, i, 0);
	struct buf b64;

	server_accept(h->stage.server, 0, &link, &stream_client, false);
	buf_init(&b64, 256);
	b64_encode(&b64, plain, (size_t)n);
	snprintf(auth, sizeof(auth), "<auth xmlns='" NS_SASL "' mechanism='PLAIN'>%s</auth>", buf_cstr(&b64));
	buf_clear(&b64);
	expect(h, i, HEADER, "<mechanism>PLAIN<");
	expect(h, i, auth, "<success ");
	expect(h, i, HEADER, "<bind ");
	expect(h, i, "<iq type='set' id='b'><bind xmlns='" NS_BIND "'><resource>desktop</resource></bind></iq>",
		"/desktop</jid>");
	say(h, i, "<presence/>");
	return i;
}

/* Bytes a session, of so many more. */
static int64_t cost_of_sessions(struct hall *h, unsigned n, const char *and_say)
{
	struct plug *g = plug_new(h->stage.loop);
	int64_t before = mem_stats().bytes, plug;

	plug_free(&g->link);
	plug = before - mem_stats().bytes;
	before = mem_stats().bytes;
	for (unsigned k = 0; k < n; k++) {
		unsigned i = login(h);

		if (and_say)
			say(h, i, and_say);
	}
	stage_pass(&h->stage, 120000);
	return (mem_stats().bytes - before) / n - plug;
}

static void test_bytes_per_session(void **state)
{
	struct hall h;
	int64_t plain, counting;

	hall_open(&h, ARRAY_LEN(h.plugs));
	cost_of_sessions(&h, 100, NULL); /* what is there once for all */
	plain = cost_of_sessions(&h, 500, NULL);
	counting = cost_of_sessions(&h, 500, "<enable xmlns='" NS_SM "' resume='true'/>");
	print_message("an idle session: %d bytes, with XEP-0198 %d\n", (int)plain, (int)counting);
	assert_in_range(plain, 1, SESSION_BYTES_MAX);
	assert_in_range(counting, 1, plain + SM_BYTES_MAX);
	hall_close(&h);
}

/* ---- messages ---- */

/* Allocations of each of many repetitions, which must be the same each time. */
static uint64_t allocs_of(struct hall *h, unsigned from, const char *text, unsigned deliveries)
{
	enum { WARM_UP = 100, TIMES = 200 };
	uint64_t first = 0, stanzas;

	for (unsigned k = 0; k < WARM_UP; k++)
		say(h, from, text);
	stanzas = written.stanzas;
	for (unsigned k = 0; k < TIMES; k++) {
		uint64_t before = mem_stats().allocs, now;

		say(h, from, text);
		now = mem_stats().allocs - before;
		first = k ? first : now;
		assert_int_equal(now, first);
	}
	if (deliveries)
		assert_int_equal(written.stanzas - stanzas, (uint64_t)TIMES * deliveries);
	return first;
}

static void test_allocations_per_message(void **state)
{
	struct hall h;
	uint64_t direct, bare;

	hall_open(&h, 10);
	for (unsigned i = 0; i < 10; i++)
		login(&h);
	direct = allocs_of(&h, 0,
		"<message to='u1@" STAGE_DOMAIN
		"/desktop' type='chat' id='m'><body>The quick brown fox</body></message>",
		1);
	bare = allocs_of(&h, 0,
		"<message to='u2@" STAGE_DOMAIN "' type='chat' id='m'><body>The quick brown fox</body></message>", 1);
	print_message("a message: %d allocations, %d to a bare address\n", (int)direct, (int)bare);
	assert_in_range(direct, 1, ALLOCS_MESSAGE);
	assert_in_range(bare, 1, ALLOCS_MESSAGE);
	hall_close(&h);
}

static uint64_t allocs_in_room(unsigned occupants, const char *text, unsigned deliveries)
{
	struct hall h;
	uint64_t n;

	hall_open(&h, occupants);
	for (unsigned i = 0; i < occupants; i++) {
		char join[256];

		login(&h);
		snprintf(join, sizeof(join),
			"<presence to='tea@rooms." STAGE_DOMAIN "/n%u'><x xmlns='" NS_MUC "'/></presence>", i);
		expect(&h, i, join, "code='110'");
		if (i == 0)
			say(&h, i,
				"<iq type='set' id='c' to='tea@rooms." STAGE_DOMAIN "'><query xmlns='" NS_MUC_OWNER
				"'><x xmlns='" NS_DATA "' type='submit'/></query></iq>");
	}
	n = allocs_of(&h, 0, text, deliveries);
	hall_close(&h);
	return n;
}

/* The same for five as for four hundred: nothing for a recipient. */
static void test_allocations_per_room_message(void **state)
{
	static const char text[] =
		"<message to='tea@rooms." STAGE_DOMAIN "' type='groupchat' id='g'><body>Is there tea?</body></message>";
	uint64_t few = allocs_in_room(5, text, 5), more = allocs_in_room(50, text, 50),
		 many = allocs_in_room(400, text, 400);

	print_message("a room message: %d allocations to 5, %d to 50, %d to 400\n", (int)few, (int)more, (int)many);
	assert_int_equal(few, more);
	assert_int_equal(few, many);
	assert_in_range(few, 1, ALLOCS_ROOM_MESSAGE);
}

static void test_allocations_per_room_presence(void **state)
{
	static const char text[] = "<presence to='tea@rooms." STAGE_DOMAIN "/n0'><show>away</show></presence>";
	uint64_t few = allocs_in_room(5, text, 0), many = allocs_in_room(200, text, 0);

	print_message("presence in a room: %d allocations to 5, %d to 200\n", (int)few, (int)many);
	assert_int_equal(few, many);
	assert_in_range(few, 1, ALLOCS_PRESENCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_per_session),
		cmocka_unit_test(test_allocations_per_message),
		cmocka_unit_test(test_allocations_per_room_message),
		cmocka_unit_test(test_allocations_per_room_presence),
	};

	return cmocka_run_group_tests(tests, guest_setup, NULL);
}
