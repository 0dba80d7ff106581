#include "base/mem.h"
#include "mdns/backend.h"
struct backend {
	struct backend_config c;
	struct timer t;
};
static void fire(struct timer *t)
{
	struct backend *b = CONTAINER_OF(t, struct backend, t);
	b->c.on_failed(b->c.arg);
}
static struct backend *make(const struct backend_config *config)
{
	struct backend *b = xcalloc(1, sizeof(*b));
	b->c = *config;
	b->t.fire = fire;
	timer_start(loop_timers(b->c.loop), &b->t, 0);
	return b;
}
static void destroy(struct backend **b)
{
	timer_stop(loop_timers((*b)->c.loop), &(*b)->t);
	xfree(TAKE(*b));
}
static void set_ifaces(struct backend *b, const struct ifaces *ifaces) {}
static void publish(struct backend *b, const struct service *s, const char *picture, size_t n) {}
static void ask_picture(struct backend *b, const char *instance) {}
static void goodbye(struct backend *b) {}
static const char *name(const struct backend *b) { return "avahi"; }
const struct backend_ops backend_avahi = {make, destroy, set_ifaces, publish, ask_picture, goodbye, name};
