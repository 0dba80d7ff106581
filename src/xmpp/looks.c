#include "xmpp/looks.h"

#include "base/buf.h"
#include "base/mem.h"
#include "xmpp/ns.h"

static int rank(struct str show)
{
	static const char *const shows[] = {"xa", "away", "available", "chat", "dnd"};
	enum { AVAILABLE = 2 };

	for (int i = 0; i < (int)ARRAY_LEN(shows); i++)
		if (str_is(show, shows[i]))
			return i;
	return AVAILABLE;
}

bool looks_before(const struct looks *a, const struct looks *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	if (rank(a->show) != rank(b->show))
		return rank(a->show) > rank(b->show);
	return str_cmp(a->text, b->text) > 0;
}

static struct str text_of(const struct stanza *s, const char *name, struct buf *tmp)
{
	uint32_t i = stanza_child(s, name, NS_CLIENT);
	struct str text = i ? str_trim(xml_text(&s->tree, i, tmp)) : STR("");

	return buf_ok(tmp) ? text : STR("");
}

bool looks_presence_before(const struct stanza *a, const struct stanza *b)
{
	CLEANUP(buf_clear) struct buf show_a = {.max = 64}, show_b = {.max = 64};
	CLEANUP(buf_clear) struct buf text_a = {.max = 4096}, text_b = {.max = 4096};
	struct looks x = {stanza_priority(a), text_of(a, "show", &show_a), text_of(a, "status", &text_a)};
	struct looks y = {stanza_priority(b), text_of(b, "show", &show_b), text_of(b, "status", &text_b)};

	return looks_before(&x, &y);
}
