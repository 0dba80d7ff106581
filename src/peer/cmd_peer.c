/* `peer ...`: the index table for people, over the control socket. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "base/plain.h"
#include "peer/peers_i.h"
#include "xmpp/escape.h"

enum { REPLY_MAX = 4 << 20, PASSWORD_MIN = 8 };

static void fail(struct command_call *call, const char *text)
{
	command_reply(call->core, call->asker, true, "%s", text);
}

struct peers *cmd_peers(struct command_call *call)
{
	struct host *h = core_gateway(call->core);

	if (!h)
		fail(call, "this is a server: it has no peers");
	else if (!peers_ready(h))
		fail(call, "the node has only just been started: try again");
	else
		return (struct peers *)h;
	return NULL;
}

static void reply_nobody(struct command_call *call, const struct peers *ps, const char *typed)
{
	struct label_hints hints = {0};
	const struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		label_hint(&hints, str_z(p->label), str_z(typed));
	command_reply(call->core, call->asker, true,
		"nobody is called %s%s%s /peers in a chat, or `wireside peer list`, names all", typed,
		hints.n ? buf_cstr(&hints.text) : "", hints.n ? "" : ";");
	buf_clear(&hints.text);
}

/* The row meant by the i-th word; NULL, answered, if there is none or more than one. */
static struct peer *row_of(struct command_call *call, uint32_t i)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	struct peers *ps = cmd_peers(call);
	struct peer *p = NULL, *before;
	int err;

	if (!ps)
		return NULL;
	err = peers_find_label(ps, str_z(call->words[i]), &p, &why);
	before = err == ERR_NOTFOUND ? label_find_before(ps, str_z(call->words[i])) : NULL;
	/* Whom our user wants no more to hear of is meant though he is called otherwise now; he is given nothing by a name that
	 * somebody else may have next. */
	if (before && strcmp(call->words[1], "block") == 0)
		return before;
	if (before)
		command_reply(call->core, call->asker, true, "who was shown as %s is called %s now", call->words[i],
			before->label);
	else if (err == ERR_NOTFOUND)
		reply_nobody(call, ps, call->words[i]);
	else if (err)
		command_reply(call->core, call->asker, true, "%s may be any of these: %s", call->words[i],
			buf_cstr(&why));
	return err ? NULL : p;
}

/* ---- list ---- */

static const char *presence_of(const struct peer *p)
{
	if (peer_is_up(p))
		return "linked";
	return p->service ? "here" : "away";
}

/* Of a link: what it keeps from whom. */
static const char *protection_of(const struct peer *p)
{
	if (!peer_is_up(p))
		return "";
	if (!p->link->tls)
		return "readable";
	return p->kind == PEER_KEYED && p->trust == TRUST_VERIFIED ? "encrypted, verified" : "encrypted, not verified";
}

static int by_label(const void *x, const void *y)
{
	const struct peer *const *a = x, *const *b = y;
	int order = strcmp((*a)->label, (*b)->label);

	return order ? order : str_cmp(jid_str((*a)->entity.jid), jid_str((*b)->entity.jid));
}

static struct peer **sorted(const struct peers *ps)
{
	struct peer **rows = xcalloc(ps->peers.n + 1, sizeof(*rows)), *p;
	uint32_t n = 0;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		rows[n++] = p;
	qsort(rows, n, sizeof(*rows), by_label);
	return rows;
}

static void put_time(struct buf *out, int64_t time)
{
	if (time)
		clock_format_local(out, time);
	else
		buf_z(out, "never");
}

/* How its user is, if that is not simply there. */
static void put_mood(struct buf *out, const struct peer *p)
{
	CLEANUP(buf_clear) struct buf show = {.max = 4096}, text = {.max = 4096};

	if (!show_read(p, &show, &text) || (str_is(buf_view(&show), "available") && !text.n))
		return;
	buf_z(out, "    ");
	plain_put(out, buf_view(&show));
	if (text.n)
		buf_z(out, ": ");
	plain_put(out, buf_view(&text));
	buf_char(out, '\n');
}

