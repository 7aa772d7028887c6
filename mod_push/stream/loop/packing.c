#include "stream/loop/packing.h"

#include <stdlib.h>
#include <string.h>

void push_stream_pack(const push_stream_t *stream, uint32_t heartbeat,
                      int64_t expires, push_migrant_t *migrant)
{
    migrant->adoption = (push_adoption_t){
        .fd = stream->link.fd,
        .stream_ref = {.device = stream->device, .gen = stream->gen},
        .heartbeat = heartbeat,
        .event_beats = stream->event_beats,
        .meta = stream->meta,
        .codec = stream->codec,
        .expires = expires};
    migrant->part = stream->part;
    migrant->part_at = stream->part_at;
    migrant->part_seq = stream->part_seq;
    migrant->bytes = stream->link.bytes;
    migrant->opened = stream->opened;
    migrant->messages = stream->messages;
    migrant->rest_len = stream->link.rest ? stream->link.rest_len : 0;
    if (stream->link.rest) {
        memcpy(migrant->rest, stream->link.rest, stream->link.rest_len);
    }
}

bool push_stream_unpack(push_stream_t *stream, const push_migrant_t *migrant,
                        int64_t now)
{
    const push_adoption_t *adoption = &migrant->adoption;

    stream->link.fd = adoption->fd;
    stream->device = adoption->stream_ref.device;
    stream->gen = adoption->stream_ref.gen;
    stream->event_beats = adoption->event_beats;
    stream->meta = adoption->meta & PUSH_META_ALL;
    stream->link.ssl = adoption->ssl;
    stream->bridged = adoption->bridged;
    stream->poll = adoption->poll;
    stream->codec = adoption->codec & 7;
    stream->opened = migrant->opened ? migrant->opened : (uint64_t)now;
    stream->messages = migrant->messages;
    stream->link.bytes = migrant->bytes;
    push_stream_take(stream, migrant);
    stream->stuck = migrant->opened != 0; /* it may be: the next turn shows */
    if (migrant->rest_len) {
        stream->link.rest = malloc(migrant->rest_len);
        if (!stream->link.rest) {
            return false;
        }
        memcpy(stream->link.rest, migrant->rest, migrant->rest_len);
        stream->link.rest_len = migrant->rest_len;
    }
    return true;
}
