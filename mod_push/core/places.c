#include "core/places.h"

#include <string.h>

/*
 * A reader copies an entry, and looks whether its version is still the one
 * that it began with; if not, it was being written, and is read once more.
 * Where that happens again and again its writer has died or is stopped, and
 * where the device is nobody knows.
 */

#define TRIES 8

#define WORDS (PUSH_CONTEXT_BYTES / sizeof(uint64_t))

unsigned push_places_set(const unsigned char *id)
{
    uint64_t words[WORDS];

    memcpy(words, id, sizeof(words));
    return (unsigned)(words[0] % PUSH_PLACE_SETS);
}

static uint64_t pack(push_point_t point)
{
    return (uint64_t)(uint32_t)point.lat << 32 | (uint32_t)point.lon;
}

static push_point_t unpack(uint64_t packed)
{
    return (push_point_t){(int32_t)(uint32_t)(packed >> 32),
                          (int32_t)(uint32_t)packed};
}

/* Nothing behind a reading goes before it, and no writing before what stands
 * in front of it: so what is between two versions stays there. */
#define GET(field) atomic_load_explicit(&(field), memory_order_acquire)
#define SET(field, value)                                                     \
    atomic_store_explicit(&(field), value, memory_order_release)

static bool is_of(const push_place_t *place, const uint64_t *words)
{
    for (unsigned i = 0; i < WORDS; i++) {
        if (GET(place->id[i]) != words[i]) {
            return false;
        }
    }
    return true;
}

static void copy(const push_place_t *place, push_fix_t *fix)
{
    fix->point = unpack(GET(place->point));
    fix->accuracy = GET(place->accuracy);
    fix->at = GET(place->at);
    fix->until = GET(place->until);
    for (unsigned i = 0; i < PUSH_PLACE_INSIDE; i++) {
        fix->inside[i] = GET(place->inside[i]);
    }
}

/* True if it is the entry of this context, and was read whole. */
static bool read_one(const push_place_t *place, const uint64_t *words,
                     push_fix_t *fix)
{
    for (int i = 0; i < TRIES; i++) {
        uint32_t version = GET(place->version);
        bool found;

        if (!version) {
            return false;
        }
        found = is_of(place, words);
        copy(place, fix);
        if (!(version & 1) && GET(place->version) == version) {
            return found;
        }
    }
    return false;
}

bool push_places_find(const push_places_t *places, const unsigned char *id,
                      push_fix_t *fix)
{
    uint64_t words[WORDS];
    const push_place_t *set;

    if (!places) {
        return false;
    }
    memcpy(words, id, sizeof(words));
    set = places->sets[push_places_set(id)];
    for (unsigned i = 0; i < PUSH_PLACE_WAYS; i++) {
        if (read_one(&set[i], words, fix)) {
            return GET(places->now) < fix->until;
        }
    }
    return false;
}

void push_places_tick(push_places_t *places, int64_t now)
{
    int64_t before = GET(places->now);

    while (before < now
           && !atomic_compare_exchange_weak(&places->now, &before, now)) {
    }
}

/* ---- with the lock of the set ---- */

/* The entry of this context, or NULL; spare: one that it may have. */
static push_place_t *find(push_places_t *places, const unsigned char *id,
                          push_place_t **spare)
{
    push_place_t *set = places->sets[push_places_set(id)];
    uint64_t words[WORDS];

    memcpy(words, id, sizeof(words));
    *spare = set;
    for (unsigned i = 0; i < PUSH_PLACE_WAYS; i++) {
        if (is_of(&set[i], words)) {
            return &set[i];
        }
        if (GET(set[i].at) < GET((*spare)->at)) {
            *spare = &set[i];
        }
    }
    return NULL;
}

/* A version that is odd already was left by a process that died. */
static uint32_t begin(push_place_t *place)
{
    uint32_t version = GET(place->version) | 1;

    SET(place->version, version);
    return version;
}

/* After 2^31 changes it is 2, not 0. */
static void end(push_place_t *place, uint32_t version)
{
    version++;
    SET(place->version, version ? version : 2);
}

static void write(push_place_t *place, const unsigned char *id,
                  const push_fix_t *fix)
{
    uint32_t version = begin(place);
    uint64_t words[WORDS];

    memcpy(words, id, sizeof(words));
    for (unsigned i = 0; i < WORDS; i++) {
        SET(place->id[i], words[i]);
    }
    SET(place->point, pack(fix->point));
    SET(place->accuracy, fix->accuracy);
    SET(place->at, fix->at);
    SET(place->until, fix->until);
    for (unsigned i = 0; i < PUSH_PLACE_INSIDE; i++) {
        SET(place->inside[i], fix->inside[i]);
    }
    end(place, version);
}

void push_places_keep(push_places_t *places, const unsigned char *id,
                      const push_fix_t *fix)
{
    push_place_t *spare;
    push_place_t *place = find(places, id, &spare);

    write(place ? place : spare, id, fix);
}

bool push_places_forget(push_places_t *places, const unsigned char *id)
{
    static const unsigned char nobody[PUSH_CONTEXT_BYTES];
    static const push_fix_t nowhere;
    push_place_t *spare;
    push_place_t *place = find(places, id, &spare);
    bool known = place && GET(place->until) > GET(places->now);

    if (place) {
        write(place, nobody, &nowhere);
    }
    return known;
}
