/* What is sent to a room: configuration forms, lists of admins, registrations, decisions, invitations, commands, anything. A
 * line of the input is one stanza: who says it, into which frame it is put, and the rest as it stands. Whatever comes, the
 * tables of section 5 of XEP-0045 hold, nothing is half done, and what is in the store makes the same room again. */
#define TESTING_USERS 16
#include "room/testing.h"

#include "room/change.h"
#include "room/form.h"
#include "room/subscription.h"
#include "tests/lib/fuzz.h"

#define TEA "tea@rooms.test"

enum { LINES = 40, LINE = 3000 };

static const struct {
	char letter;
	const char *before, *after;
} frames[] = {
	{'c',
		"<iq type='set' id='c' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='submit'>",
		"</x></query></iq>"},
	{'f',
		"<iq type='set' id='f' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA
		"' type='submit'><field var='muc#roomconfig_",
		"</field></x></query></iq>"},
	{'a', "<iq type='set' id='a' to='" TEA "'><query xmlns='" NS_MUC_ADMIN "'>", "</query></iq>"},
	{'l', "<iq type='get' id='l' to='" TEA "'><query xmlns='" NS_MUC_ADMIN "'>", "</query></iq>"},
	{'o', "<iq type='set' id='o' to='" TEA "'><query xmlns='" NS_MUC_OWNER "'>", "</query></iq>"},
	{'r', "<iq type='set' id='r' to='" TEA "'><query xmlns='" NS_REGISTER "'>", "</query></iq>"},
	{'n',
		"<iq type='set' id='n' to='" TEA "'><query xmlns='" NS_REGISTER "'><x xmlns='" NS_DATA
		"' type='submit'><field var='muc#register_roomnick'><value>",
		"</value></field></x></query></iq>"},
	{'m', "<message id='m' to='" TEA "'><x xmlns='" NS_DATA "' type='submit'>", "</x></message>"},
	{'i', "<message id='i' to='" TEA "'><x xmlns='" NS_MUC_USER "'>", "</x></message>"},
	{'g', "<message type='groupchat' id='g' to='" TEA "'>", "</message>"},
	{'q', "<iq type='set' id='q' to='" TEA "'><query xmlns='" NS_MAM "'>", "</query></iq>"},
	{'s', "<iq type='set' id='s' to='" TEA "'><subscribe xmlns='" NS_MUCSUB "' ", "</subscribe></iq>"},
	{'u', "<iq type='set' id='u' to='" TEA "'><unsubscribe xmlns='" NS_MUCSUB "' ", "</unsubscribe></iq>"},
	{'t', "<iq type='get' id='t' to='", "'><subscriptions xmlns='" NS_MUCSUB "'/></iq>"},
	{'p', "<presence to='" TEA "/", "</presence>"},
	{'x',
		"<iq type='set' id='x' to='rooms.test'><command xmlns='" NS_COMMANDS
		"' node='room-config' sessionid='s'><x xmlns='" NS_DATA
		"' type='submit'><field var='room'><value>tea</value></field>",
		"</x></command></iq>"},
};

/* ---- what holds ---- */

static void check_occupants(const struct room *r)
{
	struct occupant *o;
	uint32_t visits = 0;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));) {
		must(o->visits && o->role != ROLE_NONE);
		must(o->affiliation == room_affiliation(r, occupant_real(o)) && o->affiliation != AFFILIATION_OUTCAST);
		must(!r->config.members_only || o->affiliation >= AFFILIATION_MEMBER);
		must(o->affiliation < AFFILIATION_ADMIN || o->role == ROLE_MODERATOR);
		must(occupant_find_real(r, occupant_real(o)));
		visits += o->visit_count;
	}
	must(visits == r->visits.n && r->audience.n == visits && r->people.n <= r->nicks.n);
	for (uint32_t i = 0; i < r->audience.n; i++)
		must((r->audience.visits[i]->occupant->role == ROLE_MODERATOR) == (i < r->audience.moderators));
}

static uint32_t count_nicknames(const struct nicknames *ns)
{
	uint32_t n = 0;

	for (uint32_t pos = 0; nicknames_next(ns, &pos);)
		n++;
	return n;
}

static void check_lists(const struct room *r)
{
	const struct affiliate *a;
	const struct nickname *n;
	uint32_t owners = 0, away = 0;

	for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos));)
		owners += a->affiliation == AFFILIATION_OWNER;
	must(owners == r->affiliates.owners && owners > 0);
	for (uint32_t pos = 0; (n = nicknames_next(&r->reserved, &pos));) {
		must(room_affiliation(r, jid_view(nickname_jid(n))) >= AFFILIATION_MEMBER);
		must(list_linked(&n->away) == !occupant_find_real(r, jid_view(nickname_jid(n))));
		away += list_linked(&n->away);
	}
	for (struct nickname *gone = NULL; (gone = nicknames_next_away(&r->reserved, gone));)
		away--;
	must(away == 0 && count_nicknames(&r->requests) <= REQUESTS_MAX);
}

