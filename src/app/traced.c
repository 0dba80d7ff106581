/* What a node or a server tells whoever traces it, over its control socket and nowhere else: the secrets of links that are made from
 * now on, and each stanza as it was on the wire. Several may trace at a time, and each hears all of it. It is kept in memory
 * until it is taken, for as long as somebody takes it: a tracer that has died leaves nothing armed. */
#include <string.h>

#include "app/node.h"
#include "app/server_i.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "peer/peers.h"

enum { LEASE_MS = 30000, LINES_MAX = 4 << 20, TRACERS_MAX = 8 };

/* What a tracer hears of, one line each. */
enum {
	WANTS_KEYS = 1,    /* key LABEL RANDOM SECRET, as in a key log */
	WANTS_STANZAS = 2, /* stanza {JSON} */
	WANTS_PDUS = 4     /* pdu sent|received MS OWN-ADDRESS OTHER-ADDRESS HEX */
};

struct tracer {
	unsigned number; /* 0: nobody */
	unsigned wants;
	struct buf lines;
	uint64_t lost; /* lines for which there was no room */
	int64_t until; /* unless something is taken */
};

struct traced {
	struct server *server;
	struct tracer tracers[TRACERS_MAX];
	unsigned last; /* number given */
	unsigned armed;
	bool ending;
	struct timer lease;
};

/* ---- gathering ---- */

static void forget_lines(struct tracer *one)
{
	if (one->lines.p)
		mem_wipe(one->lines.p, one->lines.n);
	buf_clear(&one->lines);
	one->lost = 0;
}

static void add(struct traced *t, unsigned what, const struct buf *line)
{
	for (size_t i = 0; i < TRACERS_MAX; i++) {
		struct tracer *one = &t->tracers[i];

		if (!one->number || !(one->wants & what))
			continue;
		if (!buf_ok(line) || one->lines.n + line->n > LINES_MAX)
			one->lost++;
		else
			buf_str(&one->lines, buf_view(line));
	}
}

static void on_key_line(void *arg, const char *text)
{
	CLEANUP(buf_clear) struct buf line = {.max = 1024};

	buf_fmt(&line, "key %s\n", text);
	add(arg, WANTS_KEYS, &line);
	if (line.p)
		mem_wipe(line.p, line.n);
}

static void add_stanza(struct traced *t, const struct wire_tapped *stanza)
{
	CLEANUP(buf_clear) struct buf line = {.max = LINES_MAX};

	buf_fmt(&line, "stanza {\"dir\": \"%s\", \"time\": \"", stanza->sent ? "sent" : "received");
	clock_format(&line, loop_wall(t->server->loop));
	buf_z(&line, "\", \"with\": ");
	json_text(&line, stanza->peer);
	buf_z(&line, ", \"xml\": ");
	json_text(&line, stanza->xml);
	buf_z(&line, "}\n");
	add(t, WANTS_STANZAS, &line);
}

static void add_pdu(struct traced *t, const struct wire_tapped *stanza)
{
	CLEANUP(buf_clear) struct buf line = {.max = LINES_MAX};

	buf_fmt(&line, "pdu %s %lld %.*s %.*s ", stanza->sent ? "sent" : "received",
		(long long)loop_wall(t->server->loop), STR_FMT(stanza->own), STR_FMT(stanza->other));
	hex_encode(&line, stanza->xml.p, stanza->xml.n);
	buf_char(&line, '\n');
	add(t, WANTS_PDUS, &line);
}

static void on_stanza(void *arg, const struct wire_tapped *stanza)
{
	struct traced *t = arg;

	if (t->armed & WANTS_STANZAS)
		add_stanza(t, stanza);
	if (t->armed & WANTS_PDUS)
		add_pdu(t, stanza);
}

/* ---- armed or not ---- */

/* Nothing is told that nobody wants: without a tracer TLS has no callback. */
static void tell_keys(struct traced *t, struct tls_ctx *ctx)
{
	tls_ctx_keylog(ctx, t->armed & WANTS_KEYS ? on_key_line : NULL, t);
}

