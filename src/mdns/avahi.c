/* The machine's avahi-daemon does the work. It is asked for records, not for services: the browser of services says nothing
 * when a peer that crashed comes back while its old name is still cached, and nothing of changed TXT. So it fills the same
 * cache as our own responder does, by one watch a name and type:
 *
 *     PTR of the service -> SRV and TXT of each instance -> A and AAAA of each host
 *
 * and the same view makes peers of it. Published is one group an interface, so that only wires are used. */
#include "base/log.h"
#include "base/mem.h"
#include "mdns/avahi_thread.h"
#include "mdns/backend.h"
#include "mdns/view.h"

enum {
	WATCHES_MAX = 900, /* the daemon gives a client 1024 objects */
	SYNC_MS = 20,
	START_MS = 3000,  /* a daemon that has not answered by then hangs */
	RETURN_MS = 5000, /* for a daemon that was there */
	RETRY_MS = 1000,
	AGAIN_MS = 1200, /* after withdrawing: longer than the second that a goodbye's records stay */
	SLOW_MS = 5000,
	CLASHES_FAST = 15,
	PICTURE_MS = 8000
};

struct watched {
	uint32_t id;
	struct dns_name name;
	uint64_t hash;
	uint16_t type;
	bool wanted;
	char *picture;    /* of this instance: a watch for that */
	int64_t deadline; /* of such */
};

struct published {
	uint32_t id, ifindex;
	/* The name is known to be ours. Until then nothing is changed (stale: later), because the daemon takes its own probe with the
	 * old TXT, when that comes back to it, for somebody else's. */
	bool settled, stale;
};

struct backend {
	struct backend_config config;
	struct avahi_thread *thread; /* NULL: no library */
	enum { STATE_OUT, STATE_UNSETTLED, STATE_UP } state;
	bool was_there, named, after_crash;
	struct ifaces ifaces;
	struct cache cache;
	struct view *view;
	struct watched watches[WATCHES_MAX];
	unsigned watch_count;
	struct published groups[IFACES_MAX];
	unsigned group_count;
	uint32_t last_id;
	struct service *service; /* under the name in force */
	char *wanted;            /* the name wanted */
	unsigned clashes;
	char *picture;
	size_t picture_n;
	struct timer sync_timer;
	struct timer fail_timer;  /* then there is no use in waiting for the daemon */
	struct timer retry_timer; /* to connect again */
	struct timer again_timer; /* to publish again */
};

static void start(struct backend *b, struct timer *t, int64_t in_ms)
{
	timer_start(loop_timers(b->config.loop), t, loop_now(b->config.loop) + in_ms);
}

static void stop(struct backend *b, struct timer *t) { timer_stop(loop_timers(b->config.loop), t); }

/* ---- looking for others ---- */

static void sync_soon(struct backend *b)
{
	if (!timer_running(&b->sync_timer))
		start(b, &b->sync_timer, SYNC_MS);
}

static struct watched *find_watch(struct backend *b, const struct dns_name *name, uint16_t type)
{
	uint64_t hash = dns_name_hash(name);

	for (unsigned i = 0; i < b->watch_count; i++) {
		struct watched *w = &b->watches[i];
		if (w->hash == hash && w->type == type && dns_name_equal(&w->name, name))
			return w;
	}
	return NULL;
}

static struct watched *want(struct backend *b, const struct dns_name *name, uint16_t type)
{
	struct watched *w = find_watch(b, name, type);

	if (!w && b->watch_count < WATCHES_MAX) {
		w = &b->watches[b->watch_count++];
		*w = (struct watched){.id = ++b->last_id, .name = *name, .hash = dns_name_hash(name), .type = type};
		avahi_watch(b->thread, w->id, name, type);
	}
	if (w)
		w->wanted = true;
	return w;
}

static void unwatch(struct backend *b, unsigned at)
{
	struct watched *w = &b->watches[at];

	avahi_unwatch(b->thread, w->id);
	cache_forget(&b->cache, &w->name, w->type);
	xfree(w->picture);
	*w = b->watches[--b->watch_count];
}

static void want_targets(struct backend *b, const struct cache_entry *e)
{
	struct dns_name target;
	uint16_t port;

	if (e->type == DNS_PTR && dns_name_decode(&target, e->rdata, e->n) == 0) {
		want(b, &target, DNS_SRV);
		want(b, &target, DNS_TXT);
	} else if (e->type == DNS_SRV && dns_srv_decode(e->rdata, e->n, &port, &target) == 0) {
		want(b, &target, DNS_A);
		want(b, &target, DNS_AAAA);
	}
}

static void on_sync(struct timer *t)
{
	struct backend *b = CONTAINER_OF(t, struct backend, sync_timer);
	int64_t now = loop_now(b->config.loop);
	struct dns_name type;

	if (b->state == STATE_OUT)
		return;
	b->cache.changed = false;
	for (unsigned i = 0; i < b->watch_count; i++)
		b->watches[i].wanted = b->watches[i].picture && b->watches[i].deadline > now;
	presence_name(&type);
	want(b, &type, DNS_PTR);
	CACHE_EACH(e, &b->cache)
	want_targets(b, e);
	for (unsigned i = b->watch_count; i-- > 0;)
		if (!b->watches[i].wanted)
			unwatch(b, i);
	view_update(b->view);
	if (b->cache.changed)
		sync_soon(b);
}

