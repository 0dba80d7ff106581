/* Certificates trusted by their owner, not by an authority: a file of lines "DOMAIN SHA256". */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/chat.h"

/* Is this line one of the domain? */
static bool is_pin(const char *line, const char *domain, char pin[65])
{
	char name[1024];

	return sscanf(line, "%1023s %64s", name, pin) == 2 && strcmp(name, domain) == 0;
}

int chat_pin_check(const char *path, const char *domain, const char *sha256, char old[65])
{
	FILE *f = fopen(path, "re");
	char pin[65];
	char *line = NULL;
	size_t cap = 0;
	bool known = false;

	old[0] = '\0';
	/* More than one may be good while a certificate is replaced. */
	while (f && getline(&line, &cap, f) > 0) {
		if (!is_pin(line, domain, pin))
			continue;
		if (strcmp(pin, sha256) == 0)
			known = true;
		else
			memcpy(old, pin, sizeof(pin));
	}
	free(line);
	if (f)
		fclose(f);
	return known ? 0 : old[0] ? ERR_INVALID : ERR_NOTFOUND;
}

/* The folders above, as far as they are missing. */
static void make_folders(const char *path)
{
	char part[4096];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		mkdir(part, 0700);
	}
}

/* All lines but those of this domain, also such as are not understood. */
static bool copy_others(const char *path, const char *domain, FILE *to)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, pin[65];
	size_t cap = 0;
	ssize_t n;
	bool ok = f != NULL || errno == ENOENT;

	while (f && ok && (n = getline(&line, &cap, f)) > 0)
		if (!is_pin(line, domain, pin))
			ok = fputs(line, to) >= 0 && (line[n - 1] == '\n' || fputc('\n', to) == '\n');
	free(line);
	if (f) {
		ok &= ferror(f) == 0;
		fclose(f);
	}
	return ok;
}

int chat_pin_put(const char *path, const char *domain, const char *sha256)
{
	char half[4096];
	FILE *f;
	int fd;
	bool ok;

	make_folders(path);
	snprintf(half, sizeof(half), "%s.new", path);
	fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f)
		return ERR_IO;
	ok = copy_others(path, domain, f) && fprintf(f, "%s %s\n", domain, sha256) > 0;
	ok = fclose(f) == 0 && ok;
	if (ok && rename(half, path) == 0)
		return 0;
	unlink(half);
	return ERR_IO;
}

bool chat_pin_read(const char *text, char ret[65])
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (n == 64 || !isxdigit((unsigned char)*text))
			return false;
		ret[n++] = (char)tolower((unsigned char)*text);
	}
	ret[n] = '\0';
	return n == 64;
}
