#include "trace/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/explain.h"
#include "trace/screen_i.h"
#include "trace/stats.h"
#include "tui/filter.h"

enum { DRAW_EVERY_MS = 40, FOLLOW_MS = 100, SEARCH_ROWS = 20000, SIDE = 8, TEXT_BYTES = 64 << 20 };

void screen_say(struct screen *s, struct str text)
{
	buf_reset(&s->status);
	filter_line(&s->status, str_cut(&text, '\n'));
	s->dirty = true;
}

/* ---- what keys do ---- */

static void go(struct screen *s, int64_t rows)
{
	if (s->title.n)
		page_move(&s->page, rows);
	else
		rungs_move(&s->rungs, rows);
}

static int64_t page_rows(const struct screen *s) { return screen_height(s) > 1 ? screen_height(s) - 1 : 1; }

static void up(struct screen *s) { go(s, -1); }
static void down(struct screen *s) { go(s, 1); }
static void page_up(struct screen *s) { go(s, -page_rows(s)); }
static void page_down(struct screen *s) { go(s, page_rows(s)); }
static void wheel_up(struct screen *s) { go(s, -3); }
static void wheel_down(struct screen *s) { go(s, 3); }
static void home(struct screen *s) { go(s, -(int64_t)UINT32_MAX); }

static void end(struct screen *s)
{
	if (s->title.n)
		page_move(&s->page, UINT32_MAX);
	else
		rungs_end(&s->rungs);
}

static void left(struct screen *s) { s->skip = s->skip > SIDE ? s->skip - SIDE : 0; }
static void right(struct screen *s) { s->skip += s->skip < ASKED_MAX ? SIDE : 0; }

static void ask(struct screen *s, enum asked what, struct str typed)
{
	s->asked = what;
	buf_reset(&s->typed);
	buf_str(&s->typed, typed);
}

static void search(struct screen *s) { ask(s, ASK_SEARCH, STR("")); }
static void filter(struct screen *s) { ask(s, ASK_FILTER, buf_view(&s->filter)); }

static void export(struct screen *s)
{
	CLEANUP(buf_clear) struct buf name = {.max = ASKED_MAX};
	struct str file = str_z(s->o->file);
	const char *dot = memrchr(file.p, '.', file.n), *slash = memrchr(file.p, '/', file.n);

	if (dot && (!slash || dot > slash + 1))
		file.n = (size_t)(dot - file.p);
	buf_str(&name, file);
	buf_z(&name, ".html");
	ask(s, ASK_EXPORT, buf_view(&name));
}

static void look_for(struct screen *s, struct str needle, bool backward)
{
	if (!needle.n)
		screen_say(s, STR("nothing was searched yet: /"));
	else if (!s->title.n)
		rungs_search(&s->rungs, needle, backward);
	else
		page_search_for(&s->page, needle, backward);
	s->searching = needle.n > 0;
}

static void again(struct screen *s, bool backward)
{
	look_for(s, buf_view(s->title.n ? &s->page.needle : &s->rungs.needle), backward);
}

static void next(struct screen *s) { again(s, false); }
static void previous(struct screen *s) { again(s, true); }

static void fold(struct screen *s)
{
	rungs_fold(&s->rungs);
	screen_say(s,
		s->rungs.all ? STR("everything is shown") : STR("bare acknowledgements and the like are counted"));
}

static void look(struct screen *s)
{
	const struct rung *r = rungs_chosen(&s->rungs);

	if (r && r->kind == ROW_FOLDED)
		fold(s);
	else
		screen_look(s);
}

static void partner(struct screen *s)
{
	uint32_t frame = rungs_partner(&s->rungs);

	if (frame == UINT32_MAX)
		screen_say(s, STR("no other frame belongs to this one"));
	else
		rungs_choose(&s->rungs, frame);
}

static void open_page(struct screen *s, const char *title, struct str text)
{
	page_clear(&s->page);
	page_text(&s->page, text, s->columns);
	buf_reset(&s->title);
	buf_z(&s->title, title);
	if (live_state(s->live) == LIVE_READING)
		buf_fmt(&s->title, " (of the %u frames so far)", s->rungs.d->n);
	s->skip = 0;
}

static void statistics(struct screen *s)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_BYTES};

	stats_put(s->rungs.d, &text);
	open_page(s, "statistics", buf_view(&text));
}

