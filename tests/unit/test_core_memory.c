#include "core/idempotency.h"
#include "core_suite.h"
#include "core_world.h"

#include <string.h>

/* Whichever allocation fails, the operation happened, or nothing did. */

typedef struct {
    world_t w;
    push_user_t *user;
    push_channel_t *channel;
    push_device_t *device;
} scene_t;

static scene_t s;

/* Two messages wait, four of the user's lane have slots: the ring is full. */
static void set_up(void)
{
    world_init(&s.w);
    s.user = world_user(&s.w);
    s.channel = world_channel(&s.w);
    s.device = world_device(&s.w, s.user, "d", &s.channel, 1);
    world_open(&s.w, s.device, NULL);
    s.w.limit = 2;
    world_say(&s.w, s.user, "a");
    world_say(&s.w, s.user, "b");
    world_flush(&s.w, s.device);
    s.w.limit = 4;
    world_publish(&s.w, s.user, spec_topic("c", "t"));
    world_say(&s.w, s.user, "d");
}

static push_status_t publish(void)
{
    return world_publish(&s.w, s.user, spec("new"));
}

static push_status_t replace(void)
{
    return world_publish(&s.w, s.user, spec_topic("new", "t"));
}

static push_status_t displace(void)
{
    s.w.limit = 2;
    return world_publish(&s.w, s.user, spec("new"));
}

static push_status_t cast(void)
{
    return world_cast(&s.w, s.channel, spec("new"));
}

static push_status_t label(void)
{
    push_text_t labels[PUSH_LABELS] = {
        [PUSH_LABEL_DEVICE] = words("d"), [PUSH_LABEL_APP] = words("app")};

    return push_device_set_labels(s.w.heap, s.device, labels);
}

static push_status_t acknowledge(void)
{
    return world_ack(&s.w, s.device, cursor(2));
}

static const struct {
    push_status_t (*operation)(void);
    const char *without; /* sent afterwards where it did not happen */
    const char *with;
} rows[] = {
    {publish, "3=c 4=d", "3=c 4=d 5=new"},
    {replace, "3=c 4=d", "3=d 4=new"},
    {displace, "3=c 4=d", "!normal:1 3=d 4=new"},
    {cast, "3=c 4=d", "3=c 4=d 5=new"},
    {label, "3=c 4=d", "3=c 4=d"},
    {acknowledge, "3=c 4=d", "3=c 4=d"},
};

START_TEST(an_operation_without_memory_leaves_everything_as_it_was)
{
    bool failed = true;

    for (uint32_t n = 1; failed; n++) {
        push_status_t status;
        const char *sent;

        set_up();
        watched_heap_fail_at(&s.w.memory, n);
        status = rows[_i].operation();
        failed = s.w.memory.failed;
        watched_heap_fail_at(&s.w.memory, 0);
        sent = world_flush(&s.w, s.device);
        ck_assert(status == PUSH_OK || (failed && status == PUSH_NO_MEMORY));
        ck_assert_str_eq(sent,
                         status == PUSH_OK ? rows[_i].with : rows[_i].without);
        world_cleanup(&s.w);
    }
}
END_TEST

START_TEST(a_flush_without_memory_sends_less_and_the_rest_later)
{
    bool failed = true;

    for (uint32_t n = 1; failed; n++) {
        char all[256];

        set_up();
        world_cast(&s.w, s.channel, spec("x"));
        world_publish(&s.w, s.user, spec_urgent("y", PUSH_LOW));
        watched_heap_fail_at(&s.w.memory, n);
        strcpy(all, world_flush(&s.w, s.device));
        failed = s.w.memory.failed;
        watched_heap_fail_at(&s.w.memory, 0);
        if (*world_flush(&s.w, s.device)) {
            strcat(all, *all ? " " : "");
            strcat(all, s.w.text);
        }
        ck_assert_str_eq(all, "3=c 4=d 5=x 6=y");
        world_cleanup(&s.w);
    }
}
END_TEST

/* ---- idempotency keys ---- */

/* Passed by the cursor and without a note it would count as acknowledged. */
START_TEST(what_cannot_be_noted_as_evicted_stays_in_the_mailbox)
{
    uint64_t mid;

    world_init(&s.w);
    s.user = world_user(&s.w);
    s.device = world_device(&s.w, s.user, "d", NULL, 0);
    s.w.limit = 1;
    mid = world_say(&s.w, s.user, "a");
    watched_heap_fail_at(&s.w.memory, 2); /* 1 is the message itself */
    ck_assert_int_eq(world_publish(&s.w, s.user, spec("b")), PUSH_NO_MEMORY);
    ck_assert_uint_eq(s.w.receipt.refused, 0);
    ck_assert(s.w.memory.failed);
    ck_assert_int_eq(world_fate(&s.w, s.device, mid), PUSH_PENDING);
    ck_assert_str_eq(world_flush(&s.w, s.device), "1=a");
    world_cleanup(&s.w);
}
END_TEST

START_TEST(a_key_replays_as_its_state_says)
{
    static const unsigned char id[PUSH_KEY_BYTES] = {1, 2, 3};
    push_time_t now = {1000, WORLD_START, 0};
    push_key_t key;

    push_key_init(&key, id, 7, 2000);
    ck_assert_mem_eq(key.id, id, sizeof(id));
    ck_assert_int_eq(push_key_replay(&key, 7, &now), PUSH_REPLAY_BUSY);
    ck_assert_int_eq(push_key_replay(&key, 8, &now), PUSH_REPLAY_OTHER);
    key.done = 1;
    ck_assert_int_eq(push_key_replay(&key, 7, &now), PUSH_REPLAY_ANSWER);
    ck_assert_int_eq(push_key_replay(&key, 8, &now), PUSH_REPLAY_OTHER);
    now.mono = 1999;
    ck_assert_int_eq(push_key_replay(&key, 7, &now), PUSH_REPLAY_ANSWER);
    now.mono = 2000;
    ck_assert_int_eq(push_key_replay(&key, 8, &now), PUSH_REPLAY_FIRST);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tc = unit_case(suite, "memory", 60);

    tcase_add_row_test(
        tc, an_operation_without_memory_leaves_everything_as_it_was, rows);
    tcase_add_test(tc, a_flush_without_memory_sends_less_and_the_rest_later);
    tcase_add_test(tc, what_cannot_be_noted_as_evicted_stays_in_the_mailbox);
    tcase_add_test(tc, a_key_replays_as_its_state_says);
    return unit_run(suite);
}
