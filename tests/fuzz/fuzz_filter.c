/* Any bytes that people send, on their way to a terminal: what comes out is UTF-8 without controls and marks of direction;
 * a line break always has the mark behind it, and no line is wider than the terminal. */
#include <locale.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "tui/filter.h"
#include "tui/text.h"

static const struct {
	uint32_t from, to;
} bad[] = {{0, 9}, {0xb, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

static void check(struct str out, bool marks, unsigned columns)
{
	unsigned mark = sizeof(FILTER_MARK) - 1;

	must(str_utf8(out));
	for (size_t i = 0; i < out.n;) {
		struct str c = {out.p + i, str_utf8_next((struct str){out.p + i, out.n - i})};
		const unsigned char *u = (const unsigned char *)c.p;
		uint32_t code = c.n == 1 ? u[0]
			: c.n == 2       ? (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu)
			: c.n == 3       ? (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu)
					 : 0x10000;

		for (size_t k = 0; k < ARRAY_LEN(bad); k++)
			must(code < bad[k].from || code > bad[k].to);
		i += c.n;
		if (code == '\n' && marks)
			must(out.n - i >= mark && memcmp(out.p + i, FILTER_MARK, mark) == 0);
	}
	while (columns && out.n) {
		struct str line = str_cut(&out, '\n');
		must(filter_width(line) <= columns);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	unsigned columns = 16 + fuzz_choice(&in, 120);
	struct client_event e = {.kind = (enum client_event_kind)fuzz_choice(&in, EVENT_KINDS - 1)};
	struct str text = {(const char *)in.p, in.n};
	struct buf line, lines, wrapped, shown, json;

	setlocale(LC_CTYPE, "C.UTF-8");
	buf_init(&line, 64 << 20);
	buf_init(&lines, 64 << 20);
	buf_init(&wrapped, 64 << 20);
	buf_init(&shown, 64 << 20);
	buf_init(&json, 64 << 20);
	filter_line(&line, text);
	must(!memchr(buf_view(&line).p, '\n', line.n));
	check(buf_view(&line), true, 0);
	filter_text(&lines, text);
	check(buf_view(&lines), true, 0);
	filter_wrap(&wrapped, buf_view(&lines), columns);
	check(buf_view(&wrapped), true, columns);
	e.body = e.who = e.verb = e.detail = e.label = e.conversation = e.id = text;
	text_of_event(&shown, &e, 0);
	check(buf_view(&shown), true, 0);
	text_json(&json, &e);
	must(!memchr(buf_view(&json).p, '\n', json.n));
	check(buf_view(&json), true, 0);
	buf_clear(&line);
	buf_clear(&lines);
	buf_clear(&wrapped);
	buf_clear(&shown);
	buf_clear(&json);
	return 0;
}
