#include "app/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/feed.h"
#include "app/links.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/pdu.h"
#include "trace/recorder.h"

enum {
	MDNS = 5353,
	NODE_FIRST = 5298,
	NODE_LAST = 5398,
	TICK_MS = 20,
	TAKE_EVERY_MS = 40,
	ASK_EVERY_MS = 1000,
	OPENING_MS = 6000,
	SUSPECTS_MAX = 32,
	END_MS = 5000,
	NAMES_MAX = 256
};

struct capture {
	const struct capture_options *o;
	char interface[IF_NAMESIZE];
	struct source *source; /* NULL: stanzas */
	struct recorder *recorder;
	int out; /* of the recorder, watched while it is a pipe; -1: not */
	int signals;
	struct feed feed;
	bool told; /* that the feed has ended */
	struct links *links;
	bool node;    /* it answers */
	size_t names; /* in the file */
	int64_t take_at, ask_at;
	struct frame suspects[SUSPECTS_MAX]; /* links whose handshake is not here */
	unsigned suspect_n;
	int64_t opening_until; /* links may be on their way up whose handshake was over when we began */
	uint64_t lost;         /* stanzas that the node had no room for */
};

/* ---- which packets ---- */

static bool is_ours(const struct capture *c, uint16_t port)
{
	if ((port >= NODE_FIRST && port <= NODE_LAST) || links_port(c->links, port))
		return true;
	for (unsigned i = 0; i < c->o->port_n; i++)
		if (c->o->ports[i] == port)
			return true;
	return false;
}

static bool keep(void *arg, const struct pcapng_packet *p)
{
	const struct capture *c = arg;
	struct frame f;
	bool ours;

	if (!frame_read(p->data, &f))
		return false;
	ours = f.protocol == FRAME_UDP ? f.from_port == MDNS || f.to_port == MDNS
				       : f.protocol == FRAME_TCP && (is_ours(c, f.from_port) || is_ours(c, f.to_port));
	return ours && (!c->o->peer || links_meant(c->links, &f));
}

static void add_port(struct source_ports *ports, size_t *n, uint16_t port)
{
	for (size_t i = 0; i < *n; i++)
		if (port >= ports[i].first && port <= ports[i].last)
			return;
	if (*n <= SOURCE_PORTS_MAX)
		ports[(*n)++] = (struct source_ports){port, port};
}

/* The same for the kernel, so that nothing else comes from there. One more than SOURCE_PORTS_MAX: there are too many. */
static size_t ports_of(const struct capture *c, struct source_ports ports[SOURCE_PORTS_MAX + 1])
{
	size_t n = 0;

	ports[n++] = (struct source_ports){NODE_FIRST, NODE_LAST};
	add_port(ports, &n, MDNS);
	for (unsigned i = 0; i < c->o->port_n; i++)
		add_port(ports, &n, c->o->ports[i]);
	if (c->links->port)
		add_port(ports, &n, c->links->port);
	for (unsigned i = 0; i < c->links->n; i++)
		if (!c->links->rows[i].up)
			add_port(ports, &n, c->links->rows[i].other.port);
	return n;
}

/* And for dumpcap. */
static void put_filter(const struct capture *c, struct buf *out)
{
	struct source_ports ports[SOURCE_PORTS_MAX + 1];
	size_t n = ports_of(c, ports);

	if (n > SOURCE_PORTS_MAX)
		buf_z(out, "tcp or udp");
	for (size_t i = 0; n <= SOURCE_PORTS_MAX && i < n; i++)
		buf_fmt(out, "%sportrange %u-%u", i ? " or " : "", ports[i].first, ports[i].last);
}

static void narrow(const struct capture *c)
{
	struct source_ports ports[SOURCE_PORTS_MAX + 1];
	size_t n = ports_of(c, ports);

	if (c->source)
		source_only(c->source, ports, n);
}

/* ---- where from ---- */

static int choose_interface(struct capture *c, struct buf *why)
{
	if (c->o->interface) {
		snprintf(c->interface, sizeof(c->interface), "%s", c->o->interface);
		return 0;
	}
	if ((c->node && links_interface(c->links, c->interface)) || links_any_interface(c->interface))
		return 0;
	buf_z(why, "there is no network but the loopback; -i names one");
	return ERR_NOTFOUND;
}

