#include "http/hold/instruct.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <jansson.h>

#include "codec/base64.h"
#include "http/params.h"
#include "http/verbatim.h"

typedef struct {
    request_rec *r;
    apr_table_t *headers;
    push_text_t body;
} instruct_t;

bool push_instruct_is(const request_rec *r)
{
    static const char type[] = "application/grip-instruct";
    size_t len = sizeof(type) - 1;

    return r->content_type && !strncasecmp(r->content_type, type, len)
           && (!r->content_type[len] || strchr("; ", r->content_type[len]));
}

/* A member that is none of these is refused by its name. */
static const push_problem_t *check_members(instruct_t *i, const char *of,
                                           const json_t *object,
                                           const char *const *names)
{
    const char *name;
    const json_t *value;

    if (!json_is_object(object)) {
        return push_asked_bad(i->r->pool, "%s: an object", of);
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const char *const *known = names;

        while (*known && strcmp(*known, name)) {
            known++;
        }
        if (!*known) {
            return push_asked_bad(i->r->pool, "%s.%s is not supported", of,
                                  apr_pstrdup(i->r->pool, name));
        }
    }
    return NULL;
}

static const char *copy(const instruct_t *i, const json_t *text)
{
    return apr_pstrdup(i->r->pool, json_string_value(text));
}

/* ---- hold ---- */

/* A number or digits; it becomes the value of a header, which is looked at
 * there. */
static void add_number(instruct_t *i, const char *name, const char *before,
                       const json_t *number)
{
    const char *text = json_is_integer(number) ? apr_psprintf(
                           i->r->pool, "%" APR_INT64_T_FMT,
                           (apr_int64_t)json_integer_value(number))
                       : json_is_string(number) ? copy(i, number)
                                                : "none";

    if (number) {
        apr_table_addn(i->headers, name,
                       apr_pstrcat(i->r->pool, before, text, NULL));
    }
}

static const push_problem_t *add_channels(instruct_t *i, const json_t *list)
{
    static const char *const names[] = {"name", NULL};
    const push_problem_t *problem = NULL;
    size_t at;
    const json_t *channel;

    if (!json_array_size(list)) {
        return push_asked_bad(i->r->pool, "hold.channels: a list of objects "
                                          "with a name");
    }
    json_array_foreach(list, at, channel)
    {
        const json_t *name = json_object_get(channel, "name");

        problem = check_members(i, "hold.channels", channel, names);
        if (problem) {
            return problem;
        }
        if (!json_is_string(name) || strpbrk(json_string_value(name), ",;")) {
            return push_asked_bad(i->r->pool, "hold.channels.name: a text "
                                              "without commas and semicolons");
        }
        apr_table_addn(i->headers, "Grip-Channel", copy(i, name));
    }
    return NULL;
}

static const push_problem_t *add_keep_alive(instruct_t *i, const json_t *of)
{
    static const char *const names[] = {"content", "content-bin", "timeout",
                                        "mode", NULL};

    if (!of) {
        return NULL;
    }
    add_number(i, "Grip-Keep-Alive",
               "; timeout=", json_object_get(of, "timeout"));
    return check_members(i, "hold.keep-alive", of, names);
}

static const push_problem_t *add_meta(instruct_t *i, const json_t *meta)
{
    static const char *const names[] = {"user", NULL};
    const json_t *user = json_object_get(meta, "user");

    if (user && !json_is_string(user)) {
        return push_asked_bad(i->r->pool, "hold.meta.user: a text");
    }
    if (user) {
        apr_table_addn(i->headers, "Grip-Set-Meta",
                       apr_psprintf(i->r->pool, "user=\"%s\"", copy(i, user)));
    }
    return meta ? check_members(i, "hold.meta", meta, names) : NULL;
}

