/* The ladder: one line for each thing that happened between the hosts of a capture, from the first packet to the last. Texts
 * of others pass the filter for terminals. */
#ifndef TRACE_LADDER_H
#define TRACE_LADDER_H

#include "trace/dissect.h"

struct ladder_options {
	bool all; /* folds nothing: bare acknowledgements, ARP and the like have lines of their own */
};

/* How its lines are to be read, above them: by this a file is known for one of ours (cmd/trace_place.c). */
#define LADDER_LEGEND "---- in clear, ==== encrypted, * to everybody"
#define LADDER_STANZAS "Stanzas, not packets: how they went over the wire is not known"
void ladder_put(const struct dissected *d, const struct ladder_options *o, struct buf *out);

/* The beginning of the ladder: names over the lanes; and what frames from..to - 1 add to it. *open counts what is folded and
 * not written yet; ladder_put_folded() writes it, at the end. */
struct folded {
	unsigned acks, asks, others;
};
void ladder_put_header(const struct dissected *d, struct buf *out);
void ladder_put_frames(const struct dissected *d, const struct ladder_options *o, uint32_t from, uint32_t to,
	struct folded *open, struct buf *out);
void ladder_put_folded(const struct dissected *d, struct folded *open, struct buf *out);
/* The same, and how connections ended. */
void ladder_put_end(const struct dissected *d, struct folded *open, struct buf *out);

/* ---- parts that other views use, too ---- */

/* Is the frame only counted, and as what? */
enum fold { FOLD_NONE, FOLD_ACK, FOLD_ASK, FOLD_OTHER };
enum fold frame_fold(const struct dissected *d, const struct dissected_frame *f);
/* "3 bare ACKs, 1 other packet"; nothing for nothing. */
void folded_text(const struct folded *n, struct buf *out);
void folded_count(struct folded *n, enum fold what);
/* How many events of its own the frame has: lines of the ladder, at least one. */
unsigned frame_events(const struct dissected *d, const struct dissected_frame *f);

/* What a frame is, in words for people; of several events on it the i-th. Not filtered. False: there is no such event. */
bool frame_text(const struct dissected *d, const struct dissected_frame *f, unsigned i, struct buf *out);
/* A host as people call it: a label that the capture has for it, who speaks there, or its name. */
void host_label(const struct dissected *d, unsigned host, struct buf *out);
/* ", port 40000 and others": of one that has its address in common with others; nothing for the rest. */
void host_ports(const struct dissected_host *h, struct buf *out);
/* Who says this: the host's label, a member of a room, a name. */
void speaker_label(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct buf *out);
/* What was said, as long as a line bears, and how long it is where that is more. */
void said_put(struct str text, struct buf *out);
const char *tls_cipher_name(unsigned number);
/* A segment without data that is sent again: "SYN", "SYN,ACK", "FIN" */
const char *tcp_mark_name(const struct dissected_frame *f);
/* Why it need not have been. */
const char *tcp_mark_needless(const struct dissected_frame *f);
/* Of data that is sent again: "; first sent in frame 12, 4.1 ms before". Nothing where that is not known. */
void first_sent_put(const struct dissected *d, const struct dissected_frame *f, struct buf *out);
/* "sent again in frames 56, 58 (needlessly) and 3 more": of the n frames of place_again(), of which `at` has the first at_most. Those whose first
 * sending was lost before it came here are left out; `needless` stands behind those that need not have been. */
void sent_again_put(const struct dissected *d, const uint32_t *at, uint32_t n, uint32_t at_most, const char *needless,
	struct buf *out);
/* "PSH ACK" */
void tcp_flags_put(unsigned flags, struct buf *out);

#endif
