#include "triggers/template.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_uri.h>
#include <stdbool.h>
#include <string.h>

#define TEMPLATE_MAX 2048 /* bytes */

/* A piece of plain text, or a part of the event. */
typedef struct {
    const char *text; /* plain, or the path */
    bool is_path;
    bool encoded;
} piece_t;

struct push_template_t {
    const char *text;
    bool url;
    apr_array_header_t *pieces; /* piece_t */
};

/* ---- making ---- */

static const char legal[] = "%{event:PATH} or %{escape:%{event:PATH}}";

static bool starts(const char **at, const char *with)
{
    size_t len = strlen(with);

    if (strncmp(*at, with, len)) {
        return false;
    }
    *at += len;
    return true;
}

/* What stands behind "%{", and moves past it; NULL: malformed. */
static const char *take_path(apr_pool_t *pool, const char **at, bool *encoded)
{
    const char *path, *end;

    *encoded = starts(at, "escape:%{");
    if (!starts(at, "event:")) {
        return NULL;
    }
    end = strpbrk(*at, "{}%");
    if (!end || end == *at) {
        return NULL;
    }
    path = apr_pstrmemdup(pool, *at, (apr_size_t)(end - *at));
    *at = end;
    return starts(at, *encoded ? "}}" : "}") ? path : NULL;
}

static const char *split(apr_pool_t *pool, push_template_t *made)
{
    const char *at = made->text;

    while (*at) {
        const char *part = strstr(at, "%{");
        piece_t plain = {
            .text = part ? apr_pstrmemdup(pool, at, (apr_size_t)(part - at))
                         : at};
        piece_t *piece;

        if (*plain.text) {
            APR_ARRAY_PUSH(made->pieces, piece_t) = plain;
        }
        if (!part) {
            break;
        }
        at = part + 2;
        piece = apr_array_push(made->pieces);
        *piece = (piece_t){.is_path = true};
        piece->text = take_path(pool, &at, &piece->encoded);
        piece->encoded |= made->url;
        if (!piece->text) {
            return apr_psprintf(pool, "parts of the event are %s, not \"%s\"",
                                legal, part);
        }
    }
    return NULL;
}

static const char *bad_url(apr_pool_t *pool, const char *text)
{
    return apr_psprintf(pool,
                        "a URL begins with http:// or https:// and a host, "
                        "which are plain text without a user, and has neither "
                        "blanks nor a fragment; \"%s\" is none",
                        text);
}

/* Where it leads is said by the configuration alone. */
static const char *check_url(apr_pool_t *pool, const char *text)
{
    const char *host = strstr(text, "://");
    const char *origin;
    apr_uri_t uri = {0};

    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '#'
            || *at == '\\') {
            return bad_url(pool, text);
        }
    }
    if (!host) {
        return bad_url(pool, text);
    }
    host += 3;
    origin = apr_pstrmemdup(pool, text,
                            (apr_size_t)(host - text) + strcspn(host, "/?"));
    return strchr(origin, '%') || strchr(origin, '@')
                   || apr_uri_parse(pool, origin, &uri) != APR_SUCCESS
                   || !uri.scheme
                   || (strcmp(uri.scheme, "http")
                       && strcmp(uri.scheme, "https"))
                   || !uri.hostname || !*uri.hostname
               ? bad_url(pool, text)
               : NULL;
}

push_template_t *push_template_make(apr_pool_t *pool, const char *text,
                                    bool url, const char **error)
{
    push_template_t *made = apr_pcalloc(pool, sizeof(*made));
    size_t len = strlen(text);

    made->text = apr_pstrdup(pool, text);
    made->url = url;
    made->pieces = apr_array_make(pool, 4, sizeof(piece_t));
    *error = !len || len > TEMPLATE_MAX
                 ? apr_psprintf(pool, "1 to %d bytes", TEMPLATE_MAX)
                 : NULL;
    if (!*error && url) {
        *error = check_url(pool, text);
    }
    if (!*error) {
        *error = split(pool, made);
    }
    return *error ? NULL : made;
}

/* ---- filling ---- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static const char *percent_encoded(apr_pool_t *pool, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = apr_palloc(pool, 3 * strlen(text) + 1);
    char *at = encoded;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (is_unreserved(*text)) {
            *at++ = *text;
        }
        else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
    }
    *at = '\0';
    return encoded;
}

/* NULL: it must not be there. */
static const char *filled(const push_template_t *made, apr_pool_t *pool,
                          const push_trigger_event_t *event,
                          const piece_t *piece)
{
    const char *value;

    if (!piece->is_path) {
        return piece->text;
    }
    value = push_trigger_event_at(event, pool, piece->text);
    if (!value || !*value
        || (made->url && (!strcmp(value, ".") || !strcmp(value, "..")))) {
        return NULL;
    }
    return piece->encoded ? percent_encoded(pool, value) : value;
}

const char *push_template_fill(const push_template_t *made, apr_pool_t *pool,
                               const push_trigger_event_t *event)
{
    apr_array_header_t *texts = apr_array_make(pool, made->pieces->nelts,
                                               sizeof(const char *));

    for (int i = 0; i < made->pieces->nelts; i++) {
        const char *text = filled(made, pool, event,
                                  &APR_ARRAY_IDX(made->pieces, i, piece_t));

        if (!text) {
            return NULL;
        }
        APR_ARRAY_PUSH(texts, const char *) = text;
    }
    return apr_array_pstrcat(pool, texts, 0);
}

const char *push_template_text(const push_template_t *made)
{
    return made->text;
}
