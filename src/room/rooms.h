/* A domain of rooms (XEP-0045): the host that serves room@DOMAIN and the bare domain itself. */
#ifndef ROOM_ROOMS_H
#define ROOM_ROOMS_H

#include "core/command.h"
#include "core/entity.h"
#include "core/feature.h"

struct rooms_config {
	uint32_t rooms_max;     /* 0: 200000 */
	uint32_t occupants_max; /* a room, 0: 5000 */
	uint32_t made_max;      /* rooms that an account may make a day, admins apart, 0: 100 */
	uint32_t per_user;      /* rooms that somebody may have who is no administrator, 0: any number */
	uint32_t history;       /* messages shown to who joins a new room, 0: 20 */
	uint32_t archive_max;   /* messages kept in the archive of a persistent room, 0: none but the history */
	uint32_t archive_days;  /* what is older goes; 0: nothing does */
	const char *const *
		defaults; /* of new rooms: as of `room config`, "moderatedroom=1", right ones; NULL at the end; may be NULL */
	const char *const *reserved; /* localparts of rooms that only administrators make, likewise */
	const char *const *admins;   /* bare addresses that count as owner everywhere, likewise */
	bool logs;                   /* public logs go somewhere */
	bool only_admins_log;        /* owners do not turn them on */
	bool only_admins_publish;    /* nor make rooms public: new ones are hidden */
	bool only_admins_keep;       /* nor persistent: new ones are temporary */
	const char *users;     /* the domain whose users find the service there; NULL: the one below which it is */
	const char *logs_url;  /* where the world finds them, the folder of a room is behind it; NULL: nowhere */
	uint32_t logs_days;    /* what is older goes; 0: nothing does */
	bool no_limits;        /* on the pace of an occupant: for load tests */
	bool no_nicknames;     /* nobody registers one with the service */
	bool only_admins_make; /* rooms: nobody else's entering makes one */
};

/* Makes the host, core_add_host()s it and loads the directory of persistent rooms. */
struct host *rooms_new(struct core *c, const char *domain, const struct rooms_config *config);

/* The service goes down: all are told (332) and out; the store is told of rooms in use that they were. */
void rooms_shutdown(struct host *h);

/* Is anybody in any of its rooms? */
bool rooms_occupied(const struct host *h);

extern const struct feature room_features[];
extern const struct command room_commands[];

#endif
