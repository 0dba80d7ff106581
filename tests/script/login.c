/* Logging in as a client does, from the opening of the stream to the bound resource. */
#include <ctype.h>
#include <stdio.h>

#include "actor.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* ---- small steps ---- */

static bool fail(struct actor *a, const char *what, struct buf *why)
{
	struct item *next = actor_waiting(a);

	buf_fmt(why, "%s: %s; ", a->role->name, what);
	if (next)
		item_print(next, why);
	else
		buf_z(why, a->link ? "nothing came" : "the connection ended");
	return false;
}

static bool next_is(struct actor *a, enum item_kind kind, const char *name, const char *ns)
{
	struct item *i = actor_next(a);

	return i && i->kind == kind && (kind != ITEM_ELEMENT || elem_is(i->elem, name, ns));
}

static void skip(struct actor *a) { item_free(&(struct item *){actor_take(a)}); }

static bool open_stream(struct actor *a, struct buf *why)
{
	struct item *i;

	actor_send_fmt(a,
		"<?xml version='1.0'?><stream:stream to='%.*s' version='1.0' xmlns='" NS_CLIENT
		"' xmlns:stream='" NS_STREAM "'>",
		STR_FMT(actor_domain(a)));
	if (!next_is(a, ITEM_HEADER, NULL, NULL))
		return fail(a, "no stream header", why);
	skip(a);
	if (!next_is(a, ITEM_ELEMENT, "features", NS_STREAM))
		return fail(a, "no stream features", why);
	i = actor_take(a);
	elem_free(&a->features);
	a->features = TAKE(i->elem);
	item_free(&i);
	return true;
}

bool login_starttls(struct actor *a, struct buf *why)
{
	if (!elem_find(a->features, "starttls", NS_TLS))
		return fail(a, "STARTTLS is not offered", why);
	actor_send_fmt(a, "<starttls xmlns='" NS_TLS "'/>");
	if (!next_is(a, ITEM_ELEMENT, "proceed", NS_TLS))
		return fail(a, "STARTTLS is refused", why);
	skip(a);
	actor_start_tls(a);
	return open_stream(a, why);
}

/* A script that says nothing of TLS must not go on without where the transport is about it. */
static bool right_link(struct actor *a, struct buf *why)
{
	struct buf reason;
	bool good;

	if (!a->link)
		return fail(a, "is not connected", why);
	buf_init(&reason, 1024);
	good = world_has_link(a->world, a->link, &reason);
	if (!good)
		buf_fmt(why, "%s: no login here: %s", a->role->name, buf_cstr(&reason));
	buf_clear(&reason);
	return good;
}

bool login_open(struct actor *a, struct buf *why)
{
	actor_connect(a);
	if (!open_stream(a, why))
		return false;
	if (world_starts_tls(a->world) && !login_starttls(a, why))
		return false;
	return right_link(a, why);
}

/* ---- SASL ---- */

static bool offers(const struct actor *a, const char *mechanism)
{
	const struct elem *list = elem_find(a->features, "mechanisms", NS_SASL);
	bool found = false;

	for (uint32_t i = 0; list && i < list->child_count; i++) {
		struct buf name;

		buf_init(&name, 256);
		elem_text(list->children[i], &name);
		found = found || str_is(buf_view(&name), mechanism);
		buf_clear(&name);
	}
	return found;
}

