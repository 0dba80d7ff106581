#include "app/node.h"

#include <errno.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/config_rooms.h"
#include "app/guard.h"
#include "app/node_log.h"
#include "app/node_name.h"
#include "app/places.h"
#include "app/server_i.h"
#include "base/sign.h"
#include "link/tcp.h"
#include "mdns/discovery.h"
#include "mdns/interfaces.h"
#include "peer/peers.h"
#include "user/users.h"
#include "xmpp/nodeid.h"

enum { PORT_FIRST = 5298, PORT_LAST = 5398, KEY_TRIES = 40, KEY_PAUSE_MS = 25 };

struct node {
	struct server *server;
	struct host *users, *peers, *rooms;
	struct tls_ctx *in, *out, *starttls_in, *starttls_out;
	struct discovery *discovery; /* NULL: none */
	struct ifaces_watch *addresses;
	unsigned port_first, port_n; /* that peers dial, of the server's */
	struct timer idle_timer;
	int64_t idle_since;  /* 0: it is not */
	int64_t alone_since; /* no client is attached; 0: one is */
	bool has_user;       /* the account is there */
};

/* ---- who it is ---- */

static char *path_in(const char *folder, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return xstrdup(path);
}

static void set_domain(struct config *c)
{
	char id[NODEID_LEN + 1];
	struct buf domain;

	nodeid_of(c->node->key, id);
	buf_init(&domain, 128);
	nodeid_domain(&domain, str_z(id));
	c->domains.item[c->domains.n++] = xstrdup(buf_cstr(&domain));
	buf_clear(&domain);
}

static char *login_name(void)
{
	const struct passwd *p = getpwuid(geteuid());
	CLEANUP(buf_clear) struct buf name = {.max = JID_PART_MAX};

	if (p && jid_prep_local(str_z(p->pw_name), &name) == 0)
		return xstrdup(buf_cstr(&name));
	return xstrdup("user");
}

static char *host_name(void)
{
	char name[64] = "";

	gethostname(name, sizeof(name) - 1);
	name[strcspn(name, ".")] = '\0';
	return xstrdup(*name ? name : "host");
}

static void take_name(struct node_config *n, const char *wanted)
{
	CLEANUP(buf_clear) struct buf instance = {.max = 256};
	const char *at = wanted ? strchr(wanted, '@') : NULL;
	CLEANUP(buf_clear) struct buf user = {.max = JID_PART_MAX};

	if (at) {
		must(jid_prep_local((struct str){wanted, (size_t)(at - wanted)}, &user) == 0);
		n->user = xstrdup(buf_cstr(&user));
		n->host = xstrdup(at + 1);
	} else {
		n->user = login_name();
		n->host = host_name();
	}
	buf_fmt(&instance, "%s@%s", n->user, n->host);
	buf_cut(&instance, instance.n < 63 ? instance.n : 63);
	n->instance = xstrdup(buf_cstr(&instance));
}

void node_usual_name(struct buf *out)
{
	char *user = login_name(), *host = host_name();

	buf_fmt(out, "%s@%s", user, host);
	xfree(user);
	xfree(host);
}

int node_make_folder(const char *path, struct buf *why)
{
	CLEANUP(buf_clear) struct buf part = {.max = 4096};
	struct str rest = str_z(path);

	while (rest.p) {
		buf_str(&part, str_cut(&rest, '/'));
		if (part.n && mkdir(buf_cstr(&part), 0700) != 0 && errno != EEXIST) {
			buf_fmt(why, "%s: %s", buf_cstr(&part), strerror(errno));
			return ERR_IO;
		}
		buf_char(&part, '/');
	}
	return 0;
}

