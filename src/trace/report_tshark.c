/* What tshark alone says: trees of fields, bytes of streams, and the commands for both. */
#include <stdio.h>

#include "base/mem.h"
#include "trace/follow.h"
#include "trace/ladder.h"
#include "trace/report_i.h"
#include "trace/tree.h"
#include "trace/tshark.h"
#include "tui/filter.h"
#include "xml/write.h"

enum { TREES_MAX = 24 << 20, TREE_LINES_MAX = 400, FOLLOWED_MAX = 8, FOLLOW_MAX = 8 << 20, PROTOCOLS_MAX = 64 };

/* Protocols whose fields are worth reading; of the others the line alone. */
#define PROTOCOLS "ip,ipv6,tcp,tls,xmpp,chat,mdns,arp,icmpv6"

/* ---- trees ---- */

struct reader {
	const struct dissected *d;
	struct report_trees *trees;
	uint32_t next;   /* index of the frame that is waited for */
	int64_t current; /* of whose lines come; -1: one that has no row */
	unsigned lines;
	struct tree tree;
};

/* "Frame 12: 60 bytes on wire ...": frames come in order, so that no text inside of one passes for another. */
static bool begins_frame(struct reader *r, struct str line)
{
	uint64_t number = 0;

	if (!str_starts(line, STR("Frame ")))
		return false;
	line = (struct str){line.p + 6, line.n - 6};
	if (str_uint(str_cut(&line, ':'), UINT32_MAX, &number) != 0)
		return false;
	while (r->next < r->d->n && r->d->frames[r->next].number < number)
		r->next++;
	if (r->next == r->d->n || r->d->frames[r->next].number != number)
		return false;
	r->current = r->next++;
	return true;
}

static bool on_line(void *arg, struct str line)
{
	struct reader *r = arg;
	struct buf *text = &r->trees->text;
	struct report_tree *t;

	if (begins_frame(r, line)) {
		r->lines = 0;
		r->trees->of[r->current] = (struct report_tree){(uint32_t)text->n, 0};
		return text->n < TREES_MAX;
	}
	if (!tree_line(&r->tree, &line) || r->current < 0 || !line.n || r->lines++ >= TREE_LINES_MAX)
		return true;
	t = &r->trees->of[r->current];
	filter_line(text, line);
	buf_char(text, '\n');
	t->n = (uint32_t)text->n - t->at;
	return buf_ok(text);
}

void report_trees_read(const struct report *r, struct report_trees *ret)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	const char *argv[] = {"tshark", "-2", "-R", DISSECT_FIRST_PASS, "-o", dissect_order(r->d->as_it_came), "-r",
		r->file, "-O", PROTOCOLS, "-Y", r->filter ? r->filter : "frame", NULL};
	struct reader reader = {.d = r->d, .trees = ret, .current = -1};

	*ret = (struct report_trees){.of = xcalloc((size_t)r->d->n + 1, sizeof(*ret->of))};
	buf_init(&ret->text, (size_t)TREES_MAX + (TREE_LINES_MAX + 1) * (size_t)65536);
	if (!r->file)
		return;
	/* Whatever there is of it by then is shown. */
	tshark_run(argv, on_line, &reader, &why);
}

void report_trees_clear(struct report_trees *t)
{
	xfree(t->of);
	buf_clear(&t->text);
}

static bool is_open(struct str line)
{
	return str_starts(line, STR("Chat")) || str_starts(line, STR("XMPP")) ||
		str_starts(line, STR("Transmission")) || str_starts(line, STR("Multicast"));
}

/* One protocol: the line at the margin, and what is under it. */
static void put_protocol(struct str text, struct buf *out)
{
	struct str line = str_cut(&text, '\n');

	if (!str_trim(text).n) { /* of this protocol the line is all */
		buf_z(out, "<p class=\"line\">");
		xml_escape(out, line);
		buf_z(out, "</p>");
		return;
	}
	buf_fmt(out, "<details%s><summary>", is_open(line) ? " open" : "");
	xml_escape(out, line);
	buf_z(out, "</summary><pre>");
	xml_escape(out, text);
	buf_z(out, "</pre></details>");
}

/* The highest protocol first: that is what people look for. */
static void put_tree(struct str tree, struct buf *out)
{
	size_t begin[PROTOCOLS_MAX], n = 0, end = tree.n;

	for (size_t i = 0; i < tree.n && n < PROTOCOLS_MAX; i++)
		if ((i == 0 || tree.p[i - 1] == '\n') && tree.p[i] != ' ' && tree.p[i] != '\n')
			begin[n++] = i;
	while (n--) {
		put_protocol((struct str){tree.p + begin[n], end - begin[n]}, out);
		end = begin[n];
	}
}

void report_tree_put(const struct report_trees *t, const struct report *r, uint32_t index, struct buf *out)
{
	const struct dissected_frame *f = &r->d->frames[index];
	CLEANUP(buf_clear) struct buf brief = {.max = REPORT_TEXT_MAX};

	buf_fmt(out, "<b>Frame %u</b>", f->number);
	if (t->of[index].n) {
		put_tree((struct str){t->text.p + t->of[index].at, t->of[index].n}, out);
		return;
	}
	report_brief(r->d, f, &brief);
	buf_z(out, "<p>");
	report_text(out, buf_view(&brief));
	buf_z(out, "</p>");
}

