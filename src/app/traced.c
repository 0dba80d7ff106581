/* What a node tells whoever traces it, over its control socket and nowhere else: the secrets of links that are made from
 * now on, and each stanza as it was on the wire. Kept in memory until it is taken, for as long as somebody takes it: a
 * tracer that has died leaves nothing armed. */
#include <string.h>

#include "app/node.h"
#include "app/server_i.h"
#include "base/clock.h"
#include "base/json.h"

enum { LEASE_MS = 30000, LINES_MAX = 4 << 20 };

struct traced {
	struct server *server;
	bool armed, ending;
	struct buf lines;
	uint64_t lost; /* lines for which there was no room */
	struct timer lease;
};

/* ---- gathering ---- */

static void forget_lines(struct traced *t)
{
	if (t->lines.p)
		mem_wipe(t->lines.p, t->lines.n);
	buf_clear(&t->lines);
	t->lost = 0;
}

static void add(struct traced *t, const struct buf *line)
{
	if (!buf_ok(line) || t->lines.n + line->n > LINES_MAX)
		t->lost++;
	else
		buf_str(&t->lines, buf_view(line));
}

static void on_key_line(void *arg, const char *text)
{
	CLEANUP(buf_clear) struct buf line = {.max = 1024};

	buf_fmt(&line, "key %s\n", text);
	add(arg, &line);
	if (line.p)
		mem_wipe(line.p, line.n);
}

static void on_stanza(void *arg, bool sent, struct str peer, struct str xml)
{
	CLEANUP(buf_clear) struct buf line = {.max = LINES_MAX};
	struct traced *t = arg;

	buf_fmt(&line, "stanza {\"dir\": \"%s\", \"time\": \"", sent ? "sent" : "received");
	clock_format(&line, loop_wall(t->server->loop));
	buf_z(&line, "\", \"with\": ");
	json_text(&line, peer);
	buf_z(&line, ", \"xml\": ");
	json_text(&line, xml);
	buf_z(&line, "}\n");
	add(t, &line);
}

/* ---- armed or not ---- */

static void set_armed(struct traced *t, bool armed)
{
	struct wire_unit *u = &t->server->units[0];

	t->armed = armed;
	tls_ctx_keylog(u->node_in, armed ? on_key_line : NULL, t);
	tls_ctx_keylog(u->node_out, armed ? on_key_line : NULL, t);
	wire_tap(u->wire, armed ? on_stanza : NULL, t);
	log_info("trace", "armed=%s", armed ? "yes" : "no");
	if (!t->ending)
		node_traced(t->server, armed);
}

static void renew(struct traced *t)
{
	struct loop *l = t->server->loop;

	timer_start(loop_timers(l), &t->lease, loop_now(l) + LEASE_MS);
}

static void disarm(struct traced *t)
{
	timer_stop(loop_timers(t->server->loop), &t->lease);
	if (t->armed)
		set_armed(t, false);
	forget_lines(t);
}

static void on_lease_end(struct timer *timer) { disarm(CONTAINER_OF(timer, struct traced, lease)); }

/* ---- commands ---- */

/* For one at a time, since what is taken is gone. */
static bool run_arm(struct traced *t, struct buf *out)
{
	if (t->armed) {
		buf_fmt(out, "somebody traces this node already, or did so until %d s ago", LEASE_MS / 1000);
		return false;
	}
	set_armed(t, true);
	renew(t);
	buf_z(out, "armed\n");
	return true;
}

static bool run_disarm(struct traced *t, struct buf *out)
{
	disarm(t);
	buf_z(out, "disarmed\n");
	return true;
}

static bool run_relink(struct traced *t, struct buf *out)
{
	buf_fmt(out, "%u\n", wire_relink(t->server->units[0].wire));
	return true;
}

static bool run_take(struct traced *t, struct buf *out)
{
	if (!t->armed) {
		buf_z(out, "not armed");
		return false;
	}
	renew(t);
	buf_str(out, buf_view(&t->lines));
	if (t->lost)
		buf_fmt(out, "lost %llu\n", (unsigned long long)t->lost);
	forget_lines(t);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct traced *t, struct buf *out);
} commands_of_trace[] = {
	{"arm", run_arm},
	{"disarm", run_disarm},
	{"relink", run_relink},
	{"take", run_take},
};

static struct traced *traced_of(struct server *s)
{
	if (s->traced)
		return s->traced;
	s->traced = xcalloc(1, sizeof(*s->traced));
	s->traced->server = s;
	s->traced->lease.fire = on_lease_end;
	buf_init(&s->traced->lines, LINES_MAX);
	return s->traced;
}

bool server_traced(struct server *s, char **words, uint32_t n, struct buf *out)
{
	if (!s->node || !s->units[0].node_in || !s->units[0].wire || s->units[0].threaded) {
		buf_z(out, "only a node with links of its own can be traced");
		return false;
	}
	for (size_t i = 0; n == 2 && i < ARRAY_LEN(commands_of_trace); i++)
		if (strcmp(words[1], commands_of_trace[i].name) == 0)
			return commands_of_trace[i].run(traced_of(s), out);
	buf_z(out, "usage: trace arm|disarm|relink|take");
	return false;
}

void server_untrace(struct server *s)
{
	struct traced *t = s->traced;

	if (!t)
		return;
	t->ending = true; /* there is nobody left to be told */
	disarm(t);
	s->traced = NULL;
	xfree(t);
}
