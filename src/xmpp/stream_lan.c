/* Streams between peers. On keyed links both ends have proven their keys by TLS before the first byte here, so the stream
 * only settles who speaks (the headers), whether a shared password is met (SCRAM-SHA-256-PLUS, which is mutual; the end
 * that dialled begins), and which session goes on (XEP-0198). Plain ones are those of XEP-0174, for old programs. They may
 * be encrypted by STARTTLS, which keeps listeners out and says nothing of who is there: whatever certificate is shown, the
 * core is asked about a name without a key, once, when it is known whether there is TLS. */
#include "base/codec.h"
#include "xmpp/legacy.h"
#include "xmpp/stream_i.h"

struct lan_login {
	bool accepted;    /* on_link() said yes */
	bool offers_plus; /* opening: the other end can do the shared password */
	bool has_version; /* plain: the other end's header has one, so features are expected */
	char *from, *to;  /* for our header */
	char *said_from, *said_to;
	char *token; /* of the session to resume */
	uint32_t h;
	bool has_password;
	struct stream_password password;
	struct scram_client *client;
};

void lan_login_free(struct lan_login **login)
{
	struct lan_login *l = TAKE(*login);

	if (!l)
		return;
	scram_client_free(&l->client);
	xfree(l->from);
	xfree(l->to);
	xfree(l->said_from);
	xfree(l->said_to);
	xfree(l->token);
	mem_wipe(l, sizeof(*l));
	xfree(l);
}

static struct lan_login *lan(struct stream *s)
{
	if (!s->login->lan)
		s->login->lan = xcalloc(1, sizeof(*s->login->lan));
	return s->login->lan;
}

/* ---- headers ---- */

static void put_header(struct stream *s, struct buf *out)
{
	struct lan_login *l = s->login ? lan(s) : NULL;
	char id[21];

	buf_z(out, "<?xml version='1.0'?><stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'");
	if (!s->kind->opening) {
		rand_token(id, sizeof(id) - 1);
		buf_fmt(out, " id='%s'", id);
	}
	if (l) {
		xml_put_attr(out, "from", str_z(l->from));
		xml_put_attr(out, "to", str_z(l->to));
	}
	buf_z(out, " version='1.0'>");
	s->header_sent = true;
}

/* Old programs read `from` and `to` and nothing else. One who calls without a version gets none, so that he does not wait for
 * features; who is called without TLS in mind neither. */
static void put_plain_header(struct stream *s, struct buf *out)
{
	struct lan_login *l = s->login ? lan(s) : NULL;
	bool version = s->kind->opening ? s->kind->offers & STREAM_OFFERS_TLS : l && l->has_version;

	buf_z(out,
		"<?xml version='1.0' encoding='UTF-8'?><stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM
		"'");
	if (l) {
		xml_put_attr(out, "from", str_z(l->from));
		xml_put_attr(out, "to", str_z(l->to));
	}
	buf_z(out, version ? " version='1.0'>" : ">");
	s->header_sent = true;
}

static void put_plain_features(const struct stream *s, bool offer, struct buf *out)
{
	if (!offer)
		buf_z(out, "<stream:features/>");
	else if (s->kind->must_tls)
		buf_z(out, "<stream:features><starttls xmlns='" NS_TLS "'><required/></starttls></stream:features>");
	else
		buf_z(out, "<stream:features><starttls xmlns='" NS_TLS "'/></stream:features>");
}

void stream_start(struct stream *s, struct str from, struct str to, struct buf *out)
{
	struct lan_login *l = lan(s);

	must(s->kind->opening && s->state == STREAM_HEADER && !s->header_sent);
	l->from = str_dup(from);
	l->to = str_dup(to);
	s->kind->rules->put_header(s, out);
}

void stream_start_again(struct stream *s, struct buf *out)
{
	must(s->kind->opening && s->state == STREAM_HEADER && !s->header_sent);
	s->kind->rules->put_header(s, out);
}

static enum stream_action ask_link(struct stream *s, struct stream_ask *ask)
{
	struct lan_login *l = lan(s);

	s->wait = WAIT_LINK;
	*ask = (struct stream_ask){.from = str_z(l->said_from), .to = str_z(l->said_to)};
	return STREAM_ASK_LINK;
}

