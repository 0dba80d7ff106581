/* Private to src/wire: a connection and what its files share. */
#ifndef WIRE_WIRE_I_H
#define WIRE_WIRE_I_H

#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/table.h"
#include "wire/wire.h"
#include "xmpp/ns.h"

enum { READ_SIZE = 16384, WRITE_SIZE = 65536, WRITE_KEEP = 4 * WRITE_SIZE, FLUSH_SLICE = 262144 };
/* What the stream itself says at once: a few addresses and ids, each character of them perhaps escaped. */
enum { RAW_MAX = 256 * 1024 };
/* The first stanza of a stream without a key may be there before its session is. */
enum { LEGACY_FIRST = 64 * 1024, HELD_MAX = LEGACY_FIRST + READ_SIZE + 1 };
/* A link whose other end is silent for so long is dead; how often an old program's socket is looked at, and how long its
 * stream has to stay open once all is gone from there. */
enum { LINK_PATIENCE_SECONDS = 30, DRAIN_POLL_MS = 50, DRAIN_GRACE_MS = 250 };

/* ---- the out-queue: entries {packet, commit} in chunks that the connections of a wire share ---- */

struct out_entry {
	struct packet *p;     /* NULL once a raw packet in the middle is written */
	uint64_t commit : 62; /* not before this is committed */
	uint64_t counted : 1; /* a stanza that XEP-0198 counts */
};
enum { OUT_CHUNK = 30 };
struct out_chunk {
	struct out_chunk *next;
	uint32_t first, n; /* entries first..n-1 are in use */
	struct out_entry e[OUT_CHUNK];
};

/*   head ... (written, not acknowledged) ... next ... (not written) ... tail   */
struct out {
	struct out_chunk *head, *tail;
	struct out_chunk *next_chunk; /* where the first unwritten entry is; NULL: all written */
	uint32_t next_index;
	uint32_t offset;  /* bytes of it that are written already */
	uint32_t unsent;  /* entries not (wholly) written */
	uint32_t unacked; /* counted entries written and not acknowledged */
	size_t bytes;     /* of all entries; shared packets count wherever they are */
};

/* ---- a connection ----
 *
 *           wire_accept      end of link or stream             CLOSE
 *   (new) ------------> OPEN ------------------> LOST ------------------> (freed, CLOSED sent)
 *                        | CLOSE                   ^ never bound: freed at once
 *                        +----> DRAINING --all written, time-out--> (freed, CLOSED sent) */
enum conn_state { CONN_OPEN, CONN_LOST, CONN_DRAINING };

/* XEP-0198, only while enabled (or asked for). */
struct conn_sm {
	bool enabled;
	uint32_t base;  /* stanzas forwarded before counting began */
	uint32_t acked; /* number of our last stanza that the client has */
	uint32_t h;     /* stanzas handled and committed, in the session's count (h on the stream = h - base) */
	struct {
		uint32_t handled;
		uint64_t commit;
	} step, latest;      /* handled, waiting for their commit; commit 0: none */
	bool wanted;         /* an <r/> waits for its <a/> ... */
	uint32_t wanted_at;  /* ... until so many are handled */
	bool asked;          /* our <r/> is unanswered ... */
	int64_t asked_until; /* ... and must be answered by then */
};

/* What waits while nobody looks at the client, see idle.c. */
struct idle;

/* What one address does, see limits.c. */
struct address;

/* Only until there is a session. */
struct conn_login {
	char *resume_token;     /* of a resumption asked for */
	char *register_account; /* while keys for a new account are made */
	bool muted;             /* an answer is held back for a while; nothing is read meanwhile */
	uint64_t dial;          /* links: that of the DIAL, 0: they dialled */
	uint64_t commit;        /* links: what we say waits for it */
	uint32_t stanza_max;    /* links: for the session, 0: as everybody */
	bool asked;             /* links: there was a LINK_ASK */
	bool proof_told;        /* links: LINK_PROVEN */
};

