#include "core/where.h"

#include <string.h>

#include "core/digits.h"
#include "core/geo.h"
#include "core/hash.h"
#include "core/places.h"
#include "core/version.h"

#define SHARES 100

static const push_text_t subjects[PUSH_SUBJECTS] = {
    [PUSH_SUBJECT_ONLINE] = {"online", 6},
    [PUSH_SUBJECT_OS] = {"os", 2},
    [PUSH_SUBJECT_OS_VERSION] = {"os_version", 10},
    [PUSH_SUBJECT_APP] = {"app", 3},
    [PUSH_SUBJECT_APP_VERSION] = {"app_version", 11},
    [PUSH_SUBJECT_LOCALE] = {"locale", 6},
    [PUSH_SUBJECT_SHARE] = {"share", 5},
    [PUSH_SUBJECT_VARIANT] = {"variant", 7},
    [PUSH_SUBJECT_OF] = {"of", 2},
    [PUSH_SUBJECT_NEAR] = {"near", 4}};

static const char *const ways[PUSH_WAYS] = {
    [PUSH_WAY_IS] = "",     [PUSH_WAY_STARTS] = "", [PUSH_WAY_FROM] = ">=",
    [PUSH_WAY_ABOVE] = ">", [PUSH_WAY_TO] = "<=",   [PUSH_WAY_BELOW] = "<"};

static const push_label_t labels[] = {
    [PUSH_SUBJECT_OS] = PUSH_LABEL_OS,
    [PUSH_SUBJECT_OS_VERSION] = PUSH_LABEL_OS_VERSION,
    [PUSH_SUBJECT_APP] = PUSH_LABEL_APP,
    [PUSH_SUBJECT_APP_VERSION] = PUSH_LABEL_APP_VERSION,
    [PUSH_SUBJECT_LOCALE] = PUSH_LABEL_LOCALE};

push_text_t push_subject_name(push_subject_t subject)
{
    return subjects[subject];
}

const char *push_way_name(push_way_t way)
{
    return ways[way];
}

bool push_subject_is_version(push_subject_t subject)
{
    return subject == PUSH_SUBJECT_OS_VERSION
           || subject == PUSH_SUBJECT_APP_VERSION;
}

