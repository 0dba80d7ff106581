#include <stdio.h>

#include "app/guard.h"
#include "app/run.h"
#include "base/err.h"
#include "cmd/commands.h"

static const char usage[] =
	"Usage: wireside serve [OPTION]...\n\n"
	"Runs a chat server. Nothing has to be configured: the first start makes the data folder and a certificate\n"
	"and says where clients connect. Ends on SIGINT and SIGTERM, reads the certificate again on SIGHUP.\n\n";
static const char examples[] = "\nExamples:\n"
			       "  wireside serve\n"
			       "  wireside serve --domain example.org --certificate fullchain.pem --key privkey.pem\n"
			       "  wireside serve -c /etc/wireside.conf --log debug\n";

/* People compare this with what their client shows. */
static void show_certificate(const char *file)
{
	struct cert_info info;

	if (cert_read(file, &info) == 0 && info.self_signed)
		printf("Certificate: %s, self-signed, so clients have to be told to trust it; SHA-256\n  %s\n", file,
			info.sha256);
}

static void greet(const struct server *s, const struct config *c)
{
	struct buf text;

	buf_init(&text, 65536);
	server_addresses(s, &text);
	printf("Wireside %s serves", WIRESIDE_VERSION);
	for (unsigned i = 0; i < c->domains.n; i++)
		printf(" %s", c->domains.item[i]);
	printf(". Clients connect at:\n%s", buf_cstr(&text));
	show_certificate(server_certificate(s));
	printf("Data: %s\nAdd a user:  wireside user add NAME@%s%s%s\n", c->data, c->domains.item[0],
		c->data_given ? " --data " : "", c->data_given ? c->data : "");
	fflush(stdout);
	buf_clear(&text);
}

/* Also where nobody reads the greeting. */
static void warn(const struct config *c)
{
	if (!c->limits)
		fputs("wireside: rate limits are off: only for load tests\n", stderr);
	if (c->allow_plaintext)
		fputs("wireside: passwords may cross the network unprotected (--allow-plaintext)\n", stderr);
}

int cmd_serve(int argc, char **argv)
{
	struct config c;
	struct buf why;
	int err, status;

	if (wants_help(argc, argv)) {
		config_print_help(CONFIG_SERVE, usage, examples);
		return 0;
	}
	guard_memory();
	buf_init(&why, 4096);
	err = config_read(argc, argv, CONFIG_SERVE, &c, &why);
	if (err) {
		fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
		buf_clear(&why);
		return 2;
	}
	buf_clear(&why);
	log_set_level((enum log_level)c.log_level);
	warn(&c);
	status = run_server(&c, greet);
	config_clear(&c);
	return status;
}
