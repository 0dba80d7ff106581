/* Namespaces in XML 1.0. */
#include "xml/scan.h"
#include "xml/work.h"

#define NS_XMLNS "http://www.w3.org/2000/xmlns/"

static struct str prefix_of(const struct xml_work *w, uint32_t i)
{
	if (i < w->outer_count)
		return w->outer[i].prefix;
	return (struct str){w->raw + w->binds[i].prefix, w->binds[i].prefix_len};
}

/* The rules about xml and xmlns, and that 1.0 cannot undeclare a prefix. */
static bool declarable(struct str prefix, struct str ns)
{
	if (str_is(ns, NS_XMLNS) || str_is(prefix, "xmlns"))
		return false;
	if (str_is(prefix, "xml") != str_is(ns, XML_NS_XML))
		return false;
	return prefix.n == 0 || ns.n > 0;
}

static bool declared_twice(const struct xml_work *w, uint32_t first, struct str prefix)
{
	for (uint32_t i = first; i < w->bind_count; i++)
		if (w->binds[i].prefix_len == prefix.n && str_eq(prefix_of(w, i), prefix))
			return true;
	return false;
}

static struct str ns_of(const struct xml_work *w, uint32_t i)
{
	if (i < w->outer_count)
		return w->outer[i].ns;
	return (struct str){xml_work_at(w, w->binds[i].ns), w->binds[i].ns_len};
}

/* Those before a binding stay in force at least as long. */
static uint32_t same_as(const struct xml_work *w, struct str ns)
{
	for (uint32_t i = 0; i < w->bind_count; i++)
		if (w->binds[i].ns_len == ns.n && str_eq(ns_of(w, i), ns))
			return i;
	return w->bind_count;
}

bool xml_ns_declare(struct xml_work *w, uint32_t first, struct str prefix, uint32_t value, uint32_t value_len)
{
	struct str ns = {xml_work_at(w, value), value_len};
	if (declared_twice(w, first, prefix) || !declarable(prefix, ns)) {
		w->why = XML_NOT_WELL_FORMED;
		return false;
	}
	if (prefix.n == 0)
		w->def = w->bind_count;
	else if (++w->prefixes > w->limits->attrs) {
		w->why = XML_TOO_BIG;
		return false;
	}
	if (w->bind_count == w->bind_cap)
		xml_work_grow(&w->binds, &w->bind_cap, w->bind_count + 1, sizeof(*w->binds));
	w->binds[w->bind_count] =
		(struct xml_bind){(uint32_t)(prefix.p - w->raw), (uint32_t)prefix.n, value, value_len, same_as(w, ns)};
	w->bind_count++;
	return true;
}

void xml_ns_bring(struct xml_work *w, struct xml_bind *b)
{
	memcpy(xml_work_text(w, b->ns_len), w->outer[b - w->binds].ns.p, b->ns_len);
	b->ns = XML_DECODED | w->text_len;
	w->text_len += b->ns_len;
}

bool xml_ns_find(struct xml_work *w, struct str prefix, uint32_t *ret)
{
	for (uint32_t i = w->bind_count; i-- > XML_OUTER_XML;) {
		if (w->binds[i].prefix_len != prefix.n || !str_eq(prefix_of(w, i), prefix))
			continue;
		*ret = i;
		return true;
	}
	w->why = XML_BAD_PREFIX;
	return false;
}

static char *put(char *to, struct str from, struct str *ret)
{
	memcpy(to, from.p, from.n);
	*ret = (struct str){to, from.n};
	return to + from.n;
}

struct xml_header *xml_ns_header(const struct xml_work *w, struct str name)
{
	uint32_t count = w->bind_count;
	size_t bytes = name.n;
	for (uint32_t i = XML_OUTER_OWN; i < count; i++)
		bytes += w->binds[i].prefix_len + w->binds[i].ns_len;
	struct xml_header *h = xmalloc(sizeof(*h) + count * sizeof(h->outer[0]) + bytes);
	memcpy(h->outer, w->outer, XML_OUTER_OWN * sizeof(h->outer[0]));
	char *at = put((char *)&h->outer[count], name, &h->name);
	for (uint32_t i = XML_OUTER_OWN; i < count; i++) {
		at = put(at, prefix_of(w, i), &h->outer[i].prefix);
		at = put(at, ns_of(w, i), &h->outer[i].ns);
		h->outer[i].same = w->binds[i].same;
	}
	h->count = count;
	return h;
}
