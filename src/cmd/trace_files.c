/* `wireside trace import`, `strip` and `share`, and what they share with `save`: captures out of captures and out of text. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/trace_i.h"
#include "trace/import.h"
#include "trace/recorder.h"
#include "trace/share.h"
#include "trace/strip.h"

enum { CHUNK = 1 << 20 };

static bool no_line(void *arg, struct str line)
{
	(void)arg;
	(void)line;
	return true;
}

/* ---- kinds of files ---- */

/* How a name ends, without ".gz" -> a name that tshark knows the format by. */
static const struct {
	const char *ending, *format;
} endings[] = {
	{".pcapng", "pcapng"},
	{".pcap", "pcap"},
	{".cap", "pcap"},
	{".snoop", "snoop"},
};

/* Other systems write names in capitals. */
bool trace_ends_as(struct str name, const char *ending)
{
	size_t n = strlen(ending);

	return name.n >= n && strncasecmp(name.p + name.n - n, ending, n) == 0;
}

struct trace_form trace_form_of(const struct trace_args *a)
{
	struct str name = str_z(a->into);
	struct trace_form f = {.format = a->format, .packed = trace_ends_as(name, ".gz")};

	if (f.packed)
		name.n -= 3;
	for (size_t i = 0; !f.format && i < ARRAY_LEN(endings); i++)
		if (trace_ends_as(name, endings[i].ending))
			f.format = endings[i].format;
	if (!f.format)
		f.format = "pcapng";
	return f;
}

/* Made here, since tshark keeps the rights of a file that is there. */
static int make_file(const char *path, struct buf *why)
{
	int fd = trace_file(path);

	if (fd >= 0 && close(fd) == 0)
		return 0;
	buf_fmt(why, "%s: %s", path, strerror(errno));
	return ERR_IO;
}

static int compress(const char *file, struct buf *why)
{
	const char *argv[] = {"gzip", "-n", "-f", file, NULL};
	char packed[TRACE_PATH_MAX + 8];
	int err = tshark_run(argv, no_line, NULL, why);

	snprintf(packed, sizeof(packed), "%s.gz", file);
	if (!err && rename(packed, file) != 0) {
		buf_fmt(why, "%s: %s", file, strerror(errno));
		err = ERR_IO;
	}
	return err;
}

int trace_convert(const char *from, const char *filter, struct trace_form form, const char *into, struct buf *why)
{
	const char *argv[] = {"tshark", "-2", "-R", DISSECT_FIRST_PASS, "-o",
		dissect_order(filter && dissect_as_it_came(from)), "-r", from, "-F", form.format, "-w", into, "-Y",
		filter ? filter : "frame", NULL};
	int err = make_file(into, why);

	if (!err)
		err = tshark_run(argv, no_line, NULL, why);
	if (!err && form.packed)
		err = compress(into, why);
	if (err)
		unlink(into);
	return err;
}

/* ---- strip ---- */

bool trace_is_pcapng(const char *file)
{
	static const char magic[] = {0x0a, 0x0d, 0x0d, 0x0a};
	char got[sizeof(magic)];

	return trace_head(file, got, sizeof(got)) == sizeof(got) && memcmp(got, magic, sizeof(magic)) == 0;
}

int trace_into_form(const struct trace_args *a, const char *part, const char *other, struct buf *why)
{
	struct trace_form form = trace_form_of(a);
	bool same = strcmp(form.format, "pcapng") == 0;
	int err = same ? form.packed ? compress(part, why) : 0 : trace_convert(part, NULL, form, other, why);

	if (!err && !same && rename(other, part) != 0) {
		buf_fmt(why, "%s: %s", part, strerror(errno));
		err = ERR_IO;
	}
	if (err)
		unlink(part);
	return err;
}

/* From any kind of file into any. whole: the same as plain pcapng, with its secrets; part: without. */
static int strip(const struct trace_args *a, const char *whole, const char *part, unsigned *ret_removed,
	struct buf *why)
{
	static const struct trace_form plain = {"pcapng", false};
	bool as_it_is = trace_is_pcapng(a->file);
	int err = as_it_is ? 0 : trace_convert(a->file, NULL, plain, whole, why);

	if (err)
		return err;
	err = strip_file(as_it_is ? a->file : whole, part, ret_removed, why);
	if (!as_it_is)
		unlink(whole);
	return err ? err : trace_into_form(a, part, whole, why);
}

int trace_strip(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	char whole[TRACE_PATH_MAX], part[TRACE_PATH_MAX];
	unsigned removed = 0;
	int err = trace_is_there(a, " strip");

	if (err)
		return err;
	err = trace_begin(a, &why);
	trace_part(a, "whole", whole);
	trace_part(a, "part", part);
	if (!err)
		err = strip(a, whole, part, &removed, &why);
	if (!err)
		err = trace_publish(a, part, &why);
	if (why.n)
		trace_complain(" strip", &why);
	if (err)
		return 1;
	if (removed)
		fprintf(trace_said(a), "%s: without the secrets of %u link%s\n", trace_into_name(a), removed,
			removed == 1 ? "" : "s");
	else
		fprintf(trace_said(a), "%s: a copy, for there were no secrets in %s\n", trace_into_name(a), a->file);
	return 0;
}

