/* For the tests of this folder only: a client on a scripted stream. What the server says goes in, what the client says and
 * tells comes out. */
#ifndef CLIENT_TESTING_H
#define CLIENT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "client/client_i.h"

#define UNUSED __attribute__((unused))

static struct {
	struct client *c;
	struct stream_channel channel;
	struct buf events; /* one line each: kind label|who|verb|body|detail|state */
	int64_t now, when; /* when: of the last message or notice */
} t;

UNUSED static void on_event(void *arg, const struct client_event *e)
{
	if (e->kind == EVENT_MESSAGE || e->kind == EVENT_NOTICE)
		t.when = e->when;
	buf_fmt(&t.events, "%s %.*s|%.*s|%.*s|%.*s|%.*s%s%s%s%s%s\n", client_event_name(e->kind), STR_FMT(e->label),
		STR_FMT(e->who), STR_FMT(e->verb), STR_FMT(e->body), STR_FMT(e->detail),
		e->kind == EVENT_STATE ? "|" : "", e->kind == EVENT_STATE ? message_state_name(e->state) : "",
		e->own ? " own" : "", e->delayed ? " delayed" : "", e->history ? " history" : "");
}

UNUSED static int no_binding(void *arg, const char *type, struct buf *out) { return ERR_UNSUPPORTED; }

UNUSED static void pass(int64_t ms)
{
	t.now += ms;
	client_time(t.c, t.now, 1700000000000 + t.now);
}

UNUSED static int setup_with(bool node)
{
	struct client_config k = {.domain = STR("x.test"),
		.user = STR("alice"),
		.external = true,
		.trusted_channel = true,
		.node = node,
		.receipts = true,
		.version = "1",
		.utc_offset = -90};

	memset(&t, 0, sizeof(t));
	buf_init(&t.events, 1 << 20);
	t.c = client_new(&k, on_event, NULL);
	t.channel = (struct stream_channel){.binding = no_binding};
	pass(1000);
	return 0;
}

UNUSED static int setup(void **state) { return setup_with(false); }
UNUSED static int setup_node(void **state) { return setup_with(true); }

UNUSED static int teardown(void **state)
{
	client_free(&t.c);
	buf_clear(&t.events);
	return 0;
}

/* ---- what is said, what is heard ---- */

UNUSED static enum client_need hear(const char *xml)
{
	struct str in = str_z(xml);
	enum client_need need = client_bytes(t.c, &in);

	if (need == CLIENT_FINE)
		assert_int_equal(in.n, 0);
	return need;
}

UNUSED static bool said(const char *part) { return strstr(buf_cstr(client_out(t.c)), part) != NULL; }
UNUSED static void forget(void) { buf_reset(client_out(t.c)); }

/* Is it among what was told? Then that is forgotten. */
UNUSED static void told(const char *part)
{
	if (!strstr(buf_cstr(&t.events), part))
		fail_msg("not told: %s\nbut:\n%s", part, buf_cstr(&t.events));
	buf_reset(&t.events);
}

UNUSED static void told_nothing(void) { assert_string_equal(buf_cstr(&t.events), ""); }

/* The id of the last question with this in it. */
UNUSED static const char *id_of(const char *part)
{
	static char id[64];
	const char *all = buf_cstr(client_out(t.c)), *at = strstr(all, part), *p;

	if (!at)
		fail_msg("not asked: %s in %s", part, all);
	for (p = at; p > all && strncmp(p, " id='", 5) != 0; p--)
		;
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(p + 5, "'"), p + 5);
	return id;
}

UNUSED static void answer(const char *question, const char *from, const char *inside)
{
	char xml[4096];

	snprintf(xml, sizeof(xml), "<iq type='result' id='%s'%s%s%s>%s</iq>", id_of(question), from ? " from='" : "",
		from ? from : "", from ? "'" : "", inside);
	hear(xml);
}

UNUSED static void refuse(const char *question, const char *from)
{
	char xml[4096];

	snprintf(xml, sizeof(xml),
		"<iq type='error' id='%s' from='%s'><error type='auth'><forbidden xmlns='" NS_STANZAS
		"'/></error></iq>",
		id_of(question), from);
	hear(xml);
}

#define HEAD "<stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM "' version='1.0'>"
#define FEATURES(inside) HEAD "<stream:features>" inside "</stream:features>"
#define LOGIN FEATURES("<mechanisms xmlns='" NS_SASL "'><mechanism>EXTERNAL</mechanism></mechanisms>")
#define SUCCESS "<success xmlns='" NS_SASL "'/>"
#define SESSION FEATURES("<bind xmlns='" NS_BIND "'/><sm xmlns='" NS_SM "'/>")

UNUSED static void to_session(void)
{
	client_connected(t.c, &t.channel);
	hear(LOGIN);
	hear(SUCCESS);
	forget();
	hear(SESSION);
}

UNUSED static void log_in(void)
{
	to_session();
	assert_true(said("<bind"));
	hear("<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/1</jid></bind></iq>");
	hear("<enabled xmlns='" NS_SM "' id='token' resume='true'/>");
	assert_true(client_online(t.c));
}

UNUSED static void with_bob(void)
{
	log_in();
	answer(NS_ROSTER, NULL,
		"<query xmlns='" NS_ROSTER "'><item jid='bob@x.test' name='Bob' subscription='both'/></query>");
	hear("<presence from='bob@x.test/1'/>");
	forget();
	buf_reset(&t.events);
}

UNUSED static const char *last_id(void)
{
	static char id[64];
	const char *p = strstr(buf_cstr(client_out(t.c)), "<message type='chat' id='");

	assert_non_null(p);
	snprintf(id, sizeof(id), "%.*s", CLIENT_ID_MAX < 20 ? 0 : 20, p + strlen("<message type='chat' id='"));
	return id;
}

#endif
