#ifndef PUSH_WHOLE_H
#define PUSH_WHOLE_H

#include <jansson.h>

#include "core/whole.h"

/* What is known of the whole server, as JSON; see docs/protocol.md. */

/* The object of <admin>/stats. */
json_t *push_whole_stats(const push_whole_t *whole);

/* Its member `state`: the state on disk, and what it lacks. */
json_t *push_whole_state(const push_health_t *health);

/* Its member `nodes`, and that of other views. */
json_t *push_whole_nodes(const push_nodes_asked_t *nodes);

/* One of `children`; now: its clocks. */
json_t *push_whole_child(const push_reactor_view_t *view,
                         const push_time_t *now);

/* "commit", "interval" or "memory"; "ok", "failing" or "catching-up". */
const char *push_durability_word(push_durability_t durability);
const char *push_disk_word(const push_health_t *health);

#endif
