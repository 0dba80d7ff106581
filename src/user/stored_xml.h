/* XML that is kept for an account by key and not in memory: private storage, the vCard. */
#ifndef USER_STORED_XML_H
#define USER_STORED_XML_H

#include "user/account.h"

/* Goes on with the answer to `iq` when the store has answered: `missing` makes the reply (or the error) when there is
 * nothing, XML is wrapped in before and after (static). */
struct stored_xml {
	const char *before, *after;
	struct xerr (*missing)(const struct stanza *request, struct buf *reply);
};
struct xerr stored_xml_ask(struct iq *iq, const struct stored_xml *kind, enum store_read read, struct str key);

/* The element as a text that means the same anywhere. */
void stored_xml_write(struct buf *out, const struct stanza *s, uint32_t element);

#endif
