#include "trace/carried.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "trace/dissect.h"
#include "trace/pcapng.h"

enum { RANDOM_DIGITS = 64, RANDOMS_MAX = 64 << 20 /* bytes of all that are compared */ };

/* Of an interface the last number counts: they are told from the beginning on. */
struct drops {
	uint64_t of[PCAPNG_INTERFACES_MAX], earlier; /* earlier: of sections before */
};

struct walk {
	struct pcapng_reader reader;
	struct carried carried;
	struct drops drops;
	struct buf randoms; /* RANDOM_DIGITS bytes each */
	struct pcapng_name *names;
	struct buf *names_out; /* NULL: they are counted only */
};

/* ---- what a block adds ---- */

static uint64_t all_drops(const struct drops *d)
{
	uint64_t sum = d->earlier;

	for (unsigned i = 0; i < PCAPNG_INTERFACES_MAX; i++)
		if (__builtin_add_overflow(sum, d->of[i], &sum))
			return UINT64_MAX;
	return sum;
}

/* "LABEL RANDOM SECRET" */
static void take_secrets(struct walk *w, struct str lines)
{
	while (lines.p && lines.n) {
		struct str rest = str_cut(&lines, '\n'), random;

		str_cut(&rest, ' ');
		random = rest.p ? str_cut(&rest, ' ') : STR_NONE;
		if (random.n == RANDOM_DIGITS)
			buf_str(&w->randoms, random);
	}
}

static bool has_name(const struct walk *w, const struct pcapng_name *name)
{
	for (unsigned i = 0; i < w->carried.names; i++)
		if (w->names[i].v6 == name->v6 && memcmp(w->names[i].address, name->address, 16) == 0)
			return true;
	return false;
}

static void take_names(struct walk *w, struct str records)
{
	struct pcapng_name name;

	while (w->carried.names < CARRIED_NAMES_MAX && pcapng_next_name(&w->reader, &records, &name))
		if (!has_name(w, &name))
			w->names[w->carried.names++] = name;
}

static void take_block(struct walk *w, const struct pcapng_block *b)
{
	w->carried.packets += b->kind == PCAPNG_PACKET;
	w->carried.comments += b->commented;
	if (b->kind == PCAPNG_SECTION)
		w->drops = (struct drops){.earlier = all_drops(&w->drops)};
	if (b->kind == PCAPNG_STATISTICS && b->drops_told && b->packet.interface < PCAPNG_INTERFACES_MAX) {
		w->drops.of[b->packet.interface] = b->dropped;
		w->carried.drops_told = true;
	}
	if (b->kind == PCAPNG_SECRETS)
		take_secrets(w, b->secrets);
	if (b->kind == PCAPNG_NAMES)
		take_names(w, b->names);
}

static int by_digits(const void *a, const void *b) { return memcmp(a, b, RANDOM_DIGITS); }

static unsigned count_sessions(struct buf *randoms)
{
	size_t n = buf_ok(randoms) ? randoms->n / RANDOM_DIGITS : 0;
	unsigned sessions = 0;

	if (n)
		qsort(randoms->p, n, RANDOM_DIGITS, by_digits);
	for (size_t i = 0; i < n; i++)
		sessions += !i || by_digits(randoms->p + i * RANDOM_DIGITS, randoms->p + (i - 1) * RANDOM_DIGITS) != 0;
	return sessions;
}

/* ---- the whole file ---- */

static void walk_bytes(struct walk *w, struct str all)
{
	struct pcapng_block b;

	pcapng_reader_init(&w->reader);
	buf_init(&w->randoms, RANDOMS_MAX);
	w->names = xcalloc(CARRIED_NAMES_MAX, sizeof(*w->names));
	while (pcapng_next(&w->reader, &all, &b) == 1)
		take_block(w, &b);
	w->carried.dropped = all_drops(&w->drops);
	w->carried.sessions = count_sessions(&w->randoms);
	if (w->names_out && w->carried.names)
		pcapng_put_names(w->names_out, w->names, w->carried.names);
	xfree(w->names);
	buf_clear(&w->randoms);
}

static void walk_file(struct walk *w, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *all = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (all != MAP_FAILED) {
		walk_bytes(w, (struct str){all, (size_t)st.st_size});
		munmap(all, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
}

void capture_carried(const char *file, struct carried *ret)
{
	struct walk w = {.names_out = NULL};

	walk_file(&w, file);
	*ret = w.carried;
}

void capture_names(const char *file, struct buf *out)
{
	struct walk w = {.names_out = out};

	walk_file(&w, file);
}

void capture_dropped(const char *file, struct dissected *ret)
{
	struct carried c;

	capture_carried(file, &c);
	ret->dropped = c.dropped;
	ret->drops_told = c.drops_told;
}

/* ---- words ---- */

static void put_count(struct buf *out, uint64_t n, const char *before, const char *what, const char *more)
{
	if (n)
		buf_fmt(out, "%s%s%llu %s%s", out->n ? ", " : "", before, (unsigned long long)n, what,
			n > 1 ? more : "");
}

void carried_put(const struct carried *c, struct buf *out)
{
	put_count(out, c->sessions, "secrets of ", "TLS session", "s");
	put_count(out, c->names, "names of ", "address", "es");
	put_count(out, c->comments, "", "comment", "s");
	if (c->dropped)
		buf_fmt(out, "%sthat packets were dropped", out->n ? ", " : "");
}

void dropped_put(const struct dissected *d, struct buf *out)
{
	if (d->dropped)
		buf_fmt(out, "%llu packet%s dropped by the system while this was captured: %s missing here",
			(unsigned long long)d->dropped, d->dropped == 1 ? " was" : "s were",
			d->dropped == 1 ? "it is" : "they are");
}

void dropped_json(const struct dissected *d, struct buf *out)
{
	if (d->drops_told)
		buf_fmt(out, "%llu", (unsigned long long)d->dropped);
	else
		buf_z(out, "null");
}
