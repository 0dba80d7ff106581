/* Output to sessions: handles become connections, grouped by wire. */
#include "core/core_i.h"

static void put_send(struct core *c, uint64_t conn, struct packet **p, uint64_t commit)
{
	struct msg *m = core_to_wire(c, MSG_SEND, conn);

	m->send.packet = TAKE(*p);
	m->send.packet_count = 1;
	m->send.conn_count = 1;
	m->send.commit = commit;
}

void session_send(struct session *s, struct packet **p, uint64_t commit)
{
	struct core *c = s->core;

	c->stats.deliveries++;
	switch (s->state) {
	case SESSION_OPEN:
		put_send(c, s->conn, p, commit);
		return;
	case SESSION_LEAVING:
	case SESSION_DETACHED:
		detach_queue(s, *p);
		packet_unref(p);
		return;
	case SESSION_ENDING:
		if ((*p)->volatile_)
			packet_unref(p);
		else
			session_return(s, p);
		return;
	}
}

static void add_conn(struct core *c, unsigned wire, uint64_t conn)
{
	if (c->conns_n[wire] == c->conns_cap[wire]) {
		c->conns_cap[wire] = c->conns_cap[wire] ? c->conns_cap[wire] * 2 : 64;
		c->conns[wire] = xrealloc(c->conns[wire], c->conns_cap[wire] * sizeof(uint64_t));
	}
	c->conns[wire][c->conns_n[wire]++] = conn;
}

static void collect(struct core *c, struct packet **packets, uint32_t n_packets, const uint64_t *handles, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct session *s = session_find(c, handles[i]);

		if (!s || s->state == SESSION_ENDING)
			continue;
		if (s->state == SESSION_OPEN)
			add_conn(c, table_tag(s->conn), s->conn);
		for (uint32_t k = 0; k < n_packets && s->state != SESSION_OPEN; k++)
			detach_queue(s, packets[k]);
	}
}

static void put_multicast(struct core *c, unsigned wire, struct packet **packets, uint32_t n_packets, uint64_t commit)
{
	struct msg *m = msgs_add(core_out_wire(c, wire));
	uint32_t n = c->conns_n[wire];

	m->kind = MSG_SEND;
	m->send.commit = commit;
	m->send.packet_count = n_packets;
	m->send.conn_count = n;
	m->conn = c->conns[wire][0];
	if (n > 1)
		m->send.conns = xmemdup(c->conns[wire], n * sizeof(uint64_t));
	if (n_packets == 1) {
		m->send.packet = packet_ref(packets[0]);
		return;
	}
	m->send.packets = xmalloc(n_packets * sizeof(struct packet *));
	for (uint32_t i = 0; i < n_packets; i++)
		m->send.packets[i] = packet_ref(packets[i]);
}

void core_multicast(struct core *c, struct packet **packets, uint32_t n_packets, const uint64_t *handles,
	uint32_t n_handles, uint64_t commit)
{
	memset(c->conns_n, 0, sizeof(c->conns_n));
	if (n_packets)
		collect(c, packets, n_packets, handles, n_handles);
	for (unsigned w = 0; w < c->config.wires; w++)
		if (c->conns_n[w])
			put_multicast(c, w, packets, n_packets, commit);
	core_spend(c, n_packets * n_handles);
	c->stats.deliveries += (uint64_t)n_packets * n_handles;
	for (uint32_t i = 0; i < n_packets; i++)
		packet_unref(&packets[i]);
}
