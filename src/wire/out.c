/* The out-queue: references to packets, written in order, batched into as few sends as possible. What goes out is
 * made from the entries anew after a partial write: immutable packets give the same bytes again, so nothing
 * has to be buffered for a slow reader (and TLS gets the same bytes at the repeated call, as it must). */
#include "wire/wire_i.h"

enum { SPARE_MIN = 256 };

/* A message to all of a room needs a chunk for each connection at once. */
static uint32_t spare_max(const struct wire *w) { return w->conns.n > SPARE_MIN ? w->conns.n : SPARE_MIN; }

static struct out_chunk *chunk_new(struct wire *w)
{
	struct out_chunk *k = w->spare;

	if (k) {
		w->spare = k->next;
		w->spare_n--;
	} else {
		k = xmalloc(sizeof(*k));
	}
	k->next = NULL;
	k->first = k->n = 0;
	return k;
}

static void chunk_free(struct wire *w, struct out_chunk *k)
{
	if (w->spare_n >= spare_max(w)) {
		xfree(k);
		return;
	}
	k->next = w->spare;
	w->spare = k;
	w->spare_n++;
}

static void free_spare(struct wire *w, uint32_t keep)
{
	struct out_chunk *k;

	while (w->spare_n > keep) {
		k = w->spare;
		w->spare = k->next;
		w->spare_n--;
		xfree(k);
	}
}

void out_trim_spare(struct wire *w) { free_spare(w, spare_max(w)); }

void out_free_spare(struct wire *w) { free_spare(w, 0); }

/* ---- filling ---- */

void out_touch(struct conn *c)
{
	if (c->link && !list_linked(&c->dirty))
		list_append(&c->wire->dirty, &c->dirty);
}

void out_add(struct conn *c, struct packet *p, uint64_t commit, bool counted)
{
	struct out *o = &c->out;

	if (!o->tail || o->tail->n == OUT_CHUNK) {
		struct out_chunk *k = chunk_new(c->wire);

		if (o->tail)
			o->tail->next = k;
		else
			o->head = k;
		o->tail = k;
	}
	if (!o->next_chunk) {
		o->next_chunk = o->tail;
		o->next_index = o->tail->n;
	}
	o->tail->e[o->tail->n++] = (struct out_entry){.p = packet_ref(p), .commit = commit, .counted = counted};
	o->unsent++;
	o->bytes += packet_view(p).n;
	out_touch(c);
}

void out_raw(struct conn *c, struct str bytes, uint64_t commit)
{
	struct packet *p;

	if (!bytes.n)
		return;
	p = packet_raw(bytes);
	out_add(c, p, commit, false);
	packet_unref(&p);
}

/* ---- taking away ---- */

static void drop(struct out *o, struct out_entry *e)
{
	o->bytes -= packet_view(e->p).n;
	packet_unref(&e->p);
}

static void advance_next(struct out *o)
{
	o->offset = 0;
	o->unsent--;
	o->next_index++;
	if (o->next_index < o->next_chunk->n)
		return;
	o->next_chunk = o->next_chunk->next;
	o->next_index = o->next_chunk ? o->next_chunk->first : 0;
}

/* Frees what is at the head and needs no acknowledgement. */
static void trim_head(struct conn *c)
{
	struct out *o = &c->out;

	while (o->head) {
		struct out_chunk *k = o->head;

		while (k->first < k->n && !k->e[k->first].p && !(k == o->next_chunk && k->first == o->next_index))
			k->first++;
		if (k->first < k->n || (k == o->next_chunk))
			return;
		o->head = k->next;
		if (!o->head)
			o->tail = NULL;
		chunk_free(c->wire, k);
	}
}

static void put_bytes(const struct conn *c, const struct packet *p, struct buf *out)
{
	struct str b = packet_view(p);

	if (p->raw || !p->fill) {
		buf_str(out, b);
		return;
	}
	buf_add(out, b.p, p->hole);
	buf_z(out, c->to_attr);
	buf_add(out, b.p + p->hole, b.n - p->hole);
}

static void tell(const struct conn *c, const struct packet *p)
{
	CLEANUP(buf_clear) struct buf xml = {.max = (size_t)8 << 20};

	put_bytes(c, p, &xml);
	tap_stanza(c, true, buf_view(&xml));
}

static void written(struct conn *c)
{
	struct out *o = &c->out;
	struct out_entry *e = &o->next_chunk->e[o->next_index];

	c->wire->stats.packets_out++;
	if (e->counted && tap_on(c))
		tell(c, e->p);
	if (e->counted) {
		o->unacked++;
	} else {
		if (e->p->tag)
			conn_link_arrived(c, e->p->tag);
		drop(o, e);
	}
	advance_next(o);
}

bool out_acked(struct conn *c, uint32_t n)
{
	struct out *o = &c->out;

	if (n > o->unacked)
		return false;
	o->unacked -= n;
	for (struct out_chunk *k = o->head; k && n; k = k->next)
		for (uint32_t i = k->first; i < k->n && n; i++)
			if (k->e[i].p && k->e[i].counted) {
				if (k->e[i].p->tag)
					conn_link_arrived(c, k->e[i].p->tag);
				drop(o, &k->e[i]);
				n--;
			}
	trim_head(c);
	return true;
}