static int open_packets(struct capture *c, struct buf *why)
{
	CLEANUP(buf_clear) struct buf filter = {.max = 4000};
	int err = choose_interface(c, why);

	if (err)
		return err;
	err = c->o->dumpcap ? ERR_DENIED : source_new(c->interface, &c->source);
	if (err == ERR_NOTFOUND)
		buf_fmt(why, "there is no interface called %s", c->interface);
	if (err == 0 || err == ERR_NOTFOUND)
		return err;
	put_filter(c, &filter);
	return source_dumpcap(c->interface, buf_cstr(&filter), &c->source, why) ? ERR_DENIED : 0;
}

/* Whoever wants the secrets may read what is said: then he gets it without packets, where there are none to be had. */
static int open_source(struct capture *c, struct buf *why)
{
	int err = c->o->stanzas ? 0 : open_packets(c, why);

	if (err != ERR_DENIED)
		return err;
	if (c->o->secrets && c->node && !c->o->pipe) {
		fprintf(stderr, "No packets: %s\nInstead: what the node says it exchanged. STANZAS, NOT PACKETS.\n",
			buf_cstr(why));
		buf_reset(why);
		return 0;
	}
	buf_z(why,
		"\nCapturing needs a right: on Debian install wireshark-common, let it be used by others than root, and join "
		"the group wireshark; or be root. Without it --stanzas has what the node says it exchanged, no packets");
	return err;
}

/* ---- what the node tells ---- */

static int begin_feed(struct capture *c, struct buf *why)
{
	static const char *const keys[] = {"keys", NULL}, *const pdus[] = {"pdus", NULL};
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};
	int err;

	if (c->source && !c->o->secrets)
		return 0;
	err = feed_begin(&c->feed, c->o->data, c->source ? keys : pdus, why);
	if (err || !c->source)
		return err;
	c->opening_until = clock_mono() + OPENING_MS;
	/* Links that are up have no handshake left to capture. */
	err = feed_ask(c->o->data, "relink", c->o->peer, &answer);
	if (err)
		buf_z(why, "the node does not open its links anew: those that are up would stay closed");
	return err;
}

static void put_ends(const struct links_end *own, const struct links_end *other, struct frame *ret)
{
	*ret = (struct frame){.protocol = FRAME_TCP, .v6 = own->v6, .from_port = own->port, .to_port = other->port};
	memcpy(ret->from, own->address, 16);
	memcpy(ret->to, other->address, 16);
}

/* "sent|received MS OWN OTHER HEX" */
static void take_pdu(struct capture *c, struct str rest)
{
	CLEANUP(buf_clear) struct buf xml = {.max = PCAPNG_SNAPLEN}, data = {.max = 2 * PCAPNG_SNAPLEN};
	bool sent = str_is(str_cut(&rest, ' '), "sent");
	uint64_t time = 0;
	bool good = str_uint(str_cut(&rest, ' '), INT64_MAX / 1000000, &time) == 0;
	struct links_end own, other;
	struct frame ends;
	struct pcapng_packet p = {.time = (int64_t)time * 1000000, .way = sent ? PCAPNG_OUT : PCAPNG_IN};
	struct pdu_end a, b;

	good = good && links_end_parse(str_cut(&rest, ' '), &own) && links_end_parse(str_cut(&rest, ' '), &other) &&
		hex_decode(&xml, rest) == 0;
	if (!good) {
		c->lost++;
		return;
	}
	put_ends(&own, &other, &ends);
	if (c->o->peer && !links_meant(c->links, &ends))
		return;
	a = (struct pdu_end){.v6 = own.v6, .port = own.port};
	b = (struct pdu_end){.v6 = other.v6, .port = other.port};
	memcpy(a.address, own.address, 16);
	memcpy(b.address, other.address, 16);
	pdu_put(&data, sent ? &a : &b, sent ? &b : &a, buf_view(&xml));
	p.data = buf_view(&data);
	p.length = (uint32_t)data.n;
	recorder_packet(c->recorder, &p, clock_mono());
}

static void take_line(struct capture *c, struct str rest)
{
	struct str word = str_cut(&rest, ' ');
	uint64_t lost = 0;

	if (str_is(word, "key"))
		recorder_key(c->recorder, rest);
	else if (str_is(word, "pdu"))
		take_pdu(c, rest);
	else if (str_is(word, "lost") && str_uint(rest, UINT32_MAX, &lost) == 0)
		c->lost += lost;
}

/* A node that was started anew tells us again. */
static void begin_again(struct capture *c)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	if (begin_feed(c, &why) == 0 && c->told) {
		fputs("The node is there again.\n", stderr);
		c->told = false;
	}
}

