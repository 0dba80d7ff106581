/* Last activity (XEP-0012), of the server only: how long it has been up. */
#include "user/iq.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

struct xerr iq_last_get(struct iq *iq)
{
	const struct users *u = (const struct users *)iq->entity;

	xml_put_open(&iq->reply, "query", NS_LAST);
	buf_fmt(&iq->reply, " seconds='%lld'/>", (long long)(core_now(iq->core) - u->started) / 1000);
	return XERR_OK;
}
