/* What a room says of itself with status codes (XEP-0045 10.2.1, 13.2, 13.4): who must know it is told in words, on entering and when
 * it changes. */
#include "client/client_i.h"

static const struct {
	const char *code, *entering, *later;
} notices[] = {
	{"100", "everybody here sees your real address", NULL},
	{"170", "what is said here is logged in public", "what is said here is logged in public from now on"},
	{"171", NULL, "what is said here is not logged in public any more"},
	{"172", "everybody here sees your real address", "everybody here sees your real address from now on"},
	{"173", NULL, "only moderators see your real address from now on"},
	{"174", NULL, "nobody here sees your real address from now on"},
	{"102", NULL, "members who are away are shown from now on"},
	{"103", NULL, "members who are away are not shown any more"},
};

static void tell(struct client *c, struct room *r, const char *verb, const char *words)
{
	client_emit(c,
		&(struct client_event){.kind = EVENT_ROOM,
			.room = true,
			.conversation = str_z(r->jid),
			.verb = str_z(verb),
			.body = str_z(words)});
}

void client_warn_entered(struct client *c, struct room *r, const struct stanza *s)
{
	const struct occupant *self = client_occupant(r, str_z(r->nick));
	const char *told = "";

	for (size_t i = 0; i < ARRAY_LEN(notices); i++) {
		if (!notices[i].entering || !client_has_status(s, notices[i].code) ||
			strcmp(notices[i].entering, told) == 0)
			continue;
		told = notices[i].entering;
		tell(c, r, "warning", told);
	}
	if (self && self->role && strcmp(self->role, "visitor") == 0)
		tell(c, r, "warning", "you have no voice here, and can only listen; /request-voice asks for it");
}

static bool has_code(const struct said *m, uint32_t x, const char *code)
{
	XML_EACH(i, m->t, x) {
		if (xml_is(m->t, i, "status", NS_MUC_USER) && str_is(xml_attr(m->t, i, "code"), code))
			return true;
	}
	return false;
}

/* Whom we asked to come says no (7.8.2). */
static void on_declined(struct client *c, struct room *r, const struct said *m, uint32_t decline)
{
	CLEANUP(buf_clear) struct buf who = {.max = JID_MAX}, tmp = {.max = 4096};
	uint32_t reason = xml_child(m->t, decline, "reason", NS_MUC_USER);
	struct jid_buf by;

	if (jid_parse_buf(xml_attr(m->t, decline, "from"), &by) != 0)
		return;
	client_label(c, jid_bare_str(by.jid), &who);
	client_room_event(c, r, EVENT_OCCUPANT, buf_view(&who), "declined",
		reason ? xml_text(m->t, reason, &tmp) : STR_NONE);
}

/* Only the room itself says so, and of now. 104 says that there is a change of some kind. */
void client_on_room_changed(struct client *c, struct room *r, const struct said *m)
{
	uint32_t x = xml_child(m->t, m->node, "x", NS_MUC_USER),
		 decline = x ? xml_child(m->t, x, "decline", NS_MUC_USER) : XML_NONE;
	unsigned told = 0;

	if (!x || m->from.resource || m->history || m->delayed)
		return;
	if (decline)
		on_declined(c, r, m, decline);
	for (size_t i = 0; i < ARRAY_LEN(notices); i++) {
		if (!notices[i].later || !has_code(m, x, notices[i].code))
			continue;
		tell(c, r, "changed", notices[i].later);
		told++;
	}
	if (!told && has_code(m, x, "104"))
		tell(c, r, "changed", "its settings were changed");
}
