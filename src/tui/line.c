#include "tui/line_i.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/filter.h"
#include "tui/text.h"

enum { TEXT_OUT_MAX = 4 << 20, PRESSURE = 500, SLOW_MS = 1000, ANSWERS_MS = 90000 };

/* ---- out ---- */

static void write_out(const char *p, size_t n)
{
	fwrite(p, 1, n, stdout);
	fputc('\n', stdout);
	fflush(stdout);
}

static void print(struct line *n, struct str text, bool alarm)
{
	CLEANUP(buf_clear) struct buf wrapped = {.max = 2 * TEXT_OUT_MAX};

	if (!n->edit) {
		write_out(text.p, text.n);
		return;
	}
	buf_z(&wrapped, alarm ? "\033[31m" : "");
	filter_wrap(&wrapped, text, edit_columns(n->edit));
	buf_z(&wrapped, alarm ? "\033[0m" : "");
	edit_print(n->edit, buf_view(&wrapped));
}

void line_print(struct line *n, struct str text) { print(n, text, false); }

static bool is_alarm(const struct client_event *e)
{
	const char *none = getenv("NO_COLOR");

	return e->kind == EVENT_NOTICE && str_is(e->verb, "secrets") && !(none && *none);
}

void line_show(struct line *n, const struct client_event *e)
{
	buf_reset(&n->text);
	if (n->config.json)
		text_json(&n->text, e);
	else
		text_of_event(&n->text, e, loop_wall(n->loop));
	if (n->text.n && buf_ok(&n->text))
		print(n, buf_view(&n->text), is_alarm(e));
	n->text.failed = false;
	line_complain(n, e);
}

__attribute__((format(printf, 3, 0))) static void say(struct line *n, enum client_event_kind kind, const char *fmt,
	va_list ap)
{
	char text[8192];
	struct client_event e = {.kind = kind, .when = loop_wall(n->loop)};

	vsnprintf(text, sizeof(text), fmt, ap);
	e.body = str_z(text);
	line_show(n, &e);
}

void line_say(struct line *n, enum client_event_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(n, kind, fmt, ap);
	va_end(ap);
}

void line_refuse(struct line *n, const char *fmt, ...)
{
	va_list ap;

	n->failed = true;
	va_start(ap, fmt);
	say(n, EVENT_REFUSED, fmt, ap);
	va_end(ap);
}

void line_misuse(struct line *n, const char *fmt, ...)
{
	va_list ap;

	n->misused = true;
	va_start(ap, fmt);
	say(n, EVENT_REFUSED, fmt, ap);
	va_end(ap);
}

/* ---- events ---- */

static bool is_current(const struct line *n, const struct client_event *e)
{
	return n->current && str_is(e->conversation, n->current);
}

static void set_prompt(struct line *n);

/* A mark stays as long as it lasts. A new session is told anew, if it still does. */
static void note_recorded(struct line *n, const struct client_event *e)
{
	bool had = n->recorded;

	if (e->kind == EVENT_NOTICE && str_is(e->verb, "secrets"))
		n->recorded = true;
	else if ((e->kind == EVENT_NOTICE && str_is(e->verb, "secrets-end")) ||
		(e->kind == EVENT_ONLINE && !str_is(e->body, "resumed")))
		n->recorded = false;
	if (n->recorded != had)
		set_prompt(n);
}

/* People are not told of every step: that a message is with the server matters only if nobody is there to get it, that it is with
 * a peer only where no receipt follows; typing only of whom they talk to. */
static bool is_shown(const struct line *n, const struct client_event *e)
{
	if (n->config.json)
		return true;
	if (e->kind == EVENT_STATE && e->state == MESSAGE_SENT && n->config.ask_node)
		return e->final;
	if (e->kind == EVENT_STATE && e->state == MESSAGE_SENT)
		return !e->room && !client_present(n->client, e->conversation);
	if (e->kind == EVENT_TYPING)
		return n->edit && is_current(n, e);
	/* Of a node's peers it is news that they are here; whoever adds one gets an answer. */
	if (e->kind == EVENT_CONTACT)
		return !n->config.ask_node;
	return true;
}

static void show_event(struct line *n, const struct client_event *e)
{
	if (e->kind == EVENT_PRESENCE && line_hold(n, e))
		return;
	if (!is_shown(n, e))
		return;
	if (e->conversation.p)
		line_release(n, e->conversation);
	line_show(n, e);
}

