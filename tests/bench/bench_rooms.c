/* What rooms cost: a delivery, a storm of joins, an occupant, an idle room; beside a raw relay that copies the same bytes, and
 * beside Prosody and ejabberd where they are installed, all in one run. Processor time of the server's process, all threads;
 * wall time only for latencies. Arguments: delivery, archive, storm, memory, change or idle, for one of these; "alone" behind it leaves the
 * other servers out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/lib/bench.h"
#include "tests/lib/crowd.h"
#include "tests/lib/load.h"
#include "tests/lib/load_foreign.h"

enum {
	CLIENTS = 1000,
	PAUSE_US = 2000,
	SETTLE_MS = 500, /* without a byte: all is said */
	STORM_PAUSE_NS = 20000000,
	MEMORY_ROOMS = 5,
	STORM_FIRST = 20,   /* in the room before */
	IDLE_CLIENTS = 200, /* an address is in 500 rooms at most */
	IDLE_ROOMS = 500,   /* of each */
	LATENCY_MESSAGES = 300,
	BUSY = 100, /* in the room of the client that nobody looks at */
	BUSY_MESSAGES = 100,
	STEP_MS = 3
};

/* ---- servers ---- */

static bool start_ours(struct load_server *s, bool archive)
{
	static const char *const without[] = {"--archive-max", "0", "--room-archive-max", "0", NULL};

	load_start(s, CLIENTS, 1, archive ? NULL : without);
	return true;
}

static bool start_prosody(struct load_server *s, bool archive) { return load_start_prosody(s, CLIENTS, archive); }
static bool start_ejabberd(struct load_server *s, bool archive) { return load_start_ejabberd(s, CLIENTS, archive); }

struct contender {
	const char *name;
	bool (*start)(struct load_server *s, bool archive);
	unsigned rounds; /* of messages: the slow ones get fewer, or a run takes an hour */
	unsigned times;
};

static const struct contender contenders[] = {
	{"wireside", start_ours, 60, 5},
	{"prosody", start_prosody, 5, 2},
	{"ejabberd", start_ejabberd, 10, 2},
};
static unsigned contenders_n = sizeof(contenders) / sizeof(contenders[0]);

static bool is_ours(unsigned i) { return i == 0; }

/* ---- people in rooms ---- */

/* Sessions of u0..; none is in a room. */
static void log_in(const struct load_server *s, struct load_client **c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		c[i] = load_connect(s->port);
		load_login(c[i], i, "r");
	}
}

static int join_text(char *out, size_t size, const char *room, unsigned number, unsigned nick)
{
	return snprintf(out, size,
		"<presence to='%s%u@rooms.localhost/nick%u'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
		room, number, nick);
}

/* Without the history, whose messages would be taken for late ones. */
static int storm_text(char *out, size_t size, unsigned nick)
{
	return snprintf(out, size,
		"<presence to='storm0@rooms.localhost/nick%u'><x xmlns='http://jabber.org/protocol/muc'>"
		"<history maxstanzas='0'/></x></presence>",
		nick);
}

/* The first one makes the room, and opens it as it is. */
static void open_room(struct load_client *c, const char *room, unsigned number, bool persistent)
{
	char text[512];
	int n = join_text(text, sizeof(text), room, number, 0);

	load_send(c, text, (size_t)n);
	load_expect(c, "<subject");
	load_expect(c, "</message>");
	n = snprintf(text, sizeof(text),
		"<iq type='set' id='open' to='%s%u@rooms.localhost'><query xmlns='http://jabber.org/protocol/muc#owner'>"
		"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
		"<value>http://jabber.org/protocol/muc#roomconfig</value></field>"
		"<field var='muc#roomconfig_persistentroom'><value>%d</value></field></x></query></iq>",
		room, number, persistent);
	load_send(c, text, (size_t)n);
	load_expect(c, "id='open'");
}

static void settle(struct crowd *crowd)
{
	while (crowd_read(crowd, SETTLE_MS))
		;
}

