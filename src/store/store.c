/* A record is one byte (which write, or which row) and then its values as the letters say: 'i' is eight bytes,
 * 's' a length of four bytes and that many bytes. The bytes never leave this process, so their order is the
 * machine's own and a record that does not parse is a broken invariant. Only SCRAM keys go to the disk as
 * packed here: they have a version and a fixed order. */
#include "store/store.h"

#include <stdarg.h>

#include "base/err.h"
#include "base/mem.h"
#include "xmpp/scram.h"

enum { BYTES_MAX = 64 << 20, KEYS_VERSION = 1, KEYS_HEAD = 7 };
static const uint32_t null_length = UINT32_MAX;

struct letters {
	const char *name, *letters;
};

static const struct letters writes[STORE_WRITE_COUNT] = {
	[STORE_ACCOUNT_PUT] = {"account_put", "ssiss"},
	[STORE_ACCOUNT_DEL] = {"account_del", "ss"},
	[STORE_ACCOUNT_SOLE] = {"account_sole", "sss"},
	[STORE_ROSTER_PUT] = {"roster_put", "ssssiiisi"},
	[STORE_ROSTER_DEL] = {"roster_del", "sssi"},
	[STORE_REQUEST_PUT] = {"request_put", "ssss"},
	[STORE_REQUEST_DEL] = {"request_del", "sss"},
	[STORE_OFFLINE_ADD] = {"offline_add", "ssiis"},
	[STORE_OFFLINE_DEL] = {"offline_del", "ssi"},
	[STORE_PRIVATE_PUT] = {"private_put", "ssss"},
	[STORE_VCARD_PUT] = {"vcard_put", "sss"},
	[STORE_ROOM_PUT] = {"room_put", "ssisssi"},
	[STORE_ROOM_DEL] = {"room_del", "ss"},
	[STORE_AFFILIATION_PUT] = {"affiliation_put", "sssis"},
	[STORE_ROOM_NICK_PUT] = {"room_nick_put", "ssss"},
	[STORE_HAT_PUT] = {"hat_put", "ssssss"},
	[STORE_INVITED_PUT] = {"invited_put", "ssii"},
	[STORE_INVITED_DEL] = {"invited_del", "ssii"},
	[STORE_SUBSCRIBER_PUT] = {"subscriber_put", "ssssi"},
	[STORE_ROOM_MOVED] = {"room_moved", "ssiss"},
	[STORE_PEER_PUT] = {"peer_put", "ssssssisiiiii"},
	[STORE_PEER_DEL] = {"peer_del", "ss"},
	[STORE_PEER_ADDRESS_PUT] = {"peer_address_put", "sssii"},
	[STORE_PEER_ADDRESS_DEL] = {"peer_address_del", "sss"},
	[STORE_OUTBOX_ADD] = {"outbox_add", "ssiis"},
	[STORE_OUTBOX_DEL] = {"outbox_del", "ssi"},
	[STORE_SEEN_ADD] = {"seen_add", "ssiii"},
	[STORE_ARCHIVE_ADD] = {"archive_add", "ssissssi"},
	[STORE_ARCHIVE_LIGHT] = {"archive_light", "ssi"},
	[STORE_ARCHIVE_TRIM] = {"archive_trim", "ssii"},
	[STORE_ARCHIVE_REPLACE] = {"archive_replace", "ssis"},
	[STORE_ARCHIVE_PEER] = {"archive_peer", "ssss"},
	[STORE_ARCHIVE_EXPIRE] = {"archive_expire", "si"},
	[STORE_ROOM_LOG] = {"room_log", "ssisss"},
	[STORE_ROOM_LOG_DAY] = {"room_log_day", "ssiss"},
	[STORE_ROOM_LOG_EXPIRE] = {"room_log_expire", "si"},
	[STORE_ROOM_UNLOG] = {"room_unlog", "ssiss"},
	[STORE_TRANSIT_ADD] = {"transit_add", "ssiis"},
	[STORE_TRANSIT_DEL] = {"transit_del", "ssi"},
	[STORE_DELIVERED_PUT] = {"delivered_put", "ssis"},
	[STORE_TRANSIT_RECOVER] = {"transit_recover", "ssii"},
};

static const char *const reads[STORE_READ_COUNT] = {
	[STORE_ACCOUNT_LOAD] = "ss",
	[STORE_ACCOUNT_LIST] = "s",
	[STORE_OFFLINE_LIST] = "ss",
	[STORE_PRIVATE_GET] = "sss",
	[STORE_VCARD_GET] = "ss",
	[STORE_ROOM_LIST] = "s",
	[STORE_ROOM_SURVEY] = "s",
	[STORE_SUBSCRIPTIONS] = "ss",
	[STORE_ROOM_LOAD] = "ssi",
	[STORE_PEERS_LOAD] = "s",
	[STORE_ARCHIVE_PAGE] = "ssiissiiiiiii",
	[STORE_ARCHIVE_GET] = "sss",
	[STORE_ARCHIVE_ENDS] = "ss",
};

