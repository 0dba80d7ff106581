/* What the public logs of rooms say. Pure. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "db/room_log_i.h"

enum { SECONDS_AT = 11, SECONDS_N = 8, LINK_MAX_ = 2048 /* bytes; a longer one ends there */ };

/* ---- texts ---- */

struct place {
	bool html;
	const char *newline; /* instead of one */
	bool links;          /* what begins with http:// or https:// is one */
};

static void put_char(struct buf *out, struct str c, const struct place *p)
{
	static const struct {
		char c;
		const char *text;
	} marks[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

	for (size_t i = 0; p->html && i < ARRAY_LEN(marks); i++)
		if (*c.p == marks[i].c) {
			buf_z(out, marks[i].text);
			return;
		}
	if (*c.p == '\n')
		buf_z(out, p->newline);
	else if (*c.p == '\t' || (unsigned char)*c.p >= 0x20)
		buf_str(out, c);
}

/* ---- links ---- */

static bool ends_link(uint32_t u)
{
	return u <= ' ' || u == 0x7f || u == 0xa0 || u == 0x3000 || u == '<' || u == '>' || u == '"' || u == '`' ||
		str_is_unseen(u);
}

/* Of http:// or https:// at the beginning of the text; 0: there is none. */
static size_t scheme_length(struct str text)
{
	static const struct str schemes[] = {{"https://", 8}, {"http://", 7}};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts(text, schemes[i]))
			return schemes[i].n;
	return 0;
}

/* What stands behind a link is not part of it: a full stop, or the end of a bracket that began before. */
static size_t without_end(struct str link)
{
	bool opened = link.n && memchr(link.p, '(', link.n);

	while (link.n && (strchr(".,;:!?'", link.p[link.n - 1]) || (link.p[link.n - 1] == ')' && !opened)))
		link.n--;
	return link.n;
}

/* Of a link at the beginning of the text; 0: there is none. */
static size_t link_length(struct str text)
{
	size_t scheme = scheme_length(text), n = scheme, k;

	while (scheme && n < text.n && n < LINK_MAX_ && (k = str_utf8_next((struct str){text.p + n, text.n - n}))) {
		if (ends_link(str_utf8_char(text.p + n, k)))
			break;
		n += k;
	}
	n = without_end((struct str){text.p, n});
	return n > scheme ? n : 0;
}

static void put_seen(struct buf *out, struct str text, const struct place *p)
{
	for (size_t n; text.n; text = (struct str){text.p + n, text.n - n}) {
		n = str_utf8_next(text);
		put_char(out, (struct str){text.p, n}, p);
	}
}

/* Where somebody goes from here is not told that he came from here, and is nothing that we recommend. */
static void put_link(struct buf *out, struct str link, const struct place *p)
{
	buf_z(out, "<a href=\"");
	put_seen(out, link, p);
	buf_z(out, "\" rel=\"noopener noreferrer nofollow\">");
	put_seen(out, link, p);
	buf_z(out, "</a>");
}

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

static void put_text(struct buf *out, struct str text, const struct place *p)
{
	char before = ' ';

	while (text.n) {
		size_t link = p->links && !is_word(before) ? link_length(text) : 0,
		       n = link ? link : str_utf8_next(text);
		uint32_t u = n ? str_utf8_char(text.p, str_utf8_next(text)) : '?';

		if (link)
			put_link(out, (struct str){text.p, link}, p);
		else if (!n)
			buf_char(out, '?');
		else if (!str_is_unseen(u) && u != 0x7f)
			put_char(out, (struct str){text.p, n}, p);
		n += !n;
		before = text.p[n - 1];
		text = (struct str){text.p + n, text.n - n};
	}
}

/* ---- lines ---- */

static void put_seconds(struct buf *out, int64_t time)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 64};

	clock_format(&tmp, time);
	buf_add(out, tmp.p + SECONDS_AT, SECONDS_N);
}

/* "/me waves" (XEP-0245): takes off what stands before "waves". */
static bool take_action(struct str *text)
{
	const struct str me = STR("/me ");

	if (!str_starts(*text, me))
		return false;
	*text = (struct str){text->p + me.n, text->n - me.n};
	return true;
}

/* What somebody does is his words, too: an event, which begins with the asterisk, cannot be written by anybody. */
static void write_text(struct buf *out, const struct room_line *line, bool action)
{
	static const struct place name = {.newline = " "}, text = {.newline = "\n         "};
	struct str nick = line->nick.p ? line->nick : STR("the room"), said = line->text;
	bool acts = action && !line->did.p && take_action(&said);

	put_seconds(out, line->time);
	buf_z(out, line->did.p ? " * " : " <");
	put_text(out, nick, &name);
	if (line->did.p)
		buf_fmt(out, " %.*s", STR_FMT(line->did));
	else
		buf_z(out, acts ? "> * " : ">");
	if (acts)
		put_text(out, nick, &name);
	if (said.n) {
		buf_z(out, line->did.p ? ": " : " ");
		put_text(out, said, &text);
	}
	buf_char(out, '\n');
}

