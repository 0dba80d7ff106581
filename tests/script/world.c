#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/server_i.h"
#include "base/clock.h"
#include "base/mem.h"
#include "link/mem.h"
#include "link/tcp.h"
#include "link/tls.h"

enum {
	CABLE_CAPACITY = 65536, /* as a socket's buffers */
	PATIENCE_MS = 10000,
	HURRY_MS = 1000,
	SETTLE_MS = 100,
	SESSIONS_MS = 200,
	IDLE_TURNS = 3,
	TURNS_MAX = 20000000
};

struct kind {
	const char *name;
	bool ours, is_virtual, tls, direct; /* direct: TLS from the first byte, without STARTTLS */
	size_t trickle;                     /* bytes a call, 0: no limit */
	int wires;
};

static const struct kind kinds[] = {
	{.name = "mem", .ours = true, .is_virtual = true},
	{.name = "trickle", .ours = true, .is_virtual = true, .trickle = 1},
	{.name = "tls", .ours = true, .is_virtual = true, .tls = true},
	{.name = "wires1", .ours = true, .wires = 1},
	{.name = "wires2", .ours = true, .wires = 2},
	{.name = "wires3", .ours = true, .wires = 3},
	{.name = "wires4", .ours = true, .wires = 4},
	{.name = "wires2-tls", .ours = true, .tls = true, .wires = 2},
	{.name = "wires2-direct", .ours = true, .tls = true, .direct = true, .wires = 2},
	{.name = "tcp"},
	{.name = "tcp-tls", .tls = true},
};

const char *const world_transports[] = {"mem", "trickle", "tls", "wires1", "wires2", "wires3", "wires4", "wires2-tls",
	"wires2-direct", "tcp", "tcp-tls", NULL};

struct world {
	const struct kind *kind;
	struct loop *loop;
	struct server *server; /* NULL: somebody else's */
	struct config config;
	struct tls_ctx *client_tls;
	char folder[64]; /* "": none */
	char address[128];
	char authority[128]; /* file of the certificate that the client trusts; "": it takes any */
	struct timer timer;  /* real time: the end of patience */
	bool late, hurry;
};

struct loop *world_loop(struct world *w) { return w->loop; }
bool world_is_virtual(const struct world *w) { return w->kind->is_virtual; }
bool world_has_tls(const struct world *w) { return w->kind->tls; }
bool world_starts_tls(const struct world *w) { return w->kind->tls && !w->kind->direct; }
bool world_is_ours(const struct world *w) { return w->kind->ours; }

/* ---- waiting ---- */

static void on_late(struct timer *t) { CONTAINER_OF(t, struct world, timer)->late = true; }

static void wait_real(struct world *w, int64_t ms, bool (*done)(void *arg), void *arg)
{
	w->late = false;
	w->timer.fire = on_late;
	timer_start(loop_timers(w->loop), &w->timer, loop_now(w->loop) + ms);
	while (!w->late && !(done && done(arg)))
		loop_step(w->loop, true);
	timer_stop(loop_timers(w->loop), &w->timer);
}

/* Slow hashing is done by other threads: it is waited for, so that the virtual clock stands still meanwhile. */
static void wait_virtual(struct world *w, bool (*done)(void *arg), void *arg)
{
	unsigned idle = 0;

	for (uint64_t i = 0; idle < IDLE_TURNS && !(done && done(arg)); i++) {
		bool ran = loop_step(w->loop, idle > 0 && helper_pending(w->loop) > 0);

		if (ran)
			idle = 0;
		else if (!helper_pending(w->loop))
			idle++;
		else
			idle = 1; /* the next turn waits for them */
		must(i < TURNS_MAX);
	}
}

bool world_wait(struct world *w, bool (*done)(void *arg), void *arg)
{
	if (w->kind->is_virtual)
		wait_virtual(w, done, arg);
	else
		wait_real(w, w->hurry ? HURRY_MS : PATIENCE_MS, done, arg);
	return done(arg);
}

struct session_goal {
	struct world *w;
	unsigned count;
};

static bool has_sessions(void *arg)
{
	struct session_goal *g = arg;

	return core_session_count(server_core(g->w->server)) == g->count;
}

void world_wait_sessions(struct world *w, unsigned count)
{
	struct session_goal g = {w, count};

	if (w->server && !w->kind->is_virtual)
		wait_real(w, SESSIONS_MS, has_sessions, &g);
}

void world_hurry(struct world *w, bool hurry) { w->hurry = hurry; }

void world_settle(struct world *w)
{
	if (w->kind->is_virtual)
		wait_virtual(w, NULL, NULL);
	else
		wait_real(w, SETTLE_MS, NULL, NULL);
}

void world_pass(struct world *w, int64_t ms)
{
	int64_t end = loop_now(w->loop) + ms;

	must(w->kind->is_virtual);
	wait_virtual(w, NULL, NULL);
	while (loop_now(w->loop) < end) {
		int64_t now = loop_now(w->loop), next = timers_next(loop_timers(w->loop));

		if (next > end)
			next = end;
		if (next <= now)
			next = now + 1;
		loop_set_virtual(w->loop, next, loop_wall(w->loop) + (next - now));
		wait_virtual(w, NULL, NULL);
	}
}

