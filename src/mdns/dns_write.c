#include "base/mem.h"
#include "mdns/dns.h"

static void put16(struct dns_writer *w, unsigned value)
{
	w->p[w->n++] = (uint8_t)(value >> 8);
	w->p[w->n++] = (uint8_t)value;
}

static void set16(struct dns_writer *w, size_t at, unsigned value)
{
	w->p[at] = (uint8_t)(value >> 8);
	w->p[at + 1] = (uint8_t)value;
}

static void count_up(struct dns_writer *w, size_t at) { set16(w, at, (unsigned)(w->p[at] << 8 | w->p[at + 1]) + 1); }

void dns_start(struct dns_writer *w, uint8_t *p, size_t max, uint16_t id, uint16_t flags)
{
	must(max >= DNS_HEAD);
	*w = (struct dns_writer){.p = p, .n = DNS_HEAD, .max = max};
	memset(p, 0, DNS_HEAD);
	set16(w, 0, id);
	set16(w, 2, flags);
}

void dns_set_flags(struct dns_writer *w, uint16_t flags) { set16(w, 2, flags); }

bool dns_empty(const struct dns_writer *w) { return w->n == DNS_HEAD; }

/* Is the name at `at` of what is written equal to these labels, byte by byte? It has at most one pointer a run, and
 * those go backwards. */
static bool same_at(const struct dns_writer *w, size_t at, const uint8_t *labels)
{
	for (;;) {
		while ((w->p[at] & 0xc0) == 0xc0)
			at = (size_t)(w->p[at] & 0x3f) << 8 | w->p[at + 1];
		if (w->p[at] != labels[0] || memcmp(w->p + at + 1, labels + 1, labels[0]) != 0)
			return false;
		if (labels[0] == 0)
			return true;
		at += 1u + labels[0];
		labels += 1u + labels[0];
	}
}

/* Where these labels stand already; 0 if nowhere. */
static size_t find_suffix(const struct dns_writer *w, const uint8_t *labels)
{
	for (unsigned i = 0; i < w->suffix_count; i++)
		if (same_at(w, w->suffixes[i], labels))
			return w->suffixes[i];
	return 0;
}

static void remember(struct dns_writer *w, size_t at)
{
	if (w->suffix_count < DNS_SUFFIXES && at < 0x4000)
		w->suffixes[w->suffix_count++] = (uint16_t)at;
}

/* Without a check of space: the caller made sure of DNS_NAME_MAX bytes. */
static void put_name(struct dns_writer *w, const struct dns_name *name)
{
	const uint8_t *labels = name->b;

	/* What is being written is found only when it is complete. */
	size_t fresh[DNS_NAME_MAX / 2];
	unsigned n = 0;

	for (; labels[0]; labels += 1u + labels[0]) {
		size_t at = find_suffix(w, labels);
		if (at) {
			put16(w, 0xc000 | (unsigned)at);
			break;
		}
		fresh[n++] = w->n;
		memcpy(w->p + w->n, labels, 1u + labels[0]);
		w->n += 1u + labels[0];
	}
	if (!labels[0])
		w->p[w->n++] = 0;
	for (unsigned i = 0; i < n; i++)
		remember(w, fresh[i]);
}

/* At most this much is written, compressed or not. */
static bool has_room(const struct dns_writer *w, size_t n) { return n <= w->max - w->n; }

bool dns_put_question(struct dns_writer *w, const struct dns_name *name, uint16_t type)
{
	if (!has_room(w, name->n + 4u))
		return false;
	put_name(w, name);
	put16(w, type);
	put16(w, DNS_IN);
	count_up(w, 4);
	return true;
}

static void put_rdata(struct dns_writer *w, const struct dns_record *record)
{
	struct dns_name name;
	size_t length_at = w->n;

	w->n += 2;
	if (record->type == DNS_PTR && dns_name_decode(&name, record->rdata, record->n) == 0) {
		put_name(w, &name);
	} else {
		memcpy(w->p + w->n, record->rdata, record->n);
		w->n += record->n;
	}
	set16(w, length_at, (unsigned)(w->n - length_at - 2));
}

bool dns_put_record(struct dns_writer *w, enum dns_section section, const struct dns_record *record)
{
	must(section >= w->section);
	if (!has_room(w, record->name.n + 10u + record->n))
		return false;
	w->section = section;
	put_name(w, &record->name);
	put16(w, record->type);
	put16(w, record->flush ? DNS_IN | DNS_TOP : DNS_IN);
	put16(w, record->ttl >> 16);
	put16(w, record->ttl & 0xffff);
	put_rdata(w, record);
	count_up(w, 6 + 2 * section);
	return true;
}
