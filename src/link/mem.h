/* Two ends of a pipe in memory, for tests and simulation. Readiness is reported in the next turn,
 * as with a socket. */
#ifndef LINK_MEM_H
#define LINK_MEM_H

#include "link/link.h"
#include "loop/loop.h"

/* Each direction holds at most capacity bytes, then send() says ERR_AGAIN. The two ends may belong to
 * two loops only if one thread runs both. */
void mem_link_pair(struct loop *a, struct loop *b, size_t capacity, struct link **ret_a, struct link **ret_b);
/* Cuts the cable: both ends read ERR_CLOSED at once, bytes in flight are lost. Either end. */
void mem_link_cut(struct link *k);
/* While stalled nothing moves in either direction and nothing is ready. Either end. */
void mem_link_stall(struct link *k, bool stalled);

/* A link over another that reads and writes at most n bytes a call (1: every possible cut). Owns below. */
struct link *trickle_link_new(struct loop *l, struct link **below, size_t n);

#endif
