/* For the tests of this folder only: what happens in a test's world, and what is asked of it. */
#ifndef PEER_TESTING_H
#define PEER_TESTING_H

#include "peer/testing_world.h"

/* ---- what our user sees ---- */

/* The next thing that he got; "" if there is none. */
UNUSED static const char *got(struct world *w) { return w->head < w->tail ? w->got[w->head++] : ""; }

/* Among what he got and no test has looked at: how many have the part. */
UNUSED static unsigned got_with(const struct world *w, const char *part)
{
	unsigned n = 0;

	for (unsigned i = w->head; i < w->tail; i++)
		n += strstr(w->got[i], part) != NULL;
	return n;
}

/* Something with this part came; everything up to it counts as looked at. */
UNUSED static const char *expect_got(struct world *w, const char *part)
{
	while (w->head < w->tail)
		if (strstr(w->got[w->head++], part))
			return w->got[w->head - 1];
	fail_msg("nothing with \"%s\" came", part);
	return "";
}

UNUSED static void look_away(struct world *w)
{
	w->head = w->tail;
	for (unsigned i = 0; i < CONNS; i++)
		w->conn[i].head = w->conn[i].tail;
	for (unsigned i = 0; i < w->note_n; i++)
		msg_clear(&w->note[i]);
}

/* The next thing that went over the connection; "" if there is none. */
UNUSED static const char *sent(struct world *w, uint64_t conn)
{
	struct test_conn *t = conn_of(w, conn);

	return t->head < t->tail ? t->got[t->head++] : "";
}

UNUSED static const char *expect_sent(struct world *w, uint64_t conn, const char *part)
{
	struct test_conn *t = conn_of(w, conn);

	while (t->head < t->tail)
		if (strstr(t->got[t->head++], part))
			return t->got[t->head - 1];
	fail_msg("nothing with \"%s\" was sent", part);
	return "";
}

UNUSED static unsigned sent_with(struct world *w, uint64_t conn, const char *part)
{
	struct test_conn *t = conn_of(w, conn);
	unsigned n = 0;

	for (unsigned i = t->head; i < t->tail; i++)
		n += strstr(t->got[i], part) != NULL;
	return n;
}

/* The first message of this kind that no test has looked at, to be given back by msg_clear() or left. */
UNUSED static struct msg *find_msg(struct world *w, enum msg_kind kind)
{
	for (unsigned i = 0; i < w->note_n; i++)
		if (w->note[i].kind == kind)
			return &w->note[i];
	return NULL;
}

UNUSED static unsigned msgs_of(const struct world *w, enum msg_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->note_n; i++)
		n += w->note[i].kind == kind;
	return n;
}

UNUSED static struct msg *expect_msg(struct world *w, enum msg_kind kind)
{
	struct msg *m = find_msg(w, kind);

	if (!m)
		fail_msg("no %s", msg_name(kind));
	return m;
}

/* ---- what our user does ---- */

/* A stanza from a client of his or from one of our rooms; %s is a peer's domain where there is one. */
UNUSED __attribute__((format(printf, 2, 3))) static void say(struct world *w, const char *fmt, ...)
{
	char xml[65536];
	struct stanza *s;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(xml, sizeof(xml), fmt, ap);
	va_end(ap);
	assert_int_equal(stanza_parse(str_z(xml), &s), 0);
	turn(w, &s);
	pump(w);
}

UNUSED static void say_message(struct world *w, const char *to, const char *id, const char *body)
{
	say(w, "<message type='chat' from='alice@%s/tui' to='%s' id='%s'><body>%s</body></message>", domain_of('n'), to,
		id, body);
}

/* Words between spaces; the last one to the end. */
UNUSED static const char *command(struct world *w, const char *first, ...)
{
	struct msg *m = msgs_add(&w->in);
	const char *word = first;
	va_list ap;

	m->kind = MSG_ADMIN_ASK;
	m->conn = 7;
	m->admin_ask.words = xcalloc(8, sizeof(char *));
	va_start(ap, first);
	for (; word; word = va_arg(ap, const char *))
		m->admin_ask.words[m->admin_ask.n++] = xstrdup(word);
	va_end(ap);
	xfree(TAKE(w->reply));
	pump(w);
	return w->reply ? w->reply : "";
}

/* ---- discovery ---- */

