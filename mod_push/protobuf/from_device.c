#include "protobuf/from_device.h"

#include "protobuf/wire.h"

enum { ACK = 2 };

static const char *read_ack(const push_text_t *text, push_cursor_t *cursor)
{
    push_fields_t fields = push_fields_of(text->at, text->len);
    push_field_t field;

    while (push_fields_next(&fields, &field)) {
        if (field.number == 1 && field.type == PUSH_WIRE_VARINT) {
            cursor->seq = field.value;
        }
        if (field.number == 2 && field.type == PUSH_WIRE_FIXED64) {
            cursor->mid = field.value;
            cursor->has_mid = field.value != 0;
        }
    }
    return fields.broken ? "ack: a message Ack of ramen.v3.proto"
           : cursor->seq ? NULL
                         : "ack: seq, a number from 1 on";
}

const char *push_from_device_read(const char *bytes, size_t len,
                                  push_from_device_t *said)
{
    push_fields_t fields = push_fields_of(bytes, len);
    const char *problem = NULL;
    push_field_t field;
    bool known = false;

    *said = (push_from_device_t){.ack = {.seq = 0}};
    while (!problem && push_fields_next(&fields, &field)) {
        if (field.number == ACK && field.type == PUSH_WIRE_BYTES) {
            problem = read_ack(&field.text, &said->ack);
            known = true;
        }
    }
    return problem         ? problem
           : fields.broken ? "a message is a FromDevice of ramen.v3.proto"
           : known         ? NULL
                           : "a member that is not known; one is: ack";
}
