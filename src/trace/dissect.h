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
	F_WINDOW_SCALE, /* by what it was multiplied; -1: not known */
	F_MSS,
	F_WSCALE,
	F_SACK,
	F_TIMESTAMP,
	F_RETRANSMISSION,
	F_NEEDLESS,
	F_RTO,
	F_OUT_OF_ORDER,
	F_DUPLICATE_ACK,
	F_TWICE_FROM, /* D-SACK: these bytes came twice */
	F_TWICE_TO,
	F_KEEPALIVE,
	F_KEEPALIVE_ACK,
	F_INITIAL_RTT,
	F_ACK_RTT, /* of a frame that acknowledges: since what it acknowledges */
	F_SEGMENTS,
	F_TLS_LENGTH,
	F_TLS_CONTENT,
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
	F_MAC_FROM,
	F_MAC_TO,
	F_HOST6_FROM,
	F_HOST6_TO,
	FIELDS
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };
enum { HOSTS_MAX = 16, HOST_NONE = HOSTS_MAX };

/* A message to all in a room is acknowledged by the copy that its sender gets, too. */
enum room_part { ROOM_NONE, ROOM_SENT, ROOM_BACK, ROOM_COPY };

/* One thing said on a stream: a row of chat.row. Texts are as they came. */
struct chat_event {
	struct str kind;   /* "message", "receipt", "presence", "stream-open", ... see share/wireshark/wireside.lua */
	struct str stanza; /* "message", "presence", "iq", or "" */
	struct str id, from, to, text;
	struct str speaker;   /* in a room: the member of it, "bob in kitchen"; else as from */
	struct str key;       /* what a message and its receipt have in common; "": no receipt can be for it */
	uint32_t other;       /* frame of the receipt or of the message; 0: none */
	double latency;       /* seconds between them */
	uint32_t size, after; /* its bytes, and those that came after it in the same frame; size 0: not known */
	uint64_t at;          /* in the text of this direction: in clear, or decrypted */
	enum room_part room;
	struct str
		room_key; /* what a message to a room and the room's copy for whoever said it have in common; "": not known */
	bool of_room;        /* it is from a room of a node, or from one of its members */
	uint32_t room_other; /* the frame of the one that belongs to it, by chat_resolve(); 0: none */
	double room_after;   /* seconds between them */
};

enum again {
	AGAIN_NO,
	AGAIN_SENT,     /* bytes that the trace has already */
	AGAIN_NEEDLESS, /* the same, and they had arrived */
	AGAIN_LATE      /* not seen before, but later ones were */
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
	bool shown;             /* the filter lets it through; the others count, but are not shown */
	uint8_t again;          /* enum again */
	bool had;               /* its bytes were in the trace before */
	bool completes;         /* the handshake: its third packet */
	bool shows_hole;        /* as far as was known then, something before it, or what it acknowledges, is missing */
	uint32_t needless_by;   /* index + 1 of the frame that told so by D-SACK; 0: none */
	uint32_t before;        /* index + 1 of the last frame before with data of the same direction; 0: none */
	uint32_t acked_by;      /* index + 1 of the first frame that acknowledges its last byte; 0: none */
	struct {
		uint32_t at, n;
	} field[FIELDS]; /* in `text` */
};

struct dissected_host {
	struct str address, name; /* name: as resolved, or the address */
	struct str link_local;    /* its address on the wire beside the other one (fe80::), if both were seen */
	struct str mac;           /* absent: not known, or of more than one */
	bool no_machine;          /* only a name in stanzas that were captured without packets */
	char person[64];          /* who speaks there, as streams say; "" */
	bool guessed;             /* the person: as stanzas or multicast DNS say, no stream */
	bool several;             /* and they say different things, so none of it counts */
	uint16_t port;            /* one of several at this address: the first port it is known by; 0: the only one */
	uint16_t listens;         /* a port where others connect to it; 0: none is known */
	bool more_ports;          /* it had other connections, too */
	bool rest;                /* all for whom there is no place of their own */
	bool alone;               /* it has frames that are of no connection */
};

struct dissected {
	struct buf text;
	struct dissected_frame *frames;
	uint32_t n, cap;
	struct dissected_host hosts[HOSTS_MAX];
	unsigned host_n;
	uint32_t stream_n;
	struct stream_ends *ends; /* of each connection: hosts.c */
	uint32_t ends_cap;
	struct track *track; /* what dissect_end() knows so far */
	bool cut;            /* there was more than the limits allow */
	uint64_t dropped; /* packets that are not in the file, because the system dropped them when it was captured */
	bool drops_told;  /* false: the file has no such number, and 0 of them is not known either */
	bool as_it_came;  /* segments were not put in order for the reading: some are missing for good */
};

enum { DISSECTED_FRAMES_MAX = 2000000 };

/* Reads the file (any kind that tshark reads), all of it: what a frame means depends on others. The display filter (NULL: all)
 * says which ones are `shown`. ERR_ with a line in why; also with 0, where the file is cut short, or the filter lets no frame
 * through. */
int dissect(const char *file, const char *filter, struct dissected *ret, struct buf *why);
void dissected_clear(struct dissected *d);

