#include "http/places/members.h"

#include <apr_strings.h>

static bool is_known(const char *name, const char *const *known)
{
    while (*known && strcmp(*known, name)) {
        known++;
    }
    return *known != NULL;
}

static const char *list_of(apr_pool_t *pool, const char *const *known)
{
    const char *list = known[0];

    for (known++; *known; known++) {
        list = apr_pstrcat(pool, list, known[1] ? ", " : " and ", *known,
                           NULL);
    }
    return list;
}

const push_problem_t *push_members_read(apr_pool_t *pool, push_text_t text,
                                        const char *const *known,
                                        json_t **body)
{
    const char *name;
    json_t *value;

    *body = text.len
                ? json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL)
                : NULL;
    if (!json_is_object(*body)) {
        return push_problem(pool, 400, "bad-json",
                            "body: one JSON object, with no member twice");
    }
    json_object_foreach(*body, name, value)
    {
        if (!is_known(name, known)) {
            return push_problem(pool, 400, "bad-member",
                                "body: a member that is none of %s",
                                list_of(pool, known));
        }
    }
    return NULL;
}

const push_problem_t *push_members_point(apr_pool_t *pool, const json_t *body,
                                         push_point_t *point)
{
    const json_t *lat = json_object_get(body, "lat");
    const json_t *lon = json_object_get(body, "lon");

    if (!json_is_number(lat)
        || !push_point_of(json_number_value(lat), 0, point)) {
        return push_problem(pool, 400, "bad-member",
                            "lat: a number, " PUSH_LATITUDES " degrees");
    }
    if (!json_is_number(lon)
        || !push_point_of(json_number_value(lat), json_number_value(lon),
                          point)) {
        return push_problem(pool, 400, "bad-member",
                            "lon: a number, " PUSH_LONGITUDES " degrees");
    }
    return NULL;
}

const push_problem_t *push_members_whole(apr_pool_t *pool, const json_t *body,
                                         const push_whole_member_t *member,
                                         uint32_t *value)
{
    const json_t *given = json_object_get(body, member->name);
    double number = json_number_value(given);

    *value = member->fallback;
    if (!given && member->optional) {
        return NULL;
    }
    if (!json_is_number(given)
        || !(number >= member->least && number <= member->most)) {
        return push_problem(pool, 400, "bad-member", "%s: a number, %u to %u",
                            member->name, member->least, member->most);
    }
    *value = (uint32_t)number;
    return NULL;
}
