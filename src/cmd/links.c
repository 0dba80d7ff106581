#include "cmd/links.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/feed.h"
#include "link/tcp.h"

enum { ANSWER_MAX = 8 << 20 };

/* ---- ends of connections ---- */

static void take_number(const struct sockaddr *a, struct links_end *ret)
{
	if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;

		ret->v6 = true;
		memcpy(ret->address, &v6->sin6_addr, 16);
	} else {
		memcpy(ret->address, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
	}
}

/* Numbers only: no name is looked up. */
static bool read_host(struct str host, struct links_end *ret)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct str rest = host, number = str_cut(&rest, '%');
	struct addrinfo *found = NULL;
	char text[80];

	if (number.n >= sizeof(text) || (rest.p && rest.n >= sizeof(ret->scope)))
		return false;
	snprintf(text, sizeof(text), "%.*s", STR_FMT(number));
	snprintf(ret->scope, sizeof(ret->scope), "%.*s", STR_FMT(rest));
	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return false;
	take_number(found->ai_addr, ret);
	freeaddrinfo(found);
	return true;
}

bool links_end_parse(struct str text, struct links_end *ret)
{
	struct links_end end = {0};
	uint64_t port = 0;
	size_t at = text.n;

	while (at && text.p[at - 1] != ':')
		at--;
	if (at < 2 || str_uint((struct str){text.p + at, text.n - at}, 65535, &port) != 0)
		return false;
	text.n = at - 1;
	if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = (struct str){text.p + 1, text.n - 2};
	if (!read_host(text, &end))
		return false;
	end.port = (uint16_t)port;
	*ret = end;
	return true;
}

static bool is_at(const struct links_end *e, bool v6, const uint8_t address[16])
{
	return e->v6 == v6 && memcmp(e->address, address, v6 ? 16 : 4) == 0;
}

/* ---- the node's answer ---- */

static void set(char *to, size_t n, struct str text) { snprintf(to, n, "%.*s", STR_FMT(text)); }

/* "listen NAME ADDRESS": the last listener decides nothing alone, all of them do. */
static void take_listener(struct links *l, struct str rest)
{
	uint64_t port = 0;
	size_t colon;

	str_cut(&rest, '\t');
	for (colon = rest.n; colon > 0 && rest.p[colon - 1] != ':';)
		colon--;
	/* "*:5222" is one, too: all addresses. */
	if (l->port_n == LINKS_PORTS_MAX || !colon ||
		str_uint((struct str){rest.p + colon, rest.n - colon}, 65535, &port) < 0)
		return;
	l->loopback = listener_tcp_is_loopback(rest) && (l->loopback || !l->port_n);
	for (unsigned i = 0; i < l->port_n; i++)
		if (l->ports[i] == port)
			return;
	l->ports[l->port_n++] = (uint16_t)port;
}

/* "self PORT NAME", "server DOMAIN", "listen NAME ADDRESS", "peer WHERE ADDRESS LABEL", "link tls|plain OWN OTHER ADDRESS LABEL" */
static void take_line(struct links *l, struct str rest)
{
	struct str word = str_cut(&rest, '\t');
	struct links_row row = {.up = str_is(word, "link")};
	uint64_t port = 0;

	if (str_is(word, "self")) {
		if (str_uint(str_cut(&rest, '\t'), 65535, &port) == 0)
			l->port = (uint16_t)port;
		set(l->self, sizeof(l->self), str_cut(&rest, '@'));
		return;
	}
	if (str_is(word, "server"))
		set(l->server, sizeof(l->server), rest);
	if (str_is(word, "listen"))
		take_listener(l, rest);
	if (l->n == LINKS_MAX || (!row.up && !str_is(word, "peer")))
		return;
	row.secure = row.up && str_is(str_cut(&rest, '\t'), "tls");
	if (row.up && !links_end_parse(str_cut(&rest, '\t'), &row.own))
		return;
	if (!links_end_parse(str_cut(&rest, '\t'), &row.other))
		return;
	set(row.peer, sizeof(row.peer), str_cut(&rest, '\t'));
	set(row.label, sizeof(row.label), rest);
	l->rows[l->n++] = row;
}

/* With a name only the rows "peer" of that one come, and the links of all. */
static void mark(struct links *l, bool everybody)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct links_row *r = &l->rows[i];

		r->meant = everybody || !r->up;
		for (unsigned k = 0; !r->meant && k < l->n; k++)
			r->meant = !l->rows[k].up && strcmp(l->rows[k].peer, r->peer) == 0;
	}
}

