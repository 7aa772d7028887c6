#include "core_suite.h"
#include "core_world.h"
#include "store/ops/ack.h"
#include "store/ops/disown.h"
#include "store/ops/import.h"
#include "store/ops/unfollow.h"
#include "store/shard/shard.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/validate.h"
#include "store_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A device context moves from one node to another, and its session with it.
 * What the cluster keeps of logs is what was published here.
 */

#define KEPT 4096

static fixture_t one, two;

/* All that was published, which both nodes hear if they follow. */
static struct {
    char log[16], text[16], topic[8];
    order_t order;
    bool recalled;
} kept[KEPT];
static unsigned kept_count;
static uint64_t tick;

static void begin(void)
{
    node_init(&one, (size_t)4 << 20);
    node_init(&two, (size_t)4 << 20);
    kept_count = 0;
    tick = 100;
}

static void check_sound(fixture_t *g)
{
    static push_check_t check;

    memset(&check, 0, sizeof(check));
    push_validate(&g->store, &check);
    ck_assert_msg(!check.wrong, "%s", check.texts[0]);
    ck_assert_uint_eq(check.leaked, 0);
}

static void end(void)
{
    check_sound(&one);
    check_sound(&two);
    fixture_cleanup(&one);
    fixture_cleanup(&two);
}

static void hear(fixture_t *g, const order_t *order)
{
    push_apply_t outcome = node_apply(g, order);

    ck_assert(outcome == PUSH_APPLIED || outcome == PUSH_APPLY_UNKNOWN);
}

static void say(const char *log, const char *text, push_urgency_t urgency)
{
    unsigned i = kept_count++;

    ck_assert_uint_lt(i, KEPT);
    snprintf(kept[i].log, sizeof(kept[i].log), "%s", log);
    snprintf(kept[i].text, sizeof(kept[i].text), "%s", text);
    kept[i].recalled = false;
    kept[i].order = (order_t){.log = kept[i].log,
                              .tick = ++tick,
                              .text = kept[i].text,
                              .urgency = urgency,
                              .ttl = 3600000};
    hear(&one, &kept[i].order);
    hear(&two, &kept[i].order);
}

/* The cluster has it no more, and no node that follows from now on gets it. */
static void forget(const char *text)
{
    for (unsigned i = 0; i < kept_count; i++) {
        kept[i].recalled |= !strcmp(kept[i].text, text);
    }
}

/* As push_follow gives it. */
static void follow(fixture_t *g, const char *log)
{
    static push_applied_t entries[KEPT];
    push_loaded_t loaded = {.log = named(log), .entries = entries};
    push_follow_t begun;
    bool again;

    ck_assert_int_eq(push_follow_begin(&g->store, named(log), &begun),
                     PUSH_OK);
    for (unsigned i = 0; begun.mine && i < kept_count; i++) {
        if (!strcmp(kept[i].log, log) && !kept[i].recalled) {
            entries[loaded.count++] = entry_of(g, &kept[i].order);
        }
    }
    ck_assert_uint_lt(loaded.count, 256); /* entry_of() keeps so many */
    loaded.errand = begun.errand;
    loaded.tick = ++tick;
    if (begun.mine) {
        ck_assert_int_eq(push_follow_load(&g->store, &loaded, &g->now, &again),
                         PUSH_OK);
        ck_assert(!again);
    }
}

static push_stream_ref_t come(fixture_t *g, const char *channel)
{
    follow(g, "uada");
    if (channel) {
        follow(g, "cnews");
    }
    return node_come(g, "ada", "d", channel, 1);
}

static unsigned char id[PUSH_CONTEXT_BYTES];

static push_export_t yield(fixture_t *g)
{
    push_export_t exported;

    node_id("ada", "d", id);
    ck_assert_int_eq(push_store_yield(&g->store, named("ada"), id, &g->now,
                                      &exported),
                     PUSH_OK);
    return exported;
}

static push_status_t import(fixture_t *g, const push_export_t *exported,
                            bool exact, uint32_t fence)
{
    const push_import_t what = {.user = named("ada"),
                                .id = id,
                                .record = exported->record,
                                .session = exact ? exported->session
                                                 : (push_text_t){NULL, 0},
                                .fence = fence};

    return push_store_import(&g->store, &what, &g->now);
}

