#ifndef PUSH_FIGURES_H
#define PUSH_FIGURES_H

/*
 * What is counted, in the words of <admin>/metrics (docs/protocol.md): a line
 * a figure, with its two labels.  A figure has a cell for each pair of their
 * values, of which push_cell() gives the number; where it is counted says who
 * counts it (core/counts.h).
 */
#define PUSH_COUNT_TABLE(COUNT)                                               \
    COUNT(PUBLISHED, "push_published_messages_total", AUDIENCE, URGENCY,      \
          "Messages that were published.")                                    \
    COUNT(PUBLISHED_BYTES, "push_published_bytes_total", AUDIENCE, URGENCY,   \
          "Bytes of the payloads that were published.")                       \
    COUNT(REJECTED, "push_publish_rejected_total", REJECTED, NONE,            \
          "Publishes that were refused, by type of problem.")                 \
    COUNT(WRITTEN, "push_written_messages_total", URGENCY, NONE,              \
          "Messages that were written to streams and polls.")                 \
    COUNT(WRITTEN_BYTES, "push_written_bytes_total", URGENCY, NONE,           \
          "Bytes of the messages that were written, as they were written.")   \
    COUNT(REWRITTEN, "push_rewritten_messages_total", URGENCY, NONE,          \
          "Messages in flight that a reconnect made pending again.")          \
    COUNT(SETTLED, "push_settled_messages_total", OUTCOME, URGENCY,           \
          "Messages by what became of them; acked and refused: a device.")    \
    COUNT(GAPS, "push_gaps_total", GAP, NONE,                                 \
          "Gaps that devices were told of.")                                  \
    COUNT(ACKS, "push_acks_total", ACK, NONE, "Requests that acknowledge.")   \
    COUNT(OPENED, "push_streams_opened_total", TRANSPORT, OPENED,             \
          "Streams and polls that were opened.")                              \
    COUNT(CLOSED, "push_streams_closed_total", CLOSED, NONE,                  \
          "Streams and polls that ended.")                                    \
    COUNT(MOVED, "push_streams_moved_total", NONE, NONE,                      \
          "Streams that went on in another child.")                           \
    COUNT(NOT_OPENED, "push_streams_refused_total", NOT_OPENED, NONE,         \
          "Streams and polls for which there was no room.")                   \
    COUNT(HEARTBEATS, "push_heartbeats_total", NONE, NONE,                    \
          "Heartbeats that were written.")                                    \
    COUNT(BLOCKED, "push_writes_blocked_total", NONE, NONE,                   \
          "Writes that a socket did not take whole.")                         \
    COUNT(WAKEUPS, "push_wakeups_total", NONE, NONE,                          \
          "How often reactors were woken.")                                   \
    COUNT(TOKENS, "push_token_refusals_total", TOKEN, NONE,                   \
          "Tokens and tickets that were refused.")                            \
    COUNT(LIMITED, "push_limited_total", LIMIT, NONE,                         \
          "Publishes above a rate.")                                          \
    COUNT(RELAYED, "push_relay_messages_total", RELAYED, NONE,                \
          "Messages for other regions, by what became of them.")              \
    COUNT(HOLDS, "push_holds_total", NONE, NONE,                              \
          "Answers of applications that held their client's connection.")     \
    COUNT(CAPTURED, "push_captures_total", CAPTURED, NONE,                    \
          "Messages in answers of applications, by what became of them.")     \
    COUNT(BUSY, "push_reactor_busy_seconds_total", NONE, NONE,                \
          "Time in which reactors did not wait.")

/* The same, by one label and by time, of which the second says the buckets. */
#define PUSH_HISTOGRAM_TABLE(HISTOGRAM)                                       \
    HISTOGRAM(WRITE_LATENCY, "push_write_latency_seconds", URGENCY, WRITE,    \
              "From publish to socket: the oldest message of each write.")    \
    HISTOGRAM(ACK_LATENCY, "push_ack_latency_seconds", URGENCY, ACKED,        \
              "From write to acknowledgement: one message in flight a time.") \
    HISTOGRAM(PUBLISH_DURATION, "push_publish_duration_seconds", NONE, WRITE, \
              "From the whole request, or line, to its answer.")              \
    HISTOGRAM(SYNC_DURATION, "push_commit_sync_duration_seconds", NONE,       \
              WRITE, "How long a write to the write-ahead log took.")         \
    HISTOGRAM(STREAM_DURATION, "push_stream_duration_seconds", CLOSED,        \
              STREAM, "How long streams and polls were open.")                \
    HISTOGRAM(ROUND_TRIP, "push_round_trip_seconds", NONE, WRITE,             \
              "From a heartbeat over WebSocket to its answer.")

/* The upper bounds of the buckets, µs; above the last there is one more. */
#define PUSH_BOUNDS_WRITE                                                     \
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,     \
        500000, 1000000, 2500000, 5000000, 10000000, 30000000
#define PUSH_BOUNDS_ACKED                                                     \
    10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,   \
        10000000, 30000000, 60000000, 300000000, 1800000000
#define PUSH_BOUNDS_STREAM                                                    \
    1000000, 10000000, 60000000, 300000000, 1800000000, 3600000000,           \
        14400000000, 86400000000
#define PUSH_BOUNDS_WRITE_COUNT  17
#define PUSH_BOUNDS_ACKED_COUNT  14
#define PUSH_BOUNDS_STREAM_COUNT 8

/* What <admin>/stats shows of it, in this order: all of a figure's cells, or
 * those of one outcome. */
#define PUSH_TOTAL_TABLE(TOTAL)                                               \
    TOTAL(PUBLISHED, "published")                                             \
    TOTAL(DELIVERED, "delivered")                                             \
    TOTAL(ACKED, "acked")                                                     \
    TOTAL(EXPIRED, "expired")                                                 \
    TOTAL(REPLACED, "replaced")                                               \
    TOTAL(RECALLED, "recalled")                                               \
    TOTAL(EVICTED, "evicted")                                                 \
    TOTAL(REFUSED, "refused")                                                 \
    TOTAL(FILTERED, "filtered")

#endif
