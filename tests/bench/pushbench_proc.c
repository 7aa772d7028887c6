#include "pushbench_proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PROCESSES 32768

/* One line of the process table. */
struct process {
    pid_t pid, parent;
    uint64_t ticks;
    bool in_tree;
};

uint64_t pb_pss_parse(const char *text)
{
    const char *line = strstr(text, "\nPss:");

    return line ? strtoull(line + 5, NULL, 10) * 1024 : 0;
}

/* The value of a line of /proc/meminfo in bytes, or what is said instead. */
static uint64_t memory_line(const char *text, const char *name,
                            uint64_t otherwise)
{
    const char *line = strstr(text, name);

    return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : otherwise;
}

void pb_memory_parse(const char *text, struct pb_memory *memory)
{
    memory->available = memory_line(text, "\nMemAvailable:", UINT64_MAX);
    memory->slab = memory_line(text, "\nSlab:", 0);
}

bool pb_stat_parse(const char *text, pid_t *parent, uint64_t *ticks)
{
    /* the name may hold anything, also brackets */
    const char *rest = strrchr(text, ')');
    uint64_t user, system;
    int ppid;

    if (!rest
        || sscanf(rest + 1,
                  " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
                  " %" SCNu64 " %" SCNu64,
                  &ppid, &user, &system)
               != 3) {
        return false;
    }
    *parent = ppid;
    *ticks = user + system;
    return true;
}

static bool read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t len;

    if (!file) {
        return false;
    }
    len = fread(text, 1, size - 1, file);
    text[len] = '\0';
    fclose(file);
    return len > 0;
}

static bool read_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return read_text(path, text, size);
}

void pb_memory_read(struct pb_memory *memory)
{
    char text[4096] = "";

    read_text("/proc/meminfo", text, sizeof text);
    pb_memory_parse(text, memory);
}

static size_t read_table(struct process *table)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;
    char text[1024];

    if (!dir) {
        return 0;
    }
    for (entry = readdir(dir); entry && count < MAX_PROCESSES;
         entry = readdir(dir)) {
        struct process *process = &table[count];

        process->pid = atoi(entry->d_name);
        process->in_tree = false;
        if (process->pid > 0
            && read_file(process->pid, "stat", text, sizeof text)
            && pb_stat_parse(text, &process->parent, &process->ticks)) {
            count++;
        }
    }
    closedir(dir);
    return count;
}

static bool parent_in_tree(const struct process *table, size_t count,
                           pid_t parent)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].pid == parent) {
            return table[i].in_tree;
        }
    }
    return false;
}

/* Mark the root and, generation by generation, all below it. */
static void mark_tree(struct process *table, size_t count, pid_t root)
{
    bool grew = true;

    while (grew) {
        grew = false;
        for (size_t i = 0; i < count; i++) {
            if (!table[i].in_tree
                && (table[i].pid == root
                    || parent_in_tree(table, count, table[i].parent))) {
                table[i].in_tree = true;
                grew = true;
            }
        }
    }
}

bool pb_usage_read(pid_t root, struct pb_usage *usage)
{
    struct process *table = calloc(MAX_PROCESSES, sizeof *table);
    uint64_t tick = UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK);
    size_t count;
    char text[4096];

    memset(usage, 0, sizeof *usage);
    if (!table) {
        return false;
    }
    count = read_table(table);
    mark_tree(table, count, root);
    for (size_t i = 0; i < count; i++) {
        if (!table[i].in_tree) {
            continue;
        }
        usage->processes++;
        usage->cpu += table[i].ticks * tick;
        if (read_file(table[i].pid, "smaps_rollup", text, sizeof text)) {
            usage->pss += pb_pss_parse(text);
        }
    }
    free(table);
    return usage->processes > 0;
}