/* txt: "key=value" words between spaces. address: several between spaces; may be "". */
UNUSED static void found(struct world *w, const char *instance, const char *addresses, uint16_t port, const char *txt)
{
	struct service *s = service_new(str_z(instance), port);
	struct str rest = str_z(addresses), more = str_z(txt);
	struct msg *m;

	while (rest.p && rest.n) {
		char *one = str_dup(str_cut(&rest, ' '));

		service_address_add(s, one);
		xfree(one);
	}
	while (more.p && more.n) {
		struct str value = str_cut(&more, ' '), key = str_cut(&value, '=');
		char *name = str_dup(key);

		assert_int_equal(service_txt_set(s, name, value), 0);
		xfree(name);
	}
	m = msgs_add(&w->in);
	m->kind = MSG_FOUND;
	m->found.service = s;
	pump(w);
}

/* Somebody with a key: wk and a status. */
UNUSED static void found_keyed(struct world *w, char who, const char *instance, const char *addresses)
{
	char txt[1024];

	snprintf(txt, sizeof(txt), "txtvers=1 status=avail wk=%s", id_of(who));
	found(w, instance, addresses, 5298, txt);
}

UNUSED static void gone(struct world *w, const char *instance)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_GONE;
	m->gone.instance = xstrdup(instance);
	pump(w);
}

/* ---- links ---- */

struct asking {
	char who;         /* 0: no key */
	const char *from; /* of its header; NULL: none */
	const char *address;
	uint64_t dial;
	bool starttls; /* no key, but encrypted */
	bool keyless;  /* a link of nodes, and no key proven */
};

/* A stream has both its headers. The connection; what is answered is the next LINK_REPLY. */
UNUSED static uint64_t ask_link(struct world *w, const struct asking *a)
{
	struct msg *m = msgs_add(&w->in);
	struct link_ask *ask = xcalloc(1, sizeof(*ask));

	m->kind = MSG_LINK_ASK;
	m->conn = ++w->next_conn;
	conn_of(w, m->conn)->known = true;
	m->link_ask.ask = ask;
	ask->dial = a->dial;
	ask->from = a->from ? xstrdup(a->from) : NULL;
	ask->address = xstrdup(a->address ? a->address : "10.0.0.2:40000");
	ask->keyed = a->who != 0;
	ask->legacy = a->who == 0 && !a->keyless;
	ask->tls = ask->legacy && !a->starttls ? NULL : xstrdup("TLSv1.3 test");
	if (a->who)
		memcpy(ask->key, key_of(a->who), 32);
	memset(ask->exporter, (int)m->conn, sizeof(ask->exporter));
	pump(w);
	return w->next_conn;
}

/* What the core answered to the connection; NULL: accepted, else the text of the refusal. */
UNUSED static const char *refusal(struct world *w, uint64_t conn)
{
	for (unsigned i = 0; i < w->note_n; i++) {
		struct msg *m = &w->note[i];

		if (m->kind != MSG_LINK_REPLY || m->conn != conn)
			continue;
		return m->link_reply.error == SERR_NONE ? NULL : m->link_reply.text;
	}
	fail_msg("no answer");
	return NULL;
}

UNUSED static struct msg *reply_to(struct world *w, uint64_t conn)
{
	for (unsigned i = 0; i < w->note_n; i++)
		if (w->note[i].kind == MSG_LINK_REPLY && w->note[i].conn == conn)
			return &w->note[i];
	fail_msg("no answer");
	return NULL;
}

UNUSED static void open_session(struct world *w, uint64_t conn, const char *token)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_LINK_OPEN;
	m->conn = conn;
	m->link_open.token = token ? xstrdup(token) : NULL;
	pump(w);
}

/* The same peer dials us and is let in. */
UNUSED static uint64_t link_from(struct world *w, char who, const char *user)
{
	char from[256];
	uint64_t conn;

	snprintf(from, sizeof(from), "%s@%s", user, domain_of(who));
	conn = ask_link(w, &(struct asking){.who = who, .from = from});
	assert_null(refusal(w, conn));
	open_session(w, conn, NULL);
	assert_int_equal(conn_of(w, conn)->refused, XERR_NONE);
	return conn;
}

/* An old program dials us. */
UNUSED static uint64_t legacy_from(struct world *w, const char *name)
{
	uint64_t conn = ask_link(w, &(struct asking){.from = name});

	assert_null(refusal(w, conn));
	open_session(w, conn, NULL);
	return conn;
}

