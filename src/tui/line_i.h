/* Private to line.c (what goes in and out), pipe.c (lines from a pipe), command.c and command_room.c (what people may say). */
#ifndef TUI_LINE_I_H
#define TUI_LINE_I_H

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "tui/edit.h"
#include "tui/line.h"

enum { LINES_MAX = 1000, LINE_MAX_BYTES = 65536 };

struct line {
	struct loop *loop;
	struct line_config config;
	struct client *client;
	struct edit *edit; /* NULL: no terminal */
	struct watch *watch;
	struct defer read; /* of a file, which is always ready */
	struct timer until;
	struct buf in, text;
	struct list waiting; /* lines of a pipe */
	unsigned waiting_n;
	unsigned asked; /* of the node */
	unsigned lines; /* of a pipe, read so far */
	bool dropping;  /* the rest of a line that is too long */
	bool ended;     /* no more input */
	bool met;       /* there was a session */
	bool started, failed, misused, over;
	bool recorded; /* the secrets of the node's links are: the prompt says so */
	char *current; /* address of the conversation that a bare line goes to */
	char *last_typing, *last_offline;
	struct list held; /* presence.c */
	unsigned held_n;
	struct timer hold;
	struct timer slow;        /* the node has been asked for something that takes its time */
	bool leaving, was_warned; /* leave.c */
	bool code_told;           /* since the node was asked for one */
	enum { UNTIL_NOTHING, UNTIL_ANSWERS, UNTIL_RECEIPTS } waits_for; /* what `until` bounds, in a pipe */
};

/* What the node was asked for: a command, whose answer is shown; what still waits, before the end; a code to compare. */
enum { ASKED_COMMAND, ASKED_WAITING, ASKED_CODE };

void line_print(struct line *n, struct str text); /* filtered lines */
void line_show(struct line *n, const struct client_event *e);
void line_say(struct line *n, enum client_event_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A command was refused, or was wrong. */
void line_refuse(struct line *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void line_misuse(struct line *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void line_talk_to(struct line *n, struct str jid); /* from now on */
void line_quit(struct line *n);
void line_finish(struct line *n, int status); /* at once */
void line_ask(struct line *n, const char *const *words, uint32_t count, unsigned tag);
void line_run(struct line *n, struct str line); /* a command, or text */

/* ---- pipe.c ---- */
void line_read(struct line *n); /* what standard input has, into whole lines that wait */
bool line_is_command(struct str text, const char *name);

/* ---- presence.c ---- */
void line_held_init(struct line *n);
void line_held_clear(struct line *n);
bool line_hold(struct line *n, const struct client_event *e); /* false: it is to be shown now */
void line_release(struct line *n, struct str jid);            /* what is held of somebody; absent: of all */

/* ---- leave.c ---- */
/* A person goes: is told what is not delivered yet, and asked again first if something would be lost. */
void line_leave(struct line *n);
void line_on_waiting(struct line *n, struct str text); /* the node's answer */

/* ---- errors.c ---- */
/* In a pipe: a line on standard error, unless what is shown goes to the same place. */
void line_complain(struct line *n, const struct client_event *e);
void line_name_unsaid(struct line *n); /* at the end of a pipe: what was not done, and will not be */

/* ---- commands ---- */

struct command {
	const char *name, *args, *help;
	unsigned complete; /* FIND_ bits and COMPLETE_NICK: of its first word */
	void (*run)(struct line *n, const struct command *c, struct str args);
	const char *words;                     /* other words that it knows, with a space behind each; NULL: none */
	struct str (*secret)(struct str args); /* what of its words is a password, absent: nothing; NULL: never */
};
enum { COMPLETE_NICK = 4, COMPLETE_COMMAND = 8, COMPLETE_SETTING = 32 }; /* beside FIND_ bits */
extern const struct command line_commands[];
extern const size_t line_commands_n;
extern const struct command line_room_commands[];
extern const size_t line_room_commands_n;
const struct command *line_command(size_t i); /* NULL at the end */
const struct command *line_find_command(struct str name);
/* So many bytes of what was typed may be shown and kept: from there on it is a password. */
size_t line_open_part(struct str typed);
void line_complete(struct line *n, struct str line, struct str word, struct edit_choices *ret);

/* The next word of *rest, perhaps in double quotes; absent at the end. */
struct str line_word(struct str *rest);
/* All of it, where nothing may follow it: quotes are not needed then. */
struct str line_name(struct str args);
/* Says what an ERR_ of the client means. True if there was none. */
bool line_ok(struct line *n, int err);
/* An address from what was typed; refuses with an explanation. */
bool line_find(struct line *n, struct str typed, unsigned kinds, struct buf *ret);
void line_usage(struct line *n, const struct command *c);

#endif
