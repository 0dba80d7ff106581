#include "room/survey.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/plain.h"
#include "room/order.h"
#include "room/rooms_i.h"

enum { DAY_MS = 86400000, OWNERS_SHOWN = 10, DESTROY_MAX = 1000, HOSTS_MAX = 256 };

/* A room; the texts are views of what stays as it is while one service is looked at. */
struct row {
	struct str local, name;
	const struct room *room; /* NULL: not in memory */
	uint32_t occupants, owner_count;
	struct str owners[OWNERS_SHOWN];
	int64_t active; /* ms since 1970 */
	bool persistent, public_;
};

struct rows {
	struct row *list;
	uint32_t n, cap;
};

/* One service after the other. */
struct survey {
	struct wait wait;
	struct core *core;
	uint64_t asker; /* 0, too, where a stopped server's data is asked */
	bool answered;
	struct survey_wish wish;
	struct buf out;
	uint64_t hosts[HOSTS_MAX];
	unsigned host_count, next;
	uint32_t shown, destroyed, failed, pending;
	bool listed; /* all services have been looked at */
};

static void survey_free(struct survey *s)
{
	buf_clear(&s->out);
	xfree(s);
}

/* ---- what is in memory ---- */

static void add_row(struct rows *t, struct row row)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->list = xrealloc(t->list, t->cap * sizeof(*t->list));
	}
	t->list[t->n++] = row;
}

static void add_owner(struct row *row, struct str jid)
{
	if (row->owner_count < OWNERS_SHOWN)
		row->owners[row->owner_count] = jid;
	row->owner_count++;
}

static void add_live(struct rows *t, const struct room *r)
{
	struct row row = {.local = jid_local(r->entity.jid),
		.name = str_z(r->config.name),
		.room = r,
		.occupants = room_count(r),
		.active = room_active(r),
		.persistent = r->config.persistent,
		.public_ = r->config.public_};
	const struct affiliate *a;

	for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos));)
		if (a->affiliation == AFFILIATION_OWNER)
			add_owner(&row, affiliate_jid(a));
	add_row(t, row);
}

static int compare(const void *a, const void *b)
{
	return str_cmp(((const struct row *)a)->local, ((const struct row *)b)->local);
}

static void collect(struct rows *t, const struct rooms *rs)
{
	const struct listing *l;
	const struct room *r;

	core_spend(rs->host.entity.core, (rs->directory.n + rs->live.n) / 4);
	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));)
		if (r->state == ROOM_OPEN || r->state == ROOM_LOCKED)
			add_live(t, r);
	for (uint32_t pos = 0; (l = map_next(&rs->directory, &pos));) {
		r = rooms_find(rs, listing_local(l));
		if (!r || (r->state != ROOM_OPEN && r->state != ROOM_LOCKED))
			add_row(t,
				(struct row){.local = listing_local(l),
					.name = listing_name(l),
					.persistent = true,
					.public_ = l->public_});
	}
	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), compare);
}

/* ---- what is in the store ---- */

static struct row *find(struct rows *t, struct str local)
{
	struct row key = {.local = local};

	return t->n ? bsearch(&key, t->list, t->n, sizeof(*t->list), compare) : NULL;
}

static int64_t stored_activity(const struct store_value *v, int64_t now)
{
	struct room_config config;
	int64_t time;

	room_config_init(&config);
	room_config_parse(&config, v[2].s);
	time = room_active_stored(&config, v[1].i, now);
	room_config_clear(&config);
	return time;
}

static void merge(struct rows *t, const struct store_rows *rows, int64_t now)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t pos = 0;
	unsigned n;

	while (store_rows_next(rows, &pos, &kind, v, &n)) {
		struct row *row = find(t, v[0].s);

		if (!row || row->room)
			continue; /* what is in memory knows better */
		if (kind == ROW_OWNER)
			add_owner(row, v[1].s);
		else if (kind == ROW_ROOM_ACTIVE)
			row->active = stored_activity(v, now);
	}
}

/* ---- writing ---- */

static void put_address(struct buf *out, const struct rooms *rs, const struct row *r)
{
	buf_str(out, r->local);
	buf_char(out, '@');
	buf_str(out, jid_str(rs->host.entity.jid));
}