static void put_text_row(struct buf *out, const struct peer *p)
{
	plain_put_column(out, str_z(p->label), 20);
	buf_fmt(out, " %-8s %-6s %u waiting  last seen ", trust_name(p->trust), presence_of(p), p->outbox.n);
	if (peer_is_up(p))
		buf_z(out, "now");
	else
		put_time(out, p->last_seen);
	/* Without a key the address is the name once more, escaped. */
	buf_fmt(out, "\n    %.*s%s%s", p->kind == PEER_KEYED ? (int)jid_str(p->entity.jid).n : 0, p->entity.jid.s,
		p->kind == PEER_TYPED ? "typed in, its key is not known yet" : "",
		!p->instance                    ? ""
			: p->kind == PEER_KEYED ? "  on the network as "
						: "on the network as ");
	plain_put(out, str_z(p->instance));
	buf_char(out, '\n');
	put_mood(out, p);
	if (*protection_of(p))
		buf_fmt(out, "    link %s\n", protection_of(p));
	if (p->password)
		buf_fmt(out, "    has a shared password%s\n",
			p->proof.failures < PASSWORD_FAILURES ? "" : ", locked after as many failures as are allowed");
	for (unsigned i = 0; i < p->address_n; i++) {
		buf_fmt(out, "    %s (%s, worked ", p->addresses[i].text, source_name(p->addresses[i].source));
		put_time(out, p->addresses[i].success);
		buf_z(out, ")\n");
	}
}

static void put_json_time(struct buf *out, int64_t time)
{
	if (!time) {
		buf_z(out, "null");
		return;
	}
	buf_char(out, '"');
	clock_format(out, time);
	buf_char(out, '"');
}

static void put_json_addresses(struct buf *out, const struct peer *p)
{
	buf_z(out, ", \"addresses\": [");
	for (unsigned i = 0; i < p->address_n; i++) {
		buf_z(out, i ? ", {\"address\": " : "{\"address\": ");
		json_text(out, str_z(p->addresses[i].text));
		buf_fmt(out, ", \"source\": \"%s\", \"success\": ", source_name(p->addresses[i].source));
		put_json_time(out, p->addresses[i].success);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

/* How its user is, as far as it is known. */
static void put_json_mood(struct buf *out, const struct peer *p)
{
	CLEANUP(buf_clear) struct buf show = {.max = 4096}, text = {.max = 4096};
	bool known = show_read(p, &show, &text);

	buf_z(out, ", \"show\": ");
	if (known)
		json_text(out, buf_view(&show));
	else
		buf_z(out, "null");
	buf_z(out, ", \"status\": ");
	if (known && text.n)
		json_text(out, buf_view(&text));
	else
		buf_z(out, "null");
}

static void put_json_row(struct buf *out, const struct peer *p)
{
	static const uint8_t none[32];
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};

	buf_z(out, "{\"label\": ");
	json_text(out, str_z(p->label));
	buf_z(out, ", \"jid\": ");
	json_text(out, jid_str(peer_jid(p, &jid)));
	buf_z(out, ", \"user\": ");
	json_text(out, str_z(p->user));
	buf_z(out, ", \"instance\": ");
	json_text(out, str_z(p->instance));
	buf_z(out, ", \"key\": ");
	if (memcmp(p->key, none, sizeof(none)) != 0) {
		buf_char(out, '"');
		hex_encode(out, p->key, sizeof(p->key));
		buf_char(out, '"');
	} else {
		buf_z(out, "null");
	}
	buf_z(out, ", \"link\": ");
	if (*protection_of(p))
		json_text(out, str_z(protection_of(p)));
	else
		buf_z(out, "null");
	buf_fmt(out, ", \"trust\": \"%s\", \"state\": \"%s\", \"password\": %s, \"waiting\": %u, \"last_seen\": ",
		trust_name(p->trust), presence_of(p), p->password ? "true" : "false", p->outbox.n);
	put_json_time(out, peer_is_up(p) ? core_wall(peer_core(p)) : p->last_seen);
	put_json_mood(out, p);
	put_json_addresses(out, p);
	buf_char(out, '}');
}

static void run_list(struct command_call *call)
{
	struct peers *ps = cmd_peers(call);
	bool json = call->n > 2 && strcmp(call->words[2], "--json") == 0;
	struct peer **rows;
	struct buf out;

	if (!ps)
		return;
	if (call->n > 2 && !json) {
		fail(call, "usage: peer list [--json]");
		return;
	}
	buf_init(&out, REPLY_MAX);
	rows = sorted(ps);
	if (json)
		buf_char(&out, '[');
	for (uint32_t i = 0; rows[i]; i++) {
		if (json) {
			buf_z(&out, i ? ",\n " : "\n ");
			put_json_row(&out, rows[i]);
		} else {
			put_text_row(&out, rows[i]);
		}
	}
	if (json)
		buf_z(&out, "\n]\n");
	else if (!rows[0])
		buf_z(&out,
			"nobody yet: neither seen on the network nor added. Where the network keeps people apart, add\n"
			"somebody by an address, like bob@10.0.0.7\n");
	xfree(rows);
	command_reply_buf(call->core, call->asker, &out);
}

/* ---- add, del ---- */

static void fail_blocked(struct command_call *call, const struct peer *p)
{
	command_reply(call->core, call->asker, true,
		"you have blocked %s: /unblock %s comes first (in a shell: `wireside peer unblock %s`)", p->label,
		label_word(p).text, label_word(p).text);
}

/* A stranger may have had, on purpose or not, the address that somebody else has now: whoever answers there shows his key. */
static bool may_have_address(const struct peer *p, const struct peer_address *a)
{
	return p->kind == PEER_TYPED || (p->kind == PEER_KEYED && a->success && (p->named || peer_known(p)));
}

static struct peer *same_address(const struct peers *ps, const char *address)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		for (unsigned i = 0; i < p->address_n; i++)
			if (may_have_address(p, &p->addresses[i]) && strcmp(p->addresses[i].text, address) == 0)
				return p;
	return NULL;
}

