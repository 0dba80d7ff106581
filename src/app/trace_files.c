/* `wireside trace save`, `import` and `share`: captures out of captures and out of text. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/trace_i.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/import.h"
#include "trace/recorder.h"
#include "trace/share.h"

enum { NAME_MAX_BYTES = 4096, CHUNK = 1 << 20 };

static bool no_line(void *arg, struct str line)
{
	(void)arg;
	(void)line;
	return true;
}

static int no_name(const char *action)
{
	fprintf(stderr, "wireside: trace %s: -w FILE says where to\n", action);
	return 2;
}

/* ---- save ---- */

/* How a name ends, without ".gz" -> a name that tshark knows the format by. */
static const struct {
	const char *ending, *format;
} endings[] = {
	{".pcapng", "pcapng"},
	{".pcap", "pcap"},
	{".cap", "pcap"},
	{".snoop", "snoop"},
};

static const char *format_of(const struct trace_args *a, struct str name)
{
	for (size_t i = 0; !a->format && i < ARRAY_LEN(endings); i++)
		if (str_ends(name, str_z(endings[i].ending)))
			return endings[i].format;
	return a->format ? a->format : "pcapng";
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

/* The file `part`, compressed, becomes `into`. */
static int compress(const char *part, const char *into, struct buf *why)
{
	const char *argv[] = {"gzip", "-n", "-f", part, NULL};
	char packed[NAME_MAX_BYTES + 8];
	int err = tshark_run(argv, no_line, NULL, why);

	snprintf(packed, sizeof(packed), "%s.gz", part);
	if (!err && rename(packed, into) != 0) {
		buf_fmt(why, "%s: %s", into, strerror(errno));
		err = ERR_IO;
	}
	return err;
}

static int save(const struct trace_args *a, const char *format, const char *into, struct buf *why)
{
	const char *argv[] = {"tshark", "-2", "-r", a->file, "-F", format, "-w", into, "-Y",
		a->filter ? a->filter : "frame", NULL};
	int err = make_file(into, why);

	if (!err)
		err = tshark_run(argv, no_line, NULL, why);
	if (err)
		unlink(into);
	return err;
}

/* Secrets go with the packets, where the format has a place for them. */
int trace_save(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct str name = str_z(a->into);
	bool packed = name.p && str_ends(name, STR(".gz"));
	char part[NAME_MAX_BYTES];
	int err;

	if (!a->into)
		return no_name("save");
	if (packed)
		name.n -= 3;
	snprintf(part, sizeof(part), packed ? "%s.part" : "%s", a->into);
	err = save(a, format_of(a, name), part, &why);
	if (!err && packed)
		err = compress(part, a->into, &why);
	if (err && packed)
		unlink(part);
	if (err)
		trace_complain(" save", &why);
	return err ? 1 : 0;
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

/* Nothing is written over: what is there may be the only copy. */
static int write_new(const char *path, struct str bytes, struct buf *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err = fd < 0 ? ERR_IO : trace_write(fd, bytes);

	if (fd >= 0 && close(fd) != 0)
		err = ERR_IO;
	if (err)
		buf_fmt(why, "%s: %s", path, strerror(errno));
	if (err && fd >= 0)
		unlink(path);
	return err;
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
	int err;

	if (!a->into)
		return no_name("import");
	if (!read_ends(a, ends)) {
		fputs("wireside: trace import: --from and --to are ADDRESS:PORT, as 10.0.0.1:5298 or [fd00::1]:5298\n",
			stderr);
		return 2;
	}
	err = read_file(a->file, &text, &why);
	if (!err)
		err = import_text(buf_view(&text), &o, &out, &packets, &why);
	if (!err)
		err = write_new(a->into, buf_view(&out), &why);
	if (err)
		trace_complain(" import", &why);
	else
		printf("%s: %u packet%s\n", a->into, packets, packets == 1 ? "" : "s");
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
	int err = save(a, "pcapng", part, why);

	if (!err)
		err = read_file(part, &in, why);
	if (!err)
		err = share_bytes(&in, &out, ret, why);
	if (!err)
		err = write_new(a->into, buf_view(&out), why);
	unlink(part);
	if (in.p)
		mem_wipe(in.p, in.n);
	return err;
}

int trace_share(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct share_result found = {0};
	char part[NAME_MAX_BYTES];
	unsigned readable;

	if (!a->into)
		return no_name("share");
	snprintf(part, sizeof(part), "%s.part", a->into);
	if (share(a, part, &found, &why) != 0) {
		trace_complain(" share", &why);
		return 1;
	}
	readable = readable_messages(a->into);
	printf("%s: without the secrets of %u link%s; %u login%s and password%s made unreadable\n", a->into,
		found.secrets, found.secrets == 1 ? "" : "s", found.credentials, found.credentials == 1 ? "" : "s",
		found.credentials == 1 ? "" : "s");
	if (readable)
		printf("%u message%s went in clear, and can be read by whoever has the file\n", readable,
			readable == 1 ? "" : "s");
	return 0;
}
