#include "stream/loop/turn_away.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "store/ops/move.h"
#include "store/shard/hold.h"
#include "stream/loop/stream_counts.h"

#define TURNED_AWAY_MS 10000u /* jittered */

/* Between two events only, and TLS has its own ways: else it just ends. */
static void say_come_again(push_stream_set_t *set,
                           const push_migrant_t *migrant)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "retry: %u\n\n",
                       push_stream_set_jitter(set, TURNED_AWAY_MS));

    if (!migrant->part && !migrant->rest_len && !migrant->adoption.ssl
        && !migrant->adoption.json && !migrant->adoption.verbatim) {
        send(migrant->adoption.fd, text, (size_t)len,
             MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void push_stream_turn_away(push_stream_set_t *set,
                           const push_migrant_t *migrant)
{
    say_come_again(set, migrant);
    push_count_turned_away(set->seat, migrant, &set->now);
    push_store_checkout(set->store, &migrant->adoption.stream_ref, &set->now);
    if (migrant->part) {
        push_hold_release(set->store, migrant->part);
    }
    push_stream_drop_link(&(push_link_t){.fd = migrant->adoption.fd,
                                         .ssl = migrant->adoption.ssl});
    free(migrant->adoption.last);
}
