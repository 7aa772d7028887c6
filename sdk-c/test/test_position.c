/* test_position.c - reports of where the device is. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "probing.h"
#include "suite.h"

#define REPORTS 8

/* What the server got, and what it says to each. */
static struct {
    pthread_mutex_t lock;
    unsigned count;
    int answers[REPORTS]; /* 0: 204 */
    char body[REPORTS][128];
    char target[256];
    char type[64];
    uint64_t at[REPORTS];
} got = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int take_report(struct scripted_request *r)
{
    int status;

    pthread_mutex_lock(&got.lock);
    ck_assert_uint_lt(got.count, REPORTS);
    snprintf(got.body[got.count], sizeof(got.body[0]), "%.*s",
             (int)r->body_length, r->body);
    snprintf(got.target, sizeof(got.target), "%.255s", r->target);
    scripted_header(r, "Content-Type", got.type, sizeof(got.type));
    got.at[got.count] = now_ms();
    status = got.answers[got.count++];
    pthread_mutex_unlock(&got.lock);
    return status ? scripted_answer(r, status, "", "")
                  : scripted_say(r, "HTTP/1.1 204 No Content\r\n\r\n") == 0;
}

static int script(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/position?")) {
        return take_report(r);
    }
    scripted_stream(r);
    scripted_hold(r, -1);
    return 0;
}

static unsigned reports(void)
{
    unsigned count;

    pthread_mutex_lock(&got.lock);
    count = got.count;
    pthread_mutex_unlock(&got.lock);
    return count;
}

static void begin(void)
{
    memset(got.answers, 0, sizeof(got.answers));
    got.count = 0;
    probing_begin(script, NULL);
    probe->options.query = "user=ann";
    probe->options.app = "driver";
}

static void report(double lat, double lon, unsigned accuracy)
{
    ck_assert_int_eq(pushc_report_position(probe->client, lat, lon, accuracy),
                     PUSHC_OK);
}

START_TEST(a_position_is_a_body_in_the_device_s_own_name)
{
    char device[64];

    begin();
    probe_start(probe);
    report(38.7223, -9.1393, 12);
    WAIT_FOR(reports() == 1);
    ck_assert_str_eq(got.body[0], "{\"lat\":38.7223000,\"lon\":-9.1393000,"
                                  "\"accuracy\":12}");
    ck_assert_str_eq(got.type, "application/json");
    snprintf(device, sizeof(device), "device=%s", probe->options.device);
    ck_assert_ptr_nonnull(strstr(got.target, device));
    ck_assert_ptr_nonnull(strstr(got.target, "app=driver"));
    ck_assert_ptr_nonnull(strstr(got.target, "user=ann"));
    ck_assert_ptr_null(strstr(got.target, "38"));
    pushc_forget_position(probe->client);
    WAIT_FOR(reports() == 2);
    ck_assert_str_eq(got.body[1], "null");
}
END_TEST

START_TEST(the_newest_is_sent_and_one_a_second)
{
    begin();
    probe_start(probe);
    report(90, 180, 0);
    WAIT_FOR(reports() == 1);
    report(1, 1, 1);
    report(-90, -180, 100000);
    WAIT_FOR(reports() == 2);
    ck_assert_str_eq(got.body[1], "{\"lat\":-90.0000000,\"lon\":-180.0000000,"
                                  "\"accuracy\":100000}");
    ck_assert_uint_ge(got.at[1] - got.at[0], 900);
}
END_TEST

START_TEST(what_does_not_get_through_is_tried_again)
{
    begin();
    got.answers[0] = 503;
    got.answers[1] = 429;
    probe_start(probe);
    report(1, 2, 3);
    WAIT_FOR(reports() == 3);
    ck_assert_str_eq(got.body[2], got.body[0]);
}
END_TEST

START_TEST(what_is_refused_is_not_tried_again)
{
    begin();
    got.answers[0] = 404;
    probe_start(probe);
    report(1, 2, 3);
    WAIT_FOR(reports() == 1);
    report(4, 5, 6);
    WAIT_FOR(reports() == 2);
    ck_assert_str_eq(got.body[1], "{\"lat\":4.0000000,\"lon\":5.0000000,"
                                  "\"accuracy\":6}");
}
END_TEST

START_TEST(a_place_that_is_not_on_the_earth_is_an_argument)
{
    static const double wrong[][2] = {{90.1, 0},   {-90.1, 0}, {0, 180.1},
                                      {0, -180.1}, {NAN, 0},   {0, NAN}};
    size_t i;

    begin();
    probe_start(probe);
    for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        ck_assert_int_eq(pushc_report_position(probe->client, wrong[i][0],
                                               wrong[i][1], 0),
                         PUSHC_ERR_ARGUMENT);
    }
    ck_assert_int_eq(pushc_report_position(probe->client, 0, 0, 100001),
                     PUSHC_ERR_ARGUMENT);
    report(0, 0, 0);
    WAIT_FOR(reports() == 1);
    ck_assert_str_eq(got.body[0], "{\"lat\":0.0000000,\"lon\":0.0000000,"
                                  "\"accuracy\":0}");
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("position", 60);

    tcase_add_checked_fixture(tc, NULL, probing_end);
    tcase_add_test(tc, a_position_is_a_body_in_the_device_s_own_name);
    tcase_add_test(tc, the_newest_is_sent_and_one_a_second);
    tcase_add_test(tc, what_does_not_get_through_is_tried_again);
    tcase_add_test(tc, what_is_refused_is_not_tried_again);
    tcase_add_test(tc, a_place_that_is_not_on_the_earth_is_an_argument);
    return suite_run();
}
