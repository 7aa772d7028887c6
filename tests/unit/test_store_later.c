#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/predicate.h"
#include "core_suite.h"
#include "core_world.h"
#include "store/ops/later.h"
#include "store/ops/later_list.h"
#include "store/ops/life.h"
#include "store/shard/later.h"
#include "store/shard/shard.h"
#include "store/shm/clock.h"
#include "store/upkeep/releaser.h"
#include "store/upkeep/validate.h"
#include "store_disk.h"

/* What is published later. */

#define SECOND 1000

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
}

static void end(void)
{
    disk_cleanup(&disk);
}

static push_store_t *store(void)
{
    return &disk.g.store;
}

static void sound(void)
{
    push_check_t check;

    push_validate(store(), &check);
    ck_assert_msg(!check.wrong, "%s", check.texts[0]);
    ck_assert_uint_eq(check.leaked, 0);
}

/* ---- publishers ---- */

typedef struct {
    const char *user, *text, *topic, *key, *where;
    int64_t after; /* ms */
    int64_t ttl;   /* ms; -1: 0 */
    push_urgency_t urgency;
} order_t;

/* Valid until the next call. */
static push_text_t compiled(const char *where)
{
    static push_predicate_t predicate;
    push_predicate_wrong_t wrong;
    push_text_t made = {"", 0};

    memset(&predicate, 0, sizeof(predicate));
    ck_assert(!*where
              || (push_predicate_parse(&predicate, named(where), &wrong)
                  && push_predicate_end(&predicate, &made, &wrong)));
    return made;
}

static push_status_t ask(const order_t *order, push_answer_t *answer)
{
    push_broker_t *broker = &disk.broker;
    push_publication_t later = {
        .audience = {PUSH_LOG_USER, named(order->user), 0},
        .spec = spec_urgent(order->text, order->urgency),
        .now = disk.g.now,
        .at = disk.g.now.wall + order->after};
    push_commit_t commit = {0};
    push_status_t status;

    if (order->ttl) {
        later.spec.ttl = order->ttl < 0 ? 0 : order->ttl;
    }
    later.spec.topic = named(order->topic ? order->topic : "");
    later.key = named(order->key ? order->key : "");
    later.spec.where = compiled(order->where ? order->where : "");
    memset(answer, 0, sizeof(*answer));
    status = broker->publish(broker, &later, &commit, answer);
    return status == PUSH_OK ? broker->settle(broker, &commit, answer)
                             : status;
}

static uint64_t keep(order_t order)
{
    push_answer_t answer;

    order.urgency = order.urgency ? order.urgency : PUSH_NORMAL;
    ck_assert_int_eq(ask(&order, &answer), PUSH_OK);
    ck_assert(answer.scheduled);
    ck_assert_uint_eq(answer.receipt.recipients, 0);
    return answer.receipt.mid;
}

#define KEEP(...) keep((order_t){__VA_ARGS__})

static void pass(int64_t ms)
{
    fixture_pass(&disk.g, ms);
    ck_assert(push_store_release(store(), &disk.g.now));
    sound();
}

/* ---- how something stands ---- */

static void take(void *data, const push_later_view_t *view)
{
    push_later_view_t *found = data;

    *found = *view;
}

static push_later_view_t later_of(uint64_t id)
{
    push_later_view_t found = {.id = 0};
    const push_visitor_t visitor = {.later = take, .data = &found};

    ck_assert_int_eq(push_view_later(store(), SOUGHT(id), &visitor), PUSH_OK);
    ck_assert_uint_eq(found.id, id);
    return found;
}

static void expect_state(uint64_t id, push_later_state_t state)
{
    ck_assert_str_eq(push_later_name(later_of(id).state),
                     push_later_name(state));
}

/* All that ada/phone gets now. */
static const char *heard(void)
{
    push_stream_ref_t stream_ref;
    push_cursor_t none = {.seq = 0};

    ck_assert_int_eq(
        fixture_resume(&disk.g, "ada", "phone", &none, &stream_ref), PUSH_OK);
    return fixture_flush(&disk.g, &stream_ref);
}

/* ---- to keep, to publish ---- */

START_TEST(it_is_published_at_its_time_and_not_before)
{
    uint64_t id = KEEP("ada", "hello", .after = 5 * SECOND);
    uint64_t mid;

    pass(4999);
    ck_assert_str_eq(heard(), "");
    expect_state(id, PUSH_LATER_KEPT);
    pass(1);
    ck_assert_str_eq(heard(), "1=hello");
    expect_state(id, PUSH_LATER_PUBLISHED);
    mid = later_of(id).message;
    ck_assert_uint_gt(mid, id);
    pass(1);
    ck_assert_uint_eq(later_of(id).message, mid);
    ck_assert_str_eq(heard(), "1=hello");
}
END_TEST

