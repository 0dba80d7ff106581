/* Our own records, made when they are needed. */
#include "base/mem.h"
#include "mdns/responder_i.h"

enum name_of { OF_META, OF_TYPE, OF_INSTANCE, OF_HOST };

static const struct {
	uint16_t type;
	uint32_t ttl;
	enum name_of name;
	bool unique; /* nobody else may have one of this name and type */
} kinds[MINE_KINDS] = {
	[MINE_TYPE] = {DNS_PTR, TTL_OTHER, OF_META, false},
	[MINE_PTR] = {DNS_PTR, TTL_OTHER, OF_TYPE, false},
	[MINE_SRV] = {DNS_SRV, TTL_HOST, OF_INSTANCE, true},
	[MINE_TXT] = {DNS_TXT, TTL_OTHER, OF_INSTANCE, true},
	[MINE_NULL] = {DNS_NULL, TTL_HOST, OF_INSTANCE, true},
	[MINE_A] = {DNS_A, TTL_HOST, OF_HOST, true},
	[MINE_AAAA] = {DNS_AAAA, TTL_HOST, OF_HOST, true},
	[MINE_NSEC] = {DNS_NSEC, TTL_HOST, OF_INSTANCE, true},
	[MINE_NSEC_HOST] = {DNS_NSEC, TTL_HOST, OF_HOST, true},
};

static const struct dns_name *name_of(const struct responder *r, enum mine kind)
{
	const struct dns_name *const names[] = {[OF_META] = &r->meta,
		[OF_TYPE] = &r->type,
		[OF_INSTANCE] = &r->instance_name,
		[OF_HOST] = &r->host_name};

	return names[kinds[kind].name];
}

static void set_name_rdata(struct dns_record *ret, const struct dns_name *name)
{
	memcpy(ret->expanded, name->b, name->n);
	ret->rdata = ret->expanded;
	ret->n = name->n;
}

static void set_srv(struct dns_record *ret, const struct responder *r)
{
	memset(ret->expanded, 0, 4); /* priority, weight */
	ret->expanded[4] = (uint8_t)(r->service->port >> 8);
	ret->expanded[5] = (uint8_t)r->service->port;
	memcpy(ret->expanded + 6, r->host_name.b, r->host_name.n);
	ret->rdata = ret->expanded;
	ret->n = (uint16_t)(6 + r->host_name.n);
}

static void set_txt(struct dns_record *ret, const struct responder *r)
{
	static const uint8_t empty[1];
	struct str txt = buf_view(&r->service->txt);

	ret->rdata = txt.n ? (const uint8_t *)txt.p : empty;
	ret->n = txt.n ? (uint16_t)txt.n : 1;
}

/* As avahi does, so that an avahi-daemon which starts beside us with the same host name says the same: link-local
 * addresses only where their family has no others. */
static bool is_published(const struct iface *i, const struct ip *ip)
{
	if (!ip_is_link_local(ip))
		return true;
	for (unsigned k = 0; k < i->address_count; k++)
		if (i->addresses[k].family == ip->family && !ip_is_link_local(&i->addresses[k]))
			return false;
	return true;
}

/* Its own addresses are only true on its own interface. */
static bool set_address(struct dns_record *ret, const struct seg *seg, uint8_t family, unsigned nth)
{
	const struct iface *i = &seg->iface;

	if (seg->responder->beside && seg->responder->host_known)
		return false;
	for (unsigned k = 0; k < i->address_count; k++) {
		const struct ip *ip = &i->addresses[k];
		if (ip->family != family || !is_published(i, ip) || nth-- > 0)
			continue;
		ret->n = family == 4 ? 4 : 16;
		memcpy(ret->expanded, ip->b, ret->n);
		ret->rdata = ret->expanded;
		return true;
	}
	return false;
}

/* The types that there are of a name, as a bitmap (RFC 6762 section 6.1). False when there is none: then the name is not
 * ours, but perhaps the other responder's. */
static bool set_denial(struct dns_record *ret, const struct seg *seg, enum name_of of)
{
	enum { BITMAP = 32 / 8 + 1, HEAD = 2 };
	const struct dns_name *name = of == OF_HOST ? &seg->responder->host_name : &seg->responder->instance_name;
	uint8_t *bits = ret->expanded + name->n + HEAD;
	bool any = false;

	if (name->n > sizeof(ret->expanded) - HEAD - BITMAP)
		return false;
	memset(ret->expanded, 0, sizeof(ret->expanded));
	for (enum mine k = 0; k < MINE_KINDS; k++) {
		if (kinds[k].name != of || kinds[k].type == DNS_NSEC || !mine_count(seg, k))
			continue;
		bits[kinds[k].type / 8] |= (uint8_t)(0x80 >> kinds[k].type % 8);
		any = true;
	}
	memcpy(ret->expanded, name->b, name->n);
	bits[-1] = BITMAP; /* after the number of the first window, 0 */
	ret->rdata = ret->expanded;
	ret->n = (uint16_t)(name->n + HEAD + BITMAP);
	return any;
}

