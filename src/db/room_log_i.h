/* Private to the files of the public logs: room_log.c (files and lines), room_log_text.c (what they say), room_log_days.c (the
 * days of a room: index, links from one to the next, what is too old). */
#ifndef DB_ROOM_LOG_I_H
#define DB_ROOM_LOG_I_H

#include <dirent.h>
#include <sys/types.h>

#include "db/room_log.h"

enum { ROOM_LOG_DAY_N = 10 /* 2026-11-26 */ };

/* ---- room_log_text.c ---- */

struct room_page {
	struct str room, name, subject, day; /* absent: no name; none; of all days */
};

/* As before there were links, to find what was written then. */
void room_log_html_old(struct buf *out, const struct room_line *line);
/* The beginning of the page of a day; before: the day before it that there is, absent: none. */
void room_log_head(struct buf *out, const struct room_page *page, struct str before);
/* Of these lines the one in the head, and the one at the end of a page, written when the next one begins. */
void room_log_before(struct buf *out, struct str day);
void room_log_after(struct buf *out, struct str day);
void room_log_index_head(struct buf *out, const struct room_page *page);
void room_log_index_day(struct buf *out, struct str day); /* one line */

/* ---- room_log.c ---- */
int room_log_open(int folder, const char *name, mode_t mode, bool *ret_new);
bool room_log_write(int fd, const struct buf *b);
/* A new file takes the old one's place: who reads it sees the one or the other. */
bool room_log_replace(int folder, const char *name, mode_t mode, const struct buf *all, bool sync);
/* The first such line becomes another one. True also if there is no such file or line. */
bool room_log_replace_line(int folder, const char *name, struct str old, struct str new);

/* ---- room_log_days.c ---- */
/* The newest day before this one that there is; ret: at least ROOM_LOG_DAY_N + 1. */
bool room_log_day_before(int folder, struct str day, char *ret);
/* A day has begun: in the index, and behind the last one. False: something could not be written. */
bool room_log_begin_day(int folder, const struct room_page *page, struct str before, mode_t mode);
/* Goes on where it stopped: some folders at a time. *sweep: NULL at the beginning and when all have been seen. */
void room_log_expire(const char *dir, DIR **sweep, struct str oldest);

#endif
