#include <stdio.h>

#include "base/plain.h"
#include "peer/peers_i.h"

/* Without what a label may not have. */
static void put_plain(struct buf *out, struct str text, size_t max)
{
	size_t begin = out->n;

	while (text.n) {
		size_t n = str_utf8_next(text);
		bool good = n && label_may_have(text.p, n);

		n = n ? n : 1;
		if (out->n - begin + n > max)
			break;
		if (good && (out->n > begin || label_may_begin(text.p[0])))
			buf_add(out, text.p, n);
		else if (out->n > begin && (n > 1 || !*text.p || !strchr("\"'()", *text.p)))
			buf_char(out, '-');
		text = (struct str){text.p + n, text.n - n};
	}
	while (out->n > begin && out->p[out->n - 1] == ' ')
		buf_cut(out, out->n - 1);
}

static void put_name(struct buf *out, struct str name, size_t max)
{
	buf_reset(out);
	put_plain(out, name, max);
	if (!out->n)
		buf_z(out, "somebody");
}

void label_choose(const struct peers *ps, const struct peer *p, struct str name, struct str more, struct buf *out)
{
	enum { NAME = LABEL_MAX - 14, MORE = 8, TRIES = 10000 };
	size_t begin;

	put_name(out, name, LABEL_MAX);
	if (!peers_label_taken(ps, p, buf_view(out)))
		return;
	put_name(out, name, NAME);
	begin = out->n;
	buf_char(out, '-');
	put_plain(out, more, MORE);
	if (out->n == begin + 1)
		buf_cut(out, begin);
	begin = out->n;
	for (unsigned i = 2; peers_label_taken(ps, p, buf_view(out)) && i < TRIES; i++) {
		buf_cut(out, begin);
		buf_fmt(out, "-%u", i);
	}
}

void label_of_instance(const struct peers *ps, const struct peer *p, struct str instance, struct buf *out)
{
	struct str host = instance, user = str_cut(&host, '@');

	if (!host.p || !user.n)
		user = instance;
	/* Our own machine would not tell him from us. */
	label_choose(ps, p, user, peers_is_our_instance(ps, instance) ? STR("stranger") : host, out);
}

char *label_clean(struct str text)
{
	CLEANUP(buf_clear) struct buf out = {.max = text.n + 1};

	plain_put(&out, text);
	return str_dup(buf_view(&out));
}

struct label_word label_word(const struct peer *p)
{
	struct label_word w;
	bool quoted = strchr(p->label, ' ') != NULL;

	snprintf(w.text, sizeof(w.text), quoted ? "\"%.*s\"" : "%.*s", LABEL_MAX, p->label);
	return w;
}

struct peer *label_find_before(const struct peers *ps, struct str label)
{
	struct peer *p, *found = NULL;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		if (!p->stranger.label_before || !str_is(label, p->stranger.label_before))
			continue;
		if (found)
			return NULL;
		found = p;
	}
	return found;
}
