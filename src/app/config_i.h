/* Private to the files of the configuration: config.c (the options, the command line), config_file.c (the file). */
#ifndef APP_CONFIG_I_H
#define APP_CONFIG_I_H

#include "app/config.h"

enum kind { TEXT, LIST, NUMBER, SWITCH, CHOICE };

struct option {
	const char *name; /* --name, and the key in the file */
	unsigned use;     /* CONFIG_ bits: whose it is */
	enum kind kind;
	size_t offset;     /* in struct config */
	const char *value; /* what stands for the value in --help; CHOICE: the words, separated by '|', of 0, 1, ... */
	int fallback, min, max;
	const char *help;
	/* What else a value must be, with an explanation appended to why; NULL: anything. */
	bool (*check)(const char *value, struct buf *why);
};

extern const struct option config_options[];
extern const size_t config_option_count;

const struct option *config_find(struct str name, unsigned use); /* NULL if there is none */
/* A switch's values are "true" and "false". False with an explanation appended to why. */
bool config_is_valid(const struct option *o, const char *value, struct buf *why);
bool config_set(struct config *c, const struct option *o, const char *value, struct buf *why);

/* 0, ERR_INVALID or ERR_NOTFOUND with a line in why: file, line number, what. */
int config_read_file(struct config *c, const char *path, struct buf *why);

#endif