/* Whoever is there already is called so from now on. */
static bool call_so(struct command_call *call, struct peer *p, struct str name)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	if (!name.n || str_eq(str_z(p->label), name) || peer_rename(p, name, &why) == 0)
		return true;
	command_reply(call->core, call->asker, true, "%s is at this address already and keeps his name: %s", p->label,
		buf_cstr(&why));
	return false;
}

/* Who announces a friend's name must not be spoken to in the friend's place: what strangers call themselves makes no address theirs. A
 * whole NODEID is no name but the key itself. */
static bool is_meant(const struct peer *p, struct str name, const char *address)
{
	if (p->named || peer_known(p) || p->trust == TRUST_BLOCKED || p->kind == PEER_TYPED)
		return true;
	if (p->kind == PEER_KEYED)
		return name.n >= NODEID_LEN && str_starts(jid_str(p->entity.jid), name);
	for (unsigned i = 0; i < p->address_n; i++)
		if (strcmp(p->addresses[i].text, address) == 0)
			return true;
	return p->plain.ok || p->outbox.n;
}

/* False, and answered: several whom our user knows or has named are called so. */
static bool find_meant(struct command_call *call, struct peers *ps, struct str name, const char *address,
	struct peer **ret)
{
	CLEANUP(buf_clear) struct buf several = {.max = 4096}, why = {.max = 4096};
	struct peer *p = NULL;

	if (peers_find_label(ps, name, &p, &several) == ERR_EXISTS && peers_label_free(ps, NULL, name, &why) != 0) {
		command_reply(call->core, call->asker, true, "%.*s may be any of these: %s", STR_FMT(name),
			buf_cstr(&several));
		return false;
	}
	*ret = p && is_meant(p, name, address) ? p : NULL;
	return true;
}

static struct peer *make_typed(struct command_call *call, struct peers *ps, struct str name, struct str address)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096}, said = {.max = 4096};
	struct peer *p;

	if (name.n && peers_label_free(ps, NULL, name, &why) != 0) {
		fail(call, buf_cstr(&why));
		return NULL;
	}
	p = target_typed(ps, name, address);
	if (!p) {
		fail(call, "the table is full, or the name is not one");
		return NULL;
	}
	peer_make_way(p, &said);
	if (said.n)
		notice(ps, "name", p, "%s is who answers at %.*s%s", p->label, STR_FMT(address), buf_cstr(&said));
	return p;
}

/* Somebody known by this name gets one address more; else whoever answers there will show his key. NULL, and answered: none. */
static struct peer *target_row(struct command_call *call, struct peers *ps, struct str name, struct str address)
{
	CLEANUP(buf_clear) struct buf at = {.max = 128};
	struct peer *p = NULL;

