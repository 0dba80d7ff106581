#include "trace/report_i.h"

#include "base/mem.h"
#include "trace/explain.h"
#include "trace/ladder.h"
#include "trace/stats.h"
#include "tui/filter.h"
#include "xml/write.h"

enum {
	INFO_SHOWN = 160 /* bytes in the table */,
	STATS_NAME = 34 /* cells that a name has in stats.c */,
	VIEW_MAX = 64 << 20
};

static const char head[] = REPORT_BEGINS
	"<head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" content=\"no-referrer\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" " REPORT_POLICY "\n";

static const char style[] =
	"<style>\n"
	":root{color-scheme:light dark;--page:#fff;--ink:#1d1f21;--dim:#6c7075;--line:#dcdcd6;--box:#f5f5f1;--over:#eceff5;"
	"--clear:#b05000;--tls:#1457a8;--bad:#c00020;--said:#103d7c;--got:#1c6b2c;--hands:#6a3d9a;--find:#8a6d00}\n"
	"@media(prefers-color-scheme:dark){:root{--page:#16181b;--ink:#e2e2e0;--dim:#969ba2;--line:#363a40;--box:#1f2226;"
	"--over:#262c36;--clear:#f0a050;--tls:#6fb1ff;--bad:#ff6b7a;--said:#a9cdff;--got:#7fd18f;--hands:#c3a0ee;--find:#d9bd5c}}\n"
	"body{font:15px/1.5 system-ui,sans-serif;margin:0;padding:1.5rem 2rem;color:var(--ink);background:var(--page)}\n"
	"h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.25rem;margin:2.4rem 0 .6rem;border-bottom:1px solid var(--line);"
	"padding-bottom:.25rem}h3{font-size:1rem;margin:1.3rem 0 .3rem}p{margin:.4rem 0;overflow-wrap:anywhere}\n"
	"nav a{color:var(--tls);margin-right:1.1rem}pre,table,code,.ladder,svg text{font:12.5px/1.5 ui-monospace,monospace}\n"
	"pre,.follow pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}.dim,.legend,th{color:var(--dim)}\n"
	"table{border-collapse:collapse}td,th{padding:.12rem .7rem .12rem 0;text-align:left;vertical-align:top;font-weight:normal;"
	"border-bottom:1px solid var(--line)}td.n{text-align:right}.scroll{overflow-x:auto}\n"
	".ladder{position:relative;padding-bottom:.3rem}.ladder svg{position:absolute;left:156px;top:0;pointer-events:none;"
	"z-index:1}.r{display:grid;grid-template-columns:56px 90px var(--lanes) 1fr;height:24px;line-height:24px;column-gap:5px}\n"
	".r>span{overflow:hidden;white-space:nowrap;text-overflow:ellipsis}.r>span:first-child,.r>span:nth-child(2){text-align:right;"
	"color:var(--dim)}.r.top{height:34px;line-height:30px}.r:hover,.r:focus{background:var(--over);outline:none}\n"
	".r .w{padding-left:.5rem}.said .w{color:var(--said);font-weight:600}.got .w{color:var(--got)}.bad .w{color:var(--bad);"
	"font-weight:600}.hands .w{color:var(--hands)}.find .w{color:var(--find)}.fold span:last-child{color:var(--dim);"
	"padding-left:1.6rem}.rest .w{color:var(--dim)}\n"
	".tree{position:fixed;right:1rem;width:37%;box-sizing:border-box;display:none;top:1rem;bottom:1rem;overflow:auto;"
	"background:var(--box);border:1px solid var(--line);border-radius:6px;padding:.7rem 1rem;line-height:1.5;z-index:2;"
	"white-space:normal}.r:focus>.tree,.r:focus-within>.tree{display:block}.r:hover>.tree{display:block;z-index:3}\n"
	".tree .line{margin:.25rem 0 .25rem 1rem;overflow-wrap:anywhere}.tree .whole{font-weight:600;overflow-wrap:anywhere}"
	".connection{font-size:1.1rem;margin-top:2rem}.tree details{margin:.25rem 0}.tree summary{cursor:pointer;overflow-wrap:anywhere}.tree pre{padding-left:.2rem;"
	"color:var(--dim)}\n"
	"path,circle{fill:none;stroke-width:1.4}.lane,.grid{stroke:var(--line)}.grid{stroke-width:.8}.axis{stroke:var(--dim)}.host{font-weight:bold;"
	"text-anchor:middle}svg text{fill:var(--ink)}.clear{stroke:var(--clear)}.tls{stroke:var(--tls);stroke-width:2.2}"
	"path.bad,circle.bad{stroke:var(--bad);stroke-width:2.2}.head{stroke-width:1}.clear.head{fill:var(--clear)}"
	".tls.head{fill:var(--tls)}.bad.head{fill:var(--bad)}\n"
	".chart{width:100%;max-width:1000px}.chart text{fill:var(--dim);font-size:11px}.mid{text-anchor:middle}.end{text-anchor:end}"
	".one{stroke:var(--tls)}.two{stroke:var(--clear)}.bar{stroke-width:3.5}.stairs{stroke-width:1;opacity:.55}.stem{stroke:var(--dim);"
	"stroke-dasharray:2 3}.dot{fill:var(--page);stroke-width:1.8}b.one,b.tls{color:var(--tls)}b.two,b.clear{color:var(--clear)}b.bad{color:var(--bad)}\n"
	".answers ul{margin:.2rem 0;padding-left:1.2rem}.answers li{overflow-wrap:anywhere}.answers li.deep{margin-left:1.2rem;"
	"color:var(--dim)}code{background:var(--box);border:1px solid var(--line);border-radius:4px;padding:.05rem .35rem;"
	"user-select:all}\n"
	".follow pre{padding:.35rem .7rem;margin:.25rem 0;border-left:3px solid var(--tls);background:var(--box)}.follow pre.two{"
	"border-color:var(--clear)}.commands{background:var(--box);padding:.7rem}\n"
	"tr.said td{color:var(--said)}tr.bad td{color:var(--bad)}\n"
	"@media(max-width:1000px){.ladder{overflow-x:auto}.tree{left:1rem;width:auto;top:55%}.r{min-width:56rem}}\n"
	"@media print{.tree,nav{display:none!important}body{padding:0}}\n"
	"</style></head><body>\n";

