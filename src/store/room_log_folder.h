/* What the folder of a room's public logs is called: by who writes them (db/room_log.h) and who says where they are (muc#roominfo_logs).
 * A room's name is what its maker chose: bytes that are not letters, digits or one of "@-_." become %XX, so do dots at the
 * beginning, and a long name is cut and ends with a hash of the whole. */
#ifndef STORE_ROOM_LOG_FOLDER_H
#define STORE_ROOM_LOG_FOLDER_H

#include "base/buf.h"

void room_log_folder(struct buf *out, struct str room);

#endif
