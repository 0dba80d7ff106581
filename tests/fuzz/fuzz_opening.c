/* What a server says to a client that opens a stream. The text is what it sends; choices at its end say what the client has.
 *
 * Whatever comes: what the client says is well-formed, a password crosses in the clear never and PLAIN only over TLS, and
 * it is READY only when it has been proven. */
#include <string.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "xml/parse.h"
#include "xmpp/ns.h"
#include "xmpp/opening.h"

struct run {
	struct fuzz_input in;
	struct opening *o;
	struct stream_channel channel;
	struct xml_scratch *scratch, *out_scratch;
	struct xml_parser *parser, *out_parser;
	bool external, trusted, ended, success;
};

static int binding(void *arg, const char *type, struct buf *out)
{
	if (!arg)
		return ERR_UNSUPPORTED;
	buf_z(out, type);
	return 0;
}

static void check_auth(const struct run *r, const struct xml_tree *t)
{
	struct str m = xml_attr(t, XML_ROOT, "mechanism");

	must(r->channel.secure || r->trusted);
	must(!str_is(m, "EXTERNAL") || r->external);
}

static void check_said(struct run *r, struct buf *out)
{
	struct str text = buf_view(out);
	struct xml_tree t;

	must(buf_ok(out));
	must(!r->ended || !text.n);
	must(!memmem(text.p, text.n, "pass-word", 9));
	while (text.n) {
		enum xml_event e = xml_parse(r->out_parser, &text, &t);

		must(e <= XML_END);
		if (e == XML_END)
			r->ended = true;
		if (e == XML_STANZA && xml_is(&t, XML_ROOT, "auth", NS_SASL))
			check_auth(r, &t);
	}
	must(xml_parser_held(r->out_parser) == 0);
	buf_clear(out);
}

static void secure(struct run *r, struct buf *out)
{
	r->channel.secure = true;
	xml_parser_reset(r->parser);
	check_said(r, out);
	xml_parser_reset(r->out_parser);
	opening_secured(r->o, out);
}

/* True when the session has begun or all is over. */
static bool act(struct run *r, enum opening_action a, struct buf *out)
{
	switch (a) {
	case OPENING_START_TLS:
		secure(r, out);
		return false;
	case OPENING_RESTART:
		xml_parser_reset(r->parser);
		xml_parser_reset(r->out_parser);
		r->success = true;
		return false;
	case OPENING_WORK:
		opening_work(r->o);
		return act(r, opening_worked(r->o, out), out);
	case OPENING_BOUND:
		must(jid_view(opening_jid(r->o)).resource);
		return false;
	case OPENING_END:
		must(opening_state(r->o) == OPENING_CLOSED);
		return true;
	default:
		return false;
	}
}

static void run(struct run *r)
{
	struct str text = {(const char *)r->in.p, r->in.n};
	bool over = false;
	struct xml_tree t;
	struct buf out;

	buf_init(&out, 1 << 20);
	opening_start(r->o, &out);
	check_said(r, &out);
	while (text.n && !over) {
		enum xml_event e = xml_parse(r->parser, &text, &t);
		enum opening_action a;

		if (e == XML_MORE)
			break;
		if (e == XML_OPEN)
			a = opening_on_open(r->o, &t, &out);
		else if (e == XML_STANZA)
			a = opening_on_element(r->o, &t, &r->channel, &out);
		else if (e == XML_END)
			a = opening_on_end(r->o, &out);
		else
			a = opening_on_bad_xml(r->o, &out);
		over = act(r, a, &out);
		check_said(r, &out);
		must(opening_state(r->o) != OPENING_READY || r->success);
	}
	buf_clear(&out);
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
	struct opening_config c = {.domain = STR("x.test"), .h = flags};

	c.user = flags & 1 ? STR("alice") : STR_NONE;
	c.password = flags & 2 ? STR("pass-word") : STR_NONE;
	c.previd = flags & 4 ? STR("token") : STR_NONE;
	c.external = r.external = flags & 8;
	c.trusted_channel = r.trusted = flags & 16;
	r.channel = (struct stream_channel){.secure = flags & 32, .binding = binding, .arg = flags & 64 ? &r : NULL};
	r.scratch = xml_scratch_new();
	r.out_scratch = xml_scratch_new();
	r.parser = xml_parser_new(r.scratch, XML_STREAM, &limits);
	r.out_parser = xml_parser_new(r.out_scratch, XML_STREAM, &xml_limits_default);
	r.o = opening_new(&c);
	run(&r);
	opening_free(&r.o);
	xml_parser_free(&r.parser);
	xml_parser_free(&r.out_parser);
	xml_scratch_free(&r.scratch);
	xml_scratch_free(&r.out_scratch);
	return 0;
}
