#include "faults.h"

#include <signal.h>

#include "serverlog.h"

#define CHILDREN_MAX 64
#define RESTART_MS   60000
#define POLL_MS      40 /* between two looks at the processes */

struct generation {
    const struct server *server;
    int resumed; /* how often the log said that it began */
    pid_t old[CHILDREN_MAX];
    int count;
    int64_t looked;
};

static void remember(struct generation *g, const struct server *s)
{
    g->server = s;
    g->resumed = serverlog_count(s, "resuming normal operations");
    g->count = server_children(s, g->old, CHILDREN_MAX);
    g->looked = 0;
}

static bool is_old(const struct generation *g, pid_t pid)
{
    int i = 0;

    while (i < g->count && g->old[i] != pid) {
        i++;
    }
    return i < g->count;
}

/* True when the next generation serves alone. */
static bool is_over(struct generation *g)
{
    int64_t now = wait_now();
    pid_t pids[CHILDREN_MAX];
    int i, count;

    if (now - g->looked < POLL_MS) {
        return false;
    }
    g->looked = now;
    if (serverlog_count(g->server, "resuming normal operations")
        == g->resumed) {
        return false;
    }
    count = server_children(g->server, pids, CHILDREN_MAX);
    for (i = 0; i < count; i++) {
        if (is_old(g, pids[i])) {
            return false;
        }
    }
    return count >= g->server->options.children;
}

static void restart(struct loop *loop, const struct server *s, int how)
{
    struct generation g;

    remember(&g, s);
    kill(s->pid, how);
    loop_until(loop, RESTART_MS, is_over(&g));
}

void fault_graceful(struct loop *loop, const struct server *s)
{
    restart(loop, s, SIGUSR1);
}

void fault_restart(struct loop *loop, const struct server *s)
{
    restart(loop, s, SIGHUP);
}

bool fault_kill(const struct server *s, struct dice *d)
{
    pid_t pids[CHILDREN_MAX];
    int count = server_children(s, pids, CHILDREN_MAX);

    if (count < 2) {
        return false;
    }
    kill(pids[dice_roll(d, (uint64_t)count)], SIGKILL);
    return true;
}
