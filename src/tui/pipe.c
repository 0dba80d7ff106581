/* Lines from a pipe. Nobody sees what becomes of them before it is said, so a line that cannot be said as it is, is not said at
 * all, and that is told with its number. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tui/line_i.h"

enum { READ_BYTES = 16384 };

static void add_line(struct line *n, struct str text)
{
	struct list *node = xcalloc(1, sizeof(*node) + text.n + 1);

	memcpy(node + 1, text.p, text.n);
	list_append(&n->waiting, node);
	n->waiting_n++;
}

static void refuse_long(struct line *n)
{
	line_refuse(n, "line %u has more than %d bytes, which is the most: nothing of it is said; say it in parts",
		n->lines, LINE_MAX_BYTES);
}

/* What no message can carry: bytes that are no UTF-8, control characters but the tab, and the two that are no characters (XML
 * 1.0, 2.2). */
static bool is_text(struct line *n, struct str text)
{
	const char *begin = text.p;

	while (text.n) {
		size_t k = str_utf8_next(text);
		unsigned char c = (unsigned char)*text.p;

		if (!k) {
			line_refuse(n, "line %u is no UTF-8 text (byte %zu of it is 0x%02x): nothing of it is said",
				n->lines, (size_t)(text.p - begin) + 1, c);
			return false;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f) {
			line_refuse(n,
				"line %u has a control character (byte %zu of it is 0x%02x), which no message can carry: "
				"nothing of it is said",
				n->lines, (size_t)(text.p - begin) + 1, c);
			return false;
		}
		if (str_is((struct str){text.p, k}, "\xef\xbf\xbe") ||
			str_is((struct str){text.p, k}, "\xef\xbf\xbf")) {
			line_refuse(n,
				"line %u has U+%04X (byte %zu of it), which is no character and which no message can carry: "
				"nothing of it is said",
				n->lines, (unsigned)str_utf8_char(text.p, k), (size_t)(text.p - begin) + 1);
			return false;
		}
		text = (struct str){text.p + k, text.n - k};
	}
	return true;
}

/* It ends the input when it is read, not when it is its turn, which may never come where there is nobody to say the lines before
 * to. False: it did. */
static bool take_line(struct line *n, struct str text)
{
	n->lines++;
	if (text.n && text.p[text.n - 1] == '\r')
		text.n--;
	if (line_is_command(text, "/quit")) {
		n->ended = true;
		return false;
	}
	if (text.n > LINE_MAX_BYTES)
		refuse_long(n);
	else if (is_text(n, text))
		add_line(n, text);
	return true;
}

static void cut_lines(struct line *n)
{
	struct str rest = buf_view(&n->in);
	const char *end;

	while (rest.n && (end = memchr(rest.p, '\n', rest.n))) {
		size_t k = (size_t)(end - rest.p);

		if (!n->dropping && !take_line(n, (struct str){rest.p, k})) {
			buf_reset(&n->in);
			return;
		}
		n->dropping = false;
		rest = (struct str){end + 1, rest.n - k - 1};
	}
	buf_eat(&n->in, n->in.n - rest.n);
	if (n->in.n > LINE_MAX_BYTES + 1 && !n->dropping) { /* one may be that of its end */
		n->lines++;
		n->dropping = true;
		refuse_long(n);
	}
	if (n->dropping)
		buf_reset(&n->in); /* up to the end of the line nothing is a line of its own */
}

void line_read(struct line *n)
{
	char *p = buf_room(&n->in, READ_BYTES);
	ssize_t k = read(STDIN_FILENO, p, READ_BYTES);

	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (k > 0) {
		n->in.n += (size_t)k;
	} else {
		n->ended = true;
		if (n->in.n)
			buf_char(&n->in, '\n');
	}
	cut_lines(n);
}
