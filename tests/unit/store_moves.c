#include "store_moves.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "store/upkeep/validate.h"

fixture_t one, two;

moves_kept_t moves_kept[MOVES_KEPT];
unsigned moves_count;
uint64_t moves_tick;

void moves_begin(void)
{
    node_init(&one, (size_t)4 << 20);
    node_init(&two, (size_t)4 << 20);
    moves_count = 0;
    moves_tick = 100;
}

static void check_sound(fixture_t *g)
{
    static push_check_t check;

    memset(&check, 0, sizeof(check));
    push_validate(&g->store, &check);
    ck_assert_msg(!check.wrong, "%s", check.texts[0]);
    ck_assert_uint_eq(check.leaked, 0);
}

void moves_end(void)
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

void moves_say(const char *log, const char *text, push_urgency_t urgency)
{
    unsigned i = moves_count++;

    ck_assert_uint_lt(i, MOVES_KEPT);
    snprintf(moves_kept[i].log, sizeof(moves_kept[i].log), "%s", log);
    snprintf(moves_kept[i].text, sizeof(moves_kept[i].text), "%s", text);
    moves_kept[i].recalled = false;
    moves_kept[i].order = (order_t){.log = moves_kept[i].log,
                                    .tick = ++moves_tick,
                                    .text = moves_kept[i].text,
                                    .urgency = urgency,
                                    .ttl = 3600000};
    hear(&one, &moves_kept[i].order);
    hear(&two, &moves_kept[i].order);
}

void moves_forget(const char *text)
{
    for (unsigned i = 0; i < moves_count; i++) {
        moves_kept[i].recalled |= !strcmp(moves_kept[i].text, text);
    }
}

void moves_follow(fixture_t *g, const char *log)
{
    static push_applied_t entries[MOVES_KEPT];
    push_loaded_t loaded = {.log = named(log), .entries = entries};
    push_follow_t begun;
    bool again;

    ck_assert_int_eq(push_follow_begin(&g->store, named(log), &begun),
                     PUSH_OK);
    for (unsigned i = 0; begun.mine && i < moves_count; i++) {
        if (!strcmp(moves_kept[i].log, log) && !moves_kept[i].recalled) {
            entries[loaded.count++] = entry_of(g, &moves_kept[i].order);
        }
    }
    ck_assert_uint_lt(loaded.count, 1024); /* entry_of() keeps so many */
    loaded.errand = begun.errand;
    loaded.tick = ++moves_tick;
    if (begun.mine) {
        ck_assert_int_eq(push_follow_load(&g->store, &loaded, &g->now, &again),
                         PUSH_OK);
        ck_assert(!again);
    }
}

push_stream_ref_t moves_come(fixture_t *g, const char *channel)
{
    moves_follow(g, "uada");
    if (channel) {
        moves_follow(g, "cnews");
    }
    return node_come(g, "ada", "d", channel, 1);
}

unsigned char moves_id[PUSH_CONTEXT_BYTES];

push_export_t moves_yield(fixture_t *g)
{
    push_export_t exported;

    node_id("ada", "d", moves_id);
    ck_assert_int_eq(push_store_yield(&g->store, named("ada"), moves_id,
                                      &g->now, &exported),
                     PUSH_OK);
    return exported;
}

push_status_t moves_import(fixture_t *g, const push_export_t *exported,
                           bool exact, uint32_t fence)
{
    const push_import_t what = {.user = named("ada"),
                                .id = moves_id,
                                .record = exported->record,
                                .session = exact ? exported->session
                                                 : (push_text_t){NULL, 0},
                                .fence = fence};

    return push_store_import(&g->store, &what, &g->now);
}

void moves_make(fixture_t *from, fixture_t *to, bool exact)
{
    push_export_t exported = moves_yield(from);
    push_text_t channels[PUSH_CHANNELS_MAX];
    unsigned count;

    moves_follow(to, "uada");
    ck_assert(
        push_import_channels(exported.record, moves_id, channels, &count));
    for (unsigned i = 0; i < count; i++) {
        char log[300];

        snprintf(log, sizeof(log), "c%.*s", (int)channels[i].len,
                 channels[i].at);
        moves_follow(to, log);
    }
    ck_assert_int_eq(moves_import(to, &exported, exact, exported.fence + 2),
                     PUSH_OK);
    push_store_yielded(&from->store, named("ada"), moves_id,
                       &(push_yielded_t){exported.fence, true, true},
                       &from->now);
    push_export_cleanup(&exported);
}

push_stream_ref_t moves_resume(fixture_t *g, const char *channel,
                               push_cursor_t at)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(node_checkin(g, "ada", channel, &at, &stream_ref),
                     PUSH_OK);
    return stream_ref;
}

push_device_t *moves_device(fixture_t *g)
{
    push_name_t name = push_store_name(&g->store, named("ada"));

    node_id("ada", "d", moves_id);
    return push_store_device(&g->store, name.shard, moves_id);
}

push_stream_ref_t moves_five(void)
{
    push_stream_ref_t ada = moves_come(&one, "news");

    moves_say("uada", "a", PUSH_NORMAL);
    moves_say("uada", "b", PUSH_HIGH);
    moves_say("cnews", "c", PUSH_NORMAL);
    moves_say("b", "d", PUSH_NORMAL);
    moves_say("uada", "e", PUSH_LOW);
    ck_assert_str_eq(fixture_flush(&one, &ada), "1=b 2=a 3=c 4=d 5=e");
    return ada;
}
