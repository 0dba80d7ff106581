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

/* To find what was written before there were links, and before "/me waves" was told otherwise than as words. */
void room_log_text_plain(struct buf *out, const struct room_line *line);
void room_log_html_plain(struct buf *out, const struct room_line *line);
void room_log_html_old(struct buf *out, const struct room_line *line);
/* The beginning of the page of a day; before: the day before it that there is, absent: none. */
void room_log_head(struct buf *out, const struct room_page *page, struct str before);
/* Of these lines the one in the head, and the one at the end of a page, written when the next one begins. */
void room_log_before(struct buf *out, struct str day);
void room_log_after(struct buf *out, struct str day);
/* Does it begin as ours do? ret: the address of the room that it is of. */
bool room_log_is_page(struct str all, struct str *ret);
void room_log_index_head(struct buf *out, const struct room_page *page);
void room_log_index_day(struct buf *out, struct str day); /* one line */

/* ---- room_log.c ---- */
int room_log_open(int folder, const char *name, mode_t mode, bool *ret_new);
bool room_log_write(int fd, const struct buf *b);
/* A new file takes the old one's place: who reads it sees the one or the other. */
bool room_log_replace(int folder, const char *name, mode_t mode, const struct buf *all, bool sync);
/* The first such line becomes another one. True also if there is no such file or line. */
bool room_log_replace_line(int folder, const char *name, struct str old, struct str new, bool sync);
bool room_log_read(int folder, const char *name, struct buf *all); /* a regular file */

/* ---- room_log_days.c ---- */
/* The newest day before this one that there is; ret: at least ROOM_LOG_DAY_N + 1. */
bool room_log_day_before(int folder, struct str day, char *ret);
/* A day has begun: in the index, and behind the last one. False: something could not be written. */
bool room_log_begin_day(int folder, const struct room_page *page, struct str before, mode_t mode);
/* What is older goes from the folders of rooms of this service: some of it at a time, all of them once a day. Files that are not
 * logs, and folders of other services, stay. *list: NULL at the beginning. False: something could not be removed. */
struct room_log_sweep;
bool room_log_expire(const char *dir, struct room_log_sweep **list, struct str service, struct str oldest);
void room_log_sweeps_free(struct room_log_sweep **list);

#endif
