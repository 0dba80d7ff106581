/* Asking the archive (XEP-0313, extended): one page is one query of the store, nothing is kept in between. */
#include "base/clock.h"
#include "base/err.h"
#include "user/archive.h"
#include "user/iq.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 100, PAGE_BYTES = 1 << 20, IDS_MAX = 100, ANCHORS = 3, FIELD_MAX = 4096 };

/* What is asked for. All bounds are ids; the first two pairs are of the form, the last of the page. */
struct page {
	int64_t from, to;      /* both included */
	int64_t after, before; /* neither is included */
	int64_t max;
	int64_t anchors[ANCHORS]; /* ids that must be there, no two the same */
	unsigned anchor_count;
	bool newest; /* the end of what there is, not its beginning */
	bool flip;
	char *peer;     /* NULL: any */
	struct buf ids; /* a JSON array; empty: not by id */
	unsigned ids_count;
	int64_t ids_list[IDS_MAX];
};

struct page_wait {
	struct wait wait;
	struct stanza *request;
	struct page page;
};

static void page_clear(struct page *p)
{
	xfree(p->peer);
	buf_clear(&p->ids);
}

static void drop(struct wait *wait)
{
	struct page_wait *w = (struct page_wait *)wait;

	stanza_free(&w->request);
	page_clear(&w->page);
	xfree(w);
}

static struct xerr check_owner(const struct iq *iq)
{
	return account_is_own((struct account *)iq->entity, iq->stanza->from) ? XERR_OK : xerr(XERR_FORBIDDEN);
}

/* ---- reading the request ---- */

/* An id of ours; 0, which is none, for any other text. */
static int64_t id_of(struct str text)
{
	uint64_t id;

	return str_uint(text, INT64_MAX - 1, &id) == 0 ? (int64_t)id : 0;
}

/* False if it cannot be there. */
static bool add_anchor(struct page *p, int64_t id)
{
	for (unsigned i = 0; i < p->anchor_count; i++)
		if (p->anchors[i] == id)
			return true;
	must(p->anchor_count < ANCHORS);
	p->anchors[p->anchor_count++] = id;
	return id != 0;
}

static struct xerr read_start(struct page *p, struct str value)
{
	int64_t time;

	if (clock_parse(value, &time) < 0)
		return xerr(XERR_BAD_REQUEST);
	if (time > 0 && time * 1000 > p->from)
		p->from = time * 1000;
	return XERR_OK;
}

static struct xerr read_end(struct page *p, struct str value)
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

static struct xerr read_with(struct page *p, struct str value)
{
	struct jid_buf jid;

	if (p->peer || jid_parse_buf(value, &jid) < 0)
		return xerr(XERR_BAD_REQUEST);
	p->peer = str_dup(jid_str(jid.jid));
	return XERR_OK;
}

static struct xerr read_after_id(struct page *p, struct str value)
{
	int64_t id = id_of(value);

