#include "stream/transport/socket.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

bool push_socket_watch(const push_link_t *link, int epoll, uint32_t data)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = data};

    return !epoll_ctl(epoll, EPOLL_CTL_ADD, link->fd, &event);
}

/*
 * Over TLS what has not arrived is counted with what encryption adds, a socket
 * pair counts its own overhead.
 */
uint64_t push_socket_arrived(const push_link_t *link)
{
    int waiting = 0;

    if (ioctl(link->fd, SIOCOUTQ, &waiting) < 0
        || (uint64_t)waiting >= link->bytes) {
        return 0;
    }
    return link->bytes - (uint64_t)waiting;
}