void report_text(struct buf *out, struct str text)
{
	CLEANUP(buf_clear) struct buf clean = {.max = 4 * REPORT_TEXT_MAX};

	filter_line(&clean, text);
	xml_escape(out, buf_view(&clean));
}

/* ---- views that are made for a terminal, with the marks of a page ---- */

/* Their lines are filtered already. */
static struct str view_of(const struct dissected *d, void (*put)(const struct dissected *d, struct buf *out),
	struct buf *store)
{
	put(d, store);
	return buf_view(store);
}

static struct str without(struct str line, size_t n) { return (struct str){line.p + n, line.n - n}; }

/* "3. Which ...?", which no answer can look like: those begin with blanks. */
static bool is_question(struct str line) { return line.n && line.p[0] >= '0' && line.p[0] <= '9'; }

/* Answers stand in a list, which begins after each heading and ends with the filter, or with the next heading. */
static void put_answer(struct str line, bool *open, struct buf *out)
{
	static const struct str filter = STR("   filter: ");
	bool deep = str_starts(line, STR("      "));

	if (str_starts(line, filter)) {
		buf_z(out, *open ? "</ul><p class=\"dim\">filter <code>" : "<p class=\"dim\">filter <code>");
		*open = false;
		xml_escape(out, without(line, filter.n));
		buf_z(out, "</code></p>\n");
		return;
	}
	buf_fmt(out, "<li%s>", deep ? " class=\"deep\"" : "");
	xml_escape(out, str_trim(line));
	buf_z(out, "</li>\n");
}

