#include "xmpp/stream_i.h"

#include "base/hash.h"

const struct stream_kind stream_client = {
	.name = "c2s",
	.content = NS_CLIENT,
	.offers = STREAM_OFFERS_TLS | STREAM_OFFERS_PASSWORD | STREAM_OFFERS_REGISTER,
	.rules = &stream_rules_client,
};

const struct stream_kind stream_client_unix = {
	.name = "c2s-unix",
	.content = NS_CLIENT,
	.offers = STREAM_OFFERS_PASSWORD | STREAM_OFFERS_EXTERNAL | STREAM_OFFERS_REGISTER,
	.trusted_channel = true,
	.rules = &stream_rules_client,
};

/* ---- life ---- */

struct stream *stream_new(const struct stream_kind *kind, const struct stream_policy *policy)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->kind = kind;
	s->policy = policy;
	s->login = xcalloc(1, sizeof(*s->login));
	return s;
}

void stream_login_wipe(struct stream_login *l)
{
	if (l->password)
		mem_wipe(l->password, strlen(l->password));
	xfree(TAKE(l->password));
}

void stream_login_free(struct stream_login **login)
{
	struct stream_login *l = TAKE(*login);

	if (!l)
		return;
	stream_login_wipe(l);
	scram_server_free(&l->scram);
	lan_login_free(&l->lan);
	xfree(l->account);
	xfree(l->said);
	xfree(l->id);
	xfree(l->text);
	mem_wipe(l, sizeof(*l));
	xfree(l);
}

void stream_free(struct stream **stream)
{
	struct stream *s = TAKE(*stream);

	if (!s)
		return;
	stream_login_free(&s->login);
	xfree(s->domain);
	xfree(s->lang);
	xfree(s->jid);
	xfree(s);
}

enum stream_state stream_state(const struct stream *s) { return s->state; }
bool stream_waiting(const struct stream *s) { return s->wait != WAIT_NONE; }
struct str stream_domain(const struct stream *s) { return str_z(s->domain ? s->domain : ""); }
struct str stream_lang(const struct stream *s) { return str_z(s->lang); }
struct str stream_jid(const struct stream *s) { return str_z(s->jid); }
const struct stream_kind *stream_kind(const struct stream *s) { return s->kind; }
enum stream_proof stream_proof(const struct stream *s) { return s->proof; }
bool stream_lacks_tls(const struct stream *s) { return s->lacks_tls; }

struct jid stream_stamp(const struct stream *s)
{
	return s->kind->link && !s->kind->legacy ? JID_NONE : jid_view(str_z(s->jid));
}

#define TO(state) (1u << STREAM_##state)
static const unsigned legal[] = {
	[STREAM_HEADER] = TO(FEATURES) | TO(BIND) | TO(CLOSED),
	[STREAM_FEATURES] = TO(TLS) | TO(SASL) | TO(BIND) | TO(CLOSED),
	[STREAM_TLS] = TO(HEADER) | TO(CLOSED),
	[STREAM_SASL] = TO(FEATURES) | TO(HEADER) | TO(CLOSED),
	[STREAM_BIND] = TO(READY) | TO(CLOSED),
	[STREAM_READY] = TO(CLOSED),
	[STREAM_CLOSED] = 0,
};

void stream_enter(struct stream *s, enum stream_state next)
{
	must(legal[s->state] & (1u << next));
	s->state = next;
	if (next == STREAM_READY)
		stream_login_free(&s->login);
}

/* ---- closing ---- */

static void put_header(struct stream *s, struct buf *out)
{
	char id[21];

	rand_token(id, sizeof(id) - 1);
	buf_fmt(out,
		"<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='" NS_STREAM
		"' id='%s' version='1.0' xml:lang='en'",
		s->kind->content, id);
	/* 4.9.1.2: nobody, when the host that was wanted is none of ours. */
	xml_put_attr(out, "from", str_z(s->domain ? s->domain : ""));
	if (s->login && s->login->said)
		xml_put_attr(out, "to", str_z(s->login->said));
	buf_char(out, '>');
	s->header_sent = true;
}

enum stream_action stream_close_with(struct stream *s, enum serr error, const char *text, struct str extra,
	struct buf *out)
{
	if (s->state == STREAM_CLOSED)
		return STREAM_GO_ON;
	if (!s->header_sent)
		s->kind->rules->put_header(s, out);
	if (error != SERR_NONE)
		serr_write(out, error, str_z(text), extra);
	buf_z(out, "</stream:stream>");
	stream_enter(s, STREAM_CLOSED);
	s->wait = WAIT_NONE;
	return STREAM_END;
}

