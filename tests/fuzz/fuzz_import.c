/* Text dumps of anybody: what comes out is a capture file of as many packets as were said. */
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "trace/import.h"
#include "trace/pcapng.h"

static void check(struct str in, unsigned packets)
{
	struct pcapng_reader r;
	struct pcapng_block b;

	pcapng_reader_init(&r);
	for (unsigned i = 0; i < packets + 2; i++)
		must(pcapng_next(&r, &in, &b) == 1);
	must(in.n == 0 && b.kind == PCAPNG_PACKET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf out = {.max = 64 << 20};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct packet_end ends[2];
	struct import_options o = {NULL, NULL};
	/* A copy of its own length: a byte too far is seen. */
	uint8_t *copy = xmemdup(data, size ? size : 1);
	unsigned packets = 0;

	must(packet_end_read(STR("[fd00::1]:1"), &ends[0]) && packet_end_read(STR("[fd00::2]:2"), &ends[1]));
	if (size % 2)
		o = (struct import_options){&ends[0], &ends[1]};
	if (import_text((struct str){(const char *)copy, size}, &o, &out, &packets, &why) == 0)
		check(buf_view(&out), packets);
	else
		must(why.n > 0);
	xfree(copy);
	return 0;
}