/* ---- connections ---- */

static struct link *connect_mem(struct world *w, struct link **ret_cable)
{
	struct link *own, *theirs;

	mem_link_pair(w->loop, server_wire_loop(w->server, 0), CABLE_CAPACITY, &own, &theirs);
	*ret_cable = own;
	if (w->kind->trickle) {
		own = trickle_link_new(w->loop, &own, w->kind->trickle);
		theirs = trickle_link_new(w->loop, &theirs, w->kind->trickle);
	}
	server_accept(w->server, 0, &theirs, &stream_client, false);
	return own;
}

struct link *world_connect(struct world *w, struct link **ret_cable)
{
	struct link *link = NULL;

	if (w->kind->is_virtual)
		return connect_mem(w, ret_cable);
	*ret_cable = NULL;
	tcp_dial(w->loop, str_z(w->address), &link);
	return link && w->kind->direct ? world_start_tls(w, &link) : link;
}

void world_trust(struct world *w, const char *authority)
{
	snprintf(w->authority, sizeof(w->authority), "%s", authority);
}

struct link *world_start_tls(struct world *w, struct link **below)
{
	struct buf why;

	buf_init(&why, 4096);
	if (!w->client_tls && tls_client_new(w->authority[0] ? w->authority : NULL, &w->client_tls, &why) != 0)
		fprintf(stderr, "%s\n", buf_cstr(&why));
	buf_clear(&why);
	must(w->client_tls);
	return tls_link_client(w->client_tls, w->loop, below, "localhost");
}

bool world_has_link(const struct world *w, struct link *link, struct buf *why)
{
	struct link_info info;

	link_info(link, &info);
	if (w->kind->tls != info.secure)
		buf_fmt(why, "the transport is %s, and the connection %s TLS", w->kind->name,
			info.secure ? "is" : "is not");
	else if (w->kind->is_virtual == (info.local_address.n > 0))
		buf_fmt(why, "the transport is %s, and the connection %s a TCP socket", w->kind->name,
			info.local_address.n ? "is" : "is not");
	return !why->n;
}

/* ---- accounts ---- */

struct answer {
	bool came, failed;
	struct buf *why;
};

static void on_answer(void *arg, const char *text, bool failed)
{
	struct answer *a = arg;

	a->came = true;
	a->failed = failed;
	if (failed)
		buf_z(a->why, text);
}

static bool answered(void *arg) { return ((struct answer *)arg)->came; }

static int add_accounts(struct world *w, const struct script *s, struct buf *why)
{
	for (unsigned i = 0; i < s->account_count; i++) {
		const char *words[] = {"user", "add", s->accounts[i], "secret"};
		struct answer a = {.why = why};

		server_command(w->server, words, ARRAY_LEN(words), on_answer, &a);
		if (!world_wait(w, answered, &a))
			buf_fmt(why, "%s: the account is not made", s->accounts[i]);
		if (!a.came || a.failed)
			return ERR_INVALID;
	}
	return 0;
}

/* ---- the server ---- */

struct arguments {
	char *v[SCRIPT_OPTIONS_MAX + 16];
	int n;
};

static void add_argument(struct arguments *a, const char *text) { a->v[a->n++] = xstrdup(text); }

static void make_arguments(struct world *w, const struct script *s, struct arguments *ret)
{
	/* Without the archive, which puts a number into every message: a script asks for it by an option. */
	static const char *const always[] = {"serve", "--archive-max", "0", "--data", NULL, "--wires", NULL},
				 *const listen[] = {"--c2s", "127.0.0.1:0", "--c2s-tls", "127.0.0.1:0"};
	char wires[16], key[128];

	snprintf(wires, sizeof(wires), "%d", w->kind->wires);
	snprintf(key, sizeof(key), "%s/key.pem", w->folder);
	const char *const certificate[] = {"--certificate", w->authority, "--key", key};
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		add_argument(ret, always[i] ? always[i] : i == 4 ? w->folder : wires);
	for (size_t i = 0; i < ARRAY_LEN(certificate) && w->kind->tls; i++)
		add_argument(ret, certificate[i]);
	if (!w->kind->tls)
		add_argument(ret, "--allow-plaintext");
	for (size_t i = 0; i < ARRAY_LEN(listen) && !w->kind->is_virtual; i++)
		add_argument(ret, listen[i]);
	for (unsigned i = 0; i < s->option_count; i++)
		add_argument(ret, s->options[i]);
}

static int read_config(struct world *w, const struct script *s, struct buf *why)
{
	struct arguments a = {.n = 0};
	int err;

	make_arguments(w, s, &a);
	err = config_read(a.n, a.v, CONFIG_SERVE, &w->config, why);
	for (int i = 0; i < a.n; i++)
		xfree(a.v[i]);
	w->config.one_thread = w->kind->is_virtual;
	if (!err && w->kind->is_virtual && !s->restarts)
		xfree(TAKE(w->config.data)); /* the store in memory */
	return err;
}

