/* Certificates trusted by their owner, not by an authority: a file of lines "DOMAIN SHA256". */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/chat.h"

int chat_pin_check(const char *path, const char *domain, const char *sha256, char old[65])
{
	FILE *f = fopen(path, "re");
	char name[1024], pin[65];
	int err = ERR_NOTFOUND;

	while (f && fscanf(f, "%1023s %64s", name, pin) == 2) {
		if (strcmp(name, domain) != 0)
			continue;
		err = strcmp(pin, sha256) == 0 ? 0 : ERR_INVALID;
		memcpy(old, pin, sizeof(pin));
		if (err == 0)
			break; /* more than one may be good while a certificate is replaced */
	}
	if (f)
		fclose(f);
	return err;
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

int chat_pin_add(const char *path, const char *domain, const char *sha256)
{
	FILE *f;
	int fd;
	bool ok;

	make_folders(path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	f = fd >= 0 ? fdopen(fd, "a") : NULL;
	if (!f)
		return ERR_IO;
	ok = fprintf(f, "%s %s\n", domain, sha256) > 0;
	return fclose(f) == 0 && ok ? 0 : ERR_IO;
}

/* The lines of other domains. */
static bool copy_others(const char *path, const char *domain, FILE *to)
{
	FILE *f = fopen(path, "re");
	char name[1024], pin[65];
	bool ok = f != NULL;

	while (ok && fscanf(f, "%1023s %64s", name, pin) == 2)
		if (strcmp(name, domain) != 0)
			ok = fprintf(to, "%s %s\n", name, pin) > 0;
	if (f)
		fclose(f);
	return ok;
}

int chat_pin_replace(const char *path, const char *domain, const char *sha256)
{
	char half[4096];
	FILE *f;
	int fd;
	bool ok;

	snprintf(half, sizeof(half), "%s.new", path);
	fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f)
		return ERR_IO;
	ok = copy_others(path, domain, f) && fprintf(f, "%s %s\n", domain, sha256) > 0;
	ok = fclose(f) == 0 && ok;
	return ok && rename(half, path) == 0 ? 0 : ERR_IO;
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