static void take(struct capture *c)
{
	CLEANUP(buf_clear) struct buf out = {.max = FEED_MAX};
	struct str text;

	if (!feed_on(&c->feed))
		return;
	if (feed_take(&c->feed, &out) != 0) {
		if (!c->told)
			fprintf(stderr, "The node tells nothing any more: %s.\n",
				c->source ? "links made from now on stay closed in this file" : "no stanzas come");
		c->told = true;
		return;
	}
	text = buf_view(&out);
	while (text.p && text.n)
		take_line(c, str_cut(&text, '\n'));
	mem_wipe(out.p ? out.p : (char[1]){0}, out.n);
}

/* Was it missing before? Its handshake and its secrets may just have been on their way to us. */
static bool is_suspect(const struct capture *c, const struct frame *ends)
{
	for (unsigned i = 0; i < c->suspect_n; i++)
		if (memcmp(&c->suspects[i], ends, sizeof(*ends)) == 0)
			return true;
	return false;
}

/* A link that was on its way up when we began could not be opened anew then, and its secrets were told before. */
static void open_late_ones(struct capture *c)
{
	struct frame missing[SUSPECTS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < c->links->n && n < SUSPECTS_MAX; i++) {
		CLEANUP(buf_clear) struct buf answer = {.max = 4096};
		const struct links_row *r = &c->links->rows[i];

		if (!r->up || !r->secure || !r->meant)
			continue;
		put_ends(&r->own, &r->other, &missing[n]);
		if (recorder_knows(c->recorder, &missing[n]))
			continue;
		if (is_suspect(c, &missing[n]))
			feed_ask(c->o->data, "relink", r->peer, &answer);
		n++;
	}
	memcpy(c->suspects, missing, n * sizeof(*missing));
	c->suspect_n = n;
}

/* Links come and go, and with them addresses that have names. */
static void look_again(struct capture *c)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	struct pcapng_name names[NAMES_MAX];
	size_t n;

	c->node = links_ask(c->links, c->o->data, c->o->peer, &why) == 0;
	narrow(c);
	n = c->node && c->recorder ? links_names(c->links, names, NAMES_MAX) : 0;
	if (n > c->names) {
		recorder_names(c->recorder, names, n);
		c->names = n;
	}
	if (n && c->source && feed_on(&c->feed) && clock_mono() < c->opening_until)
		open_late_ones(c);
	if (c->recorder && (c->o->secrets || !c->source) && !feed_on(&c->feed) && c->node)
		begin_again(c);
}

/* Before anything is opened. Without a node a capture is worth something only if it asks for nothing that only a node can
 * tell. */
static int ask_node(struct capture *c, struct buf *why)
{
	CLEANUP(buf_clear) struct buf said = {.max = 4096};
	int err = links_ask(c->links, c->o->data, c->o->peer, &said);

	c->node = err == 0;
	if (!err || !(c->o->peer || c->o->secrets || c->o->stanzas))
		return 0;
	if (c->o->secrets && err == ERR_NOTFOUND)
		buf_z(why, "the node gives no secrets: ");
	buf_str(why, buf_view(&said));
	return err;
}

/* ---- going on ---- */