static bool set_rdata(struct dns_record *ret, const struct seg *seg, enum mine kind, unsigned i)
{
	const struct responder *r = seg->responder;

	switch (kind) {
	case MINE_A:
	case MINE_AAAA:
		return set_address(ret, seg, kind == MINE_A ? 4 : 6, i);
	case MINE_TYPE:
		set_name_rdata(ret, &r->type);
		break;
	case MINE_PTR:
		set_name_rdata(ret, &r->instance_name);
		break;
	case MINE_SRV:
		set_srv(ret, r);
		break;
	case MINE_TXT:
		set_txt(ret, r);
		break;
	case MINE_NULL:
		ret->rdata = (const uint8_t *)r->picture;
		ret->n = (uint16_t)r->picture_n;
		return i == 0 && r->picture;
	case MINE_NSEC:
		return i == 0 && set_denial(ret, seg, OF_INSTANCE);
	case MINE_NSEC_HOST:
		return i == 0 && set_denial(ret, seg, OF_HOST);
	case MINE_KINDS:
		return false;
	}
	return i == 0;
}

bool mine_get(const struct seg *seg, enum mine kind, unsigned i, struct dns_record *ret)
{
	if (!seg->responder->service || !set_rdata(ret, seg, kind, i))
		return false;
	ret->name = *name_of(seg->responder, kind);
	ret->type = kinds[kind].type;
	ret->ttl = kinds[kind].ttl;
	ret->flush = kinds[kind].unique;
	return true;
}

unsigned mine_count(const struct seg *seg, enum mine kind)
{
	struct dns_record record;
	unsigned n = 0;

	while (mine_get(seg, kind, n, &record))
		n++;
	return n;
}

/* Who asks for a type that a name of ours does not have is told so, and need not wait. */
static unsigned deny(const struct seg *seg, const struct dns_name *name, uint16_t type, unsigned answers)
{
	unsigned bits = 0;

	if (!type || type == DNS_ANY)
		return 0;
	for (enum mine k = 0; k < MINE_KINDS; k++) {
		if (answers & 1u << k && mine_count(seg, k))
			return 0;
		if (MINE_DENIALS & 1u << k && dns_name_equal(name, name_of(seg->responder, k)) && mine_count(seg, k))
			bits |= 1u << k;
	}
	return bits;
}

unsigned mine_match(const struct seg *seg, const struct dns_name *name, uint16_t type)
{
	unsigned bits = 0;

	if (!seg->responder->service || seg->phase < SEG_ANNOUNCING)
		return 0;
	for (enum mine k = 0; k < MINE_KINDS; k++) {
		/* A picture is large: not for those who ask for just anything. */
		bool any = type == DNS_ANY && k != MINE_NULL && !(MINE_DENIALS & 1u << k);
		if ((any || type == kinds[k].type) && dns_name_equal(name, name_of(seg->responder, k)))
			bits |= 1u << k;
	}
	return bits | deny(seg, name, type, bits);
}

static bool same_rdata(const struct dns_record *a, const struct dns_record *b)
{
	struct dns_name x, y;
	size_t before = a->type == DNS_SRV ? 6 : 0;

	if (a->n != b->n || memcmp(a->rdata, b->rdata, before) != 0)
		return false;
	if (a->type != DNS_SRV && a->type != DNS_PTR)
		return memcmp(a->rdata, b->rdata, a->n) == 0;
	return dns_name_decode(&x, a->rdata + before, a->n - before) == 0 &&
		dns_name_decode(&y, b->rdata + before, b->n - before) == 0 && dns_name_equal(&x, &y);
}

static bool has_record(const struct seg *seg, enum mine kind, const struct dns_record *record)
{
	struct dns_record own;

	for (unsigned i = 0; mine_get(seg, kind, i, &own); i++)
		if (same_rdata(&own, record))
			return true;
	return false;
}

/* On any interface: two that are joined by one switch hear each other. */
bool mine_is(const struct seg *seg, const struct dns_record *record, enum mine *ret_kind)
{
	const struct responder *r = seg->responder;

	for (enum mine k = 0; r->service && k < MINE_KINDS; k++) {
		if (record->type != kinds[k].type || !dns_name_equal(&record->name, name_of(r, k)))
			continue;
		for (unsigned s = 0; s < r->seg_count; s++) {
			if (!has_record(r->segs[s], k, record))
				continue;
			*ret_kind = k;
			return true;
		}
	}
	return false;
}

void mine_put(struct packet_out *p, enum dns_section section, unsigned bits, uint32_t ttl_max, bool flush)
{
	struct dns_record record;

	for (enum mine k = 0; k < MINE_KINDS; k++) {
		for (unsigned i = 0; (bits & 1u << k) && mine_get(p->seg, k, i, &record); i++) {
			record.ttl = record.ttl < ttl_max ? record.ttl : ttl_max;
			record.flush = record.flush && flush;
			packet_record(p, section, &record);
		}
	}
}

bool mine_is_local(const struct responder *r, const struct ip *ip)
{
	for (unsigned k = 0; k < r->ifaces.n; k++)
		for (unsigned a = 0; a < r->ifaces.i[k].address_count; a++)
			if (ip_equal(&r->ifaces.i[k].addresses[a], ip))
				return true;
	return false;
}
