/* Where something said is on the wire: bytes, segments, records. */
#include <stdlib.h>

#include "base/mem.h"
#include "trace/track_i.h"

enum { RECORDS_MAX = 4 << 20, RECORD_HEAD = 5, EXTRA_TLS13 = 17, LOOK_BACK = 10000, SLACK = 16 };

/* ---- records ---- */

/* What encryption adds to a text: of TLS 1.3 the tag and one byte that says what it is; before, a nonce and the tag. */
static unsigned extra_of(const struct dissected *d, const struct dissected_frame *f)
{
	struct str name = field_first(d, f, F_TLS_CIPHER);
	char text[16] = "";
	unsigned cipher;

	if (!values_have(field_of(d, f, F_TLS_TYPE), "2"))
		return 0;
	memcpy(text, name.p, name.n < sizeof(text) - 1 ? name.n : sizeof(text) - 1);
	cipher = (unsigned)strtoul(text, NULL, 0);
	if (cipher >= 0x1301 && cipher <= 0x1305)
		return EXTRA_TLS13;
	/* AES-GCM and ChaCha20-Poly1305 with elliptic curves: what TLS 1.2 is used with. */
	if (cipher >= 0xc02b && cipher <= 0xc030)
		return 24;
	return cipher >= 0xcca8 && cipher <= 0xccaa ? 16 : 0;
}

