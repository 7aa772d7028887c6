/* test_checker.c - the checker finds each kind of violation, and only those. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "checker.h"

#define DEVICE                                                                \
    "{\"t\":0,\"what\":\"device\",\"device\":\"a/1\",\"user\":\"a\","         \
    "\"channels\":[\"c\"]}\n"
#define ACCEPTED(t, mid, more)                                                \
    "{\"t\":" #t ",\"what\":\"accepted\",\"mid\":\"" mid "\"," more "}\n"
#define TO_A "\"user\":\"a\""
#define RECEIVED(t, conn, seq, mid)                                           \
    "{\"t\":" #t ",\"what\":\"received\",\"device\":\"a/1\",\"conn\":" #conn  \
    ",\"seq\":" #seq ",\"mid\":\"" mid "\"}\n"
#define FLUSHED(t, flush, seq, mid)                                           \
    "{\"t\":" #t ",\"what\":\"received\",\"device\":\"a/1\",\"conn\":1,"      \
    "\"flush\":" #flush ",\"seq\":" #seq ",\"mid\":\"" mid "\"}\n"
#define LINE(t, what, mid)                                                    \
    "{\"t\":" #t ",\"what\":\"" what "\",\"device\":\"a/1\",\"mid\":\"" mid   \
    "\"}\n"
#define CUT(t, conn)                                                          \
    "{\"t\":" #t ",\"what\":\"cut\",\"device\":\"a/1\",\"conn\":" #conn "}\n"

#define CRASH(t, within)                                                      \
    "{\"t\":" #t ",\"what\":\"crash\",\"within\":" #within "}\n"

#define SILENT(t, ms)                                                         \
    "{\"t\":" #t ",\"what\":\"cut\",\"device\":\"a/1\",\"conn\":1,"           \
    "\"silent\":" #ms "}\n"
#define STALL(t, within)                                                      \
    "{\"t\":" #t ",\"what\":\"stall\",\"within\":" #within "}\n"

/* rule: the one that is broken, or NULL; proof: the last line of its witness,
 * or NULL. */
