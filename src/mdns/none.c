/* The back end that does nothing: peers are those that were typed in, or met. */
#include "base/mem.h"
#include "mdns/backend.h"

struct backend {
	struct dnsout *out;
};

static struct backend *make(const struct backend_config *config)
{
	struct backend *b = xcalloc(1, sizeof(*b));

	b->out = config->out;
	return b;
}

static void destroy(struct backend **b) { xfree(TAKE(*b)); }
static void set_ifaces(struct backend *b, const struct ifaces *ifaces) {}

/* Nobody disputes it. */
static void publish(struct backend *b, const struct service *s, const char *picture, size_t n)
{
	out_named(b->out, s->instance, false);
}

static void ask_picture(struct backend *b, const char *instance) {}
static void goodbye(struct backend *b) {}
static const char *name(const struct backend *b) { return "none"; }

const struct backend_ops backend_none = {make, destroy, set_ifaces, publish, ask_picture, goodbye, name};
