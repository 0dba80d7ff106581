/* Why something was refused, for people: what the conditions of RFC 6120 section 8.3.3 mean where they come, and what to do next. */
#include "client/client_i.h"

#define ANY (DOING_SAY | DOING_SAY_ROOM | DOING_JOIN | DOING_NICK | DOING_INVITE | DOING_OTHER)

/* What a server says that has no way to others. */
#define NO_OTHERS "this server speaks to no others"

/* The first row that fits. said: how the words of the other end begin; they are told by ours then. */
static const struct {
	unsigned doing;
	const char *condition, *said, *text;
} reasons[] = {
	{DOING_JOIN, "remote-server-not-found", NO_OTHERS, NO_OTHERS "; /rooms lists the rooms that it has itself"},
	{ANY, "remote-server-not-found", NO_OTHERS,
		NO_OTHERS ": only who has an account on it can be reached, and its own rooms"},
	{DOING_SAY, "not-acceptable", "you have blocked this peer",
		"you have blocked them; /unblock NAME takes that back"},
	{DOING_SAY, "resource-constraint", "too much from somebody not known",
		"to them you are a stranger, from whom a little is taken until they answer; wait for that, then say it again"},
	{DOING_SAY, "resource-constraint", "too much waits for this peer",
		"as many messages as are kept wait for them already; say it again when they have come"},
	{DOING_SAY, "resource-constraint", "too much is on its way to this peer",
		"as many messages as are kept are on their way to them already; say it again in a moment"},
	{DOING_SAY, "policy-violation", "it speaks without encryption only",
		"they speak without encryption only, and this node was started with --plaintext never"},
	{DOING_SAY, "policy-violation", "too long for this peer", "it is too long for them; say it in parts"},
	{DOING_SAY, "resource-constraint", NULL, "there is no room for it now; say it again later"},
	{DOING_SAY, "service-unavailable", NULL, "they take no messages now, or not yours"},
	{DOING_SAY | DOING_OTHER, "remote-server-not-found", NULL,
		"nobody is known by this address; /peers lists people, /add adds one"},
	{DOING_SAY, "remote-server-timeout", NULL, "they cannot be reached now; say it again when they are here"},
	{DOING_SAY, "item-not-found", NULL, "nobody has this address there"},
	{DOING_SAY, "policy-violation", NULL, "it is too long, or too much at once; say less, or later"},
	{DOING_SAY, "forbidden", NULL, "they do not let you write to them"},
	{DOING_SAY, "not-allowed", NULL, "they do not let you write to them"},

	{DOING_SAY_ROOM, "not-acceptable", NULL, "you are not in the room any more; /join takes you in again"},
	{DOING_SAY_ROOM, "forbidden", NULL, "you have no voice there; /request-voice asks for it"},
	{DOING_SAY_ROOM, "not-allowed", NULL, "that may not be said there"},
	{DOING_SAY_ROOM, "policy-violation", NULL, "too much at once for the room; wait a moment and say it again"},
	{DOING_SAY_ROOM, "resource-constraint", NULL, "too much at once for the room; wait a moment and say it again"},
	{DOING_SAY_ROOM, "item-not-found", NULL, "the room, or who it was for, is not there any more"},
	{DOING_SAY_ROOM, "remote-server-not-found", NULL, "whoever has the room is not known any more"},
	{DOING_SAY_ROOM, "remote-server-timeout", NULL,
		"whoever has the room cannot be reached now; say it again later"},

	{DOING_UNLOCK, "not-authorized", NULL, "that is not its password: /join ROOM NICK PASSWORD"},
	{DOING_JOIN, "not-authorized", NULL, "it has a password: /join ROOM NICK PASSWORD"},
	{DOING_JOIN, "forbidden", NULL, "you are banned there"},
	{DOING_JOIN, "registration-required", NULL,
		"it is for members only: /register #ROOM asks to be one, or somebody there may /invite you"},
	{DOING_JOIN, "conflict", "somebody else has registered this nickname with the service",
		"somebody else has this nickname in all rooms there: /join ROOM NICK takes another"},
	{DOING_JOIN, "conflict", NULL, "somebody there has this nickname: /join ROOM NICK takes another"},
	{DOING_JOIN, "not-acceptable", "this nickname",
		"this nickname is too long or cannot be seen: /join ROOM NICK takes another"},
	{DOING_JOIN, "not-acceptable", NULL, "you have a nickname that is registered there, and only that will do"},
	{DOING_JOIN, "service-unavailable", NULL,
		"it is full, or there are no rooms; /rooms lists those that there are"},
	{DOING_JOIN, "item-not-found", NULL, "it is not open yet, or not there; /rooms lists those that are"},
	{DOING_JOIN, "not-allowed", NULL, "rooms are not made by everybody there; /rooms lists those that there are"},
	{DOING_JOIN, "resource-constraint", NULL,
		"it is full, or there are as many rooms as may be; try another, or later"},
	{DOING_JOIN, "remote-server-not-found", NULL, "nobody is known by this name; /peers lists people"},
	{DOING_JOIN, "remote-server-timeout", NULL, "whoever has it cannot be reached now; /peers says who is here"},
	{DOING_JOIN, "gone", NULL, "it was destroyed"},

	{DOING_NICK, "conflict", "somebody else has registered this nickname with the service",
		"somebody else has this nickname in all rooms there: /nick takes another"},
	{DOING_NICK, "conflict", NULL,
		"somebody there has this nickname, or one that looks like it: /nick takes another"},
	{DOING_NICK, "not-acceptable", NULL, "you may not be called so there"},

	{DOING_INVITE, "forbidden", NULL, "who may come in is for its admins to say"},
	{DOING_INVITE, "not-allowed", NULL, "they are banned there, or nobody that can be invited"},
	{DOING_INVITE, "service-unavailable", NULL,
		"it did not arrive: nobody has this address, or takes no invitations now"},
	{DOING_INVITE, "not-acceptable", NULL, "you are not in the room any more; /join takes you in again"},

	{DOING_OTHER, "forbidden", NULL, "you may not do that there; owners and admins of a room say who may"},
	{DOING_OTHER, "not-allowed", NULL, "that cannot be done to somebody of that rank, or not there"},
	{DOING_OTHER, "item-not-found", NULL, "there is nobody, or nothing, by that name"},
	{DOING_OTHER, "conflict", "somebody else has registered this nickname with the service",
		"somebody else has this nickname in all rooms there"},
	{DOING_OTHER, "conflict", NULL, "somebody has that already, or it would leave nobody in charge"},

	{ANY, "forbidden", NULL, "you may not do that"},
	{ANY, "not-allowed", NULL, "that is not allowed there"},
	{ANY, "item-not-found", NULL, "it is not there"},
	{ANY, "conflict", NULL, "somebody has that already"},
	{ANY, "registration-required", NULL, "that is for members only"},
	{ANY, "resource-constraint", NULL, "a limit there is reached; try again later"},
	{ANY, "remote-server-not-found", NULL, "nobody is known by this address; /peers lists people"},
	{ANY, "remote-server-timeout", NULL, "nobody answers there now; /peers says who is here"},
	{ANY, "not-acceptable", NULL, "it is not taken as it is"},
	{ANY, "policy-violation", NULL, "it is too long, or too much at once; try less, or later"},
	{ANY, "not-authorized", NULL, "you have not shown who you are, and that is needed there"},
	{ANY, "subscription-required", NULL, "they have not accepted you yet; /add asks for that"},
	{ANY, "jid-malformed", NULL, "that is no address"},
	{ANY, "bad-request", NULL, "the other side does not understand it"},
	{ANY, "feature-not-implemented", NULL, "the other side cannot do that"},
	{ANY, "service-unavailable", NULL, "the other side does not do that, or not for you"},
	{ANY, "recipient-unavailable", NULL, "nobody is there to get it; try again when they are here"},
	{ANY, "internal-server-error", NULL, "something went wrong at the other side; try again later"},
	{ANY, "gone", NULL, "it is not there any more"},
	{ANY, "redirect", NULL, "it has another address now"},
};

