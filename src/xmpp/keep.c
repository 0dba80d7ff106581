#include "xmpp/keep.h"

#include "base/mem.h"
#include "xmpp/ns.h"

static const struct {
	const char *name, *ns;
} contents[] = {
	{"body", NS_CLIENT},
	{"retract", NS_RETRACT}, /* XEP-0424 5: whoever was away must hear of it */
	{"apply-to", NS_FASTEN}, /* the same of versions before 0.4 */
	{"encrypted", "eu.siacs.conversations.axolotl"},
	{"encrypted", "urn:xmpp:omemo:2"},
	{"openpgp", "urn:xmpp:openpgp:0"},
	{"x", "jabber:x:encrypted"},
};

bool keep_says(const struct stanza *s)
{
	for (size_t i = 0; i < ARRAY_LEN(contents); i++)
		if (stanza_child(s, contents[i].name, contents[i].ns) != XML_NONE)
			return true;
	return false;
}

bool keep_has_content(const struct stanza *s) { return keep_says(s) || stanza_child(s, "store", NS_HINTS) != XML_NONE; }

bool keep_forbidden(const struct stanza *s)
{
	return stanza_child(s, "no-store", NS_HINTS) != XML_NONE ||
		stanza_child(s, "no-permanent-store", NS_HINTS) != XML_NONE;
}
