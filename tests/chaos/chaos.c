#include "chaos.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "case.h"

#define BRIEF_SEED 20261201u

static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

bool chaos_is_long(void)
{
    return given("CHAOS_SECONDS") != NULL;
}

bool chaos_wants(const char *fault)
{
    const char *faults = given("CHAOS_FAULTS");

    return faults == NULL || strstr(faults, fault) != NULL;
}

int chaos_pick(int brief, int extended)
{
    return chaos_is_long() ? extended : brief;
}

int64_t chaos_duration(int64_t brief)
{
    const char *seconds = given("CHAOS_SECONDS");

    return seconds != NULL ? strtoll(seconds, NULL, 10) * 1000 : brief;
}

int chaos_limit(void)
{
    return 240 + 6 * (int)(chaos_duration(0) / 1000);
}

static uint64_t seed(void)
{
    const char *text = given("CHAOS_SEED");

    return text != NULL ? strtoull(text, NULL, 10) : BRIEF_SEED;
}

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators. */
static uint64_t next(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct dice dice_make(const char *purpose)
{
    struct dice d = {seed()};

    while (*purpose != '\0') {
        d.state = d.state * 31 + (unsigned char)*purpose;
        purpose++;
    }
    next(&d);
    return d;
}

uint64_t dice_roll(struct dice *d, uint64_t below)
{
    return next(d) % below;
}

double dice_part(struct dice *d)
{
    return (double)(next(d) >> 11) / (double)(UINT64_C(1) << 53);
}

int chaos_run(Suite *suite)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* a failing test ends at once */
    printf("chaos: SEED=%" PRIu64 " repeats this run\n", seed());
    return case_run(suite);
}
