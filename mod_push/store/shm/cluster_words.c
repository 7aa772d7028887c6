#include "store/shm/cluster_words.h"

bool push_cluster_words_create(push_cluster_words_t *words)
{
    return push_lead_init(&words->link) && !push_roster_init(&words->roster)
           && push_awaited_init(&words->awaited);
}
