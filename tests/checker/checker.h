/*
 * checker.h - judge the log of a test: was every message delivered at least
 * once?  The lines and the rules are described in README.md.
 */
#ifndef PUSH_CHECKER_H
#define PUSH_CHECKER_H

#include <jansson.h>
#include <stdio.h>

#define WITNESS_MAX 4

enum what {
    WHAT_DEVICE,
    WHAT_GONE,
    WHAT_TRIED,
    WHAT_ACCEPTED,
    WHAT_CONNECTED,
    WHAT_RECEIVED,
    WHAT_DELIVERED,
    WHAT_CUT,
    WHAT_ACKED,
    WHAT_EXPIRED,
    WHAT_REPLACED,
    WHAT_RECALLED,
    WHAT_EVICTED,
    WHAT_REFUSED,
    WHAT_GAP,
    WHAT_CRASH,
    WHAT_STALL,
    WHAT_NOTE
};

/* A line, with what every rule needs of it at hand. */
struct line {
    double t;
    size_t number; /* in the input, from 1 */
    enum what what;
    json_t *json;
    const char *device, *mid, *key, *user; /* into json, NULL where absent */
    long long seq, conn, flush;            /* -1 where absent */
};

/* Lines of one kind, in their order. */
struct list {
    const struct line **lines;
    size_t count;
};

struct checker {
    struct line *lines; /* sorted by time */
    size_t count, room;
    FILE *out;
    unsigned violations;
};

/* Read lines; 0, or -1 with the reason on c->out. */
int checker_read(struct checker *c, FILE *in, const char *name);

/* Sort, and apply all rules; the number of violations. */
unsigned checker_judge(struct checker *c);

void checker_cleanup(struct checker *c);

/* Report a violation of a rule, proved by WITNESS_MAX lines (NULLs are skipped). */
void checker_violation(struct checker *c, const char *rule,
                       const struct line *const *witness, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));

/* The rules; each reads the lines and reports. */
void rule_lost(struct checker *c);
void rule_foreign(struct checker *c);
void rule_order(struct checker *c);
void rule_duplicate(struct checker *c);
void rule_early_ack(struct checker *c);
void rule_silent_gap(struct checker *c);
void rule_twice(struct checker *c);
void rule_overtaken(struct checker *c);
void rule_silent(struct checker *c);

/* ---- a map from up to three strings to a line ---- */

struct index {
    json_t *object;
};

void index_init(struct index *x);
void index_cleanup(struct index *x);

/* The line put under these words (NULL is ""); NULL if none was. */
const struct line *index_get(const struct checker *c, const struct index *x,
                             const char *a, const char *b);
void index_put(const struct checker *c, struct index *x, const char *a,
               const char *b, const struct line *line);

/* ---- lines of one kind ---- */

struct list list_of(const struct checker *c, enum what what);
void list_cleanup(struct list *list);

/* Whether an accepted line is for a device, described by its last line. */
int is_for(const struct line *accepted, const struct line *device);

#endif
