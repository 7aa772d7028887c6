/*
 * Words out, trees in: commands, replies however they are cut, and what errors
 * mean.
 */
#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/backoff.h"
#include "redis/decoder.h"
#include "redis/encode.h"
#include "redis/failure.h"

/* ---- commands ---- */

START_TEST(a_command_is_an_array_of_its_words)
{
    push_command_t command;
    push_buffer_t out = {0};
    const char expected[] = "*5\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\na\0b\r\n"
                            "$20\r\n-9223372036854775808\r\n"
                            "$20\r\n18446744073709551615\r\n";

    push_command_begin(&command, 7);
    push_command_string(&command, "SET");
    push_command_string(&command, "");
    push_command_text(&command, (push_text_t){"a\0b", 3});
    push_command_number(&command, INT64_MIN);
    push_command_unsigned(&command, UINT64_MAX);
    ck_assert(push_command_ok(&command));
    ck_assert(push_command_encode(&command, &out));
    ck_assert_uint_eq(push_buffer_len(&out), sizeof(expected) - 1);
    ck_assert(!memcmp(out.bytes + out.from, expected, sizeof(expected) - 1));
    push_command_cleanup(&command);
    ck_assert(!push_command_encode(&command, &out));
    ck_assert_uint_eq(push_buffer_len(&out), sizeof(expected) - 1);
    push_buffer_cleanup(&out);
}
END_TEST

START_TEST(what_is_written_is_read_back_whatever_its_size)
{
    push_decoder_t *decoder = push_decoder_create();
    push_command_t command;
    push_buffer_t out = {0};
    push_reply_t *reply;
    char *word = malloc(70000);

    push_command_begin(&command, 0);
    for (unsigned i = 0; i < 300; i++) {
        memset(word, (int)i, 70000);
        push_command_text(&command, (push_text_t){word, i * 233});
    }
    ck_assert(push_command_encode(&command, &out));
    ck_assert(push_decoder_feed(decoder, out.bytes, push_buffer_len(&out)));
    ck_assert_int_eq(push_decoder_next(decoder, &reply), PUSH_DECODED_REPLY);
    ck_assert_uint_eq(push_reply_count(reply), 300);
    for (unsigned i = 0; i < 300; i++) {
        push_text_t text = push_reply_text(push_reply_at(reply, i));

        ck_assert_uint_eq(text.len, i * 233);
        memset(word, (int)i, 70000);
        ck_assert(!memcmp(text.at, word, text.len));
    }
    push_reply_free(reply);
    push_decoder_destroy(decoder);
    push_buffer_cleanup(&out);
    push_command_cleanup(&command);
    free(word);
}
END_TEST

START_TEST(a_buffer_keeps_what_is_in_it_while_it_grows_and_is_taken_from)
{
    push_buffer_t buffer = {0};
    unsigned char in = 0, out = 0;

    for (unsigned round = 0; round < 3000; round++) {
        ck_assert(push_buffer_reserve(&buffer, 41));
        for (unsigned i = 0; i < 41; i++) {
            buffer.bytes[buffer.to++] = (char)in++;
        }
        for (unsigned i = 0; i < (round % 2 ? 50 : 31); i++) {
            if (push_buffer_len(&buffer)) {
                ck_assert_uint_eq((unsigned char)buffer.bytes[buffer.from],
                                  out);
                out++;
                push_buffer_take(&buffer, 1);
            }
        }
    }
    push_buffer_cleanup(&buffer);
}
END_TEST

/* ---- replies ---- */

static const char whole[] = "*7\r\n$5\r\nab\0cd\r\n:-42\r\n$-1\r\n$2\r\n17\r\n"
                            "-OOM no\r\n*2\r\n+OK\r\n*0\r\n$0\r\n\r\n";

