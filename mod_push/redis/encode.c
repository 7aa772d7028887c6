#include "redis/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What frames one word, and the whole: "$4294967295\r\n" and "\r\n". */
#define FRAME 16u

bool push_command_encode(const push_command_t *command, push_buffer_t *out)
{
    const unsigned char *word = command->bytes;
    char *to;

    if (command->failed || !command->count
        || !push_buffer_reserve(out,
                                command->len + FRAME * (command->count + 1))) {
        return false;
    }
    to = out->bytes + out->to;
    to += sprintf(to, "*%u\r\n", command->count);
    for (unsigned i = 0; i < command->count; i++) {
        to += sprintf(to, "$%" PRIu32 "\r\n", command->lens[i]);
        if (command->lens[i]) {
            memcpy(to, word, command->lens[i]);
        }
        to += command->lens[i];
        word += command->lens[i];
        memcpy(to, "\r\n", 2);
        to += 2;
    }
    out->to = (size_t)(to - out->bytes);
    return true;
}
