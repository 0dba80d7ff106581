#include "app/server_i.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "app/config_rooms.h"
#include "user/users.h"

enum { ROUNDS_MAX = 8, STOP_MS = 5000 };

/* ---- the turn: queues are emptied, never called through ---- */

static struct queue *wire_inbox(struct server *s, unsigned i) { return wire_queue(s->units[i].wire); }

/* Slow hashing for the core; the answer is a message of a later turn. */
struct core_hash_job {
	struct helper_job job;
	struct server *server;
	uint64_t tag;
	char *password;
	struct scram_keys keys[2];
};

static void hash_work(struct helper_job *j)
{
	struct core_hash_job *h = CONTAINER_OF(j, struct core_hash_job, job);
	uint8_t salt[16];

	rand_bytes(salt, sizeof(salt));
	for (int kind = 0; kind < 2; kind++)
		scram_derive(kind ? HASH_SHA256 : HASH_SHA1, str_z(h->password),
			(struct str){(char *)salt, sizeof(salt)}, SCRAM_ITERATIONS, &h->keys[kind]);
}

static void hash_done(struct helper_job *j)
{
	struct core_hash_job *h = CONTAINER_OF(j, struct core_hash_job, job);
	struct msg *m = msgs_add(&h->server->replies);

	m->kind = MSG_HASH_REPLY;
	m->session = h->tag;
	m->hash_reply.keys = xmemdup(h->keys, sizeof(h->keys));
	mem_wipe(h->password, strlen(h->password));
	xfree(h->password);
	mem_wipe(h->keys, sizeof(h->keys));
	xfree(h);
}

static void start_hash(struct server *s, struct msg *m)
{
	struct core_hash_job *h = xcalloc(1, sizeof(*h));

	h->job.work = hash_work;
	h->job.done = hash_done;
	h->server = s;
	h->tag = m->session;
	h->password = TAKE(m->hash_ask.password);
	helper_run(s->loop, &h->job);
}

static void hand_out(struct server *s)
{
	struct msgs *out;

	for (unsigned i = 0; i < s->unit_count; i++)
		queue_put(wire_inbox(s, i), core_out_wire(s->core, i));
	out = core_out_store(s->core);
	if (out->n)
		db_put(s->db, out);
	out = core_out_helper(s->core);
	for (uint32_t i = 0; i < out->n; i++) {
		start_hash(s, &out->m[i]);
		msg_clear(&out->m[i]);
	}
	out->n = 0;
	node_take(s, core_out_discovery(s->core));
	out = core_out_admin(s->core);
	for (uint32_t i = 0; i < out->n; i++) {
		server_on_reply(s, &out->m[i]);
		msg_clear(&out->m[i]);
	}
	out->n = 0;
}

static void handle_all(struct server *s, struct msgs *in)
{
	for (uint32_t i = 0; i < in->n; i++)
		core_handle(s->core, &in->m[i]);
	in->n = 0;
}

/* One turn of the core; false if there was nothing to do. */
static bool core_turn(struct server *s)
{
	bool due = core_next_timer(s->core) <= loop_now(s->loop) || core_busy(s->core) || s->replies.n || s->dirty;

	s->dirty = false;
	if (!s->db_threaded && !s->store_held)
		db_step(s->db, &s->replies);
	if (!queue_take(s->to_core, &s->inbox) && !due && !s->replies.n) {
		if (!queue_take(s->from_db, &s->inbox))
			return false;
	}
	core_begin(s->core, loop_now(s->loop), loop_wall(s->loop));
	handle_all(s, &s->inbox);
	if (queue_take(s->from_db, &s->inbox))
		handle_all(s, &s->inbox);
	handle_all(s, &s->replies);
	core_end(s->core);
	hand_out(s);
	return true;
}

static void on_core_timer(struct timer *t) { (void)t; /* it only makes the loop turn */ }

static void finish_stop(struct server *s)
{
	void (*on_stopped)(void *arg) = s->on_stopped;

	timer_stop(loop_timers(s->loop), &s->stop_timer);
	s->on_stopped = NULL;
	if (on_stopped)
		on_stopped(s->stopped_arg);
}

