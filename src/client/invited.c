/* Invitations that have not been answered: by going there, or with a word of thanks (XEP-0045 7.8.2). */
#include "base/err.h"
#include "client/client_i.h"
#include "xml/write.h"

static void forget(struct client *c, unsigned i)
{
	xfree(c->invited.list[i].room);
	xfree(c->invited.list[i].by);
	if (c->invited.list[i].password)
		mem_wipe(c->invited.list[i].password, strlen(c->invited.list[i].password));
	xfree(c->invited.list[i].password);
	c->invited.n--;
	memmove(&c->invited.list[i], &c->invited.list[i + 1], (c->invited.n - i) * sizeof(*c->invited.list));
}

void client_invited_clear(struct client *c)
{
	while (c->invited.n)
		forget(c, 0);
}

void client_invited_forget(struct client *c, struct str room)
{
	for (unsigned i = c->invited.n; i-- > 0;)
		if (str_is(room, c->invited.list[i].room))
			forget(c, i);
}

/* by: whom the room will tell; absent: there is no such way. The oldest make room. */
void client_invited_note(struct client *c, struct str room, struct str by, struct str password)
{
	client_invited_forget(c, room);
	if (c->invited.n == INVITED_MAX)
		forget(c, 0);
	c->invited.list[c->invited.n++] = (struct invited){.room = str_dup(room),
		.by = by.p ? str_dup(by) : NULL,
		.password = password.n ? str_dup(password) : NULL};
}

struct str client_invited_password(const struct client *c, struct str room)
{
	for (unsigned i = 0; i < c->invited.n; i++)
		if (str_is(room, c->invited.list[i].room) && c->invited.list[i].password)
			return str_z(c->invited.list[i].password);
	return STR_NONE;
}

static void put_decline(struct client *c, struct str room, struct str by, struct str reason)
{
	CLEANUP(buf_clear) struct buf out = {.max = 32768};

	buf_z(&out, "<message");
	xml_put_attr(&out, "to", room);
	buf_z(&out, "><x xmlns='" NS_MUC_USER "'><decline");
	xml_put_attr(&out, "to", by);
	buf_char(&out, '>');
	if (reason.n)
		xml_put_text(&out, "reason", reason);
	buf_z(&out, "</decline></x></message>");
	if (buf_ok(&out))
		client_put(c, buf_view(&out));
}

int client_decline(struct client *c, struct str room, struct str reason)
{
	CLEANUP(buf_clear) struct buf done = {.max = 4096};

	if (c->state != CLIENT_ONLINE)
		return ERR_CLOSED;
	for (unsigned i = 0; i < c->invited.n; i++) {
		if (!str_is(room, c->invited.list[i].room))
			continue;
		buf_z(&done, "declined: ");
		client_label(c, room, &done);
		if (c->invited.list[i].by)
			put_decline(c, room, str_z(c->invited.list[i].by), reason);
		else
			buf_z(&done, " (who invites directly is not told)");
		forget(c, i);
		client_say_event(c, EVENT_DONE, buf_view(&done));
		return 0;
	}
	return ERR_NOTFOUND;
}

void client_invitations(struct client *c)
{
	CLEANUP(buf_clear) struct buf out = {.max = 65536};

	for (unsigned i = 0; i < c->invited.n; i++)
		buf_fmt(&out, "%s%s", i ? "\n" : "", c->invited.list[i].room);
	client_say_event(c, EVENT_ANSWER, out.n ? buf_view(&out) : STR("no invitation waits for an answer"));
}
