/*
 * What a client of ramen.v3.proto says.  Fields lie within what was read; what
 * is an acknowledgement is the same one when it is written again.
 */
#include "protobuf/from_device.h"
#include "protobuf/wire.h"

#include "fuzz.h"

static void read_fields(const char *bytes, size_t size)
{
    push_fields_t fields = push_fields_of(bytes, size);
    push_field_t field;
    const char *before = bytes;

    while (push_fields_next(&fields, &field)) {
        REQUIRE(fields.at > before && fields.at <= bytes + size);
        REQUIRE(field.number > 0);
        REQUIRE(!field.text.len
                || (field.text.at > before
                    && field.text.at + field.text.len == fields.at));
        before = fields.at;
    }
    REQUIRE(fields.broken || fields.at == bytes + size);
}

static void write_again(const push_cursor_t *ack)
{
    char inside[32], bytes[40];
    char *end = push_wire_number(inside, 1, ack->seq);
    push_text_t text = {inside, 0};
    push_from_device_t said;

    if (ack->has_mid) {
        end = push_wire_fixed64(end, 2, ack->mid);
    }
    text.len = (uint32_t)(end - inside);
    end = push_wire_text(bytes, 2, &text);
    REQUIRE(!push_from_device_read(bytes, (size_t)(end - bytes), &said));
    REQUIRE(said.ack.seq == ack->seq && said.ack.mid == ack->mid);
    REQUIRE(said.ack.has_mid == ack->has_mid);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy = fuzz_copy(bytes, size);
    push_from_device_t said;
    const char *problem;

    read_fields(copy, size);
    problem = push_from_device_read(copy, size, &said);
    REQUIRE(!problem || strlen(problem) <= 123);
    if (!problem) {
        write_again(&said.ack);
    }
    free(copy);
    return 0;
}
