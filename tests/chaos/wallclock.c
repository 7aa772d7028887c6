#include "wallclock.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keep.h"
#include "serverroot.h"

static void release(void *object)
{
    struct wallclock *clock = object;

    munmap((void *)clock->ahead, sizeof(*clock->ahead));
    free(clock);
}

struct wallclock *wallclock_at(const char *name)
{
    struct wallclock *clock = calloc(1, sizeof(*clock));
    int fd;

    ck_assert_ptr_nonnull(clock);
    clock->name = name != NULL ? name
                               : keep_printf("%s/ahead", serverroot_make());
    fd = open(clock->name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, sizeof(*clock->ahead)), 0);
    clock->ahead = mmap(NULL, sizeof(*clock->ahead), PROT_READ | PROT_WRITE,
                        MAP_SHARED, fd, 0);
    close(fd);
    ck_assert(clock->ahead != MAP_FAILED);
    return keep(clock, release);
}

const char *wallclock_library(void)
{
    const char *build = getenv("PUSH_BUILD");

    return keep_printf("%s/tests/chaos/wallclock.so",
                       build != NULL ? build : "build");
}