static void explain(struct screen *s)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_BYTES};

	explain_put(s->rungs.d, &text);
	open_page(s, "explained", buf_view(&text));
}

static void back(struct screen *s)
{
	if (!s->title.n) {
		s->quit = true;
		return;
	}
	if (s->looking.tshark)
		jobs_cancel(s);
	buf_reset(&s->title);
	page_clear(&s->page);
	s->skip = 0;
	s->searching = false;
}

/* One thing a time: what is going on, the page, what was said. */
static void escape(struct screen *s)
{
	if (s->title.n) {
		back(s);
	} else if (s->searching || jobs_cancel(s)) {
		s->searching = false;
		screen_say(s, STR("given up"));
	}
}

static void redraw(struct screen *s) { s->skip = 0; }
static void quit(struct screen *s) { s->quit = true; }
static void help(struct screen *s);

/* ---- keys ---- */

static const struct command {
	enum key_kind kind;
	uint32_t c;
	void (*run)(struct screen *s);
	bool page;         /* also where a page is shown */
	const char *about; /* for the help; NULL: it is told with another key */
} commands[] = {
	{KEY_IS_CHAR, 'k', up, true, "Up, Down, k, j      one line"},
	{KEY_IS_CHAR, 'j', down, true, NULL},
	{KEY_IS_UP, 0, up, true, NULL},
	{KEY_IS_DOWN, 0, down, true, NULL},
	{KEY_IS_PAGE_UP, 0, page_up, true, "PgUp, PgDn, Space   one screen"},
	{KEY_IS_PAGE_DOWN, 0, page_down, true, NULL},
	{KEY_IS_CHAR, ' ', page_down, true, NULL},
	{KEY_IS_HOME, 0, home, true, "Home, End, g, G     to the beginning; to the end, to stay there while it grows"},
	{KEY_IS_END, 0, end, true, NULL},
	{KEY_IS_CHAR, 'g', home, true, NULL},
	{KEY_IS_CHAR, 'G', end, true, NULL},
	{KEY_IS_LEFT, 0, left, true, "Left, Right, h, l   sideways: texts are longer than the line"},
	{KEY_IS_RIGHT, 0, right, true, NULL},
	{KEY_IS_CHAR, 'h', left, true, NULL},
	{KEY_IS_CHAR, 'l', right, true, NULL},
	{KEY_IS_WHEEL_UP, 0, wheel_up, true, NULL},
	{KEY_IS_WHEEL_DOWN, 0, wheel_down, true, NULL},
	{KEY_IS_CHAR, '\n', look, false,
		"Enter               all fields of the frame, and its bytes (a fold: unfolds)"},
	{KEY_IS_CHAR, 'p', partner, false, "p                   to its partner: receipt, message, acknowledgement"},
	{KEY_IS_CHAR, '/', search, true, "/                   searches; n, N: the next one, the one before"},
	{KEY_IS_CHAR, 'n', next, true, NULL},
	{KEY_IS_CHAR, 'N', previous, true, NULL},
	{KEY_IS_CHAR, 'f', filter, false,
		"f                   only what any display filter of Wireshark lets through,\n"
		"                      e.g. chat.kind == \"message\"; an empty one: all frames"},
	{KEY_IS_CHAR, 'a', fold, false, "a                   unfolds bare acknowledgements and the like; folds them"},
	{KEY_IS_CHAR, 's', statistics, false, "s                   statistics"},
	{KEY_IS_CHAR, 'x', explain, false, "x                   explains: the questions of a lesson, answered"},
	{KEY_IS_CHAR, 'e', export, false,
		"e                   writes a file: .txt .html .svg .csv .json .pdml, or\n"
		"                      packets: .pcapng .pcap .snoop"},
	{KEY_IS_CHAR, 'w', screen_wireshark, false, "w                   opens the file in Wireshark"},
	{KEY_IS_CHAR, '?', help, false, "?                   this page"},
	{KEY_IS_CHAR, 27, escape, true, "Esc                 gives up what is going on"},
	{KEY_IS_CHAR, 'q', back, true, "q, Ctrl-C           back; the end"},
	{KEY_IS_CHAR, 3, quit, true, NULL},
	{KEY_IS_CHAR, 12, redraw, true, NULL},
};

