#include "http/identity/claims.h"

#include <string.h>

#include "http/identity/pattern.h"
#include "http/identity/scope.h"

/* "a b  c" as ["a", "b", "c"], which the token holds under that name. */
static json_t *split(json_t *token, const char *held, const char *text)
{
    json_t *list = json_array();

    while (*text) {
        size_t len = strcspn(text, " ");

        if (len) {
            json_array_append_new(list, json_stringn(text, len));
        }
        text += len + (text[len] == ' ');
    }
    json_object_set_new(token, held, list);
    return list;
}

/* jansson lets a string hold NUL: it would hide what is behind it. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);

    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static bool all_valid(const json_t *list, bool (*valid)(const char *))
{
    if (json_array_size(list) > PUSH_CLAIM_PATTERNS_MAX) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = text_of(json_array_get(list, i));

        if (!text || !valid(text)) {
            return false;
        }
    }
    return true;
}

/* One list: its claim, and what may stand in it. */
typedef struct {
    const char *name;
    const char *held; /* no claim has such a name: PushJWTClaim forbids it */
    bool (*valid)(const char *);
} list_t;

/* An absent list is none; false if it is malformed. */
static bool read_list(json_t *token, const list_t *row, const json_t **list)
{
    const json_t *claim = json_object_get(token, row->name);
    const char *text = text_of(claim);

    *list = text ? split(token, row->held, text) : claim;
    return !*list || (json_is_array(*list) && all_valid(*list, row->valid));
}

push_jwt_status_t push_claims_read(json_t *token,
                                   const push_claim_names_t *names,
                                   push_claims_t *claims)
{
    const list_t channels = {names->channels, " channels", push_pattern_valid};
    const list_t publish = {names->publish, " publish", push_scope_valid};
    const json_t *admin = json_object_get(token, names->admin);

    memset(claims, 0, sizeof(*claims));
    claims->user = text_of(json_object_get(token, names->user));
    claims->admin = json_is_true(admin);
    /* 0 would mean never, and is what one that is absent or too large gives. */
    if (!push_jwt_time(token, "exp", &claims->expires) || !claims->expires) {
        return PUSH_JWT_NO_EXPIRY;
    }
    push_jwt_time(token, "iat", &claims->issued);
    if (!claims->user || !*claims->user || (admin && !json_is_boolean(admin))
        || !read_list(token, &channels, &claims->channels)
        || !read_list(token, &publish, &claims->publish)) {
        return PUSH_JWT_CLAIM;
    }
    return PUSH_JWT_OK;
}

bool push_claims_match(const json_t *patterns, const char *name)
{
    for (size_t i = 0; i < json_array_size(patterns); i++) {
        const char *pattern = json_string_value(json_array_get(patterns, i));

        if (pattern && push_pattern_matches(pattern, name)) {
            return true;
        }
    }
    return false;
}

bool push_claims_may_publish(const json_t *publish, const char *kind,
                             const char *name)
{
    for (size_t i = 0; i < json_array_size(publish); i++) {
        const char *scope = json_string_value(json_array_get(publish, i));

        if (scope && push_scope_allows(scope, kind, name)) {
            return true;
        }
    }
    return false;
}
