/* What a script sends: names and functions filled in. */
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "match.h"
#include "xml/write.h"

/* `{base64 text}`: \0 in it is the byte zero. */
static bool put_base64(struct str arg, struct buf *out)
{
	struct buf bytes;

	buf_init(&bytes, 65536);
	for (size_t i = 0; i < arg.n; i++) {
		bool zero = arg.p[i] == '\\' && i + 1 < arg.n && arg.p[i + 1] == '0';

		buf_char(&bytes, zero ? '\0' : arg.p[i]);
		i += zero;
	}
	b64_encode(out, bytes.p ? bytes.p : "", bytes.n);
	buf_clear(&bytes);
	return true;
}

/* `{repeat 3 text}`: texttexttext; each # in it becomes the number of the repetition. */
static bool put_repeated(struct str arg, struct buf *out)
{
	struct str count = str_cut(&arg, ' ');
	uint64_t n;

	if (!arg.p || str_uint(count, 1 << 22, &n) != 0)
		return false;
	for (uint64_t i = 0; i < n; i++)
		for (size_t at = 0; at < arg.n; at++) {
			if (arg.p[at] == '#')
				buf_fmt(out, "%u", (unsigned)i);
			else
				buf_char(out, arg.p[at]);
		}
	return true;
}

static const struct {
	const char *name;
	bool (*put)(struct str arg, struct buf *out);
} functions[] = {{"base64", put_base64}, {"repeat", put_repeated}};

/* How much of text, which begins with '{', a function call takes; 0: it is none. */
static size_t call(struct str text, struct buf *out)
{
	const char *end = memchr(text.p, '}', text.n);
	struct str arg, name;

	if (!end)
		return 0;
	arg = (struct str){text.p + 1, (size_t)(end - text.p) - 1};
	name = str_cut(&arg, ' ');
	for (size_t i = 0; arg.p && i < ARRAY_LEN(functions); i++)
		if (str_is(name, functions[i].name) && functions[i].put(arg, out))
			return (size_t)(end - text.p) + 1;
	return 0;
}

static size_t fill(struct str text, const struct vars *vs, bool escaped, struct buf *out, struct buf *why)
{
	size_t used = call(text, out);
	struct str name = STR_NONE;
	const char *value;

	if (used)
		return used;
	used = hole_at(text.p, &name);
	if (!used) {
		buf_char(out, '{');
		return 1;
	}
	value = vars_find(vs, name);
	if (!value)
		buf_fmt(why, "nothing is known as {%.*s}", STR_FMT(name));
	else if (escaped)
		xml_escape(out, str_z(value));
	else
		buf_z(out, value);
	return used;
}

bool expand(struct str text, const struct vars *vs, bool escaped, struct buf *out, struct buf *why)
{
	char *copy = str_dup(text); /* terminated, as hole_at() wants it */

	for (size_t i = 0; i < text.n && !why->n;) {
		if (copy[i] == '{') {
			i += fill((struct str){copy + i, text.n - i}, vs, escaped, out, why);
			continue;
		}
		buf_char(out, copy[i++]);
	}
	xfree(copy);
	if (!why->n && !buf_ok(out))
		buf_z(why, "too long");
	return !why->n;
}
