/* XML as the scripts see it: trees that are easy to compare and to print, and a reader that makes them of a stream.
 * The reader is expat, not the parser under test: whatever the server sends is judged by somebody else. */
#ifndef SCRIPT_ELEM_H
#define SCRIPT_ELEM_H

#include "base/buf.h"
#include "base/list.h"

struct elem_attr {
	char *ns, *name, *value; /* ns "": none */
};

/* An element, or a text (name NULL). Owns everything below it. */
struct elem {
	char *ns, *name; /* ns "": none */
	char *text;
	struct elem_attr *attrs;
	struct elem **children;
	uint32_t attr_count, child_count;
};

struct elem *elem_new(const char *ns, const char *name);
void elem_free(struct elem **e);
void elem_add_text(struct elem *e, const char *p, size_t n); /* joined with a text before it */
void elem_add_attr(struct elem *e, const char *ns, const char *name, const char *value);
void elem_add(struct elem *e, struct elem **child);
bool elem_is(const struct elem *e, const char *name, const char *ns);
const char *elem_attr(const struct elem *e, const char *name);                        /* without namespace; NULL */
const struct elem *elem_find(const struct elem *e, const char *name, const char *ns); /* first child; NULL */
/* The joined text directly inside. */
void elem_text(const struct elem *e, struct buf *out);
/* As XML without prefixes; `inherited` is the default namespace where it will stand. */
void elem_print(const struct elem *e, const char *inherited, struct buf *out);

/* What a stream consists of. */
enum item_kind {
	ITEM_HEADER,  /* the stream's start tag: an element without children */
	ITEM_ELEMENT, /* a child of the stream */
	ITEM_END,     /* the stream's end tag */
	ITEM_BAD      /* not XML; `why` says what expat says. Nothing comes after it */
};
struct item {
	struct list node;
	enum item_kind kind;
	struct elem *elem;
	char *why;
};
void item_free(struct item **i);
void item_print(const struct item *i, struct buf *out);

struct reader;
/* Items go to on_item, which owns them; it must not free the reader. */
struct reader *reader_new(void (*on_item)(void *arg, struct item *i), void *arg);
void reader_feed(struct reader *r, struct str bytes);
void reader_free(struct reader **r);

#endif