	buf_str(&at, address);
	if (name.n && !find_meant(call, ps, name, buf_cstr(&at), &p))
		return NULL;
	if (p)
		return p;
	p = same_address(ps, buf_cstr(&at));
	if (p && p->trust != TRUST_BLOCKED)
		return call_so(call, p, name) ? p : NULL;
	if (p)
		return p;
	return make_typed(call, ps, name, address);
}

static void run_add(struct command_call *call)
{
	CLEANUP(buf_clear) struct buf address = {.max = 128};
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	struct peers *ps = cmd_peers(call);
	struct peer *p = NULL;
	struct str name;

	if (!ps)
		return;
	if (target_read(str_z(call->words[2]), &name, &address, &why) != 0 ||
		target_is_useless(ps, buf_view(&address), &why)) {
		fail(call, buf_cstr(&why));
		return;
	}
	p = target_row(call, ps, name, buf_view(&address));
	if (!p)
		return;
	if (p->trust == TRUST_BLOCKED) { /* before anything of it is changed */
		fail_blocked(call, p);
		return;
	}
	peer_address_put(p, buf_cstr(&address), SOURCE_TYPED);
	p->named |= name.n > 0;
	if (p->trust == TRUST_NEW && p->kind == PEER_KEYED)
		peer_set_trust(p, TRUST_PINNED);
	peer_store(p);
	peer_changed(p);
	if (ps->config.alone) {
		command_reply(call->core, call->asker, false, "%s is added; the node looks for him when it runs\n",
			p->label);
		return;
	}
	if (p->adder)
		command_reply(call->core, p->adder, false, "%s is added, and is being called\n", p->label);
	p->adder = call->asker;
	dial_now(p);
	if (peer_is_up(p) || (!p->dialling && !p->nego))
		peer_tell_adder(p, p);
}

static void tell_plain(const struct peer *p, uint64_t asker)
{
	bool any = peer_may_be_anything(p);

	if (p->peers->config.plaintext == PLAINTEXT_NEVER)
		command_reply(peer_core(p), asker, false, "%s is added; but %s, and this node %s (--plaintext never)\n",
			p->label,
			any ? "what takes connections there does not answer in TLS"
			    : "it speaks without encryption only",
			any ? "speaks to nobody without" : "never does");
	else
		command_reply(peer_core(p), asker, false,
			"%s is added; %s what you write to it waits until you allow that: /allow %s (in a shell: `wireside peer "
			"allow %s`)\n",
			p->label,
			any ? "something takes connections there, but does not answer in TLS. Should it be a program that "
			      "speaks XMPP without encryption:"
			    : "it speaks without encryption only, so",
			label_word(p).text, label_word(p).text);
}

/* Whoever adds somebody wants to know whether that was right. */
void peer_tell_adder(struct peer *asked, const struct peer *p)
{
	static const char *const answers[] = {[ANSWER_NONE] = "nobody answers there now",
		[ANSWER_OTHER] = "something answers there, but not as a node does",
		[ANSWER_TLS] = "something answers there with TLS, but not as a node does",
		[ANSWER_REFUSED] = "a node answers there, but one of the two did not want the link"};
	uint64_t asker = asked->adder;
	bool answered = asked != p || p->nego || peer_is_up(p);

	asked->adder = 0;
	if (!asker)
		return;
	if (p->trust == TRUST_BLOCKED)
		command_reply(peer_core(p), asker, true,
			"%s is there, whom you have blocked: /unblock %s (in a shell: `wireside peer unblock %s`)",
			p->label, label_word(p).text, label_word(p).text);
	else if (answered && p->kind == PEER_KEYED)
		command_reply(peer_core(p), asker, false, "%s is added (key %.26s, %s)\n", p->label, p->entity.jid.s,
			trust_name(p->trust));
	else if (answered)
		command_reply(peer_core(p), asker, false, "%s is added, without a key: nobody can tell who it is\n",
			p->label);
	else if (p->kind != PEER_KEYED && p->plain.asked && !p->plain.ok)
		tell_plain(p, asker);
	else if (p->kind == PEER_LEGACY && !p->outbox.n)
		command_reply(peer_core(p), asker, false,
			"%s is added; it is called there when you write to it (without a key: nobody can tell who it is)\n",
			p->label);
	else
		command_reply(peer_core(p), asker, false, "%s is added; %s, it is tried again\n", p->label,
			answers[p->calls.answer]);
}

