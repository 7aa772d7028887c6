#include "core/fits.h"
#include "core/message_texts.h"
#include "core/predicate.h"
#include "core_fixture.h"
#include "core_suite.h"

#include <string.h>

/* Messages for some of the devices of their audience. */

static void say(const char *text)
{
    ck_assert_int_eq(world_publish(&w, user, spec(text)), PUSH_OK);
}

static bool same_words(push_text_t text, const char *expected)
{
    return text.len == strlen(expected)
           && !memcmp(text.at, expected, text.len);
}

static push_device_t *install(const char *name, const char *os,
                              const char *version)
{
    push_device_t *made = world_device(&w, user, name, channels, 2);
    push_text_t labels[PUSH_LABELS] = {
        [PUSH_LABEL_DEVICE] = words(name),
        [PUSH_LABEL_OS] = words(os),
        [PUSH_LABEL_APP_VERSION] = words(version)};

    ck_assert_int_eq(push_device_set_labels(w.heap, made, labels), PUSH_OK);
    memset(made->id, name[0], sizeof(made->id));
    world_open(&w, made, NULL);
    return made;
}

/* Compiled; valid until the next call. */
static push_message_spec_t spec_where(const char *text, const char *where)
{
    static push_predicate_t p;
    push_message_spec_t d = spec(text);
    push_predicate_wrong_t wrong;

    memset(&p, 0, sizeof(p));
    ck_assert(push_predicate_parse(&p, words(where), &wrong)
              && push_predicate_end(&p, &d.where, &wrong));
    return d;
}

static void say_where(const char *text, const char *where)
{
    ck_assert_int_eq(world_publish(&w, user, spec_where(text, where)),
                     PUSH_OK);
}

static uint64_t filtered(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < PUSH_LANES; i++) {
        sum += w.heap->counts
                   ->of[push_cell(PUSH_COUNT_SETTLED, PUSH_BY_OUTCOME_FILTERED,
                                  i, PUSH_BY_URGENCY_VALUES)];
    }
    return sum;
}

START_TEST(a_message_goes_to_the_devices_for_which_its_predicate_holds)
{
    push_device_t *iphone = install("iphone", "iOS", "4.10");
    push_device_t *pixel = install("pixel", "android", "4.1");

    say_where("i", "os=ios");
    ck_assert_uint_eq(w.receipt.recipients, 1);
    ck_assert_uint_eq(w.receipt.connected, 1);
    say_where("old", "app_version=<4.2");
    say("all");
    ck_assert_uint_eq(world_pending(&w, iphone), 2);
    ck_assert_uint_eq(world_pending(&w, pixel), 2);
    ck_assert_uint_eq(world_pending(&w, device), 1);
    ck_assert_str_eq(world_flush(&w, iphone), "1=i 2=all");
    ck_assert_str_eq(world_flush(&w, pixel), "1=old 2=all");
    ck_assert_str_eq(world_flush(&w, device), "1=all");
    ck_assert_uint_eq(filtered(), 4);
}
END_TEST

START_TEST(so_does_one_of_a_channel_and_of_all)
{
    push_device_t *iphone = install("iphone", "iOS", "4.10");
    push_device_t *pixel = install("pixel", "android", "4.1");

    ck_assert_int_eq(world_cast(&w, channels[0], spec_where("c", "os=ios")),
                     PUSH_OK);
    ck_assert_int_eq(world_cast(&w, w.broadcast, spec_where("b", "os=andr*")),
                     PUSH_OK);
    ck_assert_uint_eq(world_pending(&w, iphone), 1);
    ck_assert_str_eq(world_flush(&w, iphone), "1=c");
    ck_assert_str_eq(world_flush(&w, pixel), "1=b");
    ck_assert_str_eq(world_flush(&w, device), "");
}
END_TEST

START_TEST(what_is_filtered_is_counted_once_and_says_so)
{
    push_device_t *pixel = install("pixel", "android", "4.1");
    uint64_t mid;

    say("one");
    say_where("i", "os=ios");
    mid = w.receipt.mid;
    say("two");
    ck_assert_int_eq(world_fate(&w, pixel, mid), PUSH_FILTERED);
    ck_assert_str_eq(world_flush(&w, pixel), "1=one 2=two");
    ck_assert_uint_eq(filtered(), 1);
    ck_assert_int_eq(world_fate(&w, pixel, mid), PUSH_FILTERED);
    world_resume(&w, pixel, cursor(1));
    ck_assert_str_eq(world_flush(&w, pixel), "2=two");
    ck_assert_uint_eq(filtered(), 1);
    ck_assert_int_eq(world_fate(&w, pixel, mid), PUSH_FILTERED);
}
END_TEST

START_TEST(a_device_that_appears_later_decides_too)
{
    push_device_t *iphone;

    say_where("i", "os=ios");
    ck_assert_uint_eq(w.receipt.recipients, 0);
    say_where("a", "os=android");
    iphone = install("iphone", "iOS", "4.10");
    ck_assert_str_eq(world_flush(&w, iphone), "1=i");
}
END_TEST

