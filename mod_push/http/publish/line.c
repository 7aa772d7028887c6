#include "http/publish/line.h"

#include <apr_strings.h>

#include "http/publish/scan.h"
#include "http/publish/where.h"
#include "codec/base64.h"

typedef struct {
    apr_pool_t *pool;
    const push_settings_t *settings;
    push_publication_t *asked;
    push_member_t members[PUSH_MEMBERS];
} parse_t;

static const push_problem_t *bad(const parse_t *p, const char *name,
                                 const char *legal)
{
    return push_problem(p->pool, 400, "bad-member", "%s: %s", name, legal);
}

/* A member that is a string. */
static const push_problem_t *string_field(const parse_t *p,
                                          push_member_id_t id,
                                          push_field_t *field)
{
    const push_member_t *member = &p->members[id];

    *field = (push_field_t){.name = push_member_name(id),
                            .kind = "bad-member",
                            .text = member->text,
                            .given = member->kind != PUSH_MEMBER_ABSENT};
    if (field->given && member->kind != PUSH_MEMBER_STRING) {
        return bad(p, field->name, "a string");
    }
    return NULL;
}

static const push_problem_t *parse_audience(const parse_t *p)
{
    push_member_kind_t all = p->members[PUSH_MEMBER_BROADCAST].kind;
    push_address_t to = {.broadcast = {.name = "broadcast",
                                       .kind = "bad-member",
                                       .given = all == PUSH_MEMBER_TRUE}};

    if (all != PUSH_MEMBER_ABSENT && all != PUSH_MEMBER_TRUE) {
        return bad(p, "broadcast", "true");
    }
    return string_field(p, PUSH_MEMBER_USER, &to.user)
        ?: string_field(p, PUSH_MEMBER_CHANNEL, &to.channel)
        ?: string_field(p, PUSH_MEMBER_DEVICE, &to.device)
        ?: push_fields_audience(p->pool, p->asked, &to);
}

static const push_problem_t *parse_strings(const parse_t *p)
{
    static const struct {
        push_member_id_t id;
        const push_problem_t *(*take)(apr_pool_t *, push_publication_t *,
                                      const push_field_t *);
    } rows[] = {{PUSH_MEMBER_URGENCY, push_fields_urgency},
                {PUSH_MEMBER_TOPIC, push_fields_topic},
                {PUSH_MEMBER_EVENT, push_fields_event},
                {PUSH_MEMBER_TYPE, push_fields_type},
                {PUSH_MEMBER_KEY, push_fields_key},
                {PUSH_MEMBER_AT, push_fields_at}};
    const push_problem_t *problem = NULL;

    for (size_t i = 0; !problem && i < sizeof(rows) / sizeof(rows[0]); i++) {
        push_field_t field;

        problem = string_field(p, rows[i].id, &field)
                      ?: rows[i].take(p->pool, p->asked, &field);
    }
    return problem;
}

/* Before all that may be refused, so that the log can name the trace. */
static const push_problem_t *parse_trace(const parse_t *p)
{
    push_field_t field;

    return string_field(p, PUSH_MEMBER_TRACEPARENT, &field)
               ?: push_fields_trace(p->pool, p->asked, &field);
}

static const push_problem_t *parse_ttl(const parse_t *p)
{
    const push_member_t *ttl = &p->members[PUSH_MEMBER_TTL];
    push_text_t raw = ttl->raw;
    uint64_t seconds = 0;

    if (!raw.len && ttl->kind != PUSH_MEMBER_ABSENT) {
        return bad(p, "ttl", "the name of the member without escapes");
    }
    if (raw.len
        && (raw.len > 10 || !push_number_parse(raw.at, raw.len, &seconds))) {
        return bad(p, "ttl", "seconds, a number from 0 to 9999999999");
    }
    push_fields_ttl(p->settings, p->asked, raw.len ? (int64_t)seconds : -1);
    return NULL;
}

static const push_problem_t *parse_receipt(const parse_t *p)
{
    push_member_kind_t receipt = p->members[PUSH_MEMBER_RECEIPT].kind;

    if (receipt == PUSH_MEMBER_STRING || receipt == PUSH_MEMBER_OTHER) {
        return bad(p, "receipt", "true or false");
    }
    p->asked->spec.content.ack_now = receipt == PUSH_MEMBER_TRUE;
    return NULL;
}

static const push_problem_t *decode_base64(const parse_t *p,
                                           const push_field_t *field)
{
    char *bytes = apr_palloc(p->pool, field->text.len + 1u);
    size_t count = 0;

    if (!push_base64_decode(field->text.at, field->text.len, bytes, &count)) {
        return bad(p, "base64", "base64 with padding (RFC 4648, section 4)");
    }
    p->asked->spec.content.data = (push_text_t){bytes, (uint32_t)count};
    return NULL;
}

static const push_problem_t *parse_payload(const parse_t *p)
{
    push_text_t data = p->members[PUSH_MEMBER_DATA].raw;
    push_field_t text, base64;
    const push_problem_t *problem = string_field(p, PUSH_MEMBER_TEXT, &text)
                                        ?: string_field(p, PUSH_MEMBER_BASE64,
                                                        &base64);

    if (problem) {
        return problem;
    }
    if ((data.len != 0) + text.given + base64.given != 1) {
        return bad(p, "data",
                   "exactly one of data, text and base64 is the "
                   "payload");
    }
    p->asked->spec.content.data = data.len ? data : text.text;
    if (base64.given) {
        problem = decode_base64(p, &base64);
    }
    if (!problem
        && p->asked->spec.content.data.len > p->settings->max_message_size) {
        return push_problem(p->pool, 413, "too-large",
                            "payload: at most %" APR_INT64_T_FMT
                            " bytes (PushMaxMessageSize)",
                            p->settings->max_message_size);
    }
    return problem;
}

const push_problem_t *push_line_parse(apr_pool_t *pool,
                                      const push_settings_t *settings,
                                      push_text_t line,
                                      push_publication_t *asked)
{
    parse_t p;
    const push_problem_t *problem;

    p.pool = pool;
    p.settings = settings;
    p.asked = asked;
    memset(asked, 0, sizeof(*asked));
    problem = push_members_scan(pool, line, p.members)
                  ? NULL
                  : push_members_load(pool, line, p.members);
    return problem
        ?: parse_trace(&p)
        ?: parse_audience(&p)
        ?: parse_strings(&p)
        ?: push_where_members(pool, asked, p.members)
        ?: parse_ttl(&p)
        ?: parse_receipt(&p)
        ?: parse_payload(&p);
}
