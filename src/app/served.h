/* Which domains the server of a data folder has served: a list beside the store, written at each start, so that an account
 * is not added to a stopped server under a domain where nobody would find it. */
#ifndef APP_SERVED_H
#define APP_SERVED_H

#include <stdbool.h>

#include "app/config.h"

/* The domains of this configuration, one a line, behind a blank what the service of rooms is called if that is not rooms.DOMAIN. What cannot be written is a warning in the log. */
void served_note(const struct config *c);

/* May this account be added? True, too, if no server ever ran there, or if it is no address. False: why says what to do. */
bool served_takes(const char *data, const char *address, struct buf *why);
/* Adds them to a configuration, with what their services of rooms are called; false: it is not known which ones. */
bool served_fill(const char *data, struct config *c);
/* Is it known which ones? */
bool served_known(const char *data);

#endif
