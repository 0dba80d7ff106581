#include "cmd/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/control.h"
#include "app/node.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "cmd/lab_i.h"
#include "tui/filter.h"

enum {
	TICK_MS = 10,
	TAKE_EVERY_MS = 40,
	START_MS = 30000,
	SETTLE_MS = 20000,
	SAID_MAX = 4 << 20,
	TRANSCRIPT_MAX = 64 << 20,
	PATH_LONG = 4096,
	LINE_SHOWN = 200 /* bytes */
};

static const struct {
	const char *user, *host;
} people[LAB_PEERS_MAX] = {
	{"alice", "alpha"},
	{"bob", "bravo"},
	{"carol", "charlie"},
	{"dave", "delta"},
	{"erin", "echo"},
	{"frank", "foxtrot"},
	{"grace", "golf"},
	{"heidi", "hotel"},
};

const char *const lab_kinds[] = {[LAB_TLS] = "tls", [LAB_PLAIN] = "plain", [LAB_STARTTLS] = "starttls"};

const char *lab_user(unsigned i) { return people[i].user; }

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

/* The folder of secrets is removed and everybody's programs are ended, whenever it ends. */
static void watch_signals(void (*handler)(int))
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction how = {.sa_handler = handler, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		sigaction(all[i], &how, NULL);
}

/* ---- what nodes tell ---- */

/* "stanza {"dir": ...}" -> an element of the transcript, with whose it is. */
static void note_stanza(struct lab *l, const struct lab_peer *p, struct str object)
{
	if (memmem(object.p, object.n < 20 ? object.n : 20, "\"sent\"", 6))
		l->sent++;
	else
		l->received++;
	buf_fmt(&l->transcript, "%s {\"peer\": \"%s\", ", l->stanzas++ ? ",\n" : "", p->user);
	buf_add(&l->transcript, object.p + 1, object.n - 1);
}

static void take_lines(struct lab *l, const struct lab_peer *p, struct str text)
{
	while (text.p && text.n) {
		struct str rest = str_cut(&text, '\n'), word = str_cut(&rest, ' ');

		if (str_is(word, "key"))
			recorder_key(l->recorder, rest);
		else if (str_is(word, "stanza") && rest.n)
			note_stanza(l, p, rest);
		else if (str_is(word, "lost"))
			l->lost = true;
	}
}

static int tell(const struct lab_peer *p, const char *word, struct buf *out)
{
	char path[PATH_LONG];

	snprintf(path, sizeof(path), "%s/control.sock", p->data);
	return control_call(path, &word, 1, out);
}

static void take(struct lab *l, struct lab_peer *p)
{
	CLEANUP(buf_clear) struct buf out = {.max = (size_t)16 << 20};

	if (p->node > 0 && feed_on(&p->feed) && feed_take(&p->feed, &out) == 0)
		take_lines(l, p, buf_view(&out));
	if (out.p)
		mem_wipe(out.p, out.n);
}

/* ---- the lab goes on: packets, secrets, and what the people see ---- */

void lab_tell(const struct lab *l, const char *who, struct str text)
{
	CLEANUP(buf_clear) struct buf line = {.max = 8 * LINE_SHOWN};

	if (!l->options.on_line)
		return;
	filter_line(&line, (struct str){text.p, text.n < LINE_SHOWN ? text.n : LINE_SHOWN});
	if (text.n > LINE_SHOWN)
		buf_z(&line, " ...");
	l->options.on_line(l->options.arg, who, buf_cstr(&line));
}

/* Whole lines, without the time of day: the story has one of its own. */
static void show_said(const struct lab *l, struct lab_peer *p)
{
	static const char time[] = "00:00 ";
	const char *end;

	while (p->said.n > p->shown && (end = memchr(p->said.p + p->shown, '\n', p->said.n - p->shown))) {
		struct str line = {p->said.p + p->shown, (size_t)(end - p->said.p) - p->shown};

		p->shown += line.n + 1;
		if (line.n >= sizeof(time) - 1 && line.p[2] == ':' && line.p[5] == ' ') {
			line.p += sizeof(time) - 1;
			line.n -= sizeof(time) - 1;
		}
		lab_tell(l, p->user, line);
	}
}

