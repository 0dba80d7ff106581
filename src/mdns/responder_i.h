/* What the parts of the responder share; for this folder only. */
#ifndef MDNS_RESPONDER_I_H
#define MDNS_RESPONDER_I_H

#include "mdns/cache.h"
#include "mdns/responder.h"
#include "mdns/view.h"

enum {
	PENDING_MAX = 8,
	ECHOES_MAX = 64,
	PICTURES_MAX = 16,
	TTL_HOST = 120,
	TTL_OTHER = 4500,
	SAFE_PACKET = 1400, /* fits an Ethernet frame; only a single record that does not makes a larger packet */
	ANNOUNCEMENTS = 3,
	PICTURE_ANNOUNCEMENTS =
		2, /* of a changed one: the least that RFC 6762 section 8.3 wants of something so large */
	PROBES = 3
};

/* Our own records, by kind (mine.c). */
enum mine {
	MINE_TYPE,
	MINE_PTR,
	MINE_SRV,
	MINE_TXT,
	MINE_NULL,
	MINE_A,
	MINE_AAAA,
	MINE_NSEC,      /* of the instance: what there is of its name, so that nobody waits for anything else */
	MINE_NSEC_HOST, /* of the host's name */
	MINE_KINDS
};
enum {
	MINE_DENIALS = 1 << MINE_NSEC | 1 << MINE_NSEC_HOST,
	MINE_ADDRESSES = 1 << MINE_A | 1 << MINE_AAAA,
	MINE_INSTANCE = 1 << MINE_SRV | 1 << MINE_TXT,
	MINE_ALL = 1 << MINE_TYPE | 1 << MINE_PTR | MINE_INSTANCE |
		MINE_ADDRESSES /* but the picture: asked for, or changed */
};

enum seg_phase { SEG_IDLE, SEG_ASKING, SEG_PROBING, SEG_ANNOUNCING, SEG_READY, SEG_PHASES };

/* An answer that waits a little, so that it can be one with others, and be spared if it is known. */
struct pending {
	unsigned kinds; /* bits of enum mine; 0: free */
	int64_t due;
	struct place from;
	bool defence; /* against a probe: may be said again sooner */
};

/* One interface in use. */
struct seg {
	struct responder *responder;
	struct iface iface;
	enum seg_phase phase;
	unsigned step;
	struct timer step_timer;
	struct pending pending[PENDING_MAX];
	struct timer answer_timer;
	int64_t sent[MINE_KINDS]; /* when a kind was last sent to all */
	unsigned picture_news;    /* with so many announcements our picture goes out, because it is another one */
	/* The questions for peers, less and less often. */
	struct timer browse_timer;
	uint32_t browse_interval; /* seconds */
	/* Against floods: what was looked at in the second that began at budget_since. */
	int64_t budget_since;
	unsigned budget_used;
};

/* Somebody's picture is wanted. */
struct wanted_picture {
	char *instance; /* NULL: free */
	int64_t ask_at;
	uint8_t tries;
};

struct responder {
	struct loop *loop;
	const struct responder_io *io;
	void *io_arg;
	struct dnsout *out;
	struct ifaces ifaces; /* as last set; view looks into it */
	struct seg *segs[IFACES_MAX];
	unsigned seg_count;

	/* What is ours. service NULL: nothing is published, and only peers are looked for. */
	struct service *service;
	char *picture;
	size_t picture_n;
	char *instance; /* in force, once probed */
	struct dns_name type, meta, instance_name, host_name;
	char *host_label; /* wanted */
	unsigned instance_clashes, host_clashes;
	int64_t change_due, change_paid; /* see change_wait() */
	bool named;                      /* the core was told of the name in force */
	bool beside, host_known, after_crash;

	/* What is others'. */
	struct cache cache;
	struct view *view;
	struct timer cache_timer;
	struct timer view_timer;
	struct wanted_picture pictures[PICTURES_MAX];

	/* What we sent lately, to know it when it comes back. */
	uint64_t echoes[ECHOES_MAX];
	unsigned echo_next;
};

/* packet.c: a packet being written; it is sent, and another begun, when it is full. */
struct packet_out {
	struct seg *seg;
	const struct place *to; /* NULL: to all */
	uint16_t id, flags;
	struct dns_writer w;
	uint8_t bytes[DNS_PACKET_MAX];
};
void packet_start(struct packet_out *p, struct seg *seg, const struct place *to, uint16_t id, uint16_t flags);
void packet_question(struct packet_out *p, const struct dns_name *name, uint16_t type);
void packet_record(struct packet_out *p, enum dns_section section, const struct dns_record *record);
void packet_send(struct packet_out *p); /* if there is anything in it */
/* Ours; each is recognised once. */
bool packet_is_echo(struct responder *r, const struct place *from, const void *p, size_t n);

/* mine.c: our records. The i-th of a kind on this interface; false at the end. rdata may point into *ret. */
bool mine_get(const struct seg *seg, enum mine kind, unsigned i, struct dns_record *ret);
/* The kinds that answer a question, as bits, be it that there is no such record; none while the names are not ours yet. */
unsigned mine_match(const struct seg *seg, const struct dns_name *name, uint16_t type);
/* Is it one of ours, on any interface? */
bool mine_is(const struct seg *seg, const struct dns_record *record, enum mine *ret_kind);
unsigned mine_count(const struct seg *seg, enum mine kind);
void mine_put(struct packet_out *p, enum dns_section section, unsigned kinds, uint32_t ttl_max, bool flush);
bool mine_is_local(const struct responder *r, const struct ip *ip); /* an address of this machine */

/* responder.c: is it an address of this link? (RFC 6762 section 11) */
bool seg_is_on_link(const struct seg *seg, const struct place *from);

/* probe.c */
void seg_start(struct seg *seg); /* from the beginning, if there is anything to publish */
void seg_enter(struct seg *seg, enum seg_phase phase, int64_t in_ms);
void seg_on_step(struct timer *t);
void probe_on_query(struct seg *seg, const struct place *from, struct dns_reader reader); /* somebody probes */
void probe_on_record(struct seg *seg, const struct place *from, const struct dns_record *record);
void probe_set_names(struct responder *r);
void announce_again(struct seg *seg, int64_t in_ms);

/* answer.c */
void answer_on_query(struct seg *seg, const struct place *from, struct dns_reader reader);
void answer_on_timer(struct timer *t);
void answer_soon(struct seg *seg, const struct pending *what);
void answer_goodbye(struct seg *seg, unsigned kinds);
/* It has just been said, be it by another (RFC 6762 section 7.4): it need not be said again. */
void answer_spared(struct seg *seg, unsigned kinds);

/* browse.c */
void browse_start(struct seg *seg); /* an interface came up */
void browse_on_timer(struct timer *t);
void browse_on_response(struct seg *seg, const struct place *from, struct dns_reader reader);
/* Another asks for what we were about to ask for: the answer is for all (RFC 6762 section 7.3). */
void browse_on_query(struct seg *seg, struct dns_reader reader);
void browse_schedule(struct responder *r);
void browse_on_cache_timer(struct timer *t);
void browse_on_view_timer(struct timer *t);

int64_t random_ms(int64_t from, int64_t to);

#endif