/* Who hears it may, and is nobody else's namesake; as many are counted. */
static void check_subscribers(const struct world *w, const struct room *r)
{
	const struct subscriber *s;
	uint32_t n = 0;

	must(subscriptions_on(&r->entity) || !subscribers_count(r));
	for (uint32_t pos = 0; (s = subscribers_next(r, &pos)); n++) {
		enum affiliation a = room_affiliation(r, jid_view(subscriber_jid(s)));
		const struct occupant *o = occupant_find_key(r, str_z(s->key));
		const struct nickname *other = nicknames_find_key(&r->reserved, str_z(s->key));

		must(a != AFFILIATION_OUTCAST && (!r->config.members_only || a >= AFFILIATION_MEMBER));
		must(subscriber_find_key(r, str_z(s->key)) == s && subscriber_find(r, subscriber_jid(s)) == s);
		must(!o || str_eq(jid_bare_str(occupant_real(o)), subscriber_jid(s)));
		must(!other || str_eq(nickname_jid(other), subscriber_jid(s)));
		must(subscribed_get(&w->rooms->subscribed, subscriber_jid(s)) == 1);
	}
	must(n == subscribers_count(r) && w->rooms->subscribed.n == n);
}

static void check_config(const struct room *r)
{
	CLEANUP(buf_clear) struct buf text = {.max = CONFIG_TEXT_MAX};
	struct room_config again;

	must(!r->config.password_protected || r->config.secret);
	room_config_text(&r->config, &text);
	must(buf_ok(&text));
	room_config_init(&again);
	room_config_parse(&again, buf_view(&text));
	must(room_config_diff(&r->config, &again) == 0);
	room_config_clear(&again);
}

static void check(struct world *w)
{
	const struct room *r = tea(w);

	if (!r || (r->state != ROOM_OPEN && r->state != ROOM_LOCKED))
		return;
	check_occupants(r);
	check_lists(r);
	check_subscribers(w, r);
	check_config(r);
}

/* The store makes the same room again. */
static void check_stored(struct world *w)
{
	CLEANUP(buf_clear) struct buf before = {.max = CONFIG_TEXT_MAX}, after = {.max = CONFIG_TEXT_MAX};
	struct room *r = tea(w);
	uint32_t affiliates, reserved, requests, subscribers;

	if (!r || r->state != ROOM_OPEN || !r->config.persistent)
		return;
	affiliates = r->affiliates.map.n;
	reserved = count_nicknames(&r->reserved);
	requests = count_nicknames(&r->requests);
	subscribers = subscribers_count(r);
	room_config_text(&r->config, &before);
	world_restart(w);
	run(w, "room show " TEA);
	r = tea(w);
	must(r && r->state == ROOM_OPEN);
	room_config_text(&r->config, &after);
	must(str_eq(buf_view(&before), buf_view(&after)));
	must(r->affiliates.map.n == affiliates && subscribers_count(r) == subscribers);
	must(count_nicknames(&r->reserved) == reserved && count_nicknames(&r->requests) == requests);
	check(w);
}

/* ---- what is said ---- */

static void say_line(struct world *w, const unsigned *conns, struct str line)
{
	CLEANUP(buf_clear) struct buf xml = {.max = LINE + 1000};
	unsigned who = line.n > 2 && line.p[0] >= '0' ? (unsigned)(line.p[0] - '0') : 99;
	struct stanza *s;
	bool own;

	for (size_t i = 0; who < 4 && i < ARRAY_LEN(frames); i++) {
		if (frames[i].letter != line.p[1])
			continue;
		buf_z(&xml, frames[i].before);
		buf_add(&xml, line.p + 2, line.n - 2);
		buf_z(&xml, frames[i].after);
	}
	if (!xml.n || !buf_ok(&xml) || memchr(xml.p, '\0', xml.n) || stanza_parse(buf_view(&xml), &s) != 0)
		return;
	own = xml_attr(&s->tree, XML_ROOT, "from").p != NULL; /* who says it is put there */
	stanza_free(&s);
	if (w->users[conns[who]] && !own)
		say(w, conns[who], buf_cstr(&xml));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rooms_config config = {.admins = test_admins, .archive_max = 50, .logs = true};
	struct str rest = {(const char *)data, size};
	struct world *w;
	unsigned conns[4];

	log_set_level(LOG_ERROR);
	w = world_new(&config);
	conns[0] = open_tea(w, FIELD("persistentroom", "1"));
	conns[1] = enter(w, "bob@x.test/b", TEA "/bob");
	conns[2] = login(w, "carol@x.test/c");
	conns[3] = login(w, "root@x.test/r");
	for (int i = 0; i < LINES && rest.n; i++) {
		struct str line = str_cut(&rest, '\n');

		if (line.n <= LINE)
			say_line(w, conns, line);
		check(w);
	}
	check_stored(w);
	world_free(w);
	return 0;
}