/* ---- whole files ---- */

/* "-": standard input. */
static int read_file(const char *path, struct buf *ret, struct buf *why)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;
	char *room = NULL;

	while (n > 0 && (room = buf_room(ret, CHUNK))) {
		n = read(fd, room, CHUNK);
		if (n > 0)
			ret->n += (size_t)n;
	}
	if (n != 0)
		buf_fmt(why, "%s: %s", path, n > 0 ? "too long" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return n == 0 ? 0 : ERR_IO;
}

/* All of it, in the form that the name asks for, or nothing. */
static int write_new(const struct trace_args *a, struct str bytes, struct buf *why)
{
	char part[TRACE_PATH_MAX], other[TRACE_PATH_MAX];
	int fd, err = trace_begin(a, why);

	if (err)
		return err;
	trace_part(a, "part", part);
	trace_part(a, "other", other);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = fd < 0 ? ERR_IO : trace_write(fd, bytes);
	if (fd >= 0 && close(fd) != 0)
		err = ERR_IO;
	if (err) {
		buf_fmt(why, "%s: %s", part, strerror(errno));
		if (fd >= 0)
			unlink(part);
		return err;
	}
	err = trace_into_form(a, part, other, why);
	return err ? err : trace_publish(a, part, why);
}

/* ---- import ---- */

/* Both ends or none, of one family. */
static bool read_ends(const struct trace_args *a, struct packet_end ends[2])
{
	if (!a->from && !a->to)
		return true;
	return a->from && a->to && packet_end_read(str_z(a->from), &ends[0]) &&
		packet_end_read(str_z(a->to), &ends[1]) && ends[0].v6 == ends[1].v6;
}

int trace_import(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf text = {.max = IMPORT_TEXT_MAX};
	CLEANUP(buf_clear) struct buf out = {.max = IMPORT_TEXT_MAX};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct packet_end ends[2];
	struct import_options o = {a->from ? &ends[0] : NULL, a->from ? &ends[1] : NULL};
	unsigned packets = 0;
	int err = trace_is_there(a, " import");

	if (err)
		return err;
	if (!read_ends(a, ends)) {
		fputs("wireside: trace import: --from and --to are ADDRESS:PORT, as 10.0.0.1:5298 or [fd00::1]:5298\n",
			stderr);
		return 2;
	}
	err = read_file(a->file, &text, &why);
	if (!err)
		err = import_text(buf_view(&text), &o, &out, &packets, &why);
	if (!err)
		err = write_new(a, buf_view(&out), &why);
	if (err)
		trace_complain(" import", &why);
	else
		fprintf(trace_said(a), "%s: %u packet%s\n", trace_into_name(a), packets, packets == 1 ? "" : "s");
	return err ? 1 : 0;
}

/* ---- share ---- */

static unsigned readable_messages(const char *file)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	CLEANUP(buf_clear) struct buf store = {.max = 64 << 20};
	struct dissected d;
	unsigned n = 0;

	if (dissect(file, NULL, &d, &why) != 0)
		return 0;
	for (uint32_t i = 0; i < d.n; i++) {
		struct str rows = field_of(&d, &d.frames[i], F_CHAT);
		struct chat_event e;

		while (chat_next(&rows, &store, &e))
			n += str_is(e.kind, "message");
	}
	dissected_clear(&d);
	return n;
}

/* part: the same packets as Wireshark writes them, so that whatever kind of file it was, there is one kind to look into. */
static int share(const struct trace_args *a, const char *part, struct share_result *ret, struct buf *why)
{
	CLEANUP(buf_clear) struct buf in = {.max = SHARE_FILE_MAX};
	CLEANUP(buf_clear) struct buf out = {.max = SHARE_FILE_MAX};
	int err = trace_begin(a, why);

	if (!err)
		err = trace_convert(a->file, NULL, (struct trace_form){"pcapng", false}, part, why);
	if (!err)
		err = read_file(part, &in, why);
	if (!err)
		err = share_bytes(&in, &out, ret, why);
	if (!err)
		err = write_new(a, buf_view(&out), why);
	unlink(part);
	if (in.p)
		mem_wipe(in.p, in.n);
	return err;
}

int trace_share(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct share_result found = {0};
	char part[TRACE_PATH_MAX];
	unsigned readable;
	int status = trace_is_there(a, " share");

	if (status)
		return status;
	trace_part(a, "whole", part);
	if (share(a, part, &found, &why) != 0) {
		trace_complain(" share", &why);
		return 1;
	}
	if (why.n)
		trace_complain(" share", &why); /* a word about the file */
	readable = readable_messages(a->into);
	printf("%s: without the secrets of %u link%s; %u login%s and password%s made unreadable\n", a->into,
		found.secrets, found.secrets == 1 ? "" : "s", found.credentials, found.credentials == 1 ? "" : "s",
		found.credentials == 1 ? "" : "s");
	if (readable)
		printf("%u message%s went in clear, and can be read by whoever has the file\n", readable,
			readable == 1 ? "" : "s");
	else if (found.speech)
		puts("what was said in clear, on connections whose beginning is missing, can be read by whoever has the file");
	return 0;
}
