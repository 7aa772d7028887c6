#include "stream/loop/stream_counts.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "core/times.h"

const char *push_end_name(push_end_t why)
{
    static const char *const names[] = {"peer",         "error",
                                        "superseded",   "restart",
                                        "shutdown",     "expired-token",
                                        "disconnected", "answered"};

    return names[why];
}

/* TCP gave up what it had to write (PushWriteTimeout). */
static bool timed_out(const push_stream_t *stream)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return !getsockopt(stream->link.fd, SOL_SOCKET, SO_ERROR, &error, &len)
           && error == ETIMEDOUT;
}

/* What breaks otherwise is the client's doing, or somebody's on the way. */
unsigned push_closed_by(const push_stream_t *stream, push_end_t why)
{
    static const unsigned char reasons[] = {
        [PUSH_END_PEER] = PUSH_BY_CLOSED_CLIENT,
        [PUSH_END_ERROR] = PUSH_BY_CLOSED_CLIENT,
        [PUSH_END_SUPERSEDED] = PUSH_BY_CLOSED_SUPERSEDED,
        [PUSH_END_RESTART] = PUSH_BY_CLOSED_RESTART,
        [PUSH_END_SHUTDOWN] = PUSH_BY_CLOSED_SHUTDOWN,
        [PUSH_END_EXPIRED] = PUSH_BY_CLOSED_EXPIRED_TOKEN,
        [PUSH_END_DISMISSED] = PUSH_BY_CLOSED_DISCONNECTED,
        [PUSH_END_ANSWERED] = PUSH_BY_CLOSED_ANSWERED};

    return why == PUSH_END_ERROR && timed_out(stream)
               ? PUSH_BY_CLOSED_WRITE_TIMEOUT
               : reasons[why];
}

void push_count_end(push_seat_t *seat, unsigned reason, uint64_t ms)
{
    push_count(&seat->counts, PUSH_COUNT_CLOSED + reason, 1);
    push_count_time(&seat->counts, PUSH_TIME_STREAM_DURATION, reason,
                    (int64_t)ms * 1000);
}

void push_count_turned_away(push_seat_t *seat, const push_migrant_t *migrant,
                            const push_time_t *now)
{
    push_count_end(seat, PUSH_BY_CLOSED_RESTART,
                   migrant->opened ? (uint64_t)now->mono - migrant->opened
                                   : 0);
}

void push_count_carried(push_seat_t *seat, const push_stream_t *stream,
                        int more)
{
    bool frames = push_codec_frames(stream->codec);
    unsigned kind = stream->poll      ? PUSH_BY_TRANSPORT_POLL
                    : stream->bridged ? PUSH_BY_TRANSPORT_H2
                    : frames          ? PUSH_BY_TRANSPORT_WEBSOCKET
                                      : PUSH_BY_TRANSPORT_SSE;

    atomic_fetch_add(&seat->carried[kind], (uint32_t)more);
    atomic_fetch_add(&seat->bridged, (uint32_t)more * stream->bridged);
}