/* All of a move that succeeds. */
static void move(fixture_t *from, fixture_t *to, bool exact)
{
    push_export_t exported = yield(from);
    push_text_t channels[PUSH_CHANNELS_MAX];
    unsigned count;

    follow(to, "uada");
    ck_assert(push_import_channels(exported.record, id, channels, &count));
    for (unsigned i = 0; i < count; i++) {
        char log[300];

        snprintf(log, sizeof(log), "c%.*s", (int)channels[i].len,
                 channels[i].at);
        follow(to, log);
    }
    ck_assert_int_eq(import(to, &exported, exact, exported.fence + 2),
                     PUSH_OK);
    push_store_yielded(&from->store, named("ada"), id, exported.fence, true,
                       &from->now);
    push_export_cleanup(&exported);
}

static push_stream_ref_t resume(fixture_t *g, const char *channel,
                                push_cursor_t at)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(node_checkin(g, "ada", "d", channel, &at, &stream_ref),
                     PUSH_OK);
    return stream_ref;
}

static push_device_t *device_of(fixture_t *g)
{
    push_name_t name = push_store_name(&g->store, named("ada"));

    node_id("ada", "d", id);
    return push_store_device(&g->store, name.shard, id);
}

/* 1=a 2=b 3=c of a channel, 4=d of all, 5=e; nothing acknowledged. */
static push_stream_ref_t five(void)
{
    push_stream_ref_t ada = come(&one, "news");

    say("uada", "a", PUSH_NORMAL);
    say("uada", "b", PUSH_HIGH);
    say("cnews", "c", PUSH_NORMAL);
    say("b", "d", PUSH_NORMAL);
    say("uada", "e", PUSH_LOW);
    ck_assert_str_eq(fixture_flush(&one, &ada), "1=b 2=a 3=c 4=d 5=e");
    return ada;
}

START_TEST(the_numbering_goes_on_at_the_next_node)
{
    push_stream_ref_t ada = five();

    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 2), PUSH_OK);
    move(&one, &two, true);
    ck_assert_uint_eq(device_of(&two)->acked, 2);
    ck_assert_uint_eq(device_of(&two)->sent, 5);
    ada = resume(&two, "news", cursor(4));
    say("uada", "f", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "5=f 6=e");
}
END_TEST

/* Rules 1 to 5 of docs/protocol.md, "Resume". */
static const struct {
    uint64_t seq;
    const char *text; /* NULL: the cursor has no mid, else that of this one */
    const char *sent;
} cursors[] = {
    /* 0 or none: all that is not acknowledged, from 1 on */
    {0, NULL, "1=c 2=d 3=e"},
    /* not beyond what was acknowledged: from there on */
    {1, NULL, "2=c 3=d 4=e"},
    {2, NULL, "3=c 4=d 5=e"},
    /* in flight: acknowledged up to there */
    {3, NULL, "4=d 5=e"},
    {4, "d", "5=e"},
    {5, "e", ""},
    /* beyond what was sent: another session */
    {9, NULL, "1=c 2=d 3=e"},
    /* another message than was sent as that: likewise, and what it names
     * was received */
    {3, "e", "1=c 2=d"}};

static uint64_t mid_of(const char *text)
{
    for (unsigned i = 0; i < kept_count; i++) {
        if (!strcmp(kept[i].text, text)) {
            return node_mid(&one, kept[i].log, kept[i].order.tick);
        }
    }
    return 0;
}

START_TEST(each_rule_of_resuming_holds_after_a_move)
{
    push_stream_ref_t ada = five();
    push_cursor_t at = cursor(cursors[_i].seq);

    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 2), PUSH_OK);
    move(&one, &two, true);
    if (cursors[_i].text) {
        at = cursor_mid(cursors[_i].seq, mid_of(cursors[_i].text));
    }
    ada = resume(&two, "news", at);
    ck_assert_str_eq(fixture_flush(&two, &ada), cursors[_i].sent);
}
END_TEST

START_TEST(without_the_session_it_begins_anew_by_the_record)
{
    push_stream_ref_t ada = five();

    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 3), PUSH_OK);
    move(&one, &two, false);
    ck_assert_uint_eq(device_of(&two)->acked, 0);
    ck_assert_uint_eq(device_of(&two)->sent, 0);
    ada = resume(&two, "news", cursor(4));
    ck_assert_str_eq(fixture_flush(&two, &ada), "1=d 2=e");
}
END_TEST