/* Wireshark puts segments in order before it reads them, waits for those that never come until the end of the file, and shows
 * nothing of what is behind them. Is there such a frame from this one on? growing: what is missing may still come, unless the
 * other end has acknowledged it. */
bool dissected_waits(const struct dissected *d, uint32_t from, bool growing);
/* The preference, behind -o, by which tshark and Wireshark read a file as a model of it was read. */
const char *dissect_order(bool as_it_came);
/* Is this file to be read as it came? */
bool dissect_as_it_came(const char *file);

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
#define DISSECT_FIRST_PASS \
	"frame || xmpp || tcp.stream || tcp.srcport || tls.record.opaque_type || tls.app_data || tcp.analysis.lost_segment || " \
	"tcp.analysis.retransmission || tcp.analysis.out_of_order"

/* Where something said is on the wire. Sequence numbers are relative, as tshark tells them. */
struct place {
	uint32_t first, last; /* its bytes; of TLS: those of its records */
	uint32_t acked_by;    /* index + 1 of the first frame that acknowledges the last byte; 0: none */
	bool exact;           /* false: all that is known is which segment it ended in */
	unsigned records;     /* of TLS; 0: it is in clear */
	uint32_t text_first,
		text_n; /* of TLS: its first byte in the text of these records, and how long that text is */
};
void chat_place(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct place *ret);
/* The segments that have a part of it, in order, index of each: how many there are, of which the first max are given. Those
 * that were sent again are not among them, */
unsigned place_segments(const struct dissected *d, const struct dissected_frame *f, const struct place *p,
	uint32_t *ret, unsigned max);
/* but here. */
unsigned place_again(const struct dissected *d, const struct dissected_frame *f, const struct place *p, uint32_t *ret,
	unsigned max);

/* Of data that was sent again: index + 1 of the frame that had its first byte before; 0: none in this file. */
uint32_t frame_first_sent(const struct dissected *d, const struct dissected_frame *f);

/* What the file says of packets that were dropped, into the two members. A line about it, nothing for none. */
void capture_dropped(const char *file, struct dissected *ret);
void dropped_put(const struct dissected *d, struct buf *out);
/* The number, or null. */
void dropped_json(const struct dissected *d, struct buf *out);

/* What a packet of multicast DNS is, and whom it is about ("alice@alpha", "somebody"). */
enum discovery { DISCOVERY_ASKS, DISCOVERY_ANSWER, DISCOVERY_HERE, DISCOVERY_GOODBYE };
enum discovery frame_discovery(const struct dissected *d, const struct dissected_frame *f);
struct str discovered(const struct dissected *d, const struct dissected_frame *f, enum field name);

/* Is it stanzas as a program saw them, and no packets? */
bool dissected_stanzas(const struct dissected *d);

/* How many frames are shown. */
uint32_t dissected_shown(const struct dissected *d);

/* Bytes of a connection that were sent and are in no packet of this file, neither in time nor later. */
struct hole {
	uint32_t first, last; /* sequence numbers; SYN and FIN count */
	uint32_t seen;        /* index of the frame that goes on behind it, or acknowledges it */
	bool by_ack;
	bool opener; /* of whose bytes it is */
};
/* The next hole of a connection from *at on, 0 at first. False: there is none. */
bool hole_next(const struct dissected *d, int32_t stream, uint32_t *at, struct hole *ret);
unsigned holes_count(const struct dissected *d, int32_t stream);
/* The one that is seen by this frame; the last one before its bytes, in its direction. False: there is none. */
bool hole_shown(const struct dissected *d, const struct dissected_frame *f, struct hole *ret);
bool hole_before(const struct dissected *d, const struct dissected_frame *f, struct hole *ret);
/* Begins one where its bytes end? */
bool hole_behind(const struct dissected *d, const struct dissected_frame *f);
/* Is it the last one with data in its direction? */
bool is_last_data(const struct dissected *d, const struct dissected_frame *f);

/* What is known of a connection. */
struct connection_facts {
	bool syn;                     /* its beginning is in this capture */
	bool data;                    /* something was sent */
	uint32_t third;               /* index + 1 of the third packet of the handshake; 0: none */
	bool secured;                 /* it came to TLS, */
	bool handshake;               /* whose handshake is in this capture */
	bool readable;                /* something said on it can be read, */
	bool decrypted;               /* also of what is encrypted */
	uint32_t ended_by, closed_by; /* index + 1 of the first </stream:stream>, the first FIN or RST; 0: none */
};
struct connection_facts connection_facts(const struct dissected *d, int32_t stream);

/* Was it sent again (or late), so that people should see it? */
static inline bool frame_again(const struct dissected_frame *f) { return f->again != AGAIN_NO; }
/* Was it lost on its way to the capture, and is here only as it was sent again? */
static inline bool frame_lost_here(const struct dissected_frame *f) { return f->again == AGAIN_SENT && !f->had; }

/* The command that makes the lines for dissect_line(), one a frame, filled in after argv[0..at-1]; NULL at the end. */
void dissect_command(const char **argv, int at);
/* Fields of one line of tshark's output -> a frame. */
bool dissect_line(struct dissected *d, struct str line);
/* After the last line, or the last one so far: who acknowledges what. */
void dissect_end(struct dissected *d);
void track_free(struct track **t); /* for dissected_clear() */

#endif
