/* What the bytes of text and of attribute values stand for: references, line ends, white space. */
#include "xml/chars.h"
#include "xml/scan.h"
#include "xml/work.h"

static const struct {
	char name[5]; /* with the semicolon */
	uint8_t n;
	char c;
} entities[] = {
	{"lt;", 3, '<'},
	{"gt;", 3, '>'},
	{"amp;", 4, '&'},
	{{'a', 'p', 'o', 's', ';'}, 5, '\''},
	{{'q', 'u', 'o', 't', ';'}, 5, '"'},
};

static int digit(char c, uint32_t base)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	char l = (char)(c | 0x20);
	return base == 16 && l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* Behind "&#": the number up to ';'. */
static const char *number(struct xml_work *w, const char *p, const char *end, uint32_t *ret)
{
	uint32_t base = 10, c = 0;
	if (p < end && *p == 'x') {
		base = 16;
		p++;
	}
	const char *first = p;
	for (; p < end && digit(*p, base) >= 0; p++)
		if (c <= 0x10ffff) /* stays too big once it is */
			c = c * base + (uint32_t)digit(*p, base);
	if (p == first || p == end || *p != ';' || !xml_is_char(c))
		return xml_work_fail(w, XML_NOT_WELL_FORMED);
	*ret = c;
	return p + 1;
}

/* At a '&' that begins none of the five: another entity is restricted, all else is no XML. */
static const char *refuse(struct xml_work *w, const char *p, const char *end)
{
	enum xml_event why = XML_NOT_WELL_FORMED;
	p = xml_name_rest(p + 1, end, true, &why);
	if (p && p < end && *p == ':')
		p = xml_name_rest(p + 1, end, true, &why);
	return xml_work_fail(w, p && p < end && *p == ';' ? XML_RESTRICTED : why);
}

static const char *reference(struct xml_work *w, const char *p, const char *end, char **to)
{
	uint32_t c = 0;
	if (end - p > 1 && p[1] == '#') {
		p = number(w, p + 2, end, &c);
		if (p)
			*to += xml_utf8_put(*to, c);
		return p;
	}
	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		size_t n = entities[i].n;
		if ((size_t)(end - p - 1) >= n && memcmp(p + 1, entities[i].name, n) == 0) {
			*(*to)++ = entities[i].c;
			return p + 1 + n;
		}
	}
	return refuse(w, p, end);
}

/* Bytes that stand for themselves, from p on. */
static const char *plain(enum xml_decode kind, const char *p, const char *end)
{
	if (kind == XML_DECODE_CDATA) {
		const char *cr = memchr(p, '\r', (size_t)(end - p));
		return cr ? cr : end;
	}
	for (;; p++) {
		p = xml_scan_text(p, end);
		if (p == end || *p == '&' || *p == '\r' || (kind == XML_DECODE_VALUE && xml_ch(*p, XML_CH_SPACE)))
			return p;
	}
}

bool xml_decode(struct xml_work *w, enum xml_decode kind, const char *p, const char *end, uint32_t *ret,
	uint32_t *ret_len)
{
	/* Nothing decodes to more bytes than it was written with. */
	char *first = xml_work_text(w, (size_t)(end - p)), *to = first;
	while (p < end) {
		const char *q = plain(kind, p, end);
		memcpy(to, p, (size_t)(q - p));
		to += q - p;
		p = q;
		if (p == end)
			break;
		if (*p == '&') {
			p = reference(w, p, end, &to);
			if (!p)
				return false;
			continue;
		}
		if (*p == '\r' && end - p > 1 && p[1] == '\n')
			p++;
		p++;
		*to++ = kind == XML_DECODE_VALUE ? ' ' : '\n';
	}
	*ret = XML_DECODED | w->text_len;
	*ret_len = (uint32_t)(to - first);
	w->text_len += *ret_len;
	return true;
}