	if (id >= p->from)
		p->from = id + 1;
	return add_anchor(p, id) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_before_id(struct page *p, struct str value)
{
	int64_t id = id_of(value);

	if (id <= p->to)
		p->to = id - 1;
	return add_anchor(p, id) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_id(struct page *p, struct str value)
{
	int64_t id = id_of(value);

	if (!id)
		return xerr(XERR_ITEM_NOT_FOUND);
	for (unsigned i = 0; i < p->ids_count; i++)
		if (p->ids_list[i] == id)
			return XERR_OK;
	if (p->ids_count == IDS_MAX)
		return xerr_text(XERR_NOT_ACCEPTABLE, "at most 100 ids");
	buf_fmt(&p->ids, "%s%lld", p->ids_count ? "," : "[", (long long)id);
	p->ids_list[p->ids_count++] = id;
	return XERR_OK;
}

static struct xerr read_nothing(struct page *p, struct str value) { return XERR_OK; }

static struct xerr read_form_type(struct page *p, struct str value)
{
	return str_is(value, NS_MAM) ? XERR_OK : xerr(XERR_BAD_REQUEST);
}

static const struct field {
	const char *name, *type;
	struct xerr (*read)(struct page *p, struct str value);
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

static struct xerr read_text(struct page *p, const struct xml_tree *t, uint32_t value,
	struct xerr (*read)(struct page *p, struct str value))
{
	CLEANUP(buf_clear) struct buf tmp = {.max = FIELD_MAX};
	struct str text = str_trim(xml_text(t, value, &tmp));

	return buf_ok(&tmp) && text.n <= FIELD_MAX ? read(p, text) : xerr(XERR_BAD_REQUEST);
}

static struct xerr read_field(struct page *p, const struct xml_tree *t, uint32_t i, unsigned *seen)
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

static struct xerr read_form(struct page *p, const struct xml_tree *t, uint32_t x)
{
	struct xerr e = XERR_OK;
	unsigned seen = 0;

	for (uint32_t i = xml_first(t, x); i != XML_NONE && xerr_ok(e); i = xml_next(t, x, i))
		if (xml_is(t, i, "field", NS_DATA))
			e = read_field(p, t, i, &seen);
	return xerr_ok(e) && !(seen & 1) ? xerr_text(XERR_BAD_REQUEST, "no FORM_TYPE") : e;
}

static struct xerr read_after(struct page *p, struct str value)
{
	p->after = id_of(value);
	return add_anchor(p, p->after) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_before(struct page *p, struct str value)
{
	p->newest = true;
	if (value.n == 0)
		return XERR_OK;
	p->before = id_of(value);
	return add_anchor(p, p->before) ? XERR_OK : xerr(XERR_ITEM_NOT_FOUND);
}

static struct xerr read_max(struct page *p, struct str value)
{
	uint64_t n;

	if (str_uint(value, UINT32_MAX, &n) < 0)
		return xerr(XERR_BAD_REQUEST);
	p->max = n < PAGE_MAX ? (int64_t)n : PAGE_MAX;
	return XERR_OK;
}

static struct xerr read_rsm(struct page *p, const struct xml_tree *t, uint32_t set)
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

static struct xerr read_page(struct page *p, const struct xml_tree *t, uint32_t query)
{
	uint32_t x = xml_child(t, query, "x", NS_DATA), set = xml_child(t, query, "set", NS_RSM);
	struct xerr e = XERR_OK;

	*p = (struct page){.to = INT64_MAX, .before = INT64_MAX, .max = PAGE_DEFAULT, .ids.max = IDS_MAX * 24};
	p->flip = xml_child(t, query, "flip-page", NS_MAM) != XML_NONE;
	if (x != XML_NONE)
		e = read_form(p, t, x);
	if (xerr_ok(e) && set != XML_NONE)
		e = read_rsm(p, t, set);
	if (p->ids_count)
		buf_char(&p->ids, ']');
	return e;
}

/* ---- answering ---- */

struct found {
	int64_t id;
	struct str stanza;
};

struct answer {
	struct found rows[PAGE_MAX + 1];
	unsigned n;
	int64_t count, anchors;
	bool more; /* that did not fit on the page */
};

/* One more than the page was asked for, to know whether there is one. */
static void take_rows(struct answer *a, const struct store_rows *rows, int64_t max)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t bytes = 0;
	unsigned n;

	for (size_t pos = 0; store_rows_next(rows, &pos, &kind, v, &n);) {
		if (kind == ROW_ARCHIVE_COUNT) {
			a->count = v[0].i;
			a->anchors = v[1].i;
		} else if (kind == ROW_ARCHIVE && !a->more) {
			bytes += v[1].s.n;
			a->more = a->n == max || (a->n && bytes > PAGE_BYTES);
			if (!a->more)
				a->rows[a->n++] = (struct found){v[0].i, v[1].s};
		}
	}
}

static void reverse(struct answer *a)
{
	for (unsigned i = 0; i < a->n / 2; i++) {
		struct found other = a->rows[i];

		a->rows[i] = a->rows[a->n - 1 - i];
		a->rows[a->n - 1 - i] = other;
	}
}

static void put_id(struct buf *out, const char *name, int64_t id)
{
	buf_fmt(out, "<%s>%lld</%s>", name, (long long)id, name);
}

static void put_stamp(struct buf *out, const char *attr, int64_t id)
{
	buf_fmt(out, " %s='", attr);
	clock_format(out, id / 1000);
	buf_char(out, '\'');
}

static struct packet *result(struct jid owner, const struct stanza *request, const struct found *f)
{
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = jid_str(owner)};
	struct packet_writer w;
	struct packet *p;

	packet_begin(&w, &head);
	xml_put_open(&w.out, "result", NS_MAM);
	xml_put_attr(&w.out, "queryid", xml_attr(&request->tree, stanza_payload(request), "queryid"));
	buf_fmt(&w.out, " id='%lld'><forwarded xmlns='" NS_FORWARD "'><delay xmlns='" NS_DELAY "'", (long long)f->id);
	put_stamp(&w.out, "stamp", f->id);
	buf_z(&w.out, "/>");
	packet_put_inner(&w.out, f->stanza, strlen("<message"));
	buf_z(&w.out, "</forwarded></result>");
	p = packet_end(&w);
	/* A page whose reader went is asked for again: its end is not kept for a broken session, either. */
	if (p)
		p->volatile_ = true;
	return p;
}

static void send_results(struct session *to, const struct stanza *request, const struct answer *a)
{
	for (unsigned i = 0; i < a->n; i++) {
		struct packet *p = result(jid_bare(request->to.s ? request->to : to->jid), request, &a->rows[i]);

		if (p)
			session_send(to, &p, 0);
	}
	core_spend(to->core, a->n);
}

static void put_fin(struct buf *out, const struct answer *a, bool counted)
{
	xml_put_open(out, "fin", NS_MAM);
	if (!a->more)
		buf_z(out, " complete='true'");
	buf_z(out, "><set xmlns='" NS_RSM "'>");
	if (a->n) {
		put_id(out, "first", a->rows[0].id);
		put_id(out, "last", a->rows[a->n - 1].id);
	}
	if (counted)
		buf_fmt(out, "<count>%lld</count>", (long long)a->count);
	buf_z(out, "</set></fin>");
}

static void send_page(struct core *c, struct page_wait *w, struct answer *a)
{
	struct session *to = session_find(c, w->request->origin);
	CLEANUP(buf_clear) struct buf fin = {.max = 4096};

	if (w->page.newest)
		reverse(a);
	put_fin(&fin, a, !w->page.ids_count);
	if (w->page.flip)
		reverse(a);
	if (to && session_alive(to))
		send_results(to, w->request, a);
	iq_answer(c, &w->request, buf_view(&fin), 0);
}

static void on_rows(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct page_wait *w = (struct page_wait *)wait;
	struct answer a = {0};
	bool all_there;

	take_rows(&a, rows, w->page.ids_count ? IDS_MAX : w->page.max);
	/* By id there is no page; what does not fit is asked for one by one. */
	all_there = w->page.ids_count ? a.n == w->page.ids_count || a.more : a.anchors == w->page.anchor_count;
	if (w->page.max == 0 && !w->page.ids_count)
		a.more = a.count > 0;
	if (rows->error)
		core_bounce(c, &w->request, xerr(XERR_RESOURCE_CONSTRAINT));
	else if (!all_there)
		core_bounce(c, &w->request, xerr(XERR_ITEM_NOT_FOUND));
	else
		send_page(c, w, &a);
	drop(wait);
}

static struct store_query *page_query(const struct page *p, uint64_t tag, struct jid owner)
{
	struct jid peer = p->peer ? jid_view(str_z(p->peer)) : JID_NONE;
	int64_t limit = p->max ? p->max + 1 : 0;

	if (p->ids_count)
		return store_query_new(STORE_ARCHIVE_GET, tag, jid_domain(owner), jid_local(owner), buf_view(&p->ids));
	return store_query_new(STORE_ARCHIVE_PAGE, tag, jid_domain(owner), jid_local(owner), p->from, p->to,
		p->peer ? jid_bare_str(peer) : STR_NONE, p->peer && peer.resource ? jid_resource(peer) : STR_NONE,
		p->after, p->before, p->newest ? -limit : limit, p->anchors[0], p->anchors[1], p->anchors[2]);
}

static void ask_page(struct iq *iq, struct page *page)
{
	struct page_wait *w = xcalloc(1, sizeof(*w));
	struct store_query *q;

	w->wait.answer = on_rows;
	w->wait.drop = drop;
	w->page = *page;
	w->request = iq_defer(iq);
	q = page_query(&w->page, core_wait(iq->core, &w->wait), iq->entity->jid);
	core_ask(iq->core, &q);
}

struct xerr iq_archive_set(struct iq *iq)
{
	struct xerr e = check_owner(iq);
	struct page page;

	if (!xerr_ok(e))
		return e;
	e = read_page(&page, &iq->stanza->tree, iq->query);
	if (xerr_ok(e))
		ask_page(iq, &page);
	else
		page_clear(&page);
	return e;
}

/* ---- the form ---- */

struct xerr iq_archive_get(struct iq *iq)
{
	struct xerr e = check_owner(iq);

	if (!xerr_ok(e))
		return e;
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
	return XERR_OK;
}

/* ---- metadata ---- */

static void put_end(struct buf *out, const char *name, int64_t id)
{
	buf_fmt(out, "<%s id='%lld'", name, (long long)id);
	put_stamp(out, "timestamp", id);
	buf_z(out, "/>");
}

static void on_ends(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct page_wait *w = (struct page_wait *)wait;
	CLEANUP(buf_clear) struct buf reply = {.max = 4096};
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t pos = 0;
	unsigned n;

	buf_z(&reply, "<metadata xmlns='" NS_MAM "'>");
	if (!rows->error && store_rows_next(rows, &pos, &kind, v, &n) && v[1].i) {
		put_end(&reply, "start", v[0].i);
		put_end(&reply, "end", v[1].i);
	}
	buf_z(&reply, "</metadata>");
	if (rows->error)
		core_bounce(c, &w->request, xerr(XERR_RESOURCE_CONSTRAINT));
	else
		iq_answer(c, &w->request, buf_view(&reply), 0);
	drop(wait);
}

struct xerr iq_archive_metadata_get(struct iq *iq)
{
	struct xerr e = check_owner(iq);
	struct jid owner = iq->entity->jid;
	struct page_wait *w;
	struct store_query *q;

	if (!xerr_ok(e))
		return e;
	w = xcalloc(1, sizeof(*w));
	w->wait.answer = on_ends;
	w->wait.drop = drop;
	w->request = iq_defer(iq);
	q = store_query_new(STORE_ARCHIVE_ENDS, core_wait(iq->core, &w->wait), jid_domain(owner), jid_local(owner));
	core_ask(iq->core, &q);
	return XERR_OK;
}

/* ---- preferences ---- */

static struct xerr put_prefs(struct iq *iq)
{
	buf_z(&iq->reply, "<prefs xmlns='" NS_MAM "' default='always'><always/><never/></prefs>");
	return XERR_OK;
}

struct xerr iq_archive_prefs_get(struct iq *iq)
{
	struct xerr e = check_owner(iq);

	return xerr_ok(e) ? put_prefs(iq) : e;
}

static bool names_somebody(const struct iq *iq, const char *list)
{
	uint32_t i = xml_child(&iq->stanza->tree, iq->query, list, NS_MAM);

	return i != XML_NONE && xml_first(&iq->stanza->tree, i) != XML_NONE;
}

/* What is so already may be said; what would be otherwise is refused, not ignored. */
struct xerr iq_archive_prefs_set(struct iq *iq)
{
	struct xerr e = check_owner(iq);

	if (!xerr_ok(e))
		return e;
	if (!str_is(xml_attr(&iq->stanza->tree, iq->query, "default"), "always") || names_somebody(iq, "never"))
		return xerr_text(XERR_FEATURE_NOT_IMPLEMENTED, "everything is archived");
	return put_prefs(iq);
}
