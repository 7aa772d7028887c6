#include "core/failpoint.h"
#include "core_suite.h"
#include "core_world.h"
#include "store/shard/hold.h"
#include "store/shard/inventory.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/validate.h"
#include "store_shared.h"
#include "store/shard/shard.h"
#include "store/ops/ack.h"
#include "store/ops/keys.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What one death at one place must not lead to. */

#define ROOM ((size_t)4 << 20)

static fixture_t g;

static void begin(void)
{
    fixture_init(&g, ROOM);
    g.traced = true;
    push_store_sit(&g.store, 0);
}

static void end(void)
{
    fixture_cleanup(&g);
}

/* ---- a process that dies ---- */

static struct {
    const char *point;
    int countdown;
    void (*work)(void);
} doomed;

static void on_point(const char *name)
{
    if (!strcmp(name, doomed.point) && !--doomed.countdown) {
        kill(getpid(), SIGKILL);
    }
}

static int work(void *data)
{
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());

    (void)data;
    CHILD_NEEDS(seat > 0);
    push_store_sit(&g.store, (unsigned)seat);
    push_failpoint_hook = on_point;
    doomed.work();
    return 0;
}

/* A process works from a seat of its own until it comes to the point. */
static void dies_at(const char *point, int count, void (*does)(void))
{
    int status;
    pid_t pid;

    doomed.point = point;
    doomed.countdown = count;
    doomed.work = does;
    pid = child_start(work, NULL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status), "it never came to %s", point);
}

static void sweep(void)
{
    atomic_store(&g.store.segment->sweep_next, 0);
    ck_assert(push_store_sweep_due(&g.store, &g.now));
}

static void sound(void)
{
    push_check_t check;

    push_validate(&g.store, &check);
    ck_assert_msg(!check.wrong, "wrong: %s", check.texts[0]);
    ck_assert_uint_eq(check.leaked, 0);
    ck_assert_uint_eq(check.skipped, 0);
}

static push_stream_ref_t stream_ref;

static void open_stream(const char *channel)
{
    ck_assert_int_eq(fixture_checkin(&g, "u", "d", channel, &stream_ref),
                     PUSH_OK);
}

static void say(const char *text)
{
    NEEDS(fixture_publish(&g, PUSH_LOG_USER, "u", text, PUSH_NORMAL)
              == PUSH_OK,
          "a publish failed");
}

/* ---- sessions ---- */

static push_cursor_t acked;

static void acknowledge(void)
{
    push_store_ack(&g.store, named("u"), stream_ref.id, &acked, &g.now);
}

static const char *const in_ack[] = {"runs-first-half-taken", "ack-taken",
                                     "ack-settled", "session-open",
                                     "session-close"};

/*
 * Where one had been taken out of the window, and not counted, the next
 * acknowledgement would be of a message that was never sent.
 */
START_TEST(a_half_done_acknowledgement_leads_to_none_of_what_was_not_received)
{
    push_cursor_t at;

    open_stream(NULL);
    say("a");
    say("b");
    say("c");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c");
    at = cursor_mid(3, g.delivery.picks[2].message->mid);
    acked = cursor(1);
    dies_at(in_ack[_i], 1, acknowledge);
    say("d");
    ck_assert_int_eq(fixture_ack(&g, "u", &stream_ref, 3), PUSH_STALE);
    ck_assert_ptr_null(fixture_flush(&g, &stream_ref));
    ck_assert_int_eq(push_delivery_state(&g.store, &stream_ref),
                     PUSH_BROKEN_OFF);
    ck_assert_int_eq(fixture_resume(&g, "u", "d", &at, &stream_ref), PUSH_OK);
    ck_assert_ptr_nonnull(strstr(fixture_flush(&g, &stream_ref), "=d"));
    sound();
}
END_TEST

static void flush_it(void)
{
    fixture_flush(&g, &stream_ref);
}

static const char *const in_collect[] = {"collect-in-window", "collect-sent",
                                         "runs-append-written",
                                         "runs-grow-swapped"};

/* Nothing of a batch was written that was never finished. */
START_TEST(a_batch_that_was_not_finished_is_delivered_to_the_next_stream)
{
    open_stream("c");
    say("a");
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "b", PUSH_NORMAL);
    say("c");
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "d", PUSH_NORMAL);
    dies_at(in_collect[_i], 2 - (_i > 2), flush_it);
    open_stream("c");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c 4=d");
    sound();
}
END_TEST

static void cut_it(void)
{
    push_delivery_cut(&g.store, &stream_ref, 1);
}