static void read_client(const struct lab *l, struct lab_peer *p)
{
	char text[4096];
	ssize_t n = read(p->from_client, text, sizeof(text));

	if (n > 0) {
		buf_add(&p->said, text, (size_t)n);
		show_said(l, p);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(p->from_client);
		p->from_client = -1;
	}
}

static int go_on(struct lab *l, struct buf *why)
{
	struct pollfd fds[LAB_PEERS_MAX + 1] = {{.fd = source_fd(l->source), .events = POLLIN}};
	int64_t now;
	int err;

	if (told_to_end) {
		buf_reset(why);
		buf_z(why, "ended early");
		return ERR_CLOSED;
	}
	for (unsigned i = 0; i < l->n; i++)
		fds[i + 1] = (struct pollfd){.fd = l->peers[i].from_client, .events = POLLIN};
	poll(fds, l->n + 1, TICK_MS);
	for (unsigned i = 0; i < l->n; i++)
		if (fds[i + 1].fd >= 0 && fds[i + 1].revents)
			read_client(l, &l->peers[i]);
	now = clock_mono();
	for (unsigned i = 0; i < l->n && now >= l->take_at; i++)
		take(l, &l->peers[i]);
	if (now >= l->take_at)
		l->take_at = now + TAKE_EVERY_MS;
	err = recorder_step(l->recorder, l->source, now);
	if (err)
		buf_fmt(why, "the capture cannot be written: %s", strerror(errno));
	return err;
}

/* The text comes up on the person's screen, behind what was looked for before. */
static bool sees(struct lab_peer *p, const char *text)
{
	struct str rest = {p->said.p + p->seen, p->said.n - p->seen};
	const char *at = rest.n ? memmem(rest.p, rest.n, text, strlen(text)) : NULL;

	if (!at)
		return false;
	p->seen += (size_t)(at - rest.p) + strlen(text);
	return true;
}

int lab_see(struct lab *l, struct lab_peer *p, const char *text, int64_t ms, struct buf *why)
{
	int64_t end = clock_mono() + ms;
	int err = 0;

	while (!err && !sees(p, text)) {
		if (clock_mono() > end || p->from_client < 0) {
			size_t tail = p->said.n > 600 ? p->said.n - 600 : 0;

			buf_fmt(why, "%s does not see \"%s\"; last lines:\n%.*s", p->user, text,
				(int)(p->said.n - tail), p->said.p ? p->said.p + tail : "");
			return ERR_TIMEOUT;
		}
		err = go_on(l, why);
	}
	return err;
}

int lab_wait(struct lab *l, int64_t ms, struct buf *why)
{
	int64_t end = clock_mono() + ms;
	int err = 0;

	while (!err && clock_mono() < end)
		err = go_on(l, why);
	return err;
}

int lab_say(const struct lab *l, struct lab_peer *p, struct str line)
{
	CLEANUP(buf_clear) struct buf typed = {.max = 2 * LINE_SHOWN};

	buf_fmt(&typed, "> %.*s", line.n < LINE_SHOWN ? (int)line.n : LINE_SHOWN, line.p);
	if (line.n > LINE_SHOWN)
		buf_z(&typed, "...");
	lab_tell(l, p->user, buf_view(&typed));
	return trace_write(p->to_client, line) || trace_write(p->to_client, STR("\n")) ? ERR_IO : 0;
}

/* ---- people and their nodes ---- */

static bool has_ended(pid_t *pid)
{
	if (*pid > 0 && waitpid(*pid, NULL, WNOHANG) == *pid)
		*pid = 0;
	return *pid <= 0;
}

static void wait_end(struct lab *l, pid_t *pid, int64_t ms, struct buf *why)
{
	int64_t end = clock_mono() + ms;

	while (!has_ended(pid) && clock_mono() < end && go_on(l, why) == 0)
		;
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
		*pid = 0;
	}
}

static int wait_ready(struct lab *l, struct lab_peer *p, int fd, struct buf *why)
{
	int64_t end = clock_mono() + START_MS;
	char text[4096];
	size_t had = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		n = read(fd, text + had, sizeof(text) - 1 - had);
		had += n > 0 ? (size_t)n : 0;
		text[had] = '\0';
		if (strstr(text, "ready\n"))
			return 0;
		if (n == 0 || clock_mono() > end) {
			buf_fmt(why, "the node of %s does not start; see %s/node.log", p->user, p->data);
			l->keep = true;
			return ERR_TIMEOUT;
		}
		if (go_on(l, why) != 0)
			return ERR_IO;
	}
}

