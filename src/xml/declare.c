/* The XML declaration, which may stand at the very start. */
#include "xml/scan.h"
#include "xml/work.h"

static enum xml_event check_version(struct str v)
{
	if (!str_starts(v, STR("1.")) || v.n < 3)
		return XML_NOT_WELL_FORMED;
	for (size_t i = 2; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return XML_NOT_WELL_FORMED;
	return XML_OPEN;
}

static enum xml_event check_encoding(struct str v)
{
	if (str_is_nocase(v, "utf-8"))
		return XML_OPEN;
	for (size_t i = 0; i < v.n; i++)
		if (!xml_ch(v.p[i], i == 0 ? XML_CH_START : XML_CH_NAME) || (i == 0 && v.p[i] == '_'))
			return XML_NOT_WELL_FORMED;
	return v.n ? XML_BAD_UTF8 : XML_NOT_WELL_FORMED;
}

static enum xml_event check_standalone(struct str v)
{
	return str_is(v, "yes") || str_is(v, "no") ? XML_OPEN : XML_NOT_WELL_FORMED;
}

static const struct {
	const char *name;
	bool required;
	enum xml_event (*check)(struct str v);
} parts[] = {
	{"version", true, check_version},
	{"encoding", false, check_encoding},
	{"standalone", false, check_standalone},
};

/* ` name = 'value'` at p: behind it; p itself if something else is there; NULL if it is malformed. */
static const char *part(const char *p, const char *end, const char *name, struct str *ret)
{
	const char *start = p;
	p = xml_scan_space(p, end);
	size_t n = strlen(name);
	if (p == start || (size_t)(end - p) < n || memcmp(p, name, n) != 0)
		return start;
	p = xml_scan_space(p + n, end);
	if (p == end || *p != '=')
		return NULL;
	p = xml_scan_space(p + 1, end);
	if (p == end || (*p != '\'' && *p != '"'))
		return NULL;
	const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
	if (!close)
		return NULL;
	*ret = (struct str){p + 1, (size_t)(close - p - 1)};
	return close + 1;
}

/* Between `<?xml` and `>`. */
static enum xml_event read_parts(const char *p, const char *end)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct str v;
		const char *after = part(p, end, parts[i].name, &v);
		if (!after || (after == p && parts[i].required))
			return XML_NOT_WELL_FORMED;
		enum xml_event e = after == p ? XML_OPEN : parts[i].check(v);
		if (e != XML_OPEN)
			return e;
		p = after;
	}
	p = xml_scan_space(p, end);
	return end - p == 1 && *p == '?' ? XML_OPEN : XML_NOT_WELL_FORMED;
}

enum xml_event xml_declaration(struct xml_work *w, const char *end)
{
	static const char begin[] = {'<', '?', 'x', 'm', 'l'};
	const char *p = w->raw;
	size_t n = (size_t)(end - p);
	if (memcmp(p, begin, n < sizeof(begin) ? n : sizeof(begin)) != 0)
		return XML_RESTRICTED;
	if (n <= sizeof(begin))
		return XML_MORE;
	if (!xml_ch(p[sizeof(begin)], XML_CH_SPACE))
		return XML_RESTRICTED;
	p += w->scan ? w->scan : sizeof(begin);
	while (p < end && *p != '>' && *p != '<')
		p++;
	w->scan = (uint32_t)(p - w->raw);
	if (p == end)
		return XML_MORE;
	w->scan = 0;
	w->pos = (uint32_t)(p + 1 - w->raw);
	return *p == '>' ? read_parts(w->raw + sizeof(begin), p) : XML_NOT_WELL_FORMED;
}
