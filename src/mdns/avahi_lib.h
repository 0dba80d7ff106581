/* What we use of libavahi-client.so.3, loaded when it is there: neither building nor running needs it. The declarations are
 * those of its interface, stable since 0.6; for this folder only. */
#ifndef MDNS_AVAHI_LIB_H
#define MDNS_AVAHI_LIB_H

#include <stddef.h>
#include <stdint.h>

/* Opaque objects of the library. */
struct avahi_threaded_poll;
struct avahi_client;
struct avahi_group;
struct avahi_browser;
struct avahi_strings;
struct avahi_watch;

struct avahi_poll {
	void *userdata;
	struct avahi_watch *(*watch_new)(const struct avahi_poll *api, int fd, int events,
		void (*on_ready)(struct avahi_watch *w, int fd, int events, void *arg), void *arg);
	void (*watch_update)(struct avahi_watch *w, int events);
	int (*watch_get_events)(struct avahi_watch *w);
	void (*watch_free)(struct avahi_watch *w);
	/* and its timeouts, of which we have no need */
};

enum {
	AVAHI_ANY = -1, /* interface, protocol */
	AVAHI_IPV4 = 0,
	AVAHI_IPV6 = 1,
	AVAHI_CLIENT_NO_FAIL = 2,
	/* states of a client */
	AVAHI_CLIENT_REGISTERING = 1,
	AVAHI_CLIENT_RUNNING = 2,
	AVAHI_CLIENT_COLLISION = 3,
	AVAHI_CLIENT_FAILURE = 100,
	AVAHI_CLIENT_CONNECTING = 101,
	/* states of a group */
	AVAHI_GROUP_ESTABLISHED = 2,
	AVAHI_GROUP_COLLISION = 3,
	AVAHI_GROUP_FAILURE = 4,
	/* flags of what is published */
	AVAHI_PUBLISH_UNIQUE = 1,
	AVAHI_PUBLISH_NO_PROBE = 2,
	AVAHI_PUBLISH_NO_ANNOUNCE = 4,
	AVAHI_PUBLISH_NO_COOKIE = 32,
	/* events of a browser */
	AVAHI_BROWSER_NEW = 0,
	AVAHI_BROWSER_REMOVE = 1,
	AVAHI_BROWSER_FAILURE = 4,
	AVAHI_ERR_COLLISION = -8
};

typedef void avahi_client_callback(struct avahi_client *c, int state, void *arg);
typedef void avahi_group_callback(struct avahi_group *g, int state, void *arg);
typedef void avahi_record_callback(struct avahi_browser *b, int interface, int protocol, int event, const char *name,
	uint16_t class, uint16_t type, const void *rdata, size_t n, int flags, void *arg);

struct avahi_lib {
	struct avahi_threaded_poll *(*poll_new)(void);
	void (*poll_free)(struct avahi_threaded_poll *p);
	const struct avahi_poll *(*poll_get)(struct avahi_threaded_poll *p);
	int (*poll_start)(struct avahi_threaded_poll *p);
	int (*poll_stop)(struct avahi_threaded_poll *p);
	struct avahi_client *(*client_new)(const struct avahi_poll *api, int flags, avahi_client_callback *f, void *arg,
		int *ret_error);
	void (*client_free)(struct avahi_client *c);
	struct avahi_group *(*group_new)(struct avahi_client *c, avahi_group_callback *f, void *arg);
	int (*group_free)(struct avahi_group *g);
	int (*group_commit)(struct avahi_group *g);
	int (*group_add_service)(struct avahi_group *g, int interface, int protocol, int flags, const char *name,
		const char *type, const char *domain, const char *host, uint16_t port, struct avahi_strings *txt);
	int (*group_update_txt)(struct avahi_group *g, int interface, int protocol, int flags, const char *name,
		const char *type, const char *domain, struct avahi_strings *txt);
	int (*group_add_record)(struct avahi_group *g, int interface, int protocol, int flags, const char *name,
		uint16_t class, uint16_t type, uint32_t ttl, const void *rdata, size_t n);
	struct avahi_browser *(*browser_new)(struct avahi_client *c, int interface, int protocol, const char *name,
		uint16_t class, uint16_t type, int flags, avahi_record_callback *f, void *arg);
	int (*browser_free)(struct avahi_browser *b);
	struct avahi_strings *(*strings_add)(struct avahi_strings *l, const uint8_t *p, size_t n);
	void (*strings_free)(struct avahi_strings *l);
};

/* The library, loaded once and for ever; NULL when it is not there. */
const struct avahi_lib *avahi_lib_get(void);

#endif
