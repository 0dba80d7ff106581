/* The sockets of multicast DNS: one an interface and family, on port 5353 together with whoever else is there (RFC 6762
 * section 15.1). Loop's thread. */
#ifndef MDNS_SOCKET_H
#define MDNS_SOCKET_H

#include "mdns/responder.h"

struct mdns_socket;

/* Hears and speaks on one interface. NULL when the system refuses; errno tells. */
struct mdns_socket *mdns_socket_new(struct loop *l, const struct iface *i, uint8_t family,
	void (*on_packet)(void *arg, uint32_t ifindex, const struct place *from, int hops, const void *p, size_t n),
	void *arg);
void mdns_socket_free(struct mdns_socket **s);
/* To the group, or to one place. What the system does not take is lost. */
void mdns_socket_send(struct mdns_socket *s, const struct place *to, const void *p, size_t n);

/* Has another program the port already? */
bool mdns_port_taken(void);

#endif
