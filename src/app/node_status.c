/* What a node's user wants to know of it. */
#include "app/node.h"
#include "app/server_i.h"
#include "base/json.h"
#include "peer/peers.h"

enum { ID_SHOWN = 12 };

static void put_ports(const struct server *s, const char *name, bool json, struct buf *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->port_count; i++) {
		struct str address = listener_address(s->ports[i].listener);

		if (strcmp(s->ports[i].name, name) != 0)
			continue;
		buf_z(out, n++ ? ", " : "");
		if (json)
			json_text(out, address);
		else
			buf_str(out, address);
	}
}

static void put_json(const struct server *s, const struct peers_tally *t, struct buf *out)
{
	const char *domain = s->config->domains.item[0];
	CLEANUP(buf_clear) struct buf jid = {.max = 4096};

	buf_fmt(&jid, "%s@%s", s->config->node->user, domain);
	buf_z(out, "\"name\":");
	json_text(out, str_z(node_name(s)));
	buf_z(out, ",\"address\":");
	json_text(out, buf_view(&jid));
	buf_z(out, ",\"listen\":[");
	put_ports(s, "lan", true, out);
	buf_z(out, "],\"c2s\":[");
	put_ports(s, "c2s", true, out);
	buf_z(out, "],\"discovery\":");
	json_text(out, str_z(node_discovery(s)));
	buf_z(out, ",\"network\":");
	json_text(out, str_z(t->network ? t->network : ""));
	buf_fmt(out, ",\"peers\":%u,\"peers_here\":%u,\"peers_linked\":%u,\"messages_waiting\":%u", t->known, t->here,
		t->linked, t->waiting);
}

static void put_text(const struct server *s, const struct peers_tally *t, struct buf *out)
{
	const char *domain = s->config->domains.item[0];
	bool tcp = s->config->c2s.n > 0;

	buf_fmt(out, "name              %s (node %.*s)\nlistens           ", node_name(s), ID_SHOWN, domain);
	put_ports(s, "lan", false, out);
	buf_fmt(out, "%s", tcp ? "\nprograms log in   " : "");
	put_ports(s, "c2s", false, out);
	buf_fmt(out, "\ndiscovery         %s%s%s\n", node_discovery(s), t->network ? "; " : "",
		t->network ? t->network : "");
	buf_fmt(out, "peers             %u known, %u here, %u linked\nmessages waiting  %u\n", t->known, t->here,
		t->linked, t->waiting);
}

void node_status(const struct server *s, bool json, struct buf *out)
{
	struct peers_tally t = peers_tally(core_gateway(s->core));

	if (json)
		put_json(s, &t, out);
	else
		put_text(s, &t, out);
}
