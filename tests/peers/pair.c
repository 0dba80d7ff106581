#include "tests/peers/pair.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "xmpp/ns.h"

static void no_log(enum log_level level, const char *line) {}

int peers_setup(void **state)
{
	log_set_sink(no_log);
	stage_seed(1);
	return 0;
}

void pair_open(struct pair *p, unsigned n, int plaintext)
{
	const struct world_options o = {.boxes = n, .plaintext = plaintext};

	memset(p, 0, sizeof(*p));
	world_open(&p->world, &o);
	for (unsigned i = 0; i < n; i++) {
		struct box *b = pair_box(p, i);

		guest_init(&p->guests[i], &b->stage, b->user, "c");
		p->guests[i].client.domain = b->domain;
		p->guests[i].client.use_sm = true;
		guest_online(&p->guests[i]);
	}
	world_settle(&p->world);
}

void pair_close(struct pair *p)
{
	for (unsigned i = 0; i < p->world.n; i++)
		guest_clear(&p->guests[i]);
	world_close(&p->world);
}

void pair_meet(struct pair *p)
{
	for (unsigned i = 0; i < p->world.n; i++)
		for (unsigned k = 0; k < p->world.n; k++)
			if (i != k) {
				box_found(pair_box(p, i), pair_box(p, k));
				box_step(pair_box(p, i));
				assert_true(box_command(pair_box(p, i), NULL, "peer accept %s", pair_domain(p, k)));
			}
	for (unsigned i = 0; i < p->world.n; i++)
		for (unsigned k = 0; k < p->world.n; k++)
			if (i != k) {
				pair_send(p, i, k, "hello");
				world_settle(&p->world);
				assert_int_equal(pair_got(p, k, i, "hello"), 1);
				pair_expect_linked(p, i, k);
			}
	for (unsigned i = 0; i < p->world.n; i++)
		guest_forget(&p->guests[i]);
}

void pair_send(struct pair *p, unsigned from, unsigned to, const char *id)
{
	client_fmt(&p->guests[from].client, 1, "<message to='%s' type='chat' id='%s'><body>%s</body></message>",
		pair_box(p, to)->jid, id, id);
}

/* Of lines with all these parts. */
static unsigned lines_with(struct guest *g, const char *a, const char *b, bool error)
{
	unsigned n = 0;
	struct str rest = buf_view(&g->got);

	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		char *text = str_dup(line);

		n += text && strstr(text, a) && strstr(text, b) && (strstr(text, " type='error'") != NULL) == error;
		xfree(text);
	}
	return n;
}

unsigned pair_got(struct pair *p, unsigned at, unsigned from, const char *id)
{
	char a[128], b[64];

	snprintf(a, sizeof(a), " from='%s", pair_box(p, from)->jid);
	snprintf(b, sizeof(b), " id='%s'", id);
	return lines_with(&p->guests[at], a, b, false);
}

unsigned pair_errors(struct pair *p, unsigned at, const char *id)
{
	char b[64];

	snprintf(b, sizeof(b), " id='%s'", id);
	return lines_with(&p->guests[at], "<message", b, true);
}

void pair_restart(struct pair *p, unsigned i)
{
	box_start(pair_box(p, i));
	world_settle(&p->world);
	guest_online(&p->guests[i]);
	world_settle(&p->world);
}

void pair_expect_linked(struct pair *p, unsigned a, unsigned b)
{
	const uint8_t *x = inside_exporter(pair_core(p, a), pair_domain(p, b));
	const uint8_t *y = inside_exporter(pair_core(p, b), pair_domain(p, a));

	assert_true(inside_is_linked(pair_core(p, a), pair_domain(p, b)));
	assert_true(inside_is_linked(pair_core(p, b), pair_domain(p, a)));
	assert_memory_equal(x, y, 32);
	assert_int_equal(inside_sessions(pair_core(p, a), pair_domain(p, b)), 1);
	assert_int_equal(inside_sessions(pair_core(p, b), pair_domain(p, a)), 1);
	assert_int_equal(world_cables(&p->world, a, b), 1);
	/* Nobody would dial again who believes to be dialling. */
	assert_int_equal(inside_dialling(pair_core(p, a), pair_domain(p, b)), 0);
	assert_int_equal(inside_dialling(pair_core(p, b), pair_domain(p, a)), 0);
	assert_int_equal(inside_waiting(pair_core(p, a)), 0);
	assert_int_equal(inside_waiting(pair_core(p, b)), 0);
}

/* ---- a caller ---- */

static void on_ready(void *arg, int events)
{
	struct caller *c = arg;
	char bytes[4096];
	int n = ERR_AGAIN;

	while (!c->ended && (n = link_recv(c->link, bytes, sizeof(bytes))) > 0)
		buf_add(&c->got, bytes, (size_t)n);
	if (n != ERR_AGAIN) {
		c->ended = true;
		link_watch(c->link, 0, NULL, NULL);
	}
}

static void take(struct caller *c, struct world *w, struct link *link)
{
	c->link = link;
	c->world = w;
	c->ended = false;
	buf_init(&c->got, 1 << 20);
	link_watch(link, WATCH_READ, on_ready, c);
}

void caller_call(struct caller *c, struct world *w, struct box *to, const struct proof *proof,
	const struct stream_kind *kind)
{
	take(c, w, world_visit(w, to, proof, kind));
}

void caller_wait(struct caller *c, struct world *w, struct box *from, const struct proof *proof)
{
	struct link *ours;

	w->answer = world_answerer(w, from, proof, &ours);
	take(c, w, ours);
}

void caller_hang_up(struct caller *c)
{
	link_free(&c->link);
	buf_clear(&c->got);
	world_settle(c->world);
}

void caller_say(struct caller *c, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(n > 0 && n < (int)sizeof(text));
	for (int at = 0, sent; at < n && !c->ended; at += sent) {
		sent = link_send(c->link, text + at, (size_t)(n - at));
		if (sent == ERR_AGAIN) {
			world_settle(c->world);
			sent = 0;
		}
		if (sent < 0)
			break;
	}
	world_settle(c->world);
}

bool caller_got(struct caller *c, const char *part) { return strstr(buf_cstr(&c->got), part) != NULL; }

void caller_forget(struct caller *c) { buf_reset(&c->got); }

bool caller_enter(struct caller *c, const char *from)
{
	caller_say(c,
		"<?xml version='1.0'?><stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM
		"' from='%s' to='x.internal' version='1.0'>",
		from);
	if (!caller_got(c, "</stream:features>"))
		return false;
	caller_say(c, "<enable xmlns='" NS_SM "' resume='true'/>");
	return caller_got(c, "<enabled");
}

void proof_of(struct proof *p, const struct box *b)
{
	*p = (struct proof){.tls = true, .keyed = true, .exporter = {77}};
	memcpy(p->key, b->key, sizeof(p->key));
	snprintf(p->address, sizeof(p->address), "%.*s:41000", (int)strcspn(b->address, ":"), b->address);
}
