#include "tests/peers/world.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/node.h"
#include "app/server_i.h"
#include "base/clock.h"
#include "base/sign.h"
#include "db/db_i.h"
#include "link/mem.h"
#include "peer/peers.h"
#include "room/config.h"
#include "room/privilege.h"

enum { IDLE_TURNS = 3, TURNS_MAX = 2000000, STOP_PATIENCE_MS = 20000, CAPACITY = 65536, NOBODY = 9, PORT = 5298 };

/* ---- the network ---- */

static struct box *at_address(struct world *w, const char *address)
{
	unsigned net, host, port;

	if (sscanf(address, "10.0.%u.%u:%u", &net, &host, &port) != 3 || net >= NOBODY || host < 1 || host > w->n)
		return NULL;
	return &w->boxes[host - 1];
}

static void fill_proof(struct proof *p, const struct box *other, unsigned port)
{
	*p = (struct proof){.tls = true, .keyed = true};
	memcpy(p->key, other->key, sizeof(p->key));
	snprintf(p->address, sizeof(p->address), "%.*s:%u", (int)strcspn(other->address, ":"), other->address, port);
}

static void fill_exporters(struct world *w, struct proof proofs[2])
{
	w->exporters++;
	for (int i = 0; i < 2; i++)
		memcpy(proofs[i].exporter, &w->exporters, sizeof(w->exporters));
}

static struct cable *lay(struct world *w, struct loop *a, struct loop *b, const struct proof proofs[2],
	struct link *ret[2])
{
	struct cable *c = cable_new(&w->cables, a, b, w->capacity ? w->capacity : CAPACITY, proofs, &ret[0], &ret[1]);

	c->trickle = w->trickle;
	return c;
}

/* Packets go out and nothing comes back. */
static struct link *into_nothing(struct world *w, struct box *from)
{
	struct proof proofs[2] = {{.address = "10.0.9.9:1"}, {.address = "10.0.9.9:1"}};
	struct link *ends[2];

	cable_new(&w->gone, from->stage.loop, from->stage.loop, CAPACITY, proofs, &ends[0], &ends[1]);
	return ends[0];
}

static struct link *dial(void *arg, struct loop *l, const char *address)
{
	struct box *from = arg, *to;
	struct world *w = from->world;
	struct proof proofs[2];
	struct link *ends[2];
	struct cable *c;

	w->dials++;
	if (w->answer)
		return TAKE(w->answer);
	to = at_address(w, address);
	if (!to || w->deaf[from->index])
		return into_nothing(w, from);
	if (!to->stage.server)
		return w->apart[from->index][to->index] ? into_nothing(w, from) : NULL;
	fill_proof(&proofs[0], to, PORT);
	fill_proof(&proofs[1], from, 40000);
	fill_exporters(w, proofs);
	if (w->between)
		proofs[1].exporter[31]++;
	c = lay(w, l, to->stage.loop, proofs, ends);
	c->from = from->index;
	c->to = to->index;
	if (w->slow[from->index])
		c->trickle = w->slow[from->index];
	if (w->apart[from->index][to->index])
		cable_stall(c, true);
	server_accept(to->stage.server, 0, &ends[1], &stream_lan_keyed_in, false);
	return ends[0];
}

static bool is_between(const struct cable *c, unsigned a, unsigned b)
{
	return (c->from == a && c->to == b) || (c->from == b && c->to == a);
}

void world_apart(struct world *w, unsigned a, unsigned b, bool apart)
{
	w->apart[a][b] = w->apart[b][a] = apart;
	LIST_EACH(node, &w->cables) {
		struct cable *c = LIST_ITEM(node, struct cable, node);

		if (is_between(c, a, b))
			cable_stall(c, apart);
	}
}

void world_cut(struct world *w, unsigned a, unsigned b)
{
	LIST_EACH(node, &w->cables) {
		struct cable *c = LIST_ITEM(node, struct cable, node);

		if (is_between(c, a, b))
			cable_cut(c);
	}
}

void world_mend(struct world *w)
{
	memset(w->apart, 0, sizeof(w->apart));
	LIST_EACH(node, &w->cables) {
		struct cable *c = LIST_ITEM(node, struct cable, node);

		c->fuse[0] = c->fuse[1] = -1;
		cable_stall(c, false);
	}
}