static bool choose(struct actor *a, struct login_how *how)
{
	static const char *const best[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"};

	for (size_t i = 0; i < ARRAY_LEN(best) && !how->mechanism[0]; i++)
		if (offers(a, best[i]))
			snprintf(how->mechanism, sizeof(how->mechanism), "%s", best[i]);
	return how->mechanism[0];
}

static void send_sasl(struct actor *a, const char *name, const char *mechanism, struct str data)
{
	struct buf text;

	buf_init(&text, 8192);
	buf_fmt(&text, "<%s xmlns='" NS_SASL "'", name);
	if (mechanism)
		xml_put_attr(&text, "mechanism", str_z(mechanism));
	buf_char(&text, '>');
	if (data.n)
		b64_encode(&text, data.p, data.n);
	else
		buf_char(&text, '=');
	buf_fmt(&text, "</%s>", name);
	actor_send(a, buf_view(&text));
	buf_clear(&text);
}

static void try_plain(struct actor *a, const struct login_how *how)
{
	struct buf message;

	buf_init(&message, 1024);
	buf_z(&message, how->authzid);
	buf_char(&message, '\0');
	buf_z(&message, how->user);
	buf_char(&message, '\0');
	buf_z(&message, how->password);
	send_sasl(a, "auth", how->mechanism, buf_view(&message));
	buf_clear(&message);
}

static bool decode(const struct elem *e, struct buf *out)
{
	struct buf text;
	bool good;

	buf_init(&text, 8192);
	elem_text(e, &text);
	good = b64_decode(out, buf_view(&text)) == 0;
	buf_clear(&text);
	return good;
}

static bool answer_challenge(struct actor *a, struct buf *why)
{
	struct buf challenge, response;
	struct item *i;
	bool good;

	/* Anything else is the outcome already, which is for the script to expect. */
	if (!next_is(a, ITEM_ELEMENT, "challenge", NS_SASL))
		return true;
	i = actor_take(a);
	buf_init(&challenge, 8192);
	buf_init(&response, 8192);
	good = decode(i->elem, &challenge) && scram_client_challenge(a->scram, buf_view(&challenge), &response) == 0;
	if (good)
		send_sasl(a, "response", NULL, buf_view(&response));
	else
		buf_fmt(why, "%s: a SCRAM challenge that is not understood: %s", a->role->name, buf_cstr(&challenge));
	item_free(&i);
	buf_clear(&challenge);
	buf_clear(&response);
	return good;
}

static bool try_scram(struct actor *a, const struct login_how *how, struct buf *why)
{
	bool plus = str_ends(str_z(how->mechanism), STR("-PLUS"));
	enum hash_kind hash = strstr(how->mechanism, "SHA-256") ? HASH_SHA256 : HASH_SHA1;
	struct buf data, first;
	const char *binding = plus ? "tls-exporter" : NULL;

	buf_init(&data, 256);
	buf_init(&first, 1024);
	if (plus && link_binding(a->link, LINK_TLS_EXPORTER, &data) != 0) {
		binding = "tls-server-end-point";
		link_binding(a->link, LINK_TLS_SERVER_END_POINT, &data);
	}
	scram_client_free(&a->scram);
	a->scram = scram_client_new(hash, str_z(how->user), str_z(how->password), binding, buf_view(&data));
	scram_client_first(a->scram, &first);
	send_sasl(a, "auth", how->mechanism, buf_view(&first));
	buf_clear(&data);
	buf_clear(&first);
	return answer_challenge(a, why);
}

bool login_try(struct actor *a, const struct login_how *given, struct buf *why)
{
	struct login_how how = *given;
	struct str jid = str_z(a->role->jid), user = str_cut(&jid, '@');

	if (!how.user[0])
		snprintf(how.user, sizeof(how.user), "%.*s", STR_FMT(user));
	if (!how.password[0])
		snprintf(how.password, sizeof(how.password), "secret");
	if (!right_link(a, why))
		return false;
	if (!a->features || !choose(a, &how))
		return fail(a, "no mechanism fits", why);
	if (str_starts(str_z(how.mechanism), STR("SCRAM-")))
		return try_scram(a, &how, why);
	if (strcmp(how.mechanism, "PLAIN") == 0)
		try_plain(a, &how);
	else
		send_sasl(a, "auth", how.mechanism, str_z(how.authzid));
	return true;
}

bool login_check_success(struct actor *a, const struct elem *success, struct buf *why)
{
	struct buf data;
	bool good;

	if (!a->scram)
		return true;
	buf_init(&data, 8192);
	good = decode(success, &data) && scram_client_final(a->scram, buf_view(&data)) == 0;
	buf_clear(&data);
	scram_client_free(&a->scram);
	if (!good)
		buf_fmt(why, "%s: the server does not prove that it knows the password", a->role->name);
	return good;
}

bool login_authenticate(struct actor *a, const struct login_how *how, struct buf *why)
{
	struct item *i;
	bool good;

	if (!login_try(a, how, why))
		return false;
	if (!next_is(a, ITEM_ELEMENT, "success", NS_SASL))
		return fail(a, "the login failed", why);
	i = actor_take(a);
	good = login_check_success(a, i->elem, why);
	item_free(&i);
	return good && open_stream(a, why);
}

/* "with SCRAM-SHA-1 as bob password 'x'": word after word. */
bool login_read_how(struct str text, struct login_how *ret, struct buf *why)
{
	*ret = (struct login_how){.mechanism = ""};
	while (str_trim(text).n) {
		struct str rest = str_trim(text), key = str_cut(&rest, ' '), value = str_cut(&rest, ' ');
		char *to = str_is(key, "with")    ? ret->mechanism
			: str_is(key, "as")       ? ret->user
			: str_is(key, "password") ? ret->password
			: str_is(key, "for")      ? ret->authzid
						  : NULL;
		size_t size = to == ret->mechanism ? sizeof(ret->mechanism) : sizeof(ret->user);

		if (!to || !value.n || value.n >= size) {
			buf_fmt(why, "not 'with MECHANISM', 'as USER', 'password WORD' or 'for ADDRESS': %.*s",
				STR_FMT(text));
			return false;
		}
		memcpy(to, value.p, value.n);
		to[value.n] = '\0';
		text = rest.p ? rest : STR("");
	}
	return true;
}

/* ---- binding ---- */

bool login_bind(struct actor *a, struct str resource, struct buf *why)
{
	struct str jid = str_z(a->role->jid);
	const struct elem *bind;
	bool own = !resource.n;
	struct buf text;
	struct item *i;

	if (own) {
		str_cut(&jid, '/');
		resource = jid;
	}
	buf_init(&text, 8192);
	buf_z(&text, "<iq type='set' id='xt-bind'><bind xmlns='" NS_BIND "'>");
	xml_put_text(&text, "resource", resource);
	buf_z(&text, "</bind></iq>");
	actor_send(a, buf_view(&text));
	buf_reset(&text);
	i = actor_next(a);
	bind = i && i->kind == ITEM_ELEMENT ? elem_find(i->elem, "bind", NS_BIND) : NULL;
	bind = bind ? elem_find(bind, "jid", NS_BIND) : NULL;
	if (!bind) {
		buf_clear(&text);
		return fail(a, "not bound", why);
	}
	elem_text(bind, &text);
	if (own && a->role->jid && !str_is(buf_view(&text), a->role->jid))
		buf_fmt(why, "%s: bound as %s, not as %s", a->role->name, buf_cstr(&text), a->role->jid);
	skip(a);
	buf_clear(&text);
	return !why->n;
}

bool login_all(struct actor *a, struct buf *why)
{
	struct login_how how = {.mechanism = ""};
	uint32_t before = a->traffic->n;

	if (!login_open(a, why) || !login_authenticate(a, &how, why) || !login_bind(a, STR_NONE, why))
		return false;
	traffic_forget(a->traffic, a->role, before, NULL);
	traffic_add(a->traffic, a->role, "--", STR("(logs in)"));
	return true;
}
