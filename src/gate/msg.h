/* Every message that crosses between wire, core, storage and administration. Pure data: how they travel is
 * gate/queue.h. Ids, never pointers, name what the other side owns; payload pointers move with the
 * message (whoever takes it out of the queue owns them; msg_clear() frees what was not taken).
 *
 * Order: messages from one sender to one receiver arrive in the order sent. Between different pairs
 * nothing is promised, except that COMMITTED(n) follows the answers to everything asked before batch n.
 *
 * A connection's life, in messages (-> to the core, <- to the wire):
 *   -> AUTH_ASK <- AUTH_REPLY          as often as there are tries
 *   -> BIND     <- BOUND               (or -> RESUME <- ATTACH | REFUSED)
 *   -> STANZA <- SEND <- CREDIT ...
 *   -> LOST     <- CLOSE -> CLOSED     the wire's end came first: LOST returns what was not delivered
 *   <- CLOSE    -> CLOSED              the core ends it
 * A link between peers has LINK_ASK <- LINK_REPLY and LINK_OPEN <- BOUND (or RESUME <- ATTACH) instead of the login; the
 * side that dials begins with <- DIAL.
 * After CLOSED the connection's id is dead. What the core sent between LOST and CLOSE comes back in
 * CLOSED. A connection that never bound ends without a word. */
#ifndef GATE_MSG_H
#define GATE_MSG_H

#include "store/store.h"
#include "xmpp/packet.h"
#include "xmpp/scram.h"
#include "xmpp/service.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"
#include "xmpp/xerr.h"

enum msg_kind {
	MSG_NONE,
	/* wire -> core */
	MSG_AUTH_ASK,  /* keys of an account, please */
	MSG_REGISTER,  /* make an account (only where registration is open) */
	MSG_BIND,      /* principal is proven; a session, please */
	MSG_RESUME,    /* principal is proven; go on with an old session (XEP-0198) */
	MSG_SM_ENABLE, /* this session shall count, and perhaps be resumable */
	MSG_STANZA,
	MSG_LOST,
	MSG_CLOSED,
	/* core -> wire */
	MSG_AUTH_REPLY,
	MSG_REGISTER_REPLY,
	MSG_BOUND,
	MSG_ATTACH,
	MSG_SM_ENABLED,
	MSG_SEND,
	MSG_CREDIT,
	MSG_COMMITTED,
	/* Entries held for a commit number >= this one come back, as EXPIRED; a connection that holds <resumed/> is lost. */
	MSG_EXPIRE,
	MSG_CLOSE,
	/* wire -> core */
	MSG_EXPIRED,
	/* core -> store, store -> core */
	MSG_STORE_BATCH,
	MSG_STORE_ASK,
	MSG_STORE_COMMITTED,
	MSG_STORE_ANSWER,
	MSG_STORE_STATE,
	/* administration: a command in words, its answer in lines of text */
	MSG_ADMIN_ASK,
	MSG_ADMIN_REPLY,
	/* core -> helper pool -> core */
	MSG_HASH_ASK,
	MSG_HASH_REPLY,
	/* discovery -> core. A peer is FOUND at first sight and again whenever anything of it changes. GONE is an event, no
	 * verdict: it closes nothing. */
	MSG_FOUND,
	MSG_GONE,
	MSG_NAMED, /* the name in force for us, once it is ours */
	MSG_PICTURE,
	MSG_NETWORK, /* what we can be found through, or why through nothing; at the start and at each change */
	/* core -> discovery */
	MSG_PUBLISH, /* again to change anything */
	MSG_ASK_PICTURE,
	/* links between peers, core -> wire */
	MSG_DIAL,       /* a stream to this address, please */
	MSG_LINK_REPLY, /* what to do with the stream of a LINK_ASK */
	MSG_LINK_PROBE, /* is this link alive? It is lost if nothing comes back soon */
	/* wire -> core */
	MSG_LINK_ASK,    /* both headers are there: who is it, and may it be? Answered with LINK_REPLY */
	MSG_LINK_PROVEN, /* the shared password was met, or not */
	MSG_LINK_OPEN, /* accepted: a new session with this peer, please. Answered with BOUND, and SM_ENABLED on keyed links */
	MSG_LINK_FAILED, /* no session came of a DIAL, or of an accepted stream; its connection is gone */
	MSG_ACKED,       /* packets with a tag that have arrived */
	MSG_KIND_COUNT
};