static push_status_t ack_with_session(fixture_t *g, uint64_t seq,
                                      uint64_t session)
{
    const push_cursor_t at = {
        .seq = seq, .session = session, .has_session = true};

    return push_store_ack(&g->store, named("ada"), id, &at, &g->now);
}

START_TEST(the_token_of_the_session_moves_with_it)
{
    push_stream_ref_t ada = five();
    uint64_t session = push_owned_session(&one.store, device_of(&one));

    ck_assert_uint_eq(session, push_store_session(&one.store, ada.gen));
    move(&one, &two, true);
    ck_assert_uint_eq(push_owned_session(&two.store, device_of(&two)),
                      session);
    ck_assert_int_eq(ack_with_session(&two, 2, session + 1), PUSH_STALE);
    ck_assert_int_eq(ack_with_session(&two, 2, session), PUSH_OK);
    move(&two, &one, true);
    ck_assert_int_eq(ack_with_session(&one, 3, session), PUSH_OK);
    ada = resume(&one, "news", cursor(3));
    ck_assert_int_eq(ack_with_session(&one, 4, session), PUSH_STALE);
    ck_assert_str_eq(fixture_flush(&one, &ada), "4=d 5=e");
}
END_TEST

START_TEST(what_was_of_the_context_is_what_it_is_now)
{
    push_stream_ref_t ada = five();
    push_device_t before, *after;
    push_text_t locale;

    fixture_ack(&one, "ada", &ada, 1);
    device_of(&one)->losses.count[PUSH_GAP_MEMORY][PUSH_LOW] = 3;
    device_of(&one)->gaps.count[PUSH_GAP_MAILBOX][PUSH_HIGH] = 2;
    device_of(&one)->gap_seq = 4;
    before = *device_of(&one);
    move(&one, &two, true);
    after = device_of(&two);
    ck_assert(!memcmp(&after->losses, &before.losses, sizeof(before.losses)));
    ck_assert(!memcmp(&after->gaps, &before.gaps, sizeof(before.gaps)));
    ck_assert_uint_eq(after->gap_seq, 4);
    ck_assert_int_eq(after->first_seen, before.first_seen);
    ck_assert_uint_eq(after->max_in_flight, before.max_in_flight);
    ck_assert_uint_eq(after->lowest, before.lowest);
    ck_assert(after->traits & PUSH_DEVICE_EXPLICIT);
    ck_assert(!(after->traits & PUSH_DEVICE_ONLINE));
    locale = push_device_label(&two.store.heaps[0], after, PUSH_LABEL_LOCALE);
    ck_assert_uint_eq(locale.len, 2);
    ck_assert(!memcmp(locale.at, "pt", 2));
    ck_assert_uint_eq(push_device_subscriptions_count(after), 3);
}
END_TEST

START_TEST(at_the_node_before_nothing_of_it_is_left)
{
    push_stream_ref_t ada = five();
    push_stream_ref_t again;
    push_export_t exported = yield(&one);
    const push_cursor_t at = cursor(2);

    ck_assert_ptr_null(fixture_flush(&one, &ada));
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_TAKEN_OVER);
    ck_assert_int_eq(node_checkin(&one, "ada", "d", NULL, NULL, &again),
                     PUSH_NOT_FOUND);
    ck_assert_int_eq(push_store_ack(&one.store, named("ada"), id, &at,
                                    &one.now),
                     PUSH_NOT_FOUND);
    push_store_yielded(&one.store, named("ada"), id, exported.fence, true,
                       &one.now);
    push_export_cleanup(&exported);
    ck_assert_int_eq(push_store_yield(&one.store, named("ada"), id, &one.now,
                                      &exported),
                     PUSH_NOT_FOUND);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_TAKEN_OVER);
}
END_TEST

/* Its reactor has looked, and the sweep sees that nobody else may. */
static void take_wake_ups(fixture_t *g)
{
    uint32_t list = push_seat_devices(&g->store.seats.seats[0]);

    while (push_seat_next_device(&g->store.seats, &list)) {
    }
}

static void sweep(fixture_t *g)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        ck_assert(push_store_sweep(&g->store, i, &g->now));
    }
}

START_TEST(what_is_left_over_goes_a_second_later)
{
    push_follow_t leaving;

    five();
    move(&one, &two, true);
    take_wake_ups(&one);
    sweep(&one);
    ck_assert_ptr_nonnull(device_of(&one));
    fixture_pass(&one, PUSH_DISOWN_MS);
    sweep(&one);
    ck_assert_ptr_null(device_of(&one));
    ck_assert_int_eq(push_follow_leave(&one.store, named("uada"), &leaving),
                     PUSH_OK);
}
END_TEST

