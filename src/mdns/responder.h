/* Our own multicast DNS responder and browser (RFC 6762) for one service, _presence._tcp. No sockets in it: it is given
 * packets and gives some, and takes time and timers from the loop, so that tests run several of them on a wire in memory.
 * Loop's thread.
 *
 * Each interface goes its own way through
 *
 *     ASKING -> PROBING -> ANNOUNCING -> READY          (probe.c)
 *        ^         ^____________|__________|  a clash, or a new name
 *        |_________________________________|  the other responder's host name went away
 *
 * ASKING only where another responder (an avahi-daemon, say) runs on this machine: then the machine's name and addresses
 * are its business, and we point to its name. Two responders that claim one name with different addresses would rename
 * themselves for ever.
 *
 * Answers go to all, each record at most once a second, and to the asker alone where he wants that and all have heard it lately;
 * what a name of ours does not have is denied (NSEC), so that nobody waits for it; ten changes a minute are announced.
 *
 * Questions are always for multicast answers: with two responders on one port a unicast answer reaches either. Names in
 * clashes: the instance becomes NAME-1, NAME-2; the host too. */
#ifndef MDNS_RESPONDER_H
#define MDNS_RESPONDER_H

#include "mdns/dnsout.h"
#include "mdns/interfaces.h"

enum { MDNS_PORT = 5353 };

/* Where a packet came from, or goes to. */
struct place {
	struct ip ip;
	uint16_t port;
};

struct responder_io {
	/* To the groups (224.0.0.251, ff02::fb) of the interface where `to` is NULL, each family it has an address of. What cannot be
	 * sent is lost, as any packet can be. */
	void (*send)(void *arg, const struct iface *i, const struct place *to, const void *p, size_t n);
};

struct responder_config {
	const char *host; /* "alpha": this machine's name, if it is ours to publish */
	bool beside;      /* another responder has the port as well */
	/* The last run did not end well: say goodbye first, so that those who still have our old records see us come anew. */
	bool after_crash;
};

struct responder;

struct responder *responder_new(struct loop *l, const struct responder_config *config, const struct responder_io *io,
	void *io_arg, struct dnsout *out);
void responder_free(struct responder **r); /* without a word: responder_goodbye() first */

/* The interfaces to use from now on (those with IFACE_USED). */
void responder_set_ifaces(struct responder *r, const struct ifaces *ifaces);
/* instance wanted, port, TXT. A change of the TXT alone is announced; anything else is probed for. picture NULL: none. */
void responder_publish(struct responder *r, const struct service *s, const char *picture, size_t n);
void responder_ask_picture(struct responder *r, const char *instance);
void responder_goodbye(struct responder *r);

/* A packet that came in on an interface. hops: its TTL, -1 when not known. */
void responder_on_packet(struct responder *r, uint32_t ifindex, const struct place *from, int hops, const void *p,
	size_t n);

#endif
