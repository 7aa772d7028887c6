/*
 * Another region as a test plays it: takes one request at a time, and answers
 * it when and how the test says.
 */
#ifndef FARSIDE_H
#define FARSIDE_H

#include "http.h"
#include "wire.h"

struct farside {
    int port; /* on 127.0.0.1 */
    int listener;
    struct wire *wire; /* of the request that was taken; NULL: of none */
    const char *head;  /* its request line and headers */
    const char *body;
};

struct farside *farside_start(void);

/* Take the next request, all of it. Fails the test when none comes, or it has
 * not the headers of a relay. */
void farside_take(struct farside *far);

/* Its body, and the n-th line of that. */
const char *farside_body(const struct farside *far);
const json_t *farside_line(const struct farside *far, int n);

/* Answer it; the connection ends with that. */
void farside_answer(struct farside *far, int status, const char *body);

/* Answer that each line was published. */
void farside_accept(struct farside *far);

/* End the connection without an answer. */
void farside_drop(struct farside *far);

#endif