static int start_node(struct lab *l, struct lab_peer *p, struct buf *why)
{
	char name[100], number[16], log[PATH_LONG], where[64],
		program[] = "/proc/self/exe", node[] = "node", data[] = "--data", name_flag[] = "--name",
		discovery[] = "--discovery", own[] = "own", fd_flag[] = "--ready-fd", card[] = "--interface",
		eth[] = BOX_CARD, plain[] = "--plaintext", only[] = "only", starttls[] = "starttls",
		listen[] = "--listen";
	char *argv[20] = {program, node, data, p->data, name_flag, name, discovery, own, card, eth, fd_flag, number};
	int ends[2], null, out, err, n = 12;

	if (l->options.kind != LAB_TLS) {
		argv[n++] = plain;
		argv[n++] = l->options.kind == LAB_PLAIN ? only : starttls;
	}
	if (l->options.port) {
		argv[n++] = listen;
		argv[n++] = where;
	}
	snprintf(where, sizeof(where), l->options.v6 ? "[%s]:%u" : "%s:%u", p->host.address, l->options.port);

	snprintf(name, sizeof(name), "%s@%s", p->user, p->host.name);
	snprintf(log, sizeof(log), "%s/node.log", p->data);
	if ((mkdir(p->data, 0700) != 0 && errno != EEXIST) || pipe2(ends, O_CLOEXEC) != 0)
		return ERR_IO;
	fcntl(ends[1], F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", ends[1]);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	err = box_spawn(&p->host, argv, (int[3]){null, out, out}, &p->node);
	close(ends[1]);
	close(null);
	close(out);
	if (!err)
		err = wait_ready(l, p, ends[0], why);
	close(ends[0]);
	return err;
}

static int start_client(const struct lab *l, struct lab_peer *p)
{
	char program[] = "/proc/self/exe", chat[] = "chat", plain[] = "--plain", data[] = "--data", wait[] = "--wait",
	     none[] = "0";
	/* Old programs send no receipts that could be waited for. */
	char *argv[] = {program, chat, plain, data, p->data, l->options.kind != LAB_TLS ? wait : NULL, none, NULL};
	int in[2], out[2], err;

	if (pipe2(in, O_CLOEXEC) != 0)
		return ERR_IO;
	if (pipe2(out, O_CLOEXEC) != 0) {
		close(in[0]);
		close(in[1]);
		return ERR_IO;
	}
	err = box_spawn(&p->host, argv, (int[3]){in[0], out[1], out[1]}, &p->client);
	close(in[0]);
	close(out[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	p->to_client = in[1];
	p->from_client = out[0];
	return err;
}

static void tell_address(const struct lab *l, const struct lab_peer *p)
{
	CLEANUP(buf_clear) struct buf line = {.max = 1000};

	buf_fmt(&line, "runs a node on the host %s, %s", p->host.name, p->host.address);
	lab_tell(l, p->user, buf_view(&line));
}

static int start_peer(struct lab *l, struct lab_peer *p, struct buf *why)
{
	static const char *const wanted[] = {"keys", "stanzas", NULL};
	int err = start_node(l, p, why);
	bool secret = l->options.kind != LAB_PLAIN; /* else there is nothing to ask for, and nobody is to be warned */

	if (!err)
		tell_address(l, p);
	/* Before anybody can have found it: no link is made that is not traced. */
	if (!err)
		err = feed_begin(&p->feed, p->data, wanted + !secret, why);
	if (!err)
		err = start_client(l, p);
	if (err && !why->n)
		buf_fmt(why, "%s cannot begin: %s", p->user, err_name(err));
	return err;
}

/* Until everything that was said has arrived, as the nodes say. On a bad wire some of it takes its time. */
static void settle(struct lab *l, struct buf *why)
{
	int64_t end = clock_mono() + SETTLE_MS;

	do
		l->take_at = 0;
	while (go_on(l, why) == 0 && l->received < l->sent && clock_mono() < end);
}

static void end_client(struct lab *l, struct lab_peer *p, struct buf *why)
{
	if (p->to_client < 0)
		return;
	close(p->to_client);
	p->to_client = -1;
	wait_end(l, &p->client, START_MS, why);
}

static int end_node(struct lab *l, struct lab_peer *p, struct buf *why)
{
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};
	int err;

	for (unsigned j = 0; j < l->n; j++)
		take(l, &l->peers[j]);
	err = tell(p, "stop", &answer);
	p->feed.number[0] = '\0';
	wait_end(l, &p->node, START_MS, why);
	return err;
}

/* In an orderly way: the people first, then the nodes, the first one first. */
static int end_all(struct lab *l, struct buf *why)
{
	int err = 0;

	for (unsigned i = 0; i < l->n; i++)
		end_client(l, &l->peers[i], why);
	settle(l, why);
	for (unsigned i = 0; !err && i < l->n; i++)
		err = end_node(l, &l->peers[i], why);
	return err;
}

int lab_restart(struct lab *l, struct lab_peer *p, struct buf *why)
{
	int err;

	end_client(l, p, why);
	if (p->from_client >= 0)
		close(p->from_client);
	p->from_client = -1;
	err = end_node(l, p, why);
	return err ? err : start_peer(l, p, why);
}

/* ---- the whole ---- */

static int make_network(struct lab *l, struct buf *why)
{
	int err = box_enter(why);

	for (unsigned i = 0; !err && i < l->n; i++) {
		struct lab_peer *p = &l->peers[i];

		p->user = people[i].user;
		err = box_plug(&p->host, people[i].host, i + 1, l->options.v6, why);
		if (!err && l->options.loss)
			err = box_lose(&p->host, l->options.loss, why);
	}
	if (!err) {
		err = source_new(BOX_SWITCH, &l->source);
		if (err)
			buf_fmt(why, "capturing on the switch: %s", err_name(err));
	}
	return err;
}

static int start_recorder(struct lab *l, struct buf *why)
{
	struct pcapng_name names[LAB_PEERS_MAX] = {{{0}}};
	CLEANUP(buf_clear) struct buf comment = {.max = 1000};
	struct recorder_head head = {.interface = STR(BOX_SWITCH),
		.description = STR("all frames between the hosts of the lab"),
		.names = names,
		.name_n = l->n,
		.secrets = l->options.kind != LAB_PLAIN};
	char path[PATH_LONG];

	buf_fmt(&comment, "wireside lab --%s --peers %u --loss %u%s", lab_kinds[l->options.kind], l->n, l->options.loss,
		l->options.v6 ? " --ipv6" : "");
	if (l->options.port)
		buf_fmt(&comment, " --port %u", l->options.port);
	head.comment = buf_view(&comment);
	for (unsigned i = 0; i < l->n; i++) {
		memcpy(names[i].address,
			l->options.v6 ? (uint8_t[4]){0xfd, 0x77} : (uint8_t[4]){10, 77, 0, (uint8_t)(i + 1)}, 4);
		names[i].address[15] = (uint8_t)(i + 1);
		names[i].v6 = l->options.v6;
		names[i].name = str_z(l->peers[i].user);
	}
	snprintf(path, sizeof(path), "%s/lab.pcapng", l->options.into);
	if (recorder_new(path, &head, &l->recorder) == 0)
		return 0;
	buf_fmt(why, "%s: %s", path, strerror(errno));
	return ERR_IO;
}

static int write_transcript(struct lab *l, struct buf *why)
{
	char path[PATH_LONG];
	int fd, err;

	snprintf(path, sizeof(path), "%s/transcript.json", l->options.into);
	buf_z(&l->transcript, "\n]\n");
	fd = trace_file(path);
	err = fd < 0 || !buf_ok(&l->transcript) ? ERR_IO : trace_write(fd, buf_view(&l->transcript));
	if (fd >= 0)
		close(fd);
	if (err)
		buf_fmt(why, "%s: %s", path, strerror(errno));
	return err;
}

static int make_folders(struct lab *l, struct buf *why)
{
	l->made = access(l->options.into, F_OK) != 0;
	if (node_make_folder(l->options.into, why) != 0)
		return ERR_IO;
	/* Short, because sockets are in it. */
	snprintf(l->folder, sizeof(l->folder), "/tmp/wireside-lab-XXXXXX");
	if (!mkdtemp(l->folder)) {
		buf_fmt(why, "%s: %s", l->folder, strerror(errno));
		return ERR_IO;
	}
	for (unsigned i = 0; i < l->n; i++) {
		char path[PATH_LONG];

		snprintf(path, sizeof(path), "%s/%s", l->folder, people[i].user);
		l->peers[i].data = xstrdup(path);
	}
	return 0;
}

static void remove_folder(const char *path)
{
	char program[] = "rm", flags[] = "-rf", end[] = "--", folder[PATH_LONG],
	     *argv[] = {program, flags, end, folder, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	snprintf(folder, sizeof(folder), "%s", path);
	if (box_spawn(NULL, argv, (int[3]){null, null, null}, &pid) == 0)
		waitpid(pid, NULL, 0);
	close(null);
}

static void clear(struct lab *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct lab_peer *p = &l->peers[i];
		pid_t *pids[] = {&p->client, &p->node};

		for (size_t j = 0; j < ARRAY_LEN(pids); j++)
			if (*pids[j] > 0) {
				kill(*pids[j], SIGKILL);
				waitpid(*pids[j], NULL, 0);
			}
		if (p->to_client >= 0)
			close(p->to_client);
		if (p->from_client >= 0)
			close(p->from_client);
		buf_clear(&p->said);
		xfree(p->data);
	}
	source_free(&l->source);
	buf_clear(&l->transcript);
	/* Whoever removes it is not to be disturbed by a second Ctrl-C. */
	watch_signals(SIG_IGN);
	if (l->folder[0] && !l->keep)
		remove_folder(l->folder);
	watch_signals(SIG_DFL);
}

static int end_capture(struct lab *l, struct buf *done, struct buf *why)
{
	uint64_t received = 0, dropped = 0, packets, sessions;
	int err = recorder_step(l->recorder, l->source, clock_mono());

	source_counts(l->source, &received, &dropped);
	recorder_end(l->recorder);
	packets = recorder_packets(l->recorder);
	sessions = recorder_sessions(l->recorder);
	if (recorder_free(&l->recorder, received, dropped) != 0 || err) {
		buf_fmt(why, "%s/lab.pcapng is not whole: %s", l->options.into, strerror(errno));
		return ERR_IO;
	}
	buf_fmt(done, "%s/lab.pcapng: %llu packets, %llu dropped by the capture", l->options.into,
		(unsigned long long)packets, (unsigned long long)dropped);
	if (l->options.kind == LAB_PLAIN)
		buf_z(done, ", nothing is encrypted\n");
	else
		buf_fmt(done, ", secrets of %llu link%s\n", (unsigned long long)sessions, sessions == 1 ? "" : "s");
	buf_fmt(done, "%s/transcript.json: %u stanzas, as the nodes say%s\n", l->options.into, l->stanzas,
		l->lost ? " (some were lost)" : "");
	return 0;
}

static void tell_beginning(const struct lab *l)
{
	CLEANUP(buf_clear) struct buf line = {.max = 1000};

	buf_fmt(&line,
		"%u hosts in a box, one wire, nothing in between. > is what somebody types, the rest what is seen",
		l->n);
	lab_tell(l, "", buf_view(&line));
}

int lab_run(const struct lab_options *o, struct buf *done, struct buf *why)
{
	struct lab l = {.options = *o, .n = o->peers};
	int err;

	buf_init(&l.transcript, TRANSCRIPT_MAX);
	buf_z(&l.transcript, "[\n");
	for (unsigned i = 0; i < l.n; i++) {
		l.peers[i].to_client = l.peers[i].from_client = -1;
		buf_init(&l.peers[i].said, SAID_MAX);
	}
	signal(SIGPIPE, SIG_IGN);
	watch_signals(on_signal);
	err = make_folders(&l, why);
	if (!err)
		err = make_network(&l, why);
	if (!err)
		err = start_recorder(&l, why);
	if (!err)
		tell_beginning(&l);
	for (unsigned i = 0; !err && i < l.n; i++)
		err = start_peer(&l, &l.peers[i], why);
	if (!err)
		err = lab_script_run(&l, o->script, why);
	if (!err)
		err = end_all(&l, why);
	if (!err)
		err = write_transcript(&l, why);
	if (!err)
		err = end_capture(&l, done, why);
	if (err && told_to_end && l.recorder)
		buf_fmt(why, "; what was captured until then is in %s/lab.pcapng", o->into);
	recorder_free(&l.recorder, 0, 0);
	/* Nothing was begun. */
	if (err && l.made)
		rmdir(o->into);
	clear(&l);
	return err && told_to_end ? ERR_CLOSED : err;
}
