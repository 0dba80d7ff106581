#include "xml/tree.h"

bool xml_is(const struct xml_tree *t, uint32_t i, const char *name, const char *ns)
{
	return !t->nodes[i].is_text && (!name || str_is(xml_name(t, i), name)) && (!ns || str_is(xml_ns(t, i), ns));
}

/* The first element from i on, before end. */
static uint32_t element_from(const struct xml_tree *t, uint32_t i, uint32_t end)
{
	while (i < end && t->nodes[i].is_text)
		i++;
	return i < end ? i : XML_NONE;
}

uint32_t xml_first(const struct xml_tree *t, uint32_t parent)
{
	return element_from(t, parent + 1, t->nodes[parent].end);
}

uint32_t xml_next(const struct xml_tree *t, uint32_t parent, uint32_t i)
{
	return element_from(t, t->nodes[i].end, t->nodes[parent].end);
}

uint32_t xml_child(const struct xml_tree *t, uint32_t parent, const char *name, const char *ns)
{
	XML_EACH(i, t, parent)
		if (xml_is(t, i, name, ns))
			return i;
	return XML_NONE;
}

struct str xml_attr_ns(const struct xml_tree *t, uint32_t i, const char *name, const char *ns)
{
	const struct xml_attr *a = t->attrs + t->nodes[i].attr;
	for (uint32_t n = t->nodes[i].attr_count; n-- > 0; a++)
		if (str_is(xml_str(t, a->name, a->name_len), name) && str_is(xml_str(t, a->ns, a->ns_len), ns))
			return xml_str(t, a->value, a->value_len);
	return STR_NONE;
}

struct str xml_attr(const struct xml_tree *t, uint32_t i, const char *name) { return xml_attr_ns(t, i, name, ""); }

struct str xml_text(const struct xml_tree *t, uint32_t i, struct buf *tmp)
{
	const struct xml_node *n = &t->nodes[i];
	struct str only = STR("");
	uint32_t runs = 0;
	if (n->is_text)
		return xml_str(t, n->text, n->text_len);
	for (uint32_t k = i + 1; k < n->end; k = t->nodes[k].end) {
		if (!t->nodes[k].is_text)
			continue;
		struct str text = xml_str(t, t->nodes[k].text, t->nodes[k].text_len);
		if (runs == 1) {
			buf_reset(tmp);
			buf_str(tmp, only);
		}
		if (runs++ == 0)
			only = text;
		else
			buf_str(tmp, text);
	}
	return runs > 1 ? buf_view(tmp) : only;
}

struct str xml_lang(const struct xml_tree *t, uint32_t i) { return xml_attr_ns(t, i, "lang", XML_NS_XML); }

size_t xml_tree_size(const struct xml_tree *t)
{
	return t->node_count * sizeof(*t->nodes) + t->attr_count * sizeof(*t->attrs) + t->data_len;
}

static void *put(void **to, const void *p, size_t n)
{
	void *start = *to;
	if (n)
		memcpy(start, p, n);
	*to = (char *)start + n;
	return start;
}

void xml_tree_copy(const struct xml_tree *t, void *dest, struct xml_tree *ret)
{
	struct xml_tree copy = *t;
	copy.nodes = put(&dest, t->nodes, t->node_count * sizeof(*t->nodes));
	copy.attrs = put(&dest, t->attrs, t->attr_count * sizeof(*t->attrs));
	copy.data = put(&dest, t->data, t->data_len);
	*ret = copy;
}
