#ifndef PUSH_SEAT_H
#define PUSH_SEAT_H

#include "store/shm/segment.h"

/*
 * Wake-ups.  A device or channel that a reactor has to see stands in its
 * seat's list at most once, so a burst of publishes costs one wake-up; the
 * reactor's eventfd is written only while it sleeps.
 *
 * A list is a stack of references that are linked through the objects: 0 is
 * an object outside of every list, SEAT_END the last one of a list.  Pushing
 * first claims the object's link, then swings the head; the reactor takes the
 * whole stack at once, so there is no ABA.
 */

/* A channel's link for a reactor (push_channel_t.links). */
#define PUSH_LINK_UNHEARD 0u /* no stream there follows the channel */
#define PUSH_LINK_IDLE    1u

typedef struct push_seats_t {
    unsigned char *base;
    push_seat_t *seats;
    uint32_t count;
    const int *events;  /* eventfd of each seat */
    const int *receive; /* where its reactor receives streams */
    const int *send;    /* where others send it streams */
} push_seats_t;

/*
 * Takes a free seat; if there is none, one that was left or whose process is
 * dead; -1 if there is none either.
 */
int push_seat_claim(push_seats_t *seats, uint32_t pid);

/*
 * No stream may be sent to this seat any more; what was sent before has
 * arrived when push_seat_awaited() is false.
 */
void push_seat_close(push_seat_t *seat);
bool push_seat_awaited(const push_seat_t *seat);

/* The seat with the fewest streams that takes some; -1 if there is none. */
int push_seat_open(const push_seats_t *seats);

uint32_t push_seat_streams(const push_seats_t *seats);

/*
 * Around the sending of streams to a seat.  False if it is closed: then
 * nothing is sent, and push_seat_sent() not called.
 */
bool push_seat_send(push_seat_t *seat);
void push_seat_sent(push_seat_t *seat);

/*
 * Clears the seats of processes that died, and the lists of all that were
 * left.  True if there was a dead one.  The seats cannot be claimed until
 * push_seat_free(), which returns those whose bit in left is set (as
 * push_seat_left() gave them).  With the sweep lock.
 */
bool push_seat_reap(const push_seats_t *seats);

typedef struct push_seat_set_t {
    uint64_t bits[8];
} push_seat_set_t;

#define PUSH_SEATS_MAX 512u
push_seat_set_t push_seat_left(const push_seats_t *seats);
void push_seat_free(const push_seats_t *seats, const push_seat_set_t *left);

/* Holds a seat that was left, so that nobody claims it; false if it is not. */
bool push_seat_borrow(const push_seats_t *seats, unsigned seat, uint32_t pid);
void push_seat_return(const push_seats_t *seats, unsigned seat);

/* True if no living process holds the seat. */
bool push_seat_vacant(const push_seat_t *seat);

void push_seat_drop_lists(const push_seats_t *seats, unsigned seat);
/* ---- the reactor that owns the seat ---- */
void push_seat_leave(const push_seats_t *seats, unsigned seat);

/* True if the reactor may sleep; it must then call push_seat_awake(). */
bool push_seat_sleep(push_seat_t *seat);
void push_seat_awake(push_seat_t *seat);

/* The next device to be woken, taken out of list; see push_seat_devices(). */
push_device_t *push_seat_next_device(const push_seats_t *seats,
                                     uint32_t *list);
push_channel_t *push_seat_next_channel(const push_seats_t *seats,
                                       unsigned seat, uint32_t *list);

/*
 * Empties the seat's list and returns it.  While its reactor takes objects
 * out of such a list, it says so between push_seat_take() and
 * push_seat_taken().
 */
uint32_t push_seat_devices(push_seat_t *seat);
uint32_t push_seat_channels(push_seat_t *seat);

static inline void push_seat_take(push_seat_t *seat)
{
    atomic_store(&seat->taking, 1);
}

static inline void push_seat_taken(push_seat_t *seat)
{
    atomic_store(&seat->taking, 0);
}

/* A stream of this reactor follows the channel from now on, or none does. */
void push_seat_follow(push_channel_t *channel, unsigned seat);
void push_seat_unfollow(push_channel_t *channel, unsigned seat);

/* ---- with the lock of the shard ---- */
void push_seat_wake_device(const push_seats_t *seats, push_device_t *device);
void push_seat_wake_channel(const push_seats_t *seats,
                            push_channel_t *channel);
/*
 * The device's stream ends for a newer one.  If it still stands in the list of
 * a seat that had an older one, its own is told as overtaken.
 */
void push_seat_end_device(const push_seats_t *seats, push_device_t *device);

/* ---- any thread ---- */

/* Wakes the reactor although no list has a wake-up for it. */
void push_seat_ring(const push_seats_t *seats, unsigned seat);

/* device->owner: which seat, and the low bits of its incarnation. */
static inline uint32_t push_seat_tag(const push_seat_t *seat, unsigned index)
{
    return (atomic_load(&seat->incarnation) & 0xffffu) << 16 | index;
}

static inline unsigned push_seat_index(uint32_t tag)
{
    return tag & 0xffffu;
}

/* The tag of a process without a seat. */
#define PUSH_SEAT_NOBODY UINT32_MAX

/*
 * True if the reactor that the tag was made for still holds its seat; or
 * (held) if it did when the dead were last looked for, which asks no system.
 */
bool push_seat_alive(const push_seats_t *seats, uint32_t tag);
bool push_seat_held(const push_seats_t *seats, uint32_t tag);

#endif