static const struct {
    const char *rule;
    const char *proof;
    const char *lines;
} rows[] = {
    {NULL, NULL, ""},
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")
         LINE(3, "delivered", "m1") LINE(4, "acked", "m1")},
    /* The order of actors in the file does not matter, times do. */
    {NULL, NULL,
     LINE(4, "acked", "m1") LINE(3, "delivered", "m1") RECEIVED(2, 1, 1, "m1")
         ACCEPTED(1, "m1", TO_A) DEVICE},
    /* 1 */
    {"lost", "  2: ", DEVICE ACCEPTED(1, "m1", TO_A)},
    {"lost", "  2: ", DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")},
    {"lost", "  2: ", DEVICE ACCEPTED(1, "m1", "\"channel\":\"c\"")},
    {"lost", "  2: ", DEVICE ACCEPTED(1, "m1", "\"broadcast\":true")},
    {"lost", "  2: ", DEVICE ACCEPTED(1, "m1", TO_A ",\"device\":\"a/1\"")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", TO_A ",\"device\":\"a/2\"")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", "\"user\":\"b\"")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", "\"channel\":\"d\"")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", TO_A) LINE(2, "expired", "m1")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", TO_A) LINE(2, "replaced", "m1")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", TO_A) LINE(2, "recalled", "m1")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", TO_A) LINE(2, "refused", "m1")},
    {NULL, NULL, DEVICE ACCEPTED(1, "m1", TO_A ",\"ttl\":1") CUT(1001, 1)},
    {"lost", NULL, DEVICE ACCEPTED(1, "m1", TO_A ",\"ttl\":1") CUT(900, 1)},
    {NULL, NULL, ACCEPTED(-1, "m1", TO_A) DEVICE},
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1",
                     TO_A) "{\"t\":2,\"what\":\"gone\",\"device\":\"a/1\"}\n"},
    /* 2 */
    {"foreign", "  2: ", DEVICE LINE(1, "delivered", "m1")},
    {"foreign", "  3: ",
     DEVICE ACCEPTED(1, "m1", "\"user\":\"b\"") LINE(2, "delivered", "m1")},
    {"foreign", "  3: ",
     DEVICE ACCEPTED(1, "m1", "\"channel\":\"d\"") RECEIVED(2, 1, 1, "m1")},
    {NULL, NULL,
     DEVICE "{\"t\":1,\"what\":\"tried\",\"key\":\"k\"}\n"
            "{\"t\":2,\"what\":\"delivered\",\"device\":\"a/1\","
            "\"mid\":\"m1\",\"key\":\"k\"}\n"},
    /* 3 */
    {"order", "  5: ",
     DEVICE ACCEPTED(1, "m1", TO_A) ACCEPTED(1, "m2", TO_A)
         RECEIVED(2, 1, 2, "m1") RECEIVED(3, 1, 2, "m2")
             LINE(4, "delivered", "m1") LINE(4, "delivered", "m2")},
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1", TO_A) ACCEPTED(1, "m2", TO_A)
         RECEIVED(2, 1, 2, "m1") CUT(2, 1) RECEIVED(3, 2, 2, "m2")
             LINE(4, "delivered", "m1") LINE(4, "delivered", "m2")},
    {"order", "  6: ",
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1") LINE(
         3, "delivered", "m1") LINE(4, "acked", "m1") RECEIVED(5, 2, 2, "m1")},
    {"order", "  6: ",
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1") LINE(
         3, "delivered",
         "m1") "{\"t\":4,\"what\":\"acked\",\"device\":\"a/1\",\"conn\":1,"
               "\"seq\":1}\n" RECEIVED(5, 2, 2, "m1")},
    /* A crash may make what was acknowledged shortly before come again. */
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")
         LINE(3, "delivered", "m1") LINE(4, "acked", "m1") CRASH(9, 5)
             RECEIVED(10, 2, 2, "m1")},
    {"order", "  7: ",
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")
         LINE(3, "delivered", "m1") LINE(4, "acked", "m1") CRASH(9, 4)
             RECEIVED(10, 2, 2, "m1")},
    {"order", "  6: ",
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")
         LINE(3, "delivered", "m1") LINE(4, "acked", "m1")
             RECEIVED(5, 2, 2, "m1") CRASH(9, 5)},
    /* 4 */
    {"duplicate", "  5: ",
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")
         LINE(3, "delivered", "m1") LINE(4, "delivered", "m1")},
    {"duplicate", "  4: ",
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")
         RECEIVED(3, 1, 2, "m1") LINE(4, "delivered", "m1")},
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1") CUT(3, 1)
         RECEIVED(4, 2, 1, "m1") LINE(5, "delivered", "m1")},
    /* 5 */
    {"early-ack", "  5: ",
     DEVICE ACCEPTED(1, "m1", TO_A) RECEIVED(2, 1, 1, "m1")
         LINE(3, "acked", "m1") LINE(4, "delivered", "m1")},
    {"early-ack", "  4: ",
     DEVICE ACCEPTED(1, "m1", TO_A ",\"ttl\":0")
         RECEIVED(2, 1, 1, "m1") "{\"t\":3,\"what\":\"acked\",\"device\":\"a/"
                                 "1\",\"conn\":1,\"seq\":1}\n"},
    /* 6 */
    {"silent-gap",
     "  3: ", DEVICE ACCEPTED(1, "m1", TO_A) LINE(2, "evicted", "m1")},
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1", TO_A) LINE(
         2, "evicted", "m1") "{\"t\":3,\"what\":\"gap\",\"device\":\"a/1\","
                             "\"dropped\":1}\n"},
    /* 7 */
    {"twice", "  5: ",
     DEVICE ACCEPTED(1, "m1", TO_A)
         ACCEPTED(1, "m2", TO_A) "{\"t\":2,\"what\":\"delivered\",\"device\":"
                                 "\"a/1\",\"mid\":\"m1\","
                                 "\"key\":\"k\"}\n"
                                 "{\"t\":3,\"what\":\"delivered\",\"device\":"
                                 "\"a/1\",\"mid\":\"m2\","
                                 "\"key\":\"k\"}\n"},
    /* 8 */
    {"overtaken", "  5: ",
     DEVICE ACCEPTED(1, "m1", TO_A ",\"ttl\":0,\"urgency\":\"low\"")
         ACCEPTED(1, "m2", TO_A ",\"ttl\":0,\"urgency\":\"high\"")
             FLUSHED(2, 1, 1, "m1") FLUSHED(2, 1, 2, "m2")},
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1", TO_A ",\"ttl\":0,\"urgency\":\"low\"")
         ACCEPTED(1, "m2", TO_A ",\"ttl\":0,\"urgency\":\"high\"")
             FLUSHED(2, 1, 1, "m1") FLUSHED(2, 2, 2, "m2")},
    {NULL, NULL,
     DEVICE ACCEPTED(1, "m1", TO_A ",\"ttl\":0,\"urgency\":\"low\"")
         FLUSHED(2, 1, 1, "m1") FLUSHED(2, 1, 2, "m2")
             ACCEPTED(3, "m2", TO_A ",\"ttl\":0,\"urgency\":\"high\"")},
    /* 9 */
    {NULL, NULL, DEVICE CUT(9000, 1) SILENT(9000, 0)},
    {"silent", "  2: ", DEVICE SILENT(9000, 7000)},
    {NULL, NULL, DEVICE STALL(3000, 2000) SILENT(9000, 7000)},
    {NULL, NULL, DEVICE SILENT(9000, 7000) STALL(11000, 4000)},
    {"silent", "  3: ", DEVICE STALL(1000, 1000) SILENT(9000, 7000)},
    {"silent", "  2: ", DEVICE SILENT(9000, 7000) STALL(11000, 1000)},
};

