#include "core/fences.h"

#include <string.h>

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static push_text_t name_of(const push_fence_label_t *label)
{
    return (push_text_t){label->name, label->name_len};
}

static push_text_t user_of(const push_fence_label_t *label)
{
    return (push_text_t){label->user, label->user_len};
}

static bool stands(const push_fence_t *fence, int64_t now)
{
    return fence->until > now;
}

/* ---- putting up and taking down ---- */

/* The slot of this name, or the first that is free; behind the last: none. */
static uint32_t slot_of(const push_fences_t *fences, push_text_t name,
                        int64_t now)
{
    uint32_t found = PUSH_FENCES_MAX;

    for (uint32_t i = 0; i < fences->high; i++) {
        if (!stands(&fences->list[i], now)) {
            found = i < found ? i : found;
        }
        else if (same(name_of(&fences->labels[i]), name)) {
            return i;
        }
    }
    return found < fences->high ? found : fences->high;
}

static bool is_same(const push_fences_t *fences, uint32_t slot,
                    const push_fence_view_t *wanted, int64_t now)
{
    const push_fence_t *fence = &fences->list[slot];
    const push_circle_t *circle = &fence->circle;

    return stands(fence, now)
           && same(name_of(&fences->labels[slot]), wanted->name)
           && same(user_of(&fences->labels[slot]), wanted->user)
           && circle->centre.lat == wanted->circle.centre.lat
           && circle->centre.lon == wanted->circle.centre.lon
           && circle->metres == wanted->circle.metres;
}

static void copy_text(char *to, uint8_t *len, push_text_t text)
{
    *len = (uint8_t)text.len;
    if (text.len) {
        memcpy(to, text.at, text.len);
    }
}

/*
 * until comes last: before, nothing stands there.  Only the compiler has to be
 * kept from moving it, see core/failpoint.h.
 */
push_status_t push_fences_put(push_fences_t *fences,
                              const push_fence_view_t *wanted, int64_t now)
{
    uint32_t slot = slot_of(fences, wanted->name, now);
    push_fence_label_t *label = &fences->labels[slot];
    push_fence_t *fence = &fences->list[slot];

    if (slot == PUSH_FENCES_MAX) {
        return PUSH_TOO_MANY;
    }
    if (!is_same(fences, slot, wanted, now)) {
        fence->until = 0;
        atomic_signal_fence(memory_order_seq_cst);
        fence->uses++;
        fence->circle = wanted->circle;
        fence->reach = push_circle_reach(&wanted->circle);
        copy_text(label->name, &label->name_len, wanted->name);
        copy_text(label->user, &label->user_len, wanted->user);
        atomic_signal_fence(memory_order_seq_cst);
    }
    fence->until = wanted->until;
    if (slot == fences->high) {
        fences->high++;
    }
    return PUSH_OK;
}

bool push_fences_remove(push_fences_t *fences, push_text_t name, int64_t now)
{
    uint32_t slot = slot_of(fences, name, now);
    bool found = slot < fences->high && stands(&fences->list[slot], now);

    if (found) {
        fences->list[slot].until = 0;
    }
    return found;
}

bool push_fences_next(const push_fences_t *fences, uint32_t *at, int64_t now,
                      push_fence_view_t *view)
{
    for (; *at < fences->high; (*at)++) {
        const push_fence_t *fence = &fences->list[*at];

        if (stands(fence, now)) {
            const push_fence_label_t *label = &fences->labels[*at];

            *view = (push_fence_view_t){name_of(label), user_of(label),
                                        fence->circle, fence->until};
            (*at)++;
            return true;
        }
    }
    return false;
}

bool push_fences_find(const push_fences_t *fences, push_text_t name,
                      int64_t now, push_fence_view_t *view)
{
    uint32_t at = slot_of(fences, name, now);

    return push_fences_next(fences, &at, now, view) && same(view->name, name);
}

/* ---- who comes, and who leaves ---- */

/* What names it, as long as its circle stands there. */
static uint32_t number_of(const push_fences_t *fences, uint32_t slot)
{
    return fences->list[slot].uses << PUSH_FENCE_SLOT_BITS | slot;
}

/* The slot of a fence that stands still; false: it is gone. */
static bool find_again(const push_fences_t *fences, uint32_t number,
                       int64_t now, uint32_t *slot)
{
    *slot = number & ((1u << PUSH_FENCE_SLOT_BITS) - 1);
    return number && *slot < fences->high && stands(&fences->list[*slot], now)
           && number_of(fences, *slot) == number;
}

static void note(const push_fences_t *fences, uint32_t slot, bool entered,
                 push_visit_t *visit)
{
    const push_fence_label_t *label = &fences->labels[slot];
    push_crossing_t *crossing = &visit->crossings[visit->count++];

    crossing->entered = entered;
    copy_text(crossing->name, &crossing->len, name_of(label));
}

static double beyond(const push_fence_t *fence, const push_fix_t *fix)
{
    double share = fence->circle.metres / 10.0;

    return share > fix->accuracy ? share : fix->accuracy;
}

/* Those that it was in: it stays there, or has left.  How many it is in. */
static unsigned leave(const push_fences_t *fences, const push_fix_t *before,
                      push_visit_t *visit)
{
    push_fix_t *fix = &visit->fix;
    unsigned count = 0;

    for (unsigned i = 0; before && i < PUSH_PLACE_INSIDE; i++) {
        const push_fence_t *fence;
        uint32_t slot;

        if (!find_again(fences, before->inside[i], fix->at, &slot)) {
            continue;
        }
        fence = &fences->list[slot];
        if (push_circle_has(&fence->circle, fix->point, beyond(fence, fix))) {
            fix->inside[count++] = before->inside[i];
        }
        else {
            note(fences, slot, false, visit);
        }
    }
    return count;
}

static bool is_in(const push_fix_t *fix, unsigned count, uint32_t number)
{
    for (unsigned i = 0; i < count; i++) {
        if (fix->inside[i] == number) {
            return true;
        }
    }
    return false;
}

static bool is_for(const push_fence_label_t *label, push_text_t user)
{
    return !label->user_len || same(user_of(label), user);
}

void push_fences_visit(const push_fences_t *fences, push_text_t user,
                       const push_fix_t *before, push_visit_t *visit)
{
    push_fix_t *fix = &visit->fix;
    unsigned count;

    visit->count = 0;
    memset(fix->inside, 0, sizeof(fix->inside));
    count = leave(fences, before, visit);
    for (uint32_t i = 0; i < fences->high && count < PUSH_PLACE_INSIDE; i++) {
        const push_fence_t *fence = &fences->list[i];

        if (push_reach_has(fence->reach, fence->circle.centre, fix->point)
            && stands(fence, fix->at) && is_for(&fences->labels[i], user)
            && !is_in(fix, count, number_of(fences, i))
            && push_circle_has(&fence->circle, fix->point, 0)) {
            fix->inside[count++] = number_of(fences, i);
            note(fences, i, true, visit);
        }
    }
}
