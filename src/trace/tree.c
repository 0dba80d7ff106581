#include "trace/tree.h"

static size_t blanks(struct str line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] == ' ')
		n++;
	return n;
}

bool tree_line(struct tree *t, struct str *line)
{
	static const struct str warning = STR("[Expert Info (Note/Undecoded): Unknown element"),
				word = STR(" [UNKNOWN]");
	size_t n = blanks(*line);
	struct str rest = {line->p + n, line->n - n};

	if (t->inside && n >= t->inside)
		return false;
	t->inside = n && str_starts(rest, warning) ? n + 1 : 0;
	if (t->inside)
		return false;
	/* The name of an element is in capitals; what people have said follows a name in small letters. */
	if (n && rest.n > word.n && rest.p[0] >= 'A' && rest.p[0] <= 'Z' &&
		str_eq((struct str){rest.p + rest.n - word.n, word.n}, word))
		line->n -= word.n;
	return true;
}
