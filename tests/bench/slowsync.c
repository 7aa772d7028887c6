/*
 * A disk that is slower than this machine's: preloaded, it lets every sync
 * take BENCH_SYNC_US microseconds more.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int fsync(int fd);
int fdatasync(int fd);

static void wait_for_the_disk(void)
{
    const char *text = getenv("BENCH_SYNC_US");
    long us = text ? atol(text) : 0;
    const struct timespec some = {us / 1000000, us % 1000000 * 1000};

    nanosleep(&some, NULL);
}

static int sync_by(const char *name, int fd)
{
    int (*real)(int);

    *(void **)&real = dlsym(RTLD_NEXT, name);
    wait_for_the_disk();
    return real(fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    return sync_by("fsync", fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}
