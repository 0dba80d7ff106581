/* Incremental parser of the XML that XMPP allows (RFC 6120 section 11): any cut of the input gives
 * the same events. Comments, processing instructions (but an XML declaration at the very start),
 * document types and entities other than the five are refused as restricted. A parser waiting between
 * stanzas holds no buffers, only the stream header's namespaces. One thread; no I/O. */
#ifndef XML_PARSE_H
#define XML_PARSE_H

#include "xml/tree.h"

struct xml_limits {
	uint32_t stanza; /* bytes of one child of the root (or of the header), markup included */
	uint32_t depth;  /* nesting below the stream header; the stanza itself is 1 */
	uint32_t attrs;  /* attributes and prefixes of one element, as received or written anew; prefixes in force */
	uint32_t name;   /* bytes of a name with its prefix */
	uint32_t nodes;  /* nodes of one stanza */
};
extern const struct xml_limits xml_limits_default; /* 256 KiB, 64, 64, 512, 16384 */

enum xml_mode {
	XML_STREAM, /* one root that stays open; its children are the stanzas (RFC 6120) */
	XML_FRAMES  /* each top element is a document of its own (RFC 7395) */
};

enum xml_event {
	XML_MORE,   /* all input used, nothing complete */
	XML_OPEN,   /* the root's start tag: a tree with one node. raw is the tag */
	XML_STANZA, /* a complete child of the root (XML_FRAMES: a complete document) */
	XML_END,    /* the root's end tag */
	/* Errors are final: every later call gives the same. */
	XML_NOT_WELL_FORMED, /* RFC 6120 4.9.3.13 */
	XML_BAD_UTF8,   /* unsupported-encoding (4.9.3.22): bytes are not UTF-8, or another encoding was declared */
	XML_BAD_PREFIX, /* a prefix without declaration (4.9.3.1 bad-namespace-prefix) */
	XML_RESTRICTED, /* 4.9.3.18 */
	XML_TOO_BIG     /* a limit of xml_limits (policy-violation, 4.9.3.14) */
};

struct xml_parser;
/* Buffers that several parsers of one thread share while they work; nothing in it outlives a call. */
struct xml_scratch;

struct xml_scratch *xml_scratch_new(void);
void xml_scratch_free(struct xml_scratch **s);

struct xml_parser *xml_parser_new(struct xml_scratch *s, enum xml_mode mode, const struct xml_limits *limits);
void xml_parser_free(struct xml_parser **p);
/* Raises or lowers the limits, in force from the next token on. */
void xml_parser_limits(struct xml_parser *p, const struct xml_limits *limits);
/* Back to the state before any byte (a new stream on the same link). */
void xml_parser_reset(struct xml_parser *p);

/* Reads from *in (advanced past what was used) until one event is complete. For XML_OPEN and
 * XML_STANZA *ret is a tree borrowed until the next call on any parser of this scratch; it may point
 * into *in's bytes. White space between stanzas is used up silently (keepalives). */
enum xml_event xml_parse(struct xml_parser *p, struct str *in, struct xml_tree *ret);

/* The default namespace that the open root declares; "" for none or before XML_OPEN. Lives as long as the
 * stream. */
struct str xml_parser_default_ns(const struct xml_parser *p);

/* Bytes held between calls for a stanza that is not complete (0 between stanzas), for limits and tests. */
size_t xml_parser_held(const struct xml_parser *p);

/* The whole text as one document (XML_FRAMES; of the default limits only depth, attrs and name), as one
 * allocation that *ret points into: xfree((void *)ret->data) would be wrong, so free *ret_block.
 * ERR_SYNTAX. For stored and test input. */
int xml_parse_all(struct str text, void **ret_block, struct xml_tree *ret);

#endif
