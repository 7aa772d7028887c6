#include "namespace.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keep.h"

static int own_side; /* where namespace_leave() returns to */

static void must(const char *command)
{
    int status = system(command);

    ck_assert_msg(status == 0, "%s: status %d", command, status);
}

bool namespace_is_permitted(void)
{
    return system("unshare -n ip link set lo up >/dev/null 2>&1") == 0
           && system("unshare -n nft list ruleset >/dev/null 2>&1") == 0;
}

/* A process that holds the other side while it is made. */
static pid_t hold_other_side(void)
{
    int ready[2];
    char byte;
    pid_t pid;

    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) != 0 || write(ready[1], "", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    close(ready[1]);
    ck_assert_int_eq((int)read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static int open_side(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    ck_assert_msg(fd >= 0, "open %s", path);
    return fd;
}

static void close_side(void *fd)
{
    close(*(int *)fd);
    free(fd);
}

int namespace_make(void)
{
    int *other = keep(malloc(sizeof(*other)), close_side);
    pid_t holder;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    own_side = open_side("/proc/self/ns/net");
    holder = hold_other_side();
    *other = open_side(keep_printf("/proc/%d/ns/net", (int)holder));
    must("ip link set lo up");
    must(keep_printf("ip link add server type veth peer name client netns %d",
                     (int)holder));
    must("ip addr add " NAMESPACE_SERVER "/24 dev server");
    must("ip link set server up");
    must("nft add table inet loss");
    must(
        "nft 'add chain inet loss in { type filter hook input priority 0; }'");
    must("nft 'add chain inet loss out { type filter hook output priority 0; "
         "}'");
    namespace_enter(*other);
    must("ip link set lo up");
    must("ip addr add " NAMESPACE_CLIENT "/24 dev client");
    must("ip link set client up");
    namespace_leave();
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    return *other;
}

void namespace_enter(int netns)
{
    ck_assert_int_eq(setns(netns, CLONE_NEWNET), 0);
}

void namespace_leave(void)
{
    ck_assert_int_eq(setns(own_side, CLONE_NEWNET), 0);
}

int namespace_socket(int netns)
{
    int fd;

    if (netns > 0) {
        namespace_enter(netns);
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (netns > 0) {
        namespace_leave();
    }
    return fd;
}

/* One side: what is meant for the others' ports goes to the other side, as if
 * it came from this side's address, and is there meant for its 127.0.0.1. */
static void share_side(const char *link, const char *ports, const char *own,
                       const char *other)
{
    must("echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet");
    must("nft add table ip share");
    must("nft 'add chain ip share out { type nat hook output priority -100; "
         "}'");
    must("nft 'add chain ip share in { type nat hook prerouting priority "
         "-100; }'");
    must("nft 'add chain ip share gone { type nat hook postrouting priority "
         "100; }'");
    must(keep_printf("nft 'add rule ip share out ip daddr 127.0.0.1 tcp dport "
                     "%s dnat to %s'",
                     ports, other));
    must(keep_printf("nft 'add rule ip share in iifname %s ip daddr %s dnat "
                     "to 127.0.0.1'",
                     link, own));
    must(
        keep_printf("nft add rule ip share gone oifname %s masquerade", link));
}

void namespace_share(int netns, int port)
{
    share_side("server", keep_printf("%d", port), NAMESPACE_SERVER,
               NAMESPACE_CLIENT);
    namespace_enter(netns);
    share_side("client", keep_printf("!= %d", port), NAMESPACE_CLIENT,
               NAMESPACE_SERVER);
    namespace_leave();
}

void namespace_lose(double part)
{
    const char *some = "";

    must("nft flush table inet loss");
    if (part <= 0) {
        return;
    }
    if (part < 1) {
        some = keep_printf("numgen random mod 1000 < %d", (int)(part * 1000));
    }
    must(keep_printf("nft 'add rule inet loss in iifname server %s drop'",
                     some));
    must(keep_printf("nft 'add rule inet loss out oifname server %s drop'",
                     some));
}

void namespace_link(bool up)
{
    must(up ? "ip link set server up" : "ip link set server down");
}
