#include "cmd/chat.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "link/tcp.h"
#include "link/tls.h"

enum {
	RECV = 16384,
	RECV_ROUNDS = 16,
	DIAL_MS = 15000, /* for one place, until the session */
	CLOSE_MS = 2000, /* for the other end to say that it closes too */
	RETRY_MS = 1000,
	RETRY_MAX_MS = 60000,
	RETRY_LOCAL_MS = 5000, /* to a socket of this machine, which costs nothing */
};

struct chat {
	struct loop *loop;
	struct chat_target target;
	struct client *client;
	struct chat_ops ops;
	struct tls_ctx *tls;
	struct link *link;
	bool on_tls, heard, trusted, was_trusted, was_online, closing, lost, final;
	struct stream_channel channel;
	struct timer tick, retry, patience;
	int64_t wait_ms;
	/* on other threads */
	struct helper_job look_up, work;
	bool looking, working;
	struct chat_place places[CHAT_PLACES_MAX], found[CHAT_PLACES_MAX];
	unsigned places_n, place, found_n;
	void (*on_closed)(void *arg);
};

static void try_place(struct chat *k);
static void on_ready(void *arg, int events);

static void now(struct chat *k) { client_time(k->client, loop_now(k->loop), loop_wall(k->loop)); }

static void stop(struct chat *k, struct timer *t) { timer_stop(loop_timers(k->loop), t); }
static void start(struct chat *k, struct timer *t, int64_t ms)
{
	timer_start(loop_timers(k->loop), t, loop_now(k->loop) + ms);
}

/* ---- the end of a connection ---- */

static void end(struct chat *k)
{
	if (!k->closing || !k->on_closed)
		return;
	stop(k, &k->retry);
	stop(k, &k->tick);
	TAKE(k->on_closed)(k->ops.arg);
}

static void retry_later(struct chat *k)
{
	int64_t most = k->target.reach == CHAT_UNIX ? RETRY_LOCAL_MS : RETRY_MAX_MS;
	uint32_t r;

	rand_bytes(&r, sizeof(r));
	start(k, &k->retry, k->wait_ms + (int64_t)(r % (unsigned)(k->wait_ms / 2 + 1)));
	k->wait_ms = k->wait_ms * 2 < most ? k->wait_ms * 2 : most;
}

/* Goes on with the next place, or waits; for good if the client says so. */
static void go_elsewhere(struct chat *k, struct str why)
{
	if (k->closing) {
		end(k);
		return;
	}
	k->final |= client_final(k->client);
	if (k->final) {
		k->ops.on_failed(k->ops.arg, why, true);
		return;
	}
	if (!k->was_online && k->place + 1 < k->places_n) {
		k->place++;
		try_place(k);
		return;
	}
	if (!k->was_online)
		k->ops.on_failed(k->ops.arg, why, false);
	k->place = 0;
	retry_later(k);
}

static struct str broken(const struct chat *k, int err)
{
	if (err == ERR_TLS)
		return str_z(tls_link_error(k->link));
	return k->heard ? STR("the connection broke") : STR("nobody answers there");
}

static void drop(struct chat *k, struct str why)
{
	stop(k, &k->patience);
	if (k->working) { /* the other thread still has the login: it ends when that is done */
		k->lost = true;
		if (k->link)
			link_watch(k->link, 0, NULL, NULL);
		return;
	}
	k->lost = false;
	link_free(&k->link);
	now(k);
	/* Also if it breaks in the turn in which it began: what was said is then kept for the next one. */
	k->was_online |= client_online(k->client);
	/* Before there was a session only the last of all places is worth a word. */
	client_lost(k->client, why);
	go_elsewhere(k, why);
}

/* ---- who is there ---- */

static int binding(void *arg, const char *type, struct buf *out)
{
	struct chat *k = arg;

	if (strcmp(type, "tls-exporter") == 0)
		return link_binding(k->link, LINK_TLS_EXPORTER, out);
	if (strcmp(type, "tls-server-end-point") == 0)
		return link_binding(k->link, LINK_TLS_SERVER_END_POINT, out);
	return ERR_UNSUPPORTED;
}

static bool distrust(struct chat *k, const char *text)
{
	client_give_up(k->client);
	drop(k, str_z(text));
	return false;
}

/* Against what was said or what is pinned, whoever vouches for another one; where there is neither, by an authority, or by asking.
 * What was said counts alone from then on. False: the connection is gone. */
