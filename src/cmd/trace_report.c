/* `wireside trace report`: a capture as a page, a picture, a table, or as what other programs read. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "cmd/trace_i.h"
#include "trace/export.h"
#include "trace/ladder.h"
#include "trace/recorder.h"
#include "trace/report.h"

/* ---- about the file ---- */

/* In hexadecimal; false: it cannot be read. */
static bool digest(const char *file, char ret[2 * HASH_MAX + 1])
{
	uint8_t sum[HASH_MAX];
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	void *all = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (all == MAP_FAILED)
		return false;
	hash_digest(HASH_SHA256, (struct str){all, (size_t)st.st_size}, sum);
	munmap(all, (size_t)st.st_size);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(ret + 2 * i, 3, "%02x", sum[i]);
	return true;
}

static bool take_comment(void *arg, struct str line)
{
	static const struct str label = STR("Capture comment:");
	struct buf *out = arg;

	if (!str_starts(line, label))
		return true;
	buf_str(out, str_trim((struct str){line.p + label.n, line.n - label.n}));
	buf_char(out, '\n');
	return buf_ok(out);
}

static struct str name_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return str_z(slash ? slash + 1 : file);
}

/* ---- formats ---- */

static void put_html(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	CLEANUP(buf_clear) struct buf comments = {.max = 65536};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	const char *argv[] = {"capinfos", "-k", a->file, NULL};
	char sum[2 * HASH_MAX + 1];
	struct report r = {.d = d, .name = name_of(a->file), .file = a->file, .filter = a->filter};

	/* Where there is no capinfos, there is no comment. */
	if (tshark_run(argv, take_comment, &comments, &why) != 0)
		buf_reset(&comments);
	trace_tell_dropped(a->file, &comments);
	if (comments.n)
		r.comments = buf_view(&comments);
	r.sha256 = digest(a->file, sum) ? sum : NULL;
	report_put(&r, out);
}

static void put_svg(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	(void)a;
	report_svg(d, out);
}

static void put_csv(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	(void)a;
	export_csv(d, out);
}

static void put_json(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	export_json(d, name_of(a->file), out);
}

static void put_txt(const struct trace_args *a, const struct dissected *d, struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = {.max = TRACE_VIEW_MAX};
	struct str rest;

	ladder_put(d, &(struct ladder_options){.all = a->all}, &text);
	rest = buf_view(&text);
	while (rest.p && rest.n) {
		buf_str(out, str_cut(&rest, '\n'));
		buf_z(out, a->crlf ? "\r\n" : "\n");
	}
	out->failed |= !buf_ok(&text);
}

static bool copy_line(void *arg, struct str line)
{
	struct buf *out = arg;

	buf_str(out, line);
	buf_char(out, '\n');
	return buf_ok(out);
}

/* All fields of all packets, in Wireshark's own XML. */
static int run_pdml(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	CLEANUP(buf_clear) struct buf out = {.max = TRACE_VIEW_MAX};
	const char *argv[] = {"tshark", "-2", "-R", DISSECT_FIRST_PASS, "-o",
		dissect_order(dissect_as_it_came(a->file)), "-r", a->file, "-T", "pdml", "-Y",
		a->filter ? a->filter : "frame", NULL};

	/* To a terminal what others wrote goes through the filter. */
	if (!a->into && isatty(STDOUT_FILENO))
		return trace_tshark(argv);
	if (tshark_run(argv, copy_line, &out, &why) != 0 || !buf_ok(&out)) {
		buf_z(&why, why.n ? "" : "too much to show: give a filter (-Y)");
		trace_complain(" report", &why);
		return 1;
	}
	return trace_write_out(a, buf_view(&out));
}

/* As every other form of a report: what is there of an earlier one is replaced. */
static int run_pcap(const struct trace_args *a)
{
	struct trace_args saved = *a;
	int status;

	if (!a->into) {
		fputs("wireside: trace report: --pcap goes into a file: -o FILE says which\n", stderr);
		return 2;
	}
	saved.force = true;
	saved.format = "pcap";
	status = trace_save(&saved);
	trace_end(&saved);
	return status;
}

static const struct format {
	const char *name;
	void (*put)(const struct trace_args *a, const struct dissected *d, struct buf *out);
	int (*run)(const struct trace_args *a); /* instead of put */
} formats[TRACE_FORMS] = {
	[TRACE_HTML] = {"html", put_html, NULL},
	[TRACE_SVG] = {"svg", put_svg, NULL},
	[TRACE_CSV] = {"csv", put_csv, NULL},
	[TRACE_JSON] = {"json", put_json, NULL},
	[TRACE_TXT] = {"txt", put_txt, NULL},
	[TRACE_PDML] = {"pdml", NULL, run_pdml},
	[TRACE_PCAP] = {"pcap", NULL, run_pcap},
};

