/* For tests: a wire in memory with responders on it, under a clock that stands still unless told to go on. Packets take 1 ms,
 * come back to their sender as multicast does, and may be lost. */
#ifndef MDNS_TEST_SEGMENT_H
#define MDNS_TEST_SEGMENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "mdns/dns.h"
#include "mdns/responder.h"

enum { NODES_MAX = 8, SEGMENT_STEP = 5, IFINDEX = 2 };

struct node {
	struct segment *segment;
	struct responder *responder; /* NULL: switched off */
	struct dnsout out;
	struct ifaces ifaces;
	bool unplugged;
	char host[16];
	char named[80]; /* the last name told */
	bool renamed;
	unsigned found, gone, pictures; /* told since the last reset */
	struct service *peers[NODES_MAX * 64];
	unsigned peer_count;
};

struct flying {
	struct list node;
	struct node *from;
	struct place to; /* family 0: all */
	uint8_t family;
	size_t n;
	uint8_t p[];
};

struct segment {
	struct loop *loop;
	struct node nodes[NODES_MAX];
	struct list flying;
	unsigned loss; /* percent */
	int64_t now;
	unsigned packets; /* sent, each family once */
	/* The last packet to one place. */
	struct place last_to;
	uint8_t last[DNS_PACKET_MAX];
	size_t last_n;
	/* Everything sent to all, for a look. */
	void (*on_sent)(struct segment *s, struct node *from, const uint8_t *p, size_t n);
};

static inline void segment_fly(struct segment *s, struct node *from, const struct place *to, uint8_t family,
	const void *p, size_t n)
{
	struct flying *f = xmalloc(sizeof(*f) + n);

	*f = (struct flying){.from = from, .family = family, .n = n};
	if (to)
		f->to = *to;
	memcpy(f->p, p, n);
	list_append(&s->flying, &f->node);
	s->packets++;
}

static inline void segment_send(void *arg, const struct iface *i, const struct place *to, const void *p, size_t n)
{
	struct node *from = arg;
	struct segment *s = from->segment;
	bool has[7] = {0};

	if (to) {
		s->last_to = *to;
		memcpy(s->last, p, n);
		s->last_n = n;
		return;
	}
	if (s->on_sent)
		s->on_sent(s, from, p, n);
	for (unsigned k = 0; k < i->address_count; k++)
		has[i->addresses[k].family] = true;
	for (uint8_t family = 4; family <= 6; family += 2)
		if (has[family] && !from->unplugged)
			segment_fly(s, from, NULL, family, p, n);
}

static const struct responder_io segment_io = {segment_send};

static inline struct ip node_ip(unsigned number)
{
	return (struct ip){.family = 4, .prefix = 24, .b = {10, 0, 0, (uint8_t)number}};
}

static inline struct ip node_ip6(unsigned number)
{
	return (struct ip){.family = 6, .prefix = 64, .b = {0xfe, 0x80, [15] = (uint8_t)number}};
}

static inline void segment_init(struct segment *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	rand_seed(seed);
	s->loop = loop_new();
	s->now = 1000000;
	loop_set_virtual(s->loop, s->now, s->now);
	list_init(&s->flying);
}

static inline struct service **find_peer(struct node *n, const char *instance)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		if (strcmp(n->peers[i]->instance, instance) == 0)
			return &n->peers[i];
	return NULL;
}

static inline void node_gone(struct node *n, const char *instance)
{
	struct service **at = find_peer(n, instance);

	assert_non_null(at);
	service_free(at);
	*at = n->peers[--n->peer_count];
	n->gone++;
}

static inline void node_found(struct node *n, struct service **s)
{
	struct service **at = find_peer(n, (*s)->instance);

	if (at)
		service_free(at);
	else
		at = &n->peers[n->peer_count++];
	assert_true(n->peer_count < ARRAY_LEN(n->peers));
	*at = TAKE(*s);
	n->found++;
}

