#include "cmd/peer_rows.h"

#include <string.h>

#include "base/mem.h"
#include "peer/peers.h"

void peer_rows_init(struct peer_rows *p, void (*on_row)(void *arg, const char *row), void *arg)
{
	*p = (struct peer_rows){.on_row = on_row, .arg = arg};
	buf_init(&p->object, PEER_ROW_MAX);
}

static void forget(struct peer_rows *p)
{
	if (p->object.p)
		mem_wipe(p->object.p, p->object.n); /* there may be a password in it */
	buf_reset(&p->object);
	p->object.failed = false;
	p->depth = 0;
	p->text = p->escaped = false;
}

void peer_rows_clear(struct peer_rows *p)
{
	forget(p);
	buf_clear(&p->object);
}

bool peer_rows_whole(const struct peer_rows *p) { return p->depth == 0; }

/* A character within an object. False: it was its last one. */
static bool take(struct peer_rows *p, char c)
{
	buf_char(&p->object, c);
	if (p->text) {
		p->text = p->escaped || c != '"';
		p->escaped = !p->escaped && c == '\\';
	} else if (c == '"') {
		p->text = true;
	} else {
		p->depth += c == '{';
		p->depth -= c == '}';
	}
	return p->depth > 0;
}

/* Where the object ends that goes on here, or begins; a line break is a blank. */
static struct str take_object(struct peer_rows *p, struct str rest)
{
	while (rest.n) {
		char c = *rest.p;

		rest = (struct str){rest.p + 1, rest.n - 1};
		if (!take(p, c))
			return rest;
	}
	take(p, ' ');
	return rest;
}

static bool end_object(struct peer_rows *p)
{
	bool fits = buf_ok(&p->object);

	if (fits)
		p->on_row(p->arg, buf_cstr(&p->object));
	forget(p);
	return fits;
}

static void give_text(struct peer_rows *p, struct str line)
{
	char *row = str_dup(line);

	if (line.n)
		p->on_row(p->arg, row);
	mem_wipe(row, line.n);
	xfree(row);
}

/* What is around the objects of a list. Where a name begins so, tabs follow it. */
static struct str skip_frame(struct str line)
{
	struct str rest = str_trim(line);

	if (rest.n && *rest.p != '{' && memchr(rest.p, '\t', rest.n))
		return line;
	while (rest.n && memchr("[], \t", *rest.p, 5))
		rest = (struct str){rest.p + 1, rest.n - 1};
	return rest;
}

/* Whatever else begins so would swallow all that follows. Where the line ends here the next one may say. */
static bool goes_on(struct str rest)
{
	rest = str_trim(rest);
	return !rest.n || *rest.p == '"' || *rest.p == '}';
}

static bool begins_object(struct str rest)
{
	return str_starts(rest, STR("{")) && goes_on((struct str){rest.p + 1, rest.n - 1});
}

static void check_begin(struct peer_rows *p, struct str line)
{
	if (!str_is(str_trim(buf_view(&p->object)), "{") || goes_on(line))
		return;
	give_text(p, STR("{"));
	forget(p);
}

bool peer_rows_line(struct peer_rows *p, struct str line)
{
	bool good = true, first = true;

	check_begin(p, line);
	while (line.n || (first && p->depth)) {
		struct str rest = p->depth ? line : skip_frame(line);

		if (!p->depth && ((first && peers_is_text_row(line)) || !begins_object(rest))) {
			give_text(p, first && peers_is_text_row(line) ? line : rest);
			return good;
		}
		first = false;
		line = take_object(p, rest);
		if (p->depth == 0)
			good = end_object(p) && good;
	}
	return good;
}