/* An address may have become somebody, which is told next. */
static bool is_forgotten(const struct client_event *e)
{
	return e->kind == EVENT_CONTACT && str_is(e->verb, "removed") && !client_is_typed(e->conversation);
}

void line_on_event(void *arg, const struct client_event *e)
{
	struct line *n = arg;

	/* That nothing has changed is no news. */
	if (e->kind == EVENT_OFFLINE && n->last_offline && str_is(e->body, n->last_offline) && !e->final)
		return;
	if (e->kind == EVENT_OFFLINE || e->kind == EVENT_ONLINE) {
		xfree(TAKE(n->last_offline));
		n->last_offline = e->kind == EVENT_OFFLINE ? str_dup(e->body) : NULL;
	}
	n->met |= e->kind == EVENT_ONLINE; /* also if it is over within this turn */
	note_recorded(n, e);
	if (e->kind == EVENT_NOTICE && str_is(e->verb, "verify"))
		n->code_told = true;
	n->failed |= e->kind == EVENT_REFUSED || (e->kind == EVENT_STATE && e->state == MESSAGE_FAILED);
	show_event(n, e);
	if (e->kind == EVENT_JOINED && !e->again) /* what comes by itself changes no conversation */
		line_talk_to(n, e->conversation);
	/* Who was talked to by an address alone is the same, with a key. */
	if (e->kind == EVENT_CONTACT && str_is(e->verb, "became") && n->current && str_is(e->detail, n->current))
		line_talk_to(n, e->conversation);
	if ((e->kind == EVENT_LEFT || is_forgotten(e)) && is_current(n, e))
		line_talk_to(n, STR_NONE);
	/* On a terminal it has been seen, if one talks there. */
	if (e->kind == EVENT_MESSAGE && !e->own && n->edit && is_current(n, e))
		client_displayed(n->client, e->conversation);
}

const char *line_offline_words(const struct line *n)
{
	if (!n->config.ask_node)
		return "offline; try again when the connection is back";
	return client_stopped(n->client) ? "this machine's node was stopped; /start starts it again"
					 : "this machine's node does not answer now; try again when the chat is online";
}

void line_tell(struct line *n, struct str text) { line_say(n, EVENT_NOTICE, "%.*s", STR_FMT(text)); }

static void on_slow(struct timer *t)
{
	struct line *n = CONTAINER_OF(t, struct line, slow);

	line_say(n, EVENT_NOTICE, "no answer yet; it is told when it comes, and you can go on meanwhile");
}

void line_ask(struct line *n, const char *const *words, uint32_t count, unsigned tag)
{
	n->asked++;
	if (n->edit && tag != ASKED_WAITING && !timer_running(&n->slow))
		timer_start(loop_timers(n->loop), &n->slow, loop_now(n->loop) + SLOW_MS);
	n->config.ask_node(n->config.arg, words, count, tag);
}

void line_answer(struct line *n, unsigned tag, struct str text, bool failed)
{
	struct client_event e = {.kind = failed ? EVENT_REFUSED : EVENT_ANSWER, .when = loop_wall(n->loop)};

	n->asked -= n->asked > 0;
	if (!n->asked)
		timer_stop(loop_timers(n->loop), &n->slow);
	if (tag == ASKED_WAITING) {
		line_on_waiting(n, failed ? STR("") : text);
		return;
	}
	if (tag == ASKED_CODE && n->code_told && !failed)
		text = STR(""); /* there is no more to it */
	client_sync(n->client); /* the next line may be about what this has changed */
	n->failed |= failed;
	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	e.body = text;
	if (text.n)
		line_show(n, &e);
}

/* ---- conversations ---- */

static void set_prompt(struct line *n)
{
	CLEANUP(buf_clear) struct buf label = {.max = 8192}, text = {.max = 8192};

	if (!n->edit)
		return;
	if (n->current)
		client_label(n->client, str_z(n->current), &label);
	filter_line(&text, buf_view(&label));
	if (text.n > 100)
		buf_cut(&text, 100);
	buf_reset(&label);
	buf_fmt(&label, "%s%.*s> ", n->recorded ? "[recorded] " : "", STR_FMT(buf_view(&text)));
	edit_prompt(n->edit, buf_view(&label));
}

void line_talk_to(struct line *n, struct str jid)
{
	char *now = str_dup(jid);

	if (n->current && n->last_typing)
		client_typing(n->client, str_z(n->current), false);
	xfree(n->current);
	n->current = now;
	if (n->current && n->edit)
		client_displayed(n->client, str_z(n->current));
	set_prompt(n);
}

