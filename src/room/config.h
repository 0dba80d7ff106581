/* The configuration of a room: what each field is stands in one table (config.c), from which the form, its reading and
 * the stored text follow. */
#ifndef ROOM_CONFIG_H
#define ROOM_CONFIG_H

#include "base/buf.h"
#include "xml/tree.h"
#include "xmpp/xerr.h"

enum whois { WHOIS_MODERATORS, WHOIS_ANYONE };
/* Who may send private messages. */
enum allow_pm { PM_ANYONE, PM_PARTICIPANTS, PM_MODERATORS, PM_NONE };

struct room_config {
	char *name, *description, *language, *secret; /* NULL: none */
	bool persistent, public_, members_only, moderated, password_protected, change_subject, allow_invites;
	bool archive, logging; /* kept for who asks; written down for everybody */
	uint8_t whois;         /* enum whois */
	uint8_t allow_pm;      /* enum allow_pm */
	uint32_t max_users;    /* 0: as many as the service allows */
};

enum { CONFIG_TEXT_MAX = 8192 };

void room_config_init(struct room_config *c); /* the defaults of a new room */
void room_config_clear(struct room_config *c);
void room_config_copy(struct room_config *to, const struct room_config *from); /* to: cleared or uninitialised */

/* Which fields differ: bits of the table's rows. */
uint32_t room_config_diff(const struct room_config *a, const struct room_config *b);
uint32_t room_config_bit(const char *var); /* of "muc#roomconfig_whois" */

/* The stored form: lines of key=value. Unknown keys (of another version) are passed over. */
void room_config_text(const struct room_config *c, struct buf *out);
void room_config_parse(struct room_config *c, struct str text);

/* The i-th setting, by its name in the form without the prefix; a password is not shown. False: no more. */
bool room_config_item(const struct room_config *c, unsigned i, struct str *name, struct str *value, struct buf *tmp);
/* By that name. ERR_NOTFOUND: there is none; ERR_INVALID: not with this value. */
int room_config_set(struct room_config *c, struct str name, struct str value);

/* The data form (XEP-0004) as a child of muc#owner's query. */
void room_config_form(const struct room_config *c, struct str room, struct buf *out);
/* A submitted form x; fields not in it stay as they are. not-acceptable, bad-request: c is partly changed. */
struct xerr room_config_submit(struct room_config *c, const struct xml_tree *t, uint32_t x);

#endif
