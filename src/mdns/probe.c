/* Making names ours, and keeping them: asking, probing, announcing, clashes (RFC 6762 sections 8 and 9). */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "mdns/responder_i.h"

enum {
	PROBE_MS = 250,
	LOST_MS = 1000,         /* after losing to another who probes at the same time */
	ANNOUNCE_MS = 1000,     /* twice that before the third */
	AFTER_GOODBYE_MS = 600, /* with the probes more than the second for which a goodbye's records stay */
	CLASHES_FAST = 15,
	SLOW_MS = 5000,
	SET_MAX = 16
};

static const char *const phase_names[SEG_PHASES] = {"idle", "asking", "probing", "announcing", "ready"};

static const bool edges[SEG_PHASES][SEG_PHASES] = {
	[SEG_IDLE] = {[SEG_IDLE] = true, [SEG_ASKING] = true, [SEG_PROBING] = true},
	[SEG_ASKING] = {[SEG_IDLE] = true, [SEG_ASKING] = true, [SEG_PROBING] = true},
	[SEG_PROBING] = {[SEG_IDLE] = true, [SEG_ASKING] = true, [SEG_PROBING] = true, [SEG_ANNOUNCING] = true},
	[SEG_ANNOUNCING] = {[SEG_IDLE] = true,
		[SEG_ASKING] = true,
		[SEG_PROBING] = true,
		[SEG_ANNOUNCING] = true,
		[SEG_READY] = true},
	[SEG_READY] = {[SEG_IDLE] = true, [SEG_ASKING] = true, [SEG_PROBING] = true, [SEG_ANNOUNCING] = true},
};

void seg_enter(struct seg *seg, enum seg_phase phase, int64_t in_ms)
{
	struct loop *l = seg->responder->loop;

	must(edges[seg->phase][phase]);
	if (seg->phase != phase)
		log_debug("mdns_phase", "interface=%s phase=%s->%s", seg->iface.name, phase_names[seg->phase],
			phase_names[phase]);
	seg->phase = phase;
	seg->step = 0;
	if (phase == SEG_IDLE || phase == SEG_READY)
		timer_stop(loop_timers(l), &seg->step_timer);
	else
		timer_start(loop_timers(l), &seg->step_timer, loop_now(l) + in_ms);
}

static void start_probing(struct seg *seg)
{
	struct responder *r = seg->responder;
	int64_t delay = random_ms(0, PROBE_MS);

	if (r->after_crash) {
		answer_goodbye(seg, 1u << MINE_PTR | MINE_INSTANCE);
		delay += AFTER_GOODBYE_MS;
	}
	if (r->instance_clashes + r->host_clashes > CLASHES_FAST)
		delay += SLOW_MS;
	seg_enter(seg, SEG_PROBING, delay);
}

void seg_start(struct seg *seg)
{
	const struct responder *r = seg->responder;

	if (!r->service)
		seg_enter(seg, SEG_IDLE, 0);
	else if (r->beside && !r->host_known)
		seg_enter(seg, SEG_ASKING, 0);
	else
		start_probing(seg);
}

void probe_set_names(struct responder *r)
{
	char *host = service_numbered(r->host_label, r->host_clashes);
	struct dns_name local;

	must(dns_name_parse(&local, "local") == 0);
	if (!r->host_known)
		must(dns_name_under(&r->host_name, str_z(host), &local) == 0);
	xfree(host);
	xfree(r->instance);
	r->instance = r->service ? service_numbered(r->service->instance, r->instance_clashes) : NULL;
	if (r->instance)
		must(presence_instance(&r->instance_name, r->instance) == 0);
	r->named = false;
	view_set_self(r->view, r->instance);
	r->cache.changed = true;
	browse_schedule(r);
}

/* "7.0.0.10.in-addr.arpa", "...ip6.arpa": where the name of an address is asked for. */
static void reverse_name(const struct ip *ip, struct dns_name *ret)
{
	struct buf text = {.max = DNS_NAME_MAX};

	for (unsigned i = ip->family == 4 ? 4 : 16; i-- > 0;) {
		if (ip->family == 4)
			buf_fmt(&text, "%u.", ip->b[i]);
		else
			buf_fmt(&text, "%x.%x.", ip->b[i] & 15, ip->b[i] >> 4);
	}
	buf_z(&text, ip->family == 4 ? "in-addr.arpa" : "ip6.arpa");
	must(dns_name_parse(ret, buf_cstr(&text)) == 0);
	buf_clear(&text);
}

static void send_ask(struct seg *seg)
{
	struct packet_out p;
	struct dns_name name;

	packet_start(&p, seg, NULL, 0, 0);
	for (unsigned i = 0; i < seg->iface.address_count; i++) {
		reverse_name(&seg->iface.addresses[i], &name);
		packet_question(&p, &name, DNS_PTR);
	}
	packet_send(&p);
}