static const char *const in_return[] = {"return-cursor", "return-dropped",
                                        "runs-last-empty"};

START_TEST(what_was_half_returned_is_pending_in_a_channel_too)
{
    open_stream("c");
    for (int i = 0; i < 4; i++) {
        char text[2] = {(char)('a' + i), '\0'};

        fixture_publish(&g, PUSH_LOG_CHANNEL, "c", text,
                        i == 3 ? PUSH_LOW : PUSH_NORMAL);
    }
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c 4=d");
    dies_at(in_return[_i], 1, cut_it);
    open_stream("c");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c 4=d");
    sound();
}
END_TEST

/* ---- keys ---- */

static push_receipt_t again;

static push_status_t claim(push_audience_t *audience)
{
    const push_claim_t wish = claim_of(&g.store, "k", 1);

    *audience = (push_audience_t){.kind = PUSH_LOG_USER, .name = named("u")};
    return push_store_key_claim(&g.store, &wish, audience, &g.now, &again);
}

static void done(const push_receipt_t *receipt)
{
    const push_claim_t wish = claim_of(&g.store, "k", 1);

    push_store_key_done(&g.store, &wish, receipt);
}

static void publish_keyed(void)
{
    push_message_spec_t spec = spec_urgent("keyed", PUSH_NORMAL);
    push_audience_t audience;
    push_receipt_t receipt;

    if (claim(&audience) == PUSH_OK) {
        store_publish(&g.store, &audience, &spec, &g.now, &receipt);
        done(&receipt);
    }
}

START_TEST(a_claim_whose_message_was_published_gets_its_answer)
{
    push_audience_t audience;

    open_stream(NULL);
    dies_at("key-answer", 1, publish_keyed);
    ck_assert_int_eq(claim(&audience), PUSH_OVER);
    ck_assert_uint_eq(again.recipients, 1);
    ck_assert_uint_eq(again.connected, 1);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=keyed");
    ck_assert_uint_eq(again.mid, g.delivery.picks[0].message->mid);
}
END_TEST

START_TEST(a_claim_whose_message_was_not_published_is_free_again)
{
    open_stream(NULL);
    dies_at("publish", 1, publish_keyed);
    publish_keyed();
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=keyed");
}
END_TEST

/* Its message is forgotten a minute after its end: the sweep is earlier. */
START_TEST(the_sweep_ends_the_claims_of_the_dead)
{
    push_audience_t audience;

    open_stream(NULL);
    dies_at("append-head", 1, publish_keyed);
    sweep();
    fixture_pass(&g, 290000);
    ck_assert_int_eq(claim(&audience), PUSH_OVER);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=keyed");
}
END_TEST

START_TEST(a_claim_of_a_living_process_is_busy)
{
    push_audience_t audience;

    ck_assert_int_eq(claim(&audience), PUSH_OK);
    sweep();
    ck_assert_int_eq(claim(&audience), PUSH_KEY_BUSY);
}
END_TEST

/* ---- holds ---- */

static push_ref_t held;

static void hold_it(void)
{
    held = push_hold_take(&g.store, g.delivery.picks[0].ref, stream_ref.gen,
                          g.store.tag);
}

static void hold_and_go_on(void)
{
    hold_it();
    fixture_publish(&g, PUSH_LOG_USER, "u", "more", PUSH_NORMAL);
}

START_TEST(the_hold_of_a_dead_reactor_ends_and_that_of_a_living_one_does_not)
{
    const push_message_t *message;

    open_stream(NULL);
    say("held");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=held");
    message = g.delivery.picks[0].message;
    hold_it();
    dies_at("append-slot", 1, hold_and_go_on);
    say("next");
    ck_assert_uint_eq(message->refs, 3);
    sweep();
    ck_assert_uint_eq(message->refs, 2);
    for (int i = 0; i < 2; i++) {
        fixture_pass(&g, 400000);
        sweep();
    }
    ck_assert_uint_eq(message->refs, 1);
    ck_assert_mem_eq(world_payload(message).at, "held", 4);
    ck_assert(push_hold_adopt(&g.store, held, stream_ref.gen, g.store.tag));
    ck_assert(
        !push_hold_adopt(&g.store, held, stream_ref.gen + 1, g.store.tag));
    push_hold_release(&g.store, held);
    sweep();
    ck_assert(!push_hold_adopt(&g.store, held, stream_ref.gen, g.store.tag));
    sound();
}
END_TEST

/* ---- wake-ups ---- */

static void say_it(void)
{
    say("x");
}

static void cast_it(void)
{
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "x", PUSH_NORMAL);
}

