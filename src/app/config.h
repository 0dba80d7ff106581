/* Settings of a server, and of a node: one table of options serves the configuration file, the command line, --help and the man
 * page. What the command line says wins over the file, the file over the default. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { CONFIG_LIST_MAX = 64, CONFIG_OPTION_MAX = 48 };

struct text_list {
	char *item[CONFIG_LIST_MAX]; /* owned */
	unsigned n;
	bool assumed; /* nobody gave it: a default address that this machine does not have is left out */
};

struct room_lists {
	struct text_list reserved;                   /* localparts */
	struct text_list hosts;                      /* app/config_rooms.h */
	char *logs_url;                              /* of the folder of the public logs; NULL: none */
	int logs_days;                               /* 0: for ever */
	bool logs_by_admins;                         /* owners do not turn them on */
	bool public_by_admins, persistent_by_admins; /* nor make rooms so */
	bool no_nicknames;                           /* registered with the service */
	struct text_list defaults, limits;           /* app/config_rooms.h */
};

/* Which program the settings are for; each option says whose it is. */
enum config_use { CONFIG_SERVE = 1, CONFIG_NODE = 2 };

struct config_life {
	bool while_needed; /* ends when nobody needs it any more ... */
	int idle_seconds;  /* ... for so long */
};

struct node_config; /* app/node.h */

struct config {
	enum config_use use;
	char *file; /* -c, NULL: none */
	bool data_given;
	char *data;                    /* folder of store, certificate and sockets */
	struct text_list domains;      /* canonical */
	struct text_list c2s, c2s_tls; /* ADDR:PORT */
	struct text_list admins;       /* bare addresses */
	char *certificate, *key;       /* PEM; NULL: made in the data folder */
	char *name;                    /* node: USER@HOST; NULL: login name and host name */
	struct text_list listen;       /* node: ADDR:PORT for peers */
	struct text_list interfaces;   /* node: where to look for peers; none: the wired ones */
	int discovery;                 /* node: enum discovery_backend */
	int plaintext;                 /* node: enum plaintext */
	struct config_life life;       /* node: how long it lives */
	struct node_config *node;      /* node: made of these by node_prepare(); NULL: a server */
	bool registration;
	bool allow_plaintext;
	bool limits;  /* rate limits; off only for load tests */
	bool relaxed; /* durability */
	int wires;
	int stanza_max;  /* bytes of a client's stanza */
	int offline_max; /* messages */
	int archive_max; /* messages an account; 0: no archive */
	struct room_lists rooms;
	char *room_logs;      /* folder of the public logs; NULL: in the data folder */
	bool rooms_by_admins; /* nobody else makes any */
	int rooms_per_user;   /* 0: any number */
	int room_archive_max, room_archive_days,
		room_history; /* messages a room, their age (0: any), messages for newcomers */
	int resume_seconds;
	int login_seconds;
	struct {
		int stall_seconds;
		int held_max; /* stanzas for a client that is not looked at; 0: XEP-0352 is not offered */
	} reader;
	int log_level;   /* enum log_level */
	int ready_fd;    /* -1: none */
	bool one_thread; /* the store too: tests and simulation, where everything follows from the order of calls */
	const char *vfs; /* of SQLite, for simulation; NULL: the default one */
	/* Of the file, for each option in the order of the table and each of its values; 0: not from there. */
	int line[CONFIG_OPTION_MAX][CONFIG_LIST_MAX];
};

/* Defaults, then the file named by -c (of a node without it node.conf in the data folder, if it is there), then the flags. 0, or ERR_INVALID (usage: why says what and where), ERR_NOTFOUND
 * (the file). argv[0] is the subcommand. --help is found by the caller before. */
int config_read(int argc, char **argv, enum config_use use, struct config *ret, struct buf *why);
void config_clear(struct config *c);
void config_clear_domains(struct config *c); /* and what is said of each */
/* Is this one of the options of this use, and its value good? How many words it is, 0 if it is none of them, ERR_INVALID with a
 * line in why. */
int config_words(enum config_use use, const char *flag, const char *next, struct buf *why);

/* Has it a number for a port that none can have? Then why, to be read behind "... is". */
bool config_no_port(const char *address, struct buf *why);

/* Is it what a node may be called, USER@HOST? False: why is appended. */
bool config_is_name(const char *value, struct buf *why);
/* Can this be a data folder? It need not be there yet. why: "data: '...' is ..." and what to do. */
bool config_is_data(const char *path, struct buf *why);

/* Begins a complaint about the i-th value of an option: appends "FILE:LINE: " if the file gave it, else nothing. */
void config_where(const struct config *c, const char *name, unsigned i, struct buf *why);

/* Only --data of any subcommand's arguments, taken out of them; the default folder otherwise. NULL with a message printed
 * when its value is missing, or the folder (also the default one) cannot be one: config_is_data(). The caller frees. */
char *config_take_data(int *argc, char **argv, enum config_use use);
char *config_default_data(enum config_use use);

/* Prints --help: usage, the options of this use as lines, examples. */
void config_print_help(enum config_use use, const char *usage, const char *examples);

#endif