START_TEST(they_are_published_in_the_order_of_their_times)
{
    static const int after[] = {7, 3, 9, 1, 8, 2, 6, 4, 5};
    char text[8];

    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        snprintf(text, sizeof(text), "m%d", after[i]);
        KEEP("ada", text, .after = after[i] * SECOND);
    }
    ck_assert_int_eq(push_later_first(store()), disk.g.now.wall + SECOND);
    pass(20 * SECOND);
    ck_assert_str_eq(heard(), "1=m1 2=m2 3=m3 4=m4 5=m5 6=m6 7=m7 8=m8 9=m9");
}
END_TEST

START_TEST(a_message_of_now_goes_before_what_was_kept_earlier)
{
    KEEP("ada", "later", .after = SECOND);
    fixture_publish(&disk.g, PUSH_LOG_USER, "ada", "now", PUSH_NORMAL);
    pass(SECOND);
    ck_assert_str_eq(heard(), "1=now 2=later");
}
END_TEST

START_TEST(a_time_that_has_passed_is_now)
{
    order_t order = {
        .user = "ada", .text = "x", .after = -5000, .urgency = PUSH_NORMAL};
    push_answer_t answer;

    ck_assert_int_eq(ask(&order, &answer), PUSH_OK);
    ck_assert(!answer.scheduled);
    ck_assert_str_eq(heard(), "1=x");
}
END_TEST

START_TEST(its_ttl_counts_from_its_time)
{
    KEEP("ada", "x", .after = 60 * SECOND, .ttl = 5 * SECOND);
    pass(62 * SECOND);
    fixture_pass(&disk.g, 2999);
    ck_assert_str_eq(heard(), "1=x");
    fixture_pass(&disk.g, 2);
    ck_assert_str_eq(heard(), "");
}
END_TEST

/* What was accepted once is not refused then. */
START_TEST(a_queue_that_is_full_takes_what_was_kept_for_it)
{
    push_stream_ref_t stream_ref;

    store()->limits.max_pending = 1;
    KEEP(PUSH_QUEUE_PREFIX "t", "again", .after = SECOND);
    KEEP("ada", "late", .after = SECOND, .urgency = PUSH_LOW);
    fixture_publish(&disk.g, PUSH_LOG_USER, PUSH_QUEUE_PREFIX "t", "first",
                    PUSH_NORMAL);
    fixture_publish(&disk.g, PUSH_LOG_USER, "ada", "now", PUSH_NORMAL);
    pass(SECOND);
    ck_assert_int_eq(fixture_checkin(&disk.g, PUSH_QUEUE_PREFIX "t", "d", NULL,
                                     &stream_ref),
                     PUSH_OK);
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref), "1=first 2=again");
    ck_assert_str_eq(heard(), "1=now");
}
END_TEST

