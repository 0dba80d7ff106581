/* Administration of accounts: user add, passwd, del, list. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/plain.h"
#include "user/users_i.h"
#include "xmpp/scram.h"

/* One command under way: hash (add, passwd) -> look at the account -> do it -> read it back, so that "done" means
 * stored. */
struct job {
	struct wait wait;
	struct account_wait account_wait;
	struct core *core;
	uint64_t asker;
	char *address;
	const struct job_kind *kind;
	struct scram_keys keys[2];
};

struct job_kind {
	enum account_state wants; /* what the account has to be before */
	const char *otherwise;    /* what to say if it is not */
	const char *done;
	void (*act)(struct account *a, struct job *j);
	bool there_after;
};

static void job_free(struct job *j)
{
	mem_wipe(j->keys, sizeof(j->keys));
	xfree(j->address);
	xfree(j);
}

static void wait_drop(struct wait *w) { job_free((struct job *)w); }

static void account_wait_drop(struct account_wait *w) { job_free(CONTAINER_OF(w, struct job, account_wait)); }

static void fail(struct job *j, const char *why)
{
	command_reply(j->core, j->asker, true, "%s: %s", j->address, why);
	job_free(j);
}

/* ---- reading back ---- */

/* Does the store say what it should say now? */
static bool is_stored(const struct job *j, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	struct scram_keys stored;
	enum store_row kind;
	size_t pos = 0;
	unsigned n;
	bool there = store_rows_next(rows, &pos, &kind, v, &n) && kind == ROW_ACCOUNT;

	if (!there || !j->kind->there_after)
		return there == j->kind->there_after;
	return store_keys_unpack(v[1].s, &stored) == 0 &&
		memcmp(stored.stored, j->keys[0].stored, sizeof(stored.stored)) == 0;
}

static void on_read_back(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct job *j = (struct job *)w;

	if (rows->error || !core_can_store(c) || !is_stored(j, rows)) {
		fail(j, "not certain to be stored, the store is failing");
		return;
	}
	command_reply(c, j->asker, false, "%s: %s", j->address, j->kind->done);
	job_free(j);
}

static void read_back(struct job *j)
{
	struct jid jid = jid_view(str_z(j->address));
	struct store_query *q;

	j->wait.answer = on_read_back;
	q = store_query_new(STORE_ACCOUNT_LOAD, core_wait(j->core, &j->wait), jid_domain(jid), jid_local(jid));
	core_ask(j->core, &q);
}

/* ---- acting ---- */

static void on_ready(struct account *a, struct account_wait *w)
{
	struct job *j = CONTAINER_OF(w, struct job, account_wait);

	if (a->state == ACCOUNT_FAILED || !core_can_store(j->core)) {
		fail(j, "the store is failing");
	} else if (a->state != j->kind->wants) {
		fail(j, j->kind->otherwise);
	} else {
		j->kind->act(a, j);
		read_back(j);
	}
}

static void look_up(struct job *j)
{
	struct jid jid = jid_view(str_z(j->address));
	struct account *a = account_get(users_find(j->core, jid_domain(jid)), jid);

	j->account_wait.ready = on_ready;
	j->account_wait.drop = account_wait_drop;
	if (a)
		account_when_ready(a, &j->account_wait, false);
	else
		fail(j, "too many accounts in memory");
}

static void on_hashed(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct job *j = (struct job *)w;

	j->keys[0] = keys[0];
	j->keys[1] = keys[1];
	look_up(j);
}

static void act_add(struct account *a, struct job *j) { account_create(a, j->keys); }
static void act_passwd(struct account *a, struct job *j) { account_set_keys(a, j->keys); }
static void act_del(struct account *a, struct job *j) { account_delete(a, NULL); }

static const struct job_kind add = {ACCOUNT_ABSENT, "there is such an account already", "added", act_add, true};
static const struct job_kind passwd = {ACCOUNT_HERE, "no such account", "password changed", act_passwd, true};
static const struct job_kind del = {ACCOUNT_HERE, "no such account", "removed", act_del, false};

/* ---- the words ---- */

/* NULL: has been answered. */
static struct job *job_new(struct command_call *call, const struct job_kind *kind, const char *word)
{
	struct jid_buf jid;
	struct job *j;

	if (jid_parse_buf(str_z(word), &jid) < 0 || !jid.jid.local || jid.jid.resource) {
		command_reply(call->core, call->asker, true, "%s: not an address of the form USER@DOMAIN", word);
		return NULL;
	}
	if (!users_find(call->core, jid_domain(jid.jid))) {
		command_reply(call->core, call->asker, true, "%s: this server has no accounts there", word);
		return NULL;
	}
	j = xcalloc(1, sizeof(*j));
	j->wait.drop = wait_drop;
	j->core = call->core;
	j->asker = call->asker;
	j->kind = kind;
	j->address = str_dup(jid_str(jid.jid));
	return j;
}