void room_log_text(struct buf *out, const struct room_line *line) { write_text(out, line, true); }
void room_log_text_plain(struct buf *out, const struct room_line *line) { write_text(out, line, false); }

static void put_html(struct buf *out, const struct room_line *line, bool links, bool action)
{
	static const struct place name = {.html = true, .newline = " "};
	struct place text = {.html = true, .newline = "<br>", .links = links};
	struct str said = line->text;
	bool acts = action && !line->did.p && take_action(&said);

	buf_fmt(out, "<p%s><time datetime=\"", line->did.p ? " class=\"event\"" : "");
	clock_format(out, line->time);
	buf_z(out, "\">");
	put_seconds(out, line->time);
	buf_z(out, acts ? "</time> * <b>" : "</time> <b>");
	put_text(out, line->nick.p ? line->nick : STR("the room"), &name);
	buf_z(out, "</b> ");
	if (line->did.p)
		buf_fmt(out, "%.*s%s", STR_FMT(line->did), line->text.n ? ": " : "");
	if (said.n)
		put_text(out, said, &text);
	buf_z(out, "</p>\n");
}

void room_log_html(struct buf *out, const struct room_line *line) { put_html(out, line, true, true); }
void room_log_html_old(struct buf *out, const struct room_line *line) { put_html(out, line, false, true); }
void room_log_html_plain(struct buf *out, const struct room_line *line) { put_html(out, line, false, false); }

/* ---- pages ---- */

static const struct place shown = {.html = true, .newline = " "};

/* What it is called, and where it is. */
static void put_name(struct buf *out, const struct room_page *page)
{
	if (page->name.n) {
		put_text(out, page->name, &shown);
		buf_z(out, " (");
	}
	put_text(out, page->room, &shown);
	buf_z(out, page->name.n ? ")" : "");
}

static void put_title(struct buf *out, const struct room_page *page)
{
	put_name(out, page);
	if (page->day.n)
		buf_fmt(out, ", %.*s", STR_FMT(page->day));
}

static const char beginning[] =
	"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\"><title>";

/* The title is the address, or NAME (ADDRESS); in an address is no blank, nor a sign that would be written otherwise. */
bool room_log_is_page(struct str all, struct str *ret)
{
	const char *end, *at;

	if (!str_starts(all, str_z(beginning)))
		return false;
	all = (struct str){all.p + sizeof(beginning) - 1, all.n - (sizeof(beginning) - 1)};
	end = memchr(all.p, '<', all.n);
	if (!end)
		return false;
	all.n = (size_t)(end - all.p);
	at = memrchr(all.p, ' ', all.n);
	if (at && (size_t)(end - at) > 2 && at[1] == '(' && end[-1] == ')')
		all = (struct str){at + 2, (size_t)(end - at) - 3};
	*ret = all;
	return true;
}

static void put_beginning(struct buf *out, const struct room_page *page)
{
	buf_z(out, beginning);
	put_title(out, page);
	buf_z(out,
		"</title>\n<style>body{font-family:sans-serif;max-width:50em;margin:1em auto;padding:0 1em}"
		"p{margin:.2em 0}time,.event,.nav{color:#666}</style></head><body>\n<h1>");
	put_title(out, page);
	buf_z(out, "</h1>\n");
}

void room_log_before(struct buf *out, struct str day)
{
	buf_z(out, "<p class=\"nav\"><a href=\"index.html\">all days</a>");
	if (day.n)
		buf_fmt(out, " <a rel=\"prev\" href=\"%.*s.html\">%.*s</a>", STR_FMT(day), STR_FMT(day));
	buf_z(out, "</p>\n");
}

void room_log_after(struct buf *out, struct str day)
{
	buf_fmt(out, "<p class=\"nav\"><a rel=\"next\" href=\"%.*s.html\">%.*s</a></p>\n", STR_FMT(day), STR_FMT(day));
}

void room_log_head(struct buf *out, const struct room_page *page, struct str before)
{
	put_beginning(out, page);
	if (page->subject.n) {
		buf_z(out, "<p class=\"event\">");
		put_text(out, page->subject, &(struct place){.html = true, .newline = "<br>", .links = true});
		buf_z(out, "</p>\n");
	}
	room_log_before(out, before);
}

void room_log_index_head(struct buf *out, const struct room_page *page)
{
	put_beginning(out, page);
	buf_z(out, "<ul>\n");
}

void room_log_index_day(struct buf *out, struct str day)
{
	buf_fmt(out, "<li><a href=\"%.*s.html\">%.*s</a> (<a href=\"%.*s.txt\">text</a>)</li>\n", STR_FMT(day),
		STR_FMT(day), STR_FMT(day));
}
