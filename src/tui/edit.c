#include "tui/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/err.h"
#include "base/mem.h"
#include "tui/fatal.h"
#include "tui/filter.h"

enum { HISTORY = 500, PROMPT_MAX = 256, KEYS_MAX = 65536, PASTE_PAUSE_MS = 1000 };

struct edit {
	struct loop *loop;
	const struct edit_ops *ops;
	void *arg;
	EditLine *el;
	char *lines[HISTORY];       /* what was entered before, a ring */
	unsigned lines_n, lines_at; /* so many ever; how far back the library looks */
	struct watch *watch;
	struct buf keys; /* typed, not yet given to the library */
	struct buf paste;
	bool pasting;
	int64_t heard; /* when something was typed, or pasted, last */
	struct {
		char interrupt, quit, suspend;
	} signals; /* the keys that would be some; '\0': none */
	bool dumb; /* a terminal that knows no escapes */
	char prompt[PROMPT_MAX];
	unsigned columns;
	bool ended;
};

void edit_choose(struct edit_choices *c, struct str text)
{
	if (c->n < EDIT_CHOICES_MAX)
		c->text[c->n++] = str_dup(text);
}

/* ---- what is on the screen ---- */

static void measure(struct edit *e)
{
	struct winsize w;

	e->columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

unsigned edit_columns(const struct edit *e) { return e->columns; }

/* Up to where the prompt begins, and nothing below. */
static void erase(struct edit *e)
{
	const LineInfo *li = el_line(e->el);
	unsigned cells = filter_width(str_z(e->prompt)) +
		filter_width((struct str){li->buffer, (size_t)(li->cursor - li->buffer)});
	unsigned rows = cells / e->columns;

	if (rows)
		printf("\033[%uA", rows);
	fputs("\r\033[J", stdout);
}

void edit_print(struct edit *e, struct str text)
{
	erase(e);
	while (text.n) {
		struct str line = str_cut(&text, '\n');

		fwrite(line.p, 1, line.n, stdout);
		fputs("\r\n", stdout);
	}
	fflush(stdout);
	el_set(e->el, EL_REFRESH);
}

static void begin_line(struct edit *e)
{
	el_set(e->el, EL_UNBUFFERED, 0);
	el_set(e->el, EL_UNBUFFERED, 1);
}

void edit_prompt(struct edit *e, struct str prompt)
{
	if (str_is(prompt, e->prompt))
		return;
	erase(e);
	snprintf(e->prompt, sizeof(e->prompt), "%.*s", STR_FMT(prompt));
	fflush(stdout);
	el_set(e->el, EL_REFRESH);
}

static void interrupt(struct edit *e)
{
	fputs("^C\r\n", stdout);
	fflush(stdout);
	buf_reset(&e->paste);
	e->pasting = false;
	begin_line(e);
	e->ops->on_key(e->arg, STR(""));
}

void edit_interrupt(struct edit *e)
{
	buf_reset(&e->keys);
	interrupt(e);
}

void edit_resize(struct edit *e)
{
	measure(e);
	el_resize(e->el);
}

#define PASTES_ON "\033[?2004h"
#define PASTES_OFF "\033[?2004l"

/* A program in the foreground meanwhile is not told where a paste begins. */
static void tell_pastes(struct edit *e, bool wanted)
{
	if (!e->dumb)
		fputs(wanted ? PASTES_ON : PASTES_OFF, stdout);
	fflush(stdout);
}

/* The library gives the terminal back for a moment after each line: what comes just then is no signal either, and is not shown. */
static void keep_between_lines(struct edit *e, bool kept)
{
	el_set(e->el, EL_SETTY, "-x", kept ? "-isig" : "+isig", NULL);
	el_set(e->el, EL_SETTY, "-x", kept ? "-echo" : "+echo", NULL);
}

/* The library forgets the line; the cursor stands where it stood. */
void edit_suspend(struct edit *e)
{
	const LineInfo *li = el_line(e->el);
	CLEANUP(buf_clear) struct buf text = {.max = KEYS_MAX};
	size_t behind =
		mbsnrtowcs(NULL, &(const char *){li->cursor}, (size_t)(li->lastchar - li->cursor), 0, &(mbstate_t){0});

	buf_add(&text, li->buffer, (size_t)(li->lastchar - li->buffer));
	tell_pastes(e, false);
	keep_between_lines(e, false);
	el_set(e->el, EL_UNBUFFERED, 0);
	fatal_pause(true);
	kill(getpid(), SIGSTOP);
	fatal_pause(false);
	el_set(e->el, EL_UNBUFFERED, 1);
	keep_between_lines(e, true);
	tell_pastes(e, true);
	if (!text.n || !buf_ok(&text))
		return;
	erase(e);
	fflush(stdout);
	el_insertstr(e->el, buf_cstr(&text));
	if (behind != (size_t)-1)
		el_cursor(e->el, -(int)behind);
	el_set(e->el, EL_REFRESH);
}

/* ---- completion ---- */

static size_t common(const struct edit_choices *c)
{
	size_t n = strlen(c->text[0]);

	for (unsigned i = 1; i < c->n; i++) {
		size_t k = 0;

		while (k < n && c->text[0][k] == c->text[i][k])
			k++;
		n = k;
	}
	/* Not in the middle of a character. */
	while (n > 0 && ((unsigned char)c->text[0][n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void show_choices(struct edit *e, const struct edit_choices *c)
{
	CLEANUP(buf_clear) struct buf line = {.max = 16384}, wrapped = {.max = 65536};

	for (unsigned i = 0; i < c->n; i++) {
		buf_z(&line, i ? "  " : "");
		filter_line(&line, str_z(c->text[i]));
	}
	filter_wrap(&wrapped, buf_view(&line), e->columns);
	edit_print(e, buf_view(&wrapped));
}

static void insert(struct edit *e, struct str word, const struct edit_choices *c)
{
	size_t n = c->n ? common(c) : 0;
	CLEANUP(buf_clear) struct buf text = {.max = 4096};

	if (n < word.n || (n == word.n && c->n > 1)) {
		if (c->n > 1)
			show_choices(e, c);
		return;
	}
	buf_add(&text, c->text[0], n);
	if (c->n == 1)
		buf_char(&text, ' ');
	erase(e);
	fflush(stdout);
	/* What was typed is replaced: a label's letters may be of another case. */
	if (word.n)
		el_deletestr(e->el, (int)mbsnrtowcs(NULL, &(const char *){word.p}, word.n, 0, &(mbstate_t){0}));
	el_insertstr(e->el, buf_cstr(&text));
	el_set(e->el, EL_REFRESH);
}

static void complete(struct edit *e)
{
	const LineInfo *li = el_line(e->el);
	struct edit_choices c = {0};
	CLEANUP(buf_clear) struct buf line = {.max = 65536};
	struct str word, view;
	const char *space;

	buf_add(&line, li->buffer, (size_t)(li->cursor - li->buffer));
	view = buf_view(&line);
	space = view.n ? memrchr(view.p, ' ', view.n) : NULL;
	word = space ? (struct str){space + 1, (size_t)(view.p + view.n - space - 1)} : view;
	e->ops->complete(e->arg, view, word, &c);
	insert(e, word, &c);
	for (unsigned i = 0; i < c.n; i++)
		xfree(c.text[i]);
}

/* ---- pastes ---- */

/* What a terminal puts around a paste that was asked to (all since xterm's "bracketed paste"). */
#define PASTE_BEGIN "\033[200~"
#define PASTE_END "\033[201~"

/* A line has one line: line breaks and tabs are in it as their pictures, and become what they stand for when it is entered. */
static const struct picture {
	char c;
	const char *shown;
} pictures[] = {{'\n', "\xe2\x90\xa4"}, {'\t', "\xe2\x90\x89"}};

static void put_pasted(struct buf *out, struct str text)
{
	while (text.n) {
		size_t n = str_starts(text, STR("\r\n")) ? 2 : str_utf8_next(text), i = 0;
		char c = *text.p == '\r' ? '\n' : *text.p;

		while (i < ARRAY_LEN(pictures) && pictures[i].c != c)
			i++;
		if (i < ARRAY_LEN(pictures))
			buf_z(out, pictures[i].shown);
		else if (n && (unsigned char)c >= ' ' && c != 0x7f)
			buf_add(out, text.p, n);
		n = n ? n : 1;
		text = (struct str){text.p + n, text.n - n};
	}
}

static void put_entered(struct buf *out, struct str text)
{
	while (text.n) {
		size_t n = 1, i = 0;

		while (i < ARRAY_LEN(pictures) && !str_starts(text, str_z(pictures[i].shown)))
			i++;
		if (i < ARRAY_LEN(pictures))
			buf_char(out, pictures[i].c);
		else
			buf_char(out, *text.p);
		n = i < ARRAY_LEN(pictures) ? strlen(pictures[i].shown) : n;
		text = (struct str){text.p + n, text.n - n};
	}
}

/* Bytes at the begin of what a line shows that a command may have before it. */
static size_t blanks(struct str shown)
{
	const struct str tab = str_z(pictures[1].shown);
	size_t n = 0, k = 1;

	while (n < shown.n && k) {
		k = shown.p[n] == ' ' ? 1 : str_starts((struct str){shown.p + n, shown.n - n}, tab) ? tab.n : 0;
		n += k;
	}
	return n;
}

/* Of several lines none is a command, whatever else a paste begins with that a line does not show or a command may have before
 * it: its '/' becomes two. */
static void put_pasted_lines(struct buf *out, struct str text, struct str before)
{
	CLEANUP(buf_clear) struct buf shown = {.max = 3 * KEYS_MAX};
	struct str view;
	size_t n;

	put_pasted(&shown, text);
	view = buf_view(&shown);
	if (!view.n)
		return;
	n = blanks(view);
	buf_add(out, view.p, n);
	if (n < view.n && view.p[n] == '/' && blanks(before) == before.n)
		buf_char(out, '/');
	buf_add(out, view.p + n, view.n - n);
}

/* Nothing of a paste is entered by itself. */
static void insert_pasted(struct edit *e)
{
	const LineInfo *li = el_line(e->el);
	struct str text = buf_view(&e->paste);
	CLEANUP(buf_clear) struct buf shown = {.max = 3 * KEYS_MAX};

	if (!buf_ok(&e->paste)) {
		edit_print(e, STR("* a paste of more than 65536 bytes is left out"));
		return;
	}
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (text.n && (memchr(text.p, '\n', text.n) || memchr(text.p, '\r', text.n)))
		put_pasted_lines(&shown, text, (struct str){li->buffer, (size_t)(li->cursor - li->buffer)});
	else
		put_pasted(&shown, text);
	if (!shown.n || !buf_ok(&shown))
		return;
	erase(e);
	fflush(stdout);
	el_insertstr(e->el, buf_cstr(&shown));
	el_set(e->el, EL_REFRESH);
	li = el_line(e->el);
	e->ops->on_key(e->arg, (struct str){li->buffer, (size_t)(li->lastchar - li->buffer)});
}

/* True: the paste is over. Of what may be the begin of its end a rest stays. */
static bool take_pasted(struct edit *e)
{
	const size_t n = sizeof(PASTE_END) - 1;
	struct str k = buf_view(&e->keys);
	const char *end = k.n ? memmem(k.p, k.n, PASTE_END, n) : NULL;
	size_t take = end ? (size_t)(end - k.p) : k.n < n ? 0 : k.n - (n - 1);

	buf_add(&e->paste, k.p, take);
	buf_eat(&e->keys, take + (end ? n : 0));
	if (!end)
		return false;
	e->pasting = false;
	insert_pasted(e);
	buf_reset(&e->paste);
	return true;
}

static bool begins_paste(struct edit *e)
{
	if (!str_starts(buf_view(&e->keys), STR(PASTE_BEGIN)))
		return false;
	buf_eat(&e->keys, sizeof(PASTE_BEGIN) - 1);
	return e->pasting = true;
}

/* ---- keys that would be signals ---- */

/* The terminal makes none of them: it would do so in the middle of a paste, too, and throw away what has come of it, with its end. */
static void learn_signals(struct edit *e)
{
	struct termios t;

	el_set(e->el, EL_SETTY, "-d", "-isig", NULL);
	if (tcgetattr(STDIN_FILENO, &t) != 0)
		return;
	e->signals.interrupt = (char)t.c_cc[VINTR];
	e->signals.quit = (char)t.c_cc[VQUIT];
	e->signals.suspend = (char)t.c_cc[VSUSP];
}

/* It comes alone behind a key that is not whole, as behind Escape: it is not the rest of that. */
static bool is_signal_alone(const struct edit *e, struct str read)
{
	char c = read.n == 1 ? *read.p : '\0';

	return !e->pasting && c && (c == e->signals.interrupt || c == e->signals.quit || c == e->signals.suspend);
}

/* The others are for all that the shell has started together with us. */
static bool take_signal(struct edit *e)
{
	char c = e->keys.n ? e->keys.p[0] : '\0';
	bool interrupts = c == e->signals.interrupt, quits = c == e->signals.quit, suspends = c == e->signals.suspend;

	if (!c || !(interrupts || quits || suspends))
		return false;
	buf_eat(&e->keys, 1);
	if (interrupts)
		interrupt(e);
	else
		kill(0, quits ? SIGQUIT : SIGTSTP);
	return true;
}

/* A paste whose end does not come would go on for ever. What is in one comes without a pause. */
static bool gives_up_paste(const struct edit *e, struct str read)
{
	return e->pasting && read.n == 1 && *read.p && *read.p == e->signals.interrupt &&
		loop_now(e->loop) - e->heard >= PASTE_PAUSE_MS;
}

/* ---- keys ---- */

/* Length of the first whole key in the buffer: a character, or an escape sequence; 0 if it is not whole yet. */
static size_t key_length(struct str k)
{
	size_t n;

	if (k.n && (unsigned char)k.p[0] >= 0xc2 && (unsigned char)k.p[0] < 0xf5 && k.n < 4 && !str_utf8_next(k))
		return 0;
	n = str_utf8_next(k);
	if (!k.n || (k.p[0] != 0x1b && k.p[0] != 0x18))
		return k.n ? (n ? n : 1) : 0;
	if (k.n < 2)
		return 0;
	if (k.p[0] == 0x18) /* ^X begins pairs */
		return 2;
	if (k.p[1] == 'O')
		return k.n >= 3 ? 3 : 0;
	if (k.p[1] != '[')
		return 2;
	for (n = 2; n < k.n; n++)
		if (k.p[n] >= 0x40 && k.p[n] <= 0x7e)
			return n + 1;
	return k.n > 32 ? k.n : 0;
}

/* The library asks for a character. */
static int get_char(EditLine *el, wchar_t *ret)
{
	struct edit *e;
	struct str k;
	size_t n;

	el_get(el, EL_CLIENTDATA, &e);
	k = buf_view(&e->keys);
	for (n = 0; k.n && !(n = str_utf8_next(k)); k = buf_view(&e->keys))
		buf_eat(&e->keys, 1);
	if (!n)
		return 0;
	memset(ret, 0, sizeof(*ret));
	if (mbrtowc(ret, k.p, n, &(mbstate_t){0}) > n)
		*ret = L'?';
	buf_eat(&e->keys, n);
	return 1;
}

/* The library's own history is not used: its function names are too common to be alone in this program. */
static int remember(struct edit *e, HistEvent *ev, unsigned back)
{
	unsigned kept = e->lines_n < HISTORY ? e->lines_n : HISTORY;

	if (back >= kept)
		return -1;
	e->lines_at = back;
	ev->num = (int)(e->lines_n - back);
	ev->str = e->lines[(e->lines_n - 1 - back) % HISTORY];
	return 0;
}

static int on_history(void *arg, HistEvent *ev, int op, ...)
{
	struct edit *e = arg;
	unsigned kept = e->lines_n < HISTORY ? e->lines_n : HISTORY;

	switch (op) {
	case H_FIRST:
		return remember(e, ev, 0);
	case H_LAST:
		return kept ? remember(e, ev, kept - 1) : -1;
	case H_NEXT:
		return remember(e, ev, e->lines_at + 1);
	case H_PREV:
		return e->lines_at ? remember(e, ev, e->lines_at - 1) : -1;
	case H_CURR:
		return remember(e, ev, e->lines_at);
	default:
		return -1;
	}
}

static void keep(struct edit *e, struct str line)
{
	char **at = &e->lines[e->lines_n % HISTORY];

	if (!line.n || (e->lines_n && str_is(line, e->lines[(e->lines_n - 1) % HISTORY])))
		return;
	xfree(*at);
	*at = str_dup(line);
	e->lines_n++;
}

/* What was entered stands above the cursor; of it only the begin is shown from now on, and comes back to be completed. */
static void hide(struct edit *e, struct str line, size_t open)
{
	unsigned cells = filter_width(str_z(e->prompt)) + filter_width(line);

	printf("\033[%uA\r\033[J%s%.*s***\r\n", cells / e->columns + 1, e->prompt, (int)open, line.p);
	fflush(stdout);
	keep(e, (struct str){line.p, open});
}

static void on_whole_line(struct edit *e, const char *text, size_t n)
{
	char *line = str_dup((struct str){text, n});
	CLEANUP(buf_clear) struct buf entered = {.max = 4 * KEYS_MAX};

	size_t open;

	put_entered(&entered, str_z(line));
	open = buf_ok(&entered) ? e->ops->open_part(e->arg, str_z(buf_cstr(&entered))) : entered.n;
	if (open == entered.n)
		keep(e, str_z(line));
	else
		hide(e, str_z(line), strncmp(line, buf_cstr(&entered), open) == 0 ? open : 0);
	begin_line(e);
	if (buf_ok(&entered))
		e->ops->on_line(e->arg, str_z(buf_cstr(&entered)));
	else
		edit_print(e, STR("* a line of more than 262144 bytes is left out"));
	mem_wipe(line, n);
	mem_wipe(entered.p, entered.n);
	xfree(line);
}

static void give_key(struct edit *e)
{
	bool empty = el_line(e->el)->buffer == el_line(e->el)->lastchar;
	bool end = empty && e->keys.p[0] == 4;
	int n = 0;

	if (e->keys.p[0] == '\t') {
		buf_eat(&e->keys, 1);
		complete(e);
		return;
	}
	if (end) {
		e->ended = true;
		return;
	}
	const char *text = el_gets(e->el, &n);
	if (text && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		on_whole_line(e, text, (size_t)n - 1);
	else
		e->ops->on_key(e->arg, text && n > 0 ? (struct str){text, (size_t)n} : STR(""));
}

static void give_keys(struct edit *e)
{
	for (size_t i = 0; i < KEYS_MAX && !e->ended; i++) {
		size_t before = e->keys.n;

		if (e->pasting || begins_paste(e)) {
			if (!take_pasted(e))
				return;
			continue;
		}
		if (take_signal(e))
			continue;
		if (!key_length(buf_view(&e->keys)))
			return;
		give_key(e);
		if (e->keys.n == before) /* the library did not want it */
			buf_eat(&e->keys, before ? 1 : 0);
	}
}

void edit_keep_blocking(void)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);

	if (flags >= 0)
		fcntl(STDIN_FILENO, F_SETFL, flags & ~O_NONBLOCK);
}

static void on_ready(void *arg, int events)
{
	struct edit *e = arg;
	char *p = buf_room(&e->keys, 4096);
	ssize_t n = p ? read(STDIN_FILENO, p, 4096) : 0;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && e->keys.n && is_signal_alone(e, (struct str){p, (size_t)n})) {
		e->keys.p[0] = *p;
		e->keys.n = 0;
	}
	if (n > 0 && gives_up_paste(e, (struct str){p, (size_t)n}))
		edit_interrupt(e);
	else if (n > 0)
		e->keys.n += (size_t)n;
	else
		e->ended = true;
	e->heard = loop_now(e->loop);
	give_keys(e);
	if (!e->ended)
		return;
	if (e->ops->on_end(e->arg, n <= 0) || n <= 0) {
		watch_set(e->watch, 0);
		return;
	}
	e->ended = false;
	buf_reset(&e->keys);
}

/* ---- life ---- */

static char *get_prompt(EditLine *el)
{
	struct edit *e;

	el_get(el, EL_CLIENTDATA, &e);
	return e->prompt;
}

struct edit *edit_new(struct loop *l, const struct edit_ops *ops, void *arg)
{
	struct edit *e = xcalloc(1, sizeof(*e));
	const char *term = getenv("TERM");

	e->loop = l;
	e->ops = ops;
	e->arg = arg;
	buf_init(&e->keys, KEYS_MAX);
	buf_init(&e->paste, KEYS_MAX);
	e->dumb = !term || !*term || strcmp(term, "dumb") == 0;
	measure(e);
	e->el = el_init("wireside", stdin, stdout, stderr);
	must(e->el);
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_SIGNAL, 0);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_HIST, on_history, e);
	el_set(e->el, EL_PROMPT, get_prompt);
	el_set(e->el, EL_GETCFN, get_char);
	/* What waits for more keys inside the library gets another meaning. */
	el_set(e->el, EL_BIND, "^R", "ed-search-prev-history", NULL);
	el_set(e->el, EL_BIND, "^S", "ed-search-next-history", NULL);
	el_set(e->el, EL_BIND, "^V", "ed-unassigned", NULL);
	fatal_watch(e->dumb ? STR("") : STR(PASTES_OFF));
	learn_signals(e);
	keep_between_lines(e, true);
	el_set(e->el, EL_UNBUFFERED, 1);
	tell_pastes(e, true);
	e->watch = watch_new(l, STDIN_FILENO, on_ready, e);
	edit_keep_blocking();
	watch_set(e->watch, WATCH_READ);
	return e;
}

void edit_free(struct edit **edit)
{
	struct edit *e = TAKE(*edit);

	if (!e)
		return;
	watch_free(&e->watch);
	erase(e);
	tell_pastes(e, false);
	keep_between_lines(e, false);
	el_set(e->el, EL_UNBUFFERED, 0);
	fatal_unwatch();
	el_end(e->el);
	for (size_t i = 0; i < HISTORY; i++)
		xfree(e->lines[i]);
	buf_clear(&e->keys);
	buf_clear(&e->paste);
	xfree(e);
}