static int take_key(struct node_config *n, struct buf *why)
{
	const struct timespec pause = {.tv_nsec = KEY_PAUSE_MS * 1000000L};
	int made = cert_make_node(n->cert, n->keyfile, STR("node")), err;

	if (made && made != ERR_EXISTS) {
		buf_fmt(why, "%s: cannot make a key: %s", n->keyfile, err_name(made));
		return made;
	}
	err = cert_node_key(n->cert, n->keyfile, n->key, n->seed);
	/* Another node that starts here for the first time may just be writing it. */
	for (int i = 0; err && made && i < KEY_TRIES; i++) {
		nanosleep(&pause, NULL);
		err = cert_node_key(n->cert, n->keyfile, n->key, n->seed);
	}
	if (err)
		buf_fmt(why, "%s: not the key of a node (%s)", n->keyfile, err_name(err));
	return err;
}

int node_prepare(struct config *c, struct buf *why)
{
	struct node_config *n = xcalloc(1, sizeof(*n));
	int err = node_make_folder(c->data, why);
	char *kept = c->name ? NULL : node_name_read(c->data);

	guard_memory();
	c->node = n;
	take_name(n, c->name ? c->name : kept);
	xfree(kept);
	n->cert = path_in(c->data, "node.pem");
	n->keyfile = path_in(c->data, "node.key");
	if (!err)
		err = take_key(n, why);
	if (!err)
		set_domain(c);
	return err;
}

void node_prepare_key(struct config *c, const char *user, const char *host, const uint8_t seed[32])
{
	struct node_config *n = xcalloc(1, sizeof(*n));
	CLEANUP(buf_clear) struct buf name = {.max = 128};

	c->node = n;
	buf_fmt(&name, "%s@%s", user, host);
	take_name(n, buf_cstr(&name));
	memcpy(n->seed, seed, sizeof(n->seed));
	sign_public(seed, n->key);
	set_domain(c);
}

void node_unprepare(struct config *c)
{
	struct node_config *n = TAKE(c->node);

	if (!n)
		return;
	xfree(n->user);
	xfree(n->instance);
	xfree(n->host);
	xfree(n->cert);
	xfree(n->keyfile);
	mem_wipe(n, sizeof(*n));
	xfree(n);
}

/* ---- hosts ---- */

static void feed_put(void *arg, struct jid contact, struct str name, struct str group)
{
	users_feed(((struct node *)arg)->users, contact, name, group);
}

static void feed_remove(void *arg, struct jid contact) { users_unfeed(((struct node *)arg)->users, contact); }

static int on_rename(void *arg, struct jid contact, struct str name, struct buf *why)
{
	return peers_rename(((struct node *)arg)->peers, contact, name, why);
}

static int on_remove(void *arg, struct jid contact) { return peers_forget(((struct node *)arg)->peers, contact); }

static void on_presence(void *arg, bool available, struct str show, struct str status)
{
	struct node *n = arg;

	if (n->peers)
		peers_show(n->peers, available, show, status);
}

static void on_unheard(void *arg, const struct stanza *s)
{
	struct node *n = arg;

	if (n->peers)
		peers_unheard(n->peers, s);
}

static void on_picture(void *arg, struct str bytes)
{
	struct node *n = arg;

	if (n->peers)
		peers_picture(n->peers, bytes);
}

static void make_users(struct node *n, const struct config *c)
{
	struct users_config uc = {.fed = c->node->user,
		.offline_max = 10000,
		.roster_max = 2000,
		.archive = c->archive_max > 0,
		.archive_max = (uint32_t)c->archive_max,
		.receipts = true,
		.on_rename = on_rename,
		.on_remove = on_remove,
		.on_presence = on_presence,
		.on_unheard = on_unheard,
		.on_picture = on_picture,
		.presence_arg = n};

	uc.secret = (struct str){(const char *)c->node->seed, sizeof(c->node->seed)};
	n->users = users_new(n->server->core, c->domains.item[0], &uc);
}

