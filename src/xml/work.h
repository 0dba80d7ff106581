/* An item (a stanza, a stream header, an end tag) under construction. Private to xml/.
 *
 * Offsets are into `raw`, or, with the bit XML_DECODED, into `text`; xml_work_finish() puts both into one
 * piece and makes plain offsets of all. Tokens are handled whole: one that is cut off, or wrong, leaves
 * no trace but `scan`. Growth is bounded by the limits: text never exceeds raw twice over plus the
 * namespaces of the header. */
#ifndef XML_WORK_H
#define XML_WORK_H

#include "base/mem.h"
#include "xml/parse.h"

#define XML_DECODED 0x80000000u
#define XML_UNSET UINT32_MAX /* namespace of an outer binding that this item has not used yet */

/* What is declared around the item: [0] no default namespace, [1] the prefix xml, then what the stream
 * header declares. */
enum { XML_OUTER_NONE, XML_OUTER_XML, XML_OUTER_OWN };
struct xml_outer {
	struct str prefix, ns;
	uint32_t same;
};

/* One block that an open stream keeps: its root's name as written and its declarations. */
struct xml_header {
	struct str name;
	uint32_t count;
	struct xml_outer outer[];
};

/* A declaration in force. The first ones mirror xml_outer, whose prefix counts then. */
struct xml_bind {
	uint32_t prefix, prefix_len; /* length 0: the default namespace */
	uint32_t ns, ns_len;
	uint32_t same; /* the first one with this namespace, itself if none: names are compared once, here */
};

struct xml_frame { /* an open element; [0] stands for what is around the item */
	uint32_t node;
	uint32_t name_len; /* as written, with its prefix */
	uint32_t binds;    /* to go back to at its end, as prefixes and def */
	uint32_t prefixes;
	uint32_t def;
	bool chain; /* it and all elements around it are in the root's namespace */
};

struct xml_work {
	const char *raw;
	uint32_t pos;       /* everything before is done */
	uint32_t scan;      /* the token at pos is known to be incomplete up to here; 0 = not known */
	char quote;         /* the one open at scan */
	enum xml_event why; /* after a failure */

	const struct xml_limits *limits;
	const struct xml_outer *outer;
	uint32_t outer_count;

	uint32_t depth;
	uint32_t def;       /* index of the default namespace's binding */
	uint32_t own_binds; /* bindings from here on are declared by the root's children or deeper */
	uint32_t prefixes;  /* bindings in force that are not defaults */
	uint32_t root_ns;   /* the root's namespace, as the first binding with it */
	bool outside;       /* as in struct xml_tree */

	struct xml_node *nodes;
	struct xml_attr *attrs;
	char *text;
	struct xml_frame *frames;
	struct xml_bind *binds;
	/* Counts that each tag saves are no neighbours: loading two at once just after one was stored alone
	 * makes the processor wait (a quarter of the time, when measured). */
	uint32_t attr_count, attr_cap, text_len, text_cap, bind_count, bind_cap, node_count, node_cap, frame_cap;
};

/* Nothing done yet. */
void xml_work_begin(struct xml_work *w, const struct xml_limits *limits, const struct xml_header *header);
void xml_work_clear(struct xml_work *w);
/* dest (zeroed) becomes a copy with arrays of just the size in use; its raw stays to be set. */
void xml_work_copy(struct xml_work *dest, const struct xml_work *w);
size_t xml_work_held(const struct xml_work *w); /* bytes of the arrays */
/* The tree, its bytes put together in *data (grown as needed); nodes and attributes stay in w. */
void xml_work_finish(struct xml_work *w, char **data, uint32_t *cap, struct xml_tree *ret);

/* Room for more; the callers have checked the limits. */
void xml_work_grow(void *array, uint32_t *cap, uint32_t need, size_t size);
static inline char *xml_work_text(struct xml_work *w, size_t n) /* n more bytes of decoded text; never NULL */
{
	if (w->text_cap - w->text_len <= n)
		xml_work_grow(&w->text, &w->text_cap, w->text_len + (uint32_t)n + 1, 1);
	return w->text + w->text_len;
}

static inline const char *xml_work_at(const struct xml_work *w, uint32_t off)
{
	return off & XML_DECODED ? w->text + (off & ~XML_DECODED) : w->raw + off;
}
static inline const char *xml_work_fail(struct xml_work *w, enum xml_event why)
{
	w->why = why;
	return NULL;
}

/* ns.c: namespaces. All return false and set w->why on failure. */

/* A declaration of the tag whose first own binding is `first`. The prefix is raw; value as decoded. */
bool xml_ns_declare(struct xml_work *w, uint32_t first, struct str prefix, uint32_t value, uint32_t value_len);
/* Finds prefix (not empty); *ret is the index of the binding. */
bool xml_ns_find(struct xml_work *w, struct str prefix, uint32_t *ret);
/* An outer binding's namespace becomes part of this item. */
void xml_ns_bring(struct xml_work *w, struct xml_bind *b);
/* Where the namespace of a binding is: one place for all that have the same. */
static inline uint32_t xml_ns_place(struct xml_work *w, uint32_t bind)
{
	struct xml_bind *b = &w->binds[w->binds[bind].same];
	if (b->ns == XML_UNSET)
		xml_ns_bring(w, b);
	return b->ns;
}
/* What the header just read declares, for the items in it. */
struct xml_header *xml_ns_header(const struct xml_work *w, struct str name);

/* decode.c: from p to end, already known to be legal characters; *ret is where it is in text. */
enum xml_decode { XML_DECODE_TEXT, XML_DECODE_VALUE, XML_DECODE_CDATA };
bool xml_decode(struct xml_work *w, enum xml_decode kind, const char *p, const char *end, uint32_t *ret,
	uint32_t *ret_len);

/* token.c */

/* Handles what begins at w->pos in the bytes up to end: a start tag at depth 0, then all that follows up
 * to its end. XML_STANZA when the element is complete, XML_MORE, or an error. */
enum xml_event xml_token_element(struct xml_work *w, const char *end);
/* A start tag only: XML_OPEN. */
enum xml_event xml_token_header(struct xml_work *w, const char *end, bool *ret_empty);
/* The header's end tag: XML_END. */
enum xml_event xml_token_footer(struct xml_work *w, const char *end, struct str name);

/* declare.c: an XML declaration; XML_OPEN when it is complete and right. */
enum xml_event xml_declaration(struct xml_work *w, const char *end);

#endif
