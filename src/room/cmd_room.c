/* `room ...` for the administrator of the server. */
#include <stdlib.h>

#include "base/json.h"
#include "base/plain.h"
#include "room/order.h"
#include "room/rooms_i.h"

struct row {
	struct str local, name;
	const struct rooms *rooms;
	uint32_t occupants;
	bool persistent, public_;
};

struct table_of_rooms {
	struct row *rows;
	uint32_t n, cap;
};

static void add_row(struct table_of_rooms *t, struct row row)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->rows = xrealloc(t->rows, t->cap * sizeof(*t->rows));
	}
	t->rows[t->n++] = row;
}

static void collect(struct table_of_rooms *t, const struct rooms *rs)
{
	const struct listing *l;
	const struct room *r;

	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));)
		if (r->state == ROOM_OPEN || r->state == ROOM_LOCKED)
			add_row(t,
				(struct row){jid_local(r->entity.jid), str_z(r->config.name), rs, room_count(r),
					r->config.persistent, r->config.public_});
	for (uint32_t pos = 0; (l = map_next(&rs->directory, &pos));) {
		r = rooms_find(rs, listing_local(l));
		if (!r || r->state == ROOM_LOADING)
			add_row(t, (struct row){listing_local(l), listing_name(l), rs, 0, true, l->public_});
	}
}

static int compare(const void *one, const void *other)
{
	const struct row *a = one, *b = other;
	int by_domain = str_cmp(jid_str(a->rooms->host.entity.jid), jid_str(b->rooms->host.entity.jid));

	return by_domain ? by_domain : str_cmp(a->local, b->local);
}

static void put_json(struct buf *out, const struct row *r, bool first)
{
	CLEANUP(buf_clear) struct buf address = {.max = JID_MAX};

	buf_str(&address, r->local);
	buf_char(&address, '@');
	buf_str(&address, jid_str(r->rooms->host.entity.jid));
	buf_z(out, first ? "\n  {\"room\": " : ",\n  {\"room\": ");
	json_text(out, buf_view(&address));
	buf_z(out, ", \"name\": ");
	json_text(out, r->name.p ? r->name : STR(""));
	buf_fmt(out, ", \"occupants\": %u, \"persistent\": %s, \"public\": %s}", r->occupants,
		r->persistent ? "true" : "false", r->public_ ? "true" : "false");
}

static void put_line(struct buf *out, const struct row *r)
{
	plain_put(out, r->local);
	buf_char(out, '@');
	buf_str(out, jid_str(r->rooms->host.entity.jid));
	buf_fmt(out, "\t%u\t%s\t%s\t", r->occupants, r->persistent ? "persistent" : "temporary",
		r->public_ ? "public" : "hidden");
	plain_put(out, r->name);
	buf_char(out, '\n');
}

static void put_all(struct buf *out, const struct table_of_rooms *t, bool json)
{
	if (json)
		buf_char(out, '[');
	for (uint32_t i = 0; i < t->n; i++) {
		if (json)
			put_json(out, &t->rows[i], i == 0);
		else
			put_line(out, &t->rows[i]);
	}
	if (json)
		buf_z(out, t->n ? "\n]\n" : "]\n");
}

static void run_list(struct command_call *call)
{
	struct table_of_rooms t = {0};
	struct buf out = {.max = 16 << 20};
	bool json = call->n > 2 && strcmp(call->words[2], "--json") == 0;
	struct host *h;

	if (call->n > 2 && !json) {
		command_reply(call->core, call->asker, true, "usage: room list [--json]");
		return;
	}
	for (uint32_t pos = 0; (h = core_next_host(call->core, &pos));)
		if (h->kind == HOST_ROOMS)
			collect(&t, (const struct rooms *)h);
	if (t.n)
		qsort(t.rows, t.n, sizeof(*t.rows), compare);
	put_all(&out, &t, json);
	xfree(t.rows);
	command_reply_buf(call->core, call->asker, &out);
	buf_clear(&out);
}

/* ---- the others: each a verb (order.h) ---- */

static void reply(struct order *o, const char *error)
{
	if (error)
		command_reply(o->core, o->asker, true, "%s: %s", o->address, error);
	else
		command_reply_buf(o->core, o->asker, &o->out);
}

static void run_verb(struct command_call *call)
{
	const struct order_verb *v = order_verb_find(str_z(call->words[1]));
	struct order front = {.done = reply, .asker = call->asker};
	struct str args[ORDER_ARGS];
	unsigned n = 0;

	for (uint32_t i = 3; i < call->n; i++) {
		if (strcmp(call->words[i], "--json") == 0)
			front.json = true;
		else if (n < v->max)
			args[n++] = str_z(call->words[i]);
		else
			n = ORDER_ARGS + 1;
	}
	if (n < v->min || n > v->max)
		command_reply(call->core, call->asker, true, "room %s: too %s words", v->name,
			n < v->min ? "few" : "many");
	else
		order_start(call->core, v, str_z(call->words[2]), args, n, &front);
}

const struct command room_commands[] = {
	{.name = "room list", .args = "[--json]", .min = 0, .max = 1, .run = run_list},
	{.name = "room show", .args = "ROOM [--json]", .min = 1, .max = 2, .run = run_verb},
	{.name = "room create", .args = "ROOM OWNER [NAME] [--json]", .min = 2, .max = 4, .run = run_verb},
	{.name = "room destroy", .args = "ROOM [REASON [OTHER-ROOM]] [--json]", .min = 1, .max = 4, .run = run_verb},
	{.name = "room config",
		.args = "ROOM [SETTING [VALUE]] [--json]",
		.min = 1,
		.max = 4,
		.last_is_secret = true,
		.run = run_verb},
	{.name = "room affiliate",
		.args = "ROOM [WHO AFFILIATION [REASON]] [--json]",
		.min = 1,
		.max = 5,
		.run = run_verb},
	{.name = "room kick", .args = "ROOM NICK [REASON] [--json]", .min = 2, .max = 4, .run = run_verb},
	{.name = "room log", .args = "ROOM [N] [--json]", .min = 1, .max = 3, .run = run_verb},
	{.name = NULL},
};
