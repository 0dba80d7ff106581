/* Our part of the user's own Wireshark: a profile, the Lua layer, and this program as a capture interface, in the folders that
 * `tshark -G folders` names. What is put there is noted, with its digest, so that exactly that can be taken away again and
 * nothing that somebody has changed. */
#ifndef TRACE_INSTALL_H
#define TRACE_INSTALL_H

#include "base/buf.h"

#define INSTALL_PROFILE "Wireside"

enum install_result {
	INSTALL_WRITTEN, /* is there now */
	INSTALL_SAME,    /* was there, as it should be */
	INSTALL_KEPT,    /* somebody else's, or changed: left alone */
	INSTALL_REMOVED,
	INSTALL_FILLED, /* a folder of ours, with something in it that is not */
	INSTALL_GONE,   /* was taken away by somebody else */
	INSTALL_RESULTS
};
extern const char *const install_words[INSTALL_RESULTS];

/* Hears of each file and folder. */
typedef void install_fn(void *arg, enum install_result result, const char *path);

/* ERR_ with a line in why. */
int install_put(install_fn *on_file, void *arg, struct buf *why);
/* Nothing was installed: ERR_NOTFOUND. */
int install_remove(install_fn *on_file, void *arg, struct buf *why);

#endif