static void hash(struct job *j, const char *word)
{
	CLEANUP(buf_clear) struct buf prepared = {0};
	char *password;

	buf_init(&prepared, 4 * JID_PART_MAX);
	if (strlen(word) > JID_PART_MAX || jid_prep_password(str_z(word), &prepared) < 0 || !buf_ok(&prepared)) {
		fail(j, "this password cannot be used");
		return;
	}
	password = str_dup(buf_view(&prepared));
	mem_wipe(prepared.p, prepared.n);
	j->wait.answer = on_hashed;
	core_hash(j->core, &password, &j->wait);
}

static void run_add(struct command_call *call)
{
	struct job *j = job_new(call, &add, call->words[2]);

	if (j)
		hash(j, call->words[3]);
}

static void run_passwd(struct command_call *call)
{
	struct job *j = job_new(call, &passwd, call->words[2]);

	if (j)
		hash(j, call->words[3]);
}

static void run_del(struct command_call *call)
{
	struct job *j = job_new(call, &del, call->words[2]);

	if (j)
		look_up(j);
}

/* ---- list ---- */

struct list_wait {
	struct wait wait;
	uint64_t asker;
	bool json;
};

static void list_drop(struct wait *w) { xfree(w); }

static unsigned session_count(const struct core *c, struct str domain, struct str local)
{
	struct users *u = users_find(c, domain);
	struct account *a = u ? account_find(u, local) : NULL;

	return a ? a->session_count : 0;
}

static void put_line(struct buf *out, const struct core *c, const struct store_value *v, bool json, bool first)
{
	unsigned sessions = session_count(c, v[0].s, v[1].s);
	CLEANUP(buf_clear) struct buf account = {.max = JID_MAX};

	if (!json) {
		plain_put(out, v[1].s);
		buf_char(out, '@');
		plain_put(out, v[0].s);
		buf_char(out, '\n');
		return;
	}
	buf_str(&account, v[1].s);
	buf_char(&account, '@');
	buf_str(&account, v[0].s);
	buf_fmt(out, "%s\n  {\"account\": ", first ? "" : ",");
	json_text(out, buf_view(&account));
	buf_z(out, ", \"created\": \"");
	clock_format(out, v[2].i);
	buf_fmt(out, "\", \"sessions\": %u}", sessions);
}

static void on_list(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct list_wait *w = (struct list_wait *)wait;
	struct store_value v[STORE_VALUES_MAX];
	struct buf out;
	enum store_row kind;
	bool first = true;
	unsigned n;

	buf_init(&out, 64 << 20);
	if (w->json)
		buf_char(&out, '[');
	for (size_t pos = 0; store_rows_next(rows, &pos, &kind, v, &n); first = false)
		put_line(&out, c, v, w->json, first);
	if (w->json)
		buf_z(&out, first ? "]\n" : "\n]\n");
	if (rows->error)
		command_reply(c, w->asker, true, "the store is failing: %s", err_name(rows->error));
	else
		command_reply_buf(c, w->asker, &out);
	buf_clear(&out);
	xfree(w);
}

static void run_list(struct command_call *call)
{
	struct str domain = STR_NONE;
	struct list_wait *w;
	struct store_query *q;
	bool json = false;

	for (uint32_t i = 2; i < call->n; i++) {
		if (str_is(str_z(call->words[i]), "--json"))
			json = true;
		else
			domain = str_z(call->words[i]);
	}
	if (domain.p && !users_find(call->core, domain)) {
		command_reply(call->core, call->asker, true, "%.*s: this server has no accounts there",
			STR_FMT(domain));
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->wait.answer = on_list;
	w->wait.drop = list_drop;
	w->asker = call->asker;
	w->json = json;
	q = store_query_new(STORE_ACCOUNT_LIST, core_wait(call->core, &w->wait), domain);
	core_ask(call->core, &q);
}

const struct command user_commands[] = {
	{.name = "user add",
		.args = "USER@DOMAIN PASSWORD",
		.min = 2,
		.max = 2,
		.last_is_secret = true,
		.run = run_add},
	{.name = "user passwd",
		.args = "USER@DOMAIN PASSWORD",
		.min = 2,
		.max = 2,
		.last_is_secret = true,
		.run = run_passwd},
	{.name = "user del", .args = "USER@DOMAIN", .min = 1, .max = 1, .run = run_del},
	{.name = "user list", .args = "[DOMAIN] [--json]", .min = 0, .max = 2, .run = run_list},
	{0},
};
