#include "trace/hosts.h"

#include "base/mem.h"
#include "trace/tshark.h"

#define PRESENCE "._presence._tcp"
enum { PEERS_FIRST = 5298, PEERS_LAST = 5398 };

/* Of a connection. [0]: whoever opened it. */
struct stream_ends {
	uint32_t first; /* index + 1 of its first frame; 0: none yet */
	uint16_t port[2];
	uint8_t host[2];
	bool known[2]; /* who speaks there has been told */
	bool closed;
};

/* ---- hosts ---- */

/* Everybody, or nobody yet. */
static bool is_multicast(struct str address)
{
	return str_is(address, "::") || str_is(address, "0.0.0.0") || str_starts(address, STR("ff")) ||
		str_is(address, "255.255.255.255") ||
		(address.n > 3 && memchr(address.p, '.', 4) == address.p + 3 && address.p[0] == '2' &&
			(address.p[1] > '2' || (address.p[1] == '2' && address.p[2] >= '4')) && address.p[1] <= '3');
}

static void replace(struct str *own, struct str text)
{
	xfree((char *)(uintptr_t)own->p);
	*own = (struct str){str_dup(text), text.n};
}

static bool is_link_local(struct str address) { return str_starts(address, STR("fe80:")); }

/* A machine has an address of its own beside fe80::, and both are of one card: it is one host, not two. Only so: behind the card
 * of a router there are many. */
static bool is_same_card(const struct dissected_host *h, struct str address, struct str mac)
{
	return mac.n && str_eq(h->mac, mac) && !h->link_local.p && is_link_local(h->address) != is_link_local(address);
}

static void add_address(struct dissected_host *h, struct str address)
{
	bool named = !str_eq(h->name, h->address);

	if (is_link_local(address)) {
		replace(&h->link_local, address);
		return;
	}
	replace(&h->link_local, h->address);
	replace(&h->address, address);
	if (!named)
		replace(&h->name, address);
}

static bool is_at(const struct dissected_host *h, struct str address)
{
	return str_eq(h->address, address) || str_eq(h->link_local, address);
}

static unsigned find_host(struct dissected *d, struct str address, struct str mac, uint16_t port)
{
	for (unsigned i = 0; i < d->host_n; i++)
		if (d->hosts[i].port == port && is_at(&d->hosts[i], address))
			return i;
	for (unsigned i = 0; i < d->host_n && !port; i++)
		if (!d->hosts[i].port && is_same_card(&d->hosts[i], address, mac)) {
			add_address(&d->hosts[i], address);
			return i;
		}
	return HOST_NONE;
}

static unsigned add_host(struct dissected *d, struct str address, struct str name, struct str mac, uint16_t port)
{
	struct dissected_host *h = &d->hosts[d->host_n];

	*h = (struct dissected_host){.port = port};
	replace(&h->address, address);
	replace(&h->name, name.n ? name : address);
	if (mac.n)
		replace(&h->mac, mac);
	return d->host_n++;
}

/* For whoever has no place of his own any more: all others at that address are one. */
static unsigned rest_of(struct dissected *d, struct str address, struct str name)
{
	unsigned i = find_host(d, address, STR_NONE, 0);

	if (i == HOST_NONE && d->host_n == HOSTS_MAX) {
		d->cut = true;
		return HOST_NONE;
	}
	if (i == HOST_NONE)
		i = add_host(d, address, name, STR_NONE, 0);
	d->hosts[i].rest = true;
	return i;
}

/* port: 0, or what tells it from others at this address. */
static unsigned host_named(struct dissected *d, struct str address, struct str name, struct str mac, uint16_t port)
{
	unsigned i = find_host(d, address, mac, port);

	if (i != HOST_NONE) {
		struct dissected_host *h = &d->hosts[i];

		/* The name may be known later than the first packet, or a better one. */
		if (name.n && !str_eq(name, h->name) && !str_eq(name, address))
			replace(&h->name, name);
		return i;
	}
	if (port && d->host_n >= HOSTS_MAX - 1)
		return rest_of(d, address, name);
	if (d->host_n == HOSTS_MAX) {
		d->cut = true;
		return HOST_NONE;
	}
	return add_host(d, address, name, mac, port);
}

static unsigned host_of(struct dissected *d, struct str address, struct str name, struct str mac, uint16_t port)
{
	return !address.n || is_multicast(address) ? HOST_NONE : host_named(d, address, name, mac, port);
}

static void free_host(struct dissected_host *h)
{
	xfree((char *)(uintptr_t)h->address.p);
	xfree((char *)(uintptr_t)h->name.p);
	xfree((char *)(uintptr_t)h->link_local.p);
	xfree((char *)(uintptr_t)h->mac.p);
}

