/* What the other end of a stream between peers says, whichever end we are: dialled or dialling, with a key or without. The
 * text is what it says; choices at its end say what the stream is and what the core answers.
 *
 * Whatever comes: what we say is well-formed and ends with the stream, the automaton moves along the edges of its page, no
 * shared password counts as met, what is given on is from where the key says, and TLS begins once at most and only where the
 * channel has it. */
#include "base/err.h"
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "xml/parse.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

#define PEER "aaaaaaaaaaaaaaaaaaaaaaaaaa.internal"

struct run {
	struct fuzz_input in;
	struct stream *stream;
	struct stream_policy policy;
	struct stream_channel channel;
	struct stream_password password;
	struct xml_scratch *scratch, *out_scratch;
	struct xml_parser *parser, *out_parser;
	enum stream_state state;
	bool ended;
	unsigned asked, secured;
};

static int binding(void *arg, const char *type, struct buf *out)
{
	(void)type;
	if (!arg)
		return ERR_UNSUPPORTED;
	buf_z(out, "0123456789abcdef0123456789abcdef");
	return 0;
}

#define TO(s) (1u << STREAM_##s)
static const unsigned edges[] = {
	[STREAM_HEADER] = TO(FEATURES) | TO(BIND) | TO(CLOSED),
	[STREAM_FEATURES] = TO(TLS) | TO(SASL) | TO(BIND) | TO(CLOSED),
	[STREAM_TLS] = TO(HEADER) | TO(CLOSED),
	[STREAM_SASL] = TO(FEATURES) | TO(HEADER) | TO(BIND) | TO(CLOSED),
	[STREAM_BIND] = TO(READY) | TO(CLOSED),
	[STREAM_READY] = TO(CLOSED),
	[STREAM_CLOSED] = 0,
};

static void check_state(struct run *r)
{
	enum stream_state next = stream_state(r->stream);

	must(next == r->state || (edges[r->state] & 1u << next));
	/* Nobody knows the password. */
	must(stream_proof(r->stream) != PROOF_RIGHT);
	must(next != STREAM_READY || r->asked == 1);
	r->state = next;
}

static void check_said(struct run *r, struct buf *out)
{
	struct str text = buf_view(out);
	struct xml_tree t;

	must(buf_ok(out));
	must(!r->ended || !text.n);
	while (text.n) {
		enum xml_event e = xml_parse(r->out_parser, &text, &t);

		must(e <= XML_END);
		if (e == XML_END) {
			r->ended = true;
			must(!text.n);
		}
	}
	must(xml_parser_held(r->out_parser) == 0);
	buf_clear(out);
}

/* ---- in place of the core ---- */

static enum stream_action link_reply(struct run *r, struct stream_ask *ask, struct buf *out)
{
	uint32_t choice = fuzz_choice(&r->in, 7);
	struct stream_link reply = {.from = STR("us@bbbbbbbbbbbbbbbbbbbbbbbbbb.internal"), .peer = STR(PEER)};

	must(++r->asked == 1);
	if (choice == 7)
		reply.error = SERR_CONFLICT;
	if (choice & 1)
		reply.password = &r->password;
	if (choice & 2)
		reply.token = STR("old");
	return stream_on_link(r->stream, &reply, &r->channel, out, ask);
}

static enum stream_action answer(struct run *r, enum stream_action action, struct stream_ask *ask, struct buf *out)
{
	switch (action) {
	case STREAM_ASK_LINK:
		return link_reply(r, ask, out);
	case STREAM_ASK_OPEN:
		must(!stream_kind(r->stream)->opening || stream_kind(r->stream)->legacy || ask->token.n);
		return stream_on_bound(r->stream, STR(PEER), fuzz_choice(&r->in, 3) == 3 ? XERR_CONFLICT : XERR_NONE,
			out);
	case STREAM_ASK_RESUME:
		must(ask->token.n);
		if (fuzz_choice(&r->in, 1))
			return stream_on_resume_failed(r->stream, out);
		return stream_on_bound(r->stream, STR(PEER), XERR_NONE, out);
	default:
		must(!stream_waiting(r->stream));
		return STREAM_GO_ON;
	}
}

static void give(struct run *r, const struct xml_tree *t)
{
	struct stanza *s = NULL;

	must(r->state == STREAM_READY);
	if (stanza_new(t, STR(NS_CLIENT), stream_stamp(r->stream), STR_NONE, &s) == 0) {
		struct str domain = jid_domain(s->from);

		must(str_is(domain, PEER) || str_is(domain, "rooms." PEER));
	}
	stanza_free(&s);
}