/* Rooms of `size` each; everybody is in one. */
static void fill_rooms(struct crowd *crowd, struct load_client **c, unsigned n, unsigned size, bool persistent)
{
	for (unsigned i = 0; i < n; i += size)
		open_room(c[i], "bench", i / size, persistent);
	crowd_look_for(crowd, "<subject");
	for (unsigned i = 0; i < n; i++) {
		char text[512];

		if (i % size)
			crowd_send(crowd, i, text, (size_t)join_text(text, sizeof(text), "bench", i / size, i % size));
		crowd_read(crowd, 0);
	}
	while (crowd_seen(crowd) < n - n / size)
		crowd_read(crowd, SETTLE_MS);
	settle(crowd);
}

static int message_text(char *out, size_t size, const char *room, unsigned number)
{
	char mark[CROWD_MARK_LEN + 1];

	crowd_mark(mark);
	return snprintf(out, size,
		"<message to='%s%u@rooms.localhost' type='groupchat' id='g-%06u'><body>%s The quick brown fox jumps over the lazy "
		"dog, and then it does it again.</body></message>",
		room, number, number, mark);
}

/* ---- a delivery ---- */

/* One message in each room, then everybody reads: rounds of that. Bytes of the relay have the length that a delivery has. */
static double deliver(struct crowd *crowd, pid_t pid, unsigned n, unsigned size, unsigned rounds, const char *name,
	size_t raw_len)
{
	int64_t cpu = 0;

	for (unsigned round = 0; round < rounds + 2; round++) {
		uint64_t before = crowd_messages(crowd);

		if (round == 2)
			cpu = load_cpu_ns(pid);
		for (unsigned i = 0; i < n; i += size) {
			char text[2048];
			int len = message_text(text, sizeof(text), name, i / size);

			if (raw_len) {
				memset(text + len, 'x', sizeof(text) - (size_t)len);
				len = (int)raw_len;
			}
			crowd_send(crowd, i, text, (size_t)len);
		}
		usleep(PAUSE_US); /* a reader that waits in the kernel is woken at the cost of the sender: nobody waits yet */
		crowd_wait(crowd, before + n, 0);
	}
	return (double)(load_cpu_ns(pid) - cpu) / ((double)rounds * n);
}

/* What one delivery has, in bytes. */
static size_t delivery_len(struct crowd *crowd, unsigned n, unsigned size, const char *name)
{
	uint64_t before = crowd_bytes(crowd), messages = crowd_messages(crowd);

	for (unsigned i = 0; i < n; i += size) {
		char text[2048];

		crowd_send(crowd, i, text, (size_t)message_text(text, sizeof(text), name, i / size));
	}
	crowd_wait(crowd, messages + n, 0);
	settle(crowd);
	return (crowd_bytes(crowd) - before) / n;
}

/* A running relay beside ours: the two are measured in turns, so what disturbs one disturbs the other. */
static double raw_delivery(unsigned n, unsigned size, size_t len, unsigned rounds, unsigned times, double *ours,
	double (*again)(void *), void *arg)
{
	struct load_server relay = load_relay(size, true);
	struct load_client **c = xcalloc(n, sizeof(struct load_client *));
	struct crowd *crowd;
	double best = 0;

	for (unsigned i = 0; i < n; i++)
		c[i] = load_connect(relay.port);
	crowd = crowd_new(c, n);
	for (unsigned i = 0; i < times; i++) {
		double raw = deliver(crowd, relay.pid, n, size, rounds, "raw", len), now = again(arg);

		best = i && best < raw ? best : raw;
		*ours = i && *ours < now ? *ours : now;
	}
	crowd_free(&crowd);
	for (unsigned i = 0; i < n; i++)
		load_close(&c[i]);
	xfree(c);
	load_stop(&relay);
	return best;
}

struct run {
	struct crowd *crowd;
	pid_t pid;
	unsigned n, size, rounds;
	const char *name;
};

static double run_again(void *arg)
{
	struct run *r = arg;

	return deliver(r->crowd, r->pid, r->n, r->size, r->rounds, r->name, 0);
}

