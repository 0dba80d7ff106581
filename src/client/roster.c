/* Contacts (RFC 6121): the roster, who is there, and what others are told of us. */
#include "client/client_i.h"
#include "xmpp/looks.h"

/* ---- contacts ---- */

struct contact *client_contact(const struct client *c, struct str bare) { return map_find(&c->contacts, bare); }

/* Those that any name may stand for, and no key. */
static bool has_key(struct str domain)
{
	return str_ends(domain, STR(".internal")) && !str_is(domain, CLIENT_TYPED) && !str_is(domain, CLIENT_LEGACY);
}

static struct contact *same_key(const struct client *c, struct str bare, const struct contact *but)
{
	struct str domain = jid_domain(jid_view(bare));
	struct contact *k;
	uint32_t pos = 0;

	while (c->config.node && has_key(domain) && (k = map_next(&c->contacts, &pos)))
		if (k != but && str_eq(jid_domain(jid_view(str_z(k->jid))), domain))
			return k;
	return NULL;
}

struct str client_peer(const struct client *c, struct str bare)
{
	const struct contact *k = !bare.n || client_contact(c, bare) ? NULL : same_key(c, bare, NULL);

	return k ? str_z(k->jid) : bare;
}

static void resource_free(struct resource *r)
{
	list_remove(&r->node);
	xfree(r->name);
	xfree(r->show);
	xfree(r->text);
	xfree(r);
}

static void forget_resources(struct contact *k)
{
	struct list *n;

	while ((n = list_take(&k->resources)))
		resource_free(LIST_ITEM(n, struct resource, node));
	k->resources_n = 0;
}

static void contact_free(struct contact *k)
{
	forget_resources(k);
	xfree(k->jid);
	xfree(k->name);
	xfree(k);
}

void client_roster_clear(struct client *c)
{
	struct contact *k;
	uint32_t pos = 0;

	while ((k = map_next(&c->contacts, &pos)))
		contact_free(k);
	map_clear(&c->contacts);
}

void client_forget_presence(struct client *c)
{
	struct contact *k;
	uint32_t pos = 0;

	while ((k = map_next(&c->contacts, &pos)))
		forget_resources(k);
}

static bool is_before(const struct resource *a, const struct resource *b)
{
	struct looks x = {a->priority, str_z(a->show), str_z(a->text)},
		     y = {b->priority, str_z(b->show), str_z(b->text)};

	return looks_before(&x, &y);
}

const struct resource *client_best(const struct contact *k)
{
	const struct resource *best = NULL;

	LIST_EACH(n, &k->resources) {
		const struct resource *r = LIST_ITEM(n, struct resource, node);

		if (!best || is_before(r, best))
			best = r;
	}
	return best;
}

bool client_present(const struct client *c, struct str jid)
{
	struct jid j = jid_view(jid);
	const struct contact *k = client_contact(c, jid_bare_str(j));
	const struct room *r = client_room(c, jid_bare_str(j));

	if (r)
		return !j.resource || client_occupant(r, jid_resource(j));
	return k && !list_empty(&k->resources);
}

/* ---- the roster ---- */

static void tell_contact(struct client *c, struct str jid, const char *verb)
{
	struct client_event e = {.kind = EVENT_CONTACT, .conversation = jid, .verb = str_z(verb)};

	client_emit(c, &e);
}

/* He has another address, and is in the roster with it already. */
static void take_out(struct client *c, const struct contact *k)
{
	const struct contact *now = same_key(c, str_z(k->jid), k);
	struct client_event e = {.kind = EVENT_CONTACT, .verb = STR("became")};

	if (!now) {
		tell_contact(c, str_z(k->jid), "removed");
		map_remove(&c->contacts, str_z(k->jid));
		return;
	}
	map_remove(&c->contacts, str_z(k->jid)); /* whose name the new one has */
	e.conversation = str_z(now->jid);
	e.detail = str_z(k->jid);
	client_emit(c, &e);
}

static void enter_item(struct client *c, const struct xml_tree *t, uint32_t i, bool push)
{
	struct str sub = xml_attr(t, i, "subscription");
	struct jid_buf jid;
	struct contact *k;
	bool is_new;

	if (jid_parse_buf(xml_attr(t, i, "jid"), &jid) != 0)
		return;
	k = client_contact(c, jid_bare_str(jid.jid));
	if (str_is(sub, "remove")) {
		if (!k)
			return;
		take_out(c, k);
		contact_free(k);
		return;
	}
	is_new = !k;
	if (is_new) {
		k = xcalloc(1, sizeof(*k));
		list_init(&k->resources);
		k->jid = str_dup(jid_bare_str(jid.jid));
		if (map_add(&c->contacts, k) != 0) {
			contact_free(k);
			return;
		}
	}
	set_text(&k->name, xml_attr(t, i, "name"));
	k->subscribed = str_is(sub, "both") || str_is(sub, "to");
	if (push && is_new && !same_key(c, str_z(k->jid), k))
		tell_contact(c, str_z(k->jid), "added");
}

