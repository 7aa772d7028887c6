#include "store/shm/seat.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/*
 * Why no wake-up is lost:
 *
 *   publisher                               reactor
 *   1  append to the log                    a  take the whole list
 *   2  link: 0 -> claimed, or listed        b  for each: link -> 0
 *   3  push on the list                     c  queue its stream, flush it
 *   4  asleep: 1 -> 0, write the eventfd    d  asleep = 1; look at the lists
 *                                           e  epoll_wait
 *
 * Published between b and c: the flush sees it, and as the link is free it is
 * listed again, which is one flush too many.  Link still taken at 2: then b is
 * still to come, and c after it.  Published while the reactor goes to sleep:
 * 3, 4, d and e are sequentially consistent, so either d sees the list or 4
 * sees asleep.  Published between check-in and adoption: the wake-up finds no
 * stream and is dropped, and the first flush after the adoption finds the
 * message.  A device that moved to another reactor while it stood in the old
 * one's list: the old one sees that device->owner is another seat, and passes
 * it on.  A device that was taken over twice may still stand in the list of
 * the first, so that the second learns nothing: that seat is marked as
 * overtaken, and its reactor looks at all its streams within half a second.  A
 * channel's link for a reactor is UNHEARD while no stream there follows it; a
 * reactor says that it follows before the first flush of the stream.
 */

#define END       2u /* no object stands there */
#define SEAT_MASK 0xffffu

static void *object_at(const push_seats_t *seats, push_ref_t ref)
{
    return seats->base + (uint64_t)ref * PUSH_REF_UNIT;
}

static push_ref_t ref_of(const push_seats_t *seats, const void *object)
{
    return (push_ref_t)((uint64_t)((const unsigned char *)object - seats->base)
                        / PUSH_REF_UNIT);
}

static void *take(const push_seats_t *seats, uint32_t *list)
{
    return *list > END ? object_at(seats, *list) : NULL;
}

void push_seat_drop_lists(const push_seats_t *seats, unsigned seat)
{
    uint32_t list = push_seat_devices(&seats->seats[seat]);

    while (push_seat_next_device(seats, &list)) {
    }
    list = push_seat_channels(&seats->seats[seat]);
    while (push_seat_next_channel(seats, seat, &list)) {
    }
}

static bool process_gone(uint32_t pid)
{
    return pid == PUSH_SEAT_LEFT || (kill((pid_t)pid, 0) && errno == ESRCH);
}

/* Somebody holds it, or did when the dead were last looked for. */
static bool is_taken(const push_seat_t *seat)
{
    uint32_t holder = atomic_load(&seat->pid);

    return holder && holder != PUSH_SEAT_LEFT;
}

bool push_seat_vacant(const push_seat_t *seat)
{
    uint32_t holder = atomic_load(&seat->pid);

    return !holder || process_gone(holder);
}

/* Whatever the process before left behind is of no more use. */
static void seat_clear(push_seat_t *seat)
{
    atomic_fetch_add(&seat->incarnation, 1);
    atomic_store(&seat->reading, 0);
    atomic_store(&seat->asleep, 0);
    atomic_store(&seat->streams, 0);
    atomic_store(&seat->bridged, 0);
    for (unsigned i = 0; i < PUSH_BY_TRANSPORT_VALUES; i++) {
        atomic_store(&seat->carried[i], 0);
    }
    atomic_store(&seat->closed, 0);
    atomic_store(&seat->visitors, 0);
    atomic_store(&seat->taking, 0);
    atomic_store(&seat->overtaken, 0);
    atomic_store(&seat->checkins, 0);
    atomic_store(&seat->limit, 0);
    atomic_store(&seat->reserved, 0);
}

static bool seat_take(push_seat_t *seat, uint32_t holder, uint32_t pid)
{
    if (!atomic_compare_exchange_strong(&seat->pid, &holder, pid)) {
        return false;
    }
    seat_clear(seat);
    return true;
}

int push_seat_claim(push_seats_t *seats, uint32_t pid)
{
    for (uint32_t i = 0; i < seats->count; i++) {
        if (!atomic_load(&seats->seats[i].pid)
            && seat_take(&seats->seats[i], 0, pid)) {
            return (int)i;
        }
    }
    for (uint32_t i = 0; i < seats->count; i++) {
        push_seat_t *seat = &seats->seats[i];
        uint32_t holder = atomic_load(&seat->pid);

        if (push_seat_vacant(seat) && seat_take(seat, holder, pid)) {
            push_seat_drop_lists(seats, i);
            return (int)i;
        }
    }
    return -1;
}

