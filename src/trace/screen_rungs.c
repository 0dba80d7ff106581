#include "trace/screen_rungs.h"

#include "base/mem.h"
#include "trace/screen_page.h"
#include "tui/filter.h"

enum { TEXT_MAX = 1 << 16, ROW_TEXT_MAX = 16 << 20 };

void rungs_init(struct rungs *v, const struct dissected *d)
{
	*v = (struct rungs){.d = d, .height = 1};
	buf_init(&v->passed, DISSECTED_FRAMES_MAX / 8 + 1);
	buf_init(&v->needle, 1000);
}

void rungs_clear(struct rungs *v)
{
	xfree(v->rows);
	xfree(v->folds);
	buf_clear(&v->passed);
	buf_clear(&v->needle);
	*v = (struct rungs){0};
}

/* ---- rows ---- */

static void add_row(struct rungs *v, struct rung row)
{
	if (v->n == RUNGS_MAX) {
		v->cut = true;
		return;
	}
	if (v->n == v->cap) {
		v->cap = v->cap ? 2 * v->cap : 256;
		v->rows = xrealloc(v->rows, v->cap * sizeof(*v->rows));
	}
	v->rows[v->n++] = row;
}

static void add_folded(struct rungs *v, uint32_t frame, enum fold what)
{
	/* One row for as many as stand beside each other. */
	if (v->n == 0 || v->rows[v->n - 1].kind != ROW_FOLDED) {
		if (v->fold_n == v->fold_cap) {
			v->fold_cap = v->fold_cap ? 2 * v->fold_cap : 64;
			v->folds = xrealloc(v->folds, v->fold_cap * sizeof(*v->folds));
		}
		v->folds[v->fold_n] = (struct folded){0};
		add_row(v, (struct rung){frame, v->fold_n++, ROW_FOLDED});
	}
	folded_count(&v->folds[v->fold_n - 1], what);
}

static bool passes(const struct rungs *v, uint32_t number)
{
	return !v->filtered || (number / 8 < v->passed.n && v->passed.p[number / 8] >> (number % 8) & 1);
}

static void add_frame(struct rungs *v, uint32_t i)
{
	const struct dissected_frame *f = &v->d->frames[i];
	enum fold what = v->all ? FOLD_NONE : frame_fold(v->d, f);
	unsigned parts;

	if (what != FOLD_NONE) {
		add_folded(v, i, what);
		return;
	}
	if (field_has(f, F_COMMENT))
		add_row(v, (struct rung){i, 0, ROW_COMMENT});
	parts = frame_events(v->d, f);
	for (unsigned part = 0; part < parts && part < RUNGS_PARTS_MAX; part++)
		add_row(v, (struct rung){i, part, ROW_EVENT});
}

static void show_chosen(struct rungs *v)
{
	if (v->at >= v->n)
		v->at = v->n ? v->n - 1 : 0;
	if (v->at < v->top)
		v->top = v->at;
	if (v->at >= v->top + v->height)
		v->top = v->at - v->height + 1;
	/* No empty lines below while there is something above. */
	if (v->top + v->height > v->n)
		v->top = v->n > v->height ? v->n - v->height : 0;
}

void rungs_update(struct rungs *v)
{
	for (; v->seen < v->d->n; v->seen++) {
		uint32_t number = v->d->frames[v->seen].number;

		if (v->filtered && number > v->decided)
			break;
		if (passes(v, number))
			add_frame(v, v->seen);
	}
	if (v->tail && v->n)
		v->at = v->n - 1;
	show_chosen(v);
}

void rungs_choose(struct rungs *v, uint32_t frame)
{
	uint32_t low = 0, high = v->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (v->rows[middle].frame < frame)
			low = middle + 1;
		else
			high = middle;
	}
	/* It may be inside the fold before. */
	if (low > 0 && v->rows[low - 1].kind == ROW_FOLDED && (low == v->n || v->rows[low].frame > frame))
		low--;
	v->at = low;
	v->tail = false;
	show_chosen(v);
}

/* All rows anew, as things stand. */
static void rebuild(struct rungs *v)
{
	const struct rung *chosen = rungs_chosen(v);
	uint32_t frame = chosen ? chosen->frame : 0;
	bool tail = v->tail;
	bool searching = v->left > 0;

	v->n = v->fold_n = v->seen = v->at = v->top = v->left = 0;
	v->cut = false;
	rungs_update(v);
	if (!tail)
		rungs_choose(v, frame);
	if (searching) /* the rows that it has passed are not these */
		rungs_search(v, buf_view(&v->needle), v->backward);
}

void rungs_renew(struct rungs *v, const struct dissected *d)
{
	v->d = d;
	rebuild(v);
}

void rungs_fold(struct rungs *v)
{
	v->all = !v->all;
	rebuild(v);
}

