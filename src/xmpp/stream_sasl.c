/* SASL on a stream (RFC 6120 section 6): which mechanisms when, and the exchange. */
#include "base/codec.h"
#include "xmpp/stream_i.h"

struct sasl_mechanism {
	const char *name;
	enum hash_kind hash;
	bool scram, plus;
	unsigned offer; /* STREAM_OFFERS_ bit that it needs */
};

/* In order of preference. */
static const struct sasl_mechanism mechanisms[] = {
	{"EXTERNAL", HASH_SHA256, false, false, STREAM_OFFERS_EXTERNAL},
	{"SCRAM-SHA-256-PLUS", HASH_SHA256, true, true, STREAM_OFFERS_PASSWORD},
	{"SCRAM-SHA-256", HASH_SHA256, true, false, STREAM_OFFERS_PASSWORD},
	{"SCRAM-SHA-1-PLUS", HASH_SHA1, true, true, STREAM_OFFERS_PASSWORD},
	{"SCRAM-SHA-1", HASH_SHA1, true, false, STREAM_OFFERS_PASSWORD},
	{"PLAIN", HASH_SHA256, false, false, STREAM_OFFERS_PASSWORD},
};

/* tls-unique is accepted and not advertised: under TLS 1.3 it has no definition (RFC 9266 section 3), yet clients that know no
 * other type (slixmpp 1.8) send the client's Finished message for it. Refused, they would fall back to PLAIN. */
static const struct {
	const char *name;
	bool advertised;
} binding_types[] = {{"tls-exporter", true}, {"tls-server-end-point", true}, {"tls-unique", false}};

bool sasl_password_allowed(const struct stream *s, const struct stream_channel *ch)
{
	return (s->kind->offers & STREAM_OFFERS_PASSWORD) &&
		(ch->secure || s->kind->trusted_channel || s->policy->allow_plaintext);
}

static bool has_binding(const struct stream_channel *ch, const char *type)
{
	struct buf data;
	bool has;

	buf_init(&data, 256);
	has = ch->secure && ch->binding(ch->arg, type, &data) == 0;
	buf_clear(&data);
	return has;
}

/* The names of the types that this channel has, comma separated. */
static void binding_names(const struct stream_channel *ch, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(binding_types); i++) {
		if (!has_binding(ch, binding_types[i].name))
			continue;
		if (out->n)
			buf_char(out, ',');
		buf_z(out, binding_types[i].name);
	}
}

static bool offered(const struct stream *s, const struct stream_channel *ch, const struct sasl_mechanism *m,
	bool bindable)
{
	if (m->offer == STREAM_OFFERS_EXTERNAL)
		return (s->kind->offers & STREAM_OFFERS_EXTERNAL) && ch->external.n;
	return sasl_password_allowed(s, ch) && (!m->plus || bindable);
}

static bool any_binding(const struct stream_channel *ch)
{
	for (size_t i = 0; i < ARRAY_LEN(binding_types); i++)
		if (binding_types[i].advertised && has_binding(ch, binding_types[i].name))
			return true;
	return false;
}

void sasl_features(const struct stream *s, const struct stream_channel *ch, struct buf *out)
{
	bool bindable = any_binding(ch), any = false;

	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		if (!offered(s, ch, &mechanisms[i], bindable))
			continue;
		if (!any)
			buf_z(out, "<mechanisms xmlns='" NS_SASL "'>");
		any = true;
		buf_fmt(out, "<mechanism>%s</mechanism>", mechanisms[i].name);
	}
	if (any)
		buf_z(out, "</mechanisms>");
	if (!any || !bindable)
		return;
	buf_z(out, "<sasl-channel-binding xmlns='" NS_SASL_CB "'>");
	for (size_t i = 0; i < ARRAY_LEN(binding_types); i++)
		if (binding_types[i].advertised && has_binding(ch, binding_types[i].name))
			buf_fmt(out, "<channel-binding type='%s'/>", binding_types[i].name);
	buf_z(out, "</sasl-channel-binding>");
}

/* ---- ends of an exchange ---- */

void sasl_abort(struct stream *s)
{
	struct stream_login *l = s->login;

	scram_server_free(&l->scram);
	stream_login_wipe(l);
	mem_wipe(&l->keys, sizeof(l->keys));
	l->mechanism = NULL;
	l->binding = NULL;
}

static enum stream_action fail(struct stream *s, const char *condition, struct buf *out)
{
	sasl_abort(s);
	xfree(TAKE(s->login->account));
	if (s->state == STREAM_SASL)
		stream_enter(s, STREAM_FEATURES);
	buf_fmt(out, "<failure xmlns='" NS_SASL "'><%s/></failure>", condition);
	s->login->tries++;
	s->wait = WAIT_SENT;
	return STREAM_FAILED_LOGIN;
}

