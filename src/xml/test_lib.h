/* What several tests of this folder do: run a parser over a text cut into pieces, and write down what it
 * says. */
#ifndef XML_TEST_LIB_H
#define XML_TEST_LIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "xml/parse.h"
#include "xml/test_dump.h"

/* One event, written to out unless it is XML_MORE. */
static inline enum xml_event run_event(struct xml_parser *p, struct str *in, struct buf *out)
{
	struct xml_tree t;
	memset(&t, 0xee, sizeof(t));
	enum xml_event e = xml_parse(p, in, &t);
	if (e == XML_MORE)
		assert_int_equal(in->n, 0);
	else
		buf_fmt(out, "%s", event_names[e]);
	if (e == XML_OPEN || e == XML_STANZA)
		dump_tree(out, &t);
	buf_z(out, e == XML_MORE ? "" : "\n");
	return e;
}

/* Gives the bytes to the parser in a block of just their size, so that reading beyond is seen. */
static inline enum xml_event run_piece(struct xml_parser *p, const char *bytes, size_t n, struct buf *out)
{
	char *piece = n ? xmemdup(bytes, n) : xmalloc(1);
	struct str in = {piece, n};
	enum xml_event e;
	do
		e = run_event(p, &in, out);
	while (e != XML_MORE && e < XML_NOT_WELL_FORMED);
	xfree(piece);
	return e;
}

/* Two cuts and, in between, steps of `step` bytes. */
static inline enum xml_event run_cut(struct xml_parser *p, struct str text, size_t first, size_t step, struct buf *out)
{
	enum xml_event e = XML_MORE;
	for (size_t at = 0, n = first; at < text.n && e == XML_MORE; at += n, n = step)
		e = run_piece(p, text.p + at, n = n < text.n - at ? n : text.n - at, out);
	buf_fmt(out, "last: %s", event_names[e]);
	return e;
}

/* How the whole text ends (XML_MORE: with nothing complete); its events are appended to out. */
static inline enum xml_event run_text(enum xml_mode mode, const struct xml_limits *limits, struct str text,
	size_t first, size_t step, struct buf *out)
{
	struct xml_scratch *s = xml_scratch_new();
	struct xml_parser *p = xml_parser_new(s, mode, limits);
	enum xml_event e = run_cut(p, text, first, step, out);
	xml_parser_free(&p);
	xml_scratch_free(&s);
	return e;
}

static inline void assert_same(const struct buf *a, const struct buf *b, struct str text)
{
	if (str_eq(buf_view(a), buf_view(b)))
		return;
	fail_msg("differs for %.*s\n--- one:\n%.*s\n--- other:\n%.*s", STR_FMT(text), (int)a->n, a->p, (int)b->n, b->p);
}

/* All positions of one cut, and all small steps, give what the whole gives. */
static inline enum xml_event run_all_cuts(enum xml_mode mode, const struct xml_limits *limits, struct str text)
{
	struct buf whole, cut;
	buf_init(&whole, 1 << 26);
	buf_init(&cut, 1 << 26);
	enum xml_event e = run_text(mode, limits, text, text.n, text.n, &whole);
	for (size_t at = 1; at < text.n; at++) {
		buf_reset(&cut);
		run_text(mode, limits, text, at, text.n, &cut);
		assert_same(&whole, &cut, text);
	}
	for (size_t step = 1; step < 18; step++) {
		buf_reset(&cut);
		run_text(mode, limits, text, step, step, &cut);
		assert_same(&whole, &cut, text);
	}
	buf_clear(&whole);
	buf_clear(&cut);
	return e;
}

#endif
