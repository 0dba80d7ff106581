/* What rooms are and how many there may be, for all services of a server or for one: the options room-default and
 * room-limit, whose values are "[SERVICE ]NAME=VALUE". What is said of one service wins over what is said of all. And what these
 * services are called: rooms-host, whose values are "[DOMAIN ]NAME". */
#ifndef APP_CONFIG_ROOMS_H
#define APP_CONFIG_ROOMS_H

#include "app/config.h"
#include "room/rooms.h"
#include "xmpp/jid.h"

/* Checks of one value, for the table of options; false with an explanation appended to why. */
bool config_rooms_check_default(const char *value, struct buf *why);
bool config_rooms_check_host(const char *value, struct buf *why);
bool config_rooms_check_limit(const char *value, struct buf *why);
/* That the services are served. ERR_INVALID with where and what in why. */
int config_rooms_check_services(const struct config *c, struct buf *why);

/* What the service of rooms of the i-th domain is called: as rooms-host says, or rooms.DOMAIN. Text of ret. */
struct service_name {
	char text[JID_PART_MAX + 8];
};
void config_rooms_service(const struct config *c, unsigned i, struct service_name *ret);

/* What holds for a service. defaults: room for CONFIG_LIST_MAX + 1 views of c, to be rc->defaults. */
void config_rooms_apply(const struct config *c, const char *service, struct rooms_config *rc, const char **defaults);

#endif
