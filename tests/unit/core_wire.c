#include "core_wire.h"

#include <stdlib.h>
#include <string.h>

#include "core_suite.h"

size_t wire_append(wire_t *wire, const push_output_t *out, size_t most)
{
    size_t taken = 0;

    for (unsigned i = 0; i < out->count && taken < most; i++) {
        size_t len = out->pieces[i].iov_len;

        len = len < most - taken ? len : most - taken;
        if (wire->len + len > wire->room) {
            wire->room = (wire->len + len) * 2;
            wire->at = realloc(wire->at, wire->room);
        }
        memcpy(wire->at + wire->len, out->pieces[i].iov_base, len);
        wire->len += len;
        taken += len;
    }
    return taken;
}

wire_t wire_written(const push_codec_t *codec, push_letter_t letter,
                    size_t first, size_t step)
{
    static push_output_t out;
    wire_t wire = {0};
    size_t most = first;
    size_t taken;

    do {
        if (letter.forms) {
            push_forms_begin(letter.forms);
        }
        push_output_begin(&out, wire.len);
        codec->message(&out, &letter);
        NEEDS(out.bytes > 0, "nothing to be written at %zu", wire.len);
        taken = wire_append(&wire, &out, most);
        wire.writes++;
        most = step;
    } while (out.cut || taken < out.bytes);
    return wire;
}
