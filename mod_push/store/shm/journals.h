#ifndef PUSH_JOURNALS_H
#define PUSH_JOURNALS_H

#include <stdatomic.h>
#include <stdint.h>

/* What the segment says of the state on disk. */

/* The entry of one process that writes the state on disk. */
typedef struct push_journal_entry_t {
    _Atomic uint32_t pid;     /* 0: free */
    _Atomic uint64_t unsaved; /* mids from here on wait in it; 0: none */
    _Atomic uint64_t waiting; /* bytes that do */
} push_journal_entry_t;

/* The state on disk, as all processes know it; see store/disk/journal.h. */
typedef struct push_disk_t {
    _Atomic uint64_t missing; /* mids from here on may lack there; 0: none */
    _Atomic uint32_t failing; /* 0: well, else push_disk_failing_t */
    _Atomic uint32_t errors;  /* writes that failed */
    _Atomic uint64_t writes;  /* transactions */
    _Atomic uint64_t records; /* written by them */
    _Atomic uint64_t size;    /* bytes that its file may have */
    _Atomic uint64_t used;    /* and has, as of a second ago */
} push_disk_t;

#endif
