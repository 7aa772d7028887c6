/* probe.h - a client whose hooks note all that happens, for any thread. */
#ifndef PUSHC_TEST_PROBE_H
#define PUSHC_TEST_PROBE_H

#include <pthread.h>

#include "pushc.h"
#include "scripted.h"

#define PROBE_MAX 20000

struct probe_message {
    uint64_t seq;
    char mid[24];
    char event[24];
    char data[40];
    unsigned attempt;
};

struct probe {
    char url[128];
    pushc_options options; /* filled by probe_init(), changed by the test */
    pushc_client *client;
    int (*handler)(struct probe *p, pushc_message *m); /* or NULL: DONE */
    void *test; /* whatever the test likes */

    pthread_mutex_t lock;
    unsigned messages;
    struct probe_message message[PROBE_MAX];
    unsigned events;
    pushc_event event[256]; /* strings cut off */
    uint64_t event_at[256];
    char detail[256][64];
    char event_id[256][64];
    pushc_message *kept; /* by probe_keep() */
};

/* Options for base + path, hooks that note; times of a test. */
void probe_init(struct probe *p, const char *base);
void probe_start(struct probe *p);
void probe_cleanup(struct probe *p);

unsigned probe_messages(struct probe *p);
struct probe_message probe_message_at(struct probe *p, unsigned i);

/* How often an event of a kind came; the last one; the n-th one, from 1.
 * Of their strings only id is there, until the end of the test. */
unsigned probe_events(struct probe *p, int kind);
pushc_event probe_last(struct probe *p, int kind, uint64_t *at);
pushc_event probe_nth(struct probe *p, int kind, unsigned n, uint64_t *at);
void probe_last_detail(struct probe *p, int kind, char *out, size_t size);

/* Wait until it stopped, and for what. */
int probe_stopped(struct probe *p);

/* Handlers. */
int probe_keep(struct probe *p, pushc_message *m); /* LATER, into kept */
pushc_message *probe_kept(struct probe *p);

#endif
