/* frame.h - what `pushctl top` shows, made of two looks at the server. */
#ifndef PUSHCTL_FRAME_H
#define PUSHCTL_FRAME_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* What the server said at a moment. */
struct ctl_look {
    int64_t at;       /* ms, of a clock that never goes back */
    json_t *stats;    /* owned; NULL: nothing yet */
    json_t *channels; /* owned; the array, NULL: not asked */
    json_t *children; /* owned; likewise */
};

struct ctl_frame {
    const char *url;
    struct ctl_look now, before, first;
    const char *error; /* why the newest look failed, "" if it did not */
    long interval;     /* seconds between two looks */
    int keys;          /* whether keys are read, and said so */
};

/* Take a newer look, whose JSON is owned by the frame then. Where fewer were
 * published than before the server began anew, and so do the rates. */
void ctl_frame_take(struct ctl_frame *f, const struct ctl_look *look);
void ctl_frame_cleanup(struct ctl_frame *f);

/* Per second, between the looks a and b; below 0: not known. */
double ctl_frame_rate(const struct ctl_look *a, const struct ctl_look *b,
                      const char *name);

/* Write it as lines; the one with what matters most comes first. */
void ctl_frame_print(const struct ctl_frame *f, FILE *out);

/* The same for programs: time, stats, rates over so many seconds, channels and
 * children; or time and error. Owned by the caller. */
json_t *ctl_frame_json(const struct ctl_frame *f);

#endif