static void start_tls(struct run *r)
{
	struct buf out;

	must(r->channel.can_tls && !r->channel.secure && ++r->secured == 1 && !r->asked);
	r->channel.secure = true;
	stream_secured(r->stream);
	xml_parser_reset(r->parser);
	xml_parser_reset(r->out_parser);
	buf_init(&out, 1 << 20);
	if (stream_kind(r->stream)->opening)
		stream_start_again(r->stream, &out);
	check_said(r, &out);
	check_state(r);
}

static void act(struct run *r, enum stream_action action, struct stream_ask *ask)
{
	struct buf out;

	for (int i = 0; i < 8 && action != STREAM_GO_ON; i++) {
		if (action == STREAM_RESTART) {
			xml_parser_reset(r->parser);
			return;
		}
		if (action == STREAM_END) {
			must(r->ended && r->state == STREAM_CLOSED);
			return;
		}
		if (action == STREAM_START_TLS) {
			start_tls(r);
			return;
		}
		buf_init(&out, 1 << 20);
		action = answer(r, action, ask, &out);
		check_said(r, &out);
		check_state(r);
	}
	must(action == STREAM_GO_ON);
	must(!stream_waiting(r->stream));
}

static void take(struct run *r, struct str text);

static void on_event(struct run *r, enum xml_event event, const struct xml_tree *t)
{
	struct stream_ask ask = {0};
	enum stream_action action;
	struct buf out;
	char *again;

	buf_init(&out, 1 << 20);
	if (event == XML_OPEN)
		action = stream_on_open(r->stream, t, xml_parser_default_ns(r->parser), &r->channel, &out, &ask);
	else if (event == XML_STANZA)
		action = stream_on_element(r->stream, t, &r->channel, &out, &ask);
	else if (event == XML_END)
		action = stream_on_end(r->stream, &out);
	else
		action = stream_on_bad_xml(r->stream, event, &out);
	check_said(r, &out);
	check_state(r);
	if (action == STREAM_GIVE_STANZA)
		give(r, t);
	again = ask.again ? str_dup(xml_raw(t, XML_ROOT)) : NULL;
	if (action != STREAM_GIVE_STANZA)
		act(r, action, &ask);
	if (again)
		take(r, str_z(again));
	xfree(again);
}

static void take(struct run *r, struct str text)
{
	struct xml_tree t;

	while (text.n && r->state != STREAM_CLOSED) {
		enum xml_event event = xml_parse(r->parser, &text, &t);

		if (event == XML_MORE)
			return;
		on_event(r, event, &t);
	}
}

static void run(struct run *r)
{
	struct str text = {(const char *)r->in.p, r->in.n};
	struct buf out;

	if (stream_kind(r->stream)->opening) {
		buf_init(&out, 1 << 20);
		stream_start(r->stream, STR("us@here"), fuzz_choice(&r->in, 1) ? STR("you@there") : STR_NONE, &out);
		check_said(r, &out);
	}
	take(r, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stream_kind *const kinds[] = {&stream_lan_keyed_in, &stream_lan_keyed_out,
		&stream_lan_plain_in, &stream_lan_plain_out, &stream_lan_tls_in, &stream_lan_tls_out,
		&stream_lan_old_in, &stream_lan_old_out};
	/* With the binding or without, in turn; the last ones are in the clear, and may have TLS. */
	static const struct {
		uint8_t kind;
		bool binding, in_the_clear;
	} ways[] = {{0}, {1}, {2}, {3}, {0, true}, {1, true}, {2, true}, {3, true}, {2, false, true}, {3, false, true},
		{4, false, true}, {5, false, true}, {6, false, true}, {7, false, true}};
	static const struct xml_limits limits = {.stanza = 10 * 1024,
		.depth = 16,
		.attrs = 32,
		.name = 256,
		.nodes = 256};
	struct run r = {.in = {data, size}};
	uint32_t way = fuzz_choice(&r.in, ARRAY_LEN(ways) - 1);

	r.channel = (struct stream_channel){.secure = !ways[way].in_the_clear,
		.can_tls = ways[way].in_the_clear,
		.binding = binding,
		.arg = ways[way].binding ? &r : NULL};
	memset(&r.password.keys, 17, sizeof(r.password.keys));
	memset(r.password.id, 'a', NODEID_LEN);
	r.scratch = xml_scratch_new();
	r.out_scratch = xml_scratch_new();
	r.parser = xml_parser_new(r.scratch, XML_STREAM, &limits);
	r.out_parser = xml_parser_new(r.out_scratch, XML_STREAM, &xml_limits_default);
	r.stream = stream_new(kinds[ways[way].kind], &r.policy);
	run(&r);
	stream_free(&r.stream);
	xml_parser_free(&r.parser);
	xml_parser_free(&r.out_parser);
	xml_scratch_free(&r.scratch);
	xml_scratch_free(&r.out_scratch);
	return 0;
}