static int step(struct capture *c, int64_t now)
{
	if (now >= c->take_at) {
		take(c);
		c->take_at = now + TAKE_EVERY_MS;
	}
	if (now >= c->ask_at) {
		look_again(c);
		c->ask_at = now + ASK_EVERY_MS;
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

/* Sleeps until something is there to be done. False: nobody reads the pipe any more. */
static bool wait_more(struct capture *c)
{
	struct pollfd fds[3] = {{.fd = c->source ? source_fd(c->source) : -1, .events = POLLIN},
		{.fd = c->signals, .events = POLLIN}, {.fd = c->out}};

	poll(fds, 3, TICK_MS);
	return !(fds[2].revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* What was on its way, the last secrets first. */
static int finish(struct capture *c)
{
	int err = c->source ? steps(c, source_lag_ms(c->source)) : 0;

	c->take_at = 0;
	if (!c->source)
		return err ? err : step(c, clock_mono());
	source_end(c->source);
	return err ? err : steps(c, END_MS);
}

static int go_on(struct capture *c, struct buf *why)
{
	int64_t end = c->o->seconds ? clock_mono() + (int64_t)c->o->seconds * 1000 : INT64_MAX, now;
	bool read = true;
	int err = 0;

	do {
		read = wait_more(c);
		now = clock_mono();
		if (read)
			err = step(c, now);
	} while (read && !err && now < end && !told_to_end(c) &&
		(!c->o->count || recorder_packets(c->recorder) < c->o->count));
	if (!read || (c->o->pipe && err == ERR_IO))
		return 0;
	if (!err)
		err = finish(c);
	if (err == 0 || err == ERR_CLOSED)
		return 0;
	buf_fmt(why, "%s: %s", c->o->file, err_name(err));
	return err;
}

/* ---- beginning and end ---- */

static int open_file(const struct capture *c)
{
	if (strcmp(c->o->file, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return c->o->pipe ? open(c->o->file, O_WRONLY | O_CLOEXEC) : trace_file(c->o->file);
}

static int start_recorder(struct capture *c, struct buf *why)
{
	static const char packets[] = "chat of this machine, and multicast DNS",
			  stanzas[] = "stanzas as the program saw them, not packets";
	struct recorder_head head = {.comment = str_z(c->source ? "wireside trace capture" : stanzas),
		.interface = str_z(c->source ? c->interface : "stanzas"),
		.description = str_z(c->source ? packets : stanzas),
		.link_type = c->source ? PCAPNG_ETHERNET : PCAPNG_UPPER_PDU,
		.secrets = c->source && c->o->secrets,
		.keep = keep,
		.arg = c};
	struct pcapng_name names[NAMES_MAX];
	int fd = open_file(c);

	if (fd < 0) {
		buf_fmt(why, "%s: %s", c->o->file, strerror(errno));
		return ERR_IO;
	}
	head.names = names;
	head.name_n = c->names = c->node ? links_names(c->links, names, NAMES_MAX) : 0;
	c->out = c->o->pipe || strcmp(c->o->file, "-") == 0 ? fd : -1;
	return recorder_on(fd, &head, &c->recorder);
}

static int end_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void announce(const struct capture *c)
{
	bool open = feed_on(&c->feed), red = open && isatty(STDERR_FILENO);

	if (c->o->pipe)
		return;
	fprintf(stderr, "Capturing %s%s into %s; Ctrl-C ends.%s%s%s\n",
		c->source ? "chat on " : "stanzas (not packets) of the node", c->source ? c->interface : "",
		strcmp(c->o->file, "-") == 0 ? "standard output" : c->o->file, red ? "\033[31m" : "",
		open ? " SECRETS are recorded: whoever has the file can read what is said." : "", red ? "\033[0m" : "");
}

static void sum_up(struct capture *c, uint64_t dropped, struct buf *done)
{
	unsigned long long n = recorder_packets(c->recorder);

	if (c->source)
		buf_fmt(done, "%s: %llu packets, %llu dropped by the system, secrets of %llu links\n", c->o->file, n,
			(unsigned long long)dropped, (unsigned long long)recorder_sessions(c->recorder));
	else
		buf_fmt(done, "%s: %llu stanzas, not packets; %llu that could not be kept\n", c->o->file, n,
			(unsigned long long)c->lost);
}

static int prepare(struct capture *c, struct buf *why)
{
	int err = ask_node(c, why);

	if (!err)
		err = open_source(c, why);
	if (!err && c->source) {
		narrow(c);
		source_drop_rights();
	}
	/* First, for a file of this name is made anew. */
	if (!err)
		err = begin_feed(c, why);
	return err ? err : start_recorder(c, why);
}

int capture_run(const struct capture_options *o, struct buf *done, struct buf *why)
{
	struct capture c = {.o = o, .out = -1, .signals = end_signals(), .links = xcalloc(1, sizeof(*c.links))};
	uint64_t received = 0, dropped = 0;
	int err = prepare(&c, why);

	if (!err) {
		announce(&c);
		err = go_on(&c, why);
		dropped = received = 0;
		if (c.source)
			source_counts(c.source, &received, &dropped);
		recorder_end(c.recorder);
		sum_up(&c, dropped, done);
	}
	feed_end(&c.feed);
	if (recorder_free(&c.recorder, received, c.source ? dropped : c.lost) != 0 && !err && !o->pipe) {
		buf_fmt(why, "%s is not whole: %s", o->file, strerror(errno));
		err = ERR_IO;
	}
	source_free(&c.source);
	close(c.signals);
	xfree(c.links);
	return err;
}
