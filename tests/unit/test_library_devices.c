/*
 * Who owns a device: claim, yield, save and what they tell others, on a real
 * Redis.
 */
#include "library_kit.h"

#include <string.h>

#include "harness/case.h"
#include "harness/keep.h"

#define A push_owner_make(1, 1)
#define B push_owner_make(2, 1)

static push_save_call_t save_call(struct library *l, unsigned owner,
                                  uint32_t fence, const char *record)
{
    static const unsigned char context[PUSH_CONTEXT_BYTES] =
        "\001ccccccccccccccc";

    return (push_save_call_t){.device = {l->home, TEXT("uanna"), context,
                                         owner, fence, 3600000},
                              .online = true,
                              .record = text_of(record)};
}

static push_yield_call_t yield_call(struct library *l, unsigned owner,
                                    uint32_t fence, unsigned to)
{
    return (push_yield_call_t){.device = save_call(l, owner, fence, "").device,
                               .to = to,
                               .exact = true,
                               .record = TEXT("record"),
                               .session = TEXT("session")};
}

static push_claim_reply_t claim(struct library_node *node, bool force)
{
    push_claim_call_t call = library_claim_call(node, "uanna", 1);

    call.force = force;
    return library_claim(node->library, &call);
}

START_TEST(a_device_that_nobody_knows_is_made_with_its_log)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, A);
    push_publish_call_t message = library_message(l, "uanna", "waits");
    push_publish_reply_t published;
    push_claim_reply_t claimed;

    library_publish(l, &message);
    claimed = claim(&node, false);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED_NEW);
    ck_assert_uint_eq(claimed.fence, 1);
    ck_assert_uint_eq(claimed.record.len, 0);
    ck_assert(!claimed.exact);
    ck_assert(claimed.followed.whole);
    ck_assert(
        text_is(library_entry(claimed.followed.entries, 0).record, "waits"));
    published = library_publish(l, &message);
    ck_assert_uint_eq(published.recipients, 1);
    ck_assert_uint_eq(published.connected, 1);
    ck_assert_uint_gt(published.tick, claimed.followed.version);
    ck_assert_uint_eq(library_only(&node).tick, published.tick);
}
END_TEST

START_TEST(a_quiet_claim_leaves_the_device_to_another_owner)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_claim_call_t call = library_claim_call(&other, "uanna", 1);
    uint32_t fence = claim(&one, false).fence;
    push_claim_reply_t claimed;

    call.quiet = true;
    claimed = library_claim(l, &call);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED_WAIT);
    ck_assert_uint_eq(claimed.owner, A);
    ck_assert_uint_eq(claimed.fence, fence);
    ck_assert_uint_eq(library_count(library_drain(&one).entries), 0);
    call.device.owner = A;
    ck_assert_int_eq(library_claim(l, &call).outcome, PUSH_CLAIMED);
}
END_TEST

START_TEST(an_owner_saves_and_who_is_not_the_owner_is_fenced)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, A);
    uint32_t fence = claim(&node, false).fence;
    push_save_call_t call = save_call(l, A, fence, "saved");
    push_save_reply_t saved;

    ck_assert_int_eq(library_save(l, &call).outcome, PUSH_SAVED);
    call = save_call(l, A, fence + 1, "wrong fence");
    saved = library_save(l, &call);
    ck_assert_int_eq(saved.outcome, PUSH_SAVED_FENCED);
    ck_assert_uint_eq(saved.owner, A);
    ck_assert_uint_eq(saved.fence, fence);
    call = save_call(l, B, fence, "wrong owner");
    ck_assert_int_eq(library_save(l, &call).outcome, PUSH_SAVED_FENCED);
    ck_assert(text_is(claim(&node, false).record, "saved"));
    redis_call(l->redis, "FLUSHALL");
    ck_assert_int_eq(library_save(l, &call).outcome, PUSH_SAVED_GONE);
}
END_TEST

