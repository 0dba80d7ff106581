/* One line of input on a terminal, edited by libedit, with history and completion; what happens meanwhile is printed above
 * it. Bytes are read here, not by the library, which would wait for the rest of a key: only whole keys are given to it. */
#ifndef TUI_EDIT_H
#define TUI_EDIT_H

#include "base/buf.h"
#include "loop/loop.h"

enum { EDIT_CHOICES_MAX = 64 };

/* What a word may become. */
struct edit_choices {
	unsigned n;
	char *text[EDIT_CHOICES_MAX]; /* owned */
};
void edit_choose(struct edit_choices *c, struct str text); /* adds a copy; too many are left out */

struct edit_ops {
	void (*on_line)(void *arg, struct str line);
	/* How much of it may stay on the screen and among the lines of before: what follows is a password. */
	size_t (*open_part)(void *arg, struct str line);
	/* Ctrl-D, or (gone) the terminal is no more. False: it goes on, which cannot be if it is gone. */
	bool (*on_end)(void *arg, bool gone);
	void (*on_key)(void *arg, struct str line); /* the line has changed */
	/* line: up to the cursor; word: the last word of it, which the choices replace. */
	void (*complete)(void *arg, struct str line, struct str word, struct edit_choices *ret);
};

struct edit;
struct edit *edit_new(struct loop *l, const struct edit_ops *ops, void *arg);
void edit_free(struct edit **e); /* the terminal is as it was */
void edit_prompt(struct edit *e, struct str prompt);
void edit_print(struct edit *e, struct str text); /* whole lines, the last without its end */
unsigned edit_columns(const struct edit *e);
void edit_interrupt(struct edit *e); /* forgets what was typed */
void edit_resize(struct edit *e);
void edit_suspend(struct edit *e); /* as Ctrl-Z does */

/* The loop makes what it watches non-blocking. But a terminal is one file for input and output, which would lose what it
 * cannot take at once, and for the program that has it next. We read only what is there. */
void edit_keep_blocking(void);

#endif
