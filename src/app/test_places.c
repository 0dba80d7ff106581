#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "app/places.h"
#include "base/mem.h"

/* Of an interface that the node uses, or not. */
static void add(struct machine *m, const char *interface, enum iface_use use, struct ip ip)
{
	struct ifaces *used = &m->used;
	struct here *h = &m->here[m->n++];
	struct iface *i = used->n && strcmp(used->i[used->n - 1].name, interface) == 0 ? &used->i[used->n - 1] : NULL;

	h->ip = ip;
	snprintf(h->interface, sizeof(h->interface), "%s", interface);
	if (!i && use <= IFACE_BRIDGE) {
		i = &used->i[used->n++];
		i->use = use;
		snprintf(i->name, sizeof(i->name), "%s", interface);
	}
	if (i)
		i->addresses[i->address_count++] = ip;
}

static struct ip v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t prefix)
{
	return (struct ip){.family = 4, .prefix = prefix, .b = {a, b, c, d}};
}

static struct ip v6(uint8_t first, uint8_t second, uint8_t last)
{
	return (struct ip){.family = 6, .b = {[0] = first, [1] = second, [15] = last}};
}

/* A machine with a wire, Wi-Fi, docker and itself. */
static struct machine *machine(void)
{
	static struct machine m;

	memset(&m, 0, sizeof(m));
	add(&m, "lo", IFACE_LOOPBACK, v4(127, 0, 0, 1, 8));
	add(&m, "lo", IFACE_LOOPBACK, v6(0, 0, 1));
	add(&m, "eth0", IFACE_USED, v4(10, 0, 0, 7, 24));
	add(&m, "eth0", IFACE_USED, v6(0x20, 1, 7));
	add(&m, "eth0", IFACE_USED, v6(0xfe, 0x80, 7));
	add(&m, "wlan0", IFACE_WIRELESS, v4(10, 0, 9, 7, 22));
	add(&m, "docker0", IFACE_VIRTUAL, v4(172, 17, 0, 1, 16));
	return &m;
}

static void assert_list(const struct place_list *l, const char *wanted)
{
	CLEANUP(buf_clear) struct buf text = {.max = 65536};

	for (unsigned i = 0; l->item[i]; i++)
		buf_fmt(&text, "%s%s", i ? " " : "", l->item[i]);
	assert_string_equal(buf_cstr(&text), wanted);
}

static struct places *of(const char *one, const char *other)
{
	static struct places p;
	const char *listening[] = {one, other};

	places_of(&p, listening, other ? 2 : one ? 1 : 0, machine());
	return &p;
}

/* Exactly what is listened on is told, each with its own port. */
static void tells_what_is_listened_on(void **state)
{
	static const struct {
		const char *one, *other, *told;
		uint16_t port;
	} cases[] = {
		{"*:5298", NULL, "10.0.0.7:5298 [2001::7]:5298", 5298},
		{"0.0.0.0:5298", NULL, "10.0.0.7:5298", 5298},
		{"[::]:5299", NULL, "[2001::7]:5299", 5299},
		{"0.0.0.0:1", "[::]:2", "10.0.0.7:1 [2001::7]:2", 1},
		{"10.0.0.7:5298", NULL, "10.0.0.7:5298", 5298},
		{"10.0.0.7:4000", "10.0.9.7:5000", "10.0.0.7:4000 10.0.9.7:5000", 4000}, /* asked for by name */
		{"10.0.0.7:4000", "*:4000", "10.0.0.7:4000 [2001::7]:4000", 4000},
		{"127.0.0.1:5298", NULL, "", 5298},
		{"127.0.0.1:4000", "10.0.0.7:5000", "10.0.0.7:5000",
			5000}, /* the network hears of the port that it reaches */
		{"[fe80::7%eth0]:5298", NULL, "", 5298},
		{NULL, NULL, "", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct places *p = of(cases[i].one, cases[i].other);

		assert_list(&p->told, cases[i].told);
		assert_int_equal(p->port, cases[i].port);
	}
}

static void knows_itself(void **state)
{
	assert_list(&of("10.0.0.7:4000", "127.0.0.1:5000")->own, "10.0.0.7:4000 127.0.0.1:5000");
	assert_list(&of("*:5298", NULL)->own,
		"0.0.0.0:5298 [::]:5298 127.0.0.1:5298 [::1]:5298 10.0.0.7:5298 [2001::7]:5298 [fe80::7%eth0]:5298 "
		"10.0.9.7:5298 172.17.0.1:5298");
	assert_list(&of("*:5298", NULL)->broadcast, "10.0.0.255:0 10.0.11.255:0 172.17.255.255:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_listened_on),
		cmocka_unit_test(knows_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