START_TEST(a_yield_that_is_asked_for_again_gives_the_same)
{
    push_stream_ref_t ada = five();
    push_export_t first, second;

    fixture_ack(&one, "ada", &ada, 1);
    first = yield(&one);
    second = yield(&one);
    ck_assert_uint_eq(first.record.len, second.record.len);
    ck_assert_uint_eq(first.session.len, second.session.len);
    ck_assert(!memcmp(first.session.at, second.session.at, first.session.len));
    push_export_cleanup(&first);
    push_export_cleanup(&second);
}
END_TEST

START_TEST(a_yield_that_was_refused_leaves_it_ours)
{
    push_stream_ref_t ada = five();
    push_export_t exported;

    fixture_ack(&one, "ada", &ada, 1);
    exported = yield(&one);
    push_store_yielded(&one.store, named("ada"), id, exported.fence + 1, false,
                       &one.now);
    ck_assert(!push_is_owned(&one.store, device_of(&one)));
    push_store_yielded(&one.store, named("ada"), id, exported.fence, false,
                       &one.now);
    push_export_cleanup(&exported);
    ada = resume(&one, "news", cursor(3));
    ck_assert_str_eq(fixture_flush(&one, &ada), "4=d 5=e");
}
END_TEST

/* ---- what is in flight and gone ---- */

START_TEST(what_is_gone_keeps_its_number)
{
    push_stream_ref_t ada = five();

    forget("b");
    forget("c");
    move(&one, &two, true);
    ada = resume(&two, "news", cursor(4));
    ck_assert_str_eq(fixture_flush(&two, &ada), "5=e");
    ck_assert_int_eq(fixture_ack(&two, "ada", &ada, 5), PUSH_OK);
    say("uada", "f", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "6=f");
}
END_TEST

START_TEST(what_is_gone_does_not_bring_back_what_was_acknowledged)
{
    push_stream_ref_t ada = five();

    say("cnews", "f", PUSH_NORMAL);
    say("cnews", "g", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&one, &ada), "6=f 7=g");
    fixture_ack(&one, "ada", &ada, 6);
    forget("e");
    forget("g");
    move(&one, &two, true);
    ada = resume(&two, "news", cursor(6));
    ck_assert_str_eq(fixture_flush(&two, &ada), "");
    say("cnews", "h", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "7=h");
}
END_TEST

START_TEST(a_channel_that_is_not_here_is_left_out)
{
    push_stream_ref_t ada = five();
    push_export_t exported;

    fixture_ack(&one, "ada", &ada, 1);
    exported = yield(&one);
    follow(&two, "uada");
    ck_assert_int_eq(import(&two, &exported, true, 9), PUSH_OK);
    push_export_cleanup(&exported);
    ck_assert_uint_eq(push_device_subscriptions_count(device_of(&two)), 2);
    ada = resume(&two, NULL, cursor(4));
    ck_assert_str_eq(fixture_flush(&two, &ada), "5=e");
}
END_TEST

/* ---- positions ---- */

/* Without an acknowledgement of it, and where the node did not follow. */
START_TEST(what_was_acknowledged_is_not_sent_again_by_a_node_that_loads_all)
{
    push_stream_ref_t ada = come(&one, "news");
    char text[16];

    for (int i = 0; i < 60; i++) {
        snprintf(text, sizeof(text), "%d", i);
        say(i % 3 ? "uada" : "cnews", text, (push_urgency_t)(i % 4));
    }
    ck_assert_ptr_nonnull(fixture_flush(&one, &ada));
    fixture_ack(&one, "ada", &ada, 60);
    move(&one, &two, false);
    ada = resume(&two, "news", cursor(0));
    ck_assert_str_eq(fixture_flush(&two, &ada), "");
    say("uada", "new", PUSH_NORMAL);
    say("cnews", "news", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "1=new 2=news");
}
END_TEST

