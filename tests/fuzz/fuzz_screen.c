/* What tshark tells of a capture of anybody, piece by piece, as the ladder on a screen has it: no line is wider than the screen,
 * none has a control character, and the row that is chosen is one of those that are seen. */
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "trace/screen_line.h"
#include "tui/filter.h"

static void check_row(const struct rungs *v, const struct rung *r, unsigned columns)
{
	CLEANUP(buf_clear) struct buf line = {.max = 1 << 20};
	struct layout l = layout_of(v->d, columns);

	must(line_style(v, r) < STYLES);
	line_head(v, r, &l, &line);
	line_lanes(v, r, &l, &line);
	line_text(v, r, &l, columns % 7, &line);
	for (size_t i = 0; i < line.n; i++)
		must((uint8_t)line.p[i] >= ' ' && line.p[i] != 0x7f);
	/* Numbers and times may be of any length: what is wider is cut when it is put on the screen. */
	must(filter_width(cells_of(buf_view(&line), 0, columns)) <= columns);
}

static void check(struct rungs *v, uint8_t how)
{
	static const char *const needles[] = {"a", "bob", "%", ""};

	rungs_update(v);
	rungs_resize(v, how % 50);
	rungs_move(v, (int64_t)how - 128);
	if (how % 5 == 0)
		rungs_fold(v);
	if (how % 7 == 0) {
		rungs_filter(v);
		rungs_pass(v, how);
		rungs_decided(v, how % 2 ? UINT32_MAX : how);
	}
	if (how % 11 == 0)
		rungs_unfilter(v);
	rungs_search(v, str_z(needles[how % 4]), how % 3);
	rungs_search_step(v, 100);
	(void)rungs_partner(v);
	must(v->n == 0 || (v->at < v->n && v->at >= v->top && v->at < v->top + v->height));
	for (uint32_t i = v->top; i < v->n && i < v->top + v->height; i++)
		check_row(v, &v->rows[i], 20 + how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dissected d = {.text = {.max = 16 << 20}};
	struct str in = {(const char *)data, size};
	struct rungs v;

	rungs_init(&v, &d);
	for (uint8_t i = 0; in.p && in.n && dissect_line(&d, str_cut(&in, '\n')); i++) {
		dissect_end(&d);
		if (i % 4 == 3)
			check(&v, (uint8_t)(size + i));
	}
	check(&v, (uint8_t)size);
	rungs_clear(&v);
	dissected_clear(&d);
	return 0;
}
