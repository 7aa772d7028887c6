/*
 * Plain requests: one request, one answer, or several on one connection.
 */
#ifndef HARNESS_HTTP_H
#define HARNESS_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "server.h"
#include "wire.h"

/* An answer as it came; it lives until the test ends. */
struct answer {
    int status;
    const char *head;   /* status line and headers */
    const char *body;   /* decoded of chunking, then a NUL */
    size_t length;      /* of body */
    const json_t *json; /* the body as JSON where its type says it is */
    bool closed;        /* the connection ends with this answer */
};

struct request {
    const char *method;  /* "GET" if NULL */
    const char *target;  /* path and query */
    const char *headers; /* lines with CRLF, or NULL */
    const void *body;    /* NULL: none, and no Content-Length */
    size_t length;       /* of body */
};

/* Send one request on an open connection. */
void http_send(struct wire *w, const struct request *q);

/* Take the head of an answer, its empty line included; NULL where it did not
 * come until the monotonic time deadline (ms), or the peer is gone. */
const char *http_head(struct wire *w, int64_t deadline);

/* Read one answer; its body is left out where the request was a HEAD. */
struct answer *http_read(struct wire *w, bool head);

/* Ask on a connection of its own. */
struct answer *http_ask(const struct server *s, const struct request *q);

/* GET the target. */
struct answer *http_get(const struct server *s, const char *target);

/* Ask with a text as body; headers and body may be NULL. */
struct answer *http_do(const struct server *s, const char *method,
                       const char *target, const char *headers,
                       const char *body);

/* Send bytes as they are on a connection of their own, read one answer. */
struct answer *http_raw(const struct server *s, const char *bytes,
                        size_t length);

/* The value of a header; NULL where it is absent. */
const char *http_header(const struct answer *a, const char *name);

/* Fail the test unless the answer has the status, and, from 400 on, is a
 * problem document whose text holds mention (if not NULL). */
void http_expect(const struct answer *a, int status, const char *mention);

/* Have the JSON released when the test ends. */
const json_t *json_keep(json_t *json);

/* A value within JSON by a path such as "counts.pending" or "devices.0.id";
 * NULL where there is none. */
const json_t *json_at(const json_t *json, const char *path);

/* The integer at path; fails the test where there is none. */
json_int_t json_int_at(const json_t *json, const char *path);

/* The string at path; fails the test where there is none. */
const char *json_text_at(const json_t *json, const char *path);

#endif
