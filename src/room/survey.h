/* All rooms of the server, with what the store alone knows of those that are not in memory: who owns them, and when they were last
 * used. For `room list`, and for what is done to rooms that nobody uses: persistent ones have no other end. */
#ifndef ROOM_SURVEY_H
#define ROOM_SURVEY_H

#include "core/command.h"

enum survey_task { SURVEY_LIST, SURVEY_DESTROY };

struct survey_wish {
	enum survey_task task; /* SURVEY_DESTROY: persistent ones, at most so many at once (survey.c) */
	uint32_t
		unused_days; /* only rooms in which nobody is and nothing has happened for so long; 0: all, not for SURVEY_DESTROY */
	bool json;
};

/* Answers the asker when all is done. */
void survey_start(struct core *c, uint64_t asker, const struct survey_wish *wish);

#endif