START_TEST(a_wake_up_that_died_on_its_way_arrives_after_the_sweep)
{
    uint32_t list;

    open_stream(NULL);
    dies_at("wake-claimed", 1, say_it);
    sweep();
    list = push_seat_devices(&g.store.seats.seats[0]);
    while (list && !push_seat_next_device(&g.store.seats, &list)) {
    }
    ck_assert_uint_eq(list, 2);
    ck_assert_uint_eq(push_store_device_at(&g.store, stream_ref.device)->wake,
                      0);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=x");
}
END_TEST

START_TEST(a_wake_up_for_a_channel_that_died_on_its_way_arrives_too)
{
    push_ref_t channels[2];
    push_channel_t *channel;
    uint32_t list;

    open_stream("c");
    push_delivery_channels(&g.store, &stream_ref, channels, 2);
    channel = push_at(&g.store.heaps[0], channels[1]);
    push_seat_follow(channel, 0);
    dies_at("wake-channel-claimed", 1, cast_it);
    sweep();
    list = push_seat_channels(&g.store.seats.seats[0]);
    ck_assert_ptr_eq(push_seat_next_channel(&g.store.seats, 0, &list),
                     channel);
}
END_TEST

/* The reactor had taken its list, and died before it was through. */
START_TEST(a_device_in_a_list_that_a_dead_reactor_took_can_be_forgotten)
{
    push_stream_ref_t dead;
    int seat;

    seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());
    ck_assert_int_eq(seat, 1);
    open_stream(NULL);
    dead = stream_ref;
    ck_assert(push_store_move(&g.store, &dead, 1));
    say("x");
    ck_assert_uint_ne(push_seat_devices(&g.store.seats.seats[1]), 0);
    push_seat_leave(&g.store.seats, 1);
    sweep();
    ck_assert_uint_eq(push_store_device_at(&g.store, dead.device)->wake, 0);
    fixture_pass(&g, 1800001);
    sweep();
    ck_assert_uint_eq(g.store
                          .shards[push_store_name(&g.store, named("u")).shard]
                          .contexts.count,
                      0);
}
END_TEST

/* ---- counts ---- */

static void come(void)
{
    push_stream_ref_t other;

    fixture_checkin(&g, "v", "d", "c", &other);
}

static const char *const in_checkin[] = {
    "place-taken",           "places-counted", "connected-counted",
    "subscriptions-swapped", "stream-seated",  "device-made",
    "older-stream-ended",    "arrived",        "device-born"};

START_TEST(a_death_in_a_check_in_leaves_no_subscriber_that_is_none)
{
    uint32_t address;

    g.store.guard = shared_memory(sizeof(push_guard_t));
    ck_assert(push_guard_create(g.store.guard));
    address = push_guard_address(g.store.guard, (push_text_t){NULL, 0});
    open_stream("c");
    if (!strcmp(in_checkin[_i], "older-stream-ended")) {
        come();
    }
    dies_at(in_checkin[_i], 1, come);
    cast_it();
    ck_assert_uint_ge(g.receipt.recipients, 1);
    ck_assert_uint_ge(g.receipt.connected, 1);
    sweep();
    sweep();
    cast_it();
    ck_assert_uint_eq(
        g.receipt.recipients,
        1u
            + g.store.shards[push_store_name(&g.store, named("v")).shard]
                  .contexts.count
            - (push_store_name(&g.store, named("v")).shard
               == push_store_name(&g.store, named("u")).shard));
    ck_assert_uint_eq(push_guard_enter(g.store.guard, address), 2);
    ck_assert_uint_eq(push_store_broadcast(&g.store)->subscribers,
                      g.receipt.recipients);
    sound();
}
END_TEST

/*
 * It checked in for a reactor of another process, and did not get there.  The
 * user's shard is left first when the user's limits are looked at, then the
 * channel's, and last with the device checked in.
 */
START_TEST(a_device_whose_stream_never_arrived_is_not_connected)
{
    dies_at("shard-leaving", 3, come);
    open_stream("c");
    cast_it();
    ck_assert_uint_eq(g.receipt.connected, 2);
    sweep();
    cast_it();
    ck_assert_uint_eq(g.receipt.recipients, 2);
    ck_assert_uint_eq(g.receipt.connected, 1);
}
END_TEST

/* ---- pages ---- */

#define LARGE 40000u /* takes three pages */

static push_ref_t large[256];

