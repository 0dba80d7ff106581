/* `wireside trace save`: some or all packets into a file of their own, and what goes with them or is lost. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/trace_i.h"
#include "trace/carried.h"
#include "trace/strip.h"

enum { FILTER_MAX = 100000, HELLOS = 64, RANDOM_DIGITS = 64, NAMES_MAX = 1 << 20, RANDOMS_MAX = 16 << 20 };

struct saving {
	const struct trace_args *a;
	struct buf filter;     /* the user's, and what makes its frames readable */
	uint32_t chosen;       /* frames, if tls */
	bool tls;              /* some of them are encrypted, and can be read here */
	struct buf sessions;   /* whose secrets stay, as in struct strip_rules */
	struct carried result; /* of the new file, before it becomes one of another kind */
};

/* ---- what is chosen of TLS can be decrypted only with what came before it ---- */

/* Of one connection, by direction. TLS counts its records: to read one, all before it in its direction are needed, and the
 * handshake of both. */
struct need {
	uint32_t last[2];  /* number of the last chosen frame with something encrypted; 0: none */
	uint32_t begin[2]; /* up to here is the handshake, or what led to it */
	uint32_t port[2];
	bool talks[2]; /* that is over */
};

static void note_need(const struct dissected *d, const struct dissected_frame *f, struct need *n)
{
	int way = f->opener;

	n->port[way] = field_uint(d, f, F_PORT_FROM);
	if (f->shown && f->encrypted)
		n->last[way] = f->number;
	if (!n->talks[way])
		n->begin[way] = f->number;
	n->talks[way] |= f->encrypted && field_has(f, F_CHAT);
}

static void put_need(struct saving *s, uint32_t stream, const struct need *n)
{
	buf_fmt(&s->filter, " || (tcp.stream == %u && (tcp.flags.syn == 1 || (tcp.len > 0 && (", stream);
	for (int way = 0; way < 2; way++)
		buf_fmt(&s->filter, "%s(tcp.srcport == %u && frame.number <= %u)", way ? " || " : "", n->port[way],
			n->last[way] > n->begin[way] ? n->last[way] : n->begin[way]);
	buf_z(&s->filter, "))))");
}

static void put_needs(struct saving *s, const struct dissected *d)
{
	struct need *needs = xcalloc((size_t)d->stream_n + 1, sizeof(*needs));

	for (uint32_t i = 0; i < d->n; i++)
		if (d->frames[i].stream >= 0 && d->frames[i].len)
			note_need(d, &d->frames[i], &needs[d->frames[i].stream]);
	buf_fmt(&s->filter, "(%s)", s->a->filter);
	for (uint32_t i = 0; i < d->stream_n; i++)
		if ((needs[i].last[0] || needs[i].last[1]) && connection_facts(d, (int32_t)i).readable) {
			put_need(s, i, &needs[i]);
			s->tls = true;
		}
	s->chosen = dissected_shown(d);
	xfree(needs);
}

/* Only then is there anything to be decrypted. Into a compressed file nobody has looked yet. */
static bool may_have_secrets(const char *file)
{
	struct carried c;

	if (!trace_is_pcapng(file))
		return str_ends(str_z(file), STR("z"));
	capture_carried(file, &c);
	return c.sessions > 0;
}

static int choose(struct saving *s, struct buf *why)
{
	const struct trace_args *a = s->a;
	struct dissected d;
	int err;

	if (!a->filter || a->exact || !may_have_secrets(a->file)) {
		buf_z(&s->filter, a->filter ? a->filter : "frame");
		return 0;
	}
	err = dissect(a->file, a->filter, &d, why);
	if (err)
		return err;
	buf_reset(why);
	put_needs(s, &d);
	dissected_clear(&d);
	if (buf_ok(&s->filter))
		return 0;
	buf_z(why, "that is of too many encrypted connections: choose fewer, or --exact");
	return ERR_LIMIT;
}

/* ---- whose secrets go along ---- */

/* Sessions that begin in the new file. A hello of a client alone is nothing that could be decrypted. */
struct hellos {
	struct saving *s;
	struct {
		uint32_t stream;
		char random[RANDOM_DIGITS + 1];
	} client[HELLOS];
	unsigned n;
};

