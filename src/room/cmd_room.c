/* `room list`, `room destroy` for the administrator of the server. */
#include <stdlib.h>

#include "base/json.h"
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

/* Names are what their owners made them: nothing of that reaches the terminal as anything but text. */
static void put_plain_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		buf_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
}

static void put_line(struct buf *out, const struct row *r)
{
	buf_str(out, r->local);
	buf_char(out, '@');
	buf_str(out, jid_str(r->rooms->host.entity.jid));
	buf_fmt(out, "\t%u\t%s\t%s\t", r->occupants, r->persistent ? "persistent" : "temporary",
		r->public_ ? "public" : "hidden");
	put_plain_text(out, r->name);
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

/* ---- destroy ---- */

static const char *destroy(struct rooms *rs, struct str local)
{
	struct room *r = rooms_find(rs, local);
	struct core *c = rs->host.entity.core;

	if (!rs->loaded || (r && r->state == ROOM_LOADING))
		return "the room is just being loaded: try again";
	if (!core_can_store(c))
		return "the store fails: try again later";
	if (r && (r->state == ROOM_OPEN || r->state == ROOM_LOCKED)) {
		room_destroy(r, STR_NONE, STR("The room was removed by the administrator."), STR_NONE);
		room_rest(r);
		return NULL;
	}
	if (!map_find(&rs->directory, local))
		return "there is no such room";
	store_put(core_batch(c), STORE_ROOM_DEL, jid_domain(rs->host.entity.jid), local);
	rooms_unlist(rs, local);
	return NULL;
}

static void run_destroy(struct command_call *call)
{
	struct jid_buf jid;
	struct host *h = NULL;
	const char *error = "there is no such room";

	if (jid_parse_buf(str_z(call->words[2]), &jid) == 0)
		h = core_find_host(call->core, jid_domain(jid.jid));
	if (h && h->kind == HOST_ROOMS && jid.jid.local)
		error = destroy((struct rooms *)h, jid_local(jid.jid));
	if (error)
		command_reply(call->core, call->asker, true, "%s: %s", call->words[2], error);
	else
		command_reply(call->core, call->asker, false, "%s: destroyed", call->words[2]);
}

const struct command room_commands[] = {
	{.name = "room list", .args = "[--json]", .min = 0, .max = 1, .run = run_list},
	{.name = "room destroy", .args = "ROOM@DOMAIN", .min = 1, .max = 1, .run = run_destroy},
	{.name = NULL},
};