static void on_turn(void *arg)
{
	struct server *s = arg;
	struct wire *own = s->units[0].threaded ? NULL : s->units[0].wire;
	bool more = true;
	int64_t next;

	for (int round = 0; round < ROUNDS_MAX && more; round++) {
		if (own) {
			wire_mail(own);
			wire_hand_over(own);
		}
		more = core_turn(s);
	}
	if (own) {
		wire_mail(own);
		wire_flush(own);
	}
	if (more)
		loop_wake(s->loop);
	next = core_next_timer(s->core);
	if (next == INT64_MAX)
		timer_stop(loop_timers(s->loop), &s->core_timer);
	else
		timer_start(loop_timers(s->loop), &s->core_timer, next);
	if (s->stopping && s->on_stopped && core_session_count(s->core) == 0 && !(own && wire_lingering(own)))
		finish_stop(s);
}

static void on_mail(void *arg) { (void)arg; /* the turn's end looks into all queues */ }

/* ---- wire threads ---- */

static void unit_mail(void *arg)
{
	struct wire_unit *u = arg;

	if (u->stop)
		return;
	if (u->reload) {
		struct buf why;

		u->reload = false;
		buf_init(&why, 1024);
		if (tls_ctx_reload(u->tls, u->server->certificate, u->server->key, &why) != 0)
			log_error("certificate_reload", "why=\"%s\"", buf_cstr(&why));
		buf_clear(&why);
	}
	wire_mail(u->wire);
}

static void unit_turn(void *arg)
{
	struct wire_unit *u = arg;

	wire_hand_over(u->wire);
	wire_flush(u->wire);
	if (u->stop && !wire_lingering(u->wire))
		loop_stop(u->loop);
}

static void *unit_main(void *arg)
{
	struct wire_unit *u = arg;

	loop_run(u->loop);
	return NULL;
}

static const char *user_name(void *arg, int64_t uid)
{
	static _Thread_local struct passwd record;
	static _Thread_local char text[4096];
	struct passwd *found = NULL;

	if (getpwuid_r((uid_t)uid, &record, text, sizeof(text), &found) != 0 || !found)
		return NULL;
	return found->pw_name;
}

/* A node has one user, who is whoever started it. */
static const char *node_user(void *arg, int64_t uid)
{
	const struct server *s = arg;

	return uid == (int64_t)geteuid() ? s->config->node->user : NULL;
}

static void make_limits(const struct config *c, struct wire_limits *ret)
{
	*ret = wire_limits_default;
	ret->session.stanza = (uint32_t)c->stanza_max;
	ret->login_ms = (uint32_t)c->login_seconds * 1000;
	ret->stall_ms = (uint32_t)c->reader.stall_seconds * 1000;
	ret->idle_max = (uint32_t)c->reader.held_max;
	if (!c->limits)
		ret->logins_max = ret->logins_max_address = ret->free_tries = 0;
}

static void make_wire(struct server *s, unsigned i)
{
	struct wire_unit *u = &s->units[i];
	struct wire_config wc = {.number = (uint8_t)i,
		.policy = &s->policy,
		.tls = u->tls,
		.node_in = u->node_in,
		.node_out = u->node_out,
		.starttls_in = u->starttls_in,
		.starttls_out = u->starttls_out,
		.local_user = user_name,
		.local_arg = s,
		.to_core = s->to_core};

	u->server = s;
	u->threaded = s->config->wires > 0;
	u->loop = u->threaded ? loop_new() : s->loop;
	make_limits(s->config, &wc.limits);
	if (s->config->node) {
		wc.local_user = node_user;
		wc.dial = s->config->node->dial;
		wc.dial_arg = s->config->node->dial_arg;
	}
	wc.shared_loop = !u->threaded;
	u->wire = wire_new(u->loop, &wc);
	if (!u->threaded)
		return;
	loop_on_mail(u->loop, unit_mail, u);
	loop_on_turn(u->loop, unit_turn, u);
}

static void start_wires(struct server *s)
{
	for (unsigned i = 0; i < s->unit_count; i++)
		if (s->units[i].threaded)
			must(pthread_create(&s->units[i].thread, NULL, unit_main, &s->units[i]) == 0);
}