/* ---- which, and where to ---- */

/* How the name of a file ends; NULL: it has no dot. */
static const char *ending(const char *file)
{
	const char *slash = strrchr(file, '/'), *dot = strrchr(slash ? slash : file, '.');

	return dot ? dot + 1 : NULL;
}

static int find_format(const char *name)
{
	for (int i = 0; name && i < TRACE_FORMS; i++)
		if (strcasecmp(name, formats[i].name) == 0)
			return i;
	return -1;
}

/* As told, or as the name of the file ends, a page if it does not. 0: that is no form of a report. */
static unsigned choose(const struct trace_args *a)
{
	const char *name = a->format ? a->format : a->into ? ending(a->into) : NULL;
	int one = find_format(name ? name : formats[TRACE_HTML].name);

	return a->forms ? a->forms : one < 0 ? 0 : 1u << one;
}

/* Of several forms each is a file of its own, beside the one that is named. */
static const char *place(const struct trace_args *a, int form, struct buf *room)
{
	struct str stem = str_z(a->into);

	if (find_format(ending(a->into)) >= 0)
		stem.n -= strlen(ending(a->into)) + 1;
	buf_fmt(room, "%.*s.%s", STR_FMT(stem), formats[form].name);
	return buf_cstr(room);
}

static int check_places(const struct trace_args *a, unsigned chosen)
{
	int status = 0;

	for (int i = 0; !status && i < TRACE_FORMS; i++) {
		CLEANUP(buf_clear) struct buf room = {.max = 8192};

		if (chosen & 1u << i)
			status = trace_no_place(a, place(a, i, &room));
	}
	return status;
}

/* The exit status; 0: it can be made. */
static int check(const struct trace_args *a, unsigned chosen)
{
	bool several = chosen & (chosen - 1);

	if (!chosen) {
		fprintf(stderr,
			"wireside: trace report: %s is no form of a report: html svg csv json txt pdml pcap, as the end of the "
			"file's name or behind --\n",
			a->format ? a->format : a->into);
		return 2;
	}
	if ((a->all || a->crlf) && !(chosen & 1u << TRACE_TXT)) {
		fprintf(stderr, "wireside: trace report: '%s' belongs to --txt\n", a->all ? "-a" : "--crlf");
		return 2;
	}
	if (several && !a->into) {
		fputs("wireside: trace report: several forms are several files: -o NAME says how they are called (NAME.csv, ...)\n",
			stderr);
		return 2;
	}
	return several ? check_places(a, chosen) : 0;
}

/* ---- making it ---- */

static int put_one(const struct trace_args *a, const struct format *format, const struct dissected *d)
{
	CLEANUP(buf_clear) struct buf out = {.max = TRACE_VIEW_MAX};

	if (format->run)
		return format->run(a);
	format->put(a, d, &out);
	if (buf_ok(&out))
		return trace_write_out(a, buf_view(&out));
	fputs("wireside: trace report: too much to show: give a filter (-Y)\n", stderr);
	return 1;
}

/* One after the other. What was written is named, if its name was not typed. */
static int put_all(const struct trace_args *a, unsigned chosen, const struct dissected *d)
{
	bool several = chosen & (chosen - 1);
	int status = 0;

	for (int i = 0; !status && i < TRACE_FORMS; i++) {
		CLEANUP(buf_clear) struct buf room = {.max = 8192};
		struct trace_args one = *a;

		if (!(chosen & 1u << i))
			continue;
		one.into = several ? place(a, i, &room) : a->into;
		status = put_one(&one, &formats[i], d);
		if (several && !status)
			puts(one.into);
	}
	return status;
}

int trace_report(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	const unsigned alone = 1u << TRACE_PDML | 1u << TRACE_PCAP; /* for these tshark reads the file itself */
	unsigned chosen = choose(a);
	struct dissected d = {0};
	int status = check(a, chosen);

	if (status)
		return status;
	if (chosen & ~alone && dissect(a->file, a->filter, &d, &why) != 0) {
		trace_complain(" report", &why);
		return 1;
	}
	trace_tell_dropped(a->file, &why);
	if (why.n)
		trace_complain(" report", &why);
	status = put_all(a, chosen, &d);
	dissected_clear(&d);
	return status;
}

int trace_report_file(const char *file, const char *into, struct buf *why)
{
	struct trace_args a = {.file = file, .into = into, .force = true};
	struct dissected d;
	int err = dissect(file, NULL, &d, why);

	if (err)
		return err;
	if (put_one(&a, &formats[TRACE_HTML], &d) != 0) {
		buf_fmt(why, "%s cannot be written", into);
		err = ERR_IO;
	}
	dissected_clear(&d);
	return err;
}
