#include "disk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "keep.h"

static void release(void *path)
{
    umount(path);
    rmdir(path);
    free(path);
}

const char *disk_mount(const char *size)
{
    char *path = strdup("/tmp/push-disk-XXXXXX");

    ck_assert_ptr_nonnull(mkdtemp(path));
    if (mount("none", path, "tmpfs", 0, keep_printf("size=%s,mode=0755", size))
        != 0) {
        fprintf(stderr, "skipped: no file system can be mounted here\n");
        ck_assert_int_eq(rmdir(path), 0);
        free(path);
        return NULL;
    }
    return keep(path, release);
}

static const char *ballast(const char *disk)
{
    return keep_printf("%s/ballast", disk);
}

void disk_fill(const char *disk)
{
    static const char zeros[4096];
    FILE *f = fopen(ballast(disk), "w");

    ck_assert_ptr_nonnull(f);
    setvbuf(f, NULL, _IONBF, 0);
    while (fwrite(zeros, 1, sizeof(zeros), f) == sizeof(zeros)) {
    }
    fclose(f);
}

void disk_empty(const char *disk)
{
    ck_assert_int_eq(unlink(ballast(disk)), 0);
}
