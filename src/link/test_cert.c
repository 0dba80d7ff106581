#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sign.h"
#include "link/tls.h"

static char dir[32], cert[48], key[48];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/test-cert-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(ERR_peek_error(), 0);
	unlink(cert);
	unlink(key);
	return rmdir(dir);
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void test_make_and_read(void **state)
{
	const struct str names[] = {STR("chat.example"), STR("rooms.chat.example"), STR("*.wild.example")};
	struct cert_info i;
	const int64_t day = 86400000;
	mode_t old = umask(022);
	assert_int_equal(cert_make(cert, key, names, 3), 0);
	umask(old);
	assert_int_equal(mode_of(key), 0600);
	assert_int_equal(mode_of(cert), 0644);
	assert_int_equal(cert_read(cert, &i), 0);
	assert_string_equal(i.subject, "CN=chat.example");
	assert_string_equal(i.names, "chat.example rooms.chat.example *.wild.example");
	assert_int_equal(strlen(i.sha256), 64);
	assert_true(i.self_signed);
	assert_true(i.not_before < clock_wall() && i.not_before > clock_wall() - 2 * day);
	assert_true(i.not_after > clock_wall() + 3650 * day && i.not_after < clock_wall() + 3654 * day);
	FILE *f = fopen(key, "r");
	EVP_PKEY *k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	char group[32];
	assert_non_null(k);
	assert_int_equal(EVP_PKEY_get_group_name(k, group, sizeof(group), NULL), 1);
	assert_string_equal(group, "prime256v1");
	EVP_PKEY_free(k);
	fclose(f);
}

static void test_serves(void **state)
{
	const struct str names[] = {STR("chat.example"), STR("*.wild.example")};
	assert_int_equal(cert_make(cert, key, names, 2), 0);
	assert_true(cert_serves(cert, "chat.example"));
	assert_true(cert_serves(cert, "Chat.Example"));
	assert_true(cert_serves(cert, "a.wild.example"));
	assert_false(cert_serves(cert, "wild.example"));
	assert_false(cert_serves(cert, "a.b.wild.example"));
	assert_false(cert_serves(cert, "a.chat.example"));
	assert_false(cert_serves(cert, ".example")); /* no suffix match */
	assert_false(cert_serves(cert, ".chat.example"));
	assert_false(cert_serves(cert, ""));
	assert_false(cert_serves(cert, "*.wild.example"));
	assert_false(cert_serves("/nowhere/cert", "chat.example"));
	assert_false(cert_serves(key, "chat.example"));
}

static void test_overwrites_nothing(void **state)
{
	const struct str name = STR("chat.example");
	struct cert_info a, b;
	assert_int_equal(cert_make(cert, key, &name, 1), 0);
	assert_int_equal(cert_read(cert, &a), 0);
	assert_int_equal(cert_make(cert, key, &name, 1), ERR_EXISTS);
	unlink(key);
	assert_int_equal(cert_make(cert, key, &name, 1), ERR_EXISTS);
	assert_int_equal(access(key, F_OK), -1); /* and leaves no half behind */
	assert_int_equal(cert_read(cert, &b), 0);
	assert_string_equal(a.sha256, b.sha256);
	assert_int_equal(cert_make("/nowhere/cert", key, &name, 1), ERR_IO);
	assert_int_equal(access(key, F_OK), -1);
}

static void test_names_refused(void **state)
{
	static const char *const bad[] = {"", ".", ".example", "-a", "a..b", "a b", "a,DNS:b", "a/b", "a\nb",
		"f\xc3\xbcr.example", "a.*.b", "*", "**.a", "*.", "a@b"};
	char huge[300];
	memset(huge, 'a', sizeof(huge));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct str names[] = {STR("good.example"), str_z(bad[i])};
		assert_int_equal(cert_make(cert, key, names, 2), ERR_INVALID);
	}
	const struct str too_long = {huge, 254}, with_nul = {"a\0b", 3};
	assert_int_equal(cert_make(cert, key, &too_long, 1), ERR_INVALID);
	assert_int_equal(cert_make(cert, key, &with_nul, 1), ERR_INVALID);
	assert_int_equal(cert_make(cert, key, &too_long, 0), ERR_INVALID);
	assert_int_equal(access(cert, F_OK), -1);
}

static void test_long_names(void **state)
{
	char label[100], huge[220];
	struct str names[20];
	struct cert_info i;
	memset(label, 'a', sizeof(label));
	memset(huge, 'b', sizeof(huge));
	for (size_t j = 0; j < ARRAY_LEN(names); j++)
		names[j] = (struct str){label, sizeof(label)};
	assert_int_equal(cert_make(cert, key, names, ARRAY_LEN(names)), 0);
	assert_int_equal(cert_read(cert, &i), 0);
	assert_int_equal(strlen(i.subject), 3 + 64);
	assert_int_equal(strlen(i.names), 10 * 101 - 1); /* whole names only */
	/* To the last byte, and one more. */
	for (size_t more = 0; more < 2; more++) {
		const struct str exact[] = {{huge, 200}, {huge, 200}, {huge, 200}, {huge, 200}, {huge, 219 + more}};
		unlink(cert);
		unlink(key);
		assert_int_equal(cert_make(cert, key, exact, 5), 0);
		assert_int_equal(cert_read(cert, &i), 0);
		assert_int_equal(strlen(i.names), more ? 803 : sizeof(i.names) - 1);
	}
}

