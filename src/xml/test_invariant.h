/* Invariant S, as far as it is the business of this folder: what is inside a stanza, taken out of its
 * stream and put into another stanza, means the same; elements in the content namespace get the new one.
 * For tests and fuzzing. */
#ifndef XML_TEST_INVARIANT_H
#define XML_TEST_INVARIANT_H

#include "base/mem.h"
#include "xml/parse.h"
#include "xml/test_dump.h"
#include "xml/write.h"

/* The dump of node i as it should be inside another root: `chain` says that all around it are in the root's
 * namespace. */
static inline void dump_moved(struct buf *out, const struct xml_tree *t, uint32_t i, bool chain, struct str content)
{
	const struct xml_node *n = &t->nodes[i];
	if (n->is_text) {
		dump_node(out, t, i);
		return;
	}
	chain = chain && str_eq(xml_ns(t, i), xml_ns(t, XML_ROOT)) && !str_is(xml_ns(t, i), XML_NS_XML);
	dump_start_as(out, t, i, chain ? content : xml_ns(t, i));
	for (uint32_t k = i + 1; k < n->end; k = t->nodes[k].end)
		dump_moved(out, t, k, chain, content);
	buf_char(out, '>');
}

static inline void dump_children(struct buf *out, const struct xml_tree *t, const struct str *content)
{
	for (uint32_t k = 1; k < t->node_count; k = t->nodes[k].end)
		if (content)
			dump_moved(out, t, k, true, *content);
		else
			dump_node(out, t, k);
}

/* What a stanza in `content` would have inside: the bytes as received, or written anew if need be. */
static inline void moved_text(struct buf *out, const struct xml_tree *t, const char *content)
{
	buf_z(out, "<message xmlns='");
	buf_z(out, content);
	buf_z(out, "'>");
	if (t->outside)
		xml_write_inner(out, t, XML_ROOT, xml_ns(t, XML_ROOT));
	else
		buf_str(out, xml_inner(t, XML_ROOT));
	buf_z(out, "</message>");
}

/* False if the invariant does not hold; *ret_expected and *ret_got (to be cleared) tell. Text too long for
 * any stanza is left out. */
static inline bool invariant_holds(const struct xml_tree *t, const char *content, struct buf *ret_expected,
	struct buf *ret_got)
{
	struct buf text;
	struct str ns = str_z(content);
	void *block = NULL;
	struct xml_tree moved;
	buf_init(&text, 1 << 22);
	buf_init(ret_expected, SIZE_MAX / 2);
	buf_init(ret_got, SIZE_MAX / 2);
	moved_text(&text, t, content);
	if (!buf_ok(&text)) {
		buf_clear(&text);
		return true;
	}
	dump_children(ret_expected, t, &ns);
	if (xml_parse_all(buf_view(&text), &block, &moved) < 0)
		buf_fmt(ret_got, "refused: %.*s", STR_FMT(buf_view(&text)));
	else
		dump_children(ret_got, &moved, NULL);
	xfree(block);
	buf_clear(&text);
	return str_eq(buf_view(ret_expected), buf_view(ret_got));
}

#endif
