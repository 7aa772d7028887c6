/*
 * timed.h - a client whose clock is the test's, against a scripted server.
 *
 * A pause of the client takes no time where the test skips it.
 */
#ifndef PUSHC_TEST_TIMED_H
#define PUSHC_TEST_TIMED_H

#include "miniloop.h"
#include "scripted.h"

struct world {
    struct mini mini;
    struct scripted *server;
    pushc_client *client;
    char url[128];
    unsigned opened, waiting, messages;
    unsigned wanted; /* of what the test waits for */
    int state;       /* PUSHC_CONNECTING to PUSHC_STOPPED, the last told */
    int transport;   /* with it */
    int status;
    uint64_t delay, total;
    uint64_t opened_at;
    unsigned said; /* by the script, in answer to so many requests */
};

/* The world of the test that runs. */
extern struct world w;

/* Start the server and the client, whose clock runs faster by a factor, and
 * which receives by a pushc_transport_kind. */
void timed_begin(scripted_fn script, unsigned factor, int transport);
void timed_end(void);

/* Turn until so many streams were opened, messages came, or pauses began; 20
 * real seconds at most, else fail the test. */
void until_opened(unsigned wanted);
void until_messages(unsigned wanted);
void until_waited(unsigned wanted);

/* Turn until so many streams were opened and polls answered. */
void until_heads(unsigned wanted);

/* Turn until so many requests to receive came. */
void until_received(unsigned wanted);

/* The same, where pauses take no time: those before attempts, and all after
 * the script has said what it says in answer to the last request. */
void until_waited_skipping(unsigned wanted);
void until_received_skipping(unsigned wanted);
void timed_said(const struct scripted_request *r);

#endif
