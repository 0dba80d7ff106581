#include "link/addr.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

#include "base/err.h"

static int parse_in4(struct str host, uint16_t port, struct addr *ret)
{
	char z[INET_ADDRSTRLEN];
	if (host.n >= sizeof(z))
		return ERR_SYNTAX;
	memcpy(z, host.p, host.n);
	z[host.n] = 0;
	struct addr a = {.n = sizeof(a.in4)};
	a.in4.sin_family = AF_INET;
	a.in4.sin_port = htons(port);
	if (strlen(z) != host.n || inet_pton(AF_INET, z, &a.in4.sin_addr) != 1)
		return ERR_SYNTAX;
	*ret = a;
	return 0;
}

/* Through the resolver's numeric mode because of scopes ("fe80::1%eth0"). */
static int parse_in6(struct str host, uint16_t port, struct addr *ret)
{
	char z[ADDR_TEXT];
	if (host.n >= sizeof(z) || !memchr(host.p, ':', host.n))
		return ERR_SYNTAX;
	memcpy(z, host.p, host.n);
	z[host.n] = 0;
	const struct addrinfo hints = {.ai_family = AF_INET6,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found;
	if (strlen(z) != host.n || getaddrinfo(z, NULL, &hints, &found) != 0)
		return ERR_SYNTAX;
	struct addr a = {.n = sizeof(a.in6)};
	memcpy(&a.in6, found->ai_addr, sizeof(a.in6));
	a.in6.sin6_port = htons(port);
	freeaddrinfo(found);
	*ret = a;
	return 0;
}

int addr_unix(struct str path, struct addr *ret)
{
	struct addr a = {.n = sizeof(a.un)};
	if (path.n == 0 || memchr(path.p, 0, path.n))
		return ERR_SYNTAX;
	if (path.n >= sizeof(a.un.sun_path))
		return ERR_LIMIT;
	a.un.sun_family = AF_UNIX;
	memcpy(a.un.sun_path, path.p, path.n);
	*ret = a;
	return 0;
}

static int parse_any(uint16_t port, struct addr *ret)
{
	struct addr a = {.n = sizeof(a.in6), .any = true};
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons(port);
	a.in6.sin6_addr = in6addr_any;
	*ret = a;
	return 0;
}

int addr_parse(struct str text, struct addr *ret)
{
	if (str_starts(text, STR("unix:")))
		return addr_unix((struct str){text.p + 5, text.n - 5}, ret) ? ERR_SYNTAX : 0;
	const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	if (!colon)
		return ERR_SYNTAX;
	struct str host = {text.p, (size_t)(colon - text.p)};
	struct str number = {colon + 1, text.n - host.n - 1};
	uint64_t port;
	if (number.n > 5 || str_uint(number, 65535, &port) != 0)
		return ERR_SYNTAX;
	if (str_is(host, "*"))
		return parse_any((uint16_t)port, ret);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return parse_in6((struct str){host.p + 1, host.n - 2}, (uint16_t)port, ret);
	return parse_in4(host, (uint16_t)port, ret);
}

/* Turns ::ffff:192.0.2.7 into 192.0.2.7. */
static struct addr unmapped(const struct addr *a)
{
	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return *a;
	struct addr b = {.n = sizeof(b.in4)};
	b.in4.sin_family = AF_INET;
	b.in4.sin_port = a->in6.sin6_port;
	memcpy(&b.in4.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
	return b;
}

void addr_format(const struct addr *given, char text[ADDR_TEXT], struct str *ret_host)
{
	struct addr a = unmapped(given);
	char host[ADDR_TEXT - 9] = "";
	bool six = a.sa.sa_family == AF_INET6;
	text[0] = 0;
	*ret_host = (struct str){text, 0};
	if (!six && a.sa.sa_family != AF_INET)
		return;
	if (given->any)
		host[0] = '*';
	else if (getnameinfo(&a.sa, a.n, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		return;
	bool brackets = six && !given->any;
	unsigned port = ntohs(six ? a.in6.sin6_port : a.in4.sin_port);
	snprintf(text, ADDR_TEXT, "%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "", port);
	*ret_host = (struct str){text + brackets, strlen(host)};
}

bool addr_is_loopback(const struct addr *given)
{
	struct addr a = unmapped(given);
	if (a.sa.sa_family == AF_INET)
		return ntohl(a.in4.sin_addr.s_addr) >> 24 == 127;
	return a.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr);
}
