/*
 * A line of NDJSON, as a publisher sends it.  What is taken keeps to every
 * limit; what is not is a problem that says so.
 */
#include <apr_general.h>

#include "core/predicate.h"
#include "http/json.h"
#include "http/publish/line.h"
#include "http/publish/members.h"

#include "fuzz.h"
#include "http/publish/scan.h"

#define MAX_SIZE 200
#define MAX_TTL  1800000

static void check_name(const push_publication_t *asked)
{
    const push_text_t *name = &asked->audience.name;

    if (asked->audience.kind == PUSH_LOG_BROADCAST) {
        REQUIRE(!name->len);
        return;
    }
    REQUIRE(name->len >= 1 && name->len <= PUSH_NAME_MAX);
    REQUIRE(push_text_valid(name->at, name->len));
    REQUIRE(asked->audience.kind == PUSH_LOG_USER || name->at[0] != '$');
    for (uint32_t i = 0; i < name->len; i++) {
        REQUIRE((unsigned char)name->at[i] >= ' ' && name->at[i] != 0x7f);
    }
}

static void check_spec(const push_publication_t *asked)
{
    const push_message_spec_t *d = &asked->spec;

    REQUIRE(d->urgency <= PUSH_VERY_LOW);
    REQUIRE(d->ttl >= 0 && d->ttl <= MAX_TTL);
    REQUIRE(d->topic.len <= PUSH_TOPIC_MAX);
    REQUIRE(d->content.data.len <= MAX_SIZE);
    REQUIRE(!d->device.len
            || (asked->audience.kind == PUSH_LOG_USER
                && push_device_valid(d->device.at, d->device.len)));
    REQUIRE(!d->content.event.len
            || (push_event_valid(d->content.event.at, d->content.event.len)
                && strncmp(d->content.event.at, "push.", 5) != 0));
    REQUIRE(!d->content.type.len
            || push_type_valid(d->content.type.at, d->content.type.len));
    REQUIRE(!d->content.trace.len
            || d->content.trace.len == PUSH_TRACEPARENT_BYTES);
    REQUIRE(asked->key.len <= PUSH_KEY_MAX);
    REQUIRE(push_predicate_valid(d->where));
}

/* The bytes of a member are its value, whatever stands around them. */
static void check_raw(push_text_t line, const char *name)
{
    json_t *object = json_loadb(line.at, line.len, JSON_DECODE_INT_AS_REAL,
                                NULL);
    push_text_t raw = push_json_raw(line, name);
    json_t *value;

    if (raw.len) {
        REQUIRE(raw.at >= line.at && raw.at + raw.len <= line.at + line.len);
        value = json_loadb(raw.at, raw.len,
                           JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
        REQUIRE(value && json_equal(value, json_object_get(object, name)));
        json_decref(value);
    }
    json_decref(object);
}

/* A ttl that is given is the one that is granted. */
static void check_ttl(push_text_t line, const push_publication_t *asked)
{
    json_t *object = json_loadb(line.at, line.len, JSON_DECODE_INT_AS_REAL,
                                NULL);
    const json_t *ttl = json_object_get(object, "ttl");
    double wanted = ttl ? 1000 * json_real_value(ttl) : 300000;

    REQUIRE((double)asked->spec.ttl == (wanted < MAX_TTL ? wanted : MAX_TTL));
    json_decref(object);
}

static bool same_text(push_text_t one, push_text_t other)
{
    return one.len == other.len
           && (!one.len || memcmp(one.at, other.at, one.len) == 0);
}

static bool same_member(const push_member_t *one, const push_member_t *other,
                        push_member_id_t id)
{
    return one->kind == other->kind && same_text(one->text, other->text)
           && (id != PUSH_MEMBER_DATA || same_text(one->raw, other->raw))
           && (id != PUSH_MEMBER_TTL || same_text(one->raw, other->raw))
           && (id != PUSH_MEMBER_WHERE || same_text(one->raw, other->raw));
}

/* Has members, and nothing that a scan leaves to jansson, if it is JSON.
 * (jansson takes a NUL here and there.) */
static bool is_plain(push_text_t line)
{
    unsigned nested = 0;
    unsigned long_at = 0;

    for (uint32_t i = 0; i < line.len; i++) {
        char c = line.at[i];
        bool digit = c >= '0' && c <= '9';

        long_at = digit ? long_at + 1 : 0;
        nested += c == '[' || c == '{';
        if (!c || c == '\\' || long_at > 30
            || ((c == 'e' || c == 'E') && i && line.at[i - 1] >= '0'
                && line.at[i - 1] <= '9')) {
            return false;
        }
    }
    return line.len < 300 && nested <= 16 && memchr(line.at, ':', line.len);
}

/* The scan and jansson never differ, and plain lines need no jansson. */
static void check_scan(apr_pool_t *pool, push_text_t line)
{
    push_member_t scanned[PUSH_MEMBERS];
    push_member_t loaded[PUSH_MEMBERS];
    bool taken = push_members_scan(pool, line, scanned);

    if (push_members_load(pool, line, loaded) != NULL) {
        REQUIRE(!taken);
        return;
    }
    REQUIRE(taken || !is_plain(line));
    for (int i = 0; taken && i < PUSH_MEMBERS; i++) {
        REQUIRE(same_member(&scanned[i], &loaded[i], (push_member_id_t)i));
    }
}

static void parse(apr_pool_t *pool, push_text_t line)
{
    static const push_settings_t settings = {.default_ttl = 300000,
                                             .max_ttl = MAX_TTL,
                                             .max_message_size = MAX_SIZE};
    const push_problem_t *problem;
    push_publication_t asked;

    problem = push_line_parse(pool, &settings, line, &asked);
    if (problem) {
        REQUIRE(problem->status == 400 || problem->status == 413);
        REQUIRE(strchr(problem->detail, ':') != NULL);
        return;
    }
    check_name(&asked);
    check_spec(&asked);
    check_raw(line, "data");
    check_raw(line, "ttl");
    check_ttl(line, &asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static apr_pool_t *pool;
    char *line = fuzz_copy(bytes, size);

    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    check_scan(pool, (push_text_t){line, (uint32_t)size});
    parse(pool, (push_text_t){line, (uint32_t)size});
    apr_pool_clear(pool);
    free(line);
    return 0;
}
