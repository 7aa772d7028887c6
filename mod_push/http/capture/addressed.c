#include "http/capture/addressed.h"

#include <apr_strings.h>

#include "http/capture/taken.h"
#include "http/publish/fields.h"
#include "http/publish/where.h"

typedef struct {
    request_rec *r;
    push_publication_t *asked;
} read_t;

static const push_problem_t *header_field(const read_t *from, const char *name,
                                          push_field_t *field)
{
    const char *value = NULL;
    const push_problem_t *problem = push_taken_one(from->r, name, &value);

    *field = (push_field_t){name, "bad-header", push_text_of(value),
                            value != NULL};
    return problem;
}

bool push_addressed(request_rec *r)
{
    static const char *const names[] = {"Push-User", "Push-Channel",
                                        "Push-Broadcast"};
    const apr_table_t *taken = push_taken(r);

    for (size_t i = 0; taken && i < sizeof(names) / sizeof(names[0]); i++) {
        /* They are the audience of a stream there, not of a message. */
        if (apr_table_get(taken, names[i])
            && !apr_table_get(taken, "Push-Hold")) {
            return true;
        }
    }
    return false;
}

static const push_problem_t *read_audience(const read_t *from)
{
    apr_pool_t *pool = from->r->pool;
    push_address_t to = {0};
    const push_problem_t *problem = header_field(from, "Push-User", &to.user)
        ?: header_field(from, "Push-Channel", &to.channel)
        ?: header_field(from, "Push-Broadcast", &to.broadcast)
        ?: header_field(from, "Push-Device", &to.device);

    if (!problem && to.broadcast.given && strcmp(to.broadcast.text.at, "1")) {
        problem = push_problem(pool, 400, "bad-header", "Push-Broadcast: 1");
    }
    return problem ?: push_fields_audience(pool, from->asked, &to);
}

static const push_problem_t *read_ttl(const read_t *from)
{
    push_field_t field;

    return header_field(from, "TTL", &field)
               ?: push_fields_seconds(from->r->pool, push_settings(from->r),
                                      from->asked, &field);
}

static const push_problem_t *read_type(const read_t *from)
{
    const char *type = from->r->content_type;
    push_field_t field = {"Content-Type", "bad-header", push_text_of(type),
                          type != NULL};

    return push_fields_type(from->r->pool, from->asked, &field);
}

static const push_problem_t *read_texts(const read_t *from)
{
    static const struct {
        const char *name;
        const push_problem_t *(*take)(apr_pool_t *, push_publication_t *,
                                      const push_field_t *);
    } rows[] = {
        {"Urgency", push_fields_urgency},     {"Topic", push_fields_topic},
        {"Push-Event", push_fields_event},    {"Push-Where", push_where_field},
        {"Idempotency-Key", push_fields_key}, {"Push-At", push_fields_at}};
    const push_problem_t *problem = NULL;

    for (size_t i = 0; !problem && i < sizeof(rows) / sizeof(rows[0]); i++) {
        push_field_t field;

        problem = header_field(from, rows[i].name, &field)
                      ?: rows[i].take(from->r->pool, from->asked, &field);
    }
    return problem;
}

const push_problem_t *push_addressed_read(request_rec *r,
                                          push_publication_t *asked)
{
    static const char *const others[] = {"Urgency", "TTL", "Topic",
                                         "Idempotency-Key"};
    const read_t from = {r, asked};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        push_taken_also(r, others[i]);
    }
    return read_audience(&from)
        ?: read_texts(&from)
        ?: read_ttl(&from)
        ?: read_type(&from);
}
