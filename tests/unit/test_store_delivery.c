#include "store/ops/delivery.h"
#include "store/shard/context.h"
#include "store/shard/hold.h"
#include "store/upkeep/sweep.h"
#include "core_suite.h"
#include "core_world.h"
#include "store/ops/dismiss.h"
#include "store_fixture.h"
#include "store/ops/ack.h"

#include <stdio.h>
#include <string.h>

#define ROOM ((size_t)16 << 20) /* of another store */

static void say(const char *user, const char *text)
{
    ck_assert_int_eq(
        fixture_publish(&g, PUSH_LOG_USER, user, text, PUSH_NORMAL), PUSH_OK);
}

/* What a stream of user/device would be called, though none is open. */
static push_stream_ref_t never_opened(const char *user, const char *device)
{
    push_stream_ref_t stream_ref = {0};

    push_store_context_id(named(user), named(device), named(""),
                          stream_ref.id);
    return stream_ref;
}

START_TEST(a_message_goes_from_publish_to_acknowledgement)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    push_stream_ref_t nobody = never_opened("nobody", "d");

    say("u", "hello");
    ck_assert_uint_eq(g.receipt.recipients, 1);
    ck_assert_uint_eq(g.receipt.connected, 1);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=hello");
    ck_assert_int_eq(fixture_ack(&g, "u", &stream_ref, 2), PUSH_STALE);
    ck_assert_int_eq(fixture_ack(&g, "u", &stream_ref, 1), PUSH_OK);
    ck_assert_int_eq(fixture_ack(&g, "nobody", &nobody, 1), PUSH_NOT_FOUND);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "");
}
END_TEST

/* ---- what names the numbers of a stream ---- */

static push_status_t acknowledge(const push_stream_ref_t *of, uint64_t seq)
{
    push_cursor_t at = cursor(seq);

    at.has_session = true;
    at.session = push_store_session(&g.store, of->gen);
    return push_store_ack(&g.store, named("u"), of->id, &at, &g.now);
}

/* Where a client stands when it connects again. */
static const struct {
    bool given;
    uint64_t seq;
    const char *sent;
} resumes[] = {
    {false, 0, "1=b 2=c"}, /* 1. no cursor */
    {true, 0, "1=b 2=c"},  /* 1. or 0 */
    {true, 1, "2=b 3=c"},  /* 3. what was acknowledged */
    {true, 2, "3=c"},      /* 4. what was sent */
    {true, 9, "1=b 2=c"},  /* 5. of another session */
};

/*
 * The same message may stand under the same number again, and before it what
 * the client never received.
 */
START_TEST(a_late_acknowledgement_of_an_earlier_stream_is_stale)
{
    push_stream_ref_t earlier = open_stream("u", "d", NULL);
    push_cursor_t at = cursor(resumes[_i].seq);
    push_stream_ref_t newest;

    say("u", "a");
    say("u", "b");
    say("u", "c");
    ck_assert_str_eq(fixture_flush(&g, &earlier), "1=a 2=b 3=c");
    ck_assert_int_eq(acknowledge(&earlier, 1), PUSH_OK);
    ck_assert_int_eq(fixture_resume(&g, "u", "d",
                                    resumes[_i].given ? &at : NULL, &newest),
                     PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &newest), resumes[_i].sent);
    for (uint64_t seq = 0; seq < 4; seq++) {
        ck_assert_int_eq(acknowledge(&earlier, seq), PUSH_STALE);
    }
    ck_assert_int_eq(fixture_resume(&g, "u", "d", NULL, &newest), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &newest),
                     at.seq == 2 ? "1=c" : "1=b 2=c");
    ck_assert_int_eq(acknowledge(&newest, at.seq == 2 ? 1 : 2), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &newest), "");
}
END_TEST

