#ifndef PUSH_LIBRARY_CALL_H
#define PUSH_LIBRARY_CALL_H

#include "broker/library/keys.h"
#include "redis/reply.h"

/* How the calls of this folder are written, and their answers read. */

/* Begins FCALL name, with so many keys, which are the next words. */
void push_call_begin(push_command_t *command, const push_home_t *home,
                     const char *name, unsigned keys);

/* Key of the home without a name behind its kind. */
void push_call_key(push_command_t *command, const push_home_t *home,
                   char kind);

/* The four lanes of a log, as keys. */
void push_call_lanes(push_command_t *command, const push_home_t *home,
                     push_text_t log);

/* Of a user's log: what the server adds to it, as one key; of another none. */
void push_call_tags(push_command_t *command, const push_home_t *home,
                    push_text_t log);
static inline bool push_call_has_tags(push_text_t log)
{
    return log.len && log.at[0] == 'u';
}

void push_call_bytes(push_command_t *command, const void *bytes, size_t len);
void push_call_flag(push_command_t *command, bool flag);
/* Writes a number in big-endian order; gives where it ends. */
unsigned char *push_call_big(unsigned char *at, uint64_t number,
                             unsigned bytes);
/* Eight bytes, as they are in an entry. */
void push_call_request(push_command_t *command, uint64_t request);

/* An answer is an array; what it lacks, or has wrong, sets wrong and is 0. */
typedef struct push_parts_t {
    const push_reply_t *reply;
    bool wrong;
} push_parts_t;

/* wrong from the start unless the answer has so many parts, or more. */
push_parts_t push_parts(const push_reply_t *reply, unsigned count);
uint64_t push_part_number(push_parts_t *parts, unsigned index, uint64_t most);
bool push_part_flag(push_parts_t *parts, unsigned index);
push_text_t push_part_text(push_parts_t *parts, unsigned index);
/* A text of exactly len bytes. */
void push_part_bytes(push_parts_t *parts, unsigned index, void *bytes,
                     size_t len);

/* Bytes in a text or, one behind the other, in the texts of an array. */
typedef struct push_pieces_t {
    push_text_t text;
    const push_reply_t *pieces; /* NULL: none */
} push_pieces_t;

push_pieces_t push_part_pieces(push_parts_t *parts, unsigned index);

/* A tick has 52 bits, a time 48. */
#define PUSH_TICK_MAX     ((UINT64_C(1) << 52) - 1)
#define PUSH_MS_MAX       ((UINT64_C(1) << 48) - 1)
#define PUSH_SEQUENCE_MAX ((UINT64_C(1) << 53) - 1)

/* Numbers in big-endian order; the caller has seen that they are there. */
uint64_t push_big(const void *bytes, unsigned count);

#endif
