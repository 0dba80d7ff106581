/* A link is bytes in motion in both directions, pull style: ask, and get bytes or ERR_AGAIN. Links
 * stack: TLS on TCP, a trickle on anything; the upper one owns the lower one. All calls from the
 * loop's thread that made it. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <sys/uio.h>

#include "base/buf.h"
#include "base/str.h"

struct link;

/* What is known of the other end and of the channel. Absent texts are STR_NONE; all of them live as
 * long as the link. */
struct link_info {
	struct str peer;          /* "192.0.2.7:50312", "[::1]:4000", "unix:uid=1000", "mem" */
	struct str address;       /* the peer's address alone, for limits per address */
	struct str local_address; /* our own end of TCP, with the port; absent on others */
	bool local;               /* loopback, unix or memory */
	bool up;                  /* the other end's system has answered, whatever became of it since */
	bool tls_heard;           /* the other end has begun with a record of TLS, if only to refuse */
	bool secure;              /* TLS is up */
	struct str tls;           /* "TLSv1.3 TLS_AES_256_GCM_SHA384" */
	const uint8_t *key;       /* 32 bytes: the Ed25519 key that the other end has proven (tls_node_new()); NULL */
	int64_t unix_uid;         /* peer credentials of a unix socket, -1 otherwise */
};

/* RFC 9266; RFC 5929 section 4; RFC 5929 section 3. */
enum link_binding { LINK_TLS_EXPORTER, LINK_TLS_SERVER_END_POINT, LINK_TLS_UNIQUE };

struct link_ops {
	const char *name;
	/* Bytes read (> 0); ERR_AGAIN; ERR_CLOSED at the end of the stream; ERR_IO, ERR_TLS. */
	int (*recv)(struct link *k, void *p, size_t n);
	/* Bytes written (> 0), perhaps fewer than given; ERR_AGAIN: call again with the same bytes first
	 * (their place in memory may differ, more may follow); ERR_CLOSED, ERR_IO, ERR_TLS. */
	int (*send)(struct link *k, const void *p, size_t n);
	/* True if recv() would return something without waiting for the descriptor. */
	bool (*pending)(struct link *k);
	/* Says "no more from me" (TLS close_notify, TCP FIN). 0, ERR_AGAIN: call again when ready. */
	int (*shutdown)(struct link *k);
	/* The WATCH_ bits to wait for before the last call that said ERR_AGAIN can go on: reading may need
	 * the descriptor writable and the other way round. */
	int (*want)(struct link *k, int events);
	/* on_ready(arg, WATCH_ bits) whenever one of `events` is possible; events = 0 stops. */
	void (*watch)(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg);
	void (*info)(struct link *k, struct link_info *ret);
	/* Channel binding bytes appended to out; ERR_UNSUPPORTED. */
	int (*binding)(struct link *k, enum link_binding kind, struct buf *out);
	/* As link_unsent(); NULL: never known. */
	int64_t (*unsent)(struct link *k);
	void (*free)(struct link *k);
};

struct link {
	const struct link_ops *ops;
};

static inline int link_recv(struct link *k, void *p, size_t n) { return k->ops->recv(k, p, n); }
static inline int link_send(struct link *k, const void *p, size_t n) { return k->ops->send(k, p, n); }
static inline bool link_pending(struct link *k) { return k->ops->pending(k); }
static inline int link_shutdown(struct link *k) { return k->ops->shutdown(k); }
static inline void link_info(struct link *k, struct link_info *ret) { k->ops->info(k, ret); }
static inline int link_binding(struct link *k, enum link_binding kind, struct buf *out)
{
	return k->ops->binding(k, kind, out);
}
/* Bytes that send() took and that the other end's machine has not acknowledged, as they are on the wire below; -1 if it
 * cannot be known (a unix socket). 0 means that all have arrived there, and after the end of a TCP connection (ERR_CLOSED)
 * that they were read, too: a system resets the connection of a program that closes and leaves something unread, and then
 * it is 1 at least. After the end it still counts what was lost. A TCP link that has said "no more" counts that as one. */
static inline int64_t link_unsent(struct link *k) { return k->ops->unsent ? k->ops->unsent(k) : -1; }
/* Waits for `events` (WATCH_READ: recv may go on; WATCH_WRITE: send may go on). */
void link_watch(struct link *k, int events, void (*on_ready)(void *arg, int events), void *arg);
void link_free(struct link **k); /* closes at once; accepts NULL inside */

#endif
