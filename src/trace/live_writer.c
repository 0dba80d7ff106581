#include "trace/live_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/child.h"

enum { WORDS_MAX = 65536, LINE_MAX_HERE = 4096, START_MS = 30000, STOP_MS = 20000 };

struct writer {
	pid_t pid;
	int out, err;
	struct buf words;   /* all of both, as far as there is room */
	size_t told, begun; /* of words: given by writer_said(); since it captures */
};

int writer_start(const char *const *argv, struct writer **ret, struct buf *why)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	int64_t until = clock_mono() + START_MS;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int status = null < 0 ? errno : child_feed(argv, NULL, null, &w->out, &w->err, &w->pid);

	if (null >= 0)
		close(null);
	if (status) {
		xfree(w);
		buf_z(why, strerror(status));
		return ERR_IO;
	}
	buf_init(&w->words, WORDS_MAX);
	while (!w->words.n || !memmem(w->words.p, w->words.n, "Capturing", 9)) {
		struct pollfd fds[2];
		int64_t left = until - clock_mono();

		writer_fds(w, fds);
		if (left <= 0 || (poll(fds, 2, (int)left) > 0 && !writer_step(w))) {
			writer_end(&w, why);
			return ERR_CLOSED;
		}
	}
	w->begun = w->words.n;
	*ret = w;
	return 0;
}

void writer_fds(const struct writer *w, struct pollfd fds[2])
{
	fds[0] = (struct pollfd){.fd = w->out, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = w->err, .events = POLLIN};
}

static void read_words(struct writer *w, int *fd)
{
	char text[LINE_MAX_HERE];
	ssize_t n = read(*fd, text, sizeof(text));

	if (n > 0 && w->words.n + (size_t)n <= WORDS_MAX)
		buf_add(&w->words, text, (size_t)n);
	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
	}
}

bool writer_step(struct writer *w)
{
	struct pollfd fds[2];

	writer_fds(w, fds);
	if (poll(fds, 2, 0) > 0) {
		if (w->out >= 0 && fds[0].revents)
			read_words(w, &w->out);
		if (w->err >= 0 && fds[1].revents)
			read_words(w, &w->err);
	}
	return w->out >= 0 || w->err >= 0;
}

struct str writer_said(struct writer *w)
{
	struct str rest = {w->words.p, w->words.n}, last = STR_NONE;

	if (w->told == w->words.n || !w->words.n || w->words.p[w->words.n - 1] != '\n')
		return STR_NONE;
	w->told = w->words.n;
	rest.n--;
	while (rest.p)
		last = str_cut(&rest, '\n');
	return last;
}

void writer_stop(struct writer *w) { kill(w->pid, SIGINT); }

int writer_end(struct writer **writer, struct buf *said)
{
	struct writer *w = TAKE(*writer);
	int64_t until = clock_mono() + STOP_MS;
	int status = 0;

	if (!w)
		return 0;
	writer_stop(w);
	while (writer_step(w) && clock_mono() < until) {
		struct pollfd fds[2];

		writer_fds(w, fds);
		poll(fds, 2, 100);
	}
	if (w->out >= 0 || w->err >= 0)
		kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (w->words.n)
		buf_str(said, str_trim((struct str){w->words.p + w->begun, w->words.n - w->begun}));
	if (w->out >= 0)
		close(w->out);
	if (w->err >= 0)
		close(w->err);
	buf_clear(&w->words);
	xfree(w);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
