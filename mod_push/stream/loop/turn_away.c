#include "stream/loop/turn_away.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "store/ops/move.h"
#include "store/shard/hold.h"
#include "stream/loop/stream_counts.h"
#include "websocket/frame.h"

/* Between two messages only, and TLS has its own ways: else it just ends. */
static void say_come_again(const push_migrant_t *migrant, uint32_t retry)
{
    char text[PUSH_FRAME_HEAD_MAX + PUSH_CONTROL_MAX];
    const char *end = text;

    if (push_codec_frames(migrant->adoption.codec)) {
        end = push_frame_put_close(text, PUSH_CLOSE_LATER, "no room");
    }
    else {
        end += snprintf(text, sizeof(text), "retry: %u\n\n", retry);
    }

    if (!migrant->part && !migrant->rest_len && !migrant->adoption.ssl
        && (push_codec_frames(migrant->adoption.codec)
            || migrant->adoption.codec == PUSH_CODEC_SSE)) {
        send(migrant->adoption.fd, text, (size_t)(end - text),
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
