#include "xmpp/jid.h"

#include "base/err.h"
#include "base/mem.h"
#include "xmpp/idna.h"
#include "xmpp/precis.h"

/* Canonical ASCII of each part, as a set of characters; other ASCII must be changed or refused. */
enum { LOCAL_OK = 1, RESOURCE_OK = 2 };

static const uint8_t ascii[128] = {
	[' '] = RESOURCE_OK,
	['!'] = LOCAL_OK | RESOURCE_OK,
	['"'] = RESOURCE_OK,
	['#' ... '%'] = LOCAL_OK | RESOURCE_OK,
	['&' ... '\''] = RESOURCE_OK,
	['(' ... '.'] = LOCAL_OK | RESOURCE_OK,
	['/'] = RESOURCE_OK,
	['0' ... '9'] = LOCAL_OK | RESOURCE_OK,
	[':'] = RESOURCE_OK,
	[';'] = LOCAL_OK | RESOURCE_OK,
	['<'] = RESOURCE_OK,
	['='] = LOCAL_OK | RESOURCE_OK,
	['>'] = RESOURCE_OK,
	['?'] = LOCAL_OK | RESOURCE_OK,
	['@' ... 'Z'] = RESOURCE_OK,
	['[' ... '~'] = LOCAL_OK | RESOURCE_OK,
};

static bool all_ascii(struct str s, uint8_t mask)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		if (c >= 128 || !(ascii[c] & mask))
			return false;
	}
	return true;
}

static bool right_size(struct str s) { return s.n > 0 && s.n <= JID_PART_MAX; }

static bool plain_local(struct str s) { return right_size(s) && all_ascii(s, LOCAL_OK); }
static bool plain_resource(struct str s) { return right_size(s) && all_ascii(s, RESOURCE_OK); }

static bool plain_domain(struct str s)
{
	if (!right_size(s))
		return false;
	while (s.p) {
		if (!idna_plain_label(str_cut(&s, '.')))
			return false;
	}
	return true;
}

/* Takes back what was appended if it is not a part. */
static int check_appended(struct buf *out, size_t start)
{
	if (buf_ok(out) && out->n > start && out->n - start <= JID_PART_MAX)
		return 0;
	buf_cut(out, start);
	return ERR_INVALID;
}

static int append(struct buf *out, struct str s)
{
	size_t start = out->n;

	buf_str(out, s);
	return check_appended(out, start);
}

static int enforce(enum precis_profile profile, struct str text, struct buf *out)
{
	size_t start = out->n;
	int r = precis_enforce(profile, text, out);

	return r < 0 ? r : check_appended(out, start);
}

/* RFC 7622 3.3.1: characters that the profile allows and the address does not. */
static bool has_excluded(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] && strchr("\"&'/:<>@", s.p[i]))
			return true;
	}
	return false;
}

int jid_prep_local(struct str text, struct buf *out)
{
	size_t start = out->n;
	int r;

	if (plain_local(text))
		return append(out, text);
	r = enforce(PRECIS_USERNAME, text, out);
	if (r < 0)
		return r;
	if (!has_excluded((struct str){out->p + start, out->n - start}))
		return 0;
	buf_cut(out, start);
	return ERR_INVALID;
}

int jid_prep_domain(struct str text, struct buf *out)
{
	size_t start = out->n;
	int r;

	if (plain_domain(text))
		return append(out, text);
	r = text.n && text.p[0] == '[' ? idna_ipv6(text, out) : idna_name(text, out);
	return r < 0 ? r : check_appended(out, start);
}

int jid_prep_resource(struct str text, struct buf *out)
{
	return plain_resource(text) ? append(out, text) : enforce(PRECIS_OPAQUE, text, out);
}

int jid_prep_password(struct str text, struct buf *out) { return jid_prep_resource(text, out); }

int jid_prep_nickname(struct str text, struct buf *out) { return enforce(PRECIS_NICKNAME, text, out); }

/* RFC 7622 3.1: the first '/' begins the resource, the first '@' before it ends the localpart. A separator with
 * nothing on its side leaves an empty part that is not absent. */
struct split {
	struct str local, domain, resource;
};

static struct split split(struct str text)
{
	struct split s = {.resource = text};
	struct str bare = str_cut(&s.resource, '/');

	s.domain = bare;
	s.local = str_cut(&s.domain, '@');
	if (!s.domain.p) {
		s.domain = s.local;
		s.local = STR_NONE;
	}
	return s;
}

static bool plain(const struct split *s)
{
	return (!s->local.p || plain_local(s->local)) && plain_domain(s->domain) &&
		(!s->resource.p || plain_resource(s->resource));
}

/* Writes `local@domain/resource`, the lengths to *ret. */
static int canonical(const struct split *s, struct buf *out, struct jid *ret)
{
	size_t start = out->n, from;

	if (s->local.p) {
		if (jid_prep_local(s->local, out) < 0)
			return ERR_INVALID;
		ret->local = (uint16_t)(out->n - start);
		buf_char(out, '@');
	}
	from = out->n;
	if (jid_prep_domain(s->domain, out) < 0)
		return ERR_INVALID;
	ret->domain = (uint16_t)(out->n - from);
	if (s->resource.p) {
		buf_char(out, '/');
		from = out->n;
		if (jid_prep_resource(s->resource, out) < 0)
			return ERR_INVALID;
		ret->resource = (uint16_t)(out->n - from);
	}
	if (!buf_ok(out))
		return ERR_INVALID;
	ret->s = out->p + start;
	return 0;
}

static struct jid view(const struct split *s, const char *text)
{
	return (struct jid){text, (uint16_t)s->local.n, (uint16_t)s->domain.n, (uint16_t)s->resource.n};
}

int jid_parse(struct str text, struct buf *store, struct jid *ret)
{
	size_t start = store->n;
	struct jid jid = JID_NONE;
	struct split s;

	if (!text.p)
		return ERR_INVALID;
	s = split(text);
	if (plain(&s)) {
		*ret = view(&s, text.p);
		return 0;
	}
	if (canonical(&s, store, &jid) < 0) {
		buf_cut(store, start);
		return ERR_INVALID;
	}
	*ret = jid;
	return 0;
}

int jid_parse_buf(struct str text, struct jid_buf *ret)
{
	struct buf store = {.p = ret->text, .cap = sizeof(ret->text), .max = sizeof(ret->text)};

	return jid_parse(text, &store, &ret->jid);
}

bool jid_eq(struct jid a, struct jid b)
{
	return a.local == b.local && a.domain == b.domain && a.resource == b.resource && str_eq(jid_str(a), jid_str(b));
}

bool jid_eq_bare(struct jid a, struct jid b) { return jid_eq(jid_bare(a), jid_bare(b)); }

struct jid jid_view(struct str canonical_text)
{
	struct split s;

	must(canonical_text.p);
	s = split(canonical_text);
	must(!s.local.p || right_size(s.local));
	must(right_size(s.domain));
	must(!s.resource.p || right_size(s.resource));
	return view(&s, canonical_text.p);
}

struct jid jid_dup(struct jid j)
{
	struct str text = jid_str(j);

	if (jid_some(j))
		j.s = xmemdup(text.p, text.n);
	return j;
}

void jid_free(struct jid *j)
{
	xfree((void *)(uintptr_t)j->s);
	*j = JID_NONE;
}
