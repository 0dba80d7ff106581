#include "wire/wire_i.h"

#include <pthread.h>
#include <unistd.h>

#include "link/tcp.h"

/* ---- descriptors from other threads ---- */

struct given {
	int fd;
	const struct stream_kind *kind;
	bool tls_first;
};

struct given_list {
	pthread_mutex_t lock;
	struct given *g;
	uint32_t n, cap;
};

void wire_give(struct wire *w, int fd, const struct stream_kind *kind, bool tls_first)
{
	struct given_list *list = w->given;

	pthread_mutex_lock(&list->lock);
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 16;
		list->g = xrealloc(list->g, list->cap * sizeof(*list->g));
	}
	list->g[list->n++] = (struct given){fd, kind, tls_first};
	pthread_mutex_unlock(&list->lock);
	loop_wake(w->loop);
}

static void take_given(struct wire *w)
{
	struct given_list *list = w->given;
	struct given *g;
	uint32_t n;

	pthread_mutex_lock(&list->lock);
	g = TAKE(list->g);
	n = list->n;
	list->n = list->cap = 0;
	pthread_mutex_unlock(&list->lock);
	for (uint32_t i = 0; i < n; i++) {
		struct link *link = tcp_link_new(w->loop, g[i].fd);
		wire_accept(w, &link, g[i].kind, g[i].tls_first);
	}
	xfree(g);
}

/* ---- life ---- */

struct wire *wire_new(struct loop *l, const struct wire_config *config)
{
	struct wire *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->config = *config;
	table_init(&w->conns, (1u << 24) - 1, config->number);
	w->scratch = xml_scratch_new();
	w->inbox = queue_new(config->shared_loop ? NULL : l);
	list_init(&w->coming);
	list_init(&w->dirty);
	list_init(&w->waiting);
	list_init(&w->again);
	list_init(&w->defunct);
	list_init(&w->delays);
	list_init(&w->lingers);
	w->read_buf = xmalloc(READ_SIZE);
	buf_init(&w->write_buf, (size_t)8 << 20);
	w->given = xcalloc(1, sizeof(*w->given));
	must(pthread_mutex_init(&w->given->lock, NULL) == 0);
	return w;
}

void wire_free(struct wire **wire)
{
	struct wire *w = TAKE(*wire);
	struct conn *c;

	if (!w)
		return;
	for (uint32_t pos = 0; (c = table_next(&w->conns, &pos));)
		conn_drop(c);
	linger_end_all(w);
	for (uint32_t i = 0; i < w->given->n; i++)
		close(w->given->g[i].fd);
	conn_login_forget_delays(w);
	address_forget_all(w);
	table_clear(&w->conns);
	xml_scratch_free(&w->scratch);
	queue_free(&w->inbox);
	msgs_clear(&w->to_core);
	msgs_clear(&w->from_core);
	out_free_spare(w);
	buf_clear(&w->write_buf);
	xfree(w->read_buf);
	pthread_mutex_destroy(&w->given->lock);
	xfree(w->given->g);
	xfree(w->given);
	xfree(w);
}

/* All places of those who log in are taken: who has had the longest time for it gives his to the next, so that a crowd that
 * does nothing keeps nobody out. */
static void make_room(struct wire *w)
{
	struct list *oldest =
		w->config.limits.logins_max && w->logins >= w->config.limits.logins_max ? list_take(&w->coming) : NULL;

	if (oldest)
		conn_end_stream(LIST_ITEM(oldest, struct conn, coming), SERR_RESOURCE_CONSTRAINT,
			"too many are logging in");
}

void wire_accept(struct wire *w, struct link **link, const struct stream_kind *kind, bool tls_first)
{
	struct link_info info;
	struct address *a;
	struct conn *c;

	link_info(*link, &info);
	make_room(w);
	a = address_enter(w, &info);
	if (!a) {
		w->stats.refused++;
		log_info("connection_refused", "peer=%.*s why=\"too many logins under way\"", STR_FMT(info.peer));
		link_free(link);
		return;
	}
	c = conn_new(w, link, kind, tls_first);
	if (!c) {
		address_leave(w, &a, false);
		return;
	}
	c->address = a;
	list_append(&w->coming, &c->coming);
	w->stats.accepted++;
}

/* ---- messages from the core ---- */

static void send_to(struct wire *w, uint64_t id, struct packet **packets, uint32_t n, uint64_t commit)
{
	struct conn *c = table_find(&w->conns, id);

	if (!c)
		return; /* after CLOSED nothing is sent to an id: the core forgot it too */
	for (uint32_t i = 0; i < n; i++)
		if (!c->idle || !idle_holds(c, packets[i], commit))
			out_add(c, packets[i], commit, sm_on(c) || stream_kind(c->stream)->legacy);
}

static void on_send(struct wire *w, struct msg *m)
{
	struct packet **packets = m->send.packets ? m->send.packets : &m->send.packet;

	for (uint32_t i = 0; i < m->send.conn_count; i++)
		send_to(w, m->send.conns ? m->send.conns[i] : m->conn, packets, m->send.packet_count, m->send.commit);
}

