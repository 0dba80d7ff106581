#include "cmd/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "cmd/feed.h"
#include "cmd/links.h"
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

/* Whoever knows which packets are of the chat, and what its links are encrypted with: the node, the server. */
struct teller {
	char *data;
	struct links *links;
	struct feed feed;
	bool there; /* it answers */
	bool told;  /* that its feed has ended */
};
enum { NODE, SERVER, TELLERS };

struct capture {
	const struct capture_options *o;
	char interface[IF_NAMESIZE];
	struct source *source; /* NULL: stanzas */
	struct recorder *recorder;
	int out; /* of the recorder, watched while it is a pipe; -1: not */
	int signals;
	struct teller tellers[TELLERS];
	unsigned teller_n;
	size_t names; /* in the file */
	int64_t take_at, ask_at;
	struct frame suspects[SUSPECTS_MAX]; /* links whose handshake is not here */
	unsigned suspect_n;
	int64_t opening_until; /* links may be on their way up whose handshake was over when we began */
	uint64_t lost;         /* stanzas that the node had no room for */
};

static struct links *node_links(const struct capture *c) { return c->tellers[NODE].links; }

/* ---- which packets ---- */

static bool is_ours(const struct capture *c, uint16_t port)
{
	if (port >= NODE_FIRST && port <= NODE_LAST)
		return true;
	for (unsigned i = 0; i < c->teller_n; i++)
		if (links_port(c->tellers[i].links, port))
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
	return ours && (!c->o->peer || links_meant(node_links(c), &f));
}

static void add_port(struct source_ports *ports, size_t *n, uint16_t port)
{
	for (size_t i = 0; i < *n; i++)
		if (port >= ports[i].first && port <= ports[i].last)
			return;
	if (*n <= SOURCE_PORTS_MAX)
		ports[(*n)++] = (struct source_ports){port, port};
}

static void add_ports_of(const struct links *l, struct source_ports *ports, size_t *n)
{
	if (l->port)
		add_port(ports, n, l->port);
	for (unsigned i = 0; i < l->port_n; i++)
		add_port(ports, n, l->ports[i]);
	for (unsigned i = 0; i < l->n; i++)
		if (!l->rows[i].up)
			add_port(ports, n, l->rows[i].other.port);
}

/* The same for the kernel, so that nothing else comes from there. One more than SOURCE_PORTS_MAX: there are too many. */
static size_t ports_of(const struct capture *c, struct source_ports ports[SOURCE_PORTS_MAX + 1])
{
	size_t n = 0;

	ports[n++] = (struct source_ports){NODE_FIRST, NODE_LAST};
	add_port(ports, &n, MDNS);
	for (unsigned i = 0; i < c->o->port_n; i++)
		add_port(ports, &n, c->o->ports[i]);
	for (unsigned i = 0; i < c->teller_n; i++)
		add_ports_of(c->tellers[i].links, ports, &n);
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

static const struct links *server_of(const struct capture *c)
{
	for (unsigned i = 0; i < c->teller_n; i++)
		if (c->tellers[i].there && c->tellers[i].links->server[0])
			return c->tellers[i].links;
	return NULL;
}

static bool only_loopback(const struct capture *c)
{
	const struct links *server = server_of(c);

	return server && server->loopback && (server == node_links(c) || !c->tellers[NODE].there);
}

static int choose_interface(struct capture *c, struct buf *why)
{
	if (c->o->interface) {
		snprintf(c->interface, sizeof(c->interface), "%s", c->o->interface);
		return 0;
	}
	for (unsigned i = 0; i < c->teller_n; i++)
		if (c->tellers[i].there && links_interface(c->tellers[i].links, c->interface))
			return 0;
	/* Where nothing but the server's loopback is talked on. */
	if (only_loopback(c)) {
		snprintf(c->interface, sizeof(c->interface), "lo");
		return 0;
	}
	if (links_any_interface(c->interface))
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
	return source_dumpcap(c->interface, buf_cstr(&filter), &c->source, why);
}

static bool has_node(const struct capture *c) { return c->tellers[NODE].there && !node_links(c)->server[0]; }

/* Whoever wants the secrets may read what is said: then he gets it without packets, where there are none to be had. */
static int open_source(struct capture *c, struct buf *why)
{
	int err = c->o->stanzas ? 0 : open_packets(c, why);

	if (err != ERR_DENIED)
		return err;
	if (c->o->secrets && has_node(c) && !c->o->pipe) {
		fprintf(stderr, "No packets: %s\nInstead: what the node says it exchanged. STANZAS, NOT PACKETS.\n",
			buf_cstr(why));
		buf_reset(why);
		return 0;
	}
	buf_z(why,
		"\nCapturing needs a right. On Debian: install wireshark-common, then as root `dpkg-reconfigure wireshark-common` "
		"(yes) and `adduser NAME wireshark`, and log in again."
		"\nOr capture as root; or without any right what the node says it exchanged, no packets: --stanzas");
	return err;
}

/* ---- what the node tells ---- */

/* Links that are up have no handshake left to capture. Clients of a server are left alone. */
static int open_anew(const struct capture *c, const struct teller *t, struct buf *why)
{
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};
	int err;

	if (t->links->server[0]) {
		fprintf(stderr,
			"Clients that are connected to %s already stay closed in this file, until they connect anew.\n",
			t->links->server);
		return 0;
	}
	err = feed_ask(t->data, "relink", c->o->peer, &answer);
	if (err)
		buf_z(why, "the node does not open its links anew: those that are up would stay closed");
	return err;
}

