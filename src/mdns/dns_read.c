#include "base/err.h"
#include "mdns/dns.h"

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }

int dns_open(struct dns_reader *r, const void *p, size_t n)
{
	if (n < DNS_HEAD)
		return ERR_SYNTAX;
	*r = (struct dns_reader){.p = p, .n = n, .at = DNS_HEAD};
	r->id = get16(r->p);
	r->flags = get16(r->p + 2);
	r->questions = get16(r->p + 4);
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		r->records[i] = get16(r->p + 6 + 2 * i);
	return 0;
}

/* Reads a name at *at, which moves behind it. A pointer must go to before where the current run of labels began: so
 * it ends, however it is knotted. */
static int read_name(const struct dns_reader *r, size_t *at, struct dns_name *ret)
{
	size_t pos = *at, start = *at, used = 0;
	bool jumped = false;

	for (;;) {
		if (pos >= r->n)
			return ERR_SYNTAX;
		uint8_t c = r->p[pos];
		if ((c & 0xc0) == 0xc0) {
			if (pos + 2 > r->n)
				return ERR_SYNTAX;
			size_t to = get16(r->p + pos) & 0x3fff;
			if (!jumped)
				*at = pos + 2;
			jumped = true;
			if (to >= start || to < DNS_HEAD)
				return ERR_SYNTAX;
			pos = start = to;
			continue;
		}
		if (c > DNS_LABEL_MAX || pos + 1 + c > r->n || used + 1 + c > DNS_NAME_MAX)
			return ERR_SYNTAX;
		memcpy(ret->b + used, r->p + pos, 1u + c);
		used += 1u + c;
		pos += 1u + c;
		if (c == 0)
			break;
	}
	ret->n = (uint8_t)used;
	if (!jumped)
		*at = pos;
	return 0;
}

/* Where the next thing begins is not known any more. */
static int give_up(struct dns_reader *r)
{
	r->questions = 0;
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		r->records[i] = 0;
	return ERR_SYNTAX;
}

int dns_next_question(struct dns_reader *r, struct dns_question *ret)
{
	if (!r->questions)
		return ERR_NOTFOUND;
	r->questions--;
	if (read_name(r, &r->at, &ret->name) < 0 || r->n - r->at < 4)
		return give_up(r);
	ret->type = get16(r->p + r->at);
	uint16_t class = get16(r->p + r->at + 2);
	ret->unicast = class & DNS_TOP;
	if ((class & ~DNS_TOP) != DNS_IN && (class & ~DNS_TOP) != DNS_ANY)
		ret->type = 0;
	r->at += 4;
	return 0;
}

/* The rdata, from `at` to `end`, with its name expanded where its type has one. */
static int read_rdata(const struct dns_reader *r, size_t at, size_t end, struct dns_record *ret)
{
	size_t before = ret->type == DNS_SRV ? 6 : 0;
	struct dns_name name;

	ret->rdata = r->p + at;
	ret->n = (uint16_t)(end - at);
	if (ret->type != DNS_SRV && ret->type != DNS_PTR)
		return 0;
	if (end - at < before)
		return ERR_SYNTAX;
	memcpy(ret->expanded, r->p + at, before);
	at += before;
	if (read_name(r, &at, &name) < 0 || at != end)
		return ERR_SYNTAX;
	memcpy(ret->expanded + before, name.b, name.n);
	ret->rdata = ret->expanded;
	ret->n = (uint16_t)(before + name.n);
	return 0;
}

static int read_record(struct dns_reader *r, struct dns_record *ret)
{
	size_t at = r->at;

	if (read_name(r, &at, &ret->name) < 0 || r->n - at < 10)
		return ERR_SYNTAX;
	const uint8_t *p = r->p + at;
	size_t n = get16(p + 8);
	at += 10;
	if (n > r->n - at)
		return ERR_SYNTAX;
	ret->type = get16(p);
	ret->flush = get16(p + 2) & DNS_TOP;
	ret->ttl = get32(p + 4);
	if ((get16(p + 2) & ~DNS_TOP) != DNS_IN)
		ret->type = 0;
	r->at = at + n;
	return read_rdata(r, at, at + n, ret);
}

int dns_next_record(struct dns_reader *r, enum dns_section *ret_section, struct dns_record *ret)
{
	struct dns_question skipped;
	unsigned section = 0;

	while (r->questions)
		if (dns_next_question(r, &skipped) < 0)
			return ERR_SYNTAX;
	while (section < DNS_SECTIONS && !r->records[section])
		section++;
	if (section == DNS_SECTIONS)
		return ERR_NOTFOUND;
	r->records[section]--;
	*ret_section = section;
	return read_record(r, ret) == 0 ? 0 : give_up(r);
}

int dns_srv_decode(const uint8_t *rdata, size_t n, uint16_t *ret_port, struct dns_name *ret_host)
{
	if (n < 7 || dns_name_decode(ret_host, rdata + 6, n - 6) < 0)
		return ERR_SYNTAX;
	*ret_port = get16(rdata + 4);
	return 0;
}
