#include "mdns/interfaces.h"

#include <arpa/inet.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "base/mem.h"

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, a->family == 4 ? 4 : 16) == 0;
}

bool ip_is_link_local(const struct ip *a)
{
	if (a->family == 4)
		return a->b[0] == 169 && a->b[1] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

void ip_format(const struct ip *a, const char *interface, char text[IP_TEXT])
{
	char number[INET6_ADDRSTRLEN] = "?";

	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->b, number, sizeof(number));
	if (a->family == 6 && ip_is_link_local(a))
		snprintf(text, IP_TEXT, "%s%%%.15s", number, interface);
	else
		snprintf(text, IP_TEXT, "%s", number);
}

/* Names and kinds of interfaces that software makes for itself. */
static const char *const virtual_names[] = {"docker", "virbr", "br-", "lxcbr", "lxdbr", "cni", "vmnet", "vboxnet"};
static const char *const virtual_kinds[] = {"tun", "dummy", "ifb", "vxlan", "geneve", "wireguard", "nlmon", "gretap",
	"ip6gretap", "erspan", "vcan", "netdevsim"};
static const char *const bridge_kinds[] = {"bridge", "openvswitch"};

static bool in_table(const char *const *table, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i], text) == 0)
			return true;
	return false;
}

static bool is_virtual(const struct iface *i)
{
	for (size_t k = 0; k < ARRAY_LEN(virtual_names); k++)
		if (strncmp(i->name, virtual_names[k], strlen(virtual_names[k])) == 0)
			return true;
	return in_table(virtual_kinds, ARRAY_LEN(virtual_kinds), i->kind);
}

static bool is_named(const struct iface *i, const struct ifaces_wanted *wanted)
{
	for (unsigned k = 0; k < wanted->n; k++)
		if (strcmp(wanted->names[k], i->name) == 0)
			return true;
	return false;
}

/* Would it be used if it were up? IFACE_USED: yes. */
static enum iface_use judge_kind(const struct iface *i, const struct ifaces_wanted *wanted)
{
	if (is_named(i, wanted) || (i->loopback && wanted->loopback))
		return IFACE_USED;
	if (i->loopback)
		return IFACE_LOOPBACK;
	if (wanted->n)
		return IFACE_UNNAMED;
	if (i->hatype != ARPHRD_ETHER)
		return IFACE_OTHER;
	if (is_virtual(i))
		return IFACE_VIRTUAL;
	if (in_table(bridge_kinds, ARRAY_LEN(bridge_kinds), i->kind))
		return IFACE_BRIDGE;
	if (i->member)
		return IFACE_MEMBER;
	return i->wireless ? IFACE_WIRELESS : IFACE_USED;
}

enum iface_use iface_judge(const struct iface *i, const struct ifaces_wanted *wanted)
{
	enum iface_use use = judge_kind(i, wanted);

	if (use != IFACE_USED)
		return use;
	if (!i->up)
		return IFACE_DOWN;
	if (!i->carrier && !i->loopback)
		return IFACE_NO_CARRIER;
	return i->address_count ? IFACE_USED : IFACE_NO_ADDRESS;
}

bool iface_has_family(const struct iface *i, uint8_t family)
{
	for (unsigned k = 0; k < i->address_count; k++)
		if (i->addresses[k].family == family)
			return true;
	return false;
}

const struct iface *ifaces_find(const struct ifaces *all, uint32_t index)
{
	for (unsigned k = 0; k < all->n; k++)
		if (all->i[k].index == index)
			return &all->i[k];
	return NULL;
}

bool ifaces_usable(const struct ifaces *all)
{
	for (unsigned k = 0; k < all->n; k++)
		if (all->i[k].use == IFACE_USED)
			return true;
	return false;
}

static bool same_iface(const struct iface *a, const struct iface *b)
{
	if (!b || b->use != IFACE_USED || strcmp(a->name, b->name) != 0)
		return false;
	if (a->flaps != b->flaps || a->address_count != b->address_count)
		return false;
	for (unsigned k = 0; k < a->address_count; k++)
		if (!ip_equal(&a->addresses[k], &b->addresses[k]))
			return false;
	return true;
}

static bool has_all(const struct ifaces *a, const struct ifaces *b)
{
	for (unsigned k = 0; k < a->n; k++)
		if (a->i[k].use == IFACE_USED && !same_iface(&a->i[k], ifaces_find(b, a->i[k].index)))
			return false;
	return true;
}

bool ifaces_equal(const struct ifaces *a, const struct ifaces *b) { return has_all(a, b) && has_all(b, a); }

static void describe_used(const struct ifaces *all, struct buf *out)
{
	char text[IP_TEXT];
	bool first = true;

	buf_z(out, "wired: ");
	for (unsigned k = 0; k < all->n; k++) {
		const struct iface *i = &all->i[k];
		if (i->use != IFACE_USED)
			continue;
		buf_fmt(out, "%s%s (", first ? "" : ", ", i->name);
		for (unsigned a = 0; a < i->address_count; a++) {
			ip_format(&i->addresses[a], i->name, text);
			buf_fmt(out, "%s%s", a ? ", " : "", text);
		}
		buf_char(out, ')');
		first = false;
	}
}

/* Why nothing is used, the nearest to use first. */
static const struct {
	enum iface_use use;
	const char *format;
} reasons[] = {
	{IFACE_NO_ADDRESS, "%s has no address yet"},
	{IFACE_NO_CARRIER, "no cable in %s, or nothing at its other end"},
	{IFACE_DOWN, "%s is switched off"},
	{IFACE_WIRELESS, "only Wi-Fi here, which is used when it is named: --interface %s"},
	{IFACE_BRIDGE, "only a bridge here, which is used when it is named: --interface %s"},
};

static const struct iface *find_use(const struct ifaces *all, enum iface_use use)
{
	for (unsigned k = 0; k < all->n; k++)
		if (all->i[k].use == use)
			return &all->i[k];
	return NULL;
}

static void describe_unused(const struct ifaces *all, const struct ifaces_wanted *wanted, struct buf *out)
{
	const struct iface *wireless = find_use(all, IFACE_WIRELESS), *first = NULL;
	size_t r = 0;

	buf_z(out, "no wired network: ");
	while (r < ARRAY_LEN(reasons) && !(first = find_use(all, reasons[r].use)))
		r++;
	if (first) {
		const char *at = strstr(reasons[r].format, "%s");
		buf_fmt(out, "%.*s%s%s", (int)(at - reasons[r].format), reasons[r].format, first->name, at + 2);
	} else if (wanted->n) {
		buf_fmt(out, "this machine has no interface %s", wanted->names[0]);
	} else {
		buf_z(out, "this machine has no Ethernet interface");
	}
	if (wireless && first != wireless)
		buf_fmt(out, "; Wi-Fi is used when it is named: --interface %s", wireless->name);
}

void ifaces_describe(const struct ifaces *all, const struct ifaces_wanted *wanted, struct buf *out)
{
	if (ifaces_usable(all))
		describe_used(all, out);
	else
		describe_unused(all, wanted, out);
}
