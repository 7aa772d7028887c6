#include "store/shard/store.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>

#include "core/hash.h"
#include "core/trace.h"
#include "store/limits/positions.h"
#include "store/shard/copied.h"

static push_ref_t heap_alloc(push_heap_t *heap, size_t size, push_kind_t kind)
{
    push_store_t *store = heap->memory;

    return push_slab_alloc(&store->slab, size, PUSH_TAG(kind, heap->owner));
}

/* An object could not be given back: the next sweep of the shard finds it. */
static void leave_behind(push_store_t *store, push_ref_t ref)
{
    push_object_t object;

    if (push_slab_find(&store->slab, ref, &object)
        && object.tag != PUSH_TAG_RETIRED) {
        atomic_store(&store->shards[PUSH_TAG_SHARD(object.tag)].untidy, 1);
    }
}

static void heap_release(push_heap_t *heap, push_ref_t ref)
{
    push_store_t *store = heap->memory;

    if (!push_slab_release(&store->slab, ref)) {
        leave_behind(store, ref);
    }
}

static void heap_retire(push_heap_t *heap, push_ref_t ref)
{
    push_store_t *store = heap->memory;

    if (!push_epoch_retire(&store->epoch, ref)) {
        leave_behind(store, ref);
    }
}

/* Devices of one shard. */
static uint32_t most_traces(const push_store_t *store)
{
    return 1
           + (uint32_t)(push_slab_size(&store->slab) / PUSH_TRACE_PART
                        / PUSH_SHARDS / sizeof(push_trace_t));
}

static void view_segment(push_store_t *store, const push_mapping_t *mapping,
                         const push_limits_t *limits)
{
    push_segment_t *segment = mapping->base;
    unsigned char *bytes = mapping->base;
    const push_places_t *places = mapping->positions
                                      ? &mapping->positions->places
                                      : NULL;
    push_gone_ring_t *gone;
    uint32_t traces;

    store->segment = segment;
    store->journal = NULL;
    store->presence = NULL;
    store->events = (push_events_t){0};
    push_classes_init(&store->classes, 0);
    memset(store->noted, 0, sizeof(store->noted));
    store->shards = (push_shard_t *)(void *)(bytes + segment->shards_at);
    store->counted = (push_shard_counts_t *)(void *)(bytes
                                                     + segment->counts_at);
    store->reports = (void *)(bytes + segment->reports_at);
    store->limits = *limits;
    store->guard = mapping->guard;
    store->positions = mapping->positions;
    store->visitors = &segment->visitors;
    store->checkins = &segment->checkins;
    store->counts = &segment->counts;
    store->tag = PUSH_SEAT_NOBODY;
    store->slab.base = bytes;
    store->slab.shared = &segment->slab;
    store->slab.pages = (push_page_t *)(void *)(bytes + segment->slab.table);
    store->seats.base = bytes;
    store->seats.seats = (push_seat_t *)(void *)(bytes + segment->seats_at);
    store->seats.count = segment->seats;
    store->seats.events = mapping->events;
    store->seats.receive = mapping->receive;
    store->seats.send = mapping->send;
    store->epoch.segment = segment;
    store->epoch.seats = store->seats.seats;
    store->epoch.slab = &store->slab;
    gone = (push_gone_ring_t *)(void *)(bytes + segment->gone_at);
    traces = most_traces(store);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        store->heaps[i] = (push_heap_t){.base = bytes,
                                        .counts = &store->counted[i].by_label,
                                        .events = &store->events,
                                        .gone = gone + i,
                                        .traces = &store->shards[i].traces,
                                        .traces_max = traces,
                                        .classes = &store->classes,
                                        .places = places,
                                        .alloc = heap_alloc,
                                        .release = heap_release,
                                        .retire = heap_retire,
                                        .memory = store,
                                        .owner = i};
    }
}

bool push_store_open(push_store_t *store, const push_mapping_t *mapping,
                     const push_limits_t *limits)
{
    if (!push_segment_check(mapping->base, mapping->size, mapping->layout)) {
        return false;
    }
    view_segment(store, mapping, limits);
    return true;
}

