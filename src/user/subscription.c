#include "user/subscription.h"

#include "user/presence.h"
#include "user/resource.h"
#include "user/users_i.h"

/* RFC 6121 appendix A, tables 2 to 9. Where it leaves a choice: unnecessary `unsubscribed` are not routed, stanzas
 * that change nothing are not delivered, automatic answers are given. */
enum {
	N = SUB_STATE_NONE,
	NO = SUB_STATE_NONE_OUT,
	NI = SUB_STATE_NONE_IN,
	NOI = SUB_STATE_NONE_OUT_IN,
	T = SUB_STATE_TO,
	TI = SUB_STATE_TO_IN,
	F = SUB_STATE_FROM,
	FO = SUB_STATE_FROM_OUT,
	B = SUB_STATE_BOTH,
	PASS = SUB_PASS,
	PRE = SUB_PREAPPROVE,
	UNA = SUB_UNAPPROVE,
	ACK = SUB_REPLY_SUBSCRIBED,
	NAK = SUB_REPLY_UNSUBSCRIBED,
};

/* clang-format off */
const struct sub_rule sub_rules[SUB_EVENT_COUNT][SUB_STATE_COUNT] = {
	/* None        None+Out    None+In     None+Out+In  To          To+In       From        From+Out    Both */
	[OUT_SUBSCRIBE]    = {{NO,  PASS}, {NO, PASS}, {NOI,PASS}, {NOI,PASS},  {T,  PASS}, {TI, PASS}, {FO, PASS}, {FO, PASS}, {B, PASS}},
	[OUT_UNSUBSCRIBE]  = {{N,   PASS}, {N,  PASS}, {NI, PASS}, {NI, PASS},  {N,  PASS}, {NI, PASS}, {F,  PASS}, {F,  PASS}, {F, PASS}},
	[OUT_SUBSCRIBED]   = {{N,   PRE},  {NO, PRE},  {F,  PASS}, {FO, PASS},  {T,  PRE},  {B,  PASS}, {F,  0},    {FO, 0},    {B, 0}},
	[OUT_UNSUBSCRIBED] = {{N,   UNA},  {NO, UNA},  {N,  PASS|UNA}, {NO, PASS|UNA}, {T, UNA}, {T, PASS|UNA}, {N, PASS|UNA}, {NO, PASS|UNA}, {T, PASS|UNA}},
	[IN_SUBSCRIBE]     = {{NI,  PASS}, {NOI,PASS}, {NI, 0},    {NOI,0},     {TI, PASS}, {TI, 0},    {F,  ACK},  {FO, ACK},  {B, ACK}},
	[IN_UNSUBSCRIBE]   = {{N,   0},    {NO, 0},    {N,  PASS|NAK}, {NO, PASS|NAK}, {T, 0}, {T, PASS|NAK}, {N, PASS|NAK}, {NO, PASS|NAK}, {T, PASS|NAK}},
	[IN_SUBSCRIBED]    = {{N,   0},    {T,  PASS}, {NI, 0},    {TI, PASS},  {T,  0},    {TI, 0},    {F,  0},    {B,  PASS}, {B, 0}},
	[IN_UNSUBSCRIBED]  = {{N,   0},    {N,  PASS}, {NI, 0},    {NI, PASS},  {N,  PASS}, {NI, PASS}, {F,  0},    {F,  PASS}, {F, PASS}},
};
/* clang-format on */

/* What the states are made of. */
static const struct {
	uint8_t sub;
	bool out, in;
} parts[SUB_STATE_COUNT] = {
	[SUB_STATE_NONE] = {0, false, false},
	[SUB_STATE_NONE_OUT] = {0, true, false},
	[SUB_STATE_NONE_IN] = {0, false, true},
	[SUB_STATE_NONE_OUT_IN] = {0, true, true},
	[SUB_STATE_TO] = {SUB_TO, false, false},
	[SUB_STATE_TO_IN] = {SUB_TO, false, true},
	[SUB_STATE_FROM] = {SUB_FROM, false, false},
	[SUB_STATE_FROM_OUT] = {SUB_FROM, true, false},
	[SUB_STATE_BOTH] = {SUB_TO | SUB_FROM, false, false},
};

enum sub_state subscription_state(const struct account *a, struct jid contact)
{
	const struct contact *c = roster_find(&a->roster, contact);
	uint8_t sub = c ? c->sub : 0;
	/* A pending request says nothing new about somebody who has the permission already, nor one of ours. */
	bool out = c && c->ask && !(sub & SUB_TO);
	bool in = !(sub & SUB_FROM) && roster_find_request(&a->roster, contact);