START_TEST(what_comes_too_late_expires_unpublished)
{
    uint64_t short_lived = KEEP("ada", "x", .after = SECOND, .ttl = SECOND);
    uint64_t momentary = KEEP("ada", "y", .after = SECOND, .ttl = -1);

    pass(2 * SECOND);
    expect_state(short_lived, PUSH_LATER_EXPIRED);
    expect_state(momentary, PUSH_LATER_PUBLISHED);
    ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(what_is_over_is_forgotten_after_a_while)
{
    uint64_t id = KEEP("ada", "x", .after = SECOND);

    pass(SECOND);
    pass(store()->limits.idempotency + 10 * SECOND);
    ck_assert_int_eq(push_view_later(store(), SOUGHT(id),
                                     &(push_visitor_t){.later = take}),
                     PUSH_NOT_FOUND);
    ck_assert_int_eq(push_later_first(store()), PUSH_LATER_NEVER);
    ck_assert_uint_eq(push_later_bytes(store()), 0);
}
END_TEST

/* ---- Topic, recall, keys ---- */

START_TEST(a_later_one_of_the_same_topic_replaces_what_is_kept)
{
    uint64_t first = KEEP("ada", "old", .after = SECOND, .topic = "t");
    uint64_t other = KEEP("ada", "other", .after = SECOND, .topic = "u");
    uint64_t bob = KEEP("bob", "bob's", .after = SECOND, .topic = "t");
    uint64_t second = KEEP("ada", "new", .after = 2 * SECOND, .topic = "t");

    expect_state(first, PUSH_LATER_REPLACED);
    expect_state(second, PUSH_LATER_KEPT);
    expect_state(other, PUSH_LATER_KEPT);
    expect_state(bob, PUSH_LATER_KEPT);
    pass(SECOND);
    ck_assert_str_eq(heard(), "1=other");
    pass(SECOND);
    ck_assert_str_eq(heard(), "1=other 2=new");
}
END_TEST

START_TEST(what_is_recalled_is_never_published)
{
    uint64_t id = KEEP("ada", "x", .after = SECOND, .topic = "t");
    push_sought_t sought = {.mid = id, .later = true, .addressed = true};
    push_broker_t *broker = &disk.broker;
    uint32_t none;

    sought.audience = (push_audience_t){PUSH_LOG_USER, named("bob"), 0};
    ck_assert_int_eq(broker->recall(broker, &sought, &disk.g.now, &none),
                     PUSH_NOT_FOUND);
    sought.audience.name = named("ada");
    ck_assert_int_eq(broker->recall(broker, &sought, &disk.g.now, &none),
                     PUSH_OK);
    ck_assert_int_eq(broker->recall(broker, &sought, &disk.g.now, &none),
                     PUSH_OVER);
    pass(SECOND);
    expect_state(id, PUSH_LATER_RECALLED);
    ck_assert_str_eq(heard(), "");
    /* The next one of its Topic does not find it. */
    KEEP("ada", "y", .after = SECOND, .topic = "t");
    pass(SECOND);
    ck_assert_str_eq(heard(), "1=y");
}
END_TEST

START_TEST(a_repeated_request_is_answered_with_what_is_kept)
{
    order_t order = {.user = "ada",
                     .text = "x",
                     .key = "k",
                     .after = SECOND,
                     .urgency = PUSH_NORMAL};
    push_answer_t first, again;

    ck_assert_int_eq(ask(&order, &first), PUSH_OK);
    ck_assert_int_eq(ask(&order, &again), PUSH_OK);
    ck_assert(again.again && again.scheduled);
    ck_assert_uint_eq(again.receipt.mid, first.receipt.mid);
    pass(SECOND);
    ck_assert_int_eq(ask(&order, &again), PUSH_OK);
    ck_assert(again.again && again.scheduled);
    ck_assert_uint_eq(again.receipt.mid, first.receipt.mid);
    pass(5 * SECOND);
    ck_assert_str_eq(heard(), "1=x");
}
END_TEST

/* ---- memory ---- */

START_TEST(what_is_kept_takes_a_quarter_of_the_memory_at_most)
{
    static char large[20001];
    order_t order = {
        .user = "ada", .text = large, .after = SECOND, .urgency = PUSH_NORMAL};
    push_answer_t answer;
    unsigned kept = 0;

    memset(large, 'x', sizeof(large) - 1);
    while (ask(&order, &answer) == PUSH_OK) {
        kept++;
    }
    ck_assert_uint_gt(kept, DISK_ROOM / 20000 / 8);
    ck_assert_uint_le(push_later_bytes(store()),
                      push_slab_size(&store()->slab) / 4);
    /* Others are not refused, and nothing that was accepted is dropped. */
    ck_assert_int_eq(fixture_publish(&disk.g, PUSH_LOG_USER, "bob", "y",
                                     PUSH_LOW),
                     PUSH_OK);
    sound();
    fixture_pass(&disk.g, SECOND);
    ck_assert(push_store_release(store(), &disk.g.now));
    ck_assert_uint_eq(push_later_bytes(store()), 0);
    ck_assert_uint_eq(fixture_count(&disk.g, PUSH_TOTAL_PUBLISHED), kept + 1);
}
END_TEST

#define MANY 10000

START_TEST(ten_thousand_are_due_at_once)
{
    static uint64_t ids[MANY];
    char user[16];
    int64_t start, took;

    disk_cleanup(&disk);
    disk_init(&disk);
    ck_assert_int_eq(disk_recover(&disk, (size_t)32 << 20), PUSH_RECOVERED);
    for (int i = 0; i < MANY; i++) {
        snprintf(user, sizeof(user), "u%d", i % 500);
        ids[i] = KEEP(user, "x", .after = SECOND);
    }
    sound();
    fixture_pass(&disk.g, SECOND);
    start = push_clock_us();
    ck_assert(push_store_release(store(), &disk.g.now));
    took = push_clock_us() - start;
    printf("%d at once: %lld us\n", MANY, (long long)took);
    sound();
    for (int i = 0; i < MANY; i++) {
        expect_state(ids[i], PUSH_LATER_PUBLISHED);
    }
    ck_assert_uint_eq(fixture_count(&disk.g, PUSH_TOTAL_PUBLISHED), MANY);
}
END_TEST

/* ---- the list ---- */

static void list(void *data, const push_later_view_t *view)
{
    char *text = data;
    push_text_t name = view->publication.audience.name;
    push_text_t topic = view->publication.spec.topic;

    sprintf(text + strlen(text), "%.*s/%.*s:%u ", (int)name.len, name.at,
            (int)topic.len, topic.at, view->size);
}

static const char *listed(uint32_t limit, const char *prefix, bool *more)
{
    static char text[1024];
    const push_view_t what = {
        .kind = PUSH_VIEW_LATERS,
        .list = {.limit = limit, .prefix = named(prefix), .more = more}};
    const push_visitor_t visitor = {.later = list, .data = text};

    text[0] = '\0';
    ck_assert_int_eq(push_later_list(store(), &what, &visitor), PUSH_OK);
    return text;
}

START_TEST(what_is_kept_is_listed_in_order_of_its_time)
{
    bool more;

    KEEP("ann", "x", .after = 3 * SECOND, .topic = "third");
    KEEP("bob", "xx", .after = 2 * SECOND);
    KEEP("anna", "xxx", .after = SECOND, .topic = "first");
    ck_assert_str_eq(listed(10, "", &more),
                     "anna/first:3 bob/:2 ann/third:1 ");
    ck_assert(!more);
    ck_assert_str_eq(listed(2, "", &more), "anna/first:3 bob/:2 ");
    ck_assert(more);
    ck_assert_str_eq(listed(10, "ann", &more), "anna/first:3 ann/third:1 ");
    pass(SECOND);
    ck_assert_str_eq(listed(10, "", &more), "bob/:2 ann/third:1 ");
}
END_TEST

/* ---- over a restart ---- */

static void restart(void)
{
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    disk.g.now = push_clock_now();
    sound();
}

START_TEST(what_is_kept_outlives_a_restart)
{
    uint64_t kept, replaced, recalled, published;

    restart();
    kept = KEEP("ada", "kept", .after = 3600 * SECOND, .topic = "t");
    replaced = KEEP("ada", "older", .after = SECOND, .topic = "u");
    KEEP("ada", "newer", .after = 3600 * SECOND, .topic = "u");
    KEEP("ada", "not for it", .after = 3600 * SECOND, .topic = "t",
         .where = "os=ios");
    KEEP("ada", "for it", .after = 3600 * SECOND + 500, .where = "variant=A");
    recalled = KEEP("ada", "recalled", .after = SECOND);
    ck_assert_int_eq(push_store_unschedule(store(), SOUGHT(recalled),
                                           &disk.g.now),
                     PUSH_OK);
    published = KEEP("ada", "published", .after = SECOND);
    pass(SECOND);
    for (int i = 0; i < 2; i++) {
        restart();
        ck_assert_uint_eq(disk.recovery.restored.laters, 4);
        ck_assert_uint_eq(disk.recovery.restored.invalid, 0);
        expect_state(kept, PUSH_LATER_KEPT);
        expect_state(replaced, PUSH_LATER_REPLACED);
        expect_state(recalled, PUSH_LATER_RECALLED);
        expect_state(published, PUSH_LATER_PUBLISHED);
        pass(2 * SECOND);
        ck_assert_str_eq(heard(), "1=published");
    }
    KEEP("ada", "newest", .after = 3600 * SECOND, .topic = "t");
    expect_state(kept, PUSH_LATER_REPLACED);
    pass(3601 * SECOND);
    ck_assert_str_eq(heard(), "1=newer 2=for it 3=newest");
}
END_TEST

START_TEST(what_was_due_while_the_server_was_down_is_due_at_the_start)
{
    uint64_t late, over;

    restart();
    late = KEEP("ada", "late", .after = 30, .ttl = 3600 * SECOND);
    over = KEEP("ada", "over", .after = 1, .ttl = 1);
    while (push_clock_now().wall < disk.g.now.wall + 50) {
        disk_pause();
    }
    restart();
    expect_state(late, PUSH_LATER_KEPT);
    ck_assert_int_eq(push_view_later(store(), SOUGHT(over),
                                     &(push_visitor_t){.later = take}),
                     PUSH_NOT_FOUND);
    pass(0);
    expect_state(late, PUSH_LATER_PUBLISHED);
    ck_assert_str_eq(heard(), "1=late");
}
END_TEST

static int publish_and_die(void *data)
{
    (void)data;
    restart();
    KEEP("ada", "one", .after = SECOND);
    KEEP("ada", "two", .after = 3600 * SECOND);
    fixture_pass(&disk.g, SECOND);
    push_store_release(store(), &disk.g.now);
    ck_assert_int_eq(fixture_publish(&disk.g, PUSH_LOG_USER, "eve", "x",
                                     PUSH_NORMAL),
                     PUSH_OK);
    /* What comes behind it in the queue is on disk, so it is too. */
    KEEP("ada", "three", .after = 3600 * SECOND);
    return 0;
}

START_TEST(a_message_and_the_end_of_what_was_kept_get_to_the_disk_together)
{
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    child_expect(child_start(publish_and_die, NULL));
    restart();
    ck_assert_uint_eq(disk.recovery.restored.laters, 2);
    pass(10 * SECOND);
    ck_assert_str_eq(heard(), "1=one");
}
END_TEST

/* ---- the thread ---- */

static uint64_t published(void)
{
    return fixture_count(&disk.g, PUSH_TOTAL_PUBLISHED);
}

START_TEST(the_thread_publishes_within_a_moment)
{
    push_releaser_t *releaser = push_releaser_start(store());
    int64_t worst = 0;

    ck_assert_ptr_nonnull(releaser);
    for (int i = 0; i < 20; i++) {
        push_later_view_t view;
        uint64_t id;

        disk.g.now = push_clock_now();
        id = KEEP("ada", "x", .after = 40 + i);
        DISK_AWAIT(published() == (uint64_t)i + 1);
        view = later_of(id);
        ck_assert_int_ge(push_mid_ms(view.message), view.at);
        if (push_mid_ms(view.message) - view.at > worst) {
            worst = push_mid_ms(view.message) - view.at;
        }
    }
    printf("late by %lld ms at most\n", (long long)worst);
    push_releaser_stop(releaser);
}
END_TEST

/* Who sleeps for the later one is woken for the sooner one. */
START_TEST(a_sooner_one_wakes_the_thread)
{
    push_releaser_t *releaser = push_releaser_start(store());

    ck_assert_ptr_nonnull(releaser);
    for (uint64_t i = 0; i < 50; i++) {
        disk.g.now = push_clock_now();
        KEEP("ada", "later", .after = 3600 * SECOND - (int64_t)i);
        KEEP("bob", "soon", .after = 1);
        DISK_AWAIT(published() == i + 1);
    }
    push_releaser_stop(releaser);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("later");
    TCase *tc = unit_case(suite, "later", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, it_is_published_at_its_time_and_not_before);
    tcase_add_test(tc, they_are_published_in_the_order_of_their_times);
    tcase_add_test(tc, a_message_of_now_goes_before_what_was_kept_earlier);
    tcase_add_test(tc, a_time_that_has_passed_is_now);
    tcase_add_test(tc, its_ttl_counts_from_its_time);
    tcase_add_test(tc, a_queue_that_is_full_takes_what_was_kept_for_it);
    tcase_add_test(tc, what_comes_too_late_expires_unpublished);
    tcase_add_test(tc, what_is_over_is_forgotten_after_a_while);
    tcase_add_test(tc, a_later_one_of_the_same_topic_replaces_what_is_kept);
    tcase_add_test(tc, what_is_recalled_is_never_published);
    tcase_add_test(tc, a_repeated_request_is_answered_with_what_is_kept);
    tcase_add_test(tc, what_is_kept_takes_a_quarter_of_the_memory_at_most);
    tcase_add_test(tc, ten_thousand_are_due_at_once);
    tcase_add_test(tc, what_is_kept_is_listed_in_order_of_its_time);
    tcase_add_test(tc, what_is_kept_outlives_a_restart);
    tcase_add_test(tc,
                   what_was_due_while_the_server_was_down_is_due_at_the_start);
    tcase_add_test(
        tc, a_message_and_the_end_of_what_was_kept_get_to_the_disk_together);
    tcase_add_test(tc, the_thread_publishes_within_a_moment);
    tcase_add_test(tc, a_sooner_one_wakes_the_thread);
    return unit_run(suite);
}
