#include "serverroot.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keep.h"
#include "wait.h"

#define SHOWN_BYTES 5000

/* Empty in a program that never called serverroot_begin(). */
static char place[64];

void serverroot_begin(void)
{
    strcpy(place, "/tmp/push-test-XXXXXX");
    if (mkdtemp(place) == NULL || chmod(place, 0755) != 0) {
        perror(place);
        exit(EXIT_FAILURE);
    }
}

char *serverroot_make(void)
{
    char *root;

    ck_assert_msg(place[0] != '\0', "serverroot_begin() was not called");
    root = keep_printf("%s/XXXXXX", place);
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chmod(root, 0755), 0);
    return root;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void serverroot_remove(const char *root)
{
    if (getenv("PUSH_KEEP") == NULL) {
        nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    else {
        fprintf(stderr, "kept: %s\n", root);
    }
}

/* The server ends with the process of its test; wait until it has. */
static void await_end(const char *root)
{
    int pid = atoi(keep_file(keep_printf("%s/logs/pid", root), NULL));
    int64_t deadline = wait_now() + 3 * WAIT_MS;

    while (pid > 1 && kill(pid, 0) == 0 && wait_now() < deadline) {
        wait_a_little();
    }
}

static void show_file(const char *root, const char *name)
{
    size_t length;
    const char *text = keep_file(keep_printf("%s/logs/%s", root, name),
                                 &length);

    if (length > SHOWN_BYTES) {
        text += length - SHOWN_BYTES;
    }
    if (length > 0) {
        fprintf(stderr, "--- end of %s/logs/%s\n%s\n", root, name, text);
    }
}

void serverroot_end(void)
{
    char *pattern = keep_printf("%s/*", place);
    glob_t left;
    size_t i;

    if (glob(pattern, 0, NULL, &left) == 0) {
        for (i = 0; i < left.gl_pathc; i++) {
            await_end(left.gl_pathv[i]);
            show_file(left.gl_pathv[i], "stderr");
            show_file(left.gl_pathv[i], "error");
        }
        globfree(&left);
    }
    serverroot_remove(place);
    keep_end();
}