uint32_t frame_index(const struct dissected *d, uint32_t number, uint32_t from)
{
	uint32_t low = 0, high = from + 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (d->frames[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low <= from && d->frames[low].number == number ? low : UINT32_MAX;
}

/* The sequence numbers of all that tshark put together in this frame. */
static void reach_of(const struct dissected *d, const struct dissected_frame *f, uint32_t index, uint32_t *first,
	uint32_t *end)
{
	struct str all = field_of(d, f, F_SEGMENTS);

	*first = f->seq;
	*end = f->seq + f->len;
	while (all.p && all.n) {
		struct str one = str_cut(&all, 0x1e);
		uint64_t n = 0;
		uint32_t i = str_uint(one, UINT32_MAX, &n) == 0 ? frame_index(d, (uint32_t)n, index) : UINT32_MAX;

		if (i == UINT32_MAX || d->frames[i].stream != f->stream || d->frames[i].opener != f->opener)
			continue;
		if (reaches(*first, d->frames[i].seq))
			*first = d->frames[i].seq;
		if (reaches(d->frames[i].seq + d->frames[i].len, *end))
			*end = d->frames[i].seq + d->frames[i].len;
	}
}

static void record_add(struct direction *dir, uint32_t frame, uint32_t n, uint32_t text_n)
{
	if (dir->record_n == RECORDS_MAX)
		return;
	if (dir->record_n == dir->record_cap) {
		dir->record_cap = dir->record_cap ? 2 * dir->record_cap : 16;
		dir->records = xrealloc(dir->records, dir->record_cap * sizeof(*dir->records));
	}
	dir->records[dir->record_n++] = (struct record){dir->next, n, dir->text, text_n, frame};
	dir->next += n;
	dir->text += text_n;
}

void records_add(struct dissected *d, const struct dissected_frame *f, uint32_t index, struct stream *s,
	struct direction *dir)
{
	struct str lengths = field_of(d, f, F_TLS_LENGTH), types = field_of(d, f, F_TLS_CONTENT);
	unsigned extra = extra_of(d, f);
	uint32_t first, end;

	if (extra)
		s->extra = extra;
	if (!lengths.n)
		return;
	reach_of(d, f, index, &first, &end);
	if (!dir->follows)
		dir->next = first;
	dir->follows = true;
	while (lengths.p) {
		struct str one = str_cut(&lengths, 0x1e);
		struct str type = types.p ? str_cut(&types, 0x1e) : STR_NONE;
		uint64_t n = 0;
		bool chat = str_is(type, "23") && s->extra; /* the inner type: told of what could be decrypted */

		str_uint(one, 1 << 16, &n);
		record_add(dir, index, (uint32_t)n + RECORD_HEAD, chat && n > s->extra ? (uint32_t)n - s->extra : 0);
	}
	/* Past what has come: something is missing in this capture. */
	if (!reaches(end, dir->next))
		dir->follows = false;
}

/* ---- places ---- */

static const struct direction *direction_of(const struct dissected *d, const struct dissected_frame *f)
{
	const struct stream *s = stream_at(d, f->stream);

	return s ? &s->dirs[!f->opener] : NULL;
}

/* The first record that has text after this byte. */
static uint32_t record_at(const struct direction *dir, uint64_t at)
{
	uint32_t low = 0, high = dir->record_n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (dir->records[middle].text + dir->records[middle].text_n <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of what the decrypted text is, byte for byte, the records know. */
static bool in_records(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct place *p)
{
	const struct direction *dir = direction_of(d, f);
	uint32_t from, to;

	if (!dir || !e->size || e->at > UINT64_MAX - e->size)
		return false;
	from = record_at(dir, e->at);
	to = record_at(dir, e->at + e->size - 1);
	if (to >= dir->record_n || dir->records[to].frame != (uint32_t)(f - d->frames))
		return false;
	p->first = dir->records[from].first;
	p->last = dir->records[to].first + dir->records[to].n - 1;
	p->text_first = (uint32_t)(e->at - dir->records[from].text);
	for (uint32_t i = from; i <= to; i++) {
		p->records += dir->records[i].text_n > 0;
		p->text_n += dir->records[i].text_n;
	}
	return true;
}

static bool in_clear(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct place *p)
{
	uint32_t first, end;

	if (!e->size)
		return false;
	reach_of(d, f, (uint32_t)(f - d->frames), &first, &end);
	p->last = end - e->after - 1;
	p->first = p->last - e->size + 1;
	return true;
}

/* Has the frame a byte of it? */
static bool carries(const struct dissected_frame *f, const struct place *p)
{
	return reaches(p->last, f->seq) && reaches(f->seq + f->len, p->first + 1);
}

/* Steps back through the segments of a direction, until all earlier ones were before the place. */
static uint32_t step_back(const struct dissected *d, uint32_t i, const struct place *p, unsigned *outside,
	unsigned *steps)
{
	*outside = carries(&d->frames[i], p) || reaches(d->frames[i].seq, p->last) ? 0 : *outside + 1;
	return ++*steps < LOOK_BACK && *outside < SLACK && d->frames[i].before ? d->frames[i].before - 1 : UINT32_MAX;
}

/* The first frame that has the last byte. */
static uint32_t carrier(const struct dissected *d, uint32_t index, const struct place *p)
{
	const struct place end = {.first = p->last, .last = p->last};
	unsigned outside = 0, steps = 0;
	uint32_t found = index;

	for (uint32_t i = index; i != UINT32_MAX; i = step_back(d, i, &end, &outside, &steps))
		if (carries(&d->frames[i], &end))
			found = i;
	return found;
}

static uint32_t acknowledged(const struct dissected *d, uint32_t index, uint32_t last)
{
	const struct dissected_frame *f = &d->frames[index];
	uint32_t end = f->acked_by ? f->acked_by : d->n;

	for (uint32_t i = index + 1; i < end && i - index < LOOK_BACK; i++) {
		const struct dissected_frame *by = &d->frames[i];

		if (by->stream == f->stream && by->opener != f->opener && by->flags & TCP_ACK &&
			reaches(by->ack, last + 1))
			return i + 1;
	}
	return f->acked_by;
}

void chat_place(const struct dissected *d, const struct dissected_frame *f, const struct chat_event *e,
	struct place *ret)
{
	*ret = (struct place){0};
	ret->exact = f->encrypted ? in_records(d, f, e, ret) : in_clear(d, f, e, ret);
	if (!ret->exact)
		*ret = (struct place){.first = f->seq, .last = f->seq + f->len - 1};
	if (f->len)
		ret->acked_by = acknowledged(d, carrier(d, (uint32_t)(f - d->frames), ret), ret->last);
}

/* From the last one back. The k-th of `all` is put where it stands from the first on; all 0: they are counted. */
static unsigned walk_segments(const struct dissected *d, const struct dissected_frame *f, const struct place *p,
	unsigned all, uint32_t *ret, unsigned max)
{
	unsigned n = 0, outside = 0, steps = 0;

	for (uint32_t i = (uint32_t)(f - d->frames); i != UINT32_MAX; i = step_back(d, i, p, &outside, &steps)) {
		if (!carries(&d->frames[i], p) || d->frames[i].had)
			continue;
		n++;
		if (n <= all && all - n < max)
			ret[all - n] = i;
	}
	return n;
}

unsigned place_segments(const struct dissected *d, const struct dissected_frame *f, const struct place *p,
	uint32_t *ret, unsigned max)
{
	unsigned all = walk_segments(d, f, p, 0, NULL, 0);

	return walk_segments(d, f, p, all, ret, max);
}

unsigned place_again(const struct dissected *d, const struct dissected_frame *f, const struct place *p, uint32_t *ret,
	unsigned max)
{
	const struct direction *dir = direction_of(d, f);
	unsigned n = 0;

	for (uint32_t i = 0; dir && i < dir->again.n; i++) {
		uint32_t at = dir->again.v[i];

		if (d->frames[at].again == AGAIN_LATE || !carries(&d->frames[at], p))
			continue;
		if (n < max)
			ret[n] = at;
		n++;
	}
	return n;
}

bool is_last_data(const struct dissected *d, const struct dissected_frame *f)
{
	const struct direction *dir = direction_of(d, f);

	return dir && dir->last == (uint32_t)(f - d->frames) + 1;
}

struct connection_facts connection_facts(const struct dissected *d, int32_t stream)
{
	const struct stream *s = stream_at(d, stream);

	return s ? s->facts : (struct connection_facts){0};
}
