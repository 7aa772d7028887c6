#include "redis/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void push_command_begin(push_command_t *command, unsigned partition)
{
    *command = (push_command_t){.partition = partition};
}

static bool room_for_word(push_command_t *command)
{
    unsigned room = command->room ? command->room * 2 : 16;
    uint32_t *lens;

    if (command->count < command->room) {
        return true;
    }
    lens = realloc(command->lens, room * sizeof(*lens));
    if (!lens) {
        return false;
    }
    command->lens = lens;
    command->room = room;
    return true;
}

static bool room_for_bytes(push_command_t *command, size_t len)
{
    size_t size = command->size ? command->size : 256;
    unsigned char *bytes;

    if (command->size - command->len >= len) {
        return true;
    }
    while (size - command->len < len) {
        size *= 2;
    }
    bytes = realloc(command->bytes, size);
    if (!bytes) {
        return false;
    }
    command->bytes = bytes;
    command->size = size;
    return true;
}

void push_command_text(push_command_t *command, push_text_t word)
{
    if (command->failed || !room_for_word(command)
        || !room_for_bytes(command, word.len)) {
        command->failed = true;
        return;
    }
    if (word.len) {
        memcpy(command->bytes + command->len, word.at, word.len);
    }
    command->len += word.len;
    command->lens[command->count++] = word.len;
}

void push_command_string(push_command_t *command, const char *word)
{
    push_command_text(command, (push_text_t){word, (uint32_t)strlen(word)});
}

void push_command_number(push_command_t *command, int64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRId64, number);
    push_command_string(command, digits);
}

void push_command_unsigned(push_command_t *command, uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    push_command_string(command, digits);
}

bool push_command_ok(const push_command_t *command)
{
    return !command->failed;
}

void push_command_cleanup(push_command_t *command)
{
    free(command->lens);
    free(command->bytes);
    push_command_begin(command, command->partition);
}
