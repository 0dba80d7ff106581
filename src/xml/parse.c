#include "xml/parse.h"

#include "base/err.h"
#include "xml/scan.h"
#include "xml/work.h"

const struct xml_limits xml_limits_default = {
	.stanza = 256 * 1024,
	.depth = 64,
	.attrs = 64,
	.name = 512,
	.nodes = 16384,
};

/* The tree says counts of attributes in 16 bits, and offsets need the top bit and room for decoded text. */
enum { MAX_STANZA = 1 << 29, MAX_ATTRS = UINT16_MAX };

/* How many more bytes are taken at once while an item is held; doubled while it is not complete. */
enum { FIRST_STEP = 512, MAX_STEP = 1 << 20 };

/* An item whose end has not come yet. */
struct held {
	struct xml_work work;
	uint32_t len, cap;
	char *raw;
};

struct xml_scratch {
	struct xml_work work; /* of items that are complete in the caller's bytes */
	char *data;
	uint32_t data_cap;
	struct held *done; /* has the arrays of the tree that was given out last */
};

/*
 *   START --BOM--> MARKED    START, MARKED --declaration, white space--> PROLOG
 *   START, MARKED, PROLOG --root's start tag--> INSIDE (EMPTY for `<root/>`) --its end--> AFTER   XML_STREAM
 *   START, MARKED, PROLOG --document--> START                                                     XML_FRAMES
 *   any --error--> FAILED
 */
enum state { START, MARKED, PROLOG, INSIDE, EMPTY, AFTER, FAILED };

struct xml_parser {
	struct xml_scratch *scratch;
	struct xml_header *header; /* INSIDE */
	struct held *held;
	struct xml_limits limits;
	enum xml_mode mode;
	enum state state;
	enum xml_event error; /* FAILED */
};

static void held_free(struct held **h)
{
	if (!*h)
		return;
	xml_work_clear(&(*h)->work);
	xfree((*h)->raw);
	xfree(TAKE(*h));
}

struct xml_scratch *xml_scratch_new(void) { return xcalloc(1, sizeof(struct xml_scratch)); }

void xml_scratch_free(struct xml_scratch **s)
{
	if (!*s)
		return;
	held_free(&(*s)->done);
	xml_work_clear(&(*s)->work);
	xfree((*s)->data);
	xfree(TAKE(*s));
}

struct xml_parser *xml_parser_new(struct xml_scratch *s, enum xml_mode mode, const struct xml_limits *limits)
{
	struct xml_parser *p = xcalloc(1, sizeof(*p));
	p->scratch = s;
	p->mode = mode;
	xml_parser_limits(p, limits);
	return p;
}

void xml_parser_free(struct xml_parser **p)
{
	if (!*p)
		return;
	xml_parser_reset(*p);
	xfree(TAKE(*p));
}

void xml_parser_limits(struct xml_parser *p, const struct xml_limits *limits)
{
	p->limits = *limits;
	if (p->limits.stanza > MAX_STANZA)
		p->limits.stanza = MAX_STANZA;
	if (p->limits.attrs > MAX_ATTRS)
		p->limits.attrs = MAX_ATTRS;
}

void xml_parser_reset(struct xml_parser *p)
{
	held_free(&p->held);
	xfree(TAKE(p->header));
	p->state = START;
}

struct str xml_parser_default_ns(const struct xml_parser *p)
{
	for (uint32_t i = XML_OUTER_OWN; p->header && i < p->header->count; i++)
		if (!p->header->outer[i].prefix.n)
			return p->header->outer[i].ns;
	return STR("");
}

size_t xml_parser_held(const struct xml_parser *p)
{
	return p->held ? sizeof(*p->held) + p->held->cap + xml_work_held(&p->held->work) : 0;
}

