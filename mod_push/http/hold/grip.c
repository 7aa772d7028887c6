#include "http/hold/grip.h"

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "core/ids.h"
#include "http/identity/base64url.h"
#include "http/params.h"
#include "http/settings.h"
#include "http/verbatim.h"

#define LONGEST_BEAT 3600u /* seconds */
#define USUAL_BEAT   55u
#define SIG_LIFETIME 3600 /* seconds */

typedef struct {
    apr_pool_t *pool;
    push_asked_t *asked;
    apr_array_header_t *channels;
    const push_problem_t *problem;
    unsigned holds;
} reading_t;

bool push_grip_is(const apr_table_t *taken)
{
    return apr_table_get(taken, "Grip-Hold") != NULL;
}

/* Cuts the blanks around a text off. */
static char *trimmed(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len && strchr(" \t", text[len - 1])) {
        len--;
    }
    text[len] = '\0';
    return text;
}

/* ---- single headers ---- */

static void read_hold(reading_t *g, const char *value)
{
    bool response = !strcmp(value, "response");

    if (g->holds++ || (!response && strcmp(value, "stream"))) {
        g->problem = push_asked_bad(g->pool,
                                    "Grip-Hold: stream, or response, once");
        return;
    }
    g->asked->polls = response;
    g->asked->verbatim = response;
}

/* NAME[; PARAMETER]..., with commas between two channels. */
static void read_channels(reading_t *g, const char *value)
{
    char *list = apr_pstrdup(g->pool, value);
    char *next = NULL;

    for (char *at = apr_strtok(list, ",", &next); at && !g->problem;
         at = apr_strtok(NULL, ",", &next)) {
        char *parameters = strchr(at, ';');
        push_text_t name;

        if (parameters) {
            *parameters++ = '\0';
            g->problem = push_asked_bad(
                g->pool,
                "Grip-Channel: names; a parameter (%s) is not "
                "supported",
                trimmed(parameters));
            return;
        }
        name = push_text_of(trimmed(at));
        if (!push_name_valid(name)) {
            g->problem = push_asked_bad(g->pool,
                                        "Grip-Channel: 1-255 bytes of UTF-8 "
                                        "without controls, commas and "
                                        "semicolons");
            return;
        }
        APR_ARRAY_PUSH(g->channels, push_text_t) = name;
    }
}

/* What is sent in silence is ours; how often, theirs. */
static void read_keep_alive(reading_t *g, const char *value)
{
    const char *timeout = ap_strcasestr(value, "timeout=");
    uint64_t seconds = USUAL_BEAT;
    size_t len = timeout ? strcspn(timeout + 8, "; ") : 0;

    if (timeout
        && (!push_number_parse(timeout + 8, len, &seconds) || !seconds
            || seconds > LONGEST_BEAT)) {
        g->problem = push_asked_bad(g->pool,
                                    "Grip-Keep-Alive: timeout, a number from "
                                    "1 to %u",
                                    LONGEST_BEAT);
        return;
    }
    g->asked->heartbeat = (uint32_t)seconds * 1000;
}

/* user=NAME, in quotes or not */
static void read_meta(reading_t *g, const char *value)
{
    char *user = apr_pstrdup(g->pool, value);
    size_t len;

    if (!strncmp(user, "user=", 5)) {
        user = trimmed(user + 5);
        len = strlen(user);
        if (len >= 2 && *user == '"' && user[len - 1] == '"') {
            user[len - 1] = '\0';
            user++;
        }
        if (push_name_valid(push_text_of(user)) && *user != '$'
            && !strpbrk(user, "\",")) {
            g->asked->user = user;
            return;
        }
    }
    g->problem = push_asked_bad(g->pool,
                                "Grip-Set-Meta: user=\"NAME\", a name "
                                "of a user; no other is supported");
}

static void read_status(reading_t *g, const char *value)
{
    uint64_t code;

    if (!push_number_parse(value, strlen(value), &code) || code < 200
        || code > 599) {
        g->problem = push_asked_bad(g->pool, "Grip-Status: 200 to 599");
        return;
    }
    g->asked->status = (int)code;
}

/* Seconds; more than PushMaxWait is that. */
static void read_timeout(reading_t *g, const char *value)
{
    uint64_t seconds;

    if (!push_number_parse(value, strlen(value), &seconds) || !seconds) {
        g->problem = push_asked_bad(g->pool,
                                    "Grip-Timeout: seconds, from 1 on");
        return;
    }
    g->asked->wait = seconds < g->asked->wait / 1000 ? (uint32_t)seconds * 1000
                                                     : g->asked->wait;
}

