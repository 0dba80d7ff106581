#include "xmpp/escape.h"

#include "base/codec.h"
#include "base/err.h"
#include "xmpp/jid.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of the escape that s begins with, 0 if none. */
static size_t escape_len(struct str s)
{
	if (s.n >= 2 && s.p[0] == '\\' && s.p[1] == '_')
		return 2;
	return s.n >= 3 && s.p[0] == '\\' && hex_value(s.p[1]) >= 0 && hex_value(s.p[2]) >= 0 ? 3 : 0;
}

static void put_bytes(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		buf_char(out, '\\');
		hex_encode(out, s.p + i, 1);
	}
}

/* Can it stand alone in a localpart, unchanged? */
static bool is_local(struct str s)
{
	char text[ESCAPE_LOCAL_MAX * 4];
	struct buf b = {.p = text, .cap = sizeof(text), .max = sizeof(text)};

	return jid_prep_local(s, &b) == 0 && str_eq(buf_view(&b), s);
}

/* The character c, of which `rest` begins. */
static void put_char(struct buf *out, struct str c, struct str rest, bool at_end, bool bytes)
{
	bool plain = is_local(c);

	if (*c.p == ' ' && at_end)
		buf_z(out, "\\_");
	else if (*c.p & 0x80 ? bytes || !plain : !plain || escape_len(rest) > 0)
		put_bytes(out, c);
	else
		buf_str(out, c);
}

/* All of it; bytes: nothing beyond ASCII stays. */
static void put_all(struct buf *out, struct str instance, bool bytes)
{
	for (size_t i = 0; i < instance.n;) {
		struct str rest = {instance.p + i, instance.n - i};
		struct str c = {rest.p, str_utf8_next(rest)};
		put_char(out, c, rest, i == 0 || c.n == rest.n, bytes);
		i += c.n;
	}
}

int escape_instance(struct str instance, struct buf *out)
{
	char text[ESCAPE_LOCAL_MAX];
	struct buf b = {.p = text, .cap = sizeof(text), .max = sizeof(text)};

	if (instance.n == 0 || instance.n > ESCAPE_INSTANCE_MAX || !str_utf8(instance))
		return ERR_INVALID;
	put_all(&b, instance, false);
	if (!is_local(buf_view(&b))) { /* normalisation, the Bidi Rule and others look at neighbours */
		buf_reset(&b);
		put_all(&b, instance, true);
	}
	buf_str(out, buf_view(&b));
	return buf_ok(out) ? 0 : ERR_LIMIT;
}

static void take_escapes(struct buf *out, struct str local)
{
	while (local.n > 0) {
		size_t n = escape_len(local);
		if (n == 3)
			buf_char(out, (char)(hex_value(local.p[1]) << 4 | hex_value(local.p[2])));
		else
			buf_char(out, n == 2 ? ' ' : *local.p);
		n = n ? n : 1;
		local = (struct str){local.p + n, local.n - n};
	}
}

int unescape_instance(struct str local, struct buf *out)
{
	char text[ESCAPE_INSTANCE_MAX], again[ESCAPE_LOCAL_MAX];
	struct buf name = {.p = text, .cap = sizeof(text), .max = sizeof(text)};
	struct buf check = {.p = again, .cap = sizeof(again), .max = sizeof(again)};

	if (local.n > ESCAPE_LOCAL_MAX)
		return ERR_INVALID;
	take_escapes(&name, local);
	if (!buf_ok(&name) || escape_instance(buf_view(&name), &check) < 0 || !str_eq(buf_view(&check), local))
		return ERR_INVALID;
	buf_str(out, buf_view(&name));
	return buf_ok(out) ? 0 : ERR_LIMIT;
}
