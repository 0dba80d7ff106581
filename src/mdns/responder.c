#include "mdns/responder.h"

#include "base/err.h"
#include "base/mem.h"
#include "mdns/responder_i.h"

/* What of one interface is looked at in a second: pieces of 64 bytes, so that work is limited and not packets. */
enum { BUDGET = 4000, BUDGET_MS = 1000, BUDGET_PIECE = 64 };
/* Ten changes a minute are told (RFC 6762 section 8.4), a second apart while there were fewer. */
enum { CHANGE_MS = 6000, CHANGES_MS = 10 * CHANGE_MS, APART_MS = 1000 };

/* A label of ASCII letters, digits and hyphens (XEP-0174 section 3); "host" if nothing of it is left. */
static char *host_label(const char *host)
{
	struct buf out = {.max = SERVICE_INSTANCE_MAX - 8};

	for (; host && *host && *host != '.'; host++) {
		bool good = (*host >= '0' && *host <= '9') || ((*host | 32) >= 'a' && (*host | 32) <= 'z');
		if (good || (*host == '-' && out.n))
			buf_char(&out, *host);
	}
	char *label = str_dup(out.n ? buf_view(&out) : STR("host"));
	buf_clear(&out);
	return label;
}

struct responder *responder_new(struct loop *l, const struct responder_config *config, const struct responder_io *io,
	void *io_arg, struct dnsout *out)
{
	struct responder *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->io = io;
	r->io_arg = io_arg;
	r->out = out;
	r->beside = config->beside;
	r->after_crash = config->after_crash;
	r->host_label = host_label(config->host);
	cache_init(&r->cache);
	r->view = view_new(&r->cache, &r->ifaces, out);
	presence_name(&r->type);
	must(dns_name_parse(&r->meta, "_services._dns-sd._udp.local") == 0);
	r->cache_timer.fire = browse_on_cache_timer;
	r->view_timer.fire = browse_on_view_timer;
	probe_set_names(r);
	return r;
}

static void seg_free(struct seg *seg)
{
	struct timers *timers = loop_timers(seg->responder->loop);

	timer_stop(timers, &seg->step_timer);
	timer_stop(timers, &seg->answer_timer);
	timer_stop(timers, &seg->browse_timer);
	xfree(seg);
}

static void clear_service(struct responder *r)
{
	service_free(&r->service);
	xfree(TAKE(r->picture));
	r->picture_n = 0;
}

void responder_free(struct responder **responder)
{
	struct responder *r = TAKE(*responder);

	if (!r)
		return;
	for (unsigned i = 0; i < r->seg_count; i++)
		seg_free(r->segs[i]);
	timer_stop(loop_timers(r->loop), &r->cache_timer);
	timer_stop(loop_timers(r->loop), &r->view_timer);
	for (unsigned i = 0; i < PICTURES_MAX; i++)
		xfree(r->pictures[i].instance);
	clear_service(r);
	view_free(&r->view);
	cache_clear(&r->cache);
	xfree(r->instance);
	xfree(r->host_label);
	xfree(r);
}

static struct seg *find_seg(const struct responder *r, uint32_t ifindex)
{
	for (unsigned i = 0; i < r->seg_count; i++)
		if (r->segs[i]->iface.index == ifindex)
			return r->segs[i];
	return NULL;
}

static void add_seg(struct responder *r, const struct iface *i)
{
	struct seg *seg = xcalloc(1, sizeof(*seg));

	seg->responder = r;
	seg->iface = *i;
	seg->step_timer.fire = seg_on_step;
	seg->answer_timer.fire = answer_on_timer;
	seg->browse_timer.fire = browse_on_timer;
	for (enum mine k = 0; k < MINE_KINDS; k++)
		seg->sent[k] = INT64_MIN / 2;
	r->segs[r->seg_count++] = seg;
	browse_start(seg);
	seg_start(seg);
}

static void remove_seg(struct responder *r, unsigned at)
{
	cache_drop_link(&r->cache, CACHE_LINK(r->segs[at]->iface.index, 0));
	seg_free(r->segs[at]);
	r->segs[at] = r->segs[--r->seg_count];
}

/* What is said of the addresses that remain replaces the others, but of a family that has none left nothing is said. */
static void leave_families(struct seg *seg, const struct iface *now)
{
	unsigned gone =
		(iface_has_family(now, 4) ? 0 : 1u << MINE_A) | (iface_has_family(now, 6) ? 0 : 1u << MINE_AAAA);

	if (seg->phase >= SEG_ANNOUNCING)
		answer_goodbye(seg, gone);
}

/* Other addresses: announce them. A cable that was out: as if it were a new interface, but what was heard stays until it
 * ends by itself. */
static void update_seg(struct seg *seg, const struct iface *i)
{
	bool flapped = seg->iface.flaps != i->flaps;
	bool same = seg->iface.address_count == i->address_count;

	for (unsigned k = 0; same && k < i->address_count; k++)
		same = ip_equal(&seg->iface.addresses[k], &i->addresses[k]);
	leave_families(seg, i);
	seg->iface = *i;
	if (same && !flapped)
		return;
	browse_start(seg);
	if (flapped)
		seg_start(seg);
	else
		announce_again(seg, 0);
}