/* More is not known: that somebody was in is noted by days. */
static void put_day(struct buf *out, int64_t time)
{
	enum { DAY_N = 10 };
	CLEANUP(buf_clear) struct buf text = {.max = 64};

	clock_format(&text, time);
	buf_cut(&text, DAY_N);
	buf_str(out, buf_view(&text));
}

static void put_json(struct survey *s, const struct rooms *rs, const struct row *r)
{
	CLEANUP(buf_clear) struct buf address = {.max = JID_MAX};
	struct buf *out = &s->out;

	put_address(&address, rs, r);
	buf_z(out, s->shown ? ",\n  {\"room\": " : "\n  {\"room\": ");
	json_text(out, buf_view(&address));
	buf_z(out, ", \"name\": ");
	json_text(out, r->name.p ? r->name : STR(""));
	buf_fmt(out, ", \"occupants\": %u, \"persistent\": %s, \"public\": %s, \"owners\": [", r->occupants,
		r->persistent ? "true" : "false", r->public_ ? "true" : "false");
	for (uint32_t i = 0; i < r->owner_count && i < OWNERS_SHOWN; i++) {
		buf_z(out, i ? ", " : "");
		json_text(out, r->owners[i]);
	}
	buf_fmt(out, "], \"owner_count\": %u, \"active\": \"", r->owner_count);
	put_day(out, r->active);
	buf_z(out, "\"}");
}

static void put_line(struct survey *s, const struct rooms *rs, const struct row *r)
{
	struct buf *out = &s->out;

	plain_put(out, r->local);
	buf_char(out, '@');
	buf_str(out, jid_str(rs->host.entity.jid));
	buf_fmt(out, "\t%u\t%s\t%s\t", r->occupants, r->persistent ? "persistent" : "temporary",
		r->public_ ? "public" : "hidden");
	put_day(out, r->active);
	buf_char(out, '\t');
	for (uint32_t i = 0; i < r->owner_count && i < OWNERS_SHOWN; i++) {
		buf_z(out, i ? "," : "");
		plain_put(out, r->owners[i]);
	}
	if (r->owner_count > OWNERS_SHOWN)
		buf_fmt(out, ",+%u", r->owner_count - OWNERS_SHOWN);
	buf_char(out, '\t');
	plain_put(out, r->name);
	buf_char(out, '\n');
}

/* ---- ending ---- */

static void answer(struct survey *s)
{
	if (s->wish.task == SURVEY_LIST && s->wish.json)
		buf_z(&s->out, s->shown ? "\n]\n" : "]\n");
	if (s->wish.task == SURVEY_DESTROY && s->wish.json)
		buf_fmt(&s->out, s->failed ? "%u destroyed\n" : "{\"destroyed\": %u, \"failed\": 0}\n", s->destroyed);
	else if (s->wish.task == SURVEY_DESTROY)
		buf_fmt(&s->out, "%u destroyed%s\n", s->destroyed,
			s->shown == DESTROY_MAX ? "; there may be more: do it again" : "");
	if (!s->answered && s->failed)
		command_reply(s->core, s->asker, true, "%s%u could not be destroyed",
			buf_ok(&s->out) ? buf_cstr(&s->out) : "", s->failed);
	else if (!s->answered)
		command_reply_buf(s->core, s->asker, &s->out);
	survey_free(s);
}

static void end_if_done(struct survey *s)
{
	if (s->listed && !s->pending)
		answer(s);
}

/* ---- destroying ---- */

static void on_destroyed(struct order *o, const char *error)
{
	struct survey *s = o->context;

	s->pending--;
	if (error)
		s->failed++;
	else
		s->destroyed++;
	if (!s->answered && !s->wish.json)
		buf_fmt(&s->out, "%s: %s\n", o->address, error ? error : "destroyed");
	if (!error)
		log_info("room_unused", "room=%s unused_days=%u", o->address, s->wish.unused_days);
	end_if_done(s);
}

static void on_dropped(struct order *o)
{
	struct survey *s = o->context;

	if (--s->pending == 0 && s->listed)
		survey_free(s);
}

