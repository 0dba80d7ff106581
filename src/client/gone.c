/* Who has left a room, for those who would ban him then: the last ones, as far as the room told who they were. */
#include "client/client_i.h"

static void forget(struct gone_list *g, unsigned i)
{
	xfree(g->list[i].nick);
	xfree(g->list[i].jid);
	memmove(&g->list[i], &g->list[i + 1], (g->n - i - 1) * sizeof(g->list[0]));
	g->n--;
}

void client_gone_clear(struct room *r)
{
	while (r->gone.n)
		forget(&r->gone, r->gone.n - 1);
}

void client_gone_note(struct room *r, const struct occupant *o)
{
	struct gone_list *g = &r->gone;
	struct jid_buf j;

	if (!o->jid || jid_parse_buf(str_z(o->jid), &j) != 0)
		return;
	for (unsigned i = 0; i < g->n; i++)
		if (strcmp(g->list[i].nick, o->nick) == 0 && str_is(jid_bare_str(j.jid), g->list[i].jid)) {
			forget(g, i);
			break;
		}
	if (g->n == GONE_MAX)
		forget(g, 0);
	g->list[g->n++] = (struct gone){.nick = xstrdup(o->nick), .jid = str_dup(jid_bare_str(j.jid))};
}

void client_gone_note_all(struct room *r)
{
	struct occupant *o;
	uint32_t pos = 0;

	while ((o = map_next(&r->occupants, &pos)))
		if (strcmp(o->nick, r->nick) != 0)
			client_gone_note(r, o);
}

unsigned client_gone_find(const struct room *r, struct str nick, struct str *ret, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = r->gone.n; i-- > 0 && n < max;)
		if (str_is(nick, r->gone.list[i].nick))
			ret[n++] = str_z(r->gone.list[i].jid);
	return n;
}