static int make_folder(struct world *w)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(w->folder, sizeof(w->folder), "%.40s/xt-XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(w->folder))
		return 0;
	w->folder[0] = '\0';
	return ERR_IO;
}

static void set_clock(struct world *w)
{
	int64_t start = 0;

	must(clock_parse(STR("2026-11-21T12:00:00Z"), &start) == 0);
	loop_set_virtual(w->loop, 1000000, start);
}

/* The server's certificate, made for this world alone. It is its own authority, the only one that the client has. */
static int make_certificate(struct world *w)
{
	char key[128];
	struct str name = STR("localhost");

	snprintf(w->authority, sizeof(w->authority), "%s/cert.pem", w->folder);
	snprintf(key, sizeof(key), "%s/key.pem", w->folder);
	return cert_make(w->authority, key, &name, 1);
}

/* TLS without listeners, which is what server_open() would add. */
static int open_mem_tls(struct world *w, struct buf *why)
{
	int err = server_open_tls(w->server, why);

	w->server->policy.tls = true;
	return err;
}

/* Where the server says that it listens, in the way that the transport wants. */
static int find_address(struct world *w, struct buf *why)
{
	struct buf text;
	struct str rest, line;

	buf_init(&text, 4096);
	server_addresses(w->server, &text);
	rest = buf_view(&text);
	w->address[0] = '\0';
	while (!w->address[0] && (line = str_cut(&rest, '\n')).n)
		if (str_is(str_cut(&line, ' '), w->kind->direct ? "c2s-tls" : "c2s"))
			snprintf(w->address, sizeof(w->address), "%.*s", STR_FMT(line));
	buf_clear(&text);
	if (!w->address[0])
		buf_fmt(why, "%s: the server does not listen", w->kind->name);
	return w->address[0] ? 0 : ERR_INVALID;
}

/* A transport whose server has threads is about them. */
static bool has_threads(const struct world *w, struct buf *why)
{
	bool good = w->server->unit_count == (unsigned)w->kind->wires && w->server->units[0].threaded;

	if (!good)
		buf_fmt(why, "%s: the server has not %d threads for connections", w->kind->name, w->kind->wires);
	return good;
}

static int open_server(struct world *w, struct buf *why)
{
	int err = 0;

	if (!w->kind->is_virtual) {
		err = server_open(w->server, why);
		if (!err && !has_threads(w, why))
			err = ERR_INVALID;
		return err ? err : find_address(w, why);
	}
	if (w->kind->tls)
		err = open_mem_tls(w, why);
	if (!err)
		server_start_wires(w->server);
	return err;
}

static int make_server(struct world *w, const struct script *s, struct buf *why)
{
	int err = make_folder(w);

	if (w->kind->is_virtual) {
		rand_seed(1);
		set_clock(w);
	}
	if (!err && w->kind->tls)
		err = make_certificate(w);
	if (!err)
		err = read_config(w, s, why);
	if (!err)
		err = server_new(w->loop, &w->config, &w->server, why);
	if (!err)
		err = open_server(w, why);
	if (!err)
		err = add_accounts(w, s, why);
	return err;
}

static void on_stopped(void *arg) { *(bool *)arg = true; }
static bool is_true(void *arg) { return *(bool *)arg; }

int world_restart(struct world *w, bool (*left)(void *arg), void *arg, struct buf *why)
{
	bool stopped = false;
	int err;

	server_stop(w->server, on_stopped, &stopped);
	if (!world_wait(w, is_true, &stopped)) {
		buf_z(why, "the server does not end");
		return ERR_INVALID;
	}
	/* A thread of the server ends when its clients have closed, too, and they would not while this one waits for it. */
	if (!w->kind->is_virtual)
		world_wait(w, left, arg);
	server_free(&w->server);
	err = server_new(w->loop, &w->config, &w->server, why);
	if (err)
		return err;
	if (!w->kind->is_virtual || !w->kind->tls)
		return open_server(w, why);
	err = open_mem_tls(w, why);
	server_start_wires(w->server);
	return err;
}

int world_new(const char *transport, const char *address, const struct script *s, struct world **ret, struct buf *why)
{
	struct world *w = xcalloc(1, sizeof(*w));
	int err = ERR_NOTFOUND;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, transport) == 0)
			w->kind = &kinds[i];
	if (w->kind) {
		w->loop = loop_new();
		snprintf(w->address, sizeof(w->address), "%s", address ? address : "");
		err = w->kind->ours ? make_server(w, s, why) : 0;
	}
	if (err) {
		if (!why->n)
			buf_fmt(why, "%s: %s", transport, err_name(err));
		world_free(&w);
		return err;
	}
	*ret = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at) { return remove(path); }

void world_free(struct world **world)
{
	struct world *w = TAKE(*world);

	if (!w)
		return;
	server_free(&w->server);
	tls_ctx_free(&w->client_tls);
	loop_free(&w->loop);
	config_clear(&w->config);
	if (w->folder[0])
		nftw(w->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	xfree(w);
}
