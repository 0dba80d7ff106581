#include "tests/sim/stage.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "db/db_i.h"
#include "link/mem.h"
#include "room/config.h"
#include "room/privilege.h"
#include "user/roster.h"

enum { IDLE_TURNS = 3, TURNS_MAX = 2000000, STOP_PATIENCE_MS = 20000 };

/* ---- what is in the store from the start ---- */

static void put_account(struct store_batch *b, unsigned i, const struct buf packed[2])
{
	char name[24];

	snprintf(name, sizeof(name), "u%u", i);
	store_put(b, STORE_ACCOUNT_PUT, STR(STAGE_DOMAIN), str_z(name), (int64_t)1, buf_view(&packed[0]),
		buf_view(&packed[1]));
}

static void put_contact(struct store_batch *b, unsigned i, unsigned other)
{
	char name[24], contact[64];

	snprintf(name, sizeof(name), "u%u", i);
	snprintf(contact, sizeof(contact), "u%u@" STAGE_DOMAIN, other);
	store_put(b, STORE_ROSTER_PUT, STR(STAGE_DOMAIN), str_z(name), str_z(contact), STR_NONE,
		(int64_t)(SUB_TO | SUB_FROM), (int64_t)0, (int64_t)0, STR_NONE, (int64_t)1);
}

static void put_room(struct store_batch *b)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct room_config config;

	room_config_init(&config);
	config.persistent = true;
	buf_init(&text, 8192);
	room_config_text(&config, &text);
	store_put(b, STORE_ROOM_PUT, STR("rooms." STAGE_DOMAIN), STR("hall"), (int64_t)1, buf_view(&text), STR_NONE,
		STR_NONE, (int64_t)0);
	store_put(b, STORE_AFFILIATION_PUT, STR("rooms." STAGE_DOMAIN), STR("hall"), STR("u0@" STAGE_DOMAIN),
		(int64_t)AFFILIATION_OWNER, STR_NONE);
	room_config_clear(&config);
}

/* One round of PBKDF2: a simulation logs in thousands of times. */
static void fill_batch(struct store_batch *b, const struct stage_options *o)
{
	struct scram_keys keys;
	struct buf packed[2];

	for (int i = 0; i < 2; i++) {
		scram_derive(i ? HASH_SHA256 : HASH_SHA1, STR("secret"), STR("0123456789abcdef"), 1, &keys);
		buf_init(&packed[i], 1024);
		store_keys_pack(&packed[i], &keys);
	}
	for (unsigned i = 0; i < o->people; i++) {
		put_account(b, i, packed);
		for (unsigned k = 1; k < o->people && !o->strangers; k++)
			put_contact(b, i, (i + k) % o->people);
	}
	put_room(b);
	for (int i = 0; i < 2; i++)
		buf_clear(&packed[i]);
}