	for (int i = 0; i < SUB_STATE_COUNT; i++)
		if (parts[i].sub == sub && parts[i].out == out && parts[i].in == in)
			return i;
	must(!"a subscription state that does not exist");
	return SUB_STATE_NONE;
}

static bool differs(const struct contact_change *x, const struct contact_change *y)
{
	return x->sub != y->sub || x->ask != y->ask || x->approved != y->approved;
}

/* Brings roster and requests to the new state; *ret_changed: the listed contact did change, so a push is due.
 * False when the roster is full. */
static bool apply(struct account *a, struct jid contact, struct sub_rule rule, bool *ret_changed)
{
	struct contact_change old = roster_begin(&a->roster, contact), ch = old;

	ch.sub = parts[rule.state].sub;
	ch.ask = parts[rule.state].out;
	if (rule.does & SUB_PREAPPROVE)
		ch.approved = true;
	if (rule.does & SUB_UNAPPROVE)
		ch.approved = false;
	*ret_changed = differs(&ch, &old);
	if (*ret_changed && roster_put(a, &ch) != 0)
		return false;
	if (!parts[rule.state].in)
		roster_remove_request(a, contact);
	return true;
}

/* ---- outbound ---- */

static enum sub_event event_of(enum stanza_type type, bool inbound)
{
	static const enum sub_event events[TYPE_COUNT] = {
		[TYPE_SUBSCRIBE] = OUT_SUBSCRIBE,
		[TYPE_UNSUBSCRIBE] = OUT_UNSUBSCRIBE,
		[TYPE_SUBSCRIBED] = OUT_SUBSCRIBED,
		[TYPE_UNSUBSCRIBED] = OUT_UNSUBSCRIBED,
	};

	return events[type] + (inbound ? IN_SUBSCRIBE - OUT_SUBSCRIBE : 0);
}

/* 3.1.2: from the bare address to the bare address, with everything else as the client sent it. The new stanza answers
 * for the old one: its sender's session counts it when the contact has dealt with it. */
static void route(struct account *a, struct stanza **s)
{
	struct stanza *old = *s, *st;
	struct jid to = jid_bare(old->to);
	struct packet_head head;

	packet_head_of(old, &head);
	head.from = jid_str(a->entity.jid);
	head.to = jid_str(to);
	st = stanza_make(&head, xml_inner(&old->tree, XML_ROOT));
	if (!st) {
		core_bounce(a->entity.core, s, xerr(XERR_NOT_ACCEPTABLE));
		return;
	}
	st->origin = old->origin;
	st->counted_by = old->counted_by;
	st->origin_seq = old->origin_seq;
	old->origin_seq = 0;
	core_done(a->entity.core, s);
	core_send(a->entity.core, &st);
}

/* Does what the rule says, in the order that section 3 asks for. */
static void carry_out(struct account *a, struct stanza **s, struct sub_rule rule, bool changed, uint8_t old_sub)
{
	struct core *c = a->entity.core;
	struct jid_buf contact;
	uint8_t new_sub = parts[rule.state].sub;

	/* The address lives in the stanza that is about to go. */
	memcpy(contact.text, (*s)->to.s, jid_bare_len((*s)->to));
	contact.jid = jid_bare((*s)->to);
	contact.jid.s = contact.text;
	if (old_sub & ~new_sub & SUB_FROM)
		presence_withdraw(a, contact.jid); /* 3.2.2: while still subscribed */
	if (rule.does & SUB_PASS)
		route(a, s);
	else
		core_done(c, s);
	if (changed)
		roster_push_contact(a, contact.jid);
	if (new_sub & ~old_sub & SUB_FROM)
		presence_show(a, contact.jid);
}

void subscription_out(struct account *a, struct stanza **s)
{
	struct core *c = a->entity.core;
	struct jid contact = jid_bare((*s)->to);
	enum sub_state state = subscription_state(a, contact);
	struct sub_rule rule = sub_rules[event_of((*s)->type, false)][state];
	bool changed;

	if (account_is_own(a, contact)) {
		core_bounce(c, s, xerr(XERR_NOT_ALLOWED));
		return;
	}
	if (!core_can_store(c)) {
		core_bounce(c, s, xerr(XERR_RESOURCE_CONSTRAINT));
		return;
	}
	if (!apply(a, contact, rule, &changed)) {
		core_bounce(c, s, xerr_text(XERR_RESOURCE_CONSTRAINT, "the roster is full"));
		return;
	}
	carry_out(a, s, rule, changed, parts[state].sub);
}

