/* Line mode: commands and texts come in line by line, from a terminal with editing or from a pipe; every event goes out as
 * a line of text or JSON. In a pipe a line waits until what the one before asked is answered, so that a script needs no
 * pauses; at the end it waits for receipts. */
#ifndef TUI_LINE_H
#define TUI_LINE_H

#include "client/client.h"
#include "loop/loop.h"

struct line;

struct line_config {
	bool json;
	int wait_seconds; /* for receipts, after the end of input */
	/* Words for the node of this machine: line_answer() comes later, with the same tag, never within this call. NULL: the
	 * other end is a server. */
	void (*ask_node)(void *arg, const char *const *words, uint32_t n, unsigned tag);
	/* Whom else a text may mean, which is nobody's name: 0, or an ERR_ with why. NULL: nobody. */
	int (*find_peer)(void *arg, struct str text, struct buf *ret_jid, struct buf *why);
	/* Starts the node of this machine, which was stopped, and comes back when it is up: 0, or an ERR_ with why. NULL: there is
	 * none to start. */
	int (*start_node)(void *arg, struct buf *why);
	const char *name; /* how others see us, where that is not our address; NULL otherwise */
	/* It is over. status: 0 done, 1 something was refused, 2 a command was wrong, 3 accepted but not all delivered. */
	void (*on_end)(void *arg, int status);
	void *arg;
};

struct line *line_new(struct loop *l, const struct line_config *c);
void line_free(struct line **n); /* before its client */
/* The client whose events come to line_on_event(). */
void line_attach(struct line *n, struct client *c);
/* Input is read from now on; before, the terminal is free for other questions. */
void line_start(struct line *n);
bool line_started(const struct line *n);
void line_on_event(void *arg, const struct client_event *e);
void line_tell(struct line *n, struct str text); /* a notice of the program's own */
void line_answer(struct line *n, unsigned tag, struct str text, bool failed);
/* Why nothing can be asked now, and what to do. */
const char *line_offline_words(const struct line *n);
/* After whatever may have changed the client; once a second at least. */
void line_go_on(struct line *n);
/* The connection cannot be had, and will not be. */
void line_give_up(struct line *n, struct str why);

#endif