static void help(struct screen *s)
{
	CLEANUP(buf_clear) struct buf text = {.max = 65536};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].about)
			buf_fmt(&text, "  %s\n", commands[i].about);
	buf_z(&text,
		"\nEach line is one thing that happened: number of the frame, seconds, who sent\n"
		"it to whom, and what it is.\n"
		"  ----  in clear      ====  encrypted      *  to everybody\n\n"
		"Colours: discovery (mDNS), TCP, TLS, stream (opened, logged in to), presence\n"
		"and typing, messages, receipts, what was lost and sent again, the end of\n"
		"streams and connections. NO_COLOR is honoured.\n\n"
		"All of it is dissected by Wireshark's engine (tshark) while the file is read.\n");
	open_page(s, "help", buf_view(&text));
}

static void run_key(struct screen *s, const struct key *k)
{
	buf_reset(&s->status);
	if (k->kind == KEY_IS_CLICK && !s->title.n && k->row + 1 < s->rows &&
		k->row >= s->rows - 1 - screen_height(s)) {
		uint32_t row = s->rungs.top + k->row - (s->rows - 1 - screen_height(s));

		rungs_move(&s->rungs, (int64_t)row - s->rungs.at);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].kind == k->kind && (k->kind != KEY_IS_CHAR || commands[i].c == k->c) &&
			(commands[i].page || !s->title.n)) {
			commands[i].run(s);
			return;
		}
}

/* ---- the bottom line ---- */

static void answer(struct screen *s)
{
	enum asked what = s->asked;
	struct str typed = buf_view(&s->typed);

	s->asked = ASK_NOTHING;
	if (what == ASK_FILTER)
		screen_filter(s, typed);
	else if (what == ASK_EXPORT && typed.n)
		screen_export(s, typed);
	else if (what == ASK_SEARCH && typed.n)
		look_for(s, typed, false);
}

static void drop_last(struct buf *b)
{
	size_t n = b->n;

	while (n && (b->p[n - 1] & 0xc0) == 0x80)
		n--;
	buf_cut(b, n ? n - 1 : 0);
}

