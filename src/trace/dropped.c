/* How many packets a capture file says that the system dropped. tshark does not tell it. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/dissect.h"
#include "trace/pcapng.h"

/* Of an interface the last number counts: they are told from the beginning on. */
struct drops {
	uint64_t of[PCAPNG_INTERFACES_MAX], earlier; /* earlier: of sections before */
};

static uint64_t all_of(const struct drops *d)
{
	uint64_t sum = d->earlier;

	for (unsigned i = 0; i < PCAPNG_INTERFACES_MAX; i++)
		if (__builtin_add_overflow(sum, d->of[i], &sum))
			return UINT64_MAX;
	return sum;
}

static uint64_t count(struct str all)
{
	struct pcapng_reader r;
	struct pcapng_block b;
	struct drops d = {0};

	pcapng_reader_init(&r);
	while (pcapng_next(&r, &all, &b) == 1) {
		if (b.kind == PCAPNG_SECTION)
			d = (struct drops){.earlier = all_of(&d)};
		if (b.kind == PCAPNG_STATISTICS && b.packet.interface < PCAPNG_INTERFACES_MAX)
			d.of[b.packet.interface] = b.dropped;
	}
	return all_of(&d);
}

uint64_t capture_dropped(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *all = MAP_FAILED;
	uint64_t n = 0;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (all != MAP_FAILED) {
		n = count((struct str){all, (size_t)st.st_size});
		munmap(all, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	return n;
}

void dropped_put(const struct dissected *d, struct buf *out)
{
	if (d->dropped)
		buf_fmt(out, "%llu packet%s dropped by the system while this was captured: %s missing here",
			(unsigned long long)d->dropped, d->dropped == 1 ? " was" : "s were",
			d->dropped == 1 ? "it is" : "they are");
}