struct conn {
	struct wire *wire;
	uint64_t id;
	enum conn_state state;
	bool asking;    /* BIND or RESUME is unanswered: the core will name this connection */
	bool eager_tls; /* <proceed/> is on its way out, TLS follows */
	bool sniff;     /* the first byte tells what it is */
	bool logged_in;
	bool relink;  /* a link on its way up whose secrets were told: it ends when it is up, see wire_relink() */
	bool defunct; /* freed at the end of the turn */
	bool hung_up; /* the other end did */
	uint8_t watching;
	struct link *link; /* NULL in CONN_LOST */
	struct xml_parser *parser;
	struct stream *stream;
	struct buf held; /* input not parsed yet, because something has to be waited for */
	struct out out;
	struct conn_login *login;
	struct conn_sm *sm;
	struct idle *idle; /* NULL: somebody looks at the client, as at the beginning of each stream */
	uint64_t session;
	uint32_t forwarded, credited; /* stanzas given to the core; of those, handled */
	char *to_attr;                /* " to='full address'", escaped, for packets that want it filled */
	struct address *address;
	struct timer timer; /* login, stall, acknowledgement or drain, see conn_arm() */
	int64_t stall_at;   /* INT64_MAX: nothing is stalled */
	int64_t read_at;    /* INT64_MAX: it is not slowed; else it is not read before */
	int64_t drain_at;   /* INT64_MAX: nothing waits for the socket of an old program */
	uint32_t drained;   /* packets gone from that socket, which count from drain_at on if the stream is open then */
	struct list coming; /* in wire->coming: not yet logged in, and not dialled by us */
	struct list dirty;  /* has output to try; or defunct */
	struct list again;  /* has input that the descriptor will not tell of */
	struct list waiting; /* has something that waits for a commit */
};

struct wire {
	struct loop *loop;
	struct wire_config config;
	struct table conns;
	struct xml_scratch *scratch;
	struct queue *inbox;
	struct msgs to_core, from_core;
	struct list coming; /* the oldest first */
	struct list dirty, waiting, again, defunct, delays, lingers;
	uint32_t linger_n, linger_remote; /* all; those with another machine's or program's TCP */
	uint64_t committed;
	struct map addresses;
	uint32_t logins;
	struct out_chunk *spare; /* free chunks */
	uint32_t spare_n;
	char *read_buf; /* READ_SIZE */
	struct buf write_buf;
	struct given_list *given; /* from other threads */
	struct wire_stats stats;
	wire_tap_fn *tap; /* NULL: nobody traces */
	void *tap_arg;
};

/* conn.c */
struct conn *conn_new(struct wire *w, struct link **link, const struct stream_kind *kind, bool tls_first);
void conn_drop(struct conn *c);                                  /* frees, says nothing to anybody */
void conn_lost(struct conn *c, bool resumable, const char *why); /* our end came first */
void conn_closed(struct conn *c);                                /* answers CLOSE; freed at the end of the turn */
void conn_on_close(struct conn *c, const struct msg *m);         /* the core ends it */
void conn_defunct(struct conn *c);                               /* to be freed at the end of the turn */
void conn_go_on(struct conn *c); /* what it waited for came: parse what is held, read on */
void conn_do(struct conn *c, enum stream_action action, const struct stream_ask *ask, struct buf *raw);
void conn_slow(struct conn *c, uint32_t ms); /* does not read for so long */
void conn_arm(struct conn *c);               /* sets the timer for the nearest deadline */
void conn_watch(struct conn *c);
void conn_start_tls(struct conn *c);
void conn_channel(struct conn *c, struct stream_channel *ret);
struct msg *conn_to_core(struct conn *c, enum msg_kind kind);
void conn_end_stream(struct conn *c, enum serr error, const char *text); /* stream error of our own, then lost */
void conn_end_stream_with(struct conn *c, enum serr error, const char *text, struct str extra);

/* conn_login.c: what the stream asks and what the core answers until there is a session */
void conn_login_ask(struct conn *c, enum stream_action action, const struct stream_ask *ask);
void conn_login_failed(struct conn *c);
void conn_login_on_msg(struct conn *c, struct msg *m);
void conn_login_free(struct conn *c);
static inline bool conn_muted(const struct conn *c) { return c->login && c->login->muted; }
void conn_login_forget_delays(struct wire *w);

