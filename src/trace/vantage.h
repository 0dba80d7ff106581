/* Where a capture was made: the same times mean something else at the one end of a connection than at the other. */
#ifndef TRACE_VANTAGE_H
#define TRACE_VANTAGE_H

#include "trace/dissect.h"

enum vantage_place {
	VANTAGE_UNKNOWN, /* nothing tells */
	VANTAGE_SAME,    /* both ends are so near that it makes no difference */
	VANTAGE_OPENER,  /* at whoever opened the connection, or near */
	VANTAGE_OTHER,   /* at the other end, or near */
	VANTAGE_BETWEEN  /* on the way */
};

struct vantage {
	enum vantage_place place;
	double answered, completed; /* seconds from the SYN to its answer, and from that to the acknowledgement */
	bool measured;              /* these are known */
};

struct vantage vantage_of(const struct dissected *d, int32_t stream);
/* Is it at the end that got this frame, so that times from it on are only the answer's? */
bool vantage_is_receiver(const struct vantage *v, const struct dissected_frame *f);
/* "captured at alice, or near"; nothing where it is not known or makes no difference. */
void vantage_put(const struct dissected *d, int32_t stream, const struct vantage *v, struct buf *out);

#endif