/* Who resumes here needs no other request for what it missed. */
static void read_link(reading_t *g, const char *value)
{
    if (!ap_strcasestr(value, "rel=next")
        && !ap_strcasestr(value, "rel=\"next\"")) {
        g->problem = push_asked_bad(g->pool,
                                    "Grip-Link: rel=next, which means nothing "
                                    "here; no other is supported");
    }
}

static int read_one(void *data, const char *name, const char *value)
{
    static const struct {
        const char *name;
        void (*read)(reading_t *g, const char *value);
    } rows[] = {{"Grip-Hold", read_hold},
                {"Grip-Channel", read_channels},
                {"Grip-Keep-Alive", read_keep_alive},
                {"Grip-Set-Meta", read_meta},
                {"Grip-Status", read_status},
                {"Grip-Link", read_link},
                {"Grip-Timeout", read_timeout}};
    reading_t *g = data;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!strcasecmp(name, rows[i].name)) {
            rows[i].read(g, value);
            return !g->problem;
        }
    }
    g->problem = push_asked_bad(g->pool, "%s is not supported beside %s", name,
                                "Grip-Hold");
    return 0;
}

/* What goes with one of both only. */
static const push_problem_t *check_kind(const reading_t *g)
{
    if (!g->asked->verbatim) {
        return !g->asked->status || g->asked->status == HTTP_OK
                   ? NULL
                   : push_asked_bad(g->pool, "Grip-Status: 200, beside "
                                             "Grip-Hold: stream");
    }
    if (g->asked->user) {
        return push_asked_bad(g->pool, "Grip-Set-Meta: only beside "
                                       "Grip-Hold: stream");
    }
    for (int i = 0; i < g->channels->nelts; i++) {
        if (APR_ARRAY_IDX(g->channels, i, push_text_t).len
            > PUSH_VERBATIM_NAME_MAX) {
            return push_asked_bad(g->pool,
                                  "Grip-Channel: 1-%u bytes, beside "
                                  "Grip-Hold: response",
                                  (unsigned)PUSH_VERBATIM_NAME_MAX);
        }
    }
    return NULL;
}

const push_problem_t *push_grip_read(request_rec *r, const apr_table_t *taken,
                                     push_asked_t *asked)
{
    reading_t g = {.pool = r->pool, .asked = asked};
    int64_t most = push_settings(r)->max_channels_device;

    asked->wait = (uint32_t)push_settings(r)->max_wait;
    g.channels = apr_array_make(r->pool, 4, sizeof(push_text_t));
    apr_table_do(read_one, &g, taken, NULL);
    asked->channels = g.channels;
    if (!g.problem && g.channels->nelts > most) {
        g.problem = push_asked_bad(r->pool,
                                   "Grip-Channel: at most %" APR_INT64_T_FMT
                                   " channels (PushMaxChannelsPerDevice)",
                                   most);
    }
    return g.problem ?: check_kind(&g);
}

/* ---- requests ---- */

static const char *encoded(apr_pool_t *pool, const void *bytes, size_t len)
{
    char *text = push_base64url_encode(bytes, len);
    const char *copy = text ? apr_pstrdup(pool, text) : NULL;

    free(text);
    return copy;
}

/* HS256 (RFC 7515, RFC 7518, section 3.2) of iss and exp; NULL: no memory. */
static const char *token(request_rec *r, const push_grip_t *grip)
{
    static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    const char *claims = apr_psprintf(
        r->pool, "{\"iss\":\"%s\",\"exp\":%" APR_INT64_T_FMT "}", grip->issuer,
        (apr_int64_t)(apr_time_sec(r->request_time) + SIG_LIFETIME));
    const char *first = encoded(r->pool, head, sizeof(head) - 1);
    const char *second = encoded(r->pool, claims, strlen(claims));
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const char *text;

    if (!first || !second) {
        return NULL;
    }
    text = apr_pstrcat(r->pool, first, ".", second, NULL);
    if (!HMAC(EVP_sha256(), grip->key.at, (int)grip->key.len,
              (const unsigned char *)text, strlen(text), mac, &len)) {
        return NULL;
    }
    second = encoded(r->pool, mac, len);
    return second ? apr_pstrcat(r->pool, text, ".", second, NULL) : NULL;
}

void push_grip_sign(request_rec *r)
{
    const push_grip_t *grip = push_settings(r)->capture.grip;
    const char *signature = grip ? token(r, grip) : NULL;

    if (signature) {
        apr_table_setn(r->headers_in, "Grip-Sig", signature);
        apr_table_setn(r->headers_in, "Grip-Feature", "status");
    }
}