static void note_header(struct stream *s, const struct xml_tree *t)
{
	struct lan_login *l = lan(s);
	struct str lang = xml_lang(t, XML_ROOT);

	xfree(l->said_from);
	xfree(l->said_to);
	l->said_from = str_dup(xml_attr(t, XML_ROOT, "from"));
	l->said_to = str_dup(xml_attr(t, XML_ROOT, "to"));
	xfree(TAKE(s->lang));
	if (lang.n && lang.n <= 35)
		s->lang = str_dup(lang);
}

static void put_features(const struct stream *s, struct buf *out)
{
	buf_z(out, "<stream:features>");
	if (s->login->lan->has_password && s->proof == PROOF_NONE)
		buf_z(out, "<mechanisms xmlns='" NS_SASL "'><mechanism>" LANPASS_MECHANISM "</mechanism></mechanisms>");
	buf_z(out, "<sm xmlns='" NS_SM "'/></stream:features>");
}

static enum stream_action keyed_open(struct stream *s, const struct xml_tree *t, struct str default_ns,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask)
{
	enum serr error = stream_check_header(t, default_ns, s);

	if (error != SERR_NONE)
		return stream_close(s, error, NULL, out);
	note_header(s, t);
	if (s->kind->opening) {
		stream_enter(s, STREAM_FEATURES);
		return STREAM_GO_ON;
	}
	if (!lan(s)->accepted)
		return ask_link(s, ask);
	put_header(s, out);
	put_features(s, out);
	stream_enter(s, STREAM_FEATURES);
	return STREAM_GO_ON;
}

/* ---- streams without a key: TLS or not ---- */

static bool may_tls(const struct stream *s, const struct stream_channel *ch)
{
	return (s->kind->offers & STREAM_OFFERS_TLS) && ch->can_tls && !ch->secure;
}

/* It is known whether there is TLS. Whether one who calls may do without is for the core to say, which hears his name. */
static enum stream_action plain_ask(struct stream *s, const struct stream_channel *ch, bool again, struct buf *out,
	struct stream_ask *ask)
{
	enum stream_action action;

	if (s->kind->opening && s->kind->must_tls && !ch->secure) {
		s->lacks_tls = true;
		return stream_close(s, SERR_POLICY_VIOLATION, "this node does not speak without encryption", out);
	}
	action = ask_link(s, ask);
	ask->again = again;
	return action;
}

/* Until the core is asked nobody knows how we are called here but the other end. */
static enum stream_action offer_tls(struct stream *s, struct buf *out)
{
	struct lan_login *l = lan(s);

	l->from = str_dup(str_z(l->said_to));
	l->to = str_dup(str_z(l->said_from));
	put_plain_header(s, out);
	put_plain_features(s, true, out);
	stream_enter(s, STREAM_FEATURES);
	return STREAM_GO_ON;
}

static enum stream_action plain_open(struct stream *s, const struct xml_tree *t, struct str default_ns,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask)
{
	enum serr error = stream_check_header(t, default_ns, s);
	struct lan_login *l = lan(s);

	/* XEP-0174 streams of old programs have no version. */
	if (error != SERR_NONE && error != SERR_UNSUPPORTED_VERSION)
		return stream_close(s, error, NULL, out);
	note_header(s, t);
	l->has_version = error == SERR_NONE;
	if (s->kind->opening && l->has_version && (s->kind->offers & STREAM_OFFERS_TLS)) {
		stream_enter(s, STREAM_FEATURES);
		return STREAM_GO_ON;
	}
	if (!s->kind->opening && l->has_version && may_tls(s, ch))
		return offer_tls(s, out);
	return plain_ask(s, ch, false, out, ask);
}

/* Answering: what is not <starttls/> says that there will be none. */
static enum stream_action answer_features(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	if (!xml_is(t, XML_ROOT, "starttls", NS_TLS))
		return plain_ask(s, ch, true, out, ask);
	buf_z(out, "<proceed xmlns='" NS_TLS "'/>");
	stream_enter(s, STREAM_TLS);
	return STREAM_START_TLS;
}