/* A connection may have this many stanzas that the core has not credited; then the wire stops reading. */
enum { GATE_CREDIT_MAX = 64 };

enum dial_starttls { STARTTLS_MAY, STARTTLS_MUST, STARTTLS_NEVER };

/* What a stream between peers says and what its channel proves. All texts owned. */
struct link_ask {
	uint64_t dial;        /* that of the DIAL; 0: the other end dialled */
	char *from, *to;      /* of the other end's header, as they stand there; NULL if absent */
	char *address;        /* the other end's, "10.0.0.7:50312" */
	char *local_address;  /* our end's; NULL: not known */
	char *tls;            /* version and cipher; NULL: no TLS */
	bool keyed;           /* the channel proves the key */
	bool legacy;          /* a stream of XEP-0174: its TLS, if it has any, proves nothing */
	uint8_t key[32];      /* Ed25519, raw */
	uint8_t exporter[32]; /* RFC 9266, the same at both ends */
};

/* Some packets. Owned array of owned references. */
struct packets {
	struct packet **p;
	uint32_t n;
};

struct msg {
	enum msg_kind kind;
	uint64_t conn;    /* wire's id of the connection; 0 where there is none */
	uint64_t session; /* core's handle of the session, once bound */
	union {
		/* account: bare address, owned text. kinds: MSG_AUTH_REPLY carries the keys of `hash`. */
		struct {
			char *account;
			enum hash_kind hash;
		} auth_ask;
		/* known false: keys are made up, stable for the name, and cannot be met. */
		struct {
			struct scram_keys *keys;
			bool known;
		} auth_reply;
		/* keys[0] SHA-1, keys[1] SHA-256 */
		struct {
			char *account;
			struct scram_keys *keys;
			char *email; /* may be NULL; unused fields of the form are not kept */
		} reg;
		struct {
			enum xerr_cond error; /* XERR_NONE: done */
		} reg_reply;
		/* resource NULL: the core makes one. peer: for the log and status. secure: a password may cross this stream. */
		struct {
			char *account;
			char *resource;
			char *peer;
			bool secure;
		} bind;
		/* error not XERR_NONE: refused. jid: full address, owned text. */
		struct {
			char *jid;
			enum xerr_cond error;
		} bound;
		struct {
			char *account;
			char *token;
			uint32_t h; /* what the client has handled of ours */
		} resume;
		/* failed: item-not-found. */
		struct {
			char *jid;
			struct packets queue; /* to send again, first the one after `acked` */
			uint32_t acked;       /* number of the last one the client has */
			uint32_t handled;     /* stanzas of the client's handled in the whole session */
			uint32_t base;        /* of those, before counting for XEP-0198 began */
			uint64_t commit;      /* nothing of all this may be said before it is committed */
			bool failed;
		} attach;
		struct {
			bool resume;
		} sm_enable;
		struct {
			char *token; /* NULL: not resumable */
			uint32_t max_seconds;
		} sm_enabled;
		struct {
			struct stanza *stanza;
		} stanza;
		/* LOST, CLOSED, EXPIRED: what was not delivered, oldest first. The other two not for EXPIRED; acked: see attach. */
		struct {
			struct packets rest;
			uint32_t acked;
			bool resumable; /* the connection broke: keep the session if it may be resumed */
			bool hung_up;   /* LOST: the other end did; else it may be there still, and silent */
		} end;
		/* Each packet, in order, to each connection. One of each is kept inline. */
		struct {
			struct packet **packets; /* owned array, or NULL: packet */
			struct packet *packet;
			uint64_t *conns; /* owned array, or NULL: msg.conn */
			uint32_t packet_count, conn_count;
			uint64_t commit; /* must not be written before COMMITTED(commit); 0: at once */
		} send;
		/* `handled` stanzas in all have been handled; counts for <a/> once `commit` is committed. */
		struct {
			uint32_t handled;
			uint32_t
				pause_ms; /* the client is not read for so long: it writes faster than a link carries */
			uint64_t commit;
		} credit;
		struct {
			uint64_t number;
		} committed; /* also EXPIRE, STORE_COMMITTED */
		struct {
			enum serr error;  /* SERR_NONE: plain </stream:stream> */
			const char *text; /* static, or NULL */
			bool at_once;     /* what is not written yet is wanted back now: no time to write it */
			bool silent; /* nor a word: for the other end the connection breaks, and its session goes on */
		} close;
		struct {
			struct store_batch *batch;
		} store_batch;
		struct {
			struct store_query *query;
		} store_ask;
		struct {
			struct store_rows *rows;
		} store_answer;
		struct {
			bool failing;
			int error; /* ERR_FULL, ERR_IO, ERR_BUSY */
		} store_state;
		/* conn: the asker's id. words: owned array of owned texts. */
		struct {
			char **words;
			uint32_t n;
		} admin_ask;
		struct {
			char *text;  /* owned; may be NULL */
			bool failed; /* text says why */
		} admin_reply;
		/* tag in `session`. Password owned, wiped by the receiver. Keys: [0] SHA-1, [1] SHA-256. */
		struct {
			char *password;
		} hash_ask;
		struct {
			struct scram_keys *keys;
		} hash_reply;
		struct {
			struct service *service;
		} found;
		struct {
			char *instance;
		} gone; /* also ASK_PICTURE */
		/* renamed: somebody else has the name that was wanted. */
		struct {
			char *instance;
			bool renamed;
		} named;
		struct {
			char *instance;
			char *bytes; /* whatever the peer says is its picture */
			uint32_t n;
		} picture;
		/* text: one line for people. changed: our addresses are not those of the last such message. */
		struct {
			char *text;
			bool usable;
			bool changed_addresses;
		} network;
		/* service: instance wanted, port, TXT. picture: NULL for none, at most SERVICE_PICTURE_MAX bytes. */
		struct {
			struct service *service;
			char *picture;
			uint32_t n;
		} publish;
		/* conn 0. tls: direct TLS with our node key, else a stream as of XEP-0174. from, to: for the header, as they shall stand
		 * there (to may be NULL). */
		struct {
			uint64_t id; /* comes back in LINK_ASK or LINK_FAILED */
			char *address;
			char *from, *to;
			uint32_t timeout_ms; /* until LINK_ASK, 0: that of logins */
			bool tls;
			enum dial_starttls starttls; /* not tls: what of STARTTLS */
		} dial;
		struct {
			struct link_ask *ask;
		} link_ask;
		struct {
			enum serr error;  /* not SERR_NONE: refused with it */
			const char *text; /* static, or NULL */
			char *from;       /* for our header, as it shall stand there */
			char *peer; /* what the other end is, as an address: the domain that its key proves, or a legacy name */
			char *token;         /* the session to resume (the side that dialled), NULL: a new one */
			uint32_t h;          /* of that: stanzas handled ... */
			uint64_t commit;     /* ... and when that may be said */
			uint32_t stanza_max; /* bytes; 0: that of sessions */
			struct stream_password *password; /* shared with this peer; NULL: none. Wiped when freed */
		} link_reply;
		struct {
			bool right;
		} link_proven;
		struct {
			char *token; /* what the other end calls the session (the side that dialled); NULL: name it */
		} link_open;
		struct {
			uint64_t dial;   /* 0: they dialled */
			const char *why; /* static */
			bool asked;      /* there had been a LINK_ASK */
			bool reached;    /* the other end's system answered; no saying what program */
			bool lacks_tls;  /* STARTTLS_MUST, and it does not offer any */
			bool secured;    /* there was TLS, if only an alert: it is no program without */
			bool keyed;      /* and that proved the key */
			uint8_t key[32];
		} link_failed;
		struct {
			uint64_t *tags; /* owned array */
			uint32_t n;
		} acked;
	};
};

/* Frees whatever the message still owns and makes it MSG_NONE. */
void msg_clear(struct msg *m);
const char *msg_name(enum msg_kind kind);

/* A growing list of messages in order: the form in which they are handed over. */
struct msgs {
	struct msg *m;
	uint32_t n, cap;
};
struct msg *msgs_add(struct msgs *q); /* a zeroed message at the end, valid until the next add */
void msgs_clear(struct msgs *q);

void packets_add(struct packets *ps, struct packet **p); /* takes *p */
void packets_clear(struct packets *ps);

#endif
