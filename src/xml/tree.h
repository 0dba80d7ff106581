/* An element and all that is in it, as flat arrays with offsets: no pointer inside, so it moves, is
 * copied, stored and freed as one piece. Nodes are in document order; the subtree of node i is
 * [i, nodes[i].end). `data` holds first the bytes as received (raw offsets point there), then decoded
 * text for what had references or line ends to normalise. */
#ifndef XML_TREE_H
#define XML_TREE_H

#include "base/buf.h"
#include "base/str.h"

enum { XML_NONE = 0 }; /* node 0 is the root, so as a child's or sibling's index it means "none" */

struct xml_node {
	uint32_t end;              /* index after the last descendant */
	uint32_t raw, raw_end;     /* bytes as received, tags included (text: as received) */
	uint32_t inner, inner_end; /* element: the raw bytes between its tags; equal when empty */
	uint32_t text, text_len;   /* text node: decoded text; element: its local name */
	uint32_t ns, ns_len;       /* element: namespace name, decoded; ns_len 0 = none */
	uint32_t attr;             /* index of the first attribute */
	uint16_t attr_count;
	bool is_text;
};

struct xml_attr {
	uint32_t name, name_len;   /* local name */
	uint32_t ns, ns_len;       /* namespace name; ns_len 0 = none. xmlns declarations are not attributes */
	uint32_t value, value_len; /* decoded and normalised */
};

struct xml_tree {
	const char *data;
	const struct xml_node *nodes;
	const struct xml_attr *attrs;
	uint32_t data_len, raw_len; /* raw_len <= data_len: decoded text begins there */
	uint32_t node_count, attr_count;
	/* An element in the root's namespace, as all around it are, goes with the root when that gets another
	 * one (jabber:client, jabber:server); every other element keeps its own. `outside` is true if the raw
	 * bytes of the root's children would not do that out of the stream: they use a prefix declared outside
	 * the root's children, a default namespace that is neither the root's own nor declared by themselves,
	 * declare the root's namespace for an element that goes with the root, or take it by default inside one
	 * that does not. Such a tree must be written anew with xml_write_inner(). */
	bool outside;
};

#define XML_ROOT 0u

static inline struct str xml_str(const struct xml_tree *t, uint32_t off, uint32_t n)
{
	return (struct str){t->data + off, n};
}
static inline struct str xml_name(const struct xml_tree *t, uint32_t i)
{
	return t->nodes[i].is_text ? STR_NONE : xml_str(t, t->nodes[i].text, t->nodes[i].text_len);
}
static inline struct str xml_ns(const struct xml_tree *t, uint32_t i)
{
	return xml_str(t, t->nodes[i].ns, t->nodes[i].ns_len);
}
static inline struct str xml_raw(const struct xml_tree *t, uint32_t i) /* the node as received */
{
	return xml_str(t, t->nodes[i].raw, t->nodes[i].raw_end - t->nodes[i].raw);
}
static inline struct str xml_inner(const struct xml_tree *t, uint32_t i) /* between its tags, as received */
{
	return xml_str(t, t->nodes[i].inner, t->nodes[i].inner_end - t->nodes[i].inner);
}

bool xml_is(const struct xml_tree *t, uint32_t i, const char *name, const char *ns);
/* First child element, next sibling element; XML_NONE at the end. */
uint32_t xml_first(const struct xml_tree *t, uint32_t parent);
uint32_t xml_next(const struct xml_tree *t, uint32_t parent, uint32_t i);
#define XML_EACH(i, t, parent) for (uint32_t i = xml_first(t, parent); i != XML_NONE; i = xml_next(t, parent, i))
/* First child element with this name (NULL: any) and namespace (NULL: any); XML_NONE. */
uint32_t xml_child(const struct xml_tree *t, uint32_t parent, const char *name, const char *ns);
/* Value of an attribute without namespace; STR_NONE if absent. */
struct str xml_attr(const struct xml_tree *t, uint32_t i, const char *name);
struct str xml_attr_ns(const struct xml_tree *t, uint32_t i, const char *name, const char *ns);
/* The character data directly inside: when it is one run, a view into the tree; else joined in tmp
 * (which must be an initialised buf). Empty text for an element without any. */
struct str xml_text(const struct xml_tree *t, uint32_t i, struct buf *tmp);
/* xml:lang in force at the root itself (its own attribute), STR_NONE if none. */
struct str xml_lang(const struct xml_tree *t, uint32_t i);

/* Copies into dest: `need` bytes (xml_tree_size) that begin at an address aligned for uint64_t; *ret
 * points into it. */
size_t xml_tree_size(const struct xml_tree *t);
void xml_tree_copy(const struct xml_tree *t, void *dest, struct xml_tree *ret);

#define XML_NS_XML "http://www.w3.org/XML/1998/namespace"

#endif
