/*
 * Holds the start of a server with a state on disk at one step, so that a test
 * can end it there.  PUSH_HOLD_STEP is one of the steps below; when it is
 * reached, the file PUSH_HOLD_FILE comes to be.  A process of the start goes
 * on once the parent is gone, the parent itself never does.
 *
 * Steps are counted by the processes whose end the parent has seen: one that
 * reads the state, one that reads the logs, one that writes.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static int ended; /* processes of the start, as the parent counts them */

static int real_next(const char *name, int (**real)(void))
{
    *(void **)real = dlsym(RTLD_NEXT, name);
    return *real != NULL;
}

static int is_step(const char *kind, int number)
{
    const char *step = getenv("PUSH_HOLD_STEP");
    char name[32];

    snprintf(name, sizeof(name), "%s %d", kind, number);
    return step && !strcmp(step, name);
}

static void tell(void)
{
    const char *file = getenv("PUSH_HOLD_FILE");
    int fd = file ? open(file, O_WRONLY | O_CREAT, 0666) : -1;

    if (fd >= 0) {
        close(fd);
    }
}

static void hold_helper(void)
{
    const struct timespec some = {0, 2000000};
    pid_t parent = getppid();

    tell();
    while (getppid() == parent) {
        nanosleep(&some, NULL);
    }
}

static void hold_parent(void)
{
    tell();
    for (;;) {
        pause();
    }
}

/* "begins N": it is the user's, and does not know yet who its parent is. */
EXPORT int setuid(uid_t uid)
{
    int (*real)(uid_t);
    int status;

    real_next("setuid", (int (**)(void))(void *)&real);
    status = real(uid);
    if (is_step("begins", ended)) {
        hold_helper();
    }
    return status;
}

/* "works N": all is prepared. */
EXPORT int prctl(int option, ...)
{
    int (*real)(int, ...);
    unsigned long a[4];
    va_list list;
    int status;

    va_start(list, option);
    for (int i = 0; i < 4; i++) {
        a[i] = va_arg(list, unsigned long);
    }
    va_end(list);
    real_next("prctl", (int (**)(void))(void *)&real);
    status = real(option, a[0], a[1], a[2], a[3]);
    if (option == PR_SET_PDEATHSIG && is_step("works", ended)) {
        hold_helper();
    }
    return status;
}

/* "ended N": the parent goes on with what it heard. */
EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
    pid_t (*real)(pid_t, int *, int);
    pid_t got;

    real_next("waitpid", (int (**)(void))(void *)&real);
    got = real(pid, status, options);
    if (pid > 0 && got == pid) {
        ended++;
        if (is_step("ended", ended)) {
            hold_parent();
        }
    }
    return got;
}

/* "renames N": the new file is in its place, and no child has begun. */
EXPORT int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);
    int status;

    real_next("rename", (int (**)(void))(void *)&real);
    status = real(from, to);
    if (strstr(to, "state.mdb") && is_step("renames", ended)) {
        hold_parent();
    }
    return status;
}
