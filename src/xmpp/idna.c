#include "xmpp/idna.h"

#include <idn2.h>

#include "base/err.h"
#include "base/mem.h"
#include "xmpp/precis.h"
#include "xmpp/precis_i.h"

/* ---- names ---- */

static bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((uint8_t)s.p[i] >= 128)
			return false;
	}
	return true;
}

/* All of its ASCII. libidn2 would let some of the rest pass, and takes a zero byte for the end. */
static bool ascii_is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((uint8_t)s.p[i] < 128 && !is_plain(s.p[i]))
			return false;
	}
	return true;
}

bool idna_plain_label(struct str label)
{
	if (label.n == 0 || label.n > IDNA_LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	if (!is_ascii(label) || !ascii_is_plain(label))
		return false;
	/* Reserved for A-labels and for what may come after IDNA (RFC 5890 2.3.1). */
	return label.n < 4 || label.p[2] != '-' || label.p[3] != '-';
}

static void free_text(char **p) { idn2_free(*p); }

/* Is it allowed by IDNA2008, and short enough as an A-label? */
static bool is_u_label(struct str label)
{
	CLEANUP(buf_clear) struct buf z = {0};
	CLEANUP(free_text) char *a_label = NULL;

	buf_init(&z, label.n + 1);
	buf_str(&z, label);
	return idn2_register_u8((const uint8_t *)buf_cstr(&z), NULL, (uint8_t **)&a_label, 0) == IDN2_OK &&
		strlen(a_label) <= IDNA_LABEL_MAX;
}

/* `xn--...` into its U-label; anything that is not exactly the A-label of one is refused. */
static int put_a_label(struct str label, struct buf *out)
{
	CLEANUP(free_text) char *u_label = NULL;
	CLEANUP(free_text) char *back = NULL;
	char z[IDNA_LABEL_MAX + 1] = {0};

	if (label.n > IDNA_LABEL_MAX)
		return ERR_INVALID;
	memcpy(z, label.p, label.n);
	if (idn2_to_unicode_8z8z(z, &u_label, 0) != IDN2_OK)
		return ERR_INVALID;
	if (idn2_register_u8((const uint8_t *)u_label, (const uint8_t *)z, (uint8_t **)&back, 0) != IDN2_OK)
		return ERR_INVALID;
	buf_z(out, u_label);
	return 0;
}

static int put_label(struct str label, struct buf *out)
{
	if (label.n == 0 || !ascii_is_plain(label))
		return ERR_INVALID;
	if (is_ascii(label) && str_starts(label, STR("xn--")))
		return put_a_label(label, out);
	if (is_ascii(label) ? !idna_plain_label(label) : !is_u_label(label))
		return ERR_INVALID;
	buf_str(out, label);
	return 0;
}

/* RFC 5893 section 1.4: one right-to-left label puts all of them under the rule. */
static bool bidi_ok(struct str name)
{
	CLEANUP(precis_text_clear) struct precis_text t = {NULL, 0};
	size_t start = 0;

	if (precis_text_decode(name, &t) < 0)
		return false;
	if (!precis_is_rtl(t.p, t.n))
		return true;
	for (size_t i = 0; i <= t.n; i++) {
		if (i < t.n && t.p[i] != '.')
			continue;
		if (!precis_bidi(t.p + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

static int put_folded(struct str text, struct buf *out)
{
	CLEANUP(precis_text_clear) struct precis_text t = {NULL, 0};

	if (precis_text_decode(text, &t) < 0 || precis_text_fold(&t) < 0)
		return ERR_INVALID;
	return precis_text_encode(&t, out);
}

/* One pass: folded and every label a U-label. */
static int put_name(struct str text, struct buf *out)
{
	CLEANUP(buf_clear) struct buf folded = {0};
	struct str rest;

	buf_init(&folded, PRECIS_INPUT_MAX);
	if (put_folded(text, &folded) < 0)
		return ERR_INVALID;
	rest = buf_view(&folded);
	if (str_ends(rest, STR(".")))
		rest.n--;
	while (rest.p) {
		if (put_label(str_cut(&rest, '.'), out) < 0)
			return ERR_INVALID;
		if (rest.p)
			buf_char(out, '.');
	}
	return buf_ok(out) && bidi_ok(buf_view(out)) ? 0 : ERR_INVALID;
}

int idna_name(struct str text, struct buf *out)
{
	CLEANUP(buf_clear) struct buf once = {0};
	CLEANUP(buf_clear) struct buf twice = {0};

	buf_init(&once, PRECIS_INPUT_MAX);
	buf_init(&twice, PRECIS_INPUT_MAX);
	/* The two libraries need not know the same version of Unicode: only a fixed point is canonical. */
	if (put_name(text, &once) < 0 || put_name(buf_view(&once), &twice) < 0)
		return ERR_INVALID;
	if (!str_eq(buf_view(&once), buf_view(&twice)))
		return ERR_INVALID;
	buf_str(out, buf_view(&once));
	return buf_ok(out) ? 0 : ERR_INVALID;
}

/* ---- IPv6 literals (RFC 4291 2.2) ---- */

enum { WORDS = 8, NO_GAP = WORDS + 1 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_word(struct str s, uint16_t *ret)
{
	unsigned value = 0;

	if (s.n == 0 || s.n > 4)
		return ERR_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		int digit = hex_digit(s.p[i]);
		if (digit < 0)
			return ERR_INVALID;
		value = value << 4 | (unsigned)digit;
	}
	*ret = (uint16_t)value;
	return 0;
}

/* Four decimal numbers as two words. */
static int parse_quad(struct str s, uint16_t *ret)
{
	uint64_t byte[4];

	for (size_t i = 0; i < 4; i++) {
		struct str number = str_cut(&s, '.');
		if (number.n > 3 || (number.n > 1 && number.p[0] == '0') || str_uint(number, 255, &byte[i]) < 0)
			return ERR_INVALID;
	}
	if (s.p)
		return ERR_INVALID;
	ret[0] = (uint16_t)(byte[0] << 8 | byte[1]);
	ret[1] = (uint16_t)(byte[2] << 8 | byte[3]);
	return 0;
}

/* Words in order of writing, and how many of them stand before `::`. */
struct ipv6 {
	uint16_t word[WORDS];
	size_t n, gap;
};

/* One group at the head of *s, with the separator behind it. */
static int parse_group(struct str *s, struct ipv6 *ret)
{
	struct str group = str_cut(s, ':');

	if (memchr(group.p, '.', group.n)) {
		if (s->p || ret->n > WORDS - 2 || parse_quad(group, ret->word + ret->n) < 0)
			return ERR_INVALID;
		ret->n += 2;
		return 0;
	}
	if (ret->n == WORDS || parse_word(group, &ret->word[ret->n]) < 0)
		return ERR_INVALID;
	ret->n++;
	if (!s->p)
		return 0;
	if (!str_starts(*s, STR(":"))) /* one colon needs a group behind it */
		return s->n > 0 ? 0 : ERR_INVALID;
	if (ret->gap != NO_GAP)
		return ERR_INVALID;
	ret->gap = ret->n;
	*s = (struct str){s->p + 1, s->n - 1};
	return 0;
}

static int parse_ipv6(struct str s, uint16_t *ret)
{
	struct ipv6 a = {.gap = NO_GAP};

	if (str_starts(s, STR("::"))) {
		a.gap = 0;
		s = (struct str){s.p + 2, s.n - 2};
	}
	while (s.n > 0) {
		if (parse_group(&s, &a) < 0)
			return ERR_INVALID;
	}
	if (a.gap == NO_GAP ? a.n != WORDS : a.n >= WORDS)
		return ERR_INVALID;
	for (size_t i = 0; i < WORDS; i++)
		ret[i] = 0;
	for (size_t i = 0; i < a.n; i++)
		ret[i < a.gap ? i : i + WORDS - a.n] = a.word[i];
	return 0;
}

/* RFC 5952 4.2: the first of the longest runs of two zero words or more; an empty one at the end otherwise. */
static void find_zeros(const uint16_t *w, size_t *ret_start, size_t *ret_end)
{
	*ret_start = *ret_end = WORDS;
	for (size_t i = 0; i < WORDS; i++) {
		size_t end = i;
		while (end < WORDS && w[end] == 0)
			end++;
		if (end - i >= 2 && end - i > *ret_end - *ret_start) {
			*ret_start = i;
			*ret_end = end;
		}
	}
}

static void put_words(struct buf *out, const uint16_t *w, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		buf_fmt(out, i > from ? ":%x" : "%x", (unsigned)w[i]);
}

int idna_ipv6(struct str text, struct buf *out)
{
	char canonical[64];
	struct buf b = {.p = canonical, .cap = sizeof(canonical), .max = sizeof(canonical) - 1};
	uint16_t w[WORDS];
	size_t start, end;

	if (text.n < 2 || text.p[0] != '[' || text.p[text.n - 1] != ']')
		return ERR_INVALID;
	if (parse_ipv6((struct str){text.p + 1, text.n - 2}, w) < 0)
		return ERR_INVALID;
	find_zeros(w, &start, &end);
	buf_char(&b, '[');
	put_words(&b, w, 0, start);
	if (end > start)
		buf_z(&b, "::");
	put_words(&b, w, end, WORDS);
	buf_char(&b, ']');
	must(buf_ok(&b));
	buf_str(out, buf_view(&b));
	return buf_ok(out) ? 0 : ERR_INVALID;
}
