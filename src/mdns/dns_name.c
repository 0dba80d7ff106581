#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "mdns/dns.h"

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c; }

static int append_label(struct dns_name *name, struct str label)
{
	if (label.n == 0)
		return ERR_SYNTAX;
	if (label.n > DNS_LABEL_MAX || name->n + 1 + label.n + 1 > DNS_NAME_MAX)
		return ERR_LIMIT;
	name->b[name->n] = (uint8_t)label.n;
	memcpy(name->b + name->n + 1, label.p, label.n);
	name->n = (uint8_t)(name->n + 1 + label.n);
	return 0;
}

int dns_name_parse(struct dns_name *ret, const char *text)
{
	struct str rest = str_z(text);
	struct dns_name name = {0};

	while (rest.p)
		if (append_label(&name, str_cut(&rest, '.')) < 0)
			return ERR_SYNTAX;
	name.b[name.n++] = 0;
	*ret = name;
	return 0;
}

int dns_name_under(struct dns_name *ret, struct str label, const struct dns_name *parent)
{
	struct dns_name name = {0};
	int err = append_label(&name, label);

	if (err)
		return err;
	if (name.n + parent->n > DNS_NAME_MAX)
		return ERR_LIMIT;
	memcpy(name.b + name.n, parent->b, parent->n);
	name.n = (uint8_t)(name.n + parent->n);
	*ret = name;
	return 0;
}

int dns_name_decode(struct dns_name *ret, const uint8_t *p, size_t n)
{
	size_t at = 0;

	if (n > DNS_NAME_MAX)
		return ERR_SYNTAX;
	while (at < n && p[at] != 0) {
		if (p[at] > DNS_LABEL_MAX)
			return ERR_SYNTAX;
		at += 1u + p[at];
	}
	if (at + 1 != n)
		return ERR_SYNTAX;
	memcpy(ret->b, p, n);
	ret->n = (uint8_t)n;
	return 0;
}

/* Lengths are below the letters, so they need no other treatment. */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (lower(a->b[i]) != lower(b->b[i]))
			return false;
	return true;
}

uint64_t dns_name_hash(const struct dns_name *a)
{
	uint8_t small[DNS_NAME_MAX];

	for (unsigned i = 0; i < a->n; i++)
		small[i] = lower(a->b[i]);
	return hash_bytes(small, a->n);
}

bool dns_name_is_under(const struct dns_name *name, const struct dns_name *parent)
{
	unsigned first = 1u + name->b[0];
	struct dns_name rest;

	if (name->n != first + parent->n || name->b[0] == 0)
		return false;
	memcpy(rest.b, name->b + first, parent->n);
	rest.n = parent->n;
	return dns_name_equal(&rest, parent);
}

struct str dns_name_first(const struct dns_name *name) { return (struct str){(const char *)name->b + 1, name->b[0]}; }

char *dns_name_text(const struct dns_name *name)
{
	struct buf out;

	buf_init(&out, DNS_NAME_MAX + 1);
	for (unsigned at = 0; name->b[at]; at += 1u + name->b[at]) {
		if (at)
			buf_char(&out, '.');
		for (unsigned i = 1; i <= name->b[at]; i++) {
			uint8_t c = name->b[at + i];
			if (c < 0x20 || c == 0x7f || c == '.') {
				buf_clear(&out);
				return NULL;
			}
			buf_char(&out, (char)c);
		}
	}
	char *text = str_dup(buf_view(&out));
	buf_clear(&out);
	return text;
}
