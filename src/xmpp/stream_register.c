/* Making an account on the stream, before login (XEP-0077 section 3.1): where policy is open and the channel keeps the
 * password to itself. */
#include "xmpp/stream_i.h"

bool register_offered(const struct stream *s, const struct stream_channel *ch)
{
	return (s->kind->offers & STREAM_OFFERS_REGISTER) && s->policy->registration && sasl_password_allowed(s, ch);
}

static const char form[] =
	"<query xmlns='" NS_REGISTER "'><instructions>Choose a user name and a password.</instructions>"
	"<username/><password/></query>";

/* The account under way from the form's fields; false if a field is missing or cannot be. */
static bool read_fields(struct stream *s, const struct xml_tree *t, uint32_t query)
{
	uint32_t user = xml_child(t, query, "username", NS_REGISTER),
		 password = xml_child(t, query, "password", NS_REGISTER);
	struct buf tmp, account, prepared;
	bool good;

	if (user == XML_NONE || password == XML_NONE)
		return false;
	buf_init(&tmp, 4 * JID_PART_MAX);
	buf_init(&account, JID_MAX);
	buf_init(&prepared, 4 * JID_PART_MAX);
	good = jid_prep_local(xml_text(t, user, &tmp), &account) == 0;
	buf_reset(&tmp);
	good = good && jid_prep_password(xml_text(t, password, &tmp), &prepared) == 0 && prepared.n;
	buf_char(&account, '@');
	buf_z(&account, s->domain);
	if (good && buf_ok(&account)) {
		xfree(s->login->account);
		s->login->account = str_dup(buf_view(&account));
		s->login->password = str_dup(buf_view(&prepared));
	}
	if (prepared.p)
		mem_wipe(prepared.p, prepared.n);
	if (tmp.p)
		mem_wipe(tmp.p, tmp.n);
	buf_clear(&tmp);
	buf_clear(&account);
	buf_clear(&prepared);
	return s->login->password != NULL;
}

enum stream_action register_on_iq(struct stream *s, const struct xml_tree *t, uint32_t query, struct buf *out,
	struct stream_ask *ask)
{
	if (str_is(xml_attr(t, XML_ROOT, "type"), "get")) {
		stream_iq_result(s, str_z(form), out);
		return STREAM_GO_ON;
	}
	if (!read_fields(s, t, query)) {
		stream_iq_error(s, xerr(XERR_NOT_ACCEPTABLE), out);
		return STREAM_GO_ON;
	}
	s->wait = WAIT_REGISTER;
	*ask = (struct stream_ask){.account = str_z(s->login->account), .password = s->login->password};
	return STREAM_ASK_REGISTER;
}

enum stream_action stream_on_registered(struct stream *s, enum xerr_cond error, struct buf *out)
{
	must(s->wait == WAIT_REGISTER);
	s->wait = WAIT_NONE;
	stream_login_wipe(s->login);
	xfree(TAKE(s->login->account));
	if (error == XERR_NONE)
		stream_iq_result(s, STR(""), out);
	else
		stream_iq_error(s, xerr(error), out);
	return STREAM_GO_ON;
}
