#include "room/rooms_i.h"

#include "base/err.h"
#include "room/archive.h"
#include "room/subscription.h"
#include "xmpp/ns.h"

enum { ASK_AGAIN_MS = 5000, GHOSTS_MS = 300000, SEEN_AT_ONCE = 1000 };

static struct str room_key(const void *item) { return jid_local(((const struct room *)item)->entity.jid); }
static struct str directory_key(const void *item) { return listing_local(item); }

/* ---- rooms in memory ---- */

struct room *rooms_find(const struct rooms *rs, struct str local) { return map_find(&rs->live, local); }

/* Persistent rooms in memory are in both maps. */
bool rooms_full(const struct rooms *rs)
{
	uint32_t n = rs->live.n + rs->directory.n;
	const struct room *r;

	if (n < rs->config.rooms_max)
		return false;
	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));)
		n -= map_find(&rs->directory, jid_local(r->entity.jid)) != NULL;
	return n >= rs->config.rooms_max;
}

bool rooms_is_admin(const struct rooms *rs, struct jid who)
{
	for (size_t i = 0; rs->admins && rs->admins[i]; i++)
		if (str_is(jid_bare_str(who), rs->admins[i]))
			return true;
	return false;
}

void rooms_drop(struct room *r)
{
	map_remove(&rooms_of(r)->live, jid_local(r->entity.jid));
	entity_die(&r->entity);
}

/* ---- the directory ---- */

static struct listing *put_listing(struct rooms *rs, struct str local, const struct room_config *config)
{
	struct str name = str_z(config->name);
	struct listing *l = map_find(&rs->directory, local);

	if (l && l->public_ == config->public_ && str_eq(listing_name(l), name)) {
		l->owner = config->maker ? rooms_owner_key(jid_view(str_z(config->maker))) : 0;
		l->history = (uint16_t)config->history;
		return l;
	}
	rooms_items_changed(rs);
	rooms_unlist(rs, local);
	l = xmalloc(sizeof(*l) + local.n + name.n);
	l->owner = config->maker ? rooms_owner_key(jid_view(str_z(config->maker))) : 0;
	l->public_ = config->public_;
	l->history = (uint16_t)config->history;
	l->local_n = (uint16_t)local.n;
	l->name_n = (uint16_t)name.n;
	memcpy(l->text, local.p, local.n);
	if (name.n)
		memcpy(l->text + local.n, name.p, name.n);
	if (map_add(&rs->directory, l) < 0)
		xfree(TAKE(l));
	return l;
}

void rooms_unlist(struct rooms *rs, struct str local)
{
	rooms_items_changed(rs);
	xfree(map_remove(&rs->directory, local));
}

void rooms_list(struct room *r)
{
	struct str local = jid_local(r->entity.jid);
	struct listing *l = map_find(&rooms_of(r)->directory, local);

	if (l && !r->owner && !r->config.maker)
		r->owner = l->owner; /* of an earlier version */
	l = NULL;
	if (r->config.persistent)
		l = put_listing(rooms_of(r), local, &r->config);
	else
		rooms_unlist(rooms_of(r), local);
	if (l)
		l->owner = r->owner;
}

static void take_listing(struct rooms *rs, const struct store_value *v)
{
	struct room_config config;

	/* What is in memory knows better: it may have changed since this was asked. */
	if (!v[0].s.n || v[0].s.n > JID_PART_MAX || rooms_find(rs, v[0].s))
		return;
	room_config_init(&config);
	room_config_parse(&config, v[2].s);
	put_listing(rs, v[0].s, &config);
	room_config_clear(&config);
}

static void take_owner(struct rooms *rs, const struct store_value *v)
{
	struct listing *l = map_find(&rs->directory, v[0].s);
	struct jid_buf jid;

	if (l && !l->owner && jid_parse_buf(v[1].s, &jid) == 0)
		l->owner = rooms_owner_key(jid.jid);
}

struct load {
	struct wait wait;
	uint64_t host;
};

static void load_drop(struct wait *w) { xfree(w); }

static void watch_ghosts(struct rooms *rs)
{
	struct core *c = rs->host.entity.core;

	timer_start(core_timers(c), &rs->timer, core_now(c) + GHOSTS_MS);
}