/* Of those that this one was before a host went away. */
static unsigned without(unsigned host, unsigned gone) { return host != HOST_NONE && host > gone ? host - 1 : host; }

static void drop_host(struct dissected *d, unsigned gone)
{
	free_host(&d->hosts[gone]);
	d->host_n--;
	if (gone == d->host_n)
		return;
	memmove(&d->hosts[gone], &d->hosts[gone + 1], (d->host_n - gone) * sizeof(d->hosts[0]));
	for (uint32_t i = 0; i < d->n; i++) {
		d->frames[i].from = without(d->frames[i].from, gone);
		d->frames[i].to = without(d->frames[i].to, gone);
	}
	for (uint32_t i = 0; i < d->ends_cap; i++)
		for (int way = 0; way < 2; way++)
			d->ends[i].host[way] = (uint8_t)without(d->ends[i].host[way], gone);
}

/* ---- frames ---- */

/* A stanza that was captured without a packet: its hosts are whoever it is from and to, without their resources, because both
 * may have one address. False: it does not say both. */
static bool take_people(struct dissected *d, struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf store = {.max = TSHARK_LINE_MAX};
	struct str rows = field_of(d, f, F_CHAT);
	struct chat_event e;

	if (f->stream >= 0 || !chat_next(&rows, &store, &e) || !e.from.n || !e.to.n)
		return false;
	e.from = str_cut(&e.from, '/');
	e.to = str_cut(&e.to, '/');
	f->from = host_named(d, e.from, e.from, STR_NONE, 0);
	f->to = host_named(d, e.to, e.to, STR_NONE, 0);
	if (f->from != HOST_NONE)
		d->hosts[f->from].no_machine = true;
	if (f->to != HOST_NONE)
		d->hosts[f->to].no_machine = true;
	return true;
}

/* Absent where cards have no numbers (loopback), or all the same (what was made from text). */
static struct str mac_of(const struct dissected *d, const struct dissected_frame *f, enum field i)
{
	struct str mac = field_first(d, f, i);
	bool told = mac.n && !str_is(mac, "00:00:00:00:00:00") &&
		!str_eq(field_first(d, f, F_MAC_FROM), field_first(d, f, F_MAC_TO));

	return told ? mac : STR_NONE;
}

struct ends_told {
	struct str address[2], name[2], mac[2]; /* from, to */
	uint16_t port[2];
};

static void read_ends(const struct dissected *d, const struct dissected_frame *f, struct ends_told *ret)
{
	bool v6 = field_has(f, F_IP6_FROM);

	*ret = (struct ends_told){
		{field_first(d, f, v6 ? F_IP6_FROM : F_IP_FROM), field_first(d, f, v6 ? F_IP6_TO : F_IP_TO)},
		{field_first(d, f, v6 ? F_HOST6_FROM : F_HOST_FROM), field_first(d, f, v6 ? F_HOST6_TO : F_HOST_TO)},
		{mac_of(d, f, F_MAC_FROM), mac_of(d, f, F_MAC_TO)},
		{(uint16_t)field_uint(d, f, F_PORT_FROM), (uint16_t)field_uint(d, f, F_PORT_TO)}};
}

static bool is_chat_port(uint16_t port)
{
	return port == 5222 || port == 5223 || port == 5269 || (port >= PEERS_FIRST && port <= PEERS_LAST);
}

/* Was the first packet that is there of a connection sent by whoever opened it? Without the handshake ports must tell. */
static bool is_opener(const struct dissected_frame *f, const struct ends_told *told)
{
	if (f->flags & TCP_SYN)
		return !(f->flags & TCP_ACK);
	return is_chat_port(told->port[0]) == is_chat_port(told->port[1]) || !is_chat_port(told->port[0]);
}

static struct stream_ends *ends_of(struct dissected *d, uint32_t stream)
{
	if (stream >= d->ends_cap) {
		uint32_t had = d->ends_cap, cap = had ? had : 16;

		while (cap <= stream)
			cap *= 2;
		d->ends = xrealloc(d->ends, cap * sizeof(*d->ends));
		memset(d->ends + had, 0, (cap - had) * sizeof(*d->ends));
		d->ends_cap = cap;
	}
	return &d->ends[stream];
}

static void begin_stream(struct dissected *d, const struct dissected_frame *f, const struct ends_told *told,
	struct stream_ends *s)
{
	bool shared = str_eq(told->address[0], told->address[1]), opener = is_opener(f, told);

	s->first = (uint32_t)(f - d->frames) + 1;
	for (int end = 0; end < 2; end++) {
		int way = opener ? end : !end;

		s->port[way] = told->port[end];
		s->host[way] = (uint8_t)host_of(d, told->address[end], told->name[end], told->mac[end],
			shared ? told->port[end] : 0);
		if (s->host[way] != HOST_NONE && way)
			d->hosts[s->host[way]].listens = told->port[end];
	}
}

