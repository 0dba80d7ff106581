/* `room nicknames` for the administrator of the server: who has which nickname in all rooms of a service, and taking one away. */
#include <stdlib.h>

#include "base/json.h"
#include "base/plain.h"
#include "room/order.h"
#include "room/rooms_i.h"

struct row {
	const struct rooms *rooms;
	const struct nickname *nick;
};
struct rows {
	struct row *list;
	uint32_t n, cap;
};

static struct rooms *next_service(struct core *c, uint32_t *pos)
{
	struct host *h;

	while ((h = core_next_host(c, pos)))
		if (h->kind == HOST_ROOMS)
			return (struct rooms *)h;
	return NULL;
}

/* Those of one that is still loading would be missing. */
static bool all_loaded(struct core *c)
{
	const struct rooms *rs;

	for (uint32_t pos = 0; (rs = next_service(c, &pos));)
		if (!rs->loaded)
			return false;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct row *one = a, *other = b;
	int order = str_cmp(str_z(one->nick->key), str_z(other->nick->key));

	return order ? order : str_cmp(jid_str(one->rooms->host.entity.jid), jid_str(other->rooms->host.entity.jid));
}

static void collect(struct core *c, struct rows *t)
{
	const struct nickname *n;
	const struct rooms *rs;

	for (uint32_t pos = 0; (rs = next_service(c, &pos));)
		for (uint32_t at = 0; (n = nicknames_next(&rs->nicks, &at));) {
			if (t->n == t->cap) {
				t->cap = t->cap ? t->cap * 2 : 64;
				t->list = xrealloc(t->list, t->cap * sizeof(*t->list));
			}
			t->list[t->n++] = (struct row){rs, n};
		}
	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), compare);
}

static void put_line(struct buf *out, const struct row *r)
{
	plain_put(out, str_z(r->nick->nick));
	buf_char(out, '\t');
	plain_put(out, nickname_jid(r->nick));
	buf_char(out, '\t');
	plain_put(out, jid_str(r->rooms->host.entity.jid));
	buf_char(out, '\n');
}

static void put_json(struct buf *out, const struct row *r, bool first)
{
	buf_z(out, first ? "\n  {\"nick\": " : ",\n  {\"nick\": ");
	json_text(out, str_z(r->nick->nick));
	buf_z(out, ", \"jid\": ");
	json_text(out, nickname_jid(r->nick));
	buf_z(out, ", \"service\": ");
	json_text(out, jid_str(r->rooms->host.entity.jid));
	buf_char(out, '}');
}

static void list(struct core *c, uint64_t asker, bool json)
{
	CLEANUP(buf_clear) struct buf out = {.max = 64 << 20};
	struct rows t = {0};

	collect(c, &t);
	if (json)
		buf_char(&out, '[');
	for (uint32_t i = 0; i < t.n; i++)
		if (json)
			put_json(&out, &t.list[i], i == 0);
		else
			put_line(&out, &t.list[i]);
	if (json)
		buf_z(&out, t.n ? "\n]\n" : "]\n");
	xfree(t.list);
	command_reply_buf(c, asker, &out);
}

static const char *take_away(struct core *c, struct str nick)
{
	CLEANUP(buf_clear) struct buf key = {.max = 4 * NICK_MAX};
	bool found = false;
	struct rooms *rs;

	if (!core_can_store(c))
		return order_failing;
	for (uint32_t pos = 0; nick_key(nick, &key) == 0 && (rs = next_service(c, &pos)); buf_reset(&key)) {
		const struct nickname *n = nicknames_find_key(&rs->nicks, buf_view(&key));
		char *who = n ? str_dup(nickname_jid(n)) : NULL; /* what it is a view of goes */

		if (who)
			service_nick_forget(rs, str_z(who));
		found |= who != NULL;
		xfree(who);
	}
	return found ? NULL : "nobody has registered it";
}

static void answer(struct core *c, uint64_t asker, const char *nick, const char *error, bool json)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4096};

	if (error || !json) {
		command_reply(c, asker, error != NULL, "%s: %s", nick, error ? error : "anybody may have it now");
		return;
	}
	buf_z(&out, "{\"nick\": ");
	json_text(&out, str_z(nick));
	buf_z(&out, ", \"result\": \"removed\"}\n");
	command_reply_buf(c, asker, &out);
}

/* ---- the call, when the services are loaded ---- */

struct call {
	struct wait wait;
	uint64_t asker;
	char *remove; /* NULL: all are listed */
	bool json;
};

static void drop(struct wait *w)
{
	struct call *call = (struct call *)w;

	xfree(call->remove);
	xfree(call);
}

static void on_loaded(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct call *call = (struct call *)w;

	if (!all_loaded(c))
		command_reply(c, call->asker, true, "%s", order_failing);
	else if (call->remove)
		answer(c, call->asker, call->remove, take_away(c, str_z(call->remove)), call->json);
	else
		list(c, call->asker, call->json);
	drop(w);
}

/* The store answers in order: behind an answer to anything is what a service that has just been started asked for. */
static void when_loaded(struct core *c, struct call *call)
{
	struct store_query *q;

	call->wait.answer = on_loaded;
	call->wait.drop = drop;
	q = store_query_new(STORE_VCARD_GET, core_wait(c, &call->wait), STR(""), STR(""));
	core_ask(c, &q);
}

void cmd_nicknames(struct command_call *call)
{
	struct call *c = xcalloc(1, sizeof(*c));
	const char *words[2];
	uint32_t n = 0;

	c->asker = call->asker;
	for (uint32_t i = 2; i < call->n; i++)
		if (strcmp(call->words[i], "--json") == 0)
			c->json = true;
		else if (n < ARRAY_LEN(words))
			words[n++] = call->words[i];
	if (n == 0 || (n == 2 && strcmp(words[0], "remove") == 0)) {
		c->remove = n ? xstrdup(words[1]) : NULL;
		when_loaded(call->core, c);
		return;
	}
	command_reply(call->core, call->asker, true, "usage: room nicknames [remove NICK] [--json]");
	drop(&c->wait);
}
