#include "gate/msg.h"

#include "base/mem.h"

static const char *const names[MSG_KIND_COUNT] = {
	[MSG_NONE] = "NONE",
	[MSG_AUTH_ASK] = "AUTH_ASK",
	[MSG_REGISTER] = "REGISTER",
	[MSG_BIND] = "BIND",
	[MSG_RESUME] = "RESUME",
	[MSG_SM_ENABLE] = "SM_ENABLE",
	[MSG_STANZA] = "STANZA",
	[MSG_LOST] = "LOST",
	[MSG_CLOSED] = "CLOSED",
	[MSG_AUTH_REPLY] = "AUTH_REPLY",
	[MSG_REGISTER_REPLY] = "REGISTER_REPLY",
	[MSG_BOUND] = "BOUND",
	[MSG_ATTACH] = "ATTACH",
	[MSG_SM_ENABLED] = "SM_ENABLED",
	[MSG_SEND] = "SEND",
	[MSG_CREDIT] = "CREDIT",
	[MSG_COMMITTED] = "COMMITTED",
	[MSG_EXPIRE] = "EXPIRE",
	[MSG_CLOSE] = "CLOSE",
	[MSG_EXPIRED] = "EXPIRED",
	[MSG_STORE_BATCH] = "STORE_BATCH",
	[MSG_STORE_ASK] = "STORE_ASK",
	[MSG_STORE_COMMITTED] = "STORE_COMMITTED",
	[MSG_STORE_ANSWER] = "STORE_ANSWER",
	[MSG_STORE_STATE] = "STORE_STATE",
	[MSG_ADMIN_ASK] = "ADMIN_ASK",
	[MSG_ADMIN_REPLY] = "ADMIN_REPLY",
	[MSG_HASH_ASK] = "HASH_ASK",
	[MSG_HASH_REPLY] = "HASH_REPLY",
	[MSG_FOUND] = "FOUND",
	[MSG_GONE] = "GONE",
	[MSG_NAMED] = "NAMED",
	[MSG_PICTURE] = "PICTURE",
	[MSG_NETWORK] = "NETWORK",
	[MSG_PUBLISH] = "PUBLISH",
	[MSG_ASK_PICTURE] = "ASK_PICTURE",
	[MSG_DIAL] = "DIAL",
	[MSG_LINK_REPLY] = "LINK_REPLY",
	[MSG_LINK_PROBE] = "LINK_PROBE",
	[MSG_LINK_ASK] = "LINK_ASK",
	[MSG_LINK_PROVEN] = "LINK_PROVEN",
	[MSG_LINK_OPEN] = "LINK_OPEN",
	[MSG_LINK_FAILED] = "LINK_FAILED",
	[MSG_ACKED] = "ACKED",
};

const char *msg_name(enum msg_kind kind) { return kind < MSG_KIND_COUNT ? names[kind] : "?"; }

static void free_keys(struct scram_keys **keys, size_t n)
{
	if (*keys)
		mem_wipe(*keys, n * sizeof(**keys));
	xfree(TAKE(*keys));
}

static void clear_auth_ask(struct msg *m) { xfree(m->auth_ask.account); }
static void clear_auth_reply(struct msg *m) { free_keys(&m->auth_reply.keys, 1); }

static void clear_register(struct msg *m)
{
	xfree(m->reg.account);
	xfree(m->reg.email);
	free_keys(&m->reg.keys, 2);
}

static void clear_bind(struct msg *m)
{
	xfree(m->bind.account);
	xfree(m->bind.resource);
	xfree(m->bind.peer);
}

static void clear_bound(struct msg *m) { xfree(m->bound.jid); }

static void clear_resume(struct msg *m)
{
	xfree(m->resume.account);
	xfree(m->resume.token);
}

static void clear_attach(struct msg *m)
{
	xfree(m->attach.jid);
	packets_clear(&m->attach.queue);
}

static void clear_sm_enabled(struct msg *m) { xfree(m->sm_enabled.token); }
static void clear_stanza(struct msg *m) { stanza_free(&m->stanza.stanza); }
static void clear_end(struct msg *m) { packets_clear(&m->end.rest); }

static void clear_send(struct msg *m)
{
	packet_unref(&m->send.packet);
	for (uint32_t i = 0; m->send.packets && i < m->send.packet_count; i++)
		packet_unref(&m->send.packets[i]);
	xfree(m->send.packets);
	xfree(m->send.conns);
}

static void clear_store_batch(struct msg *m) { store_batch_free(&m->store_batch.batch); }
static void clear_store_ask(struct msg *m) { store_query_free(&m->store_ask.query); }
static void clear_store_answer(struct msg *m) { store_rows_free(&m->store_answer.rows); }

static void clear_admin_ask(struct msg *m)
{
	/* Any of them may be a password. */
	for (uint32_t i = 0; i < m->admin_ask.n; i++) {
		mem_wipe(m->admin_ask.words[i], strlen(m->admin_ask.words[i]));
		xfree(m->admin_ask.words[i]);
	}
	xfree(m->admin_ask.words);
}

