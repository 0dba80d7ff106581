/* Fuzz target for xml/. Input: one byte of flags, one that says how to cut, and the document.
 *   bit 0  frames instead of a stream        bit 1  small limits
 * Whatever the document is, the same events must come from any cut of it; expat must agree; and every
 * stanza, written anew or moved to another stream, must mean the same. */
#include <stdio.h>

#include "xml/test_invariant.h"
#include "xml/test_oracle.h"
#include "xml/write.h"

enum { FRAMES = 1, SMALL = 2 };

static const struct xml_limits small_limits = {.stanza = 64, .depth = 3, .attrs = 3, .name = 8, .nodes = 6};

struct run {
	struct buf events; /* everything */
	struct buf trees;  /* as expat would say it */
	enum xml_event last, worst;
	bool odd_names, check;
	bool rest; /* more than white space came after a document */
	unsigned documents;
};

static void check_invariant(const struct xml_tree *t, const char *content)
{
	struct buf expected, got;
	bool ok = invariant_holds(t, content, &expected, &got);
	if (!ok)
		fprintf(stderr, "expected %.*s\ngot %.*s\n", STR_FMT(buf_view(&expected)), STR_FMT(buf_view(&got)));
	must(ok);
	buf_clear(&expected);
	buf_clear(&got);
}

static void check_written(const struct xml_tree *t)
{
	struct buf text, a, b;
	void *block;
	struct xml_tree again;
	buf_init(&text, 1 << 20);
	buf_init(&a, SIZE_MAX / 2);
	buf_init(&b, SIZE_MAX / 2);
	xml_write_node(&text, t, XML_ROOT, STR(""));
	if (buf_ok(&text)) {
		must(xml_parse_all(buf_view(&text), &block, &again) == 0);
		dump_node(&a, t, XML_ROOT);
		dump_node(&b, &again, XML_ROOT);
		must(str_eq(buf_view(&a), buf_view(&b)));
		xfree(block);
	}
	buf_clear(&text);
	buf_clear(&a);
	buf_clear(&b);
}

static void check_stanza(const struct xml_tree *borrowed)
{
	struct xml_tree t;
	void *block = xmalloc(xml_tree_size(borrowed));
	xml_tree_copy(borrowed, block, &t);
	check_invariant(&t, "jabber:client");
	check_invariant(&t, "jabber:server");
	check_written(&t);
	xfree(block);
}

static void on_event(struct run *r, enum xml_event e, const struct xml_tree *t)
{
	buf_fmt(&r->events, "%s", event_names[e]);
	if (e == XML_OPEN || e == XML_STANZA)
		dump_tree(&r->events, t);
	if (e == XML_OPEN)
		dump_start(&r->trees, t, XML_ROOT);
	else if (e == XML_END)
		buf_char(&r->trees, '>');
	else if (e == XML_STANZA)
		dump_node(&r->trees, t, XML_ROOT);
	r->odd_names |= (e == XML_OPEN || e == XML_STANZA) && oracle_odd_names(t);
	r->documents += e == XML_STANZA;
	if (e == XML_STANZA && r->check)
		check_stanza(t);
}

/* `cut` 0: in one piece; else pieces of up to so many bytes, in copies of just their size. */
static void run_document(struct run *r, struct xml_parser *p, struct str doc, unsigned cut, uint32_t seed)
{
	r->last = XML_MORE;
	for (size_t at = 0, n; at < doc.n && r->worst < XML_NOT_WELL_FORMED; at += n) {
		seed = seed * 1664525u + 1013904223u;
		n = cut ? 1 + (seed >> 16) % cut : doc.n;
		n = n < doc.n - at ? n : doc.n - at;
		char *piece = xmemdup(doc.p + at, n);
		struct str in = {piece, n};
		struct xml_tree t;
		enum xml_event e;
		while ((e = xml_parse(p, &in, &t)) != XML_MORE && e < XML_NOT_WELL_FORMED) {
			on_event(r, e, &t);
			r->last = e;
			r->rest = str_trim(in).n > 0;
		}
		must(e != XML_MORE || in.n == 0);
		r->worst = e;
		xfree(piece);
	}
	buf_fmt(&r->events, "%s", event_names[r->worst]);
}

static void run_init(struct run *r, bool check)
{
	*r = (struct run){.check = check};
	buf_init(&r->events, SIZE_MAX / 2);
	buf_init(&r->trees, SIZE_MAX / 2);
}

static void run_clear(struct run *r)
{
	buf_clear(&r->events);
	buf_clear(&r->trees);
}

static void check_oracle(const struct run *r, struct str doc, enum xml_mode mode, bool held)
{
	enum xml_event e = r->worst;
	if (e == XML_TOO_BIG)
		return;
	bool complete = mode == XML_FRAMES ? r->documents == 1 && !r->rest : r->last == XML_END && !held;
	if (e == XML_MORE && !complete)
		e = XML_NOT_WELL_FORMED;
	struct buf oracle;
	buf_init(&oracle, SIZE_MAX / 2);
	enum oracle_result result = oracle_compare(doc, mode, e, r->odd_names, buf_view(&r->trees), &oracle);
	if (result == ORACLE_DISAGREES || result == ORACLE_OTHER_TREE)
		fprintf(stderr, "expat: %.*s\nwe: %s %.*s\n", STR_FMT(buf_view(&oracle)), event_names[e],
			STR_FMT(buf_view(&r->trees)));
	must(result != ORACLE_DISAGREES && result != ORACLE_OTHER_TREE);
	buf_clear(&oracle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	struct str doc = {(const char *)data + 2, n - 2};
	enum xml_mode mode = data[0] & FRAMES ? XML_FRAMES : XML_STREAM;
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, mode, data[0] & SMALL ? &small_limits : &xml_limits_default);
	struct run whole, cut;
	run_init(&whole, true);
	run_init(&cut, false);
	run_document(&whole, p, doc, 0, 0);
	check_oracle(&whole, doc, mode, xml_parser_held(p) > 0);
	xml_parser_reset(p);
	run_document(&cut, p, doc, 1 + data[1] % 64, data[1]);
	if (!str_eq(buf_view(&whole.events), buf_view(&cut.events)))
		fprintf(stderr, "whole: %.*s\ncut: %.*s\n", STR_FMT(buf_view(&whole.events)),
			STR_FMT(buf_view(&cut.events)));
	must(str_eq(buf_view(&whole.events), buf_view(&cut.events)));
	run_clear(&whole);
	run_clear(&cut);
	xml_parser_free(&p);
	xml_scratch_free(&s);
	return 0;
}