/* Opening: their features, or the first word of one who said that there would be some. */
static enum stream_action take_features(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	bool features = xml_is(t, XML_ROOT, "features", NS_STREAM);

	if (!features || !may_tls(s, ch) || xml_child(t, XML_ROOT, "starttls", NS_TLS) == XML_NONE)
		return plain_ask(s, ch, !features, out, ask);
	buf_z(out, "<starttls xmlns='" NS_TLS "'/>");
	stream_enter(s, STREAM_TLS);
	return STREAM_GO_ON;
}

static enum stream_action plain_before_session(struct stream *s, const struct xml_tree *t,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask)
{
	if (s->state == STREAM_FEATURES)
		return s->kind->opening ? take_features(s, t, ch, out, ask) : answer_features(s, t, ch, out, ask);
	if (s->state == STREAM_TLS && xml_is(t, XML_ROOT, "proceed", NS_TLS))
		return STREAM_START_TLS;
	return stream_close(s, SERR_NOT_AUTHORIZED, NULL, out);
}

static enum stream_action plain_silence(struct stream *s, const struct stream_channel *ch, struct buf *out,
	struct stream_ask *ask)
{
	return plain_ask(s, ch, false, out, ask);
}

/* ---- which session ---- */

static void put_enable(struct buf *out) { buf_z(out, "<enable xmlns='" NS_SM "' resume='true'/>"); }

/* Opening: what the link is for. */
static enum stream_action go_on(struct stream *s, struct buf *out)
{
	struct lan_login *l = lan(s);

	stream_enter(s, STREAM_BIND);
	if (!l->token) {
		put_enable(out);
		return STREAM_GO_ON;
	}
	buf_fmt(out, "<resume xmlns='" NS_SM "' h='%u'", l->h);
	xml_put_attr(out, "previd", str_z(l->token));
	buf_z(out, "/>");
	return STREAM_GO_ON;
}

static enum stream_action ask_open(struct stream *s, struct str token, struct stream_ask *ask)
{
	s->wait = WAIT_BIND;
	*ask = (struct stream_ask){.account = str_z(s->login->account), .token = token};
	return STREAM_ASK_OPEN;
}

/* Opening, after <enable/> or <resume/>. */
static enum stream_action on_answer(struct stream *s, const struct xml_tree *t, struct buf *out, struct stream_ask *ask)
{
	struct str name = xml_name(t, XML_ROOT), token = xml_attr(t, XML_ROOT, "id");
	struct lan_login *l = lan(s);
	uint64_t h;

	if (str_is(name, "enabled") && token.n > 0 && token.n <= 256) {
		xfree(s->login->text);
		s->login->text = str_dup(token);
		return ask_open(s, str_z(s->login->text), ask);
	}
	if (str_is(name, "resumed") && l->token && str_uint(xml_attr(t, XML_ROOT, "h"), UINT32_MAX, &h) == 0) {
		s->wait = WAIT_RESUME;
		*ask = (struct stream_ask){.account = str_z(s->login->account),
			.token = str_z(l->token),
			.h = (uint32_t)h};
		return STREAM_ASK_RESUME;
	}
	if (str_is(name, "failed") && l->token) {
		xfree(TAKE(l->token));
		put_enable(out);
		return STREAM_GO_ON;
	}
	return stream_close(s, SERR_UNSUPPORTED_FEATURE, "a link between peers counts its stanzas (XEP-0198)", out);
}

/* Opening: they go on with a session that has ended here meanwhile. What it counted is of no use to a new one. */
static enum stream_action resume_failed(struct stream *s, struct buf *out)
{
	if (s->kind->opening)
		return stream_close(s, SERR_RESET, "the session has ended", out);
	buf_z(out, "<failed xmlns='" NS_SM "'><item-not-found xmlns='" NS_STANZAS "'/></failed>");
	return STREAM_GO_ON;
}

/* ---- the shared password ---- */

static int exporter(const struct stream_channel *ch, struct buf *out)
{
	return ch->binding(ch->arg, LANPASS_BINDING, out);
}

static void put_message(const char *element, const char *attrs, struct str data, struct buf *out)
{
	buf_fmt(out, "<%s xmlns='" NS_SASL "'%s>", element, attrs);
	b64_encode(out, data.p, data.n);
	buf_fmt(out, "</%s>", element);
}

