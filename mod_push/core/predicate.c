#include "core/predicate.h"

#include <string.h>

#include "core/geo.h"
#include "core/version.h"

static bool is_text(push_subject_t subject)
{
    return subject == PUSH_SUBJECT_OS || subject == PUSH_SUBJECT_APP
           || subject == PUSH_SUBJECT_LOCALE;
}

static push_subject_t subject_of_byte(uint8_t what)
{
    return (push_subject_t)(what & ((1u << PUSH_WAY_SHIFT) - 1));
}

/* ---- words ---- */

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static push_text_t trimmed(push_text_t text)
{
    while (text.len && is_space(text.at[0])) {
        text.at++;
        text.len--;
    }
    while (text.len && is_space(text.at[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Takes what stands before the character, or all, off the text. */
static push_text_t take_until(push_text_t *text, char c)
{
    const char *stop = text->len ? memchr(text->at, c, text->len) : NULL;
    push_text_t head = *text;

    if (stop) {
        head.len = (uint32_t)(stop - text->at);
    }
    text->at += head.len + (stop != NULL);
    text->len -= head.len + (stop != NULL);
    return head;
}

/* ---- terms are collected ---- */

/* False, and nothing was added, when there are too many. */
static bool append(push_predicate_t *p, push_subject_t subject, push_way_t way,
                   push_text_t value)
{
    push_predicate_term_t *term = &p->terms[p->count];

    if (p->count == PUSH_WHERE_TERMS) {
        return false;
    }
    term->what = (uint8_t)(subject | (unsigned)way << PUSH_WAY_SHIFT);
    term->len = (uint8_t)value.len;
    for (uint32_t i = 0; i < value.len; i++) {
        term->value[i] = is_text(subject)
                             ? push_subject_fold(subject, value.at[i])
                             : value.at[i];
    }
    p->count++;
    return true;
}

#define TOO_MANY "at most 16 comparisons"

static const char *add_text(push_predicate_t *p, push_subject_t subject,
                            push_text_t value)
{
    static const char legal[] = "1-64 bytes of UTF-8 without controls, "
                                "commas and *, but for one * at the end";
    bool starts = value.len && value.at[value.len - 1] == '*';

    value.len -= starts;
    if (!value.len || value.len > PUSH_APP_MAX
        || !push_text_valid(value.at, value.len)) {
        return legal;
    }
    for (uint32_t i = 0; i < value.len; i++) {
        char c = value.at[i];

        if ((c >= 0 && c < ' ') || c == 0x7f || c == ',' || c == '*') {
            return legal;
        }
    }
    return append(p, subject, starts ? PUSH_WAY_STARTS : PUSH_WAY_IS, value)
               ? NULL
               : TOO_MANY;
}

static push_way_t take_way(push_text_t *text)
{
    static const push_way_t order[] = {PUSH_WAY_FROM, PUSH_WAY_TO,
                                       PUSH_WAY_ABOVE, PUSH_WAY_BELOW};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        size_t len = strlen(push_way_name(order[i]));

        if (text->len >= len
            && !memcmp(text->at, push_way_name(order[i]), len)) {
            text->at += len;
            text->len -= (uint32_t)len;
            return order[i];
        }
    }
    return PUSH_WAY_IS;
}

static const char *add_version(push_predicate_t *p, push_subject_t subject,
                               push_text_t value)
{
    static const char legal[] =
        "one or more of N, >=N, >N, <=N and <N with blanks between them, "
        "where N is 1-6 numbers of up to 9 digits with dots between them";
    push_text_t rest = value;

    do {
        push_text_t word;
        push_version_t version;
        push_way_t way;

        rest = trimmed(rest);
        word = take_until(&rest, ' ');
        way = take_way(&word);
        if (!push_version_take(&word, &version) || word.len) {
            return legal;
        }
        if (!append(
                p, subject, way,
                (push_text_t){(const char *)version.numbers,
                              (uint32_t)(version.count * sizeof(uint32_t))})) {
            return TOO_MANY;
        }
    } while (rest.len);
    return NULL;
}

/* Compiled with the name of its experiment. */
static const char *add_share(push_predicate_t *p, push_text_t value)
{
    static const char legal[] = "N or N-M once, percents from 0 to 99, N not "
                                "above M";
    uint32_t from, to;

    if (p->has_share || !push_digits_take(&value, 2, &from)) {
        return legal;
    }
    to = from;
    if (value.len && value.at[0] == '-') {
        value.at++;
        value.len--;
        if (!push_digits_take(&value, 2, &to)) {
            return legal;
        }
    }
    if (value.len || to < from) {
        return legal;
    }
    p->has_share = true;
    return append(p, PUSH_SUBJECT_SHARE, PUSH_WAY_IS,
                  (push_text_t){(char[]){(char)from, (char)to}, 2})
               ? NULL
               : TOO_MANY;
}

static const char *add_of(push_predicate_t *p, push_text_t value)
{
    if (p->of.len || !push_event_valid(value.at, value.len)) {
        return "once, 1-64 of A-Z a-z 0-9 . _ : -";
    }
    p->of = value;
    return NULL;
}

static bool has(const push_predicate_t *p, push_subject_t subject)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (subject_of_byte(p->terms[i].what) == subject) {
            return true;
        }
    }
    return false;
}

static const char *add_variant(push_predicate_t *p, push_text_t value)
{
    if (has(p, PUSH_SUBJECT_VARIANT) || value.len > PUSH_VARIANT_MAX
        || !push_event_valid(value.at, value.len)) {
        return "once, 1-32 of A-Z a-z 0-9 . _ : -";
    }
    return append(p, PUSH_SUBJECT_VARIANT, PUSH_WAY_IS, value) ? NULL
                                                               : TOO_MANY;
}

static const char *add_online(push_predicate_t *p, push_text_t value)
{
    if (!same(value, (push_text_t){"1", 1})) {
        return "1";
    }
    return append(p, PUSH_SUBJECT_ONLINE, PUSH_WAY_IS, (push_text_t){"", 0})
               ? NULL
               : TOO_MANY;
}

static const char *add_near(push_predicate_t *p, push_text_t value)
{
    push_circle_t circle;

    if (!push_circle_parse(value, &circle)) {
        return "LAT,LON,METRES: -90 to 90 and -180 to 180 with up to 7 "
               "decimals, and 1 to 1000000";
    }
    return append(p, PUSH_SUBJECT_NEAR, PUSH_WAY_IS,
                  (push_text_t){(const char *)&circle, sizeof(circle)})
               ? NULL
               : TOO_MANY;
}

static const char *add(push_predicate_t *p, push_subject_t subject,
                       push_text_t value)
{
    switch (subject) {
    case PUSH_SUBJECT_ONLINE:
        return add_online(p, value);
    case PUSH_SUBJECT_OS:
    case PUSH_SUBJECT_APP:
    case PUSH_SUBJECT_LOCALE:
        return add_text(p, subject, value);
    case PUSH_SUBJECT_OS_VERSION:
    case PUSH_SUBJECT_APP_VERSION:
        return add_version(p, subject, value);
    case PUSH_SUBJECT_SHARE:
        return add_share(p, value);
    case PUSH_SUBJECT_OF:
        return add_of(p, value);
    case PUSH_SUBJECT_VARIANT:
        return add_variant(p, value);
    case PUSH_SUBJECT_NEAR:
        return add_near(p, value);
    default:
        return "is none of os, os_version, app, app_version, locale, online, "
               "near, share, of and variant";
    }
}

static push_subject_t subject_of(push_text_t name)
{
    push_subject_t subject = PUSH_SUBJECT_ONLINE;

    while (subject < PUSH_SUBJECTS
           && !same(name, push_subject_name(subject))) {
        subject++;
    }
    return subject;
}

bool push_predicate_add(push_predicate_t *predicate, push_text_t name,
                        push_text_t value, push_predicate_wrong_t *wrong)
{
    const char *legal = add(predicate, subject_of(name), trimmed(value));

    if (legal) {
        *wrong = (push_predicate_wrong_t){name, legal};
    }
    return !legal;
}

/* A circle has commas of its own: its value ends at the third. */
static void take_circle(push_text_t *rest, push_text_t *value)
{
    for (int i = 0; i < 2 && rest->len; i++) {
        push_text_t more = take_until(rest, ',');

        value->len = (uint32_t)(more.at + more.len - value->at);
    }
}

bool push_predicate_parse(push_predicate_t *predicate, push_text_t text,
                          push_predicate_wrong_t *wrong)
{
    push_text_t rest = text;

    do {
        push_text_t value = take_until(&rest, ',');
        push_text_t name = trimmed(take_until(&value, '='));

        if (subject_of(name) == PUSH_SUBJECT_NEAR) {
            take_circle(&rest, &value);
        }
        if (!push_predicate_add(predicate, name, value, wrong)) {
            return false;
        }
    } while (rest.len);
    return true;
}

/* ---- they are compiled ---- */

static int order_of(const push_predicate_term_t *a,
                    const push_predicate_term_t *b)
{
    int order = subject_of_byte(a->what) != subject_of_byte(b->what)
                    ? (int)subject_of_byte(a->what)
                          - (int)subject_of_byte(b->what)
                    : (int)a->what - (int)b->what;

    return order              ? order
           : a->len != b->len ? (int)a->len - (int)b->len
                              : memcmp(a->value, b->value, a->len);
}

static void sort(push_predicate_t *p)
{
    for (unsigned i = 1; i < p->count; i++) {
        push_predicate_term_t term = p->terms[i];
        unsigned at = i;

        for (; at && order_of(&p->terms[at - 1], &term) > 0; at--) {
            p->terms[at] = p->terms[at - 1];
        }
        p->terms[at] = term;
    }
}

static void name_share(push_predicate_t *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        push_predicate_term_t *term = &p->terms[i];

        if (subject_of_byte(term->what) == PUSH_SUBJECT_SHARE) {
            memcpy(term->value + 2, p->of.at, p->of.len);
            term->len = (uint8_t)(2 + p->of.len);
        }
    }
}

