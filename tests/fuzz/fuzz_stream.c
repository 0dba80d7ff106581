/* What a client says on a stream, up to and into its session. The text is what it sends; choices at its end say what the
 * stream is like and what those it asks will answer.
 *
 * Whatever comes, the answers are well-formed streams, end with the stream's end, and the automaton moves only along
 * the edges of its page. */
#include "base/err.h"
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "xml/parse.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

struct run {
	struct fuzz_input in;
	struct stream *stream;
	struct stream_policy policy;
	struct stream_channel channel;
	struct xml_scratch *scratch, *out_scratch;
	struct xml_parser *parser, *out_parser; /* of what is said, of what is answered */
	enum stream_state state;
	bool ended; /* the answer's end tag was seen */
};

static bool serves(void *arg, struct str domain) { return str_is(domain, "x.test"); }

static int binding(void *arg, const char *type, struct buf *out)
{
	if (!arg)
		return ERR_UNSUPPORTED;
	buf_z(out, type);
	return 0;
}

static const struct scram_keys *keys(enum hash_kind kind)
{
	static struct scram_keys made[2];
	struct scram_keys *k = &made[kind == HASH_SHA256];

	if (!k->iterations)
		scram_derive(kind, STR("secret"), STR("saltsalt"), 1, k);
	return k;
}

/* ---- what is checked ---- */

#define TO(s) (1u << STREAM_##s)
static const unsigned edges[] = {
	[STREAM_HEADER] = TO(FEATURES) | TO(BIND) | TO(CLOSED),
	[STREAM_FEATURES] = TO(TLS) | TO(SASL) | TO(CLOSED),
	[STREAM_TLS] = TO(HEADER),
	[STREAM_SASL] = TO(FEATURES) | TO(HEADER) | TO(CLOSED),
	[STREAM_BIND] = TO(READY) | TO(CLOSED),
	[STREAM_READY] = TO(CLOSED),
	[STREAM_CLOSED] = 0,
};

static void check_state(struct run *r)
{
	enum stream_state next = stream_state(r->stream);

	/* One step may pass through a state: an exchange that fails at once, or succeeds at once. */
	if (r->state == STREAM_FEATURES && next == STREAM_HEADER)
		r->state = STREAM_SASL;
	must(next == r->state || (edges[r->state] & 1u << next));
	r->state = next;
	if (next == STREAM_READY)
		must(jid_view(stream_jid(r->stream)).resource);
}

static void check_answer(struct run *r, struct buf *out)
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
		if (e == XML_STANZA)
			must(xml_ns(&t, XML_ROOT).n > 0);
	}
	must(xml_parser_held(r->out_parser) == 0);
	buf_clear(out);
}

/* ---- what is answered to the stream ---- */

static enum stream_action bound(struct run *r, const struct stream_ask *ask, struct buf *out)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};

	if (fuzz_choice(&r->in, 3) == 3)
		return stream_on_bound(r->stream, STR_NONE, XERR_CONFLICT, out);
	buf_str(&jid, ask->account);
	buf_char(&jid, '/');
	buf_str(&jid, ask->resource.n ? ask->resource : STR("made-up"));
	must(buf_ok(&jid));
	jid_view(buf_view(&jid));
	return stream_on_bound(r->stream, buf_view(&jid), XERR_NONE, out);
}

static enum stream_action resumed(struct run *r, const struct stream_ask *ask, struct buf *out)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};

	must(ask->token.n > 0);
	if (fuzz_choice(&r->in, 1))
		return stream_on_resume_failed(r->stream, out);
	buf_str(&jid, ask->account);
	buf_z(&jid, "/old");
	return stream_on_bound(r->stream, buf_view(&jid), XERR_NONE, out);
}

static enum stream_action answer(struct run *r, enum stream_action action, struct stream_ask *ask, struct buf *out)
{
	uint32_t choice = fuzz_choice(&r->in, 15);

	if (choice == 15) /* nobody waits for the answer any more */
		return stream_close(r->stream, SERR_CONNECTION_TIMEOUT, "no login in time", out);
	switch (action) {
	case STREAM_ASK_KEYS:
		must(str_ends(ask->account, STR("@x.test")));
		return stream_on_keys(r->stream, keys(ask->hash), choice < 12, &r->channel, out, ask);
	case STREAM_ASK_VERIFY:
		return stream_on_verified(r->stream, scram_verify(ask->keys, str_z(ask->password)), out);
	case STREAM_ASK_REGISTER:
		must(ask->password[0] != '\0');
		return stream_on_registered(r->stream, choice & 1 ? XERR_CONFLICT : XERR_NONE, out);
	case STREAM_ASK_BIND:
		return bound(r, ask, out);
	case STREAM_ASK_RESUME:
		return resumed(r, ask, out);
	case STREAM_FAILED_LOGIN:
		return stream_failure_sent(r->stream, out);
	default:
		must(!stream_waiting(r->stream));
		return STREAM_GO_ON;
	}
}

