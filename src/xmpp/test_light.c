/* What may wait for somebody to look: everything else may not. */
#include "xmpp/light.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static struct packet *make(const char *xml)
{
	struct stanza *s;
	struct packet *p;

	if (stanza_parse(str_z(xml), &s) != 0)
		fail_msg("no stanza: %s", xml);
	p = packet_from(s, NULL);
	stanza_free(&s);
	return p;
}

static void is(const char *xml, enum light light)
{
	struct packet *p = make(xml);

	/* Found out, and remembered. */
	for (int i = 0; i < 2; i++)
		if (packet_light(p) != light)
			fail_msg("%d and not %d: %s", (int)packet_light(p), (int)light, xml);
	packet_unref(&p);
}

#define FROM " from='tea@rooms.x.test/bob'"
#define X(inner) "<x xmlns='http://jabber.org/protocol/muc#user'>" inner "</x>"
#define ITEM "<item affiliation='none' role='participant'/>"
#define CHATSTATE "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
#define EVENT "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:tune'/></event>"
#define CARBON(inner) \
	"<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'" FROM \
	">" inner "</message></forwarded></received>"

static void test_presence(void **state)
{
	is("<presence" FROM "/>", LIGHT_PRESENCE);
	is("<presence" FROM " type='unavailable'/>", LIGHT_PRESENCE);
	is("<presence" FROM "><show>away</show>" X(ITEM) "</presence>", LIGHT_PRESENCE);
	/* Of somebody else, whatever befell him. */
	is("<presence" FROM " type='unavailable'>" X(ITEM "<status code='307'/>") "</presence>", LIGHT_PRESENCE);
	is("<presence" FROM " type='unavailable'>" X(ITEM "<status code='303'/>") "</presence>", LIGHT_PRESENCE);
}

static void test_presence_of_oneself(void **state)
{
	is("<presence" FROM ">" X(ITEM "<status code='110'/>") "</presence>", LIGHT_NOT);
	is("<presence" FROM " type='unavailable'>" X(ITEM "<status code='307'/><status code='110'/>") "</presence>",
		LIGHT_NOT);
	is("<presence" FROM " type='unavailable'>" X(ITEM "<status code='332'/>") "</presence>", LIGHT_NOT);
	is("<presence" FROM " type='unavailable'>" X(ITEM "<destroy/>") "</presence>", LIGHT_NOT);
}

static void test_presence_that_asks(void **state)
{
	is("<presence" FROM " type='subscribe'/>", LIGHT_NOT);
	is("<presence" FROM " type='subscribed'/>", LIGHT_NOT);
	is("<presence" FROM " type='unsubscribed'/>", LIGHT_NOT);
	is("<presence" FROM " type='error'/>", LIGHT_NOT);
}

static void test_typing(void **state)
{
	is("<message" FROM " type='chat'>" CHATSTATE "</message>", LIGHT_TYPING);
	is("<message" FROM " type='groupchat'>" CHATSTATE
	   "<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='tea@rooms.x.test'/>"
	   "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='x'/><no-store xmlns='urn:xmpp:hints'/><thread>t</thread></message>",
		LIGHT_TYPING);
	is("<message from='alice@x.test' type='chat'>" CARBON(CHATSTATE) "</message>", LIGHT_TYPING);
}

static void test_messages(void **state)
{
	is("<message" FROM "/>", LIGHT_NOT);
	is("<message" FROM "><thread>t</thread></message>", LIGHT_NOT);
	is("<message" FROM " type='chat'><body>hi</body>" CHATSTATE "</message>", LIGHT_NOT);
	is("<message" FROM " type='groupchat'><subject/></message>", LIGHT_NOT);
	is("<message" FROM " type='error'>" CHATSTATE "</message>", LIGHT_NOT);
	is("<message" FROM ">" CHATSTATE "<x xmlns='urn:example:unknown'/></message>", LIGHT_NOT);
	is("<message" FROM "><composing xmlns='urn:example:unknown'/></message>", LIGHT_NOT);
	is("<message" FROM " type='chat'>" CARBON(CHATSTATE "<body>hi</body>") "</message>", LIGHT_NOT);
	is("<message" FROM "><received xmlns='urn:xmpp:receipts' id='1'/></message>", LIGHT_NOT);
	is("<message" FROM "><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>", LIGHT_NOT);
	is("<message" FROM " type='groupchat'>" X("<status code='104'/>") "</message>", LIGHT_NOT);
}

static void test_events(void **state)
{
	is("<message" FROM " type='headline'>" EVENT "</message>", LIGHT_EVENT);
	is("<message" FROM " type='headline'>" EVENT "<body>news</body></message>", LIGHT_NOT);
	is("<message" FROM " type='headline'><body>news</body></message>", LIGHT_NOT);
	is("<message" FROM ">" EVENT "</message>", LIGHT_NOT);
}

static void test_iq(void **state)
{
	is("<iq" FROM " type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", LIGHT_NOT);
	is("<iq" FROM " type='result' id='1'/>", LIGHT_NOT);
}

/* What somebody wants to hear the arrival of, bytes of the stream, and what is no XML. */
static void test_others(void **state)
{
	struct packet *tagged = make("<presence" FROM "/>"), *raw = packet_raw(STR("<presence from='a@b'/>"));
	struct packet *verbatim = packet_verbatim(STANZA_MESSAGE, STR("<message"));

	tagged->tag = 7;
	assert_int_equal(packet_light(tagged), LIGHT_NOT);
	assert_int_equal(packet_light(raw), LIGHT_NOT);
	assert_int_equal(packet_light(verbatim), LIGHT_NOT);
	assert_null(packet_sender(raw).p);
	assert_null(packet_sender(verbatim).p);
	packet_unref(&tagged);
	packet_unref(&raw);
	packet_unref(&verbatim);
}

static void test_sender(void **state)
{
	struct packet *p = make("<presence from='tea@rooms.x.test/o&apos;hara &amp; co'/>");
	struct packet *none = make("<presence/>");

	assert_true(str_is(packet_sender(p), "tea@rooms.x.test/o&apos;hara &amp; co"));
	assert_null(packet_sender(none).p);
	packet_unref(&p);
	packet_unref(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_presence_of_oneself),
		cmocka_unit_test(test_presence_that_asks),
		cmocka_unit_test(test_typing),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_iq),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
