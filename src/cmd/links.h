/* Who is where, as the running node says: for a capture that has to know which packets are whose, and how people call the
 * ends of a connection. */
#ifndef CMD_LINKS_H
#define CMD_LINKS_H

#include <net/if.h>

#include "trace/frame.h"
#include "trace/pcapng.h"

enum { LINKS_MAX = 512, LINKS_NAME_MAX = 80, LINKS_PORTS_MAX = 16 };

struct links_end {
	uint8_t address[16]; /* IPv4: the first 4 */
	bool v6;
	uint16_t port;
	char scope[IF_NAMESIZE]; /* of a link-local address */
};

/* A link that is up, or where a peer may be reached (then the own end is empty). */
struct links_row {
	struct links_end own, other;
	char peer[160];             /* the address of its row */
	char label[LINKS_NAME_MAX]; /* how people call it */
	bool up, secure, meant;     /* meant: it is the peer that was named */
};

struct links {
	struct links_row rows[LINKS_MAX];
	unsigned n;
	uint16_t port;                   /* on which the node listens; 0: it did not say */
	char self[LINKS_NAME_MAX];       /* how our end is called */
	char server[256];                /* the domain of a server; "": it is a node */
	uint16_t ports[LINKS_PORTS_MAX]; /* for clients */
	unsigned port_n;
	bool loopback; /* none of them can be reached from elsewhere */
};

/* Asks the node or server on this data folder. peer: only this one is meant, NULL: everybody. ERR_NOTFOUND: no node runs there;
 * ERR_INVALID: nobody is called so; with a line in why. */
int links_ask(struct links *l, const char *data, const char *peer, struct buf *why);

/* Is this port one on which we or a peer wait for connections, or of a link that is up? */
bool links_port(const struct links *l, uint16_t port);
/* Is this packet to or from whom is meant? Of a link that is up the connection says it, of others the address. */
bool links_meant(const struct links *l, const struct frame *f);
/* The interface that most links go over; false: none is up, or it is not there. */
bool links_interface(const struct links *l, char ret[IF_NAMESIZE]);
/* Where a chat would be: up, with a cable or the like in it, and an address. False: there is none but the loopback. */
bool links_any_interface(char ret[IF_NAMESIZE]);
/* Names of the addresses, each once. Returns how many of the max there are; they live as long as l. */
size_t links_names(const struct links *l, struct pcapng_name *ret, size_t max);

/* "10.0.0.7:5298", "[fe80::1%eth0]:5298". */
bool links_end_parse(struct str text, struct links_end *ret);

#endif