static enum stream_action start_proof(struct stream *s, const struct stream_channel *ch, struct buf *out)
{
	struct lan_login *l = lan(s);
	const struct stream_password *pw = &l->password;
	CLEANUP(buf_clear) struct buf data = {.max = 256};
	CLEANUP(buf_clear) struct buf first = {.max = 1024};

	if (exporter(ch, &data) != 0)
		return go_on(s, out);
	l->client = lanpass_client(&pw->keys, str_z(pw->id), pw->ours, pw->theirs, buf_view(&data));
	scram_client_first(l->client, &first);
	put_message("auth", " mechanism='" LANPASS_MECHANISM "'", buf_view(&first), out);
	stream_enter(s, STREAM_SASL);
	return STREAM_GO_ON;
}

/* A new header, as RFC 6120 6.4.6 has it. */
static enum stream_action restart(struct stream *s, struct buf *out)
{
	s->header_sent = false;
	stream_enter(s, STREAM_HEADER);
	if (s->kind->opening)
		put_header(s, out);
	return STREAM_RESTART;
}

/* Wrong: the link stays what its keys make it, and the session begins without. */
static enum stream_action proof_wrong(struct stream *s, struct buf *out)
{
	s->proof = PROOF_WRONG;
	stream_enter(s, STREAM_FEATURES);
	if (s->kind->opening)
		return go_on(s, out);
	scram_server_free(&s->login->scram);
	buf_z(out, "<failure xmlns='" NS_SASL "'><not-authorized/></failure>");
	return STREAM_GO_ON;
}

static bool take_data(const struct xml_tree *t, struct buf *message)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 8192};
	struct str text = xml_text(t, XML_ROOT, &tmp);

	return buf_ok(&tmp) && b64_decode(message, text) == 0;
}

static enum stream_action on_challenge(struct stream *s, const struct xml_tree *t, struct buf *out)
{
	CLEANUP(buf_clear) struct buf message = {.max = 8192};
	CLEANUP(buf_clear) struct buf answer = {.max = 8192};

	if (!take_data(t, &message) || scram_client_challenge(lan(s)->client, buf_view(&message), &answer) != 0)
		return stream_close(s, SERR_NOT_AUTHORIZED, NULL, out);
	put_message("response", "", buf_view(&answer), out);
	return STREAM_GO_ON;
}

static enum stream_action on_success(struct stream *s, const struct xml_tree *t, struct buf *out)
{
	CLEANUP(buf_clear) struct buf message = {.max = 8192};

	if (!take_data(t, &message) || scram_client_final(lan(s)->client, buf_view(&message)) != 0) {
		s->proof = PROOF_WRONG;
		return stream_close(s, SERR_NOT_AUTHORIZED, NULL, out);
	}
	s->proof = PROOF_RIGHT;
	return restart(s, out);
}

/* Opening, in the exchange. */
static enum stream_action client_step(struct stream *s, const struct xml_tree *t, struct buf *out)
{
	struct str name = xml_name(t, XML_ROOT);

	if (str_is(name, "challenge"))
		return on_challenge(s, t, out);
	if (str_is(name, "success"))
		return on_success(s, t, out);
	if (str_is(name, "failure"))
		return proof_wrong(s, out);
	return stream_close(s, SERR_BAD_FORMAT, NULL, out);
}

static enum stream_action server_first(struct stream *s, const struct xml_tree *t, struct buf *out)
{
	struct stream_login *l = s->login;
	const struct stream_password *pw = &l->lan->password;
	CLEANUP(buf_clear) struct buf message = {.max = 8192};
	CLEANUP(buf_clear) struct buf answer = {.max = 1024};
	struct str user, authzid;

	if (!l->lan->has_password || s->proof != PROOF_NONE ||
		!str_is(xml_attr(t, XML_ROOT, "mechanism"), LANPASS_MECHANISM))
		return stream_close(s, SERR_NOT_AUTHORIZED, NULL, out);
	l->scram = lanpass_server();
	stream_enter(s, STREAM_SASL);
	if (!take_data(t, &message) ||
		scram_server_first(l->scram, buf_view(&message), &user, &authzid, &l->binding) != 0 ||
		!str_is(user, pw->id))
		return proof_wrong(s, out);
	lanpass_scram_keys(&pw->keys, pw->ours, pw->theirs, &l->keys);
	scram_server_challenge(l->scram, &l->keys, &answer);
	put_message("challenge", "", buf_view(&answer), out);
	return STREAM_GO_ON;
}

