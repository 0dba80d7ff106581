/* Entity time (XEP-0202). */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "user/iq.h"
#include "xml/write.h"
#include "xmpp/ns.h"

static long offset_minutes(int64_t wall)
{
	time_t t = (time_t)(wall / 1000);
	struct tm local;

	return localtime_r(&t, &local) ? local.tm_gmtoff / 60 : 0;
}

struct xerr iq_time_get(struct iq *iq)
{
	int64_t wall = core_wall(iq->core);
	long offset = offset_minutes(wall);

	xml_put_open(&iq->reply, "time", NS_TIME);
	buf_fmt(&iq->reply, "><tzo>%c%02ld:%02ld</tzo><utc>", offset < 0 ? '-' : '+', labs(offset) / 60,
		labs(offset) % 60);
	clock_format(&iq->reply, wall);
	buf_z(&iq->reply, "</utc></time>");
	return XERR_OK;
}
