/* Tokens: tags, text, CDATA sections, the XML declaration.
 *
 * A token is read on the assumption that it is complete and right; the functions that read return where
 * it ends, or NULL and w->why. Only then one asks whether its end was there at all (settle()): by the
 * marks that end a token, which do not depend on what is in it, so any cut of the input finds the same
 * errors in the same order. */
#include "xml/chars.h"
#include "xml/scan.h"
#include "xml/work.h"

struct tag {
	const char *start; /* the '<' */
	const char *name, *local, *name_end;
	uint32_t attr, bind, text; /* counts before it */
	uint32_t prefixes, def;
	uint32_t prefixed; /* attributes with a prefix */
	uint32_t foreign;  /* those whose prefix is not xml */
	uint32_t declared; /* prefixes */
	bool empty;
};

/* One part of a name, without colon. */
static inline const char *part(struct xml_work *w, const char *p, const char *end)
{
	if (p == end)
		return xml_work_fail(w, XML_MORE);
	if (!xml_ch(*p, XML_CH_START)) {
		if (!xml_high(*p))
			return xml_work_fail(w, XML_NOT_WELL_FORMED);
		return xml_name_rest(p, end, true, &w->why);
	}
	p = xml_scan_name(p + 1, end);
	if (p < end && xml_high(*p))
		return xml_name_rest(p, end, false, &w->why);
	return p;
}

static inline const char *qname(struct xml_work *w, const char *p, const char *end, const char **ret_local)
{
	const char *start = p;
	*ret_local = p;
	p = part(w, p, end);
	if (p && p < end && *p == ':') {
		*ret_local = p + 1;
		p = part(w, p + 1, end);
	}
	if (p && (size_t)(p - start) > w->limits->name)
		return xml_work_fail(w, XML_TOO_BIG);
	return p;
}

/* On from what stopped the fast scan of a value; to its closing quote. */
static const char *value_slow(struct xml_work *w, const char *p, const char *end, char quote, bool *ret_decode)
{
	for (;;) {
		p = xml_scan_value(p, end, quote);
		if (p == end)
			return xml_work_fail(w, XML_MORE);
		if (*p == quote)
			return p;
		if (xml_high(*p)) {
			p = xml_utf8_run(p, end, &w->why);
			if (!p)
				return NULL;
		} else if (*p == '&' || xml_ch(*p, XML_CH_SPACE)) {
			*ret_decode = true;
			p++;
		} else {
			return xml_work_fail(w, XML_NOT_WELL_FORMED);
		}
	}
}

/* `=` and a quote, with white space around; at the quote. */
static const char *quote_slow(struct xml_work *w, const char *p, const char *end)
{
	p = xml_scan_space(p, end);
	if (p == end)
		return xml_work_fail(w, XML_MORE);
	if (*p != '=')
		return xml_work_fail(w, XML_NOT_WELL_FORMED);
	p = xml_scan_space(p + 1, end);
	if (p == end)
		return xml_work_fail(w, XML_MORE);
	return *p == '\'' || *p == '"' ? p : xml_work_fail(w, XML_NOT_WELL_FORMED);
}

/* `='value'`, behind it. */
static inline const char *value(struct xml_work *w, const char *p, const char *end, uint32_t *ret, uint32_t *ret_len)
{
	if (end - p > 1 && p[0] == '=' && (p[1] == '\'' || p[1] == '"'))
		p++;
	else if (!(p = quote_slow(w, p, end)))
		return NULL;
	char quote = *p;
	const char *start = ++p;
	p = xml_scan_value(p, end, quote);
	*ret = (uint32_t)(start - w->raw);
	*ret_len = (uint32_t)(p - start);
	if (p < end && *p == quote)
		return p + 1;
	bool decode = false;
	p = value_slow(w, p, end, quote, &decode);
	if (!p || (decode && !xml_decode(w, XML_DECODE_VALUE, start, p, ret, ret_len)))
		return NULL;
	if (!decode)
		*ret_len = (uint32_t)(p - start);
	return p + 1;
}

