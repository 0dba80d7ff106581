#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/links.h"

static void reads_ends(void **state)
{
	static const struct {
		const char *text;
		bool good, v6;
		uint16_t port;
		const char *scope;
	} ends[] = {
		{"10.0.0.7:5298", true, false, 5298, ""},
		{"[fe80::1%eth0]:1", true, true, 1, "eth0"},
		{"[::1]:65535", true, true, 65535, ""},
		{"10.0.0.7", false, false, 0, ""},
		{"10.0.0.7:", false, false, 0, ""},
		{"10.0.0.7:65536", false, false, 0, ""},
		{":5298", false, false, 0, ""},
		{"", false, false, 0, ""},
		{"localhost:5298", false, false, 0, ""},
		{"[fe80::1%a-name-that-is-too-long]:1", false, false, 0, ""},
		{"[]:1", false, false, 0, ""},
		{"[:1", false, false, 0, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct links_end end = {.port = 7};

		assert_int_equal(links_end_parse(str_z(ends[i].text), &end), ends[i].good);
		if (!ends[i].good) {
			assert_int_equal(end.port, 7);
			continue;
		}
		assert_int_equal(end.port, ends[i].port);
		assert_int_equal(end.v6, ends[i].v6);
		assert_string_equal(end.scope, ends[i].scope);
	}
}

static struct links_row row(const char *own, const char *other, bool meant)
{
	struct links_row r = {.up = own != NULL, .meant = meant};

	if (own)
		assert_true(links_end_parse(str_z(own), &r.own));
	assert_true(links_end_parse(str_z(other), &r.other));
	snprintf(r.label, sizeof(r.label), "%s", meant ? "bob" : "carol");
	return r;
}

static struct frame frame(uint8_t protocol, const char *from, const char *to)
{
	struct links_end a, b;
	struct frame f = {.protocol = protocol};

	assert_true(links_end_parse(str_z(from), &a) && links_end_parse(str_z(to), &b));
	f.v6 = a.v6;
	memcpy(f.from, a.address, 16);
	memcpy(f.to, b.address, 16);
	f.from_port = a.port;
	f.to_port = b.port;
	return f;
}

/* Bob is meant. Carol is on the same machine as he, behind another port. */
static void tells_whose_a_packet_is(void **state)
{
	struct links *l = xcalloc(1, sizeof(*l));
	static const struct {
		uint8_t protocol;
		const char *from, *to;
		bool meant;
	} packets[] = {
		{FRAME_TCP, "10.0.0.1:40000", "10.0.0.2:5298", true},
		{FRAME_TCP, "10.0.0.2:5298", "10.0.0.1:40000", true},
		{FRAME_TCP, "10.0.0.2:5299", "10.0.0.1:40001", false}, /* Carol's connection */
		{FRAME_TCP, "10.0.0.2:45000", "10.0.0.1:5298", true},  /* Bob's, not up yet */
		{FRAME_TCP, "10.0.0.3:5298", "10.0.0.1:40000", false},
		{FRAME_UDP, "10.0.0.2:5353", "224.0.0.251:5353", true},
		{FRAME_UDP, "10.0.0.1:5353", "224.0.0.251:5353", true},
		{FRAME_UDP, "10.0.0.3:5353", "224.0.0.251:5353", false},
		{FRAME_TCP, "[fe80::3]:1", "[fe80::4]:2", false},
	};

	l->rows[l->n++] = row(NULL, "10.0.0.2:5298", true);
	l->rows[l->n++] = row("10.0.0.1:40000", "10.0.0.2:5298", true);
	l->rows[l->n++] = row("10.0.0.1:40001", "10.0.0.2:5299", false);
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		struct frame f = frame(packets[i].protocol, packets[i].from, packets[i].to);

		assert_int_equal(links_meant(l, &f), packets[i].meant);
	}
	xfree(l);
}

static void names_each_address_once(void **state)
{
	struct links *l = xcalloc(1, sizeof(*l));
	struct pcapng_name names[8];

	snprintf(l->self, sizeof(l->self), "alice");
	l->rows[l->n++] = row(NULL, "10.0.0.3:5298", false);
	l->rows[l->n++] = row(NULL, "10.0.0.2:5298", false);
	l->rows[l->n++] = row("10.0.0.1:40000", "10.0.0.2:5298", true);
	l->rows[l->n++] = row("10.0.0.1:40001", "10.0.0.2:5298", true);
	assert_int_equal(links_names(l, names, 8), 3);
	assert_true(str_is(names[0].name, "bob")); /* of the link, not what was only told */
	assert_true(str_is(names[1].name, "alice"));
	assert_true(str_is(names[2].name, "carol"));
	assert_int_equal(links_names(l, names, 2), 2);
	xfree(l);
}

static void nobody_is_there(void **state)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	struct links *l = xcalloc(1, sizeof(*l));

	assert_int_equal(links_ask(l, "/nowhere/at/all", NULL, &why), ERR_NOTFOUND);
	assert_true(why.n > 0);
	xfree(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ends),
		cmocka_unit_test(tells_whose_a_packet_is),
		cmocka_unit_test(names_each_address_once),
		cmocka_unit_test(nobody_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