static void run_del(struct command_call *call)
{
	struct peer *p = row_of(call, 2);
	uint32_t waiting;

	if (!p)
		return;
	waiting = p->outbox.n;
	command_reply(call->core, call->asker, false, "%s is forgotten%s\n", p->label,
		waiting ? ", and so are the messages that waited for it" : "");
	peer_forget(p);
}

/* ---- names, trust ---- */

static void run_rename(struct command_call *call)
{
	struct peer *p = row_of(call, 2);
	CLEANUP(buf_clear) struct buf why = {.max = 4096}, before = {.max = 4096};

	if (!p)
		return;
	buf_z(&before, p->label);
	if (peer_rename(p, str_z(call->words[3]), &why) != 0)
		fail(call, buf_cstr(&why));
	else
		command_reply(call->core, call->asker, false, "%s is called %s now%s\n", buf_cstr(&before), p->label,
			buf_cstr(&why));
}

static void begin_verify(struct command_call *call, struct peer *p)
{
	static const struct {
		const char *before, *after; /* of the name */
	} texts[] = {
		[VERIFY_LATER] = {"", " is not linked now; a code to compare comes if that changes within two minutes"},
		[VERIFY_BEGUN] = {"a code to compare with ", " comes in a moment"},
		[VERIFY_GOES_ON] = {"comparing with ", " has begun before; the code comes in a moment"},
		[VERIFY_ANEW] = {"the link to ",
			" has had its one comparison, so it is made anew, and a code comes then"},
	};
	CLEANUP(buf_clear) struct buf code = {.max = 256}, text = {.max = 1024};
	enum verify_begun begun;

	if (p->trust == TRUST_VERIFIED)
		buf_fmt(&text, "%s is verified already; once more: ", p->label);
	begun = verify_start(p);
	verify_code(p, &code);
	if (code.n)
		buf_fmt(&text,
			"you are comparing with %s: %s. The same on both? /verify %s yes, otherwise /verify %s no\n",
			p->label, buf_cstr(&code), label_word(p).text, label_word(p).text);
	else
		buf_fmt(&text, "%s%s%s\n", texts[begun].before, p->label, texts[begun].after);
	command_reply(call->core, call->asker, false, "%s", buf_cstr(&text));
}

/* Whoever asks again and again until there is a code must begin nothing by it: that would give somebody in between one more try each. */
static void look_at_code(struct command_call *call, const struct peer *p)
{
	CLEANUP(buf_clear) struct buf code = {.max = 256};
	struct label_word name = label_word(p);

	verify_code(p, &code);
	if (!p->verify)
		command_reply(call->core, call->asker, true,
			"nothing is being compared with %s any more; `wireside peer verify %s` begins", p->label,
			name.text);
	else if (code.n)
		command_reply(call->core, call->asker, false,
			"you are comparing with %s: %s. The same on both? `wireside peer verify %s yes`, otherwise `wireside peer "
			"verify %s no`\n",
			p->label, buf_cstr(&code), name.text, name.text);
	else
		command_reply(call->core, call->asker, false, "%s", "");
}

static void run_verify(struct command_call *call)
{
	struct peer *p = row_of(call, 2);
	const char *answer = call->n > 3 ? call->words[3] : NULL;

	if (!p)
		return;
	if (p->trust == TRUST_BLOCKED) {
		fail_blocked(call, p);
	} else if (p->kind != PEER_KEYED) {
		fail(call, "it has no key to verify");
	} else if (!answer) {
		begin_verify(call, p);
	} else if (strcmp(answer, "code") == 0) {
		look_at_code(call, p);
	} else if (strcmp(answer, "yes") != 0 && strcmp(answer, "no") != 0) {
		fail(call, "usage: peer verify NAME [yes|no|code]");
	} else if (!verify_confirm(p, strcmp(answer, "yes") == 0)) {
		command_reply(call->core, call->asker, true,
			"nothing is being compared with %s now: /verify %s begins (here: `wireside peer verify %s`)",
			p->label, label_word(p).text, label_word(p).text);
	} else {
		command_reply(call->core, call->asker, false,
			strcmp(answer, "yes") != 0 ? "you say it is not the same; %s is not verified\n"
				: !p->verify       ? "you say it is the same, and so does %s\n"
						   : "you say it is the same; %s is verified once the other side says "
						     "so, too\n",
			p->label);
	}
}