enum stream_action stream_close(struct stream *s, enum serr error, const char *text, struct buf *out)
{
	return stream_close_with(s, error, text, STR_NONE, out);
}

enum stream_action stream_on_end(struct stream *s, struct buf *out) { return stream_close(s, SERR_NONE, NULL, out); }

enum stream_action stream_on_silence(struct stream *s, const struct stream_channel *ch, struct buf *out,
	struct stream_ask *ask)
{
	if (s->state == STREAM_FEATURES && s->wait == WAIT_NONE && s->kind->rules->on_silence)
		return s->kind->rules->on_silence(s, ch, out, ask);
	return stream_close(s, SERR_CONNECTION_TIMEOUT, "no login in time", out);
}

enum stream_action stream_on_bad_xml(struct stream *s, enum xml_event event, struct buf *out)
{
	static const enum serr errors[] = {
		[XML_NOT_WELL_FORMED] = SERR_NOT_WELL_FORMED,
		[XML_BAD_UTF8] = SERR_UNSUPPORTED_ENCODING,
		[XML_BAD_PREFIX] = SERR_NOT_WELL_FORMED, /* 4.9.3.13 and 11.3: the rules of namespaces, too */
		[XML_RESTRICTED] = SERR_RESTRICTED_XML,
		[XML_TOO_BIG] = SERR_POLICY_VIOLATION,
	};

	must(event >= XML_NOT_WELL_FORMED && event < ARRAY_LEN(errors));
	return stream_close(s, errors[event], event == XML_TOO_BIG ? "over the size limits" : NULL, out);
}

/* ---- header and features ---- */

enum serr stream_check_header(const struct xml_tree *t, struct str default_ns, const struct stream *s)
{
	struct str version = xml_attr(t, XML_ROOT, "version");
	uint64_t major;

	if (!str_is(xml_ns(t, XML_ROOT), NS_STREAM) || !str_is(default_ns, s->kind->content))
		return SERR_INVALID_NAMESPACE;
	if (!str_is(xml_name(t, XML_ROOT), "stream"))
		return SERR_BAD_FORMAT;
	/* RFC 6120 4.7.5: no version means 0.9, which knows neither TLS nor SASL; a later one goes on with ours. */
	if (str_uint(str_cut(&version, '.'), UINT32_MAX, &major) != 0 || major < 1)
		return SERR_UNSUPPORTED_VERSION;
	return SERR_NONE;
}

static enum serr read_domain(struct stream *s, const struct xml_tree *t)
{
	struct str to = xml_attr(t, XML_ROOT, "to");
	struct jid_buf jid;
	struct str domain;

	if (!to.p)
		return SERR_IMPROPER_ADDRESSING;
	if (jid_parse_buf(to, &jid) != 0 || jid.jid.local || jid.jid.resource)
		return SERR_IMPROPER_ADDRESSING;
	domain = jid_domain(jid.jid);
	if (s->policy->localhost && str_is(domain, "localhost"))
		domain = str_z(s->policy->localhost);
	if (!s->policy->serves(s->policy->arg, domain))
		return SERR_HOST_UNKNOWN;
	/* The principal was proven for one domain: a new header may not change it. */
	if (s->domain && !str_eq(str_z(s->domain), domain))
		return SERR_IMPROPER_ADDRESSING;
	if (!s->domain)
		s->domain = str_dup(domain);
	return SERR_NONE;
}

/* RFC 6120 4.7.2: who says who he is finds that in our header. It proves nothing. */
static void read_from(struct stream *s, const struct xml_tree *t)
{
	struct str from = xml_attr(t, XML_ROOT, "from");
	struct jid_buf jid;

	xfree(TAKE(s->login->said));
	if (from.p && jid_parse_buf(from, &jid) == 0)
		s->login->said = str_dup(jid_bare_str(jid.jid));
}

static bool offers_tls(const struct stream *s, const struct stream_channel *ch)
{
	return (s->kind->offers & STREAM_OFFERS_TLS) && s->policy->tls && !ch->secure;
}

static void put_features(struct stream *s, const struct stream_channel *ch, struct buf *out)
{
	buf_z(out, "<stream:features>");
	if (s->login->proven) {
		buf_z(out,
			"<bind xmlns='" NS_BIND "'/><session xmlns='" NS_SESSION "'><optional/></session>"
			"<sm xmlns='" NS_SM "'/><ver xmlns='" NS_ROSTERVER "'/><sub xmlns='" NS_SUB_PREAPPROVAL "'/>");
		if (s->policy->client_state)
			buf_z(out, "<csi xmlns='" NS_CSI "'/>");
	} else {
		if (offers_tls(s, ch))
			buf_z(out,
				sasl_password_allowed(s, ch) ? "<starttls xmlns='" NS_TLS "'/>"
							     : "<starttls xmlns='" NS_TLS "'><required/></starttls>");
		sasl_features(s, ch, out);
		if (register_offered(s, ch))
			buf_z(out, "<register xmlns='" NS_REGISTER_FEATURE "'/>");
	}
	buf_z(out, "</stream:features>");
}

