/* Comparing codes by people (/verify): commit, answer, reveal between the nodes, then each user says whether the other
 * sees the same. Verified is who both users have said yes to. One attempt a link (xmpp/sas.h says why). */
#include "peer/peers_i.h"

#include "base/codec.h"
#include "xml/write.h"

enum { VERIFY_MS = 120000 };

struct verify {
	struct peer *peer;
	struct sas sas;
	bool started; /* something was said on this link */
	bool we_said, they_said;
	struct timer timer;
};

static void clear(struct verify *v)
{
	timer_stop(core_timers(peer_core(v->peer)), &v->timer);
	sas_clear(&v->sas);
	v->started = v->we_said = v->they_said = false;
}

void verify_free(struct peer *p)
{
	if (!p->verify)
		return;
	clear(p->verify);
	xfree(TAKE(p->verify));
}

static void send_step(struct peer *p, const char *step, const uint8_t *data, size_t n)
{
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_NORMAL,
		.from = str_z(p->peers->domain),
		.to = jid_str(p->entity.jid)};
	char id[13];
	struct packet_writer w;
	struct packet *packet;

	rand_token(id, sizeof(id) - 1);
	head.id = str_z(id);
	packet_begin(&w, &head);
	buf_fmt(&w.out, "<verify xmlns='" NS_VERIFY "' step='%s'>", step);
	if (n)
		b64_encode(&w.out, data, n);
	buf_z(&w.out, "</verify>");
	packet = packet_end(&w);
	link_send(p, &packet, 0);
}

static void give_up(struct peer *p, const char *why)
{
	notice(p->peers, "verify", p, "%s could not be verified: %s", p->label, why);
	verify_free(p);
}

static void on_timer(struct timer *t)
{
	struct verify *v = CONTAINER_OF(t, struct verify, timer);
	struct peer *p = v->peer;

	if (peer_is_up(p))
		send_step(p, "cancel", NULL, 0);
	give_up(p, "it took too long");
}

static struct verify *make(struct peer *p)
{
	struct verify *v = p->verify;

	if (!v) {
		v = xcalloc(1, sizeof(*v));
		v->peer = p;
		v->timer.fire = on_timer;
		p->verify = v;
	}
	timer_start(core_timers(peer_core(p)), &v->timer, core_now(peer_core(p)) + VERIFY_MS);
	return v;
}

/* False: this link has had its attempt, or there is nothing to compare. */
static bool begin(struct peer *p, struct verify *v)
{
	if (v->started)
		return true;
	if (p->link->verified_tried || sas_init(&v->sas, p->peers->config.key, p->key, p->link->exporter) != 0)
		return false;
	v->started = p->link->verified_tried = true;
	return true;
}

enum verify_begun verify_start(struct peer *p)
{
	struct verify *v = make(p);
	uint8_t commit[SAS_COMMIT];

	if (!peer_is_up(p)) {
		dial_now(p);
		return VERIFY_LATER;
	}
	if (v->started)
		return VERIFY_GOES_ON;
	if (!begin(p, v)) {
		/* A new link makes a new attempt possible, and whoever sits between had one chance in a million. */
		link_close(p, SERR_RESET, "for another comparison");
		dial_now(p);
		return VERIFY_ANEW;
	}
	if (sas_start(&v->sas, commit) == 0)
		send_step(p, "commit", commit, sizeof(commit));
	return VERIFY_BEGUN;
}

void verify_code(const struct peer *p, struct buf *out)
{
	struct sas_code code;

	if (p->verify && sas_code(&p->verify->sas, &code) == 0)
		buf_fmt(out, "%s (%s)", code.digits, code.words);
}

static void show_code(struct peer *p)
{
	CLEANUP(buf_clear) struct buf code = {.max = 256};

	verify_code(p, &code);
	if (code.n)
		notice(p->peers, "verify", p,
			"compare with %s, by voice or side by side: %s. The same on both? /verify %s yes, otherwise /verify %s no",
			p->label, buf_cstr(&code), label_word(p).text, label_word(p).text);
}

static void both_said_yes(struct peer *p)
{
	peer_store(p);
	peer_set_trust(p, TRUST_VERIFIED);
	notice(p->peers, "verified", p, "%s is verified: you have compared the codes", p->label);
	verify_free(p);
}

/* ---- steps of the other end ---- */

static void on_commit(struct peer *p, struct verify *v, struct str data)
{
	uint8_t nonce[SAS_NONCE];
	int err = begin(p, v) ? sas_on_commit(&v->sas, data, nonce) : ERR_INVALID;

	if (err == ERR_BUSY)
		return;
	if (err) {
		send_step(p, "cancel", NULL, 0);
		give_up(p, "this link has had its attempt; try again");
		return;
	}
	send_step(p, "nonce", nonce, sizeof(nonce));
}

static void on_nonce(struct peer *p, struct verify *v, struct str data)
{
	uint8_t reveal[SAS_NONCE];

	if (sas_on_nonce(&v->sas, data, reveal) != 0) {
		send_step(p, "cancel", NULL, 0);
		give_up(p, "the other end did not keep to the rules");
		return;
	}
	send_step(p, "reveal", reveal, sizeof(reveal));
	show_code(p);
}

static void on_reveal(struct peer *p, struct verify *v, struct str data)
{
	if (sas_on_reveal(&v->sas, data) != 0) {
		send_step(p, "cancel", NULL, 0);
		give_up(p, "the other end did not keep its promise: somebody may sit between");
		return;
	}
	show_code(p);
}

static void on_confirm(struct peer *p, struct verify *v, struct str data)
{
	(void)data;
	v->they_said = v->sas.state == SAS_READY;
	if (v->we_said && v->they_said)
		both_said_yes(p);
}

static void on_cancel(struct peer *p, struct verify *v, struct str data)
{
	(void)v;
	(void)data;
	give_up(p, "the other side has given up, or says that the codes differ");
}

static const struct {
	const char *name;
	void (*run)(struct peer *p, struct verify *v, struct str data);
} steps[] = {
	{"commit", on_commit},
	{"nonce", on_nonce},
	{"reveal", on_reveal},
	{"confirm", on_confirm},
	{"cancel", on_cancel},
};

void verify_on_stanza(struct peer *p, const struct stanza *s, uint32_t element)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 256};
	CLEANUP(buf_clear) struct buf data = {.max = 64};
	struct str step = xml_attr(&s->tree, element, "step");
	struct str text = xml_text(&s->tree, element, &tmp);

	if (!peer_is_up(p) || !buf_ok(&tmp) || (text.n && b64_decode(&data, text) != 0))
		return;
	/* Only a beginning begins. */
	if (!p->verify && !str_is(step, "commit"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (str_is(step, steps[i].name)) {
			steps[i].run(p, make(p), buf_view(&data));
			return;
		}
}

bool verify_confirm(struct peer *p, bool same)
{
	struct verify *v = p->verify;

	if (!v || v->sas.state != SAS_READY || !peer_is_up(p))
		return false;
	send_step(p, same ? "confirm" : "cancel", NULL, 0);
	if (!same) {
		give_up(p, "the codes differ: somebody sits between you. Nothing secret should be said here");
		return true;
	}
	v->we_said = true;
	if (v->they_said)
		both_said_yes(p);
	return true;
}

void verify_on_link_end(struct peer *p)
{
	if (p->verify && p->verify->started)
		give_up(p, "the link broke; try again");
}
