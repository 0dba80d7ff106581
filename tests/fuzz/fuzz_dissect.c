/* What tshark tells of a capture of anybody: lines of fields. No view of it puts a control character on a terminal. */
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "trace/explain.h"
#include "trace/export.h"
#include "trace/ladder.h"
#include "trace/report.h"

enum { OUT_MAX = 64 << 20 };

static void check(const struct buf *out, const char *allowed)
{
	for (size_t i = 0; i < out->n; i++)
		must((uint8_t)out->p[i] >= 32 || strchr(allowed, out->p[i]));
	must(str_utf8(buf_view(out)) || !buf_ok(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf ladder = {.max = OUT_MAX};
	CLEANUP(buf_clear) struct buf explain = {.max = OUT_MAX};
	CLEANUP(buf_clear) struct buf page = {.max = OUT_MAX};
	CLEANUP(buf_clear) struct buf picture = {.max = OUT_MAX};
	CLEANUP(buf_clear) struct buf table = {.max = OUT_MAX};
	struct dissected d = {.text = {.max = 16 << 20}};
	struct str in = {(const char *)data, size};
	struct ladder_options o = {.all = size % 2};

	while (in.p && in.n && dissect_line(&d, str_cut(&in, '\n')))
		;
	dissect_end(&d);
	ladder_put(&d, &o, &ladder);
	explain_put(&d, &explain);
	report_put(&(struct report){.d = &d, .name = STR("x")}, &page);
	report_svg(&d, &picture);
	export_csv(&d, &table);
	check(&ladder, "\n");
	check(&explain, "\n");
	check(&page, "\n");
	check(&picture, "\n");
	check(&table, "\r\n");
	dissected_clear(&d);
	return 0;
}