static void put_answers(const struct dissected *d, struct buf *out)
{
	CLEANUP(buf_clear) struct buf store = {.max = VIEW_MAX};
	struct str all = view_of(d, explain_put, &store);
	bool open = false;

	buf_z(out, "<div class=\"answers\">\n");
	while (all.p && all.n) {
		struct str line = str_cut(&all, '\n');

		if (!line.n)
			continue;
		if (line.p[0] == ' ') {
			put_answer(line, &open, out);
			continue;
		}
		buf_fmt(out, "%s<h3%s>", open ? "</ul>\n" : "", is_question(line) ? "" : " class=\"connection\"");
		xml_escape(out, line);
		buf_z(out, "</h3><ul>\n");
		open = true;
	}
	buf_z(out, open ? "</ul></div>\n" : "</div>\n");
}

static void put_numbers(const struct dissected *d, struct buf *out)
{
	CLEANUP(buf_clear) struct buf store = {.max = VIEW_MAX};
	struct str all = view_of(d, stats_put, &store);

	buf_z(out, "<table>\n");
	while (all.p && all.n) {
		struct str line = str_cut(&all, '\n');
		bool named = line.n > STATS_NAME && line.p[STATS_NAME] == ' ' && line.p[STATS_NAME - 1] == ' ';
		size_t n = named ? STATS_NAME : line.n;

		if (!named && line.n && memchr(line.p, ':', line.n))
			n = (size_t)((const char *)memchr(line.p, ':', line.n) - line.p);
		buf_z(out, "<tr><th>");
		xml_escape(out, str_trim((struct str){line.p, n}));
		buf_z(out, "</th><td>");
		xml_escape(out, str_trim(without(line, n < line.n && !named ? n + 1 : n)));
		buf_z(out, "</td></tr>\n");
	}
	buf_z(out, "</table>\n");
}

/* ---- the table ---- */

static void put_host(const struct dissected *d, unsigned host, struct buf *out)
{
	CLEANUP(buf_clear) struct buf label = {.max = 4096};

	host_label(d, host, &label);
	buf_z(out, "</td><td>");
	report_text(out, host == HOST_NONE ? STR("all") : buf_view(&label));
}

/* The beginning of it: a long message would fill the page. */
static void put_info(const struct dissected *d, const struct dissected_frame *f, struct buf *out)
{
	struct str info = field_of(d, f, F_INFO);
	size_t n = 0, next;

	while (n < info.n && (next = str_utf8_next((struct str){info.p + n, info.n - n})) && n + next <= INFO_SHOWN)
		n += next;
	report_text(out, (struct str){info.p, n});
	buf_z(out, n < info.n ? "..." : "");
}

static void put_table(const struct dissected *d, struct buf *out)
{
	buf_z(out,
		"<div class=\"scroll\"><table><tr><th>frame</th><th>seconds</th><th>from</th><th>to</th><th>protocol</th><th>flags</th>"
		"<th>seq</th><th>ack</th><th>bytes</th><th>what</th></tr>\n");
	for (uint32_t i = 0; i < d->n && i < REPORT_ROWS_MAX; i++) {
		const struct dissected_frame *f = &d->frames[i];
		bool again = f->again == AGAIN_SENT;

		if (!f->shown)
			continue;
		buf_fmt(out, "<tr%s><td class=\"n\">%u</td><td class=\"n\">%.6f", again ? " class=\"bad\"" : "",
			f->number, f->time);
		put_host(d, f->from, out);
		put_host(d, f->to, out);
		buf_z(out, "</td><td>");
		report_text(out, field_of(d, f, F_PROTOCOL));
		buf_z(out, "</td><td>");
		if (f->stream >= 0) {
			tcp_flags_put(f->flags, out);
			buf_fmt(out, "</td><td class=\"n\">%u</td><td class=\"n\">%u</td><td class=\"n\">%u</td><td>",
				f->seq, f->ack, f->len);
		} else {
			buf_z(out, "</td><td></td><td></td><td></td><td>");
		}
		put_info(d, f, out);
		buf_z(out, "</td></tr>\n");
	}
	buf_z(out, "</table></div>\n");
	if (d->n > REPORT_ROWS_MAX)
		buf_fmt(out, "<p>Of %u frames the first %d.</p>\n", d->n, REPORT_ROWS_MAX);
}

/* ---- the page ---- */