/* ---- the end ---- */

void line_finish(struct line *n, int status)
{
	if (n->over)
		return;
	if (!n->edit) {
		line_release(n, STR_NONE);
		line_name_unsaid(n);
	}
	n->over = true;
	timer_stop(loop_timers(n->loop), &n->until);
	if (n->watch)
		watch_set(n->watch, 0);
	n->config.on_end(n->config.arg, status);
}

/* Safe, and not delivered; but of some no more will ever be heard. */
static unsigned under_way(const struct line *n)
{
	return client_count(n->client, MESSAGE_KEPT) + client_count(n->client, MESSAGE_SENT) - client_last(n->client);
}

static int status_now(const struct line *n)
{
	if (n->failed || n->waiting_n || client_count(n->client, MESSAGE_UNSENT) ||
		client_count(n->client, MESSAGE_FAILED))
		return 1;
	if (n->misused)
		return 2;
	return under_way(n) ? 3 : 0;
}

void line_quit(struct line *n)
{
	if (n->edit)
		line_leave(n);
	else
		n->ended = true;
}

static void on_waited(struct timer *t)
{
	struct line *n = CONTAINER_OF(t, struct line, until);
	int status = n->edit ? 0 : status_now(n); /* of lines that are not run, too */

	line_finish(n, status);
}

static bool is_busy(const struct line *n)
{
	return n->asked || !client_online(n->client) || client_pending(n->client) ||
		client_count(n->client, MESSAGE_UNSENT) > PRESSURE;
}

/* There was a session, and nothing that another one would be needed for. */
static bool is_cut_off(const struct line *n)
{
	return n->met && !client_online(n->client) && !n->asked && !client_pending(n->client);
}

bool line_is_command(struct str text, const char *name)
{
	struct str rest = str_trim(text);

	return str_is_nocase(str_cut(&rest, ' '), name);
}

/* What brings the node back does not wait for it. */
static bool may_go(const struct line *n)
{
	return !is_busy(n) || (n->met && !n->asked && line_is_command(str_z((char *)(n->waiting.next + 1)), "/start"));
}

/* True: one was run, and the loop's time may be that of before. */
static bool take_lines(struct line *n)
{
	bool ran = false;

	for (int i = 0; i < LINES_MAX && !list_empty(&n->waiting) && !n->over && may_go(n); i++) {
		struct list *node = list_take(&n->waiting);
		char *text = (char *)(node + 1);

		n->waiting_n--;
		timer_stop(loop_timers(n->loop), &n->until);
		n->waits_for = UNTIL_NOTHING;
		line_run(n, str_z(text));
		xfree(node);
		ran = true;
	}
	if (n->over || n->ended || n->waiting_n >= LINES_MAX)
		return ran;
	if (n->watch)
		watch_set(n->watch, WATCH_READ);
	else
		loop_next(n->loop, &n->read);
	return ran;
}

/* Receipts are waited for once everything is said and what was asked is answered. Answers have their own bounds, those of the
 * client and the node, and one here for an end that does not keep to them. Whoever is not there answers nothing. */
static void bound_waiting(struct line *n)
{
	bool all = list_empty(&n->waiting) && !n->asked && !client_pending(n->client);
	int64_t receipts = (int64_t)n->config.wait_seconds * 1000;

	if (n->waits_for == UNTIL_RECEIPTS)
		return;
	if (all || !client_online(n->client))
		n->waits_for = UNTIL_RECEIPTS;
	else if (n->waits_for == UNTIL_ANSWERS)
		return;
	else
		n->waits_for = UNTIL_ANSWERS;
	timer_stop(loop_timers(n->loop), &n->until);
	timer_start(loop_timers(n->loop), &n->until,
		loop_now(n->loop) + (n->waits_for == UNTIL_ANSWERS && receipts < ANSWERS_MS ? ANSWERS_MS : receipts));
}

/* Nothing is bounded before there was a session: how long a login may take is for the connection to say. */
void line_go_on(struct line *n)
{
	bool waits, ran;

	if (n->edit && !n->over)
		set_prompt(n); /* somebody may be called otherwise now */
	if (n->over || n->edit || !n->started)
		return;
	ran = take_lines(n);
	if (!n->ended || n->over)
		return;
	waits = client_count(n->client, MESSAGE_UNSENT) || under_way(n);
	if (list_empty(&n->waiting) && !waits && (!is_busy(n) || is_cut_off(n)))
		line_finish(n, status_now(n));
	else if (n->met && !ran)
		bound_waiting(n);
}

