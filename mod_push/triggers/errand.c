#include "triggers/errand.h"

#include <apr_strings.h>
#include <stdlib.h>

const char *push_errand_write(apr_pool_t *pool,
                              const push_trigger_event_t *event,
                              const push_errand_t *errand)
{
    json_t *whole = json_copy(event->json); /* its members are shared */
    json_t *errand_json = json_pack("{ss sO si si}", "rule", errand->rule,
                                    "to", errand->to, "attempt",
                                    (int)errand->attempt, "depth",
                                    (int)event->depth);
    const char *copy = NULL;
    char *text = NULL;

    if (whole && errand_json && !json_object_set(whole, "push", errand_json)) {
        text = json_dumps(whole, JSON_COMPACT);
    }
    if (text) {
        copy = apr_pstrdup(pool, text);
    }
    free(text);
    json_decref(errand_json);
    json_decref(whole);
    return copy;
}

static bool read_errand(const json_t *from, push_errand_t *errand)
{
    const json_t *attempt = json_object_get(from, "attempt");

    errand->rule = json_string_value(json_object_get(from, "rule"));
    errand->to = json_object_get(from, "to");
    errand->attempt = (unsigned)json_integer_value(attempt);
    return errand->rule && json_is_array(errand->to)
           && json_is_integer(attempt) && json_integer_value(attempt) >= 0
           && json_integer_value(attempt) <= 1000000;
}

bool push_errand_read(apr_pool_t *pool, push_text_t payload,
                      push_trigger_event_t *event, push_errand_t *errand)
{
    json_t *whole = json_loadb(payload.at, payload.len, JSON_REJECT_DUPLICATES,
                               NULL);
    json_t *from = json_incref(json_object_get(whole, "push"));
    bool good = read_errand(from, errand);

    *event = (push_trigger_event_t){0};
    if (good) {
        json_object_del(whole, "push");
        good = !push_trigger_event_init(pool, whole, 0, event)
               && !json_object_set(event->json, "push", from);
    }
    else {
        json_decref(whole);
    }
    if (!good) {
        push_trigger_event_cleanup(event);
    }
    json_decref(from);
    return good;
}
