/* What a connection asks before it has a session: keys to prove a password with, a new account, a resource. Each is
 * kept until the account has been read. */
#include "base/err.h"
#include "base/hash.h"
#include "user/resource.h"
#include "user/users_i.h"
#include "xmpp/scram.h"

enum { MADE_UP_SALT = 16 };

struct login {
	struct account_wait wait;
	struct msg m;
};

static void login_free(struct login *l)
{
	msg_clear(&l->m);
	xfree(l);
}

static void login_drop(struct account_wait *w) { login_free((struct login *)w); }

/* ---- keys ---- */

static void made_up(const struct users *u, const char *what, struct str account, enum hash_kind hash, uint8_t *out)
{
	CLEANUP(buf_clear) struct buf text = {0};

	buf_init(&text, JID_MAX + 64);
	buf_fmt(&text, "%s %d ", what, (int)hash);
	buf_str(&text, account);
	hash_hmac(HASH_SHA256, (struct str){(const char *)u->secret, sizeof(u->secret)}, buf_view(&text), out);
}

void login_made_up_keys(const struct users *u, struct str account, enum hash_kind hash, struct scram_keys *ret)
{
	uint8_t out[HASH_MAX];

	*ret = (struct scram_keys){.kind = hash, .iterations = SCRAM_ITERATIONS, .salt_len = MADE_UP_SALT};
	made_up(u, "salt", account, hash, out);
	memcpy(ret->salt, out, MADE_UP_SALT);
	made_up(u, "stored", account, hash, out);
	memcpy(ret->stored, out, hash_size(hash));
	made_up(u, "server", account, hash, out);
	memcpy(ret->server, out, hash_size(hash));
}

static void reply_keys(const struct users *u, const struct account *a, const struct msg *ask)
{
	struct msg *m = core_to_wire(u->host.entity.core, MSG_AUTH_REPLY, ask->conn);
	enum hash_kind hash = ask->auth_ask.hash;

	m->auth_reply.keys = xcalloc(1, sizeof(*m->auth_reply.keys));
	m->auth_reply.known = a && a->state == ACCOUNT_HERE && account_keys(a, hash, m->auth_reply.keys);
	if (!m->auth_reply.known)
		login_made_up_keys(u, str_z(ask->auth_ask.account), hash, m->auth_reply.keys);
}

static void on_auth(struct account *a, struct account_wait *w)
{
	struct login *l = (struct login *)w;

	reply_keys(users_of(a), a, &l->m);
	login_free(l);
}

/* ---- registration ---- */

static void reply_registered(struct core *c, uint64_t conn, enum xerr_cond error)
{
	core_to_wire(c, MSG_REGISTER_REPLY, conn)->reg_reply.error = error;
}

/* The account is there when the store can read it back. */
struct confirm {
	struct wait wait;
	uint64_t conn;
};

static void confirm_drop(struct wait *w) { xfree(w); }

static void on_confirmed(struct core *c, struct wait *wait, const struct store_rows *rows,
	const struct scram_keys *keys)
{
	struct confirm *w = (struct confirm *)wait;
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t pos = 0;
	unsigned n;
	bool there =
		!rows->error && core_can_store(c) && store_rows_next(rows, &pos, &kind, v, &n) && kind == ROW_ACCOUNT;

	reply_registered(c, w->conn, there ? XERR_NONE : XERR_RESOURCE_CONSTRAINT);
	xfree(w);
}

static void confirm(struct account *a, uint64_t conn)
{
	struct core *c = a->entity.core;
	struct confirm *w = xcalloc(1, sizeof(*w));
	struct store_query *q;

	w->wait.answer = on_confirmed;
	w->wait.drop = confirm_drop;
	w->conn = conn;
	q = store_query_new(STORE_ACCOUNT_LOAD, core_wait(c, &w->wait), jid_domain(a->entity.jid),
		jid_local(a->entity.jid));
	core_ask(c, &q);
}

static enum xerr_cond may_register(const struct account *a)
{
	if (!users_of(a)->config.registration_open)
		return XERR_NOT_ALLOWED;
	if (a->state == ACCOUNT_HERE)
		return XERR_CONFLICT;
	if (a->state != ACCOUNT_ABSENT || !core_can_store(a->entity.core))
		return XERR_RESOURCE_CONSTRAINT;
	return XERR_NONE;
}

static void on_register(struct account *a, struct account_wait *w)
{
	struct login *l = (struct login *)w;
	enum xerr_cond error = may_register(a);

	if (error) {
		reply_registered(a->entity.core, l->m.conn, error);
	} else {
		account_create(a, l->m.reg.keys);
		confirm(a, l->m.conn);
	}
	login_free(l);
}

/* ---- binding ---- */

static void refuse_bind(struct core *c, uint64_t conn, enum xerr_cond error)
{
	core_to_wire(c, MSG_BOUND, conn)->bound.error = error;
}

static void on_bind(struct account *a, struct account_wait *w)
{
	struct login *l = (struct login *)w;
	enum xerr_cond error = XERR_NOT_AUTHORIZED; /* removed since the password was checked */

	if (a->state == ACCOUNT_HERE)
		error = resource_open(a, l->m.bind.resource, l->m.bind.secure, l->m.conn);
	else if (a->state == ACCOUNT_FAILED)
		error = XERR_RESOURCE_CONSTRAINT;
	if (error)
		refuse_bind(a->entity.core, l->m.conn, error);
	login_free(l);
}

/* ---- */

/* No account can be meant: the name has no localpart, or there are too many in memory. */
static void refuse(struct users *u, struct msg *m)
{
	struct core *c = u->host.entity.core;

	if (m->kind == MSG_AUTH_ASK)
		reply_keys(u, NULL, m);
	else if (m->kind == MSG_REGISTER)
		reply_registered(c, m->conn, XERR_NOT_ACCEPTABLE);
	else
		refuse_bind(c, m->conn, XERR_RESOURCE_CONSTRAINT);
}

void login_on_msg(struct host *h, struct msg *m)
{
	struct users *u = (struct users *)h;
	const char *name = m->kind == MSG_AUTH_ASK ? m->auth_ask.account
		: m->kind == MSG_BIND              ? m->bind.account
						   : m->reg.account;
	struct jid bare = jid_bare(jid_view(str_z(name)));
	struct account *a = bare.local ? account_get(u, bare) : NULL;
	struct login *l;

	if (!a) {
		refuse(u, m);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->wait.ready = m->kind == MSG_AUTH_ASK ? on_auth : m->kind == MSG_BIND ? on_bind : on_register;
	l->wait.drop = login_drop;
	l->m = *m;
	*m = (struct msg){0};
	account_when_ready(a, &l->wait, l->m.kind == MSG_AUTH_ASK);
}
