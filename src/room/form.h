/* Forms that are sent to a room as messages, and sent out by it: requests for voice (XEP-0045 7.13, 8.6), decisions about
 * registrations (9.9). */
#ifndef ROOM_FORM_H
#define ROOM_FORM_H

#include "room/room.h"

/* Writing: the message from the room up to its form's first own field, fields, the end. */
void form_begin(struct room *r, struct packet_writer *w, const char *title, const char *form_type);
void form_put(struct packet_writer *w, const char *var, const char *type, const char *label, struct str value);
struct packet *form_end(struct packet_writer *w);

/* The submitted form in a message to the room, XML_NONE if there is none of a kind that rooms know. */
bool form_is(const struct stanza *s);
void form_on_message(struct room *r, struct stanza **s);

/* ---- voice.c, registration.c: what the kinds do; x: the form ---- */
struct xerr voice_on_form(struct room *r, const struct stanza *s, uint32_t x);
struct xerr registration_on_form(struct room *r, const struct stanza *s, uint32_t x);

/* A field's text: absent if there is no such field. */
struct str form_text(const struct xml_tree *t, uint32_t x, const char *var, struct buf *tmp);
bool form_says_yes(struct str value);

/* Requests that wait, to an admin who enters. */
void registration_show(struct room *r, struct visit *v);
enum { ABSENT_MAX = 500 };
/* Presences of members who have a nickname and are not here, where the room shows them: at most ABSENT_MAX. */
uint32_t nick_list_absent(struct room *r, struct packet **packets);
/* The form with which a nickname is registered, and reading it: as it stands in addresses, and as it is compared. Of a room and of
 * the service. bad-request, not-acceptable. */
void register_put_form(struct buf *out, struct str with, struct str nick);
struct xerr register_read_nick(const struct xml_tree *t, uint32_t x, struct buf *ret_nick, struct buf *ret_key);
struct xerr register_prepare(struct str nick, struct buf *ret_nick, struct buf *ret_key);
/* May this address have this nickname? conflict: it is another's. */
struct xerr nick_check_owner(const struct room *r, struct str key, struct jid who);
/* The same, and nobody asks for it or is called so now. */
struct xerr nick_check_free(const struct room *r, struct str key, struct jid who);
/* The nickname that somebody has to use here, NULL: any. */
const struct nickname *nick_locked(const struct room *r, struct jid who);

#endif
