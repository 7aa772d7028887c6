/*
 * What applications answer to have a connection held: lines of headers, an
 * empty line, and the body.  What is taken keeps to every limit, and what is
 * not is a problem that blames the application.  The same bytes are a whole
 * answer, and a header of messages.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <httpd.h>

#include "core/ids.h"
#include "core/text.h"
#include "http/capture/sequence.h"
#include "http/hold/grip.h"
#include "http/hold/instruct.h"
#include "http/params.h"
#include "http/settings.h"
#include "http/verbatim.h"

#include "fuzz.h"

#define MAX_WAIT     55000
#define MAX_CHANNELS 4

/* ---- what is asked for ---- */

static void check_asked(const push_asked_t *asked)
{
    REQUIRE(asked->wait <= MAX_WAIT);
    REQUIRE(asked->heartbeat <= 3600 * 1000);
    REQUIRE(!asked->status || (asked->status >= 200 && asked->status <= 599));
    REQUIRE(!asked->user
            || (push_name_valid(push_text_of(asked->user))
                && *asked->user != '$'));
    REQUIRE(!asked->device
            || push_device_valid(asked->device, strlen(asked->device)));
    REQUIRE(asked->channels->nelts <= MAX_CHANNELS);
    for (int i = 0; i < asked->channels->nelts; i++) {
        REQUIRE(
            push_name_valid(APR_ARRAY_IDX(asked->channels, i, push_text_t)));
    }
}

/* What a response says gets to the client: none of it ends a line. */
static int check_header(void *data, const char *name, const char *value)
{
    (void)data;
    REQUIRE(push_verbatim_header_valid(name, value));
    return 1;
}

static const push_problem_t *read_asked(request_rec *r, push_text_t body,
                                        const apr_table_t *taken,
                                        push_asked_t *asked)
{
    const push_problem_t *problem = NULL;

    if (push_instruct_is(r)) {
        problem = push_instruct_read(r, &body, &taken);
        apr_table_do(check_header, NULL, r->headers_out, NULL);
    }
    if (problem || push_asked_is(taken)) {
        return problem ?: push_asked_read(r, taken, asked);
    }
    return push_grip_is(taken) ? push_grip_read(r, taken, asked)
                               : push_asked_bad(r->pool, "nothing");
}

static push_text_t read_lines(request_rec *r, apr_table_t *taken, char *line,
                              const char *behind)
{
    while (*line && *line != '\n') {
        char *end = line + strcspn(line, "\n");
        char *value = memchr(line, ':', (size_t)(end - line));
        bool last = !*end;

        *end = '\0';
        if (value) {
            *value++ = '\0';
            value += strspn(value, " ");
            apr_table_addn(taken, line, value);
            if (!strcasecmp(line, "Content-Type")) {
                r->content_type = value;
                apr_table_unset(taken, line);
            }
        }
        line = last ? end : end + 1;
    }
    line += *line == '\n';
    return (push_text_t){line, (uint32_t)(behind - line)};
}

static void try_hold(apr_pool_t *pool, push_text_t bytes)
{
    push_settings_t settings = {.max_wait = MAX_WAIT,
                                .max_channels_device = MAX_CHANNELS};
    void *config[] = {&settings};
    request_rec r = {.pool = pool,
                     .per_dir_config = (struct ap_conf_vector_t *)config,
                     .headers_out = apr_table_make(pool, 4)};
    apr_table_t *taken = apr_table_make(pool, 4);
    char *copy = apr_pstrmemdup(pool, bytes.at, bytes.len);
    push_text_t body = read_lines(&r, taken, copy, copy + bytes.len);
    push_asked_t asked = {0};
    const push_problem_t *problem = read_asked(&r, body, taken, &asked);

    if (problem) {
        REQUIRE(problem->status == 502 && *problem->detail);
    }
    else {
        check_asked(&asked);
    }
}

/* ---- a whole answer ---- */

/* Written and read again it is the same. */
static void try_verbatim(apr_pool_t *pool, push_text_t bytes)
{
    push_verbatim_t answer = {0}, again = {0};
    int64_t len = push_verbatim_read(pool, bytes, &answer);
    push_text_t written;

    REQUIRE(len >= -1 && len <= bytes.len);
    if (len <= 0) {
        return;
    }
    REQUIRE(answer.code >= 200 && answer.code <= 599);
    REQUIRE(push_verbatim_reason_valid(answer.reason));
    apr_table_do(check_header, NULL, answer.headers, NULL);
    answer.body = (push_text_t){bytes.at + len, bytes.len - (uint32_t)len};
    written = push_verbatim_write(pool, &answer);
    len = push_verbatim_read(pool, written, &again);
    REQUIRE(len > 0 && again.code == answer.code);
    REQUIRE(!strcmp(again.reason, answer.reason));
    REQUIRE(apr_table_elts(again.headers)->nelts
            >= apr_table_elts(answer.headers)->nelts);
    REQUIRE(answer.code == 204 || answer.code == 304
            || written.len - (uint32_t)len == answer.body.len);
}

/* ---- several messages in one header ---- */

static void try_sequence(push_text_t bytes)
{
    push_text_t rest = bytes;
    push_text_t object;

    while (push_sequence_next(&rest, &object)) {
        REQUIRE(object.at >= bytes.at);
        REQUIRE(object.at + object.len == rest.at);
        REQUIRE(rest.at + rest.len == bytes.at + bytes.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy = fuzz_copy(bytes, size);
    push_text_t text = {copy, (uint32_t)size};
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    try_hold(pool, text);
    try_verbatim(pool, text);
    try_sequence(text);
    apr_pool_destroy(pool);
    free(copy);
    return 0;
}