static bool attr_twice(const struct xml_work *w, uint32_t first, const char *name, uint32_t n)
{
	for (uint32_t i = first; i < w->attr_count; i++) {
		const struct xml_attr *a = &w->attrs[i];
		if (a->name_len == n && a->ns_len == 0 && w->raw[a->name] == *name &&
			memcmp(w->raw + a->name, name, n) == 0)
			return true;
	}
	return false;
}

static bool is_xmlns(const char *p, size_t n) { return n == 5 && memcmp(p, "xmlns", 5) == 0; }

static bool is_xml(const char *p, size_t n) { return n == 3 && memcmp(p, "xml", 3) == 0; }

/* With so many more attributes, the element as received and as written anew: then, each attribute with a
 * prefix may need a declaration. The default namespace does not count, as it is always one. */
static inline bool within_limit(struct xml_work *w, const struct tag *t, uint32_t more)
{
	uint32_t declared = t->declared > t->foreign ? t->declared : t->foreign;
	if (w->attr_count - t->attr + more + declared <= w->limits->attrs)
		return true;
	w->why = XML_TOO_BIG;
	return false;
}

/* An attribute or a declaration; behind it. Until the tag is complete, ns of an attribute with a prefix
 * is that prefix. */
static inline const char *attribute(struct xml_work *w, struct tag *t, const char *p, const char *end)
{
	const char *name = p, *local;
	const char *name_end = qname(w, p, end, &local);
	if (!name_end)
		return NULL;
	uint32_t at, len;
	p = value(w, name_end, end, &at, &len);
	if (!p)
		return NULL;
	size_t prefix = local == name ? 0 : (size_t)(local - name - 1), n = (size_t)(name_end - local);
	if (prefix ? is_xmlns(name, prefix) : is_xmlns(local, n)) {
		struct str declared = {local, prefix ? n : 0};
		t->declared += prefix > 0;
		return xml_ns_declare(w, t->bind, declared, at, len) && within_limit(w, t, 0) ? p : NULL;
	}
	t->prefixed += prefix > 0;
	t->foreign += prefix > 0 && !is_xml(name, prefix);
	if (!within_limit(w, t, 1))
		return NULL;
	if (!prefix && attr_twice(w, t->attr, local, (uint32_t)n))
		return xml_work_fail(w, XML_NOT_WELL_FORMED);
	if (w->attr_count == w->attr_cap)
		xml_work_grow(&w->attrs, &w->attr_cap, w->attr_count + 1, sizeof(*w->attrs));
	w->attrs[w->attr_count++] = (struct xml_attr){(uint32_t)(local - w->raw), (uint32_t)n,
		(uint32_t)(name - w->raw), (uint32_t)prefix, at, len};
	return p;
}

/* White space inside a tag, of which there must be some. */
static const char *gap(struct xml_work *w, const char *p, const char *end)
{
	return xml_ch(*p, XML_CH_SPACE) ? xml_scan_space(p, end) : xml_work_fail(w, XML_NOT_WELL_FORMED);
}

/* From '<' to behind '>', everything but what the names mean. */
static inline const char *tag_text(struct xml_work *w, struct tag *t, const char *p, const char *end)
{
	t->name = p + 1;
	p = qname(w, p + 1, end, &t->local);
	t->name_end = p;
	while (p && p < end) {
		if (*p == '>')
			return p + 1;
		if (*p == '/') {
			t->empty = true;
			if (end - p > 1 && p[1] == '>')
				return p + 2;
			return xml_work_fail(w, XML_NOT_WELL_FORMED);
		}
		if (*p == ' ' && end - p > 1 && xml_ch(p[1], XML_CH_START))
			p++; /* as nearly always */
		else if (!(p = gap(w, p, end)) || p == end || *p == '>' || *p == '/')
			continue;
		p = attribute(w, t, p, end);
	}
	return p ? xml_work_fail(w, XML_MORE) : NULL;
}