static enum stream_action server_final(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out)
{
	struct stream_login *l = s->login;
	CLEANUP(buf_clear) struct buf message = {.max = 8192};
	CLEANUP(buf_clear) struct buf data = {.max = 256};
	CLEANUP(buf_clear) struct buf answer = {.max = 1024};

	if (!take_data(t, &message) || exporter(ch, &data) != 0 ||
		scram_server_final(l->scram, buf_view(&message), buf_view(&data), &answer) != 0)
		return proof_wrong(s, out);
	put_message("success", "", buf_view(&answer), out);
	scram_server_free(&l->scram);
	s->proof = PROOF_RIGHT;
	return restart(s, out);
}

/* ---- answers of the core ---- */

static enum stream_action keyed_on_link(struct stream *s, const struct stream_channel *ch, struct buf *out)
{
	struct lan_login *l = lan(s);

	if (s->kind->opening)
		return l->has_password && l->offers_plus ? start_proof(s, ch, out) : go_on(s, out);
	put_header(s, out);
	put_features(s, out);
	stream_enter(s, STREAM_FEATURES);
	return STREAM_GO_ON;
}

static enum stream_action plain_on_link(struct stream *s, struct buf *out, struct stream_ask *ask)
{
	if (!s->kind->opening && !s->header_sent) {
		put_plain_header(s, out);
		if (lan(s)->has_version)
			put_plain_features(s, false, out);
	}
	stream_enter(s, STREAM_BIND);
	return ask_open(s, STR_NONE, ask);
}

enum stream_action stream_on_link(struct stream *s, const struct stream_link *reply, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	struct lan_login *l = lan(s);

	must(s->wait == WAIT_LINK);
	s->wait = WAIT_NONE;
	if (reply->error != SERR_NONE)
		return stream_close(s, reply->error, reply->text, out);
	l->accepted = true;
	if (!s->kind->opening) {
		xfree(l->from);
		xfree(l->to);
		l->from = str_dup(reply->from);
		l->to = str_dup(str_z(l->said_from));
	}
	s->login->account = str_dup(reply->peer);
	l->token = str_dup(reply->token);
	l->h = reply->h;
	l->has_password = reply->password != NULL;
	if (reply->password)
		l->password = *reply->password;
	return s->kind->keyed ? keyed_on_link(s, ch, out) : plain_on_link(s, out, ask);
}

/* ---- elements before the session ---- */

static enum stream_action on_features(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask)
{
	struct lan_login *l = lan(s);
	uint32_t list = xml_child(t, XML_ROOT, "mechanisms", NS_SASL);

	if (l->accepted)
		return go_on(s, out);
	for (uint32_t i = list != XML_NONE ? xml_first(t, list) : XML_NONE; i != XML_NONE; i = xml_next(t, list, i)) {
		CLEANUP(buf_clear) struct buf tmp = {.max = 256};

		l->offers_plus |= str_is(xml_text(t, i, &tmp), LANPASS_MECHANISM);
	}
	return ask_link(s, ask);
}

static enum stream_action keyed_before_session(struct stream *s, const struct xml_tree *t,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask)
{
	struct str ns = xml_ns(t, XML_ROOT), name = xml_name(t, XML_ROOT);
	bool opening = s->kind->opening;

	if (opening && s->state == STREAM_FEATURES && xml_is(t, XML_ROOT, "features", NS_STREAM))
		return on_features(s, t, ch, out, ask);
	if (opening && s->state == STREAM_SASL && str_is(ns, NS_SASL))
		return client_step(s, t, out);
	if (opening && s->state == STREAM_BIND && str_is(ns, NS_SM))
		return on_answer(s, t, out, ask);
	if (!opening && s->state == STREAM_FEATURES && xml_is(t, XML_ROOT, "auth", NS_SASL))
		return server_first(s, t, out);
	if (!opening && s->state == STREAM_SASL && xml_is(t, XML_ROOT, "response", NS_SASL))
		return server_final(s, t, ch, out);
	if (!opening && (s->state == STREAM_FEATURES || s->state == STREAM_BIND) && str_is(ns, NS_SM)) {
		if (s->state == STREAM_FEATURES)
			stream_enter(s, STREAM_BIND);
		if (str_is(name, "enable"))
			return ask_open(s, STR_NONE, ask);
		if (str_is(name, "resume"))
			return stream_ask_resume(s, t, out, ask);
	}
	return stream_close(s, SERR_NOT_AUTHORIZED, NULL, out);
}