static const char *const rows[] = {
	[ROW_ACCOUNT] = "issi",
	[ROW_ROSTER] = "ssiiisi",
	[ROW_REQUEST] = "ss",
	[ROW_OFFLINE_COUNT] = "ii",
	[ROW_ACCOUNT_NAME] = "ssi",
	[ROW_OFFLINE] = "iis",
	[ROW_XML] = "s",
	[ROW_ROOM] = "sisssi",
	[ROW_AFFILIATION] = "sis",
	[ROW_ROOM_NICK] = "ss",
	[ROW_HAT] = "ssss",
	[ROW_INVITED] = "ii",
	[ROW_MOVED] = "siss",
	[ROW_HISTORY] = "issssi",
	[ROW_PEER] = "sssssisiiiii",
	[ROW_PEER_ADDRESS] = "ssii",
	[ROW_OUTBOX] = "siis",
	[ROW_SEEN] = "sii",
	[ROW_TRANSIT_COUNT] = "i",
	[ROW_OWNER] = "ss",
	[ROW_ROOM_ACTIVE] = "sis",
	[ROW_SUBSCRIBER] = "ssi",
	[ROW_SUBSCRIBED] = "si",
	[ROW_SUBSCRIPTION] = "ssi",
	[ROW_ARCHIVE] = "isssi",
	[ROW_ARCHIVE_COUNT] = "ii",
	[ROW_ARCHIVE_ENDS] = "ii",
};

const char *store_write_letters(enum store_write w)
{
	must((unsigned)w < ARRAY_LEN(writes));
	return writes[w].letters;
}

const char *store_write_name(enum store_write w)
{
	must((unsigned)w < ARRAY_LEN(writes));
	return writes[w].name;
}

const char *store_read_letters(enum store_read r)
{
	must((unsigned)r < ARRAY_LEN(reads));
	return reads[r];
}

const char *store_row_letters(enum store_row r)
{
	must((unsigned)r < ARRAY_LEN(rows));
	return rows[r];
}

static void values_take(const char *letters, va_list ap, struct store_value *ret)
{
	for (; *letters; letters++, ret++) {
		*ret = (struct store_value){.is_int = *letters == 'i'};
		if (ret->is_int)
			ret->i = va_arg(ap, int64_t);
		else
			ret->s = va_arg(ap, struct str);
	}
}

static void value_add(struct buf *b, const struct store_value *v)
{
	if (v->is_int) {
		buf_add(b, &v->i, sizeof(v->i));
		return;
	}
	/* A length that does not fit four bytes does not fit the buffer either. */
	uint32_t n = v->s.p ? (uint32_t)v->s.n : null_length;
	buf_add(b, &n, sizeof(n));
	if (v->s.p)
		buf_str(b, v->s);
}

/* All of the record or, when the buffer is full, nothing. */
static void record_add(struct buf *b, unsigned kind, const char *letters, const struct store_value *values)
{
	size_t start = b->n;
	buf_char(b, (char)kind);
	for (size_t i = 0; letters[i]; i++) {
		must(values[i].is_int == (letters[i] == 'i'));
		value_add(b, &values[i]);
	}
	if (!buf_ok(b))
		buf_cut(b, start);
}

static void take(const struct buf *b, size_t *pos, void *p, size_t n)
{
	must(*pos <= b->n && n <= b->n - *pos);
	memcpy(p, b->p + *pos, n);
	*pos += n;
}

static struct store_value value_take(const struct buf *b, size_t *pos, char letter)
{
	struct store_value v = {.is_int = letter == 'i'};
	if (v.is_int) {
		take(b, pos, &v.i, sizeof(v.i));
		return v;
	}
	uint32_t n;
	take(b, pos, &n, sizeof(n));
	if (n == null_length)
		return v;
	must(n <= b->n - *pos);
	v.s = (struct str){b->p + *pos, n};
	*pos += n;
	return v;
}

static unsigned record_take(const struct buf *b, size_t *pos, const char *letters, struct store_value *values)
{
	unsigned n = 0;
	for (; letters[n]; n++)
		values[n] = value_take(b, pos, letters[n]);
	return n;
}

struct store_batch *store_batch_new(void)
{
	struct store_batch *b = xcalloc(1, sizeof(*b));
	buf_init(&b->bytes, BYTES_MAX);
	return b;
}

/* Batches and answers may hold SCRAM keys. */
static void bytes_wipe(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->n);
	buf_clear(b);
}