static void on_record(struct backend *b, const struct avahi_event *e)
{
	struct dns_record record = {.rdata = e->rdata, .n = e->n};
	uint32_t link = CACHE_LINK(e->ifindex, e->protocol);
	struct watched *w = NULL;

	for (unsigned i = 0; i < b->watch_count && !w; i++)
		w = b->watches[i].id == e->id ? &b->watches[i] : NULL;
	if (!w)
		return;
	record.name = w->name;
	record.type = w->type;
	if (w->picture && e->kind == AVAHI_EVENT_NEW) {
		out_picture(b->config.out, w->picture, e->rdata, e->n);
		w->deadline = 0;
	} else if (e->kind == AVAHI_EVENT_NEW) {
		cache_keep(&b->cache, link, &record, loop_now(b->config.loop));
	} else {
		cache_remove(&b->cache, link, &record);
	}
	sync_soon(b);
}

static void ask_picture(struct backend *b, const char *instance)
{
	struct dns_name name;

	if (b->state == STATE_OUT || presence_instance(&name, instance) < 0 || find_watch(b, &name, DNS_NULL))
		return;
	struct watched *w = want(b, &name, DNS_NULL);
	if (!w)
		return;
	w->picture = xstrdup(instance);
	w->deadline = loop_now(b->config.loop) + PICTURE_MS;
}

/* ---- publishing ---- */

static void withdraw_all(struct backend *b)
{
	while (b->group_count)
		avahi_withdraw(b->thread, b->groups[--b->group_count].id);
}

static bool has_group(const struct backend *b, uint32_t ifindex)
{
	for (unsigned i = 0; i < b->group_count; i++)
		if (b->groups[i].ifindex == ifindex)
			return true;
	return false;
}

static void publish_on(struct backend *b, const struct published *g)
{
	avahi_publish(b->thread, g->id, g->ifindex, b->service, b->picture, b->picture_n);
}

static void update_on(struct backend *b, struct published *g)
{
	g->stale = !g->settled;
	if (g->settled)
		publish_on(b, g);
}

/* A group on each interface in use, none elsewhere. */
static void sync_groups(struct backend *b)
{
	if (b->state != STATE_UP || !b->service || timer_running(&b->again_timer))
		return;
	for (unsigned i = b->group_count; i-- > 0;) {
		const struct iface *now = ifaces_find(&b->ifaces, b->groups[i].ifindex);
		if (now && now->use == IFACE_USED)
			continue;
		avahi_withdraw(b->thread, b->groups[i].id);
		b->groups[i] = b->groups[--b->group_count];
	}
	for (unsigned i = 0; i < b->ifaces.n; i++) {
		const struct iface *iface = &b->ifaces.i[i];
		if (iface->use != IFACE_USED || has_group(b, iface->index))
			continue;
		struct published *g = &b->groups[b->group_count++];
		*g = (struct published){.id = ++b->last_id, .ifindex = iface->index};
		publish_on(b, g);
	}
}

static void on_again(struct timer *t) { sync_groups(CONTAINER_OF(t, struct backend, again_timer)); }

static void publish_again(struct backend *b, int64_t in_ms)
{
	withdraw_all(b);
	if (in_ms)
		start(b, &b->again_timer, in_ms);
	else
		sync_groups(b);
}

static void set_name(struct backend *b)
{
	xfree(b->service->instance);
	b->service->instance = service_numbered(b->wanted, b->clashes);
	b->named = false;
	view_set_self(b->view, b->service->instance);
	sync_soon(b);
}

static void publish(struct backend *b, const struct service *s, const char *picture, size_t n)
{
	bool same = b->service && strcmp(b->wanted, s->instance) == 0 && b->service->port == s->port;

	service_free(&b->service);
	xfree(b->wanted);
	xfree(b->picture);
	b->service = service_copy(s);
	b->wanted = xstrdup(s->instance);
	b->picture = picture ? xmemdup(picture, n) : NULL;
	b->picture_n = n;
	if (same) {
		xfree(b->service->instance);
		b->service->instance = service_numbered(b->wanted, b->clashes);
		for (unsigned i = 0; i < b->group_count; i++)
			update_on(b, &b->groups[i]);
		return;
	}
	b->clashes = 0;
	set_name(b);
	if (b->thread)
		publish_again(b, 0);
}

static struct published *find_group(struct backend *b, uint32_t id)
{
	for (unsigned i = 0; i < b->group_count; i++)
		if (b->groups[i].id == id)
			return &b->groups[i];
	return NULL;
}

static void on_established(struct backend *b, const struct avahi_event *e)
{
	struct published *g = find_group(b, e->id);

	if (!g)
		return;
	g->settled = true;
	if (g->stale)
		update_on(b, g);
	if (b->after_crash) {
		/* Those who still have the records of before the crash saw nothing new just now. */
		b->after_crash = false;
		publish_again(b, AGAIN_MS);
	} else if (!b->named) {
		b->named = true;
		out_named(b->config.out, b->service->instance, b->clashes > 0);
	}
}

