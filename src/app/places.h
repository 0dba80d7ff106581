/* Where a node is reached, from what it listens on and the addresses that this machine has. */
#ifndef APP_PLACES_H
#define APP_PLACES_H

#include "mdns/interfaces.h"
#include "peer/peers.h"

enum { PLACES_MAX = 256, PLACE_TEXT = IP_TEXT + 8 };

struct place_list {
	char text[PLACES_MAX][PLACE_TEXT];
	const char *item[PLACES_MAX + 1]; /* NULL at the end */
	unsigned n;
};

struct places {
	struct place_list told, own, broadcast;
	uint16_t port; /* for the network: of what others reach, if any is; 0: nothing is listened on */
};

/* One address of this machine, of whatever interface. */
struct here {
	char interface[IFACE_NAME];
	struct ip ip;
};
struct machine {
	struct here here[PLACES_MAX];
	unsigned n;
	struct ifaces used; /* as far as discovery looks at them */
};
void machine_look(struct machine *ret, const char *const *interfaces, unsigned n); /* names; none: choose */

/* listening: as listener_address() says it, "10.0.0.7:5298", "*:5298", "0.0.0.0:5298", "[::]:5298". An address that stands for
 * all is told as those of the interfaces that the node uses. */
void places_of(struct places *ret, const char *const *listening, unsigned n, const struct machine *m);
struct peers_places places_lists(const struct places *p);

#endif
