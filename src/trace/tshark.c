#include "trace/tshark.h"

#include <errno.h>
#include <fcntl.h>
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

struct tshark {
	const char *program;
	pid_t pid;
	int out, err;
	struct buf line, complaint;
	tshark_line_fn *on_line;
	void *arg;
	bool enough, too_long;
	bool said;   /* there were lines */
	bool writes; /* into a file: there are none */
};

/* Our configuration, and none of the user's: his own plugins (~/.local/lib/wireshark/plugins) are found by HOME, whatever the
 * configuration is, and one that prints would print into what we read. */
static int spawn(struct tshark *t, const char *const *argv, int in, const char *folder)
{
	char config[4200], home[4200], *env[ENV_MAX + 3] = {config, home};
	int n = 2;

	snprintf(config, sizeof(config), "WIRESHARK_CONFIG_DIR=%s", folder);
	snprintf(home, sizeof(home), "HOME=%s", folder);
	for (char **e = environ; *e && n < ENV_MAX; e++)
		if (strncmp(*e, "WIRESHARK_CONFIG_DIR=", 21) != 0 && strncmp(*e, "HOME=", 5) != 0)
			env[n++] = *e;
	if (in >= 0)
		return child_feed(argv, env, in, &t->out, &t->err, &t->pid);
	return child_spawn(argv, env, &t->out, &t->err, &t->pid);
}

static void give_lines(struct tshark *t, const char *p, size_t n)
{
	while (n && !t->enough) {
		const char *end = memchr(p, '\n', n);
		size_t take = end ? (size_t)(end - p) : n;

		buf_add(&t->line, p, take);
		p += take;
		n -= take;
		if (!end)
			return;
		t->said = true;
		t->too_long = !buf_ok(&t->line);
		t->enough = t->too_long || !t->on_line(t->arg, buf_view(&t->line));
		buf_reset(&t->line);
		p++;
		n--;
	}
}

static void read_one(struct tshark *t, int *fd)
{
	char chunk[CHUNK];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return;
	}
	if (fd == &t->out)
		give_lines(t, chunk, (size_t)n);
	else if (t->complaint.n < COMPLAINT_MAX)
		buf_add(&t->complaint, chunk, (size_t)n < COMPLAINT_MAX ? (size_t)n : COMPLAINT_MAX);
}

/* The first line that tells why: what it says to everybody is left out. */
static void explain(const struct tshark *t, struct buf *why)
{
	struct str rest = buf_view(&t->complaint);

	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');

		if (line.n && !str_starts(line, STR("Running as user"))) {
			buf_str(why, line);
			return;
		}
	}
	buf_fmt(why, "%s failed", t->program);
}

/* Whoever captured was killed, or the disk was full: what is whole can be shown, as Wireshark does. */
static bool is_cut_short(struct tshark *t)
{
	return (t->said || t->writes) && strstr(buf_cstr(&t->complaint), "cut short in the middle of a packet");
}

static void free_all(struct tshark *t)
{
	buf_clear(&t->line);
	buf_clear(&t->complaint);
	xfree(t);
}

int tshark_start(const char *const *argv, int in, tshark_line_fn *on_line, void *arg, struct tshark **ret,
	struct buf *why)
{
	CLEANUP(buf_clear) struct buf folder = {.max = 4096};
	struct tshark *t;
	int status;

	if (!tshark_share(&folder)) {
		buf_z(why, "the folder with wireside.lua is missing; WIRESIDE_SHARE names it");
		return ERR_NOTFOUND;
	}
	t = xcalloc(1, sizeof(*t));
	*t = (struct tshark){.program = argv[0], .out = -1, .err = -1, .on_line = on_line, .arg = arg};
	for (int i = 0; argv[i]; i++)
		t->writes |= strcmp(argv[i], "-w") == 0;
	buf_init(&t->line, TSHARK_LINE_MAX);
	buf_init(&t->complaint, (size_t)2 * COMPLAINT_MAX);
	status = spawn(t, argv, in, buf_cstr(&folder));
	if (status) {
		buf_fmt(why, "%s: %s", argv[0],
			status == ENOENT ? "not installed; on Debian: apt install tshark" : strerror(status));
		free_all(t);
		return ERR_NOTFOUND;
	}
	*ret = t;
	return 0;
}

void tshark_fds(const struct tshark *t, struct pollfd fds[2])
{
	fds[0] = (struct pollfd){.fd = t->out, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = t->err, .events = POLLIN};
}

bool tshark_step(struct tshark *t)
{
	struct pollfd fds[2];

	tshark_fds(t, fds);
	if (poll(fds, 2, 0) > 0) {
		if (t->out >= 0 && fds[0].revents)
			read_one(t, &t->out);
		if (t->err >= 0 && fds[1].revents)
			read_one(t, &t->err);
	}
	return (t->out >= 0 || t->err >= 0) && !t->enough;
}

int tshark_end(struct tshark **tshark, struct buf *why)
{
	struct tshark *t = TAKE(*tshark);
	bool cut = t->out >= 0 || t->err >= 0;
	int status, err = 0;

	if (cut)
		kill(t->pid, SIGTERM);
	if (t->out >= 0)
		close(t->out);
	if (t->err >= 0)
		close(t->err);
	while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (t->too_long) {
		buf_fmt(why, "a line of %s is longer than %u MiB", t->program, TSHARK_LINE_MAX >> 20);
		err = ERR_LIMIT;
	} else if (!cut && status != 0 && is_cut_short(t)) {
		buf_reset(why);
		buf_z(why, "the file is cut short in the middle of a packet: here is what is whole");
	} else if (!cut && status != 0) {
		explain(t, why);
		err = ERR_INVALID;
	}
	free_all(t);
	return err;
}

int tshark_run(const char *const *argv, tshark_line_fn *on_line, void *arg, struct buf *why)
{
	struct tshark *t;
	int err = tshark_start(argv, -1, on_line, arg, &t, why);

	if (err)
		return err;
	do {
		struct pollfd fds[2];

		tshark_fds(t, fds);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
	} while (tshark_step(t));
	return tshark_end(&t, why);
}