/* Everything that waits for a commit is looked at again: what still waits puts itself back. */
static void on_committed(struct wire *w, struct msg *m)
{
	struct list *node;
	struct list again;

	w->committed = m->committed.number;
	list_init(&again);
	while ((node = list_take(&w->waiting)))
		list_append(&again, node);
	while ((node = list_take(&again))) {
		struct conn *c = LIST_ITEM(node, struct conn, waiting);

		ack_on_committed(c);
		if (c->out.unsent)
			out_touch(c);
	}
}

static void expire(struct conn *c, uint64_t from)
{
	struct packets rest = {0};
	bool whole;

	/* A peer is in no hurry: what it shall have is in the outbox, and only the numbers of a resumption wait here. Taken back
	 * it would return to its sender, who has been told that it is safe. */
	if (stream_kind(c->stream)->link) {
		ack_on_expire(c);
		return;
	}
	idle_release(c);
	whole = out_expire(c, from, &rest);
	if (rest.n)
		conn_to_core(c, MSG_EXPIRED)->end.rest = rest;
	if (whole)
		ack_on_expire(c);
	else /* <resumed/> waits: the session does, too, and its client may try again */
		conn_lost(c, true, "the store fails");
}

/* Also in queues that have not come to what is held yet. */
static void on_expire(struct wire *w, struct msg *m)
{
	struct conn *c;

	for (uint32_t pos = 0; (c = table_next(&w->conns, &pos));)
		if (c->session && c->state != CONN_LOST)
			expire(c, m->committed.number);
}

static void to_conn(struct wire *w, struct msg *m)
{
	struct conn *c = table_find(&w->conns, m->conn);

	/* An answer to a login that nobody waits for any more. */
	if (!c || c->defunct)
		return;
	switch (m->kind) {
	case MSG_SM_ENABLED:
		if (c->state == CONN_OPEN)
			ack_on_enabled(c, m);
		break;
	case MSG_CREDIT:
		ack_on_credit(c, m);
		if (m->credit.pause_ms)
			conn_slow(c, m->credit.pause_ms);
		conn_go_on(c);
		break;
	case MSG_CLOSE:
		conn_on_close(c, m);
		break;
	case MSG_LINK_PROBE:
		ack_on_probe(c);
		break;
	default:
		conn_login_on_msg(c, m);
	}
}

struct queue *wire_queue(struct wire *w) { return w->inbox; }

void wire_mail(struct wire *w)
{
	take_given(w);
	if (!queue_take(w->inbox, &w->from_core))
		return;
	for (uint32_t i = 0; i < w->from_core.n; i++) {
		struct msg *m = &w->from_core.m[i];

		if (m->kind == MSG_SEND)
			on_send(w, m);
		else if (m->kind == MSG_COMMITTED)
			on_committed(w, m);
		else if (m->kind == MSG_EXPIRE)
			on_expire(w, m);
		else if (m->kind == MSG_DIAL)
			conn_link_dial(w, m);
		else
			to_conn(w, m);
		msg_clear(m);
	}
	w->from_core.n = 0;
}

/* ---- the end of a turn ---- */

static void free_defunct(struct wire *w)
{
	struct list *node;

	while ((node = list_take(&w->defunct)))
		conn_drop(LIST_ITEM(node, struct conn, dirty));
}

static void read_again(struct wire *w)
{
	struct list *node, now;

	/* Only those of now: who has still more waits for the next turn. */
	list_init(&now);
	while ((node = list_take(&w->again)))
		list_append(&now, node);
	while ((node = list_take(&now)))
		conn_go_on(LIST_ITEM(node, struct conn, again));
	if (!list_empty(&w->again))
		loop_wake(w->loop);
}

void wire_hand_over(struct wire *w)
{
	read_again(w);
	queue_put(w->config.to_core, &w->to_core);
}

static void after_flush(struct conn *c)
{
	if (!c->link || c->state == CONN_LOST)
		return;
	if (c->state == CONN_DRAINING && !c->out.unsent) {
		conn_closed(c);
		return;
	}
	if (c->eager_tls && !c->out.unsent)
		conn_start_tls(c);
	conn_watch(c);
	conn_arm(c);
}

void wire_flush(struct wire *w)
{
	struct list *node, now;

	list_init(&now);
	while ((node = list_take(&w->dirty)))
		list_append(&now, node);
	while ((node = list_take(&now))) {
		struct conn *c = LIST_ITEM(node, struct conn, dirty);

		out_flush(c);
		after_flush(c);
		/* An acknowledgement may have been asked for by the flush itself. */
		if (c->link && c->out.unsent && list_linked(&c->dirty) && !(c->watching & WATCH_WRITE)) {
			list_remove(&c->dirty);
			out_flush(c);
			after_flush(c);
		}
	}
	/* A core on this loop may have had its turn already. */
	if (w->to_core.n && w->config.shared_loop)
		loop_wake(w->loop);
	queue_put(w->config.to_core, &w->to_core);
	free_defunct(w);
	if (w->write_buf.cap > WRITE_KEEP)
		buf_clear(&w->write_buf);
}

struct wire_stats wire_stats(const struct wire *w)
{
	struct wire_stats s = w->stats;

	s.connections = w->conns.n;
	s.logins = w->logins;
	return s;
}
