#include "protobuf/wire.h"

#define NUMBER_MAX ((1u << 29) - 1)

/* Of more than 64 bits the lowest are taken, as other readers do. */
static bool read_varint(push_fields_t *fields, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < PUSH_VARINT_MAX && fields->at < fields->end;
         i++) {
        unsigned char byte = (unsigned char)*fields->at++;

        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80)) {
            return true;
        }
    }
    return false;
}

/* Little-endian. */
static bool read_fixed(push_fields_t *fields, unsigned size, uint64_t *value)
{
    if ((size_t)(fields->end - fields->at) < size) {
        return false;
    }
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        *value |= (uint64_t)(unsigned char)fields->at[i] << 8 * i;
    }
    fields->at += size;
    return true;
}

static bool read_bytes(push_fields_t *fields, push_text_t *text)
{
    uint64_t len;

    if (!read_varint(fields, &len)
        || len > (uint64_t)(fields->end - fields->at) || len > UINT32_MAX) {
        return false;
    }
    *text = (push_text_t){fields->at, (uint32_t)len};
    fields->at += len;
    return true;
}

static bool read_field(push_fields_t *fields, push_field_t *field)
{
    uint64_t key;

    *field = (push_field_t){.number = 0};
    if (!read_varint(fields, &key) || key >> 3 == 0 || key >> 3 > NUMBER_MAX) {
        return false;
    }
    field->number = (uint32_t)(key >> 3);
    field->type = (push_wire_t)(key & 7);
    switch (field->type) {
    case PUSH_WIRE_VARINT:
        return read_varint(fields, &field->value);
    case PUSH_WIRE_FIXED64:
        return read_fixed(fields, 8, &field->value);
    case PUSH_WIRE_FIXED32:
        return read_fixed(fields, 4, &field->value);
    case PUSH_WIRE_BYTES:
        return read_bytes(fields, &field->text);
    }
    return false;
}

bool push_fields_next(push_fields_t *fields, push_field_t *field)
{
    if (fields->broken || fields->at == fields->end) {
        return false;
    }
    fields->broken = !read_field(fields, field);
    return !fields->broken;
}
