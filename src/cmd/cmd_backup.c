#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/features.h"
#include "base/err.h"
#include "base/mem.h"
#include "cmd/commands.h"
#include "db/db.h"

static const char usage[] =
	"Usage: wireside backup FILE [--data DIR]\n\n"
	"Copies the whole store into a new file, consistently, while the server runs or not. The certificate\n"
	"and its key (cert.pem, key.pem in the data folder) are files to copy beside it.\n"
	"To restore: stop the server, remove wireside.db, wireside.db-wal and wireside.db-shm from the data\n"
	"folder, put the copy there as wireside.db, start the server.\n\n"
	"Example:\n  wireside backup /var/backups/wireside-monday.db\n";

static void on_progress(void *arg, int done, int total)
{
	bool *shown = arg;

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%d of %d pages", done, total);
	*shown = true;
}

static int backup(const char *data, const char *file)
{
	bool shown = false;
	struct buf why;
	int err;

	buf_init(&why, 4096);
	err = db_backup(data, file, on_progress, &shown, &why);
	if (shown)
		fputc('\n', stderr);
	if (err)
		fprintf(stderr, "wireside: %s\n", why.n ? buf_cstr(&why) : err_name(err));
	else
		printf("%s\n", file);
	buf_clear(&why);
	return err ? 1 : 0;
}

int cmd_backup(int argc, char **argv)
{
	char *data;
	int status = 2;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	data = config_take_data(&argc, argv, CONFIG_SERVE);
	if (!data)
		return 2;
	if (argc == 2 && argv[1][0] != '-')
		status = backup(data, argv[1]);
	else
		fputs("wireside: backup needs one FILE to make\nSee `wireside backup --help`.\n", stderr);
	xfree(data);
	return status;
}

int cmd_features(int argc, char **argv)
{
	struct buf out;

	if (argc > 1) {
		bool asked = wants_help(argc, argv);

		fputs("Usage: wireside features\n\nPrints the specifications spoken, as a table (docs/PROTOCOL.md).\n\n"
		      "Example:\n  wireside features\n",
			asked ? stdout : stderr);
		return asked ? 0 : 2;
	}
	buf_init(&out, 1 << 20);
	features_write_protocol(&out);
	fwrite(out.p, 1, out.n, stdout);
	buf_clear(&out);
	return 0;
}