/* A first byte that is not '<'. */
static enum xml_event top_other(struct xml_parser *p, struct xml_work *w, const char *end)
{
	static const char bom[] = {'\xef', '\xbb', '\xbf'};
	size_t n = (size_t)(end - w->raw);
	uint8_t c = (uint8_t)*w->raw;
	if (p->state == START && memcmp(w->raw, bom, n < sizeof(bom) ? n : sizeof(bom)) == 0) {
		if (n < sizeof(bom))
			return XML_MORE;
		w->pos = sizeof(bom);
		p->state = MARKED;
		return XML_MORE;
	}
	return (c >= 0x80 && c < 0xc2) || c > 0xf4 ? XML_BAD_UTF8 : XML_NOT_WELL_FORMED;
}

static enum xml_event top_declaration(struct xml_parser *p, struct xml_work *w, const char *end)
{
	if (p->state != START && p->state != MARKED)
		return XML_RESTRICTED;
	enum xml_event e = xml_declaration(w, end);
	if (e != XML_OPEN)
		return e;
	p->state = PROLOG;
	return XML_MORE;
}

static enum xml_event top_bang(const struct xml_work *w, const char *end)
{
	if (end - w->raw < 3)
		return XML_MORE;
	char c = w->raw[2];
	return c == '-' || (c >= 'A' && c <= 'Z') ? XML_RESTRICTED : XML_NOT_WELL_FORMED;
}

/* An item begins with the bytes w->raw to end, or goes on in them: its event, or XML_MORE. A BOM or
 * declaration that is done is XML_MORE, too, with w->pos behind it (see skipped()). */
static enum xml_event item(struct xml_parser *p, struct xml_work *w, const char *end, bool *ret_empty)
{
	if (w->depth)
		return xml_token_element(w, end);
	if (*w->raw != '<')
		return top_other(p, w, end);
	if (end - w->raw < 2)
		return XML_MORE;
	char c = w->raw[1];
	if (c == '?')
		return top_declaration(p, w, end);
	if (c == '!')
		return top_bang(w, end);
	if (p->state == AFTER)
		return XML_NOT_WELL_FORMED;
	if (c == '/')
		return p->state == INSIDE ? xml_token_footer(w, end, p->header->name) : XML_NOT_WELL_FORMED;
	if (p->state == INSIDE || p->mode == XML_FRAMES)
		return xml_token_element(w, end);
	return xml_token_header(w, end, ret_empty);
}

static bool skipped(const struct xml_work *w) { return w->pos && !w->depth; }

static void eat(struct str *in, size_t n)
{
	in->p += n;
	in->n -= n;
}

/* A complete item changes the state and is given out. */
static enum xml_event deliver(struct xml_parser *p, enum xml_event e, struct xml_work *w, bool empty,
	struct xml_tree *ret)
{
	if (e == XML_END) {
		xfree(TAKE(p->header));
		p->state = AFTER;
		return e;
	}
	if (e == XML_OPEN) {
		const struct xml_node *root = w->nodes;
		struct str name = {w->raw + 1, root->text + root->text_len - 1};
		if (!empty)
			p->header = xml_ns_header(w, name);
		p->state = empty ? EMPTY : INSIDE;
	} else if (p->mode == XML_FRAMES) {
		p->state = START;
	}
	xml_work_finish(w, &p->scratch->data, &p->scratch->data_cap, ret);
	return e;
}

static void hold(struct xml_parser *p, const struct xml_work *w, size_t n)
{
	struct held *h = xmalloc(sizeof(*h));
	xml_work_copy(&h->work, w);
	h->raw = xmemdup(w->raw, n);
	h->len = h->cap = (uint32_t)n;
	h->work.raw = h->raw;
	p->held = h;
}

