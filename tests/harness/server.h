/*
 * A real httpd for one test: its own ServerRoot in a temporary directory, a
 * free port of 127.0.0.1, two children or more.
 *
 * A server is stopped when its test ends. The test fails when the error log
 * then holds an unexpected [push:warn] or worse, a child that crashed or did
 * not go, or a sanitizer's report. PUSH_MODULE names the module (default
 * build/mod_push.so); with PUSH_ASAN set, httpd runs under AddressSanitizer.
 * With PUSH_KEEP set, the directory stays for inspection.
 */
#ifndef HARNESS_SERVER_H
#define HARNESS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a server differs from the usual one; zero and NULL mean the usual. */
struct server_options {
    const char *mpm;     /* "event" (usual), "worker" or "prefork" */
    int children;        /* children that serve, 2 */
    int threads;         /* worker threads a child, 16 */
    int port;            /* of 127.0.0.1, which server_free_port() gave; a
                            free one, another at each start */
    const char *global;  /* more configuration lines, server level */
    const char *receive; /* lines within <Location "/ramen">; usually
                            PushUser query:user and PushChannels * */
    const char *admin;   /* lines within <Location "/push">; usually
                            Require local */
    const char *include; /* a file that takes the place of both Locations */
    const char *module;  /* the module's file, that of PUSH_MODULE */
    const char *preload; /* a library that httpd is to load first */
    bool leaks;          /* it loads what frees nothing: PHP */
    bool bare;           /* without the module and its Locations */
    bool test;           /* httpd tests its configuration alone, and ends */
};

struct server {
    struct server_options options;
    char *root;             /* ServerRoot, with htdocs/ and logs/ */
    int port;               /* on 127.0.0.1 */
    pid_t pid;              /* the parent; 0 once it is stopped */
    int64_t settled;        /* when httpd knows again how many children it has
                               (ms, monotonic) */
    const char *allowed[8]; /* what log lines may hold without failing */
    int resumed;            /* starts that its error log tells of */
    struct server *next;    /* the server started before it in this test */
};

/* Start a server and wait until it answers with all its children.
 * options may be NULL. Fails the test when it does not start. */
struct server *server_start(const struct server_options *options);

/* A port of 127.0.0.1 that nobody but a server of this test can take. */
int server_free_port(void);

/* Start a server that must refuse to start, and wait for its end. Returns
 * all that it said. Fails the test when it starts. */
const char *server_refusal(const struct server_options *options);

/* True if httpd, testing the configuration of a server that runs, finds
 * nothing wrong with it. */
bool server_tests_well(const struct server *s);

/* Accept log lines that contain text. */
void server_allow(struct server *s, const char *text);

/* Kill one of its children by SIGKILL. */
void server_kill_child(struct server *s, pid_t child);

/* Restart gracefully and wait until a new child serves. */
void server_graceful(struct server *s);

/* Stop with SIGTERM, wait for the end, judge the logs. */
void server_stop(struct server *s);

/* Stop with SIGTERM, wait for the end, judge the logs; server_again() may
 * follow. */
void server_rest(struct server *s);

/* Kill every process of the server at once with SIGKILL; server_again() may
 * follow. */
void server_kill(struct server *s);

/* Start it again in its ServerRoot, with its options as they are now. */
void server_again(struct server *s);

/* The same, without waiting for anything. */
void server_begin(struct server *s);

/* The same for one that must refuse to start. Returns all that it said. */
const char *server_again_refused(struct server *s);

/* Stop every server of this test. */
void server_stop_all(void);

/* List up to room children that live; returns how many. */
int server_children(const struct server *s, pid_t *pids, int room);

/* The child that holds the other end of the connected socket fd; 0 if none
 * does (yet, or any more). */
pid_t server_child_of(const struct server *s, int fd);

/* The child that holds the end, at this port, of a connection to another one of
 * this machine; 0 if none does. */
pid_t server_child_at(const struct server *s, int port, int peer);

/* True while no thread of a child is at work. */
bool server_is_quiet(const struct server *s);

/* What a file below the ServerRoot holds, say "logs/access". */
const char *server_file(const struct server *s, const char *name);

/* Write a file below the ServerRoot, say "htdocs/page.html". */
void server_write(const struct server *s, const char *name, const char *text);

#endif