START_TEST(a_record_is_short_however_much_was_acknowledged)
{
    push_stream_ref_t ada = come(&one, NULL);
    push_export_t few, many;
    char text[16];

    say("uada", "first", PUSH_NORMAL);
    fixture_flush(&one, &ada);
    fixture_ack(&one, "ada", &ada, 1);
    node_id("ada", "d", id);
    ck_assert_int_eq(push_store_export(&one.store, named("ada"), id, &one.now,
                                       &few),
                     PUSH_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "%d", i);
        say("uada", text, PUSH_NORMAL);
    }
    ck_assert_ptr_nonnull(fixture_flush(&one, &ada));
    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 101), PUSH_OK);
    ck_assert_int_eq(push_store_export(&one.store, named("ada"), id, &one.now,
                                       &many),
                     PUSH_OK);
    ck_assert_uint_eq(few.record.len, many.record.len);
    ck_assert_uint_eq(few.session.len, 0);
    ck_assert(few.online);
    push_export_cleanup(&few);
    push_export_cleanup(&many);
}
END_TEST

START_TEST(a_mark_is_told_to_a_device_that_had_not_come_past_it)
{
    push_stream_ref_t ada = come(&one, NULL);
    push_dropped_t mark = {.lane = PUSH_NORMAL, .count = 7};
    push_export_t exported;
    push_import_t what = {.user = named("ada"),
                          .id = id,
                          .fence = 9,
                          .marks = &mark,
                          .marks_count = 1};

    say("uada", "a", PUSH_NORMAL);
    fixture_flush(&one, &ada);
    fixture_ack(&one, "ada", &ada, 1);
    mark.tick = _i ? tick + 50 : tick;
    mark.until = one.now.mono + 60000;
    exported = yield(&one);
    what.record = exported.record;
    what.session = exported.session;
    follow(&two, "uada");
    ck_assert_int_eq(push_store_import(&two.store, &what, &two.now), PUSH_OK);
    push_export_cleanup(&exported);
    ada = resume(&two, NULL, cursor(1));
    say("uada", "b", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), _i ? "!normal:7 2=b" : "2=b");
}
END_TEST

/* ---- fences ---- */

START_TEST(what_is_here_stands_if_nobody_can_have_had_it)
{
    push_stream_ref_t ada = five();
    push_export_t exported;

    node_id("ada", "d", id);
    ck_assert_int_eq(push_store_export(&one.store, named("ada"), id, &one.now,
                                       &exported),
                     PUSH_OK);
    fixture_ack(&one, "ada", &ada, 2);
    ck_assert_int_eq(import(&one, &exported, false, exported.fence + 1),
                     PUSH_OK);
    say("uada", "f", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&one, &ada), "6=f");
    ck_assert_uint_eq(push_owned(&one.store, device_of(&one))->fence,
                      exported.fence + 1);
    push_export_cleanup(&exported);
}
END_TEST

/* The node was away, and another one had the device meanwhile. */
START_TEST(what_is_here_gives_way_to_what_another_node_had)
{
    push_stream_ref_t ada = five(), old = ada;

    fixture_ack(&one, "ada", &ada, 1);
    move(&one, &two, true);
    ada = resume(&two, "news", cursor(2));
    ck_assert_str_eq(fixture_flush(&two, &ada), "3=c 4=d 5=e");
    fixture_ack(&two, "ada", &ada, 4);
    push_store_refence(&one.store, named("ada"), id, 1);
    move(&two, &one, true);
    ck_assert_int_eq(push_delivery_state(&one.store, &old), PUSH_TAKEN_OVER);
    ck_assert_uint_eq(device_of(&one)->acked, 4);
    ada = resume(&one, "news", cursor(4));
    ck_assert_str_eq(fixture_flush(&one, &ada), "5=e");
}
END_TEST

START_TEST(what_another_node_took_ends_unless_it_is_ours_again)
{
    push_stream_ref_t ada = five();
    push_owned_view_t view;

    node_id("ada", "d", id);
    push_store_refence(&one.store, named("ada"), id, 5);
    push_store_disown(&one.store, named("ada"), id, 5, &one.now);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_GOES_ON);
    push_store_disown(&one.store, named("ada"), id, 6, &one.now);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_TAKEN_OVER);
    ck_assert_int_eq(push_store_owned(&one.store, named("ada"), id, &view),
                     PUSH_OK);
    ck_assert_int_eq(view.state, PUSH_OWNED_NOT);
    ck_assert(!view.online);
}
END_TEST

