/* What keeps a node from finding anybody, seen at its start. */
#include <stdio.h>
#include <unistd.h>

#include "app/node.h"
#include "app/server_i.h"
#include "mdns/discovery.h"
#include "mdns/interfaces.h"

static bool is_here(const struct ifaces *all, const char *name)
{
	for (unsigned i = 0; i < all->n; i++)
		if (strcmp(all->i[i].name, name) == 0)
			return true;
	return false;
}

static void put_absent(const struct ifaces *all, const struct ifaces_wanted *wanted, struct buf *out)
{
	for (unsigned i = 0; i < wanted->n; i++)
		if (!is_here(all, wanted->names[i]))
			buf_fmt(out,
				"there is no interface %s now (`ip link` lists those that there are); this waits for it\n",
				wanted->names[i]);
}

/* It was asked for, so nothing else takes its place. Just after the start it may be that it has not answered yet. */
static void put_avahi(const struct server *s, struct buf *out)
{
	if (s->config->discovery == DISCOVERY_AVAHI && strcmp(node_discovery(s), "avahi") != 0 &&
		access("/run/avahi-daemon/socket", F_OK) != 0)
		buf_z(out,
			"no avahi-daemon runs here: as long as none does nobody is found and nobody finds you, but by /add; "
			"--discovery auto or own does without it\n");
}

static void put_network(const struct ifaces *all, const struct ifaces_wanted *wanted, struct buf *out)
{
	if (ifaces_usable(all))
		return;
	ifaces_describe(all, wanted, out);
	buf_z(out, "; when that changes it is used at once\n");
}

void node_notes(const struct server *s, bool network, struct buf *out)
{
	const struct text_list *names = &s->config->interfaces;
	struct ifaces_wanted wanted = {.n = 0};
	struct ifaces *all;

	if (s->config->discovery == (int)DISCOVERY_NONE)
		return;
	all = xcalloc(1, sizeof(*all));
	for (unsigned i = 0; i < names->n && wanted.n < IFACES_WANTED_MAX; i++)
		snprintf(wanted.names[wanted.n++], IFACE_NAME, "%s", names->item[i]);
	if (ifaces_scan(&wanted, all) == 0) {
		put_absent(all, &wanted, out);
		put_avahi(s, out);
		if (network)
			put_network(all, &wanted, out);
	}
	xfree(all);
}
