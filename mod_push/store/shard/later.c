#include "store/shard/later.h"

#include <stdatomic.h>
#include <string.h>

/*
 * A node is born when its body is written, and is over when the state says
 * so: only then its body goes.  A death in between leaves a body that nobody
 * needs, which the repair finds.
 */

#define ROOM_MIN 8u

static push_later_part_t *part_of(const push_store_t *store, unsigned shard)
{
    return &store->shards[shard].later;
}

uint64_t push_later_bytes(const push_store_t *store)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        sum += atomic_load_explicit(&store->shards[i].later.bytes,
                                    memory_order_relaxed);
    }
    return sum;
}

int64_t push_later_first(const push_store_t *store)
{
    int64_t first = PUSH_LATER_NEVER;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        int64_t own = atomic_load(&store->shards[i].later.first);

        if (own && own < first) {
            first = own;
        }
    }
    return first;
}

static void add_bytes(push_later_part_t *part, uint64_t bytes)
{
    atomic_store_explicit(&part->bytes, part->bytes + bytes,
                          memory_order_relaxed);
}

/* ---- the queue: a heap, from position 1 on ---- */

static push_later_turn_t *turns_of(const push_heap_t *heap,
                                   const push_later_part_t *part)
{
    return (push_later_turn_t *)push_at(heap, part->turns) - 1;
}

static void put(const push_heap_t *heap, push_later_turn_t *turns,
                uint32_t position, push_later_turn_t turn)
{
    turns[position] = turn;
    ((push_later_t *)push_at(heap, turn.ref))->position = position;
}

/* The turn at this position moves to where it belongs. */
static void settle(const push_heap_t *heap, push_later_part_t *part,
                   uint32_t position)
{
    push_later_turn_t *turns = turns_of(heap, part);
    push_later_turn_t turn = turns[position];

    while (position > 1 && turn.next < turns[position / 2].next) {
        put(heap, turns, position, turns[position / 2]);
        position /= 2;
    }
    while (position * 2 <= part->count) {
        uint32_t child = position * 2;

        if (child < part->count && turns[child + 1].next < turns[child].next) {
            child++;
        }
        if (turns[child].next >= turn.next) {
            break;
        }
        put(heap, turns, position, turns[child]);
        position = child;
    }
    put(heap, turns, position, turn);
}

static void tell_first(const push_heap_t *heap, push_later_part_t *part)
{
    int64_t first = part->count ? turns_of(heap, part)[1].next : 0;

    if (atomic_load_explicit(&part->first, memory_order_relaxed) != first) {
        atomic_store(&part->first, first);
    }
}

static bool grow(push_heap_t *heap, push_later_part_t *part)
{
    uint32_t room = part->room ? part->room * 2 : ROOM_MIN;
    push_ref_t old = part->turns;
    push_ref_t ref;

    if (part->count < part->room) {
        return true;
    }
    ref = heap->alloc(heap, room * sizeof(push_later_turn_t), PUSH_PART);
    if (!ref) {
        return false;
    }
    if (part->count) {
        memcpy(push_at(heap, ref), push_at(heap, old),
               part->count * sizeof(push_later_turn_t));
    }
    part->turns = ref;
    PUSH_FAILPOINT("later-queue-grown");
    part->room = room;
    if (old) {
        heap->release(heap, old);
    }
    return true;
}

/* There is room. */
static void enqueue(const push_heap_t *heap, push_later_part_t *part,
                    push_later_t *later)
{
    part->count++;
    turns_of(heap, part)[part->count] = (push_later_turn_t){
        .next = later->next, .ref = push_ref_of(heap, later)};
    settle(heap, part, part->count);
    tell_first(heap, part);
}