int links_ask(struct links *l, const char *data, const char *peer, struct buf *why)
{
	CLEANUP(buf_clear) struct buf answer = {.max = ANSWER_MAX};
	int err = feed_ask(data, "links", peer, &answer);
	struct str text = buf_view(&answer);

	if (err == ERR_NOTFOUND)
		buf_fmt(why, "no node runs on %s; a chat starts one, or `wireside node`", data);
	else if (err)
		buf_fmt(why, "the node on %s: %s", data, answer.n ? buf_cstr(&answer) : err_name(err));
	if (err)
		return err;
	*l = (struct links){0};
	while (text.p && text.n)
		take_line(l, str_cut(&text, '\n'));
	mark(l, !peer);
	return 0;
}

/* ---- whose is it ---- */

bool links_port(const struct links *l, uint16_t port)
{
	if (l->port && port == l->port)
		return true;
	for (unsigned i = 0; i < l->port_n; i++)
		if (l->ports[i] == port)
			return true;
	for (unsigned i = 0; i < l->n; i++)
		if (!l->rows[i].up && l->rows[i].other.port == port)
			return true;
	return false;
}

static bool is_connection(const struct links_row *r, const struct frame *f)
{
	if (!r->up)
		return false;
	return (is_at(&r->own, f->v6, f->from) && is_at(&r->other, f->v6, f->to) && r->own.port == f->from_port &&
		       r->other.port == f->to_port) ||
		(is_at(&r->own, f->v6, f->to) && is_at(&r->other, f->v6, f->from) && r->own.port == f->to_port &&
			r->other.port == f->from_port);
}

bool links_meant(const struct links *l, const struct frame *f)
{
	for (unsigned i = 0; i < l->n; i++)
		if (f->protocol == FRAME_TCP && is_connection(&l->rows[i], f))
			return l->rows[i].meant;
	for (unsigned i = 0; i < l->n; i++) {
		const struct links_row *r = &l->rows[i];

		if (r->meant && (is_at(&r->other, f->v6, f->from) || is_at(&r->other, f->v6, f->to)))
			return true;
		/* What we ask all on the wire is part of how the peer was found. */
		if (r->meant && r->up && f->protocol == FRAME_UDP && is_at(&r->own, f->v6, f->from))
			return true;
	}
	return false;
}

static bool has_address(const struct ifaddrs *i, const struct links_end *e)
{
	struct links_end own = {0};

	if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
		return false;
	if (e->scope[0] && strcmp(e->scope, i->ifa_name) != 0)
		return false;
	take_number(i->ifa_addr, &own);
	return is_at(e, own.v6, own.address);
}

bool links_interface(const struct links *l, char ret[IF_NAMESIZE])
{
	struct ifaddrs *all = NULL;
	unsigned most = 0;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		unsigned n = 0;

		for (unsigned k = 0; k < l->n; k++)
			n += l->rows[k].up && l->rows[k].meant && has_address(i, &l->rows[k].own);
		if (n > most) {
			most = n;
			snprintf(ret, IF_NAMESIZE, "%s", i->ifa_name);
		}
	}
	freeifaddrs(all);
	return most > 0;
}

static bool may_chat(const struct ifaddrs *i, int family)
{
	const unsigned wanted = IFF_UP | IFF_RUNNING | IFF_MULTICAST;

	return i->ifa_addr && i->ifa_addr->sa_family == family && (i->ifa_flags & wanted) == wanted &&
		!(i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT));
}

bool links_any_interface(char ret[IF_NAMESIZE])
{
	static const int families[] = {AF_INET, AF_INET6, AF_PACKET};
	const struct ifaddrs *found = NULL;
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return false;
	for (size_t k = 0; k < ARRAY_LEN(families) && !found; k++)
		for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
			found = may_chat(i, families[k]) ? i : NULL;
	if (found)
		snprintf(ret, IF_NAMESIZE, "%s", found->ifa_name);
	freeifaddrs(all);
	return found != NULL;
}

/* ---- names ---- */

static void add_name(struct pcapng_name *names, size_t *n, size_t max, const struct links_end *e, const char *name)
{
	if (*n == max || !*name)
		return;
	for (size_t i = 0; i < *n; i++)
		if (is_at(e, names[i].v6, names[i].address))
			return;
	names[*n] = (struct pcapng_name){.v6 = e->v6, .name = str_z(name)};
	memcpy(names[(*n)++].address, e->address, 16);
}

size_t links_names(const struct links *l, struct pcapng_name *ret, size_t max)
{
	size_t n = 0;

	/* What is up is certain: these names go before those of addresses that were only told. */
	for (int up = 1; up >= 0; up--)
		for (unsigned i = 0; i < l->n; i++)
			if (l->rows[i].up == (up == 1)) {
				add_name(ret, &n, max, &l->rows[i].other, l->rows[i].label);
				if (up)
					add_name(ret, &n, max, &l->rows[i].own, l->self);
			}
	return n;
}