static bool is_again(const push_predicate_t *p, unsigned i)
{
    return i && !order_of(&p->terms[i - 1], &p->terms[i]);
}

bool push_predicate_end(push_predicate_t *p, push_text_t *where,
                        push_predicate_wrong_t *wrong)
{
    uint32_t len = 0;

    if (p->has_share != (p->of.len != 0)) {
        *wrong = (push_predicate_wrong_t){
            push_subject_name(p->has_share ? PUSH_SUBJECT_OF
                                           : PUSH_SUBJECT_SHARE),
            "share and of go together: N-M percent of the devices, by the "
            "name of an experiment"};
        return false;
    }
    name_share(p);
    sort(p);
    for (unsigned i = 0; i < p->count; i++) {
        const push_predicate_term_t *term = &p->terms[i];

        if (is_again(p, i)) {
            continue;
        }
        if (len + 2 + term->len > sizeof(p->bytes)) {
            *wrong = (push_predicate_wrong_t){
                {"where", 5}, "at most 255 bytes of values, with 2 for each"};
            return false;
        }
        p->bytes[len++] = (char)term->what;
        p->bytes[len++] = (char)term->len;
        memcpy(p->bytes + len, term->value, term->len);
        len += term->len;
    }
    *where = (push_text_t){p->bytes, len};
    return true;
}

/* ---- what somebody else has kept ---- */

/* What it is as text, it must be compiled from. */
bool push_predicate_valid(push_text_t where)
{
    push_predicate_t again = {0};
    push_predicate_wrong_t wrong;
    char text[PUSH_WHERE_TEXT_MAX];
    push_text_t made = {text, 0};

    if (!where.len || !push_where_formed(where)) {
        return !where.len;
    }
    made.len = (uint32_t)push_where_write(where, text);
    return push_predicate_parse(&again, made, &wrong)
           && push_predicate_end(&again, &made, &wrong) && same(made, where);
}