static void fill_store(struct stage *s, const struct stage_options *o)
{
	struct store_batch *batch = store_batch_new();
	struct msgs in = {0}, out = {0};
	struct buf why;
	struct db *db;

	buf_init(&why, 1024);
	must(db_open_vfs(s->folder, FAULT_VFS, &db, &why) == 0);
	fill_batch(batch, o);
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

/* ---- opening and closing ---- */

void stage_seed(uint64_t seed)
{
	/* The secret of all maps is made when first used, and stays: it must be the same for each seed. */
	rand_seed(1);
	hash_bytes("", 0);
	rand_seed(seed);
}

static void read_config(struct stage *s, const struct stage_options *o)
{
	const char *argv[] = {"serve", "--data", s->folder, "--domain", STAGE_DOMAIN, "--allow-plaintext", "--limits",
		o->no_limits ? "off" : "on", "--admin", o->admin};
	struct buf why;

	buf_init(&why, 1024);
	must(config_read(ARRAY_LEN(argv) - (o->admin ? 0 : 2), (char **)argv, CONFIG_SERVE, &s->config, &why) == 0);
	buf_clear(&why);
	s->config.one_thread = true;
	s->config.vfs = FAULT_VFS;
	if (o->resume_seconds)
		s->config.resume_seconds = o->resume_seconds;
	if (!o->archive)
		s->config.archive_max = 0;
	if (o->offline_max)
		s->config.offline_max = o->offline_max;
}

static void make_folder(struct stage *s)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(s->folder, sizeof(s->folder), "%.40s/sim-XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(s->folder));
}

void stage_open(struct stage *s, const struct stage_options *o)
{
	int64_t wall = 0;

	*s = (struct stage){.loop = loop_new()};
	must(clock_parse(STR("2026-11-21T12:00:00Z"), &wall) == 0);
	loop_set_virtual(s->loop, 1000000, wall);
	make_folder(s);
	read_config(s, o);
	fault_vfs_reset();
	fill_store(s, o);
	stage_start(s);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at) { return remove(path); }

void stage_close(struct stage *s)
{
	stage_heal_disk(s);
	if (s->server)
		server_hold_store(s->server, false);
	server_free(&s->server);
	loop_free(&s->loop);
	config_clear(&s->config);
	nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	fault_vfs_clear();
}

/* ---- the server comes and goes ---- */

void stage_start(struct stage *s)
{
	struct buf why;

	buf_init(&why, 1024);
	if (server_new(s->loop, &s->config, &s->server, &why) != 0)
		fprintf(stderr, "the server does not start: %s\n", buf_cstr(&why));
	must(s->server);
	buf_clear(&why);
	server_start_wires(s->server);
	s->starts++;
}

void stage_crash(struct stage *s, enum fault_loss loss, uint64_t seed)
{
	/* Its last words, when it is freed, must not reach the disk. */
	fault_vfs_plan(&(struct fault_plan){.ops = FAULT_CHANGES, .nth = 1, .lasting = true});
	server_free(&s->server);
	fault_vfs_power_loss(loss, seed);
	s->failing = false;
}

static void on_stopped(void *arg) { *(bool *)arg = true; }

bool stage_stop(struct stage *s)
{
	int64_t start = stage_now(s);
	bool stopped = false, in_time;

	stage_heal_disk(s);
	server_hold_store(s->server, false);
	server_stop(s->server, on_stopped, &stopped);
	while (!stopped && stage_now(s) < start + STOP_PATIENCE_MS)
		stage_pass(s, 100);
	in_time = stopped && stage_now(s) <= start + 5000;
	server_free(&s->server);
	return in_time;
}

bool stage_disk_is_whole(struct stage *s, struct buf *why)
{
	struct db *db = NULL;
	bool whole;

	must(!s->server);
	if (db_open_vfs(s->folder, FAULT_VFS, &db, why) != 0)
		return false;
	whole = check_integrity(sql_handle(db_writer(db)), why) == 0;
	db_close(&db);
	return whole;
}

void stage_break_disk(struct stage *s, const struct fault_plan *p)
{
	fault_vfs_plan(p);
	s->failing = true;
}

void stage_heal_disk(struct stage *s)
{
	fault_vfs_heal();
	s->failing = false;
}

/* ---- time ---- */

bool stage_step(struct stage *s)
{
	s->turns++;
	return loop_step(s->loop, false);
}

void stage_settle(struct stage *s)
{
	unsigned idle = 0;

	for (unsigned i = 0; idle < IDLE_TURNS; i++) {
		idle = stage_step(s) ? 0 : idle + 1;
		must(i < TURNS_MAX);
	}
}

void stage_tick(struct stage *s, int64_t ms) { loop_set_virtual(s->loop, stage_now(s) + ms, loop_wall(s->loop) + ms); }

void stage_pass(struct stage *s, int64_t ms)
{
	int64_t end = stage_now(s) + ms;

	stage_settle(s);
	while (stage_now(s) < end) {
		int64_t now = stage_now(s), next = timers_next(loop_timers(s->loop));

		next = next > end ? end : next <= now ? now + 1 : next;
		stage_tick(s, next - now);
		stage_settle(s);
	}
}

/* ---- cables ---- */

struct link *stage_connect(struct stage *s, size_t capacity, size_t trickle, struct link **ret_cable)
{
	struct link *own, *theirs;

	if (!s->server)
		return NULL;
	mem_link_pair(s->loop, server_wire_loop(s->server, 0), capacity, &own, &theirs);
	*ret_cable = own;
	if (trickle) {
		own = trickle_link_new(s->loop, &own, trickle);
		theirs = trickle_link_new(s->loop, &theirs, trickle);
	}
	server_accept(s->server, 0, &theirs, &stream_client, false);
	return own;
}
