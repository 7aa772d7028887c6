#include "http/publish/where.h"

#include <apr_strings.h>

#include "core/predicate.h"

/* What is being read, in the words of who has sent it. */
typedef struct {
    apr_pool_t *pool;
    const char *name; /* of the field */
    const char *kind; /* of the problem */
    push_predicate_t terms;
} reading_t;

/* Names of terms may come from a body: they are cut, and printable. */
#define NAME_SHOWN 32

static const push_problem_t *bad(const reading_t *r,
                                 const push_predicate_wrong_t *wrong)
{
    char name[NAME_SHOWN + 1];
    size_t len = wrong->name.len < NAME_SHOWN ? wrong->name.len : NAME_SHOWN;

    for (size_t i = 0; i < len; i++) {
        char c = wrong->name.at[i];

        name[i] = c > ' ' && c < 0x7f ? c : '?';
    }
    name[len] = '\0';
    return push_problem(r->pool, 400, r->kind, "%s: %s%s%s", r->name,
                        len ? name : "a term without a name", len ? ": " : " ",
                        wrong->legal);
}

static const push_problem_t *finish(reading_t *r, push_publication_t *asked)
{
    push_predicate_wrong_t wrong;
    push_text_t where;

    if (!push_predicate_end(&r->terms, &where, &wrong)) {
        return bad(r, &wrong);
    }
    asked->spec.where = (push_text_t){
        apr_pmemdup(r->pool, where.at, where.len), where.len};
    return NULL;
}

static const push_problem_t *take_text(reading_t *r, push_text_t text)
{
    push_predicate_wrong_t wrong;

    return push_predicate_parse(&r->terms, text, &wrong) ? NULL
                                                         : bad(r, &wrong);
}

const push_problem_t *push_where_field(apr_pool_t *pool,
                                       push_publication_t *asked,
                                       const push_field_t *field)
{
    reading_t r = {pool, field->name, field->kind, {0}};

    return field->given ? take_text(&r, field->text) ?: finish(&r, asked)
                        : NULL;
}

/* ---- members of a line ---- */

static const push_problem_t *take_term(reading_t *r, push_text_t name,
                                       push_text_t value)
{
    push_predicate_wrong_t wrong;

    return push_predicate_add(&r->terms, name, value, &wrong) ? NULL
                                                              : bad(r, &wrong);
}

/* The values outlive the object: what is wrong with one is said at once. */
static const push_problem_t *take_terms(reading_t *r, json_t *object)
{
    const push_problem_t *problem = NULL;
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        push_text_t text = {
            apr_pstrmemdup(
                r->pool, json_is_string(value) ? json_string_value(value) : "",
                json_string_length(value)),
            (uint32_t)json_string_length(value)};

        if (problem) {
            continue;
        }
        problem = json_is_true(value) && !strcmp(name, "online")
                      ? take_term(r, push_text_of(name), (push_text_t){"1", 1})
                  : json_is_string(value)
                      ? take_term(r, push_text_of(name), text)
                      : bad(r, &(push_predicate_wrong_t){push_text_of(name),
                                                         "a string"});
    }
    return problem;
}

static const push_problem_t *take_object(reading_t *r, push_text_t raw)
{
    const push_problem_t *problem;
    json_t *object = raw.len ? json_loadb(raw.at, raw.len,
                                          JSON_REJECT_DUPLICATES, NULL)
                             : NULL;

    if (!json_is_object(object)) {
        json_decref(object);
        return push_problem(r->pool, 400, r->kind,
                            "where: an object of strings, or one string, "
                            "and its name without escapes");
    }
    problem = take_terms(r, object);
    json_decref(object);
    return problem;
}

static const push_problem_t *take_where(reading_t *r,
                                        const push_member_t *where)
{
    switch (where->kind) {
    case PUSH_MEMBER_ABSENT:
        return NULL;
    case PUSH_MEMBER_STRING:
        return take_text(r, where->text);
    default:
        return take_object(r, where->raw);
    }
}

/* A member that is a term of its own. */
static const push_problem_t *take_member(reading_t *r, push_member_id_t id,
                                         const push_member_t *member)
{
    const char *name = push_member_name(id);
    push_predicate_wrong_t wrong;

    if (member->kind == PUSH_MEMBER_ABSENT) {
        return NULL;
    }
    if (member->kind != PUSH_MEMBER_STRING) {
        return push_problem(r->pool, 400, r->kind, "%s: a string", name);
    }
    return push_predicate_add(&r->terms, push_text_of(name), member->text,
                              &wrong)
               ? NULL
               : push_problem(r->pool, 400, r->kind, "%s: %s", name,
                              wrong.legal);
}

const push_problem_t *push_where_members(apr_pool_t *pool,
                                         push_publication_t *asked,
                                         const push_member_t *members)
{
    static const push_member_id_t ids[] = {PUSH_MEMBER_SHARE, PUSH_MEMBER_OF,
                                           PUSH_MEMBER_VARIANT};
    const push_problem_t *problem = NULL;
    bool given = members[PUSH_MEMBER_WHERE].kind != PUSH_MEMBER_ABSENT;
    reading_t r;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        given |= members[ids[i]].kind != PUSH_MEMBER_ABSENT;
    }
    if (!given) {
        return NULL;
    }
    r = (reading_t){pool, "where", "bad-member", {0}};
    problem = take_where(&r, &members[PUSH_MEMBER_WHERE]);
    for (size_t i = 0; !problem && i < sizeof(ids) / sizeof(ids[0]); i++) {
        problem = take_member(&r, ids[i], &members[ids[i]]);
    }
    return problem ?: finish(&r, asked);
}