START_TEST(a_claim_asks_the_owner_who_leaves_record_and_session_for_it)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    uint32_t fence = claim(&one, false).fence;
    push_yield_call_t yield = yield_call(l, A, fence, B);
    push_claim_reply_t claimed;
    push_inbox_entry_t entry;

    library_subscribe(&one);
    claimed = claim(&other, false);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED_WAIT);
    ck_assert_uint_eq(claimed.owner, A);
    ck_assert_uint_eq(claimed.heard, 1);
    entry = library_only(&one);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_YIELD);
    ck_assert(text_is(entry.log, "uanna"));
    ck_assert_int_eq(entry.context[0], 1);
    ck_assert_uint_eq(entry.fence, fence);
    ck_assert_uint_eq(entry.owner, B);
    ck_assert_int_eq(library_yield(l, &yield).outcome, PUSH_SAVED);
    entry = library_only(&other);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_GRANT);
    ck_assert_uint_eq(entry.fence, fence + 1);
    ck_assert(entry.exact);
    ck_assert_int_eq(library_yield(l, &yield).outcome, PUSH_SAVED_FENCED);
    claimed = claim(&other, false);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED);
    ck_assert(claimed.exact);
    ck_assert(text_is(claimed.record, "record"));
    ck_assert(text_is(claimed.session, "session"));
    claimed = claim(&other, false);
    ck_assert(!claimed.exact);
    ck_assert_uint_eq(claimed.session.len, 0);
}
END_TEST

/* It was never used: who was to have it left it to the next one. */
START_TEST(a_session_that_nobody_came_for_goes_on_to_who_claims_next)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_yield_call_t yield = yield_call(l, A, claim(&one, false).fence, B);
    push_claim_reply_t claimed;

    library_yield(l, &yield);
    library_subscribe(&other);
    claimed = claim(&one, false);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED_WAIT);
    yield = yield_call(l, B, claimed.fence, A);
    yield.absent = true;
    ck_assert_int_eq(library_yield(l, &yield).outcome, PUSH_SAVED);
    claimed = claim(&one, false);
    ck_assert(claimed.exact);
    ck_assert(text_is(claimed.record, "record"));
    ck_assert(text_is(claimed.session, "session"));
}
END_TEST

/* Nobody came for it. */
START_TEST(a_session_that_is_left_to_another_is_given_by_force)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node one = library_node(l, A);
    push_yield_call_t yield = yield_call(l, A, claim(&one, false).fence, B);
    push_claim_reply_t claimed;

    library_set_clock(l, now += 1);
    library_yield(l, &yield);
    claimed = claim(&one, true);
    ck_assert(claimed.exact);
    ck_assert(text_is(claimed.session, "session"));
    ck_assert(!claim(&one, true).exact);
}
END_TEST

/* Somebody may have had it, and a master that is new may not know: the owner
 * of a stale session could acknowledge what was never received. */
START_TEST(a_session_that_was_left_before_this_vm_is_given_to_nobody_by_force)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_yield_call_t yield = yield_call(l, A, claim(&one, false).fence, B);
    push_claim_reply_t claimed;

    library_yield(l, &yield);
    library_load(l);
    claimed = claim(&one, true);
    ck_assert(!claimed.exact);
    ck_assert_uint_eq(claimed.session.len, 0);
    ck_assert(text_is(claimed.record, "record"));
    ck_assert_uint_eq(claimed.owner, B);
    ck_assert_int_eq(library_only(&other).kind, PUSH_ENTRY_FORCED);
}
END_TEST

START_TEST(a_released_session_is_given_to_one_claim_only)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_yield_call_t release = yield_call(l, A, claim(&one, false).fence,
                                           PUSH_OWNER_NOBODY);
    push_claim_reply_t claimed;

    ck_assert_int_eq(library_yield(l, &release).outcome, PUSH_SAVED);
    claimed = claim(&other, false);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED);
    ck_assert_uint_eq(claimed.owner, PUSH_OWNER_NOBODY);
    ck_assert(claimed.exact);
    ck_assert(text_is(claimed.record, "record"));
    ck_assert(text_is(claimed.session, "session"));
    claimed = claim(&other, false);
    ck_assert(!claimed.exact);
    ck_assert(text_is(claimed.record, "record"));
    ck_assert_uint_eq(claimed.session.len, 0);
}
END_TEST