/* Nothing is held: items are read where they are. */
static enum xml_event read_here(struct xml_parser *p, struct str *in, struct xml_tree *ret)
{
	struct xml_work *w = &p->scratch->work;
	while (in->n) {
		const char *first = xml_scan_space(in->p, in->p + in->n);
		if (first != in->p && p->state < PROLOG)
			p->state = PROLOG;
		eat(in, (size_t)(first - in->p));
		if (!in->n)
			break;
		size_t n = in->n < p->limits.stanza ? in->n : p->limits.stanza;
		if (!n)
			return XML_TOO_BIG;
		bool empty = false;
		xml_work_begin(w, &p->limits, p->header);
		w->raw = in->p;
		enum xml_event e = item(p, w, in->p + n, &empty);
		if (e >= XML_NOT_WELL_FORMED)
			return e;
		if (e == XML_MORE && !skipped(w)) {
			if (n < in->n)
				return XML_TOO_BIG;
			hold(p, w, n);
			eat(in, n);
			return e;
		}
		eat(in, w->pos);
		if (e != XML_MORE)
			return deliver(p, e, w, empty, ret);
	}
	return XML_MORE;
}

static void append(struct held *h, const char *bytes, uint32_t n, uint32_t max)
{
	if (h->cap - h->len < n) {
		uint32_t cap = h->cap < max / 2 ? h->cap * 2 : max;
		h->cap = cap < h->len + n ? h->len + n : cap;
		h->raw = xrealloc(h->raw, h->cap);
		h->work.raw = h->raw;
	}
	memcpy(h->raw + h->len, bytes, n);
	h->len += n;
}

/* The held item goes on. Bytes behind its end may be appended for nothing, but not used up. */
static enum xml_event read_held(struct xml_parser *p, struct str *in, struct xml_tree *ret)
{
	struct held *h = p->held;
	bool empty = false;
	for (size_t step = FIRST_STEP;; step *= step < MAX_STEP ? 2 : 1) {
		size_t had = h->len, n = had < p->limits.stanza ? p->limits.stanza - had : 0;
		n = n < in->n ? n : in->n;
		n = n < step ? n : step;
		if (!n)
			return in->n ? XML_TOO_BIG : XML_MORE;
		append(h, in->p, (uint32_t)n, p->limits.stanza);
		enum xml_event e = item(p, &h->work, h->raw + h->len, &empty);
		if (e >= XML_NOT_WELL_FORMED)
			return e;
		if (e == XML_MORE && !skipped(&h->work)) {
			eat(in, n);
			continue;
		}
		eat(in, h->work.pos - had);
		if (e == XML_MORE) {
			held_free(&p->held);
			return read_here(p, in, ret);
		}
		p->scratch->done = TAKE(p->held);
		return deliver(p, e, &h->work, empty, ret);
	}
}

enum xml_event xml_parse(struct xml_parser *p, struct str *in, struct xml_tree *ret)
{
	held_free(&p->scratch->done);
	if (p->state == FAILED)
		return p->error;
	if (p->state == EMPTY) {
		p->state = AFTER;
		return XML_END;
	}
	enum xml_event e = p->held ? read_held(p, in, ret) : read_here(p, in, ret);
	if (e < XML_NOT_WELL_FORMED)
		return e;
	xml_parser_reset(p);
	p->state = FAILED;
	p->error = e;
	return e;
}

/* The text is in memory already, so its size needs no limit, nor does what is in proportion to it. */
static enum xml_event parse_one(struct xml_parser *p, struct str text, struct xml_tree *ret)
{
	struct xml_limits limits = xml_limits_default;
	limits.stanza = limits.nodes = text.n < MAX_STANZA ? (uint32_t)text.n : MAX_STANZA;
	xml_parser_limits(p, &limits);
	enum xml_event e = xml_parse(p, &text, ret);
	return e == XML_STANZA && xml_scan_space(text.p, text.p + text.n) != text.p + text.n ? XML_NOT_WELL_FORMED : e;
}

int xml_parse_all(struct str text, void **ret_block, struct xml_tree *ret)
{
	struct xml_tree t;
	CLEANUP(xml_scratch_free) struct xml_scratch *s = xml_scratch_new();
	CLEANUP(xml_parser_free) struct xml_parser *p = xml_parser_new(s, XML_FRAMES, &xml_limits_default);
	if (parse_one(p, text, &t) != XML_STANZA)
		return ERR_SYNTAX;
	void *block = xmalloc(xml_tree_size(&t));
	xml_tree_copy(&t, block, ret);
	*ret_block = block;
	return 0;
}
