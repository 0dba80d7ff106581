#include "xmpp/service.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

struct service *service_new(struct str instance, uint16_t port)
{
	struct service *s = xcalloc(1, sizeof(*s));

	s->instance = str_dup(instance);
	s->port = port;
	buf_init(&s->txt, SERVICE_TXT_MAX);
	return s;
}

void service_free(struct service **service)
{
	struct service *s = TAKE(*service);

	if (!s)
		return;
	xfree(s->instance);
	xfree(s->host);
	xfree(s->interface);
	for (unsigned i = 0; i < s->address_count; i++)
		xfree(s->addresses[i]);
	buf_clear(&s->txt);
	xfree(s);
}

struct service *service_copy(const struct service *s)
{
	struct service *copy = service_new(str_z(s->instance), s->port);

	copy->host = str_dup(str_z(s->host));
	copy->interface = str_dup(str_z(s->interface));
	for (unsigned i = 0; i < s->address_count; i++)
		copy->addresses[i] = xstrdup(s->addresses[i]);
	copy->address_count = s->address_count;
	buf_str(&copy->txt, buf_view(&s->txt));
	return copy;
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

bool service_equal(const struct service *a, const struct service *b)
{
	if (!same(a->instance, b->instance) || !same(a->host, b->host) || a->port != b->port)
		return false;
	if (!same(a->interface, b->interface) || a->address_count != b->address_count)
		return false;
	for (unsigned i = 0; i < a->address_count; i++)
		if (!same(a->addresses[i], b->addresses[i]))
			return false;
	return str_eq(buf_view(&a->txt), buf_view(&b->txt));
}

int service_address_add(struct service *s, const char *address)
{
	for (unsigned i = 0; i < s->address_count; i++)
		if (same(s->addresses[i], address))
			return ERR_EXISTS;
	if (s->address_count == SERVICE_ADDRESSES_MAX)
		return ERR_LIMIT;
	s->addresses[s->address_count++] = xstrdup(address);
	return 0;
}

struct str service_txt_next(const struct service *s, size_t *pos)
{
	struct str string;

	if (*pos >= s->txt.n)
		return STR_NONE;
	string = (struct str){s->txt.p + *pos + 1, (uint8_t)s->txt.p[*pos]};
	*pos += 1 + string.n;
	return string;
}

/* Where the first string with this key begins (at its length byte); false if there is none. */
static bool find_key(const struct service *s, const char *key, size_t *ret_at, struct str *ret_value)
{
	size_t pos = 0;

	for (size_t at = 0;; at = pos) {
		struct str value = service_txt_next(s, &pos);
		if (!value.p)
			return false;
		struct str name = str_cut(&value, '=');
		if (!str_is_nocase(name, key))
			continue;
		*ret_at = at;
		*ret_value = value.p ? value : STR("");
		return true;
	}
}

struct str service_txt(const struct service *s, const char *key)
{
	struct str value;
	size_t at;

	return *key && find_key(s, key, &at, &value) ? value : STR_NONE;
}

static unsigned count_strings(const struct service *s)
{
	size_t pos = 0;
	unsigned n = 0;

	while (service_txt_next(s, &pos).p)
		n++;
	return n;
}

/* RFC 6763 section 6.4: printable ASCII but "=", at least one character. */
static bool good_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] < 0x20 || key.p[i] > 0x7e || key.p[i] == '=')
			return false;
	return key.n > 0;
}

static void add_string(struct buf *txt, struct str key, struct str value)
{
	buf_char(txt, (char)(key.n + 1 + value.n));
	buf_str(txt, key);
	buf_char(txt, '=');
	buf_str(txt, value);
}

int service_txt_set(struct service *s, const char *key, struct str value)
{
	CLEANUP(buf_clear) struct buf txt = {.max = SERVICE_TXT_MAX};
	struct str old, name = str_z(key), all = buf_view(&s->txt);
	size_t at = all.n, rest = all.n;
	bool found;

	if (!good_key(name))
		return ERR_INVALID;
	found = find_key(s, key, &at, &old);
	if (name.n + 1 + value.n > SERVICE_STRING_MAX || (!found && value.p && count_strings(s) == SERVICE_STRINGS_MAX))
		return ERR_LIMIT;
	if (found)
		rest = at + 1 + (uint8_t)all.p[at];
	buf_add(&txt, all.p, at);
	if (value.p)
		add_string(&txt, name, value);
	buf_add(&txt, all.p + rest, all.n - rest);
	buf_reset(&s->txt);
	buf_str(&s->txt, buf_view(&txt));
	return 0;
}

void service_txt_encode(const struct service *s, struct buf *out)
{
	if (s->txt.n)
		buf_str(out, buf_view(&s->txt));
	else
		buf_char(out, 0);
}

int service_txt_decode(struct service *s, struct str bytes)
{
	unsigned kept = 0;

	for (size_t at = 0, n; at < bytes.n; at += 1 + n) {
		n = (uint8_t)bytes.p[at];
		if (n > bytes.n - at - 1)
			return ERR_SYNTAX;
	}
	buf_reset(&s->txt);
	for (size_t at = 0, n; at < bytes.n && kept < SERVICE_STRINGS_MAX; at += 1 + n) {
		n = (uint8_t)bytes.p[at];
		if (n == 0)
			continue;
		buf_add(&s->txt, bytes.p + at, 1 + n);
		kept++;
	}
	return 0;
}

char *service_numbered(const char *wanted, unsigned number)
{
	char tail[16] = "";
	struct str stem = str_z(wanted);
	size_t fits = 0;

	if (number)
		snprintf(tail, sizeof(tail), "-%u", number);
	for (size_t n; fits < stem.n; fits += n) {
		n = str_utf8_next((struct str){stem.p + fits, stem.n - fits});
		n = n ? n : 1;
		if (fits + n + strlen(tail) > SERVICE_INSTANCE_MAX)
			break;
	}
	char *name = xmalloc(fits + strlen(tail) + 1);
	memcpy(name, wanted, fits);
	memcpy(name + fits, tail, strlen(tail) + 1);
	return name;
}
