#ifndef PUSH_RULE_H
#define PUSH_RULE_H

#include <ap_expr.h>

#include "core/user.h"
#include "triggers/cron.h"
#include "triggers/template.h"

/*
 * A rule: all that a section <PushTrigger> says, checked and complete; of the
 * configuration, and never changed afterwards.  What it matches waits as
 * messages of the user `$trigger/NAME` (triggers/event.h, "a message of a
 * trigger's queue").
 */

#define PUSH_RULES_MAX 1000 /* of a server */
/* ms; what waits for longer than PushRetry age= stays in the queue for so long,
   so that it becomes a dead letter of whoever comes to it */
#define PUSH_RULE_GRACE       INT64_C(3600000)
#define PUSH_RULE_NAME_MAX    64 /* A-Z a-z 0-9 . _ - */
#define PUSH_RULE_TARGETS_MAX 16
#define PUSH_RULE_TYPES_MAX   64
#define PUSH_TRIGGER_PREFIX   PUSH_QUEUE_PREFIX /* of the user of a queue */

/* PushTo. */
typedef struct push_rule_target_t {
    push_log_kind_t kind;
    const push_template_t *name;   /* of user or channel; NULL: broadcast */
    const push_template_t *device; /* device id; NULL: each of the user */
    bool connected; /* if=connected: only while a stream of it is open */
} push_rule_target_t;

/* For how many one request is made: PushPull per=. */
typedef enum push_rule_per_t {
    PUSH_PER_USER,   /* user, the default: one for each target */
    PUSH_PER_ONCE,   /* once: one for all targets together */
    PUSH_PER_CONTEXT /* context: one for all devices of a target that have
                         equal labels */
} push_rule_per_t;

/* PushPull (GET, whose answer is published) or PushPost (a webhook). */
typedef struct push_rule_request_t {
    const push_template_t *url; /* NULL: there is no such request */
    int64_t timeout;            /* ms */
    push_rule_per_t per;        /* PushPull */
    bool only_changed;          /* PushPull only=changed */
    const char *secret;         /* path of a file with key(s); NULL: none */
} push_rule_request_t;

/* PushMessage: what a published answer is, unless it says so itself. */
typedef struct push_rule_message_t {
    push_urgency_t urgency;       /* also of the queue */
    int64_t ttl;                  /* ms; -1: PushDefaultTTL */
    const push_template_t *topic; /* NULL: none */
    const char *event;            /* event type; NULL: none */
} push_rule_message_t;

typedef struct push_rule_t {
    const char *name;
    const char *user; /* of its queue: `$trigger/NAME` */
    unsigned index;   /* of all rules of the server */
    const char *when_text;
    const ap_expr_info_t *when; /* NULL: no event, a timer alone */
    /* the only values of `type` that it can match; NULL: any */
    const char *const *types;
    unsigned types_count;
    push_rule_target_t targets[PUSH_RULE_TARGETS_MAX];
    unsigned targets_count;
    push_rule_request_t pull, post; /* one of them has a URL */
    push_rule_message_t message;
    unsigned attempts; /* PushRetry attempts=; the first one counts */
    int64_t age;       /* ms; PushRetry age= */
    const push_template_t *coalesce; /* PushCoalesce; NULL: none */
    int64_t delay;                   /* ms; PushCoalesce delay= */
    unsigned rate;                   /* a second; 0: any number */
    int64_t every;                   /* ms; PushEvery; 0: never */
    bool while_subscribed;           /* PushEvery while=subscribed */
    const push_cron_t *at;           /* PushAt; NULL: never */
    int64_t unacked;  /* ms; PushWhen unacked=; 0: it does not ask for it */
    const char *file; /* of the configuration, and its line */
    unsigned line;
} push_rule_t;

#endif