enum stream_action stream_failure_sent(struct stream *s, struct buf *out)
{
	unsigned max = s->policy->max_tries ? s->policy->max_tries : 5;

	must(s->wait == WAIT_SENT);
	s->wait = WAIT_NONE;
	if (s->login->tries >= max)
		return stream_close(s, SERR_POLICY_VIOLATION, "too many failed logins", out);
	return STREAM_GO_ON;
}

static enum stream_action succeed(struct stream *s, struct str data, struct buf *out)
{
	if (data.n) {
		buf_z(out, "<success xmlns='" NS_SASL "'>");
		b64_encode(out, data.p, data.n);
		buf_z(out, "</success>");
	} else {
		buf_z(out, "<success xmlns='" NS_SASL "'/>");
	}
	sasl_abort(s);
	s->login->proven = true;
	s->header_sent = false;
	stream_enter(s, STREAM_HEADER);
	return STREAM_RESTART;
}

static void challenge(struct str data, struct buf *out)
{
	buf_z(out, "<challenge xmlns='" NS_SASL "'>");
	b64_encode(out, data.p, data.n);
	buf_z(out, "</challenge>");
}

/* ---- the exchange ---- */

/* user@domain of this stream; false if the name cannot be one. */
static bool set_account(struct stream *s, struct str user)
{
	struct buf account;
	bool good;

	buf_init(&account, JID_MAX);
	good = user.n && jid_prep_local(user, &account) == 0;
	buf_char(&account, '@');
	buf_z(&account, s->domain);
	xfree(TAKE(s->login->account));
	if (good && buf_ok(&account))
		s->login->account = str_dup(buf_view(&account));
	buf_clear(&account);
	return s->login->account != NULL;
}

/* Acting as somebody else is not offered: an authorisation identity can only repeat the account. */
static bool authzid_fits(const struct stream *s, struct str authzid)
{
	struct jid_buf jid;

	if (!authzid.n)
		return true;
	return jid_parse_buf(authzid, &jid) == 0 && str_eq(jid_str(jid.jid), str_z(s->login->account));
}

static enum stream_action ask_keys(struct stream *s, struct stream_ask *ask)
{
	s->wait = WAIT_KEYS;
	*ask = (struct stream_ask){.account = str_z(s->login->account), .hash = s->login->mechanism->hash};
	return STREAM_ASK_KEYS;
}

static enum stream_action scram_first(struct stream *s, struct str message, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	struct stream_login *l = s->login;
	struct str user, authzid;
	struct buf names;
	int err;

	buf_init(&names, 256);
	binding_names(ch, &names);
	l->scram = scram_server_new(l->mechanism->hash, l->mechanism->plus, any_binding(ch), buf_cstr(&names));
	buf_clear(&names);
	err = scram_server_first(l->scram, message, &user, &authzid, &l->binding);
	if (err == ERR_SYNTAX)
		return fail(s, "malformed-request", out);
	if (err != 0 || !set_account(s, user))
		return fail(s, "not-authorized", out);
	if (!authzid_fits(s, authzid))
		return fail(s, "invalid-authzid", out);
	return ask_keys(s, ask);
}

static enum stream_action scram_final(struct stream *s, struct str message, const struct stream_channel *ch,
	struct buf *out)
{
	struct stream_login *l = s->login;
	enum stream_action action;
	struct buf data, answer;
	int err = 0;

	buf_init(&data, 256);
	buf_init(&answer, 512);
	if (l->binding)
		err = ch->binding(ch->arg, l->binding, &data);
	if (err == 0)
		err = scram_server_final(l->scram, message, buf_view(&data), &answer);
	if (err == ERR_SYNTAX)
		action = fail(s, "malformed-request", out);
	else if (err != 0 || !l->known)
		action = fail(s, "not-authorized", out);
	else
		action = succeed(s, buf_view(&answer), out);
	buf_clear(&data);
	buf_clear(&answer);
	return action;
}

static enum stream_action plain(struct stream *s, struct str message, struct buf *out, struct stream_ask *ask)
{
	struct str rest = message, authzid = str_cut(&rest, '\0'), user = str_cut(&rest, '\0');
	struct buf prepared;

