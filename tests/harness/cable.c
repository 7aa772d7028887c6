#include "cable.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"
#include "process.h"
#include "server.h"
#include "serverroot.h"
#include "wait.h"

static const char lines[] = "global\n"
                            "    maxconn 500\n"
                            "defaults\n"
                            "    mode tcp\n"
                            "    timeout connect 2s\n"
                            "    timeout client 1h\n"
                            "    timeout server 1h\n"
                            "listen cable\n"
                            "    bind 127.0.0.1:%d\n"
                            "    server end 127.0.0.1:%d\n";

static void release(void *object)
{
    struct cable *cable = object;

    cable_cut(cable);
    serverroot_remove(cable->root);
    free(cable);
}

static bool is_whole(const struct cable *cable)
{
    int fd = dial(cable->port, 0);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

void cable_mend(struct cable *cable)
{
    const char *conf = keep_printf("%s/conf", cable->root);
    const char *const argv[] = {"/usr/sbin/haproxy", "-db", "-f", conf, NULL};

    cable->pid = process_start(argv, keep_printf("%s/said", cable->root));
    wait_until(is_whole(cable));
}

void cable_cut(struct cable *cable)
{
    process_end(cable->pid, SIGKILL);
    cable->pid = 0;
}

struct cable *cable_to(int port)
{
    struct cable *cable = calloc(1, sizeof(*cable));

    ck_assert_ptr_nonnull(cable);
    cable->root = serverroot_make();
    keep(cable, release);
    cable->port = server_free_port();
    server_write(&(struct server){.root = cable->root}, "conf",
                 keep_printf(lines, cable->port, port));
    cable_mend(cable);
    return cable;
}
