#ifndef PUSH_DEATHS_H
#define PUSH_DEATHS_H

#include <stdatomic.h>
#include <stdint.h>

#define PUSH_DEATHS 64u

/* When children died; written by the parent. */
typedef struct push_deaths_t {
    _Atomic uint32_t count;          /* ever */
    _Atomic int64_t at[PUSH_DEATHS]; /* mono ms; the last ones, in a ring */
} push_deaths_t;

/* now: mono ms. */
void push_deaths_note(push_deaths_t *deaths, int64_t now);

/* How many died since then, PUSH_DEATHS at most. */
unsigned push_deaths_since(const push_deaths_t *deaths, int64_t since);

#endif