void out_take_rest(struct conn *c, struct packets *ret)
{
	struct out *o = &c->out;

	for (struct out_chunk *k = o->head, *next; k; k = next) {
		next = k->next;
		for (uint32_t i = k->first; i < k->n; i++) {
			if (k->e[i].p && !k->e[i].p->raw)
				packets_add(ret, &k->e[i].p);
			packet_unref(&k->e[i].p);
		}
		chunk_free(c->wire, k);
	}
	idle_take_rest(c, ret);
	*o = (struct out){0};
}

void out_clear(struct conn *c)
{
	struct packets none = {0};

	out_take_rest(c, &none);
	packets_clear(&none);
}

/* Entries never to be released become nothing. What was offered to the link already is older than anything held, so
 * the link still sees the same bytes again. */
bool out_expire(struct conn *c, uint64_t from, struct packets *ret)
{
	struct out *o = &c->out;
	struct out_chunk *k = o->next_chunk;
	uint32_t i = o->next_index;

	for (; k; k = k->next, i = k ? k->first : 0)
		for (; i < k->n; i++) {
			struct out_entry *e = &k->e[i];

			if (e->commit < from || !e->p)
				continue;
			if (e->p->raw)
				return false;
			o->bytes -= packet_view(e->p).n;
			packets_add(ret, &e->p);
			e->counted = false;
			e->commit = 0;
		}
	out_touch(c);
	return true;
}

bool out_waits(const struct conn *c)
{
	const struct out *o = &c->out;

	return o->next_chunk && o->next_chunk->e[o->next_index].commit > c->wire->committed;
}

/* ---- writing ---- */

static size_t length(const struct conn *c, const struct packet *p)
{
	return packet_view(p).n + (p->fill && !p->raw ? strlen(c->to_attr) : 0);
}

/* As many released entries as fit, beginning with the unwritten part of the first. */
static void gather(struct conn *c, struct buf *out)
{
	bool pack_stanza = stream_kind(c->stream)->pack_stanza;
	struct out *o = &c->out;
	struct out_chunk *k = o->next_chunk;
	uint32_t i = o->next_index;

	buf_reset(out);
	for (; k; k = k->next, i = k ? k->first : 0)
		for (; i < k->n; i++) {
			struct out_entry *e = &k->e[i];

			if (e->commit > c->wire->committed)
				return;
			if (!e->p)
				continue;
			if (out->n && out->n + length(c, e->p) > WRITE_SIZE + o->offset)
				return;
			put_bytes(c, e->p, out);
			if (pack_stanza)
				return;
		}
}

/* n bytes went out: which entries are done, and how far into the next. Returns the stanzas completed. */
static uint32_t account(struct conn *c, size_t n)
{
	struct out *o = &c->out;
	uint32_t stanzas = 0;

	n += o->offset;
	o->offset = 0;
	while (o->next_chunk) {
		struct out_entry *e = &o->next_chunk->e[o->next_index];
		size_t len = e->p ? length(c, e->p) : 0;

		if (e->commit > c->wire->committed)
			break;
		if (e->p && n < len) {
			o->offset = (uint32_t)n;
			break;
		}
		n -= len;
		stanzas += e->p && !e->p->raw;
		if (e->p)
			written(c);
		else
			advance_next(o);
	}
	trim_head(c);
	return stanzas;
}

static void on_progress(struct conn *c, size_t n)
{
	c->wire->stats.bytes_out += n;
	c->stall_at = INT64_MAX;
}

/* Only who has something to read can be slow in reading it. */
static void judge(struct conn *c)
{
	if (!c->link || !c->out.unsent || out_waits(c))
		c->stall_at = INT64_MAX;
	else if (c->stall_at == INT64_MAX)
		c->stall_at = loop_now(c->wire->loop) + c->wire->config.limits.stall_ms;
}

/* After what could be written was: what was made in one turn alone is nobody's fault. */
static bool too_much(const struct conn *c)
{
	const struct wire_limits *l = &c->wire->config.limits;

	return c->link && c->state == CONN_OPEN && (c->out.unsent > l->queue_max || c->out.bytes > l->queue_bytes);
}

void out_flush(struct conn *c)
{
	struct buf *b = &c->wire->write_buf;
	uint32_t stanzas = 0;
	size_t done = 0;
	int n;

	if (conn_muted(c))
		return;
	while (c->link && c->out.unsent && !out_waits(c) && done < FLUSH_SLICE) {
		gather(c, b);
		if (b->n == 0) {
			account(c, 0); /* only emptied entries */
			continue;
		}
		n = link_send(c->link, b->p + c->out.offset, b->n - c->out.offset);
		if (n == ERR_AGAIN)
			break;
		if (n < 0) {
			c->hung_up = true;
			conn_lost(c, true, "write failed");
			return;
		}
		on_progress(c, (size_t)n);
		done += (size_t)n;
		stanzas += account(c, (size_t)n);
	}
	judge(c);
	if (out_waits(c) && !list_linked(&c->waiting))
		list_append(&c->wire->waiting, &c->waiting);
	ack_after_flush(c, stanzas);
	conn_link_drain(c);
	if (too_much(c))
		conn_lost(c, true, "too much waits for it");
}
