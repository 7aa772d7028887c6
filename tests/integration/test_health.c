/*
 * Health: delivery is proven through another child, and what is wrong has a
 * reason.
 */
#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "needs.h"
#include "verbs.h"

static struct answer *health_of(const struct server *s)
{
    return http_get(s, "/push/health");
}

static const char *status_of(const struct server *s)
{
    return json_text_at(health_of(s)->json, "status");
}

/* The detail of a reason in the answer, or NULL. */
static const char *detail_of(const struct answer *a, const char *reason)
{
    const json_t *reasons = json_at(a->json, "reasons");

    for (size_t i = 0; i < json_array_size(reasons); i++) {
        const json_t *one = json_array_get(reasons, i);

        if (strcmp(json_text_at(one, "reason"), reason) == 0) {
            return json_text_at(one, "detail");
        }
    }
    return NULL;
}

/* Asks one child, over a connection that stays with it. */
static struct answer *ask_on(struct wire *w)
{
    http_send(w, &(struct request){.target = "/push/health"});
    return http_read(w, false);
}

/* ---- well ---- */

START_TEST(health_is_delivered_through_another_child)
{
    struct server *s = server_start(NULL);
    pid_t pids[2];
    struct wire *w;
    struct answer *a;

    ck_assert_int_eq(server_children(s, pids, 2), 2);
    for (int i = 0; i < 2; i++) {
        w = wire_to_another_child(s, pids[i]);
        a = ask_on(w);
        ck_assert_msg(a->status == 200, "%s", a->body);
        ck_assert_str_eq(json_text_at(a->json, "status"), "ok");
        ck_assert_uint_eq(json_array_size(json_at(a->json, "reasons")), 0);
        ck_assert_msg(json_int_at(a->json, "delivery.through") == pids[i],
                      "%d: %s", (int)pids[i], a->body);
        ck_assert_int_ge(json_int_at(a->json, "delivery.ms"), 0);
        ck_assert_int_ge(json_int_at(a->json, "delivery.age_ms"), 0);
    }
    ck_assert_int_eq(json_int_at(http_get(s, "/push/check")->json, "wrong"),
                     0);
    ck_assert_int_eq(http_do(s, "HEAD", "/push/health", NULL, NULL)->status,
                     200);
}
END_TEST

START_TEST(a_child_that_is_alone_delivers_through_itself)
{
    struct server_options o = {.children = 1};
    struct server *s = server_start(&o);
    struct answer *a = health_of(s);
    pid_t pid;

    ck_assert_int_eq(server_children(s, &pid, 1), 1);
    ck_assert_str_eq(json_text_at(a->json, "status"), "ok");
    ck_assert_int_eq(json_int_at(a->json, "delivery.through"), pid);
}
END_TEST

START_TEST(checks_take_turns_through_all_reactors)
{
    struct server_options o = {.children = 3};
    struct server *s = server_start(&o);
    pid_t pids[3];
    struct wire *w;
    json_int_t first;

    ck_assert_int_eq(server_children(s, pids, 3), 3);
    w = wire_to_another_child(s, 0);
    first = json_int_at(ask_on(w)->json, "delivery.through");
    wait_until(json_int_at(ask_on(w)->json, "delivery.through") != first);
}
END_TEST

START_TEST(live_asks_for_nothing)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_get(s, "/push/health?live");

    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(json_text_at(a->json, "status"), "ok");
    ck_assert_uint_eq(json_object_size(a->json), 1);
    ck_assert_int_eq(stat_of(s, "published"), 0);
    ck_assert_int_eq(stat_of(s, "users"), 0);
}
END_TEST

/* ---- what it leaves ---- */