START_TEST(a_walk_finds_who_is_away_or_all)
{
    push_stream_ref_t ada = five();
    push_owned_walk_t all = {.before = INT64_MAX};
    push_owned_walk_t away = {.before = one.now.mono + 1};
    push_owned_ref_t refs[4];

    node_come(&one, "ada", "e", NULL, 3);
    push_store_checkout(&one.store, &ada, &one.now);
    ck_assert_uint_eq(push_owned_walk(&one.store, &all, refs, 4), 2);
    ck_assert_uint_eq(push_owned_walk(&one.store, &away, refs, 4), 1);
    node_id("ada", "d", id);
    ck_assert(!memcmp(refs[0].id, id, sizeof(id)));
    ck_assert_uint_eq(refs[0].fence, 1);
    ck_assert_uint_eq(push_owned_walk(&one.store, &away, refs, 4), 0);
    ck_assert(away.done);
}
END_TEST

/* ---- what is no record ---- */

START_TEST(nothing_comes_of_bytes_that_are_no_record)
{
    push_export_t exported, cut;

    five();
    exported = yield(&one);
    follow(&two, "uada");
    follow(&two, "cnews");
    for (uint32_t len = 0; len < exported.record.len; len++) {
        cut = exported;
        cut.record.len = len;
        ck_assert_int_eq(import(&two, &cut, true, 9), PUSH_STALE);
    }
    id[3] ^= 1;
    ck_assert_int_eq(import(&two, &exported, true, 9), PUSH_STALE);
    id[3] ^= 1;
    ck_assert_ptr_null(device_of(&two));
    push_export_cleanup(&exported);
}
END_TEST

START_TEST(a_session_that_cannot_be_read_begins_anew)
{
    push_export_t exported, cut;

    five();
    exported = yield(&one);
    follow(&two, "uada");
    follow(&two, "cnews");
    for (uint32_t len = 1; len < exported.session.len; len += 13) {
        cut = exported;
        cut.session.len = len;
        ck_assert_int_eq(import(&two, &cut, true, 9 + 2 * len), PUSH_OK);
        ck_assert_uint_eq(device_of(&two)->sent, 0);
    }
    push_export_cleanup(&exported);
}
END_TEST

START_TEST(a_context_waits_for_the_log_of_its_user)
{
    push_export_t exported;

    five();
    exported = yield(&one);
    ck_assert_int_eq(import(&two, &exported, true, 9), PUSH_NOT_FOUND);
    follow(&two, "uada");
    follow(&two, "cnews");
    ck_assert_int_eq(import(&two, &exported, true, 9), PUSH_OK);
    push_export_cleanup(&exported);
}
END_TEST

START_TEST(a_full_memory_makes_no_half_a_context)
{
    push_export_t exported;
    push_heap_t *heap;
    static push_ref_t taken[65536];
    unsigned count = 0;
    push_status_t status = PUSH_NO_MEMORY;

    five();
    exported = yield(&one);
    follow(&two, "uada");
    follow(&two, "cnews");
    heap = &two.store.heaps[push_store_name(&two.store, named("ada")).shard];
    for (size_t size = 16384; size >= 16; size /= 2) {
        push_ref_t ref = heap->alloc(heap, size, PUSH_PART);

        while (ref && count < 65536) {
            taken[count++] = ref;
            ref = heap->alloc(heap, size, PUSH_PART);
        }
    }
    while (status == PUSH_NO_MEMORY && count) {
        status = import(&two, &exported, true, 9);
        heap->release(heap, taken[--count]);
    }
    ck_assert_int_eq(status, PUSH_OK);
    while (count) {
        heap->release(heap, taken[--count]);
    }
    push_export_cleanup(&exported);
}
END_TEST

/* ---- at random ---- */

/* A client that acknowledges, and moves between two nodes. */
typedef struct {
    fixture_t *at, *other;
    push_stream_ref_t stream_ref;
    push_cursor_t cursor;
    unsigned got[KEPT];
    unsigned repeats;
} client_t;

static void receive(client_t *c)
{
    ck_assert_ptr_nonnull(fixture_flush(c->at, &c->stream_ref));
    for (unsigned i = 0; i < c->at->delivery.count; i++) {
        const push_pick_t *pick = &c->at->delivery.picks[i];
        char text[16] = {0};
        push_text_t data = world_payload(pick->message);

        memcpy(text, data.at, data.len);
        c->repeats += c->got[atoi(text)]++ > 0;
        ck_assert_uint_eq(pick->seq, c->cursor.seq + 1);
        c->cursor = cursor_mid(pick->seq, pick->message->mid);
    }
}

static void change_nodes(client_t *c, bool exact)
{
    fixture_t *from = c->at;

    c->at = c->other;
    c->other = from;
    move(from, c->at, exact);
    c->stream_ref = resume(c->at, "news", c->cursor);
    if (!exact) {
        c->cursor = cursor(0);
    }
}

