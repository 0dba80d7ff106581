/* The parts of the screen (screen.h), among themselves: screen.c has the loop and the keys, screen_draw.c the picture,
 * screen_jobs.c what other programs do meanwhile. */
#ifndef TRACE_SCREEN_I_H
#define TRACE_SCREEN_I_H

#include "trace/live.h"
#include "trace/live_writer.h"
#include "trace/screen.h"
#include "trace/screen_page.h"
#include "trace/screen_term.h"
#include "trace/tree.h"
#include "trace/tshark.h"

enum { ASKED_MAX = 1000, STATUS_MAX = 4096 };

/* What the bottom line asks for. */
enum asked { ASK_NOTHING, ASK_SEARCH, ASK_FILTER, ASK_EXPORT };

/* A program that works beside us; NULL in tshark: none does. */
struct job {
	struct tshark *tshark;
	uint32_t limit; /* filter: frames up to this number are decided when it has ended */
	bool lines;     /* something has come */
	bool again;     /* filter: it only adds what is new */
	struct tree tree;
};

struct screen {
	const struct screen_options *o;
	struct live *live;
	struct rungs rungs;
	struct writer *writer;
	bool alarm; /* secrets are being recorded */
	bool quit, dirty;
	int64_t drawn_at;
	unsigned rows, columns, skip; /* skip: cells to the left of what is seen */
	/* what is above the ladder; its title empty: nothing */
	struct page page;
	struct buf title;
	/* what is typed in the bottom line */
	enum asked asked;
	struct buf typed, status;
	bool searching;
	struct buf filter; /* as it holds */
	struct buf trying; /* the one that is being tried */
	struct job filtering, looking, exporting;
	int64_t filtered_at, filter_took; /* ms */
};

void screen_say(struct screen *s, struct str text);
void screen_draw(struct screen *s);
/* Rows of the ladder that the screen has room for. */
unsigned screen_height(const struct screen *s);

/* ---- screen_jobs.c ---- */

/* The fields, the bytes of the chosen frame into the page. */
void screen_look(struct screen *s);
void screen_filter(struct screen *s, struct str filter);
/* The file was read anew: the filter that holds, or is being tried, may let other frames through. */
void screen_filter_anew(struct screen *s);
void screen_export(struct screen *s, struct str path);
void screen_wireshark(struct screen *s);
enum { JOB_FDS = 6 };
void jobs_fds(const struct screen *s, struct pollfd fds[JOB_FDS]);
void jobs_step(struct screen *s);
void jobs_end(struct screen *s);
/* Ends what is going on; false: nothing was. */
bool jobs_cancel(struct screen *s);

#endif
