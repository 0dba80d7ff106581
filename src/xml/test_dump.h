/* A tree in one written form that tells every difference but how it was written. For tests. */
#ifndef XML_TEST_DUMP_H
#define XML_TEST_DUMP_H

#include "base/buf.h"
#include "base/mem.h"
#include "xml/parse.h"

static const char *const event_names[] = {
	[XML_MORE] = "more",
	[XML_OPEN] = "open",
	[XML_STANZA] = "stanza",
	[XML_END] = "end",
	[XML_NOT_WELL_FORMED] = "not-well-formed",
	[XML_BAD_UTF8] = "bad-utf8",
	[XML_BAD_PREFIX] = "bad-prefix",
	[XML_RESTRICTED] = "restricted",
	[XML_TOO_BIG] = "too-big",
};

/* Every string with its length, so no two trees look the same. */
static inline void dump_str(struct buf *out, char mark, struct str s)
{
	buf_fmt(out, "%c%zu:", mark, s.n);
	buf_str(out, s);
}

static inline void dump_start_as(struct buf *out, const struct xml_tree *t, uint32_t i, struct str ns)
{
	const struct xml_node *n = &t->nodes[i];
	dump_str(out, '<', ns);
	dump_str(out, '|', xml_name(t, i));
	for (const struct xml_attr *a = t->attrs + n->attr; a < t->attrs + n->attr + n->attr_count; a++) {
		dump_str(out, '@', xml_str(t, a->ns, a->ns_len));
		dump_str(out, '|', xml_str(t, a->name, a->name_len));
		dump_str(out, '=', xml_str(t, a->value, a->value_len));
	}
}

static inline void dump_start(struct buf *out, const struct xml_tree *t, uint32_t i)
{
	dump_start_as(out, t, i, xml_ns(t, i));
}

static inline void dump_node(struct buf *out, const struct xml_tree *t, uint32_t i)
{
	const struct xml_node *n = &t->nodes[i];
	if (n->is_text) {
		dump_str(out, '"', xml_str(t, n->text, n->text_len));
		return;
	}
	dump_start(out, t, i);
	for (uint32_t k = i + 1; k < n->end; k = t->nodes[k].end)
		dump_node(out, t, k);
	buf_char(out, '>');
}

/* Everything a tree says, and that its offsets are sound. */
static inline void dump_tree(struct buf *out, const struct xml_tree *t)
{
	must(t->nodes[XML_ROOT].end == t->node_count && t->raw_len <= t->data_len);
	must(t->nodes[XML_ROOT].raw == 0 && t->nodes[XML_ROOT].raw_end == t->raw_len);
	for (uint32_t i = 0; i < t->node_count; i++) {
		const struct xml_node *n = &t->nodes[i];
		must(n->raw < n->raw_end && n->raw_end <= t->raw_len && n->end > i && n->end <= t->node_count);
		must(n->is_text || (n->raw < n->inner && n->inner <= n->inner_end && n->inner_end <= n->raw_end));
		must(n->text <= t->data_len && n->text_len <= t->data_len - n->text);
		must(n->ns <= t->data_len && n->ns_len <= t->data_len - n->ns);
		must(n->attr + n->attr_count <= t->attr_count);
		buf_fmt(out, " %u-%u(%u-%u)>%u@%u", n->raw, n->raw_end, n->inner, n->inner_end, n->end, n->attr);
	}
	buf_fmt(out, " %u@%u", t->data_len, t->attr_count);
	dump_str(out, ' ', xml_raw(t, XML_ROOT));
	dump_node(out, t, XML_ROOT);
	buf_z(out, t->outside ? " outside" : "");
}

#endif