START_TEST(what_was_acknowledged_stays_so_whatever_the_device_becomes)
{
    push_device_t *iphone = install("iphone", "iOS", "4.1");
    push_text_t labels[PUSH_LABELS] = {[PUSH_LABEL_DEVICE] = words("iphone"),
                                       [PUSH_LABEL_OS] = words("iOS"),
                                       [PUSH_LABEL_APP_VERSION] = words("5")};
    uint64_t old, new;

    say_where("old", "app_version=<5");
    old = w.receipt.mid;
    say_where("new", "app_version=>=5");
    new = w.receipt.mid;
    ck_assert_str_eq(world_flush(&w, iphone), "1=old");
    ck_assert_int_eq(world_ack(&w, iphone, cursor(1)), PUSH_OK);
    ck_assert_int_eq(push_device_set_labels(w.heap, iphone, labels), PUSH_OK);
    ck_assert_int_eq(world_fate(&w, iphone, old), PUSH_ACKED);
    ck_assert_int_eq(world_fate(&w, iphone, new), PUSH_FILTERED);
    ck_assert_str_eq(world_flush(&w, iphone), "");
}
END_TEST

START_TEST(what_is_filtered_takes_no_room_in_a_mailbox)
{
    push_device_t *iphone = install("iphone", "iOS", "4.10");

    w.limit = 2;
    say_where("a1", "os=android");
    say_where("a2", "os=android");
    say_where("i1", "os=ios");
    say_where("a3", "os=android");
    say_where("i2", "os=ios");
    ck_assert_str_eq(world_flush(&w, iphone), "1=i1 2=i2");
}
END_TEST

START_TEST(online_means_the_stream_that_was_open_at_the_publish)
{
    push_device_t *away;

    world_close(&w, device);
    away = install("phone", "iOS", "4");
    world_close(&w, away);
    world_open(&w, device, NULL);
    world_pass(&w, 10);
    say_where("now", "online=1");
    ck_assert_uint_eq(w.receipt.recipients, 1);
    world_pass(&w, 10);
    world_open(&w, away, NULL);
    ck_assert_str_eq(world_flush(&w, away), "");
    ck_assert_str_eq(world_flush(&w, device), "1=now");
}
END_TEST

START_TEST(topics_of_other_devices_do_not_replace_one_another)
{
    push_device_t *iphone = install("iphone", "iOS", "4.10");
    push_device_t *pixel = install("pixel", "android", "4.1");
    static const char *const rows[][2] = {
        {"i1", "os=ios"}, {"a1", "os=android"}, {"i2", "os=iOS"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        push_message_spec_t d = spec_where(rows[i][0], rows[i][1]);

        d.topic = words("offer");
        ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
    }
    ck_assert_int_eq(world_publish(&w, user, spec_topic("all", "offer")),
                     PUSH_OK);
    ck_assert_str_eq(world_flush(&w, iphone), "1=i2 2=all");
    ck_assert_str_eq(world_flush(&w, pixel), "1=a1 2=all");
}
END_TEST

START_TEST(a_predicate_changes_nothing_of_what_is_sent)
{
    push_message_spec_t d = spec_where("text", "os=ios, variant=B");
    push_message_t *message;
    push_ref_t ref;

    d.content.event = words("trip.eta");
    d.content.type = words("text/plain");
    d.device = words("phone");
    d.topic = words("topic");
    ref = push_message_create(w.heap, &d, 1, &w.now);
    message = push_at(w.heap, ref);
    ck_assert(same_words(push_message_payload(message), "text"));
    ck_assert(same_words(push_message_event(message), "trip.eta"));
    ck_assert(same_words(push_message_type(message), "text/plain"));
    ck_assert(same_words(push_message_device(message), "phone"));
    ck_assert(same_words(push_message_topic(message), "topic"));
    ck_assert_uint_eq(push_message_where(message).len, d.where.len);
    ck_assert_mem_eq(push_message_where(message).at, d.where.at, d.where.len);
    push_message_release(w.heap, ref);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audience");
    TCase *tc = unit_case(suite, "audience", 20);

    tcase_add_checked_fixture(tc, world_begin_following, world_end);
    tcase_add_test(
        tc, a_message_goes_to_the_devices_for_which_its_predicate_holds);
    tcase_add_test(tc, so_does_one_of_a_channel_and_of_all);
    tcase_add_test(tc, what_is_filtered_is_counted_once_and_says_so);
    tcase_add_test(tc, a_device_that_appears_later_decides_too);
    tcase_add_test(tc,
                   what_was_acknowledged_stays_so_whatever_the_device_becomes);
    tcase_add_test(tc, what_is_filtered_takes_no_room_in_a_mailbox);
    tcase_add_test(tc, online_means_the_stream_that_was_open_at_the_publish);
    tcase_add_test(tc, topics_of_other_devices_do_not_replace_one_another);
    tcase_add_test(tc, a_predicate_changes_nothing_of_what_is_sent);
    return unit_run(suite);
}
