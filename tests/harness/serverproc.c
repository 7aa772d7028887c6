/* Which processes a server has, and which of them holds a connection: from
 * /proc, so that no part of the server has to help. */
#include <arpa/inet.h>
#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keep.h"
#include "server.h"

/* The parent and the state of a process; 0 where it is gone. */
static pid_t parent_of(pid_t pid, char *state)
{
    char path[64], line[512];
    const char *after;
    size_t got = 0;
    int parent = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }
    got = fread(line, 1, sizeof(line) - 1, f);
    fclose(f);
    line[got] = '\0';
    after = strrchr(line, ')');
    if (after == NULL || sscanf(after, ") %c %d", state, &parent) != 2) {
        return 0;
    }
    return parent;
}

int server_children(const struct server *s, pid_t *pids, int room)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry = readdir(proc);
    int count = 0;

    while (entry != NULL) {
        char state = 'Z';
        pid_t pid = isdigit((unsigned char)entry->d_name[0])
                        ? atoi(entry->d_name)
                        : 0;

        if (pid != 0 && count < room && parent_of(pid, &state) == s->pid
            && state != 'Z') {
            pids[count] = pid;
            count++;
        }
        entry = readdir(proc);
    }
    closedir(proc);
    return count;
}

static bool holds_inode(pid_t pid, unsigned long inode)
{
    char want[64], path[300], target[64];
    struct dirent *entry;
    bool found = false;
    DIR *fds;

    snprintf(want, sizeof(want), "socket:[%lu]", inode);
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    fds = opendir(path);
    if (fds == NULL) {
        return false;
    }
    entry = readdir(fds);
    while (entry != NULL && !found) {
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid,
                 entry->d_name);
        n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        found = strcmp(target, want) == 0;
        entry = readdir(fds);
    }
    closedir(fds);
    return found;
}

/* The inode of one end: the line of /proc/net/tcp with its port and that of
 * the other end. */
static unsigned long inode_of(int port, int peer)
{
    FILE *f = fopen("/proc/net/tcp", "r");
    unsigned long inode = 0, found = 0;
    unsigned local, remote;
    char line[512];

    ck_assert_ptr_nonnull(f);
    while (found == 0 && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line,
                   " %*d: %*x:%x %*x:%x %*x %*x:%*x %*x:%*x %*x %*d %*d %lu",
                   &local, &remote, &inode)
                == 3
            && (int)local == port && (int)remote == peer) {
            found = inode;
        }
    }
    fclose(f);
    return found;
}

pid_t server_child_at(const struct server *s, int port, int peer)
{
    unsigned long inode = inode_of(port, peer);
    pid_t pids[64];
    int i, count = server_children(s, pids, 64);

    for (i = 0; inode != 0 && i < count; i++) {
        if (holds_inode(pids[i], inode)) {
            return pids[i];
        }
    }
    return 0;
}

pid_t server_child_of(const struct server *s, int fd)
{
    struct sockaddr_in us;
    socklen_t length = sizeof(us);

    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&us, &length), 0);
    return server_child_at(s, s->port, ntohs(us.sin_port));
}

/* In one of these a thread waits for work. */
static const long waits[] = {
    SYS_futex,          SYS_epoll_wait, SYS_epoll_pwait,   SYS_read,
    SYS_poll,           SYS_ppoll,      SYS_select,        SYS_pselect6,
    SYS_accept4,        SYS_accept,     SYS_nanosleep,     SYS_semop,
    SYS_semtimedop,     SYS_wait4,      SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
    SYS_clock_nanosleep};

/* From /proc: "running", or the number of the system call it is in. */
static bool thread_waits(pid_t pid, const char *thread)
{
    char path[300], line[32] = "";
    FILE *f;
    size_t i;

    snprintf(path, sizeof(path), "/proc/%d/task/%s/syscall", (int)pid, thread);
    f = fopen(path, "r");
    if (f == NULL) {
        return true;
    }
    line[fread(line, 1, sizeof(line) - 1, f)] = '\0';
    fclose(f);
    for (i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        if (isdigit((unsigned char)*line) && atol(line) == waits[i]) {
            return true;
        }
    }
    return false;
}

static bool process_waits(pid_t pid)
{
    char path[64];
    struct dirent *entry;
    bool waits_all = true;
    DIR *tasks;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    if (tasks == NULL) {
        return true;
    }
    entry = readdir(tasks);
    while (entry != NULL && waits_all) {
        waits_all = !isdigit((unsigned char)*entry->d_name)
                    || thread_waits(pid, entry->d_name);
        entry = readdir(tasks);
    }
    closedir(tasks);
    return waits_all;
}

bool server_is_quiet(const struct server *s)
{
    pid_t pids[64];
    int i, count = server_children(s, pids, 64);

    for (i = 0; i < count; i++) {
        if (!process_waits(pids[i])) {
            return false;
        }
    }
    return true;
}