static void stop_wires(struct server *s)
{
	for (unsigned i = 0; i < s->unit_count; i++) {
		struct wire_unit *u = &s->units[i];

		if (u->threaded && u->thread) {
			u->stop = true;
			loop_wake(u->loop);
			pthread_join(u->thread, NULL);
		}
		while (u->threaded && u->loop && helper_pending(u->loop))
			loop_step(u->loop, true);
		wire_free(&u->wire);
		if (u->threaded)
			loop_free(&u->loop);
		tls_ctx_free(&u->tls);
	}
}

/* ---- life ---- */

static bool serves(void *arg, struct str domain)
{
	const struct server *s = arg;

	for (unsigned i = 0; i < s->config->domains.n; i++)
		if (str_is(domain, s->config->domains.item[i]))
			return true;
	return false;
}

/* Random bytes of this instance, kept beside the store: what is made up for unknown accounts stays the same over restarts. */
static void read_secret(const struct server *s, char *ret, size_t n)
{
	char path[4096];
	FILE *f = NULL;
	size_t got = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/secret", s->config->data ? s->config->data : "");
	if (s->config->data)
		f = fopen(path, "re");
	if (f) {
		got = fread(ret, 1, n, f);
		fclose(f);
	}
	if (got == n)
		return;
	rand_bytes(ret, n);
	fd = s->config->data ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	if (fd >= 0) {
		if (write(fd, ret, n) != (ssize_t)n)
			log_warn("secret", "file=%s error=\"cannot be written\"", path);
		close(fd);
	}
}

static void make_rooms(struct server *s, const char *service, const struct rooms_config *common)
{
	const char *defaults[CONFIG_LIST_MAX + 1];
	struct rooms_config own = *common;

	config_rooms_apply(s->config, service, &own, defaults);
	rooms_new(s->core, service, &own);
}

static void make_hosts(struct server *s)
{
	const struct config *c = s->config;
	const char *admins[CONFIG_LIST_MAX + 1] = {NULL}, *reserved[CONFIG_LIST_MAX + 1] = {NULL};
	struct users_config users = {.registration_open = c->registration,
		.offline_max = (uint32_t)c->offline_max,
		.archive = c->archive_max > 0,
		.archive_max = (uint32_t)c->archive_max,
		.admins = admins};
	struct rooms_config rooms = {.admins = admins,
		.no_limits = !c->limits,
		.reserved = reserved,
		.logs = true,
		.logs_url = c->rooms.logs_url,
		.logs_days = (uint32_t)c->rooms.logs_days,
		.only_admins_log = c->rooms.logs_by_admins,
		.only_admins_make = c->rooms_by_admins,
		.only_admins_publish = c->rooms.public_by_admins,
		.only_admins_keep = c->rooms.persistent_by_admins,
		.no_nicknames = c->rooms.no_nicknames,
		.per_user = (uint32_t)c->rooms_per_user,
		.history = (uint32_t)c->room_history,
		.made_max = c->limits ? 0 : UINT32_MAX,
		.archive_max = (uint32_t)c->room_archive_max,
		.archive_days = (uint32_t)c->room_archive_days};
	char secret[32];

	if (c->node) {
		node_make_hosts(s);
		return;
	}
	read_secret(s, secret, sizeof(secret));
	users.secret = (struct str){secret, sizeof(secret)};
	for (unsigned i = 0; i < c->admins.n; i++)
		admins[i] = c->admins.item[i];
	for (unsigned i = 0; i < c->rooms.reserved.n; i++)
		reserved[i] = c->rooms.reserved.item[i];
	for (unsigned i = 0; i < c->domains.n; i++) {
		struct service_name service;

		users_new(s->core, c->domains.item[i], &users);
		config_rooms_service(c, i, &service);
		rooms.users = c->domains.item[i];
		make_rooms(s, service.text, &rooms);
	}
	mem_wipe(secret, sizeof(secret));
}

static void set_logs(struct db *db, const struct config *c)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/room-logs", c->data);
	db_set_logs(db, c->room_logs ? c->room_logs : path);
}

