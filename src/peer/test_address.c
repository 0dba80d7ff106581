#include "peer/testing.h"

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
		if (!address_is(str_z(good[i])))
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
		"10.0.0.7:0",
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
		if (address_is(str_z(bad[i])))
			fail_msg("%s", bad[i]);
	assert_false(address_is(STR_NONE));
	assert_false(address_is(STR("[fe80::1%et\0h0]:5298")));
	assert_false(address_is(STR("10.0.0.7\0:5298")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are),
		cmocka_unit_test(are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
