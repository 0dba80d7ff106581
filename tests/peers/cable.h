/* Cables between machines: memory links whose ends are told, each for itself, what TLS would have proven of the other. So
 * two ends can hold different beliefs, which is what an impostor is. */
#ifndef PEERS_CABLE_H
#define PEERS_CABLE_H

#include "base/list.h"
#include "link/link.h"
#include "loop/loop.h"

/* What one end knows of the other. */
struct proof {
	bool tls;
	bool keyed; /* a node's certificate, with this key */
	uint8_t key[32];
	uint8_t exporter[32];
	char address[48]; /* "10.0.0.7:40001" */
};

struct cable_end;

struct cable {
	struct list node;          /* of whoever keeps it */
	unsigned from, to;         /* whose it is, for the keeper */
	struct cable_end *ends[2]; /* NULL: freed */
	int64_t fuse[2];           /* bytes that the end still sends before the cable is cut; -1: any number */
	size_t trickle;            /* bytes a call; 0: any number */
	bool stalled, cut;
	uint64_t sent[2]; /* bytes, by each end */
};

/* Two ends; the cable goes with the second of them. proofs[0] is what the end of `a` knows. */
struct cable *cable_new(struct list *keeper, struct loop *a, struct loop *b, size_t capacity,
	const struct proof proofs[2], struct link **ret_a, struct link **ret_b);
void cable_cut(struct cable *c);
void cable_stall(struct cable *c, bool stalled);
/* Both ends are in use and nothing has broken. */
bool cable_is_whole(const struct cable *c);

#endif