static char *judge(const char *lines, int *result)
{
    struct checker c;
    char *said = NULL;
    size_t length;
    FILE *out = open_memstream(&said, &length);
    FILE *in = lines[0] ? fmemopen((void *)lines, strlen(lines), "r") : NULL;

    memset(&c, 0, sizeof(c));
    c.out = out;
    *result = in && checker_read(&c, in, "log") ? -1 : (int)checker_judge(&c);
    checker_cleanup(&c);
    fclose(out);
    if (in) {
        fclose(in);
    }
    return said;
}

START_TEST(each_kind_of_violation_is_found_and_proved)
{
    int violations;
    char *said = judge(rows[_i].lines, &violations);

    if (!rows[_i].rule) {
        ck_assert_msg(violations == 0, "row %d: %s", _i, said);
    }
    else {
        ck_assert_msg(violations == 1, "row %d: %d violations: %s", _i,
                      violations, said);
        ck_assert_msg(strncmp(said, rows[_i].rule, strlen(rows[_i].rule)) == 0,
                      "row %d: %s", _i, said);
        ck_assert_msg(!rows[_i].proof || strstr(said, rows[_i].proof),
                      "row %d: %s", _i, said);
    }
    free(said);
}
END_TEST

static const char *const malformed[] = {
    "nonsense\n",
    "{}\n",
    "{\"t\":1,\"what\":\"dreamt\"}\n",
    "{\"what\":\"cut\",\"device\":\"a\"}\n",
    "{\"t\":1,\"what\":\"cut\"}\n",
    "{\"t\":1,\"what\":\"delivered\",\"device\":\"a\"}\n",
    "{\"t\":1,\"what\":\"received\",\"device\":\"a\",\"mid\":\"m\"}\n",
    "{\"t\":1,\"what\":\"acked\",\"device\":\"a\"}\n",
    "{\"t\":1,\"what\":\"tried\"}\n",
    "{\"t\":1,\"what\":\"stall\"}\n",
};

START_TEST(a_malformed_line_is_an_error_and_not_a_pass)
{
    int result;
    char *said = judge(malformed[_i], &result);

    ck_assert_int_eq(result, -1);
    ck_assert_ptr_nonnull(strstr(said, "log:1: "));
    free(said);
}
END_TEST

START_TEST(many_violations_are_counted_and_the_first_ones_shown)
{
    char *lines = NULL, *said;
    size_t length;
    FILE *f = open_memstream(&lines, &length);
    int i, violations;

    fputs(DEVICE, f);
    for (i = 0; i < 50; i++) {
        fprintf(f,
                "{\"t\":1,\"what\":\"accepted\",\"mid\":\"m%d\"," TO_A "}\n",
                i);
    }
    fclose(f);
    said = judge(lines, &violations);
    ck_assert_int_eq(violations, 50);
    ck_assert_ptr_nonnull(strstr(said, "m9 was accepted"));
    ck_assert_ptr_null(strstr(said, "m10 was accepted"));
    ck_assert_ptr_nonnull(strstr(said, "51 lines, 50 violations"));
    free(said);
    free(lines);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("push-checker");
    TCase *tc = tcase_create("rules");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, each_kind_of_violation_is_found_and_proved, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tc, a_malformed_line_is_an_error_and_not_a_pass, 0,
                        sizeof(malformed) / sizeof(malformed[0]));
    tcase_add_test(tc, many_violations_are_counted_and_the_first_ones_shown);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