static unsigned fill_with_large(void)
{
    unsigned count = 0;

    while (count < 256) {
        large[count] = push_slab_alloc(&g.store.slab, LARGE,
                                       PUSH_TAG(PUSH_PART, 0));
        if (!large[count]) {
            break;
        }
        count++;
    }
    for (unsigned i = 0; i < count; i++) {
        push_slab_release(&g.store.slab, large[i]);
    }
    return count;
}

static void use_pages(void)
{
    fill_with_large();
}

static const char *const in_pages[] = {"run-take-rest", "run-take-first",
                                       "pages-give"};

START_TEST(pages_of_a_run_that_was_half_taken_or_given_serve_again)
{
    unsigned count = fill_with_large();

    for (int i = 1; i < 4; i++) {
        dies_at(in_pages[_i], i, use_pages);
        /* Nothing refers to them: as if they could not be given back. */
        g.store.shards[0].untidy = 1;
        sweep();
        sweep();
    }
    ck_assert_uint_eq(fill_with_large(), count);
}
END_TEST

/* ---- memory that says anything ---- */

static void damage(push_inventory_t *inv, dice_t *d)
{
    for (int i = 0; i < 40; i++) {
        const push_item_t *item =
            &inv->items[dice_below(d, (uint32_t)inv->count)];
        uint32_t *words = push_at(inv->heap, item->ref);
        uint32_t at = dice_below(d, item->size / 4);

        words[at] = dice_one_in(d, 2)
                        ? (uint32_t)dice_next(d)
                        : inv->items[dice_below(d, (uint32_t)inv->count)].ref;
    }
}

/* Half of what is written there are references to objects that exist. */
START_TEST(a_repair_follows_nothing_that_it_has_not_checked)
{
    dice_t d = dice((uint64_t)_i);
    push_inventory_t inv;
    unsigned shard;

    for (int i = 0; i < 30; i++) {
        open_stream("c");
        say("text");
        fixture_publish(&g, PUSH_LOG_CHANNEL, "u", "text", PUSH_NORMAL);
        fixture_flush(&g, &stream_ref);
    }
    shard = push_store_name(&g.store, named("u")).shard;
    ck_assert(push_shard_enter(&g.store, shard));
    ck_assert(push_inventory_take(&inv, &g.store, shard));
    damage(&inv, &d);
    push_inventory_cleanup(&inv);
    g.store.shards[shard].damaged = 1;
    push_shard_leave(&g.store, shard);
    sound();
    say("after");
    open_stream("c");
    sound();
}
END_TEST

static void add_sessions(Suite *suite)
{
    TCase *tc = unit_case(suite, "sessions", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_row_test(
        tc, a_half_done_acknowledgement_leads_to_none_of_what_was_not_received,
        in_ack);
    tcase_add_row_test(
        tc, a_batch_that_was_not_finished_is_delivered_to_the_next_stream,
        in_collect);
    tcase_add_row_test(tc, what_was_half_returned_is_pending_in_a_channel_too,
                       in_return);
}

int main(void)
{
    Suite *suite = suite_create("cases");
    TCase *keys = unit_case(suite, "keys", 60);
    TCase *rest = unit_case(suite, "rest", 60);

    add_sessions(suite);
    tcase_add_checked_fixture(keys, begin, end);
    tcase_add_checked_fixture(rest, begin, end);
    tcase_add_test(keys, a_claim_whose_message_was_published_gets_its_answer);
    tcase_add_test(keys,
                   a_claim_whose_message_was_not_published_is_free_again);
    tcase_add_test(keys, the_sweep_ends_the_claims_of_the_dead);
    tcase_add_test(keys, a_claim_of_a_living_process_is_busy);
    tcase_add_test(
        rest,
        the_hold_of_a_dead_reactor_ends_and_that_of_a_living_one_does_not);
    tcase_add_test(rest,
                   a_wake_up_that_died_on_its_way_arrives_after_the_sweep);
    tcase_add_test(rest,
                   a_wake_up_for_a_channel_that_died_on_its_way_arrives_too);
    tcase_add_test(
        rest, a_device_in_a_list_that_a_dead_reactor_took_can_be_forgotten);
    tcase_add_row_test(rest,
                       a_death_in_a_check_in_leaves_no_subscriber_that_is_none,
                       in_checkin);
    tcase_add_test(rest, a_device_whose_stream_never_arrived_is_not_connected);
    tcase_add_row_test(rest,
                       pages_of_a_run_that_was_half_taken_or_given_serve_again,
                       in_pages);
    tcase_add_loop_test(rest, a_repair_follows_nothing_that_it_has_not_checked,
                        0, 200);
    return unit_run(suite);
}