static void check_whole(const push_reply_t *reply)
{
    const push_reply_t *inner = push_reply_at(reply, 5);

    ck_assert_int_eq(push_reply_kind(reply), PUSH_REPLY_ARRAY);
    ck_assert_uint_eq(push_reply_count(reply), 7);
    ck_assert(
        !memcmp(push_reply_text(push_reply_at(reply, 0)).at, "ab\0cd", 5));
    ck_assert_int_eq(push_reply_integer(push_reply_at(reply, 1)), -42);
    ck_assert_int_eq(push_reply_kind(push_reply_at(reply, 2)), PUSH_REPLY_NIL);
    ck_assert_int_eq(push_reply_integer(push_reply_at(reply, 3)), 17);
    ck_assert_int_eq(push_reply_kind(push_reply_at(reply, 4)),
                     PUSH_REPLY_ERROR);
    ck_assert_int_eq(push_reply_kind(push_reply_at(inner, 0)),
                     PUSH_REPLY_STATUS);
    ck_assert_uint_eq(push_reply_count(push_reply_at(inner, 1)), 0);
    ck_assert_uint_eq(push_reply_text(push_reply_at(reply, 6)).len, 0);
    ck_assert_ptr_null(push_reply_at(reply, 7));
}

START_TEST(a_reply_is_the_same_wherever_its_bytes_are_cut_in_two)
{
    for (size_t cut = 0; cut < sizeof(whole); cut++) {
        push_decoder_t *decoder = push_decoder_create();
        push_reply_t *reply;

        ck_assert(push_decoder_feed(decoder, whole, cut));
        if (cut < sizeof(whole) - 1) {
            ck_assert_int_eq(push_decoder_next(decoder, &reply),
                             PUSH_DECODED_NONE);
            ck_assert(push_decoder_feed(decoder, whole + cut,
                                        sizeof(whole) - 1 - cut));
        }
        ck_assert_int_eq(push_decoder_next(decoder, &reply),
                         PUSH_DECODED_REPLY);
        check_whole(reply);
        push_reply_free(reply);
        ck_assert_int_eq(push_decoder_next(decoder, &reply),
                         PUSH_DECODED_NONE);
        push_decoder_destroy(decoder);
    }
}
END_TEST

START_TEST(a_reply_that_comes_byte_by_byte_is_the_same)
{
    push_decoder_t *decoder = push_decoder_create();
    push_reply_t *reply = NULL;

    for (size_t i = 0; i < sizeof(whole) - 1; i++) {
        ck_assert_ptr_null(reply);
        ck_assert(push_decoder_feed(decoder, whole + i, 1));
        push_decoder_next(decoder, &reply);
    }
    check_whole(reply);
    push_reply_free(reply);
    push_decoder_destroy(decoder);
}
END_TEST

START_TEST(what_is_no_reply_breaks_the_decoder_for_good)
{
    push_decoder_t *decoder = push_decoder_create();
    push_reply_t *reply;

    ck_assert(push_decoder_feed(decoder, "HTTP/1.1 400\r\n", 14));
    ck_assert_int_eq(push_decoder_next(decoder, &reply), PUSH_DECODED_BROKEN);
    ck_assert_ptr_null(reply);
    ck_assert(!push_decoder_feed(decoder, "+OK\r\n", 5));
    push_decoder_destroy(decoder);
}
END_TEST

START_TEST(an_array_that_is_larger_than_any_answer_takes_no_memory)
{
    push_decoder_t *decoder = push_decoder_create();
    push_reply_t *reply;

    ck_assert(push_decoder_feed(decoder, "*1000000000\r\n", 13));
    ck_assert_int_eq(push_decoder_next(decoder, &reply), PUSH_DECODED_BROKEN);
    push_decoder_destroy(decoder);
}
END_TEST

static const struct {
    const char *text;
    int64_t number;
} numbers[] = {
    {"0", 0},
    {"9223372036854775807", INT64_MAX},
    {"9223372036854775808", 0},
    {"-9223372036854775808", INT64_MIN},
    {"-9223372036854775809", 0},
    {"12x", 0},
    {"", 0},
    {"-", 0},
    {"99999999999999999999999", 0},
};

