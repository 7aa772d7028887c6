#include "broker/whole.h"

#include "core/message.h"

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static void set_number(json_t *object, const char *name, uint64_t value)
{
    set(object, name, json_integer((json_int_t)value));
}

const char *push_durability_word(push_durability_t durability)
{
    static const char *const names[] = {"memory", "memory", "interval",
                                        "commit"};

    return names[durability];
}

const char *push_disk_word(const push_health_t *health)
{
    return health->failing   ? "failing"
           : health->lagging ? "catching-up"
                             : "ok";
}

/* The state on disk, and what it lacks; waiting is of this child. */
json_t *push_whole_state(const push_health_t *health)
{
    json_t *state = json_object();

    set(state, "durability",
        json_string(push_durability_word(health->durability)));
    if (health->kept) {
        set(state, "disk", json_string(push_disk_word(health)));
        set_number(state, "waiting", health->waiting);
        set_number(state, "writes", health->writes);
        set_number(state, "records", health->records);
        set_number(state, "errors", health->errors);
    }
    return state;
}

static json_t *numbers_json(const uint8_t *nodes, unsigned count)
{
    json_t *numbers = json_array();

    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(numbers, json_integer(nodes[i]));
    }
    return numbers;
}

json_t *push_whole_nodes(const push_nodes_asked_t *nodes)
{
    return json_pack("{s:o, s:o}", "answered",
                     numbers_json(nodes->answered, nodes->answered_count),
                     "silent",
                     numbers_json(nodes->silent, nodes->silent_count));
}

json_t *push_whole_stats(const push_whole_t *whole)
{
    const push_stats_view_t *stats = &whole->stats;
    json_t *body = json_object();
    json_t *memory = json_object();

    set_number(body, "streams", stats->streams);
    set_number(body, "blocking_streams", stats->bridged);
    set_number(body, "devices", stats->devices);
    set_number(body, "users", stats->users);
    set_number(body, "channels", stats->channels);
    set_number(body, "messages", stats->messages);
    for (int i = 0; i < PUSH_TOTALS; i++) {
        set_number(body, push_total_name((push_total_t)i), stats->counts[i]);
    }
    set_number(body, "recovered", stats->recovered);
    set_number(body, "feeds_dropped", stats->feeds_dropped);
    set_number(memory, "size", stats->memory_size);
    set_number(memory, "used", stats->memory_used);
    set_number(memory, "message_overhead", PUSH_MESSAGE_OVERHEAD);
    set_number(memory, "device_context_max", PUSH_DEVICE_OVERHEAD);
    set(body, "memory", memory);
    set(body, "state", push_whole_state(&whole->health));
    if (!whole->alone) {
        set(body, "nodes", push_whole_nodes(&whole->nodes));
    }
    return body;
}

json_t *push_whole_child(const push_reactor_view_t *view,
                         const push_time_t *now)
{
    json_t *child = json_object();

    if (view->node) {
        set_number(child, "node", view->node - 1);
    }
    set_number(child, "pid", view->pid);
    set_number(child, "seat", view->seat);
    set_number(child, "streams", view->streams);
    set_number(child, "reserved", view->reserved);
    set_number(child, "busy_ms", view->busy);
    set_number(child, "generation", view->generation);
    set(child, "draining", json_boolean(view->draining));
    set_number(child, "last_beat",
               (uint64_t)(now->wall - now->mono + view->beat));
    return child;
}