static void put_typed(struct buf *b, uint32_t c)
{
	char p[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (b->n + n > ASKED_MAX)
		return;
	for (size_t i = n; i-- > 1; c >>= 6)
		p[i] = (char)(0x80 | (c & 0x3f));
	p[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	buf_add(b, p, n);
}

static void type_key(struct screen *s, const struct key *k)
{
	enum { CTRL_C = 3, CTRL_U = 21, ESCAPE = 27 };

	if (k->kind == KEY_IS_BACKSPACE)
		drop_last(&s->typed);
	else if (k->kind != KEY_IS_CHAR)
		return;
	else if (k->c == '\n')
		answer(s);
	else if (k->c == ESCAPE || k->c == CTRL_C)
		s->asked = ASK_NOTHING;
	else if (k->c == CTRL_U)
		buf_reset(&s->typed);
	else if (k->c >= ' ')
		put_typed(&s->typed, k->c);
}

static void take_keys(struct screen *s)
{
	struct key k;

	while (!s->quit && term_key(&k)) {
		s->dirty = true;
		if (k.kind == KEY_IS_RESIZE)
			continue;
		if (s->asked != ASK_NOTHING)
			type_key(s, &k);
		else
			run_key(s, &k);
	}
}

/* ---- going on ---- */

static void search_on(struct screen *s)
{
	enum rungs_found found;

	if (!s->title.n)
		found = rungs_search_step(&s->rungs, SEARCH_ROWS);
	else if (page_search(&s->page))
		found = RUNGS_FOUND;
	else /* of a page that is being read there is more to come */
		found = s->looking.tshark ? RUNGS_GOES_ON : RUNGS_MISSING;
	s->searching = found == RUNGS_GOES_ON;
	if (found == RUNGS_MISSING)
		screen_say(s,
			!s->title.n && live_state(s->live) == LIVE_READING && !s->o->follow
				? STR("not found so far: the file is still being read")
				: STR("not found"));
	s->dirty |= found != RUNGS_GOES_ON;
}

static void follow_writer(struct screen *s)
{
	struct str said;

	if (!s->writer)
		return;
	if (!writer_step(s->writer)) {
		/* It will say at the end what came out. */
		s->alarm = false;
		live_stop(s->live);
	}
	said = writer_said(s->writer);
	if (said.p && said.n) {
		screen_say(s, said);
		if (str_starts(said, STR("The node gives no secrets")))
			s->alarm = false;
	}
}

/* A filter may let other frames through now. */
static void take_anew(struct screen *s)
{
	uint32_t from;

	if (!live_anew(s->live, &from))
		return;
	rungs_renew(&s->rungs, live_model(s->live));
	screen_say(s, STR(LIVE_AGAIN));
	screen_filter_anew(s);
}

static void go_on(struct screen *s)
{
	if (live_step(s->live)) {
		struct str note = live_note(s->live);

		s->dirty = true;
		take_anew(s);
		if (note.n && live_state(s->live) != LIVE_READING)
			screen_say(s, note);
	}
	jobs_step(s);
	rungs_update(&s->rungs);
	follow_writer(s);
	if (s->searching)
		search_on(s);
}

static int patience(const struct screen *s)
{
	int64_t left = s->drawn_at + DRAW_EVERY_MS - clock_mono();

	if (s->searching && !s->title.n)
		return 0;
	if (s->dirty)
		return left > 0 ? (int)left : 0;
	return live_state(s->live) == LIVE_READING && s->o->follow ? FOLLOW_MS : -1;
}

static void await(const struct screen *s, int signals)
{
	struct pollfd fds[2 + LIVE_FDS + 2 + JOB_FDS] = {{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = signals, .events = POLLIN}};
	unsigned n = 2;

	live_fds(s->live, fds + n);
	n += LIVE_FDS;
	jobs_fds(s, fds + n);
	n += JOB_FDS;
	if (s->writer) {
		writer_fds(s->writer, fds + n);
		n += 2;
	}
	poll(fds, n, patience(s));
}

static void loop(struct screen *s, int signals)
{
	struct signalfd_siginfo info;

	while (!s->quit) {
		if (s->dirty && clock_mono() - s->drawn_at >= DRAW_EVERY_MS) {
			screen_draw(s);
			s->drawn_at = clock_mono();
			s->dirty = false;
		}
		await(s, signals);
		take_keys(s);
		go_on(s);
		/* Nothing at all was readable: there is no more to see than why. */
		s->quit |= live_state(s->live) == LIVE_FAILED || read(signals, &info, sizeof(info)) == sizeof(info);
	}
}

/* ---- beginning and end ---- */

static int start(struct screen *s, struct buf *why)
{
	int err = s->o->writer ? writer_start(s->o->writer, &s->writer, why) : 0;

	if (!err)
		err = live_open(s->o->file, NULL, s->o->follow, &s->live, why);
	if (err)
		return err;
	s->alarm = s->writer && s->o->secrets;
	rungs_init(&s->rungs, live_model(s->live));
	s->rungs.all = s->o->all;
	s->rungs.tail = s->o->follow;
	if (s->o->filter)
		screen_filter(s, str_z(s->o->filter));
	return 0;
}

static void clear(struct screen *s)
{
	jobs_end(s);
	rungs_clear(&s->rungs);
	page_clear(&s->page);
	live_free(&s->live);
	buf_clear(&s->title);
	buf_clear(&s->typed);
	buf_clear(&s->status);
	buf_clear(&s->filter);
	buf_clear(&s->trying);
}

static int end_signals(sigset_t *before)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, before);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void init(struct screen *s, const struct screen_options *o)
{
	*s = (struct screen){.o = o, .dirty = true, .rows = 24, .columns = 80};
	page_init(&s->page);
	buf_init(&s->title, STATUS_MAX);
	buf_init(&s->typed, ASKED_MAX);
	buf_init(&s->status, (size_t)16 * STATUS_MAX);
	buf_init(&s->filter, ASKED_MAX + 1);
	buf_init(&s->trying, ASKED_MAX + 1);
}

int screen_run(const struct screen_options *o, struct buf *said, struct buf *why)
{
	struct screen s;
	sigset_t before;
	int signals, err;

	setlocale(LC_CTYPE, "");
	if (MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
	init(&s, o);
	signals = end_signals(&before);
	err = start(&s, why);
	if (!err)
		err = term_open();
	if (!err) {
		loop(&s, signals);
		term_close();
		if (live_state(s.live) == LIVE_FAILED) {
			buf_str(why, live_note(s.live));
			err = ERR_INVALID;
		}
	}
	if (writer_end(&s.writer, said) != 0 && !err)
		err = ERR_CLOSED;
	clear(&s);
	close(signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}
