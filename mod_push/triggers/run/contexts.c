#include "triggers/run/contexts.h"

#include <apr_strings.h>
#include <string.h>

/* Those that a backend may answer differently for. */
static const push_label_t compared[] = {PUSH_LABEL_APP, PUSH_LABEL_APP_VERSION,
                                        PUSH_LABEL_OS, PUSH_LABEL_OS_VERSION,
                                        PUSH_LABEL_LOCALE};

#define COMPARED (sizeof(compared) / sizeof(*compared))

typedef struct {
    apr_pool_t *pool;
    const json_t *target;
    push_text_t device;    /* empty: all */
    bool connected;        /* only those */
    bool any;              /* there is one */
    push_contexts_t *into; /* NULL: only any is of interest */
} search_t;

static push_text_t text_at(const json_t *target, const char *name)
{
    const json_t *value = json_object_get(target, name);

    return (push_text_t){json_string_value(value),
                         (uint32_t)json_string_length(value)};
}

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static bool has_labels(const push_context_group_t *group,
                       const push_device_view_t *device)
{
    for (unsigned i = 0; i < COMPARED; i++) {
        if (!same(group->labels[compared[i]], device->labels[compared[i]])) {
            return false;
        }
    }
    return true;
}

static push_context_group_t *add_group(const search_t *search,
                                       const push_device_view_t *device)
{
    push_context_group_t *group = &search->into->groups[search->into->count++];

    memset(group, 0, sizeof(*group));
    group->to = json_array();
    for (unsigned i = 0; i < COMPARED; i++) {
        push_text_t label = device->labels[compared[i]];

        group->labels[compared[i]] = (push_text_t){
            apr_pstrmemdup(search->pool, label.at ? label.at : "", label.len),
            label.len};
    }
    return group;
}

static void add_device(const search_t *search,
                       const push_device_view_t *device)
{
    push_contexts_t *into = search->into;
    push_text_t id = device->labels[PUSH_LABEL_DEVICE];
    push_context_group_t *group = NULL;
    json_t *target;

    for (unsigned i = 0; !group && i < into->count; i++) {
        group = has_labels(&into->groups[i], device) ? &into->groups[i] : NULL;
    }
    if (!group && into->count == PUSH_DEVICES_MAX) {
        return;
    }
    group = group ? group : add_group(search, device);
    target = json_copy((json_t *)search->target);
    json_object_set_new(target, "device", json_stringn(id.at, id.len));
    json_array_append_new(group->to, target);
}

static void see_device(void *data, const push_device_view_t *device)
{
    search_t *search = data;

    if ((search->connected && !device->online)
        || (search->device.len
            && !same(search->device, device->labels[PUSH_LABEL_DEVICE]))) {
        return;
    }
    search->any = true;
    if (search->into) {
        add_device(search, device);
    }
}

static push_status_t find_devices(push_broker_t *broker, search_t *search)
{
    const push_view_t what = {.kind = PUSH_VIEW_DEVICES,
                              .user = text_at(search->target, "user"),
                              .now = push_clock_now()};
    const push_visitor_t visitor = {.device = see_device, .data = search};
    push_status_t status;

    search->device = text_at(search->target, "device");
    status = broker->view(broker, &what, &visitor);
    return status == PUSH_NOT_FOUND ? PUSH_OK : status;
}

push_status_t push_contexts_find(push_broker_t *broker, apr_pool_t *pool,
                                 const json_t *target,
                                 push_contexts_t *contexts)
{
    search_t search = {
        .pool = pool,
        .target = target,
        .connected = json_is_true(json_object_get(target, "connected")),
        .into = contexts};

    contexts->count = 0;
    return find_devices(broker, &search);
}

/* ---- channels ---- */

typedef struct {
    push_text_t name;
    bool connected;
} followed_t;

static void see_channel(void *data, const push_channel_view_t *view)
{
    followed_t *followed = data;

    if (same(view->name, followed->name) && view->connected) {
        followed->connected = true;
    }
}

static bool is_followed(push_broker_t *broker, push_text_t name)
{
    followed_t followed = {.name = name};
    bool more = false;
    const push_view_t what = {.kind = PUSH_VIEW_CHANNELS,
                              .list = {.order = PUSH_ORDER_NAME,
                                       .limit = 1,
                                       .prefix = name,
                                       .more = &more},
                              .now = push_clock_now()};
    const push_visitor_t visitor = {.channel = see_channel, .data = &followed};

    return broker->view(broker, &what, &visitor) != PUSH_OK
           || followed.connected;
}

bool push_contexts_connected(push_broker_t *broker, const json_t *target)
{
    push_text_t channel = text_at(target, "channel");
    search_t search = {.target = target, .connected = true};

    if (!json_is_true(json_object_get(target, "connected"))) {
        return true;
    }
    if (channel.len) {
        return is_followed(broker, channel);
    }
    return !json_object_get(target, "user")
           || find_devices(broker, &search) != PUSH_OK || search.any;
}