static void send_probe(struct seg *seg)
{
	struct packet_out p;
	unsigned kinds = MINE_INSTANCE;

	packet_start(&p, seg, NULL, 0, 0);
	packet_question(&p, &seg->responder->instance_name, DNS_ANY);
	if (mine_count(seg, MINE_A) + mine_count(seg, MINE_AAAA) > 0) {
		packet_question(&p, &seg->responder->host_name, DNS_ANY);
		kinds |= MINE_ADDRESSES;
	}
	mine_put(&p, DNS_AUTHORITY, kinds, UINT32_MAX, false);
	packet_send(&p);
}

/* Who has the picture before this one would answer the next question for it from his cache. So it goes out before the TXT
 * record, whose new hash makes them ask. */
static void announce_picture(struct seg *seg)
{
	struct packet_out p;

	if (!seg->picture_news)
		return;
	seg->picture_news--;
	packet_start(&p, seg, NULL, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
	mine_put(&p, DNS_ANSWER, 1 << MINE_NULL, UINT32_MAX, true);
	packet_send(&p);
	answer_spared(seg, 1 << MINE_NULL);
}

static void send_announcement(struct seg *seg)
{
	struct packet_out p;

	announce_picture(seg);
	packet_start(&p, seg, NULL, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
	mine_put(&p, DNS_ANSWER, MINE_ALL, UINT32_MAX, true);
	packet_send(&p);
	answer_spared(seg, MINE_ALL);
}

void announce_again(struct seg *seg, int64_t in_ms)
{
	int64_t rest = seg->sent[MINE_TXT] + ANNOUNCE_MS - loop_now(seg->responder->loop);

	/* No record is sent to all twice in a second (RFC 6762 section 6). */
	if (seg->phase >= SEG_ANNOUNCING)
		seg_enter(seg, SEG_ANNOUNCING, in_ms > rest ? in_ms : rest);
}

static void on_won(struct seg *seg)
{
	struct responder *r = seg->responder;

	r->after_crash = false;
	seg_enter(seg, SEG_ANNOUNCING, 0);
	if (r->named)
		return;
	r->named = true;
	out_named(r->out, r->instance, r->instance_clashes > 0);
}

static void step_asking(struct seg *seg, int64_t *ret_next)
{
	if (seg->step++ < PROBES)
		send_ask(seg);
	else
		start_probing(seg); /* nobody has a name for us: it is for us to give */
	*ret_next = PROBE_MS;
}

static void step_probing(struct seg *seg, int64_t *ret_next)
{
	if (seg->step++ < PROBES)
		send_probe(seg);
	else
		on_won(seg);
	*ret_next = PROBE_MS;
}

static void step_announcing(struct seg *seg, int64_t *ret_next)
{
	send_announcement(seg);
	if (++seg->step == ANNOUNCEMENTS)
		seg_enter(seg, SEG_READY, 0);
	*ret_next = (int64_t)ANNOUNCE_MS * seg->step;
}

static void (*const steps[SEG_PHASES])(struct seg *seg, int64_t *ret_next) = {
	[SEG_ASKING] = step_asking,
	[SEG_PROBING] = step_probing,
	[SEG_ANNOUNCING] = step_announcing,
};

void seg_on_step(struct timer *t)
{
	struct seg *seg = CONTAINER_OF(t, struct seg, step_timer);
	struct loop *l = seg->responder->loop;
	enum seg_phase phase = seg->phase;
	int64_t next = 0;

	steps[phase](seg, &next);
	if (seg->phase == phase && !timer_running(t))
		timer_start(loop_timers(l), t, loop_now(l) + next);
}

/* Records of one name, to be compared with another's. */
struct record_set {
	struct dns_record r[SET_MAX];
	unsigned n;
};

static void set_add(struct record_set *set, const struct dns_record *record)
{
	if (set->n == SET_MAX)
		return;
	struct dns_record *copy = &set->r[set->n++];
	*copy = *record;
	if (record->rdata == record->expanded)
		copy->rdata = copy->expanded;
}

static int compare_records(const struct dns_record *a, const struct dns_record *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return str_cmp((struct str){(const char *)a->rdata, a->n}, (struct str){(const char *)b->rdata, b->n});
}

/* An order of the records without moving them, which would break pointers into themselves. */
static void set_order(const struct record_set *set, unsigned order[SET_MAX])
{
	for (unsigned i = 0; i < set->n; i++) {
		unsigned at = i;
		for (; at > 0 && compare_records(&set->r[i], &set->r[order[at - 1]]) < 0; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

/* RFC 6762 section 8.2.1: the later one in this order wins. */
static int compare_sets(const struct record_set *a, const struct record_set *b)
{
	unsigned x[SET_MAX], y[SET_MAX];

	set_order(a, x);
	set_order(b, y);
	for (unsigned i = 0; i < a->n && i < b->n; i++) {
		int d = compare_records(&a->r[x[i]], &b->r[y[i]]);
		if (d)
			return d;
	}
	return (a->n > b->n) - (a->n < b->n);
}

static void add_mine(const struct seg *seg, unsigned kinds, struct record_set *set)
{
	struct dns_record record;

	for (enum mine k = 0; k < MINE_KINDS; k++)
		for (unsigned i = 0; (kinds & 1u << k) && mine_get(seg, k, i, &record); i++)
			set_add(set, &record);
}

/* What a probe would claim of `name`. True if there is something, and not all of it ours. */
static bool read_claims(const struct seg *seg, struct dns_reader reader, const struct dns_name *name,
	struct record_set *set)
{
	enum dns_section section;
	struct dns_record record;
	enum mine kind;
	bool foreign = false;

	while (dns_next_record(&reader, &section, &record) == 0) {
		if (section != DNS_AUTHORITY || !dns_name_equal(&record.name, name))
			continue;
		foreign |= !mine_is(seg, &record, &kind);
		set_add(set, &record);
	}
	return foreign;
}

static bool loses(const struct seg *seg, const struct dns_reader *reader, const struct dns_name *name, unsigned kinds)
{
	struct record_set *sets = xcalloc(2, sizeof(*sets));
	bool lost = false;

	if (read_claims(seg, *reader, name, &sets[0])) {
		add_mine(seg, kinds, &sets[1]);
		lost = sets[1].n > 0 && compare_sets(&sets[1], &sets[0]) < 0;
	}
	xfree(sets);
	return lost;
}

void probe_on_query(struct seg *seg, const struct place *from, struct dns_reader reader)
{
	const struct responder *r = seg->responder;

	if (seg->phase != SEG_PROBING || !reader.records[DNS_AUTHORITY])
		return;
	bool lost = loses(seg, &reader, &r->instance_name, MINE_INSTANCE);
	if (!mine_is_local(r, &from->ip))
		lost |= loses(seg, &reader, &r->host_name, MINE_ADDRESSES);
	if (lost)
		seg_enter(seg, SEG_PROBING, LOST_MS);
}

/* Somebody has the name. */
static void on_clash(struct responder *r, bool instance)
{
	if (instance)
		r->instance_clashes++;
	else
		r->host_clashes++;
	probe_set_names(r);
	log_info("mdns_clash", "what=%s clashes=%u", instance ? "name" : "host",
		instance ? r->instance_clashes : r->host_clashes);
	for (unsigned i = 0; i < r->seg_count; i++)
		seg_start(r->segs[i]);
}

/* The other responder of this machine tells, or takes back, the machine's name. */
static void learn_host(struct seg *seg, const struct dns_record *record)
{
	struct responder *r = seg->responder;
	struct dns_name reverse, host;

	for (unsigned i = 0; i < seg->iface.address_count; i++) {
		reverse_name(&seg->iface.addresses[i], &reverse);
		if (record->type != DNS_PTR || !dns_name_equal(&record->name, &reverse))
			continue;
		if (dns_name_decode(&host, record->rdata, record->n) < 0)
			return;
		if (r->host_known && dns_name_equal(&host, &r->host_name))
			return;
		r->host_name = host;
		r->host_known = true;
		for (unsigned s = 0; s < r->seg_count; s++) {
			if (r->segs[s]->phase == SEG_ASKING)
				start_probing(r->segs[s]);
			else
				announce_again(r->segs[s], 0);
		}
		return;
	}
}

static void unlearn_host(struct responder *r)
{
	r->host_known = false;
	probe_set_names(r);
	for (unsigned i = 0; i < r->seg_count; i++)
		seg_start(r->segs[i]);
}

static void on_neighbour(struct seg *seg, const struct dns_record *record)
{
	const struct responder *r = seg->responder;
	bool address = record->type == DNS_A || record->type == DNS_AAAA;

	if (record->ttl)
		learn_host(seg, record);
	else if (r->host_known && address && dns_name_equal(&record->name, &r->host_name))
		unlearn_host(seg->responder);
}

void probe_on_record(struct seg *seg, const struct place *from, const struct dns_record *record)
{
	struct responder *r = seg->responder;
	bool local = mine_is_local(r, &from->ip), instance, host;
	enum mine kind;

	if (r->beside && local)
		on_neighbour(seg, record);
	if (!r->service || record->ttl == 0 || record->type == 0 || seg->phase < SEG_PROBING)
		return;
	instance = dns_name_equal(&record->name, &r->instance_name);
	/* A neighbour on this machine has the same addresses, only perhaps not at the same moment. */
	host = !instance && !r->host_known && !local && dns_name_equal(&record->name, &r->host_name);
	if ((!instance && !host) || mine_is(seg, record, &kind))
		return;
	if (seg->phase == SEG_PROBING)
		on_clash(r, instance);
	else if (record->type == DNS_SRV || record->type == DNS_TXT || record->type == DNS_A ||
		record->type == DNS_AAAA)
		start_probing(seg); /* it was ours: let us see who defends it */
}
