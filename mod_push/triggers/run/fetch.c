#include "triggers/run/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "outgoing/easy.h"

#define HEADER_BYTES 4096
#define AFTER_MAX_S  86400
#define BODY_FIRST   4096

static const char *const names[PUSH_FETCH_FIELDS] = {
    [PUSH_FETCH_TYPE] = "Content-Type", [PUSH_FETCH_URGENCY] = "Urgency",
    [PUSH_FETCH_TTL] = "TTL",           [PUSH_FETCH_TOPIC] = "Topic",
    [PUSH_FETCH_EVENT] = "Push-Event",  [PUSH_FETCH_TRACE] = "traceparent"};

const char *push_fetch_field_name(push_fetch_field_t field)
{
    return names[field];
}

/* ---- what comes back ---- */

static bool make_room(push_fetch_t *fetch, size_t len)
{
    size_t room = fetch->body_room ? fetch->body_room : BODY_FIRST;
    char *bytes;

    while (room < fetch->body_len + len) {
        room *= 2;
    }
    if (room == fetch->body_room) {
        return true;
    }
    bytes = realloc(fetch->body, room);
    if (bytes) {
        fetch->body = bytes;
        fetch->body_room = room;
    }
    return bytes != NULL;
}

static size_t take_body(char *bytes, size_t one, size_t len, void *data)
{
    push_fetch_t *fetch = data;

    (void)one;
    if (len > fetch->most - fetch->body_len) {
        fetch->over = true;
        return 0;
    }
    if (!make_room(fetch, len)) {
        return 0;
    }
    memcpy(fetch->body + fetch->body_len, bytes, len);
    fetch->body_len += len;
    return len;
}

static void take_value(push_fetch_t *fetch, push_fetch_field_t field,
                       const char *at, size_t len)
{
    char *value = fetch->fields[field];

    while (len && (*at == ' ' || *at == '\t')) {
        at++;
        len--;
    }
    while (len && strchr(" \t\r\n", at[len - 1])) {
        len--;
    }
    /* One that is cut is longer than any that is good. */
    len = len < PUSH_FETCH_VALUE ? len : PUSH_FETCH_VALUE - 1;
    memcpy(value, at, len);
    value[len] = '\0';
}

static size_t take_header(char *bytes, size_t one, size_t len, void *data)
{
    push_fetch_t *fetch = data;

    (void)one;
    if (len > 5 && !memcmp(bytes, "HTTP/", 5)) {
        memset(fetch->fields, 0, sizeof(fetch->fields));
    }
    for (unsigned i = 0; i < PUSH_FETCH_FIELDS; i++) {
        size_t name = strlen(names[i]);

        if (len > name && bytes[name] == ':'
            && !strncasecmp(bytes, names[i], name)) {
            take_value(fetch, i, bytes + name + 1, len - name - 1);
        }
    }
    return len;
}

/* ---- what it is given ---- */

static void set_callbacks(push_fetch_t *fetch)
{
    curl_easy_setopt(fetch->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(fetch->easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(fetch->easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_ERRORBUFFER, fetch->error);
    curl_easy_setopt(fetch->easy, CURLOPT_PRIVATE, fetch);
}

push_fetch_t *push_fetch_create(void)
{
    push_fetch_t *fetch = calloc(1, sizeof(*fetch));
    CURL *easy = curl_easy_init();

    if (!fetch || !easy) {
        curl_easy_cleanup(easy);
        free(fetch);
        return NULL;
    }
    fetch->easy = easy;
    set_callbacks(fetch);
    push_outgoing_prepare(easy);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    return fetch;
}

void push_fetch_destroy(push_fetch_t *fetch)
{
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    free(fetch->body);
    free(fetch);
}

void push_fetch_prepare(push_fetch_t *fetch, const char *url, int64_t timeout,
                        size_t most)
{
    CURL *easy = fetch->easy;

    curl_slist_free_all(fetch->headers);
    fetch->headers = NULL;
    fetch->error[0] = '\0';
    fetch->body_len = 0;
    fetch->most = most;
    fetch->over = false;
    memset(fetch->fields, 0, sizeof(fetch->fields));
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    push_outgoing_address(easy, url, timeout);
}

static bool has_control(push_text_t value)
{
    for (uint32_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.at[i] < 0x20 || value.at[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

void push_fetch_header(push_fetch_t *fetch, const char *name,
                       push_text_t value)
{
    char line[HEADER_BYTES];
    struct curl_slist *more = NULL;

    if (value.len && !has_control(value)) {
        snprintf(line, sizeof(line), "%s: %.*s", name, (int)value.len,
                 value.at);
        more = curl_slist_append(fetch->headers, line);
    }
    if (more) {
        fetch->headers = more;
    }
}

void push_fetch_post(push_fetch_t *fetch, push_text_t body)
{
    struct curl_slist *more = curl_slist_append(fetch->headers, "Expect:");

    if (more) {
        fetch->headers = more; /* no round trip before a large body */
    }
    curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDS, body.at);
    curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)body.len);
}

bool push_fetch_start(push_fetch_t *fetch, CURLM *multi)
{
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
    return curl_multi_add_handle(multi, fetch->easy) == CURLM_OK;
}

push_fetched_t push_fetch_finish(push_fetch_t *fetch, CURLM *multi,
                                 CURLcode result)
{
    push_fetched_t end = {0};
    curl_off_t after = 0;
    curl_off_t us = 0;

    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &end.status);
    curl_easy_getinfo(fetch->easy, CURLINFO_RETRY_AFTER, &after);
    curl_easy_getinfo(fetch->easy, CURLINFO_TOTAL_TIME_T, &us);
    curl_multi_remove_handle(multi, fetch->easy);
    end.us = us;
    end.retry_after = after < 0             ? 0
                      : after > AFTER_MAX_S ? AFTER_MAX_S * 1000
                                            : (int64_t)after * 1000;
    if (result != CURLE_OK && !fetch->over) {
        end.status = 0;
        end.timed_out = result == CURLE_OPERATION_TIMEDOUT;
        end.error = fetch->error[0] ? fetch->error
                                    : curl_easy_strerror(result);
    }
    return end;
}