/* Messages at a third of what the server can take, one after the other. */
static void latency(struct crowd *crowd, double delivery_ns, unsigned size, const char *who, const char *name)
{
	int64_t gap = (int64_t)(3 * delivery_ns * size), next = bench_wall_ns();
	uint64_t before = crowd_messages(crowd);
	unsigned sent = 0, wanted = gap > 20000000 ? LATENCY_MESSAGES / 5 : LATENCY_MESSAGES;
	char text[2048], title[80];

	crowd_forget(crowd);
	while (sent < wanted) {
		if (bench_wall_ns() >= next) {
			crowd_send(crowd, 0, text, (size_t)message_text(text, sizeof(text), name, 0));
			next += gap;
			sent++;
		}
		crowd_read(crowd, 0);
	}
	crowd_wait(crowd, before + (uint64_t)wanted * size, 0);
	snprintf(title, sizeof(title), "  %s: latency p50, %u messages/s", who, (unsigned)(1e9 / (double)gap));
	bench_report(title, (double)crowd_latency(crowd, 0.5) / 1e6, "ms", NULL);
	snprintf(title, sizeof(title), "  %s: latency p99", who);
	bench_report(title, (double)crowd_latency(crowd, 0.99) / 1e6, "ms", NULL);
}

/* One contender, one size of rooms. Returns the nanoseconds of a delivery, 0: it is not there. */
static double contend(unsigned which, unsigned n, unsigned size, bool archive, double *raw)
{
	const struct contender *k = &contenders[which];
	struct load_client **c = xcalloc(n, sizeof(struct load_client *));
	struct load_server s;
	struct crowd *crowd;
	double best = 0;
	char title[80];

	if (!k->start(&s, archive)) {
		printf("  %s is not installed\n", k->name);
		xfree(c);
		return 0;
	}
	log_in(&s, c, n);
	crowd = crowd_new(c, n);
	fill_rooms(crowd, c, n, size, archive); /* some keep no archive of others */
	if (is_ours(which)) {
		struct run r = {crowd, s.pid, n, size, k->rounds, "bench"};

		*raw = raw_delivery(n, size, delivery_len(crowd, n, size, "bench"), k->rounds, k->times, &best,
			run_again, &r);
	} else {
		for (unsigned i = 0; i < k->times; i++) {
			double now = deliver(crowd, s.pid, n, size, k->rounds, "bench", 0);

			best = i && best < now ? best : now;
		}
	}
	snprintf(title, sizeof(title), "  %s", k->name);
	bench_report(title, best / 1000, "us", NULL);
	if (is_ours(which)) {
		bench_report("  raw relay, same bytes", *raw / 1000, "us", NULL);
		bench_report("  ratio", best / *raw, "times", "at most 1.6");
	}
	latency(crowd, best, size, k->name, "bench");
	crowd_free(&crowd);
	for (unsigned i = 0; i < n; i++)
		load_close(&c[i]);
	xfree(c);
	load_stop(&s);
	return best;
}

static void delivery(unsigned size, bool archive)
{
	unsigned n = size == CLIENTS ? CLIENTS : CLIENTS / 2;
	double ours = 0, better = 0, raw = 0;

	printf("a delivery in rooms of %u, archive %s, CPU\n", size, archive ? "on" : "off");
	for (unsigned i = 0; i < contenders_n; i++) {
		double ns = contend(i, n, size, archive, &raw);

		if (is_ours(i))
			ours = ns;
		else if (ns > 0 && (better == 0 || ns < better))
			better = ns;
	}
	if (better > 0)
		bench_report("  the better of the others, compared with ours", better / ours, "times", "at least 10");
}

/* ---- a storm ---- */

static int64_t own_cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000000) +
		(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * INT64_C(1000);
}

static void report_storm(const char *who, const char *what, double value, const char *unit, const char *aim)
{
	char title[160];

	snprintf(title, sizeof(title), "  %s: %s", who, what);
	bench_report(title, value, unit, aim);
}

/* Those who are in before. */
static void begin_storm(struct crowd *crowd, struct load_client *first)
{
	char text[512];

	open_room(first, "storm", 0, false);
	for (unsigned i = 1; i < STORM_FIRST; i++)
		crowd_send(crowd, i, text, (size_t)storm_text(text, sizeof(text), i));
	settle(crowd);
}

/* Everybody else asks to enter at once, and the first one talks. Returns how often. */
static unsigned run_storm(struct crowd *crowd)
{
	int64_t next = bench_wall_ns();
	unsigned sent = 0;
	char text[2048];

	crowd_look_for(crowd, "<subject");
	crowd_forget(crowd);
	for (unsigned i = STORM_FIRST; i < CLIENTS; i++)
		crowd_send(crowd, i, text, (size_t)storm_text(text, sizeof(text), i));
	while (crowd_seen(crowd) < CLIENTS - STORM_FIRST) {
		if (bench_wall_ns() >= next) {
			crowd_send(crowd, 0, text, (size_t)message_text(text, sizeof(text), "storm", 0));
			next += STORM_PAUSE_NS;
			sent++;
		}
		crowd_read(crowd, 1);
	}
	return sent;
}

