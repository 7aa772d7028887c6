#ifndef PUSH_LIBRARY_FOLLOWED_H
#define PUSH_LIBRARY_FOLLOWED_H

#include "broker/library/call.h"
#include "broker/library/follow_calls.h"

/* Parts of answers that follow_calls.c and device_calls.c share. */

/* vm, epoch and time, at index and the two behind it. */
bool push_origin_read(push_parts_t *parts, unsigned index,
                      push_origin_t *origin);

/* version, more, whole and entries. */
void push_followed_read(push_parts_t *parts, unsigned index,
                        push_followed_t *followed);

#endif
