/* A stanza on its way out: bytes once, for any number of recipients. Immutable and shared by reference
 * count. It is written `<message from=.. id=..>payload</message>` without namespace; the wire puts in,
 * at `hole`, the namespace its framing needs and, when `fill` is set, to='the recipient'. */
#ifndef XMPP_PACKET_H
#define XMPP_PACKET_H

#include "base/blob.h"
#include "xmpp/stanza.h"
#include "xmpp/xerr.h"

struct packet {
	struct blob *bytes; /* owned */
	_Atomic uint32_t refs;
	uint16_t hole;         /* offset behind the element name */
	uint8_t kind, type;    /* enum stanza_kind, stanza_type */
	bool fill;             /* the wire writes to= itself */
	bool raw;              /* not a stanza: bytes of the stream itself, written as they are */
	bool volatile_;        /* not worth keeping for a broken session (presence, typing, results) */
	_Atomic uint8_t light; /* 1 + enum light once that was asked for (xmpp/light.h), else 0 */
	uint64_t tag;          /* the core's: not 0 if whoever sent it wants to know that it arrived */
	uint32_t copies;       /* the core's: sent to so many sessions, of which one is enough (0: each counts) */
};

/* Bytes of the stream itself (headers, acknowledgements), for the out-queue. */
struct packet *packet_raw(struct str bytes);
/* A stanza as somebody else wrote it, for a stream of another kind: written as it is, never read back. */
struct packet *packet_verbatim(enum stanza_kind kind, struct str bytes);
struct packet *packet_ref(struct packet *p);
void packet_unref(struct packet **p); /* accepts NULL inside */
static inline struct str packet_view(const struct packet *p) { return blob_view(p->bytes); }

/* What a start tag says. Absent parts are left out; to absent = filled by the wire. */
struct packet_head {
	enum stanza_kind kind;
	enum stanza_type type;
	struct str from, to, id, lang;
};

/* Building: begin, then any bytes of payload (self-contained XML in NS_CLIENT), then end. */
struct packet_writer {
	struct buf out;
	struct packet_head head;
	size_t tag; /* length of the start tag */
};
void packet_begin(struct packet_writer *w, const struct packet_head *head);
/* Ends and empties the writer. NULL if it grew over the limit of 4 MiB. */
struct packet *packet_end(struct packet_writer *w);

/* A stanza as it came. With to == NULL the wire fills it; otherwise as given. */
struct packet *packet_from(const struct stanza *s, const struct str *to);
/* The head of s with its from, to, id, type, lang. */
void packet_head_of(const struct stanza *s, struct packet_head *ret);
/* Appends s's payload as received, without the children for which drop() is true. */
void packet_put_payload(struct packet_writer *w, const struct stanza *s,
	bool (*drop)(const struct stanza *s, uint32_t child));

/* Inside another element: the stanza of a packet's bytes, which have the packet's hole, says its namespace itself. */
void packet_put_inner(struct buf *out, struct str bytes, size_t hole);

/* A chat state alone (XEP-0085 5.5): nothing to deliver later, so its packet is volatile. */
bool packet_only_typing(const struct stanza *s);

/* Replies: from and to exchanged, id kept, type result. payload may be absent. */
struct packet *packet_result(const struct stanza *request, struct str payload);
/* Type error; repeats no payload. NULL if s must not be answered (is itself an error or an iq result). */
struct packet *packet_error(const struct stanza *s, struct xerr e);
/* Back to a stanza, for what a broken connection returned; to: for a filled one. */
int packet_parse(const struct packet *p, struct jid to, struct stanza **ret);

#endif
