#include "stream/transport/migration.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/shm/fingerprint.h"

#define SIZE(type)       PUSH_FACT_SIZE(type)
#define AT(type, member) PUSH_FACT_AT(type, member)

/*
 * The way of a stream to another reactor: under the lock of its shard the
 * device's wake-ups go to the new seat (push_store_move()); then the
 * descriptor and the record of the stream go over the socket, or, if that
 * takes no more, the device moves back; then the old process closes its copy.
 * The new one adopts the stream and flushes it, so a wake-up that found no
 * stream there in between is sent.  One thing may be lost: the hold of a
 * message written in part, if the old process is killed between the first two
 * steps; it stays until the process of the new seat ends.
 */

/*
 * The message that goes from one process to another; see
 * store/upkeep/layout.c.
 */
static const uint64_t facts[] = {
    PUSH_REST_MAX,
    SIZE(push_migrant_t),
    AT(push_migrant_t, adoption),
    AT(push_migrant_t, reserved),
    AT(push_migrant_t, part),
    AT(push_migrant_t, part_at),
    AT(push_migrant_t, part_seq),
    AT(push_migrant_t, bytes),
    AT(push_migrant_t, opened),
    AT(push_migrant_t, messages),
    AT(push_migrant_t, rest_len),
    AT(push_migrant_t, rest),
    SIZE(push_adoption_t),
    AT(push_adoption_t, fd),
    AT(push_adoption_t, stream_ref),
    AT(push_adoption_t, heartbeat),
    AT(push_adoption_t, event_beats),
    AT(push_adoption_t, meta),
    AT(push_adoption_t, bridged),
    AT(push_adoption_t, poll),
    AT(push_adoption_t, codec),
    AT(push_adoption_t, expires),
    AT(push_adoption_t, last),
    AT(push_adoption_t, ssl),
    SIZE(push_stream_ref_t),
    AT(push_stream_ref_t, device),
    AT(push_stream_ref_t, gen),
    AT(push_stream_ref_t, id),
};

uint64_t push_migration_layout(void)
{
    return push_fingerprint_add(PUSH_FINGERPRINT_START, facts,
                                sizeof(facts) / sizeof(*facts));
}

/* Room for some hundred streams on their way. */
#define BUFFER (1 << 20)

bool push_migration_open(int sockets[2])
{
    static const int size = BUFFER;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   sockets)) {
        return false;
    }
    setsockopt(sockets[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return true;
}

/* Bytes that stand behind the rest are not sent. */
static size_t packed_size(const push_migrant_t *migrant)
{
    return offsetof(push_migrant_t, rest) + migrant->rest_len;
}

typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
} control_t;

bool push_migration_send(int socket, const push_migrant_t *migrant)
{
    control_t control = {0};
    struct iovec body = {(void *)(uintptr_t)migrant, packed_size(migrant)};
    struct msghdr message = {.msg_iov = &body,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    ssize_t sent;

    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &migrant->adoption.fd, sizeof(int));
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)body.iov_len;
}

/* The descriptor that came along, or -1. */
static int descriptor_of(struct msghdr *message)
{
    const struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    int fd = -1;

    if (rights && rights->cmsg_level == SOL_SOCKET
        && rights->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    }
    return fd;
}

bool push_migration_receive(int socket, push_migrant_t *migrant)
{
    control_t control;
    struct iovec body = {migrant, sizeof(*migrant)};
    ssize_t got;

    for (;;) {
        struct msghdr message = {.msg_iov = &body,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};

        got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        migrant->adoption.fd = descriptor_of(&message);
        if ((size_t)got >= offsetof(push_migrant_t, rest)
            && migrant->rest_len <= PUSH_REST_MAX
            && (size_t)got == packed_size(migrant)
            && migrant->adoption.fd >= 0) {
            return true;
        }
        if (migrant->adoption.fd >= 0) {
            close(migrant->adoption.fd);
        }
    }
}
