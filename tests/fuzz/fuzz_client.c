/* What a server says to a chat client in its session. What the client says is well-formed, its queues stay within their limits, and
 * its events name only people and rooms that are addresses. Between the pieces people say and do things. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "client/client.h"
#include "tests/lib/fuzz.h"
#include "xml/parse.h"
#include "xmpp/ns.h"

struct run {
	struct fuzz_input in;
	struct client *c;
	struct stream_channel channel;
	struct xml_scratch *scratch;
	struct xml_parser *said;
	int64_t now;
};

static int no_binding(void *arg, const char *type, struct buf *out) { return ERR_UNSUPPORTED; }

static void on_event(void *arg, const struct client_event *e)
{
	must(e->kind < EVENT_KINDS && e->when);
	if (e->conversation.p)
		must(jid_view(e->conversation).domain);
}

static void check_said(struct run *r)
{
	struct buf *out = client_out(r->c);
	struct str text = buf_view(out);
	struct xml_tree t;

	must(buf_ok(out));
	while (text.n)
		must(xml_parse(r->said, &text, &t) <= XML_END);
	must(xml_parser_held(r->said) == 0);
	buf_reset(out);
}

#define HEAD "<stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM "' version='1.0'>"
static const char login[] = HEAD "<stream:features><mechanisms xmlns='" NS_SASL
				 "'><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>";
static const char success[] = "<success xmlns='" NS_SASL "'/>";
static const char session[] =
	HEAD "<stream:features><bind xmlns='" NS_BIND "'/><sm xmlns='" NS_SM "'/></stream:features>";
static const char bound[] =
	"<iq type='result' id='bind'><bind xmlns='" NS_BIND "'><jid>alice@x.test/1</jid></bind></iq>"
	"<enabled xmlns='" NS_SM "' id='token' resume='true'/>";

static enum client_need hear(struct run *r, struct str text)
{
	enum client_need need = CLIENT_FINE;

	client_time(r->c, r->now, 1700000000000 + r->now);
	for (size_t n = text.n; text.n && need == CLIENT_FINE; n = text.n) {
		need = client_bytes(r->c, &text);
		if (text.n == n)
			break;
	}
	check_said(r);
	return need;
}

static enum client_need open_up(struct run *r)
{
	enum client_need need;

	xml_parser_reset(r->said);
	client_connected(r->c, &r->channel);
	check_said(r);
	if (hear(r, str_z(login)) != CLIENT_FINE)
		return CLIENT_CLOSE;
	struct str s = str_z(success);
	need = client_bytes(r->c, &s);
	xml_parser_reset(r->said);
	check_said(r);
	return need == CLIENT_FINE ? hear(r, str_z(session)) : need;
}

static void act(struct run *r, uint32_t what)
{
	struct buf out, why;

	buf_init(&out, JID_MAX);
	buf_init(&why, 65536);
	switch (what) {
	case 1:
		client_say(r->c, STR("bob@x.test"), STR("hi"));
		break;
	case 2:
		client_join(r->c, STR("tea@rooms.x.test"), STR("me"), STR_NONE);
		break;
	case 3:
		client_say(r->c, STR("tea@rooms.x.test"), STR("hi all"));
		break;
	case 4:
		client_find(r->c, STR("bob"), FIND_PEER | FIND_ROOM, &out, &why);
		break;
	case 5:
		client_displayed(r->c, STR("bob@x.test"));
		client_peers(r->c);
		client_who(r->c, STR("tea@rooms.x.test"));
		break;
	case 6:
		r->now += 61000;
		client_time(r->c, r->now, 1700000000000 + r->now);
		client_tick(r->c);
		break;
	case 7:
		client_lost(r->c, STR("cut"));
		open_up(r);
		break;
	}
	buf_clear(&out);
	buf_clear(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_config k = {.domain = STR("x.test"),
		.external = true,
		.trusted_channel = true,
		.receipts = true,
		.version = "1"};
	struct run r = {.in = {data, size}, .channel = {.binding = no_binding}, .now = 1000};
	uint32_t actions[8];

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		actions[i] = fuzz_choice(&r.in, 7);
	r.scratch = xml_scratch_new();
	r.said = xml_parser_new(r.scratch, XML_STREAM, &xml_limits_default);
	r.c = client_new(&k, on_event, NULL);
	client_time(r.c, r.now, 1700000000000);
	must(open_up(&r) == CLIENT_FINE && hear(&r, str_z(bound)) == CLIENT_FINE);
	struct str text = {(const char *)r.in.p, r.in.n};
	for (size_t i = 0; i < ARRAY_LEN(actions) && text.n; i++) {
		struct str piece = i + 1 < ARRAY_LEN(actions) ? str_cut(&text, '\n') : text;

		act(&r, actions[i]);
		check_said(&r);
		if (hear(&r, piece) != CLIENT_FINE)
			break;
		text = text.p ? text : STR("");
	}
	client_free(&r.c);
	xml_parser_free(&r.said);
	xml_scratch_free(&r.scratch);
	return 0;
}