static bool ask_trust(struct chat *k)
{
	const char *named = k->target.fingerprint;
	char sha256[65], old[65], text[5120];
	int err;

	if (!tls_link_fingerprint(k->link, sha256))
		return distrust(k, "the server has no certificate");
	if (named && strcmp(named, sha256) != 0) {
		snprintf(text, sizeof(text), "the certificate of %s is not the one of --fingerprint: its SHA-256 is %s",
			k->target.domain, sha256);
		return distrust(k, text);
	}
	err = chat_pin_check(k->target.pins, k->target.domain, sha256, old);
	if (!named && (err == 0 || (err == ERR_NOTFOUND && tls_link_trusted(k->link))))
		return true;
	if (named && err == 0 && !old[0])
		return true;
	if (err == ERR_INVALID && !named) {
		bool vouched = tls_link_trusted(k->link);

		snprintf(text, sizeof(text),
			"the certificate of %s is not the one it was: SHA-256 %s, before %s. If that is right, say once "
			"--fingerprint %s%s%s",
			k->target.domain, sha256, old, sha256,
			vouched ? "; or, as an authority vouches for it, and it will change again, take the domain out of "
				: "",
			vouched ? k->target.pins : "");
		return distrust(k, text);
	}
	if (!named && !k->target.trust(k->target.arg, k->target.domain, sha256))
		return distrust(k, "the certificate of the server is not trusted");
	if (chat_pin_put(k->target.pins, k->target.domain, sha256) != 0)
		return distrust(k, "the fingerprint cannot be kept");
	return true;
}

/* False: the connection is gone. */
static bool is_trusted(struct chat *k)
{
	struct link_info info;

	link_info(k->link, &info);
	k->channel.secure = info.secure;
	if (k->trusted || (k->target.reach != CHAT_UNIX && !info.secure))
		return true;
	if (k->target.reach != CHAT_UNIX && !ask_trust(k))
		return false;
	k->trusted = true;
	if (!k->was_trusted) {
		k->was_trusted = true;
		k->ops.on_trusted(k->ops.arg);
	}
	return true;
}

/* ---- bytes ---- */

static void rearm(struct chat *k)
{
	int events = k->working ? 0 : WATCH_READ;

	if (client_out(k->client)->n && !k->working)
		events |= WATCH_WRITE;
	link_watch(k->link, events, on_ready, k);
}

/* 0, ERR_AGAIN, or why no more can be sent. */
static int put_out(struct chat *k)
{
	struct buf *out = client_out(k->client);

	while (out->n) {
		int n = link_send(k->link, out->p, out->n);

		if (n <= 0)
			return n ? n : ERR_CLOSED;
		buf_eat(out, (size_t)n);
	}
	return 0;
}

static void secure(struct chat *k)
{
	k->link = tls_link_client(k->tls, k->loop, &k->link, k->target.domain);
	k->on_tls = true;
	client_secured(k->client);
}

/* False: the connection is gone. */
static bool meet(struct chat *k, enum client_need need)
{
	if (need == CLIENT_START_TLS && !k->on_tls) {
		secure(k);
	} else if (need == CLIENT_WORK) {
		k->working = true;
		helper_run(k->loop, &k->work);
	} else if (need != CLIENT_FINE) {
		put_out(k); /* whoever has said why he ends may hear no more */
		link_shutdown(k->link);
		drop(k, STR(""));
		return false;
	}
	return true;
}

static bool receive(struct chat *k)
{
	char bytes[RECV];

	for (int i = 0; i < RECV_ROUNDS && !k->working; i++) {
		int n = link_recv(k->link, bytes, sizeof(bytes));
		struct str in = {bytes, n > 0 ? (size_t)n : 0};

		if (n == ERR_AGAIN)
			break;
		if (n <= 0) {
			drop(k, broken(k, n));
			return false;
		}
		k->heard = true;
		if (!is_trusted(k))
			return false;
		for (int j = 0; j < RECV && in.n && !k->working; j++)
			if (!meet(k, client_bytes(k->client, &in)))
				return false;
	}
	return true;
}

/* False: the connection is gone. Whoever takes no more may have said why. */
static bool send_out(struct chat *k)
{
	int err = put_out(k);

	if (err == 0 || err == ERR_AGAIN)
		return true;
	if (receive(k))
		drop(k, broken(k, err));
	return false;
}

static void after(struct chat *k)
{
	if (!client_online(k->client) || k->closing)
		return;
	k->was_online = true;
	k->wait_ms = RETRY_MS;
	stop(k, &k->patience);
}

static void on_ready(void *arg, int events)
{
	struct chat *k = arg;

	now(k);
	if ((events & WATCH_READ) && !receive(k))
		return;
	if (!send_out(k))
		return;
	after(k);
	rearm(k);
}

/* Whatever was said or asked in this turn goes out together. */
static void on_turn(void *arg)
{
	struct chat *k = arg;

	now(k);
	k->ops.on_turn(k->ops.arg);
	if (!k->link || k->working)
		return;
	client_flush(k->client);
	if (send_out(k))
		rearm(k);
}

/* ---- other threads ---- */