static int descriptors_of(pid_t pid)
{
    DIR *dir = opendir(keep_printf("/proc/%d/fd", (int)pid));
    int count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

START_TEST(checks_leave_nothing_behind)
{
    struct server_options o = {.global = "PushDeviceRetention 1"};
    struct server *s = server_start(&o);
    struct wire *w = wire_to_another_child(s, 0);
    pid_t pid = server_child_of(s, w->fd);
    json_int_t used, published;
    int descriptors;

    ask_on(w);
    wait_until(stat_of(s, "streams") == 0);
    used = stat_of(s, "memory.used");
    descriptors = descriptors_of(pid);
    published = stat_of(s, "published");
    for (int i = 0; i < 500; i++) {
        NEEDS(ask_on(w)->status == 200, "check %d", i);
    }
    /* Further probes, which are made at most once a second. */
    wait_until(json_text_at(ask_on(w)->json, "status")
               && stat_of(s, "published") >= published + 4);
    wait_until(stat_of(s, "streams") == 0);
    ck_assert_int_le(descriptors_of(pid), descriptors + 2);
    ck_assert_int_le(stat_of(s, "memory.used"), used + 4096);
    ck_assert_int_eq(stat_of(s, "published") - published, 4);
    /* And within seconds the device is forgotten. */
    wait_until(stat_of(s, "devices") == 0);
    ck_assert_int_eq(json_int_at(http_get(s, "/push/check")->json, "wrong"),
                     0);
}
END_TEST

/* ---- not well ---- */

START_TEST(a_child_that_stands_still_is_found_and_so_is_that_it_goes_on)
{
    struct server *s = server_start(NULL);
    pid_t pids[2];
    struct wire *w;
    struct answer *a;

    ck_assert_int_eq(server_children(s, pids, 2), 2);
    /* A new connection might go to the one that stands still. */
    w = wire_to_another_child(s, pids[0]);
    ck_assert_str_eq(json_text_at(ask_on(w)->json, "status"), "ok");
    ck_assert_int_eq(kill(pids[0], SIGSTOP), 0);
    wait_until(
        strcmp(json_text_at((a = ask_on(w))->json, "status"), "degraded")
        == 0);
    ck_assert_int_eq(a->status, 200);
    ck_assert_msg(detail_of(a, "delivery") != NULL
                      && strstr(detail_of(a, "delivery"),
                                keep_printf("child %d ", (int)pids[0])),
                  "%s", a->body);
    ck_assert_int_eq(json_int_at(a->json, "delivery.through"), pids[1]);
    /* One that is known to stand still is waited for no more. */
    http_send(w, &(struct request){.target = "/push/health?live"});
    ck_assert_int_eq(http_read(w, false)->status, 200);
    ck_assert_int_eq(kill(pids[0], SIGCONT), 0);
    wait_until(strcmp(status_of(s), "ok") == 0);
    wait_until(stat_of(s, "streams") == 0);
    ck_assert_int_eq(json_int_at(http_get(s, "/push/check")->json, "wrong"),
                     0);
}
END_TEST

START_TEST(a_memory_that_is_nearly_full_is_told)
{
    struct server_options o = {.global = "PushShmSize 16M\n"
                                         "PushMaxMessageSize 1M\n"};
    struct server *s = server_start(&o);
    const char *large = keep_printf("%0900000d", 0);
    struct answer *a;

    for (int i = 0; i < 40; i++) {
        publish_try(s, keep_printf("user=u%d", i), "Urgency: high\r\n",
                    i < 20 ? large : keep_printf("%060000d", 0));
    }
    a = health_of(s);
    ck_assert_int_gt(json_int_at(a->json, "memory_percent"), 95);
    ck_assert_str_eq(json_text_at(a->json, "status"), "degraded");
    ck_assert_int_eq(a->status, 200);
    ck_assert_ptr_nonnull(strstr(detail_of(a, "memory"), "PushShmSize"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health");
    TCase *tc = case_add(suite, "health", 60);

    tcase_add_test(tc, health_is_delivered_through_another_child);
    tcase_add_test(tc, a_child_that_is_alone_delivers_through_itself);
    tcase_add_test(tc, checks_take_turns_through_all_reactors);
    tcase_add_test(tc, live_asks_for_nothing);
    tcase_add_test(tc, checks_leave_nothing_behind);
    tcase_add_test(
        tc, a_child_that_stands_still_is_found_and_so_is_that_it_goes_on);
    tcase_add_test(tc, a_memory_that_is_nearly_full_is_told);
    return case_run(suite);
}
