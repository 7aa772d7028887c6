/* publish.h - one command line's worth of publishing: options, payload,
 * results. push-pub and `pushctl publish` are made of it. */
#ifndef PUSHC_TOOLS_PUBLISH_H
#define PUSHC_TOOLS_PUBLISH_H

#include "common.h"

struct publish {
    struct common *common;
    pushc_outgoing message;
    const char *text, *file;
    int from_stdin, lines, null;
    long timeout; /* seconds, for one message; 0: the library's */
    /* What an accepted message prints without --json; NULL: its id. */
    void (*print)(const pushc_result *r);
    pushc_publisher *publisher;
    int failed; /* the first status that was not PUSHC_OK; the publisher's
                   thread, read after a flush */
};

/* common is borrowed until the end. */
void publish_init(struct publish *p, struct common *common);

/* Take one option (-u -d -c -b, -m -f -s -l -n, -q -t -k -e -M -K -r); 0, or
 * it is none of these. Ends the process for a value that is wrong. */
int publish_option(struct publish *p, int option, const char *value);

/* End the process unless the options name one audience and one payload. */
void publish_check(const struct publish *p);

/* Publish, and print what became of each message; the status of the first
 * that failed, or PUSHC_OK. Once. */
int publish_run(struct publish *p);

#endif
