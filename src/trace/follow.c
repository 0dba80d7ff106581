#include "trace/follow.h"

#include <stdio.h>

#include "base/mem.h"
#include "trace/nodes.h"
#include "trace/tshark.h"

struct reader {
	struct followed *f;
	uint64_t left; /* bytes of the piece that are still to come */
};

/* tshark tells only that a piece is of the one side or of the other: until it is known which is which `opener` is that mark. */
static struct followed_piece *add_piece(struct followed *f, bool second)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		f->piece = xrealloc(f->piece, f->cap * sizeof(*f->piece));
	}
	f->piece[f->n] = (struct followed_piece){.at = f->text.n, .opener = second};
	return &f->piece[f->n++];
}

/* "\t123" or "123", and then so many bytes. */
static void begin_piece(struct reader *r, struct str line)
{
	bool second = line.n && line.p[0] == '\t';
	uint64_t n = 0;

	if (second)
		line = (struct str){line.p + 1, line.n - 1};
	if (str_uint(line, UINT32_MAX, &n) != 0)
		return;
	r->left = n;
	add_piece(r->f, second);
}

static bool on_line(void *arg, struct str line)
{
	struct reader *r = arg;
	struct followed *f = r->f;

	if (!r->left) {
		begin_piece(r, line);
		return true;
	}
	if (f->text.n + line.n + 1 > f->text.max / 2) {
		f->cut = true;
		return false;
	}
	if (f->text.n > f->piece[f->n - 1].at)
		buf_char(&f->text, '\n');
	buf_str(&f->text, line);
	f->piece[f->n - 1].n = f->text.n - f->piece[f->n - 1].at;
	r->left -= line.n + 1 < r->left ? line.n + 1 : r->left;
	return true;
}

/* The first piece is of whoever said the first thing that is followed. */
static void name_sides(const struct dissected *d, unsigned connection, bool tls, struct followed *f)
{
	const struct dissected_frame *first = NULL;
	bool mark = f->n && f->piece[0].opener;

	for (uint32_t i = 0; i < d->n && !first; i++) {
		const struct dissected_frame *g = &d->frames[i];

		if (g->stream == (int32_t)connection && g->len && (!tls || (g->encrypted && field_has(g, F_CHAT))))
			first = g;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		bool same = f->piece[i].opener == mark;

		f->piece[i].opener = first && first->opener == same;
		f->piece[i].host = !first ? HOST_NONE : same ? first->from : first->to;
	}
}

/* Of what was cut into segments the rest belongs to what began in the one before; in TLS every piece begins something. */
static void join_pieces(struct followed *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		struct followed_piece *p = &f->piece[i];

		if (n && f->piece[n - 1].opener == p->opener && p->n && f->text.p[p->at] != '<')
			f->piece[n - 1].n += p->n;
		else
			f->piece[n++] = *p;
	}
	f->n = n;
}

static void label(const struct dissected *d, struct followed *f)
{
	struct buf text = {.max = f->text.max};
	struct nodes *nodes = xcalloc(1, sizeof(*nodes));

	nodes_learn(nodes, d, buf_view(&f->text));
	for (uint32_t i = 0; i < f->n; i++) {
		struct followed_piece *p = &f->piece[i];
		size_t at = text.n;

		nodes_put(nodes, (struct str){f->text.p + p->at, p->n}, &text);
		p->at = at;
		p->n = text.n - at;
	}
	nodes_legend(nodes, &f->legend);
	xfree(nodes);
	buf_clear(&f->text);
	f->text = text;
}

int follow(const char *file, const struct dissected *d, unsigned connection, const char *how, size_t max,
	struct followed *ret, struct buf *why)
{
	char words[64];
	const char *argv[] = {"tshark", "-q", "-r", file, "-z", words, NULL};
	struct reader r = {.f = ret};
	int err;

	*ret = (struct followed){.text = {.max = 2 * max}, .legend = {.max = 65536}};
	snprintf(words, sizeof(words), "follow,%s,ascii,%u", how, connection);
	err = tshark_run(argv, on_line, &r, why);
	if (err) {
		followed_clear(ret);
		return err;
	}
	name_sides(d, connection, str_is(str_z(how), "tls"), ret);
	join_pieces(ret);
	if (ret->text.n)
		label(d, ret);
	return 0;
}

void followed_clear(struct followed *f)
{
	buf_clear(&f->text);
	buf_clear(&f->legend);
	xfree(f->piece);
	f->piece = NULL;
	f->n = f->cap = 0;
}
