#ifndef PUSH_TIMERS_H
#define PUSH_TIMERS_H

#include "triggers/run/state.h"

/*
 * PushEvery and PushAt: whoever has the queue makes the events, of the type
 * push.timer.  An event's id is the time that it is for, so who takes the
 * queue over makes none twice.
 */
void push_timers_turn(push_backlog_t *queue, const push_time_t *now);

/* When it has something to do: mono ms; INT64_MAX: never. */
int64_t push_timers_until(const push_backlog_t *queue, const push_time_t *now);

#endif