static enum stream_action on_open(struct stream *s, const struct xml_tree *t, struct str default_ns,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask)
{
	enum serr error = stream_check_header(t, default_ns, s);
	struct str lang = xml_lang(t, XML_ROOT);

	read_from(s, t);
	if (error == SERR_NONE)
		error = read_domain(s, t);
	if (error != SERR_NONE)
		return stream_close(s, error, NULL, out);
	xfree(TAKE(s->lang));
	if (lang.n && lang.n <= 35) /* RFC 5646: longer tags do not occur */
		s->lang = str_dup(lang);
	put_header(s, out);
	put_features(s, ch, out);
	stream_enter(s, s->login->proven ? STREAM_BIND : STREAM_FEATURES);
	(void)ask;
	return STREAM_GO_ON;
}

enum stream_action stream_on_open(struct stream *s, const struct xml_tree *t, struct str default_ns,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask)
{
	if (s->state != STREAM_HEADER)
		return stream_close(s, SERR_NOT_WELL_FORMED, NULL, out);
	return s->kind->rules->on_open(s, t, default_ns, ch, out, ask);
}

void stream_secured(struct stream *s)
{
	must(s->state == STREAM_TLS);
	stream_enter(s, STREAM_HEADER);
	s->header_sent = false;
	xfree(TAKE(s->login->said));
	xfree(TAKE(s->domain));
	xfree(TAKE(s->lang));
}

/* ---- before the session ---- */

static enum stream_action start_tls(struct stream *s, const struct stream_channel *ch, struct buf *out)
{
	if (!offers_tls(s, ch)) {
		buf_z(out, "<failure xmlns='" NS_TLS "'/>");
		return stream_close(s, SERR_NONE, NULL, out);
	}
	buf_z(out, "<proceed xmlns='" NS_TLS "'/>");
	stream_enter(s, STREAM_TLS);
	return STREAM_START_TLS;
}

void stream_iq_result(struct stream *s, struct str payload, struct buf *out)
{
	buf_z(out, "<iq type='result'");
	xml_put_attr(out, "id", str_z(s->login->id));
	buf_char(out, '>');
	buf_str(out, payload);
	buf_z(out, "</iq>");
}

void stream_iq_error(struct stream *s, struct xerr e, struct buf *out)
{
	buf_z(out, "<iq type='error'");
	xml_put_attr(out, "id", str_z(s->login->id));
	buf_char(out, '>');
	xerr_write(out, e);
	buf_z(out, "</iq>");
}

static enum stream_action ask_bind(struct stream *s, const struct xml_tree *t, uint32_t bind, struct buf *out,
	struct stream_ask *ask)
{
	uint32_t resource = xml_child(t, bind, "resource", NS_BIND);
	struct buf tmp, prepared;
	struct str text;
	int err = 0;

	buf_init(&tmp, JID_MAX);
	buf_init(&prepared, JID_MAX);
	text = resource != XML_NONE ? str_trim(xml_text(t, resource, &tmp)) : STR_NONE;
	xfree(TAKE(s->login->text));
	if (!buf_ok(&tmp)) {
		err = ERR_LIMIT;
	} else if (text.n) {
		err = jid_prep_resource(text, &prepared);
		if (err == 0)
			s->login->text = str_dup(buf_view(&prepared));
	}
	buf_clear(&tmp);
	buf_clear(&prepared);
	if (err) {
		stream_iq_error(s, xerr(XERR_BAD_REQUEST), out);
		return STREAM_GO_ON;
	}
	s->wait = WAIT_BIND;
	*ask = (struct stream_ask){.account = str_z(s->login->account), .resource = str_z(s->login->text)};
	return STREAM_ASK_BIND;
}

