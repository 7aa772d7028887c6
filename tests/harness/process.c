#include "process.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wait.h"

pid_t process_start(const char *const *argv, const char *said)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0) {
        return pid;
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen("/dev/null", "r", stdin) == NULL
        || freopen(said, "a", stderr) == NULL) {
        _exit(126);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(argv[0], (char *const *)argv);
    perror(argv[0]);
    _exit(127);
}

bool process_has_ended(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == pid;
}

void process_end(pid_t pid, int signal_number)
{
    int64_t deadline = wait_now() + WAIT_MS;

    if (pid == 0) {
        return;
    }
    kill(pid, signal_number);
    while (!process_has_ended(pid)) {
        if (wait_now() > deadline) {
            kill(pid, SIGKILL);
        }
        wait_a_little();
    }
}