/* Two attributes with names that mean the same; namespaces that are the same are at the same place. */
static bool meant_twice(const struct xml_work *w, uint32_t first, const struct xml_attr *a)
{
	for (const struct xml_attr *o = w->attrs + first; o < a; o++)
		if (o->ns_len && o->ns == a->ns && o->name_len == a->name_len &&
			memcmp(w->raw + o->name, w->raw + a->name, a->name_len) == 0)
			return true;
	return false;
}

/* Attributes with prefixes: what they mean. */
static bool resolve_attrs(struct xml_work *w, uint32_t first)
{
	for (uint32_t i = first; i < w->attr_count; i++) {
		struct xml_attr *a = &w->attrs[i];
		uint32_t b;
		if (!a->ns_len)
			continue;
		if (!xml_ns_find(w, (struct str){w->raw + a->ns, a->ns_len}, &b))
			return false;
		a->ns = xml_ns_place(w, b);
		a->ns_len = w->binds[b].ns_len;
		if (meant_twice(w, first, a)) {
			w->why = XML_NOT_WELL_FORMED;
			return false;
		}
		if (w->depth > 0 && b < w->own_binds && w->binds[b].same != XML_OUTER_XML)
			w->outside = true;
	}
	return true;
}

/* Keeps track of struct xml_tree's `outside` for an element in binding b below the root; true if it and
 * all around it are in the root's namespace. */
static inline bool track(struct xml_work *w, uint32_t b, bool prefixed)
{
	bool own = b >= w->own_binds, around = w->frames[w->depth].chain;
	bool chain = around && w->binds[b].same == w->root_ns;
	if (own)
		w->outside |= chain;
	else if (prefixed)
		w->outside |= w->binds[b].same != XML_OUTER_XML;
	else
		w->outside |= !chain;
	return chain;
}

static inline void push(struct xml_work *w, const struct tag *t, bool chain)
{
	if (++w->depth == w->frame_cap)
		xml_work_grow(&w->frames, &w->frame_cap, w->depth + 1, sizeof(*w->frames));
	w->frames[w->depth] = (struct xml_frame){
		.node = w->node_count - 1,
		.name_len = (uint32_t)(t->name_end - t->name),
		.binds = t->bind,
		.prefixes = t->prefixes,
		.def = t->def,
		.chain = chain,
	};
}

static inline void drop_binds(struct xml_work *w, uint32_t binds, uint32_t prefixes, uint32_t def)
{
	w->bind_count = binds;
	w->prefixes = prefixes;
	w->def = def;
}

static inline struct xml_node *new_node(struct xml_work *w)
{
	if (w->node_count >= w->limits->nodes) {
		w->why = XML_TOO_BIG;
		return NULL;
	}
	if (w->node_count == w->node_cap)
		xml_work_grow(&w->nodes, &w->node_cap, w->node_count + 1, sizeof(*w->nodes));
	return &w->nodes[w->node_count++];
}

/* The tag t, which ends before p, becomes a node. */
static inline bool element(struct xml_work *w, const struct tag *t, const char *p)
{
	bool prefixed = t->local != t->name;
	uint32_t b = w->def;
	if (prefixed && !xml_ns_find(w, (struct str){t->name, (size_t)(t->local - t->name - 1)}, &b))
		return false;
	if (w->depth >= w->limits->depth) {
		w->why = XML_TOO_BIG;
		return false;
	}
	struct xml_node *n = new_node(w);
	if (!n)
		return false;
	uint32_t raw_end = (uint32_t)(p - w->raw);
	*n = (struct xml_node){
		.end = w->node_count,
		.raw = (uint32_t)(t->start - w->raw),
		.raw_end = raw_end,
		.inner = raw_end,
		.inner_end = raw_end,
		.text = (uint32_t)(t->local - w->raw),
		.text_len = (uint32_t)(t->name_end - t->local),
		.ns = xml_ns_place(w, b),
		.ns_len = w->binds[b].ns_len,
		.attr = t->attr,
		.attr_count = (uint16_t)(w->attr_count - t->attr),
	};
	bool chain = true;
	if (w->depth > 0) {
		chain = track(w, b, prefixed);
	} else {
		w->own_binds = w->bind_count;
		w->root_ns = w->binds[b].same;
	}
	if (!t->empty)
		push(w, t, chain);
	else if (w->depth > 0) /* a root's declarations are still asked for */
		drop_binds(w, t->bind, t->prefixes, t->def);
	return true;
}

