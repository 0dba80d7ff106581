/* Certificates as files: making a self-signed one, and saying what is in one. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "link/tls_priv.h"

enum {
	DAY = 24 * 60 * 60,
	YEARS_10 = 3652 * DAY,
	DOMAIN_MAX = 253,
	DOMAINS_MAX = 100,
	COMMON_NAME_MAX = 64, /* X.520 */
};

/* ASCII labels only: other scripts come as A-labels. */
static bool is_domain(struct str d)
{
	if (d.n == 0 || d.n > DOMAIN_MAX || d.p[0] == '.' || d.p[0] == '-')
		return false;
	for (size_t i = 0; i < d.n; i++) {
		char c = d.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && c != '-' && c != '.' && c != '_')
			return false;
		if (c == '.' && i + 1 < d.n && d.p[i + 1] == '.')
			return false;
	}
	return true;
}

static bool is_wildcard(struct str d) { return str_starts(d, STR("*.")) && is_domain((struct str){d.p + 2, d.n - 2}); }

static bool add_names(X509 *x, const struct str *domains, size_t n)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool ok = names != NULL;
	for (size_t i = 0; ok && i < n; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();
		must(name && text);
		ok = ASN1_STRING_set(text, domains[i].p, (int)domains[i].n) == 1;
		GENERAL_NAME_set0_value(name, GEN_DNS, text);
		ok = sk_GENERAL_NAME_push(names, name) > 0 && ok;
	}
	ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool add_text_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX v;
	X509V3_set_ctx(&v, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &v, nid, value);
	bool ok = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static bool add_subject(X509 *x, struct str domain)
{
	X509_NAME *name = X509_get_subject_name(x);
	int n = domain.n < COMMON_NAME_MAX ? (int)domain.n : COMMON_NAME_MAX;
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)domain.p, n, -1, 0) == 1 &&
		X509_set_issuer_name(x, name) == 1;
}

static bool add_serial(X509 *x)
{
	uint8_t p[16];
	rand_bytes(p, sizeof(p));
	p[0] = (p[0] & 0x7f) | 0x40; /* positive and of full length */
	BIGNUM *n = BN_bin2bn(p, sizeof(p), NULL);
	bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

static bool add_times(X509 *x)
{
	time_t now = (time_t)(clock_wall() / 1000);
	/* A peer's clock may be behind. */
	return ASN1_TIME_set(X509_getm_notBefore(x), now - DAY) && ASN1_TIME_set(X509_getm_notAfter(x), now + YEARS_10);
}

/* digest: NULL for kinds of keys that have their own. */
static X509 *make(EVP_PKEY *key, const EVP_MD *digest, const struct str *domains, size_t n)
{
	X509 *x = X509_new();
	bool ok = x && X509_set_version(x, X509_VERSION_3) == 1 && add_serial(x) && add_subject(x, domains[0]) &&
		add_times(x) && X509_set_pubkey(x, key) == 1 && add_names(x, domains, n) &&
		add_text_ext(x, NID_basic_constraints, "critical,CA:FALSE") &&
		add_text_ext(x, NID_key_usage, "critical,digitalSignature") &&
		add_text_ext(x, NID_ext_key_usage, "serverAuth,clientAuth") &&
		add_text_ext(x, NID_subject_key_identifier, "hash") && X509_sign(x, key, digest) > 0;
	if (ok)
		return x;
	X509_free(x);
	return NULL;
}

static int from_errno(void)
{
	static const struct {
		int number, err;
	} known[] = {{EEXIST, ERR_EXISTS}, {EACCES, ERR_DENIED}, {EPERM, ERR_DENIED}, {EROFS, ERR_DENIED},
		{ENOSPC, ERR_FULL}, {EDQUOT, ERR_FULL}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].number == errno)
			return known[i].err;
	return ERR_IO;
}

static int create(const char *path, mode_t mode, FILE **ret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f)
		return from_errno();
	*ret = f;
	return 0;
}

/* Writes one of both and closes; a file that is not whole is removed. */
static int write_pem(FILE *f, const char *path, const X509 *x, EVP_PKEY *key)
{
	bool ok = x ? PEM_write_X509(f, x) == 1 : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
	ok = fflush(f) == 0 && fsync(fileno(f)) == 0 && ok;
	int err = ok ? 0 : from_errno();
	fclose(f);
	if (err)
		unlink(path);
	return err;
}

/* Both files are made before anything is written, so that none is left alone. */
static int save(const char *cert, const char *key, const X509 *x, EVP_PKEY *k)
{
	FILE *fc = NULL, *fk = NULL;
	int err = create(key, 0600, &fk);
	if (err)
		return err;
	err = create(cert, 0644, &fc);
	if (err) {
		fclose(fk);
		unlink(key);
		return err;
	}
	err = write_pem(fk, key, NULL, k);
	if (err) {
		fclose(fc);
		unlink(cert);
		return err;
	}
	err = write_pem(fc, cert, x, NULL);
	if (err)
		unlink(key);
	return err;
}

/* Takes the key. */
static int make_files(const char *cert, const char *key, EVP_PKEY *k, const EVP_MD *digest, const struct str *domains,
	size_t n)
{
	X509 *x = k ? make(k, digest, domains, n) : NULL;
	int err = x ? save(cert, key, x, k) : ERR_TLS;
	X509_free(x);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return err;
}

int cert_make(const char *cert, const char *key, const struct str *domains, size_t n_domains)
{
	if (n_domains == 0 || n_domains > DOMAINS_MAX)
		return ERR_INVALID;
	for (size_t i = 0; i < n_domains; i++)
		if (!is_domain(domains[i]) && !is_wildcard(domains[i]))
			return ERR_INVALID;
	return make_files(cert, key, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), EVP_sha256(), domains, n_domains);
}

