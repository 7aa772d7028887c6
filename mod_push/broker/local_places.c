#include "broker/local_places.h"

#include "broker/broker.h"
#include "store/limits/positions.h"
#include "store/ops/ack.h"
#include "store/shard/context.h"
#include "store/shm/clock.h"

static push_positions_t *positions_of(push_broker_t *broker)
{
    return ((push_store_t *)broker->data)->positions;
}

static const unsigned char *context_of(const push_checkin_t *checkin,
                                       unsigned char *id)
{
    push_store_context_id(checkin->user, checkin->labels[PUSH_LABEL_DEVICE],
                          checkin->labels[PUSH_LABEL_APP], id);
    return id;
}

static push_status_t visit(push_broker_t *broker,
                           const push_checkin_t *checkin, push_visit_t *asked)
{
    push_status_t status = push_store_knows(broker->data, checkin->user,
                                            context_of(checkin, asked->id));

    return status != PUSH_OK ? status
                             : push_positions_visit(positions_of(broker),
                                                    checkin->user, asked);
}

static push_status_t keep(push_broker_t *broker, const push_visit_t *visited)
{
    return push_positions_keep(positions_of(broker), visited->id,
                               &visited->fix);
}

static push_status_t forget(push_broker_t *broker,
                            const push_checkin_t *checkin)
{
    unsigned char id[PUSH_CONTEXT_BYTES];

    return push_positions_forget(positions_of(broker),
                                 context_of(checkin, id));
}

static push_status_t put_fence(push_broker_t *broker,
                               const push_fence_view_t *fence)
{
    return push_positions_put(positions_of(broker), fence,
                              push_clock_now().mono);
}

static push_status_t remove_fence(push_broker_t *broker, push_text_t name)
{
    return push_positions_remove(positions_of(broker), name,
                                 push_clock_now().mono);
}

static push_status_t fences(push_broker_t *broker,
                            const push_fence_visitor_t *visitor)
{
    return push_positions_fences(positions_of(broker), visitor,
                                 push_clock_now().mono);
}

const push_place_calls_t push_local_places = {.visit = visit,
                                              .keep = keep,
                                              .forget = forget,
                                              .put = put_fence,
                                              .remove = remove_fence,
                                              .fences = fences};