/* Vacant rooms were kept to say that they are not in the store any more. */
static void rest_vacant(struct rooms *rs)
{
	struct room *r;

	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));) {
		if (r->state != ROOM_VACANT || !room_is_idle(r))
			continue;
		rooms_drop(r);
		pos = 0; /* the map has moved */
	}
}

static void take_rows(struct rooms *rs, const struct store_rows *rows)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t pos = 0;
	unsigned n;

	while (store_rows_next(rows, &pos, &kind, v, &n))
		if (kind == ROW_ROOM)
			take_listing(rs, v);
		else if (kind == ROW_OWNER)
			take_owner(rs, v);
		else if (kind == ROW_MOVED)
			moved_load(rs, v);
		else if (kind == ROW_ROOM_NICK)
			service_nick_load(rs, v);
		else if (kind == ROW_SUBSCRIBED && v[0].s.n && v[0].s.n <= JID_MAX)
			subscribed_add(&rs->subscribed, v[0].s, (int32_t)v[1].i);
	rs->loaded = true;
	rest_vacant(rs);
	watch_ghosts(rs);
	log_info("rooms_loaded", "domain=%.*s persistent=%u", STR_FMT(jid_str(rs->host.entity.jid)), rs->directory.n);
}

static void load(struct rooms *rs);

static void on_loaded(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct load *l = (struct load *)w;
	struct rooms *rs = (struct rooms *)entity_find(c, l->host);

	xfree(l);
	if (!rs)
		return;
	if (!rows->error && !rs->stale) {
		take_rows(rs, rows);
		return;
	}
	if (!rows->error) {
		rs->stale = false;
		load(rs); /* behind what was written since */
		return;
	}
	log_warn("rooms_load_failed", "domain=%.*s error=\"%s\"", STR_FMT(jid_str(rs->host.entity.jid)),
		err_name(rows->error));
	timer_start(core_timers(c), &rs->timer, core_now(c) + ASK_AGAIN_MS);
}

static void load(struct rooms *rs)
{
	struct core *c = rs->host.entity.core;
	struct load *l = xcalloc(1, sizeof(*l));
	struct store_query *q;

	l->wait.answer = on_loaded;
	l->wait.drop = load_drop;
	l->host = rs->host.entity.id;
	q = store_query_new(STORE_ROOM_LIST, core_wait(c, &l->wait), jid_domain(rs->host.entity.jid));
	core_ask(c, &q);
}

/* A room may leave memory while it is looked at, so one is found by its name each time. */
static void look_for_ghosts(struct rooms *rs)
{
	uint32_t n = rs->live.n, count = 0;
	uint64_t *ids = xcalloc(n + 1, sizeof(*ids));
	struct room *r;

	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));) {
		if (r->audience.n)
			ids[count++] = r->entity.id;
		paces_sweep(&r->paces, core_now(rs->host.entity.core));
	}
	for (uint32_t i = 0; i < count; i++) {
		struct entity *e = entity_find(rs->host.entity.core, ids[i]);
		if (e)
			leave_ghosts((struct room *)e);
	}
	xfree(ids);
}

/* Who stays in a room for long uses it, too: with a new day that is noted, of some at a time. */
static void note_use(struct rooms *rs)
{
	unsigned n = 0;
	struct room *r;

	for (uint32_t pos = 0; n < SEEN_AT_ONCE && (r = map_next(&rs->live, &pos));)
		if (room_count(r))
			n += room_seen(r);
}

static void on_timer(struct timer *t)
{
	struct rooms *rs = CONTAINER_OF(t, struct rooms, timer);

	if (!rs->loaded) {
		load(rs);
		return;
	}
	look_for_ghosts(rs);
	moved_expire(rs);
	paces_sweep(&rs->paces, core_now(rs->host.entity.core));
	room_archive_expire(rs);
	rooms_log_expire(rs);
	note_use(rs);
	watch_ghosts(rs);
}

/* ---- finding the room for a stanza ---- */

static bool asks_to_enter(const struct stanza *s)
{
	return s && s->kind == STANZA_PRESENCE && s->type == TYPE_AVAILABLE && join_is(s) && s->to.resource;
}

