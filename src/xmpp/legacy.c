#include "xmpp/legacy.h"

#include "base/err.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* ---- out ---- */

void legacy_header(struct buf *out, struct str from, struct str to)
{
	buf_z(out, "<?xml version='1.0' encoding='UTF-8'?>\n<stream:stream");
	xml_put_attr(out, "xmlns", STR(NS_CLIENT));
	xml_put_attr(out, "xmlns:stream", STR(NS_STREAM));
	xml_put_attr(out, "from", from);
	xml_put_attr(out, "to", to);
	buf_char(out, '>');
}

static bool needs_html(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] && strchr("<&\r\n", text.p[i]))
			return true;
	}
	return false;
}

/* Of "\r\n", "\n" or "\r" at the head of s; 0 if there is none. */
static size_t line_break(struct str s)
{
	if (str_starts(s, STR("\r\n")))
		return 2;
	return s.n > 0 && (s.p[0] == '\n' || s.p[0] == '\r');
}

static void put_html(struct buf *out, struct str text)
{
	xml_put_open(out, "html", NS_XHTML);
	buf_z(out, "><body><font>");
	while (text.n > 0) {
		size_t n = 0, skip;
		while (n < text.n && !line_break((struct str){text.p + n, 1}))
			n++;
		xml_escape(out, (struct str){text.p, n});
		skip = line_break((struct str){text.p + n, text.n - n});
		if (skip > 0)
			buf_z(out, "<br/>");
		text = (struct str){text.p + n + skip, text.n - n - skip};
	}
	buf_z(out, "</font></body></html>");
}

void legacy_message(struct buf *out, struct str text, bool offer)
{
	xml_put_text(out, "body", text);
	if (needs_html(text))
		put_html(out, text);
	if (offer) {
		xml_put_open(out, "x", NS_X_EVENT);
		buf_z(out, "><composing/></x>");
	}
}

/* ---- in ---- */

enum tag_kind {
	TAG_INLINE, /* its text is text */
	TAG_HIDDEN, /* what is in it is not for reading */
	TAG_BREAK,  /* one line feed */
	TAG_BLOCK   /* begins on a line of its own */
};

static const struct {
	const char *name;
	enum tag_kind kind;
} tags[] = {
	{"head", TAG_HIDDEN},
	{"style", TAG_HIDDEN},
	{"script", TAG_HIDDEN},
	{"title", TAG_HIDDEN},
	{"br", TAG_BREAK},
	{"p", TAG_BLOCK},
	{"div", TAG_BLOCK},
	{"li", TAG_BLOCK},
	{"tr", TAG_BLOCK},
};

static enum tag_kind tag_kind(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (str_is_nocase(name, tags[i].name))
			return tags[i].kind;
	}
	return TAG_INLINE;
}

enum { BLOCKS = 32 /* deeper ones are not told apart; that costs a line feed at most */ };

struct reader {
	struct buf *out;
	size_t start; /* of the message's text in out */
	size_t depth;
	uint32_t ends[BLOCKS]; /* the nodes after the open blocks */
};

/* A line feed, but no empty line. */
static void put_block_break(struct reader *r)
{
	if (r->out->n > r->start && r->out->p[r->out->n - 1] != '\n')
		buf_char(r->out, '\n');
}

static void open_block(struct reader *r, uint32_t end)
{
	put_block_break(r);
	if (r->depth < BLOCKS)
		r->ends[r->depth++] = end;
}

static void close_blocks(struct reader *r, uint32_t at)
{
	while (r->depth > 0 && r->ends[r->depth - 1] <= at) {
		put_block_break(r);
		r->depth--;
	}
}

/* Node i; returns the next one to look at. Nodes are in document order, so depth costs nothing. */
static uint32_t read_node(struct reader *r, const struct xml_tree *t, uint32_t i)
{
	const struct xml_node *node = &t->nodes[i];
	enum tag_kind kind = node->is_text ? TAG_INLINE : tag_kind(xml_name(t, i));

	if (kind == TAG_HIDDEN)
		return node->end;
	close_blocks(r, i);
	if (node->is_text)
		buf_str(r->out, xml_str(t, node->text, node->text_len));
	else if (kind == TAG_BREAK)
		buf_char(r->out, '\n');
	else if (kind == TAG_BLOCK)
		open_block(r, node->end);
	return i + 1;
}

static void read_html(const struct xml_tree *t, uint32_t html, struct buf *out)
{
	struct reader r = {.out = out, .start = out->n};

	for (uint32_t i = html + 1; i < t->nodes[html].end;)
		i = read_node(&r, t, i);
}

static void read_body(const struct xml_tree *t, struct buf *out)
{
	uint32_t body = xml_child(t, XML_ROOT, "body", NS_CLIENT);
	CLEANUP(buf_clear) struct buf joined = {.max = t->data_len};

	if (body != XML_NONE)
		buf_str(out, xml_text(t, body, &joined));
}

int legacy_text(const struct xml_tree *message, struct buf *out)
{
	uint32_t html = xml_child(message, XML_ROOT, "html", NS_XHTML);
	size_t start = out->n;

	if (!buf_ok(out))
		return ERR_LIMIT;
	if (html != XML_NONE)
		read_html(message, html, out);
	if (out->n == start && buf_ok(out)) /* as those programs do with an empty one */
		read_body(message, out);
	if (!buf_ok(out)) {
		out->failed = false;
		buf_cut(out, start);
		return ERR_LIMIT;
	}
	return out->n > start ? 0 : ERR_NOTFOUND;
}

static bool has_text(const struct xml_tree *t)
{
	return xml_child(t, XML_ROOT, "body", NS_CLIENT) != XML_NONE ||
		xml_child(t, XML_ROOT, "html", NS_XHTML) != XML_NONE;
}

enum legacy_event legacy_event(const struct xml_tree *message)
{
	uint32_t x = xml_child(message, XML_ROOT, "x", NS_X_EVENT);
	bool composing = x != XML_NONE && xml_child(message, x, "composing", NS_X_EVENT) != XML_NONE;

	if (x == XML_NONE)
		return LEGACY_NONE;
	if (has_text(message))
		return composing ? LEGACY_OFFER : LEGACY_NONE;
	return composing ? LEGACY_TYPING : LEGACY_PAUSED;
}