int cert_make_node(const char *cert, const char *key, struct str name)
{
	if (!is_domain(name))
		return ERR_INVALID;
	return make_files(cert, key, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, &name, 1);
}

static int load(const char *path, X509 **ret)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return ERR_IO;
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ERR_clear_error();
	if (!x)
		return ERR_INVALID;
	*ret = x;
	return 0;
}

static int64_t to_wall(const ASN1_TIME *t)
{
	struct tm tm;
	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void read_subject(const X509 *x, char *out, size_t n)
{
	memset(out, 0, n);
	FILE *f = fmemopen(out, n, "w");
	if (!f)
		return;
	X509_NAME_print_ex_fp(f, X509_get_subject_name(x), 0, XN_FLAG_RFC2253);
	fclose(f);
	out[n - 1] = 0;
}

/* Names with anything but visible ASCII are left out, and what does not fit as a whole. */
static void read_names(const X509 *x, char *out, size_t n)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	size_t used = 0;
	out[0] = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		if (g->type != GEN_DNS)
			continue;
		struct str s = {(const char *)ASN1_STRING_get0_data(g->d.dNSName),
			(size_t)ASN1_STRING_length(g->d.dNSName)};
		bool plain = s.n > 0;
		for (size_t j = 0; j < s.n; j++)
			plain = plain && s.p[j] > ' ' && s.p[j] < 127;
		if (!plain || used + s.n + 2 > n)
			continue;
		used += (size_t)snprintf(out + used, n - used, "%s%.*s", used ? " " : "", STR_FMT(s));
	}
	GENERAL_NAMES_free(names);
}

int cert_read(const char *cert, struct cert_info *ret)
{
	X509 *x;
	uint8_t md[EVP_MAX_MD_SIZE];
	int err = load(cert, &x);
	if (err)
		return err;
	struct buf hex;
	buf_init(&hex, 2 * EVP_MAX_MD_SIZE + 1);
	must(X509_digest(x, EVP_sha256(), md, NULL) == 1);
	hex_encode(&hex, md, 32);
	snprintf(ret->sha256, sizeof(ret->sha256), "%s", buf_cstr(&hex));
	buf_clear(&hex);
	read_subject(x, ret->subject, sizeof(ret->subject));
	read_names(x, ret->names, sizeof(ret->names));
	ret->not_before = to_wall(X509_get0_notBefore(x));
	ret->not_after = to_wall(X509_get0_notAfter(x));
	ret->self_signed = X509_self_signed(x, 1) == 1;
	X509_free(x);
	ERR_clear_error();
	return 0;
}

bool cert_serves(const char *cert, const char *domain)
{
	X509 *x;
	const unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	if (!is_domain(str_z(domain)) || load(cert, &x) != 0)
		return false;
	bool serves = X509_check_host(x, domain, strlen(domain), flags, NULL) == 1;
	X509_free(x);
	ERR_clear_error();
	return serves;
}

/* ---- the key of a node ---- */

bool cert_ed25519(const X509 *x, uint8_t pub[CERT_KEY])
{
	EVP_PKEY *k = x ? X509_get0_pubkey(x) : NULL;
	size_t n = CERT_KEY;
	return k && EVP_PKEY_get_id(k) == EVP_PKEY_ED25519 && EVP_PKEY_get_raw_public_key(k, pub, &n) == 1 &&
		n == CERT_KEY;
}

/* A program without a terminal must not ask for a password. */
static int no_password(char *out, int n, int writing, void *arg) { return -1; }

EVP_PKEY *cert_read_key(FILE *f)
{
	char buffer[4096]; /* ours, so that it can be wiped */
	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	EVP_PKEY *k = PEM_read_PrivateKey(f, NULL, no_password, NULL);
	fclose(f);
	mem_wipe(buffer, sizeof(buffer));
	return k;
}

/* Only if it belongs to this public key. */
static int load_seed(const char *path, const uint8_t pub[CERT_KEY], uint8_t seed[CERT_KEY])
{
	FILE *f = fopen(path, "re");
	if (!f)
		return ERR_IO;
	EVP_PKEY *k = cert_read_key(f);
	uint8_t own[CERT_KEY], secret[CERT_KEY];
	size_t n_own = sizeof(own), n_secret = sizeof(secret);
	bool ok = k && EVP_PKEY_get_id(k) == EVP_PKEY_ED25519 && EVP_PKEY_get_raw_public_key(k, own, &n_own) == 1 &&
		EVP_PKEY_get_raw_private_key(k, secret, &n_secret) == 1 && memcmp(own, pub, CERT_KEY) == 0;
	if (ok)
		memcpy(seed, secret, CERT_KEY);
	mem_wipe(secret, sizeof(secret));
	EVP_PKEY_free(k);
	ERR_clear_error();
	return ok ? 0 : ERR_INVALID;
}

int cert_node_key(const char *cert, const char *key, uint8_t pub[CERT_KEY], uint8_t seed[CERT_KEY])
{
	X509 *x;
	uint8_t found[CERT_KEY];
	int err = load(cert, &x);
	if (err)
		return err;
	bool ok = cert_ed25519(x, found);
	X509_free(x);
	ERR_clear_error();
	if (!ok)
		return ERR_INVALID;
	err = seed ? load_seed(key, found, seed) : 0;
	if (!err)
		memcpy(pub, found, CERT_KEY);
	return err;
}