START_TEST(a_text_that_is_a_number_is_read_as_one)
{
    push_decoder_t *decoder = push_decoder_create();
    push_reply_t *reply;
    char bytes[64];

    snprintf(bytes, sizeof(bytes), "$%zu\r\n%s\r\n", strlen(numbers[_i].text),
             numbers[_i].text);
    ck_assert(push_decoder_feed(decoder, bytes, strlen(bytes)));
    ck_assert_int_eq(push_decoder_next(decoder, &reply), PUSH_DECODED_REPLY);
    ck_assert_int_eq(push_reply_integer(reply), numbers[_i].number);
    push_reply_free(reply);
    push_decoder_destroy(decoder);
}
END_TEST

START_TEST(no_reply_at_all_says_nothing)
{
    ck_assert_int_eq(push_reply_kind(NULL), PUSH_REPLY_NIL);
    ck_assert_uint_eq(push_reply_text(NULL).len, 0);
    ck_assert_int_eq(push_reply_integer(NULL), 0);
    ck_assert_uint_eq(push_reply_count(NULL), 0);
    ck_assert_ptr_null(push_reply_at(NULL, 0));
    push_reply_free(NULL);
}
END_TEST

/* ---- errors ---- */

static const struct {
    const char *text;
    push_failure_t failure;
} errors[] = {
    {"MOVED 8 127.0.0.1:7000", PUSH_FAILURE_AGAIN},
    {"ASK 8 127.0.0.1:7000", PUSH_FAILURE_AGAIN},
    {"TRYAGAIN Multiple keys request during rehashing of slot",
     PUSH_FAILURE_AGAIN},
    {"CLUSTERDOWN Hash slot not served", PUSH_FAILURE_AGAIN},
    {"READONLY You can't write against a read only replica.",
     PUSH_FAILURE_AGAIN},
    {"LOADING Redis is loading the dataset in memory", PUSH_FAILURE_AGAIN},
    {"MASTERDOWN Link with MASTER is down", PUSH_FAILURE_AGAIN},
    {"ERR Function not found", PUSH_FAILURE_LIBRARY},
    {"OOM command not allowed when used memory > 'maxmemory'.",
     PUSH_FAILURE_FULL},
    {"NOREPLICAS Not enough good replicas to write.", PUSH_FAILURE_REFUSED},
    {"MISCONF Redis is configured to save RDB snapshots",
     PUSH_FAILURE_REFUSED},
    {"BUSY Redis is busy running a script.", PUSH_FAILURE_REFUSED},
    {"ERR max number of clients reached", PUSH_FAILURE_REFUSED},
    {"NOAUTH Authentication required.", PUSH_FAILURE_SETUP},
    {"WRONGPASS invalid username-password pair", PUSH_FAILURE_SETUP},
    {"NOPERM this user has no permissions to run the 'fcall' command",
     PUSH_FAILURE_SETUP},
    {"ERR unknown command 'FCALL', with args beginning with: ",
     PUSH_FAILURE_SETUP},
    {"ERR The user executing the script can't run this command or subcommand "
     "script: push_publish, on @user_function:9.",
     PUSH_FAILURE_SETUP},
    {"DENIED Redis is running in protected mode", PUSH_FAILURE_SETUP},
    {"ERR wrong number of arguments", PUSH_FAILURE_ERROR},
    {"REUSED the key", PUSH_FAILURE_ERROR},
    {"MOVE", PUSH_FAILURE_ERROR},
    {"", PUSH_FAILURE_ERROR},
};

START_TEST(an_error_is_known_by_its_words)
{
    const char *text = errors[_i].text;

    ck_assert_int_eq(
        push_failure_of((push_text_t){text, (uint32_t)strlen(text)}),
        errors[_i].failure);
}
END_TEST

START_TEST(each_failure_has_a_name_and_says_whether_it_may_have_run)
{
    for (unsigned i = 0; i < PUSH_FAILURES; i++) {
        ck_assert_ptr_nonnull(push_failure_name((push_failure_t)i));
    }
    ck_assert(push_failure_may_have_run(PUSH_FAILURE_NONE));
    ck_assert(push_failure_may_have_run(PUSH_FAILURE_UNKNOWN));
    ck_assert(push_failure_may_have_run(PUSH_FAILURE_REPLICAS));
    ck_assert(!push_failure_may_have_run(PUSH_FAILURE_FULL));
    ck_assert(!push_failure_may_have_run(PUSH_FAILURE_STOPPED));
}
END_TEST

