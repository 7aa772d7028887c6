#include "triggers/types.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdbool.h>
#include <string.h>

/*
 * The text is cut into the tokens of httpd's grammar of expressions.  It has
 * been accepted by httpd's own parser, so here no token is refused; but where
 * one is met that this does not know, nothing is concluded.
 */

#define TOKENS_MAX 512

typedef enum {
    T_END,
    T_STRING, /* without anything that is not as it stands */
    T_OTHER,  /* another string, a word, a number, an operator */
    T_WORD,
    T_EQUAL,
    T_AND,
    T_OR,
    T_NOT,
    T_IN,
    T_MARK, /* one of ( ) { } , */
    T_UNKNOWN
} kind_t;

typedef struct {
    kind_t kind;
    const char *text; /* of a string, a word or a mark */
} token_t;

typedef struct {
    apr_pool_t *pool;
    const char *at;
    token_t tokens[TOKENS_MAX + 1];
    int count;
    int next;
} scan_t;

typedef apr_array_header_t types_t;

/* ---- tokens ---- */

/* Past the quote that ends it. */
static token_t take_string(scan_t *s)
{
    char quote = *s->at++;
    const char *from = s->at;
    bool plain = true;

    while (*s->at && *s->at != quote) {
        plain = plain && !strchr("\\%$", *s->at);
        s->at += *s->at == '\\' && s->at[1] ? 2 : 1;
    }
    if (!*s->at) {
        return (token_t){T_UNKNOWN, NULL};
    }
    s->at++;
    return (token_t){plain ? T_STRING : T_OTHER,
                     apr_pstrmemdup(s->pool, from,
                                    (apr_size_t)(s->at - 1 - from))};
}

/* Past the character that ends what begins at s->at. */
static token_t take_until(scan_t *s, char end)
{
    const char *found = strchr(s->at, end);

    s->at = found ? found + 1 : s->at;
    return (token_t){found ? T_OTHER : T_UNKNOWN, NULL};
}

/* What stands behind its first separator, with the flags. */
static token_t take_regex(scan_t *s, char separator)
{
    token_t token = take_until(s, separator);

    s->at += strspn(s->at, "ismg");
    return token;
}

/* "%{…}" without another one in it. */
static token_t take_variable(scan_t *s)
{
    s->at += 2;
    return s->at[strcspn(s->at, "}%")] == '%' || *s->at == ':'
               ? (token_t){T_UNKNOWN, NULL}
               : take_until(s, '}');
}

/* "m" or "s" before what ends a regular expression begins one. */
static bool is_regex(const char *word, const char *behind)
{
    return (!strcmp(word, "m") || !strcmp(word, "s")) && *behind
           && strchr("/#$%^|?!'\",;:.-", *behind);
}

static kind_t kind_of(const char *word)
{
    static const struct {
        const char *word;
        kind_t kind;
    } known[] = {{"and", T_AND}, {"or", T_OR},         {"not", T_NOT},
                 {"in", T_IN},   {"split", T_UNKNOWN}, {"join", T_UNKNOWN}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!strcmp(word, known[i].word)) {
            return known[i].kind;
        }
    }
    /* "m_" and "s_" may begin a regular expression. */
    return (*word == 'm' || *word == 's') && word[1] == '_' ? T_UNKNOWN
                                                            : T_WORD;
}

static token_t take_word(scan_t *s)
{
    const char *from = s->at;
    const char *word;

    while (apr_isalnum(*s->at) || *s->at == '_') {
        s->at++;
    }
    word = apr_pstrmemdup(s->pool, from, (apr_size_t)(s->at - from));
    if (is_regex(word, s->at)) {
        s->at++;
        return *word == 'm' ? take_regex(s, s->at[-1])
                            : (token_t){T_UNKNOWN, NULL};
    }
    return (token_t){kind_of(word), word};
}

static token_t take_number(scan_t *s)
{
    s->at += strspn(s->at, "0123456789");
    return (token_t){T_OTHER, NULL};
}

/* The longest that fits stands first. */
static const struct {
    const char *text;
    kind_t kind;
} operators[] = {{"&&", T_AND},   {"||", T_OR},    {"==", T_EQUAL},
                 {"=~", T_OTHER}, {"!=", T_OTHER}, {"!~", T_OTHER},
                 {"<=", T_OTHER}, {">=", T_OTHER}, {"=", T_EQUAL},
                 {"!", T_NOT},    {"<", T_OTHER},  {">", T_OTHER},
                 {".", T_OTHER}};

static token_t take_operator(scan_t *s)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        size_t len = strlen(operators[i].text);

        if (!strncmp(s->at, operators[i].text, len)) {
            s->at += len;
            return (token_t){operators[i].kind, NULL};
        }
    }
    return (token_t){T_UNKNOWN, NULL};
}

/* "-in", "-eq", "-n", "-5" */
static token_t take_dashed(scan_t *s)
{
    const char *from = s->at++;

    if (apr_isdigit(*s->at)) {
        return take_number(s);
    }
    while (apr_isalnum(*s->at) || *s->at == '_') {
        s->at++;
    }
    return s->at - from == 1 ? (token_t){T_UNKNOWN, NULL}
           : s->at - from == 3 && !strncmp(from, "-in", 3)
               ? (token_t){T_IN, NULL}
               : (token_t){T_OTHER, NULL};
}

