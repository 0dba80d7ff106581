/* Software version (XEP-0092). The operating system is nobody's business. */
#include "user/iq.h"
#include "xml/write.h"
#include "xmpp/ns.h"

struct xerr iq_version_get(struct iq *iq)
{
	xml_put_open(&iq->reply, "query", NS_VERSION);
	buf_char(&iq->reply, '>');
	xml_put_text(&iq->reply, "name", STR("Wireside"));
	xml_put_text(&iq->reply, "version", STR(WIRESIDE_VERSION));
	buf_z(&iq->reply, "</query>");
	return XERR_OK;
}
