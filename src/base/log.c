#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_MAX_BYTES = 2048 };

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

static _Atomic int threshold = LOG_INFO;
static void (*_Atomic sink)(enum log_level level, const char *line);

void log_set_level(enum log_level level) { atomic_store_explicit(&threshold, (int)level, memory_order_relaxed); }

bool log_on(enum log_level level) { return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed); }

void log_set_sink(void (*new_sink)(enum log_level level, const char *line)) { atomic_store(&sink, new_sink); }

/* What a terminal or a viewer may obey, or not show. */
static bool is_unsafe(const char *p, size_t len)
{
	uint32_t c = str_utf8_char(p, len);

	return c < 0x20 || c == 0x7f || str_is_unseen(c);
}

/* Adds one character, escaped if it must be; false if it does not fit whole. */
static bool add_char(struct buf *line, const unsigned char *p, size_t len, bool escape)
{
	if (line->max - line->n < (escape ? 4 * len : len))
		return false;
	if (!escape)
		buf_add(line, p, len);
	else
		for (size_t i = 0; i < len; i++)
			buf_fmt(line, "\\x%02x", p[i]);
	return true;
}

static bool add_escaped(struct buf *line, struct str text)
{
	while (text.n) {
		const unsigned char *p = (const unsigned char *)text.p;
		size_t len = str_utf8_next(text);
		bool escape = len == 0 || is_unsafe(text.p, len);
		len += len == 0;
		if (!add_char(line, p, len, escape))
			return false;
		text.p += len;
		text.n -= len;
	}
	return true;
}

static void emit(enum log_level level, struct buf *line)
{
	void (*to)(enum log_level, const char *) = atomic_load(&sink);
	if (to) {
		to(level, buf_cstr(line));
		return;
	}
	/* One write, so that lines of several threads and processes do not mix. If standard error
	 * takes less, or nothing, there is nobody left to tell. */
	line->p[line->n++] = '\n';
	ssize_t r;
	do
		r = write(STDERR_FILENO, line->p, line->n);
	while (r < 0 && errno == EINTR);
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	static const char mark[] = "...";
	char text[LINE_MAX_BYTES], memory[LINE_MAX_BYTES];
	int saved = errno; /* for %m, and for the caller, who may look at it after logging */
	va_list args;
	if (!log_on(level))
		return;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	bool cut = n >= (int)sizeof(text);
	size_t used = n < 0 ? 0 : cut ? sizeof(text) - 1 : (size_t)n;

	/* Memory of this function: with room left for the mark and the end it never grows. */
	struct buf line = {.p = memory, .cap = sizeof(memory), .max = sizeof(memory) - sizeof(mark) - 1};
	clock_format(&line, clock_wall());
	buf_fmt(&line, " %s ", level_names[level]);
	bool whole = add_escaped(&line, str_z(event)) && (!used || add_escaped(&line, STR(" "))) &&
		add_escaped(&line, (struct str){text, used}) && !cut;
	line.max = sizeof(memory) - 2;
	if (!whole)
		buf_z(&line, mark);
	emit(level, &line);
	errno = saved;
}
