/* What goes out, and what becomes of it: a stanza that the server has not acknowledged is kept. */
#include "client/client_i.h"

static void outgoing_free(struct outgoing *o)
{
	list_remove(&o->node);
	xfree(o->text);
	xfree(o->room);
	xfree(o);
}

static struct outgoing *outgoing_new(struct str stanza, const char *id, const char *room)
{
	struct outgoing *o = xcalloc(1, sizeof(*o));

	o->text = str_dup(stanza);
	o->room = str_dup(str_z(room));
	if (id)
		memcpy(o->id, id, strlen(id) + 1);
	return o;
}

/* A server sends what it has taken, or keeps it for others as their own would. A node may keep it for days, and says when it has
 * gone. */
static void is_sent(struct client *c, const struct outgoing *o)
{
	struct message *m = o->id[0] ? client_message(c, str_z(o->id)) : NULL;

	if (m && c->config.node)
		client_kept(c, m);
	else if (m)
		client_enter_state(c, m, MESSAGE_SENT, STR_NONE);
}

void client_write(struct client *c, struct outgoing *o)
{
	buf_z(&c->out, o->text);
	if (!opening_counts(c->opening)) {
		is_sent(c, o); /* nothing better will be known */
		outgoing_free(o);
		return;
	}
	list_append(&c->unacked, &o->node);
	c->sent_n++;
	c->unasked = true;
}

int client_put(struct client *c, struct str stanza)
{
	if (c->state != CLIENT_ONLINE)
		return ERR_CLOSED;
	if (c->sent_n >= 4 * CLIENT_WAITING_MAX)
		return ERR_LIMIT;
	client_write(c, outgoing_new(stanza, NULL, NULL));
	return 0;
}

static bool may_go(const struct client *c, const char *room)
{
	struct room *r = room ? client_room(c, str_z(room)) : NULL;

	return c->state == CLIENT_ONLINE && (!room || (r && r->settled));
}

int client_put_message(struct client *c, struct str stanza, const char *id, const char *room)
{
	bool go = may_go(c, room);
	struct outgoing *o;

	if (c->waiting_n >= CLIENT_WAITING_MAX || c->sent_n >= 4 * CLIENT_WAITING_MAX)
		return ERR_LIMIT;
	o = outgoing_new(stanza, id, room);
	if (go) {
		client_write(c, o);
		return 0;
	}
	list_append(&c->waiting, &o->node);
	c->waiting_n++;
	return 0;
}

bool client_acked(struct client *c, uint32_t h)
{
	uint32_t n = h - c->acked;

	if (n > c->sent_n)
		return false;
	while (n-- > 0) {
		struct outgoing *o = LIST_ITEM(list_take(&c->unacked), struct outgoing, node);

		is_sent(c, o);
		outgoing_free(o);
		c->sent_n--;
	}
	c->acked = h;
	return true;
}

void client_rewrite(struct client *c)
{
	LIST_EACH(n, &c->unacked) {
		buf_z(&c->out, LIST_ITEM(n, struct outgoing, node)->text);
		c->unasked = true;
	}
}

void client_requeue(struct client *c)
{
	struct list *at = &c->waiting;
	struct list *n;

	while ((n = list_take(&c->unacked))) {
		struct outgoing *o = LIST_ITEM(n, struct outgoing, node);

		c->sent_n--;
		if (!o->id[0]) {
			outgoing_free(o);
			continue;
		}
		o->written = true;
		/* In their order, before what was said later. */
		o->node.prev = at;
		o->node.next = at->next;
		at->next->prev = &o->node;
		at->next = &o->node;
		at = &o->node;
		c->waiting_n++;
	}
	must(c->sent_n == 0);
}

void client_release(struct client *c, const char *room)
{
	LIST_EACH(n, &c->waiting) {
		struct outgoing *o = LIST_ITEM(n, struct outgoing, node);

		if (room ? !o->room || strcmp(o->room, room) != 0 : o->room && !may_go(c, o->room))
			continue;
		list_remove(&o->node);
		c->waiting_n--;
		client_write(c, o);
	}
}

void client_unwait(struct client *c, struct str id)
{
	LIST_EACH(n, &c->waiting) {
		struct outgoing *o = LIST_ITEM(n, struct outgoing, node);

		if (!str_is(id, o->id))
			continue;
		c->waiting_n--;
		outgoing_free(o);
	}
}

#define NOT_SAID STR("you are not in the room any more; /join takes you in again")
#define MAYBE_SAID \
	STR("it may have been said: the connection broke before the room gave it back, and you are not in it any more")

void client_unsay(struct client *c, const char *room)
{
	LIST_EACH(n, &c->waiting) {
		struct outgoing *o = LIST_ITEM(n, struct outgoing, node);
		struct message *m = o->id[0] ? client_message(c, str_z(o->id)) : NULL;
		bool written;

		if (!o->room || strcmp(o->room, room) != 0)
			continue;
		written = o->written;
		c->waiting_n--;
		outgoing_free(o);
		if (m)
			client_enter_state(c, m, MESSAGE_FAILED, written ? MAYBE_SAID : NOT_SAID);
	}
}

unsigned client_unsaid(const struct client *c)
{
	unsigned n = c->waiting_n;

	/* On a connection what was written is read before its end is. */
	if (c->state == CLIENT_ONLINE)
		return n;
	LIST_EACH(k, &c->unacked)
		n += LIST_ITEM(k, struct outgoing, node)->id[0] != '\0';
	return n;
}

void client_send_clear(struct client *c)
{
	struct list *n;

	while ((n = list_take(&c->unacked)) || (n = list_take(&c->waiting)))
		outgoing_free(LIST_ITEM(n, struct outgoing, node));
	c->sent_n = c->waiting_n = 0;
}