/* As in a full memory, while its stream is on its way to another reactor. */
START_TEST(a_stream_whose_device_was_forgotten_is_broken_off)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);

    push_store_checkout(&g.store, &stream_ref, &g.now);
    fixture_pass(&g, 1800001);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        ck_assert(push_store_sweep(&g.store, i, &g.now));
    }
    ck_assert(!push_store_move(&g.store, &stream_ref, 0));
    ck_assert_int_eq(push_delivery_state(&g.store, &stream_ref),
                     PUSH_BROKEN_OFF);
}
END_TEST

/* A full restart begins with another segment, and numbers streams anew. */
START_TEST(no_segment_repeats_the_token_of_another)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    push_stream_ref_t later;
    fixture_t other;

    fixture_init(&other, ROOM);
    ck_assert_int_eq(fixture_checkin(&other, "u", "d", NULL, &later), PUSH_OK);
    ck_assert_uint_eq(stream_ref.gen, later.gen);
    ck_assert_uint_ne(push_store_session(&g.store, stream_ref.gen),
                      push_store_session(&other.store, later.gen));
    fixture_cleanup(&other);
}
END_TEST

START_TEST(users_and_devices_are_kept_apart)
{
    push_stream_ref_t a = open_stream("ab", "c", NULL);
    push_stream_ref_t b = open_stream("a", "bc", NULL);
    push_stream_ref_t c = open_stream("a", "b", NULL);

    ck_assert_mem_ne(a.id, b.id, PUSH_CONTEXT_BYTES);
    say("a", "for a");
    ck_assert_str_eq(fixture_flush(&g, &a), "");
    ck_assert_str_eq(fixture_flush(&g, &b), "1=for a");
    ck_assert_str_eq(fixture_flush(&g, &c), "1=for a");
}
END_TEST

START_TEST(the_newer_stream_of_a_device_takes_over)
{
    push_stream_ref_t older = open_stream("u", "d", NULL);
    push_cursor_t at;
    push_stream_ref_t newer;

    say("u", "a");
    say("u", "b");
    ck_assert_str_eq(fixture_flush(&g, &older), "1=a 2=b");
    at = cursor_mid(1, g.delivery.picks[0].message->mid);
    ck_assert_int_eq(fixture_resume(&g, "u", "d", &at, &newer), PUSH_OK);
    ck_assert_int_eq(push_delivery_state(&g.store, &older), PUSH_TAKEN_OVER);
    ck_assert_ptr_null(fixture_flush(&g, &older));
    push_store_checkout(&g.store, &older, &g.now);
    say("u", "c");
    ck_assert_uint_eq(g.receipt.connected, 1);
    ck_assert_str_eq(fixture_flush(&g, &newer), "2=b 3=c");
}
END_TEST

/* Of a process that stood still, with the request before it. */
START_TEST(a_request_from_before_the_stream_takes_nothing_over)
{
    push_stream_ref_t older, newer = open_stream("u", "d", NULL);

    fixture_pass(&g, 4000);
    ck_assert_int_eq(fixture_checkin_late(&g, "u", "d", 4001, &older),
                     PUSH_BUSY);
    say("u", "a");
    ck_assert_str_eq(fixture_flush(&g, &newer), "1=a");
    ck_assert_int_eq(fixture_checkin_late(&g, "u", "d", 3999, &newer),
                     PUSH_OK);
    fixture_pass(&g, 900);
    ck_assert_int_eq(fixture_checkin_late(&g, "u", "d", 999, &older), PUSH_OK);
    push_store_checkout(&g.store, &older, &g.now);
    ck_assert_int_eq(fixture_checkin_late(&g, "u", "d", 9000, &newer),
                     PUSH_OK);
}
END_TEST