/* The other end says something. */
UNUSED __attribute__((format(printf, 3, 4))) static void hear(struct world *w, uint64_t conn, const char *fmt, ...)
{
	static char xml[2 << 20];
	struct msg *m;
	struct stanza *s;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(xml, sizeof(xml), fmt, ap);
	va_end(ap);
	assert_int_equal(stanza_parse(str_z(xml), &s), 0);
	m = msgs_add(&w->in);
	m->kind = MSG_STANZA;
	m->conn = conn;
	m->session = conn_of(w, conn)->session;
	m->stanza.stanza = s;
	pump(w);
}

UNUSED static void hear_message(struct world *w, uint64_t conn, char who, const char *id, const char *body)
{
	hear(w, conn, "<message type='chat' from='bob@%s/x' to='alice@%s' id='%s'><body>%s</body></message>",
		domain_of(who), domain_of('n'), id, body);
}

/* The first n of what was sent have arrived. */
UNUSED static void arrive(struct world *w, uint64_t conn, uint32_t n)
{
	struct test_conn *t = conn_of(w, conn);
	struct packets rest = {0};
	struct msg *m = msgs_add(&w->in);

	assert_true(n <= t->unacked.n);
	m->kind = MSG_ACKED;
	m->conn = conn;
	m->session = t->session;
	m->acked.tags = xcalloc(n + 1, sizeof(uint64_t));
	for (uint32_t i = 0; i < t->unacked.n; i++) {
		if (i >= n)
			packets_add(&rest, &t->unacked.p[i]);
		else if (t->unacked.p[i]->tag)
			m->acked.tags[m->acked.n++] = t->unacked.p[i]->tag;
	}
	t->acked += n;
	packets_clear(&t->unacked);
	t->unacked = rest;
	pump(w);
}

UNUSED static void arrive_all(struct world *w, uint64_t conn) { arrive(w, conn, conn_of(w, conn)->unacked.n); }

/* The connection breaks. */
UNUSED static void cut(struct world *w, uint64_t conn, bool resumable)
{
	struct test_conn *t = conn_of(w, conn);
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_LOST;
	m->conn = conn;
	m->session = t->session;
	m->end.resumable = resumable;
	m->end.acked = t->acked;
	m->end.rest = t->unacked;
	t->unacked = (struct packets){0};
	pump(w);
}

/* The stream of a DIAL came to nothing. */
UNUSED static void dial_fails(struct world *w, uint64_t dial, bool reached, bool asked)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_LINK_FAILED;
	m->link_failed.dial = dial;
	m->link_failed.reached = reached;
	m->link_failed.asked = asked;
	m->link_failed.why = "test";
	pump(w);
}

/* It was refused by somebody who had shown this key before. */
UNUSED static void dial_refused_by(struct world *w, uint64_t dial, char who)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_LINK_FAILED;
	m->link_failed.dial = dial;
	m->link_failed.reached = m->link_failed.secured = m->link_failed.keyed = true;
	memcpy(m->link_failed.key, key_of(who), sizeof(m->link_failed.key));
	m->link_failed.why = "test";
	pump(w);
}

/* The program there has no STARTTLS to offer. */
UNUSED static void dial_lacks_tls(struct world *w, uint64_t dial)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_LINK_FAILED;
	m->link_failed.dial = dial;
	m->link_failed.reached = m->link_failed.lacks_tls = true;
	m->link_failed.why = "test";
	pump(w);
}

/* The next DIAL, looked at: its number; 0 if there is none. */
UNUSED static uint64_t next_dial(struct world *w, char address[64], bool *ret_tls)
{
	struct msg *m = find_msg(w, MSG_DIAL);
	uint64_t id = m ? m->dial.id : 0;

	address[0] = '\0';
	if (!m)
		return 0;
	snprintf(address, 64, "%s", m->dial.address);
	if (ret_tls)
		*ret_tls = m->dial.tls;
	msg_clear(m);
	return id;
}

UNUSED static struct peer *row(struct world *w, char who) { return peers_find_id(w->peers, str_z(id_of(who))); }

UNUSED static struct peer *called(struct world *w, const char *label)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	struct peer *p = NULL;

	assert_int_equal(peers_find_label(w->peers, str_z(label), &p, &why), 0);
	return p;
}

UNUSED static const char *jid_of(char who, const char *user)
{
	static char text[4][256];
	static unsigned next;
	char *t = text[next++ % 4];

	snprintf(t, 256, "%s@%s", user, domain_of(who));
	return t;
}

#endif
