#include "core/mam.h"

#include "base/clock.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { PAGE_BYTES = 1 << 20, ROWS_MAX = 100, BYTES_PER_UNIT = 128 /* as of any answer */ };

struct page_wait {
	struct wait wait;
	struct stanza *request;
	struct mam_page page;
	mam_put *put;
};

static void drop(struct wait *wait)
{
	struct page_wait *w = (struct page_wait *)wait;

	stanza_free(&w->request);
	mam_page_clear(&w->page);
	xfree(w);
}

static struct page_wait *wait_new(struct iq *iq, struct mam_page *page, mam_put *put)
{
	struct page_wait *w = xcalloc(1, sizeof(*w));

	w->wait.drop = drop;
	w->put = put;
	if (page)
		w->page = *page;
	w->request = iq_defer(iq);
	return w;
}

/* ---- what was found ---- */

struct answer {
	struct mam_row rows[ROWS_MAX + 1];
	unsigned n;
	int64_t count, anchors;
	size_t bytes;
	bool more; /* that did not fit on the page */
};

/* One more than the page was asked for comes, so that it is known whether there is one. */
static void take_row(struct answer *a, const struct mam_row *row, int64_t max)
{
	if (a->more)
		return;
	a->bytes += row->stanza.n;
	a->more = a->n == max || (a->n && a->bytes > PAGE_BYTES);
	if (!a->more)
		a->rows[a->n++] = *row;
}

static void take_rows(struct answer *a, const struct store_rows *rows, int64_t max)
{
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	unsigned n;

	for (size_t pos = 0; store_rows_next(rows, &pos, &kind, v, &n);) {
		if (kind == ROW_ARCHIVE_COUNT) {
			a->count = v[0].i;
			a->anchors = v[1].i;
		} else if (kind == ROW_ARCHIVE) {
			take_row(a, &(struct mam_row){v[0].i, v[1].s, v[2].s, STR_NONE, v[3].s, v[4].i != 0}, max);
		}
	}
}

static void reverse(struct answer *a)
{
	for (unsigned i = 0; i < a->n / 2; i++) {
		struct mam_row other = a->rows[i];

		a->rows[i] = a->rows[a->n - 1 - i];
		a->rows[a->n - 1 - i] = other;
	}
}

/* ---- what is said ---- */

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

/* A request without `to` asks the asker's own archive. */
static struct str owner_of(const struct stanza *request)
{
	return jid_bare_str(request->to.s ? request->to : request->from);
}

static struct packet *result(const struct page_wait *w, const struct mam_row *row)
{
	const struct stanza *request = w->request;
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = owner_of(request)};
	struct packet_writer w_;
	struct packet *p;

	if (!request->origin)
		head.to = jid_str(request->from); /* from elsewhere: it goes by its address */
	packet_begin(&w_, &head);
	xml_put_open(&w_.out, "result", NS_MAM);
	xml_put_attr(&w_.out, "queryid", xml_attr(&request->tree, stanza_payload(request), "queryid"));
	buf_fmt(&w_.out, " id='%lld'><forwarded xmlns='" NS_FORWARD "'><delay xmlns='" NS_DELAY "'",
		(long long)row->id);
	put_stamp(&w_.out, "stamp", row->id);
	buf_z(&w_.out, "/>");
	if (w->put)
		w->put(&w_.out, row, &w->page);
	else
		packet_put_inner(&w_.out, row->stanza, strlen("<message"));
	buf_z(&w_.out, "</forwarded></result>");
	p = packet_end(&w_);
	/* A page whose reader went is asked for again: its end is not kept for a broken session, either. */
	if (p)
		p->volatile_ = true;
	return p;
}

static void send_results(struct core *c, const struct page_wait *w, const struct answer *a)
{
	struct session *to = w->request->origin ? session_find(c, w->request->origin) : NULL;

	if (w->request->origin && (!to || !session_alive(to)))
		return;
	for (unsigned i = 0; i < a->n; i++) {
		struct packet *p = result(w, &a->rows[i]);

		if (p && to)
			session_send(to, &p, 0);
		else
			core_reply(c, w->request, &p, 0);
	}
	core_spend(c, a->n + (uint32_t)(a->bytes / BYTES_PER_UNIT));
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
	CLEANUP(buf_clear) struct buf fin = {.max = 4096};
	bool all_there;

	/* By id there is no page; what does not fit is asked for one by one. */
	all_there = w->page.ids_count ? a->n == w->page.ids_count || a->more : a->anchors == w->page.anchor_count;
	if (!all_there) {
		core_bounce(c, &w->request, xerr(XERR_ITEM_NOT_FOUND));
		return;
	}
	if (w->page.max == 0 && !w->page.ids_count)
		a->more = a->count > 0;
	if (w->page.newest)
		reverse(a);
	put_fin(&fin, a, !w->page.ids_count);
	if (w->page.flip)
		reverse(a);
	send_results(c, w, a);
	iq_answer(c, &w->request, buf_view(&fin), 0);
}

