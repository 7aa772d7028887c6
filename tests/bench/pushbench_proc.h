/* What a server costs: memory and CPU of a process and all its descendants;
 * and what memory is left. */
#ifndef PUSHBENCH_PROC_H
#define PUSHBENCH_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sums over the processes of one tree. */
struct pb_usage {
    unsigned processes; /* how many they are */
    uint64_t pss;       /* proportional set size, bytes */
    uint64_t cpu;       /* user and system time so far, ns */
};

/* Read /proc for the tree under `root`. False if the root is not there. */
bool pb_usage_read(pid_t root, struct pb_usage *usage);

/* The memory alone of one process from the text of its smaps_rollup
 * (borrowed): the Pss line in bytes; 0 if there is none. */
uint64_t pb_pss_parse(const char *text);

/* Memory of the whole machine, bytes. */
struct pb_memory {
    uint64_t available; /* what it could still give; UINT64_MAX where it does
                           not say so */
    uint64_t slab;      /* the kernel's objects: sockets, files and the like */
};

void pb_memory_read(struct pb_memory *memory);

/* The same from the text of /proc/meminfo (borrowed). */
void pb_memory_parse(const char *text, struct pb_memory *memory);

/* From the text of /proc/PID/stat (borrowed): the parent, and the CPU time in
 * clock ticks. False where it is not such a text. */
bool pb_stat_parse(const char *text, pid_t *parent, uint64_t *ticks);

#endif
