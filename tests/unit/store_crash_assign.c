#include <stdio.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/ops/ack.h"
#include "store/ops/assign.h"
#include "store/ops/choose.h"
#include "store_crash_part.h"

/* What a process that may die subscribes a user to. */

typedef struct {
    char user[32], one[32], two[32];
} names_t;

static names_t names_of(const crash_journal_t *j)
{
    names_t names;

    snprintf(names.user, sizeof(names.user), "tagged-%u", j->number);
    snprintf(names.one, sizeof(names.one), "tag1-%u", j->number);
    snprintf(names.two, sizeof(names.two), "tag2-%u", j->number);
    return names;
}

static void ask(fixture_t *g, const char *user, const char *channel,
                bool subscribe)
{
    push_assignment_t asked = {.user = named(user),
                               .channel = named(channel),
                               .subscribe = subscribe,
                               .most = 2};

    push_store_assign(&g->store, &asked, &g->now, NULL);
}

void crash_unassign(fixture_t *g, const crash_journal_t *j)
{
    const names_t names = names_of(j);

    ask(g, names.user, names.one, false);
    ask(g, names.user, names.two, false);
}

/* The device asks for the second one, and then for nothing. */
static void choose(fixture_t *g, const names_t *names)
{
    const push_text_t two = named(names->two);
    push_checkin_t c = {.user = named(names->user),
                        .channels = &two,
                        .channels_count = 1,
                        .max_subscriptions = 2};

    c.labels[PUSH_LABEL_DEVICE] = named("1");
    push_store_choose(&g->store, &c, &g->now);
    c.channels_count = 0;
    push_store_choose(&g->store, &c, &g->now);
}

void crash_assign(fixture_t *g, crash_journal_t *j)
{
    static const push_cursor_t first = {.seq = 1};
    const names_t names = names_of(j);
    push_stream_ref_t stream_ref;

    if (fixture_checkin(g, names.user, "1", NULL, &stream_ref) != PUSH_OK) {
        return;
    }
    ask(g, names.user, names.one, true);
    ask(g, names.user, names.two, true);
    j->published += fixture_publish(g, PUSH_LOG_CHANNEL, names.one, "x",
                                    PUSH_NORMAL)
                    == PUSH_OK;
    if (push_delivery_begin(&g->store, &stream_ref, &g->now, &g->delivery)
        == PUSH_OK) {
        ask(g, names.user, names.one, false);
        ask(g, names.user, names.one, true);
        choose(g, &names);
        push_store_ack(&g->store, named(names.user), stream_ref.id, &first,
                       &g->now);
    }
    crash_unassign(g, j);
    push_store_checkout(&g->store, &stream_ref, &g->now);
}
