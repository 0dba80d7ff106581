/* For fuzz targets (tests/fuzz): the entry that libFuzzer calls, and a reader that turns its bytes into choices.
 * Broken expectations abort, by must(). */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* returns 0 */

struct fuzz_input {
	const uint8_t *p;
	size_t n;
};

/* A number in 0..max, taken from the end of the input, so that what is left stays readable text; 0 when there is no
 * more. */
static inline uint32_t fuzz_choice(struct fuzz_input *in, uint32_t max)
{
	uint32_t value = 0;
	for (uint32_t left = max; left > 0 && in->n > 0; left >>= 8)
		value = value << 8 | in->p[--in->n];
	return max == UINT32_MAX ? value : value % (max + 1);
}

#endif