static void settle(struct traced *t)
{
	struct wire_unit *u = &t->server->units[0];
	unsigned before = t->armed;
	int64_t next = INT64_MAX;

	t->armed = 0;
	for (size_t i = 0; i < TRACERS_MAX; i++) {
		if (!t->tracers[i].number)
			continue;
		t->armed |= t->tracers[i].wants;
		next = t->tracers[i].until < next ? t->tracers[i].until : next;
	}
	timer_stop(loop_timers(t->server->loop), &t->lease);
	if (t->armed)
		timer_start(loop_timers(t->server->loop), &t->lease, next);
	if (t->armed == before)
		return;
	tell_keys(t, u->tls);
	if (t->server->node) {
		tell_keys(t, u->node_in);
		tell_keys(t, u->node_out);
		tell_keys(t, u->starttls_in);
		tell_keys(t, u->starttls_out);
	}
	wire_tap(u->wire, t->armed & (WANTS_STANZAS | WANTS_PDUS) ? on_stanza : NULL, t);
	log_info("trace", "armed=%s", t->armed ? "yes" : "no");
	if (!t->server->node || t->ending || !((t->armed ^ before) & WANTS_KEYS))
		return;
	/* The secrets that were told would open all that goes over these connections from now on. */
	if (!(t->armed & WANTS_KEYS))
		wire_relink(u->wire, STR_NONE);
	node_traced(t->server, t->armed & WANTS_KEYS);
}

static void renew(struct traced *t, struct tracer *one)
{
	one->until = loop_now(t->server->loop) + LEASE_MS;
	settle(t);
}

static void end(struct tracer *one)
{
	forget_lines(one);
	*one = (struct tracer){0};
}

static void on_lease_end(struct timer *timer)
{
	struct traced *t = CONTAINER_OF(timer, struct traced, lease);

	for (size_t i = 0; i < TRACERS_MAX; i++)
		if (t->tracers[i].number && t->tracers[i].until <= loop_now(t->server->loop))
			end(&t->tracers[i]);
	settle(t);
}

/* ---- who is meant ---- */

static struct tracer *find_tracer(struct traced *t, const char *word)
{
	uint64_t number = 0;

	if (str_uint(str_z(word), UINT32_MAX, &number) != 0 || !number)
		return NULL;
	for (size_t i = 0; i < TRACERS_MAX; i++)
		if (t->tracers[i].number == number)
			return &t->tracers[i];
	return NULL;
}

static struct tracer *tracer_of(struct traced *t, char **words, uint32_t n, struct buf *out)
{
	struct tracer *one = n == 1 ? find_tracer(t, words[0]) : NULL;

	if (!one)
		buf_z(out, "not armed, or nothing was taken for too long");
	return one;
}

static struct host *peers_of(const struct traced *t) { return core_gateway(t->server->core); }

/* The peer that people call so; absent address: all. */
static bool mean(const struct traced *t, char **words, uint32_t n, struct str *ret, struct buf *out)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	*ret = STR_NONE;
	if (n == 0)
		return true;
	if (n == 1 && peers_mean(peers_of(t), str_z(words[0]), ret, &why) == 0)
		return true;
	buf_fmt(out, why.n ? "%s may be any of these: %s" : "nobody is called %s%s", words[0], buf_cstr(&why));
	return false;
}

/* ---- commands: the words behind their names ---- */

/* A server's stanzas are between clients and it: there is no link of peers to be heard. Its threads have contexts of their own. */
static bool may_arm(const struct traced *t, unsigned wants, struct buf *out)
{
	if (!t->server->node && wants & (WANTS_STANZAS | WANTS_PDUS))
		buf_z(out, "a server tells secrets only, no stanzas");
	else if (t->server->units[0].threaded)
		buf_z(out, "a server with threads for connections tells no secrets: start it without --wires");
	else
		return true;
	return false;
}

static bool run_arm(struct traced *t, char **words, uint32_t n, struct buf *out)
{
	static const struct {
		const char *name;
		unsigned bit;
	} kinds[] = {{"keys", WANTS_KEYS}, {"stanzas", WANTS_STANZAS}, {"pdus", WANTS_PDUS}};
	struct tracer *one = NULL;
	unsigned wants = 0;

	for (uint32_t i = 0; i < n; i++) {
		unsigned before = wants;

		for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
			wants |= strcmp(words[i], kinds[k].name) == 0 ? kinds[k].bit : 0;
		if (wants == before) {
			buf_z(out, "usage: trace arm [keys] [stanzas] [pdus]");
			return false;
		}
	}
	wants = n ? wants : WANTS_KEYS | WANTS_STANZAS;
	if (!may_arm(t, wants, out))
		return false;
	for (size_t i = 0; i < TRACERS_MAX && !one; i++)
		one = t->tracers[i].number ? NULL : &t->tracers[i];
	if (!one) {
		buf_fmt(out, "%d others trace this node already, or did so until %d s ago", TRACERS_MAX,
			LEASE_MS / 1000);
		return false;
	}
	*one = (struct tracer){.number = ++t->last, .wants = wants};
	buf_init(&one->lines, LINES_MAX);
	renew(t, one);
	buf_fmt(out, "%u\n", one->number);
	return true;
}

