#include "store/recovery/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A helper is taken for dead when it says nothing for so long. */
#define SILENCE_MS 20000

/* ---- the helper ---- */

/*
 * If it crashes, that is an answer: nobody shall report or dump it.  What
 * ends the parent by a signal ends it too, so it listens to none itself: were
 * it to go first, the parent would take what it reads for damaged.
 */
static void become_expendable(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ};
    const struct rlimit none = {0, 0};

    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        signal(crashes[i], SIG_DFL);
    }
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        signal(ignored[i], SIG_IGN);
    }
    setrlimit(RLIMIT_CORE, &none);
}

static void close_from(int first, int last)
{
    if (first > last || !close_range((unsigned)first, (unsigned)last, 0)) {
        return;
    }
    if (last > (int)sysconf(_SC_OPEN_MAX)) {
        last = (int)sysconf(_SC_OPEN_MAX);
    }
    for (int fd = first; fd <= last; fd++) {
        close(fd);
    }
}

/* Above all the ports on which httpd listens, and the state's lock. */
static void close_all_but(int one, int other)
{
    int low = one < other ? one : other;
    int high = one < other ? other : one;

    low = low < STDERR_FILENO ? STDERR_FILENO : low;
    close_from(STDERR_FILENO + 1, low - 1);
    close_from(low + 1, high - 1);
    close_from(high + 1, ~0U >> 1);
}

/* A change of the user makes the kernel forget it: so this comes after. */
static bool die_with(pid_t parent)
{
    return !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent;
}

/* ---- the parent ---- */

bool push_helper_start(push_helper_t *helper, const push_owner_t *owner,
                       int keep, push_helper_work_t *work, void *data)
{
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC)) {
        return false;
    }
    helper->from = ends[0];
    helper->pid = fork();
    if (!helper->pid) {
        become_expendable();
        close_all_but(ends[1], keep);
        _exit(push_statedir_become(owner) && die_with(parent)
                  ? work(ends[1], data)
                  : 1);
    }
    close(ends[1]);
    if (helper->pid < 0) {
        close(ends[0]);
        return false;
    }
    return true;
}

bool push_helper_finish(push_helper_t *helper, bool kill_it)
{
    int status = 0;

    close(helper->from);
    if (kill_it) {
        kill(helper->pid, SIGKILL);
    }
    while (waitpid(helper->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* ---- the pipe between them ---- */

bool push_helper_say(int fd, const void *bytes, size_t len)
{
    while (len) {
        ssize_t done = write(fd, bytes, len);

        if (done < 0) {
            return false;
        }
        bytes = (const char *)bytes + done;
        len -= (size_t)done;
    }
    return true;
}

bool push_helper_hear(const push_helper_t *helper, void *bytes, size_t len)
{
    struct pollfd one = {.fd = helper->from, .events = POLLIN};

    while (len) {
        int ready = poll(&one, 1, SILENCE_MS);
        ssize_t got;

        if (ready < 0 && errno == EINTR) {
            continue;
        }
        got = ready > 0 ? read(helper->from, bytes, len) : 0;
        if (got <= 0) {
            return false;
        }
        bytes = (char *)bytes + got;
        len -= (size_t)got;
    }
    return true;
}