static void on_collision(struct backend *b, const struct avahi_event *e)
{
	if (!find_group(b, e->id))
		return;
	b->clashes++;
	set_name(b);
	log_info("mdns_clash", "what=name clashes=%u", b->clashes);
	publish_again(b, b->clashes > CLASHES_FAST ? SLOW_MS : 0);
}

static void on_refused(struct backend *b, const struct avahi_event *e)
{
	if (!find_group(b, e->id))
		return;
	log_warn("avahi_refuses", "name=\"%s\"", b->service->instance);
	publish_again(b, SLOW_MS);
}

/* ---- the daemon ---- */

static void on_fail(struct timer *t)
{
	struct backend *b = CONTAINER_OF(t, struct backend, fail_timer);

	log_info("avahi_absent", "was_there=%d", b->was_there);
	b->config.on_failed(b->config.arg);
}

static void on_retry(struct timer *t) { avahi_connect(CONTAINER_OF(t, struct backend, retry_timer)->thread, true); }

static void forget_all(struct backend *b)
{
	for (unsigned i = 0; i < b->watch_count; i++)
		xfree(b->watches[i].picture);
	b->watch_count = 0;
	b->group_count = 0;
	cache_clear(&b->cache);
	view_update(b->view);
}

static void on_down(struct backend *b, const struct avahi_event *e)
{
	log_info("avahi_down", "was_there=%d", b->was_there);
	b->state = STATE_OUT;
	forget_all(b);
	if (!b->was_there && b->config.must_be_there) {
		start(b, &b->fail_timer, 0);
		return;
	}
	start(b, &b->retry_timer, RETRY_MS);
	if (b->config.must_be_there && !timer_running(&b->fail_timer))
		start(b, &b->fail_timer, RETURN_MS);
}

static void on_there(struct backend *b, const struct avahi_event *e)
{
	stop(b, &b->fail_timer);
	b->was_there = true;
	b->state = e->kind == AVAHI_EVENT_UP ? STATE_UP : STATE_UNSETTLED;
	log_info("avahi_up", "settled=%d", b->state == STATE_UP);
	if (b->state == STATE_UNSETTLED)
		withdraw_all(b); /* one that was on its way may have come after the others had gone */
	sync_groups(b);
	sync_soon(b);
}

static void (*const handlers[])(struct backend *b, const struct avahi_event *e) = {
	[AVAHI_EVENT_DOWN] = on_down,
	[AVAHI_EVENT_UNSETTLED] = on_there,
	[AVAHI_EVENT_UP] = on_there,
	[AVAHI_EVENT_NEW] = on_record,
	[AVAHI_EVENT_REMOVED] = on_record,
	[AVAHI_EVENT_ESTABLISHED] = on_established,
	[AVAHI_EVENT_COLLISION] = on_collision,
	[AVAHI_EVENT_REFUSED] = on_refused,
};

static void on_event(void *arg, const struct avahi_event *e) { handlers[e->kind](arg, e); }

static struct backend *make(const struct backend_config *config)
{
	struct backend *b = xcalloc(1, sizeof(*b));

	b->config = *config;
	b->after_crash = config->after_crash;
	cache_init(&b->cache);
	b->view = view_new(&b->cache, &b->ifaces, config->out);
	b->sync_timer.fire = on_sync;
	b->fail_timer.fire = on_fail;
	b->retry_timer.fire = on_retry;
	b->again_timer.fire = on_again;
	b->thread = avahi_thread_new(config->loop, on_event, b);
	if (!b->thread)
		log_info("avahi_library_absent", "%s", "libavahi-client.so.3");
	else
		avahi_connect(b->thread, !config->must_be_there);
	if (config->must_be_there)
		start(b, &b->fail_timer, b->thread ? START_MS : 0);
	return b;
}

static void destroy(struct backend **backend)
{
	struct backend *b = TAKE(*backend);

	if (!b)
		return;
	avahi_thread_free(&b->thread);
	stop(b, &b->sync_timer);
	stop(b, &b->fail_timer);
	stop(b, &b->retry_timer);
	stop(b, &b->again_timer);
	for (unsigned i = 0; i < b->watch_count; i++)
		xfree(b->watches[i].picture);
	view_free(&b->view);
	cache_clear(&b->cache);
	service_free(&b->service);
	xfree(b->wanted);
	xfree(b->picture);
	xfree(b);
}

static void set_ifaces(struct backend *b, const struct ifaces *ifaces)
{
	b->ifaces = *ifaces;
	sync_groups(b);
	sync_soon(b);
}

static void goodbye(struct backend *b)
{
	stop(b, &b->again_timer);
	withdraw_all(b);
	service_free(&b->service);
}

static const char *name(const struct backend *b) { return b->state == STATE_OUT ? "avahi, not running" : "avahi"; }

const struct backend_ops backend_avahi = {make, destroy, set_ifaces, publish, ask_picture, goodbye, name};
