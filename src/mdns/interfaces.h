/* This machine's network interfaces: which of them are wires that discovery uses, which addresses they have, and a sentence
 * about it for people. Watches for changes by netlink. Loop's thread.
 *
 * Used without being asked for: Ethernet (ARPHRD_ETHER) that is no radio (no wireless folder in sysfs), no bridge, no
 * part of a bridge or bond, and nothing that software made up for itself (taps, tunnels, docker's and libvirt's). A veth
 * counts: inside a container it is the wire. Naming an interface overrides all this. */
#ifndef MDNS_INTERFACES_H
#define MDNS_INTERFACES_H

#include "base/buf.h"
#include "loop/loop.h"

enum { IFACE_NAME = 16, IFACE_ADDRESSES = 16, IFACES_MAX = 32, IFACES_WANTED_MAX = 16, IP_TEXT = 72 };

struct ip {
	uint8_t family; /* 4, 6; 0 for none */
	uint8_t prefix; /* bits of the network, where known */
	uint8_t b[16];  /* the first 4 for IPv4 */
};
bool ip_equal(const struct ip *a, const struct ip *b); /* without the prefix */
bool ip_is_link_local(const struct ip *a);             /* fe80::/10, 169.254.0.0/16 */
/* "10.0.0.7", "fe80::1%eth0": the scope only for IPv6 link-local addresses. */
void ip_format(const struct ip *a, const char *interface, char text[IP_TEXT]);

enum iface_use {
	IFACE_USED,
	IFACE_NO_ADDRESS, /* would be used: no address yet */
	IFACE_NO_CARRIER, /* would be used: no cable, or the other end is off */
	IFACE_DOWN,       /* would be used: switched off */
	/* Not used: */
	IFACE_WIRELESS,
	IFACE_BRIDGE,
	IFACE_MEMBER, /* of a bridge or bond, which has the addresses */
	IFACE_VIRTUAL,
	IFACE_LOOPBACK,
	IFACE_OTHER,   /* no Ethernet */
	IFACE_UNNAMED, /* others were named */
	IFACE_USES
};

struct iface {
	uint32_t index;
	char name[IFACE_NAME];
	char kind[IFACE_NAME]; /* what made it: "veth", "bridge", ...; "" for hardware */
	uint16_t hatype;       /* ARPHRD_* */
	uint32_t flaps;        /* how often the cable went out or in */
	bool up, carrier, wireless, member, loopback;
	struct ip addresses[IFACE_ADDRESSES]; /* usable now: checked for duplicates, not deprecated */
	uint8_t address_count;
	enum iface_use use;
};

struct ifaces {
	struct iface i[IFACES_MAX];
	unsigned n;
};

/* What discovery was told. names empty: choose. */
struct ifaces_wanted {
	char names[IFACES_WANTED_MAX][IFACE_NAME];
	unsigned n;
	bool loopback; /* lo as well: for two users of one machine without a network, and for tests */
};

enum iface_use iface_judge(const struct iface *i, const struct ifaces_wanted *wanted);
bool iface_has_family(const struct iface *i, uint8_t family); /* an address of it */
const struct iface *ifaces_find(const struct ifaces *all, uint32_t index);
bool ifaces_usable(const struct ifaces *all);                      /* is any used? */
bool ifaces_equal(const struct ifaces *a, const struct ifaces *b); /* in what is used, its addresses and flaps */
/* "wired: eth0 (10.0.0.7)", "no cable in eth0", ... */
void ifaces_describe(const struct ifaces *all, const struct ifaces_wanted *wanted, struct buf *out);

/* Asks the kernel now. ERR_IO. */
int ifaces_scan(const struct ifaces_wanted *wanted, struct ifaces *ret);

struct ifaces_watch;
/* on_change: something about interfaces or addresses may have changed; called in bursts of at most one in 100 ms.
 * If the system does not tell, every 5 s. */
struct ifaces_watch *ifaces_watch_new(struct loop *l, void (*on_change)(void *arg), void *arg);
void ifaces_watch_free(struct ifaces_watch **w);

#endif