static void destroy(struct survey *s, const struct rooms *rs, const struct row *r)
{
	CLEANUP(buf_clear) struct buf address = {.max = JID_MAX};
	struct order front = {.done = on_destroyed,
		.drop = on_dropped,
		.context = s,
		.unused_since = core_wall(s->core) - (int64_t)s->wish.unused_days * DAY_MS};
	const struct str reason = STR("Nobody has used the room for long.");

	put_address(&address, rs, r);
	s->pending++;
	order_start(s->core, order_verb_find(STR("destroy")), buf_view(&address), &reason, 1, &front);
}

/* ---- one service after the other ---- */

static bool is_wanted(const struct survey *s, const struct row *r)
{
	if (s->wish.task == SURVEY_DESTROY && (!r->persistent || s->shown >= DESTROY_MAX))
		return false;
	return !s->wish.unused_days ||
		(!r->occupants && r->active < core_wall(s->core) - (int64_t)s->wish.unused_days * DAY_MS);
}

static void take_rows(struct survey *s, const struct rooms *rs, struct rows *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct row *r = &t->list[i];

		if (!is_wanted(s, r))
			continue;
		if (s->wish.task == SURVEY_DESTROY)
			destroy(s, rs, r);
		else if (s->wish.json)
			put_json(s, rs, r);
		else
			put_line(s, rs, r);
		s->shown++;
	}
}

static void ask_next(struct survey *s);

static void on_rows(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct survey *s = CONTAINER_OF(w, struct survey, wait);
	const struct rooms *rs = (const struct rooms *)entity_find(c, s->hosts[s->next - 1]);
	struct rows t = {0};

	if (rows->error) {
		if (!s->answered)
			command_reply(c, s->asker, true, "%s", order_failing);
		s->answered = true;
		s->next = s->host_count;
	} else if (rs) {
		collect(&t, rs);
		merge(&t, rows, core_wall(c));
		s->pending++; /* so that it does not end in between */
		take_rows(s, rs, &t);
		s->pending--;
	}
	xfree(t.list);
	ask_next(s);
}

/* The last one who has it frees it: this, or an order. */
static void drop(struct wait *w)
{
	struct survey *s = CONTAINER_OF(w, struct survey, wait);

	s->listed = true;
	if (!s->pending)
		survey_free(s);
}

static void ask_next(struct survey *s)
{
	struct entity *e = NULL;
	struct store_query *q;

	while (!e && s->next < s->host_count)
		e = entity_find(s->core, s->hosts[s->next++]);
	if (!e) {
		s->listed = true;
		end_if_done(s);
		return;
	}
	s->wait.answer = on_rows;
	s->wait.drop = drop;
	q = store_query_new(STORE_ROOM_SURVEY, core_wait(s->core, &s->wait), jid_str(e->jid));
	core_ask(s->core, &q);
}

static struct survey *survey_new(struct core *c, uint64_t asker, const struct survey_wish *wish)
{
	struct survey *s = xcalloc(1, sizeof(*s));

	s->core = c;
	s->asker = asker;
	s->wish = *wish;
	s->out.max = 16 << 20;
	if (wish->task == SURVEY_LIST && wish->json)
		buf_char(&s->out, '[');
	return s;
}

static int compare_hosts(const void *a, const void *b)
{
	const struct host *const *one = a, *const *other = b;

	return str_cmp(jid_str((*one)->entity.jid), jid_str((*other)->entity.jid));
}

void survey_start(struct core *c, uint64_t asker, const struct survey_wish *wish)
{
	struct survey *s = survey_new(c, asker, wish);
	const struct host *list[HOSTS_MAX];
	struct host *h;

	for (uint32_t pos = 0; (h = core_next_host(c, &pos));)
		if (h->kind == HOST_ROOMS && s->host_count < HOSTS_MAX)
			list[s->host_count++] = h;
	if (s->host_count)
		qsort(list, s->host_count, sizeof(list[0]), compare_hosts);
	for (unsigned i = 0; i < s->host_count; i++)
		s->hosts[i] = list[i]->entity.id;
	ask_next(s);
}
