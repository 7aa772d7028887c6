#include "http/hold/asked.h"

#include <apr_strings.h>

#include "core/ids.h"
#include "http/capture/taken.h"
#include "http/params.h"
#include "http/settings.h"

#define LONGEST_BEAT 3600u /* seconds */

const push_problem_t *push_asked_bad(apr_pool_t *pool, const char *detail, ...)
{
    const push_problem_t *problem;
    va_list arguments;

    va_start(arguments, detail);
    problem = push_problem(pool, 502, "bad-hold", "%s",
                           apr_pvsprintf(pool, detail, arguments));
    va_end(arguments);
    return problem;
}

bool push_asked_is(const apr_table_t *taken)
{
    return apr_table_get(taken, "Push-Hold") != NULL;
}

/* ---- single headers ---- */

/* The value of a header that may be there once; NULL: it is not there. */
static const push_problem_t *one(request_rec *r, const apr_table_t *taken,
                                 const char *name, const char **value)
{
    return push_taken_count(taken, name, value) > 1
               ? push_asked_bad(r->pool, "%s: at most once", name)
               : NULL;
}

/* stream, response, or response; timeout=SECONDS */
static const push_problem_t *read_kind(request_rec *r,
                                       const apr_table_t *taken,
                                       push_asked_t *asked)
{
    static const char timeout[] = "timeout=";
    uint64_t most = (uint64_t)push_settings(r)->max_wait / 1000;
    uint64_t seconds = most;
    const char *text = NULL;
    const push_problem_t *problem = one(r, taken, "Push-Hold", &text);
    const char *rest;

    if (problem || !strcasecmp(text, "stream")) {
        return problem;
    }
    asked->polls = !strncasecmp(text, "response", 8);
    rest = text + (asked->polls ? 8 : 0);
    rest += strspn(rest, " ;");
    if (*rest && asked->polls && !strncasecmp(rest, timeout, 8)) {
        rest += 8;
        if (push_number_parse(rest, strlen(rest), &seconds) && seconds) {
            rest += strlen(rest);
        }
    }
    asked->wait = (uint32_t)((seconds < most ? seconds : most) * 1000);
    return asked->polls && !*rest
               ? NULL
               : push_asked_bad(r->pool, "Push-Hold: stream, or response, or "
                                         "response; timeout=SECONDS");
}

static const push_problem_t *read_user(request_rec *r,
                                       const apr_table_t *taken,
                                       push_asked_t *asked)
{
    const push_problem_t *problem = one(r, taken, "Push-User", &asked->user);

    if (!problem && asked->user
        && (!push_name_valid(push_text_of(asked->user))
            || *asked->user == '$')) {
        problem = push_asked_bad(r->pool,
                                 "Push-User: 1-255 bytes of UTF-8 without "
                                 "controls, which do not begin with $");
    }
    return problem;
}

static const push_problem_t *read_device(request_rec *r,
                                         const apr_table_t *taken,
                                         push_asked_t *asked)
{
    const push_problem_t *problem = one(r, taken, "Push-Device",
                                        &asked->device);

    if (!problem && asked->device
        && !push_device_valid(asked->device, strlen(asked->device))) {
        problem = push_asked_bad(r->pool,
                                 "Push-Device: 1-128 of A-Z a-z 0-9 . _ ~ -");
    }
    return problem;
}

static const push_problem_t *read_keep_alive(request_rec *r,
                                             const apr_table_t *taken,
                                             push_asked_t *asked)
{
    const char *text = NULL;
    const push_problem_t *problem = one(r, taken, "Push-Keep-Alive", &text);
    uint64_t seconds = 0;

    if (problem || !text) {
        return problem;
    }
    if (!push_number_parse(text, strlen(text), &seconds) || !seconds
        || seconds > LONGEST_BEAT) {
        return push_asked_bad(r->pool,
                              "Push-Keep-Alive: seconds, a number from 1 to "
                              "%u",
                              LONGEST_BEAT);
    }
    asked->heartbeat = (uint32_t)seconds * 1000;
    return NULL;
}

/* ---- channels ---- */

static int add_channels(void *data, const char *name, const char *value)
{
    apr_array_header_t *channels = data;
    char *list = apr_pstrdup(channels->pool, value);
    char *next = NULL;

    (void)name;
    for (char *at = apr_strtok(list, ",", &next); at;
         at = apr_strtok(NULL, ",", &next)) {
        size_t len;

        at += strspn(at, " \t");
        len = strlen(at);
        while (len && strchr(" \t", at[len - 1])) {
            len--;
        }
        if (len) {
            at[len] = '\0';
            APR_ARRAY_PUSH(channels, push_text_t) = push_text_of(at);
        }
    }
    return 1;
}

/* FastCGI joins what came several times by commas, so these are no names. */
static const push_problem_t *read_channels(request_rec *r,
                                           const apr_table_t *taken,
                                           push_asked_t *asked)
{
    apr_array_header_t *channels = apr_array_make(r->pool, 4,
                                                  sizeof(push_text_t));
    int64_t most = push_settings(r)->max_channels_device;

    apr_table_do(add_channels, channels, taken, "Push-Channel", NULL);
    asked->channels = channels;
    if (channels->nelts > most) {
        return push_asked_bad(r->pool,
                              "Push-Channel: at most %" APR_INT64_T_FMT
                              " channels (PushMaxChannelsPerDevice)",
                              most);
    }
    for (int i = 0; i < channels->nelts; i++) {
        if (!push_name_valid(APR_ARRAY_IDX(channels, i, push_text_t))) {
            return push_asked_bad(r->pool,
                                  "Push-Channel: 1-255 bytes of UTF-8 "
                                  "without controls and commas");
        }
    }
    return NULL;
}

const push_problem_t *push_asked_read(request_rec *r, const apr_table_t *taken,
                                      push_asked_t *asked)
{
    memset(asked, 0, sizeof(*asked));
    return read_kind(r, taken, asked)
        ?: read_user(r, taken, asked)
        ?: read_device(r, taken, asked)
        ?: read_keep_alive(r, taken, asked)
        ?: read_channels(r, taken, asked);
}
