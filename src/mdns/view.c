#include "mdns/view.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

const char *const presence_type = "_presence._tcp.local";

/* One that was told. */
struct told {
	struct service *service;
	unsigned round; /* the last update that saw it */
};

struct view {
	const struct cache *cache;
	const struct ifaces *ifaces;
	struct dnsout *out;
	struct map told; /* struct told by instance name */
	char *self;
	unsigned round;
};

static struct str told_key(const void *item) { return str_z(((const struct told *)item)->service->instance); }

struct view *view_new(const struct cache *cache, const struct ifaces *ifaces, struct dnsout *out)
{
	struct view *v = xcalloc(1, sizeof(*v));

	v->cache = cache;
	v->ifaces = ifaces;
	v->out = out;
	map_init(&v->told, told_key, CACHE_INSTANCES_MAX);
	return v;
}

static void told_free(struct told *t)
{
	service_free(&t->service);
	xfree(t);
}

void view_free(struct view **view)
{
	struct view *v = TAKE(*view);
	uint32_t pos = 0;

	if (!v)
		return;
	for (struct told *t; (t = map_next(&v->told, &pos));)
		told_free(t);
	map_clear(&v->told);
	xfree(v->self);
	xfree(v);
}

void view_set_self(struct view *v, const char *instance)
{
	xfree(v->self);
	v->self = str_dup(str_z(instance));
}

void presence_name(struct dns_name *ret) { must(dns_name_parse(ret, presence_type) == 0); }

int presence_instance(struct dns_name *ret, const char *instance)
{
	struct dns_name type;

	presence_name(&type);
	return dns_name_under(ret, str_z(instance), &type);
}

struct address {
	struct ip ip;
	const char *interface;
};

/* NULL when the interface is not used, or not any more. */
static const struct iface *iface_of(const struct view *v, const struct cache_entry *e)
{
	const struct iface *i = ifaces_find(v->ifaces, CACHE_IFINDEX(e->link));

	return i && i->use == IFACE_USED ? i : NULL;
}

/* A fixed order, so that a change of order is no change: IPv4, global IPv6, link-local IPv6. */
static int rank(const struct address *a) { return a->ip.family == 4 ? 0 : ip_is_link_local(&a->ip) ? 2 : 1; }

static int compare_addresses(const void *x, const void *y)
{
	const struct address *a = x, *b = y;

	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	int d = memcmp(a->ip.b, b->ip.b, sizeof(a->ip.b));
	return d ? d : strcmp(a->interface, b->interface);
}

/* Only addresses that a peer can have as its own: a stranger's record must not make us talk to ourselves or to a group. */
static bool is_unicast(const struct ip *ip, const struct iface *i)
{
	static const uint8_t zero[16];

	if (i->loopback)
		return true;
	if (ip->family == 4)
		return ip->b[0] != 0 && ip->b[0] != 127 && ip->b[0] < 224;
	return ip->b[0] != 0xff && memcmp(ip->b, zero, 15) != 0;
}

static unsigned collect_addresses(const struct view *v, const struct dns_name *host, uint16_t type, struct address *to,
	unsigned max)
{
	size_t size = type == DNS_A ? 4 : 16;
	unsigned n = 0;

	for (struct cache_entry *e = NULL; n < max && (e = cache_find(v->cache, host, type, e));) {
		const struct iface *i = iface_of(v, e);
		if (!i || e->n != size)
			continue;
		to[n] = (struct address){.ip = {.family = type == DNS_A ? 4 : 6}, .interface = i->name};
		memcpy(to[n].ip.b, e->rdata, size);
		if (is_unicast(&to[n].ip, i))
			n++;
	}
	return n;
}

static void add_addresses(const struct view *v, struct service *s, const struct dns_name *host)
{
	struct address all[2 * SERVICE_ADDRESSES_MAX];
	unsigned n = collect_addresses(v, host, DNS_A, all, SERVICE_ADDRESSES_MAX);
	char text[IP_TEXT];

	n += collect_addresses(v, host, DNS_AAAA, all + n, SERVICE_ADDRESSES_MAX);
	qsort(all, n, sizeof(*all), compare_addresses);
	for (unsigned i = 0; i < n; i++) {
		ip_format(&all[i].ip, all[i].interface, text);
		if (service_address_add(s, text) == ERR_LIMIT)
			break;
	}
}

/* Of several one must be chosen, and always the same: of the first interface, and there the newest (the older one lives
 * for another second when it was replaced). */
static struct cache_entry *choose(const struct view *v, const struct dns_name *name, uint16_t type)
{
	struct cache_entry *best = NULL;

	for (struct cache_entry *e = NULL; (e = cache_find(v->cache, name, type, e));) {
		if (!iface_of(v, e))
			continue;
		bool better = !best || e->link < best->link || (e->link == best->link && e->received > best->received);
		if (better)
			best = e;
	}
	return best;
}

/* What the records say of an instance; NULL while they are not complete. */
static struct service *assemble(const struct view *v, const struct dns_name *instance)
{
	const struct cache_entry *srv = choose(v, instance, DNS_SRV), *txt = choose(v, instance, DNS_TXT);
	struct str label = dns_name_first(instance);
	struct dns_name host;
	uint16_t port;

	if (!srv || !txt || dns_srv_decode(srv->rdata, srv->n, &port, &host) < 0 || memchr(label.p, 0, label.n))
		return NULL;
	struct service *s = service_new(label, port);
	s->host = dns_name_text(&host);
	s->interface = xstrdup(iface_of(v, srv)->name);
	add_addresses(v, s, &host);
	bool good = s->host && s->port && s->address_count &&
		service_txt_decode(s, (struct str){(const char *)txt->rdata, txt->n}) == 0;
	if (!good)
		service_free(&s);
	return s;
}

static void tell(struct view *v, struct service **s)
{
	struct told *t = map_find(&v->told, str_z((*s)->instance));

	if (t && service_equal(t->service, *s)) {
		t->round = v->round;
		service_free(s);
		return;
	}
	if (t) {
		map_remove(&v->told, str_z(t->service->instance));
		told_free(t);
	}
	t = xcalloc(1, sizeof(*t));
	t->service = TAKE(*s);
	t->round = v->round;
	if (map_add(&v->told, t) < 0) {
		told_free(t);
		return;
	}
	out_found(v->out, t->service);
}

static void tell_gone(struct view *v)
{
	struct told *gone[CACHE_INSTANCES_MAX];
	unsigned n = 0;
	uint32_t pos = 0;

	for (struct told *t; (t = map_next(&v->told, &pos));)
		if (t->round != v->round)
			gone[n++] = t;
	for (unsigned i = 0; i < n; i++) {
		out_gone(v->out, gone[i]->service->instance);
		map_remove(&v->told, str_z(gone[i]->service->instance));
		told_free(gone[i]);
	}
}

void view_update(struct view *v)
{
	struct dns_name type, instance;

	presence_name(&type);
	v->round++;
	for (struct cache_entry *e = NULL; (e = cache_find(v->cache, &type, DNS_PTR, e));) {
		if (dns_name_decode(&instance, e->rdata, e->n) < 0 || !dns_name_is_under(&instance, &type))
			continue;
		struct service *s = assemble(v, &instance);
		if (s && v->self && strcmp(s->instance, v->self) == 0)
			service_free(&s);
		if (s)
			tell(v, &s);
	}
	tell_gone(v);
}

void view_forget(struct view *v)
{
	v->round++;
	tell_gone(v);
}