static push_channel_t *make_channel(push_store_t *store,
                                    const push_name_t *name,
                                    push_log_kind_t kind)
{
    push_heap_t *heap = &store->heaps[name->shard];
    size_t size = sizeof(push_channel_t)
                  + store->seats.count * sizeof(uint32_t);
    size_t whole = size + name->text.len;
    push_ref_t ref = heap->alloc(
        heap, whole + push_copy_room(store->segment, whole), PUSH_NODE);
    push_channel_t *channel;

    if (!ref) {
        return NULL;
    }
    channel = push_at(heap, ref);
    memset(channel, 0, size);
    channel->log.node.hash = (uint32_t)name->hash;
    channel->name_at = (uint32_t)size;
    channel->name_len = name->text.len;
    if (name->text.len) {
        memcpy((char *)channel + size, name->text.at, name->text.len);
    }
    memset((char *)channel + whole, 0, push_copy_room(store->segment, whole));
    PUSH_FAILPOINT("channel-made");
    push_node_be(channel, (push_node_kind_t)kind);
    PUSH_FAILPOINT("channel-born");
    return channel;
}

bool push_store_create(push_store_t *store, const push_mapping_t *mapping,
                       const push_limits_t *limits)
{
    static const push_name_t everybody = {{NULL, 0}, 0, 0};
    const push_channel_t *broadcast;

    if (!push_segment_create(mapping->base, mapping->size, mapping->seats,
                             mapping->layout)) {
        return false;
    }
    if (mapping->hash_key) {
        push_segment_t *segment = mapping->base;

        memcpy(segment->hash_key, mapping->hash_key,
               sizeof(segment->hash_key));
        segment->cluster = 1;
    }
    view_segment(store, mapping, limits);
    store->segment->made = push_clock_now().wall;
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_shard_t *shard = &store->shards[i];

        if (!push_table_create(&store->heaps[i], &shard->users)
            || !push_table_create(&store->heaps[i], &shard->contexts)
            || !push_table_create(&store->heaps[i], &shard->channels)
            || !push_table_create(&store->heaps[i], &shard->keys)
            || !push_table_create(&store->heaps[i], &shard->assigned)
            || !push_table_create(&store->heaps[i], &shard->later.nodes)) {
            return false;
        }
    }
    broadcast = make_channel(store, &everybody, PUSH_LOG_BROADCAST);
    if (!broadcast) {
        return false;
    }
    store->segment->broadcast = push_ref_of(&store->heaps[0], broadcast);
    return true;
}

void push_store_sit(push_store_t *store, unsigned seat)
{
    store->visitors = &store->seats.seats[seat].visitors;
    store->checkins = &store->seats.seats[seat].checkins;
    store->counts = &store->seats.seats[seat].workers;
    store->tag = push_seat_tag(&store->seats.seats[seat], seat);
}

uint32_t push_store_next_gen(push_store_t *store)
{
    uint32_t gen;

    do {
        gen = atomic_fetch_add(&store->segment->streams, 1) + 1;
    } while (!gen);
    return gen;
}

uint64_t push_store_session(const push_store_t *store, uint32_t gen)
{
    return push_hash(store->segment->session_key, &gen, sizeof(gen));
}

push_name_t push_store_name(const push_store_t *store, push_text_t text)
{
    uint64_t hash = push_hash(store->segment->hash_key, text.at, text.len);

    return (push_name_t){text, hash, (unsigned)(hash >> 32) % PUSH_SHARDS};
}

static bool same_user(const push_heap_t *heap, const void *object,
                      const void *key)
{
    const push_user_t *user = object;
    const push_text_t *name = key;

    (void)heap;
    return user->name_len == name->len
           && !memcmp(user->name, name->at, name->len);
}

push_user_t *push_store_user(push_store_t *store, const push_name_t *name,
                             bool make)
{
    push_heap_t *heap = &store->heaps[name->shard];
    push_table_t *table = &store->shards[name->shard].users;
    push_ref_t ref = push_table_find(heap, table, (uint32_t)name->hash,
                                     same_user, &name->text);
    push_user_t *user;
    size_t whole;

    if (ref || !make) {
        return ref ? push_at(heap, ref) : NULL;
    }
    whole = sizeof(*user) + name->text.len;
    ref = heap->alloc(heap, whole + push_copy_room(store->segment, whole),
                      PUSH_NODE);
    if (!ref) {
        return NULL;
    }
    user = push_at(heap, ref);
    memset(user, 0, sizeof(*user));
    user->log.node.hash = (uint32_t)name->hash;
    user->name_len = (uint8_t)name->text.len;
    memcpy(user->name, name->text.at, name->text.len);
    memset((char *)user + whole, 0, push_copy_room(store->segment, whole));
    user->lost_until = store->shards[name->shard].strangers_until;
    user->lost[PUSH_NORMAL] = user->lost_until != 0;
    PUSH_FAILPOINT("user-made");
    push_node_be(user, PUSH_NODE_USER);
    PUSH_FAILPOINT("user-born");
    push_table_add(heap, table, ref);
    return user;
}