/* What the clients of this bench need to read is no work of the server's, but where processors are few the server has to wait
 * for it, and so have the messages: it is told beside. */
static void storm_of(unsigned which)
{
	const struct contender *k = &contenders[which];
	struct load_client **c = xcalloc(CLIENTS, sizeof(struct load_client *));
	struct load_server s;
	struct crowd *crowd;
	int64_t cpu, own, wall;
	uint64_t bytes;
	unsigned sent;
	char title[80];

	if (!k->start(&s, false)) {
		xfree(c);
		return;
	}
	log_in(&s, c, CLIENTS);
	crowd = crowd_new(c, CLIENTS);
	begin_storm(crowd, c[0]);
	cpu = load_cpu_ns(s.pid);
	own = own_cpu_ns();
	wall = bench_wall_ns();
	bytes = crowd_bytes(crowd);
	sent = run_storm(crowd);
	wall = bench_wall_ns() - wall;
	settle(crowd);
	report_storm(k->name, "CPU", (double)(load_cpu_ns(s.pid) - cpu) / 1e9, "s", is_ours(which) ? "under 2" : NULL);
	report_storm(k->name, "from the first join to the last subject", (double)wall / 1e6, "ms", NULL);
	snprintf(title, sizeof(title), "CPU of the clients, for %u MB", (unsigned)((crowd_bytes(crowd) - bytes) >> 20));
	report_storm(k->name, title, (double)(own_cpu_ns() - own) / 1e9, "s", NULL);
	snprintf(title, sizeof(title), "%u messages meanwhile, p50", sent);
	report_storm(k->name, title, (double)crowd_latency(crowd, 0.5) / 1e6, "ms", NULL);
	report_storm(k->name, "  the slowest at those who were there before",
		(double)crowd_latency_of(crowd, 0, STORM_FIRST, 1) / 1e6, "ms", NULL);
	report_storm(k->name, "  p99", (double)crowd_latency(crowd, 0.99) / 1e6, "ms", NULL);
	report_storm(k->name, "  the slowest", (double)crowd_latency(crowd, 1) / 1e6, "ms",
		is_ours(which) ? "within 100" : NULL);
	crowd_free(&crowd);
	for (unsigned i = 0; i < CLIENTS; i++)
		load_close(&c[i]);
	xfree(c);
	load_stop(&s);
}

static void storm(void)
{
	printf("%u people join one room\n", CLIENTS);
	for (unsigned i = 0; i < contenders_n; i++)
		storm_of(i);
}

/* ---- memory ---- */

/* One after the other, so that no queue of a crowd is what is measured. */
static void all_join(struct crowd *crowd, unsigned room)
{
	char text[512];

	for (unsigned i = 1; i < CLIENTS; i++) {
		crowd_look_for(crowd, "<subject");
		crowd_send(crowd, i, text, (size_t)join_text(text, sizeof(text), "memory", room, i));
		while (!crowd_seen(crowd))
			crowd_read(crowd, 1000);
	}
	settle(crowd);
}

/* What the process keeps for an occupant: the first room makes the sessions' and connections' own buffers grow to the size of a
 * thousand presences; what the rooms after it take is theirs. */
static void occupants(void)
{
	struct load_client **c = xcalloc(CLIENTS, sizeof(struct load_client *));
	struct load_server s;
	struct crowd *crowd;
	int64_t before, first;

	start_ours(&s, false);
	log_in(&s, c, CLIENTS);
	crowd = crowd_new(c, CLIENTS);
	for (unsigned room = 0; room <= MEMORY_ROOMS; room++)
		open_room(c[0], "memory", room, false);
	before = bench_rss_bytes(s.pid);
	all_join(crowd, 0);
	first = bench_rss_bytes(s.pid);
	for (unsigned room = 1; room <= MEMORY_ROOMS; room++)
		all_join(crowd, room);
	bench_report("memory of an occupant, in his first room", (double)(first - before) / CLIENTS, "bytes", NULL);
	bench_report("memory of an occupant, in a room more",
		(double)(bench_rss_bytes(s.pid) - first) / CLIENTS / MEMORY_ROOMS, "bytes",
		"under 400 and his presence");
	crowd_free(&crowd);
	for (unsigned i = 0; i < CLIENTS; i++)
		load_close(&c[i]);
	xfree(c);
	load_stop(&s);
}