void line_give_up(struct line *n, struct str why)
{
	(void)why;
	n->failed = true;
	line_finish(n, 1);
}

/* ---- in: a pipe ---- */

static void on_readable(void *arg, int events)
{
	struct line *n = arg;

	(void)events;
	line_read(n);
	if (n->ended || n->waiting_n >= LINES_MAX)
		watch_set(n->watch, 0);
	line_go_on(n);
}

/* Files are always ready, and cannot be watched. */
static void on_file(struct defer *d)
{
	struct line *n = CONTAINER_OF(d, struct line, read);

	if (!n->ended && n->waiting_n < LINES_MAX)
		line_read(n);
	line_go_on(n);
}

static bool can_be_watched(int fd)
{
	struct stat st;

	return isatty(fd) || (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
}

/* ---- in: a terminal ---- */

static void on_line(void *arg, struct str line)
{
	struct line *n = arg;

	if (n->current && n->last_typing)
		client_typing(n->client, str_z(n->current), false);
	xfree(TAKE(n->last_typing));
	if (!n->over && !n->leaving)
		line_run(n, line);
}

static void on_key(void *arg, struct str line)
{
	struct line *n = arg;
	bool text = line.n && line.p[0] != '/';

	if (!n->current || (text == (n->last_typing != NULL)))
		return;
	xfree(TAKE(n->last_typing));
	if (text)
		n->last_typing = xstrdup(n->current);
	client_typing(n->client, str_z(n->current), text);
}

static bool on_end(void *arg, bool gone)
{
	struct line *n = arg;

	if (gone)
		line_finish(n, 0);
	else
		line_leave(n);
	return n->over || n->leaving;
}

static void complete(void *arg, struct str line, struct str word, struct edit_choices *ret)
{
	line_complete(arg, line, word, ret);
}

static size_t open_part(void *arg, struct str line)
{
	(void)arg;
	return line_open_part(line);
}

static const struct edit_ops terminal = {.on_line = on_line,
	.open_part = open_part,
	.on_end = on_end,
	.on_key = on_key,
	.complete = complete};

static void on_signal(void *arg, int signum)
{
	struct line *n = arg;

	if (!n->edit)
		line_finish(n, 1);
	else if (signum == SIGINT)
		edit_interrupt(n->edit);
	else if (signum == SIGWINCH)
		edit_resize(n->edit);
	else if (signum == SIGTSTP)
		edit_suspend(n->edit);
	else
		line_finish(n, 0);
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};

/* ---- life ---- */

struct line *line_new(struct loop *l, const struct line_config *c)
{
	struct line *n = xcalloc(1, sizeof(*n));

	n->loop = l;
	n->config = *c;
	n->until.fire = on_waited;
	n->read.run = on_file;
	n->slow.fire = on_slow;
	line_held_init(n);
	list_init(&n->waiting);
	buf_init(&n->in, 4 * LINE_MAX_BYTES);
	buf_init(&n->text, TEXT_OUT_MAX);
	return n;
}

void line_attach(struct line *n, struct client *c) { n->client = c; }

bool line_started(const struct line *n) { return n->started; }

void line_start(struct line *n)
{
	bool is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !n->config.json;

	n->started = true;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (is_terminal || signals[i] == SIGINT || signals[i] == SIGTERM)
			loop_on_signal(n->loop, signals[i], on_signal, n);
	if (is_terminal) {
		n->edit = edit_new(n->loop, &terminal, n);
		set_prompt(n);
	} else if (can_be_watched(STDIN_FILENO)) {
		n->watch = watch_new(n->loop, STDIN_FILENO, on_readable, n);
		edit_keep_blocking();
		watch_set(n->watch, WATCH_READ);
	} else {
		loop_next(n->loop, &n->read);
	}
}

void line_free(struct line **line)
{
	struct line *n = TAKE(*line);
	struct list *node;

	if (!n)
		return;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (n->started)
			loop_on_signal(n->loop, signals[i], NULL, NULL);
	timer_stop(loop_timers(n->loop), &n->until);
	timer_stop(loop_timers(n->loop), &n->slow);
	line_held_clear(n);
	loop_undefer(&n->read);
	edit_free(&n->edit);
	if (n->watch)
		watch_free(&n->watch);
	while ((node = list_take(&n->waiting)))
		xfree(node);
	buf_clear(&n->in);
	buf_clear(&n->text);
	xfree(n->current);
	xfree(n->last_typing);
	xfree(n->last_offline);
	xfree(n);
}
