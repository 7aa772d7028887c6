#include "http/publish/members.h"

#include <apr_strings.h>

#include "http/json.h"
#include "http/params.h"

/*
 * Numbers are kept as text where the payload has them; only "ttl" counts.
 * Strings of a payload may hold NUL; what may not is checked by its length.
 */
#define JSON_FLAGS                                                            \
    (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

static const push_text_t names[PUSH_MEMBERS] = {
    [PUSH_MEMBER_USER] = {"user", 4},
    [PUSH_MEMBER_CHANNEL] = {"channel", 7},
    [PUSH_MEMBER_BROADCAST] = {"broadcast", 9},
    [PUSH_MEMBER_DEVICE] = {"device", 6},
    [PUSH_MEMBER_WHERE] = {"where", 5},
    [PUSH_MEMBER_SHARE] = {"share", 5},
    [PUSH_MEMBER_OF] = {"of", 2},
    [PUSH_MEMBER_VARIANT] = {"variant", 7},
    [PUSH_MEMBER_TTL] = {"ttl", 3},
    [PUSH_MEMBER_URGENCY] = {"urgency", 7},
    [PUSH_MEMBER_TOPIC] = {"topic", 5},
    [PUSH_MEMBER_EVENT] = {"event", 5},
    [PUSH_MEMBER_TYPE] = {"type", 4},
    [PUSH_MEMBER_KEY] = {"key", 3},
    [PUSH_MEMBER_RECEIPT] = {"receipt", 7},
    [PUSH_MEMBER_TRACEPARENT] = {"traceparent", 11},
    [PUSH_MEMBER_AT] = {"at", 2},
    [PUSH_MEMBER_DATA] = {"data", 4},
    [PUSH_MEMBER_TEXT] = {"text", 4},
    [PUSH_MEMBER_BASE64] = {"base64", 6}};

const char *push_member_name(push_member_id_t id)
{
    return names[id].at;
}

push_member_id_t push_member_find(push_text_t name)
{
    push_member_id_t id = PUSH_MEMBER_USER;

    while (id < PUSH_MEMBERS
           && (name.len != names[id].len
               || memcmp(name.at, names[id].at, name.len))) {
        id++;
    }
    return id;
}

static push_member_kind_t kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return PUSH_MEMBER_STRING;
    case JSON_TRUE:
        return PUSH_MEMBER_TRUE;
    case JSON_FALSE:
        return PUSH_MEMBER_FALSE;
    default:
        return PUSH_MEMBER_OTHER;
    }
}

static void load_member(apr_pool_t *pool, push_text_t line,
                        push_member_id_t id, const json_t *value,
                        push_member_t *member)
{
    member->kind = kind_of(value);
    if (member->kind == PUSH_MEMBER_STRING && id != PUSH_MEMBER_DATA) {
        member->text.len = (uint32_t)json_string_length(value);
        member->text.at = apr_pmemdup(pool, json_string_value(value),
                                      member->text.len + 1u);
    }
    if (id == PUSH_MEMBER_DATA || id == PUSH_MEMBER_TTL
        || id == PUSH_MEMBER_WHERE) {
        member->raw = push_json_raw(line, push_member_name(id));
    }
}

static const push_problem_t *load_members(apr_pool_t *pool, push_text_t line,
                                          json_t *object,
                                          push_member_t *members)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        push_member_id_t id = push_member_find(push_text_of(name));

        if (id == PUSH_MEMBERS) {
            return push_problem(pool, 400, "bad-member",
                                "%s: is no member of a message", name);
        }
        load_member(pool, line, id, value, &members[id]);
    }
    return NULL;
}

const push_problem_t *push_members_load(apr_pool_t *pool, push_text_t line,
                                        push_member_t *members)
{
    const push_problem_t *problem;
    json_error_t error;
    json_t *object = json_loadb(line.at, line.len, JSON_FLAGS, &error);

    if (!json_is_object(object)) {
        json_decref(object);
        return push_problem(pool, 400, "bad-json",
                            "line: one JSON object (RFC 8259)%s%s",
                            object ? "" : ": ", object ? "" : error.text);
    }
    memset(members, 0, PUSH_MEMBERS * sizeof(*members));
    problem = load_members(pool, line, object, members);
    json_decref(object);
    return problem;
}