static void clear_admin_reply(struct msg *m) { xfree(m->admin_reply.text); }

static void clear_hash_ask(struct msg *m)
{
	if (m->hash_ask.password)
		mem_wipe(m->hash_ask.password, strlen(m->hash_ask.password));
	xfree(m->hash_ask.password);
}

static void clear_found(struct msg *m) { service_free(&m->found.service); }
static void clear_gone(struct msg *m) { xfree(m->gone.instance); }
static void clear_named(struct msg *m) { xfree(m->named.instance); }

static void clear_picture(struct msg *m)
{
	xfree(m->picture.instance);
	xfree(m->picture.bytes);
}

static void clear_network(struct msg *m) { xfree(m->network.text); }

static void clear_publish(struct msg *m)
{
	service_free(&m->publish.service);
	xfree(m->publish.picture);
}

static void clear_dial(struct msg *m)
{
	xfree(m->dial.address);
	xfree(m->dial.from);
	xfree(m->dial.to);
}

static void clear_link_ask(struct msg *m)
{
	struct link_ask *ask = TAKE(m->link_ask.ask);

	if (!ask)
		return;
	xfree(ask->from);
	xfree(ask->to);
	xfree(ask->address);
	xfree(ask->local_address);
	xfree(ask->tls);
	xfree(ask);
}

static void clear_link_reply(struct msg *m)
{
	xfree(m->link_reply.from);
	xfree(m->link_reply.peer);
	xfree(m->link_reply.token);
	if (m->link_reply.password)
		mem_wipe(m->link_reply.password, sizeof(*m->link_reply.password));
	xfree(m->link_reply.password);
}

static void clear_link_open(struct msg *m) { xfree(m->link_open.token); }
static void clear_acked(struct msg *m) { xfree(m->acked.tags); }

static void clear_hash_reply(struct msg *m) { free_keys(&m->hash_reply.keys, 2); }

static void (*const clears[MSG_KIND_COUNT])(struct msg *m) = {
	[MSG_AUTH_ASK] = clear_auth_ask,
	[MSG_AUTH_REPLY] = clear_auth_reply,
	[MSG_REGISTER] = clear_register,
	[MSG_BIND] = clear_bind,
	[MSG_BOUND] = clear_bound,
	[MSG_RESUME] = clear_resume,
	[MSG_ATTACH] = clear_attach,
	[MSG_SM_ENABLED] = clear_sm_enabled,
	[MSG_STANZA] = clear_stanza,
	[MSG_LOST] = clear_end,
	[MSG_CLOSED] = clear_end,
	[MSG_EXPIRED] = clear_end,
	[MSG_SEND] = clear_send,
	[MSG_STORE_BATCH] = clear_store_batch,
	[MSG_STORE_ASK] = clear_store_ask,
	[MSG_STORE_ANSWER] = clear_store_answer,
	[MSG_ADMIN_ASK] = clear_admin_ask,
	[MSG_ADMIN_REPLY] = clear_admin_reply,
	[MSG_HASH_ASK] = clear_hash_ask,
	[MSG_HASH_REPLY] = clear_hash_reply,
	[MSG_FOUND] = clear_found,
	[MSG_GONE] = clear_gone,
	[MSG_NAMED] = clear_named,
	[MSG_PICTURE] = clear_picture,
	[MSG_NETWORK] = clear_network,
	[MSG_PUBLISH] = clear_publish,
	[MSG_ASK_PICTURE] = clear_gone,
	[MSG_DIAL] = clear_dial,
	[MSG_LINK_REPLY] = clear_link_reply,
	[MSG_LINK_ASK] = clear_link_ask,
	[MSG_LINK_OPEN] = clear_link_open,
	[MSG_ACKED] = clear_acked,
};

void msg_clear(struct msg *m)
{
	if (clears[m->kind])
		clears[m->kind](m);
	memset(m, 0, sizeof(*m));
}

struct msg *msgs_add(struct msgs *q)
{
	struct msg *m;

	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 16;
		q->m = xrealloc(q->m, q->cap * sizeof(*q->m));
	}
	m = &q->m[q->n++];
	memset(m, 0, sizeof(*m));
	return m;
}

void msgs_clear(struct msgs *q)
{
	for (uint32_t i = 0; i < q->n; i++)
		msg_clear(&q->m[i]);
	xfree(q->m);
	*q = (struct msgs){0};
}

void packets_add(struct packets *ps, struct packet **p)
{
	/* Grows when the number is a power of two: no capacity to carry about. */
	if ((ps->n & (ps->n - 1)) == 0)
		ps->p = xrealloc(ps->p, (ps->n ? ps->n * 2 : 1) * sizeof(*ps->p));
	ps->p[ps->n++] = TAKE(*p);
}

void packets_clear(struct packets *ps)
{
	for (uint32_t i = 0; i < ps->n; i++)
		packet_unref(&ps->p[i]);
	xfree(ps->p);
	*ps = (struct packets){0};
}
