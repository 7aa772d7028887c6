#ifndef PUSH_REDIS_COMMAND_H
#define PUSH_REDIS_COMMAND_H

#include <stddef.h>

#include "core/types.h"

/*
 * A command for Redis: its words, copied, in memory of its own.  A word that
 * cannot be added for want of memory marks the command as failed; whoever
 * sends it looks once (push_command_ok()).
 *
 * A command belongs to one partition: by it the client finds the master.
 */

#define PUSH_PARTITIONS 1024u

typedef struct push_command_t {
    unsigned partition;
    unsigned count; /* words */
    unsigned room;
    bool failed;
    uint32_t *lens;
    unsigned char *bytes; /* all words, one behind the other */
    size_t len, size;
} push_command_t;

void push_command_begin(push_command_t *command, unsigned partition);
void push_command_text(push_command_t *command, push_text_t word);
void push_command_string(push_command_t *command, const char *word);
void push_command_number(push_command_t *command, int64_t number);
void push_command_unsigned(push_command_t *command, uint64_t number);
bool push_command_ok(const push_command_t *command);
void push_command_cleanup(push_command_t *command);

#endif
