#include "broker/node/anew.h"

void push_anew(push_cluster_words_t *words, unsigned partition)
{
    atomic_fetch_add(&words->anew[partition % PUSH_CLUSTER_PARTITIONS].wanted,
                     1);
}

void push_anew_all(push_cluster_words_t *words)
{
    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        push_anew(words, i);
    }
}

bool push_anew_next(const push_cluster_words_t *words, unsigned partition,
                    push_anew_t *anew)
{
    for (unsigned i = partition; i < PUSH_CLUSTER_PARTITIONS; i++) {
        uint16_t wanted = atomic_load(&words->anew[i].wanted);

        if (wanted != atomic_load(&words->anew[i].done)) {
            *anew = (push_anew_t){i, wanted};
            return true;
        }
    }
    return false;
}

void push_anew_done(push_cluster_words_t *words, const push_anew_t *anew)
{
    atomic_store(&words->anew[anew->partition].done, anew->number);
}
