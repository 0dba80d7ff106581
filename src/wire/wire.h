/* The wire side: connections and what is needed to keep them, no chat state. One wire belongs to one loop (and so
 * to one thread); with none of its own it shares the core's loop. It talks to the core through two
 * queues only. */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "gate/queue.h"
#include "link/tls.h"
#include "xmpp/stream.h"

struct wire_limits {
	struct xml_limits before_login; /* default 10 KiB stanzas */
	struct xml_limits session;      /* default 256 KiB */
	uint32_t login_ms;              /* to be logged in, default 20000 */
	uint32_t stall_ms;              /* without progress of a reader that has something to read, default 30000 */
	uint32_t ack_ms;                /* for an answer to <r/>, default 60000 */
	uint32_t drain_ms;              /* to take the last bytes after the end of a stream, default 5000 */
	uint32_t logins_max;            /* connections not yet logged in, all together, default 2000; 0: no limit */
	uint32_t logins_max_address;    /* the same for one address, default 50 (local ones: ten times); 0: no limit */
	uint32_t free_tries;  /* failed logins and registrations answered at once, default 3; 0: all of them */
	uint32_t queue_max;   /* entries waiting for one connection, default 100000 */
	uint32_t idle_max;    /* entries held while nobody looks at a client, default 256; 0: XEP-0352 is not offered */
	uint32_t queue_bytes; /* the same in bytes, with what is written and not acknowledged, default 16 MiB */
};
extern const struct wire_limits wire_limits_default;

struct wire_config {
	uint8_t number;                     /* the tag of its connection ids */
	const struct stream_policy *policy; /* lives longer than the wire */
	struct tls_ctx *tls;                /* NULL: no TLS. Lives longer than the wire */
	struct wire_limits limits;
	/* Name of a local user, valid until the next call; NULL if there is none. */
	const char *(*local_user)(void *arg, int64_t uid);
	void *local_arg;
	/* Both NULL: no TLS on links between peers (tests bring links that prove a key). Live longer than the wire. */
	struct tls_ctx *node_in, *node_out;
	/* STARTTLS on streams of XEP-0174; both NULL: none. Live longer than the wire. */
	struct tls_ctx *starttls_in, *starttls_out;
	/* Tests: instead of TCP. NULL from it: no connection. */
	struct link *(*dial)(void *arg, struct loop *l, const char *address);
	void *dial_arg;
	struct queue *to_core;
	bool shared_loop; /* the core runs on the same loop and looks after each turn: no waking */
};

struct wire;
struct wire *wire_new(struct loop *l, const struct wire_config *config);
void wire_free(struct wire **w); /* drops what is left */

/* A new connection; takes *link. tls_first: TLS before anything else (XEP-0368). */
void wire_accept(struct wire *w, struct link **link, const struct stream_kind *kind, bool tls_first);
/* The same for a descriptor accepted on another thread. Any thread. */
void wire_give(struct wire *w, int fd, const struct stream_kind *kind, bool tls_first);

/* Messages from the core, put by its thread; wire_mail() takes them. */
struct queue *wire_queue(struct wire *w);
/* Call when mail came: does what the core and other threads asked. */
void wire_mail(struct wire *w);
/* Call at the end of each turn: hands what was gathered to the core... */
void wire_hand_over(struct wire *w);
/* ... and writes what the core sent. */
void wire_flush(struct wire *w);

/* Whoever traces the links between peers hears of each stanza on them as it was on the wire: when the last byte of it was
 * given away, or when it came. NULL: nobody (as at the beginning). */
struct wire_tapped {
	struct str peer;       /* address of the other end, "" before it is known */
	struct str own, other; /* ends of the connection: "10.0.0.7:5298", "[fe80::1]:5298" */
	bool secure;           /* TLS is up */
	bool sent;
	struct str xml;
};
typedef void wire_tap_fn(void *arg, const struct wire_tapped *t);
void wire_tap(struct wire *w, wire_tap_fn *on_stanza, void *arg);
/* Those that are up, with a session: the same without a stanza. */
void wire_each_link(struct wire *w, wire_tap_fn *on_link, void *arg);
/* Takes the connections of all links that have a session away: the sessions go on with new ones. peer: only that one's, absent:
 * all, and those that are on their way up as soon as they have one. Returns the number of those that had. */
unsigned wire_relink(struct wire *w, struct str peer);

/* Links of ended streams on which the other end may still say its last words, for two seconds at most; those of local sockets
 * are not counted. Whoever ends the process before cuts them off: a system answers what comes then with a reset. */
unsigned wire_lingering(const struct wire *w);

struct wire_stats {
	uint32_t connections, logins; /* now; not yet logged in */
	uint64_t accepted, refused, bytes_in, bytes_out, stanzas_in, packets_out;
	uint64_t held, spared; /* for clients that nobody looks at: packets held back; of those, never sent */
};
/* From the wire's thread, or approximately from another. */
struct wire_stats wire_stats(const struct wire *w);

#endif
