/* Expat as the oracle of tests and fuzzing: what it makes of a document, in the form of test_dump.h.
 *
 * Known differences, which the comparison leaves out:
 * - comments, instructions, document types, other entities: we refuse them (XML_RESTRICTED)
 * - names beyond ASCII: expat 2.5 goes by the tables of XML 1.0 fourth edition, we by the fifth, which has
 *   more of them; so a document with such names may be good for us only (never the other way round)
 * - versions other than 1.x and encodings other than UTF-8 in the declaration: expat takes some of them
 * - a reference to white space directly in a stream's root: just white space there
 */
#ifndef XML_TEST_ORACLE_H
#define XML_TEST_ORACLE_H

#include <expat.h>

#include "base/buf.h"
#include "xml/test_dump.h"

#define ORACLE_SEPARATOR '\x01' /* in no document */

struct oracle {
	struct buf dump, text;
	unsigned depth;
	bool stream;    /* white space directly in the root does not count */
	bool root_text; /* what else is in a stream's root */
};

static inline void oracle_text_done(struct oracle *o)
{
	if (o->text.n)
		dump_str(&o->dump, '"', buf_view(&o->text));
	buf_reset(&o->text);
}

static inline void oracle_name(struct oracle *o, char mark, const char *name)
{
	const char *sep = strchr(name, ORACLE_SEPARATOR);
	dump_str(&o->dump, mark, sep ? (struct str){name, (size_t)(sep - name)} : STR(""));
	dump_str(&o->dump, '|', str_z(sep ? sep + 1 : name));
}

static inline void XMLCALL oracle_start(void *data, const XML_Char *name, const XML_Char **attrs)
{
	struct oracle *o = data;
	oracle_text_done(o);
	oracle_name(o, '<', name);
	for (; *attrs; attrs += 2) {
		oracle_name(o, '@', attrs[0]);
		dump_str(&o->dump, '=', str_z(attrs[1]));
	}
	o->depth++;
}

static inline void XMLCALL oracle_end(void *data, const XML_Char *name)
{
	struct oracle *o = data;
	(void)name;
	oracle_text_done(o);
	buf_char(&o->dump, '>');
	o->depth--;
}

static inline void XMLCALL oracle_chars(void *data, const XML_Char *text, int n)
{
	struct oracle *o = data;
	if (o->depth > 1 || !o->stream)
		buf_add(&o->text, text, (size_t)n);
	else
		o->root_text |= str_trim((struct str){text, (size_t)n}).n > 0;
}

static inline void XMLCALL oracle_section(void *data)
{
	struct oracle *o = data;
	o->root_text |= o->stream && o->depth == 1;
}

/* True if expat takes the document; its tree is appended to out. */
static inline bool oracle_parse(struct str doc, bool stream, struct buf *out)
{
	struct oracle o = {.stream = stream};
	XML_Parser p = XML_ParserCreateNS("UTF-8", ORACLE_SEPARATOR);
	buf_init(&o.dump, SIZE_MAX / 2);
	buf_init(&o.text, SIZE_MAX / 2);
	XML_SetUserData(p, &o);
	XML_SetElementHandler(p, oracle_start, oracle_end);
	XML_SetCharacterDataHandler(p, oracle_chars);
	XML_SetStartCdataSectionHandler(p, oracle_section);
	bool ok = XML_Parse(p, doc.p, (int)doc.n, XML_TRUE) == XML_STATUS_OK && !o.root_text;
	XML_ParserFree(p);
	if (ok)
		buf_str(out, buf_view(&o.dump));
	buf_clear(&o.dump);
	buf_clear(&o.text);
	return ok;
}

static inline bool oracle_odd(struct str s)
{
	for (; s.n > 0; s.p++, s.n--)
		if (*s.p & 0x80)
			return true;
	return false;
}

/* Prefixes are names, but not in the tree. */
static inline bool oracle_odd_prefixes(struct str raw)
{
	for (;;) {
		const char *at = memmem(raw.p, raw.n, "xmlns:", 6);
		if (!at)
			return false;
		raw = (struct str){at + 6, raw.n - (size_t)(at + 6 - raw.p)};
		for (struct str s = raw; s.n > 0 && *s.p != '='; s.p++, s.n--)
			if (*s.p & 0x80)
				return true;
	}
}

/* Are there names beyond ASCII in it? */
static inline bool oracle_odd_names(const struct xml_tree *t)
{
	for (uint32_t i = 0; i < t->node_count; i++)
		if (oracle_odd(xml_name(t, i)))
			return true;
	for (uint32_t i = 0; i < t->attr_count; i++)
		if (oracle_odd(xml_str(t, t->attrs[i].name, t->attrs[i].name_len)))
			return true;
	return oracle_odd_prefixes((struct str){t->data, t->raw_len});
}

static inline bool oracle_declaration(struct str doc) { return memmem(doc.p, doc.n, "<?xml", 5); }

enum oracle_result { ORACLE_SAME, ORACLE_BOTH_BAD, ORACLE_LEFT_OUT, ORACLE_DISAGREES, ORACLE_OTHER_TREE };

/* Our verdict (an error, or else good) and dump against expat's, whose dump is left in *oracle. */
static inline enum oracle_result oracle_compare(struct str doc, enum xml_mode mode, enum xml_event e, bool odd_names,
	struct str ours, struct buf *oracle)
{
	buf_reset(oracle);
	bool good = oracle_parse(doc, mode == XML_STREAM, oracle), we = e < XML_NOT_WELL_FORMED;
	bool other_rule = oracle_declaration(doc) || (mode == XML_STREAM && memmem(doc.p, doc.n, "&#", 2));
	if (e == XML_RESTRICTED || (good && !we && other_rule) || (!good && we && odd_names))
		return ORACLE_LEFT_OUT;
	if (good != we)
		return ORACLE_DISAGREES;
	if (!good)
		return ORACLE_BOTH_BAD;
	return str_eq(buf_view(oracle), ours) ? ORACLE_SAME : ORACLE_OTHER_TREE;
}

#endif
