#include "core/user.h"
#include "core_suite.h"
#include "core_fixture.h"

#include <stdio.h>

static void publish(push_message_spec_t d)
{
    ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
}

/* ---- collapse ---- */

START_TEST(the_newest_of_a_topic_replaces_what_was_not_delivered)
{
    uint64_t first;

    publish(spec_topic("old", "t"));
    first = w.receipt.mid;
    world_say(&w, user, "between");
    publish(spec_topic("new", "t"));
    ck_assert_int_eq(world_fate(&w, device, first), PUSH_REPLACED);
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_REPLACED), 1);
    ck_assert_str_eq(world_flush(&w, device), "1=between 2=new");
    world_cleanup(&w);
    world_begin();
}
END_TEST

START_TEST(another_topic_and_none_replace_nothing)
{
    publish(spec_topic("a", "t"));
    publish(spec_topic("b", "tt"));
    publish(spec_topic("c", "T"));
    publish(spec("d"));
    publish(spec("e"));
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b 3=c 4=d 5=e");
}
END_TEST

START_TEST(a_topic_collapses_only_within_its_audience)
{
    push_message_spec_t one = spec_topic("one", "t");
    push_message_spec_t again = spec_topic("again", "t");
    push_user_t *other_user = world_user(&w);

    one.device = words("d");
    again.device = words("d");
    publish(spec_topic("all", "t"));
    publish(one);
    ck_assert_int_eq(world_publish(&w, other_user, spec_topic("x", "t")),
                     PUSH_OK);
    ck_assert_uint_eq(world_pending(&w, device), 2);
    publish(again);
    ck_assert_str_eq(world_flush(&w, device), "1=all 2=again");
}
END_TEST

START_TEST(a_topic_collapses_over_urgencies)
{
    push_message_spec_t low = spec_topic("low", "t");

    low.urgency = PUSH_LOW;
    publish(low);
    publish(spec_topic("normal", "t"));
    ck_assert_str_eq(world_flush(&w, device), "1=normal");
    publish(low);
    ck_assert_str_eq(world_flush(&w, device), "2=low");
}
END_TEST

START_TEST(in_a_retransmission_only_the_newest_of_a_topic_is_sent)
{
    publish(spec_topic("first", "t"));
    ck_assert_str_eq(world_flush(&w, device), "1=first");
    publish(spec_topic("second", "t"));
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "1=second");
}
END_TEST

START_TEST(what_was_acknowledged_is_not_replaced_for_that_device)
{
    uint64_t first;

    publish(spec_topic("first", "t"));
    first = w.receipt.mid;
    world_flush(&w, device);
    world_ack(&w, device, cursor(1));
    publish(spec_topic("second", "t"));
    ck_assert_int_eq(world_fate(&w, device, first), PUSH_ACKED);
}
END_TEST

START_TEST(a_replacement_needs_no_room_in_a_full_mailbox)
{
    w.limit = 2;
    publish(spec_topic("a", "t"));
    world_say(&w, user, "b");
    publish(spec_topic("c", "t"));
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_EVICTED), 0);
    ck_assert_str_eq(world_flush(&w, device), "1=b 2=c");
}
END_TEST

START_TEST(an_expired_message_is_not_replaced)
{
    push_message_spec_t brief = spec_topic("brief", "t");

    brief.ttl = 1000;
    publish(brief);
    world_pass(&w, 1000);
    publish(spec_topic("later", "t"));
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_REPLACED), 0);
    ck_assert_str_eq(world_flush(&w, device), "1=later");
}
END_TEST

/* ---- devices that appear later ---- */

START_TEST(a_device_that_appears_before_the_ttl_ends_finds_the_message)
{
    push_device_t *late;
    push_message_spec_t brief = spec("brief");

    brief.ttl = 1000;
    publish(brief);
    world_say(&w, user, "long");
    world_flush(&w, device);
    world_ack(&w, device, cursor(2));
    world_pass(&w, 1000);
    late = world_device(&w, user, "late", NULL, 0);
    world_open(&w, late, NULL);
    ck_assert_str_eq(world_flush(&w, late), "1=long");
}
END_TEST

START_TEST(a_message_for_a_device_that_is_not_known_yet_waits_for_it)
{
    push_device_t *late;
    push_message_spec_t d = spec("for late");

    d.device = words("late");
    publish(d);
    ck_assert_uint_eq(w.receipt.recipients, 0);
    ck_assert_str_eq(world_flush(&w, device), "");
    late = world_device(&w, user, "late", NULL, 0);
    ck_assert_str_eq(world_flush(&w, late), "1=for late");
}
END_TEST

