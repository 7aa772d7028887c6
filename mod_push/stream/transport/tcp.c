#include "stream/transport/tcp.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/transport/socket.h"

static ssize_t tcp_send(push_link_t *link, struct iovec *pieces,
                        unsigned count)
{
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    ssize_t sent;

    do {
        sent = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
    link->bytes += (uint64_t)sent;
    return sent;
}

static bool tcp_peer_left(push_link_t *link)
{
    char ignored[4096];
    ssize_t got;

    for (unsigned i = 0; i < PUSH_PEER_READS; i++) {
        do {
            got = recv(link->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
        } while (got < 0 && errno == EINTR);
        if (got <= 0) {
            return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        }
    }
    return true;
}

static ssize_t tcp_receive(push_link_t *link, char *bytes, size_t count)
{
    ssize_t got;

    do {
        got = recv(link->fd, bytes, count, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
    return got ? got : -1;
}

static void tcp_close(push_link_t *link)
{
    close(link->fd);
}

const push_transport_t push_transport_tcp = {.name = "tcp",
                                             .moves = true,
                                             .send = tcp_send,
                                             .peer_left = tcp_peer_left,
                                             .receive = tcp_receive,
                                             .watch = push_socket_watch,
                                             .arrived = push_socket_arrived,
                                             .close = tcp_close};