static int begin_feed(struct capture *c, struct teller *t, struct buf *why)
{
	static const char *const keys[] = {"keys", NULL}, *const pdus[] = {"pdus", NULL};
	int err = feed_begin(&t->feed, t->data, c->source ? keys : pdus, why);

	if (err || !c->source)
		return err;
	c->opening_until = clock_mono() + OPENING_MS;
	return open_anew(c, t, why);
}

static bool any_feed(const struct capture *c)
{
	for (unsigned i = 0; i < c->teller_n; i++)
		if (feed_on(&c->tellers[i].feed))
			return true;
	return false;
}

/* Of two that are asked one may refuse; the user is told. */
static int begin_feeds(struct capture *c, struct buf *why)
{
	unsigned begun = 0;
	int err = 0;

	if (c->source && !c->o->secrets)
		return 0;
	for (unsigned i = 0; i < c->teller_n; i++) {
		CLEANUP(buf_clear) struct buf said = {.max = 4096};
		int status = c->tellers[i].there ? begin_feed(c, &c->tellers[i], &said) : 0;

		begun += c->tellers[i].there && !status;
		if (!status)
			continue;
		err = status;
		if (why->n)
			buf_z(why, "; ");
		buf_str(why, buf_view(&said));
	}
	if (!err || !begun)
		return err;
	fprintf(stderr, "%s\n", buf_cstr(why));
	buf_reset(why);
	return 0;
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
	if (c->o->peer && !links_meant(node_links(c), &ends))
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

/* Who was started anew tells us again. */
static void begin_again(struct capture *c, struct teller *t)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	if (begin_feed(c, t, &why) == 0 && t->told) {
		fprintf(stderr, "The %s is there again.\n", t->links->server[0] ? "server" : "node");
		t->told = false;
	}
}

