#include "http/subscribe/wait.h"

#include <apr_strings.h>
#include <httpd.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "codec/sse.h"
#include "core/ids.h"
#include "http/prefer.h"
#include "http/subscribe/handshake.h"
#include "http/settings.h"

/* ---- Accept (RFC 9110, section 12.5.1) ---- */

/* The weight that the parameters of a media range give it. */
static double weight_of(const char *parameters)
{
    const char *q = parameters ? ap_strcasestr(parameters, "q=") : NULL;
    double weight = q ? strtod(q + 2, NULL) : 1;

    return weight >= 0 && weight <= 1 ? weight : 1;
}

/* How exactly a media range names the type: 0 is not at all. */
static int match(const char *range, const char *type)
{
    size_t major = strcspn(type, "/");

    if (!strcasecmp(range, type)) {
        return 3;
    }
    if (!strncasecmp(range, type, major) && !strcmp(range + major, "/*")) {
        return 2;
    }
    return !strcmp(range, "*/*");
}

/*
 * The quality that an Accept gives a type, by the range that names it most
 * exactly.
 */
static double acceptance(apr_pool_t *pool, const char *accept,
                         const char *type)
{
    char *list = apr_pstrdup(pool, accept);
    char *next = NULL;
    double weight = 0;
    int best = 0;

    for (char *range = apr_strtok(list, ",", &next); range;
         range = apr_strtok(NULL, ",", &next)) {
        char *parameters = strchr(range, ';');
        int exact;

        if (parameters) {
            *parameters++ = '\0';
        }
        apr_collapse_spaces(range, range);
        exact = match(range, type);
        if (exact > best) {
            best = exact;
            weight = weight_of(parameters);
        }
    }
    return weight;
}

static const push_codec_t *codec_for(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept
                   && acceptance(r->pool, accept, "text/event-stream")
                          > acceptance(r->pool, accept, "application/json")
               ? &push_codec_sse
               : &push_codec_json;
}

/* ---- how long ---- */

const push_problem_t *push_wait_parse(request_rec *r, push_params_t *params,
                                      push_wait_t *wait)
{
    uint64_t most = (uint64_t)push_settings(r)->max_wait / 1000;
    const char *text = NULL;
    uint64_t seconds = 0;
    const push_problem_t *problem = push_params_one(params, "wait", &text);

    wait->codec = &push_codec_sse;
    wait->websocket = push_handshake_asked(r);
    if (wait->websocket && !problem && text) {
        problem = push_problem(params->pool, 400, "bad-parameter",
                               "wait: not over WebSocket, which is a stream");
    }
    if (problem || wait->websocket) {
        return problem ? problem : push_handshake_check(r, &wait->codec);
    }
    if (text
        && (!push_number_parse(text, strlen(text), &seconds)
            || seconds > most)) {
        return push_problem(
            params->pool, 400, "bad-parameter",
            "wait: seconds, a number from 0 to %" APR_UINT64_T_FMT
            " (PushMaxWait)",
            most);
    }
    wait->polls = text || push_prefer_wait(r, &seconds);
    if (wait->polls) {
        wait->ms = (uint32_t)((seconds < most ? seconds : most) * 1000);
        wait->codec = codec_for(r);
    }
    return NULL;
}