unsigned world_cables(const struct world *w, unsigned a, unsigned b)
{
	unsigned n = 0;

	LIST_EACH(node, &w->cables) {
		const struct cable *c = LIST_ITEM(node, struct cable, node);

		n += is_between(c, a, b) && cable_is_whole(c);
	}
	return n;
}

struct link *world_visit(struct world *w, struct box *to, const struct proof *visitor, const struct stream_kind *kind)
{
	struct proof proofs[2];
	struct link *ends[2];
	struct cable *c;

	fill_proof(&proofs[0], to, PORT);
	proofs[1] = *visitor;
	c = lay(w, to->stage.loop, to->stage.loop, proofs, ends);
	c->from = c->to = to->index;
	server_accept(to->stage.server, 0, &ends[1], kind, false);
	return ends[0];
}

struct link *world_answerer(struct world *w, struct box *from, const struct proof *who, struct link **ret)
{
	struct proof proofs[2];
	struct link *ends[2];
	struct cable *c;

	proofs[0] = *who;
	fill_proof(&proofs[1], from, 40000);
	memcpy(proofs[1].exporter, who->exporter, sizeof(who->exporter));
	c = lay(w, from->stage.loop, from->stage.loop, proofs, ends);
	c->from = c->to = from->index;
	*ret = ends[1];
	return ends[0];
}

/* ---- making a machine ---- */

/* Both texts, one after the other. (One of them may lie in the same object, which snprintf() may not be told.) */
static void copy_text(char *out, size_t size, const char *first, const char *second)
{
	size_t n = strlen(first), m = strlen(second);

	must(n + m < size);
	memcpy(out, first, n);
	memcpy(out + n, second, m + 1);
}

static void name_it(struct box *b)
{
	char host[16];

	for (unsigned i = 0; i < sizeof(b->seed); i++)
		b->seed[i] = (uint8_t)(7 * b->index + 13 * i + 1);
	sign_public(b->seed, b->key);
	nodeid_of(b->key, b->id);
	snprintf(b->user, sizeof(b->user), "u%u", b->index);
	snprintf(host, sizeof(host), "m%u", b->index);
	snprintf(b->address, sizeof(b->address), "10.0.0.%u:%d", b->index + 1, PORT);
	node_prepare_key(&b->stage.config, b->user, host, b->seed);
	snprintf(host, sizeof(host), "u%u@", b->index);
	copy_text(b->domain, sizeof(b->domain), "", b->stage.config.domains.item[0]);
	copy_text(b->jid, sizeof(b->jid), host, b->domain);
	b->stage.config.node->dial = dial;
	b->stage.config.node->dial_arg = b;
}

static void read_config(struct box *b, const struct world_options *o)
{
	const char *argv[] = {"node", "--data", b->stage.folder, "--discovery", "none"};
	struct buf why;

	buf_init(&why, 1024);
	must(config_read(ARRAY_LEN(argv), (char **)argv, CONFIG_NODE, &b->stage.config, &why) == 0);
	buf_clear(&why);
	b->stage.config.one_thread = true;
	b->stage.config.allow_plaintext = true;
	b->stage.config.vfs = FAULT_VFS;
	b->stage.config.plaintext = o->plaintext;
	if (o->resume_seconds)
		b->stage.config.resume_seconds = o->resume_seconds;
}

/* One round of PBKDF2: a simulation logs in thousands of times. */
static void fill_batch(const struct box *b, struct store_batch *batch)
{
	struct scram_keys keys;
	struct buf packed[2];

	for (int i = 0; i < 2; i++) {
		scram_derive(i ? HASH_SHA256 : HASH_SHA1, STR("secret"), STR("0123456789abcdef"), 1, &keys);
		buf_init(&packed[i], 1024);
		store_keys_pack(&packed[i], &keys);
	}
	store_put(batch, STORE_ACCOUNT_PUT, str_z(b->domain), str_z(b->user), (int64_t)1, buf_view(&packed[0]),
		buf_view(&packed[1]));
	for (int i = 0; i < 2; i++)
		buf_clear(&packed[i]);
}

static void put_room(const struct box *b, struct store_batch *batch)
{
	CLEANUP(buf_clear) struct buf text = {.max = 8192};
	struct room_config config;
	char rooms[80];

	snprintf(rooms, sizeof(rooms), "rooms.%s", b->domain);
	room_config_init(&config);
	config.persistent = true;
	room_config_text(&config, &text);
	store_put(batch, STORE_ROOM_PUT, str_z(rooms), STR("hall"), (int64_t)1, buf_view(&text), STR_NONE, STR_NONE,
		(int64_t)0);
	store_put(batch, STORE_AFFILIATION_PUT, str_z(rooms), STR("hall"), str_z(b->jid), (int64_t)AFFILIATION_OWNER,
		STR_NONE);
	room_config_clear(&config);
}

