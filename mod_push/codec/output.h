#ifndef PUSH_OUTPUT_H
#define PUSH_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * An output is what one system call is going to write: pieces, some of them in
 * the scratch of this output, some of them borrowed.  Nothing is allocated.
 * Both are bounded: a piece that does not fit any more is left out, and all
 * that come behind it, and the output says that it was cut.  A message that
 * was cut goes on in the next output, whose first bytes are skipped.
 */

#define PUSH_OUTPUT_PIECES  480u
#define PUSH_OUTPUT_SCRATCH (64u << 10)

typedef struct push_output_t {
    struct iovec pieces[PUSH_OUTPUT_PIECES];
    unsigned count; /* of the pieces */
    size_t bytes;   /* in them */
    size_t skip;    /* of what comes next, so much is left out */
    size_t used;    /* bytes of the scratch */
    bool cut;       /* something did not fit */
    char scratch[PUSH_OUTPUT_SCRATCH];
} push_output_t;

/* An empty output, of which the first skip bytes are left out. */
void push_output_begin(push_output_t *out, size_t skip);

/* Adds a copy. */
void push_output_copy(push_output_t *out, const char *bytes, size_t len);

/* Adds bytes that stay as they are until the output is written. */
void push_output_lend(push_output_t *out, const char *bytes, size_t len);

/*
 * Room for len bytes, to be written right now, of which push_output_fill()
 * adds those up to end.  NULL, and the output is cut, if there is none.
 */
char *push_output_room(push_output_t *out, size_t len);
void push_output_fill(push_output_t *out, const char *end);

/* Bytes that push_output_room() can still give. */
static inline size_t push_output_left(const push_output_t *out)
{
    return out->cut ? 0 : PUSH_OUTPUT_SCRATCH - out->used;
}

/* Leaves out bytes that nobody has made yet: at most out->skip. */
void push_output_pass(push_output_t *out, size_t len);

#endif
