/* The rungs of the ladder on a screen, without the screen: rows, which of them is chosen and which are seen, what is folded, filtered and
 * searched. Frames may be added to the model at any time; rungs_update() makes rows of them. */
#ifndef TRACE_SCREEN_RUNGS_H
#define TRACE_SCREEN_RUNGS_H

#include "trace/ladder.h"

enum { RUNGS_MAX = 4000000, RUNGS_PARTS_MAX = 1000 };

enum row_kind { ROW_EVENT, ROW_COMMENT, ROW_FOLDED };

struct rung {
	uint32_t frame; /* index in the model; of a fold: the first */
	uint32_t part;  /* which event of the frame; of a fold: index in folds */
	enum row_kind kind;
};

struct rungs {
	const struct dissected *d;
	struct rung *rows;
	struct folded *folds;
	uint32_t n, cap, fold_n, fold_cap;
	uint32_t seen;     /* frames of which there are rows */
	bool all;          /* nothing is folded */
	bool cut;          /* there was no room for more rows */
	uint32_t at, top;  /* the chosen row, and the first that is seen */
	uint32_t height;   /* rows that are seen at a time */
	bool tail;         /* the last row is chosen, and stays so when more come */
	struct buf passed; /* one bit for each frame number that the filter lets through */
	bool filtered;     /* there is a filter, and it has decided about frames up to: */
	uint32_t decided;  /* a frame number */
	struct buf needle; /* what is searched */
	bool backward;
	uint32_t probe, left; /* the row to be looked at next, and how many there are still */
};

void rungs_init(struct rungs *v, const struct dissected *d);
void rungs_clear(struct rungs *v);
/* The same frames, of which more is known now. */
void rungs_renew(struct rungs *v, const struct dissected *d);
/* Rows of frames that are new. */
void rungs_update(struct rungs *v);
void rungs_resize(struct rungs *v, uint32_t height);
void rungs_move(struct rungs *v, int64_t rows);
void rungs_end(struct rungs *v);
/* Folds what is unfolded and the other way round; the chosen frame stays chosen. */
void rungs_fold(struct rungs *v);
/* Chooses the first row of the frame, or of the first one behind it. */
void rungs_choose(struct rungs *v, uint32_t frame);
/* NULL: there are no rows. */
const struct rung *rungs_chosen(const struct rungs *v);

/* The filter lets these frames through, given in any order, and has decided about all up to a number: only those have rows. */
void rungs_filter(struct rungs *v);
void rungs_pass(struct rungs *v, uint32_t number);
void rungs_decided(struct rungs *v, uint32_t number);
void rungs_unfilter(struct rungs *v);

/* Looks for the text in rows, in either case, from behind the chosen one and around the end. The work is done in steps of at
 * most `budget` rows. */
enum rungs_found { RUNGS_FOUND, RUNGS_MISSING, RUNGS_GOES_ON };
void rungs_search(struct rungs *v, struct str needle, bool backward);
enum rungs_found rungs_search_step(struct rungs *v, uint32_t budget);

/* What the row says, for a terminal. */
void rungs_text(const struct rungs *v, const struct rung *r, struct buf *out);
/* The frame that the chosen one belongs to: of a message its receipt, of a receipt its message, else who acknowledged it.
 * Index; UINT32_MAX: none. */
uint32_t rungs_partner(const struct rungs *v);

#endif
