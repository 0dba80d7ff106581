/* Error numbers. Functions return 0 or one of these (all negative); protocol errors are values of
 * their own (xmpp/xerr.h). Broken invariants abort (base/mem.h: must()). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	ERR_AGAIN = -1,       /* nothing now, wait for readiness */
	ERR_CLOSED = -2,      /* the other end is gone */
	ERR_IO = -3,          /* the system refused; errno tells */
	ERR_LIMIT = -4,       /* a limit given at creation was reached */
	ERR_SYNTAX = -5,      /* the bytes do not follow the grammar */
	ERR_INVALID = -6,     /* well-formed, but not allowed here */
	ERR_NOTFOUND = -7,    /* no such thing */
	ERR_EXISTS = -8,      /* there is one already */
	ERR_DENIED = -9,      /* not permitted */
	ERR_BUSY = -10,       /* in use by another */
	ERR_FULL = -11,       /* no space on the device */
	ERR_TIMEOUT = -12,    /* took too long */
	ERR_TLS = -13,        /* the TLS library refused */
	ERR_VERSION = -14,    /* made by a newer program */
	ERR_UNSUPPORTED = -15 /* not offered by this build or peer */
};

/* A short English name ("limit reached"), never NULL. */
const char *err_name(int err);

#endif
