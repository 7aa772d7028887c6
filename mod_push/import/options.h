#ifndef PUSH_IMPORT_OPTIONS_H
#define PUSH_IMPORT_OPTIONS_H

#include "redis/tls.h"

/* The command line of push-import. */

typedef struct push_import_options_t {
    const char *prefix; /* PushClusterPrefix */
    const char *secret; /* the file of PushClusterSecret */
    push_redis_tls_files_t tls;
    bool dry_run; /* Redis is not called */
    const char *dir;
    char *const *urls;
    int urls_count;
} push_import_options_t;

typedef enum push_import_wish_t {
    PUSH_IMPORT_RUN,
    PUSH_IMPORT_SAID, /* help or version was asked for, and printed */
    PUSH_IMPORT_WRONG /* what is wrong was printed */
} push_import_wish_t;

/* Texts are borrowed from argv. */
push_import_wish_t push_import_options(int argc, char **argv,
                                       push_import_options_t *options);

#endif