static void run_block(struct command_call *call)
{
	struct peer *p = row_of(call, 2);

	if (!p)
		return;
	peer_set_trust(p, TRUST_BLOCKED);
	show_hide(p);
	verify_free(p);
	link_close(p, SERR_NOT_AUTHORIZED, "not welcome");
	outbound_drop(p);
	dial_forget(p);
	command_reply(call->core, call->asker, false,
		"%s is blocked: it neither reaches you nor you it; /unblock %s takes that back (in a shell: `wireside peer "
		"unblock %s`)\n",
		p->label, label_word(p).text, label_word(p).text);
}

static void run_unblock(struct command_call *call)
{
	struct peer *p = row_of(call, 2);

	if (!p)
		return;
	if (p->trust != TRUST_BLOCKED) {
		command_reply(call->core, call->asker, false, "%s is not blocked (%s)\n", p->label,
			trust_name(p->trust));
		return;
	}
	peer_set_trust(p, p->unblocked);
	show_peer(p);
	dial_now(p);
	command_reply(call->core, call->asker, false, "%s is not blocked any more, and what it was before (%s)\n",
		p->label, trust_name(p->trust));
}

/* Whoever was shown as a stranger or as somebody with a changed key is taken for what he says. */
static void run_accept(struct command_call *call)
{
	CLEANUP(buf_clear) struct buf said = {.max = 1024};
	struct peer *p = row_of(call, 2), *old = p ? changed_from(p) : NULL,
		    *other = p && peer_known(p) ? changed_to(p) : NULL;

	if (!p)
		return;
	if (p->trust == TRUST_BLOCKED) {
		fail_blocked(call, p);
		return;
	}
	if (p->kind != PEER_KEYED) {
		command_reply(call->core, call->asker, true,
			"%s has no key to know it by; /allow %s lets you talk to it all the same (in a shell: `wireside peer "
			"allow %s`)",
			p->label, label_word(p).text, label_word(p).text);
		return;
	}
	if (p->trust == TRUST_NEW || p->trust == TRUST_CHANGED)
		peer_set_trust(p, TRUST_PINNED);
	if (old)
		changed_take_over(p, old, &said);
	else if (other)
		buf_fmt(&said, "; the other key of this name is accepted by /accept %s", label_word(other).text);
	found_take_waiting(p);
	dial_now(p);
	command_reply(call->core, call->asker, false, "%s is known by this key from now on (%s)%s\n", p->label,
		trust_name(p->trust), buf_cstr(&said));
}

static void run_allow(struct command_call *call)
{
	struct peer *p = row_of(call, 2);

	if (!p)
		return;
	if (p->kind == PEER_KEYED) {
		fail(call, "it has a key: with it this node speaks encrypted only");
		return;
	}
	if (p->peers->config.plaintext == PLAINTEXT_NEVER) {
		fail(call, "this node was started with --plaintext never");
		return;
	}
	p->plain.ok = true;
	peer_store(p);
	peer_changed(p);
	if (peer_is_up(p))
		outbox_flush(p);
	else
		dial_now(p);
	command_reply(call->core, call->asker, false,
		"%s may be spoken to without encryption: everybody on the wire can read it\n", p->label);
}

/* Also on the link that is up, if everybody can read it. */
static void run_disallow(struct command_call *call)
{
	struct peer *p = row_of(call, 2);
	bool anyway;

	if (!p)
		return;
	if (p->kind == PEER_KEYED) {
		fail(call, "it has a key: with it this node speaks encrypted only");
		return;
	}
	anyway = p->peers->config.plaintext == PLAINTEXT_ALLOW || p->peers->config.plaintext == PLAINTEXT_ONLY;
	if (!p->plain.ok) {
		command_reply(call->core, call->asker, false, "nothing was allowed for %s\n", p->label);
		return;
	}
	p->plain.ok = p->plain.asked = false;
	peer_store(p);
	peer_changed(p);
	if (peer_is_up(p) && !p->link->tls && !anyway)
		link_close(p, SERR_POLICY_VIOLATION, "not without encryption any more");
	command_reply(call->core, call->asker, false,
		anyway ? "that is taken back for %s; but this node was started so that it speaks without encryption to "
			 "anybody who needs that\n"
		       : "%s is not spoken to without encryption any more: what you write to it waits until you allow that\n",
		p->label);
}