static void dequeue(push_heap_t *heap, push_later_part_t *part,
                    push_later_t *later)
{
    push_later_turn_t *turns = turns_of(heap, part);
    uint32_t position = later->position;
    push_later_turn_t last = turns[part->count--];

    later->position = 0;
    if (position <= part->count) {
        put(heap, turns, position, last);
        settle(heap, part, position);
    }
    if (!part->count) {
        push_ref_t old = part->turns;

        part->turns = PUSH_NONE;
        part->room = 0;
        PUSH_FAILPOINT("later-queue-empty");
        heap->release(heap, old);
    }
    tell_first(heap, part);
}

void push_later_move(push_store_t *store, unsigned shard, push_later_t *later,
                     int64_t next)
{
    push_heap_t *heap = &store->heaps[shard];
    push_later_part_t *part = part_of(store, shard);

    later->next = next;
    turns_of(heap, part)[later->position].next = next;
    settle(heap, part, later->position);
    tell_first(heap, part);
}

/* ---- nodes ---- */

/* There is room in the queue. */
static void be_born(push_store_t *store, unsigned shard, push_later_t *later)
{
    push_heap_t *heap = &store->heaps[shard];

    PUSH_FAILPOINT("later-made");
    push_node_be(later, PUSH_NODE_LATER);
    PUSH_FAILPOINT("later-born");
    push_table_add(heap, &part_of(store, shard)->nodes,
                   push_ref_of(heap, later));
    PUSH_FAILPOINT("later-listed");
    push_later_enqueue(store, shard, later);
}

static push_later_t *make(push_heap_t *heap, const push_later_t *like)
{
    push_ref_t ref = heap->alloc(heap, sizeof(*like), PUSH_NODE);
    push_later_t *later = ref ? push_at(heap, ref) : NULL;

    if (later) {
        memcpy((char *)later + sizeof(later->node),
               (const char *)like + sizeof(like->node),
               sizeof(*like) - sizeof(like->node));
        later->position = 0;
        later->node.hash = like->node.hash;
    }
    return later;
}

push_later_t *push_later_keep(push_store_t *store, unsigned shard,
                              const push_publication_t *publication,
                              uint64_t id)
{
    push_heap_t *heap = &store->heaps[shard];
    push_later_part_t *part = part_of(store, shard);
    push_later_t like = {
        .id = id, .at = publication->at, .next = publication->at};
    size_t size = push_later_size(publication);
    push_later_t *later;

    if (!grow(heap, part)) {
        return NULL;
    }
    like.body = heap->alloc(heap, size, PUSH_PART);
    like.node.hash = push_later_hash(store->segment->hash_key, publication,
                                     id);
    later = like.body ? make(heap, &like) : NULL;
    if (!later) {
        if (like.body) {
            heap->release(heap, like.body);
        }
        return NULL;
    }
    push_later_write(publication, push_later_body(heap, later));
    be_born(store, shard, later);
    return later;
}

bool push_later_remember(push_store_t *store, unsigned shard,
                         const push_later_t *like)
{
    push_heap_t *heap = &store->heaps[shard];
    push_later_t *later = grow(heap, part_of(store, shard)) ? make(heap, like)
                                                            : NULL;

    if (later) {
        be_born(store, shard, later);
    }
    return later != NULL;
}

typedef struct {
    const push_publication_t *publication; /* or NULL: by id */
    uint64_t id;
} wanted_t;

static bool matches(const push_heap_t *heap, const void *object,
                    const void *key)
{
    const push_later_t *later = object;
    const wanted_t *wanted = key;
    push_publication_t kept;

    if (!wanted->publication) {
        return later->id == wanted->id;
    }
    return push_later_state(later) == PUSH_LATER_KEPT
           && push_later_read(push_later_body(heap, later),
                              push_later_body(heap, later)->size, &kept)
           && push_later_same_topic(&kept, wanted->publication);
}

push_later_t *push_later_topic(push_store_t *store, unsigned shard,
                               const push_publication_t *publication)
{
    const push_heap_t *heap = &store->heaps[shard];
    wanted_t wanted = {publication, 0};
    push_ref_t ref = PUSH_NONE;

    if (publication->spec.topic.len) {
        ref = push_table_find(heap, &part_of(store, shard)->nodes,
                              push_later_hash(store->segment->hash_key,
                                              publication, 0),
                              matches, &wanted);
    }
    return ref ? push_at(heap, ref) : NULL;
}

