#include "usage.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keep.h"

static int entries(pid_t pid, const char *name)
{
    DIR *dir = opendir(keep_printf("/proc/%d/%s", (int)pid, name));
    int count = 0;

    if (dir == NULL) {
        return 0;
    }
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count > 2 ? count - 2 : 0; /* . and .. */
}

/* A line of smaps_rollup, in KiB. */
static long kilobytes(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at != NULL ? atol(at + strlen(name)) : 0;
}

static long private_memory(pid_t pid, long *shared)
{
    const char *text = keep_file(
        keep_printf("/proc/%d/smaps_rollup", (int)pid), NULL);

    *shared += kilobytes(text, "\nPss_Shmem:");
    return kilobytes(text, "\nPss_Anon:");
}

static void add(struct usage *c, pid_t pid)
{
    c->processes++;
    c->threads += entries(pid, "task");
    c->descriptors += entries(pid, "fd");
}

struct usage usage_take(const struct server *s)
{
    struct usage c = {0};
    pid_t pids[64];
    int i, count = server_children(s, pids, 64);

    add(&c, s->pid);
    c.parent = private_memory(s->pid, &c.shared);
    for (i = 0; i < count; i++) {
        add(&c, pids[i]);
        c.children += private_memory(pids[i], &c.shared);
    }
    return c;
}

static long cpu_of(pid_t pid)
{
    const char *text = keep_file(keep_printf("/proc/%d/stat", (int)pid), NULL);
    const char *rest = strrchr(text, ')');
    long user = 0, system = 0;

    if (rest != NULL) {
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
               &user, &system);
    }
    return (user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

long usage_cpu(const struct server *s)
{
    pid_t pids[64];
    int i, count = server_children(s, pids, 64);
    long sum = cpu_of(s->pid);

    for (i = 0; i < count; i++) {
        sum += cpu_of(pids[i]);
    }
    return sum;
}
