#include "http/publish/scan.h"

#include <apr_strings.h>

#include "core/text.h"

/*
 * A reader of JSON (RFC 8259) that only looks: nothing is built, and what is
 * out of the ordinary is left to jansson.  A function a rule of the grammar;
 * each returns false where this is not a text that it is sure of.
 */

#define DEPTH_MAX  16u
#define NUMBER_MAX 64 /* characters; no such number is beyond a double */
#define NAMES_MAX  64u

typedef struct {
    const char *p;
    const char *end;
    unsigned depth;
    unsigned names_count;
    push_text_t
        names[NAMES_MAX]; /* of the objects that are open, inner last */
} scan_t;

static bool scan_value(scan_t *s);

/* What stands at p; 0, which no rule takes, at the end. */
static unsigned char peek(const scan_t *s)
{
    return s->p < s->end ? (unsigned char)*s->p : 0;
}

static bool take(scan_t *s, unsigned char c)
{
    if (peek(s) != c) {
        return false;
    }
    s->p++;
    return true;
}

static void skip_space(scan_t *s)
{
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\r'
           || peek(s) == '\n') {
        s->p++;
    }
}

/* ---- scalars ---- */

/* To the next character that is no plain part of a string; true if all that
 * it passed is ASCII. */
static bool skip_plain(scan_t *s)
{
    unsigned char seen = 0;

    while (s->p < s->end) {
        unsigned char c = (unsigned char)*s->p;

        if (c < 0x20 || c == '"' || c == '\\') {
            break;
        }
        seen |= c;
        s->p++;
    }
    return seen < 0x80;
}

static bool scan_escape(scan_t *s)
{
    s->p++;
    switch (peek(s)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        s->p++;
        return true;
    default:
        return false;
    }
}

/* The characters between the quotes; escapes only if they may stay there. */
static bool scan_string(scan_t *s, bool escapes, push_text_t *text)
{
    bool ascii = true;

    if (!take(s, '"')) {
        return false;
    }
    text->at = s->p;
    ascii &= skip_plain(s);
    while (escapes && peek(s) == '\\') {
        if (!scan_escape(s)) {
            return false;
        }
        ascii &= skip_plain(s);
    }
    text->len = (uint32_t)(s->p - text->at);
    return take(s, '"') && (ascii || push_text_valid(text->at, text->len));
}

static bool scan_digits(scan_t *s)
{
    const char *from = s->p;

    while (peek(s) >= '0' && peek(s) <= '9') {
        s->p++;
    }
    return s->p > from;
}

static bool scan_number(scan_t *s)
{
    const char *from = s->p;

    take(s, '-');
    if (!take(s, '0') && !scan_digits(s)) {
        return false;
    }
    if (take(s, '.') && !scan_digits(s)) {
        return false;
    }
    return s->p - from <= NUMBER_MAX;
}

static bool scan_word(scan_t *s, const char *word)
{
    while (*word && take(s, (unsigned char)*word)) {
        word++;
    }
    return !*word;
}

/* ---- arrays and objects ---- */

static bool scan_array(scan_t *s)
{
    skip_space(s);
    if (take(s, ']')) {
        return true;
    }
    do {
        skip_space(s);
        if (!scan_value(s)) {
            return false;
        }
        skip_space(s);
    } while (take(s, ','));
    return take(s, ']');
}

/* False if an open object has it already, from its first name on. */
static bool note_name(scan_t *s, unsigned first, push_text_t name)
{
    if (s->names_count == NAMES_MAX) {
        return false;
    }
    for (unsigned i = first; i < s->names_count; i++) {
        if (s->names[i].len == name.len
            && !memcmp(s->names[i].at, name.at, name.len)) {
            return false;
        }
    }
    s->names[s->names_count++] = name;
    return true;
}

/* The name of a member, and what stands before its value. */
static bool scan_name(scan_t *s, push_text_t *name)
{
    skip_space(s);
    if (!scan_string(s, false, name)) {
        return false;
    }
    skip_space(s);
    if (!take(s, ':')) {
        return false;
    }
    skip_space(s);
    return true;
}

static bool scan_object(scan_t *s)
{
    unsigned first = s->names_count;
    push_text_t name;

    skip_space(s);
    if (take(s, '}')) {
        return true;
    }
    do {
        if (!scan_name(s, &name) || !note_name(s, first, name)
            || !scan_value(s)) {
            return false;
        }
        skip_space(s);
    } while (take(s, ','));
    s->names_count = first;
    return take(s, '}');
}

static bool scan_nested(scan_t *s, bool (*scan)(scan_t *))
{
    bool sure;

    if (s->depth == DEPTH_MAX) {
        return false;
    }
    s->p++;
    s->depth++;
    sure = scan(s);
    s->depth--;
    return sure;
}

static bool scan_value(scan_t *s)
{
    push_text_t text;

    switch (peek(s)) {
    case '"':
        return scan_string(s, true, &text);
    case '{':
        return scan_nested(s, scan_object);
    case '[':
        return scan_nested(s, scan_array);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return scan_number(s);
    }
}

/* ---- the line ---- */

static push_member_kind_t kind_by(unsigned char first)
{
    return first == '"'   ? PUSH_MEMBER_STRING
           : first == 't' ? PUSH_MEMBER_TRUE
           : first == 'f' ? PUSH_MEMBER_FALSE
                          : PUSH_MEMBER_OTHER;
}

/* The bytes of data are the payload, escapes and all. */
static bool scan_member_value(scan_t *s, apr_pool_t *pool, bool is_data,
                              push_member_t *member)
{
    const char *from = s->p;
    bool is_text = peek(s) == '"' && !is_data;
    push_text_t text;

    member->kind = kind_by(peek(s));
    if (is_text ? !scan_string(s, false, &text) : !scan_value(s)) {
        return false;
    }
    member->raw = (push_text_t){from, (uint32_t)(s->p - from)};
    if (is_text) {
        member->text.at = apr_pstrmemdup(pool, text.at, text.len);
        member->text.len = text.len;
    }
    return true;
}

static bool scan_member(scan_t *s, apr_pool_t *pool, push_member_t *members)
{
    push_member_id_t id;
    push_text_t name;

    if (!scan_name(s, &name)) {
        return false;
    }
    id = push_member_find(name);
    if (id == PUSH_MEMBERS || members[id].kind != PUSH_MEMBER_ABSENT) {
        return false;
    }
    return scan_member_value(s, pool, id == PUSH_MEMBER_DATA, &members[id]);
}

bool push_members_scan(apr_pool_t *pool, push_text_t line,
                       push_member_t *members)
{
    scan_t s;

    s.p = line.at;
    s.end = line.at + line.len;
    s.depth = 0;
    s.names_count = 0;
    memset(members, 0, PUSH_MEMBERS * sizeof(*members));
    skip_space(&s);
    if (!take(&s, '{')) {
        return false;
    }
    do {
        if (!scan_member(&s, pool, members)) {
            return false;
        }
        skip_space(&s);
    } while (take(&s, ','));
    if (!take(&s, '}')) {
        return false;
    }
    skip_space(&s);
    return s.p == s.end;
}
