#include "app/capture.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "admin/control.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/frame.h"
#include "trace/recorder.h"

enum { MDNS = 5353, NODE_FIRST = 5298, NODE_LAST = 5398, TICK_MS = 20, TAKE_EVERY_MS = 40, END_MS = 5000 };

struct capture {
	const struct capture_options *o;
	char interface[IF_NAMESIZE];
	struct source *source;
	struct recorder *recorder;
	int signals;
	bool armed;
	int64_t take_at;
};

/* ---- which packets ---- */

static bool is_ours(const struct capture_options *o, uint16_t port)
{
	if (port >= NODE_FIRST && port <= NODE_LAST)
		return true;
	for (unsigned i = 0; i < o->port_n; i++)
		if (o->ports[i] == port)
			return true;
	return false;
}

static bool keep(void *arg, const struct pcapng_packet *p)
{
	const struct capture *c = arg;
	struct frame f;

	if (!frame_read(p->data, &f))
		return false;
	if (f.protocol == FRAME_UDP)
		return f.from_port == MDNS || f.to_port == MDNS;
	return f.protocol == FRAME_TCP && (is_ours(c->o, f.from_port) || is_ours(c->o, f.to_port));
}

/* The same for dumpcap, so that nothing else leaves the kernel. */
static void put_filter(const struct capture_options *o, struct buf *out)
{
	buf_fmt(out, "udp port %d or tcp portrange %d-%d", MDNS, NODE_FIRST, NODE_LAST);
	for (unsigned i = 0; i < o->port_n; i++)
		buf_fmt(out, " or tcp port %u", o->ports[i]);
}

/* ---- where from ---- */

static bool is_up(const char *name) { return strcmp(name, "lo") != 0 && if_nametoindex(name) != 0; }

static int choose_interface(struct capture *c, struct buf *why)
{
	struct if_nameindex *all;

	if (c->o->interface) {
		snprintf(c->interface, sizeof(c->interface), "%s", c->o->interface);
		return 0;
	}
	all = if_nameindex();
	for (size_t i = 0; all && all[i].if_index && !c->interface[0]; i++)
		if (is_up(all[i].if_name))
			snprintf(c->interface, sizeof(c->interface), "%s", all[i].if_name);
	if (all)
		if_freenameindex(all);
	if (!c->interface[0])
		buf_z(why, "there is no network but the loopback; -i names one");
	return c->interface[0] ? 0 : ERR_NOTFOUND;
}

static int open_source(struct capture *c, struct buf *why)
{
	CLEANUP(buf_clear) struct buf filter = {.max = 1000};
	int err = c->o->dumpcap ? ERR_DENIED : source_new(c->interface, &c->source);

	if (err == ERR_NOTFOUND)
		buf_fmt(why, "there is no interface called %s", c->interface);
	if (err == 0 || err == ERR_NOTFOUND)
		return err;
	put_filter(c->o, &filter);
	err = source_dumpcap(c->interface, buf_cstr(&filter), &c->source, why);
	if (err)
		buf_z(why,
			"\nCapturing needs a right: on Debian install wireshark-common, let it be used by others than root, and "
			"join the group wireshark; or be root");
	return err;
}

/* ---- secrets ---- */

static int ask(const struct capture *c, const char *word, struct buf *out)
{
	const char *words[] = {"trace", word};
	char path[4096];

	snprintf(path, sizeof(path), "%s/control.sock", c->o->data);
	return control_call(path, words, 2, out);
}

static int arm(struct capture *c, struct buf *why)
{
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};
	int err = c->o->data ? ask(c, "arm", &answer) : 0;

	if (err) {
		buf_fmt(why, "the node of %s gives no secrets: %s", c->o->data,
			answer.n ? buf_cstr(&answer) : err_name(err));
		return err;
	}
	c->armed = c->o->data != NULL;
	if (!c->armed)
		return 0;
	/* Links that are up have no handshake left to capture. */
	err = ask(c, "relink", &answer);
	if (err)
		buf_z(why, "the node does not open its links anew: those that are up would stay closed");
	return err;
}

