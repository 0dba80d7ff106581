/* What is remembered of a connection: for the files that read a capture (track.c, holes.c, place.c, vantage.c), and for what of
 * the views asks that closely. */
#ifndef TRACE_TRACK_I_H
#define TRACE_TRACK_I_H

#include "base/map.h"
#include "trace/dissect.h"

/* A TLS record of one direction. They follow one another without a gap, so their places follow from their lengths. */
struct record {
	uint32_t first, n; /* sequence number, bytes with its header */
	uint64_t text;     /* of what it carries for the chat: which bytes of the direction's decrypted text */
	uint32_t text_n;   /* 0: it is TLS's own */
	uint32_t frame;    /* index: where it was complete */
};

struct indexes {
	uint32_t *v;
	uint32_t n, cap;
};

struct direction {
	struct indexes waiting; /* frames with data that is not acknowledged, from .first on */
	uint32_t first;
	uint32_t last;               /* index + 1 of the last frame with data */
	struct indexes again;        /* frames with data that the trace had before */
	uint32_t syn, syn_last, fin; /* index + 1 of the first SYN, the last one, the first FIN; 0: none */
	uint32_t end;                /* sequence number behind all that was sent, or acknowledged */
	bool counts;                 /* that is known */
	bool lost_here,
		lost_behind; /* something did not get as far as the capture; or went on, and had to be sent again */
	struct hole *holes;
	uint32_t hole_n, hole_cap;
	struct record *records;
	uint32_t record_n, record_cap;
	uint32_t next; /* where the next record begins, if */
	bool follows;
	uint64_t text; /* decrypted so far */
};

struct stream {
	struct direction dirs[2];
	unsigned extra; /* bytes that encryption adds to a text; 0: not known */
	struct connection_facts facts;
};

/* A message and its receipt, whichever of them is there: index + 1 of the first frame of each. */
struct exchange {
	struct exchange *next;
	struct str key;
	uint32_t message, receipt;
};

struct track {
	uint32_t done; /* frames */
	struct stream *streams;
	uint32_t stream_cap;
	struct map exchanges;
	struct exchange *all;
};

/* NULL: a frame of no connection (-1), or none is known. */
static inline struct stream *stream_at(const struct dissected *d, int32_t stream)
{
	return stream < 0 || !d->track || (uint32_t)stream >= d->track->stream_cap ? NULL : &d->track->streams[stream];
}

/* In 32 bits that may wrap. */
static inline bool reaches(uint32_t ack, uint32_t end) { return (int32_t)(ack - end) >= 0; }

/* Is this one of the values of a field? */
static inline bool values_have(struct str all, const char *value)
{
	while (all.p && all.n)
		if (str_is(str_cut(&all, 0x1e), value))
			return true;
	return false;
}

/* The sequence number behind it. */
static inline uint32_t frame_end(const struct dissected_frame *f)
{
	return f->seq + f->len + !!(f->flags & TCP_SYN) + !!(f->flags & TCP_FIN);
}

/* holes.c: a frame of this direction; one of the other, which acknowledges. */
void holes_sent(struct dissected *d, struct direction *dir, const struct dissected_frame *f, uint32_t index);
void holes_acknowledged(struct dissected *d, struct direction *dir, const struct dissected_frame *by, uint32_t index);

/* The records that become complete in this frame. */
void records_add(struct dissected *d, const struct dissected_frame *f, uint32_t index, struct stream *s,
	struct direction *dir);

/* The index of a frame with this number, at or before `from`; UINT32_MAX. */
uint32_t frame_index(const struct dissected *d, uint32_t number, uint32_t from);

#endif
