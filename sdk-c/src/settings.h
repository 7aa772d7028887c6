/*
 * settings.h - the options of a handle: checked, copied, defaults filled in.
 *
 * Made once, read-only afterwards: any thread.
 */
#ifndef PUSHC_SETTINGS_H
#define PUSHC_SETTINGS_H

#include "mem.h"

struct pushc_settings {
    struct pushc_mem mem;
    pushc_options o; /* strings and arrays are copies of ours */
    pushc_loop loop; /* where has_loop */
    int has_loop;
};

/* Make a handle of size bytes, which begins with its settings; the rest is
 * zero. PUSHC_OK, PUSHC_ERR_ARGUMENT, PUSHC_ERR_MEMORY. */
int pushc_settings_create(const pushc_options *options, size_t size,
                          struct pushc_settings **out);

/* Wipe and free a handle of size bytes that begins with its settings. */
void pushc_settings_destroy(struct pushc_settings *set, size_t size);

/* The clock of the handle, ms. */
uint64_t pushc_now(const struct pushc_settings *set);

/* 0 <= u < 1. Without random bytes 0.5, which only synchronizes. */
double pushc_uniform(const struct pushc_settings *set);

/* n base62 digits, PUSHC_NAME_MAX at most, and a NUL; PUSHC_OK or
 * PUSHC_ERR_SYSTEM. */
#define PUSHC_NAME_MAX 32
int pushc_random_name(const struct pushc_settings *set, char *out, size_t n);

/* Log a line, where there is a hook for it. */
void pushc_log(const struct pushc_settings *set, int level, const char *format,
               ...) __attribute__((format(printf, 3, 4)));

#endif
