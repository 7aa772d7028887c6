#include "broker/library/followed.h"

bool push_origin_read(push_parts_t *parts, unsigned index,
                      push_origin_t *origin)
{
    push_text_t epoch = push_part_text(parts, index + 1);

    *origin = (push_origin_t){.now = 0};
    if (epoch.len) {
        push_part_bytes(parts, index + 1, origin->epoch,
                        sizeof(origin->epoch));
    }
    origin->now = (int64_t)push_part_number(parts, index + 2, PUSH_MS_MAX);
    return push_vm_read(push_part_text(parts, index), &origin->vm)
           && !parts->wrong;
}

void push_followed_read(push_parts_t *parts, unsigned index,
                        const push_origin_t *origin, push_followed_t *followed)
{
    followed->now = origin->now;
    followed->version = push_part_number(parts, index, PUSH_TICK_MAX);
    followed->more = push_part_flag(parts, index + 1);
    followed->whole = push_part_flag(parts, index + 2);
    followed->entries = push_part_pieces(parts, index + 3);
}
