/* For benches and load tests: a server or a raw relay as a child process, and many simple blocking clients of it in
 * this one. Everything on loopback. Failures end the program with a message: a bench has nothing to recover. */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct load_server {
	pid_t pid;
	int port, port_tls;
	char data[64]; /* scratch folder, removed by load_stop() */
};

/* Makes accounts u0..u(n-1)@localhost with the password "secret" and keys of so many iterations, straight into a new store, then
 * starts $WIRESIDE on it. more: further flags, NULL at the end, or NULL. */
void load_start(struct load_server *s, unsigned accounts, unsigned iterations, const char *const *more);
void load_stop(struct load_server *s);
int64_t load_cpu_ns(pid_t pid); /* of all its threads, in nanoseconds of the scheduler */

/* A child that copies bytes: connections come in groups of so many; what one sends, `to_all` or only its partner gets. */
struct load_server load_relay(unsigned group, bool to_all);

struct load_client {
	int fd;
	SSL *ssl; /* NULL: plain */
	char buf[65536];
	size_t n; /* bytes waiting in buf */
};

struct load_client *load_connect(int port);
struct load_client *load_connect_tls(int port);
void load_send(struct load_client *c, const char *bytes, size_t n);
/* Reads until text came, and drops everything up to its end. Returns the bytes dropped. */
size_t load_expect(struct load_client *c, const char *text);
void load_skip(struct load_client *c, size_t n); /* reads and drops exactly n bytes */
void load_close(struct load_client **c);
/* Stream, PLAIN, bind, presence: a session of u<number>. */
void load_login(struct load_client *c, unsigned number, const char *resource);
/* The same with SCRAM-SHA-256 (accounts need at least SCRAM_ITERATIONS_MIN iterations). */
void load_login_scram(struct load_client *c, unsigned number, const char *resource);

#endif
