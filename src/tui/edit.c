#include "tui/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/err.h"
#include "base/mem.h"
#include "tui/filter.h"

enum { HISTORY = 500, PROMPT_MAX = 256, KEYS_MAX = 65536 };

struct edit {
	struct loop *loop;
	const struct edit_ops *ops;
	void *arg;
	EditLine *el;
	char *lines[HISTORY];       /* what was entered before, a ring */
	unsigned lines_n, lines_at; /* so many ever; how far back the library looks */
	struct watch *watch;
	struct buf keys; /* typed, not yet given to the library */
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

void edit_interrupt(struct edit *e)
{
	fputs("^C\r\n", stdout);
	fflush(stdout);
	buf_reset(&e->keys);
	begin_line(e);
	e->ops->on_key(e->arg, STR(""));
}

void edit_resize(struct edit *e)
{
	measure(e);
	el_resize(e->el);
}

void edit_suspend(struct edit *e)
{
	el_set(e->el, EL_UNBUFFERED, 0);
	kill(getpid(), SIGSTOP);
	el_set(e->el, EL_UNBUFFERED, 1);
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

static void on_whole_line(struct edit *e, const char *text, size_t n)
{
	char *line = str_dup((struct str){text, n});

	keep(e, str_z(line));
	begin_line(e);
	e->ops->on_line(e->arg, str_z(line));
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
	if (n > 0)
		e->keys.n += (size_t)n;
	else
		e->ended = true;
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

	e->loop = l;
	e->ops = ops;
	e->arg = arg;
	buf_init(&e->keys, KEYS_MAX);
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
	el_set(e->el, EL_UNBUFFERED, 1);
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
	fflush(stdout);
	el_set(e->el, EL_UNBUFFERED, 0);
	el_end(e->el);
	for (size_t i = 0; i < HISTORY; i++)
		xfree(e->lines[i]);
	buf_clear(&e->keys);
	xfree(e);
}
