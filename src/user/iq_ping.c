/* XMPP ping (XEP-0199). */
#include "user/iq.h"

struct xerr iq_ping_get(struct iq *iq) { return XERR_OK; }