/* ---- out of the store ---- */

static void on_rows(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct page_wait *w = (struct page_wait *)wait;
	struct answer a = {0};

	take_rows(&a, rows, w->page.ids_count ? MAM_IDS_MAX : w->page.max);
	if (rows->error)
		core_bounce(c, &w->request, xerr(XERR_RESOURCE_CONSTRAINT));
	else
		send_page(c, w, &a);
	drop(wait);
}

static struct str text_of(const char *z) { return z ? str_z(z) : STR_NONE; }

/* Who may not know all senders does not find them by their addresses, either. */
static bool only_open(const struct mam_page *p) { return p->open_senders && !p->senders; }

static struct store_query *page_query(const struct mam_page *p, uint64_t tag, struct jid owner)
{
	int64_t limit = p->max ? p->max + 1 : 0;

	if (p->ids_count)
		return store_query_new(STORE_ARCHIVE_GET, tag, jid_domain(owner), jid_local(owner), buf_view(&p->ids));
	return store_query_new(STORE_ARCHIVE_PAGE, tag, jid_domain(owner), jid_local(owner), p->from, p->to,
		text_of(p->peer), text_of(p->name), p->after, p->before, p->newest ? -limit : limit, p->anchors[0],
		p->anchors[1], p->anchors[2], (int64_t)(p->peer && only_open(p)));
}

void mam_ask(struct iq *iq, struct mam_page *page, mam_put *put)
{
	struct page_wait *w = wait_new(iq, page, put);
	struct store_query *q;

	w->wait.answer = on_rows;
	q = page_query(&w->page, core_wait(iq->core, &w->wait), iq->entity->jid);
	core_ask(iq->core, &q);
}

/* ---- out of memory ---- */

static bool is_one_of(int64_t id, const int64_t *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return false;
}

static bool is_meant(const struct mam_page *p, const struct mam_row *row)
{
	return row->id >= p->from && row->id <= p->to &&
		(!p->peer || (str_is(row->peer, p->peer) && (!only_open(p) || row->open))) &&
		(!p->name || str_is(row->name, p->name));
}

static bool is_on_page(const struct mam_page *p, const struct mam_row *row)
{
	if (p->ids_count)
		return is_one_of(row->id, p->ids_list, p->ids_count);
	return is_meant(p, row) && row->id > p->after && row->id < p->before;
}

void mam_answer(struct iq *iq, struct mam_page *page, mam_put *put, const struct mam_row *rows, unsigned n)
{
	struct page_wait *w = wait_new(iq, page, put);
	const struct mam_page *p = &w->page;
	struct answer a = {0};

	for (unsigned i = 0; i < n; i++) {
		const struct mam_row *row = &rows[p->newest && !p->ids_count ? n - 1 - i : i];

		a.count += is_meant(p, row);
		a.anchors += is_one_of(row->id, p->anchors, p->anchor_count);
		if (is_on_page(p, row) && (p->max || p->ids_count))
			take_row(&a, row, p->ids_count ? MAM_IDS_MAX : p->max);
	}
	send_page(iq->core, w, &a);
	drop(&w->wait);
}

/* ---- metadata ---- */

static void put_end(struct buf *out, const char *name, int64_t id)
{
	buf_fmt(out, "<%s id='%lld'", name, (long long)id);
	put_stamp(out, "timestamp", id);
	buf_z(out, "/>");
}

void mam_put_metadata(struct buf *out, int64_t first, int64_t last)
{
	buf_z(out, "<metadata xmlns='" NS_MAM "'>");
	if (last) {
		put_end(out, "start", first);
		put_end(out, "end", last);
	}
	buf_z(out, "</metadata>");
}

static void on_ends(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct page_wait *w = (struct page_wait *)wait;
	CLEANUP(buf_clear) struct buf reply = {.max = 4096};
	struct store_value v[STORE_VALUES_MAX] = {0};
	enum store_row kind;
	size_t pos = 0;
	unsigned n;

	if (!rows->error && store_rows_next(rows, &pos, &kind, v, &n))
		mam_put_metadata(&reply, v[0].i, v[1].i);
	if (reply.n)
		iq_answer(c, &w->request, buf_view(&reply), 0);
	else
		core_bounce(c, &w->request, xerr(XERR_RESOURCE_CONSTRAINT));
	drop(wait);
}

void mam_metadata(struct iq *iq)
{
	struct page_wait *w = wait_new(iq, NULL, NULL);
	struct jid owner = iq->entity->jid;
	struct store_query *q;

	w->wait.answer = on_ends;
	q = store_query_new(STORE_ARCHIVE_ENDS, core_wait(iq->core, &w->wait), jid_domain(owner), jid_local(owner));
	core_ask(iq->core, &q);
}
