#ifndef PUSH_SOURCES_OPTIONS_H
#define PUSH_SOURCES_OPTIONS_H

#include <httpd.h>

#include <http_config.h>
#include <stdbool.h>
#include <stdint.h>

/* Words key=value of a directive, read into a struct as a table says. */

typedef enum push_option_kind_t {
    PUSH_OPTION_TEXT,  /* const char *; not empty */
    PUSH_OPTION_COUNT, /* int64_t */
    PUSH_OPTION_TIME,  /* int64_t, ms; with ms, s, min or h; else seconds */
    PUSH_OPTION_LIST   /* apr_array_header_t *, of const char *: it may be
                          said again */
} push_option_kind_t;

typedef struct push_option_t {
    const char *key;
    push_option_kind_t kind;
    size_t at;         /* in the struct */
    int64_t low, high; /* of a count or a time */
    const char *legal; /* the same in words */
} push_option_t;

/* The last row has no key.  NULL, or what is wrong: it names the key. */
const char *push_options_read(cmd_parms *cmd, const push_option_t *options,
                              char *const words[], void *to);

#endif
