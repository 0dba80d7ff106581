#include "peer/testing.h"

static bool is_address(struct str text)
{
	struct address a;

	return address_read(text, &a);
}

static void are(void **state)
{
	static const char *const good[] = {
		"10.0.0.7:5298",
		"0.0.0.0:1",
		"255.255.255.255:65535",
		"[::1]:5298",
		"[fe80::1%eth0]:5298",
		"[fe80::1%enp0s31f6.100]:80",
		"[fe80::1%veth-a@if3]:80",
		"[2001:db8:1:2:3:4:5:6]:5298",
		"[::ffff:10.0.0.7]:5298",
		"[FE80::ABCD]:5298",
		"[::]:5298",
		"[1::]:5298",
		"[1:2:3:4:5:6:10.0.0.7]:5298",
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!is_address(str_z(good[i])))
			fail_msg("%s", good[i]);
}

static void are_not(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		":5298",
		"10.0.0.7",
		"10.0.0.7:",
		"010.0.0.7:5298",
		"10.0.0.07:5298",
		"[\x10::1]:5298",
		"[1:2:3:4:5:6:7:10.0.0.7]:5298",
		"10.0.0.7:65536",
		"10.0.0.7:99999999999999999999",
		"10.0.0.7:-1",
		"10.0.0.7:+1",
		"10.0.0.7: 1",
		"10.0.0.7:5298 ",
		" 10.0.0.7:5298",
		"10.0.0.7:52x8",
		"10.0.0:5298",
		"10.0.0.7.8:5298",
		"10.0.0.7.:5298",
		".10.0.0.7:5298",
		"10..0.7:5298",
		"10.0.0.256:5298",
		"bravo.local:5298",
		"localhost:5298",
		"[]:5298",
		"[1]:5298",
		"[::1]",
		"[::1]:",
		"[::1:5298",
		"::1]:5298",
		"fe80::1:5298",
		"[fe80::1%]:5298",
		"[fe80::1%a name]:5298",
		"[fe80::1%sixteen-letters-]:5298",
		"[fe80::1%eth0%eth1]:5298",
		"[fe80::g]:5298",
		"[1:2:3:4:5:6:7:8:9:a]:5298",
		"[10.0.0.7]:5298",
		"[10.0.0.7::1]:5298",
		"[1:2:3:4:5:6:7]:5298",
		"[1:2:3:4:5:6:7::8:9]:5298",
		"[1::2::3]:5298",
		"[1:::2]:5298",
		"[:1:2]:5298",
		"[1::2:]:5298",
		"[12345::1]:5298",
		"[10.0.0.7:5298:5298]:5298",
		"[bravo.local]:5298",
		"10.0.0.7:5298\n",
		"[::1]\n:5298",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (is_address(str_z(bad[i])))
			fail_msg("%s", bad[i]);
	assert_false(is_address(STR_NONE));
	assert_false(is_address(STR("[fe80::1%et\0h0]:5298")));
	assert_false(is_address(STR("10.0.0.7\0:5298")));
}

static void bytes(void **state)
{
	static const struct {
		const char *text;
		uint8_t ip[16];
		uint16_t port;
		const char *zone;
	} cases[] = {
		{"10.0.0.7:5298", {[10] = 0xff, 0xff, 10, 0, 0, 7}, 5298, ""},
		{"[::FFFF:10.0.0.7]:1", {[10] = 0xff, 0xff, 10, 0, 0, 7}, 1, ""},
		{"[fe80::1%eth0]:0", {0xfe, 0x80, [15] = 1}, 0, "eth0"},
		{"[1:203:a0b::D]:2", {0, 1, 2, 3, 0xa, 0xb, [15] = 0xd}, 2, ""},
		{"[1::]:2", {0, 1}, 2, ""},
		{"[::]:2", {0}, 2, ""},
		{"[0:1:2:3:4:5:1.2.3.4]:2", {0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 1, 2, 3, 4}, 2, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address a;

		assert_true(address_read(str_z(cases[i].text), &a));
		assert_memory_equal(a.ip, cases[i].ip, 16);
		assert_int_equal(a.port, cases[i].port);
		assert_true(str_eq(a.zone.n ? a.zone : STR(""), str_z(cases[i].zone)));
	}
}

/* Where nobody can ever be. */
static void faults(void **state)
{
	static const struct {
		const char *text, *why; /* NULL: none */
	} cases[] = {
		{"10.0.0.7:5298", NULL},
		{"127.0.0.1:5298", NULL},
		{"169.254.1.1:5298", NULL},
		{"[::1]:5298", NULL},
		{"[2001:db8::1]:5298", NULL},
		{"[fe80::1%eth0]:5298", NULL},
		{"[febf::1%eth0]:5298", NULL},
		{"[fec0::1]:5298", NULL},
		{"223.255.255.1:5298", NULL},
		{"10.0.0.7:0", "0 is no port"},
		{"0.0.0.0:5298", "any address"},
		{"0.1.2.3:5298", "any address"},
		{"[::]:5298", "any address"},
		{"[::ffff:0.0.0.0]:5298", "any address"},
		{"224.0.0.1:5298", "multicast"},
		{"239.255.255.255:5298", "multicast"},
		{"[ff02::1]:5298", "multicast"},
		{"[ff02::1%eth0]:5298", "multicast"},
		{"[::ffff:224.0.0.1]:5298", "multicast"},
		{"240.0.0.1:5298", "broadcast"},
		{"255.255.255.255:5298", "broadcast"},
		{"[fe80::1]:5298", "fe80::1%eth0"},
		{"[febf::1]:5298", "fe80::1%eth0"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address a;
		const char *why;

		assert_true(address_read(str_z(cases[i].text), &a));
		why = address_fault(&a);
		if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
			fail_msg("%s: %s", cases[i].text, why ? why : "nothing wrong");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are),
		cmocka_unit_test(are_not),
		cmocka_unit_test(bytes),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