void responder_set_ifaces(struct responder *r, const struct ifaces *ifaces)
{
	r->ifaces = *ifaces;
	for (unsigned i = r->seg_count; i-- > 0;) {
		const struct iface *now = ifaces_find(ifaces, r->segs[i]->iface.index);
		if (!now || now->use != IFACE_USED)
			remove_seg(r, i);
		else
			update_seg(r->segs[i], now);
	}
	for (unsigned i = 0; i < ifaces->n; i++)
		if (ifaces->i[i].use == IFACE_USED && !find_seg(r, ifaces->i[i].index))
			add_seg(r, &ifaces->i[i]);
	r->cache.changed = true; /* names of interfaces are part of what is told */
	browse_schedule(r);
}

static bool is_other_picture(const struct responder *r, const char *picture, size_t n)
{
	return picture && (n != r->picture_n || memcmp(picture, r->picture, n) != 0);
}

static void set_service(struct responder *r, const struct service *s, const char *picture, size_t n)
{
	clear_service(r);
	r->service = service_copy(s);
	if (picture && n <= SERVICE_PICTURE_MAX) {
		r->picture = xmemdup(picture, n);
		r->picture_n = n;
	}
}

static int64_t latest(int64_t a, int64_t b) { return a > b ? a : b; }

/* How long a change has to wait. What changes until then is told with it. */
static int64_t change_wait(struct responder *r)
{
	int64_t now = loop_now(r->loop);

	if (r->change_due <= now) {
		r->change_paid = latest(r->change_paid, now) + CHANGE_MS;
		r->change_due = latest(now, latest(r->change_due + APART_MS, r->change_paid - CHANGES_MS));
	}
	return r->change_due - now;
}

void responder_publish(struct responder *r, const struct service *s, const char *picture, size_t n)
{
	bool same = r->service && r->service->port == s->port && strcmp(r->service->instance, s->instance) == 0;
	bool other_picture = is_other_picture(r, picture, n);

	if (!same)
		responder_goodbye(r);
	set_service(r, s, picture, n);
	if (!same) {
		r->instance_clashes = 0;
		probe_set_names(r);
	}
	int64_t wait = same ? change_wait(r) : 0;
	for (unsigned i = 0; i < r->seg_count; i++) {
		if (other_picture)
			r->segs[i]->picture_news = PICTURE_ANNOUNCEMENTS;
		if (same)
			announce_again(r->segs[i], wait);
		else
			seg_start(r->segs[i]);
	}
}

void responder_ask_picture(struct responder *r, const char *instance)
{
	struct wanted_picture *slot = NULL;

	for (unsigned i = 0; i < PICTURES_MAX; i++) {
		struct wanted_picture *w = &r->pictures[i];
		if (w->instance && strcmp(w->instance, instance) == 0)
			return;
		if (!w->instance)
			slot = w;
	}
	if (!slot)
		return;
	*slot = (struct wanted_picture){.instance = xstrdup(instance), .ask_at = loop_now(r->loop)};
	browse_schedule(r);
}

void responder_goodbye(struct responder *r)
{
	for (unsigned i = 0; i < r->seg_count; i++) {
		/* Not the host's addresses: others of this machine may publish the same. */
		if (r->segs[i]->phase >= SEG_ANNOUNCING)
			answer_goodbye(r->segs[i], 1u << MINE_PTR | MINE_INSTANCE);
		seg_enter(r->segs[i], SEG_IDLE, 0);
	}
}

bool seg_is_on_link(const struct seg *seg, const struct place *from)
{
	if (from->ip.family == 6 && ip_is_link_local(&from->ip))
		return true;
	for (unsigned k = 0; k < seg->iface.address_count; k++) {
		const struct ip *own = &seg->iface.addresses[k];
		unsigned bytes = own->prefix / 8, rest = own->prefix % 8;
		if (own->family != from->ip.family || !own->prefix || memcmp(own->b, from->ip.b, bytes) != 0)
			continue;
		if (!rest || ((own->b[bytes] ^ from->ip.b[bytes]) >> (8 - rest)) == 0)
			return true;
	}
	return false;
}

static bool has_budget(struct seg *seg, size_t n)
{
	int64_t now = loop_now(seg->responder->loop);

	if (now - seg->budget_since >= BUDGET_MS) {
		seg->budget_since = now;
		seg->budget_used = 0;
	}
	seg->budget_used += 1 + (unsigned)(n / BUDGET_PIECE);
	return seg->budget_used <= BUDGET;
}

void responder_on_packet(struct responder *r, uint32_t ifindex, const struct place *from, int hops, const void *p,
	size_t n)
{
	struct seg *seg = find_seg(r, ifindex);
	struct dns_reader reader;

	if (!seg || n > DNS_PACKET_MAX || packet_is_echo(r, from, p, n) || !has_budget(seg, n))
		return;
	/* A TTL of 255 went through no router; others of on-link addresses are let pass, as old stacks send less. */
	bool near = seg_is_on_link(seg, from) || (hops == 255 && from->port == MDNS_PORT);
	if (!near || dns_open(&reader, p, n) < 0 || (reader.flags & (DNS_OPCODE | DNS_RCODE)))
		return;
	if (!(reader.flags & DNS_RESPONSE)) {
		probe_on_query(seg, from, reader);
		answer_on_query(seg, from, reader);
		if (from->port == MDNS_PORT)
			browse_on_query(seg, reader);
	} else if (from->port == MDNS_PORT) {
		browse_on_response(seg, from, reader);
	}
}
