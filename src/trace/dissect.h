/* A capture file as Wireshark's engine reads it: its frames with the fields that our views show, hosts, connections, and what
 * is said on them. Views differ in form only: all of them read this. */
#ifndef TRACE_DISSECT_H
#define TRACE_DISSECT_H

#include "base/buf.h"

/* Fields asked of tshark; the names are in dissect.c. */
enum field {
	F_NUMBER,
	F_TIME,
	F_PROTOCOL,
	F_INFO,
	F_IP_FROM,
	F_IP_TO,
	F_IP6_FROM,
	F_IP6_TO,
	F_HOST_FROM,
	F_HOST_TO,
	F_STREAM,
	F_PORT_FROM,
	F_PORT_TO,
	F_FLAGS,
	F_SEQ,
	F_SEQ_RAW,
	F_ACK,
	F_ACK_RAW,
	F_LEN,
	F_WINDOW,
	F_MSS,
	F_WSCALE,
	F_SACK,
	F_TIMESTAMP,
	F_RETRANSMISSION,
	F_RTO,
	F_OUT_OF_ORDER,
	F_DUPLICATE_ACK,
	F_KEEPALIVE,
	F_KEEPALIVE_ACK,
	F_INITIAL_RTT,
	F_TLS_TYPE,
	F_TLS_VERSION,
	F_TLS_CIPHER,
	F_TLS_ALERT,
	F_ENCRYPTED,
	F_DNS_RESPONSE,
	F_DNS_NAME,
	F_DNS_TTL,
	F_DNS_AUTHORITY,
	F_DNS_INSTANCE,
	F_SRV_PORT,
	F_CHAT,
	F_COMMENT,
	F_FRAME_LEN,
	FIELDS
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };
enum { HOSTS_MAX = 16, HOST_NONE = HOSTS_MAX };

/* One thing said on a stream: a row of chat.row. Texts are as they came. */
struct chat_event {
	struct str kind;   /* "message", "receipt", "presence", "stream-open", ... see share/wireshark/wireside.lua */
	struct str stanza; /* "message", "presence", "iq", or "" */
	struct str id, from, to, text;
	struct str key; /* what a message and its receipt have in common; "": no receipt can be for it */
	uint32_t other; /* frame of the receipt or of the message; 0: none */
	double latency; /* seconds between them */
};

struct dissected_frame {
	uint32_t number;
	double time;       /* seconds since the first */
	unsigned from, to; /* hosts; HOST_NONE: nobody in particular */
	int32_t stream;    /* of TCP; -1: none */
	unsigned flags;
	uint32_t seq, ack, len; /* relative */
	bool opener;            /* of the connection: sent by whoever began it */
	bool encrypted;         /* it has data, and its connection has come to TLS */
	bool bare_ack;          /* nothing in it but an acknowledgement that opens nothing */
	uint32_t acked_by;      /* index + 1 of the first frame that acknowledges its last byte; 0: none */
	struct {
		uint32_t at, n;
	} field[FIELDS]; /* in `text` */
};

struct dissected_host {
	struct str address, name; /* name: as resolved, or the address */
	char person[64];          /* who speaks there, as streams say; "" */
};

struct dissected {
	struct buf text;
	struct dissected_frame *frames;
	uint32_t n, cap;
	struct dissected_host hosts[HOSTS_MAX];
	unsigned host_n;
	uint32_t stream_n;
	struct track *track; /* what dissect_end() knows so far */
	bool cut;            /* there was more than the limits allow */
};

enum { DISSECTED_FRAMES_MAX = 2000000 };

/* Reads the file (any kind that tshark reads), those frames that the display filter (NULL: all) lets through. ERR_ with a line
 * in why; also with 0, where the file is cut short. */
int dissect(const char *file, const char *filter, struct dissected *ret, struct buf *why);
void dissected_clear(struct dissected *d);

static inline struct str field_of(const struct dissected *d, const struct dissected_frame *f, enum field i)
{
	return (struct str){d->text.p + f->field[i].at, f->field[i].n};
}
/* The first value as a number; 0 if there is none. */
double field_number(const struct dissected *d, const struct dissected_frame *f, enum field i);
uint32_t field_uint(const struct dissected *d, const struct dissected_frame *f, enum field i);
/* The first of several values. */
struct str field_first(const struct dissected *d, const struct dissected_frame *f, enum field i);
static inline bool field_has(const struct dissected_frame *f, enum field i) { return f->field[i].n > 0; }

/* Eats one event of *rows, which began as field F_CHAT; texts are put into store. False: no more. */
bool chat_next(struct str *rows, struct buf *store, struct chat_event *ret);

/* What only the rest of the file tells: of a message its receipt, of a receipt its message, where tshark did not know. */
void chat_resolve(const struct dissected *d, const struct dissected_frame *f, struct chat_event *e);

/* tshark's filter of the first of two passes, which all frames pass: there it makes only those fields that a filter names, and
 * the chat layer needs these to know in the second which receipt belongs to which message. */
#define DISSECT_FIRST_PASS "frame || xmpp || tcp.stream || tcp.srcport || tls.record.opaque_type"

/* The command that makes the lines for dissect_line(), one a frame, filled in after argv[0..at-1]; NULL at the end. */
void dissect_command(const char **argv, int at);
/* Fields of one line of tshark's output -> a frame. */
bool dissect_line(struct dissected *d, struct str line);
/* After the last line, or the last one so far: who acknowledges what. */
void dissect_end(struct dissected *d);
void track_free(struct track **t); /* for dissected_clear() */

#endif
