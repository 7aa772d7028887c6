/*
 * http.h - questions to the administration API, one at a time, over one
 * connection. Only http.c knows libcurl.
 */
#ifndef PUSHCTL_HTTP_H
#define PUSHCTL_HTTP_H

#include <jansson.h>

#include "command.h"

struct ctl_http;

struct ctl_answer {
    int exit;        /* EXIT_OK, or why there is no good answer */
    long status;     /* of HTTP, 0 where none came */
    json_t *json;    /* the body, where it is JSON; owned by the caller */
    char error[512]; /* a sentence where exit is not EXIT_OK; printable */
};

/* Looks whether to give up, while an answer is waited for. */
typedef int (*ctl_http_stop_fn)(void *ctx);

/* Make one for the url, the credentials and the timeout of c, which are
 * borrowed. NULL: no memory, or a setting that libcurl does not take. */
struct ctl_http *ctl_http_open(const struct ctl *c);
void ctl_http_close(struct ctl_http *h);

/* Give up on an answer as soon as stop() is not 0; asked once a second. */
void ctl_http_stop(struct ctl_http *h, ctl_http_stop_fn stop, void *ctx);

/* Ask. path is what follows the url and a slash, made by ctl_path() where
 * names are in it. Waits for the answer. */
void ctl_http_ask(struct ctl_http *h, const char *method, const char *path,
                  struct ctl_answer *answer);

/* before, the name percent-encoded, after; freed by the caller, NULL: no
 * memory. */
char *ctl_path(const char *before, const char *name, const char *after);

/* The path, which is taken, with one more parameter in its query; itself where
 * value is NULL. NULL: no memory. */
char *ctl_path_with(char *path, const char *name, const char *value);

/* Ask one question on a connection of its own and, where that fails, say why.
 * The exit code; on EXIT_OK, *json is owned by the caller. */
int ctl_ask(const struct ctl *c, const char *method, const char *path,
            json_t **json);

/* The same for a path with a name, as ctl_path() makes it. */
int ctl_ask_name(const struct ctl *c, const char *method, const char *before,
                 const char *name, json_t **json);

#endif
