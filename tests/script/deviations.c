#include "deviations.h"

#include "base/err.h"
#include "base/mem.h"
#include "script.h"

static int fail(const char *path, unsigned line, const char *what, struct deviations *ds, struct buf *why)
{
	buf_fmt(why, "%s:%u: %s", path, line, what);
	deviations_clear(ds);
	return ERR_SYNTAX;
}

static void add(struct deviations *ds, unsigned line, struct str text)
{
	struct str script = str_cut(&text, ' ');

	ds->d = xrealloc(ds->d, (ds->n + 1) * sizeof(*ds->d));
	ds->d[ds->n++] = (struct deviation){line, str_dup(script), str_dup(text.p ? str_trim(text) : STR("")), false};
}

int deviations_parse(const char *path, struct str text, struct deviations *ret, struct buf *why)
{
	struct deviations ds = {NULL, 0};

	for (unsigned line = 1; text.p; line++) {
		struct str raw = str_cut(&text, '\n'), words = str_trim(raw);
		struct deviation *last = ds.n ? &ds.d[ds.n - 1] : NULL;
		bool indented = raw.n && (*raw.p == ' ' || *raw.p == '\t');

		if (!words.n || *words.p == '#')
			continue;
		if (indented && !last)
			return fail(path, line, "a reason of nothing", &ds, why);
		if (indented) {
			last->has_reason = true;
			continue;
		}
		if (last && !last->has_reason)
			return fail(path, last->line, "say what happens instead", &ds, why);
		add(&ds, line, words);
	}
	if (ds.n && !ds.d[ds.n - 1].has_reason)
		return fail(path, ds.d[ds.n - 1].line, "say what happens instead", &ds, why);
	*ret = ds;
	return 0;
}

int deviations_read(const char *path, struct deviations *ret, struct buf *why)
{
	struct buf text;
	int err;

	buf_init(&text, 1 << 20);
	err = text_read(path, &text, why);
	if (!err)
		err = deviations_parse(path, buf_view(&text), ret, why);
	buf_clear(&text);
	return err;
}

const struct deviation *deviations_find(const struct deviations *ds, const char *script, const char *heading)
{
	for (unsigned i = 0; i < ds->n; i++)
		if (strcmp(ds->d[i].script, script) == 0 && strcmp(ds->d[i].heading, heading) == 0)
			return &ds->d[i];
	return NULL;
}

void deviations_clear(struct deviations *ds)
{
	for (unsigned i = 0; i < ds->n; i++) {
		xfree(ds->d[i].script);
		xfree(ds->d[i].heading);
	}
	xfree(TAKE(ds->d));
	ds->n = 0;
}
