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
/* To whom visitors may send private messages, if they may send any. */
enum visitor_pm { VISITOR_PM_ANYONE, VISITOR_PM_MODERATORS, VISITOR_PM_NOBODY };
/* Who may become a member by asking (XEP-0045 7.10). */
enum registration { REGISTER_APPROVAL, REGISTER_OPEN, REGISTER_CLOSED };

/* How those who are in deal with each other, beyond what XEP-0045 has options for. */
struct room_manners {
	bool voice_by_default; /* of a moderated room: who enters has it */
	bool change_nick;      /* while one is in */
	bool query_others;     /* requests to other occupants */
	bool list_outside;     /* who is in is told outside */
	uint8_t visitor_pm;    /* enum visitor_pm */
	uint32_t ask_seconds;  /* between two requests for voice of one user */
	uint32_t shown;        /* messages, to who enters and does not say how many */
};

struct room_config {
	char *name, *description, *language, *contact, *secret; /* NULL: none */
	char *maker;        /* bare address of who has the room as one of his; in no form; NULL: not known */
	char *seen;         /* the day (since 1970) on which somebody was last in it; in no form; NULL: not known */
	char *occupant_key; /* of the ids of occupants (XEP-0421), hexadecimal; made with the room, in no form */
	char *subject_id;   /* of the occupant who set the subject; in no form; NULL: not known */
	char *subjects;     /* the subject in its languages, as XML; in no form; NULL: it has one, without a language */
	bool persistent, public_, members_only, moderated, password_protected, change_subject, allow_invites, logging;
	bool archive;            /* what is said is kept for who asks */
	bool invites_chosen;     /* somebody has said whether allow_invites; in no form */
	bool allow_subscription; /* whoever may enter may hear it without being in */
	bool voice_requests, visitor_nick, visitor_status, lock_nicks, show_absent;
	uint8_t whois;         /* enum whois */
	uint8_t allow_pm;      /* enum allow_pm */
	uint8_t registration;  /* enum registration */
	uint8_t broadcast;     /* roles whose presence everybody gets: bits 1 << enum role */
	uint8_t member_list;   /* roles that may read who is a member, likewise */
	uint32_t max_users;    /* 0: as many as the service allows */
	uint32_t history;      /* messages shown to who enters */
	uint32_t slow_seconds; /* between two messages of one occupant, 0: no limit */
	struct room_manners manners;
};

enum { CONFIG_TEXT_MAX = 98304, SUBJECTS_MAX = 28672, HISTORY_MAX = 500 };

void room_config_init(struct room_config *c); /* the defaults of a new room */
void room_config_clear(struct room_config *c);
void room_config_copy(struct room_config *to, const struct room_config *from); /* to: cleared or uninitialised */

/* Who may invite, where nobody has said so: everybody, but to a room that is for members only its admins (5.2.1). */
void room_config_default_invites(struct room_config *c);

/* Which fields differ: bits of the table's rows. */
uint64_t room_config_diff(const struct room_config *a, const struct room_config *b);
uint64_t room_config_bit(const char *var); /* of "muc#roomconfig_whois" */

/* The stored form: lines of key=value. Unknown keys (of another version) are passed over. */
void room_config_text(const struct room_config *c, struct buf *out);
void room_config_parse(struct room_config *c, struct str text);
/* One such line; false: there is no such key, or it has no such value. */
bool room_config_line(struct room_config *c, struct str line);

/* The i-th setting, by its short name: that of the form without the prefix. A password is not shown. False: no more. */
bool room_config_show(const struct room_config *c, unsigned i, struct str *name, struct str *value, struct buf *tmp);
struct str room_config_pm(const struct room_config *c); /* the value of muc#roomconfig_allowpm */
bool room_config_is_secret(struct str name);
/* By that name. ERR_NOTFOUND: there is none; ERR_INVALID: not with this value. */
int room_config_change(struct room_config *c, struct str name, struct str value);

/* The fields of the data form (XEP-0004), for its x. */
void room_config_form(const struct room_config *c, struct buf *out);
/* A submitted form x; fields not in it stay as they are. not-acceptable, bad-request: c is partly changed. */
struct xerr room_config_submit(struct room_config *c, const struct xml_tree *t, uint32_t x);
/* The values of a field of a form, one a line; empty if there are none. tmp: for the text. */
struct str form_values(const struct xml_tree *t, uint32_t field, struct buf *tmp);
/* The field with this name in a form x, XML_NONE if there is none. */
uint32_t form_field(const struct xml_tree *t, uint32_t x, const char *var);

#endif