static const char *start_tag(struct xml_work *w, const char *p, const char *end, bool *ret_empty)
{
	struct tag t = {
		.start = p,
		.attr = w->attr_count,
		.bind = w->bind_count,
		.text = w->text_len,
		.prefixes = w->prefixes,
		.def = w->def,
	};
	p = tag_text(w, &t, p, end);
	if (!p) {
		w->attr_count = t.attr;
		w->text_len = t.text;
		drop_binds(w, t.bind, t.prefixes, t.def);
		return NULL;
	}
	if ((t.prefixed && !resolve_attrs(w, t.attr)) || !element(w, &t, p))
		return NULL;
	if (ret_empty)
		*ret_empty = t.empty;
	return p;
}

/* `</name>` with a name of n bytes, yet to be compared; behind it. */
static inline const char *end_tag_of(struct xml_work *w, const char *p, const char *end, size_t n)
{
	p += 2;
	if ((size_t)(end - p) <= n)
		return xml_work_fail(w, XML_NOT_WELL_FORMED);
	p += n;
	if (*p != '>') {
		p = xml_scan_space(p, end);
		if (p == end || *p != '>')
			return xml_work_fail(w, XML_NOT_WELL_FORMED);
	}
	return p + 1;
}

static const char *end_tag(struct xml_work *w, const char *p, const char *end)
{
	const struct xml_frame *f = &w->frames[w->depth];
	struct xml_node *n = &w->nodes[f->node];
	const char *name = w->raw + n->raw + 1, *after = end_tag_of(w, p, end, f->name_len);
	if (!after)
		return NULL;
	if (!xml_same(p + 2, name, f->name_len, end))
		return xml_work_fail(w, XML_NOT_WELL_FORMED);
	n->end = w->node_count;
	n->inner_end = (uint32_t)(p - w->raw);
	n->raw_end = (uint32_t)(after - w->raw);
	drop_binds(w, f->binds, f->prefixes, f->def);
	w->depth--;
	return after;
}

/* The text node that ends where the token at p begins, if there is one. */
static struct xml_node *run_before(struct xml_work *w, const char *p)
{
	struct xml_node *n = &w->nodes[w->node_count - 1];
	return n->is_text && n->raw_end == (uint32_t)(p - w->raw) ? n : NULL;
}

/* More characters of the same run: n's text is brought to the end of what is decoded, to go on there. */
static bool more_text(struct xml_work *w, struct xml_node *n, enum xml_decode kind, const char *p, const char *end)
{
	if (n->text != (XML_DECODED | (w->text_len - n->text_len))) {
		char *to = xml_work_text(w, n->text_len);
		memcpy(to, xml_work_at(w, n->text), n->text_len);
		n->text = XML_DECODED | w->text_len;
		w->text_len += n->text_len;
	}
	uint32_t at, len;
	if (!xml_decode(w, kind, p, end, &at, &len))
		return false;
	n->text_len += len;
	return true;
}

