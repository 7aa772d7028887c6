#ifndef PUSH_REDIS_ENCODE_H
#define PUSH_REDIS_ENCODE_H

#include "redis/buffer.h"
#include "redis/command.h"

/*
 * Appends the command as an array of bulk strings (RESP2).  False: no memory,
 * or the command has failed or no word; nothing was appended then.
 */
bool push_command_encode(const push_command_t *command, push_buffer_t *out);

#endif
