#include "elem.h"

#include <expat.h>
#include <stdio.h>

#include "base/mem.h"
#include "xml/write.h"

/* ---- elements ---- */

struct elem *elem_new(const char *ns, const char *name)
{
	struct elem *e = xcalloc(1, sizeof(*e));

	e->ns = xstrdup(ns);
	e->name = xstrdup(name);
	return e;
}

void elem_free(struct elem **elem)
{
	struct elem *e = TAKE(*elem);

	if (!e)
		return;
	for (uint32_t i = 0; i < e->attr_count; i++) {
		xfree(e->attrs[i].ns);
		xfree(e->attrs[i].name);
		xfree(e->attrs[i].value);
	}
	for (uint32_t i = 0; i < e->child_count; i++)
		elem_free(&e->children[i]);
	xfree(e->attrs);
	xfree(e->children);
	xfree(e->ns);
	xfree(e->name);
	xfree(e->text);
	xfree(e);
}

void elem_add(struct elem *e, struct elem **child)
{
	e->children = xrealloc(e->children, (e->child_count + 1) * sizeof(*e->children));
	e->children[e->child_count++] = TAKE(*child);
}

void elem_add_text(struct elem *e, const char *p, size_t n)
{
	struct elem *last = e->child_count ? e->children[e->child_count - 1] : NULL;
	size_t old;

	if (!last || last->name) {
		last = xcalloc(1, sizeof(*last));
		last->text = xstrdup("");
		elem_add(e, &(struct elem *){last});
	}
	old = strlen(last->text);
	last->text = xrealloc(last->text, old + n + 1);
	memcpy(last->text + old, p, n);
	last->text[old + n] = '\0';
}

void elem_add_attr(struct elem *e, const char *ns, const char *name, const char *value)
{
	e->attrs = xrealloc(e->attrs, (e->attr_count + 1) * sizeof(*e->attrs));
	e->attrs[e->attr_count++] = (struct elem_attr){xstrdup(ns), xstrdup(name), xstrdup(value)};
}

bool elem_is(const struct elem *e, const char *name, const char *ns)
{
	return e && e->name && strcmp(e->name, name) == 0 && strcmp(e->ns, ns) == 0;
}

const char *elem_attr(const struct elem *e, const char *name)
{
	for (uint32_t i = 0; i < e->attr_count; i++)
		if (!*e->attrs[i].ns && strcmp(e->attrs[i].name, name) == 0)
			return e->attrs[i].value;
	return NULL;
}

const struct elem *elem_find(const struct elem *e, const char *name, const char *ns)
{
	for (uint32_t i = 0; i < e->child_count; i++)
		if (elem_is(e->children[i], name, ns))
			return e->children[i];
	return NULL;
}

void elem_text(const struct elem *e, struct buf *out)
{
	for (uint32_t i = 0; i < e->child_count; i++)
		if (!e->children[i]->name)
			buf_z(out, e->children[i]->text);
}

static void print_attrs(const struct elem *e, struct buf *out)
{
	for (uint32_t i = 0; i < e->attr_count; i++) {
		const struct elem_attr *a = &e->attrs[i];
		char name[256];

		snprintf(name, sizeof(name), "%s%s",
			strcmp(a->ns, XML_NS_XML) == 0 ? "xml:"
				: *a->ns               ? "?:"
						       : "",
			a->name);
		xml_put_attr(out, name, str_z(a->value));
	}
}

void elem_print(const struct elem *e, const char *inherited, struct buf *out)
{
	if (!e->name) {
		xml_escape(out, str_z(e->text));
		return;
	}
	buf_fmt(out, "<%s", e->name);
	if (strcmp(e->ns, inherited) != 0)
		xml_put_attr(out, "xmlns", str_z(e->ns));
	print_attrs(e, out);
	buf_z(out, e->child_count ? ">" : "/>");
	for (uint32_t i = 0; i < e->child_count; i++)
		elem_print(e->children[i], e->ns, out);
	if (e->child_count)
		buf_fmt(out, "</%s>", e->name);
}

/* ---- items ---- */

void item_free(struct item **item)
{
	struct item *i = TAKE(*item);

	if (!i)
		return;
	elem_free(&i->elem);
	xfree(i->why);
	xfree(i);
}

void item_print(const struct item *i, struct buf *out)
{
	switch (i->kind) {
	case ITEM_HEADER:
		buf_z(out, "<stream:stream");
		print_attrs(i->elem, out);
		buf_char(out, '>');
		break;
	case ITEM_ELEMENT:
		elem_print(i->elem, "jabber:client", out);
		break;
	case ITEM_END:
		buf_z(out, "</stream:stream>");
		break;
	case ITEM_BAD:
		buf_fmt(out, "(not XML: %s)", i->why);
		break;
	}
}