static void put_hosts(const struct dissected *d, struct buf *out)
{
	buf_z(out, "<table><tr><th>who</th><th>address</th><th>name</th><th>on streams</th></tr>\n");
	for (unsigned i = 0; i < d->host_n; i++) {
		const struct dissected_host *h = &d->hosts[i];
		CLEANUP(buf_clear) struct buf label = {.max = 4096};

		host_label(d, i, &label);
		buf_z(out, "<tr><td>");
		report_text(out, buf_view(&label));
		buf_z(out, "</td><td>");
		report_text(out, h->address);
		host_ports(h, out);
		buf_z(out, "</td><td>");
		report_text(out, str_eq(h->name, h->address) ? STR("") : h->name);
		buf_z(out, "</td><td>");
		report_text(out, str_z(h->person));
		buf_z(out, "</td></tr>\n");
	}
	buf_z(out, "</table>\n");
}

static void put_head(const struct report *r, struct buf *out)
{
	struct str comments = r->comments;

	buf_z(out, head);
	buf_z(out, "<title>Trace of ");
	report_text(out, r->name);
	buf_z(out, "</title>\n");
	buf_z(out, style);
	buf_z(out, "<h1>Trace of ");
	report_text(out, r->name);
	buf_fmt(out,
		"</h1>\n<p class=\"dim\">%u frame%s in %.3f s. Dissected by Wireshark's engine with Wireside's chat layer.",
		dissected_shown(r->d), dissected_shown(r->d) == 1 ? "" : "s",
		r->d->n ? r->d->frames[r->d->n - 1].time : 0.0);
	for (bool first = true; comments.p && comments.n; first = false) {
		buf_z(out, first ? "<br>Comment in the file: <code>" : " <code>");
		report_text(out, str_cut(&comments, '\n'));
		buf_z(out, "</code>");
	}
	buf_fmt(out, "%s%s</p>\n", r->sha256 ? "<br>SHA-256 of the file " : "", r->sha256 ? r->sha256 : "");
	buf_z(out,
		"<nav><a href=\"#ladder\">Ladder</a><a href=\"#questions\">Questions</a><a href=\"#charts\">Charts</a>"
		"<a href=\"#numbers\">Numbers</a><a href=\"#said\">What was said</a><a href=\"#frames\">All frames</a>"
		"<a href=\"#commands\">Commands</a></nav>\n");
	put_hosts(r->d, out);
}

static void put_ladder(const struct report *r, struct buf *out)
{
	struct report_trees trees;

	report_trees_read(r, &trees);
	buf_z(out,
		"<h2 id=\"ladder\">What happened</h2>\n<p class=\"legend\"><b class=\"tls\">Thick, blue: encrypted on the wire.</b> "
		"<b class=\"clear\">Thin, orange: everybody can read it.</b> <b class=\"bad\">Red: sent again, or broken off.</b> The fields of "
		"a packet are shown while the pointer is on its line; a click or the Tab key holds them.</p>\n");
	report_ladder(r, &trees, out);
	report_trees_clear(&trees);
}

void report_put(const struct report *r, struct buf *out)
{
	put_head(r, out);
	put_ladder(r, out);
	buf_z(out, "<h2 id=\"questions\">Questions, answered</h2>\n");
	put_answers(r->d, out);
	buf_z(out, "<h2 id=\"charts\">Charts</h2>\n");
	report_charts(r->d, out);
	buf_z(out, "<h2 id=\"numbers\">Numbers</h2>\n");
	put_numbers(r->d, out);
	buf_z(out, "<h2 id=\"said\">What was said, byte by byte</h2>\n");
	report_follow(r, out);
	buf_z(out, "<h2 id=\"frames\">All frames</h2>\n");
	put_table(r->d, out);
	buf_z(out,
		"<h2 id=\"commands\">The same without Wireside</h2>\n<p>With <code>WIRESHARK_CONFIG_DIR</code> set to Wireside's folder "
		"<code>share/wireshark</code>, tshark shows what is on this page:</p>\n");
	report_commands(r, out);
	buf_z(out, "</body></html>\n");
}
