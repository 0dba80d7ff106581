/* What came: to whom it is given; and how events leave. */
#include "client/client_i.h"

static const char *const names[EVENT_KINDS] = {
	[EVENT_ONLINE] = "online",
	[EVENT_OFFLINE] = "offline",
	[EVENT_MESSAGE] = "message",
	[EVENT_STATE] = "state",
	[EVENT_PRESENCE] = "presence",
	[EVENT_REQUEST] = "request",
	[EVENT_CONTACT] = "contact",
	[EVENT_TYPING] = "typing",
	[EVENT_JOINED] = "joined",
	[EVENT_LEFT] = "left",
	[EVENT_OCCUPANT] = "occupant",
	[EVENT_SUBJECT] = "subject",
	[EVENT_INVITED] = "invited",
	[EVENT_ANSWER] = "answer",
	[EVENT_DONE] = "done",
	[EVENT_REFUSED] = "refused",
	[EVENT_ROOM] = "room",
	[EVENT_NOTICE] = "notice",
};

static const char *const states[MESSAGE_STATES] = {"unsent", "queued", "sent", "delivered", "read", "failed"};

const char *client_event_name(enum client_event_kind kind)
{
	must(kind < EVENT_KINDS);
	return names[kind];
}

const char *message_state_name(enum message_state state)
{
	must(state < MESSAGE_STATES);
	return states[state];
}

void client_emit(struct client *c, struct client_event *e)
{
	CLEANUP(buf_clear) struct buf label = {.max = 2 * JID_MAX};

	if (!e->when)
		e->when = c->wall;
	if (e->conversation.p && !e->label.p) {
		client_label(c, e->conversation, &label);
		e->label = buf_view(&label);
	}
	c->on_event(c->arg, e);
}

void client_say_event(struct client *c, enum client_event_kind kind, struct str body)
{
	struct client_event e = {.kind = kind, .body = body};

	client_emit(c, &e);
}

bool client_is_own(const struct client *c, struct jid j)
{
	struct str s = jid_str(j);

	return !jid_some(j) || str_eq(s, client_bare(c)) || str_eq(s, c->config.domain) || str_eq(s, str_z(c->jid));
}

static void on_presence(struct client *c, const struct stanza *s)
{
	if (!client_on_room_presence(c, s))
		client_on_presence(c, s);
}

static void on_iq(struct client *c, const struct stanza *s)
{
	if (s->type == TYPE_RESULT || s->type == TYPE_ERROR)
		client_on_answer(c, s);
	else
		client_on_question(c, s);
}

void client_on_stanza(struct client *c, const struct stanza *s)
{
	static void (*const handlers[])(struct client *, const struct stanza *) = {
		[STANZA_MESSAGE] = client_on_message,
		[STANZA_PRESENCE] = on_presence,
		[STANZA_IQ] = on_iq,
	};

	handlers[s->kind](c, s);
}
