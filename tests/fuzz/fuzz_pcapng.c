/* Capture files of anybody. What is read, written again by us, is read as the same. */
#include "base/err.h"
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "trace/pcapng.h"

static void check_packet(const struct pcapng_packet *p)
{
	CLEANUP(buf_clear) struct buf out = {.max = (size_t)2 * PCAPNG_BLOCK_MAX};
	struct pcapng_packet copy = *p;
	struct pcapng_reader r;
	struct pcapng_block b;
	struct str in;

	copy.interface = 0;
	pcapng_put_section(&out, STR("fuzz"), STR_NONE);
	pcapng_put_interface(&out, PCAPNG_ETHERNET, STR("e"), STR_NONE);
	pcapng_put_packet(&out, &copy);
	must(buf_ok(&out));
	in = buf_view(&out);
	pcapng_reader_init(&r);
	for (int i = 0; i < 3; i++)
		must(pcapng_next(&r, &in, &b) == 1);
	must(in.n == 0 && b.packet.time == p->time && b.packet.length == p->length && str_eq(b.packet.data, p->data));
}

static void check_names(const struct pcapng_reader *r, struct str names)
{
	const char *end = names.p ? names.p + names.n : NULL;
	struct pcapng_name n;

	while (pcapng_next_name(r, &names, &n))
		must(n.name.p + n.name.n <= end && !memchr(n.name.p, '\0', n.name.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own length: a byte too far is seen. */
	uint8_t *copy = xmemdup(data, size ? size : 1);
	struct str in = {(const char *)copy, size};
	struct pcapng_reader r;
	struct pcapng_block b;
	size_t left = size;

	pcapng_reader_init(&r);
	while (pcapng_next(&r, &in, &b) == 1) {
		must(b.raw.n >= 12 && b.raw.n <= PCAPNG_BLOCK_MAX && in.n == left - b.raw.n);
		must(b.raw.p + b.raw.n == in.p && r.interface_n <= PCAPNG_INTERFACES_MAX);
		left = in.n;
		if (b.kind == PCAPNG_PACKET)
			check_packet(&b.packet);
		check_names(&r, b.names);
	}
	xfree(copy);
	return 0;
}
