#include "core/idempotency.h"

#include <string.h>

push_replay_t push_key_replay(const push_key_t *key, uint64_t request,
                              const push_time_t *now)
{
    if (key->until <= now->mono) {
        return PUSH_REPLAY_FIRST;
    }
    if (key->request != request) {
        return PUSH_REPLAY_OTHER;
    }
    return key->done ? PUSH_REPLAY_ANSWER : PUSH_REPLAY_BUSY;
}

void push_key_init(push_key_t *key, const unsigned char *id, uint64_t request,
                   int64_t until)
{
    memset(key, 0, sizeof(*key));
    memcpy(&key->node.hash, id, sizeof(key->node.hash));
    memcpy(key->id, id, PUSH_KEY_BYTES);
    key->request = request;
    key->until = until;
}
