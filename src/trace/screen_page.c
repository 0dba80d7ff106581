#include "trace/screen_page.h"

#include "base/mem.h"
#include "tui/filter.h"

enum { HANG = 3 /* cells more, where a line goes on */, LEAST = 20 };

void page_init(struct page *p)
{
	*p = (struct page){.height = 1};
	buf_init(&p->text, PAGE_BYTES_MAX);
	buf_init(&p->needle, 1000);
}

void page_clear(struct page *p)
{
	xfree(p->lines);
	buf_clear(&p->text);
	buf_clear(&p->needle);
	page_init(p);
}

bool page_line(struct page *p, struct str line)
{
	size_t at = p->text.n;

	if (p->n == PAGE_LINES_MAX || !buf_ok(&p->text)) {
		p->cut = true;
		return false;
	}
	filter_line(&p->text, line);
	if (!buf_ok(&p->text)) {
		buf_cut(&p->text, at);
		p->cut = true;
		return false;
	}
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 256;
		p->lines = xrealloc(p->lines, p->cap * sizeof(*p->lines));
	}
	p->lines[p->n++] = (struct page_line){(uint32_t)at, (uint32_t)(p->text.n - at)};
	return true;
}

/* Bytes that fit into the columns, up to a blank behind `lead` if there is one. */
static size_t fitting(struct str line, size_t lead, unsigned columns)
{
	size_t n = 0, blank = 0;
	unsigned width = 0;

	while (n < line.n) {
		size_t next = str_utf8_next((struct str){line.p + n, line.n - n});

		next = next ? next : 1;
		width += filter_width((struct str){line.p + n, next});
		if (width > columns)
			return blank ? blank : n ? n : next;
		if (line.p[n] == ' ' && n > lead)
			blank = n;
		n += next;
	}
	return n;
}

static size_t blanks(struct str line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] == ' ')
		n++;
	return n;
}

static bool put_wrapped(struct page *p, struct str line, unsigned columns)
{
	CLEANUP(buf_clear) struct buf row = {.max = PAGE_BYTES_MAX};
	size_t lead = blanks(line), hang = 0, n;

	if (columns < lead + HANG + LEAST || str_starts(str_trim(line), STR("filter: ")))
		return page_line(p, line);
	for (;; hang = lead + HANG) {
		n = fitting(line, hang ? 0 : lead, columns - (unsigned)hang);
		buf_reset(&row);
		buf_fmt(&row, "%*s", (int)hang, "");
		buf_add(&row, line.p, n);
		if (!page_line(p, buf_view(&row)))
			return false;
		n += blanks((struct str){line.p + n, line.n - n});
		line = (struct str){line.p + n, line.n - n};
		if (!line.n)
			return true;
	}
}

void page_text(struct page *p, struct str text, unsigned columns)
{
	while (text.p && text.n && put_wrapped(p, str_cut(&text, '\n'), columns))
		;
}

static void stay(struct page *p)
{
	uint32_t last = p->n > p->height ? p->n - p->height : 0;

	if (p->top > last)
		p->top = last;
}

void page_resize(struct page *p, uint32_t height)
{
	p->height = height ? height : 1;
	stay(p);
}

void page_move(struct page *p, int64_t lines)
{
	int64_t top = (int64_t)p->top + lines;

	p->top = top < 0 ? 0 : top > UINT32_MAX ? UINT32_MAX : (uint32_t)top;
	stay(p);
}

struct str page_get(const struct page *p, uint32_t line)
{
	return line < p->n ? (struct str){p->text.p + p->lines[line].at, p->lines[line].n} : STR("");
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool page_contains(struct str text, struct str needle)
{
	for (size_t i = 0; i + needle.n <= text.n; i++) {
		size_t n = 0;

		while (n < needle.n && lower(text.p[i + n]) == lower(needle.p[n]))
			n++;
		if (n == needle.n)
			return true;
	}
	return false;
}

void page_search_for(struct page *p, struct str needle, bool backward)
{
	if (p->needle.p != needle.p) {
		buf_reset(&p->needle);
		buf_str(&p->needle, needle);
	}
	p->backward = backward;
}

bool page_search(struct page *p)
{
	uint32_t line = p->found ? p->found - 1 : p->backward ? p->top : p->top + p->n - 1;

	for (uint32_t i = 0; i < p->n; i++) {
		line = (line + (p->backward ? p->n - 1 : 1)) % p->n;
		if (!page_contains(page_get(p, line), buf_view(&p->needle)))
			continue;
		p->found = line + 1;
		if (line < p->top || line >= p->top + p->height)
			p->top = line;
		stay(p);
		return true;
	}
	return false;
}
