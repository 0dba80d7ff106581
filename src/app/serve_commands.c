/* Commands of the running server: a few are the process's own, the rest go to the core. */
#include "app/server_i.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

#include "core/entity.h"
#include "peer/peers.h"

static void answer(struct server *s, uint64_t asker, const char *text, bool failed)
{
	if (asker)
		control_answer(s->control, asker, text, failed);
	else if (s->inner.on_answer)
		s->inner.on_answer(s->inner.arg, text, failed);
}

/* ---- status ---- */

struct totals {
	struct wire_stats wires;
	struct rusage usage;
};

static void gather(const struct server *s, struct totals *t)
{
	memset(t, 0, sizeof(*t));
	getrusage(RUSAGE_SELF, &t->usage);
	for (unsigned i = 0; i < s->unit_count; i++) {
		struct wire_stats w = wire_stats(s->units[i].wire);

		t->wires.connections += w.connections;
		t->wires.logins += w.logins;
		t->wires.accepted += w.accepted;
		t->wires.refused += w.refused;
		t->wires.bytes_in += w.bytes_in;
		t->wires.bytes_out += w.bytes_out;
		t->wires.stanzas_in += w.stanzas_in;
		t->wires.packets_out += w.packets_out;
	}
}

static void status(struct server *s, uint64_t asker, bool json)
{
	const struct core_stats *cs = core_stats(s->core);
	long long up = (loop_wall(s->loop) - s->started) / 1000;
	struct totals t;
	struct buf out;

	gather(s, &t);
	buf_init(&out, 64 * 1024);
	buf_fmt(&out,
		json ? "{\"version\":\"%s\",\"uptime_seconds\":%lld,\"sessions\":%u,\"connections\":%u,\"logins_under_way\":%u,\"accepted\":%llu,"
		       "\"refused\":%llu,\"stanzas_in\":%llu,\"packets_out\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu,\"commits\":%llu,"
		       "\"cpu_ms\":%lld,\"memory_peak_kib\":%ld,\"store\":\"%s\""
		     : "Wireside %s, up %lld s\nsessions          %u\nconnections       %u (%u logging in)\naccepted          %llu (%llu refused)\n"
		       "stanzas in        %llu\npackets out       %llu\nbytes in, out     %llu, %llu\ncommits           %llu\nCPU               %lld ms\n"
		       "memory, peak      %ld KiB\nstore             %s\n",
		WIRESIDE_VERSION, up, core_session_count(s->core), t.wires.connections, t.wires.logins,
		(unsigned long long)t.wires.accepted, (unsigned long long)t.wires.refused,
		(unsigned long long)t.wires.stanzas_in, (unsigned long long)t.wires.packets_out,
		(unsigned long long)t.wires.bytes_in, (unsigned long long)t.wires.bytes_out,
		(unsigned long long)cs->batches,
		(long long)(t.usage.ru_utime.tv_sec + t.usage.ru_stime.tv_sec) * 1000 +
			(t.usage.ru_utime.tv_usec + t.usage.ru_stime.tv_usec) / 1000,
		t.usage.ru_maxrss, core_can_store(s->core) ? "ok" : "failing");
	if (s->node) {
		buf_z(&out, json ? ",\"node\":{" : "");
		node_status(s, json, &out);
		buf_z(&out, json ? "}" : "");
	}
	buf_z(&out, json ? "}\n" : "");
	answer(s, asker, buf_cstr(&out), false);
	buf_clear(&out);
}

static void cmd_status(struct server *s, uint64_t asker, char **words, uint32_t n)
{
	status(s, asker, n > 1 && strcmp(words[1], "--json") == 0);
}

/* ---- stop, reload ---- */

static void on_stopped(void *arg)
{
	struct server *s = arg;

	loop_stop(s->loop);
}

void server_end(struct server *s) { server_stop(s, on_stopped, s); }

static void cmd_stop(struct server *s, uint64_t asker, char **words, uint32_t n)
{
	(void)words;
	(void)n;
	if (asker && !s->stopping)
		s->stop_asker = asker; /* answered by server_free(), when the store is closed */
	else
		answer(s, asker, s->stopping ? "stopping already\n" : "stopping\n", false);
	log_info("server_stop", "by=control");
	server_end(s);
}

