/* For tests: frames as tshark would tell them. */
#ifndef TRACE_TEST_FRAMES_H
#define TRACE_TEST_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "trace/dissect.h"

/* What tshark would say of a frame. */
struct given {
	const char *field[FIELDS];
};

static inline void give(struct dissected *d, const struct given *g)
{
	CLEANUP(buf_clear) struct buf line = {.max = 100000};

	for (int i = 0; i < FIELDS; i++) {
		if (i)
			buf_char(&line, 0x1f);
		buf_z(&line, g->field[i] ? g->field[i] : "");
	}
	assert_true(dissect_line(d, buf_view(&line)));
}

/* A segment of a connection between 10.0.0.1 and 10.0.0.2. */
static inline struct given segment(const char *number, bool back, const char *flags, const char *seq, const char *ack,
	const char *len)
{
	return (struct given){{[F_NUMBER] = number,
		[F_TIME] = number,
		[F_PROTOCOL] = "TCP",
		[F_IP_FROM] = back ? "10.0.0.2" : "10.0.0.1",
		[F_IP_TO] = back ? "10.0.0.1" : "10.0.0.2",
		[F_STREAM] = "0",
		[F_PORT_FROM] = back ? "5298" : "40000",
		[F_PORT_TO] = back ? "40000" : "5298",
		[F_FLAGS] = flags,
		[F_SEQ] = seq,
		[F_ACK] = ack,
		[F_LEN] = len}};
}

static inline void give_all(struct dissected *d, struct given *all, size_t n)
{
	*d = (struct dissected){.text = {.max = 1 << 20}};
	for (size_t i = 0; i < n; i++)
		give(d, &all[i]);
	dissect_end(d);
}

#endif
