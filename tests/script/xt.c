/* xt: plays a protocol script against a server.
 *
 *   xt [--transport NAME] [--server ADDR:PORT] [--authority FILE] [--deviations FILE] [--log LEVEL] [--all] SCRIPT
 *   xt --describe SCRIPT     what the script needs of a server: lines "account JID", "option WORD"
 *
 * --authority is the certificate (PEM) that clients trust instead of the one made for the run.
 * --all goes on after a failure, with the next block, as well as it can.
 * Exit status: 0 all as expected, 1 not, 2 usage. See README.md. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "run.h"

enum { SECONDS_MAX = 100 }; /* for one script; what takes longer hangs */

struct arguments {
	const char *transport, *server, *authority, *deviations, *script;
	int log;
	bool describe, all;
};

static bool read_arguments(int argc, char **argv, struct arguments *ret)
{
	*ret = (struct arguments){.transport = "mem", .log = LOG_ERROR};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--describe") == 0)
			ret->describe = true;
		else if (strcmp(argv[i], "--all") == 0)
			ret->all = true;
		else if (strcmp(argv[i], "--transport") == 0 && value)
			ret->transport = argv[++i];
		else if (strcmp(argv[i], "--server") == 0 && value)
			ret->server = argv[++i];
		else if (strcmp(argv[i], "--authority") == 0 && value)
			ret->authority = argv[++i];
		else if (strcmp(argv[i], "--deviations") == 0 && value)
			ret->deviations = argv[++i];
		else if (strcmp(argv[i], "--log") == 0 && value)
			ret->log = atoi(argv[++i]);
		else if (argv[i][0] != '-' && !ret->script)
			ret->script = argv[i];
		else
			return false;
	}
	return ret->script != NULL;
}

static void describe(const struct script *s)
{
	for (unsigned i = 0; i < s->account_count; i++)
		printf("account %s\n", s->accounts[i]);
	for (unsigned i = 0; i < s->option_count; i++)
		printf("option %s\n", s->options[i]);
}

/* Does this script go with this transport? */
static bool fits(const struct script *s, const struct arguments *args, const struct world *w, struct buf *why)
{
	/* Scripts know somebody else's server by its name. */
	const char *theirs = world_has_tls(w) ? "prosody-tls" : "prosody";

	if (!script_runs_on(s, world_is_ours(w) ? args->transport : theirs))
		buf_fmt(why, "%s does not run on %s", s->name, args->transport);
	else if (s->needs_clock && !world_is_virtual(w))
		buf_fmt(why, "%s needs a virtual clock, which %s has not", s->name, args->transport);
	else if (s->only_wireside && !world_is_ours(w))
		buf_fmt(why, "%s is only for Wireside", s->name);
	return !why->n;
}

static bool play(const struct script *s, const struct arguments *args, const struct deviations *ds, struct buf *report)
{
	struct world *w = NULL;
	static struct run run;
	bool good;

	if (world_new(args->transport, args->server, s, &w, report) != 0)
		return false;
	if (args->authority)
		world_trust(w, args->authority);
	good = fits(s, args, w, report) && run_script(&run, s, w, args->deviations ? ds : NULL, args->all, report);
	world_free(&w);
	if (good)
		printf("%s, %s: %u blocks, %u steps as expected", s->name, args->transport, run.blocks, run.steps);
	if (good && run.deviated)
		printf(", %u blocks deviate as listed", run.deviated);
	if (good)
		putchar('\n');
	return good;
}

int main(int argc, char **argv)
{
	struct deviations ds = {NULL, 0};
	struct arguments args;
	struct script s = {0};
	struct buf report;
	bool good;

	if (!read_arguments(argc, argv, &args)) {
		fputs("usage: xt [--transport NAME] [--server ADDR:PORT] [--authority FILE] [--deviations FILE] [--log LEVEL] [--all] "
		      "[--describe] SCRIPT\n",
			stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	alarm(SECONDS_MAX);
	log_set_level((enum log_level)args.log);
	buf_init(&report, 64 << 20);
	good = script_read(args.script, &s, &report) == 0;
	if (good && args.describe)
		describe(&s);
	if (good && args.deviations)
		good = deviations_read(args.deviations, &ds, &report) == 0;
	if (good && !args.describe)
		good = play(&s, &args, &ds, &report);
	if (!good)
		fprintf(stderr, "%s\n", buf_cstr(&report));
	script_clear(&s);
	deviations_clear(&ds);
	buf_clear(&report);
	return good ? 0 : 1;
}
