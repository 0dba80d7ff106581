#include "base/codec.h"
#include "peer/testing.h"

enum { PNG = 200 };

/* n bytes of a picture that begins as PNG does and is otherwise what `fill` makes it; its hash. */
static const char *picture(size_t n, char fill, char **ret)
{
	static char hash[41];
	CLEANUP(buf_clear) struct buf hex = {.max = 64};
	uint8_t digest[HASH_MAX];

	*ret = xmalloc(n);
	memset(*ret, fill, n);
	memcpy(*ret, "\x89PNG\r\n\x1a\n", n < 8 ? n : 8);
	hash_digest(HASH_SHA1, (struct str){*ret, n}, digest);
	hex_encode(&hex, digest, 20);
	memcpy(hash, buf_cstr(&hex), 41);
	return hash;
}

static void found_with(struct world *w, const char *instance, char who, const char *hash)
{
	char txt[512];

	if (who)
		snprintf(txt, sizeof(txt), "status=avail wk=%s phsh=%s", id_of(who), hash);
	else
		snprintf(txt, sizeof(txt), "status=avail phsh=%s", hash);
	found(w, instance, "10.0.0.2", 5298, txt);
}

static void picture_comes(struct world *w, const char *instance, const char *bytes, size_t n)
{
	struct msg *m = msgs_add(&w->in);

	m->kind = MSG_PICTURE;
	m->picture.instance = xstrdup(instance);
	m->picture.bytes = xmemdup(bytes, n ? n : 1);
	m->picture.n = (uint32_t)n;
	pump(w);
}

static void ask_vcard(struct world *w, const char *of)
{
	look_away(w);
	say(w, "<iq type='get' from='%s/t' to='%s' id='v'><vCard xmlns='vcard-temp'/></iq>", jid_of('n', "alice"), of);
}

static void seen_asked_kept_given(void **state)
{
	struct world *w = world_new();
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	char *bytes, want[64];
	const char *hash = picture(PNG, 'a', &bytes);

	found_with(w, "bob@bravo", 'b', hash);
	assert_string_equal(expect_msg(w, MSG_ASK_PICTURE)->gone.instance, "bob@bravo");
	look_away(w);
	found_with(w, "bob@bravo", 'b', hash);
	assert_null(find_msg(w, MSG_ASK_PICTURE)); /* once */
	picture_comes(w, "bob@bravo", bytes, PNG);
	snprintf(want, sizeof(want), "<photo>%s</photo>", hash);
	assert_non_null(strstr(expect_got(w, "<x xmlns='vcard-temp:x:update'>"), want));
	ask_vcard(w, jid_of('b', "bob"));
	b64_encode(&text, bytes, PNG);
	assert_non_null(strstr(expect_got(w, "<TYPE>image/png</TYPE>"), buf_cstr(&text)));
	assert_null(find_msg(w, MSG_DIAL));
	/* It comes again: nothing new. */
	look_away(w);
	picture_comes(w, "bob@bravo", bytes, PNG);
	assert_int_equal(w->tail - w->head, 0);
	xfree(bytes);
	world_free(w);
}

static void of_an_old_program(void **state)
{
	struct world *w = world_new();
	char *bytes;
	const char *hash = picture(PNG, 'a', &bytes);

	ask_vcard(w, "carol\\40old@xep0174.internal");
	expect_got(w, "remote-server-not-found");
	found_with(w, "carol@old", 0, hash);
	picture_comes(w, "carol@old", bytes, PNG);
	legacy_from(w, "carol@old");
	ask_vcard(w, "carol\\40old@xep0174.internal");
	expect_got(w, "<PHOTO>");
	xfree(bytes);
	world_free(w);
}

/* With a link its user's own vCard says more. */
static void with_a_link(void **state)
{
	struct world *w = world_new();
	char *bytes;
	const char *hash = picture(PNG, 'a', &bytes);
	uint64_t conn;

	found_with(w, "bob@bravo", 'b', hash);
	picture_comes(w, "bob@bravo", bytes, PNG);
	conn = link_from(w, 'b', "bob");
	ask_vcard(w, jid_of('b', "bob"));
	expect_sent(w, conn, "<vCard");
	assert_int_equal(got_with(w, "<PHOTO>"), 0);
	xfree(bytes);
	world_free(w);
}

static void a_new_one(void **state)
{
	struct world *w = world_new();
	char *one, *two, hash[41];

	snprintf(hash, sizeof(hash), "%s", picture(PNG, 'a', &one));
	found_with(w, "bob@bravo", 'b', hash);
	picture_comes(w, "bob@bravo", one, PNG);
	look_away(w);
	found_with(w, "bob@bravo", 'b', picture(PNG + 1, 'b', &two));
	expect_msg(w, MSG_ASK_PICTURE);
	/* The old one is not the new one. */
	picture_comes(w, "bob@bravo", one, PNG);
	assert_string_equal(row(w, 'b')->picture.sha1, hash);
	picture_comes(w, "bob@bravo", two, PNG + 1);
	assert_string_not_equal(row(w, 'b')->picture.sha1, hash);
	assert_int_equal(w->peers->pictures_bytes, PNG + 1);
	look_away(w);
	/* None any more. */
	found_keyed(w, 'b', "bob@bravo", "10.0.0.2");
	assert_null(row(w, 'b')->picture.bytes);
	assert_int_equal(w->peers->pictures_bytes, 0);
	expect_got(w, "<photo/>");
	xfree(one);
	xfree(two);
	world_free(w);
}

