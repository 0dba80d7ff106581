#include "tests/sim/guest.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { GOT_MAX = 64 << 20, TURNS_PATIENCE = 1000 };

static struct guest *guest_of(struct client *c) { return CONTAINER_OF(c, struct guest, client); }

static void on_session(struct client *c, bool resumed)
{
	guest_of(c)->sessions++;
	guest_of(c)->resumed += resumed;
}

static void on_nothing(struct client *c) {}
static void on_unsure(struct client *c, uint64_t tag) { guest_of(c)->unsure++; }
static void on_acked(struct client *c, uint64_t tag) { guest_of(c)->acked++; }

static void on_stanza(struct client *c, const struct xml_tree *t)
{
	struct guest *g = guest_of(c);

	buf_str(&g->got, xml_raw(t, XML_ROOT));
	buf_char(&g->got, '\n');
	g->stanzas++;
}

static void on_down(struct client *c, enum client_end end)
{
	guest_of(c)->downs++;
	guest_of(c)->end = end;
}

static const struct client_ops ops = {
	.on_bound = on_nothing,
	.on_session = on_session,
	.on_life_over = on_nothing,
	.on_unsure = on_unsure,
	.on_acked = on_acked,
	.on_stanza = on_stanza,
	.on_down = on_down,
};

void guest_init(struct guest *g, struct stage *s, const char *user, const char *resource)
{
	*g = (struct guest){.got = {.max = GOT_MAX}};
	client_init(&g->client, s, user, resource);
	g->client.ops = &ops;
}

void guest_clear(struct guest *g)
{
	client_clear(&g->client);
	buf_clear(&g->got);
}

void guest_login(struct guest *g)
{
	assert_true(client_dial(&g->client));
	stage_settle(g->client.stage);
	assert_int_equal(g->client.state, CLIENT_ON);
}

void guest_online(struct guest *g)
{
	guest_login(g);
	guest_say(g, "<presence/>");
	guest_forget(g);
}

void guest_say(struct guest *g, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(n >= 0 && n < (int)sizeof(text));
	client_send(&g->client, (struct str){text, (size_t)n}, 0);
	stage_settle(g->client.stage);
}

void guest_forget(struct guest *g)
{
	buf_reset(&g->got);
	g->stanzas = 0;
}

unsigned guest_count(struct guest *g, const char *part)
{
	unsigned n = 0;

	for (const char *p = buf_cstr(&g->got); (p = strstr(p, part)); p++)
		n++;
	return n;
}

bool guest_got(struct guest *g, const char *part) { return guest_count(g, part) > 0; }

void guest_expect(struct guest *g, const char *part)
{
	if (!guest_got(g, part))
		fail_msg("%s: \"%s\" is not in \"%s\"", g->client.jid, part, buf_cstr(&g->got));
	guest_forget(g);
}

unsigned guest_turns_to(struct guest *from, struct guest *to)
{
	char text[256];
	unsigned turns = 0;

	guest_forget(to);
	snprintf(text, sizeof(text), "<message to='%s' type='chat' id='turns'><body>how many turns</body></message>",
		to->client.jid);
	client_send(&from->client, str_z(text), 0);
	while (!guest_got(to, "how many turns")) {
		stage_step(from->client.stage);
		assert_in_range(++turns, 1, TURNS_PATIENCE);
	}
	guest_forget(to);
	return turns;
}

static void no_log(enum log_level level, const char *line) {}

int guest_setup(void **state)
{
	log_set_sink(no_log);
	stage_seed(1);
	return 0;
}