static void do_work(struct helper_job *j)
{
	struct chat *k = CONTAINER_OF(j, struct chat, work);

	client_work(k->client);
}

static void work_done(struct helper_job *j)
{
	struct chat *k = CONTAINER_OF(j, struct chat, work);
	enum client_need need;

	now(k);
	k->working = false;
	need = client_worked(k->client);
	if (k->lost) {
		drop(k, STR("the connection broke"));
		return;
	}
	if (!meet(k, need) || !send_out(k))
		return;
	after(k);
	rearm(k);
}

static void do_look_up(struct helper_job *j)
{
	struct chat *k = CONTAINER_OF(j, struct chat, look_up);

	k->found_n = chat_look_up(k->target.domain, k->found);
}

static void looked_up(struct helper_job *j)
{
	struct chat *k = CONTAINER_OF(j, struct chat, look_up);

	k->looking = false;
	memcpy(k->places, k->found, sizeof(k->places));
	k->places_n = k->found_n;
	k->place = 0;
	if (k->closing)
		end(k);
	else if (k->places_n)
		try_place(k);
	else
		go_elsewhere(k, STR("no server is known for the domain"));
}

/* ---- dialling ---- */

static void try_place(struct chat *k)
{
	const struct chat_place *p = &k->places[k->place];
	int err = tcp_dial(k->loop, str_z(p->address), &k->link);

	if (err) {
		go_elsewhere(k, err == ERR_SYNTAX ? STR("not an address") : STR("nobody answers there"));
		return;
	}
	k->trusted = k->heard = false;
	k->on_tls = p->tls;
	if (p->tls)
		k->link = tls_link_client(k->tls, k->loop, &k->link, k->target.domain);
	k->channel = (struct stream_channel){.binding = binding, .arg = k};
	now(k);
	client_connected(k->client, &k->channel);
	start(k, &k->patience, DIAL_MS);
	rearm(k);
}

static void connect_now(struct chat *k)
{
	if (k->target.reach == CHAT_DOMAIN) {
		k->looking = true;
		helper_run(k->loop, &k->look_up);
		return;
	}
	k->places_n = 1;
	k->place = 0;
	k->places[0].tls = k->target.reach == CHAT_TLS;
	snprintf(k->places[0].address, sizeof(k->places[0].address), "%s", k->target.address);
	try_place(k);
}

static void on_retry(struct timer *t)
{
	struct chat *k = CONTAINER_OF(t, struct chat, retry);

	if (k->was_online && k->ops.on_retry)
		k->ops.on_retry(k->ops.arg);
	connect_now(k);
}

static void on_patience(struct timer *t)
{
	struct chat *k = CONTAINER_OF(t, struct chat, patience);

	drop(k, STR("no answer"));
}

static void on_tick(struct timer *t)
{
	struct chat *k = CONTAINER_OF(t, struct chat, tick);

	start(k, &k->tick, 1000);
	now(k);
	if (!k->working)
		meet(k, client_tick(k->client));
}

/* ---- life ---- */

struct chat *chat_new(struct loop *l, const struct chat_target *target, struct client *c, const struct chat_ops *ops)
{
	struct chat *k = xcalloc(1, sizeof(*k));

	k->loop = l;
	k->target = *target;
	k->client = c;
	k->ops = *ops;
	k->wait_ms = RETRY_MS;
	k->tick.fire = on_tick;
	k->retry.fire = on_retry;
	k->patience.fire = on_patience;
	k->look_up = (struct helper_job){.work = do_look_up, .done = looked_up};
	k->work = (struct helper_job){.work = do_work, .done = work_done};
	k->tls = tls_client_asking();
	loop_on_turn(l, on_turn, k);
	return k;
}

void chat_start(struct chat *k)
{
	start(k, &k->tick, 1000);
	connect_now(k);
}

void chat_retry(struct chat *k)
{
	if (!timer_running(&k->retry))
		return;
	stop(k, &k->retry);
	k->wait_ms = RETRY_MS;
	connect_now(k);
}

void chat_close(struct chat *k, void (*on_closed)(void *arg))
{
	k->closing = true;
	k->on_closed = on_closed;
	if (k->looking || k->working)
		return;
	if (!k->link) {
		end(k);
		return;
	}
	now(k);
	client_close(k->client);
	if (!send_out(k))
		return;
	start(k, &k->patience, CLOSE_MS);
	rearm(k);
}

bool chat_free(struct chat **chat)
{
	struct chat *k = *chat;

	if (!k)
		return true;
	if (k->looking || k->working)
		return false;
	stop(k, &k->tick);
	stop(k, &k->retry);
	stop(k, &k->patience);
	loop_on_turn(k->loop, NULL, NULL);
	link_free(&k->link);
	tls_ctx_free(&k->tls);
	xfree(k);
	*chat = NULL;
	return true;
}
