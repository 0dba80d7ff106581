/* The thread in which avahi's library lives. Its calls wait for the daemon, for seconds if that hangs, so they are made there
 * and never on our loop; what it tells comes back as events. Nothing is decided in it. All functions here: loop's thread.
 *
 * Watches and groups are the caller's numbers. When the daemon goes away (DOWN) all of them are gone. */
#ifndef MDNS_AVAHI_THREAD_H
#define MDNS_AVAHI_THREAD_H

#include "loop/loop.h"
#include "mdns/dns.h"
#include "xmpp/service.h"

enum avahi_event_kind {
	AVAHI_EVENT_DOWN,        /* no daemon, or no more: connect again */
	AVAHI_EVENT_UNSETTLED,   /* it is there, but has no host name: all groups are gone */
	AVAHI_EVENT_UP,          /* it is ready; also again after UNSETTLED */
	AVAHI_EVENT_NEW,         /* a watch's record came */
	AVAHI_EVENT_REMOVED,     /* a watch's record went */
	AVAHI_EVENT_ESTABLISHED, /* a group is published */
	AVAHI_EVENT_COLLISION,   /* a group's name belongs to another */
	AVAHI_EVENT_REFUSED      /* the daemon does not like the group */
};

struct avahi_event {
	enum avahi_event_kind kind;
	uint32_t id; /* of the watch or group */
	uint32_t ifindex;
	uint8_t protocol; /* AVAHI_IPV4, AVAHI_IPV6 */
	uint16_t n;
	uint8_t *rdata; /* owned by the event: gone after the callback */
};

struct avahi_thread;

/* NULL when the library is not there, or a thread cannot be started. */
struct avahi_thread *avahi_thread_new(struct loop *l, void (*on_event)(void *arg, const struct avahi_event *e),
	void *arg);
/* Everything published is withdrawn, by the daemon. May be called from on_event. */
void avahi_thread_free(struct avahi_thread **t);

/* wait: a daemon that is not there yet is waited for; else DOWN comes at once. */
void avahi_connect(struct avahi_thread *t, bool wait);
void avahi_watch(struct avahi_thread *t, uint32_t id, const struct dns_name *name, uint16_t type);
void avahi_unwatch(struct avahi_thread *t, uint32_t id);
/* On one interface, under s->instance. Of a group that is there only the TXT and the picture change. */
void avahi_publish(struct avahi_thread *t, uint32_t id, uint32_t ifindex, const struct service *s, const char *picture,
	size_t n);
void avahi_withdraw(struct avahi_thread *t, uint32_t id);

#endif