/* Of two that saw nobody the second one leaves it to the first. */
START_TEST(one_that_takes_only_what_is_away_takes_nothing_over)
{
    push_stream_ref_t first, second;

    ck_assert_int_eq(fixture_checkin_if_away(&g, "u", "d", &first), PUSH_OK);
    say("u", "a");
    ck_assert_int_eq(fixture_checkin_if_away(&g, "u", "d", &second),
                     PUSH_BUSY);
    ck_assert_str_eq(fixture_flush(&g, &first), "1=a");
    push_store_checkout(&g.store, &first, &g.now);
    ck_assert_int_eq(fixture_checkin_if_away(&g, "u", "d", &second), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &second), "1=a");
}
END_TEST

START_TEST(a_stream_that_is_sent_away_gets_nothing_more_and_may_come_again)
{
    push_stream_state_t expected = _i ? PUSH_REVOKED : PUSH_DISMISSED;
    push_stream_ref_t one = open_stream("u", "d", NULL);
    push_stream_ref_t two = open_stream("u", "e", NULL);
    push_stream_ref_t other = open_stream("v", "d", NULL);
    uint32_t streams;

    ck_assert_int_eq(push_store_dismiss(&g.store, named("u"), _i, &streams),
                     PUSH_OK);
    ck_assert_uint_eq(streams, 2);
    ck_assert_int_eq(push_delivery_state(&g.store, &one), expected);
    ck_assert_int_eq(push_delivery_state(&g.store, &two), expected);
    ck_assert_int_eq(push_delivery_state(&g.store, &other), PUSH_GOES_ON);
    say("u", "a");
    ck_assert_ptr_null(fixture_flush(&g, &one));
    push_store_checkout(&g.store, &one, &g.now);
    push_store_checkout(&g.store, &two, &g.now);
    ck_assert_int_eq(push_store_dismiss(&g.store, named("u"), _i, &streams),
                     PUSH_OK);
    ck_assert_uint_eq(streams, 0);
    one = open_stream("u", "d", NULL);
    ck_assert_int_eq(push_delivery_state(&g.store, &one), PUSH_GOES_ON);
    ck_assert_str_eq(fixture_flush(&g, &one), "1=a");
    ck_assert_int_eq(
        push_store_dismiss(&g.store, named("nobody"), _i, &streams), PUSH_OK);
    ck_assert_uint_eq(streams, 0);
}
END_TEST

START_TEST(a_stream_that_ended_is_not_connected_and_finds_its_mail_later)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);

    push_store_checkout(&g.store, &stream_ref, &g.now);
    say("u", "a");
    ck_assert_uint_eq(g.receipt.recipients, 1);
    ck_assert_uint_eq(g.receipt.connected, 0);
    stream_ref = open_stream("u", "d", NULL);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a");
}
END_TEST

START_TEST(more_streams_of_one_user_than_allowed_are_refused)
{
    push_stream_ref_t stream_ref;
    char name[16];

    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "%d", i);
        stream_ref = open_stream("u", name, NULL);
    }
    ck_assert_int_eq(fixture_checkin(&g, "u", "16", NULL, &stream_ref),
                     PUSH_TOO_MANY);
    ck_assert_int_eq(fixture_checkin(&g, "u", "15", NULL, &stream_ref),
                     PUSH_OK);
    push_store_checkout(&g.store, &stream_ref, &g.now);
    ck_assert_int_eq(fixture_checkin(&g, "u", "16", NULL, &stream_ref),
                     PUSH_OK);
}
END_TEST

START_TEST(a_device_keeps_its_place_in_a_channel_and_gives_up_the_others)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", "one");

    push_store_checkout(&g.store, &stream_ref, &g.now);
    ck_assert_int_eq(
        fixture_publish(&g, PUSH_LOG_CHANNEL, "one", "a", PUSH_HIGH), PUSH_OK);
    ck_assert_uint_eq(g.receipt.recipients, 1);
    ck_assert_uint_eq(g.receipt.connected, 0);
    stream_ref = open_stream("u", "d", "one");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a");
    stream_ref = open_stream("u", "d", "two");
    ck_assert_int_eq(
        fixture_publish(&g, PUSH_LOG_CHANNEL, "one", "b", PUSH_HIGH), PUSH_OK);
    ck_assert_uint_eq(g.receipt.recipients, 0);
    ck_assert_int_eq(
        fixture_publish(&g, PUSH_LOG_CHANNEL, "two", "c", PUSH_HIGH), PUSH_OK);
    ck_assert_uint_eq(g.receipt.connected, 1);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=c");
}
END_TEST