int server_new(struct loop *l, const struct config *config, struct server **ret, struct buf *why)
{
	struct server *s = xcalloc(1, sizeof(*s));
	struct core_config cc = {.wires = config->wires ? (unsigned)config->wires : 1,
		.features = features,
		.commands = commands};
	int err = db_open_vfs(config->data, config->vfs, &s->db, why);

	if (err) {
		xfree(s);
		return err;
	}
	s->config = config;
	s->loop = l;
	s->started = loop_wall(l);
	s->to_core = queue_new(config->wires ? l : NULL);
	s->from_db = queue_new(l);
	s->db_threaded = config->data && !config->one_thread;
	if (config->data)
		set_logs(s->db, config);
	if (s->db_threaded)
		db_start(s->db, s->from_db);
	cc.resume_seconds = (uint32_t)config->resume_seconds;
	/* An outbox and the receipts for as much: what a cable that is out for long may hold up. */
	cc.resume_queue = config->node ? 12000 : 0;
	cc.relaxed = config->relaxed;
	s->core = core_new(&cc);
	core_begin(s->core, loop_now(l), loop_wall(l));
	make_hosts(s);
	s->unit_count = cc.wires;
	s->policy = (struct stream_policy){.serves = serves,
		.arg = s,
		.localhost = config->node ? config->domains.item[0] : NULL,
		.allow_plaintext = config->allow_plaintext,
		.registration = config->registration,
		.client_state = config->reader.held_max > 0};
	s->core_timer.fire = on_core_timer;
	s->dirty = true;
	loop_on_mail(l, on_mail, s);
	loop_on_turn(l, on_turn, s);
	loop_wake(l); /* the hosts have asked the store for what they serve */
	*ret = s;
	return 0;
}

void server_start_wires(struct server *s)
{
	for (unsigned i = 0; i < s->unit_count; i++)
		make_wire(s, i);
	start_wires(s);
}

void server_on_accept(void *arg, int fd)
{
	struct open_port *p = arg;
	struct server *s = p->server;
	struct wire_unit *u = &s->units[s->next_unit++ % s->unit_count];
	struct link *link;

	if (u->threaded) {
		wire_give(u->wire, fd, p->kind, p->tls_first);
		return;
	}
	link = tcp_link_new(s->loop, fd);
	wire_accept(u->wire, &link, p->kind, p->tls_first);
}

static struct open_port *add_port(struct server *s, const char *name, const struct stream_kind *kind, bool tls_first)
{
	must(s->port_count < LISTENERS_MAX);
	struct open_port *p = &s->ports[s->port_count++];

	*p = (struct open_port){.server = s, .name = name, .kind = kind, .tls_first = tls_first};
	return p;
}

struct open_port *server_add_port(struct server *s, const char *name, const struct stream_kind *kind)
{
	return add_port(s, name, kind, false);
}

void server_explain_port(const char *name, const char *address, int err, struct buf *why)
{
	const char *text = err_name(err);

	if (err == ERR_BUSY)
		text = "the port is in use by another program";
	else if (err == ERR_DENIED)
		text = "permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE";
	else if (err == ERR_IO && errno == EADDRNOTAVAIL)
		text = "this machine has no such address; `ip address` lists those that it has, and * stands for all of them";
	else if (err == ERR_IO && errno == EINVAL)
		text = "an address that begins with fe80 needs the network interface, like [fe80::1%eth0]:5298";
	else if (err == ERR_IO)
		text = strerror(errno);
	buf_fmt(why, "%s %s: %s", name, address, text);
}

/* A machine without IPv6 has no [::1]: of addresses that nobody asked for, the first one is enough. */
static int listen_tcp(struct server *s, const struct text_list *list, const char *name, bool tls_first, struct buf *why)
{
	for (unsigned i = 0; i < list->n; i++) {
		struct open_port *p = add_port(s, name, &stream_client, tls_first);
		int err = listener_tcp(s->loop, str_z(list->item[i]), server_on_accept, p, &p->listener);

		if (!err)
			continue;
		s->port_count--;
		if (err == ERR_IO && list->assumed && i > 0) {
			log_info("no_address", "%s=%s error=\"%s\"", name, list->item[i], strerror(errno));
			continue;
		}
		config_where(s->config, name, i, why);
		server_explain_port(name, list->item[i], err, why);
		return err;
	}
	return 0;
}

