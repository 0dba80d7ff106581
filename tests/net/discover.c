/* Discovery alone, for tests: prints each event as a line, and does what lines on standard input say.
 *
 *   discover --name INSTANCE [--backend auto|avahi|own|none] [--port N] [--interface IF]... [--loopback] [--after-crash]
 *            [--host NAME] [--picture BYTES]
 *
 *   status WORD      publishes another status
 *   name INSTANCE    publishes under another name
 *   picture NAME     asks for somebody's picture
 *   quit             goodbye; so does the end of the input
 *
 *   found NAME host=H port=N interface=IF addresses=A,B txt=key=value;key=value
 *   gone NAME | named NAME renamed=0|1 | picture NAME bytes=N sum=N | network usable=0|1 changed=0|1 TEXT | backend NAME */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "mdns/discovery.h"

enum { INTERFACES = 16, INPUT_MAX = 4096 };

static struct {
	struct loop *loop;
	struct queue *from;
	struct discovery *discovery;
	struct watch *input;
	char line[INPUT_MAX];
	size_t n;
	struct service *service;
	unsigned picture;
	const char *backend; /* as printed last */
} t;

static void print_found(const struct msg *m)
{
	const struct service *s = m->found.service;
	size_t pos = 0;

	printf("found %s host=%s port=%u interface=%s addresses=", s->instance, s->host, s->port, s->interface);
	for (unsigned i = 0; i < s->address_count; i++)
		printf("%s%s", i ? "," : "", s->addresses[i]);
	printf(" txt=");
	for (struct str x; (x = service_txt_next(s, &pos)).p;)
		printf("%.*s;", STR_FMT(x));
	printf("\n");
}

static void print_gone(const struct msg *m) { printf("gone %s\n", m->gone.instance); }
static void print_named(const struct msg *m) { printf("named %s renamed=%d\n", m->named.instance, m->named.renamed); }

static void print_picture(const struct msg *m)
{
	unsigned sum = 0;

	for (uint32_t i = 0; i < m->picture.n; i++)
		sum += (uint8_t)m->picture.bytes[i];
	printf("picture %s bytes=%u sum=%u\n", m->picture.instance, m->picture.n, sum);
}

static void print_network(const struct msg *m)
{
	printf("network usable=%d changed=%d %s\n", m->network.usable, m->network.changed_addresses, m->network.text);
}

static void (*const prints[MSG_KIND_COUNT])(const struct msg *m) = {
	[MSG_FOUND] = print_found,
	[MSG_GONE] = print_gone,
	[MSG_NAMED] = print_named,
	[MSG_PICTURE] = print_picture,
	[MSG_NETWORK] = print_network,
};

static void on_turn(void *arg)
{
	struct msgs all = {0};

	if (queue_take(t.from, &all))
		for (uint32_t i = 0; i < all.n; i++)
			prints[all.m[i].kind](&all.m[i]);
	msgs_clear(&all);
	const char *backend = t.discovery ? discovery_backend(t.discovery) : t.backend;
	if (!t.backend || strcmp(t.backend, backend) != 0)
		printf("backend %s\n", backend);
	t.backend = backend;
	fflush(stdout);
}

static void publish(void)
{
	struct msgs batch = {0};
	struct msg *m = msgs_add(&batch);

	m->kind = MSG_PUBLISH;
	m->publish.service = service_copy(t.service);
	if (t.picture) {
		m->publish.picture = xmalloc(t.picture);
		m->publish.n = t.picture;
		for (unsigned i = 0; i < t.picture; i++)
			m->publish.picture[i] = (char)(i * 7);
	}
	discovery_put(t.discovery, &batch);
	msgs_clear(&batch);
}

static void do_status(const char *word)
{
	service_txt_set(t.service, "status", str_z(word));
	publish();
}

static void do_name(const char *instance)
{
	xfree(t.service->instance);
	t.service->instance = xstrdup(instance);
	publish();
}

static void do_picture(const char *instance)
{
	struct msgs batch = {0};
	struct msg *m = msgs_add(&batch);

	m->kind = MSG_ASK_PICTURE;
	m->gone.instance = xstrdup(instance);
	discovery_put(t.discovery, &batch);
	msgs_clear(&batch);
}

static void do_quit(const char *rest)
{
	discovery_stop(t.discovery);
	loop_stop(t.loop);
}

static const struct {
	const char *word;
	void (*run)(const char *rest);
} commands[] = {{"status ", do_status}, {"name ", do_name}, {"picture ", do_picture}, {"quit", do_quit}};

static void run_line(const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strncmp(line, commands[i].word, strlen(commands[i].word)) == 0)
			commands[i].run(line + strlen(commands[i].word));
}

static void on_input(void *arg, int events)
{
	ssize_t n = read(0, t.line + t.n, sizeof(t.line) - t.n - 1);
	char *end;

	if (n <= 0) {
		watch_set(t.input, 0);
		do_quit("");
		return;
	}
	t.n += (size_t)n;
	t.line[t.n] = 0;
	while ((end = strchr(t.line, '\n'))) {
		*end = 0;
		run_line(t.line);
		t.n -= (size_t)(end + 1 - t.line);
		memmove(t.line, end + 1, t.n + 1);
	}
}

static void usage(const char *what)
{
	fprintf(stderr, "discover: %s?\n", what);
	exit(2);
}

static void read_options(char **argv, struct discovery_config *config, const char **interfaces)
{
	for (char **a = argv + 1; *a; a++) {
		if (strcmp(*a, "--loopback") == 0) {
			config->loopback = true;
			continue;
		} else if (strcmp(*a, "--after-crash") == 0) {
			config->after_crash = true;
			continue;
		}
		const char *value = a[1];
		if (!value)
			usage(*a);
		if (strcmp(*a, "--name") == 0)
			t.service->instance = xstrdup(value);
		else if (strcmp(*a, "--port") == 0)
			t.service->port = (uint16_t)atoi(value);
		else if (strcmp(*a, "--host") == 0)
			config->host = value;
		else if (strcmp(*a, "--picture") == 0)
			t.picture = (unsigned)atoi(value);
		else if (strcmp(*a, "--interface") == 0 && config->interface_count < INTERFACES)
			interfaces[config->interface_count++] = value;
		else if (strcmp(*a, "--backend") != 0 || discovery_kind_parse(value, &config->kind) < 0)
			usage(*a);
		a++;
	}
}

int main(int argc, char **argv)
{
	const char *interfaces[INTERFACES];
	struct discovery_config config = {.interfaces = interfaces};

	log_set_level(LOG_DEBUG);
	t.service = service_new(STR_NONE, 5298);
	read_options(argv, &config, interfaces);
	if (!t.service->instance)
		usage("--name");
	service_txt_set(t.service, "txtvers", STR("1"));
	service_txt_set(t.service, "status", STR("avail"));
	t.loop = loop_new();
	t.from = queue_new(NULL);
	loop_on_turn(t.loop, on_turn, NULL);
	config.to_core = t.from;
	t.discovery = discovery_new(t.loop, &config);
	publish();
	t.input = watch_new(t.loop, 0, on_input, NULL);
	watch_set(t.input, WATCH_READ);
	loop_run(t.loop);
	discovery_free(&t.discovery);
	watch_free(&t.input);
	queue_free(&t.from);
	service_free(&t.service);
	loop_free(&t.loop);
	return 0;
}