/* Characters p to end, of a token from start to after. */
static const char *add_text(struct xml_work *w, enum xml_decode kind, bool decode, const char *p, const char *end,
	const char *start, const char *after)
{
	struct xml_node *n = run_before(w, start);
	if (n) {
		if (!more_text(w, n, kind, p, end))
			return NULL;
		n->raw_end = (uint32_t)(after - w->raw);
		return after;
	}
	uint32_t at = (uint32_t)(p - w->raw), len = (uint32_t)(end - p);
	if (len == 0)
		return after;
	if (decode && !xml_decode(w, kind, p, end, &at, &len))
		return NULL;
	n = new_node(w);
	if (!n)
		return NULL;
	*n = (struct xml_node){
		.end = w->node_count,
		.raw = (uint32_t)(start - w->raw),
		.raw_end = (uint32_t)(after - w->raw),
		.text = at,
		.text_len = len,
		.is_text = true,
	};
	return after;
}

/* On from what stopped the fast scan; to the '<' behind the text. */
static const char *text_slow(struct xml_work *w, const char *p, const char *end, bool *ret_decode)
{
	for (;;) {
		p = xml_scan_text(p, end);
		if (p == end)
			return xml_work_fail(w, XML_MORE);
		if (*p == '<')
			return p;
		if (xml_high(*p)) {
			p = xml_utf8_run(p, end, &w->why);
			if (!p)
				return NULL;
			continue;
		}
		if (*p == '&' || *p == '\r')
			*ret_decode = true;
		else if (*p == ']' ? end - p > 2 && p[1] == ']' && p[2] == '>' : !xml_ch(*p, XML_CH_SPACE))
			return xml_work_fail(w, XML_NOT_WELL_FORMED);
		p++;
	}
}

static const char *text(struct xml_work *w, const char *start, const char *end)
{
	bool decode = false;
	const char *p = xml_scan_text(start, end);
	if (p == end || *p != '<') {
		p = text_slow(w, p, end, &decode);
		if (!p)
			return NULL;
	}
	return add_text(w, XML_DECODE_TEXT, decode, start, p, start, p);
}

static const char cdata_begin[] = {'<', '!', '[', 'C', 'D', 'A', 'T', 'A', '['};

/* What `<!...` is: XML_OPEN for a CDATA section, XML_MORE for what may become one, or an error. */
static enum xml_event bang_kind(const char *p, const char *end)
{
	size_t n = (size_t)(end - p);
	if (n > 2 && (p[2] == '-' || (p[2] >= 'A' && p[2] <= 'Z')))
		return XML_RESTRICTED;
	if (memcmp(p, cdata_begin, n < sizeof(cdata_begin) ? n : sizeof(cdata_begin)) != 0)
		return XML_NOT_WELL_FORMED;
	return n < sizeof(cdata_begin) ? XML_MORE : XML_OPEN;
}

/* Behind `<![CDATA[`: to the `]]>`. */
static const char *cdata_end(struct xml_work *w, const char *p, const char *end, bool *ret_decode)
{
	for (;;) {
		p = xml_scan_text(p, end);
		if (p == end)
			return xml_work_fail(w, XML_MORE);
		if (xml_high(*p)) {
			p = xml_utf8_run(p, end, &w->why);
			if (!p)
				return NULL;
			continue;
		}
		if (*p == ']' && end - p > 2 && p[1] == ']' && p[2] == '>')
			return p;
		if (*p == '\r')
			*ret_decode = true;
		else if ((uint8_t)*p < 0x20 && !xml_ch(*p, XML_CH_SPACE))
			return xml_work_fail(w, XML_NOT_WELL_FORMED);
		p++;
	}
}

static const char *bang(struct xml_work *w, const char *start, const char *end)
{
	enum xml_event kind = bang_kind(start, end);
	if (kind != XML_OPEN)
		return xml_work_fail(w, kind);
	bool decode = false;
	const char *p = start + sizeof(cdata_begin), *stop = cdata_end(w, p, end, &decode);
	if (!stop)
		return NULL;
	return add_text(w, XML_DECODE_CDATA, decode, p, stop, start, stop + 3);
}