static push_ref_t hold_pick(unsigned i, const push_stream_ref_t *stream_ref)
{
    push_ref_t hold = push_hold_take(&g.store, g.delivery.picks[i].ref,
                                     stream_ref->gen, g.store.tag);

    ck_assert_uint_ne(hold, PUSH_NONE);
    return hold;
}

static void sweep_all(void)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        ck_assert(push_store_sweep(&g.store, i, &g.now));
    }
}

START_TEST(what_could_not_be_written_is_pending_again)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    push_ref_t part;

    say("u", "a");
    say("u", "b");
    say("u", "c");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c");
    part = hold_pick(1, &stream_ref);
    ck_assert(push_delivery_cut(&g.store, &stream_ref, 2));
    ck_assert_int_eq(
        fixture_publish(&g, PUSH_LOG_USER, "u", "urgent", PUSH_HIGH), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "3=urgent 4=c");
    push_hold_release(&g.store, part);
}
END_TEST

START_TEST(a_message_written_partly_keeps_its_bytes_whatever_happens_to_it)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", "news");
    const push_message_t *message;
    push_ref_t part;
    uint64_t used;

    g.store.limits.history = 2;
    fixture_publish(&g, PUSH_LOG_CHANNEL, "news", "held", PUSH_HIGH);
    fixture_flush(&g, &stream_ref);
    part = hold_pick(0, &stream_ref);
    message = g.delivery.picks[0].message;
    ck_assert(push_delivery_cut(&g.store, &stream_ref, 1));
    for (int i = 0; i < 2000; i++) {
        fixture_publish(&g, PUSH_LOG_CHANNEL, "news", "more", PUSH_HIGH);
    }
    push_epoch_advance(&g.store.epoch);
    ck_assert_mem_eq(world_payload(message).at, "held", 4);
    used = g.store.segment->slab.used;
    push_hold_release(&g.store, part);
    sweep_all();
    ck_assert_uint_lt(g.store.segment->slab.used, used);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("delivery");
    TCase *tc = unit_case(suite, "delivery", 60);

    tcase_add_checked_fixture(tc, store_begin_large, store_end);
    tcase_add_test(tc, a_stream_whose_device_was_forgotten_is_broken_off);
    tcase_add_test(tc, a_message_goes_from_publish_to_acknowledgement);
    tcase_add_row_test(
        tc, a_late_acknowledgement_of_an_earlier_stream_is_stale, resumes);
    tcase_add_test(tc, no_segment_repeats_the_token_of_another);
    tcase_add_test(tc, users_and_devices_are_kept_apart);
    tcase_add_test(tc, the_newer_stream_of_a_device_takes_over);
    tcase_add_test(tc, a_request_from_before_the_stream_takes_nothing_over);
    tcase_add_test(tc, one_that_takes_only_what_is_away_takes_nothing_over);
    tcase_add_loop_test(
        tc, a_stream_that_is_sent_away_gets_nothing_more_and_may_come_again, 0,
        2);
    tcase_add_test(
        tc, a_stream_that_ended_is_not_connected_and_finds_its_mail_later);
    tcase_add_test(tc, more_streams_of_one_user_than_allowed_are_refused);
    tcase_add_test(
        tc, a_device_keeps_its_place_in_a_channel_and_gives_up_the_others);
    tcase_add_test(tc, what_could_not_be_written_is_pending_again);
    tcase_add_test(
        tc, a_message_written_partly_keeps_its_bytes_whatever_happens_to_it);
    return unit_run(suite);
}