/* ---- the reader ---- */

enum { DEPTH_MAX = 256 };
#define SEPARATOR '\x1f' /* of namespace and name; cannot occur in XML */

struct reader {
	XML_Parser expat;
	void (*on_item)(void *arg, struct item *i);
	void *arg;
	struct elem *open[DEPTH_MAX]; /* [0]: the stream itself */
	unsigned depth;
	bool bad;
};

static void give(struct reader *r, enum item_kind kind, struct elem *e, const char *why)
{
	struct item *i = xcalloc(1, sizeof(*i));

	i->kind = kind;
	i->elem = e;
	i->why = why ? xstrdup(why) : NULL;
	r->on_item(r->arg, i);
}

/* "namespace SEPARATOR name" in two. */
static const char *split(const char *full, char *ns, size_t size)
{
	const char *at = strchr(full, SEPARATOR);

	snprintf(ns, size, "%.*s", at ? (int)(at - full) : 0, full);
	return at ? at + 1 : full;
}

static struct elem *make(const char *full, const char **attrs)
{
	char ns[1024];
	const char *name = split(full, ns, sizeof(ns));
	struct elem *e = elem_new(ns, name);

	for (; *attrs; attrs += 2) {
		name = split(attrs[0], ns, sizeof(ns));
		elem_add_attr(e, ns, name, attrs[1]);
	}
	return e;
}

static void on_start(void *arg, const char *full, const char **attrs)
{
	struct reader *r = arg;

	must(r->depth < DEPTH_MAX);
	r->open[r->depth] = make(full, attrs);
	if (r->depth == 0)
		give(r, ITEM_HEADER, make(full, attrs), NULL);
	r->depth++;
}

static void on_end(void *arg, const char *full)
{
	struct reader *r = arg;
	struct elem *e;

	(void)full;
	r->depth--;
	e = TAKE(r->open[r->depth]);
	if (r->depth == 0) {
		elem_free(&e);
		give(r, ITEM_END, NULL, NULL);
	} else if (r->depth == 1) {
		give(r, ITEM_ELEMENT, e, NULL);
	} else {
		elem_add(r->open[r->depth - 1], &e);
	}
}

static void on_text(void *arg, const char *p, int n)
{
	struct reader *r = arg;

	if (r->depth > 1)
		elem_add_text(r->open[r->depth - 1], p, (size_t)n);
}

static void on_forbidden(struct reader *r, const char *what)
{
	if (r->bad)
		return;
	r->bad = true;
	give(r, ITEM_BAD, NULL, what);
}

/* RFC 6120 11.1: neither side may send these. */
static void on_comment(void *arg, const char *text) { on_forbidden(arg, "a comment"); }
static void on_instruction(void *arg, const char *target, const char *data)
{
	on_forbidden(arg, "a processing instruction");
}
static void on_doctype(void *arg, const char *name, const char *sysid, const char *pubid, int internal)
{
	on_forbidden(arg, "a document type");
}

/* Newer versions let a token wait for more input; here each byte counts at once. */
#ifdef EXPAT_DEFERS
static void parse_at_once(XML_Parser p) { XML_SetReparseDeferralEnabled(p, XML_FALSE); }
#else
static void parse_at_once(XML_Parser p) { (void)p; }
#endif

struct reader *reader_new(void (*on_item)(void *arg, struct item *i), void *arg)
{
	struct reader *r = xcalloc(1, sizeof(*r));

	r->expat = XML_ParserCreateNS("UTF-8", SEPARATOR);
	must(r->expat);
	parse_at_once(r->expat);
	r->on_item = on_item;
	r->arg = arg;
	XML_SetUserData(r->expat, r);
	XML_SetElementHandler(r->expat, on_start, on_end);
	XML_SetCharacterDataHandler(r->expat, on_text);
	XML_SetCommentHandler(r->expat, on_comment);
	XML_SetProcessingInstructionHandler(r->expat, on_instruction);
	XML_SetStartDoctypeDeclHandler(r->expat, on_doctype);
	return r;
}

void reader_feed(struct reader *r, struct str bytes)
{
	if (r->bad || !bytes.n)
		return;
	if (XML_Parse(r->expat, bytes.p, (int)bytes.n, 0) == XML_STATUS_ERROR)
		on_forbidden(r, XML_ErrorString(XML_GetErrorCode(r->expat)));
}

void reader_free(struct reader **reader)
{
	struct reader *r = TAKE(*reader);

	if (!r)
		return;
	XML_ParserFree(r->expat);
	for (unsigned i = 0; i < r->depth; i++)
		elem_free(&r->open[i]);
	xfree(r);
}