/* ---- moving ---- */

void rungs_resize(struct rungs *v, uint32_t height)
{
	v->height = height ? height : 1;
	show_chosen(v);
}

void rungs_move(struct rungs *v, int64_t rows)
{
	int64_t at = (int64_t)v->at + rows;

	if (at >= v->n)
		at = v->n ? (int64_t)v->n - 1 : 0;
	v->at = at < 0 ? 0 : (uint32_t)at;
	if (rows < 0)
		v->tail = false;
	show_chosen(v);
}

void rungs_end(struct rungs *v)
{
	v->at = v->n ? v->n - 1 : 0;
	v->tail = true;
	show_chosen(v);
}

const struct rung *rungs_chosen(const struct rungs *v) { return v->at < v->n ? &v->rows[v->at] : NULL; }

/* ---- the filter ---- */

void rungs_filter(struct rungs *v)
{
	v->filtered = true;
	v->decided = 0;
	buf_clear(&v->passed);
	rebuild(v);
}

void rungs_pass(struct rungs *v, uint32_t number)
{
	size_t need = (size_t)number / 8 + 1;

	if (need > v->passed.n) {
		size_t more = need - v->passed.n;
		char *room = buf_room(&v->passed, more);

		if (!room)
			return;
		memset(room, 0, more);
		v->passed.n = need;
	}
	v->passed.p[number / 8] |= (char)(1 << (number % 8));
}

void rungs_decided(struct rungs *v, uint32_t number)
{
	if (number > v->decided)
		v->decided = number;
}

void rungs_unfilter(struct rungs *v)
{
	v->filtered = false;
	buf_clear(&v->passed);
	rebuild(v);
}

/* ---- searching ---- */

static void next_probe(struct rungs *v)
{
	if (v->backward)
		v->probe = v->probe ? v->probe - 1 : v->n - 1;
	else
		v->probe = v->probe + 1 < v->n ? v->probe + 1 : 0;
}

void rungs_search(struct rungs *v, struct str needle, bool backward)
{
	if (v->needle.p != needle.p) {
		buf_reset(&v->needle);
		buf_str(&v->needle, needle);
	}
	v->backward = backward;
	v->probe = v->at;
	v->left = v->n;
	if (v->n)
		next_probe(v);
}

enum rungs_found rungs_search_step(struct rungs *v, uint32_t budget)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_MAX * 4};

	for (; v->left && budget; v->left--, budget--, next_probe(v)) {
		const struct rung *r = &v->rows[v->probe];

		buf_reset(&text);
		rungs_text(v, r, &text);
		if (r->kind == ROW_FOLDED || !page_contains(buf_view(&text), buf_view(&v->needle)))
			continue;
		v->left = 0;
		v->at = v->probe;
		v->tail = false;
		show_chosen(v);
		return RUNGS_FOUND;
	}
	return v->left ? RUNGS_GOES_ON : RUNGS_MISSING;
}

/* ---- what a row says ---- */

void rungs_text(const struct rungs *v, const struct rung *r, struct buf *out)
{
	CLEANUP(buf_clear) struct buf raw = {.max = TEXT_MAX};
	const struct dissected_frame *f = &v->d->frames[r->frame];

	if (r->kind == ROW_FOLDED) {
		buf_z(&raw, "  . ");
		folded_text(&v->folds[r->part], &raw);
	} else if (r->kind == ROW_COMMENT) {
		struct str said = field_first(v->d, f, F_COMMENT);

		buf_z(&raw, "comment: ");
		buf_add(&raw, said.p, said.n < TEXT_MAX / 2 ? said.n : TEXT_MAX / 2);
	} else {
		frame_text(v->d, f, r->part, &raw);
	}
	filter_line(out, buf_view(&raw));
}

static uint32_t partner_event(const struct dissected *d, const struct dissected_frame *f, uint32_t part)
{
	CLEANUP(buf_clear) struct buf store = {.max = ROW_TEXT_MAX};
	struct str rows = field_of(d, f, F_CHAT);
	struct chat_event e;

	for (uint32_t at = 0; chat_next(&rows, &store, &e); at++)
		if (at == part) {
			chat_resolve(d, f, &e);
			return e.other ? e.other : e.room_other;
		}
	return 0;
}

uint32_t rungs_partner(const struct rungs *v)
{
	const struct rung *r = rungs_chosen(v);
	const struct dissected_frame *f = r ? &v->d->frames[r->frame] : NULL;
	uint32_t number = r && r->kind == ROW_EVENT ? partner_event(v->d, f, r->part) : 0;

	for (uint32_t i = 0; number && i < v->d->n; i++)
		if (v->d->frames[i].number == number)
			return i;
	return f && f->acked_by ? f->acked_by - 1 : UINT32_MAX;
}