/* ---- what streams say ---- */

static int32_t connection_of(const struct dissected *d, uint32_t i)
{
	return d->frames[i].stream >= 0 && d->frames[i].stream < FOLLOWED_MAX && d->frames[i].len ? d->frames[i].stream
												  : -1;
}

/* How each of the first connections is to be followed; NULL: it says nothing that can be read. */
static void how_to_follow(const struct dissected *d, const char *how[FOLLOWED_MAX])
{
	for (uint32_t i = 0; i < d->n; i++) {
		int32_t c = connection_of(d, i);

		if (c < 0 || (d->frames[i].encrypted && !field_has(&d->frames[i], F_CHAT)))
			continue;
		if (d->frames[i].encrypted)
			how[c] = "tls";
		else if (!how[c] && field_has(&d->frames[i], F_CHAT))
			how[c] = "tcp";
	}
}

static void put_piece(const struct followed *f, const struct followed_piece *p, struct buf *out)
{
	struct str rest = {f->text.p ? f->text.p + p->at : "", p->n};

	buf_fmt(out, "<pre class=\"%s\">", p->opener ? "one" : "two");
	while (rest.p) {
		report_text(out, str_cut(&rest, '\n'));
		buf_char(out, '\n');
	}
	buf_z(out, "</pre>\n");
}

static void follow_one(const struct report *r, unsigned connection, const char *how, struct buf *out)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct followed f;

	if (follow(r->file, r->d, connection, how, FOLLOW_MAX, &f, &why) != 0)
		return;
	buf_fmt(out, "<h3>Connection %u%s</h3>\n", connection,
		str_is(str_z(how), "tls") ? ", decrypted" : ", in clear");
	if (f.legend.n) {
		buf_z(out, "<p>Nodes are called by their people: ");
		report_text(out, buf_view(&f.legend));
		buf_z(out, ".</p>\n");
	}
	buf_z(out, "<div class=\"follow\">");
	for (uint32_t i = 0; i < f.n; i++) {
		put_piece(&f, &f.piece[i], out);
	}
	buf_z(out, "</div>\n");
	followed_clear(&f);
}

void report_follow(const struct report *r, struct buf *out)
{
	const char *how[FOLLOWED_MAX] = {NULL};
	bool any = false;

	how_to_follow(r->d, how);
	for (unsigned i = 0; i < FOLLOWED_MAX; i++)
		if (how[i] && r->file) {
			follow_one(r, i, how[i], out);
			any = true;
		}
	if (!any)
		buf_z(out, "<p>Nothing that can be read.</p>\n");
	else if (r->d->stream_n > FOLLOWED_MAX)
		buf_fmt(out, "<p>Of %u connections the first %d.</p>\n", r->d->stream_n, FOLLOWED_MAX);
}

/* ---- commands ---- */

/* A word as a shell takes it. */
static void put_word(struct str word, struct buf *out)
{
	bool plain = word.n > 0;

	for (size_t i = 0; i < word.n; i++)
		plain &= strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=", word.p[i]) !=
				NULL &&
			word.p[i];
	buf_z(out, plain ? "" : "'");
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '\'')
			buf_z(out, "'\\''");
		else
			buf_char(out, word.p[i]);
	buf_z(out, plain ? "" : "'");
}

static void put_command(const struct report *r, const char *before, const char *filter, const char *after,
	struct buf *out)
{
	CLEANUP(buf_clear) struct buf line = {.max = REPORT_TEXT_MAX};

	buf_fmt(&line, "tshark %s -r ", before);
	put_word(r->name, &line);
	if (filter) {
		buf_z(&line, " -Y ");
		put_word(str_z(filter), &line);
	}
	buf_z(&line, after);
	report_text(out, buf_view(&line));
	buf_char(out, '\n');
}

/* " -T fields -e frame.number ...". */
static void put_fields(struct buf *out)
{
	const char *argv[TSHARK_ARGS_MAX];

	dissect_command(argv, 0);
	for (int i = 0; argv[i]; i++)
		/* How values are separated is for programs, and cannot be typed. */
		if (strcmp(argv[i], "-E") == 0)
			i++;
		else
			buf_fmt(out, " %s", argv[i]);
}

#define TWO_PASSES "-2 -R '" DISSECT_FIRST_PASS "'"

void report_commands(const struct report *r, struct buf *out)
{
	CLEANUP(buf_clear) struct buf fields = {.max = 65536};
	const char *how[FOLLOWED_MAX] = {NULL}, *filter = r->filter ? r->filter : "frame";

	put_fields(&fields);
	buf_z(out, "<pre class=\"commands\">");
	put_command(r, TWO_PASSES, filter, buf_cstr(&fields), out);
	put_command(r, TWO_PASSES, filter, " -O " PROTOCOLS, out);
	how_to_follow(r->d, how);
	for (unsigned i = 0; i < FOLLOWED_MAX; i++) {
		char after[64];

		snprintf(after, sizeof(after), " -z follow,%s,ascii,%u", how[i] ? how[i] : "", i);
		if (how[i])
			put_command(r, "-q", NULL, after, out);
	}
	buf_z(out, "</pre>\n");
}
