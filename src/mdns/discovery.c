#include "mdns/discovery.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "mdns/backend.h"

enum { HOST_MAX = 256, TEXT_MAX = 4096 };

struct discovery {
	struct loop *loop;
	enum discovery_kind kind;
	bool after_crash, stopped;
	char *host;
	struct dnsout out;
	struct ifaces_wanted wanted;
	struct ifaces ifaces;
	struct ifaces_watch *watch;
	const struct backend_ops *ops;
	struct backend *backend;
	/* What the core wants published, for a back end that comes later. */
	struct service *service;
	char *picture;
	uint32_t picture_n;
};

static const char *const kind_names[] =
	{[DISCOVERY_AUTO] = "auto", [DISCOVERY_AVAHI] = "avahi", [DISCOVERY_OWN] = "own", [DISCOVERY_NONE] = "none"};

int discovery_kind_parse(const char *text, enum discovery_kind *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(kind_names); i++) {
		if (strcmp(text, kind_names[i]) != 0)
			continue;
		*ret = (enum discovery_kind)i;
		return 0;
	}
	return ERR_SYNTAX;
}

static void on_failed(void *arg);

static void start_backend(struct discovery *d, const struct backend_ops *ops)
{
	struct backend_config config = {.loop = d->loop,
		.out = &d->out,
		.host = d->host,
		.after_crash = d->after_crash,
		.must_be_there = d->kind == DISCOVERY_AUTO,
		.on_failed = on_failed,
		.arg = d};

	d->ops = ops;
	d->backend = ops->make(&config);
	log_info("discovery", "backend=\"%s\"", ops->name(d->backend));
	ops->set_ifaces(d->backend, &d->ifaces);
	if (d->service)
		ops->publish(d->backend, d->service, d->picture, d->picture_n);
}

/* Only avahi fails: its daemon is not there. */
static void on_failed(void *arg)
{
	struct discovery *d = arg;

	if (d->kind != DISCOVERY_AUTO || d->stopped)
		return;
	d->ops->destroy(&d->backend);
	start_backend(d, &backend_own);
}

static void tell_network(struct discovery *d, bool changed)
{
	struct buf text = {.max = TEXT_MAX};

	ifaces_describe(&d->ifaces, &d->wanted, &text);
	out_network(&d->out, buf_view(&text), ifaces_usable(&d->ifaces), changed);
	buf_clear(&text);
}

static bool same_text(const struct discovery *d, const struct ifaces *now)
{
	struct buf before = {.max = TEXT_MAX}, after = {.max = TEXT_MAX};

	ifaces_describe(&d->ifaces, &d->wanted, &before);
	ifaces_describe(now, &d->wanted, &after);
	bool same = str_eq(buf_view(&before), buf_view(&after));
	buf_clear(&before);
	buf_clear(&after);
	return same;
}

static void on_change(void *arg)
{
	struct discovery *d = arg;
	struct ifaces now;

	if (d->stopped || ifaces_scan(&d->wanted, &now) < 0)
		return;
	bool changed = !ifaces_equal(&d->ifaces, &now), told = changed || !same_text(d, &now);
	d->ifaces = now;
	if (changed)
		d->ops->set_ifaces(d->backend, &d->ifaces);
	if (told)
		tell_network(d, changed);
}

static char *system_host(void)
{
	char host[HOST_MAX] = "";

	gethostname(host, sizeof(host) - 1);
	return xstrdup(host);
}

static void set_wanted(struct ifaces_wanted *w, const struct discovery_config *config)
{
	w->loopback = config->loopback;
	for (unsigned i = 0; i < config->interface_count && w->n < IFACES_WANTED_MAX; i++)
		snprintf(w->names[w->n++], IFACE_NAME, "%s", config->interfaces[i]);
}

struct discovery *discovery_new(struct loop *l, const struct discovery_config *config)
{
	static const struct backend_ops *const first[] = {[DISCOVERY_AUTO] = &backend_avahi,
		[DISCOVERY_AVAHI] = &backend_avahi,
		[DISCOVERY_OWN] = &backend_own,
		[DISCOVERY_NONE] = &backend_none};
	struct discovery *d = xcalloc(1, sizeof(*d));

	d->loop = l;
	d->kind = config->kind;
	d->after_crash = config->after_crash;
	d->host = config->host ? xstrdup(config->host) : system_host();
	dnsout_init(&d->out, l, config->to_core);
	set_wanted(&d->wanted, config);
	/* In this order, so that no change falls between the two. */
	d->watch = ifaces_watch_new(l, on_change, d);
	if (ifaces_scan(&d->wanted, &d->ifaces) < 0)
		log_warn("interfaces_unknown", "%s", "the system does not tell");
	tell_network(d, ifaces_usable(&d->ifaces));
	start_backend(d, first[config->kind]);
	return d;
}

static void on_publish(struct discovery *d, struct msg *m)
{
	if (!m->publish.service || !m->publish.service->instance[0] || m->publish.n > SERVICE_PICTURE_MAX)
		return;
	service_free(&d->service);
	xfree(d->picture);
	d->service = TAKE(m->publish.service);
	d->picture = TAKE(m->publish.picture);
	d->picture_n = m->publish.n;
	d->ops->publish(d->backend, d->service, d->picture, d->picture_n);
}

void discovery_put(struct discovery *d, struct msgs *batch)
{
	for (uint32_t i = 0; i < batch->n; i++) {
		struct msg *m = &batch->m[i];
		if (!d->stopped && m->kind == MSG_PUBLISH)
			on_publish(d, m);
		else if (!d->stopped && m->kind == MSG_ASK_PICTURE)
			d->ops->ask_picture(d->backend, m->gone.instance);
		msg_clear(m);
	}
	batch->n = 0;
}

void discovery_stop(struct discovery *d)
{
	if (d->stopped)
		return;
	d->stopped = true;
	dnsout_close(&d->out);
	d->ops->goodbye(d->backend);
}

void discovery_free(struct discovery **discovery)
{
	struct discovery *d = TAKE(*discovery);

	if (!d)
		return;
	discovery_stop(d);
	d->ops->destroy(&d->backend);
	ifaces_watch_free(&d->watch);
	dnsout_clear(&d->out);
	service_free(&d->service);
	xfree(d->picture);
	xfree(d->host);
	xfree(d);
}

const char *discovery_backend(const struct discovery *d) { return d->ops->name(d->backend); }
