/* Inside of explain*.c. Judged is by all frames; the filter chooses what is told: connections, messages, discovery. */
#ifndef TRACE_EXPLAIN_I_H
#define TRACE_EXPLAIN_I_H

#include "trace/explain.h"
#include "trace/ladder.h"

enum {
	EXPLAIN_LISTED = 20,
	EXPLAIN_TEXT_MAX = 1 << 16,
	EXPLAIN_ALL = -1,    /* in place of a connection: the file */
	EXPLAIN_STANZAS = -2 /* what was captured without packets */
};

struct explain {
	const struct dissected *d;
	struct buf *out;
	int32_t stream; /* the connection in question; EXPLAIN_ALL, EXPLAIN_STANZAS */
	unsigned question;
};

/* One line of an answer; the text is as it came, and is filtered here. */
void explain_say(struct explain *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void explain_ask(struct explain *x, const char *question);
void explain_prove(struct explain *x, const char *filter);
/* What a host is called, in store. */
const char *explain_name(const struct explain *x, unsigned host, struct buf *store);
static inline double explain_ms(double seconds) { return seconds * 1e3; }

/* The next frame of the connection, from index *i on; NULL. */
const struct dissected_frame *explain_next(const struct explain *x, uint32_t *i);

#define EACH(f, x) \
	const struct dissected_frame *f; \
	for (uint32_t i_ = 0; (f = explain_next(x, &i_));)

/* ---- explain_chat.c ---- */

void explain_messages(struct explain *x);
/* Each message of the connection. */
void explain_each_message(struct explain *x,
	void (*on)(struct explain *x, const struct dissected_frame *f, const struct chat_event *e, void *arg),
	void *arg);
void explain_ends(struct explain *x);

/* ---- explain_loss.c ---- */

void explain_losses(struct explain *x);

#endif
