/* What the people in the lab say to each other. */
#include "app/lab_i.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

enum { SEE_MS = 60000, LONG_TEXT = 5000, ALICE = 0, BOB = 1 };

/* One speaks, the other sees it; then the speaker sees that it was delivered. */
struct step {
	unsigned who, whom;
	const char *text;
	bool is_long; /* goes on for some segments */
};

static const struct step talk[] = {
	{ALICE, BOB, "hello Bob, this is Alice over the wire", false},
	{BOB, ALICE, "hi Alice, got it", false},
	{ALICE, BOB, "now something longer, so that it takes several segments:", true},
	{BOB, ALICE, "that was long & <fine>", false},
	{ALICE, BOB, "goodbye", false},
};

static void put_long(struct buf *line)
{
	while (line->n < LONG_TEXT)
		buf_z(line, " the quick brown fox jumps over the lazy dog");
}

static int say_one(struct lab *l, const struct step *s, struct buf *why)
{
	struct lab_peer *from = &l->peers[s->who], *to = &l->peers[s->whom];
	CLEANUP(buf_clear) struct buf line = {.max = 2 * LONG_TEXT};
	int err;

	buf_fmt(&line, "/msg %s %s", to->user, s->text);
	if (s->is_long)
		put_long(&line);
	err = lab_say(from, buf_view(&line));
	if (!err)
		err = lab_see(l, to, s->text, SEE_MS, why);
	/* Old programs give no receipts. */
	if (!err)
		err = lab_see(l, from, l->options.plain ? "confirms nothing" : "(delivered)", SEE_MS, why);
	return err;
}

/* Everybody else says hello to the first one. */
static int greet(struct lab *l, unsigned who, struct buf *why)
{
	char text[100];
	struct step hello = {who, ALICE, text, false};

	snprintf(text, sizeof(text), "hello Alice, %s is here, too", l->peers[who].user);
	return say_one(l, &hello, why);
}

static int find_each_other(struct lab *l, struct buf *why)
{
	char text[64];
	int err = 0;

	for (unsigned i = 1; !err && i < l->n; i++) {
		snprintf(text, sizeof(text), "%s is ", l->peers[i].user); /* here, or away: a matter of moments */
		l->peers[ALICE].seen = 0;                                 /* in any order */
		err = lab_see(l, &l->peers[ALICE], text, SEE_MS, why);
		if (!err)
			err = lab_see(l, &l->peers[i], "alice is ", SEE_MS, why);
	}
	return err;
}

int lab_script(struct lab *l, struct buf *why)
{
	int err = find_each_other(l, why);

	for (size_t i = 0; !err && i < sizeof(talk) / sizeof(talk[0]); i++)
		err = say_one(l, &talk[i], why);
	for (unsigned i = 2; !err && i < l->n; i++)
		err = greet(l, i, why);
	return err;
}