START_TEST(what_was_dropped_for_a_device_to_come_is_told_when_it_comes)
{
    push_device_t *late;
    push_message_spec_t d = spec("first");

    w.limit = 1;
    d.device = words("late");
    publish(d);
    ck_assert_str_eq(world_flush(&w, device), "");
    d.content.data = words("second");
    publish(d);
    late = world_device(&w, user, "late", NULL, 0);
    ck_assert_str_eq(world_flush(&w, late), "!normal:1 1=second");
}
END_TEST

START_TEST(a_user_without_devices_keeps_no_more_than_a_mailbox_holds)
{
    push_user_t *absent = world_user(&w);
    push_device_t *late;
    char text[16];

    w.limit = 3;
    for (int i = 0; i < 7; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        ck_assert_int_eq(world_publish(&w, absent, spec(text)), PUSH_OK);
        ck_assert_uint_eq(w.receipt.recipients, 0);
    }
    late = world_device(&w, absent, "late", NULL, 0);
    ck_assert_str_eq(world_flush(&w, late), "!normal:4 1=m4 2=m5 3=m6");
    ck_assert_str_eq(world_flush(&w, late), "");
}
END_TEST

START_TEST(a_user_without_devices_keeps_the_urgent_and_refuses_the_rest)
{
    push_user_t *absent = world_user(&w);

    w.limit = 2;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            world_publish(&w, absent, spec_urgent("h", PUSH_HIGH)), PUSH_OK);
    }
    ck_assert_int_eq(world_publish(&w, absent, spec("n")), PUSH_MAILBOX_FULL);
    ck_assert_uint_eq(push_log_length(&absent->log), 2);
}
END_TEST

START_TEST(what_was_recalled_leaves_room_for_a_user_without_devices)
{
    push_user_t *absent = world_user(&w);
    push_entry_t entry;

    w.limit = 2;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            world_publish(&w, absent, spec_urgent("h", PUSH_HIGH)), PUSH_OK);
        ck_assert(push_log_find(w.heap, &absent->log, w.receipt.mid, &entry));
        push_log_end(w.heap, &absent->log, entry.message, PUSH_RECALLED,
                     &w.now);
    }
    ck_assert_int_eq(world_publish(&w, absent, spec("n")), PUSH_OK);
}
END_TEST

START_TEST(what_all_devices_have_had_goes_before_what_one_waits_for)
{
    push_device_t *slow = world_device(&w, user, "slow", NULL, 0);
    push_device_t *late;

    w.limit = 4;
    world_open(&w, slow, NULL);
    for (int i = 0; i < 4; i++) {
        char text[2] = {(char)('a' + i), '\0'};

        world_say(&w, user, text);
    }
    world_flush(&w, device);
    world_ack(&w, device, cursor(4));
    world_flush_some(&w, slow, 2);
    world_ack(&w, slow, cursor(2));
    world_say(&w, user, "e");
    ck_assert_uint_eq(push_log_length(&user->log), 4);
    ck_assert_str_eq(world_flush(&w, slow), "3=c 4=d 5=e");
    late = world_device(&w, user, "late", NULL, 0);
    ck_assert_str_eq(world_flush(&w, late), "!normal:1 1=b 2=c 3=d 4=e");
}
END_TEST

START_TEST(what_is_in_flight_is_not_forgotten)
{
    w.limit = 2;
    world_say(&w, user, "a");
    world_say(&w, user, "b");
    world_flush(&w, device);
    world_say(&w, user, "c");
    world_say(&w, user, "d");
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b 3=c 4=d");
}
END_TEST

START_TEST(forgetting_what_is_settled_leaves_what_waits)
{
    world_say(&w, user, "a");
    world_say(&w, user, "b");
    world_say(&w, user, "c");
    world_flush_some(&w, device, 2);
    world_ack(&w, device, cursor(1));
    ck_assert_uint_eq(push_user_forget_settled(w.heap, user, &w.now), 1);
    ck_assert_uint_eq(push_log_length(&user->log), 2);
    world_resume(&w, device, cursor(1));
    ck_assert_str_eq(world_flush(&w, device), "2=b 3=c");
}
END_TEST

START_TEST(what_was_dropped_is_not_told_after_its_ttl)
{
    push_user_t *absent = world_user(&w);
    push_device_t *late;

    w.limit = 1;
    world_publish(&w, absent, spec("a"));
    world_publish(&w, absent, spec("b"));
    world_pass(&w, 300000);
    late = world_device(&w, absent, "late", NULL, 0);
    ck_assert_str_eq(world_flush(&w, late), "");
}
END_TEST

