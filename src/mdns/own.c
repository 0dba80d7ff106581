/* Our own responder on real sockets. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "mdns/backend.h"
#include "mdns/responder.h"
#include "mdns/socket.h"

struct backend {
	struct loop *loop;
	struct responder *responder;
	bool beside;
	/* By interface and family; NULL: not open. */
	struct {
		uint32_t ifindex;
		struct mdns_socket *family[2];
	} sockets[IFACES_MAX];
	unsigned n;
};

static void on_packet(void *arg, uint32_t ifindex, const struct place *from, int hops, const void *p, size_t n)
{
	struct backend *b = arg;

	responder_on_packet(b->responder, ifindex, from, hops, p, n);
}

static void on_send(void *arg, const struct iface *i, const struct place *to, const void *p, size_t n)
{
	struct backend *b = arg;

	for (unsigned k = 0; k < b->n; k++) {
		for (unsigned f = 0; f < 2; f++) {
			bool right = b->sockets[k].ifindex == i->index && (!to || to->ip.family == (f ? 6 : 4));
			if (right && b->sockets[k].family[f])
				mdns_socket_send(b->sockets[k].family[f], to, p, n);
		}
	}
}

static const struct responder_io io = {on_send};

static struct backend *make(const struct backend_config *config)
{
	struct backend *b = xcalloc(1, sizeof(*b));

	b->loop = config->loop;
	b->beside = mdns_port_taken();
	struct responder_config c = {.host = config->host, .beside = b->beside, .after_crash = config->after_crash};
	b->responder = responder_new(config->loop, &c, &io, b, config->out);
	return b;
}

static void close_sockets(struct backend *b, unsigned at)
{
	mdns_socket_free(&b->sockets[at].family[0]);
	mdns_socket_free(&b->sockets[at].family[1]);
}

static void destroy(struct backend **backend)
{
	struct backend *b = TAKE(*backend);

	if (!b)
		return;
	responder_free(&b->responder);
	for (unsigned i = 0; i < b->n; i++)
		close_sockets(b, i);
	xfree(b);
}

static void open_socket(struct backend *b, unsigned at, const struct iface *i, unsigned f)
{
	struct mdns_socket **s = &b->sockets[at].family[f];
	uint8_t family = f ? 6 : 4;

	if (!iface_has_family(i, family)) {
		mdns_socket_free(s);
		return;
	}
	if (*s)
		return;
	*s = mdns_socket_new(b->loop, i, family, on_packet, b);
	if (!*s)
		log_warn("mdns_socket_refused", "interface=%s family=IPv%u error=\"%s\"", i->name, family,
			strerror(errno));
}

static unsigned find_sockets(struct backend *b, uint32_t ifindex)
{
	unsigned at = 0;

	while (at < b->n && b->sockets[at].ifindex != ifindex)
		at++;
	if (at == b->n) {
		memset(&b->sockets[at], 0, sizeof(b->sockets[at]));
		b->sockets[b->n++].ifindex = ifindex;
	}
	return at;
}

static void set_ifaces(struct backend *b, const struct ifaces *ifaces)
{
	for (unsigned i = b->n; i-- > 0;) {
		const struct iface *now = ifaces_find(ifaces, b->sockets[i].ifindex);
		if (now && now->use == IFACE_USED)
			continue;
		close_sockets(b, i);
		b->sockets[i] = b->sockets[--b->n];
	}
	for (unsigned i = 0; i < ifaces->n; i++) {
		if (ifaces->i[i].use != IFACE_USED)
			continue;
		unsigned at = find_sockets(b, ifaces->i[i].index);
		open_socket(b, at, &ifaces->i[i], 0);
		open_socket(b, at, &ifaces->i[i], 1);
	}
	responder_set_ifaces(b->responder, ifaces);
}

static void publish(struct backend *b, const struct service *s, const char *picture, size_t n)
{
	responder_publish(b->responder, s, picture, n);
}

static void ask_picture(struct backend *b, const char *instance) { responder_ask_picture(b->responder, instance); }

static void goodbye(struct backend *b) { responder_goodbye(b->responder); }

static const char *name(const struct backend *b) { return b->beside ? "own, beside another responder" : "own"; }

const struct backend_ops backend_own = {make, destroy, set_ifaces, publish, ask_picture, goodbye, name};
