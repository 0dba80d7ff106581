/* Socket addresses as text, numbers only: no name is ever looked up here. For this folder only. */
#ifndef LINK_ADDR_H
#define LINK_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t n;
	bool any; /* "*": in6 is the wildcard of both families */
};

/* "[fe80::1%eth0]:65535" and its end */
enum { ADDR_TEXT = 80 };

/* "127.0.0.1:5222", "[::1]:5222", "*:5222", "unix:/path". ERR_SYNTAX. */
int addr_parse(struct str text, struct addr *ret);
/* A path of at most what the system allows, ERR_LIMIT; ERR_SYNTAX when empty. */
int addr_unix(struct str path, struct addr *ret);
/* "192.0.2.7:50312", "[::1]:4000" ("" for others) and which part of it is the bare address. An IPv4
 * peer of a socket for both families is shown as IPv4. */
void addr_format(const struct addr *a, char text[ADDR_TEXT], struct str *ret_host);
bool addr_is_loopback(const struct addr *a);

#endif