static struct room *add_room(struct rooms *rs, struct jid bare, enum room_state state)
{
	struct room *r = room_new(&rs->host, bare, state);

	must(map_add(&rs->live, r) == 0);
	if (state == ROOM_LOADING)
		room_store_load(r);
	return r;
}

struct room *rooms_get(struct rooms *rs, struct jid bare, bool make)
{
	struct room *r = rooms_find(rs, jid_local(bare));
	bool listed = map_find(&rs->directory, jid_local(bare)) != NULL;

	if (r)
		return r;
	if (!listed && rs->loaded && !make)
		return NULL;
	if (rs->live.n >= rs->live.max || (!listed && rooms_full(rs)))
		return NULL;
	return add_room(rs, bare, listed || !rs->loaded ? ROOM_LOADING : ROOM_VACANT);
}

/* As long as the directory is not complete, each room is looked for in the store. What is for no room is answered by the
 * host. */
static struct entity *get(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	struct rooms *rs = (struct rooms *)h;
	struct room *r = rooms_find(rs, jid_local(bare));
	bool listed = map_find(&rs->directory, jid_local(bare)) != NULL;
	bool entering = asks_to_enter(s);

	if (r)
		return &r->entity;
	if (!listed && rs->loaded && !entering)
		return &h->entity;
	if (rs->live.n >= rs->live.max || (!listed && rooms_full(rs))) {
		*ret_error = xerr(XERR_RESOURCE_CONSTRAINT);
		return NULL;
	}
	return &add_room(rs, bare, listed || !rs->loaded ? ROOM_LOADING : ROOM_VACANT)->entity;
}

/* The store itself forgets what it has of rooms that are not in memory. */
static void end_subscriptions(struct rooms *rs, struct str bare)
{
	uint32_t max = subscribed_get(&rs->subscribed, bare), n = 0;
	uint64_t *ids;
	struct room *r;

	if (!max)
		return;
	ids = xcalloc(max, sizeof(*ids));
	core_spend(rs->host.entity.core, rs->live.n / 16);
	for (uint32_t pos = 0; n < max && (r = map_next(&rs->live, &pos));)
		if (subscriber_find(r, bare))
			ids[n++] = r->entity.id;
	for (uint32_t i = 0; i < n; i++)
		unsubscribe((struct room *)entity_find(rs->host.entity.core, ids[i]), bare, false);
	xfree(ids);
	subscribed_add(&rs->subscribed, bare, -(int32_t)subscribed_get(&rs->subscribed, bare));
}

static void account_gone(struct host *h, struct jid bare)
{
	struct rooms *rs = (struct rooms *)h;

	end_subscriptions(rs, jid_str(bare));
	service_nick_forget(rs, jid_str(bare));
	rs->stale = !rs->loaded;
}

static const struct host_ops host_ops = {.get = get, .account_gone = account_gone};

/* ---- the domain itself as an address, and rooms that do not exist ---- */

void rooms_missing(struct core *c, struct stanza **s)
{
	if ((*s)->kind == STANZA_PRESENCE && (*s)->type == TYPE_AVAILABLE)
		join_tell_absent(c, s);
	else
		room_refuse(c, s, xerr(XERR_ITEM_NOT_FOUND));
}

static void deliver(struct entity *e, struct stanza **s)
{
	if ((*s)->to.local)
		rooms_missing(e->core, s);
	else if ((*s)->kind == STANZA_IQ && !(*s)->to.resource)
		iq_dispatch(e, AT_ROOMS, s);
	else
		room_refuse(e->core, s, xerr(XERR_SERVICE_UNAVAILABLE));
}

/* ---- making and ending ---- */

uint64_t *rooms_handles(struct rooms *rs, uint32_t n)
{
	if (n > rs->handles_cap) {
		rs->handles_cap = n * 2;
		rs->handles = xrealloc(rs->handles, rs->handles_cap * sizeof(*rs->handles));
	}
	return rs->handles;
}

struct packet **rooms_packets(struct rooms *rs, uint32_t n)
{
	if (n > rs->packets_cap) {
		rs->packets_cap = n * 2;
		rs->packets = xrealloc(rs->packets, rs->packets_cap * sizeof(*rs->packets));
	}
	return rs->packets;
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		xfree(list[i]);
	xfree(list);
}