void store_batch_free(struct store_batch **b)
{
	if (!*b)
		return;
	bytes_wipe(&(*b)->bytes);
	xfree(TAKE(*b));
}

void store_put(struct store_batch *b, enum store_write w, ...)
{
	struct store_value values[STORE_VALUES_MAX];
	const char *letters = store_write_letters(w);
	va_list ap;
	va_start(ap, w);
	values_take(letters, ap, values);
	va_end(ap);
	record_add(&b->bytes, w, letters, values);
	if (buf_ok(&b->bytes))
		b->count++;
}

bool store_batch_next(const struct store_batch *b, size_t *pos, enum store_write *ret, struct store_value *values,
	unsigned *ret_n)
{
	uint8_t w;
	if (*pos == b->bytes.n)
		return false;
	take(&b->bytes, pos, &w, 1);
	*ret_n = record_take(&b->bytes, pos, store_write_letters(w), values);
	*ret = w;
	return true;
}

struct store_query *store_query_new(enum store_read r, uint64_t tag, ...)
{
	struct store_query *q = xcalloc(1, sizeof(*q));
	struct store_value values[ARRAY_LEN(q->values)];
	const char *letters = store_read_letters(r);
	q->read = r;
	q->tag = tag;
	buf_init(&q->bytes, BYTES_MAX);
	va_list ap;
	va_start(ap, tag);
	values_take(letters, ap, values);
	va_end(ap);
	record_add(&q->bytes, r, letters, values);
	must(buf_ok(&q->bytes)); /* a key is part of a stanza, which has a limit far below */
	size_t pos = 1;
	q->n = record_take(&q->bytes, &pos, letters, q->values);
	return q;
}

void store_query_free(struct store_query **q)
{
	if (!*q)
		return;
	buf_clear(&(*q)->bytes);
	xfree(TAKE(*q));
}

struct store_rows *store_rows_new(enum store_read r, uint64_t tag)
{
	struct store_rows *rs = xcalloc(1, sizeof(*rs));
	rs->read = r;
	rs->tag = tag;
	buf_init(&rs->bytes, BYTES_MAX);
	return rs;
}

void store_rows_free(struct store_rows **r)
{
	if (!*r)
		return;
	bytes_wipe(&(*r)->bytes);
	xfree(TAKE(*r));
}

void store_rows_add(struct store_rows *r, enum store_row kind, const struct store_value *values, unsigned n)
{
	const char *letters = store_row_letters(kind);
	must(n == strlen(letters));
	record_add(&r->bytes, kind, letters, values);
}

bool store_rows_next(const struct store_rows *r, size_t *pos, enum store_row *ret, struct store_value *values,
	unsigned *ret_n)
{
	uint8_t kind;
	if (*pos == r->bytes.n)
		return false;
	take(&r->bytes, pos, &kind, 1);
	*ret_n = record_take(&r->bytes, pos, store_row_letters(kind), values);
	*ret = kind;
	return true;
}

/* version, hash, iterations (4, big end first), length of the salt | salt | StoredKey | ServerKey */
void store_keys_pack(struct buf *out, const struct scram_keys *k)
{
	must(k->salt_len <= SCRAM_SALT_MAX);
	const uint8_t head[KEYS_HEAD] = {
		KEYS_VERSION,
		(uint8_t)k->kind,
		(uint8_t)(k->iterations >> 24),
		(uint8_t)(k->iterations >> 16),
		(uint8_t)(k->iterations >> 8),
		(uint8_t)k->iterations,
		k->salt_len,
	};
	buf_add(out, head, sizeof(head));
	buf_add(out, k->salt, k->salt_len);
	buf_add(out, k->stored, hash_size(k->kind));
	buf_add(out, k->server, hash_size(k->kind));
}

int store_keys_unpack(struct str bytes, struct scram_keys *ret)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	if (!p || bytes.n < KEYS_HEAD || p[0] != KEYS_VERSION || p[1] > HASH_SHA256 || p[6] > SCRAM_SALT_MAX)
		return ERR_SYNTAX;
	struct scram_keys k = {
		.kind = p[1],
		.iterations = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5],
		.salt_len = p[6],
	};
	size_t size = hash_size(k.kind);
	if (bytes.n != KEYS_HEAD + k.salt_len + 2 * size || k.iterations == 0 || k.iterations > SCRAM_ITERATIONS_MAX)
		return ERR_SYNTAX;
	p += KEYS_HEAD;
	memcpy(k.salt, p, k.salt_len);
	memcpy(k.stored, p + k.salt_len, size);
	memcpy(k.server, p + k.salt_len + size, size);
	*ret = k;
	mem_wipe(&k, sizeof(k));
	return 0;
}