static int listen_local(struct server *s, struct buf *why)
{
	struct open_port *p = add_port(s, "local", &stream_client_unix, false);
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/%s", s->config->data, s->config->node ? "node.sock" : "xmpp.sock");
	s->after_crash = access(path, F_OK) == 0; /* who ends well takes it away */
	err = listener_unix(s->loop, path, 0600, server_on_accept, p, &p->listener);
	if (!err) {
		snprintf(path, sizeof(path), "%s/control.sock", s->config->data);
		err = control_new(s->loop, path, server_on_request, s, &s->control);
	} else {
		s->port_count--;
	}
	if (err)
		buf_fmt(why, "%s: %s", path,
			err == ERR_LIMIT ? "too long for a socket: choose a shorter data folder" : err_name(err));
	return err;
}

int server_open(struct server *s, struct buf *why)
{
	int err = server_open_tls(s, why);

	if (err)
		return err;
	s->policy.tls = true;
	if (s->node)
		err = node_open_tls(s, why);
	if (err)
		return err;
	server_start_wires(s);
	err = listen_tcp(s, &s->config->c2s, "c2s", false, why);
	if (!err)
		err = listen_tcp(s, &s->config->c2s_tls, "c2s-tls", true, why);
	if (!err)
		err = listen_local(s, why);
	if (!err && s->node)
		err = node_open(s, why);
	if (!err)
		server_watch_certificate(s);
	return err;
}

bool server_settled(const struct server *s) { return !s->node || s->stopping || node_has_user(s); }

void server_addresses(const struct server *s, struct buf *out)
{
	for (unsigned i = 0; i < s->port_count; i++)
		buf_fmt(out, "%s %.*s\n", s->ports[i].name, STR_FMT(listener_address(s->ports[i].listener)));
}

const char *server_certificate(const struct server *s) { return s->certificate; }

static void on_stop_timer(struct timer *t) { finish_stop(CONTAINER_OF(t, struct server, stop_timer)); }

static void close_rooms(struct server *s)
{
	struct host *h;

	for (uint32_t pos = 0; (h = core_next_host(s->core, &pos));)
		if (h->kind == HOST_ROOMS)
			rooms_shutdown(h);
}

void server_stop(struct server *s, void (*on_stopped)(void *arg), void *arg)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->on_stopped = on_stopped;
	s->stopped_arg = arg;
	for (unsigned i = 0; i < s->port_count; i++)
		listener_free(&s->ports[i].listener);
	s->port_count = 0;
	node_stop(s);
	close_rooms(s);
	core_shutdown(s->core);
	s->dirty = true;
	s->stop_timer.fire = on_stop_timer;
	timer_start(loop_timers(s->loop), &s->stop_timer, loop_now(s->loop) + STOP_MS);
	loop_wake(s->loop);
}

void server_free(struct server **server)
{
	struct server *s = TAKE(*server);
	struct timers *timers;

	if (!s)
		return;
	timers = loop_timers(s->loop);
	for (unsigned i = 0; i < s->port_count; i++)
		listener_free(&s->ports[i].listener);
	while (helper_pending(s->loop))
		loop_step(s->loop, true);
	loop_on_turn(s->loop, NULL, NULL);
	server_untrace(s);
	stop_wires(s);
	node_free(s);
	/* What the last turn gave to the store is committed before it closes. */
	db_close(&s->db);
	if (s->control && s->stop_asker)
		control_answer(s->control, s->stop_asker, "stopped\n", false);
	control_free(&s->control);
	core_free(&s->core);
	timer_stop(timers, &s->core_timer);
	timer_stop(timers, &s->watch_timer);
	timer_stop(timers, &s->stop_timer);
	queue_free(&s->to_core);
	queue_free(&s->from_db);
	msgs_clear(&s->inbox);
	msgs_clear(&s->replies);
	xfree(s->certificate);
	xfree(s->key);
	xfree(s);
}

/* ---- tests ---- */

struct loop *server_wire_loop(struct server *s, unsigned wire) { return s->units[wire].loop; }

void server_accept(struct server *s, unsigned wire, struct link **link, const struct stream_kind *kind, bool tls_first)
{
	wire_accept(s->units[wire].wire, link, kind, tls_first);
}

struct core *server_core(struct server *s) { return s->core; }

struct db *server_db(struct server *s) { return s->db; }

void server_hold_store(struct server *s, bool held)
{
	s->store_held = held;
	s->dirty = true;
	loop_wake(s->loop);
}
