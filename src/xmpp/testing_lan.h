/* For the tests of streams between peers: both ends, each fed with what the other says, and in the place of the core what
 * the test has set. */
#ifndef XMPP_TESTING_LAN_H
#define XMPP_TESTING_LAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

#define UNUSED __attribute__((unused))
#define OPEN(attrs) \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'" attrs ">"
#define FEATURES "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
#define ENABLE "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
#define ENABLED "<enabled xmlns='urn:xmpp:sm:3' id='tok' resume='true'/>"
#define A_DOMAIN "aaaaaaaaaaaaaaaaaaaaaaaaaa.internal"
#define B_DOMAIN "bbbbbbbbbbbbbbbbbbbbbbbbbb.internal"

enum { STEPS_MAX = 100 };

/* One end, and what its core answers. */
struct end {
	struct stream *s;
	struct stream_policy policy;
	struct stream_channel channel;
	struct xml_scratch *scratch;
	struct xml_parser *parser;
	struct buf out, said; /* not read by the other end yet; all of it */
	const char *exporter; /* NULL: the channel has none */
	struct stream_link reply;
	bool resumes; /* a session that is asked for goes on */
	enum xerr_cond refuses;
	/* what it was asked and told */
	char from[128], to[128], token[300];
	uint32_t h;
	unsigned asked, opened, resumed, given, secured;
	enum stream_action last;
};

static struct end a, b; /* a dials */

UNUSED static int binding(void *arg, const char *type, struct buf *out)
{
	struct end *e = arg;

	if (!e->exporter || strcmp(type, "tls-exporter") != 0)
		return ERR_UNSUPPORTED;
	buf_z(out, e->exporter);
	return 0;
}

UNUSED static void end_init(struct end *e, const struct stream_kind *kind)
{
	memset(e, 0, sizeof(*e));
	e->channel = (struct stream_channel){.secure = true, .binding = binding, .arg = e};
	e->exporter = "0123456789abcdef0123456789abcdef";
	e->scratch = xml_scratch_new();
	e->parser = xml_parser_new(e->scratch, XML_STREAM, &xml_limits_default);
	e->s = stream_new(kind, &e->policy);
	buf_init(&e->out, 1 << 20);
	buf_init(&e->said, 1 << 20);
	e->reply.from = STR("who@where");
	e->reply.peer = STR("peer.internal");
}

UNUSED static void end_clear(struct end *e)
{
	stream_free(&e->s);
	xml_parser_free(&e->parser);
	xml_scratch_free(&e->scratch);
	buf_clear(&e->out);
	buf_clear(&e->said);
}

UNUSED static int teardown(void **state)
{
	end_clear(&a);
	end_clear(&b);
	return 0;
}

UNUSED static void both(const struct stream_kind *out, const struct stream_kind *in)
{
	teardown(NULL);
	end_init(&a, out);
	end_init(&b, in);
	a.reply.from = STR("alice@" A_DOMAIN);
	a.reply.peer = STR(B_DOMAIN);
	b.reply.from = STR("bob@" B_DOMAIN);
	b.reply.peer = STR(A_DOMAIN);
}

UNUSED static int setup(void **state)
{
	both(&stream_lan_keyed_out, &stream_lan_keyed_in);
	return 0;
}

/* ---- the core of an end ---- */

UNUSED static void note(char *to, size_t n, struct str text) { snprintf(to, n, "%.*s", STR_FMT(text)); }

