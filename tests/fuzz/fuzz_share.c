/* Captures of anybody, to be shared: nothing is longer or shorter, no secrets are left, and done twice it is the same. */
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "trace/pcapng.h"
#include "trace/share.h"

static void check(struct str in)
{
	struct pcapng_reader r;
	struct pcapng_block b;
	int n;

	pcapng_reader_init(&r);
	while ((n = pcapng_next(&r, &in, &b)) == 1)
		must(b.kind != PCAPNG_SECRETS);
	must(n == 0 && in.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf in = {.max = 64 << 20};
	CLEANUP(buf_clear) struct buf out = {.max = 64 << 20};
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct share_result found = {0};

	buf_add(&in, data, size);
	if (share_bytes(&in, &out, &found, &why) != 0) {
		must(why.n > 0);
		return 0;
	}
	must(out.n <= in.n && (found.secrets || out.n == in.n));
	check(buf_view(&out));
	return 0;
}