static void make_rooms(struct node *n, const struct config *c)
{
	char self[JID_MAX], service[JID_PART_MAX];
	const char *admins[] = {self, NULL}, *defaults[CONFIG_LIST_MAX + 1];
	struct rooms_config rc = {.rooms_max = 1000,
		.occupants_max = 500,
		.admins = admins,
		.only_admins_make = true,
		.no_nicknames = true,
		.logs = true,
		.logs_days = (uint32_t)c->rooms.logs_days,
		.history = (uint32_t)c->room_history,
		.archive_max = (uint32_t)c->room_archive_max,
		.archive_days = (uint32_t)c->room_archive_days};

	snprintf(self, sizeof(self), "%s@%s", c->node->user, c->domains.item[0]);
	snprintf(service, sizeof(service), "rooms.%s", c->domains.item[0]);
	config_rooms_apply(c, service, &rc, defaults);
	n->rooms = rooms_new(n->server->core, service, &rc);
}

/* A node has one user: whoever had another name before goes on under the new one, with all that was his. In the first batch, before
 * anything is loaded. Who works on the data of a node that is stopped knows no name for certain. */
static void be_sole_user(struct core *core, const struct config *c)
{
	CLEANUP(buf_clear) struct buf rooms = {.max = JID_PART_MAX};

	if (c->node->alone)
		return;
	buf_fmt(&rooms, "rooms.%s", c->domains.item[0]);
	store_put(core_batch(core), STORE_ACCOUNT_SOLE, str_z(c->domains.item[0]), str_z(c->node->user),
		buf_view(&rooms));
}

static bool has_interface(struct str name)
{
	char z[IFACE_NAME];

	if (!name.n || name.n >= sizeof(z))
		return false;
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	return if_nametoindex(z) != 0;
}

void node_make_hosts(struct server *s)
{
	const struct config *c = s->config;
	struct node *n = xcalloc(1, sizeof(*n));
	struct peers_config pc = {.user = c->node->user,
		.instance = c->node->instance,
		.plaintext = c->plaintext == PLAINTEXT_STARTTLS ? PLAINTEXT_NEVER : (enum plaintext)c->plaintext,
		.keyless = c->plaintext == PLAINTEXT_STARTTLS || c->plaintext == PLAINTEXT_ONLY,
		.alone = c->node->alone,
		.feed = {n, feed_put, feed_remove},
		.has_interface = has_interface};

	s->node = n;
	n->server = s;
	be_sole_user(s->core, c);
	memcpy(pc.key, c->node->key, sizeof(pc.key));
	memcpy(pc.seed, c->node->seed, sizeof(pc.seed));
	n->peers = peers_new(s->core, &pc);
	mem_wipe(pc.seed, sizeof(pc.seed));
	make_users(n, c);
	make_rooms(n, c);
}

/* ---- opening ---- */

/* STARTTLS has a certificate of its own, so that the node's key is never used where it proves nothing. It is kept, for those
 * who remember certificates. */
static int open_starttls(struct node *n, const char *folder, struct buf *why)
{
	char *cert = path_in(folder, "starttls.pem"), *key = path_in(folder, "starttls.key");
	int err = cert_make(cert, key, &STR("xep0174.internal"), 1);

	if (err == 0 || err == ERR_EXISTS)
		err = tls_server_new(cert, key, &n->starttls_in, why);
	else
		buf_fmt(why, "%s: cannot make a key: %s", key, err_name(err));
	n->starttls_out = err ? NULL : tls_client_unproven();
	xfree(cert);
	xfree(key);
	return err;
}

int node_open_tls(struct server *s, struct buf *why)
{
	const struct node_config *nc = s->config->node;
	struct wire_unit *u = &s->units[0];
	struct node *n = s->node;
	int err = nc->cert ? tls_node_new(nc->cert, nc->keyfile, &n->in, &n->out, why) : 0;

	if (!err && nc->cert)
		err = open_starttls(n, s->config->data, why);
	u->node_in = n->in;
	u->node_out = n->out;
	u->starttls_in = n->starttls_in;
	u->starttls_out = n->starttls_out;
	return err;
}

