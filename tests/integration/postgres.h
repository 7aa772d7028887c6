/*
 * A real PostgreSQL for one test: its own directory, a free port of 127.0.0.1,
 * a table push_outbox as docs/sources.md says.  It ends with its test.
 */
#ifndef POSTGRES_H
#define POSTGRES_H

#include <sys/types.h>

struct postgres {
    char *root; /* a directory, with data/ and logs/ */
    int port;   /* on 127.0.0.1 */
    pid_t pid;  /* 0 while it is stopped */
    struct pg_conn *conn;
};

/* Start one and wait until it answers. */
struct postgres *postgres_start(void);

/* Stop it in order, and start it again at its port. */
void postgres_stop(struct postgres *p);
void postgres_again(struct postgres *p);

/* A statement, as its superuser. Fails the test where it is refused; its
 * result lives until the test ends. */
struct pg_result *postgres_do(struct postgres *p, const char *sql);

/* The number that a question is answered with. */
int postgres_number(struct postgres *p, const char *sql);

#endif