static void test_read_refuses(void **state)
{
	struct cert_info i;
	assert_int_equal(cert_read("/nowhere/cert", &i), ERR_IO);
	assert_int_equal(cert_read(dir, &i), ERR_INVALID);
	FILE *f = fopen(cert, "w");
	fputs("no certificate", f);
	fclose(f);
	assert_int_equal(cert_read(cert, &i), ERR_INVALID);
}

/* Names made to mislead: with a null byte, with a line end, with spaces. */
static void test_hostile_certificate(void **state)
{
	static const struct str hostile[] = {STR("bank.example\0.evil.example"), STR("a b"), STR("a\nb"),
		STR("good.example"), STR("")};
	X509 *x = X509_new();
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	struct cert_info i;
	for (size_t j = 0; j < ARRAY_LEN(hostile); j++) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();
		ASN1_STRING_set(s, hostile[j].p, (int)hostile[j].n);
		GENERAL_NAME_set0_value(g, GEN_DNS, s);
		sk_GENERAL_NAME_push(names, g);
	}
	X509_set_version(x, X509_VERSION_3);
	X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
	for (int j = 0; j < 100; j++)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "O", MBSTRING_ASC, (const uint8_t *)"a\n\033[1m",
			-1, -1, 0);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 1000);
	X509_set_pubkey(x, k);
	assert_true(X509_sign(x, k, EVP_sha256()) > 0);
	FILE *f = fopen(cert, "w");
	PEM_write_X509(f, x);
	fclose(f);
	assert_int_equal(cert_read(cert, &i), 0);
	assert_string_equal(i.names, "good.example");
	assert_true(strlen(i.subject) > 200 && strlen(i.subject) < sizeof(i.subject));
	assert_null(strpbrk(i.subject, "\n\033"));
	assert_false(cert_serves(cert, "bank.example"));
	assert_true(cert_serves(cert, "good.example"));
	GENERAL_NAMES_free(names);
	EVP_PKEY_free(k);
	X509_free(x);
}

static void test_node(void **state)
{
	struct cert_info i;
	const int64_t day = 86400000;
	uint8_t pub[32], again[32], seed[32], derived[32];
	mode_t old = umask(022);
	assert_int_equal(cert_make_node(cert, key, STR("abc.internal")), 0);
	umask(old);
	assert_int_equal(mode_of(key), 0600);
	assert_int_equal(mode_of(cert), 0644);
	assert_int_equal(cert_read(cert, &i), 0);
	assert_string_equal(i.subject, "CN=abc.internal");
	assert_string_equal(i.names, "abc.internal");
	assert_true(i.self_signed);
	assert_true(i.not_after > clock_wall() + 3650 * day && i.not_after < clock_wall() + 3654 * day);
	assert_int_equal(cert_node_key(cert, key, pub, seed), 0);
	sign_public(seed, derived);
	assert_memory_equal(pub, derived, 32);
	assert_int_equal(cert_node_key(cert, NULL, again, NULL), 0);
	assert_memory_equal(pub, again, 32);
	assert_int_equal(cert_make_node(cert, key, STR("abc.internal")), ERR_EXISTS);
	assert_int_equal(cert_node_key(cert, key, again, NULL), 0);
	assert_memory_equal(pub, again, 32);
}

static void test_node_names_refused(void **state)
{
	static const struct str bad[] = {STR(""), STR("*.internal"), STR("a b"), STR("a\0b"),
		STR("f\xc3\xbcr.internal")};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(cert_make_node(cert, key, bad[i]), ERR_INVALID);
	assert_int_equal(cert_make_node(cert, key, STR_NONE), ERR_INVALID);
	assert_int_equal(access(cert, F_OK), -1);
	assert_int_equal(access(key, F_OK), -1);
}

/* Nothing is given out unless both files are right and belong together. */
static void test_node_key_refuses(void **state)
{
	const struct str name = STR("chat.example");
	char cert2[48], key2[48];
	uint8_t pub[32], seed[32], kept[32];
	memset(pub, 0x5a, 32);
	memset(seed, 0x5a, 32);
	memset(kept, 0x5a, 32);
	snprintf(cert2, sizeof(cert2), "%s/cert2", dir);
	snprintf(key2, sizeof(key2), "%s/key2", dir);
	assert_int_equal(cert_make_node(cert, key, name), 0);
	assert_int_equal(cert_node_key(cert, "/nowhere/key", pub, seed), ERR_IO);
	assert_int_equal(cert_node_key("/nowhere/cert", key, pub, seed), ERR_IO);
	assert_int_equal(cert_node_key(key, key, pub, seed), ERR_INVALID);
	assert_int_equal(cert_node_key(cert, cert, pub, seed), ERR_INVALID);
	assert_int_equal(cert_make_node(cert2, key2, name), 0);
	assert_int_equal(cert_node_key(cert, key2, pub, seed), ERR_INVALID);
	unlink(cert2);
	unlink(key2);
	assert_int_equal(cert_make(cert2, key2, &name, 1), 0); /* P-256 */
	assert_int_equal(cert_node_key(cert2, key2, pub, seed), ERR_INVALID);
	assert_int_equal(cert_node_key(cert2, NULL, pub, NULL), ERR_INVALID);
	assert_int_equal(cert_node_key(cert, key2, pub, seed), ERR_INVALID);
	unlink(cert2);
	unlink(key2);
	assert_memory_equal(pub, kept, 32);
	assert_memory_equal(seed, kept, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_make_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_serves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overwrites_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_names_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_key_refuses, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