void push_store_drop_user(push_store_t *store, unsigned shard,
                          push_user_t *user)
{
    push_heap_t *heap = &store->heaps[shard];
    push_shard_t *s = &store->shards[shard];
    push_ref_t ref = push_ref_of(heap, user);

    /* First: should the process die now, strangers are told, no more. */
    if (s->strangers_until < user->lost_until) {
        s->strangers_until = user->lost_until;
    }
    PUSH_FAILPOINT("strangers-noted");
    push_node_be(user, PUSH_NODE_NONE);
    PUSH_FAILPOINT("user-died");
    push_log_cleanup(heap, &user->log);
    push_table_remove(heap, &s->users, ref);
    heap->release(heap, ref);
}

static bool same_channel(const push_heap_t *heap, const void *object,
                         const void *key)
{
    push_text_t name = push_channel_name(object);
    const push_text_t *wanted = key;

    (void)heap;
    return name.len == wanted->len && !memcmp(name.at, wanted->at, name.len);
}

push_channel_t *push_store_channel(push_store_t *store,
                                   const push_name_t *name, bool make)
{
    push_heap_t *heap = &store->heaps[name->shard];
    push_table_t *table = &store->shards[name->shard].channels;
    push_ref_t ref = push_table_find(heap, table, (uint32_t)name->hash,
                                     same_channel, &name->text);
    push_channel_t *channel;

    if (ref || !make) {
        return ref ? push_at(heap, ref) : NULL;
    }
    /* First: a bit without a channel costs a look, the reverse its feed. */
    atomic_fetch_or(&store->segment->feeds.known, push_feed_bit(name->text));
    channel = make_channel(store, name, PUSH_LOG_CHANNEL);
    if (channel) {
        push_table_add(heap, table, push_ref_of(heap, channel));
    }
    return channel;
}

push_channel_t *push_store_broadcast(const push_store_t *store)
{
    return push_at(&store->heaps[0], store->segment->broadcast);
}

static bool same_context(const push_heap_t *heap, const void *object,
                         const void *key)
{
    const push_device_t *device = object;

    (void)heap;
    return !memcmp(device->id, key, PUSH_CONTEXT_BYTES);
}

push_device_t *push_store_device(push_store_t *store, unsigned shard,
                                 const unsigned char *id)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref;
    uint32_t hash;

    memcpy(&hash, id, sizeof(hash));
    ref = push_table_find(heap, &store->shards[shard].contexts, hash,
                          same_context, id);
    return ref ? push_at(heap, ref) : NULL;
}

/*
 * SHA-256, found once: with EVP_sha256() each digest looks for it in the
 * providers again.  The first of two threads that find it keeps it.
 */
static const EVP_MD *sha256(void)
{
    static _Atomic(EVP_MD *) kept;
    EVP_MD *known = atomic_load(&kept);
    EVP_MD *found;

    if (known) {
        return known;
    }
    found = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!atomic_compare_exchange_strong(&kept, &known, found)) {
        EVP_MD_free(found);
        return known;
    }
    return found ? found : EVP_sha256();
}

void push_store_digest(const push_text_t *parts, unsigned count,
                       unsigned char *id)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    EVP_DigestInit_ex(context, sha256(), NULL);
    for (unsigned i = 0; i < count; i++) {
        uint32_t len = parts[i].len;
        unsigned char prefix[4] = {(unsigned char)(len >> 24),
                                   (unsigned char)(len >> 16),
                                   (unsigned char)(len >> 8),
                                   (unsigned char)len};

        EVP_DigestUpdate(context, prefix, sizeof(prefix));
        EVP_DigestUpdate(context, parts[i].at, len);
    }
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    memcpy(id, digest, PUSH_CONTEXT_BYTES);
}

void push_store_counts(const push_store_t *store, uint64_t sums[PUSH_COUNTS])
{
    memset(sums, 0, PUSH_COUNTS * sizeof(*sums));
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_counts_add(sums, &store->counted[i].by_label);
    }
    push_counts_add(sums, &store->segment->counts);
    for (uint32_t i = 0; i < store->seats.count; i++) {
        const push_seat_t *seat = &store->seats.seats[i];

        /* Nobody ever had it: all is 0. */
        if (atomic_load(&seat->incarnation)) {
            push_counts_add(sums, &seat->counts);
            push_counts_add(sums, &seat->workers);
        }
    }
}
