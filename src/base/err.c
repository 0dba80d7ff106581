#include "base/err.h"

static const char *const names[] = {
	[-ERR_AGAIN] = "not ready",
	[-ERR_CLOSED] = "closed by the other end",
	[-ERR_IO] = "input/output error",
	[-ERR_LIMIT] = "limit reached",
	[-ERR_SYNTAX] = "malformed",
	[-ERR_INVALID] = "not valid",
	[-ERR_NOTFOUND] = "not found",
	[-ERR_EXISTS] = "exists already",
	[-ERR_DENIED] = "permission denied",
	[-ERR_BUSY] = "in use",
	[-ERR_FULL] = "no space left",
	[-ERR_TIMEOUT] = "timed out",
	[-ERR_TLS] = "TLS failure",
	[-ERR_VERSION] = "made by a newer version",
	[-ERR_UNSUPPORTED] = "not supported",
};

const char *err_name(int err)
{
	if (err >= 0)
		return "done";
	if (err <= -(int)(sizeof(names) / sizeof(names[0])))
		return "unknown error";
	return names[-err];
}
