/* Reading a request for a page of an archive (XEP-0313 4.1, 4.2, XEP-0059). */
#include "base/clock.h"
#include "core/mam.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 100, FIELD_MAX = 4096 };

void mam_page_clear(struct mam_page *p)
{
	xfree(TAKE(p->with));
	xfree(TAKE(p->peer));
	xfree(TAKE(p->name));
	buf_clear(&p->ids);
}

/* An id of ours; 0, which is none, for any other text. */
static int64_t id_of(struct str text)
{
	uint64_t id;

	return str_uint(text, INT64_MAX - 1, &id) == 0 ? (int64_t)id : 0;
}

/* False if it cannot be there. */
static bool add_anchor(struct mam_page *p, int64_t id)
{
	for (unsigned i = 0; i < p->anchor_count; i++)
		if (p->anchors[i] == id)
			return true;
	must(p->anchor_count < MAM_ANCHORS);
	p->anchors[p->anchor_count++] = id;
	return id != 0;
}

static struct xerr read_start(struct mam_page *p, struct str value)
{
	int64_t time;

	if (clock_parse(value, &time) < 0)
		return xerr(XERR_BAD_REQUEST);
	if (time > 0 && time * 1000 > p->from)
		p->from = time * 1000;
	return XERR_OK;
}

static struct xerr read_end(struct mam_page *p, struct str value)
{
	int64_t time;

	if (clock_parse(value, &time) < 0)
		return xerr(XERR_BAD_REQUEST);
	if (time < 0)
		p->to = 0;
	else if (time * 1000 + 999 < p->to)
		p->to = time * 1000 + 999;
	return XERR_OK;
}

static struct xerr read_with(struct mam_page *p, struct str value)
{
	struct jid_buf jid;

	if (p->with || jid_parse_buf(value, &jid) < 0)
		return xerr(XERR_BAD_REQUEST);
	p->with = str_dup(jid_str(jid.jid));
	return XERR_OK;
}

static struct xerr read_after_id(struct mam_page *p, struct str value)
{
	int64_t id = id_of(value);

