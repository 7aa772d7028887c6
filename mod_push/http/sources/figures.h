#ifndef PUSH_SOURCE_FIGURES_H
#define PUSH_SOURCE_FIGURES_H

#include <stdatomic.h>
#include <stdint.h>

/* What is counted of a source, in memory that all children share. */
typedef struct push_source_figures_t {
    _Atomic uint64_t taken;     /* lines and events that are safe */
    _Atomic uint64_t refused;   /* for good */
    _Atomic uint64_t put_off;   /* times that something had to wait */
    _Atomic uint64_t connected; /* 1: the source is reached */
    _Atomic int64_t waiting;    /* there; -1: nobody knows */
} push_source_figures_t;

/* By index, from 0: its name, and its figures; NULL behind the last. */
const char *push_source_at(unsigned index,
                           const push_source_figures_t **figures);

#endif
