#ifndef REDIS_FIXTURE_H
#define REDIS_FIXTURE_H

#include "case.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_redis.h"
#include "keep.h"
#include "redis/courier.h"
#include "wait.h"

/* Servers that do not answer are given up quickly. */
#define SHORT_MS 250

/* One courier, and what it reports. */
typedef struct {
    push_redis_settings_t settings;
    push_courier_t *courier;
    pthread_mutex_t lock;
    unsigned reports;
    push_failure_t last;
    char text[PUSH_REDIS_WHY * 2];
} fixture_t;

/* All of these live until the test ends. */
struct fake_redis *fake(void);
fixture_t *start_at(const char *url);
fixture_t *start(const struct fake_redis *redis);

/* A courier with these settings, whose URLs are set. */
fixture_t *start_with(const push_redis_settings_t *settings);

/* What was reported last, and whether its text has these words. */
push_failure_t reported(fixture_t *f);
bool report_has(fixture_t *f, const char *words);
unsigned reports(fixture_t *f);

/* A request for partition 0 with these words, which blanks part. */
push_request_t *request_of(const char *words);

/* Sends it and waits until it is over. */
push_request_t *call(fixture_t *f, const char *words);
push_client_figures_t figures(fixture_t *f);

/* The command that loads a library. */
void fill_library(void *data, push_command_t *command);

/* The reply to CLUSTER SLOTS of a node that has them all. */
const char *map_of(const struct fake_redis *redis);

#endif