static void idle_rooms(void)
{
	struct load_client *c[IDLE_CLIENTS];
	struct load_server s;
	struct crowd *crowd;
	int64_t rss;

	start_ours(&s, false);
	log_in(&s, c, IDLE_CLIENTS);
	crowd = crowd_new(c, IDLE_CLIENTS);
	crowd_count(crowd, "<subject");
	rss = bench_rss_bytes(s.pid);
	for (unsigned i = 0; i < IDLE_CLIENTS * IDLE_ROOMS; i++) {
		char text[512];

		crowd_send(crowd, i % IDLE_CLIENTS, text, (size_t)join_text(text, sizeof(text), "idle", i, 0));
		crowd_read(crowd, 0);
	}
	crowd_wait(crowd, IDLE_CLIENTS * IDLE_ROOMS, 0);
	bench_report("memory of 100,000 rooms with one silent occupant each",
		(double)(bench_rss_bytes(s.pid) - rss) / 1e6, "MB", "under 200");
	crowd_free(&crowd);
	for (unsigned i = 0; i < IDLE_CLIENTS; i++)
		load_close(&c[i]);
	load_stop(&s);
}

/* ---- a change that concerns everybody ---- */

static void set_option(struct crowd *crowd, const char *option, const char *value)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"<iq type='set' id='change' to='storm0@rooms.localhost'><query xmlns='http://jabber.org/protocol/muc#owner'>"
		"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value>"
		"</field><field var='muc#roomconfig_%s'><value>%s</value></field></x></query></iq>",
		option, value);
	crowd_send(crowd, 0, text, strlen(text));
}

/* Until all has been said; meanwhile two others talk in a room of their own. */
static void change(struct crowd *crowd, pid_t pid, const char *what, const char *option, const char *value)
{
	int64_t cpu = load_cpu_ns(pid), begin = bench_wall_ns(), last = begin, next = begin;
	uint64_t bytes = crowd_bytes(crowd), seen = bytes;
	char text[2048];

	crowd_forget(crowd);
	set_option(crowd, option, value);
	while (bench_wall_ns() - last < SETTLE_MS * INT64_C(1000000)) {
		crowd_read(crowd, 1);
		if (crowd_bytes(crowd) - seen > 4096) /* more than their talk */
			last = bench_wall_ns();
		seen = crowd_bytes(crowd);
		if (bench_wall_ns() >= next) {
			crowd_send(crowd, CLIENTS - 1, text, (size_t)message_text(text, sizeof(text), "side", 0));
			next += STORM_PAUSE_NS;
		}
	}
	report_storm(what, "CPU", (double)(load_cpu_ns(pid) - cpu) / 1e9, "s", NULL);
	report_storm(what, "until the last has heard of all", (double)(last - begin) / 1e6, "ms", NULL);
	report_storm(what, "bytes", (double)(crowd_bytes(crowd) - bytes) / 1048576, "MiB", NULL);
	report_storm(what, "the slowest message in another room",
		(double)crowd_latency_of(crowd, CLIENTS - 2, CLIENTS, 1) / 1e6, "ms", NULL);
}

static void changes(void)
{
	struct load_client **c = xcalloc(CLIENTS, sizeof(struct load_client *));
	struct load_server s;
	struct crowd *crowd;
	char text[512];

	printf("a room of %u in which something changes for everybody\n", CLIENTS - 2);
	start_ours(&s, false);
	log_in(&s, c, CLIENTS);
	open_room(c[CLIENTS - 1], "side", 0, false);
	open_room(c[0], "storm", 0, false);
	crowd = crowd_new(c, CLIENTS);
	crowd_send(crowd, CLIENTS - 2, text, (size_t)join_text(text, sizeof(text), "side", 0, 1));
	set_option(crowd, "moderatedroom", "1");
	settle(crowd);
	for (unsigned i = 1; i < CLIENTS - 2; i++)
		crowd_send(crowd, i, text, (size_t)storm_text(text, sizeof(text), i));
	settle(crowd);
	change(crowd, s.pid, "everybody may speak", "moderatedroom", "0");
	change(crowd, s.pid, "presence of moderators alone", "presencebroadcast", "moderator");
	change(crowd, s.pid, "non-members go", "membersonly", "1");
	crowd_free(&crowd);
	for (unsigned i = 0; i < CLIENTS; i++)
		load_close(&c[i]);
	xfree(c);
	load_stop(&s);
}

