#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_suite.h"
#include "http/identity/keyfile.h"

/* A file of keys that changes while the server runs. */

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char path[] = "/tmp/push-keys-XXXXXX";

static void make_path(void)
{
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void remove_path(void)
{
    unlink(path);
    strcpy(path + strlen(path) - 6, "XXXXXX");
}

/* Puts a new file in its place, as an editor or a rotation does. */
static void put(const char *text, mode_t mode)
{
    char beside[64];
    FILE *f;

    snprintf(beside, sizeof(beside), "%s.new", path);
    f = fopen(beside, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(beside, mode), 0);
    ck_assert_int_eq(rename(beside, path), 0);
}

/* Bytes of the secret in use after a look. */
static size_t secret_at(push_keyfile_t *file, int64_t now,
                        push_keyfile_change_t expected)
{
    push_keyfile_change_t change;
    const char *error = NULL;
    const push_keyset_t *keys = push_keyfile_acquire(file, now, &change,
                                                     &error);
    size_t bytes = cjose_jwk_get_keysize(keys->keys[0].jwk, NULL) / 8;

    ck_assert_int_eq(change, expected);
    ck_assert(change != PUSH_KEYFILE_BROKEN || error);
    push_keyfile_release(file, keys);
    return bytes;
}

START_TEST(a_new_file_is_taken_at_the_next_check)
{
    const char *error = "";
    push_keyfile_t *file;

    put(A, 0640);
    file = push_keyfile_open(path, &error);
    ck_assert_msg(file != NULL, "%s", error);
    ck_assert_uint_eq(secret_at(file, 10000, PUSH_KEYFILE_SAME), 32);
    put(B, 0600);
    ck_assert_uint_eq(secret_at(file, 10999, PUSH_KEYFILE_SAME), 32);
    ck_assert_uint_eq(secret_at(file, 11000, PUSH_KEYFILE_RENEWED), 33);
    ck_assert_uint_eq(secret_at(file, 12000, PUSH_KEYFILE_SAME), 33);
    push_keyfile_close(file);
}
END_TEST

START_TEST(a_broken_file_leaves_the_old_keys_and_is_told_once)
{
    static const struct {
        const char *text;
        mode_t mode;
    } broken[] = {{"short", 0600}, {B, 0644}, {"{", 0600}, {"", 0600}};
    const char *error = "";
    push_keyfile_t *file;
    int64_t now = 10000;

    put(A, 0600);
    file = push_keyfile_open(path, &error);
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        put(broken[i].text, broken[i].mode);
        now += 1000;
        ck_assert_uint_eq(secret_at(file, now, PUSH_KEYFILE_BROKEN), 32);
        now += 1000;
        ck_assert_uint_eq(secret_at(file, now, PUSH_KEYFILE_SAME), 32);
    }
    unlink(path);
    ck_assert_uint_eq(secret_at(file, now + 1000, PUSH_KEYFILE_BROKEN), 32);
    ck_assert_uint_eq(secret_at(file, now + 2000, PUSH_KEYFILE_SAME), 32);
    put(B, 0600);
    ck_assert_uint_eq(secret_at(file, now + 3000, PUSH_KEYFILE_RENEWED), 33);
    push_keyfile_close(file);
}
END_TEST

START_TEST(keys_that_somebody_reads_outlive_their_file)
{
    push_keyfile_change_t change;
    const char *error = "";
    push_keyfile_t *file;
    const push_keyset_t *old;

    put(A, 0600);
    file = push_keyfile_open(path, &error);
    old = push_keyfile_acquire(file, 10000, &change, &error);
    put(B, 0600);
    ck_assert_uint_eq(secret_at(file, 11000, PUSH_KEYFILE_RENEWED), 33);
    ck_assert_uint_eq(cjose_jwk_get_keysize(old->keys[0].jwk, NULL), 256);
    push_keyfile_release(file, old);
    ck_assert_uint_eq(secret_at(file, 12000, PUSH_KEYFILE_SAME), 33);
    push_keyfile_close(file);
}
END_TEST

START_TEST(a_secret_that_everybody_may_read_is_refused)
{
    const char *error = "";

    put(A, 0644);
    ck_assert_ptr_null(push_keyfile_open(path, &error));
    ck_assert_ptr_nonnull(strstr(error, "everybody"));
    ck_assert_ptr_null(push_keyfile_open("/tmp", &error));
    ck_assert_ptr_nonnull(strstr(error, "regular file"));
    ck_assert_ptr_null(push_keyfile_open("/nonexistent/keys", &error));
    ck_assert_ptr_nonnull(strstr(error, "opened"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyfile");
    TCase *tc = unit_case(suite, "keyfile", 10);

    tcase_add_checked_fixture(tc, make_path, remove_path);
    tcase_add_test(tc, a_new_file_is_taken_at_the_next_check);
    tcase_add_test(tc, a_broken_file_leaves_the_old_keys_and_is_told_once);
    tcase_add_test(tc, keys_that_somebody_reads_outlive_their_file);
    tcase_add_test(tc, a_secret_that_everybody_may_read_is_refused);
    return unit_run(suite);
}