static void enter_roster(struct client *c, const struct stanza *s, bool push)
{
	uint32_t query = stanza_child(s, "query", NS_ROSTER);

	if (!query)
		return;
	XML_EACH(i, &s->tree, query) {
		if (xml_is(&s->tree, i, "item", NS_ROSTER))
			enter_item(c, &s->tree, i, push);
	}
}

void client_on_roster(struct client *c, const struct stanza *s) { enter_roster(c, s, true); }

static void on_roster(struct client *c, const struct pending *p, const struct stanza *s)
{
	if (s && s->type == TYPE_RESULT)
		enter_roster(c, s, false);
}

void client_ask_roster(struct client *c)
{
	client_ask(c, "get", STR_NONE, STR("<query xmlns='" NS_ROSTER "'/>"), on_roster, STR_NONE, STR_NONE, 0);
}

/* ---- presence of others ---- */

static struct str child_text(const struct stanza *s, const char *name, struct buf *tmp)
{
	uint32_t i = stanza_child(s, name, NS_CLIENT);

	return i ? xml_text(&s->tree, i, tmp) : STR("");
}

static struct resource *find_resource(const struct contact *k, struct str name)
{
	LIST_EACH(n, &k->resources) {
		struct resource *r = LIST_ITEM(n, struct resource, node);
		if (str_is(name, r->name))
			return r;
	}
	return NULL;
}

static struct resource *make_resource(struct contact *k, struct str name)
{
	struct resource *r = find_resource(k, name);

	if (r || k->resources_n >= RESOURCES_MAX)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->name = xstrdup("");
	set_text(&r->name, name);
	list_append(&k->resources, &r->node);
	k->resources_n++;
	return r;
}

static const char *show_of(const struct resource *r) { return r ? r->show : "unavailable"; }

static void enter_resource(struct contact *k, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf show = {.max = 64}, text = {.max = 4096};
	struct resource *r;
	struct str said;

	if (s->type == TYPE_UNAVAILABLE) {
		r = find_resource(k, jid_resource(s->from));
		if (r) {
			resource_free(r);
			k->resources_n--;
		}
		return;
	}
	r = make_resource(k, jid_resource(s->from));
	if (!r)
		return;
	said = str_trim(child_text(s, "show", &show));
	set_text(&r->show, said.n ? said : STR("available"));
	set_text(&r->text, child_text(s, "status", &text));
	r->priority = stanza_priority(s);
}

static bool same(const char *a, const char *b) { return str_eq(str_z(a ? a : ""), str_z(b ? b : "")); }

static void on_available(struct client *c, struct contact *k, const struct stanza *s)
{
	const struct resource *best = client_best(k);
	char *show = xstrdup(show_of(best)), *text = best && best->text ? xstrdup(best->text) : NULL;
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};

	enter_resource(k, s);
	best = client_best(k);
	if (!same(show, show_of(best)) || (best && !same(text, best->text))) {
		struct client_event e = {.kind = EVENT_PRESENCE,
			.conversation = str_z(k->jid),
			.verb = str_z(show_of(best)),
			.detail = best ? str_z(best->text) : child_text(s, "status", &tmp)};
		client_emit(c, &e);
	}
	client_host_seen(c, jid_domain(jid_view(str_z(k->jid))), best != NULL);
	xfree(show);
	xfree(text);
}

static void on_subscribe(struct client *c, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096}, answer = {.max = 8192};
	struct contact *k = client_contact(c, jid_bare_str(s->from));
	struct client_event e = {.kind = EVENT_REQUEST,
		.conversation = jid_bare_str(s->from),
		.detail = child_text(s, "status", &tmp)};

	/* We asked for theirs: they may have ours. */
	if (k && k->subscribed) {
		buf_z(&answer, "<presence type='subscribed'");
		xml_put_attr(&answer, "to", jid_bare_str(s->from));
		buf_z(&answer, "/>");
		client_put(c, buf_view(&answer));
		return;
	}
	client_emit(c, &e);
}

