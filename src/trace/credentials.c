#include "trace/credentials.h"

#include "base/mem.h"

struct search {
	struct str in;
	credential_fn *found;
	void *arg;
	bool private; /* inside of a field of a form that is not to be shown */
};

/* Elements whose content is secret, in whatever namespace. */
static const char *const elements[] = {"auth", "challenge", "response", "success", "initial-response",
	"additional-data", "password", "digest", "hash", "token", "secret",
	"header" /* what an upload is allowed with: XEP-0363 */};
static const char *const attributes[] = {"password", "token", "secret", "pwd", "key-params" /* of SDES: XEP-0167 */};

static bool is_one(struct str name, const char *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is_nocase(name, all[i]))
			return true;
	return false;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
		c == '.' || c == ':' || (unsigned char)c >= 0x80;
}

/* The name at i, without its prefix; *end: behind it. */
static struct str name_at(struct str in, size_t i, size_t *end)
{
	size_t begin = i;

	while (i < in.n && is_name(in.p[i])) {
		if (in.p[i] == ':')
			begin = i + 1;
		i++;
	}
	*end = i;
	return (struct str){in.p + begin, i - begin};
}

/* The '>' of the tag that is open at i, past quoted ones; in.n if it is not there. */
static size_t tag_end(struct str in, size_t i)
{
	while (i < in.n && in.p[i] != '>') {
		const char *quote =
			in.p[i] == '"' || in.p[i] == '\'' ? memchr(in.p + i + 1, in.p[i], in.n - i - 1) : NULL;

		i = quote ? (size_t)(quote - in.p) + 1 : i + 1;
	}
	return i;
}

/* Where the end tag of this name begins, from i on; in.n if it is not there. */
static size_t end_tag(struct str in, size_t i, struct str name)
{
	for (; i < in.n; i++) {
		const char *at = memmem(in.p + i, in.n - i, "</", 2);
		size_t end;

		if (!at)
			break;
		i = (size_t)(at - in.p);
		if (str_eq(name_at(in, i + 2, &end), name))
			return i;
	}
	return in.n;
}

static void tell(const struct search *s, size_t from, size_t to)
{
	if (from < to)
		s->found(s->arg, from, to - from);
}

/* What of an address is not scheme and host: where an upload goes may have the right to it in the query, or in the path. */
static size_t behind_host(struct str url)
{
	const char *at = memmem(url.p, url.n, "://", 3);
	size_t host = at ? (size_t)(at - url.p) + 3 : url.n, end = host;

	while (end < url.n && !strchr("/?#", url.p[end]))
		end++;
	/* A name and a password may stand before it. */
	if (end < url.n && memchr(url.p + host, '@', end - host))
		return host;
	return end < url.n ? end + 1 : 0;
}

/* Values of attributes between i and the end of the tag; true: the tag says that the field is private. */
static bool search_attributes(const struct search *s, struct str tag, size_t i, size_t end)
{
	bool private = false;

	while (i < end) {
		struct str name = name_at(s->in, i, &i), value;
		const char *close;
		size_t begin;

		while (i < end && s->in.p[i] != '"' && s->in.p[i] != '\'' &&
			(s->in.p[i] == '=' || !is_name(s->in.p[i])))
			i++;
		if (i >= end || (s->in.p[i] != '"' && s->in.p[i] != '\''))
			continue;
		begin = i + 1;
		close = memchr(s->in.p + begin, s->in.p[i], end - begin);
		i = close ? (size_t)(close - s->in.p) : end;
		value = (struct str){s->in.p + begin, i - begin};
		if (is_one(name, attributes, ARRAY_LEN(attributes)))
			tell(s, begin, i);
		else if (str_is(tag, "put") && str_is(name, "url"))
			tell(s, begin + behind_host(value), i);
		private |= str_is(value, "text-private") || memmem(value.p, value.n, "secret", 6) ||
			memmem(value.p, value.n, "password", 8);
		i++;
	}
	return private;
}

/* The tag at i ('<'); returns where to go on. */
static size_t search_tag(struct search *s, size_t i)
{
	bool closes = i + 1 < s->in.n && s->in.p[i + 1] == '/';
	size_t end, behind, close;
	struct str name = name_at(s->in, i + 1 + closes, &behind);
	bool private;

	if (!name.n)
		return i + 1;
	if (closes) {
		s->private &= !str_is(name, "field");
		return behind;
	}
	end = tag_end(s->in, behind);
	private = search_attributes(s, name, behind, end);
	if (str_is(name, "field"))
		s->private = private && end > behind && s->in.p[end - 1] != '/';
	if (!is_one(name, elements, ARRAY_LEN(elements)) && !(s->private && str_is(name, "value")))
		return end;
	if (end < s->in.n && s->in.p[end - 1] == '/')
		return end;
	close = end < s->in.n ? end_tag(s->in, end, name) : s->in.n;
	tell(s, end < s->in.n ? end + 1 : end, close);
	return close;
}

/* Records of TLS are not looked into, but they have no beginning that is missing. */
static bool is_tls(struct str in) { return in.n >= 3 && in.p[0] >= 20 && in.p[0] <= 23 && in.p[1] == 3; }

void credentials_find(struct str piece, bool middle, credential_fn *found, void *arg)
{
	struct search s = {.in = piece, .found = found, .arg = arg};
	size_t i = 0;

	if (middle && !is_tls(piece)) {
		/* The end of something of which the beginning is missing. */
		while (i < piece.n && piece.p[i] != '<')
			i++;
		tell(&s, 0, i);
	}
	while (i < piece.n) {
		const char *at = memchr(piece.p + i, '<', piece.n - i);

		if (!at)
			return;
		i = search_tag(&s, (size_t)(at - piece.p));
	}
}
