/* What a back end of discovery is; for this folder only. */
#ifndef MDNS_BACKEND_H
#define MDNS_BACKEND_H

#include "mdns/discovery.h"
#include "mdns/dnsout.h"
#include "mdns/interfaces.h"

struct backend_config {
	struct loop *loop;
	struct dnsout *out;
	const char *host;
	bool after_crash;
	bool must_be_there; /* avahi: report a daemon that is not there at once, and one that does not come back */
	/* It cannot do its work. Not called from within an operation. */
	void (*on_failed)(void *arg);
	void *arg;
};

struct backend;

struct backend_ops {
	struct backend *(*make)(const struct backend_config *config);
	void (*destroy)(struct backend **b);
	void (*set_ifaces)(struct backend *b, const struct ifaces *ifaces);
	void (*publish)(struct backend *b, const struct service *s, const char *picture, size_t n);
	void (*ask_picture)(struct backend *b, const char *instance);
	void (*goodbye)(struct backend *b);
	const char *(*name)(const struct backend *b);
};

extern const struct backend_ops backend_avahi, backend_own, backend_none;

#endif