static void take(struct capture *c)
{
	CLEANUP(buf_clear) struct buf out = {.max = (size_t)16 << 20};
	struct str text;

	if (!c->armed)
		return;
	if (ask(c, "take", &out) != 0) {
		c->armed = false;
		fprintf(stderr,
			"The node gives no secrets any more: links made from now on stay closed in this file.\n");
		return;
	}
	text = buf_view(&out);
	while (text.p && text.n) {
		struct str rest = str_cut(&text, '\n');

		if (str_is(str_cut(&rest, ' '), "key"))
			recorder_key(c->recorder, rest);
	}
	mem_wipe(out.p ? out.p : (char[1]){0}, out.n);
}

static void disarm(struct capture *c)
{
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};

	if (c->armed)
		ask(c, "disarm", &answer);
	c->armed = false;
}

/* ---- going on ---- */

static int step(struct capture *c, int64_t now)
{
	if (now >= c->take_at) {
		take(c);
		c->take_at = now + TAKE_EVERY_MS;
	}
	return recorder_step(c->recorder, c->source, now);
}

static bool told_to_end(const struct capture *c)
{
	struct signalfd_siginfo info;

	return read(c->signals, &info, sizeof(info)) == sizeof(info);
}

static int steps(struct capture *c, int64_t ms)
{
	int64_t end = clock_mono() + ms;
	int err = 0;

	while (!err && clock_mono() < end) {
		err = step(c, clock_mono());
		if (!err)
			poll(NULL, 0, 1);
	}
	return err;
}

static int go_on(struct capture *c, struct buf *why)
{
	int64_t end = c->o->seconds ? clock_mono() + (int64_t)c->o->seconds * 1000 : INT64_MAX, now;
	int err = 0;

	do {
		struct pollfd fds[2] = {{.fd = source_fd(c->source), .events = POLLIN},
			{.fd = c->signals, .events = POLLIN}};

		poll(fds, 2, TICK_MS);
		now = clock_mono();
		err = step(c, now);
	} while (!err && now < end && !told_to_end(c) && (!c->o->count || recorder_packets(c->recorder) < c->o->count));
	if (!err)
		err = steps(c, source_lag_ms(c->source));
	source_end(c->source);
	/* What was on its way, the last secrets first. */
	c->take_at = 0;
	if (!err)
		err = steps(c, END_MS);
	if (err == ERR_CLOSED)
		return 0;
	if (err)
		buf_fmt(why, "%s: %s", c->o->file, err_name(err));
	return err;
}

static int start_recorder(struct capture *c, struct buf *why)
{
	struct recorder_head head = {.comment = STR("wireside trace capture"),
		.interface = str_z(c->interface),
		.description = STR("chat of this machine, and multicast DNS"),
		.secrets = c->o->data != NULL,
		.keep = keep,
		.arg = c};

	if (recorder_new(c->o->file, &head, &c->recorder) == 0)
		return 0;
	buf_fmt(why, "%s: %s", c->o->file, strerror(errno));
	return ERR_IO;
}

static int end_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void announce(const struct capture *c)
{
	bool red = c->armed && isatty(STDERR_FILENO);

	fprintf(stderr, "Capturing chat on %s into %s; Ctrl-C ends.%s%s%s\n", c->interface, c->o->file,
		red ? "\033[31m" : "",
		c->armed ? " SECRETS are recorded: whoever has the file can read what is said." : "",
		red ? "\033[0m" : "");
}

int capture_run(const struct capture_options *o, struct buf *done, struct buf *why)
{
	struct capture c = {.o = o, .signals = end_signals()};
	uint64_t received = 0, dropped = 0, packets = 0, sessions = 0;
	int err = choose_interface(&c, why);

	if (!err)
		err = open_source(&c, why);
	/* First, for a file of this name is made anew. */
	if (!err)
		err = arm(&c, why);
	if (!err)
		err = start_recorder(&c, why);
	if (!err) {
		announce(&c);
		err = go_on(&c, why);
		source_counts(c.source, &received, &dropped);
		recorder_end(c.recorder);
		packets = recorder_packets(c.recorder);
		sessions = recorder_sessions(c.recorder);
	}
	disarm(&c);
	if (recorder_free(&c.recorder, received, dropped) != 0 && !err) {
		buf_fmt(why, "%s is not whole: %s", o->file, strerror(errno));
		err = ERR_IO;
	}
	source_free(&c.source);
	close(c.signals);
	buf_fmt(done, "%s: %llu packets, %llu dropped by the system, secrets of %llu links\n", o->file,
		(unsigned long long)packets, (unsigned long long)dropped, (unsigned long long)sessions);
	return err;
}