struct str client_condition(const struct stanza *s)
{
	uint32_t error = stanza_child(s, "error", NS_CLIENT);

	if (!error)
		return STR("");
	XML_EACH(i, &s->tree, error) {
		if (str_is(xml_ns(&s->tree, i), NS_STANZAS) && !str_is(xml_name(&s->tree, i), "text"))
			return xml_name(&s->tree, i);
	}
	return STR("");
}

/* <gone>xmpp:hall@rooms.example.org?join</gone>: where a room is now (RFC 6120 8.3.3.5). */
static void put_place(const struct stanza *s, struct buf *out)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	uint32_t error = stanza_child(s, "error", NS_CLIENT),
		 gone = error ? xml_child(&s->tree, error, "gone", NS_STANZAS) : XML_NONE;
	struct str uri = gone ? xml_text(&s->tree, gone, &tmp) : STR_NONE;
	struct jid_buf j;

	if (str_is(str_cut(&uri, ':'), "xmpp") && jid_parse_buf(str_cut(&uri, '?'), &j) == 0 && j.jid.local)
		buf_fmt(out, "; /join %.*s goes where it is now", STR_FMT(jid_bare_str(j.jid)));
}

/* Its own words, where it has some, are said behind ours: they are about this case. */
void client_put_reason(const struct stanza *s, enum client_doing doing, struct buf *out)
{
	uint32_t error = stanza_child(s, "error", NS_CLIENT);
	uint32_t text = error ? xml_child(&s->tree, error, "text", NS_STANZAS) : XML_NONE;
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	struct str condition = client_condition(s), said = text ? xml_text(&s->tree, text, &tmp) : STR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (!(reasons[i].doing & doing) || !str_is(condition, reasons[i].condition) ||
			(reasons[i].said && !str_starts(said, str_z(reasons[i].said))))
			continue;
		buf_z(out, reasons[i].text);
		if (said.n && !reasons[i].said)
			buf_fmt(out, " (%.*s)", STR_FMT(said));
		put_place(s, out);
		return;
	}
	buf_str(out, said.n ? said : condition.n ? condition : STR("the other side does not say why"));
}

void client_refuse_doing(struct client *c, enum client_doing doing, const char *what, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf text = {.max = 8192};
	struct client_event e = {.kind = EVENT_REFUSED, .verb = s ? client_condition(s) : STR("")};

	buf_fmt(&text, "%s: ", what);
	if (s)
		client_put_reason(s, doing, &text);
	else
		buf_z(&text, "no answer; try again later");
	e.body = buf_view(&text);
	client_emit(c, &e);
}

void client_refuse(struct client *c, const char *what, const struct stanza *s)
{
	client_refuse_doing(c, DOING_OTHER, what, s);
}
