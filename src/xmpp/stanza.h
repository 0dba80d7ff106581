/* A stanza behind the gate: one allocation, self-contained (invariant S): content namespace is
 * NS_CLIENT, no prefix is used that the children do not declare, inherited xml:lang is explicit in
 * `lang`, `from` is stamped by the server. */
#ifndef XMPP_STANZA_H
#define XMPP_STANZA_H

#include "xml/tree.h"
#include "xmpp/jid.h"
#include "xmpp/xerr.h"

enum stanza_kind { STANZA_MESSAGE, STANZA_PRESENCE, STANZA_IQ };

enum stanza_type {
	/* message; NORMAL is the default, also for unknown values */
	TYPE_NORMAL,
	TYPE_CHAT,
	TYPE_GROUPCHAT,
	TYPE_HEADLINE,
	/* presence; AVAILABLE is the absent type */
	TYPE_AVAILABLE,
	TYPE_UNAVAILABLE,
	TYPE_SUBSCRIBE,
	TYPE_SUBSCRIBED,
	TYPE_UNSUBSCRIBE,
	TYPE_UNSUBSCRIBED,
	TYPE_PROBE,
	/* iq */
	TYPE_GET,
	TYPE_SET,
	TYPE_RESULT,
	/* all kinds */
	TYPE_ERROR,
	TYPE_COUNT
};

struct stanza {
	struct stanza *next; /* for whoever queues it */
	uint64_t origin;     /* the client's session it came from (core's handle), 0 if none; set by the core */
	uint64_t counted_by; /* the session, a client's or a link's, that counts it when it is dealt with */
	uint64_t origin_seq; /* its number there, from 1; 0: not counted (a copy, a server's own) */
	/* The commit that it depends on, 0: none; set by the core or by who made it. Neither it, nor anything that tells
	 * its sender that it was handled (an error need not wait), goes out before: whoever takes it out of an inbox passes the number on with what
	 * it sends, out of this process too (a link to another node holds the stanza back until COMMITTED). */
	uint64_t commit;
	uint64_t tag; /* of the packet that came back, 0: none */
	/* Of what a room sends to somebody at a peer: the link's session by which he came in. It is worth nothing on another one, which
	 * may have missed what was said before. 0: any. */
	uint64_t via;
	enum xerr_cond
		refused; /* not XERR_NONE: could not come in as it was. Without `to` and content, to be answered with this */
	enum stanza_kind kind;
	enum stanza_type type;
	struct jid from, to;  /* views into this block; to may be absent */
	struct str id, lang;  /* decoded; absent if not given */
	struct xml_tree tree; /* into this block; the root is the stanza element, attributes as received */
};

/* Reads kind and type from the root; ERR_INVALID if it is not a stanza in `content` namespace, or an
 * iq/presence with a type that does not exist. */
int stanza_classify(const struct xml_tree *t, struct str content, enum stanza_kind *ret_kind,
	enum stanza_type *ret_type);

/* The only way through the gate. Copies the tree into a block (written anew if it is `outside`), checks
 * and normalises `to`, stamps from (JID_NONE: takes the root's own attribute, for trusted input), lang is
 * that of the root or else of the stream. ERR_INVALID: not a stanza; ERR_SYNTAX: malformed address in to
 * (or from); ERR_LIMIT: too big once written anew. */
int stanza_new(const struct xml_tree *t, struct str content, struct jid from, struct str stream_lang,
	struct stanza **ret);
/* From text that is a complete stanza in NS_CLIENT, with from and to as written: stored ones, returned
 * packets, tests. */
int stanza_parse(struct str text, struct stanza **ret);
void stanza_free(struct stanza **s); /* accepts NULL inside */
/* Of presence, -128 to 127; 0 where it says none (RFC 6121 4.7.2.3). */
int8_t stanza_priority(const struct stanza *s);
/* The same stanza for another recipient; for rare paths. */
struct stanza *stanza_copy(const struct stanza *s, struct jid to);
/* It goes to somebody else; what it carries, its place in its sender's count too, stays. */
void stanza_readdress(struct stanza **s, struct jid to);

/* First child element. */
static inline uint32_t stanza_payload(const struct stanza *s) { return xml_first(&s->tree, XML_ROOT); }
static inline uint32_t stanza_child(const struct stanza *s, const char *name, const char *ns)
{
	return xml_child(&s->tree, XML_ROOT, name, ns);
}
const char *stanza_kind_name(enum stanza_kind kind); /* "message" */
const char *stanza_type_name(enum stanza_type type); /* "chat"; NULL for TYPE_NORMAL and TYPE_AVAILABLE */

#endif
