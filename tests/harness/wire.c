#include "wire.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"
#include "wait.h"

#define CHUNK 65536

static void release(void *object)
{
    struct wire *w = object;

    wire_close(w);
    free(w->bytes);
    free(w);
}

struct wire *wire_open(const struct server *s, int receive_buffer)
{
    struct wire *w = keep(calloc(1, sizeof(*w)), release);

    w->fd = dial(s->port, receive_buffer);
    ck_assert_msg(w->fd >= 0, "connect: %s", strerror(errno));
    fcntl(w->fd, F_SETFL, O_NONBLOCK);
    w->bytes = calloc(1, 1);
    return w;
}

bool wire_send(struct wire *w, const void *bytes, size_t length)
{
    int64_t deadline = wait_now() + WAIT_MS;
    const char *at = bytes;

    while (length > 0) {
        ssize_t n = send(w->fd, at, length, MSG_NOSIGNAL);

        if (n >= 0) {
            at += n;
            length -= (size_t)n;
        }
        else if (errno == EPIPE || errno == ECONNRESET) {
            return false;
        }
        else if (errno == EAGAIN) {
            ck_assert_msg(wait_socket(w->fd, POLLOUT, deadline),
                          "the server does not read");
        }
        else {
            ck_assert_msg(errno == EINTR, "send: %s", strerror(errno));
        }
    }
    return true;
}

static void make_room(struct wire *w)
{
    char *larger;

    if (w->room < w->used + CHUNK + 1) {
        w->room = w->room * 2 + CHUNK + 1;
        larger = realloc(w->bytes, w->room);
        ck_assert_ptr_nonnull(larger);
        w->bytes = larger;
    }
}

/* How long ago the last bytes came, ms: the kernel knows, whatever kept us
 * from reading them. */
static int64_t received_ago(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return 0;
    }
    return info.tcpi_last_data_recv;
}

bool wire_receive(struct wire *w, int64_t deadline)
{
    ssize_t n;

    if (w->ended || w->fd < 0 || !wait_socket(w->fd, POLLIN, deadline)) {
        return false;
    }
    make_room(w);
    n = recv(w->fd, w->bytes + w->used, CHUNK, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (n <= 0) {
        w->ended = true;
        w->reset = n < 0;
        return false;
    }
    w->used += (size_t)n;
    w->total += (uint64_t)n;
    w->bytes[w->used] = '\0';
    w->last_bytes = wait_now() - received_ago(w->fd);
    return true;
}

void wire_take(struct wire *w, size_t length)
{
    memmove(w->bytes, w->bytes + length, w->used - length + 1);
    w->used -= length;
}

void wire_close(struct wire *w)
{
    if (w->fd >= 0) {
        close(w->fd);
        w->fd = -1;
    }
}
