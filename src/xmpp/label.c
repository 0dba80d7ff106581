#include "xmpp/label.h"

#include "base/mem.h"

bool label_may_begin(char c) { return !strchr("#*-> (|", c); }

/* Not whatever is not seen, the joiners too, nor a space that is none. */
bool label_may_have(const char *p, size_t n)
{
	uint32_t c = str_utf8_char(p, n);

	if (n == 1 && memchr(":@/\"'()", *p, 7))
		return false;
	return c >= ' ' && c != 0x7f && c != 0xa0 && c != 0x200c && c != 0x200d && !str_is_unseen(c);
}

bool label_is_plain(struct str label)
{
	if (!label.n || label.n > LABEL_MAX || !label_may_begin(label.p[0]) || label.p[label.n - 1] == ' ')
		return false;
	while (label.n) {
		size_t n = str_utf8_next(label);

		if (!n || !label_may_have(label.p, n))
			return false;
		label = (struct str){label.p + n, label.n - n};
	}
	return true;
}

/* ---- what is like it ---- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c; }

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to be left out, put in, changed, or swapped with the next (optimal string alignment). Bytes: a letter beyond ASCII
 * counts for more. */
static unsigned distance(struct str a, struct str b)
{
	unsigned rows[3][LABEL_MAX + 1];

	for (unsigned j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			bool same = lower(a.p[i - 1]) == lower(b.p[j - 1]);
			bool swapped = i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
				lower(a.p[i - 2]) == lower(b.p[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
			if (swapped && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return rows[a.n % 3][b.n];
}

static bool begins_with(struct str label, struct str typed)
{
	for (size_t i = 0; i < typed.n; i++)
		if (i >= label.n || lower(label.p[i]) != lower(typed.p[i]))
			return false;
	return true;
}

bool label_is_near(struct str label, struct str typed)
{
	unsigned most = typed.n > 4 ? 2 : 1;

	if (typed.n < 2 || typed.n > LABEL_MAX || label.n < 2 || label.n > LABEL_MAX)
		return false;
	return begins_with(label, typed) || distance(label, typed) <= most;
}

void label_hint(struct label_hints *h, struct str label, struct str typed)
{
	enum { HINTS = 3 };
	const char *quote;

	if (h->n >= HINTS || !label_is_near(label, typed))
		return;
	if (h->n == 0)
		buf_init(&h->text, 1024);
	else if (h->text.n)
		buf_cut(&h->text, h->text.n - 1); /* the question mark */
	/* As it has to be typed. */
	quote = memchr(label.p, ' ', label.n) ? "\"" : "";
	buf_fmt(&h->text, "%s%s%.*s%s?", h->n++ ? " or " : "; did you mean ", quote, STR_FMT(label), quote);
}