/* ---- a client that nobody looks at (XEP-0352) ---- */

static void do_and_read(struct crowd *crowd, unsigned who, const char *text)
{
	crowd_send(crowd, who, text, strlen(text));
	while (crowd_read(crowd, STEP_MS))
		;
}

/* As in a room that is alive: for each message its writer is seen typing, stops, goes on, and three others come and go. */
static void one_of_talk(struct crowd *crowd, unsigned i, bool talk)
{
	static const char *const states[] = {"composing", "paused", "composing"};
	static const char *const shows[] = {"<show>away</show>", "", "<show>dnd</show>"};
	unsigned writer = 2 + i % (BUSY - 2);
	char text[2048];

	for (unsigned k = 0; k < 3; k++) {
		snprintf(text, sizeof(text), "<presence to='bench0@rooms.localhost/nick%u'>%s</presence>",
			2 + (7 * i + k) % (BUSY - 2), shows[(i + k) % 3]);
		do_and_read(crowd, 2 + (7 * i + k) % (BUSY - 2), text);
		snprintf(text, sizeof(text),
			"<message to='bench0@rooms.localhost' type='groupchat'><%s xmlns='http://jabber.org/protocol/chatstates'/></message>",
			states[k]);
		do_and_read(crowd, writer, text);
	}
	message_text(text, sizeof(text), "bench", 0);
	if (talk)
		do_and_read(crowd, writer, text);
}

/* Member 0 is looked at, member 1 is not: both are told the same things. */
static void compare_idle(struct crowd *crowd, bool talk)
{
	uint64_t bytes[2];
	unsigned times[2], before[2];
	char title[120];

	for (unsigned k = 0; k < 2; k++)
		bytes[k] = crowd_bytes_of(crowd, k, &before[k]);
	for (unsigned i = 0; i < BUSY_MESSAGES; i++)
		one_of_talk(crowd, i, talk);
	for (unsigned k = 0; k < 2; k++) {
		bytes[k] = crowd_bytes_of(crowd, k, &times[k]) - bytes[k];
		times[k] -= before[k];
		snprintf(title, sizeof(title), "  %s, %s, bytes", k ? "nobody looks" : "looked at",
			talk ? "100 messages" : "presence and typing alone");
		bench_report(title, (double)bytes[k] / 1024, "KiB", NULL);
		snprintf(title, sizeof(title), "  %s, times something comes", k ? "nobody looks" : "looked at");
		bench_report(title, times[k], "", NULL);
	}
}

static void idle_client(void)
{
	struct load_client *c[BUSY];
	struct load_server s;
	struct crowd *crowd;

	printf("a client that nobody looks at, in a busy room of %u\n", BUSY);
	start_ours(&s, false);
	log_in(&s, c, BUSY);
	crowd = crowd_new(c, BUSY);
	fill_rooms(crowd, c, BUSY, BUSY, false);
	do_and_read(crowd, 1, "<inactive xmlns='urn:xmpp:csi:0'/>");
	compare_idle(crowd, true);
	compare_idle(crowd, false);
	crowd_free(&crowd);
	for (unsigned i = 0; i < BUSY; i++)
		load_close(&c[i]);
	load_stop(&s);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";
	struct rlimit limit;

	if (argc > 2 && strcmp(argv[2], "alone") == 0)
		contenders_n = 1;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int archive = 0; archive < 2; archive++)
		for (unsigned size = 10; size <= 1000; size *= 10)
			if (!*only || strcmp(only, archive ? "archive" : "delivery") == 0)
				delivery(size, archive);
	if (!*only || strcmp(only, "storm") == 0)
		storm();
	if (!*only || strcmp(only, "memory") == 0) {
		occupants();
		idle_rooms();
	}
	if (!*only || strcmp(only, "change") == 0)
		changes();
	if (!*only || strcmp(only, "idle") == 0)
		idle_client();
	return 0;
}