START_TEST(who_releases_a_device_may_leave_its_log_with_it)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_yield_call_t release = yield_call(l, A, claim(&one, false).fence,
                                           PUSH_OWNER_NOBODY);
    push_publish_call_t call = library_message(l, "uanna", "record");

    library_follow(&other, "uanna", 0);
    release.unfollow = true;
    ck_assert_int_eq(library_yield(l, &release).outcome, PUSH_SAVED);
    library_publish(l, &call);
    ck_assert_uint_eq(library_count(library_drain(&one).entries), 0);
    ck_assert_uint_eq(library_count(library_drain(&other).entries), 1);
}
END_TEST

START_TEST(a_forced_claim_needs_no_owner_and_tells_him)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    uint32_t fence = claim(&one, false).fence;
    push_save_call_t save = save_call(l, A, fence, "late");
    push_claim_reply_t claimed;
    push_inbox_entry_t entry;

    claimed = claim(&other, true);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED);
    ck_assert_uint_eq(claimed.owner, A);
    ck_assert_uint_eq(claimed.fence, fence + 1);
    entry = library_only(&one);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_FORCED);
    ck_assert_uint_eq(entry.owner, B);
    ck_assert_uint_eq(entry.fence, fence + 1);
    ck_assert_int_eq(library_save(l, &save).outcome, PUSH_SAVED_FENCED);
}
END_TEST

START_TEST(an_owner_that_has_nothing_of_it_gives_what_was_saved)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    uint32_t fence = claim(&one, false).fence;
    push_save_call_t save = save_call(l, A, fence, "saved");
    push_yield_call_t yield = yield_call(l, A, fence, B);
    push_inbox_entry_t entry;

    library_save(l, &save);
    yield.absent = true;
    ck_assert_int_eq(library_yield(l, &yield).outcome, PUSH_SAVED);
    entry = library_only(&other);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_ABSENT);
    ck_assert(!entry.exact);
    ck_assert(text_is(claim(&other, false).record, "saved"));
}
END_TEST

START_TEST(another_life_of_the_same_node_is_not_asked)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node again = library_node(l, push_owner_make(1, 2));

    claim(&one, false);
    ck_assert_int_eq(claim(&again, false).outcome, PUSH_CLAIMED);
}
END_TEST

START_TEST(nobody_hears_where_the_owner_is_dead)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_claim_reply_t claimed;

    claim(&one, false);
    /* Its inbox may only be on the way from one process to another. */
    library_set_clock(l, now += 1249);
    ck_assert_uint_eq(claim(&other, false).heard, 1);
    library_set_clock(l, now += 1);
    claimed = claim(&other, false);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED_WAIT);
    ck_assert_uint_eq(claimed.heard, 0);
    ck_assert(claimed.young);
    library_set_clock(l, now += 3750);
    ck_assert(!claim(&other, false).young);
}
END_TEST

START_TEST(the_longest_away_goes_for_a_new_device_and_none_that_is_online)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, A);
    push_claim_call_t calls[4];
    push_yield_call_t release;
    push_claim_reply_t claimed;
    push_inbox_entry_t entry;

    for (unsigned char i = 0; i < 4; i++) {
        calls[i] = library_claim_call(&node, "uanna", i);
        calls[i].max_devices = 3;
    }
    for (unsigned i = 0; i < 3; i++) {
        claimed = library_claim(l, &calls[i]);
        ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED_NEW);
    }
    ck_assert_int_eq(library_claim(l, &calls[3]).outcome,
                     PUSH_CLAIMED_DEVICES);
    for (unsigned i = 1; i < 3; i++) {
        library_set_clock(l, now += 1000);
        release = yield_call(l, A, 1, PUSH_OWNER_NOBODY);
        release.device.context = calls[i].device.context;
        ck_assert_int_eq(library_yield(l, &release).outcome, PUSH_SAVED);
    }
    ck_assert_int_eq(library_claim(l, &calls[3]).outcome, PUSH_CLAIMED_NEW);
    calls[1].known = true;
    ck_assert_int_eq(library_claim(l, &calls[1]).outcome, PUSH_CLAIMED_GONE);
    ck_assert_int_eq(library_claim(l, &calls[2]).outcome, PUSH_CLAIMED);
    entry = library_entry(library_drain(&node).entries, 0);
    ck_assert_int_eq(entry.kind, '\0');
}
END_TEST