/* Where others may find us later, when the network does not tell, and what is us and nobody else. */
static void tell_addresses(void *arg)
{
	struct node *node = arg;
	const struct server *s = node->server;
	const char *listening[LISTENERS_MAX];
	struct machine *m = xcalloc(1, sizeof(*m));
	struct places *p = xcalloc(1, sizeof(*p));
	struct peers_places lists;

	machine_look(m, (const char *const *)s->config->interfaces.item, s->config->interfaces.n);
	for (unsigned i = 0; i < node->port_n; i++)
		listening[i] = listener_address(s->ports[node->port_first + i].listener).p;
	places_of(p, listening, node->port_n, m);
	lists = places_lists(p);
	peers_listening(node->peers, p->port, &lists);
	xfree(p);
	xfree(m);
}

/* As XEP-0174 says it of an incoming stream; by enum plaintext. */
static const struct stream_kind *lan_kind(const struct server *s)
{
	static const struct stream_kind *const kinds[] = {[PLAINTEXT_ASK] = &stream_lan_plain_in,
		[PLAINTEXT_ALLOW] = &stream_lan_plain_in,
		[PLAINTEXT_NEVER] = &stream_lan_tls_in,
		[PLAINTEXT_ONLY] = &stream_lan_old_in,
		[PLAINTEXT_STARTTLS] = &stream_lan_tls_in};

	return kinds[s->config->plaintext];
}

static int listen_default(struct server *s, struct buf *why)
{
	struct open_port *p = server_add_port(s, "lan", lan_kind(s));
	int err = listener_tcp_from(s->loop, STR("*"), PORT_FIRST, PORT_LAST, server_on_accept, p, &p->listener);

	if (err) {
		s->port_count--;
		buf_fmt(why, "no port from %d to %d is free for peers (%s); --listen names another", PORT_FIRST,
			PORT_LAST, err_name(err));
	}
	return err;
}

static int listen_given(struct server *s, struct buf *why)
{
	const struct text_list *list = &s->config->listen;

	for (unsigned i = 0; i < list->n; i++) {
		struct open_port *p = server_add_port(s, "lan", lan_kind(s));
		int err = listener_tcp(s->loop, str_z(list->item[i]), server_on_accept, p, &p->listener);

		if (!err)
			continue;
		s->port_count--;
		config_where(s->config, "listen", i, why);
		server_explain_port("listen", list->item[i], err, why);
		return err;
	}
	return 0;
}

static void start_discovery(struct server *s)
{
	const struct config *c = s->config;
	struct discovery_config dc = {.kind = (enum discovery_kind)c->discovery,
		.interfaces = (const char *const *)c->interfaces.item,
		.interface_count = c->interfaces.n,
		.after_crash = s->after_crash,
		.to_core = s->to_core};

	if (dc.kind != DISCOVERY_NONE)
		s->node->discovery = discovery_new(s->loop, &dc);
}

static int64_t idle_ms(const struct server *s) { return (int64_t)s->config->life.idle_seconds * 1000; }

/* The system closes the connection of a client that is killed; of one that is only stopped, as by Ctrl-Z, nothing comes any more, and it
 * finds what it has left when it goes on. */
static bool was_killed(const struct session *one) { return one->state == SESSION_DETACHED && one->hung_up; }

/* Of links, or of clients; living: not those that wait for a client that was killed. */
static bool has_session(const struct server *s, bool link, bool living)
{
	const struct session *one;

	for (uint32_t pos = 0; (one = core_next_session(s->core, &pos));)
		if (one->ops->is_link == link && session_alive(one) && !(living && was_killed(one)))
			return true;
	return false;
}

/* A client that was killed has left a session that waits for it, and is in rooms, also in those of others, who are told. What came for it
 * meanwhile is kept for its account. */
static void end_killed(struct server *s)
{
	struct session *one;

	core_begin(s->core, loop_now(s->loop), loop_wall(s->loop));
	for (uint32_t pos = 0; (one = core_next_session(s->core, &pos));)
		if (!one->ops->is_link && was_killed(one))
			session_close(one, SERR_NONE, NULL);
	core_end(s->core);
	s->dirty = true;
	loop_wake(s->loop);
}

/* Whoever removed it wants nothing of it any more; and no client finds us. */
static bool is_folder_gone(const struct server *s)
{
	struct stat st;

	return stat(s->config->data, &st) != 0 && errno == ENOENT;
}

