/* Private to config*.c: the table of what can be configured. */
#ifndef ROOM_CONFIG_I_H
#define ROOM_CONFIG_I_H

#include "room/config.h"

enum field_kind {
	FIELD_BOOL,
	FIELD_TEXT,
	FIELD_LINE, /* a name */
	FIELD_SECRET,
	FIELD_LANGUAGE, /* a tag of RFC 5646 */
	FIELD_JID,
	FIELD_HIDDEN, /* text that is stored, but in no form */
	FIELD_CHOICE,
	FIELD_ROLES,
	FIELD_NUMBER, /* 0 is "none" */
	FIELD_COUNT
};

struct option {
	const char *value, *label;
};

struct config_field {
	const char *var; /* of the form; NULL: in none */
	const char *key; /* in the store */
	uint16_t offset;
	enum field_kind kind;
	const char *label;
	uint16_t max; /* bytes of a text, or the greatest count */
	const struct option *options;
};

enum { CONFIG_FIELDS = 41 };
extern const struct config_field room_config_fields[CONFIG_FIELDS];

/* The value as it is written, several separated by line ends; a view of c or of tmp. */
struct str room_config_value(const struct room_config *c, const struct config_field *f, struct buf *tmp);
/* ERR_INVALID: c is as it was. */
int room_config_set(struct room_config *c, const struct config_field *f, struct str value);
const struct config_field *room_config_find_var(struct str var); /* by the name in the form */

#endif