static void not_taken(void **state)
{
	static const char *const hashes[] = {"", "x", "da39a3ee5e6b4b0d3255bfef95601890afd8070",
		"zz39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd807090"};
	struct world *w = world_new();
	char *bytes;
	const char *hash;

	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		found_with(w, "bob@bravo", 'b', hashes[i]);
		assert_null(find_msg(w, MSG_ASK_PICTURE));
	}
	/* Nobody's, nothing, another's, too big, and no picture. */
	picture_comes(w, "nobody@x", "x", 1);
	hash = picture(PNG, 'a', &bytes);
	found_with(w, "bob@bravo", 'b', hash);
	picture_comes(w, "bob@bravo", "", 0);
	bytes[100] ^= 1;
	picture_comes(w, "bob@bravo", bytes, PNG);
	xfree(bytes);
	found_with(w, "bob@bravo", 'b', picture(PICTURE_MAX + 1, 'a', &bytes));
	picture_comes(w, "bob@bravo", bytes, PICTURE_MAX + 1);
	xfree(bytes);
	found_with(w, "bob@bravo", 'b', "a9993e364706816aba3e25717850c26c9cd0d89d");
	picture_comes(w, "bob@bravo", "abc", 3);
	assert_null(row(w, 'b')->picture.bytes);
	assert_int_equal(got_with(w, "<photo>"), 0);
	ask_vcard(w, jid_of('b', "bob"));
	assert_int_equal(got_with(w, "<PHOTO>"), 0);
	world_free(w);
}

static void no_more_than_so_many(void **state)
{
	enum { N = PICTURES_MAX / PICTURE_MAX + 6 };
	struct world *w = world_new();
	char name[32];
	unsigned kept = 0;
	struct peer *p;

	for (int i = 0; i < N; i++) {
		char *bytes;
		const char *hash = picture(PICTURE_MAX, (char)('0' + i), &bytes);

		snprintf(name, sizeof(name), "p%d", i);
		found_with(w, name, 0, hash);
		picture_comes(w, name, bytes, PICTURE_MAX);
		assert_true(w->peers->pictures_bytes <= PICTURES_MAX);
		xfree(bytes);
		sleep_ms(w, 10);
	}
	for (uint32_t pos = 0; (p = map_next(&w->peers->peers, &pos));)
		kept += p->picture.bytes != NULL;
	assert_int_equal(kept, PICTURES_MAX / PICTURE_MAX);
	assert_null(called(w, "p0")->picture.bytes);
	assert_non_null(called(w, "p9")->picture.bytes);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		gone(w, name);
	}
	assert_int_equal(w->peers->pictures_bytes, 0);
	world_free(w);
}

/* ---- ours ---- */

static void set(struct world *w, const char *bytes, size_t n)
{
	look_away(w);
	core_begin(w->core, w->now, TEST_WALL + w->now);
	peers_picture(&w->peers->host, bytes ? (struct str){bytes, n} : STR_NONE);
	core_end(w->core);
	pump(w);
}

static void ours(void **state)
{
	struct world *w = world_new();
	struct msg *m;
	char *bytes;
	const char *hash = picture(SERVICE_PICTURE_MAX, 'a', &bytes);

	set(w, bytes, SERVICE_PICTURE_MAX);
	m = expect_msg(w, MSG_PUBLISH);
	assert_int_equal(m->publish.n, SERVICE_PICTURE_MAX);
	assert_memory_equal(m->publish.picture, bytes, SERVICE_PICTURE_MAX);
	assert_true(str_is(service_txt(m->publish.service, "phsh"), hash));
	set(w, bytes, SERVICE_PICTURE_MAX);
	assert_null(find_msg(w, MSG_PUBLISH)); /* the same */
	xfree(bytes);
	/* Too big: none on the network. */
	picture(SERVICE_PICTURE_MAX + 1, 'a', &bytes);
	set(w, bytes, SERVICE_PICTURE_MAX + 1);
	m = expect_msg(w, MSG_PUBLISH);
	assert_int_equal(m->publish.n, 0);
	assert_null(service_txt(m->publish.service, "phsh").p);
	set(w, bytes, 100);
	assert_int_equal(expect_msg(w, MSG_PUBLISH)->publish.n, 100);
	set(w, NULL, 0);
	assert_int_equal(expect_msg(w, MSG_PUBLISH)->publish.n, 0);
	xfree(bytes);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seen_asked_kept_given),
		cmocka_unit_test(of_an_old_program),
		cmocka_unit_test(with_a_link),
		cmocka_unit_test(a_new_one),
		cmocka_unit_test(not_taken),
		cmocka_unit_test(no_more_than_so_many),
		cmocka_unit_test(ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
