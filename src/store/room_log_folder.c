#include "store/room_log_folder.h"

#include <string.h>

#include "base/codec.h"
#include "base/hash.h"

enum { NAME_MAX_ = 200, NAME_CUT = 160, HASH_SHOWN = 8 };

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("@-_.", c));
}

void room_log_folder(struct buf *out, struct str room)
{
	size_t start = out->n;
	uint8_t digest[HASH_MAX];

	for (size_t i = 0; i < room.n; i++) {
		char c = room.p[i];

		if (is_plain(c) && (i > 0 || c != '.'))
			buf_char(out, c);
		else
			buf_fmt(out, "%%%02X", (unsigned char)c);
	}
	if (out->n - start <= NAME_MAX_)
		return;
	buf_cut(out, start + NAME_CUT);
	hash_digest(HASH_SHA256, room, digest);
	buf_char(out, '%');
	hex_encode(out, digest, HASH_SHOWN);
}
