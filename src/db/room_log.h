/* The public logs of rooms, as files: FOLDER/ROOM@SERVICE/2026-11-26.txt and .html, one line an event, days in UTC. The thread of
 * the store writes them, what is committed, and nothing is read back.
 *
 * What the folder of a room is called says store/room_log_folder.h. In it are index.html, which has a link to each day, and on the
 * page of each day links to those before and after. Texts are what strangers wrote: in HTML everything that
 * means something is escaped, what is not seen is left out, what begins with http:// or https:// is a link, and a line within a text is indented, so that nobody can write
 * a line that looks like one of ours. Folders and files have the rights of FOLDER, which is 0700 if it was made here;
 * symbolic links are not followed. */
#ifndef DB_ROOM_LOG_H
#define DB_ROOM_LOG_H

#include "store/room_log_folder.h"
#include "store/store.h"

struct room_log;

struct room_log *room_log_new(const char *dir);
void room_log_free(struct room_log **l);
/* The lines of a batch. l may be NULL. */
void room_log_batch(struct room_log *l, const struct store_batch *b);
/* No more for now: closes the files. */
void room_log_rest(struct room_log *l);

/* Pure, for tests: one line. */
struct room_line {
	int64_t time;
	struct str nick, did, text; /* absent: the room itself; said it; nothing more */
};
void room_log_text(struct buf *out, const struct room_line *line);
void room_log_html(struct buf *out, const struct room_line *line);

#endif
