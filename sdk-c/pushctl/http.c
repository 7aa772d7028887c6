#include "http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Larger answers are none of the administration's. */
#define BODY_MAX (256u << 20)

#define TOKEN_MAX 8193

struct ctl_http {
    const struct ctl *ctl; /* borrowed */
    CURL *easy;
    struct curl_slist *headers;
    ctl_http_stop_fn stop;
    void *stop_ctx;
    char said[CURL_ERROR_SIZE];

    /* ---- of the answer under way ---- */
    char *body; /* with a NUL behind it */
    size_t length, room;
};

/* ---- callbacks of libcurl ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct ctl_http *h = ctx;
    size_t n = size * count;

    if (h->length + n + 1 > h->room) {
        size_t room = 2 * h->room + n + 4096;
        char *more = room < BODY_MAX ? realloc(h->body, room) : NULL;

        if (!more) {
            return 0;
        }
        h->body = more;
        h->room = room;
    }
    memcpy(h->body + h->length, bytes, n);
    h->length += n;
    h->body[h->length] = '\0';
    return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t d,
                       curl_off_t e)
{
    const struct ctl_http *h = ctx;

    (void)a, (void)b, (void)d, (void)e;
    return h->stop && h->stop(h->stop_ctx);
}

static int on_debug(CURL *easy, curl_infotype type, char *text, size_t size,
                    void *ctx)
{
    const struct ctl_http *h = ctx;
    char line[256];

    (void)easy;
    if (type == CURLINFO_TEXT) {
        snprintf(line, sizeof(line), "%.*s", (int)size, text);
        line[strcspn(line, "\r\n")] = '\0';
        common_say(&h->ctl->common, "%s", line);
    }
    return 0;
}

/* ---- opening ---- */

static int set(CURL *e, CURLoption option, const char *value)
{
    return value && curl_easy_setopt(e, option, value) != CURLE_OK;
}

static void set_behaviour(struct ctl_http *h)
{
    CURL *e = h->easy;

    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->said);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_TIMEOUT, h->ctl->timeout);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, h);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(e, CURLOPT_DEBUGDATA, h);
    curl_easy_setopt(e, CURLOPT_VERBOSE, (long)h->ctl->common.verbose);
}

static int add_header(struct ctl_http *h, const char *line)
{
    struct curl_slist *more = curl_slist_append(h->headers, line);

    h->headers = more ? more : h->headers;
    return more ? 0 : -1;
}

/* Not 0: libcurl did not take all of them. */
static int set_all(struct ctl_http *h)
{
    const pushc_options *o = &h->ctl->common.pushc;
    CURL *e = h->easy;

    set_behaviour(h);
    if (add_header(h, "Push-Client: pushctl/" PUSHC_VERSION) != 0) {
        return -1;
    }
    for (size_t i = 0; i < o->header_count; i++) {
        if (add_header(h, o->headers[i]) != 0) {
            return -1;
        }
    }
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
    return set(e, CURLOPT_PROTOCOLS_STR, "http,https")
           | set(e, CURLOPT_USERAGENT, "pushctl/" PUSHC_VERSION)
           | set(e, CURLOPT_CAINFO, o->ca_file)
           | set(e, CURLOPT_SSLCERT, o->cert_file)
           | set(e, CURLOPT_SSLKEY, o->key_file)
           | set(e, CURLOPT_PINNEDPUBLICKEY, o->pinned_key)
           | set(e, CURLOPT_PROXY, o->proxy)
           | set(e, CURLOPT_USERNAME, o->username)
           | set(e, CURLOPT_PASSWORD, o->password);
}

struct ctl_http *ctl_http_open(const struct ctl *c)
{
    struct ctl_http *h = calloc(1, sizeof(*h));

    if (!h) {
        return NULL;
    }
    h->ctl = c;
    h->easy = curl_easy_init();
    if (!h->easy || set_all(h) != 0) {
        ctl_http_close(h);
        return NULL;
    }
    return h;
}

void ctl_http_close(struct ctl_http *h)
{
    if (h) {
        curl_easy_cleanup(h->easy);
        curl_slist_free_all(h->headers);
        free(h->body);
        free(h);
    }
}

void ctl_http_stop(struct ctl_http *h, ctl_http_stop_fn stop, void *ctx)
{
    h->stop = stop;
    h->stop_ctx = ctx;
}

/* ---- asking ---- */

/* Give libcurl the token as it is now; not 0: there is none to be had. */
static int set_token(struct ctl_http *h)
{
    const pushc_options *o = &h->ctl->common.pushc;
    char text[TOKEN_MAX];
    const char *token = o->token;
    int failed = 0;

    if (o->on_token) {
        failed = o->on_token((void *)&h->ctl->common, 0, text, sizeof(text));
        token = text;
    }
    failed = failed || (token && strpbrk(token, "\r\n"));
    if (token && !failed) {
        curl_easy_setopt(h->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        failed = set(h->easy, CURLOPT_XOAUTH2_BEARER, token);
    }
    explicit_bzero(text, sizeof(text));
    return failed;
}

static int failure_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return EXIT_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return EXIT_USAGE;
    default:
        return EXIT_UNREACHED;
    }
}

