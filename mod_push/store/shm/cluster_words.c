#include "store/shm/cluster_words.h"

bool push_cluster_words_create(push_cluster_words_t *words)
{
    return !push_lock_init(&words->link) && push_awaited_init(&words->awaited);
}
