#include "cmd/chat_node.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/ask.h"
#include "app/config.h"
#include "app/node.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/plain.h"

extern char **environ;

enum { NODE_START_MS = 15000, NAME_TRIES = 5, BUSY_TRIES = 150, BUSY_PAUSE_MS = 100 };

/* ---- what is said to it ---- */

int chat_node_take(struct chat_node *n, char *word, char *next, struct buf *why)
{
	/* These are for whoever starts it, and that is us. */
	static const char *const ours[] = {"--data", "--ready-fd", "--while-needed"};
	size_t length = strcspn(word, "=");
	int used;

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strlen(ours[i]) == length && memcmp(word, ours[i], length) == 0)
			return 0;
	used = config_words(CONFIG_NODE, word, next, why);
	if (used <= 0)
		return used;
	if (n->n + 2 > CHAT_NODE_WORDS_MAX) {
		buf_z(why, "too many options");
		return ERR_INVALID;
	}
	n->named |= strncmp(word, "--name", length) == 0;
	n->words[n->n++] = word;
	if (used == 2)
		n->words[n->n++] = next;
	return used;
}

void chat_node_put_flags(const struct chat_node *n, const char *called, struct buf *out)
{
	for (unsigned i = 0; i < n->n; i++) {
		struct str value = str_z(n->words[i]), flag = str_cut(&value, '=');

		if (!str_starts(flag, STR("--")))
			continue;
		if (!value.p && i + 1 < n->n)
			value = str_z(n->words[i + 1]);
		if (str_is(flag, "--name") && called && str_is(value, called))
			continue;
		buf_fmt(out, "%s%.*s", out->n ? ", " : "", STR_FMT(flag));
	}
}

void chat_node_clear(struct chat_node *n)
{
	xfree(TAKE(n->name));
	if (n->login)
		mem_wipe(n->login, strlen(n->login));
	xfree(TAKE(n->login));
}

/* ---- its name ---- */

bool chat_node_is_new(const char *data)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/node.key", data);
	return access(path, F_OK) != 0;
}

/* "bob" is bob on this machine. */
static bool take_name(struct chat_node *n, struct str typed, const char *usual)
{
	static char flag[] = "--name";
	CLEANUP(buf_clear) struct buf name = {.max = 1024}, why = {.max = 2048};

	buf_str(&name, typed);
	if (!memchr(typed.p, '@', typed.n))
		buf_z(&name, strchr(usual, '@'));
	if (!buf_ok(&name) || config_words(CONFIG_NODE, flag, (char *)buf_cstr(&name), &why) != 2) {
		fprintf(stderr, "wireside: %s\n", why.n ? buf_cstr(&why) : "too long");
		return false;
	}
	n->name = str_dup(buf_view(&name));
	n->words[n->n++] = flag;
	n->words[n->n++] = n->name;
	return true;
}

bool chat_node_offer_name(struct chat_node *n)
{
	CLEANUP(buf_clear) struct buf usual = {.max = 1024};
	char line[512];

	node_usual_name(&usual);
	for (int i = 0; i < NAME_TRIES && n->n + 2 <= CHAT_NODE_WORDS_MAX; i++) {
		struct str typed;

		printf("Others on this network see you as %s.\nEnter keeps that, or type another name: ",
			buf_cstr(&usual));
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin)) {
			putchar('\n');
			return false;
		}
		typed = str_trim(str_z(line));
		if (!typed.n || take_name(n, typed, buf_cstr(&usual)))
			return true;
	}
	return false;
}

/* ---- its start ---- */

static void take_login(struct chat_node *n, struct str text)
{
	struct str line;

	while ((line = str_cut(&text, '\n')).n) {
		if (!str_starts(line, STR("login ")))
			continue;
		xfree(n->login);
		n->login = str_dup((struct str){line.p + 6, line.n - 6});
	}
}

/* Reads up to the word that says it is up, or the end. why: only if it is busy. */
static enum chat_node_started wait_ready(struct chat_node *c, int fd, struct buf *why)
{
	const struct str word = STR("busy\n");
	char text[4096];
	size_t n = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool ready = false, busy;