/* By its port; if both have one, by its address. */
static bool sent_by_opener(const struct dissected *d, const struct stream_ends *s, const struct ends_told *told)
{
	if (s->port[0] != s->port[1])
		return told->port[0] == s->port[0];
	return s->host[0] != HOST_NONE && is_at(&d->hosts[s->host[0]], told->address[0]);
}

static void take_stream(struct dissected *d, struct dissected_frame *f, const struct ends_told *told)
{
	struct stream_ends *s = ends_of(d, (uint32_t)f->stream);

	if (!s->first)
		begin_stream(d, f, told, s);
	f->opener = sent_by_opener(d, s, told);
	f->from = s->host[!f->opener];
	f->to = s->host[f->opener];
	s->closed |= !!(f->flags & (TCP_FIN | TCP_RST));
	/* A name may be learned on the way. */
	for (int end = 0; end < 2; end++) {
		unsigned host = end ? f->to : f->from;

		if (host != HOST_NONE && !d->hosts[host].port)
			host_of(d, told->address[end], told->name[end], told->mac[end], 0);
	}
}

/* Of several at one address a node is known by the port that it announces. */
static unsigned announcer(struct dissected *d, const struct dissected_frame *f, const struct ends_told *told)
{
	uint16_t port = field_has(f, F_SRV_PORT) ? (uint16_t)field_uint(d, f, F_SRV_PORT) : 0;

	return port ? find_host(d, told->address[0], STR_NONE, port) : HOST_NONE;
}

static void take_hosts(struct dissected *d, struct dissected_frame *f)
{
	struct ends_told told;

	read_ends(d, f, &told);
	if (f->stream >= 0) {
		take_stream(d, f, &told);
		return;
	}
	f->from = announcer(d, f, &told);
	if (f->from == HOST_NONE)
		f->from = host_of(d, told.address[0], told.name[0], told.mac[0], 0);
	f->to = host_of(d, told.address[1], told.name[1], told.mac[1], 0);
	if (f->from != HOST_NONE)
		d->hosts[f->from].alone = true;
	if (f->to != HOST_NONE)
		d->hosts[f->to].alone = true;
}

/* ---- who speaks there ---- */

static unsigned find_person(const struct dissected *d, struct str address, struct str person)
{
	for (unsigned i = 0; i < d->host_n; i++)
		if (!d->hosts[i].guessed && str_is(person, d->hosts[i].person) && is_at(&d->hosts[i], address))
			return i;
	return HOST_NONE;
}

static bool is_used(const struct dissected *d, unsigned host)
{
	if (d->hosts[host].alone)
		return true;
	for (uint32_t i = 0; i < d->ends_cap; i++)
		if (d->ends[i].first && (d->ends[i].host[0] == host || d->ends[i].host[1] == host))
			return true;
	return false;
}

/* Has he a connection that is open? */
static bool is_busy(const struct dissected *d, unsigned host)
{
	for (uint32_t i = 0; i < d->ends_cap; i++)
		if (d->ends[i].first && !d->ends[i].closed &&
			(d->ends[i].host[0] == host || d->ends[i].host[1] == host))
			return true;
	return false;
}

/* This end of the connection is somebody else than was thought. */
static void move_end(struct dissected *d, int32_t stream, int way, unsigned to)
{
	struct stream_ends *s = &d->ends[stream];
	unsigned was = s->host[way];

	s->host[way] = (uint8_t)to;
	for (uint32_t i = s->first - 1; i < d->n; i++) {
		struct dissected_frame *f = &d->frames[i];

		if (f->stream != stream)
			continue;
		if (f->opener == !way)
			f->from = to;
		else
			f->to = to;
	}
	if (!is_used(d, was))
		drop_host(d, was);
}

static void set_person(struct dissected_host *h, struct str person)
{
	memset(h->person, 0, sizeof(h->person));
	memcpy(h->person, person.p, person.n);
	h->guessed = false;
}

/* What is no stream's word counts until a stream says who is there, and only if all of it is the same. */
static void guess_person(struct dissected_host *h, struct str person)
{
	if (h->rest || h->several || !person.n || person.n >= sizeof(h->person) || (h->person[0] && !h->guessed))
		return;
	h->several = h->person[0] && !str_is(person, h->person);
	set_person(h, h->several ? STR("") : person);
	h->guessed = !h->several;
}

/* While the name of a node's user is not known the node is called by the beginning of its key. */
static bool is_weak(struct str person) { return !person.n || str_ends(person, STR("...")); }
static bool is_replaceable(const struct dissected_host *h) { return h->guessed || is_weak(str_z(h->person)); }

