/* For the tests of this folder only: is it JSON? */
#ifndef PEER_TESTING_JSON_H
#define PEER_TESTING_JSON_H

#include "peer/testing.h"

/* ---- JSON, read by the grammar of RFC 8259 alone ---- */

UNUSED static const char *json_value(const char *p);

UNUSED static const char *json_space(const char *p)
{
	while (*p && strchr(" \t\r\n", *p))
		p++;
	return p;
}

UNUSED static const char *json_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p == '\\' && !strchr("\"\\/bfnrtu", *++p))
			return NULL;
	}
	return p + 1;
}

/* Values between commas, with names or without. */
UNUSED static const char *json_list(const char *p, char end, bool named)
{
	p = json_space(p + 1);
	if (*p == end)
		return p + 1;
	for (;;) {
		if (named) {
			p = json_string(json_space(p));
			p = p ? json_space(p) : "";
			if (*p++ != ':')
				return NULL;
		}
		p = json_value(json_space(p));
		if (!p)
			return NULL;
		p = json_space(p);
		if (*p == end)
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

UNUSED static const char *json_value(const char *p)
{
	static const char *const words[] = {"true", "false", "null"};

	if (*p == '[')
		return json_list(p, ']', false);
	if (*p == '{')
		return json_list(p, '}', true);
	if (*p == '"')
		return json_string(p);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strncmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	return *p >= '0' && *p <= '9' ? p + strspn(p, "0123456789") : NULL;
}

UNUSED static void assert_json(const char *text)
{
	const char *end = json_value(json_space(text));

	if (!end || *json_space(end) || !str_utf8(str_z(text)))
		fail_msg("not JSON: %s", text);
}

#endif
