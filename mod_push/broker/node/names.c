#include "broker/node/names.h"

#include <string.h>

static char letter_of(push_log_kind_t kind)
{
    switch (kind) {
    case PUSH_LOG_USER:
        return 'u';
    case PUSH_LOG_CHANNEL:
        return 'c';
    default:
        return 'b';
    }
}

void push_names_log(const push_cluster_t *cluster, push_log_kind_t kind,
                    push_text_t name, push_named_log_ref_t *log)
{
    log->text[0] = letter_of(kind);
    log->len = 1;
    log->partition = 0;
    if (kind != PUSH_LOG_BROADCAST) {
        uint32_t len = name.len < PUSH_NAME_MAX ? name.len : PUSH_NAME_MAX;

        memcpy(log->text + 1, name.at, len);
        log->len += len;
        log->partition = push_names_partition(cluster, name);
    }
}

unsigned push_names_partition(const push_cluster_t *cluster, push_text_t name)
{
    push_name_t hashed = push_store_name(cluster->store, name);

    return push_cluster_partition(&hashed);
}