/* What it told since. */
static inline void node_read(struct node *n)
{
	for (uint32_t i = 0; i < n->out.msgs.n; i++) {
		struct msg *m = &n->out.msgs.m[i];
		if (m->kind == MSG_FOUND)
			node_found(n, &m->found.service);
		else if (m->kind == MSG_GONE)
			node_gone(n, m->gone.instance);
		else if (m->kind == MSG_PICTURE)
			n->pictures += m->picture.n;
		if (m->kind != MSG_NAMED)
			continue;
		snprintf(n->named, sizeof(n->named), "%s", m->named.instance);
		n->renamed = m->named.renamed;
	}
	msgs_clear(&n->out.msgs);
}

static inline void node_set_iface(struct node *n) { responder_set_ifaces(n->responder, &n->ifaces); }

/* Switched on: number is its address; host NULL: of its number. */
static inline struct node *node_start(struct segment *s, unsigned number, const char *host,
	struct responder_config config)
{
	struct node *n = &s->nodes[number];

	memset(n, 0, sizeof(*n));
	n->segment = s;
	dnsout_init(&n->out, s->loop, NULL);
	snprintf(n->host, sizeof(n->host), "host%u", number);
	config.host = host ? host : n->host;
	n->ifaces.n = 1;
	n->ifaces.i[0] = (struct iface){.index = IFINDEX, .name = "eth0", .address_count = 2, .use = IFACE_USED};
	n->ifaces.i[0].addresses[0] = node_ip(number);
	n->ifaces.i[0].addresses[1] = node_ip6(number);
	n->responder = responder_new(s->loop, &config, &segment_io, n, &n->out);
	node_set_iface(n);
	return n;
}

static inline void node_publish(struct node *n, const char *instance, uint16_t port, const char *status)
{
	struct service *s = service_new(str_z(instance), port);

	service_txt_set(s, "txtvers", STR("1"));
	service_txt_set(s, "status", str_z(status));
	responder_publish(n->responder, s, NULL, 0);
	service_free(&s);
}

/* Power off. */
static inline void node_crash(struct node *n)
{
	responder_free(&n->responder);
	dnsout_clear(&n->out);
	for (unsigned i = 0; i < n->peer_count; i++)
		service_free(&n->peers[i]);
	n->peer_count = 0;
}

static inline void segment_deliver(struct segment *s, struct flying *f)
{
	struct place from = {.ip = f->from->ifaces.i[0].addresses[f->family == 6], .port = MDNS_PORT};

	for (unsigned i = 0; i < NODES_MAX; i++) {
		struct node *n = &s->nodes[i];
		uint8_t chance;
		rand_bytes(&chance, 1);
		bool lost = n != f->from && chance % 100u < s->loss;
		if (n->responder && !n->unplugged && !lost)
			responder_on_packet(n->responder, IFINDEX, &from, 255, f->p, f->n);
	}
}

/* Time goes on by ms. */
static inline void segment_run(struct segment *s, int64_t ms)
{
	for (int64_t end = s->now + ms; s->now < end;) {
		s->now += SEGMENT_STEP;
		loop_set_virtual(s->loop, s->now, s->now);
		loop_step(s->loop, false);
		struct list now;
		list_init(&now);
		for (struct list *f; (f = list_take(&s->flying));)
			list_append(&now, f);
		for (struct list *f; (f = list_take(&now));) {
			segment_deliver(s, LIST_ITEM(f, struct flying, node));
			xfree(LIST_ITEM(f, struct flying, node));
		}
		for (unsigned i = 0; i < NODES_MAX; i++)
			if (s->nodes[i].responder)
				node_read(&s->nodes[i]);
	}
}

static inline void segment_clear(struct segment *s)
{
	for (unsigned i = 0; i < NODES_MAX; i++)
		if (s->nodes[i].responder)
			node_crash(&s->nodes[i]);
	for (struct list *f; (f = list_take(&s->flying));)
		xfree(LIST_ITEM(f, struct flying, node));
	loop_step(s->loop, false);
	loop_free(&s->loop);
	rand_seed(0);
}

static inline bool sees(struct node *n, const char *instance) { return find_peer(n, instance) != NULL; }

static inline const struct service *peer(struct node *n, const char *instance)
{
	struct service **at = find_peer(n, instance);

	assert_non_null(at);
	return *at;
}

#endif
