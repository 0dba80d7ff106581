/* The subject (XEP-0045 8.1, 7.2.15). */
#include "room/archive.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

bool subject_is_change(const struct stanza *s)
{
	return stanza_child(s, "subject", NS_CLIENT) != XML_NONE && stanza_child(s, "body", NS_CLIENT) == XML_NONE &&
		stanza_child(s, "thread", NS_CLIENT) == XML_NONE;
}

void subject_clear(struct subject *s)
{
	xfree(s->text);
	xfree(s->nick);
	packet_unref(&s->packet);
	*s = (struct subject){0};
}

void subject_set(struct subject *s, struct str text, struct str nick, int64_t time)
{
	subject_clear(s);
	s->text = text.n ? str_dup(text) : NULL;
	s->nick = nick.n ? str_dup(nick) : NULL;
	s->time = time;
}

/* From the occupant who set it, so that clients can show who that was. */
static struct packet *make_packet(struct room *r)
{
	CLEANUP(buf_clear) struct buf from = {.max = 2 * JID_MAX};
	const struct subject *sub = &r->subject;
	struct packet_head head = {.kind = STANZA_MESSAGE, .type = TYPE_GROUPCHAT};
	struct packet_writer w;

	buf_str(&from, room_address(r));
	if (sub->nick)
		buf_fmt(&from, "/%s", sub->nick);
	head.from = buf_view(&from);
	packet_begin(&w, &head);
	if (r->config.subjects)
		buf_z(&w.out, r->config.subjects);
	else
		xml_put_text(&w.out, "subject", sub->text ? str_z(sub->text) : STR(""));
	if (sub->time)
		delay_write(&w.out, r->entity.jid, sub->time);
	if (r->config.subject_id)
		occupant_put_some_id(&w.out, r->config.subject_id);
	return packet_end(&w);
}

struct packet *subject_packet(struct room *r)
{
	if (!r->subject.packet)
		r->subject.packet = make_packet(r);
	return r->subject.packet;
}

static void set_text(char **to, struct str text)
{
	xfree(*to);
	*to = text.n ? str_dup(text) : NULL;
}

/* All of its subjects, if it is more than one or has a language of its own. The texts, together, are what may be so long. */
static void put_subjects(struct buf *out, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = SUBJECT_MAX};
	bool plain = true;
	unsigned n = 0;
	size_t texts = 0;

	XML_EACH(i, &s->tree, XML_ROOT) {
		struct str lang = xml_lang(&s->tree, i), text;

		if (!xml_is(&s->tree, i, "subject", NS_CLIENT))
			continue;
		plain = plain && n++ == 0 && !lang.n;
		buf_z(out, "<subject");
		xml_put_attr(out, "xml:lang", lang);
		buf_char(out, '>');
		buf_reset(&tmp);
		text = xml_text(&s->tree, i, &tmp);
		xml_escape(out, text);
		texts += text.n;
		out->failed |= tmp.failed || texts > SUBJECT_MAX;
		buf_z(out, "</subject>");
	}
	if (plain)
		buf_reset(out);
}

static void keep(struct room *r, const struct visit *v, struct str text, struct str all)
{
	subject_set(&r->subject, text, occupant_nick(v->occupant), core_wall(room_core(r)));
	set_text(&r->config.subject_id, str_z(v->occupant->id));
	set_text(&r->config.subjects, all);
	room_store(r);
}

static struct xerr change(struct room *r, const struct visit *v, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = SUBJECT_MAX}, all = {.max = SUBJECTS_MAX};
	struct core *c = room_core(r);
	struct str text = xml_text(&s->tree, stanza_child(s, "subject", NS_CLIENT), &tmp);
	struct packet *p;
	struct xerr e;
	int64_t id;

	if (!may_here(&r->config, MAY_SET_SUBJECT, v->occupant->role, v->occupant->affiliation))
		return xerr(XERR_FORBIDDEN);
	e = message_pace(r, v, SUB_SUBJECT, true);
	if (!xerr_ok(e))
		return e;
	put_subjects(&all, s);
	if (!buf_ok(&tmp) || !buf_ok(&all) || text.n > SUBJECT_MAX || memchr(text.n ? text.p : "", '\0', text.n))
		return xerr_text(XERR_NOT_ACCEPTABLE, "the subject is too long");
	if (r->config.persistent && !core_can_store(c))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	id = history_next_id(&r->history, core_wall(c));
	p = message_reflection(r, v, s, id);
	if (p && subscribers_overtaxed(r, SUB_SUBJECT, p))
		packet_unref(&p);
	if (!p)
		return xerr(XERR_RESOURCE_CONSTRAINT);
	message_spoken(r, v);
	keep(r, v, text, buf_view(&all));
	room_remember(r, id, v, p, false);
	room_log(r, occupant_nick(v->occupant), "changed the subject to", text);
	r->subject.commit = r->commit;
	message_tell(r, v, SUB_SUBJECT, p, WORTH_KEEPING, r->commit);
	room_send_all(r, &p, r->commit);
	return XERR_OK;
}

void subject_on_change(struct room *r, struct visit *v, struct stanza **s)
{
	struct xerr e = change(r, v, *s);

	if (xerr_ok(e))
		core_done(room_core(r), s);
	else
		core_bounce(room_core(r), s, e);
}