static int64_t since(int64_t was, bool now_so, int64_t now) { return !now_so ? 0 : was ? was : now; }

static void on_idle_check(struct timer *t)
{
	struct node *n = CONTAINER_OF(t, struct node, idle_timer);
	struct server *s = n->server;
	int64_t now = loop_now(s->loop);
	bool gone = is_folder_gone(s);

	n->alone_since = since(n->alone_since, !has_session(s, false, true), now);
	n->idle_since = since(n->idle_since, node_is_idle(s), now);
	if ((n->idle_since && now - n->idle_since >= idle_ms(s)) || (n->alone_since && gone)) {
		log_info("server_stop", "by=%s", gone ? "folder_gone" : "idle");
		server_end(s);
		return;
	}
	if (n->alone_since && now - n->alone_since >= idle_ms(s))
		end_killed(s);
	timer_start(loop_timers(s->loop), t, now + idle_ms(s) / 6);
}

/* Port 5298 is where old programs look first, so a node that finds it taken still says by SRV where it is. */
int node_open(struct server *s, struct buf *why)
{
	unsigned first = s->port_count;
	int err;

	node_log_begin();
	err = s->config->listen.n ? listen_given(s, why) : listen_default(s, why);

	if (err)
		return err;
	if (s->config->node->keyfile)
		node_name_keep(s->config->data, s->config->node->instance);
	node_make_account(s);
	start_discovery(s);
	s->node->port_first = first;
	s->node->port_n = s->port_count - first;
	tell_addresses(s->node);
	s->node->addresses = ifaces_watch_new(s->loop, tell_addresses, s->node);
	if (s->config->life.while_needed) {
		s->node->idle_timer.fire = on_idle_check;
		timer_start(loop_timers(s->loop), &s->node->idle_timer, loop_now(s->loop) + idle_ms(s) / 6);
	}
	return 0;
}

bool node_has_user(const struct server *s) { return s->node->has_user; }

void node_on_user(struct server *s)
{
	if (s->node)
		s->node->has_user = true;
}

/* ---- running ---- */

void node_take(struct server *s, struct msgs *to_discovery)
{
	if (s->node && s->node->discovery)
		discovery_put(s->node->discovery, to_discovery);
	for (uint32_t i = 0; i < to_discovery->n; i++)
		msg_clear(&to_discovery->m[i]);
	to_discovery->n = 0;
}

bool node_is_idle(const struct server *s)
{
	/* Guests come over links: who is in a room and has none any more has only not been missed yet. */
	bool guests = rooms_occupied(s->node->rooms) && has_session(s, true, false);

	return !has_session(s, false, false) && !peers_busy(s->node->peers) && !guests;
}

void node_stop(struct server *s)
{
	if (!s->node)
		return;
	ifaces_watch_free(&s->node->addresses);
	if (s->node->discovery)
		discovery_stop(s->node->discovery);
}

void node_free(struct server *s)
{
	struct node *n = TAKE(s->node);

	if (!n)
		return;
	timer_stop(loop_timers(s->loop), &n->idle_timer);
	ifaces_watch_free(&n->addresses);
	if (n->discovery)
		discovery_stop(n->discovery);
	discovery_free(&n->discovery);
	tls_ctx_free(&n->in);
	tls_ctx_free(&n->out);
	tls_ctx_free(&n->starttls_in);
	tls_ctx_free(&n->starttls_out);
	xfree(n);
}

const char *node_name(const struct server *s) { return peers_instance(s->node->peers); }

const char *node_discovery(const struct server *s)
{
	return s->node->discovery ? discovery_backend(s->node->discovery) : "none";
}

/* Outside a turn, as commands are. */
void node_traced(struct server *s, bool traced)
{
	core_begin(s->core, loop_now(s->loop), loop_wall(s->loop));
	peers_traced(s->node->peers, traced);
	core_end(s->core);
	s->dirty = true;
	loop_wake(s->loop);
}
