#ifndef PUSH_WAKEUPS_H
#define PUSH_WAKEUPS_H

#include "stream/loop/stream_set.h"

/* Ends streams that a newer one took over unnoticed. */
void push_stream_set_end_overtaken(push_stream_set_t *set);

/* Queues the streams that the wake-up lists name. */
void push_stream_set_take_wakeups(push_stream_set_t *set);

#endif