	while (!ready && n < sizeof(text) - 1 && poll(&p, 1, NODE_START_MS) > 0) {
		ssize_t k = read(fd, text + n, sizeof(text) - 1 - n);

		if (k <= 0)
			break;
		n += (size_t)k;
		text[n] = '\0';
		ready = strstr(text, "ready\n") != NULL;
	}
	busy = str_starts((struct str){text, n}, word);
	if (busy)
		plain_put(why, str_trim((struct str){text + word.n, n - word.n}));
	take_login(c, (struct str){text, n});
	mem_wipe(text, sizeof(text));
	return ready ? CHAT_NODE_UP : busy ? CHAT_NODE_BUSY : CHAT_NODE_FAILED;
}

static int spawn(char **argv, const char *log)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid;
	int err;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	err = posix_spawn(&pid, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return err;
}

static struct str without_name(struct str line)
{
	const struct str name = STR("wireside: ");

	return str_starts(line, name) ? (struct str){line.p + name.n, line.n - name.n} : line;
}

/* Where the words of who is started will begin. What a node said is kept over starts, above all what it said at its end; when there is
 * much of it, the node puts it aside, as soon as it is sure that no other one is writing there. What is no file goes aside now. */
static struct stat find_log(const char *log)
{
	char earlier[4096 + 8];
	struct stat st;

	if (lstat(log, &st) != 0)
		return (struct stat){0};
	if (S_ISREG(st.st_mode))
		return st;
	snprintf(earlier, sizeof(earlier), "%s.1", log);
	rename(log, earlier);
	return (struct stat){0};
}

/* Why it did not start is the last that it said. */
static void put_why(const char *data, const char *log, const struct stat *before, struct buf *why)
{
	char line[1024], last[1024] = "";
	struct stat st;
	FILE *f = fopen(log, "re");

	if (f && fstat(fileno(f), &st) == 0 && st.st_ino == before->st_ino && st.st_size >= before->st_size)
		fseek(f, (long)before->st_size, SEEK_SET);
	while (f && fgets(line, sizeof(line), f))
		memcpy(last, line, sizeof(last));
	if (f)
		fclose(f);
	if (*last)
		plain_put(why, without_name(str_trim(str_z(last))));
	else
		buf_fmt(why, "the node of %s could not be started; `wireside node` may say why", data);
}

static enum chat_node_started start(struct chat_node *n, const char *data, const char *log, struct buf *why)
{
	char number[16], folder[4096], program[] = "wireside", node[] = "node", data_flag[] = "--data",
				       fd_flag[] = "--ready-fd", needed[] = "--while-needed";
	char *argv[CHAT_NODE_WORDS_MAX + 8] = {program, node, needed, data_flag, folder, fd_flag, number};
	int ends[2], err;
	enum chat_node_started how;

	memcpy(argv + 7, n->words, n->n * sizeof(*argv));
	snprintf(folder, sizeof(folder), "%s", data);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return CHAT_NODE_FAILED;
	fcntl(ends[1], F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", ends[1]);
	err = spawn(argv, log);
	close(ends[1]);
	how = err == 0 ? wait_ready(n, ends[0], why) : CHAT_NODE_FAILED;
	close(ends[0]);
	return how;
}

void chat_node_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0) /* a chat has no other children */
		;
}

enum chat_node_started chat_node_try(struct chat_node *n, const char *data, struct buf *why)
{
	enum chat_node_started how;
	char log[4096];
	struct stat before;

	buf_reset(why);
	chat_node_reap();
	snprintf(log, sizeof(log), "%.4000s/node.log", data);
	if (node_make_folder(data, why) != 0)
		return CHAT_NODE_FAILED;
	before = find_log(log);
	how = start(n, data, log, why);
	if (how == CHAT_NODE_FAILED)
		put_why(data, log, &before, why);
	return how;
}

/* Of several chats that start together one has the node, and the others are its clients. One that ends just now makes way. */
bool chat_node_start(struct chat_node *n, const char *data, bool *ret_own, struct buf *why)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000L};
	enum chat_node_started how = CHAT_NODE_BUSY;

	for (int i = 0; how == CHAT_NODE_BUSY && i < BUSY_TRIES; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		if (i > 0 && ask_is_running(data)) {
			*ret_own = false;
			return true;
		}
		if (i % 10 == 0) /* now and then, whether the one that had it has ended */
			how = chat_node_try(n, data, why);
	}
	*ret_own = how == CHAT_NODE_UP;
	return *ret_own;
}
