/* What people type to add somebody. */
#include "peer/peers_i.h"

#include "xmpp/escape.h"

enum { PORT_DEFAULT = 5298, TARGET_MAX = 100 };

static const char form[] =
	"an address is a number, like 10.0.0.7, 10.0.0.7:5298 or [fe80::1%eth0]:5298, with a name before it if you like: "
	"bob@10.0.0.7";

static bool is_v6(struct str host)
{
	return host.n && (host.p[0] == '[' || memchr(host.p, ':', host.n) != memrchr(host.p, ':', host.n));
}

static bool has_port(struct str host)
{
	if (is_v6(host))
		return host.p[0] == '[' && host.p[host.n - 1] != ']';
	return memchr(host.p, ':', host.n) != NULL;
}

/* All but its port is an address. */
static bool is_before_wrong_port(struct str host)
{
	CLEANUP(buf_clear) struct buf with_good = {.max = TARGET_MAX + 2};
	const char *colon = has_port(host) ? memrchr(host.p, ':', host.n) : NULL;
	struct address a;

	if (!colon)
		return false;
	buf_fmt(&with_good, "%.*s:1", (int)(colon - host.p), host.p);
	return address_read(buf_view(&with_good), &a);
}

int target_read(struct str text, struct str *ret_name, struct buf *ret_address, struct buf *why)
{
	struct str rest = text, name = str_cut(&rest, '@'), host = rest.p ? rest : text;
	struct address a;
	const char *fault = form;

	*ret_name = rest.p ? name : STR("");
	if (host.n && host.n <= TARGET_MAX && ret_name->n <= LABEL_MAX) {
		buf_fmt(ret_address, is_v6(host) && host.p[0] != '[' ? "[%.*s]" : "%.*s", STR_FMT(host));
		if (!has_port(host))
			buf_fmt(ret_address, ":%d", PORT_DEFAULT);
		if (address_read(buf_view(ret_address), &a))
			fault = address_fault(&a);
		else if (is_before_wrong_port(host))
			fault = "a port is a number from 1 to 65535: leave it out for 5298, or give the one that the other node "
				"shows when it starts";
	}
	if (!fault)
		return 0;
	if (fault != form)
		buf_fmt(why, "%.*s: ", STR_FMT(host));
	buf_z(why, fault);
	return ERR_SYNTAX;
}

bool target_is_useless(const struct peers *ps, struct str address, struct buf *why)
{
	struct address a;

	if (!address_read(address, &a))
		return false;
	if (a.zone.n && ps->config.has_interface && !ps->config.has_interface(a.zone)) {
		buf_fmt(why,
			"%.*s: this machine has no network interface %.*s; `ip address` names those that it has, and behind the %% "
			"comes the one of the network where the other machine is",
			STR_FMT(address), STR_FMT(a.zone));
		return true;
	}
	if (address_is_among(&a, ps->own)) {
		buf_fmt(why,
			"%.*s is this node itself: give the number of the other machine (`wireside peer add` is needed at one "
			"end only)",
			STR_FMT(address));
		return true;
	}
	if (address_is_among(&a, ps->broadcast)) {
		buf_fmt(why, "%.*s is the broadcast address of a network here, of no machine: give the number of one",
			STR_FMT(address));
		return true;
	}
	return false;
}

int peers_check_target(struct str text, struct buf *why)
{
	CLEANUP(buf_clear) struct buf address = {.max = 128};
	struct str name;

	return target_read(text, &name, &address, why);
}

struct peer *target_typed(struct peers *ps, struct str name, struct str address)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct str seen_as = name.n ? name : address;
	struct peer *p;

	if (seen_as.n > LABEL_MAX || escape_instance(seen_as, &jid) < 0)
		return NULL;
	buf_z(&jid, "@" DOMAIN_TYPED);
	p = peers_find(ps, buf_view(&jid));
	return p ? p : peer_new(ps, PEER_TYPED, buf_view(&jid), seen_as);
}
