/* Packets from anybody on the wire: read, written again, and given to a responder that has peers and a name to lose. The
 * input is packets, each after two bytes with its length; what the responder says must be well-formed itself. */
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "mdns/responder_i.h"
#include "tests/lib/fuzz.h"

enum { IFINDEX = 2, PACKETS_MAX = 64, STEP_MS = 50, SAY_MAX = 20000 };

static unsigned said;

static void check_record(const struct dns_record *record)
{
	struct dns_name name;
	uint16_t port;

	must(dns_name_decode(&name, record->name.b, record->name.n) == 0);
	if (record->type == DNS_PTR)
		must(dns_name_decode(&name, record->rdata, record->n) == 0);
	if (record->type == DNS_SRV)
		must(dns_srv_decode(record->rdata, record->n, &port, &name) == 0);
	xfree(dns_name_text(&record->name));
}

/* Reads all; what was read, written again, is read as the same. */
static void check_packet(const uint8_t *p, size_t n, bool must_be_good)
{
	static uint8_t copy[2 * DNS_PACKET_MAX];
	struct dns_reader r, again;
	struct dns_writer w;
	struct dns_question q, q2;
	struct dns_record record, record2;
	enum dns_section section, section2;
	int err;

	if (dns_open(&r, p, n) < 0) {
		must(!must_be_good);
		return;
	}
	dns_start(&w, copy, sizeof(copy), r.id, r.flags);
	while ((err = dns_next_question(&r, &q)) == 0)
		if (!dns_put_question(&w, &q.name, q.type))
			return;
	must(err == ERR_NOTFOUND || !must_be_good);
	while ((err = dns_next_record(&r, &section, &record)) == 0) {
		check_record(&record);
		if (!dns_put_record(&w, section, &record))
			return;
	}
	must(err == ERR_NOTFOUND || !must_be_good);
	must(dns_open(&again, copy, w.n) == 0 && dns_open(&r, p, n) == 0);
	while (dns_next_question(&again, &q2) == 0)
		must(dns_next_question(&r, &q) == 0 && q.type == q2.type && dns_name_equal(&q.name, &q2.name));
	while (dns_next_record(&again, &section2, &record2) == 0) {
		must(dns_next_record(&r, &section, &record) == 0 && section == section2 && record.ttl == record2.ttl);
		must(record.n == record2.n && dns_name_equal(&record.name, &record2.name));
	}
}

static void on_send(void *arg, const struct iface *i, const struct place *to, const void *p, size_t n)
{
	check_packet(p, n, true);
	said++;
}

static const struct responder_io io = {on_send};

struct world {
	struct loop *loop;
	struct dnsout out;
	struct responder *responder;
	int64_t now;
};

static void run(struct world *w, int64_t ms)
{
	for (int64_t end = w->now + ms; w->now < end;) {
		w->now += STEP_MS;
		loop_set_virtual(w->loop, w->now, w->now);
		loop_step(w->loop, false);
	}
}

static void start(struct world *w)
{
	struct responder_config config = {.host = "alpha"};
	struct ifaces ifaces = {.n = 1};
	struct service *s = service_new(STR("alice@alpha"), 5298);

	ifaces.i[0] = (struct iface){.index = IFINDEX, .name = "eth0", .address_count = 1, .use = IFACE_USED};
	ifaces.i[0].addresses[0] = (struct ip){.family = 4, .prefix = 24, .b = {10, 0, 0, 1}};
	rand_seed(1);
	w->loop = loop_new();
	w->now = 1000000;
	loop_set_virtual(w->loop, w->now, w->now);
	dnsout_init(&w->out, w->loop, NULL);
	w->responder = responder_new(w->loop, &config, &io, NULL, &w->out);
	responder_set_ifaces(w->responder, &ifaces);
	service_txt_set(s, "txtvers", STR("1"));
	responder_publish(w->responder, s, "picture", 7);
	responder_ask_picture(w->responder, "bob@bravo");
	service_free(&s);
	said = 0;
}

static void stop(struct world *w)
{
	must(w->responder->cache.n <= CACHE_ENTRIES_MAX && w->responder->cache.bytes <= CACHE_BYTES_MAX);
	responder_goodbye(w->responder);
	responder_free(&w->responder);
	dnsout_clear(&w->out);
	loop_step(w->loop, false);
	loop_free(&w->loop);
}

/* The first bit of the length: from another port; the second: time goes on before it. */
static void feed(struct world *w, struct fuzz_input *in)
{
	struct place from = {.ip = {.family = 4, .b = {10, 0, 0, 99}}, .port = MDNS_PORT};
	size_t n = (size_t)(in->p[0] & 0x3f) << 8 | in->p[1];
	uint8_t how = in->p[0];

	in->p += 2;
	in->n -= 2;
	n = n < in->n ? n : in->n;
	if (how & 0x80)
		from.port = 40000;
	if (how & 0x40)
		run(w, 1000);
	/* A copy of its own length: a byte too far is seen. */
	uint8_t *packet = xmemdup(in->p, n ? n : 1);
	check_packet(packet, n, false);
	responder_on_packet(w->responder, IFINDEX, &from, 255, packet, n);
	xfree(packet);
	in->p += n;
	in->n -= n;
	run(w, STEP_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct world w;
	struct service *s = service_new(STR("x"), 1);

	log_set_level(LOG_ERROR);
	service_txt_decode(s, (struct str){(const char *)data, size});
	service_free(&s);
	start(&w);
	run(&w, 2000);
	for (unsigned i = 0; i < PACKETS_MAX && in.n > 2; i++)
		feed(&w, &in);
	run(&w, 3000);
	must(said < SAY_MAX);
	stop(&w);
	return 0;
}