static void take(struct capture *c, struct teller *t)
{
	CLEANUP(buf_clear) struct buf out = {.max = FEED_MAX};
	struct str text;

	if (!feed_on(&t->feed))
		return;
	if (feed_take(&t->feed, &out) != 0) {
		if (!t->told)
			fprintf(stderr, "The %s tells nothing any more: %s.\n", t->links->server[0] ? "server" : "node",
				c->source ? "links made from now on stay closed in this file" : "no stanzas come");
		t->told = true;
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

	for (unsigned i = 0; i < node_links(c)->n && n < SUSPECTS_MAX; i++) {
		CLEANUP(buf_clear) struct buf answer = {.max = 4096};
		const struct links_row *r = &node_links(c)->rows[i];

		if (!r->up || !r->secure || !r->meant)
			continue;
		put_ends(&r->own, &r->other, &missing[n]);
		if (recorder_knows(c->recorder, &missing[n]))
			continue;
		if (is_suspect(c, &missing[n]))
			feed_ask(c->tellers[NODE].data, "relink", r->peer, &answer);
		n++;
	}
	memcpy(c->suspects, missing, n * sizeof(*missing));
	c->suspect_n = n;
}

static int ask_teller(struct capture *c, unsigned i, struct buf *why)
{
	struct teller *t = &c->tellers[i];
	int err = links_ask(t->links, t->data, c->o->peer, why);

	t->there = err == 0;
	return err;
}

/* Links come and go, and with them addresses that have names. */
static void look_again(struct capture *c)
{
	struct pcapng_name names[NAMES_MAX];
	struct teller *node = &c->tellers[NODE];
	size_t n;

	for (unsigned i = 0; i < c->teller_n; i++) {
		CLEANUP(buf_clear) struct buf why = {.max = 4096};

		ask_teller(c, i, &why);
	}
	narrow(c);
	if (!c->recorder)
		return;
	n = node->there ? links_names(node->links, names, NAMES_MAX) : 0;
	if (n > c->names) {
		recorder_names(c->recorder, names, n);
		c->names = n;
	}
	if (n && c->source && feed_on(&node->feed) && clock_mono() < c->opening_until)
		open_late_ones(c);
	for (unsigned i = 0; i < c->teller_n && (c->o->secrets || !c->source); i++)
		if (!feed_on(&c->tellers[i].feed) && c->tellers[i].there)
			begin_again(c, &c->tellers[i]);
}

/* Peers and stanzas are the node's. */
static void choose_tellers(struct capture *c)
{
	bool node_alone = c->o->data || c->o->peer || c->o->stanzas;

	c->teller_n = node_alone ? 1 : TELLERS;
	c->tellers[NODE].data = c->o->data ? xstrdup(c->o->data) : config_default_data(CONFIG_NODE);
	c->tellers[SERVER].data = config_default_data(CONFIG_SERVE);
	for (unsigned i = 0; i < TELLERS; i++)
		c->tellers[i].links = xcalloc(1, sizeof(*c->tellers[i].links));
}

/* Before anything is opened. Without anybody who tells a capture is worth something only if it asks for nothing that only they
 * can tell. */
static int ask_all(struct capture *c, struct buf *why)
{
	CLEANUP(buf_clear) struct buf said = {.max = 4096};
	int err = ask_teller(c, NODE, &said);

	for (unsigned i = 1; i < c->teller_n; i++) {
		CLEANUP(buf_clear) struct buf nothing = {.max = 4096};

		if (ask_teller(c, i, &nothing) == 0)
			err = 0;
	}
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
		for (unsigned i = 0; i < c->teller_n; i++)
			take(c, &c->tellers[i]);
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
	if (c->o->pipe)
		return open(c->o->file, O_WRONLY | O_CLOEXEC);
	/* What is there may be the only copy of what it tells. */
	return c->o->force ? trace_file(c->o->file)
			   : open(c->o->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int start_recorder(struct capture *c, struct buf *why)
{
	static const char packets[] = "chat of this machine, and multicast DNS",
			  stanzas[] = "stanzas as the program saw them, not packets";
	struct recorder_head head = {.comment = str_z(c->source ? "wireside trace capture" : stanzas),
		.interface = str_z(c->source ? c->interface : "stanzas"),
		.description = str_z(c->source ? packets : stanzas),
		.link_type = c->source ? PCAPNG_ETHERNET : PCAPNG_UPPER_PDU,
		.most = c->o->count,
		.secrets = c->source && c->o->secrets,
		.pcap = c->o->pcap,
		.keep = keep,
		.arg = c};
	struct pcapng_name names[NAMES_MAX];
	int fd = open_file(c);

	if (fd < 0) {
		buf_fmt(why, "%s: %s", c->o->file, strerror(errno));
		return ERR_IO;
	}
	head.names = names;
	head.name_n = c->names = c->tellers[NODE].there ? links_names(node_links(c), names, NAMES_MAX) : 0;
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

static void announce_server(const struct capture *c)
{
	const struct links *server = server_of(c);

	if (!server || !c->source)
		return;
	fprintf(stderr, "With the server of %s:", server->server);
	for (unsigned i = 0; i < server->port_n; i++)
		fprintf(stderr, "%s port %u", i ? "," : "", server->ports[i]);
	fputs(server->loopback && strcmp(c->interface, "lo") != 0
			? ", which is on the loopback interface alone (-i lo)\n"
			: "\n",
		stderr);
}

static void announce(const struct capture *c)
{
	bool open = any_feed(c), red = open && isatty(STDERR_FILENO);

	if (c->o->pipe)
		return;
	announce_server(c);
	fprintf(stderr, "Capturing %s%s into %s; Ctrl-C ends.%s%s%s\n",
		c->source ? "chat on " : "stanzas (not packets) of the node", c->source ? c->interface : "",
		strcmp(c->o->file, "-") == 0 ? "standard output" : c->o->file, red ? "\033[31m" : "",
		open ? " SECRETS are recorded: whoever has the file can read what is said." : "", red ? "\033[0m" : "");
	if (c->o->pcap)
		fputs("pcap has no place for the peers' names and for how many packets were dropped: .pcapng has.\n",
			stderr);
}

static void sum_up(struct capture *c, uint64_t dropped, struct buf *done)
{
	unsigned long long n = recorder_packets(c->recorder);

	if (dropped)
		fprintf(stderr, "PACKETS ARE MISSING in this file: %llu came faster than they could be taken.\n",
			(unsigned long long)dropped);
	if (c->source)
		buf_fmt(done, "%s: %llu packets, %llu dropped by the system, secrets of %llu links\n", c->o->file, n,
			(unsigned long long)dropped, (unsigned long long)recorder_sessions(c->recorder));
	else
		buf_fmt(done, "%s: %llu stanzas, not packets; %llu that could not be kept\n", c->o->file, n,
			(unsigned long long)c->lost);
}

static int is_free(const struct capture *c, struct buf *why)
{
	struct stat st;

	if (strcmp(c->o->file, "-") == 0 && isatty(STDOUT_FILENO)) {
		buf_z(why, CAPTURE_NO_TERMINAL);
		return ERR_INVALID;
	}
	if (c->o->pipe || strcmp(c->o->file, "-") == 0 || stat(c->o->file, &st) != 0)
		return 0;
	if (!S_ISREG(st.st_mode)) {
		buf_fmt(why, "%s is no file that could be replaced (- is standard output)", c->o->file);
		return ERR_EXISTS;
	}
	if (c->o->force)
		return 0;
	buf_fmt(why, "%s is there already: -w names another file, --force replaces it", c->o->file);
	return ERR_EXISTS;
}

static int prepare(struct capture *c, struct buf *why)
{
	int err = is_free(c, why);

	choose_tellers(c);
	if (!err)
		err = ask_all(c, why);
	if (!err)
		err = open_source(c, why);
	if (!err && c->source) {
		narrow(c);
		source_drop_rights();
	}
	/* First, for with --force a file of this name is made anew. */
	if (!err)
		err = begin_feeds(c, why);
	return err ? err : start_recorder(c, why);
}

int capture_run(const struct capture_options *o, struct buf *done, struct buf *why)
{
	struct capture c = {.o = o, .out = -1, .signals = end_signals()};
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
	for (unsigned i = 0; i < TELLERS; i++)
		feed_end(&c.tellers[i].feed);
	if (recorder_free(&c.recorder, received, c.source ? dropped : c.lost) != 0 && !err && !o->pipe) {
		buf_fmt(why, "%s is not whole: %s", o->file, strerror(errno));
		err = ERR_IO;
	}
	source_free(&c.source);
	close(c.signals);
	for (unsigned i = 0; i < TELLERS; i++) {
		xfree(c.tellers[i].links);
		xfree(c.tellers[i].data);
	}
	return err;
}
