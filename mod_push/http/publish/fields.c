#include "http/publish/fields.h"

#include <apr_strings.h>

#include "broker/broker.h"
#include "core/later.h"
#include "core/moment.h"

static const push_problem_t *bad(apr_pool_t *pool, const push_field_t *field,
                                 const char *legal)
{
    return push_problem(pool, 400, field->kind, "%s: %s", field->name, legal);
}

static const push_problem_t *only_one(apr_pool_t *pool,
                                      const push_field_t *field)
{
    return bad(pool, field,
               "exactly one of user, channel and broadcast says for whom the "
               "message is");
}

static const push_problem_t *take_device(apr_pool_t *pool,
                                         push_publication_t *asked,
                                         const push_field_t *device)
{
    if (!device->given) {
        return NULL;
    }
    if (asked->audience.kind != PUSH_LOG_USER) {
        return bad(pool, device, "goes with user only");
    }
    if (!push_device_valid(device->text.at, device->text.len)) {
        return bad(pool, device, "1-128 of A-Z a-z 0-9 . _ ~ -");
    }
    asked->spec.device = device->text;
    return NULL;
}

const push_problem_t *push_fields_audience(apr_pool_t *pool,
                                           push_publication_t *asked,
                                           const push_address_t *address)
{
    const push_field_t *channel = &address->channel;
    const push_field_t *name = channel->given ? channel : &address->user;

    if (address->user.given + channel->given + address->broadcast.given != 1) {
        return only_one(pool, &address->user);
    }
    if (address->broadcast.given) {
        asked->audience.kind = PUSH_LOG_BROADCAST;
        return take_device(pool, asked, &address->device);
    }
    asked->audience.kind = channel->given ? PUSH_LOG_CHANNEL : PUSH_LOG_USER;
    asked->audience.name = name->text;
    if (!push_name_valid(name->text)) {
        return bad(pool, name, "1-255 bytes of UTF-8 without controls");
    }
    if (name->text.at[0] == '$') {
        return bad(pool, name, "names that begin with $ are reserved");
    }
    return take_device(pool, asked, &address->device);
}

const push_problem_t *push_fields_urgency(apr_pool_t *pool,
                                          push_publication_t *asked,
                                          const push_field_t *field)
{
    asked->spec.urgency = PUSH_NORMAL;
    if (field->given
        && !push_urgency_parse(field->text, &asked->spec.urgency)) {
        return bad(pool, field, "high, normal, low or very-low");
    }
    return NULL;
}

const push_problem_t *push_fields_topic(apr_pool_t *pool,
                                        push_publication_t *asked,
                                        const push_field_t *field)
{
    static const char legal[] = "1-32 characters of base64url";
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";

    if (!field->given) {
        return NULL;
    }
    if (!field->text.len || field->text.len > PUSH_TOPIC_MAX) {
        return bad(pool, field, legal);
    }
    for (uint32_t i = 0; i < field->text.len; i++) {
        if (!field->text.at[i] || !strchr(alphabet, field->text.at[i])) {
            return bad(pool, field, legal);
        }
    }
    asked->spec.topic = field->text;
    return NULL;
}

const push_problem_t *push_fields_event(apr_pool_t *pool,
                                        push_publication_t *asked,
                                        const push_field_t *field)
{
    static const char reserved[] = "push.";

    if (!field->given) {
        return NULL;
    }
    if (!push_event_valid(field->text.at, field->text.len)) {
        return bad(pool, field, "1-64 of A-Z a-z 0-9 . _ : -");
    }
    if (field->text.len >= sizeof(reserved) - 1
        && !memcmp(field->text.at, reserved, sizeof(reserved) - 1)) {
        return bad(pool, field, "names that begin with push. are reserved");
    }
    asked->spec.content.event = field->text;
    return NULL;
}

/* The content type of the payload is only passed on. */
const push_problem_t *push_fields_type(apr_pool_t *pool,
                                       push_publication_t *asked,
                                       const push_field_t *field)
{
    if (!field->text.len) {
        return NULL;
    }
    if (!push_type_valid(field->text.at, field->text.len)) {
        return bad(pool, field,
                   "1-255 printable ASCII characters, the first no blank");
    }
    asked->spec.content.type = field->text;
    return NULL;
}

const push_problem_t *push_fields_trace(apr_pool_t *pool,
                                        push_publication_t *asked,
                                        const push_field_t *field)
{
    char *trace;

    if (!field->given) {
        return NULL;
    }
    trace = apr_palloc(pool, PUSH_TRACEPARENT_BYTES);
    if (!push_traceparent_parse(field->text.at, field->text.len, trace)) {
        return bad(pool, field,
                   "00-, 32 and 16 lower-case hexadecimal digits, not all 0, "
                   "and 2 more, with a dash between them (W3C Trace Context)");
    }
    asked->spec.content.trace = (push_text_t){trace, PUSH_TRACEPARENT_BYTES};
    return NULL;
}

const push_problem_t *push_fields_key(apr_pool_t *pool,
                                      push_publication_t *asked,
                                      const push_field_t *field)
{
    if (!field->given) {
        return NULL;
    }
    if (!field->text.len || field->text.len > PUSH_KEY_MAX) {
        return bad(pool, field, "1-255 bytes");
    }
    for (uint32_t i = 0; i < field->text.len; i++) {
        if (field->text.at[i] < 0x20 || field->text.at[i] > 0x7e) {
            return bad(pool, field, "1-255 printable ASCII characters");
        }
    }
    asked->key = field->text;
    return NULL;
}

const push_problem_t *push_fields_seconds(apr_pool_t *pool,
                                          const push_settings_t *settings,
                                          push_publication_t *asked,
                                          const push_field_t *field)
{
    uint64_t seconds = 0;

    if (field->given
        && (field->text.len > 10
            || !push_number_parse(field->text.at, field->text.len,
                                  &seconds))) {
        return bad(pool, field, "seconds, a number from 0 to 9999999999");
    }
    push_fields_ttl(settings, asked, field->given ? (int64_t)seconds : -1);
    return NULL;
}

const push_problem_t *push_fields_at(apr_pool_t *pool,
                                     push_publication_t *asked,
                                     const push_field_t *field)
{
    int64_t now = field->given ? push_clock_now().wall : 0;

    if (field->given
        && (!push_moment_parse(field->text.at, field->text.len, now,
                               &asked->at)
            || asked->at > now + PUSH_LATER_MAX)) {
        return bad(pool, field,
                   "seconds from now as +N, or a time as "
                   "2026-12-31T23:59:59Z (RFC 3339), at most 30 days ahead");
    }
    return NULL;
}

void push_fields_ttl(const push_settings_t *settings,
                     push_publication_t *asked, int64_t seconds)
{
    int64_t ttl = seconds < 0 ? settings->default_ttl : seconds * 1000;

    asked->spec.ttl = ttl < settings->max_ttl ? ttl : settings->max_ttl;
}