/* ---- devices that go ---- */

START_TEST(a_device_that_is_dropped_leaves_the_others_as_they_were)
{
    push_device_t *second = world_device(&w, user, "e", NULL, 0);
    push_device_t *third = world_device(&w, user, "f", NULL, 0);

    world_say(&w, user, "a");
    world_flush(&w, second);
    world_ack(&w, second, cursor(1));
    world_drop(&w, second);
    ck_assert_uint_eq(user->devices_count, 2);
    ck_assert_str_eq(world_flush(&w, device), "1=a");
    ck_assert_str_eq(world_flush(&w, third), "1=a");
    world_cleanup(&w);
    world_begin();
}
END_TEST

START_TEST(a_device_that_returns_after_it_was_dropped_is_a_new_one)
{
    world_say(&w, user, "a");
    world_flush(&w, device);
    world_ack(&w, device, cursor(1));
    world_drop(&w, device);
    device = world_device(&w, user, "d", NULL, 0);
    ck_assert_str_eq(world_flush(&w, device), "1=a");
}
END_TEST

/* ---- labels ---- */

START_TEST(labels_come_back_whole_and_the_last_are_cut)
{
    static char longest[PUSH_LABELS_MAX];
    push_text_t labels[PUSH_LABELS] = {
        [PUSH_LABEL_DEVICE] = words("d"),
        [PUSH_LABEL_APP] = words("shop"),
        [PUSH_LABEL_OS] = words("linux"),
        [PUSH_LABEL_USER_AGENT] = {longest, sizeof(longest)}};
    push_text_t text;

    ck_assert_int_eq(push_device_set_labels(w.heap, device, labels), PUSH_OK);
    text = push_device_label(w.heap, device, PUSH_LABEL_OS);
    ck_assert_uint_eq(text.len, 5);
    ck_assert_mem_eq(text.at, "linux", 5);
    ck_assert_uint_eq(push_device_label(w.heap, device, PUSH_LABEL_LOCALE).len,
                      0);
    ck_assert_uint_eq(
        push_device_label(w.heap, device, PUSH_LABEL_USER_AGENT).len,
        PUSH_LABELS_MAX - 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("user");
    TCase *topic = unit_case(suite, "collapse", 20);
    TCase *late = unit_case(suite, "devices", 20);

    tcase_add_checked_fixture(topic, world_begin, world_end);
    tcase_add_checked_fixture(late, world_begin, world_end);
    tcase_add_test(topic,
                   the_newest_of_a_topic_replaces_what_was_not_delivered);
    tcase_add_test(topic, another_topic_and_none_replace_nothing);
    tcase_add_test(topic, a_topic_collapses_only_within_its_audience);
    tcase_add_test(topic, a_topic_collapses_over_urgencies);
    tcase_add_test(topic,
                   in_a_retransmission_only_the_newest_of_a_topic_is_sent);
    tcase_add_test(topic,
                   what_was_acknowledged_is_not_replaced_for_that_device);
    tcase_add_test(topic, a_replacement_needs_no_room_in_a_full_mailbox);
    tcase_add_test(topic, an_expired_message_is_not_replaced);
    tcase_add_test(
        late, a_device_that_appears_before_the_ttl_ends_finds_the_message);
    tcase_add_test(late,
                   a_message_for_a_device_that_is_not_known_yet_waits_for_it);
    tcase_add_test(
        late, what_was_dropped_for_a_device_to_come_is_told_when_it_comes);
    tcase_add_test(late,
                   a_user_without_devices_keeps_no_more_than_a_mailbox_holds);
    tcase_add_test(
        late, a_user_without_devices_keeps_the_urgent_and_refuses_the_rest);
    tcase_add_test(late,
                   what_was_recalled_leaves_room_for_a_user_without_devices);
    tcase_add_test(late,
                   what_all_devices_have_had_goes_before_what_one_waits_for);
    tcase_add_test(late, what_is_in_flight_is_not_forgotten);
    tcase_add_test(late, forgetting_what_is_settled_leaves_what_waits);
    tcase_add_test(late, what_was_dropped_is_not_told_after_its_ttl);
    tcase_add_test(late,
                   a_device_that_is_dropped_leaves_the_others_as_they_were);
    tcase_add_test(late,
                   a_device_that_returns_after_it_was_dropped_is_a_new_one);
    tcase_add_test(late, labels_come_back_whole_and_the_last_are_cut);
    return unit_run(suite);
}
