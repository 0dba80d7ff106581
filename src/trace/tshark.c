#include "trace/tshark.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/child.h"

enum { CHUNK = 65536, COMPLAINT_MAX = 4096, ENV_MAX = 400 };

extern char **environ;

static bool has_layer(const char *folder)
{
	char path[4096];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/wireside.lua", folder) < (int)sizeof(path) && stat(path, &st) == 0 &&
		S_ISREG(st.st_mode);
}

bool tshark_share(struct buf *ret)
{
	static const char *const beside[] = {"../share/wireside/wireshark", "../../share/wireshark"};
	const char *given = getenv("WIRESIDE_SHARE");
	char self[2048], path[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (given && has_layer(given)) {
		buf_z(ret, given);
		return true;
	}
	if (n <= 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
		snprintf(path, sizeof(path), "%s/%s", self, beside[i]);
		if (has_layer(path)) {
			buf_z(ret, path);
			return true;
		}
	}
	return false;
}

/* ---- the child ---- */

struct child {
	pid_t pid;
	int out, err;
	struct buf line, complaint;
	bool enough, too_long;
};

static int spawn(struct child *c, const char *const *argv, const char *folder)
{
	char setting[4200], *env[ENV_MAX + 2] = {setting};
	int n = 1;

	snprintf(setting, sizeof(setting), "WIRESHARK_CONFIG_DIR=%s", folder);
	for (char **e = environ; *e && n < ENV_MAX; e++)
		if (strncmp(*e, "WIRESHARK_CONFIG_DIR=", 21) != 0)
			env[n++] = *e;
	return child_spawn(argv, env, &c->out, &c->err, &c->pid);
}

static void give_lines(struct child *c, const char *p, size_t n, tshark_line_fn *on_line, void *arg)
{
	while (n && !c->enough) {
		const char *end = memchr(p, '\n', n);
		size_t take = end ? (size_t)(end - p) : n;

		buf_add(&c->line, p, take);
		p += take;
		n -= take;
		if (!end)
			return;
		c->too_long = !buf_ok(&c->line);
		c->enough = c->too_long || !on_line(arg, buf_view(&c->line));
		buf_reset(&c->line);
		p++;
		n--;
	}
}

static bool read_one(struct child *c, int *fd, tshark_line_fn *on_line, void *arg)
{
	char chunk[CHUNK];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return false;
	}
	if (fd == &c->out)
		give_lines(c, chunk, (size_t)n, on_line, arg);
	else if (c->complaint.n < COMPLAINT_MAX)
		buf_add(&c->complaint, chunk, (size_t)n < COMPLAINT_MAX ? (size_t)n : COMPLAINT_MAX);
	return true;
}

static void read_all(struct child *c, tshark_line_fn *on_line, void *arg)
{
	while ((c->out >= 0 || c->err >= 0) && !c->enough) {
		struct pollfd fds[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->err, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (c->out >= 0 && fds[0].revents)
			read_one(c, &c->out, on_line, arg);
		if (c->err >= 0 && fds[1].revents)
			read_one(c, &c->err, on_line, arg);
	}
}

/* The first line that tells why: what it says to everybody is left out. */
static void explain(const struct child *c, const char *program, struct buf *why)
{
	struct str rest = buf_view(&c->complaint);

	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');

		if (line.n && !str_starts(line, STR("Running as user"))) {
			buf_str(why, line);
			return;
		}
	}
	buf_fmt(why, "%s failed", program);
}

int tshark_run(const char *const *argv, tshark_line_fn *on_line, void *arg, struct buf *why)
{
	CLEANUP(buf_clear) struct buf folder = {.max = 4096};
	struct child c = {.out = -1, .err = -1};
	int status;

	if (!tshark_share(&folder)) {
		buf_z(why, "the folder with wireside.lua is missing; WIRESIDE_SHARE names it");
		return ERR_NOTFOUND;
	}
	buf_init(&c.line, TSHARK_LINE_MAX);
	buf_init(&c.complaint, (size_t)2 * COMPLAINT_MAX);
	status = spawn(&c, argv, buf_cstr(&folder));
	if (status) {
		buf_fmt(why, "%s: %s", argv[0],
			status == ENOENT ? "not installed; on Debian: apt install tshark" : strerror(status));
		return ERR_NOTFOUND;
	}
	read_all(&c, on_line, arg);
	if (c.enough)
		kill(c.pid, SIGTERM);
	if (c.out >= 0)
		close(c.out);
	if (c.err >= 0)
		close(c.err);
	while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (c.too_long)
		buf_fmt(why, "a line of %s is longer than %u MiB", argv[0], TSHARK_LINE_MAX >> 20);
	else if (!c.enough && status != 0)
		explain(&c, argv[0], why);
	buf_clear(&c.line);
	buf_clear(&c.complaint);
	if (c.too_long)
		return ERR_LIMIT;
	return c.enough || status == 0 ? 0 : ERR_INVALID;
}