	if (!rest.n || memchr(rest.p, '\0', rest.n))
		return fail(s, "malformed-request", out);
	if (!set_account(s, user))
		return fail(s, "not-authorized", out);
	if (!authzid_fits(s, authzid))
		return fail(s, "invalid-authzid", out);
	buf_init(&prepared, JID_PART_MAX * 4);
	if (jid_prep_password(rest, &prepared) == 0)
		s->login->password = str_dup(buf_view(&prepared));
	if (prepared.p)
		mem_wipe(prepared.p, prepared.n);
	buf_clear(&prepared);
	if (!s->login->password)
		return fail(s, "not-authorized", out);
	return ask_keys(s, ask);
}

static enum stream_action external(struct stream *s, struct str authzid, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	if (!set_account(s, ch->external))
		return fail(s, "not-authorized", out);
	if (!authzid_fits(s, authzid))
		return fail(s, "invalid-authzid", out);
	return ask_keys(s, ask); /* only to know whether the account exists */
}

enum stream_action stream_on_keys(struct stream *s, const struct scram_keys *keys, bool known,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask)
{
	struct stream_login *l = s->login;
	struct buf first;

	must(s->wait == WAIT_KEYS);
	(void)ch;
	s->wait = WAIT_NONE;
	l->keys = *keys;
	l->known = known;
	if (l->mechanism->scram) {
		buf_init(&first, 512);
		scram_server_challenge(l->scram, &l->keys, &first);
		challenge(buf_view(&first), out);
		buf_clear(&first);
		return STREAM_GO_ON;
	}
	if (l->password) {
		/* Unknown names cost as much time as known ones. */
		s->wait = WAIT_VERIFY;
		*ask = (struct stream_ask){.keys = &l->keys, .password = l->password};
		return STREAM_ASK_VERIFY;
	}
	return known ? succeed(s, STR_NONE, out) : fail(s, "not-authorized", out);
}

enum stream_action stream_on_verified(struct stream *s, bool right, struct buf *out)
{
	must(s->wait == WAIT_VERIFY);
	s->wait = WAIT_NONE;
	return right && s->login->known ? succeed(s, STR_NONE, out) : fail(s, "not-authorized", out);
}

static enum stream_action take_message(struct stream *s, struct str message, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	struct stream_login *l = s->login;

	if (l->mechanism->scram)
		return l->scram ? scram_final(s, message, ch, out) : scram_first(s, message, ch, out, ask);
	if (l->mechanism->offer == STREAM_OFFERS_EXTERNAL)
		return external(s, message, ch, out, ask);
	return plain(s, message, out, ask);
}

/* RFC 6120 6.4.2: "=" is an empty message, nothing at all is no message. */
static enum stream_action take_text(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	enum stream_action action;
	struct buf tmp, message;
	struct str text;

	buf_init(&tmp, 8192);
	buf_init(&message, 8192);
	text = xml_text(t, XML_ROOT, &tmp);
	if (!buf_ok(&tmp) || (!str_is(text, "=") && b64_decode(&message, text) != 0))
		action = fail(s, "incorrect-encoding", out);
	else
		action = take_message(s, buf_view(&message), ch, out, ask);
	if (message.p)
		mem_wipe(message.p, message.n);
	buf_clear(&tmp);
	buf_clear(&message);
	return action;
}

static enum stream_action on_auth(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	struct str name = xml_attr(t, XML_ROOT, "mechanism");
	bool bindable = any_binding(ch);
	const struct sasl_mechanism *found = NULL;

	/* RFC 6120 6.4.2: a second one gives up the first. */
	if (s->state == STREAM_SASL) {
		sasl_abort(s);
		stream_enter(s, STREAM_FEATURES);
	}
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++)
		if (str_is(name, mechanisms[i].name))
			found = &mechanisms[i];
	if (!found || !offered(s, ch, found, bindable)) {
		bool wants_tls = found && found->offer == STREAM_OFFERS_PASSWORD && !sasl_password_allowed(s, ch);
		return fail(s, wants_tls ? "encryption-required" : "invalid-mechanism", out);
	}
	stream_enter(s, STREAM_SASL);
	s->login->mechanism = found;
	if (xml_inner(t, XML_ROOT).n == 0) {
		buf_z(out, "<challenge xmlns='" NS_SASL "'/>");
		return STREAM_GO_ON;
	}
	return take_text(s, t, ch, out, ask);
}

enum stream_action sasl_on_element(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	struct str name = xml_name(t, XML_ROOT);

	if (str_is(name, "auth"))
		return on_auth(s, t, ch, out, ask);
	if (str_is(name, "abort") && s->state == STREAM_SASL)
		return fail(s, "aborted", out);
	if (str_is(name, "response") && s->state == STREAM_SASL)
		return take_text(s, t, ch, out, ask);
	return stream_close(s, SERR_BAD_FORMAT, NULL, out);
}