START_TEST(a_device_that_was_spared_is_taken_from_its_owner)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    uint32_t fence = claim(&one, false).fence;
    push_save_call_t away = save_call(l, A, fence, "away");
    push_claim_call_t call = library_claim_call(&other, "uanna", 2);
    push_inbox_entry_t entry;

    away.online = false;
    library_save(l, &away);
    call.max_devices = 1;
    ck_assert_int_eq(library_claim(l, &call).outcome, PUSH_CLAIMED_NEW);
    entry = library_only(&one);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_FORCED);
    ck_assert_uint_eq(entry.owner, PUSH_OWNER_NOBODY);
    /* Who has it by this fence believes only a later one. */
    ck_assert_uint_gt(entry.fence, fence);
}
END_TEST

START_TEST(a_users_streams_are_counted_on_all_nodes)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_claim_call_t first = library_claim_call(&one, "uanna", 1);
    push_claim_call_t second = library_claim_call(&other, "uanna", 2);
    push_save_call_t away;

    first.max_streams = second.max_streams = 1;
    ck_assert_int_eq(library_claim(l, &first).outcome, PUSH_CLAIMED_NEW);
    ck_assert_int_eq(library_claim(l, &second).outcome, PUSH_CLAIMED_STREAMS);
    ck_assert_int_eq(library_claim(l, &first).outcome, PUSH_CLAIMED);
    away = save_call(l, A, 2, "away");
    away.online = false;
    ck_assert_int_eq(library_save(l, &away).outcome, PUSH_SAVED);
    ck_assert_int_eq(library_claim(l, &second).outcome, PUSH_CLAIMED_NEW);
    ck_assert_int_eq(library_claim(l, &first).outcome, PUSH_CLAIMED_STREAMS);
}
END_TEST

START_TEST(a_device_whose_node_died_is_not_online)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_claim_call_t call = library_claim_call(&other, "uanna", 2);

    claim(&one, false);
    library_set_clock(l, now += 14999);
    library_drain(&other);
    call.max_streams = 1;
    ck_assert_int_eq(library_claim(l, &call).outcome, PUSH_CLAIMED_STREAMS);
    library_set_clock(l, now += 1);
    ck_assert_int_eq(library_claim(l, &call).outcome, PUSH_CLAIMED_NEW);
}
END_TEST

START_TEST(a_device_is_forgotten_when_its_time_is_over)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, A);
    push_yield_call_t release = yield_call(l, A, claim(&node, false).fence,
                                           PUSH_OWNER_NOBODY);
    push_claim_reply_t claimed;

    release.device.keep = 1000;
    library_yield(l, &release);
    library_set_clock(l, now += 1000);
    claimed = claim(&node, false);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED_NEW);
    ck_assert_uint_eq(claimed.record.len, 0);
    ck_assert(!claimed.exact);
}
END_TEST

START_TEST(a_message_for_one_device_counts_that_device)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, A);
    push_claim_call_t phone = library_claim_call(&node, "uanna", 1);
    push_claim_call_t tablet = library_claim_call(&node, "uanna", 2);
    push_publish_call_t call = library_message(l, "uanna", "a");
    push_save_call_t away;

    tablet.id = TEXT("tablet");
    library_claim(l, &phone);
    library_claim(l, &tablet);
    call.device = TEXT("phone");
    ck_assert_uint_eq(library_publish(l, &call).recipients, 1);
    ck_assert_uint_eq(library_publish(l, &call).connected, 1);
    away = save_call(l, A, 1, "r");
    away.online = false;
    library_save(l, &away);
    ck_assert_uint_eq(library_publish(l, &call).recipients, 1);
    ck_assert_uint_eq(library_publish(l, &call).connected, 0);
    call.device = TEXT("watch");
    ck_assert_uint_eq(library_publish(l, &call).recipients, 0);
}
END_TEST

