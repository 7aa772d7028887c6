#include "http/capture/once.h"

#include <apr_strings.h>

#include "core/hash.h"
#include "http/params.h"
#include "http/runtime.h"

/* For how long the last one is known, while the same comes again. */
#define KEPT (INT64_C(24) * 3600 * 1000) /* ms */

static bool applies(const request_rec *r)
{
    return push_settings(r)->capture.once != PUSH_CAPTURE_ONCE_OFF
           && r->method_number == M_GET;
}

/* No name and no Topic has a line end. */
static push_text_t name_of(const request_rec *r,
                           const push_publication_t *asked)
{
    const push_audience_t *audience = &asked->audience;
    push_text_t device = asked->spec.device;
    push_text_t topic = asked->spec.topic;

    return push_text_of(apr_psprintf(
        r->pool, "answer\n%d\n%.*s\n%.*s\n%.*s", (int)audience->kind,
        (int)audience->name.len, audience->name.len ? audience->name.at : "",
        (int)device.len, device.len ? device.at : "", (int)topic.len,
        topic.len ? topic.at : ""));
}

static const uint64_t hash_key[2] = {0x616e737765727320, 0x6f6620616c6c0a0a};

static uint64_t hash_of(push_text_t text)
{
    return text.len ? push_hash(hash_key, text.at, text.len) : 0;
}

/* All nodes of a cluster have the same.  0 is none of a message. */
static int64_t value_of(const push_publication_t *asked)
{
    const push_content_t *content = &asked->spec.content;
    uint64_t parts[3] = {hash_of(content->data), hash_of(content->event),
                         hash_of(content->type)};

    return (int64_t)(push_hash(hash_key, parts, sizeof(parts)) | 1);
}

static bool note(const request_rec *r, const push_publication_t *asked,
                 int64_t value)
{
    push_broker_t *broker = push_broker();

    return broker->differs(broker, name_of(r, asked), value,
                           push_clock_now().mono + KEPT);
}

bool push_once_differs(const request_rec *r, const push_publication_t *asked)
{
    return !applies(r) || note(r, asked, value_of(asked));
}

void push_once_forget(const request_rec *r, const push_publication_t *asked)
{
    if (applies(r)) {
        note(r, asked, 0);
    }
}
