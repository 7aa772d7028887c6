#include "stream/loop/turn_away.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "store/ops/move.h"
#include "store/shard/hold.h"
#include "stream/loop/stream_counts.h"

/* Between two events only, and TLS has its own ways: else it just ends. */
static void say_come_again(const push_migrant_t *migrant, uint32_t retry)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "retry: %u\n\n", retry);

    if (!migrant->part && !migrant->rest_len && !migrant->adoption.ssl
        && !migrant->adoption.json && !migrant->adoption.verbatim) {
        send(migrant->adoption.fd, text, (size_t)len,
             MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void push_stream_turn_away(push_store_t *store, push_seat_t *seat,
                           const push_migrant_t *migrant, uint32_t retry,
                           const push_time_t *now)
{
    say_come_again(migrant, retry);
    push_count_turned_away(seat, migrant, now);
    push_store_checkout(store, &migrant->adoption.stream_ref, now);
    if (migrant->part) {
        push_hold_release(store, migrant->part);
    }
    push_stream_drop_link(&(push_link_t){.fd = migrant->adoption.fd,
                                         .ssl = migrant->adoption.ssl});
    free(migrant->adoption.last);
}
