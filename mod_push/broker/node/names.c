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

push_text_t push_names_write(push_log_kind_t kind, push_text_t name,
                             char log[1 + PUSH_NAME_MAX])
{
    uint32_t len = 0;

    log[0] = letter_of(kind);
    if (kind != PUSH_LOG_BROADCAST) {
        len = name.len < PUSH_NAME_MAX ? name.len : PUSH_NAME_MAX;
        memcpy(log + 1, name.at, len);
    }
    return (push_text_t){log, 1 + len};
}

void push_names_log(const push_cluster_t *cluster, push_log_kind_t kind,
                    push_text_t name, push_named_log_ref_t *log)
{
    log->len = push_names_write(kind, name, log->text).len;
    log->partition = kind == PUSH_LOG_BROADCAST
                         ? 0
                         : push_names_partition(cluster,
                                                (push_text_t){log->text + 1,
                                                              log->len - 1});
}

unsigned push_names_partition(const push_cluster_t *cluster, push_text_t name)
{
    push_name_t hashed = push_store_name(cluster->store, name);

    return push_cluster_partition(&hashed);
}