static bool run_disarm(struct traced *t, char **words, uint32_t n, struct buf *out)
{
	struct tracer *one = tracer_of(t, words, n, out);

	if (!one)
		return false;
	end(one);
	settle(t);
	buf_z(out, "disarmed\n");
	return true;
}

static bool run_relink(struct traced *t, char **words, uint32_t n, struct buf *out)
{
	struct str peer;

	if (!t->server->node) {
		buf_z(out, "clients of a server are not asked to connect anew");
		return false;
	}
	if (!mean(t, words, n, &peer, out))
		return false;
	buf_fmt(out, "%u\n", wire_relink(t->server->units[0].wire, peer));
	return true;
}

static bool run_take(struct traced *t, char **words, uint32_t n, struct buf *out)
{
	struct tracer *one = tracer_of(t, words, n, out);

	if (!one)
		return false;
	renew(t, one);
	buf_str(out, buf_view(&one->lines));
	if (one->lost)
		buf_fmt(out, "lost %llu\n", (unsigned long long)one->lost);
	forget_lines(one);
	buf_init(&one->lines, LINES_MAX);
	return true;
}

struct listing {
	struct traced *t;
	struct buf *out;
	struct str only; /* absent: all */
};

static void put_link(void *arg, const struct wire_tapped *link)
{
	struct listing *l = arg;
	struct str row = link->peer, label = STR_NONE;

	peers_row(peers_of(l->t), link->peer, &row, &label);
	buf_fmt(l->out, "link\t%s\t%.*s\t%.*s\t%.*s\t%.*s\n", link->secure ? "tls" : "plain", STR_FMT(link->own),
		STR_FMT(link->other), STR_FMT(row), STR_FMT(label));
}

static void put_address(void *arg, struct str peer, struct str label, struct str where)
{
	struct listing *l = arg;

	if (!l->only.p || str_eq(peer, l->only))
		buf_fmt(l->out, "peer\t%.*s\t%.*s\t%.*s\n", STR_FMT(where), STR_FMT(peer), STR_FMT(label));
}

static void put_listeners(const struct server *s, struct buf *out)
{
	if (!s->node)
		buf_fmt(out, "server\t%s\n", s->config->domains.item[0]);
	for (unsigned i = 0; i < s->port_count; i++)
		buf_fmt(out, "listen\t%s\t%.*s\n", s->ports[i].name, STR_FMT(listener_address(s->ports[i].listener)));
}

/* Where clients connect, where the peers are, or the one named, and all links that are up, so that a capture knows which packets are whose. */
static bool run_links(struct traced *t, char **words, uint32_t n, struct buf *out)
{
	struct listing l = {t, out, STR_NONE};

	if (!t->server->node && n) {
		buf_z(out, "this is a server, which has no peers");
		return false;
	}
	if (t->server->node && !mean(t, words, n, &l.only, out))
		return false;
	put_listeners(t->server, out);
	if (!t->server->node)
		return true;
	buf_fmt(out, "self\t%u\t%s\n", peers_port(peers_of(t)), peers_instance(peers_of(t)));
	peers_each_address(peers_of(t), put_address, &l);
	wire_each_link(t->server->units[0].wire, put_link, &l);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct traced *t, char **words, uint32_t n, struct buf *out);
} commands_of_trace[] = {
	{"arm", run_arm},
	{"disarm", run_disarm},
	{"relink", run_relink},
	{"take", run_take},
	{"links", run_links},
};

static struct traced *traced_of(struct server *s)
{
	if (s->traced)
		return s->traced;
	s->traced = xcalloc(1, sizeof(*s->traced));
	s->traced->server = s;
	s->traced->lease.fire = on_lease_end;
	return s->traced;
}

bool server_traced(struct server *s, char **words, uint32_t n, struct buf *out)
{
	if (!s->units[0].wire ||
		(s->node && (!s->units[0].node_in || s->units[0].threaded || !core_gateway(s->core)))) {
		buf_z(out, "only a server, or a node with links of its own, can be traced");
		return false;
	}
	for (size_t i = 0; n >= 2 && i < ARRAY_LEN(commands_of_trace); i++)
		if (strcmp(words[1], commands_of_trace[i].name) == 0)
			return commands_of_trace[i].run(traced_of(s), words + 2, n - 2, out);
	buf_z(out,
		"usage: trace arm [keys] [stanzas] [pdus] | take NUMBER | disarm NUMBER | relink [PEER] | links [PEER]");
	return false;
}

void server_untrace(struct server *s)
{
	struct traced *t = s->traced;

	if (!t)
		return;
	for (size_t i = 0; i < TRACERS_MAX; i++)
		end(&t->tracers[i]);
	t->ending = true; /* there is nobody left to be told */
	settle(t);
	s->traced = NULL;
	xfree(t);
}
