#include "xml/work.h"

static const struct xml_outer no_header[XML_OUTER_OWN] = {
	[XML_OUTER_NONE] = {STR(""), STR(""), XML_OUTER_NONE},
	[XML_OUTER_XML] = {STR("xml"), STR(XML_NS_XML), XML_OUTER_XML},
};

enum { FIRST_CAP = 16 };

void xml_work_grow(void *array, uint32_t *cap, uint32_t need, size_t size)
{
	void *p;
	memcpy(&p, array, sizeof(p)); /* any pointer type, so no aliasing through void ** */
	uint32_t n = *cap < FIRST_CAP ? FIRST_CAP : *cap * 2;
	if (n < need)
		n = need;
	p = xrealloc(p, n * size);
	memcpy(array, &p, sizeof(p));
	*cap = n;
}

static void take_outer(struct xml_work *w)
{
	if (w->bind_cap < w->outer_count)
		xml_work_grow(&w->binds, &w->bind_cap, w->outer_count, sizeof(*w->binds));
	for (uint32_t i = 0; i < w->outer_count; i++) {
		const struct xml_outer *o = &w->outer[i];
		w->binds[i] = (struct xml_bind){0, (uint32_t)o->prefix.n, XML_UNSET, (uint32_t)o->ns.n, o->same};
		if (o->prefix.n == 0)
			w->def = i;
	}
	w->binds[XML_OUTER_NONE].ns = 0;
	w->bind_count = w->outer_count;
	w->prefixes = w->outer_count - XML_OUTER_OWN - (w->def != XML_OUTER_NONE);
}

void xml_work_begin(struct xml_work *w, const struct xml_limits *limits, const struct xml_header *header)
{
	w->pos = w->scan = 0;
	w->quote = 0;
	w->limits = limits;
	w->outer = header ? header->outer : no_header;
	w->outer_count = header ? header->count : XML_OUTER_OWN;
	w->depth = 0;
	w->outside = false;
	w->node_count = w->attr_count = w->text_len = 0;
	if (!w->frame_cap)
		xml_work_grow(&w->frames, &w->frame_cap, 1, sizeof(*w->frames));
	take_outer(w);
}

void xml_work_clear(struct xml_work *w)
{
	xfree(w->nodes);
	xfree(w->attrs);
	xfree(w->text);
	xfree(w->frames);
	xfree(w->binds);
	memset(w, 0, sizeof(*w));
}

static void *copy(const void *p, uint32_t n, size_t size, uint32_t *ret_cap)
{
	*ret_cap = n;
	return n ? xmemdup(p, n * size) : NULL;
}

void xml_work_copy(struct xml_work *dest, const struct xml_work *w)
{
	*dest = *w;
	dest->nodes = copy(w->nodes, w->node_count, sizeof(*w->nodes), &dest->node_cap);
	dest->attrs = copy(w->attrs, w->attr_count, sizeof(*w->attrs), &dest->attr_cap);
	dest->text = copy(w->text, w->text_len, 1, &dest->text_cap);
	dest->frames = copy(w->frames, w->depth + 1, sizeof(*w->frames), &dest->frame_cap);
	dest->binds = copy(w->binds, w->bind_count, sizeof(*w->binds), &dest->bind_cap);
}

size_t xml_work_held(const struct xml_work *w)
{
	return w->node_cap * sizeof(*w->nodes) + w->attr_cap * sizeof(*w->attrs) + w->text_cap +
		w->frame_cap * sizeof(*w->frames) + w->bind_cap * sizeof(*w->binds);
}

/* A decoded offset has its place behind the raw bytes; without a branch, as it is as likely as not. */
static inline uint32_t place(uint32_t off, uint32_t raw_len)
{
	return off + ((0u - (off >> 31)) & (raw_len + XML_DECODED));
}

static void place_all(struct xml_work *w, uint32_t raw_len)
{
	for (uint32_t i = 0; i < w->node_count; i++) {
		w->nodes[i].text = place(w->nodes[i].text, raw_len);
		w->nodes[i].ns = place(w->nodes[i].ns, raw_len);
	}
	for (uint32_t i = 0; i < w->attr_count; i++) {
		w->attrs[i].ns = place(w->attrs[i].ns, raw_len);
		w->attrs[i].value = place(w->attrs[i].value, raw_len);
	}
}

static const struct xml_attr no_attr; /* so that a tree without any has an address to add 0 to */

void xml_work_finish(struct xml_work *w, char **data, uint32_t *cap, struct xml_tree *ret)
{
	uint32_t raw_len = w->pos, len = raw_len + w->text_len;
	if (*cap < len)
		xml_work_grow(data, cap, len, 1);
	memcpy(*data, w->raw, raw_len);
	if (w->text_len) {
		memcpy(*data + raw_len, w->text, w->text_len);
		place_all(w, raw_len);
	}
	*ret = (struct xml_tree){
		.data = *data,
		.nodes = w->nodes,
		.attrs = w->attrs ? w->attrs : &no_attr,
		.data_len = len,
		.raw_len = raw_len,
		.node_count = w->node_count,
		.attr_count = w->attr_count,
		.outside = w->outside,
	};
}
