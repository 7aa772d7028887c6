/*
 * Bytes of a WebSocket client.  What is heard does not depend on how they were
 * cut, is no larger than the limit, and texts are UTF-8.  The first byte of the
 * input says how they are cut; where the second is odd, the frames are put
 * right first, as the masks and lengths that a fuzzer does not guess.
 */
#include "websocket/inbound.h"
#include "websocket/utf8.h"

#include "fuzz.h"

#define LIMIT 300u

typedef struct {
    char *bytes;
    size_t len;
} record_t;

static void note(record_t *record, const void *bytes, size_t len)
{
    record->bytes = realloc(record->bytes, record->len + len + 1);
    REQUIRE(record->bytes != NULL);
    if (len) {
        memcpy(record->bytes + record->len, bytes, len);
    }
    record->len += len;
}

static push_close_t hear(void *data, const push_heard_t *heard)
{
    unsigned numbers[3] = {heard->opcode, heard->code, (unsigned)heard->len};

    REQUIRE(heard->opcode != PUSH_FRAME_MORE);
    REQUIRE(heard->len
            <= (heard->opcode < PUSH_FRAME_CLOSE ? LIMIT : PUSH_CONTROL_MAX));
    REQUIRE(!heard->code || push_close_valid(heard->code));
    REQUIRE(
        (heard->opcode != PUSH_FRAME_TEXT && heard->opcode != PUSH_FRAME_CLOSE)
        || !push_utf8_check(0, heard->at, heard->len));
    note(data, numbers, sizeof(numbers));
    note(data, heard->at, heard->len);
    return PUSH_CLOSE_NONE;
}

static push_close_t take(const uint8_t *bytes, size_t size, size_t step,
                         record_t *record)
{
    push_inbound_t inbound = {0};
    const push_hearer_t hearer = {hear, record, LIMIT};
    push_close_t code = PUSH_CLOSE_NONE;

    for (size_t at = 0; !code && at < size; at += step) {
        size_t len = size - at < step ? size - at : step;
        char *copy = fuzz_copy(bytes + at, len);

        code = push_inbound_take(&inbound, copy, len, &hearer);
        free(copy);
        REQUIRE(inbound.message_len <= LIMIT);
        REQUIRE(code || inbound.held_len < LIMIT + PUSH_FRAME_HEAD_MAX);
    }
    push_inbound_cleanup(&inbound);
    return code;
}

/* Sets the bits of masks, and those that are reserved to 0, frame by frame. */
static void put_right(uint8_t *bytes, size_t size)
{
    size_t at = 0;

    while (at + 2 <= size) {
        bytes[at] &= 0x8f;
        bytes[at + 1] = 0x80 | (bytes[at + 1] & 0x3f);
        at += 6 + (bytes[at + 1] & 0x3f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    record_t whole = {0};
    record_t parts = {0};
    uint8_t *copy;
    push_close_t code;

    if (size < 2) {
        return 0;
    }
    copy = (uint8_t *)fuzz_copy(bytes + 2, size - 2);
    if (bytes[1] & 1) {
        put_right(copy, size - 2);
    }
    code = take(copy, size - 2, SIZE_MAX / 2, &whole);
    REQUIRE(take(copy, size - 2, 1 + bytes[0] % 16, &parts) == code);
    REQUIRE(whole.len == parts.len);
    REQUIRE(!whole.len || !memcmp(whole.bytes, parts.bytes, whole.len));
    free(whole.bytes);
    free(parts.bytes);
    free(copy);
    return 0;
}