/*
 * The sender counts itself in, then looks whether the seat is closed; the
 * seat is closed, then looks whether there are senders.
 */
void push_seat_close(push_seat_t *seat)
{
    atomic_store(&seat->closed, 1);
}

bool push_seat_awaited(const push_seat_t *seat)
{
    return atomic_load(&seat->senders) != 0;
}

bool push_seat_send(push_seat_t *seat)
{
    atomic_fetch_add(&seat->senders, 1);
    if (!atomic_load(&seat->closed)) {
        return true;
    }
    push_seat_sent(seat);
    return false;
}

void push_seat_sent(push_seat_t *seat)
{
    atomic_fetch_sub(&seat->senders, 1);
}

int push_seat_open(const push_seats_t *seats)
{
    int found = -1;

    for (uint32_t i = 0; i < seats->count; i++) {
        push_seat_t *seat = &seats->seats[i];

        if (!atomic_load(&seat->closed) && !push_seat_vacant(seat)
            && (found < 0 || seat->streams < seats->seats[found].streams)) {
            found = (int)i;
        }
    }
    return found;
}

uint32_t push_seat_streams(const push_seats_t *seats)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < seats->count; i++) {
        if (atomic_load(&seats->seats[i].pid)) {
            sum += atomic_load(&seats->seats[i].streams);
        }
    }
    return sum;
}

/* The seat's lists are emptied each time: somebody may have added to them. */
bool push_seat_reap(const push_seats_t *seats)
{
    bool dead = false;

    for (uint32_t i = 0; i < seats->count; i++) {
        push_seat_t *seat = &seats->seats[i];
        uint32_t holder = atomic_load(&seat->pid);

        if (!holder || !process_gone(holder)) {
            continue;
        }
        if (holder != PUSH_SEAT_LEFT
            && seat_take(seat, holder, PUSH_SEAT_LEFT)) {
            dead = true;
        }
        PUSH_FAILPOINT("seat-reap");
        push_seat_drop_lists(seats, i);
    }
    return dead;
}

push_seat_set_t push_seat_left(const push_seats_t *seats)
{
    push_seat_set_t left = {{0}};

    for (uint32_t i = 0; i < seats->count && i < PUSH_SEATS_MAX; i++) {
        if (atomic_load(&seats->seats[i].pid) == PUSH_SEAT_LEFT) {
            left.bits[i / 64] |= (uint64_t)1 << i % 64;
        }
    }
    return left;
}

void push_seat_free(const push_seats_t *seats, const push_seat_set_t *left)
{
    for (uint32_t i = 0; i < seats->count && i < PUSH_SEATS_MAX; i++) {
        uint32_t holder = PUSH_SEAT_LEFT;

        if (left->bits[i / 64] >> i % 64 & 1) {
            atomic_compare_exchange_strong(&seats->seats[i].pid, &holder, 0);
        }
    }
}

void push_seat_leave(const push_seats_t *seats, unsigned seat)
{
    seat_clear(&seats->seats[seat]);
    push_seat_drop_lists(seats, seat);
    atomic_store(&seats->seats[seat].pid, PUSH_SEAT_LEFT);
}

bool push_seat_borrow(const push_seats_t *seats, unsigned seat, uint32_t pid)
{
    uint32_t holder = PUSH_SEAT_LEFT;

    return atomic_compare_exchange_strong(&seats->seats[seat].pid, &holder,
                                          pid);
}

void push_seat_return(const push_seats_t *seats, unsigned seat)
{
    atomic_store(&seats->seats[seat].pid, PUSH_SEAT_LEFT);
}

bool push_seat_held(const push_seats_t *seats, uint32_t tag)
{
    uint32_t index = tag & SEAT_MASK;
    const push_seat_t *seat = &seats->seats[index];

    return index < seats->count && push_seat_tag(seat, index) == tag
           && is_taken(seat);
}

bool push_seat_alive(const push_seats_t *seats, uint32_t tag)
{
    return push_seat_held(seats, tag)
           && !push_seat_vacant(&seats->seats[tag & SEAT_MASK]);
}

/*
 * The sleeper says so, then looks once more; the waker pushes, then looks
 * whether it sleeps.  Both in one total order, so one of them sees the other.
 */