static inline const char *token(struct xml_work *w, const char *p, const char *end)
{
	if (*p != '<')
		return text(w, p, end);
	if (end - p < 2)
		return xml_work_fail(w, XML_MORE);
	if (p[1] == '/')
		return end_tag(w, p, end);
	if (p[1] == '!')
		return bang(w, p, end);
	if (p[1] == '?')
		return xml_work_fail(w, XML_RESTRICTED);
	return start_tag(w, p, end, NULL);
}

/* A tag ends with a '>' outside quotes. A '<' ends it too: it has no place in it, in quotes or not. */
static bool tag_complete(struct xml_work *w, bool quotes, const char *end)
{
	for (const char *p = w->raw + w->scan; p < end; p++) {
		if (*p == '<' || (*p == '>' && !w->quote))
			return true;
		if (w->quote ? *p == w->quote : quotes && (*p == '\'' || *p == '"'))
			w->quote = w->quote ? 0 : *p;
	}
	return false;
}

static bool bang_complete(const struct xml_work *w, const char *p, const char *end)
{
	enum xml_event kind = bang_kind(p, end);
	if (kind != XML_OPEN)
		return kind != XML_MORE;
	const char *from = w->raw + w->scan - 2; /* where the beginning of a `]]>` may have been */
	if (from < p + sizeof(cdata_begin))
		from = p + sizeof(cdata_begin);
	return memmem(from, (size_t)(end - from), "]]>", 3);
}

/* Is the end of the token at p among the bytes up to end? Goes on where it stopped the last time. An error
 * that shows in the first bytes is an end. */
static bool complete(struct xml_work *w, const char *p, const char *end)
{
	if (w->scan == 0) {
		w->scan = (uint32_t)(p - w->raw) + 1;
		w->quote = 0;
	}
	bool yes = false;
	if (*p != '<')
		yes = memchr(w->raw + w->scan, '<', (size_t)(end - w->raw) - w->scan);
	else if (end - p > 1)
		yes = p[1] == '?' || (p[1] == '!' ? bang_complete(w, p, end) : tag_complete(w, p[1] != '/', end));
	w->scan = yes ? 0 : (uint32_t)(end - w->raw);
	return yes;
}

/* After a failed reading of the token at p: did it fail because its end is missing? */
static enum xml_event settle(struct xml_work *w, const char *p, const char *end)
{
	enum xml_event why = w->why;
	if (!complete(w, p, end))
		return XML_MORE;
	return why == XML_MORE ? XML_NOT_WELL_FORMED : why;
}

enum xml_event xml_token_element(struct xml_work *w, const char *end)
{
	const char *p = w->raw + w->pos;
	if (w->scan && !complete(w, p, end))
		return XML_MORE;
	do {
		if (p == end)
			return XML_MORE;
		const char *after = token(w, p, end);
		if (!after)
			return settle(w, p, end);
		w->pos = (uint32_t)(after - w->raw);
		p = after;
	} while (w->depth);
	return XML_STANZA;
}

enum xml_event xml_token_header(struct xml_work *w, const char *end, bool *ret_empty)
{
	if (w->scan && !complete(w, w->raw, end))
		return XML_MORE;
	const char *after = start_tag(w, w->raw, end, ret_empty);
	if (!after)
		return settle(w, w->raw, end);
	w->pos = (uint32_t)(after - w->raw);
	return XML_OPEN;
}

enum xml_event xml_token_footer(struct xml_work *w, const char *end, struct str name)
{
	if (w->scan && !complete(w, w->raw, end))
		return XML_MORE;
	const char *after = end_tag_of(w, w->raw, end, name.n);
	if (after && memcmp(w->raw + 2, name.p, name.n) != 0)
		after = xml_work_fail(w, XML_NOT_WELL_FORMED);
	if (!after)
		return settle(w, w->raw, end);
	w->pos = (uint32_t)(after - w->raw);
	return XML_END;
}
