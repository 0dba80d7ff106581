/* Wireshark reads more than captures: it shows pictures, programs and JSON as frames, too. Nobody who names such a file wants an
 * empty ladder of it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/trace_i.h"
#include "trace/dissect.h"

enum { HEAD_LEAST = 64 /* bytes of a section, an interface and the beginning of a packet */ };

/* As captype names them: files whose records are no packets. */
static const struct {
	const char *name, *what;
} no_captures[] = {
	{"mime", "a picture, a program, a document or the like"},
	{"json", "JSON"},
	{"rfc7468", "a certificate or a key"},
	{"mpeg", "sound or film"},
	{"ruby_marshal", "data of Ruby"},
	{"systemd_journal", "a journal of systemd"},
	{"logcat", "a log of Android"},
	{"logcat-brief", "a log of Android"},
	{"logcat-process", "a log of Android"},
	{"logcat-tag", "a log of Android"},
	{"logcat-thread", "a log of Android"},
	{"logcat-time", "a log of Android"},
	{"logcat-threadtime", "a log of Android"},
	{"logcat-long", "a log of Android"},
};

/* Captures that are texts, by the programs that write them. Whatever else is text was taken for one of some kind by mistake. */
static const char *const texts[] = {"ascend", "busmaster", "candump", "cosine", "dbs-etherwatch", "dct2000", "eyesdn",
	"iseries_ascii", "k12text", "log3gpp", "netscreen", "toshiba", "tcpiptrace"};

size_t trace_head(const char *file, char *ret, size_t most)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, most);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

/* As far as it is seen at the beginning. */
static bool is_text(const char *file)
{
	char head[1024];
	size_t n = trace_head(file, head, sizeof(head));

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)head[i] < ' ' && !strchr("\t\n\f\r", head[i] ? head[i] : ' '))
			return false;
	return n > 0;
}

static bool is_text_capture(struct str kind)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (str_is(kind, texts[i]))
			return true;
	return false;
}

/* "FILE: kind" */
static bool take_kind(void *arg, struct str line)
{
	struct buf *kind = arg;
	size_t at = line.n;

	while (at && line.p[at - 1] != ' ')
		at--;
	buf_reset(kind);
	buf_add(kind, line.p + at, line.n - at);
	return true;
}

bool trace_is_capture(const char *file, struct buf *why)
{
	CLEANUP(buf_clear) struct buf kind = {.max = 4096}, said = {.max = 8192};
	const char *argv[] = {"captype", file, NULL};
	struct stat st;

	if (strcmp(file, "-") == 0)
		return true;
	if (stat(file, &st) != 0) {
		buf_fmt(why, "%s: %s", file, strerror(errno));
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		buf_fmt(why, "%s is a folder, not a capture", file);
		return false;
	}
	if (S_ISREG(st.st_mode) && st.st_size == 0) {
		buf_fmt(why, "%s is empty: that is no capture", file);
		return false;
	}
	/* What cannot be read twice, and what captype does not know, is tshark's to judge. */
	if (!S_ISREG(st.st_mode) || (tshark_run(argv, take_kind, &kind, &said) != 0 && !is_text(file)))
		return true;
	/* captype looks at more than is there. */
	if (trace_is_pcapng(file) && st.st_size < HEAD_LEAST) {
		buf_fmt(why, "%s is cut short before its first packet: there is nothing in it", file);
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(no_captures); i++)
		if (str_is(buf_view(&kind), no_captures[i].name)) {
			buf_fmt(why, "%s is no capture, but %s", file, no_captures[i].what);
			return false;
		}
	if (!is_text(file) || is_text_capture(buf_view(&kind)))
		return true;
	buf_fmt(why, "%s is no capture, but a text; `wireside trace import` makes a capture of a hexadecimal dump",
		file);
	return false;
}

void trace_tell_dropped(const char *file, struct buf *why)
{
	struct dissected d = {0};

	capture_dropped(file, &d);
	if (d.dropped && why->n)
		buf_z(why, "; ");
	dropped_put(&d, why);
}