static token_t take_token(scan_t *s)
{
    if (*s->at == '\'' || *s->at == '"') {
        return take_string(s);
    }
    if (*s->at == '/') {
        s->at++;
        return take_regex(s, '/');
    }
    if (*s->at == '%' && s->at[1] == '{') {
        return take_variable(s);
    }
    if (strchr("(){},", *s->at)) {
        return (token_t){T_MARK, apr_pstrmemdup(s->pool, s->at++, 1)};
    }
    if (apr_isdigit(*s->at)) {
        return take_number(s);
    }
    if (apr_isalpha(*s->at)) {
        return take_word(s);
    }
    return *s->at == '-' ? take_dashed(s) : take_operator(s);
}

static bool take_tokens(scan_t *s)
{
    for (;;) {
        token_t token;

        s->at += strspn(s->at, " \t\n");
        if (!*s->at) {
            return true;
        }
        if (s->count == TOKENS_MAX) {
            return false;
        }
        token = take_token(s);
        if (token.kind == T_UNKNOWN) {
            return false;
        }
        s->tokens[s->count++] = token;
    }
}

/* ---- what they say ---- */

static types_t *either(scan_t *s);

static bool is_mark(const token_t *token, char mark)
{
    return token->kind == T_MARK && *token->text == mark;
}

/* The end of the term that begins here: && or ||, or the mark that closes. */
static int end_of_term(const scan_t *s)
{
    int depth = 0;
    int i = s->next;

    for (; i < s->count; i++) {
        const token_t *token = &s->tokens[i];

        if (!depth
            && (token->kind == T_AND || token->kind == T_OR
                || is_mark(token, ')'))) {
            break;
        }
        depth += is_mark(token, '(') || is_mark(token, '{');
        depth -= is_mark(token, ')') || is_mark(token, '}');
    }
    return i;
}

/* event('type') */
static bool is_type(const token_t *at)
{
    return at[0].kind == T_WORD && !strcmp(at[0].text, "event")
           && is_mark(&at[1], '(') && at[2].kind == T_STRING
           && !strcmp(at[2].text, "type") && is_mark(&at[3], ')');
}

static void add(types_t *types, const token_t *string)
{
    APR_ARRAY_PUSH(types, const char *) = string->text;
}

/* 'x', 'y' between braces; false: something else. */
static bool add_list(types_t *types, const token_t *at, int count)
{
    if (count < 3 || !is_mark(&at[0], '{') || !is_mark(&at[count - 1], '}')
        || count % 2 == 0) {
        return false;
    }
    for (int i = 1; i < count - 1; i++) {
        if (i % 2 ? at[i].kind != T_STRING : !is_mark(&at[i], ',')) {
            return false;
        }
        if (i % 2) {
            add(types, &at[i]);
        }
    }
    return true;
}

/* A comparison of the type with what is written there; NULL: another term. */
static types_t *compared(scan_t *s, const token_t *at, int count)
{
    types_t *types = apr_array_make(s->pool, 2, sizeof(const char *));

    if (count == 6 && is_type(at) && at[4].kind == T_EQUAL
        && at[5].kind == T_STRING) {
        add(types, &at[5]);
    }
    else if (count == 6 && at[0].kind == T_STRING && at[1].kind == T_EQUAL
             && is_type(at + 2)) {
        add(types, &at[0]);
    }
    else if (count < 8 || !is_type(at) || at[4].kind != T_IN
             || !add_list(types, at + 5, count - 5)) {
        return NULL;
    }
    return types;
}

/* Moves past it. */
static types_t *term(scan_t *s)
{
    int from = s->next;
    int end = end_of_term(s);
    types_t *types;

    if (is_mark(&s->tokens[from], '(') && is_mark(&s->tokens[end - 1], ')')) {
        s->next++;
        types = either(s);
        types = s->next == end - 1 ? types : NULL;
    }
    else {
        types = compared(s, &s->tokens[from], end - from);
    }
    s->next = end;
    return types;
}

/* One of the terms is enough. */
static types_t *all(scan_t *s)
{
    types_t *types = term(s);

    while (s->next < s->count && s->tokens[s->next].kind == T_AND) {
        types_t *other;

        s->next++;
        other = term(s);
        types = types ?: other;
    }
    return types;
}

/* Each of them is needed. */
static types_t *either(scan_t *s)
{
    types_t *types = all(s);

    while (s->next < s->count && s->tokens[s->next].kind == T_OR) {
        types_t *other;

        s->next++;
        other = all(s);
        types = types && other ? apr_array_append(s->pool, types, other)
                               : NULL;
    }
    return types;
}

apr_array_header_t *push_rule_types(apr_pool_t *pool, const char *expression)
{
    scan_t *s = apr_pcalloc(pool, sizeof(*s));
    types_t *types;

    s->pool = pool;
    s->at = expression;
    if (!take_tokens(s) || !s->count) {
        return NULL;
    }
    types = either(s);
    return s->next == s->count ? types : NULL;
}
