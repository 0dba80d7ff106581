#include "xml/write.h"

#include "base/mem.h"
#include "xml/chars.h"
#include "xml/scan.h"

/* Replacements; in text, the quotes and the white space that values must hide may stay. */
static const char *const escapes[128] = {
	['&'] = "&amp;",
	['<'] = "&lt;",
	['>'] = "&gt;",
	['\r'] = "&#13;",
	['\''] = "&apos;",
	['"'] = "&quot;",
	['\t'] = "&#9;",
	['\n'] = "&#10;",
};
static const bool plain_in_text[128] = {['\''] = true, ['"'] = true, ['\t'] = true, ['\n'] = true};

#define REPLACEMENT "\xef\xbf\xbd"

/* The character at p < end: what to write for it, or NULL if it may stay; *ret_n is its length. */
static const char *escape(const char *p, const char *end, bool value, unsigned *ret_n)
{
	uint32_t c = 0;
	unsigned n = xml_utf8_get(p, end, &c);
	*ret_n = n ? n : 1;
	if (n == 0 || !xml_is_char(c))
		return REPLACEMENT;
	return c < 0x80 && (value || !plain_in_text[c]) ? escapes[c] : NULL;
}

static void put_escaped(struct buf *out, struct str text, bool value)
{
	if (!text.n)
		return;
	const char *p = text.p, *end = p + text.n, *done = p;
	while (p < end) {
		unsigned n;
		if (!xml_ch(*p, XML_CH_WRITE)) {
			p++;
			continue;
		}
		const char *instead = escape(p, end, value, &n);
		if (instead) {
			buf_add(out, done, (size_t)(p - done));
			buf_z(out, instead);
			done = p + n;
		}
		p += n;
	}
	buf_add(out, done, (size_t)(end - done));
}

void xml_escape(struct buf *out, struct str text) { put_escaped(out, text, true); }

void xml_put_attr(struct buf *out, const char *name, struct str value)
{
	if (!value.p)
		return;
	buf_char(out, ' ');
	buf_z(out, name);
	buf_z(out, "='");
	put_escaped(out, value, true);
	buf_char(out, '\'');
}

void xml_put_open(struct buf *out, const char *name, const char *ns)
{
	buf_char(out, '<');
	buf_z(out, name);
	xml_put_attr(out, "xmlns", str_z(ns));
}

void xml_put_close(struct buf *out, const char *name)
{
	buf_z(out, "</");
	buf_z(out, name);
	buf_char(out, '>');
}

void xml_put_text(struct buf *out, const char *name, struct str text)
{
	xml_put_open(out, name, NULL);
	buf_char(out, '>');
	put_escaped(out, text, false);
	xml_put_close(out, name);
}

/* Prefixes in force: number i stands for the i-th namespace. */
struct writer {
	struct buf *out;
	const struct xml_tree *t;
	struct str *known;
	uint32_t count, cap;
};

/* Declares a prefix unless one is in force; its number. */
static uint32_t prefix_for(struct writer *w, struct str ns)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (str_eq(w->known[i], ns))
			return i;
	if (w->count == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 4;
		w->known = xrealloc(w->known, w->cap * sizeof(*w->known));
	}
	w->known[w->count] = ns;
	buf_fmt(w->out, " xmlns:a%u='", (unsigned)w->count);
	put_escaped(w->out, ns, true);
	buf_char(w->out, '\'');
	return w->count++;
}

static void put_attrs(struct writer *w, uint32_t i)
{
	const struct xml_attr *a = w->t->attrs + w->t->nodes[i].attr;
	for (uint32_t n = w->t->nodes[i].attr_count; n > 0; n--, a++) {
		struct str ns = xml_str(w->t, a->ns, a->ns_len);
		if (ns.n == 0)
			buf_char(w->out, ' ');
		else if (str_is(ns, XML_NS_XML))
			buf_z(w->out, " xml:");
		else
			buf_fmt(w->out, " a%u:", (unsigned)prefix_for(w, ns));
		buf_str(w->out, xml_str(w->t, a->name, a->name_len));
		buf_z(w->out, "='");
		put_escaped(w->out, xml_str(w->t, a->value, a->value_len), true);
		buf_char(w->out, '\'');
	}
}

static void put_inner(struct writer *w, uint32_t i, struct str inherited);

static void put_element(struct writer *w, uint32_t i, struct str inherited)
{
	struct str ns = xml_ns(w->t, i), name = xml_name(w->t, i);
	uint32_t known = w->count;
	/* This one may not be a default namespace; what is inside declares its own then. */
	const char *prefix = str_is(ns, XML_NS_XML) ? "xml:" : "";
	buf_char(w->out, '<');
	buf_z(w->out, prefix);
	buf_str(w->out, name);
	if (!*prefix && !str_eq(ns, inherited))
		xml_put_attr(w->out, "xmlns", ns);
	put_attrs(w, i);
	if (w->t->nodes[i].end == i + 1) {
		buf_z(w->out, "/>");
	} else {
		buf_char(w->out, '>');
		put_inner(w, i, ns);
		buf_z(w->out, "</");
		buf_z(w->out, prefix);
		buf_str(w->out, name);
		buf_char(w->out, '>');
	}
	w->count = known;
}

static void put_node(struct writer *w, uint32_t i, struct str inherited)
{
	const struct xml_node *n = &w->t->nodes[i];
	if (n->is_text)
		put_escaped(w->out, xml_str(w->t, n->text, n->text_len), false);
	else if (buf_ok(w->out)) /* else the rest would be work for nothing */
		put_element(w, i, inherited);
}

static void put_inner(struct writer *w, uint32_t i, struct str inherited)
{
	for (uint32_t k = i + 1; k < w->t->nodes[i].end; k = w->t->nodes[k].end)
		put_node(w, k, inherited);
}

void xml_write_node(struct buf *out, const struct xml_tree *t, uint32_t i, struct str inherited)
{
	struct writer w = {.out = out, .t = t};
	put_node(&w, i, inherited);
	xfree(w.known);
}

void xml_write_inner(struct buf *out, const struct xml_tree *t, uint32_t i, struct str inherited)
{
	struct writer w = {.out = out, .t = t};
	put_inner(&w, i, inherited);
	xfree(w.known);
}
