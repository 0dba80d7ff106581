#include "app/places.h"

#include <ifaddrs.h>
#include <netdb.h> /* brings struct sockaddr_in */
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"
#include "link/tcp.h"

/* Which addresses an address that stands for all stands for. */
enum { V4 = 1, V6 = 2 };

static const struct {
	const char *host;
	unsigned families;
} wildcards[] = {{"*", V4 | V6}, {"0.0.0.0", V4}, {"[::]", V6}};

static unsigned wildcard(struct str host)
{
	for (size_t i = 0; i < ARRAY_LEN(wildcards); i++)
		if (str_is(host, wildcards[i].host))
			return wildcards[i].families;
	return 0;
}

static unsigned family(const struct ip *a) { return a->family == 4 ? V4 : V6; }

static void put(struct place_list *l, const char *host, bool brackets, unsigned port)
{
	char text[PLACE_TEXT];

	snprintf(text, sizeof(text), brackets ? "[%s]:%u" : "%s:%u", host, port);
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->text[i], text) == 0)
			return;
	if (l->n == PLACES_MAX)
		return;
	memcpy(l->text[l->n], text, sizeof(text));
	l->item[l->n] = l->text[l->n];
	l->n++;
}

static void put_ip(struct place_list *l, const char *interface, const struct ip *a, unsigned port)
{
	char host[IP_TEXT];

	ip_format(a, interface, host);
	put(l, host, a->family == 6, port);
}

static void put_own(struct place_list *l, const struct machine *m, unsigned families, unsigned port)
{
	if (families & V4)
		put(l, "0.0.0.0", false, port);
	if (families & V6)
		put(l, "::", true, port);
	for (unsigned k = 0; k < m->n; k++)
		if (families & family(&m->here[k].ip))
			put_ip(l, m->here[k].interface, &m->here[k].ip, port);
}

/* An address of one network only means nothing to who is told of it. */
static bool may_be_told(const struct ip *a) { return a->family == 4 || !ip_is_link_local(a); }

static void put_told(struct place_list *l, const struct ifaces *used, unsigned families, unsigned port)
{
	for (unsigned k = 0; k < used->n; k++)
		for (unsigned a = 0; used->i[k].use == IFACE_USED && a < used->i[k].address_count; a++) {
			const struct ip *ip = &used->i[k].addresses[a];

			if ((families & family(ip)) && may_be_told(ip))
				put_ip(l, used->i[k].name, ip, port);
		}
}

static void put_broadcast(struct place_list *l, const struct here *h)
{
	struct ip b = h->ip;

	if (b.family != 4 || b.b[0] == 127 || b.prefix == 0 || b.prefix > 30)
		return;
	for (unsigned bit = b.prefix; bit < 32; bit++)
		b.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	put_ip(l, h->interface, &b, 0);
}

static struct str cut_port(const char *address, unsigned *ret_port)
{
	const char *colon = strrchr(address, ':');
	uint64_t port = 0;

	must(colon && str_uint(str_z(colon + 1), 65535, &port) == 0);
	*ret_port = (unsigned)port;
	return (struct str){address, (size_t)(colon - address)};
}

static void put_one(struct places *ret, struct str host, unsigned port, bool loopback)
{
	char text[PLACE_TEXT];

	snprintf(text, sizeof(text), "%.*s", STR_FMT(host));
	put(&ret->own, text, false, port);
	if (!loopback && !memchr(host.p, '%', host.n))
		put(&ret->told, text, false, port);
}

void places_of(struct places *ret, const char *const *listening, unsigned n, const struct machine *m)
{
	bool reached = false;

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < n; i++) {
		bool loopback = listener_tcp_is_loopback(str_z(listening[i]));
		unsigned port, families;
		struct str host = cut_port(listening[i], &port);

		families = wildcard(host);
		if (families) {
			put_own(&ret->own, m, families, port);
			put_told(&ret->told, &m->used, families, port);
		} else {
			put_one(ret, host, port, loopback);
		}
		if (!ret->port || (!reached && !loopback))
			ret->port = (uint16_t)port;
		reached |= !loopback;
	}
	for (unsigned k = 0; k < m->n; k++)
		put_broadcast(&ret->broadcast, &m->here[k]);
}

struct peers_places places_lists(const struct places *p)
{
	return (struct peers_places){.told = p->told.item, .own = p->own.item, .broadcast = p->broadcast.item};
}

static unsigned prefix_of(const struct sockaddr *mask)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)mask;

	return mask && mask->sa_family == AF_INET ? (unsigned)__builtin_popcount(v4->sin_addr.s_addr) : 0;
}

static bool read_here(const struct ifaddrs *a, struct here *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a->ifa_addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a->ifa_addr;

	if (!a->ifa_addr || (a->ifa_addr->sa_family != AF_INET && a->ifa_addr->sa_family != AF_INET6))
		return false;
	*ret = (struct here){.ip = {.family = a->ifa_addr->sa_family == AF_INET ? 4 : 6,
				     .prefix = (uint8_t)prefix_of(a->ifa_netmask)}};
	if (ret->ip.family == 4)
		memcpy(ret->ip.b, &v4->sin_addr, 4);
	else
		memcpy(ret->ip.b, &v6->sin6_addr, 16);
	snprintf(ret->interface, sizeof(ret->interface), "%s", a->ifa_name);
	return true;
}

void machine_look(struct machine *ret, const char *const *interfaces, unsigned n)
{
	struct ifaces_wanted wanted = {.n = 0};
	struct ifaddrs *all = NULL;

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < n && wanted.n < IFACES_WANTED_MAX; i++)
		snprintf(wanted.names[wanted.n++], IFACE_NAME, "%s", interfaces[i]);
	if (ifaces_scan(&wanted, &ret->used) != 0 || getifaddrs(&all) != 0)
		log_warn("interfaces_unknown", "%s", "the system does not tell");
	for (const struct ifaddrs *i = all; i && ret->n < PLACES_MAX; i = i->ifa_next)
		ret->n += read_here(i, &ret->here[ret->n]);
	if (all)
		freeifaddrs(all);
}