static void rooms_free(struct entity *e)
{
	struct rooms *rs = (struct rooms *)e;
	struct listing *l;

	timer_stop(core_timers(e->core), &rs->timer);
	for (uint32_t pos = 0; (l = map_next(&rs->directory, &pos));)
		xfree(l);
	map_clear(&rs->directory);
	map_clear(&rs->live);
	moved_clear(&rs->moved);
	service_nicks_clear(rs);
	subscribed_clear(&rs->subscribed);
	rooms_items_clear(rs);
	makers_clear(&rs->makers);
	free_list(rs->admins);
	free_list(rs->reserved);
	room_config_clear(&rs->defaults);
	xfree(rs->handles);
	xfree(rs->packets);
	entity_clear(e);
	xfree(rs);
}

static const struct entity_ops entity_ops = {.name = "host", .deliver = deliver, .free = rooms_free};

static char **copy_list(const char *const *from)
{
	size_t n = 0;
	char **own;

	while (from && from[n])
		n++;
	own = xcalloc(n + 1, sizeof(*own));
	for (size_t i = 0; i < n; i++)
		own[i] = xstrdup(from[i]);
	return own;
}

/* As it would stand in an address. */
static void make_local(char **name)
{
	CLEANUP(buf_clear) struct buf address = {.max = JID_MAX};
	struct jid_buf jid;

	buf_fmt(&address, "%s@x", *name);
	if (!buf_ok(&address) || jid_parse_buf(buf_view(&address), &jid) < 0)
		return;
	xfree(*name);
	*name = str_dup(jid_local(jid.jid));
}

static void set_default(struct rooms *rs, struct str setting)
{
	struct str name = str_cut(&setting, '=');

	must(setting.p && room_config_change(&rs->defaults, name, setting) == 0);
}

static void take_config(struct rooms *rs, const struct rooms_config *config)
{
	rs->config = *config;
	rs->config.rooms_max = config->rooms_max ? config->rooms_max : 200000;
	rs->config.occupants_max = config->occupants_max ? config->occupants_max : 5000;
	rs->config.history = config->history ? config->history : 20;
	rs->admins = copy_list(config->admins);
	rs->reserved = copy_list(config->reserved);
	for (size_t i = 0; rs->reserved[i]; i++)
		make_local(&rs->reserved[i]);
	room_config_init(&rs->defaults);
	rs->defaults.history = rs->config.history;
	for (size_t i = 0; config->defaults && config->defaults[i]; i++)
		set_default(rs, str_z(config->defaults[i]));
	rs->defaults.public_ = rs->defaults.public_ && !config->only_admins_publish;
	rs->defaults.persistent = rs->defaults.persistent && !config->only_admins_keep;
	rs->config.defaults = rs->config.admins = rs->config.reserved = NULL;
}

bool rooms_occupied(const struct host *h)
{
	const struct rooms *rs = (const struct rooms *)h;
	const struct room *r;

	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));)
		if (room_count(r))
			return true;
	return false;
}

struct host *rooms_new(struct core *c, const char *domain, const struct rooms_config *config)
{
	struct rooms *rs = xcalloc(1, sizeof(*rs));

	take_config(rs, config);
	moved_init(&rs->moved);
	service_nicks_init(rs);
	subscribed_init(&rs->subscribed);
	map_init(&rs->live, room_key, rs->config.rooms_max * 2);
	makers_init(&rs->makers, config->made_max ? config->made_max : 100);
	rs->only_admins_make = config->only_admins_make;
	map_init(&rs->directory, directory_key, rs->config.rooms_max * 2);
	rs->timer.fire = on_timer;
	entity_init(&rs->host.entity, &entity_ops, c, NULL, jid_view(str_z(domain)));
	rs->host.ops = &host_ops;
	rs->host.kind = HOST_ROOMS;
	rs->host.users = config->users;
	rs->host.title = "Chatrooms";
	core_add_host(c, &rs->host);
	load(rs);
	return &rs->host;
}

void rooms_shutdown(struct host *h)
{
	struct rooms *rs = (struct rooms *)h;
	struct room *r;

	for (uint32_t pos = 0; (r = map_next(&rs->live, &pos));)
		room_close(r);
}
