#include "feeds/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * The idea: a ring of bytes.  Who puts a piece in reserves its bytes by moving
 * the head, copies, and at last stores the piece's length in the eight bytes
 * before it; until then these are 0, and the one who takes stops there.  So
 * that they are, the one who takes clears all bytes before it moves the tail
 * over them.  A piece never wraps: what is left of the ring's end is skipped
 * by a length with SKIP in it.
 *
 * The sleeper says so, then looks once more; who puts a piece in stores its
 * length, then looks whether anybody sleeps.  Both in one total order, so one
 * of them sees the other.
 */

#define UNIT sizeof(uint64_t)
#define SKIP (UINT64_C(1) << 63)

struct push_feed_queue_t {
    size_t room;
    int event;                          /* eventfd */
    _Alignas(64) _Atomic uint64_t head; /* bytes ever reserved */
    _Atomic bool asleep;                /* wants the eventfd to be written */
    _Alignas(64) _Atomic uint64_t tail; /* bytes ever taken */
    _Alignas(64) unsigned char bytes[];
};

push_feed_queue_t *push_feed_queue_create(size_t room)
{
    /* Zero, and no memory of the machine until it is used. */
    push_feed_queue_t *queue = mmap(NULL, sizeof(*queue) + room,
                                    PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (queue == MAP_FAILED) {
        return NULL;
    }
    queue->room = room;
    queue->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->event < 0) {
        munmap(queue, sizeof(*queue) + room);
        return NULL;
    }
    return queue;
}

void push_feed_queue_destroy(push_feed_queue_t *queue)
{
    close(queue->event);
    munmap(queue, sizeof(*queue) + queue->room);
}

/* The length that stands before a piece. */
static _Atomic uint64_t *mark_at(push_feed_queue_t *queue, uint64_t at)
{
    return (_Atomic uint64_t *)(void *)(queue->bytes
                                        + (at & (queue->room - 1)));
}

/* Reserves so many bytes in one piece; false if they are not there. */
static bool reserve(push_feed_queue_t *queue, size_t size, uint64_t *at)
{
    uint64_t head = atomic_load(&queue->head);
    uint64_t skip;
    int64_t used;

    do {
        uint64_t left = queue->room - (head & (queue->room - 1));

        skip = left < size ? left : 0;
        /* Negative where others have moved both on meanwhile: tried again. */
        used = (int64_t)(head + skip + size - atomic_load(&queue->tail));
        if (used > (int64_t)queue->room) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&queue->head, &head,
                                           head + skip + size));
    if (skip) {
        atomic_store(mark_at(queue, head), SKIP | skip);
    }
    *at = head + skip;
    return true;
}

bool push_feed_queue_half_empty(const push_feed_queue_t *queue)
{
    return atomic_load(&queue->head) - atomic_load(&queue->tail)
           < queue->room / 2;
}

void push_feed_queue_ring(push_feed_queue_t *queue)
{
    static const uint64_t one = 1;

    while (write(queue->event, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

bool push_feed_queue_put(push_feed_queue_t *queue, const void *bytes,
                         size_t len)
{
    size_t size = UNIT + (len + UNIT - 1) / UNIT * UNIT;
    uint64_t at;

    if (!reserve(queue, size, &at)) {
        return false;
    }
    memcpy(queue->bytes + (at & (queue->room - 1)) + UNIT, bytes, len);
    atomic_store(mark_at(queue, at), len);
    if (atomic_load(&queue->asleep) && atomic_exchange(&queue->asleep, 0)) {
        push_feed_queue_ring(queue);
    }
    return true;
}

/* Gives back so many bytes at the tail. */
static void give_back(push_feed_queue_t *queue, uint64_t tail, size_t size)
{
    memset(queue->bytes + (tail & (queue->room - 1)), 0, size);
    atomic_store(&queue->tail, tail + size);
}

/* Where the next piece begins, past what is skipped; 0 in *len: none. */
static uint64_t next_piece(push_feed_queue_t *queue, uint64_t *len)
{
    uint64_t tail = atomic_load(&queue->tail);

    *len = atomic_load(mark_at(queue, tail));
    if (*len & SKIP) {
        uint64_t skip = *len & ~SKIP;

        give_back(queue, tail, skip);
        tail += skip;
        *len = atomic_load(mark_at(queue, tail));
    }
    return tail;
}

size_t push_feed_queue_take(push_feed_queue_t *queue, void *bytes, size_t room)
{
    uint64_t len;
    uint64_t tail = next_piece(queue, &len);

    if (!len) {
        return 0;
    }
    memcpy(bytes, queue->bytes + (tail & (queue->room - 1)) + UNIT,
           len < room ? len : room);
    give_back(queue, tail, UNIT + (len + UNIT - 1) / UNIT * UNIT);
    return len;
}

void push_feed_queue_wait(push_feed_queue_t *queue, int ms)
{
    struct pollfd rung = {.fd = queue->event, .events = POLLIN};
    uint64_t count, len;

    atomic_store(&queue->asleep, true);
    next_piece(queue, &len);
    if (!len && poll(&rung, 1, ms) > 0) {
        while (read(queue->event, &count, sizeof(count)) < 0
               && errno == EINTR) {
        }
    }
    atomic_store(&queue->asleep, false);
}