/* client: of a server, where one account may be there with several programs. */
static void on_person(struct dissected *d, int32_t stream, int way, struct str person, bool client)
{
	struct stream_ends *s = &d->ends[stream];
	struct dissected_host *h = s->host[way] == HOST_NONE ? NULL : &d->hosts[s->host[way]];
	unsigned other;

	if (!h || h->rest || s->known[way] || !person.n || person.n >= sizeof(h->person))
		return;
	s->known[way] = !is_weak(person);
	other = find_person(d, h->address, person);
	if (other == s->host[way])
		return;
	if (other != HOST_NONE && !(client && h->port && is_busy(d, other))) {
		d->hosts[other].more_ports |= d->hosts[other].port != 0;
		move_end(d, stream, way, other);
	} else if (is_replaceable(h)) {
		set_person(h, person);
	} else if (!is_weak(person) && !(way && h->listens == s->port[way])) {
		/* Another name at the port where he listens would be his, too. */
		other = host_named(d, h->address, h->name, STR_NONE, s->port[way]);
		if (other == HOST_NONE || other == s->host[way])
			return;
		if (!d->hosts[other].rest)
			set_person(&d->hosts[other], person);
		move_end(d, stream, way, other);
	}
}

/* A server writes to its client, whom it has given an address of its own: nobody else gets anything on that connection. */
static bool is_for_client(const struct dissected *d, unsigned from, const struct chat_event *e)
{
	struct str server = from == HOST_NONE ? STR_NONE : str_z(d->hosts[from].person), domain = e->to;
	struct str user = str_cut(&domain, '@');

	return e->stanza.n && server.n && user.n && domain.p && str_eq(domain, server);
}

/* ---- where no stream begins ---- */

static struct str domain_of(struct str name)
{
	str_cut(&name, '@');
	return name.p ? name : STR_NONE;
}

/* Between two that talk without a server a stanza says whose it is. With a server both have its domain; in a room there are
 * others behind one address, and somebody who is known by the beginning of a key alone has no name yet. */
static bool tells_sender(const struct chat_event *e)
{
	struct str from = domain_of(e->from), to = domain_of(e->to);

	return e->stanza.n && e->from.n && e->to.n && str_eq(e->from, e->speaker) && !str_eq(e->from, e->to) &&
		!e->of_room && !is_weak(e->from) && (!from.n || !to.n || !str_eq(from, to));
}

static bool is_server_port(uint16_t port) { return port == 5222 || port == 5223 || port == 5269; }

static void guess_sender(struct dissected *d, const struct dissected_frame *f, const struct chat_event *e)
{
	const struct stream_ends *s = &d->ends[f->stream];

	if (f->from != HOST_NONE && !s->known[!f->opener] && !is_server_port(s->port[0]) &&
		!is_server_port(s->port[1]) && tells_sender(e))
		guess_person(&d->hosts[f->from], e->from);
}

/* Whoever announces himself says how he is called there. */
static void guess_announcer(struct dissected *d, const struct dissected_frame *f)
{
	struct str names = field_of(d, f, F_DNS_INSTANCE);

	if (f->stream < 0 && f->from != HOST_NONE && names.n &&
		memmem(names.p, names.n, PRESENCE, sizeof(PRESENCE) - 1) && frame_discovery(d, f) == DISCOVERY_HERE)
		guess_person(&d->hosts[f->from], discovered(d, f, F_DNS_INSTANCE));
}

static void hear(struct dissected *d, const struct dissected_frame *f)
{
	CLEANUP(buf_clear) struct buf store = {.max = TSHARK_LINE_MAX};
	struct str rows = field_of(d, f, F_CHAT);
	const bool *known = d->ends[f->stream].known;
	struct chat_event e;

	while (!(known[0] && known[1]) && chat_next(&rows, &store, &e)) {
		if (str_is(e.kind, "stream-open") && e.from.n)
			on_person(d, f->stream, !f->opener, e.from, false);
		else if (is_for_client(d, f->from, &e))
			on_person(d, f->stream, f->opener, e.to, true);
		else
			guess_sender(d, f, &e);
	}
}

/* ---- all ---- */

void hosts_take(struct dissected *d, struct dissected_frame *f)
{
	if (take_people(d, f))
		return;
	take_hosts(d, f);
	guess_announcer(d, f);
	if (f->stream >= 0 && field_has(f, F_CHAT))
		hear(d, f);
}

void hosts_clear(struct dissected *d)
{
	for (unsigned i = 0; i < d->host_n; i++)
		free_host(&d->hosts[i]);
	d->host_n = 0;
	xfree(d->ends);
	d->ends = NULL;
	d->ends_cap = 0;
}