push_later_t *push_later_find(push_store_t *store, unsigned shard, uint64_t id)
{
    static const push_publication_t plain;
    const push_heap_t *heap = &store->heaps[shard];
    const push_table_t *table = &part_of(store, shard)->nodes;
    wanted_t wanted = {NULL, id};
    push_ref_t ref = push_table_find(
        heap, table, push_later_hash(store->segment->hash_key, &plain, id),
        matches, &wanted);

    if (ref) {
        return push_at(heap, ref);
    }
    while (push_table_walk(heap, table, &ref)) {
        push_later_t *later = push_at(heap, ref);

        if (later->id == id) {
            return later;
        }
    }
    return NULL;
}

push_later_t *push_later_due(push_store_t *store, unsigned shard,
                             const push_time_t *now)
{
    const push_heap_t *heap = &store->heaps[shard];
    const push_later_part_t *part = part_of(store, shard);
    push_later_turn_t *first;

    if (!part->count) {
        return NULL;
    }
    first = &turns_of(heap, part)[1];
    return first->next <= now->wall ? push_at(heap, first->ref) : NULL;
}

void push_later_kept(const push_store_t *store, unsigned shard,
                     const push_later_t *later,
                     push_publication_t *publication)
{
    const push_later_body_t *body = push_later_body(&store->heaps[shard],
                                                    later);

    if (push_later_read(body, body->size, publication)) {
        publication->at = later->at;
    }
}

void push_later_over(push_store_t *store, unsigned shard, push_later_t *later,
                     push_later_state_t state, int64_t until)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t body = later->body;
    uint64_t size = push_later_body(heap, later)->size;

    later->next = until;
    PUSH_FAILPOINT("later-published");
    atomic_store(&later->state, (uint32_t)state);
    PUSH_FAILPOINT("later-over");
    later->body = PUSH_NONE;
    PUSH_FAILPOINT("later-body-free");
    heap->release(heap, body);
    add_bytes(part_of(store, shard), -size);
    push_later_move(store, shard, later, until);
}

void push_later_forget(push_store_t *store, unsigned shard,
                       push_later_t *later)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = push_ref_of(heap, later);

    push_node_be(later, PUSH_NODE_NONE);
    PUSH_FAILPOINT("later-died");
    push_table_remove(heap, &part_of(store, shard)->nodes, ref);
    dequeue(heap, part_of(store, shard), later);
    heap->release(heap, ref);
}

/* ---- repair ---- */

bool push_later_shape(const push_store_t *store, unsigned shard,
                      const push_later_t *later, size_t body_size)
{
    push_publication_t publication;

    if (push_mid_shard(later->id) != shard
        || push_later_state(later) >= PUSH_LATER_STATES) {
        return false;
    }
    return push_later_state(later) != PUSH_LATER_KEPT
           || (body_size
               && push_later_read(push_later_body(&store->heaps[shard], later),
                                  body_size, &publication));
}

void push_later_clear(push_store_t *store, unsigned shard, size_t size)
{
    push_later_part_t *part = part_of(store, shard);

    part->room = (uint32_t)(size / sizeof(push_later_turn_t));
    if (!part->room) {
        part->turns = PUSH_NONE;
    }
    part->count = 0;
    atomic_store(&part->first, 0);
    atomic_store_explicit(&part->bytes, 0, memory_order_relaxed);
}

bool push_later_enqueue(push_store_t *store, unsigned shard,
                        push_later_t *later)
{
    push_heap_t *heap = &store->heaps[shard];
    push_later_part_t *part = part_of(store, shard);

    if (!grow(heap, part)) {
        return false;
    }
    if (push_later_state(later) == PUSH_LATER_KEPT) {
        add_bytes(part, push_later_body(heap, later)->size);
    }
    else {
        later->body = PUSH_NONE;
    }
    enqueue(heap, part, later);
    return true;
}