START_TEST(known_devices_are_claimed_without_memory)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, A);
    push_claim_call_t call = library_claim_call(&node, "uanna", 1);
    push_command_t command;

    library_claim(l, &call);
    redis_call(l->redis, "CONFIG SET maxmemory 1");
    push_library_claim(&command, &call);
    ck_assert_int_eq(push_reply_kind(library_send(l, &command)),
                     PUSH_REPLY_ERROR);
    call.known = true;
    ck_assert_int_eq(library_claim(l, &call).outcome, PUSH_CLAIMED);
    call = library_claim_call(&node, "uanna", 2);
    call.known = true;
    ck_assert_int_eq(library_claim(l, &call).outcome, PUSH_CLAIMED_GONE);
}
END_TEST

START_TEST(administrators_read_the_records_of_a_user)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, A);
    push_save_call_t save = save_call(l, A, claim(&node, false).fence, "r");
    push_viewed_t viewed;
    push_command_t command;
    const push_reply_t *reply;
    unsigned at = 0;

    library_save(l, &save);
    push_library_view(&command, &l->home, TEXT("uanna"));
    reply = library_send(l, &command);
    ck_assert(push_view_next(reply, &at, &viewed));
    ck_assert_int_eq(viewed.context[0], 1);
    ck_assert_uint_eq(viewed.owner, A);
    ck_assert_uint_eq(viewed.fence, 1);
    ck_assert(viewed.online && !viewed.exact && !viewed.left);
    ck_assert(text_is(viewed.record, "r"));
    ck_assert(!push_view_next(reply, &at, &viewed));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library devices");
    TCase *tc = case_add(suite, "owners", 60);

    tcase_add_test(tc, a_device_that_nobody_knows_is_made_with_its_log);
    tcase_add_test(tc, a_quiet_claim_leaves_the_device_to_another_owner);
    tcase_add_test(tc, an_owner_saves_and_who_is_not_the_owner_is_fenced);
    tcase_add_test(
        tc, a_claim_asks_the_owner_who_leaves_record_and_session_for_it);
    tcase_add_test(tc, a_session_that_is_left_to_another_is_given_by_force);
    tcase_add_test(
        tc,
        a_session_that_was_left_before_this_vm_is_given_to_nobody_by_force);
    tcase_add_test(tc,
                   a_session_that_nobody_came_for_goes_on_to_who_claims_next);
    tcase_add_test(tc, a_released_session_is_given_to_one_claim_only);
    tcase_add_test(tc, who_releases_a_device_may_leave_its_log_with_it);
    tcase_add_test(tc, a_forced_claim_needs_no_owner_and_tells_him);
    tcase_add_test(tc, an_owner_that_has_nothing_of_it_gives_what_was_saved);
    tcase_add_test(tc, another_life_of_the_same_node_is_not_asked);
    tcase_add_test(tc, nobody_hears_where_the_owner_is_dead);
    tc = case_add(suite, "limits", 60);
    tcase_add_test(
        tc, the_longest_away_goes_for_a_new_device_and_none_that_is_online);
    tcase_add_test(tc, a_device_that_was_spared_is_taken_from_its_owner);
    tcase_add_test(tc, a_users_streams_are_counted_on_all_nodes);
    tcase_add_test(tc, a_device_whose_node_died_is_not_online);
    tcase_add_test(tc, a_device_is_forgotten_when_its_time_is_over);
    tcase_add_test(tc, a_message_for_one_device_counts_that_device);
    tcase_add_test(tc, known_devices_are_claimed_without_memory);
    tcase_add_test(tc, administrators_read_the_records_of_a_user);
    return case_run(suite);
}