/* ---- the session ---- */

/* `from` lies in the domain that the key proves: the other node's own or that of its rooms. */
static bool from_fits(const struct stream *s, const struct xml_tree *t)
{
	struct str from = xml_attr(t, XML_ROOT, "from"), domain;
	struct jid_buf said;

	if (!from.p || jid_parse_buf(from, &said) != 0)
		return false;
	domain = jid_domain(said.jid);
	if (str_starts(domain, STR("rooms.")))
		domain = (struct str){domain.p + 6, domain.n - 6};
	return str_eq(domain, str_z(s->jid));
}

static enum stream_action keyed_in_session(struct stream *s, const struct xml_tree *t, struct buf *out,
	struct stream_ask *ask)
{
	/* It counts from its beginning: there is nothing to enable. */
	if (xml_is(t, XML_ROOT, "enable", NS_SM)) {
		buf_z(out, "<failed xmlns='" NS_SM "'><unexpected-request xmlns='" NS_STANZAS "'/></failed>");
		return STREAM_GO_ON;
	}
	if (str_is(xml_ns(t, XML_ROOT), NS_SM))
		return stream_on_sm(s, t, out, ask);
	if (!stream_is_stanza(s, t))
		return stream_close(s, SERR_UNSUPPORTED_STANZA_TYPE, NULL, out);
	if (!from_fits(s, t))
		return stream_close(s, SERR_INVALID_FROM, NULL, out);
	if (!xml_attr(t, XML_ROOT, "to").n)
		return stream_close(s, SERR_IMPROPER_ADDRESSING, NULL, out);
	return STREAM_GIVE_STANZA;
}

/* Old programs send features, typing and requests of their own; only messages are understood. */
static enum stream_action plain_in_session(struct stream *s, const struct xml_tree *t, struct buf *out,
	struct stream_ask *ask)
{
	return xml_is(t, XML_ROOT, "message", NS_CLIENT) ? STREAM_GIVE_STANZA : STREAM_GO_ON;
}

const struct stream_rules stream_rules_keyed = {
	.put_header = put_header,
	.on_open = keyed_open,
	.before_session = keyed_before_session,
	.in_session = keyed_in_session,
	.resume_failed = resume_failed,
};

const struct stream_rules stream_rules_legacy = {
	.put_header = put_plain_header,
	.on_open = plain_open,
	.before_session = plain_before_session,
	.in_session = plain_in_session,
	.resume_failed = resume_failed,
	.on_silence = plain_silence,
};

#define KEYED .content = NS_CLIENT, .link = true, .keyed = true, .pack_stanza = true, .rules = &stream_rules_keyed
#define PLAIN .content = NS_CLIENT, .link = true, .legacy = true, .pack_stanza = true, .rules = &stream_rules_legacy

const struct stream_kind stream_lan_keyed_in = {.name = "lan", KEYED};
const struct stream_kind stream_lan_keyed_out = {.name = "lan-out", .opening = true, KEYED};
#define STARTTLS .offers = STREAM_OFFERS_TLS
const struct stream_kind stream_lan_plain_in = {.name = "lan-plain", .sniff = true, STARTTLS, PLAIN};
const struct stream_kind stream_lan_plain_out = {.name = "lan-plain-out", .opening = true, STARTTLS, PLAIN};
const struct stream_kind stream_lan_tls_in = {.name = "lan-tls", .sniff = true, .must_tls = true, STARTTLS, PLAIN};
const struct stream_kind stream_lan_tls_out = {.name = "lan-tls-out",
	.opening = true,
	.must_tls = true,
	STARTTLS,
	PLAIN};
const struct stream_kind stream_lan_old_in = {.name = "lan-old", .sniff = true, PLAIN};
const struct stream_kind stream_lan_old_out = {.name = "lan-old-out", .opening = true, PLAIN};