/* Only stanzas of the content namespace may be answered here; anything else is the wrong order of things. */
static enum stream_action iq_before_session(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	uint32_t query = xml_first(t, XML_ROOT);
	struct str type = xml_attr(t, XML_ROOT, "type");

	xfree(TAKE(s->login->id));
	s->login->id = str_dup(xml_attr(t, XML_ROOT, "id"));
	if (query == XML_NONE || !s->login->id || !(str_is(type, "get") || str_is(type, "set")))
		return stream_close(s, SERR_NOT_AUTHORIZED, NULL, out);
	if (s->state == STREAM_BIND && str_is(type, "set") && xml_is(t, query, "bind", NS_BIND))
		return ask_bind(s, t, query, out, ask);
	if (s->state == STREAM_FEATURES && xml_is(t, query, "query", NS_REGISTER)) {
		if (register_offered(s, ch))
			return register_on_iq(s, t, query, out, ask);
		/* XEP-0077 3.1: who makes no accounts does not speak this; over TLS it would have been allowed. */
		stream_iq_error(s, xerr(s->policy->registration ? XERR_NOT_ALLOWED : XERR_SERVICE_UNAVAILABLE), out);
		return STREAM_GO_ON;
	}
	return stream_close(s, SERR_NOT_AUTHORIZED, NULL, out);
}

enum stream_action stream_ask_resume(struct stream *s, const struct xml_tree *t, struct buf *out,
	struct stream_ask *ask)
{
	struct str previd = xml_attr(t, XML_ROOT, "previd");
	uint64_t h = 0;

	if (!previd.n || previd.n > 256 || str_uint(xml_attr(t, XML_ROOT, "h"), UINT32_MAX, &h) != 0)
		return stream_close(s, SERR_BAD_FORMAT, NULL, out);
	xfree(s->login->text);
	s->login->text = str_dup(previd);
	s->wait = WAIT_RESUME;
	*ask = (struct stream_ask){.account = str_z(s->login->account),
		.token = str_z(s->login->text),
		.h = (uint32_t)h};
	return STREAM_ASK_RESUME;
}

static enum stream_action resume_failed(struct stream *s, struct buf *out)
{
	buf_z(out, "<failed xmlns='" NS_SM "'><item-not-found xmlns='" NS_STANZAS "'/></failed>");
	return STREAM_GO_ON;
}

enum stream_action stream_on_resume_failed(struct stream *s, struct buf *out)
{
	must(s->wait == WAIT_RESUME);
	s->wait = WAIT_NONE;
	return s->kind->rules->resume_failed(s, out);
}

static void put_bound(struct stream *s, struct str jid, struct buf *out)
{
	struct buf payload;

	buf_init(&payload, 6 * JID_MAX + 256);
	buf_z(&payload, "<bind xmlns='" NS_BIND "'>");
	xml_put_text(&payload, "jid", jid);
	buf_z(&payload, "</bind>");
	stream_iq_result(s, buf_view(&payload), out);
	buf_clear(&payload);
}

enum stream_action stream_on_bound(struct stream *s, struct str jid, enum xerr_cond error, struct buf *out)
{
	bool resumed = s->wait == WAIT_RESUME;

	must(s->wait == WAIT_BIND || s->wait == WAIT_RESUME);
	s->wait = WAIT_NONE;
	if (error != XERR_NONE && s->kind->link)
		return stream_close(s, SERR_RESOURCE_CONSTRAINT, NULL, out);
	if (error != XERR_NONE) {
		stream_iq_error(s, xerr(error), out);
		return STREAM_GO_ON;
	}
	s->jid = str_dup(jid);
	if (!resumed && s->kind->rules->put_bound)
		s->kind->rules->put_bound(s, jid, out);
	stream_enter(s, STREAM_READY);
	return STREAM_GO_ON;
}

static bool is_stanza_name(struct str name)
{
	return str_is(name, "message") || str_is(name, "presence") || str_is(name, "iq");
}

static enum stream_action before_session(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	struct str ns = xml_ns(t, XML_ROOT), name = xml_name(t, XML_ROOT);

	if (str_is(ns, NS_TLS) && str_is(name, "starttls") && s->state == STREAM_FEATURES)
		return start_tls(s, ch, out);
	if (str_is(ns, NS_SASL) && (s->state == STREAM_FEATURES || s->state == STREAM_SASL))
		return sasl_on_element(s, t, ch, out, ask);
	if (str_is(ns, NS_SM) && str_is(name, "resume") && s->state == STREAM_BIND)
		return stream_ask_resume(s, t, out, ask);
	if (str_is(ns, NS_SM)) {
		buf_z(out, "<failed xmlns='" NS_SM "'><unexpected-request xmlns='" NS_STANZAS "'/></failed>");
		return STREAM_GO_ON;
	}
	if (str_is(ns, s->kind->content) && str_is(name, "iq") && s->state != STREAM_SASL)
		return iq_before_session(s, t, ch, out, ask);
	return stream_close(s,
		str_is(ns, s->kind->content) && is_stanza_name(name) ? SERR_NOT_AUTHORIZED
								     : SERR_UNSUPPORTED_STANZA_TYPE,
		NULL, out);
}