	if (id >= p->from)
		p->from = id + 1;
	return add_anchor(p, id) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_before_id(struct mam_page *p, struct str value)
{
	int64_t id = id_of(value);

	if (id <= p->to)
		p->to = id - 1;
	return add_anchor(p, id) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_id(struct mam_page *p, struct str value)
{
	int64_t id = id_of(value);

	if (!id)
		return xerr(XERR_ITEM_NOT_FOUND);
	for (unsigned i = 0; i < p->ids_count; i++)
		if (p->ids_list[i] == id)
			return XERR_OK;
	if (p->ids_count == MAM_IDS_MAX)
		return xerr_text(XERR_NOT_ACCEPTABLE, "at most 100 ids");
	buf_fmt(&p->ids, "%s%lld", p->ids_count ? "," : "[", (long long)id);
	p->ids_list[p->ids_count++] = id;
	return XERR_OK;
}

static struct xerr read_nothing(struct mam_page *p, struct str value) { return XERR_OK; }

static struct xerr read_form_type(struct mam_page *p, struct str value)
{
	return str_is(value, NS_MAM) ? XERR_OK : xerr(XERR_BAD_REQUEST);
}

static const struct field {
	const char *name, *type;
	struct xerr (*read)(struct mam_page *p, struct str value);
	bool many;
} fields[] = {
	{"FORM_TYPE", "hidden", read_form_type, false},
	{"start", "text-single", read_start, false},
	{"end", "text-single", read_end, false},
	{"with", "jid-single", read_with, false},
	{"before-id", "text-single", read_before_id, false},
	{"after-id", "text-single", read_after_id, false},
	{"ids", "list-multi", read_id, true},
	/* There are none in it, whatever is wished. */
	{"include-groupchat", "boolean", read_nothing, false},
};

static const struct field *find_field(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

static struct xerr read_text(struct mam_page *p, const struct xml_tree *t, uint32_t value,
	struct xerr (*read)(struct mam_page *p, struct str value))
{
	CLEANUP(buf_clear) struct buf tmp = {.max = FIELD_MAX};
	struct str text = str_trim(xml_text(t, value, &tmp));

	return buf_ok(&tmp) && text.n <= FIELD_MAX ? read(p, text) : xerr(XERR_BAD_REQUEST);
}

static struct xerr read_field(struct mam_page *p, const struct xml_tree *t, uint32_t i, unsigned *seen)
{
	const struct field *f = find_field(xml_attr(t, i, "var"));
	struct xerr e = XERR_OK;
	unsigned n = 0;

	if (!f)
		return xerr_text(XERR_FEATURE_NOT_IMPLEMENTED, "unknown field");
	/* Twice the same would be two bounds, and more anchors than there is room for. */
	if (*seen & 1u << (f - fields))
		return xerr(XERR_BAD_REQUEST);
	*seen |= 1u << (f - fields);
	for (uint32_t v = xml_first(t, i); v != XML_NONE && xerr_ok(e); v = xml_next(t, i, v)) {
		if (!xml_is(t, v, "value", NS_DATA))
			continue;
		e = n++ && !f->many ? xerr(XERR_BAD_REQUEST) : read_text(p, t, v, f->read);
	}
	return e;
}

static struct xerr read_form(struct mam_page *p, const struct xml_tree *t, uint32_t x)
{
	struct xerr e = XERR_OK;
	unsigned seen = 0;

	for (uint32_t i = xml_first(t, x); i != XML_NONE && xerr_ok(e); i = xml_next(t, x, i))
		if (xml_is(t, i, "field", NS_DATA))
			e = read_field(p, t, i, &seen);
	return xerr_ok(e) && !(seen & 1) ? xerr_text(XERR_BAD_REQUEST, "no FORM_TYPE") : e;
}

static struct xerr read_after(struct mam_page *p, struct str value)
{
	p->after = id_of(value);
	return add_anchor(p, p->after) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_before(struct mam_page *p, struct str value)
{
	p->newest = true;
	if (value.n == 0)
		return XERR_OK;
	p->before = id_of(value);
	return add_anchor(p, p->before) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_max(struct mam_page *p, struct str value)
{
	uint64_t n;

	if (str_uint(value, UINT32_MAX, &n) < 0)
		return xerr(XERR_BAD_REQUEST);
	p->max = n < PAGE_MAX ? (int64_t)n : PAGE_MAX;
	return XERR_OK;
}

static struct xerr read_rsm(struct mam_page *p, const struct xml_tree *t, uint32_t set)
{
	uint32_t max = xml_child(t, set, "max", NS_RSM), after = xml_child(t, set, "after", NS_RSM),
		 before = xml_child(t, set, "before", NS_RSM);
	struct xerr e = XERR_OK;

	/* Both together have no meaning in XEP-0059, and a page by its number would move under the reader. */
	if ((after != XML_NONE && before != XML_NONE) || xml_child(t, set, "index", NS_RSM) != XML_NONE)
		return xerr(XERR_FEATURE_NOT_IMPLEMENTED);
	if (max != XML_NONE)
		e = read_text(p, t, max, read_max);
	if (xerr_ok(e) && after != XML_NONE)
		e = read_text(p, t, after, read_after);
	if (xerr_ok(e) && before != XML_NONE)
		e = read_text(p, t, before, read_before);
	return e;
}

static struct xerr read_page(struct mam_page *p, const struct xml_tree *t, uint32_t query)
{
	uint32_t x = xml_child(t, query, "x", NS_DATA), set = xml_child(t, query, "set", NS_RSM);
	struct xerr e = XERR_OK;

	*p = (struct mam_page){.to = INT64_MAX, .before = INT64_MAX, .max = PAGE_DEFAULT, .ids.max = MAM_IDS_MAX * 24};
	p->flip = xml_child(t, query, "flip-page", NS_MAM) != XML_NONE;
	if (x != XML_NONE)
		e = read_form(p, t, x);
	if (xerr_ok(e) && set != XML_NONE)
		e = read_rsm(p, t, set);
	if (p->ids_count)
		buf_char(&p->ids, ']');
	return e;
}

struct xerr mam_read(struct mam_page *ret, const struct xml_tree *t, uint32_t query)
{
	struct xerr e = read_page(ret, t, query);

	if (!xerr_ok(e))
		mam_page_clear(ret);
	return e;
}

/* ---- the form ---- */

void mam_form(struct iq *iq)
{
	buf_z(&iq->reply, "<query xmlns='" NS_MAM "'><x xmlns='" NS_DATA "' type='form'>");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		buf_fmt(&iq->reply, "<field type='%s' var='%s'>", fields[i].type, fields[i].name);
		if (i == 0)
			xml_put_text(&iq->reply, "value", STR(NS_MAM));
		if (fields[i].many)
			buf_z(&iq->reply,
				"<validate xmlns='http://jabber.org/protocol/xdata-validate'"
				" datatype='xs:string'><open/></validate>");
		buf_z(&iq->reply, "</field>");
	}
	buf_z(&iq->reply, "</x></query>");
}
