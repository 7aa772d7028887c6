#ifndef PUSH_RUNNER_STATE_H
#define PUSH_RUNNER_STATE_H

#include <pthread.h>

#include "http/publish/inject.h"
#include "store/shm/bell.h"
#include "triggers/errand.h"
#include "triggers/run/fetch.h"
#include "triggers/run/inlet.h"
#include "triggers/run/options.h"
#include "triggers/run/sockets.h"
#include "triggers/run/verdict.h"

/* What the thread of a runner has; nobody else touches it. */

#define PUSH_BACKLOG_WINDOW  PUSH_QUEUE_WINDOW
#define PUSH_BACKLOG_RUNNING 64u /* requests of one queue at a time */

typedef struct push_runner_t push_runner_t;
typedef struct push_backlog_t push_backlog_t;
typedef struct push_work_t push_work_t;
typedef struct push_job_t push_job_t;

/* One request, for one or some of the targets of a message. */
struct push_job_t {
    push_job_t *next;   /* in the list that it is in */
    push_job_t *behind; /* waits until this one is over: the same target */
    push_job_t *next_target; /* of runner->targets */
    bool runs;               /* its request was begun */
    push_work_t *work;
    uint64_t key;        /* of its targets; 0: it waits for no other */
    json_t *to;          /* owned by the event; what a retry is for */
    push_text_t *labels; /* PUSH_LABELS of the devices; NULL: any */
    push_fetch_t *fetch; /* NULL: it does not run */
    push_verdict_t verdict;
    const char *why;   /* of LATER and DEAD; in the work's pool */
    int64_t after;     /* of LATER: ms that the backend asks for */
    bool unchanged;    /* of NOTHING: the answer was that of before */
    uint64_t content;  /* hash of the answer; 0: none */
    unsigned messages; /* that it publishes in this turn */
};

/* A message of a queue. */
struct push_work_t {
    push_work_t *next; /* of the same queue, by seq */
    push_backlog_t *queue;
    apr_pool_t *pool;
    uint64_t seq, mid;
    int64_t since; /* wall ms; when its first attempt was queued */
    int64_t due;   /* wall ms; it is not begun before */
    push_trigger_event_t event;
    push_errand_t errand;
    unsigned open; /* jobs that are not over */
};

typedef struct push_jobs_t {
    push_job_t *first, **end;
} push_jobs_t;

struct push_backlog_t {
    push_runner_t *runner;
    const push_rule_t *rule;
    unsigned index; /* of the rule */
    push_inlet_t inlet;
    push_work_t *works, **works_end;
    push_jobs_t waiting, early; /* early: they are not due yet */
    unsigned running;
    uint64_t over;         /* seq; all up to it are over */
    double tokens;         /* of PushRate */
    int64_t filled;        /* mono ms; when they were counted */
    int64_t look_next;     /* mono ms; whether somebody has the device */
    unsigned silent;       /* looks in a row whose node did not answer */
    unsigned refused;      /* times in a row that it could not be opened */
    int64_t complain_next; /* mono ms; when the log may say more of it */
    int64_t tick; /* of timers: the last slot or minute that was seen */
    uint64_t (*known)[2]; /* of only=changed: target and content */
};

#define PUSH_RUNNER_KEYS    1024u
#define PUSH_RUNNER_RUNNING 256u /* requests at a time */

struct push_runner_t {
    push_runner_options_t options;
    pthread_t thread;
    bool started;
    _Atomic int64_t leave_by; /* mono ms; 0: it goes on */
    _Atomic bool opens;       /* with a reactor, a queue: until it is */
    push_bell_t opened;       /* rung */
    CURLM *multi;
    int epoll; /* of the inlets */
    push_sockets_t sockets;
    uint64_t secret[2];
    uint64_t random;
    apr_pool_t *pool; /* parent of those of works */
    apr_pool_t *turn; /* cleared with each turn */
    push_backlog_t *queues;
    unsigned queues_count, queues_first;
    push_job_t *targets[PUSH_RUNNER_KEYS]; /* that run, by key */
    push_jobs_t done;                      /* to be published and settled */
    push_jobs_t stuck;                     /* could not be, to try again */
    int64_t stuck_until;                   /* mono ms */
    unsigned running;
    push_fetch_t *spare;
};

static inline uint64_t push_runner_random(push_runner_t *runner)
{
    runner->random ^= runner->random << 13;
    runner->random ^= runner->random >> 7;
    runner->random ^= runner->random << 17;
    return runner->random;
}

/* ---- lists ---- */

static inline void push_jobs_init(push_jobs_t *jobs)
{
    jobs->first = NULL;
    jobs->end = &jobs->first;
}

static inline void push_jobs_add(push_jobs_t *jobs, push_job_t *job)
{
    job->next = NULL;
    *jobs->end = job;
    jobs->end = &job->next;
}

static inline push_job_t *push_jobs_take(push_jobs_t *jobs)
{
    push_job_t *job = jobs->first;

    if (job) {
        jobs->first = job->next;
        jobs->end = jobs->first ? jobs->end : &jobs->first;
    }
    return job;
}

#endif
