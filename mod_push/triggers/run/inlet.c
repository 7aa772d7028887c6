#include "triggers/run/inlet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/loop/reactor.h"

/* ms; the other end is in this process: it is not lost unnoticed. */
#define HEARTBEAT_MS 60000

/* Bytes that may wait in the socket pair; what is more stays in the queue. */
#define NOT_READ_MAX (256 << 10)

#define READ_SIZE (64u << 10)

static push_text_t text_of(const char *string)
{
    return (push_text_t){string, (uint32_t)strlen(string)};
}

/* ---- a look ---- */

static void see_device(void *data, const push_device_view_t *device)
{
    push_inlet_view_t *view = data;

    view->online = view->online || device->online;
    view->silent = view->silent || (device->online && device->stale);
    view->waiting += device->pending + device->in_flight;
}

push_status_t push_inlet_read_view(push_broker_t *broker, const char *user,
                                   push_inlet_view_t *view)
{
    const push_view_t what = {.kind = PUSH_VIEW_DEVICES,
                              .user = text_of(user),
                              .now = push_clock_now()};
    const push_visitor_t visitor = {.device = see_device, .data = view};
    push_status_t status;

    *view = (push_inlet_view_t){0};
    status = broker->view(broker, &what, &visitor);
    return status == PUSH_NOT_FOUND ? PUSH_OK : status;
}

/* ---- open and close ---- */

/* Our end is in inlet->fd, the reactor's is returned; -1. */
static int make_pair(push_inlet_t *inlet)
{
    static const int size = NOT_READ_MAX;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   pair)) {
        return -1;
    }
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    inlet->fd = pair[0];
    return pair[1];
}

static push_status_t claim(push_inlet_t *inlet, const push_inlet_ask_t *ask,
                           unsigned seat)
{
    push_time_t now = push_clock_now();
    push_checkin_t checkin = {.user = text_of(inlet->user),
                              .explicit_acks = true,
                              .from_oldest = true,
                              .if_away = ask->if_away,
                              .lowest = PUSH_VERY_LOW,
                              .max_in_flight = ask->window,
                              .max_streams = 1,
                              .max_devices = 1,
                              .max_subscriptions = 1,
                              .seat = seat};

    checkin.labels[PUSH_LABEL_DEVICE] = text_of(PUSH_INLET_DEVICE);
    return inlet->broker->claim(inlet->broker, &checkin, &now,
                                &inlet->stream_ref, &inlet->session);
}

push_status_t push_inlet_open(push_inlet_t *inlet, push_broker_t *broker,
                              const push_inlet_ask_t *ask,
                              const push_reservation_t *reservation)
{
    push_adoption_t adoption = {.heartbeat = HEARTBEAT_MS};
    push_status_t status;

    *inlet = (push_inlet_t){.broker = broker, .user = ask->user, .fd = -1};
    adoption.fd = make_pair(inlet);
    if (adoption.fd < 0) {
        push_reservation_cancel(reservation);
        return PUSH_NO_STATE;
    }
    status = claim(inlet, ask, reservation->seat);
    if (status != PUSH_OK) {
        push_reservation_cancel(reservation);
        close(adoption.fd);
        push_inlet_close(inlet);
        return status;
    }
    adoption.stream_ref = inlet->stream_ref;
    if (!push_reservation_adopt(reservation, &adoption)) {
        push_inlet_close(inlet);
        return PUSH_NO_STATE;
    }
    return PUSH_OK;
}

void push_inlet_close(push_inlet_t *inlet)
{
    if (inlet->fd >= 0) {
        close(inlet->fd);
        inlet->fd = -1;
    }
    push_sse_reader_cleanup(&inlet->reader);
}

/* ---- what comes ---- */

bool push_inlet_read(push_inlet_t *inlet)
{
    char *room = push_sse_reader_room(&inlet->reader, READ_SIZE);
    ssize_t got;

    if (!room) {
        return true; /* it stays in the socket */
    }
    got = recv(inlet->fd, room, READ_SIZE, 0);
    if (got > 0) {
        push_sse_reader_fed(&inlet->reader, (size_t)got);
    }
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool push_inlet_next(push_inlet_t *inlet, push_sse_block_t *block)
{
    while (push_sse_reader_next(&inlet->reader, block)) {
        if (block->seq) {
            return true;
        }
    }
    return false;
}

push_status_t push_inlet_ack(push_inlet_t *inlet, uint64_t seq)
{
    push_time_t now = push_clock_now();
    push_cursor_t cursor = {
        .seq = seq, .session = inlet->session, .has_session = true};
    push_checkin_t checkin = {.user = text_of(inlet->user), .cursor = &cursor};
    push_status_t status;

    if (seq <= inlet->acked) {
        return PUSH_OK;
    }
    checkin.labels[PUSH_LABEL_DEVICE] = text_of(PUSH_INLET_DEVICE);
    status = inlet->broker->ack(inlet->broker, &checkin, &now);
    if (status == PUSH_OK) {
        inlet->acked = seq;
    }
    return status;
}