UNUSED static enum stream_action answer(struct end *e, enum stream_action action, struct stream_ask *ask)
{
	switch (action) {
	case STREAM_ASK_LINK:
		e->asked++;
		note(e->from, sizeof(e->from), ask->from);
		note(e->to, sizeof(e->to), ask->to);
		return stream_on_link(e->s, &e->reply, &e->channel, &e->out, ask);
	case STREAM_ASK_OPEN:
		e->opened++;
		note(e->token, sizeof(e->token), ask->token);
		return stream_on_bound(e->s, e->reply.peer, e->refuses, &e->out);
	case STREAM_ASK_RESUME:
		e->resumed++;
		note(e->token, sizeof(e->token), ask->token);
		e->h = ask->h;
		if (e->resumes)
			return stream_on_bound(e->s, e->reply.peer, XERR_NONE, &e->out);
		return stream_on_resume_failed(e->s, &e->out);
	case STREAM_RESTART:
		xml_parser_reset(e->parser);
		return STREAM_GO_ON;
	case STREAM_START_TLS:
		xml_parser_reset(e->parser);
		e->channel.secure = true;
		e->secured++;
		stream_secured(e->s);
		if (stream_kind(e->s)->opening)
			stream_start_again(e->s, &e->out);
		return STREAM_GO_ON;
	default:
		return STREAM_GO_ON;
	}
}

UNUSED static void act(struct end *e, enum stream_action action, struct stream_ask *ask)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		e->last = action;
		e->given += action == STREAM_GIVE_STANZA;
		if (action == STREAM_GO_ON || action == STREAM_END || action == STREAM_GIVE_STANZA)
			return;
		action = answer(e, action, ask);
		if (action == STREAM_GO_ON)
			return;
	}
	fail_msg("it never goes on");
}

/* ---- what is said ---- */

UNUSED static void hear(struct end *e, struct str text);

UNUSED static void on_element(struct end *e, const struct xml_tree *t)
{
	struct stream_ask ask = {0};
	enum stream_action action = stream_on_element(e->s, t, &e->channel, &e->out, &ask);
	char *again = ask.again ? str_dup(xml_raw(t, XML_ROOT)) : NULL;

	act(e, action, &ask);
	if (again)
		hear(e, str_z(again));
	xfree(again);
}

UNUSED static void hear(struct end *e, struct str text)
{
	struct stream_ask ask = {0};
	struct xml_tree t;

	while (text.n && stream_state(e->s) != STREAM_CLOSED) {
		enum xml_event event = xml_parse(e->parser, &text, &t);

		if (event == XML_OPEN)
			act(e, stream_on_open(e->s, &t, xml_parser_default_ns(e->parser), &e->channel, &e->out, &ask),
				&ask);
		else if (event == XML_STANZA)
			on_element(e, &t);
		else if (event == XML_END)
			act(e, stream_on_end(e->s, &e->out), &ask);
		else if (event != XML_MORE)
			act(e, stream_on_bad_xml(e->s, event, &e->out), &ask);
	}
}

UNUSED static void say(struct end *e, const char *text) { hear(e, str_z(text)); }

/* To the other end, if there is anything; false: nothing. */
UNUSED static bool carry(struct end *from, struct end *to)
{
	char *text;
	struct buf took = from->out;

	if (!took.n)
		return false;
	buf_init(&from->out, 1 << 20);
	buf_str(&from->said, buf_view(&took));
	text = str_dup(buf_view(&took));
	buf_clear(&took);
	if (to)
		say(to, text);
	xfree(text);
	return true;
}

UNUSED static void start(struct end *e) { stream_start(e->s, STR("alice@" A_DOMAIN), STR("bob@" B_DOMAIN), &e->out); }

/* Each says what it has to say; false: neither has anything. */
UNUSED static bool exchange(void)
{
	bool one = carry(&a, &b), other = carry(&b, &a);

	return one || other;
}

UNUSED static void talk(void)
{
	int i = 0;

	start(&a);
	while (exchange())
		assert_true(i++ < STEPS_MAX);
}

UNUSED static const char *said(struct end *e)
{
	carry(e, NULL);
	return buf_cstr(&e->said);
}

UNUSED static void expect_said(struct end *e, const char *part)
{
	if (!strstr(said(e), part))
		fail_msg("\"%s\" is not in \"%s\"", part, said(e));
}

UNUSED static void expect_closed(struct end *e, const char *error)
{
	assert_int_equal(stream_state(e->s), STREAM_CLOSED);
	expect_said(e, error);
	expect_said(e, "</stream:stream>");
}

#endif