static void fill_store(struct box *b)
{
	struct store_batch *batch = store_batch_new();
	struct msgs in = {0}, out = {0};
	struct buf why;
	struct db *db;

	buf_init(&why, 1024);
	must(db_open_vfs(b->stage.folder, FAULT_VFS, &db, &why) == 0);
	fill_batch(b, batch);
	put_room(b, batch);
	batch->number = 1;
	msgs_add(&in)->kind = MSG_STORE_BATCH;
	in.m[0].store_batch.batch = batch;
	db_put(db, &in);
	db_step(db, &out);
	must(out.n == 1 && out.m[0].kind == MSG_STORE_COMMITTED);
	msgs_clear(&in);
	msgs_clear(&out);
	db_close(&db);
	buf_clear(&why);
}

static void box_open(struct world *w, unsigned index, int64_t wall, const struct world_options *o)
{
	struct box *b = &w->boxes[index];
	const char *tmp = getenv("TMPDIR");

	*b = (struct box){.world = w, .index = index};
	b->stage.loop = loop_new();
	loop_set_virtual(b->stage.loop, 1000000, wall);
	snprintf(b->stage.folder, sizeof(b->stage.folder), "%.40s/peers-XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(b->stage.folder));
	copy_text(b->folder, sizeof(b->folder), b->stage.folder, "/");
	read_config(b, o);
	name_it(b);
	fill_store(b);
}

void world_open(struct world *w, const struct world_options *o)
{
	int64_t wall = 0;

	must(o->boxes >= 1 && o->boxes <= BOXES_MAX);
	*w = (struct world){.n = o->boxes};
	list_init(&w->cables);
	list_init(&w->gone);
	must(clock_parse(STR("2026-11-21T12:00:00Z"), &wall) == 0);
	fault_vfs_reset();
	for (unsigned i = 0; i < w->n; i++)
		box_open(w, i, wall, o);
	for (unsigned i = 0; i < w->n; i++)
		box_start(&w->boxes[i]);
	world_settle(w);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at) { return remove(path); }

/* Ends in no machine's hands are links all the same. */
static void free_gone(struct world *w)
{
	LIST_EACH(node, &w->gone) {
		struct cable *c = LIST_ITEM(node, struct cable, node);
		struct link *end = c->ends[1] ? (struct link *)c->ends[1] : NULL;

		link_free(&end);
	}
}

void world_close(struct world *w)
{
	fault_vfs_heal();
	for (unsigned i = 0; i < w->n; i++)
		server_free(&w->boxes[i].stage.server);
	link_free(&w->answer);
	free_gone(w);
	for (unsigned i = 0; i < w->n; i++) {
		struct box *b = &w->boxes[i];

		loop_free(&b->stage.loop);
		node_unprepare(&b->stage.config);
		config_clear(&b->stage.config);
		nftw(b->stage.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
	fault_vfs_clear();
}

/* ---- machines come and go ---- */

static struct host *gateway(const struct box *b) { return core_gateway(server_core(b->stage.server)); }

void box_start(struct box *b)
{
	const char *told[] = {b->address, NULL};
	struct buf why;

	must(!b->stage.server);
	buf_init(&why, 1024);
	if (server_new(b->stage.loop, &b->stage.config, &b->stage.server, &why) != 0)
		fprintf(stderr, "the node does not start: %s\n", buf_cstr(&why));
	must(b->stage.server);
	buf_clear(&why);
	server_start_wires(b->stage.server);
	b->stage.starts++;
	peers_listening(gateway(b), PORT, &(struct peers_places){.told = told});
}

void box_crash(struct box *b, enum fault_loss loss, uint64_t seed, bool silent)
{
	struct world *w = b->world;

	LIST_EACH(node, &w->cables) {
		struct cable *c = LIST_ITEM(node, struct cable, node);

		if (silent && (c->from == b->index || c->to == b->index))
			cable_stall(c, true);
	}
	/* Its last words, when it is freed, must not reach the disk. */
	if (w->failing)
		box_heal_disk(w->failing);
	fault_vfs_plan(&(struct fault_plan){.ops = FAULT_CHANGES, .nth = 1, .lasting = true, .under = b->folder});
	server_free(&b->stage.server);
	fault_vfs_heal();
	fault_vfs_power_loss_under(b->folder, loss, seed);
}

static void on_stopped(void *arg) { *(bool *)arg = true; }

bool box_stop(struct box *b)
{
	struct world *w = b->world;
	int64_t start = world_now(w);
	bool stopped = false, in_time;

	if (w->failing == b)
		box_heal_disk(b);
	server_hold_store(b->stage.server, false);
	server_stop(b->stage.server, on_stopped, &stopped);
	while (!stopped && world_now(w) < start + STOP_PATIENCE_MS)
		world_pass(w, 100);
	in_time = stopped && world_now(w) <= start + 5000;
	server_free(&b->stage.server);
	return in_time;
}

bool box_disk_is_whole(struct box *b, struct buf *why) { return stage_disk_is_whole(&b->stage, why); }

void box_break_disk(struct box *b, const struct fault_plan *p)
{
	struct fault_plan own = *p;

	own.under = b->folder;
	fault_vfs_plan(&own);
	b->world->failing = b;
	b->stage.failing = true;
}

void box_heal_disk(struct box *b)
{
	if (b->world->failing != b)
		return;
	fault_vfs_heal();
	b->world->failing = NULL;
	b->stage.failing = false;
}

/* ---- commands ---- */

static void on_answer(void *arg, const char *text, bool failed)
{
	struct box_answer *a = arg;

	a->there = true;
	a->failed = failed;
	if (a->out && text)
		buf_z(a->out, text);
}

bool box_command(struct box *b, struct buf *out, const char *fmt, ...)
{
	struct box_answer *a = &b->answer;
	char line[512], *words[16];
	uint32_t n = 0;
	va_list ap;

	*a = (struct box_answer){.out = out};
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *at = line; (words[n] = strtok_r(at, " ", &at));)
		must(++n < ARRAY_LEN(words));
	server_command(b->stage.server, (const char *const *)words, n, on_answer, a);
	for (unsigned i = 0; i < 1000 && !a->there; i++)
		box_step(b);
	a->out = NULL;
	return !a->failed;
}

void box_found(struct box *b, const struct box *other)
{
	struct msgs batch = {0};
	struct service *s;
	char instance[32], address[32];

	if (!b->stage.server)
		return;
	snprintf(instance, sizeof(instance), "%s@m%u", other->user, other->index);
	snprintf(address, sizeof(address), "10.0.0.%u", other->index + 1);
	s = service_new(str_z(instance), PORT);
	must(service_address_add(s, address) == 0);
	must(service_txt_set(s, "wk", str_z(other->id)) == 0);
	msgs_add(&batch)->kind = MSG_FOUND;
	batch.m[0].found.service = s;
	queue_put(b->stage.server->to_core, &batch);
	msgs_clear(&batch);
	loop_wake(b->stage.loop);
}

/* ---- time ---- */

bool box_step(struct box *b)
{
	b->world->stepping = b;
	return loop_step(b->stage.loop, false);
}

bool world_step(struct world *w)
{
	bool some = false;

	w->turns++;
	for (unsigned i = 0; i < w->n; i++)
		some |= box_step(&w->boxes[i]);
	return some;
}

void world_settle(struct world *w)
{
	unsigned idle = 0;

	for (unsigned i = 0; idle < IDLE_TURNS; i++) {
		idle = world_step(w) ? 0 : idle + 1;
		must(i < TURNS_MAX);
	}
}

void world_tick(struct world *w, int64_t ms)
{
	for (unsigned i = 0; i < w->n; i++)
		stage_tick(&w->boxes[i].stage, ms);
}

static int64_t next_timer(const struct world *w)
{
	int64_t next = INT64_MAX;

	for (unsigned i = 0; i < w->n; i++) {
		int64_t at = timers_next(loop_timers(w->boxes[i].stage.loop));

		next = at < next ? at : next;
	}
	return next;
}

void world_pass(struct world *w, int64_t ms)
{
	int64_t end = world_now(w) + ms;

	world_settle(w);
	while (world_now(w) < end) {
		int64_t now = world_now(w), next = next_timer(w);

		next = next > end ? end : next <= now ? now + 1 : next;
		world_tick(w, next - now);
		world_settle(w);
	}
}