char push_subject_fold(push_subject_t subject, char c)
{
    if (subject == PUSH_SUBJECT_APP) {
        return c;
    }
    if (subject == PUSH_SUBJECT_LOCALE && c == '_') {
        return '-';
    }
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool push_where_take(push_text_t *where, push_term_t *term)
{
    uint32_t len;

    if (where->len < 2) {
        return false;
    }
    len = (unsigned char)where->at[1];
    if (len > where->len - 2) {
        return false;
    }
    *term = (push_term_t){(push_subject_t)((unsigned char)where->at[0]
                                           & ((1u << PUSH_WAY_SHIFT) - 1)),
                          (push_way_t)((unsigned char)where->at[0]
                                       >> PUSH_WAY_SHIFT),
                          {where->at + 2, len}};
    where->at += 2 + len;
    where->len -= 2 + len;
    return true;
}

static void get_version(push_text_t value, push_version_t *version)
{
    version->count = value.len / (uint32_t)sizeof(version->numbers[0]);
    if (version->count > PUSH_VERSION_NUMBERS) {
        version->count = PUSH_VERSION_NUMBERS;
    }
    memcpy(version->numbers, value.at,
           version->count * sizeof(version->numbers[0]));
}

static push_text_t label_of(const push_decider_t *device, push_label_t label)
{
    push_text_t text = {device->labels->bytes, device->labels->len[label]};

    for (unsigned i = 0; i < label; i++) {
        text.at += device->labels->len[i];
    }
    return text;
}

static bool text_holds(const push_term_t *term, push_text_t label)
{
    if (label.len < term->value.len
        || (term->way == PUSH_WAY_IS && label.len != term->value.len)) {
        return false;
    }
    for (uint32_t i = 0; i < term->value.len; i++) {
        if (push_subject_fold(term->subject, label.at[i])
            != term->value.at[i]) {
            return false;
        }
    }
    return true;
}

/* What stands behind the numbers of a device's version does not matter. */
static bool version_holds(const push_term_t *term, push_text_t label)
{
    push_version_t version, wanted;
    int order;

    if (!push_version_take(&label, &version)) {
        return false;
    }
    get_version(term->value, &wanted);
    order = push_version_compare(&version, &wanted);
    switch (term->way) {
    case PUSH_WAY_FROM:
        return order >= 0;
    case PUSH_WAY_ABOVE:
        return order > 0;
    case PUSH_WAY_TO:
        return order <= 0;
    case PUSH_WAY_BELOW:
        return order < 0;
    default:
        return order == 0;
    }
}

/* Keyed by the context, so that no experiment follows from another one. */
static bool share_holds(push_text_t value, const unsigned char *id)
{
    uint64_t key[2];
    uint64_t percent;

    if (value.len < 2) {
        return false;
    }
    memcpy(key, id, sizeof(key));
    percent = push_hash(key, value.at + 2, value.len - 2) % SHARES;
    return percent >= (unsigned char)value.at[0]
           && percent <= (unsigned char)value.at[1];
}

static push_circle_t circle_of(push_text_t value)
{
    push_circle_t circle = {{0, 0}, 0};

    if (value.len == sizeof(circle)) {
        memcpy(&circle, value.at, sizeof(circle));
    }
    return circle;
}

/* Where nobody knows where the device is, it is not near. */
static bool near_holds(push_text_t value, const push_decider_t *device)
{
    push_circle_t circle = circle_of(value);
    push_fix_t fix;

    return push_places_find(device->places, device->id, &fix)
           && push_circle_has(&circle, fix.point, 0);
}

/* Memory that many share may hold anything: of no subject, nothing holds. */
static bool term_holds(const push_term_t *term, const push_decider_t *device)
{
    switch (term->subject) {
    case PUSH_SUBJECT_ONLINE:
        return device->present;
    case PUSH_SUBJECT_SHARE:
        return share_holds(term->value, device->id);
    case PUSH_SUBJECT_NEAR:
        return near_holds(term->value, device);
    case PUSH_SUBJECT_VARIANT:
        return true;
    case PUSH_SUBJECT_OS_VERSION:
    case PUSH_SUBJECT_APP_VERSION:
        return version_holds(term, label_of(device, labels[term->subject]));
    case PUSH_SUBJECT_OS:
    case PUSH_SUBJECT_APP:
    case PUSH_SUBJECT_LOCALE:
        return text_holds(term, label_of(device, labels[term->subject]));
    default:
        return false;
    }
}

bool push_where_holds(push_text_t where, const push_decider_t *device)
{
    push_term_t term;

    while (push_where_take(&where, &term)) {
        if (!term_holds(&term, device)) {
            return false;
        }
    }
    return true;
}

bool push_where_asks(push_text_t where, push_subject_t subject)
{
    push_term_t term;

    while (push_where_take(&where, &term)) {
        if (term.subject == subject) {
            return true;
        }
    }
    return false;
}

push_text_t push_where_variant(push_text_t where)
{
    push_term_t term;

    while (push_where_take(&where, &term)) {
        if (term.subject == PUSH_SUBJECT_VARIANT) {
            return term.value;
        }
    }
    return (push_text_t){"", 0};
}

/* ---- as text ---- */

typedef struct {
    char *at;
} sink_t;

static void put(sink_t *sink, const char *text, size_t len)
{
    memcpy(sink->at, text, len);
    sink->at += len;
}

static void put_version(sink_t *sink, push_text_t value)
{
    push_version_t version;

    get_version(value, &version);
    for (unsigned i = 0; i < version.count; i++) {
        put(sink, ".", i != 0);
        sink->at = push_put_number(sink->at, version.numbers[i]);
    }
    put(sink, "0", !version.count);
}

static void put_share(sink_t *sink, push_text_t value)
{
    static const char of[] = ", of=";

    sink->at = push_put_number(sink->at, (unsigned char)value.at[0]);
    put(sink, "-", 1);
    sink->at = push_put_number(sink->at, (unsigned char)value.at[1]);
    put(sink, of, sizeof(of) - 1);
    put(sink, value.at + 2, value.len - 2);
}

static void put_circle(sink_t *sink, push_text_t value)
{
    push_circle_t circle = circle_of(value);
    char text[PUSH_CIRCLE_TEXT];

    put(sink, text, push_circle_write(&circle, text));
}

static void put_term(sink_t *sink, const push_term_t *term)
{
    put(sink, subjects[term->subject].at, subjects[term->subject].len);
    put(sink, "=", 1);
    put(sink, ways[term->way], strlen(ways[term->way]));
    if (term->subject == PUSH_SUBJECT_ONLINE) {
        put(sink, "1", 1);
    }
    else if (term->subject == PUSH_SUBJECT_SHARE) {
        put_share(sink, term->value);
    }
    else if (term->subject == PUSH_SUBJECT_NEAR) {
        put_circle(sink, term->value);
    }
    else if (push_subject_is_version(term->subject)) {
        put_version(sink, term->value);
    }
    else {
        put(sink, term->value.at, term->value.len);
        put(sink, "*", term->way == PUSH_WAY_STARTS);
    }
}

static bool is_formed(const push_term_t *term)
{
    uint32_t len = term->value.len;

    if (term->subject >= PUSH_SUBJECTS || term->subject == PUSH_SUBJECT_OF
        || term->way >= PUSH_WAYS) {
        return false;
    }
    if (push_subject_is_version(term->subject)) {
        return len % sizeof(uint32_t) == 0
               && len <= PUSH_VERSION_NUMBERS * sizeof(uint32_t);
    }
    return term->subject == PUSH_SUBJECT_SHARE  ? len >= 2
           : term->subject == PUSH_SUBJECT_NEAR ? len == sizeof(push_circle_t)
                                                : true;
}

bool push_where_formed(push_text_t where)
{
    unsigned count = 0;
    push_term_t term;

    if (where.len > PUSH_WHERE_MAX) {
        return false;
    }
    while (where.len) {
        if (count++ == PUSH_WHERE_TERMS || !push_where_take(&where, &term)
            || !is_formed(&term)) {
            return false;
        }
    }
    return true;
}

size_t push_where_write(push_text_t where, char *text)
{
    bool formed = push_where_formed(where);
    sink_t sink = {text};
    push_term_t term;

    while (formed && push_where_take(&where, &term)) {
        put(&sink, ", ", sink.at == text ? 0 : 2);
        put_term(&sink, &term);
    }
    return (size_t)(sink.at - text);
}
