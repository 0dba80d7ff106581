/* What one connection said, piece by piece in the order of the stream, as tshark follows it; whose piece it is, and addresses of
 * nodes as people call them (nodes.h). */
#ifndef TRACE_FOLLOW_H
#define TRACE_FOLLOW_H

#include "trace/dissect.h"

struct followed_piece {
	size_t at, n;  /* in text */
	bool opener;   /* of whoever began the connection */
	unsigned host; /* who that is */
};

struct followed {
	struct buf text;
	struct followed_piece *piece;
	uint32_t n, cap;
	struct buf legend; /* of labels, "" for none */
	bool cut;          /* there was more than the limit */
};

/* how: "tls" (decrypted) or "tcp". max: bytes of text. ERR_ with a line in why. */
int follow(const char *file, const struct dissected *d, unsigned connection, const char *how, size_t max,
	struct followed *ret, struct buf *why);
void followed_clear(struct followed *f);

#endif
