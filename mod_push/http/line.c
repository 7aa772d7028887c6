#include "http/line.h"

#include <apr_base64.h>
#include <apr_strings.h>

#include "http/json.h"

/*
 * Numbers are kept as text where the payload has them; only "ttl" counts.
 * Strings of a payload may hold NUL; what may not is checked by its length.
 */
#define JSON_FLAGS                                                            \
    (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

typedef struct {
    apr_pool_t *pool;
    const push_settings_t *settings;
    push_text_t line;
    json_t *object;
    push_form_t *form;
} parse_t;

static const push_problem_t *bad(const parse_t *p, const char *name,
                                 const char *legal)
{
    return push_problem(p->pool, 400, "bad-member", "%s: %s", name, legal);
}

/* A member that is a string, copied out of the JSON value. */
static const push_problem_t *string_field(const parse_t *p, const char *name,
                                          push_field_t *field)
{
    const json_t *value = json_object_get(p->object, name);

    *field = (push_field_t){.name = name, .kind = "bad-member"};
    if (!value) {
        return NULL;
    }
    if (!json_is_string(value)) {
        return bad(p, name, "a string");
    }
    field->given = true;
    field->text.len = (uint32_t)json_string_length(value);
    field->text.at = apr_pmemdup(p->pool, json_string_value(value),
                                 field->text.len + 1u);
    return NULL;
}

static const push_problem_t *parse_audience(const parse_t *p)
{
    const json_t *all = json_object_get(p->object, "broadcast");
    push_address_t to = {.broadcast = {.name = "broadcast",
                                       .kind = "bad-member",
                                       .given = all != NULL}};
    const push_problem_t *problem = NULL;

    if (all && !json_is_true(all)) {
        return bad(p, "broadcast", "true");
    }
    problem = string_field(p, "user", &to.user);
    if (!problem) {
        problem = string_field(p, "channel", &to.channel);
    }
    if (!problem) {
        problem = string_field(p, "device", &to.device);
    }
    return problem ? problem : push_form_audience(p->pool, p->form, &to);
}

static const push_problem_t *parse_strings(const parse_t *p)
{
    static const struct {
        const char *name;
        const push_problem_t *(*take)(apr_pool_t *, push_form_t *,
                                      const push_field_t *);
    } rows[] = {{"urgency", push_form_urgency},
                {"topic", push_form_topic},
                {"event", push_form_event},
                {"key", push_form_key}};
    const push_problem_t *problem = NULL;

    for (size_t i = 0; !problem && i < sizeof(rows) / sizeof(rows[0]); i++) {
        push_field_t field;

        problem = string_field(p, rows[i].name, &field);
        if (!problem) {
            problem = rows[i].take(p->pool, p->form, &field);
        }
    }
    return problem;
}

static const push_problem_t *parse_ttl(const parse_t *p)
{
    push_text_t raw = push_json_raw(p->line, "ttl");
    uint64_t seconds = 0;

    if (!raw.len && json_object_get(p->object, "ttl")) {
        return bad(p, "ttl", "the name of the member without escapes");
    }
    if (raw.len
        && (raw.len > 10 || !push_number_parse(raw.at, raw.len, &seconds))) {
        return bad(p, "ttl", "seconds, a number from 0 to 9999999999");
    }
    push_form_ttl(p->settings, p->form, raw.len ? (int64_t)seconds : -1);
    return NULL;
}

static const push_problem_t *parse_receipt(const parse_t *p)
{
    const json_t *receipt = json_object_get(p->object, "receipt");

    if (receipt && !json_is_boolean(receipt)) {
        return bad(p, "receipt", "true or false");
    }
    p->form->receipt = json_is_true(receipt);
    p->form->draft.content.ack_now = p->form->receipt;
    return NULL;
}

static const push_problem_t *decode_base64(const parse_t *p,
                                           const push_field_t *field)
{
    char *bytes = apr_palloc(p->pool, field->text.len + 4u);
    size_t padding = 0;

    while (padding < 2 && padding < field->text.len
           && field->text.at[field->text.len - 1 - padding] == '=') {
        padding++;
    }
    if (field->text.len % 4
        || strspn(field->text.at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/")
               != field->text.len - padding) {
        return bad(p, "base64", "base64 with padding (RFC 4648, section 4)");
    }
    p->form->draft.content.data.at = bytes;
    p->form->draft.content.data.len = (uint32_t)apr_base64_decode(
        bytes, field->text.at);
    return NULL;
}

static const push_problem_t *parse_payload(const parse_t *p)
{
    push_text_t data = push_json_raw(p->line, "data");
    push_field_t text, base64;
    const push_problem_t *problem = string_field(p, "text", &text);

    if (!problem) {
        problem = string_field(p, "base64", &base64);
    }
    if (problem) {
        return problem;
    }
    if ((data.len != 0) + text.given + base64.given != 1) {
        return bad(p, "data",
                   "exactly one of data, text and base64 is the "
                   "payload");
    }
    p->form->draft.content.data = data.len ? data : text.text;
    if (base64.given) {
        problem = decode_base64(p, &base64);
    }
    if (!problem
        && p->form->draft.content.data.len > p->settings->max_message_size) {
        return push_problem(p->pool, 413, "too-large",
                            "payload: at most %" APR_INT64_T_FMT
                            " bytes (PushMaxMessageSize)",
                            p->settings->max_message_size);
    }
    return problem;
}

static const push_problem_t *check_members(const parse_t *p)
{
    static const char *const known[] = {
        "user",  "channel", "broadcast", "device", "ttl",  "urgency", "topic",
        "event", "key",     "receipt",   "data",   "text", "base64"};
    const char *name;
    json_t *value;

    json_object_foreach(p->object, name, value)
    {
        size_t i = 0;

        while (i < sizeof(known) / sizeof(known[0])
               && strcmp(name, known[i])) {
            i++;
        }
        if (i == sizeof(known) / sizeof(known[0])) {
            return bad(p, name, "is no member of a message");
        }
    }
    return NULL;
}

static const push_problem_t *parse_object(const parse_t *p)
{
    const push_problem_t *problem = check_members(p);

    if (!problem) {
        problem = parse_audience(p);
    }
    if (!problem) {
        problem = parse_strings(p);
    }
    if (!problem) {
        problem = parse_ttl(p);
    }
    if (!problem) {
        problem = parse_receipt(p);
    }
    return problem ? problem : parse_payload(p);
}

const push_problem_t *push_line_parse(apr_pool_t *pool,
                                      const push_settings_t *settings,
                                      push_text_t line, push_form_t *form)
{
    parse_t p = {
        .pool = pool, .settings = settings, .line = line, .form = form};
    const push_problem_t *problem;
    json_error_t error;

    memset(form, 0, sizeof(*form));
    p.object = json_loadb(line.at, line.len, JSON_FLAGS, &error);
    if (!json_is_object(p.object)) {
        json_decref(p.object);
        return push_problem(pool, 400, "bad-json",
                            "line: one JSON object (RFC 8259)%s%s",
                            p.object ? "" : ": ", p.object ? "" : error.text);
    }
    problem = parse_object(&p);
    json_decref(p.object);
    return problem;
}