static void random_step(client_t *c, dice_t *d)
{
    static const char *const logs[] = {"uada", "cnews", "b"};
    char text[16];

    switch (dice_below(d, 8)) {
    case 0:
    case 1:
    case 2:
        snprintf(text, sizeof(text), "%u", kept_count);
        say(logs[dice_below(d, 3)], text, (push_urgency_t)dice_below(d, 4));
        break;
    case 3:
    case 4:
        receive(c);
        break;
    case 5:
        ck_assert_int_eq(
            fixture_ack(c->at, "ada", &c->stream_ref, c->cursor.seq), PUSH_OK);
        break;
    default:
        break;
    }
}

START_TEST(a_client_that_moves_gets_each_message_once)
{
    dice_t d = dice((uint64_t)_i + 1);
    client_t c = {.at = &one, .other = &two};

    follow(&two, "b");
    c.stream_ref = come(&one, "news");
    for (int i = 0; i < 300; i++) {
        random_step(&c, &d);
        if (dice_one_in(&d, 10)) {
            change_nodes(&c, true);
        }
    }
    receive(&c);
    receive(&c);
    ck_assert_uint_eq(c.repeats, 0);
    for (unsigned i = 0; i < kept_count; i++) {
        ck_assert_msg(c.got[i] == 1, "%u came %u times", i, c.got[i]);
    }
}
END_TEST

START_TEST(a_client_that_moves_by_force_loses_nothing)
{
    dice_t d = dice((uint64_t)_i + 1);
    client_t c = {.at = &one, .other = &two};

    follow(&two, "b");
    c.stream_ref = come(&one, "news");
    for (int i = 0; i < 300; i++) {
        random_step(&c, &d);
        if (dice_one_in(&d, 10)) {
            change_nodes(&c, dice_one_in(&d, 2));
        }
    }
    receive(&c);
    receive(&c);
    for (unsigned i = 0; i < kept_count; i++) {
        ck_assert_msg(c.got[i] >= 1, "%u did not come", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export");
    TCase *tc = unit_case(suite, "export", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, the_numbering_goes_on_at_the_next_node);
    tcase_add_row_test(tc, each_rule_of_resuming_holds_after_a_move, cursors);
    tcase_add_test(tc, without_the_session_it_begins_anew_by_the_record);
    tcase_add_test(tc, the_token_of_the_session_moves_with_it);
    tcase_add_test(tc, what_was_of_the_context_is_what_it_is_now);
    tcase_add_test(tc, at_the_node_before_nothing_of_it_is_left);
    tcase_add_test(tc, what_is_left_over_goes_a_second_later);
    tcase_add_test(tc, a_yield_that_is_asked_for_again_gives_the_same);
    tcase_add_test(tc, a_yield_that_was_refused_leaves_it_ours);
    tcase_add_test(tc, what_is_gone_keeps_its_number);
    tcase_add_test(tc, what_is_gone_does_not_bring_back_what_was_acknowledged);
    tcase_add_test(tc, a_channel_that_is_not_here_is_left_out);
    tcase_add_test(
        tc, what_was_acknowledged_is_not_sent_again_by_a_node_that_loads_all);
    tcase_add_test(tc, a_record_is_short_however_much_was_acknowledged);
    tcase_add_loop_test(
        tc, a_mark_is_told_to_a_device_that_had_not_come_past_it, 0, 2);
    tcase_add_test(tc, what_is_here_stands_if_nobody_can_have_had_it);
    tcase_add_test(tc, what_is_here_gives_way_to_what_another_node_had);
    tcase_add_test(tc, what_another_node_took_ends_unless_it_is_ours_again);
    tcase_add_test(tc, a_walk_finds_who_is_away_or_all);
    tcase_add_test(tc, nothing_comes_of_bytes_that_are_no_record);
    tcase_add_test(tc, a_session_that_cannot_be_read_begins_anew);
    tcase_add_test(tc, a_context_waits_for_the_log_of_its_user);
    tcase_add_test(tc, a_full_memory_makes_no_half_a_context);
    tcase_add_loop_test(tc, a_client_that_moves_gets_each_message_once, 0, 20);
    tcase_add_loop_test(tc, a_client_that_moves_by_force_loses_nothing, 0, 20);
    return unit_run(suite);
}