/* ---- the session ---- */

/* RFC 6120 8.1.2.1: a client may say its own bare or full address, nothing else. */
static bool from_is_own(const struct stream *s, const struct xml_tree *t)
{
	struct str from = xml_attr(t, XML_ROOT, "from");
	struct jid own = jid_view(str_z(s->jid));
	struct jid_buf said;

	if (!from.p)
		return true;
	if (str_eq(from, str_z(s->jid)))
		return true;
	if (jid_parse_buf(from, &said) != 0)
		return false;
	return said.jid.resource ? jid_eq(said.jid, own) : jid_eq_bare(said.jid, own);
}

enum stream_action stream_on_sm(struct stream *s, const struct xml_tree *t, struct buf *out, struct stream_ask *ask)
{
	struct str name = xml_name(t, XML_ROOT), resume = xml_attr(t, XML_ROOT, "resume");
	uint64_t h;

	if (str_is(name, "r"))
		return STREAM_ACK_WANTED;
	if (str_is(name, "a")) {
		if (str_uint(xml_attr(t, XML_ROOT, "h"), UINT32_MAX, &h) != 0)
			return stream_close(s, SERR_BAD_FORMAT, NULL, out);
		ask->h = (uint32_t)h;
		return STREAM_ACK;
	}
	if (str_is(name, "enable")) {
		ask->resume = str_is(resume, "true") || str_is(resume, "1");
		return STREAM_ENABLE_SM;
	}
	buf_z(out, "<failed xmlns='" NS_SM "'><unexpected-request xmlns='" NS_STANZAS "'/></failed>");
	return STREAM_GO_ON;
}

static enum stream_action client_state(struct stream *s, const struct xml_tree *t, struct buf *out,
	struct stream_ask *ask)
{
	struct str name = xml_name(t, XML_ROOT);

	ask->active = str_is(name, "active");
	if (!s->policy->client_state || (!ask->active && !str_is(name, "inactive")))
		return stream_close(s, SERR_UNSUPPORTED_STANZA_TYPE, NULL, out);
	return STREAM_CLIENT_STATE;
}

static enum stream_action in_session(struct stream *s, const struct xml_tree *t, struct buf *out,
	struct stream_ask *ask)
{
	struct str ns = xml_ns(t, XML_ROOT);

	if (str_is(ns, NS_SM))
		return stream_on_sm(s, t, out, ask);
	if (str_is(ns, NS_CSI))
		return client_state(s, t, out, ask);
	if (!str_is(ns, s->kind->content) && is_stanza_name(xml_name(t, XML_ROOT)))
		return stream_close(s, SERR_INVALID_NAMESPACE, NULL, out);
	if (!str_is(ns, s->kind->content) || !is_stanza_name(xml_name(t, XML_ROOT)))
		return stream_close(s, SERR_UNSUPPORTED_STANZA_TYPE, NULL, out);
	if (!from_is_own(s, t))
		return stream_close(s, SERR_INVALID_FROM, NULL, out);
	return STREAM_GIVE_STANZA;
}

bool stream_is_stanza(const struct stream *s, const struct xml_tree *t)
{
	return str_is(xml_ns(t, XML_ROOT), s->kind->content) && is_stanza_name(xml_name(t, XML_ROOT));
}

const struct stream_rules stream_rules_client = {
	.put_header = put_header,
	.on_open = on_open,
	.before_session = before_session,
	.in_session = in_session,
	.put_bound = put_bound,
	.resume_failed = resume_failed,
};

enum stream_action stream_on_element(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	must(s->wait == WAIT_NONE);
	*ask = (struct stream_ask){0};
	/* RFC 6120 4.9.1.1: the other end closes after an error; it is not answered with another. */
	if (xml_is(t, XML_ROOT, "error", NS_STREAM))
		return stream_close(s, SERR_NONE, NULL, out);
	switch (s->state) {
	case STREAM_FEATURES:
	case STREAM_SASL:
	case STREAM_BIND:
		return s->kind->rules->before_session(s, t, ch, out, ask);
	case STREAM_READY:
		return s->kind->rules->in_session(s, t, out, ask);
	case STREAM_TLS:
		if (s->kind->opening) /* has asked for it, and gets an answer */
			return s->kind->rules->before_session(s, t, ch, out, ask);
		break;
	case STREAM_HEADER:
	case STREAM_CLOSED:
		break;
	}
	return stream_close(s, SERR_NOT_WELL_FORMED, NULL, out);
}
