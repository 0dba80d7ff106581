#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "mdns/responder_i.h"

int64_t random_ms(int64_t from, int64_t to)
{
	uint32_t random;

	rand_bytes(&random, sizeof(random));
	return from + random % (to - from + 1);
}

void packet_start(struct packet_out *p, struct seg *seg, const struct place *to, uint16_t id, uint16_t flags)
{
	p->seg = seg;
	p->to = to;
	p->id = id;
	p->flags = flags;
	dns_start(&p->w, p->bytes, SAFE_PACKET, id, flags);
}

/* The system gives multicast back to its sender (others of this machine need it). */
static void remember_echo(struct responder *r, const void *p, size_t n)
{
	r->echoes[r->echo_next] = hash_bytes(p, n);
	r->echo_next = (r->echo_next + 1) % ECHOES_MAX;
}

bool packet_is_echo(struct responder *r, const struct place *from, const void *p, size_t n)
{
	uint64_t hash = hash_bytes(p, n);

	/* Others ask the same question with the same bytes. */
	if (!mine_is_local(r, &from->ip))
		return false;
	for (unsigned i = 0; i < ECHOES_MAX; i++) {
		if (r->echoes[i] != hash)
			continue;
		r->echoes[i] = 0;
		return true;
	}
	return false;
}

void packet_send(struct packet_out *p)
{
	struct responder *r = p->seg->responder;

	if (dns_empty(&p->w))
		return;
	/* Each family brings one back. */
	for (unsigned family = 4; !p->to && family <= 6; family += 2)
		if (iface_has_family(&p->seg->iface, (uint8_t)family))
			remember_echo(r, p->bytes, p->w.n);
	r->io->send(r->io_arg, &p->seg->iface, p->to, p->bytes, p->w.n);
	packet_start(p, p->seg, p->to, p->id, p->flags);
}

void packet_question(struct packet_out *p, const struct dns_name *name, uint16_t type)
{
	if (dns_put_question(&p->w, name, type))
		return;
	packet_send(p);
	must(dns_put_question(&p->w, name, type));
}

/* What follows known answers in another packet needs the mark for that (RFC 6762 section 7.2). */
static void send_part(struct packet_out *p, enum dns_section section)
{
	if (!(p->flags & DNS_RESPONSE) && section == DNS_ANSWER)
		dns_set_flags(&p->w, p->flags | DNS_TRUNCATED);
	packet_send(p);
}

void packet_record(struct packet_out *p, enum dns_section section, const struct dns_record *record)
{
	if (dns_put_record(&p->w, section, record))
		return;
	if (section == DNS_ADDITIONAL)
		return; /* a courtesy, not worth another packet */
	send_part(p, section);
	p->w.max = sizeof(p->bytes);
	if (dns_put_record(&p->w, section, record) && p->w.n > SAFE_PACKET)
		packet_send(p);
	p->w.max = SAFE_PACKET;
}
