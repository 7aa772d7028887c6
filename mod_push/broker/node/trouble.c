#include "broker/node/trouble.h"

#include <stdio.h>

static push_cluster_event_t event_of(push_failure_t failure)
{
    switch (failure) {
    case PUSH_FAILURE_NONE:
        return PUSH_CLUSTER_BACK;
    case PUSH_FAILURE_SETUP:
    case PUSH_FAILURE_LIBRARY:
        return PUSH_CLUSTER_REFUSED;
    case PUSH_FAILURE_REFUSED:
    case PUSH_FAILURE_FULL:
        return PUSH_CLUSTER_NO_WRITES;
    default:
        return PUSH_CLUSTER_AWAY;
    }
}

void push_trouble_report(const push_cluster_options_t *options,
                         const push_redis_trouble_t *trouble)
{
    char address[PUSH_REDIS_ADDRESS_TEXT];
    char text[512];

    snprintf(text, sizeof(text), "%s: %s",
             trouble->address ? push_address_format(trouble->address, address)
                              : "no node of PushCluster",
             trouble->text ? trouble->text : "");
    options->report(options->data, event_of(trouble->failure), text);
}