void client_on_presence(struct client *c, const struct stanza *s)
{
	struct contact *k = jid_some(s->from) ? client_contact(c, jid_bare_str(s->from)) : NULL;

	if (s->type == TYPE_SUBSCRIBE && jid_some(s->from))
		on_subscribe(c, s);
	else if (k && (s->type == TYPE_AVAILABLE || s->type == TYPE_UNAVAILABLE))
		on_available(c, k, s);
}

/* ---- ours ---- */

void client_put_presence(struct client *c, struct str to, struct str inside)
{
	CLEANUP(buf_clear) struct buf out = {.max = 65536};

	buf_z(&out, "<presence");
	xml_put_attr(&out, "to", to);
	buf_char(&out, '>');
	if (c->show && strcmp(c->show, "available") != 0)
		xml_put_text(&out, "show", str_z(c->show));
	if (c->text && *c->text)
		xml_put_text(&out, "status", str_z(c->text));
	client_put_caps(c, &out);
	buf_str(&out, inside.p ? inside : STR(""));
	buf_z(&out, "</presence>");
	if (buf_ok(&out))
		client_put(c, buf_view(&out));
}

int client_status(struct client *c, struct str show, struct str text)
{
	static const char *const shows[] = {"available", "away", "dnd", "xa", "chat"};
	struct room *r;
	uint32_t pos = 0;
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(shows); i++)
		known |= str_is(show, shows[i]);
	if (!known || text.n > 1024)
		return ERR_INVALID;
	set_text(&c->show, show);
	set_text(&c->text, text);
	if (c->state != CLIENT_ONLINE)
		return 0;
	client_put_presence(c, STR_NONE, STR_NONE);
	while ((r = map_next(&c->rooms, &pos))) {
		CLEANUP(buf_clear) struct buf to = {.max = JID_MAX};
		buf_fmt(&to, "%s/%s", r->jid, r->nick);
		if (r->state == ROOM_IN)
			client_put_presence(c, buf_view(&to), STR_NONE);
	}
	return 0;
}

void client_own_status(const struct client *c, struct str *ret_show, struct str *ret_text)
{
	*ret_show = c->show && *c->show ? str_z(c->show) : STR("available");
	*ret_text = c->text ? str_z(c->text) : STR("");
}

static int put_subscription(struct client *c, struct str jid, const char *type)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192};

	buf_fmt(&out, "<presence type='%s'", type);
	xml_put_attr(&out, "to", jid);
	buf_z(&out, "/>");
	return client_put(c, buf_view(&out));
}

static int put_contact(struct client *c, struct str jid, struct str name, const char *what)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192};

	buf_z(&out, "<query xmlns='" NS_ROSTER "'><item");
	xml_put_attr(&out, "jid", jid);
	xml_put_attr(&out, "name", name);
	buf_z(&out, "/></query>");
	return client_order(c, STR_NONE, buf_view(&out), what);
}

int client_rename(struct client *c, struct str jid, struct str name) { return put_contact(c, jid, name, "rename"); }

int client_add(struct client *c, struct str jid, struct str name)
{
	int err = put_contact(c, jid, name, "add");

	if (!err)
		err = put_subscription(c, jid, "subscribed"); /* also the answer to a request */
	return err ? err : put_subscription(c, jid, "subscribe");
}

int client_remove(struct client *c, struct str jid)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192};

	buf_z(&out, "<query xmlns='" NS_ROSTER "'><item");
	xml_put_attr(&out, "jid", jid);
	buf_z(&out, " subscription='remove'/></query>");
	return client_order(c, STR_NONE, buf_view(&out), "remove");
}

static int put_blocking(struct client *c, struct str jid, const char *verb)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192};

	buf_fmt(&out, "<%s xmlns='" NS_BLOCKING "'><item", verb);
	xml_put_attr(&out, "jid", jid);
	buf_fmt(&out, "/></%s>", verb);
	return client_order(c, STR_NONE, buf_view(&out), verb);
}

int client_block(struct client *c, struct str jid) { return put_blocking(c, jid, "block"); }

int client_unblock(struct client *c, struct str jid) { return put_blocking(c, jid, "unblock"); }

void client_peers(struct client *c)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	struct contact *k;
	uint32_t pos = 0;

	while ((k = map_next(&c->contacts, &pos))) {
		const struct resource *r = client_best(k);

		if (out.n)
			buf_char(&out, '\n');
		client_label(c, str_z(k->jid), &out);
		buf_fmt(&out, " (%s) %s", k->jid, show_of(r));
		if (r && r->text && *r->text)
			buf_fmt(&out, ": %s", r->text);
	}
	client_say_event(c, EVENT_ANSWER, out.n ? buf_view(&out) : STR("nobody yet; /add USER@DOMAIN adds somebody"));
}
