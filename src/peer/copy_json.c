/* A line of `peer export --json`: one object, with texts, null and a list of texts in it. */
#include "base/codec.h"
#include "base/json.h"
#include "peer/peers_i.h"
#include "xml/chars.h"

static const char *const names[COPY_FIELDS] = {"label", "user", "key", "trust", "addresses", "secret"};
enum { ADDRESSES = 4, VALUE_MAX = 8192 };

/* ---- out ---- */

static void put_list(struct buf *out, struct str list)
{
	bool first = true;

	buf_char(out, '[');
	while (list.p && list.n) {
		buf_z(out, first ? "" : ", ");
		json_text(out, str_cut(&list, ','));
		first = false;
	}
	buf_char(out, ']');
}

void copy_json_put(struct buf *out, const struct str field[COPY_FIELDS])
{
	for (int i = 0; i < COPY_FIELDS; i++) {
		buf_fmt(out, "%s\"%s\": ", i ? ", " : "{", names[i]);
		if (i == ADDRESSES)
			put_list(out, field[i]);
		else
			json_text(out, str_is(field[i], "-") ? STR_NONE : field[i]);
	}
	buf_char(out, '}');
}

/* ---- in ---- */

static bool take(struct str *s, char c)
{
	*s = str_trim(*s);
	if (!s->n || *s->p != c)
		return false;
	*s = (struct str){s->p + 1, s->n - 1};
	return true;
}

static bool take_unit(struct str *s, uint32_t *ret)
{
	CLEANUP(buf_clear) struct buf bytes = {.max = 2};

	if (s->n < 4 || hex_decode(&bytes, (struct str){s->p, 4}) != 0 || bytes.n != 2)
		return false;
	*ret = (uint32_t)(uint8_t)bytes.p[0] << 8 | (uint8_t)bytes.p[1];
	*s = (struct str){s->p + 4, s->n - 4};
	return true;
}

/* Behind \u: a character, or the first half of one. */
static bool take_code(struct str *s, struct buf *out)
{
	uint32_t code, low;
	char utf8[4];

	if (!take_unit(s, &code))
		return false;
	if (code >= 0xd800 && code < 0xdc00) {
		if (s->n < 2 || s->p[0] != '\\' || s->p[1] != 'u')
			return false;
		*s = (struct str){s->p + 2, s->n - 2};
		if (!take_unit(s, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	if (!code || (code >= 0xd800 && code < 0xe000))
		return false;
	buf_add(out, utf8, xml_utf8_put(utf8, code));
	return true;
}

static bool take_escape(struct str *s, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = s->n && *s->p ? strchr(from, *s->p) : NULL;
	bool code = s->n && *s->p == 'u';

	if (!at && !code)
		return false;
	*s = (struct str){s->p + 1, s->n - 1};
	if (code)
		return take_code(s, out);
	buf_char(out, to[at - from]);
	return true;
}

static bool take_text(struct str *s, struct buf *out)
{
	if (!take(s, '"'))
		return false;
	while (s->n && *s->p != '"') {
		char c = *s->p;

		*s = (struct str){s->p + 1, s->n - 1};
		if ((unsigned char)c < ' ' || (c == '\\' && !take_escape(s, out)))
			return false;
		if (c != '\\')
			buf_char(out, c);
	}
	return take(s, '"') && buf_ok(out);
}

static bool take_list(struct str *s, struct buf *out)
{
	if (!take(s, '['))
		return false;
	if (take(s, ']'))
		return true;
	do {
		if (out->n)
			buf_char(out, ',');
		if (!take_text(s, out))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

static bool take_value(struct str *s, struct buf *out)
{
	*s = str_trim(*s);
	if (str_starts(*s, STR("null"))) {
		*s = (struct str){s->p + 4, s->n - 4};
		return true;
	}
	return s->n && *s->p == '[' ? take_list(s, out) : take_text(s, out);
}

static bool take_member(struct str *s, struct buf field[COPY_FIELDS])
{
	CLEANUP(buf_clear) struct buf name = {.max = 64};

	if (!take_text(s, &name) || !take(s, ':'))
		return false;
	for (int i = 0; i < COPY_FIELDS; i++)
		if (str_is(buf_view(&name), names[i]) && !field[i].n)
			return take_value(s, &field[i]);
	return false;
}

bool copy_json_read(struct str line, struct buf field[COPY_FIELDS])
{
	for (int i = 0; i < COPY_FIELDS; i++)
		buf_init(&field[i], VALUE_MAX);
	if (!take(&line, '{'))
		return false;
	do {
		if (!take_member(&line, field))
			return false;
	} while (take(&line, ','));
	if (!take(&line, '}'))
		return false;
	take(&line, ','); /* of the list that it stood in */
	if (!field[COPY_FIELDS - 1].n)
		buf_char(&field[COPY_FIELDS - 1], '-');
	return !str_trim(line).n;
}