static void cmd_reload(struct server *s, uint64_t asker, char **words, uint32_t n)
{
	struct buf why;

	(void)words;
	(void)n;
	buf_init(&why, 1024);
	if (server_reload(s, &why))
		answer(s, asker, "certificate read again\n", false);
	else
		answer(s, asker, buf_cstr(&why), true);
	buf_clear(&why);
}

/* ---- a node: who it is, and whom it knows ---- */

static void put_address(const struct server *s, struct buf *out)
{
	buf_fmt(out, "%s@%s\n", s->config->node->user, s->config->domains.item[0]);
}

static void put_name(const struct server *s, struct buf *out) { buf_fmt(out, "%s\n", node_name(s)); }
static void put_status(const struct server *s, struct buf *out) { node_status(s, false, out); }

static void find_peer(struct server *s, uint64_t asker, const char *text)
{
	CLEANUP(buf_clear) struct buf jid = {.max = 4096}, several = {.max = 16384}, why = {.max = 32768};
	int err = peers_address(core_gateway(s->core), str_z(text), &jid, &several);

	if (err && err != ERR_NOTFOUND) /* of nobody whoever asks has better words */
		buf_fmt(&why, "%s may be any of these: %s", text, buf_cstr(&several));
	answer(s, asker, buf_cstr(err ? &why : &jid), err != 0);
}

static void cmd_node(struct server *s, uint64_t asker, char **words, uint32_t n)
{
	static const struct {
		const char *word;
		void (*put)(const struct server *s, struct buf *out);
	} rows[] = {{"address", put_address}, {"name", put_name}, {"status", put_status}};
	static const char usage[] = "usage: node address|name|status|waiting|notes, node find PEER";
	CLEANUP(buf_clear) struct buf out = {.max = 65536};

	if (!s->node) {
		answer(s, asker, "this is a server, no node", true);
		return;
	}
	if (n == 3 && strcmp(words[1], "find") == 0) {
		find_peer(s, asker, words[2]);
		return;
	}
	if (n == 2 && (strcmp(words[1], "waiting") == 0 || strcmp(words[1], "notes") == 0)) {
		if (*words[1] == 'w')
			peers_waiting(core_gateway(s->core), &out);
		else
			node_notes(s, false, &out);
		answer(s, asker, buf_cstr(&out), false);
		return;
	}
	for (size_t i = 0; n == 2 && i < ARRAY_LEN(rows); i++)
		if (strcmp(words[1], rows[i].word) == 0)
			rows[i].put(s, &out);
	answer(s, asker, out.n ? buf_cstr(&out) : usage, !out.n);
}

/* ---- a trace ---- */

static void cmd_trace(struct server *s, uint64_t asker, char **words, uint32_t n)
{
	CLEANUP(buf_clear) struct buf out = {.max = (size_t)8 << 20};
	bool done = server_traced(s, words, n, &out);

	answer(s, asker, buf_cstr(&out), !done);
	if (out.p)
		mem_wipe(out.p, out.n);
}

static const struct {
	const char *name;
	void (*run)(struct server *s, uint64_t asker, char **words, uint32_t n);
} own[] = {
	{"node", cmd_node},
	{"status", cmd_status},
	{"stop", cmd_stop},
	{"reload", cmd_reload},
	{"trace", cmd_trace},
};

static void free_words(char **words, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		xfree(words[i]);
	xfree(words);
}

void server_on_request(void *arg, uint64_t asker, char **words, uint32_t n)
{
	struct server *s = arg;
	struct msg *m;

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (strcmp(words[0], own[i].name) != 0)
			continue;
		own[i].run(s, asker, words, n);
		free_words(words, n);
		return;
	}
	m = msgs_add(&s->replies);
	m->kind = MSG_ADMIN_ASK;
	m->conn = asker;
	m->admin_ask.words = words;
	m->admin_ask.n = n;
}

void server_on_reply(struct server *s, struct msg *m)
{
	answer(s, m->conn, m->admin_reply.text, m->admin_reply.failed);
}

void server_command(struct server *s, const char *const *words, uint32_t n,
	void (*on_answer)(void *arg, const char *text, bool failed), void *arg)
{
	char **own_words = xcalloc(n, sizeof(*own_words));

	for (uint32_t i = 0; i < n; i++)
		own_words[i] = xstrdup(words[i]);
	s->inner = (struct inner_asker){on_answer, arg};
	server_on_request(s, 0, own_words, n);
	loop_wake(s->loop);
}
