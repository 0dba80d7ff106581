#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "base/mem.h"
#include "mdns/interfaces.h"

static struct iface wire(const char *name, const char *kind)
{
	struct iface i = {.index = 2, .hatype = ARPHRD_ETHER, .up = true, .carrier = true, .address_count = 1};

	snprintf(i.name, sizeof(i.name), "%s", name);
	snprintf(i.kind, sizeof(i.kind), "%s", kind);
	i.addresses[0] = (struct ip){.family = 4, .prefix = 24, .b = {10, 0, 0, 7}};
	return i;
}

static enum iface_use judge(struct iface i)
{
	static const struct ifaces_wanted any;

	return iface_judge(&i, &any);
}

static void test_judge(void **state)
{
	struct iface i = wire("eth0", "");

	assert_int_equal(judge(i), IFACE_USED);
	assert_int_equal(judge(wire("vA", "veth")), IFACE_USED);
	assert_int_equal(judge(wire("bond0", "bond")), IFACE_USED);
	assert_int_equal(judge(wire("eth0.5", "vlan")), IFACE_USED);
	assert_int_equal(judge(wire("docker0", "bridge")), IFACE_VIRTUAL);
	assert_int_equal(judge(wire("virbr0", "bridge")), IFACE_VIRTUAL);
	assert_int_equal(judge(wire("br0", "bridge")), IFACE_BRIDGE);
	assert_int_equal(judge(wire("tap0", "tun")), IFACE_VIRTUAL);
	i.carrier = false;
	assert_int_equal(judge(i), IFACE_NO_CARRIER);
	i.up = false;
	assert_int_equal(judge(i), IFACE_DOWN);
	i = wire("eth0", "");
	i.address_count = 0;
	assert_int_equal(judge(i), IFACE_NO_ADDRESS);
	i = wire("wlan0", "");
	i.wireless = true;
	assert_int_equal(judge(i), IFACE_WIRELESS);
	i = wire("veth12", "veth");
	i.member = true;
	assert_int_equal(judge(i), IFACE_MEMBER);
	i = wire("ppp0", "");
	i.hatype = ARPHRD_PPP;
	assert_int_equal(judge(i), IFACE_OTHER);
	i = wire("lo", "");
	i.hatype = ARPHRD_LOOPBACK;
	i.loopback = true;
	assert_int_equal(judge(i), IFACE_LOOPBACK);
}

static void test_named(void **state)
{
	struct ifaces_wanted named = {.names = {"wlan0", "docker0"}, .n = 2};
	struct iface i = wire("wlan0", "");

	i.wireless = true;
	assert_int_equal(iface_judge(&i, &named), IFACE_USED);
	i = wire("docker0", "bridge");
	assert_int_equal(iface_judge(&i, &named), IFACE_USED);
	i = wire("eth0", "");
	assert_int_equal(iface_judge(&i, &named), IFACE_UNNAMED);
	i.loopback = true;
	named.loopback = true;
	assert_int_equal(iface_judge(&i, &named), IFACE_USED);
}

static void says(struct ifaces *all, const struct ifaces_wanted *wanted, const char *text)
{
	struct buf out = {.max = 1000};

	ifaces_describe(all, wanted, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_clear(&out);
}

static void test_describe(void **state)
{
	struct ifaces_wanted any = {0}, named = {.names = {"eth7"}, .n = 1};
	struct ifaces all = {0};

	says(&all, &any, "no wired network: this machine has no Ethernet interface");
	says(&all, &named, "no wired network: this machine has no interface eth7");
	all.i[all.n++] = wire("wlan0", "");
	all.i[0].use = IFACE_WIRELESS;
	says(&all, &any, "no wired network: only Wi-Fi here, which is used when it is named: --interface wlan0");
	all.i[all.n++] = wire("eth0", "");
	all.i[1].use = IFACE_NO_CARRIER;
	says(&all, &any,
		"no wired network: no cable in eth0, or nothing at its other end; Wi-Fi is used when it is named: "
		"--interface wlan0");
	assert_false(ifaces_usable(&all));
	all.i[1].use = IFACE_USED;
	all.i[1].addresses[1] = (struct ip){.family = 6, .b = {0xfe, 0x80, [15] = 1}};
	all.i[1].address_count = 2;
	says(&all, &any, "wired: eth0 (10.0.0.7, fe80::1%eth0)");
	assert_true(ifaces_usable(&all));
}

static void test_equal(void **state)
{
	struct ifaces a = {.n = 1}, b;

	a.i[0] = wire("eth0", "");
	a.i[0].use = IFACE_USED;
	b = a;
	assert_true(ifaces_equal(&a, &b));
	b.i[0].flaps++;
	assert_false(ifaces_equal(&a, &b));
	b = a;
	b.i[0].addresses[0].b[3]++;
	assert_false(ifaces_equal(&a, &b));
	b = a;
	b.i[0].use = IFACE_DOWN;
	assert_false(ifaces_equal(&a, &b));
	assert_false(ifaces_equal(&b, &a));
}

/* What this machine really has: at least its loopback, when asked for. */
static void test_scan(void **state)
{
	struct ifaces_wanted wanted = {.loopback = true};
	struct ifaces all;

	assert_int_equal(ifaces_scan(&wanted, &all), 0);
	const struct iface *lo = ifaces_find(&all, 1);
	assert_non_null(lo);
	assert_true(lo->loopback);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_scan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
