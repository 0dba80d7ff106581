#include "cmd/help.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

enum { WIDEST = 100, USUAL = 80, TEXT_MAX = 65536, DEEPER = 4 };

/* A line that is being filled. */
struct filling {
	struct buf *out;
	unsigned width, at;
	unsigned hang; /* where it goes on in the next line */
	bool code;     /* for a shell */
};

static void blanks(struct filling *f, unsigned column)
{
	for (; f->at < column; f->at++)
		buf_char(f->out, ' ');
}

static void next_line(struct filling *f)
{
	buf_z(f->out, f->code ? " \\\n" : "\n");
	f->at = 0;
	blanks(f, f->hang);
}

/* Bytes up to the next place where a line may end. whole: what is in brackets or quotes is one word. */
static size_t word_length(struct str text, bool whole)
{
	unsigned depth = 0;
	bool quoted = false;
	size_t n = 0;

	for (; n < text.n; n++) {
		if (text.p[n] == ' ' && !(whole && (depth || quoted)))
			break;
		depth += text.p[n] == '[';
		depth -= text.p[n] == ']' && depth;
		quoted ^= text.p[n] == '\'' && (quoted || !n || text.p[n - 1] == ' ');
	}
	return n;
}

static void fill(struct filling *f, struct str text)
{
	unsigned width = f->width - (f->code ? 2 : 0);
	bool first = true;

	while (text.n) {
		size_t n = word_length(text, true);

		if (f->hang + n > width && !f->code)
			n = word_length(text, false);
		if (!first && f->at + 1 + n > width)
			next_line(f);
		else if (!first)
			blanks(f, f->at + 1);
		buf_add(f->out, text.p, n);
		f->at += (unsigned)n;
		text = (struct str){text.p + n, text.n - n};
		while (text.n && *text.p == ' ')
			text = (struct str){text.p + 1, text.n - 1};
		first = false;
	}
}

/* Where the second column begins; 0: there is none. */
static size_t second_column(struct str line, size_t indent)
{
	for (size_t i = indent; i + 2 < line.n; i++)
		if (line.p[i] == ' ' && line.p[i + 1] == ' ') {
			while (i < line.n && line.p[i] == ' ')
				i++;
			return i < line.n ? i : 0;
		}
	return 0;
}

static void put_row(struct filling *f, struct str line, size_t indent, size_t column)
{
	bool beside = column <= f->width / 2;

	f->hang = (unsigned)(beside ? column : indent + DEEPER);
	fill(f, str_trim((struct str){line.p + indent, column - indent}));
	if (!beside)
		next_line(f);
	blanks(f, f->hang);
	fill(f, (struct str){line.p + column, line.n - column});
}

static void put_line(struct filling *f, struct str line)
{
	size_t indent = 0, column;

	while (indent < line.n && line.p[indent] == ' ')
		indent++;
	column = f->code ? 0 : second_column(line, indent);
	f->at = 0;
	blanks(f, (unsigned)indent);
	if (column) {
		put_row(f, line, indent, column);
		return;
	}
	f->hang = (unsigned)indent + (f->code || indent ? DEEPER : 0);
	if (str_starts(line, STR("Usage: ")))
		f->hang = sizeof("Usage: ") - 1 + DEEPER;
	fill(f, (struct str){line.p + indent, line.n - indent});
}

void help_wrap(struct buf *out, struct str text, unsigned width)
{
	struct filling f = {.out = out, .width = width < HELP_NARROW ? HELP_NARROW : width};

	while (text.p && text.n) {
		struct str line = str_cut(&text, '\n');

		put_line(&f, line);
		f.code = line.n ? f.code || str_is(line, "Examples:") : false;
		buf_char(out, '\n');
	}
}

void help_print(const char *text)
{
	CLEANUP(buf_clear) struct buf out = {.max = TEXT_MAX};
	struct winsize w = {0};
	unsigned width = USUAL;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		width = w.ws_col < WIDEST ? w.ws_col : WIDEST;
	help_wrap(&out, str_z(text), width);
	fputs(buf_cstr(&out), stdout);
}
