#include "app/features.h"

#include "peer/peers.h"
#include "room/rooms.h"
#include "user/users.h"
#include "xmpp/ns.h"

/* What the stream itself speaks (xmpp/stream.c, wire/ack.c); no IQ is dispatched by these rows. */
static const struct feature stream_features[] = {
	{.name = "XMPP Core",
		.spec = "RFC 6120",
		.script = "stream",
		.note = "client streams: STARTTLS, SASL (SCRAM-SHA-1 and -256 with -PLUS, PLAIN inside TLS, EXTERNAL on the local socket), bind"},
	{.name = "Internationalised addresses",
		.spec = "RFC 7622",
		.note = "PRECIS: UsernameCaseMapped, OpaqueString; IDNA2008"},
	{.name = "SCRAM-SHA-256",
		.spec = "RFC 7677",
		.script = "sasl-tls",
		.note = "tls-exporter (RFC 9266) and tls-server-end-point (RFC 5929) bindings"},
	{.name = "Stream Management",
		.spec = "XEP-0198",
		.version = "1.6.3",
		.script = "resume",
		.note = "acknowledgement and resumption in memory"},
	{.name = "Client State Indication",
		.spec = "XEP-0352",
		.version = "1.0.0",
		.script = "csi",
		.note = "presences, notifications without a text and chat states wait while nobody looks at a client: the first two until something of importance comes"},
	{.name = "SRV records for XMPP over TLS", .spec = "XEP-0368", .version = "1.1.0", .note = "direct TLS port"},
	{.name = "SASL Channel-Binding Type Capability", .spec = "XEP-0440", .version = "1.0.0", .script = "sasl-tls"},
	{.name = "vCard-Based Avatars",
		.spec = "XEP-0153",
		.version = "1.1.1",
		.note = "in the presence of peers that only the network tells of; their picture is a record there (XEP-0174)"},
	{.name = NULL},
};

const struct feature *const features[] = {stream_features, user_features, room_features, NULL};
const struct command *const commands[] = {user_commands, room_commands, peer_commands, NULL};

void features_write_protocol(struct buf *out)
{
	buf_z(out,
		"# What Wireside speaks\n\nMade from the table in `src/app/features.c` by `wireside features`; do not edit.\n\n"
		"| specification | version | what | namespace | proof | notes |\n|---|---|---|---|---|---|\n");
	for (const struct feature *const *array = features; *array; array++)
		for (const struct feature *f = *array; f->name; f++) {
			buf_fmt(out, "| %s | %s | %s | %s | ", f->spec, f->version ? f->version : "", f->name,
				f->ns ? f->ns : "");
			if (f->script)
				buf_fmt(out, "`tests/script/%s.xt`", f->script);
			buf_fmt(out, " | %s |\n", f->note ? f->note : "");
		}
}