/* ---- the shared password ---- */

static unsigned letters(struct str text)
{
	unsigned n = 0;

	for (size_t k; text.n && (k = str_utf8_next(text)); n++)
		text = (struct str){text.p + k, text.n - k};
	return n;
}

static void run_set_password(struct command_call *call)
{
	struct peer *p = row_of(call, 2);
	CLEANUP(buf_clear) struct buf made = {.max = 128};
	uint8_t ours[NODEID_FINGERPRINT], theirs[NODEID_FINGERPRINT];
	static const uint8_t none[32];
	struct lan_keys keys;

	if (!p)
		return;
	if (p->kind != PEER_KEYED || memcmp(p->key, none, sizeof(none)) == 0) {
		fail(call, "its key is not known yet: there has to be a link first");
		return;
	}
	if (call->n > 3 && letters(str_z(call->words[3])) < PASSWORD_MIN) {
		command_reply(call->core, call->asker, true,
			"a password of your own has %d letters at least: whoever sits between you may try short ones until one "
			"fits. `wireside peer set-password %s` makes one that nobody guesses",
			PASSWORD_MIN, label_word(p).text);
		return;
	}
	if (call->n < 4)
		lanpass_generate(&made);
	nodeid_fingerprint(p->peers->config.key, ours);
	nodeid_fingerprint(p->key, theirs);
	if (lanpass_derive(call->n < 4 ? buf_view(&made) : str_z(call->words[3]), ours, theirs, &keys) != 0) {
		fail(call, "that is no password");
		return;
	}
	if (!p->password)
		p->password = xcalloc(1, sizeof(*p->password));
	*p->password = keys;
	mem_wipe(&keys, sizeof(keys));
	p->proof.failures = 0;
	peer_store(p);
	peer_changed(p);
	/* It is asked for when a link is made, so one is made, though nobody has anything to say. */
	if (p->link)
		link_close(p, SERR_RESET, "for a shared password");
	p->proof.wanted = true;
	dial_now(p);
	if (made.n)
		command_reply(call->core, call->asker, false,
			"%s\nSet this one on the other machine: wireside peer set-password "
			"YOUR-NAME-THERE --typed\n",
			buf_cstr(&made));
	else
		command_reply(call->core, call->asker, false,
			"the password shared with %s is set; the next link to it asks for it\n", p->label);
	if (made.p)
		mem_wipe(made.p, made.n);
}

const struct command peer_commands[] = {
	{.name = "peer list", .args = "[--json]", .min = 0, .max = 1, .run = run_list},
	{.name = "peer add", .args = "[NAME@]ADDRESS[:PORT]", .min = 1, .max = 1, .run = run_add},
	{.name = "peer del", .args = "NAME", .min = 1, .max = 1, .run = run_del},
	{.name = "peer rename", .args = "NAME NEW-NAME", .min = 2, .max = 2, .run = run_rename},
	{.name = "peer verify", .args = "NAME [yes|no]", .min = 1, .max = 2, .run = run_verify},
	{.name = "peer block", .args = "NAME", .min = 1, .max = 1, .run = run_block},
	{.name = "peer unblock", .args = "NAME", .min = 1, .max = 1, .run = run_unblock},
	{.name = "peer accept", .args = "NAME", .min = 1, .max = 1, .run = run_accept},
	{.name = "peer allow", .args = "NAME", .min = 1, .max = 1, .run = run_allow},
	{.name = "peer disallow", .args = "NAME", .min = 1, .max = 1, .run = run_disallow},
	{.name = "peer set-password",
		.args = "NAME [PASSWORD]",
		.min = 1,
		.max = 2,
		.last_is_secret = true,
		.run = run_set_password},
	{.name = "peer export", .args = "[--json] [--with-passwords]", .min = 0, .max = 2, .run = cmd_peer_export},
	{.name = "peer import", .args = "LINE", .min = 1, .max = 1, .last_is_secret = true, .run = cmd_peer_import},
	{0},
};
