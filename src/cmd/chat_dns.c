/* Where the servers of a domain are: SRV records for direct TLS (XEP-0368) and STARTTLS (RFC 6120 section 3.2), mixed by
 * priority, then the domain itself. */
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/chat.h"

enum { ANSWER_MAX = 16384, NAMES_MAX = 16, NAME_MAX_DNS = 256 };

struct service {
	char name[NAME_MAX_DNS];
	unsigned priority, weight, port;
	bool tls;
};

struct services {
	struct service at[NAMES_MAX];
	unsigned n;
	bool denied; /* the domain says that it has none */
};

static void read_record(const ns_msg *msg, const ns_rr *rr, bool tls, struct services *ret)
{
	const unsigned char *p = ns_rr_rdata(*rr);
	struct service *s = &ret->at[ret->n];

	if (ns_rr_type(*rr) != ns_t_srv || ns_rr_rdlen(*rr) < 7 || ret->n >= NAMES_MAX)
		return;
	if (dn_expand(ns_msg_base(*msg), ns_msg_end(*msg), p + 6, s->name, sizeof(s->name)) < 0)
		return;
	if (!s->name[0] || strcmp(s->name, ".") == 0) {
		ret->denied = true;
		return;
	}
	s->priority = ns_get16(p);
	s->weight = ns_get16(p + 2);
	s->port = ns_get16(p + 4);
	s->tls = tls;
	ret->n++;
}

static void ask_srv(const char *domain, bool tls, struct services *ret)
{
	unsigned char answer[ANSWER_MAX];
	char name[1200];
	ns_msg msg;
	int n;

	snprintf(name, sizeof(name), "_xmpp%s-client._tcp.%s", tls ? "s" : "", domain);
	n = res_query(name, ns_c_in, ns_t_srv, answer, sizeof(answer));
	if (n < 0 || ns_initparse(answer, n, &msg) < 0)
		return;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an); i++) {
		ns_rr rr;

		if (ns_parserr(&msg, ns_s_an, i, &rr) == 0)
			read_record(&msg, &rr, tls, ret);
	}
}

static int by_priority(const void *a, const void *b)
{
	const struct service *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return (int)y->tls - (int)x->tls;
}

static unsigned add_addresses(const struct service *s, struct chat_place *places, unsigned n)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
	char port[8], host[64];

	snprintf(port, sizeof(port), "%u", s->port);
	if (getaddrinfo(s->name, port, &hints, &list) != 0)
		return n;
	for (const struct addrinfo *a = list; a && n < CHAT_PLACES_MAX; a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		snprintf(places[n].address, sizeof(places[n].address), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
			port);
		places[n++].tls = s->tls;
	}
	freeaddrinfo(list);
	return n;
}

unsigned chat_look_up(const char *domain, struct chat_place places[CHAT_PLACES_MAX])
{
	struct services found = {.n = 0};
	unsigned n = 0;

	/* Special names have no records anywhere (RFC 6761). */
	if (strcmp(domain, "localhost") != 0) {
		ask_srv(domain, true, &found);
		ask_srv(domain, false, &found);
	}
	qsort(found.at, found.n, sizeof(found.at[0]), by_priority);
	if (!found.n && !found.denied) {
		found.n = 2;
		for (unsigned i = 0; i < 2; i++) {
			snprintf(found.at[i].name, sizeof(found.at[i].name), "%s", domain);
			found.at[i].port = i ? 5222 : 5223;
			found.at[i].tls = !i;
		}
	}
	for (unsigned i = 0; i < found.n && n < CHAT_PLACES_MAX; i++)
		n = add_addresses(&found.at[i], places, n);
	return n;
}