/* conn_link.c: links between peers until there is a session */
void conn_link_dial(struct wire *w, const struct msg *m);
void conn_link_sniff(struct conn *c);
void conn_link_on_open(struct conn *c); /* its header has come */
void conn_link_start_tls(struct conn *c);
void conn_link_on_silence(struct conn *c); /* no session in time */
void conn_link_ask(struct conn *c, const struct stream_ask *ask);
void conn_link_open(struct conn *c, const struct stream_ask *ask);
void conn_link_on_reply(struct conn *c, struct msg *m);
void conn_link_tell_proof(struct conn *c);
void conn_link_lost(struct conn *c, const char *why); /* before the session: the core hears what came of it */
void conn_link_arrived(struct conn *c, uint64_t tag); /* a packet with a tag was acknowledged */
void conn_link_drain(struct conn *c);
void conn_link_read_all(
	struct conn *c); /* at the end of the stream: what its system has taken counts, if not by force */
struct stanza *conn_link_legacy(struct conn *c, const struct xml_tree *t);

/* out.c */
void out_add(struct conn *c, struct packet *p, uint64_t commit, bool counted); /* takes a reference of its own */
void out_touch(struct conn *c);                                                /* there may be something to write now */
void out_raw(struct conn *c, struct str bytes, uint64_t commit);
void out_flush(struct conn *c);
void out_take_rest(struct conn *c, struct packets *ret); /* everything not delivered; the queue is empty then */
/* Takes out what waits for commit `from` or a later one. False if there are bytes of the stream itself among them, which
 * nothing can replace: the connection has to end (the rest of the queue is then as it was, but for *ret). */
bool out_expire(struct conn *c, uint64_t from, struct packets *ret);
bool out_acked(struct conn *c, uint32_t n); /* false if more than were written */
void out_clear(struct conn *c);
void out_trim_spare(struct wire *w); /* to what the connections there are may need */
void out_free_spare(struct wire *w);
bool out_waits(const struct conn *c); /* the next entry waits for a commit */

/* idle.c */
void idle_enter(struct conn *c, bool active);
/* Of a client with c->idle. True: p waits until it matters; false: everything that waits is on its way, p may follow. */
bool idle_holds(struct conn *c, struct packet *p, uint64_t commit);
void idle_release(struct conn *c); /* all into the out-queue; it goes on holding */
void idle_take_rest(struct conn *c, struct packets *ret);
void idle_free(struct conn *c);

/* ack.c */
void ack_on_enable(struct conn *c, bool resume);
void ack_on_enabled(struct conn *c, struct msg *m);
void ack_on_link(struct conn *c);  /* a link between peers counts from its beginning */
void ack_on_probe(struct conn *c); /* is anybody there? */
void ack_on_attach(struct conn *c, struct msg *m, const char *token);
void ack_on_attach_lost(struct conn *c, const struct msg *m); /* the connection went before the session came */
void ack_on_expire(struct conn *c);
void ack_on_credit(struct conn *c, struct msg *m);
void ack_on_committed(struct conn *c);
void ack_on_ack(struct conn *c, uint32_t h);
void ack_on_wanted(struct conn *c);
void ack_after_flush(struct conn *c, uint32_t stanzas_written);
void ack_free(struct conn *c);
static inline bool sm_on(const struct conn *c) { return c->sm && c->sm->enabled; }

/* tap.c: a stanza of this connection, for whoever traces links */
void tap_stanza(const struct conn *c, bool sent, struct str xml);
void tap_on_session(struct conn *c); /* it has one now */
static inline bool tap_on(const struct conn *c) { return c->wire->tap && stream_kind(c->stream)->link; }

/* linger.c: takes *link, whose own end has been shut down, and closes it soon */
void linger_link(struct wire *w, struct link **link);
void linger_end_all(struct wire *w);

/* limits.c: per address, for all connections of this wire */
struct address *address_enter(struct wire *w, const struct link_info *info); /* NULL: too many are logging in */
void address_leave(struct wire *w, struct address **a, bool logged_in);
void address_logged_in(struct wire *w, struct address *a);
/* A login failed, or an account was asked for: ms to wait before the answer. */
uint32_t address_failed(struct wire *w, struct address *a);
const char *address_text(const struct address *a); /* "?" for NULL */
void address_forget_all(struct wire *w);

#endif