static int exit_of(long status)
{
    return status / 100 == 2                ? EXIT_OK
           : status == 401 || status == 403 ? EXIT_DENIED
           : status == 404                  ? EXIT_MISSING
                                            : EXIT_FAILED;
}

/* The detail of a problem (RFC 9457), or what little there is to say. */
static void say_why(const struct ctl_http *h, struct ctl_answer *answer)
{
    const char *detail = json_string_value(
        json_object_get(answer->json, "detail"));
    char *clean = ctl_text_clean(detail ? detail : "");

    if (answer->exit == EXIT_OK) {
        answer->exit = EXIT_FAILED;
        snprintf(answer->error, sizeof(answer->error),
                 "the answer is no JSON: is %.200s where a PushEndpoint admin "
                 "is?",
                 h->ctl->common.pushc.url);
    }
    else if (clean && *clean) {
        snprintf(answer->error, sizeof(answer->error), "HTTP %ld: %s",
                 answer->status, clean);
    }
    else {
        snprintf(answer->error, sizeof(answer->error), "HTTP %ld",
                 answer->status);
    }
    free(clean);
}

static void judge(struct ctl_http *h, CURLcode code, struct ctl_answer *answer)
{
    if (code != CURLE_OK) {
        answer->exit = failure_of(code);
        snprintf(answer->error, sizeof(answer->error), "%s",
                 *h->said ? h->said : curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &answer->status);
    answer->exit = exit_of(answer->status);
    answer->json = h->body ? json_loadb(h->body, h->length, 0, NULL) : NULL;
    if (answer->exit != EXIT_OK || !answer->json) {
        say_why(h, answer);
    }
}

void ctl_http_ask(struct ctl_http *h, const char *method, const char *path,
                  struct ctl_answer *answer)
{
    const char *base = h->ctl->common.pushc.url;
    size_t size = strlen(base) + strlen(path) + 2;
    char *url = malloc(size);

    memset(answer, 0, sizeof(*answer));
    answer->exit = EXIT_FAILED;
    snprintf(answer->error, sizeof(answer->error), "no memory");
    h->length = 0;
    h->said[0] = '\0';
    if (url) {
        snprintf(url, size, "%s/%s", base, path);
    }
    if (url && set_token(h) != 0) {
        answer->exit = EXIT_DENIED;
        snprintf(answer->error, sizeof(answer->error),
                 "there is no token, or it is none");
    }
    else if (url && !set(h->easy, CURLOPT_URL, url)) {
        answer->error[0] = '\0';
        curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, method);
        judge(h, curl_easy_perform(h->easy), answer);
    }
    free(url);
}

int ctl_ask(const struct ctl *c, const char *method, const char *path,
            json_t **json)
{
    struct ctl_http *h = ctl_http_open(c);
    struct ctl_answer answer = {EXIT_FAILED, 0, NULL,
                                "libcurl does not take these settings"};

    if (h) {
        ctl_http_ask(h, method, path, &answer);
    }
    ctl_http_close(h);
    if (answer.exit != EXIT_OK) {
        common_say(&c->common, "%s", answer.error);
        json_decref(answer.json);
        answer.json = NULL;
    }
    *json = answer.json;
    return answer.exit;
}

/* ---- paths ---- */

char *ctl_path(const char *before, const char *name, const char *after)
{
    size_t size = strlen(before) + 3 * strlen(name) + strlen(after) + 1;
    char *path = malloc(size);
    char *at = path;

    if (!path) {
        return NULL;
    }
    at += sprintf(at, "%s", before);
    for (; *name; name++) {
        at += sprintf(at, "%%%02X", (unsigned char)*name);
    }
    strcpy(at, after);
    return path;
}

char *ctl_path_with(char *path, const char *name, const char *value)
{
    char *before = NULL;
    char *longer = NULL;

    if (!value) {
        return path;
    }
    if (path
        && asprintf(&before, "%s%c%s=", path, strchr(path, '?') ? '&' : '?',
                    name)
               >= 0) {
        longer = ctl_path(before, value, "");
        free(before);
    }
    free(path);
    return longer;
}

int ctl_ask_name(const struct ctl *c, const char *method, const char *before,
                 const char *name, json_t **json)
{
    char *path = ctl_path(before, name, "");
    int status = EXIT_FAILED;

    *json = NULL;
    if (path) {
        status = ctl_ask(c, method, path, json);
    }
    free(path);
    return status;
}