/* ---- as src/wire does it ---- */

static void restart(struct run *r)
{
	xml_parser_reset(r->parser);
	xml_parser_reset(r->out_parser);
}

static void start_tls(struct run *r)
{
	r->channel.secure = true;
	stream_secured(r->stream);
	check_state(r);
	restart(r);
}

static void give(struct run *r, const struct xml_tree *t)
{
	struct stanza *s = NULL;

	must(r->state == STREAM_READY);
	if (stanza_new(t, str_z(stream_kind(r->stream)->content), jid_view(stream_jid(r->stream)),
		    stream_lang(r->stream), &s) == 0)
		must(str_eq(jid_str(s->from), stream_jid(r->stream)));
	stanza_free(&s);
}

static void act(struct run *r, enum stream_action action, struct stream_ask *ask)
{
	struct buf out;

	for (int i = 0; i < 8 && action != STREAM_GO_ON; i++) {
		if (action == STREAM_RESTART) {
			restart(r);
			return;
		}
		if (action == STREAM_START_TLS) {
			start_tls(r);
			return;
		}
		if (action == STREAM_END) {
			must(r->ended && r->state == STREAM_CLOSED);
			return;
		}
		buf_init(&out, 1 << 20);
		action = answer(r, action, ask, &out);
		check_answer(r, &out);
		check_state(r);
	}
	must(action == STREAM_GO_ON);
	must(!stream_waiting(r->stream));
}

static void on_event(struct run *r, enum xml_event event, const struct xml_tree *t)
{
	struct stream_ask ask = {0};
	enum stream_action action;
	struct buf out;

	buf_init(&out, 1 << 20);
	if (event == XML_OPEN)
		action = stream_on_open(r->stream, t, xml_parser_default_ns(r->parser), &r->channel, &out, &ask);
	else if (event == XML_STANZA)
		action = stream_on_element(r->stream, t, &r->channel, &out, &ask);
	else if (event == XML_END)
		action = stream_on_end(r->stream, &out);
	else
		action = stream_on_bad_xml(r->stream, event, &out);
	check_answer(r, &out);
	check_state(r);
	if (action == STREAM_GIVE_STANZA)
		give(r, t);
	else
		act(r, action, &ask);
}

static void run(struct run *r)
{
	struct str text;
	struct xml_tree t;

	text = (struct str){(const char *)r->in.p, r->in.n};
	while (text.n && r->state != STREAM_CLOSED) {
		enum xml_event event = xml_parse(r->parser, &text, &t);

		if (event == XML_MORE)
			return;
		on_event(r, event, &t);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xml_limits limits = {.stanza = 10 * 1024,
		.depth = 16,
		.attrs = 32,
		.name = 256,
		.nodes = 256};
	struct run r = {.in = {data, size}};
	uint32_t flags = fuzz_choice(&r.in, 255);

	r.policy = (struct stream_policy){.serves = serves,
		.allow_plaintext = flags & 1,
		.registration = flags & 2,
		.tls = flags & 4,
		.max_tries = flags & 8 ? 2 : 0};
	r.channel = (struct stream_channel){.secure = flags & 16,
		.local = flags & 32,
		.external = flags & 64 ? STR("alice") : STR_NONE,
		.binding = binding,
		.arg = flags & 16 ? &r : NULL};
	r.scratch = xml_scratch_new();
	r.out_scratch = xml_scratch_new();
	r.parser = xml_parser_new(r.scratch, XML_STREAM, &limits);
	r.out_parser = xml_parser_new(r.out_scratch, XML_STREAM, &xml_limits_default);
	r.stream = stream_new(flags & 128 ? &stream_client_unix : &stream_client, &r.policy);
	run(&r);
	stream_free(&r.stream);
	xml_parser_free(&r.parser);
	xml_parser_free(&r.out_parser);
	xml_scratch_free(&r.scratch);
	xml_scratch_free(&r.out_scratch);
	return 0;
}
