/* Addresses (RFC 7622): a view of canonical text `local@domain/resource` with the places of its
 * separators. Always prepared and enforced: localpart by UsernameCaseMapped (RFC 8265), domain by
 * IDNA2008 U-labels in NFC and lower case (or an IP literal), resource by OpaqueString. ASCII takes a fast path
 * without copy when it is canonical already. */
#ifndef XMPP_JID_H
#define XMPP_JID_H

#include "base/buf.h"
#include "base/str.h"

enum { JID_PART_MAX = 1023, JID_MAX = 3 * JID_PART_MAX + 2 };

struct jid {
	const char *s;     /* NULL: no address. Not terminated */
	uint16_t local;    /* length of the localpart, 0 if none (then no '@') */
	uint16_t domain;   /* length of the domainpart, never 0 in a valid address */
	uint16_t resource; /* length of the resourcepart, 0 if none (then no '/') */
};

#define JID_NONE ((struct jid){0})

/* Parses and enforces. When text is canonical already the view points into it, otherwise the
 * canonical form is appended to store (which must not move as long as the view is used: give it room for
 * JID_MAX first, or use jid_parse_buf). ERR_INVALID, *ret untouched. */
int jid_parse(struct str text, struct buf *store, struct jid *ret);

/* The same with storage of its own, for short use on the stack. */
struct jid_buf {
	struct jid jid; /* points into text or into the source */
	char text[JID_MAX];
};
int jid_parse_buf(struct str text, struct jid_buf *ret);

/* Each part alone: canonical form appended to out. ERR_INVALID. */
int jid_prep_local(struct str text, struct buf *out);
int jid_prep_domain(struct str text, struct buf *out);
int jid_prep_resource(struct str text, struct buf *out);
/* Room nicknames (RFC 8266 Nickname): the form for comparison (lower case, NFKC) appended to out. */
int jid_prep_nickname(struct str text, struct buf *out);
/* Passwords (RFC 8265 OpaqueString). */
int jid_prep_password(struct str text, struct buf *out);

static inline struct str jid_local(struct jid j) { return (struct str){j.s, j.local}; }
static inline struct str jid_domain(struct jid j)
{
	return (struct str){j.s ? j.s + (j.local ? j.local + 1 : 0) : NULL, j.domain};
}
static inline struct str jid_resource(struct jid j)
{
	return (struct str){j.resource ? jid_domain(j).p + j.domain + 1 : NULL, j.resource};
}
static inline size_t jid_bare_len(struct jid j) { return (size_t)(j.local ? j.local + 1 : 0) + j.domain; }
static inline struct jid jid_bare(struct jid j)
{
	j.resource = 0;
	return j;
}
static inline struct str jid_str(struct jid j) /* whole text; absent for no address */
{
	return (struct str){j.s, j.s ? jid_bare_len(j) + (j.resource ? (size_t)j.resource + 1 : 0) : 0};
}
static inline struct str jid_bare_str(struct jid j) { return (struct str){j.s, j.s ? jid_bare_len(j) : 0}; }

static inline bool jid_some(struct jid j) { return j.s != NULL; }
bool jid_eq(struct jid a, struct jid b);
bool jid_eq_bare(struct jid a, struct jid b);
/* A view of canonical text made earlier by this program (store, index); must() be one. */
struct jid jid_view(struct str canonical);
/* Own copy: *j points to memory that jid_free() frees. */
struct jid jid_dup(struct jid j);
void jid_free(struct jid *j);

#endif
