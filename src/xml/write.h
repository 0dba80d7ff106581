/* Writing XML. Text and attribute values are escaped; bytes that XML 1.0 forbids are replaced by
 * U+FFFD, so what is written is always well-formed. */
#ifndef XML_WRITE_H
#define XML_WRITE_H

#include "xml/tree.h"

void xml_escape(struct buf *out, struct str text); /* for text and for values in either quote */
/* ` name='value'`, nothing if value is absent. */
void xml_put_attr(struct buf *out, const char *name, struct str value);
/* `<name xmlns='ns'`; ns NULL for none. Then attributes, then "/>" or '>' and xml_put_close(). */
void xml_put_open(struct buf *out, const char *name, const char *ns);
void xml_put_close(struct buf *out, const char *name); /* `</name>` */
/* `<name>text</name>` */
void xml_put_text(struct buf *out, const char *name, struct str text);

/* Element i written anew in canonical form: no prefixes but xml and those that attributes need,
 * default namespace declared where it differs from `inherited` (the default namespace in force where it
 * will stand). Namespaces written again and again can make it much longer than it was received; what
 * bounds that is the maximum of out. */
void xml_write_node(struct buf *out, const struct xml_tree *t, uint32_t i, struct str inherited);
/* The same for all children (elements and text) of i. */
void xml_write_inner(struct buf *out, const struct xml_tree *t, uint32_t i, struct str inherited);

#endif