/* "stream\ttypes\trandom" */
static bool on_hello(void *arg, struct str line)
{
	struct hellos *h = arg;
	uint64_t stream = 0;
	struct str rest = line, number = str_cut(&rest, '\t'), type = str_cut(&rest, '\t');

	if (!rest.p || str_uint(number, UINT32_MAX, &stream) != 0)
		return true;
	rest = str_cut(&rest, ',');
	if (str_is(str_cut(&type, ','), "1") && rest.n == RANDOM_DIGITS) {
		h->client[h->n % HELLOS].stream = (uint32_t)stream;
		memcpy(h->client[h->n++ % HELLOS].random, rest.p, RANDOM_DIGITS);
		return true;
	}
	for (unsigned i = 0; i < HELLOS; i++)
		if (h->client[i].random[0] && h->client[i].stream == stream)
			buf_fmt(&h->s->sessions, "%s\n", h->client[i].random);
	return buf_ok(&h->s->sessions);
}

static int find_sessions(struct saving *s, const char *file, struct buf *why)
{
	const char *argv[] = {"tshark", "-r", file, "-Y", "tls.handshake.type in {1, 2}", "-T", "fields", "-e",
		"tcp.stream", "-e", "tls.handshake.type", "-e", "tls.handshake.random", NULL};
	struct hellos h = {.s = s};
	struct carried c;

	capture_carried(file, &c);
	return c.sessions ? tshark_run(argv, on_hello, &h, why) : 0;
}

/* ---- writing ---- */

/* whole: as tshark writes it; part: with names of addresses, and without the secrets of others. */
static int write_part(struct saving *s, const char *whole, const char *part, struct buf *why)
{
	static const struct trace_form plain = {"pcapng", false};
	CLEANUP(buf_clear) struct buf names = {.max = NAMES_MAX};
	const struct trace_args *a = s->a;
	struct strip_rules rules = {.all = !a->filter && !a->exact};
	int err = trace_convert(a->file, a->filter ? buf_cstr(&s->filter) : NULL, plain, whole, why);

	if (err)
		return err;
	if (a->filter && !a->exact)
		err = find_sessions(s, whole, why);
	capture_names(a->file, &names);
	rules.keep = buf_view(&s->sessions);
	rules.more = buf_ok(&names) ? buf_view(&names) : STR_NONE;
	if (!err)
		err = strip_copy(whole, part, &rules, why);
	unlink(whole);
	if (!err)
		capture_carried(part, &s->result);
	return err;
}

static int save(struct saving *s, struct buf *why)
{
	char whole[TRACE_PATH_MAX], part[TRACE_PATH_MAX];
	int err = choose(s, why);

	if (!err)
		err = trace_begin(s->a, why);
	trace_part(s->a, "whole", whole);
	trace_part(s->a, "part", part);
	if (!err)
		err = write_part(s, whole, part, why);
	if (!err)
		err = trace_into_form(s->a, part, whole, why);
	return err ? err : trace_publish(s->a, part, why);
}

/* ---- what the user has to know ---- */

static void tell_more(const struct saving *s)
{
	unsigned long long more = s->result.packets > s->chosen ? s->result.packets - s->chosen : 0;

	if (s->tls && more)
		fprintf(stderr,
			"%s: %llu more frame%s kept so that the %u chosen can be decrypted: TLS needs its handshake and every "
			"record before. --exact keeps none of them, and no secrets.\n",
			trace_into_name(s->a), more, more == 1 ? " is" : "s are", s->chosen);
}

static void tell_none(const struct saving *s)
{
	if (s->a->filter && !s->result.packets)
		fprintf(stderr, "wireside: trace save: the filter lets nothing through: there is no packet in %s\n",
			trace_into_name(s->a));
}

static void tell_carried(const struct saving *s)
{
	CLEANUP(buf_clear) struct buf lost = {.max = 1000};
	struct trace_form form = trace_form_of(s->a);

	if (strcmp(form.format, "pcapng") != 0) {
		carried_put(&s->result, &lost);
		if (lost.n)
			fprintf(stderr, "%s: %s has no place for these, so they are lost: %s. pcapng has.\n",
				trace_into_name(s->a), form.format, buf_cstr(&lost));
	} else if (s->result.sessions) {
		fprintf(stderr,
			"%s has the SECRETS of %u TLS session%s in it: whoever has the file can read what is said there. "
			"`wireside trace strip` makes one without.\n",
			trace_into_name(s->a), s->result.sessions, s->result.sessions == 1 ? "" : "s");
	}
}

int trace_save(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct saving s = {.a = a, .filter = {.max = FILTER_MAX}, .sessions = {.max = RANDOMS_MAX}};
	int err = trace_is_there(a, " save");

	if (err)
		return err;
	err = save(&s, &why);
	if (why.n)
		trace_complain(" save", &why);
	if (!err) {
		tell_none(&s);
		tell_more(&s);
		tell_carried(&s);
	}
	buf_clear(&s.filter);
	buf_clear(&s.sessions);
	return err ? 1 : 0;
}