static const push_problem_t *read_hold(instruct_t *i, const json_t *hold)
{
    static const char *const names[] = {"mode",       "channels", "timeout",
                                        "keep-alive", "meta",     NULL};
    const json_t *mode = json_object_get(hold, "mode");
    const push_problem_t *problem = check_members(i, "hold", hold, names);

    if (problem) {
        return problem;
    }
    if (!json_is_string(mode)) {
        return push_asked_bad(i->r->pool, "hold.mode: stream, or response");
    }
    apr_table_addn(i->headers, "Grip-Hold", copy(i, mode));
    add_number(i, "Grip-Timeout", "", json_object_get(hold, "timeout"));
    return add_channels(i, json_object_get(hold, "channels"))
        ?: add_keep_alive(i, json_object_get(hold, "keep-alive"))
        ?: add_meta(i, json_object_get(hold, "meta"));
}

/* ---- response ---- */

static const push_problem_t *set_header(instruct_t *i, const char *name,
                                        const json_t *value)
{
    const char *text = json_string_value(value);

    if (!text || !push_verbatim_header_valid(name, text)) {
        return push_asked_bad(i->r->pool, "response.headers: names of "
                                          "headers, and texts without "
                                          "controls");
    }
    if (!strcasecmp(name, "Content-Type")) {
        ap_set_content_type(i->r, apr_pstrdup(i->r->pool, text));
    }
    else {
        apr_table_add(i->r->headers_out, name, text);
    }
    return NULL;
}

/* {"NAME": "VALUE"}, or [["NAME", "VALUE"]] */
static const push_problem_t *set_headers(instruct_t *i, const json_t *headers)
{
    const push_problem_t *problem = NULL;
    const json_t *each;
    const char *name;
    size_t at;

    if (headers && !json_is_object(headers) && !json_is_array(headers)) {
        return push_asked_bad(i->r->pool, "response.headers: an object, or a "
                                          "list of pairs");
    }
    json_object_foreach((json_t *)(uintptr_t)headers, name, each)
    {
        problem = problem ?: set_header(i, name, each);
    }
    json_array_foreach(headers, at, each)
    {
        name = json_string_value(json_array_get(each, 0));
        problem = problem
                      ?: set_header(i, name ?: "", json_array_get(each, 1));
    }
    return problem;
}

static const push_problem_t *set_body(instruct_t *i, const json_t *response)
{
    const json_t *text = json_object_get(response, "body");
    const json_t *coded = json_object_get(response, "body-bin");
    size_t len = json_string_length(coded);
    char *bytes;

    if ((text && !json_is_string(text)) || (coded && !json_is_string(coded))) {
        return push_asked_bad(i->r->pool, "response.body: a text");
    }
    i->body = (push_text_t){apr_pstrmemdup(i->r->pool,
                                           json_string_value(text) ?: "",
                                           json_string_length(text)),
                            (uint32_t)json_string_length(text)};
    if (!coded) {
        return NULL;
    }
    bytes = apr_palloc(i->r->pool, len + 1);
    if (!push_base64_decode(json_string_value(coded), len, bytes, &len)) {
        return push_asked_bad(i->r->pool, "response.body-bin: base64");
    }
    i->body = (push_text_t){bytes, (uint32_t)len};
    return NULL;
}

static const push_problem_t *read_response(instruct_t *i, const json_t *of)
{
    static const char *const names[] = {"code", "reason",   "headers",
                                        "body", "body-bin", NULL};

    ap_set_content_type(i->r, NULL);
    if (!of) {
        return NULL;
    }
    add_number(i, "Grip-Status", "", json_object_get(of, "code"));
    return check_members(i, "response", of, names)
        ?: set_headers(i, json_object_get(of, "headers"))
        ?: set_body(i, of);
}

const push_problem_t *push_instruct_read(request_rec *r, push_text_t *body,
                                         const apr_table_t **headers)
{
    static const char *const names[] = {"hold", "response", NULL};
    instruct_t i = {.r = r, .headers = apr_table_make(r->pool, 8)};
    json_t *all = json_loadb(body->at, body->len, JSON_REJECT_DUPLICATES,
                             NULL);
    const push_problem_t *problem =
        all ? check_members(&i, "application/grip-instruct", all, names)
            : push_asked_bad(r->pool,
                             "application/grip-instruct: a JSON object");

    problem = problem
        ?: read_hold(&i, json_object_get(all, "hold"))
        ?: read_response(&i, json_object_get(all, "response"));
    json_decref(all);
    *body = i.body;
    *headers = i.headers;
    return problem;
}