void subscription_cancel(struct account *a, struct jid contact)
{
	const struct contact *c = roster_find(&a->roster, contact);
	uint8_t sub = c->sub;
	bool to = (sub & SUB_TO) || c->ask;

	if (to)
		send_presence(a->entity.core, TYPE_UNSUBSCRIBE, a->entity.jid, jid_bare(contact), STR_NONE);
	if (sub & SUB_FROM) {
		presence_withdraw(a, contact);
		send_presence(a->entity.core, TYPE_UNSUBSCRIBED, a->entity.jid, jid_bare(contact), STR_NONE);
	}
}

/* ---- inbound ---- */

static void deliver(struct account *a, const struct stanza *s)
{
	struct users *u = users_of(a);
	struct str to = jid_str(a->entity.jid);
	struct packet *p = packet_from(s, &to);

	if (s->type == TYPE_SUBSCRIBE)
		resources_collect_available(u, a);
	else
		resources_collect_interested(u, a);
	users_multicast(u, &p, 0);
}

/* 3.4: an approval given in advance turns a request into a subscription. */
static struct sub_rule preapproved(enum sub_state state)
{
	static const uint8_t after[SUB_STATE_COUNT] = {
		[SUB_STATE_NONE] = SUB_STATE_FROM,
		[SUB_STATE_NONE_OUT] = SUB_STATE_FROM_OUT,
		[SUB_STATE_NONE_IN] = SUB_STATE_FROM,
		[SUB_STATE_NONE_OUT_IN] = SUB_STATE_FROM_OUT,
		[SUB_STATE_TO] = SUB_STATE_BOTH,
		[SUB_STATE_TO_IN] = SUB_STATE_BOTH,
		[SUB_STATE_FROM] = SUB_STATE_FROM,
		[SUB_STATE_FROM_OUT] = SUB_STATE_FROM_OUT,
		[SUB_STATE_BOTH] = SUB_STATE_BOTH,
	};

	return (struct sub_rule){after[state], SUB_REPLY_SUBSCRIBED};
}

static void answer(struct account *a, const struct stanza *s, struct sub_rule rule)
{
	if (rule.does & SUB_REPLY_SUBSCRIBED)
		send_presence(a->entity.core, TYPE_SUBSCRIBED, a->entity.jid, jid_bare(s->from), STR_NONE);
	if (rule.does & SUB_REPLY_UNSUBSCRIBED)
		send_presence(a->entity.core, TYPE_UNSUBSCRIBED, a->entity.jid, jid_bare(s->from), STR_NONE);
}

/* A new request is kept until it is answered. False when that is refused: nothing happened then. */
static bool keep_request(struct account *a, struct stanza **s, enum sub_state state, struct sub_rule rule)
{
	struct core *c = a->entity.core;

	if (!parts[rule.state].in || parts[state].in)
		return true;
	if (core_can_store(c) && roster_put_request(a, *s) == 0)
		return true;
	core_bounce(c, s, xerr(XERR_RESOURCE_CONSTRAINT));
	return false;
}

void subscription_in(struct account *a, struct stanza **s)
{
	struct core *c = a->entity.core;
	struct jid contact = jid_bare((*s)->from);
	enum sub_state state = subscription_state(a, contact);
	struct sub_rule rule = sub_rules[event_of((*s)->type, true)][state];
	const struct contact *listed = roster_find(&a->roster, contact);
	uint8_t old_sub = parts[state].sub, new_sub;
	bool changed;

	if (account_is_own(a, contact)) {
		core_done(c, s);
		return;
	}
	if ((*s)->type == TYPE_SUBSCRIBE && listed && listed->approved)
		rule = preapproved(state);
	if (!keep_request(a, s, state, rule))
		return;
	new_sub = parts[rule.state].sub;
	if (!apply(a, contact, rule, &changed)) {
		core_bounce(c, s, xerr(XERR_RESOURCE_CONSTRAINT));
		return;
	}
	if (rule.does & SUB_PASS)
		deliver(a, *s);
	if (changed)
		roster_push_contact(a, contact);
	answer(a, *s, rule);
	if (new_sub & ~old_sub & SUB_FROM)
		presence_show(a, contact);
	if (old_sub & ~new_sub & SUB_FROM)
		presence_withdraw(a, contact);
	core_done(c, s);
}
