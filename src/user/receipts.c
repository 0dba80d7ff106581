#include "user/receipts.h"

#include "base/hash.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { ID_SIZE = 16 };

struct answered {
	uint64_t marks[RECEIPTS_KNOWN];
	uint32_t next;
};

/* Keyed (SipHash), so nobody can make two that are the same. Never 0, which is nothing. */
static uint64_t mark_of(struct jid sender, struct str id)
{
	CLEANUP(buf_clear) struct buf text = {.max = 2 * JID_MAX + (4 << 20)};

	buf_str(&text, jid_bare_str(sender));
	buf_char(&text, '\0');
	buf_str(&text, id);
	return buf_ok(&text) ? hash_bytes(text.p, text.n) | 1 : 1;
}

static void remember(struct account *a, const struct stanza *s)
{
	if (!a->answered)
		a->answered = xcalloc(1, sizeof(*a->answered));
	a->answered->marks[a->answered->next++ % RECEIPTS_KNOWN] = mark_of(s->from, s->id);
}

/* Section 6: not in answer to a receipt; and no presence is given away to strangers. */
static bool is_wanted(const struct account *a, const struct stanza *s)
{
	return users_of(a)->config.receipts && s->id.p && s->type != TYPE_ERROR && s->type != TYPE_GROUPCHAT &&
		!account_is_own(a, s->from) && stanza_child(s, "request", NS_RECEIPTS) != XML_NONE &&
		stanza_child(s, "received", NS_RECEIPTS) == XML_NONE && account_shows_presence_to(a, s->from);
}

static struct stanza *receipt(const struct account *a, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf payload = {.max = 4 << 20};
	char id[ID_SIZE + 1];
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = s->type,
		.from = jid_str(a->entity.jid),
		.to = jid_str(s->from)};

	rand_token(id, ID_SIZE);
	head.id = str_z(id);
	xml_put_open(&payload, "received", NS_RECEIPTS);
	xml_put_attr(&payload, "id", s->id);
	buf_z(&payload, "/>");
	return buf_ok(&payload) ? stanza_make(&head, buf_view(&payload)) : NULL;
}

void receipts_answer(struct account *a, const struct stanza *s)
{
	struct core *c = a->entity.core;
	struct stanza *answer = is_wanted(a, s) ? receipt(a, s) : NULL;

	if (!answer)
		return;
	remember(a, s);
	answer->commit = core_commit(c);
	core_send(c, &answer);
}

bool receipts_answered(const struct account *a, const struct stanza *s)
{
	uint32_t received = s->kind == STANZA_MESSAGE ? stanza_child(s, "received", NS_RECEIPTS) : XML_NONE;
	uint64_t mark;

	if (received == XML_NONE || !a->answered || !xml_attr(&s->tree, received, "id").p ||
		stanza_child(s, "body", NS_CLIENT) != XML_NONE)
		return false;
	mark = mark_of(s->to, xml_attr(&s->tree, received, "id"));
	for (uint32_t i = 0; i < RECEIPTS_KNOWN; i++)
		if (a->answered->marks[i] == mark)
			return true;
	return false;
}