static const struct {
    const char *text;
    bool well, ask;
    unsigned slot;
    const char *host;
    unsigned port;
} redirects[] = {
    {"MOVED 3999 127.0.0.1:6381", true, false, 3999, "127.0.0.1", 6381},
    {"ASK 16383 redis-3.example:6381", true, true, 16383, "redis-3.example",
     6381},
    {"MOVED 0 fd00::1:7000", true, false, 0, "fd00::1", 7000},
    {"MOVED 8 :6381", true, false, 8, "", 6381},
    {"MOVED 16384 127.0.0.1:6381", false, false, 0, "", 0},
    {"MOVED 8 127.0.0.1", false, false, 0, "", 0},
    {"MOVED 8 127.0.0.1:0", false, false, 0, "", 0},
    {"MOVED 8 127.0.0.1:65536", false, false, 0, "", 0},
    {"MOVED 8 127.0.0.1:1x", false, false, 0, "", 0},
    {"MOVED x 127.0.0.1:1", false, false, 0, "", 0},
    {"MOVED 8", false, false, 0, "", 0},
    {"ASKED 8 h:1", false, false, 0, "", 0},
};

START_TEST(a_redirection_says_where_to_go)
{
    const char *text = redirects[_i].text;
    push_redirect_t redirect;

    ck_assert_int_eq(
        push_redirect_parse(&redirect,
                            (push_text_t){text, (uint32_t)strlen(text)}),
        redirects[_i].well);
    if (redirects[_i].well) {
        ck_assert_int_eq(redirect.ask, redirects[_i].ask);
        ck_assert_uint_eq(redirect.slot, redirects[_i].slot);
        ck_assert_str_eq(redirect.address.host, redirects[_i].host);
        ck_assert_uint_eq(redirect.address.port, redirects[_i].port);
    }
}
END_TEST

START_TEST(tries_in_vain_wait_longer_and_never_more_than_two_seconds)
{
    int64_t longest = 0;

    for (unsigned tries = 1; tries < 40; tries++) {
        int64_t most = tries > 6 ? 2000 : 50 << (tries - 1);
        int64_t ms = push_backoff_ms(tries);

        ck_assert_int_ge(ms, 1);
        ck_assert_int_le(ms, most);
        longest = ms > longest ? ms : longest;
    }
    ck_assert_int_gt(longest, 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_command");
    TCase *tc = case_add(suite, "commands", 20);

    tcase_add_test(tc, a_command_is_an_array_of_its_words);
    tcase_add_test(tc, what_is_written_is_read_back_whatever_its_size);
    tcase_add_test(
        tc, a_buffer_keeps_what_is_in_it_while_it_grows_and_is_taken_from);
    tc = case_add(suite, "replies", 20);
    tcase_add_test(tc, a_reply_is_the_same_wherever_its_bytes_are_cut_in_two);
    tcase_add_test(tc, a_reply_that_comes_byte_by_byte_is_the_same);
    tcase_add_test(tc, what_is_no_reply_breaks_the_decoder_for_good);
    tcase_add_test(tc,
                   an_array_that_is_larger_than_any_answer_takes_no_memory);
    tcase_add_row_test(tc, a_text_that_is_a_number_is_read_as_one, numbers);
    tcase_add_test(tc, no_reply_at_all_says_nothing);
    tc = case_add(suite, "errors", 20);
    tcase_add_row_test(tc, an_error_is_known_by_its_words, errors);
    tcase_add_test(tc,
                   each_failure_has_a_name_and_says_whether_it_may_have_run);
    tcase_add_row_test(tc, a_redirection_says_where_to_go, redirects);
    tcase_add_test(tc,
                   tries_in_vain_wait_longer_and_never_more_than_two_seconds);
    return case_run(suite);
}