bool push_seat_sleep(push_seat_t *seat)
{
    atomic_store(&seat->asleep, 1);
    if (atomic_load(&seat->devices) || atomic_load(&seat->channels)) {
        atomic_store(&seat->asleep, 0);
        return false;
    }
    return true;
}

void push_seat_awake(push_seat_t *seat)
{
    atomic_store_explicit(&seat->asleep, 0, memory_order_relaxed);
}

void push_seat_ring(const push_seats_t *seats, unsigned seat)
{
    static const uint64_t one = 1;

    if (atomic_exchange(&seats->seats[seat].asleep, 0)) {
        while (write(seats->events[seat], &one, sizeof(one)) < 0
               && errno == EINTR) {
        }
    }
}

/* The link is ours already: it was claimed with END. */
static void push_on(_Atomic uint32_t *head, _Atomic uint32_t *link,
                    push_ref_t ref)
{
    uint32_t old = atomic_load_explicit(head, memory_order_relaxed);

    do {
        atomic_store_explicit(link, old ? old : END, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak(head, &old, ref));
}

/* The seat of the device's stream; NULL if there is none. */
static push_seat_t *seat_of(const push_seats_t *seats,
                            const push_device_t *device)
{
    uint32_t index = device->owner & SEAT_MASK;

    return device->traits & PUSH_DEVICE_ONLINE && index < seats->count
                   && is_taken(&seats->seats[index])
               ? &seats->seats[index]
               : NULL;
}

/* False if it stands in a list already. */
static bool wake_device(const push_seats_t *seats, push_seat_t *seat,
                        push_device_t *device)
{
    uint32_t idle = 0;

    if (!atomic_compare_exchange_strong(&device->wake, &idle, END)) {
        return false;
    }
    PUSH_FAILPOINT("wake-claimed");
    push_on(&seat->devices, &device->wake, ref_of(seats, device));
    push_seat_ring(seats, (unsigned)(seat - seats->seats));
    return true;
}

void push_seat_wake_device(const push_seats_t *seats, push_device_t *device)
{
    push_seat_t *seat = seat_of(seats, device);

    if (seat) {
        wake_device(seats, seat, device);
    }
}

void push_seat_end_device(const push_seats_t *seats, push_device_t *device)
{
    push_seat_t *seat = seat_of(seats, device);

    if (seat && !wake_device(seats, seat, device)) {
        atomic_store(&seat->overtaken, 1);
    }
}

void push_seat_wake_channel(const push_seats_t *seats, push_channel_t *channel)
{
    for (uint32_t i = 0; i < seats->count; i++) {
        uint32_t idle = PUSH_LINK_IDLE;

        if (atomic_load(&channel->links[i]) == PUSH_LINK_IDLE
            && is_taken(&seats->seats[i])
            && atomic_compare_exchange_strong(&channel->links[i], &idle,
                                              END)) {
            PUSH_FAILPOINT("wake-channel-claimed");
            push_on(&seats->seats[i].channels, &channel->links[i],
                    ref_of(seats, channel));
            push_seat_ring(seats, i);
        }
    }
}

uint32_t push_seat_devices(push_seat_t *seat)
{
    return atomic_exchange(&seat->devices, 0);
}

uint32_t push_seat_channels(push_seat_t *seat)
{
    return atomic_exchange(&seat->channels, 0);
}

push_device_t *push_seat_next_device(const push_seats_t *seats, uint32_t *list)
{
    push_device_t *device = take(seats, list);

    if (device) {
        *list = atomic_exchange(&device->wake, 0);
    }
    return device;
}

push_channel_t *push_seat_next_channel(const push_seats_t *seats,
                                       unsigned seat, uint32_t *list)
{
    push_channel_t *channel = take(seats, list);

    if (channel) {
        *list = atomic_exchange(&channel->links[seat], PUSH_LINK_IDLE);
    }
    return channel;
}

void push_seat_follow(push_channel_t *channel, unsigned seat)
{
    uint32_t unheard = PUSH_LINK_UNHEARD;

    atomic_compare_exchange_strong(&channel->links[seat], &unheard,
                                   PUSH_LINK_IDLE);
}

void push_seat_unfollow(push_channel_t *channel, unsigned seat)
{
    uint32_t idle = PUSH_LINK_IDLE;

    atomic_compare_exchange_strong(&channel->links[seat], &idle,
                                   PUSH_LINK_UNHEARD);
}
