#ifndef PUSH_FETCH_H
#define PUSH_FETCH_H

#include <curl/curl.h>

#include "core/types.h"

/*
 * One request to a backend: libcurl's handle, what it is given, and what comes
 * back.  Where it goes is the configuration's; it follows no redirect.
 */

#define PUSH_FETCH_VALUE 256 /* bytes of a header that is looked at */

/* Headers of an answer that say something of the message. */
typedef enum push_fetch_field_t {
    PUSH_FETCH_TYPE,
    PUSH_FETCH_URGENCY,
    PUSH_FETCH_TTL,
    PUSH_FETCH_TOPIC,
    PUSH_FETCH_EVENT,
    PUSH_FETCH_TRACE,
    PUSH_FETCH_FIELDS
} push_fetch_field_t;

/* Their names, as HTTP has them. */
const char *push_fetch_field_name(push_fetch_field_t field);

typedef struct push_fetch_t {
    struct push_fetch_t *next; /* of those that are free */
    CURL *easy;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    char *body;
    size_t body_len, body_room, most; /* bytes */
    bool over;                        /* the body was larger than most */
    char fields[PUSH_FETCH_FIELDS][PUSH_FETCH_VALUE]; /* "": not given */
    void *data;                                       /* its user's */
} push_fetch_t;

/* How it ended. */
typedef struct push_fetched_t {
    long status;         /* of HTTP; 0: there was none */
    bool timed_out;      /* of 0 */
    int64_t retry_after; /* ms; 0: not said */
    int64_t us;          /* that it took */
    const char *error;   /* of 0: a sentence of libcurl's; else NULL */
} push_fetched_t;

/* NULL: there is no memory. */
push_fetch_t *push_fetch_create(void);
void push_fetch_destroy(push_fetch_t *fetch);

/* Begins anew, as a GET; the URL is copied.  timeout: ms; most: bytes. */
void push_fetch_prepare(push_fetch_t *fetch, const char *url, int64_t timeout,
                        size_t most);

/* Adds a header; one with a control in its value is left out. */
void push_fetch_header(push_fetch_t *fetch, const char *name,
                       push_text_t value);

/* Makes it a POST; the body is borrowed until the end. */
void push_fetch_post(push_fetch_t *fetch, push_text_t body);

/* False: libcurl refused. */
bool push_fetch_start(push_fetch_t *fetch, CURLM *multi);

/* It has ended, with libcurl's result, or is to end now. */
push_fetched_t push_fetch_finish(push_fetch_t *fetch, CURLM *multi,
                                 CURLcode result);

#endif
