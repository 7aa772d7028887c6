#include "broker/node/ask.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/peer_calls.h"
#include "broker/node/post.h"
#include "redis/courier.h"
#include "store/ops/life.h"
#include "store/ops/view.h"

#define ANSWER_MS 300  /* for all owners that are asked */
#define WAIT_MS   5000 /* of a wait, should its thread end */

/* ---- what is said between nodes ---- */

/* The question is its kind in a byte and the mid in eight, the answer a number
 * in four; all are big-endian. */
#define BODY_BYTES  9u
#define VALUE_BYTES 4u

/* A fate in the upper bits; below 1 + ms, or 0. */
#define FATE_SHIFT 28u
#define AFTER_MAX  ((UINT32_C(1) << FATE_SHIFT) - 1)

static void write_number(unsigned char *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t read_number(const unsigned char *at, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

static uint32_t say_fate(push_fate_t fate, int64_t after)
{
    uint32_t ms = after < 0               ? 0
                  : after + 1 > AFTER_MAX ? 0
                                          : (uint32_t)after + 1;

    return (uint32_t)fate << FATE_SHIFT | ms;
}

push_fate_t push_fate_said(uint32_t value, int64_t *after)
{
    uint32_t fate = value >> FATE_SHIFT;

    *after = (int64_t)(value & AFTER_MAX) - 1;
    return fate < PUSH_FATES ? (push_fate_t)fate : PUSH_LIVE;
}

/* ---- who asks ---- */

static void key_of(uint64_t request, unsigned char *key)
{
    memset(key, 0, PUSH_AWAITED_KEY);
    memcpy(key, "how", 3);
    write_number(key + 8, request, 8);
}

/* Before it is asked, so that no answer is missed. */
static bool begin(push_cluster_t *cluster, uint64_t request,
                  push_wait_ref_t *wait)
{
    push_store_t *store = cluster->store;
    unsigned char key[PUSH_AWAITED_KEY];
    push_wait_begin_t how = {
        .key = key, .seats = &store->seats, .tag = store->tag, .ms = WAIT_MS};

    key_of(request, key);
    return push_awaited_begin(&cluster->words->awaited, &how, wait) == PUSH_OK;
}

/* True if it is in an inbox that somebody drains. */
static bool send(push_cluster_t *cluster, const push_named_log_ref_t *log,
                 const push_ask_t *ask, uint64_t request_number, bool *away)
{
    unsigned char body[BODY_BYTES] = {(unsigned char)ask->what};
    const push_send_call_t call = {.home = push_cluster_home(cluster,
                                                             log->partition),
                                   .log = {log->text, log->len},
                                   .context = ask->context,
                                   .kind = PUSH_ENTRY_QUESTION,
                                   .to = PUSH_OWNER_NOBODY,
                                   .request = request_number,
                                   .from = push_cluster_owner(cluster),
                                   .body = {(const char *)body, BODY_BYTES}};
    push_send_reply_t sent = {0};
    push_request_t request;

    write_number(body + 1, ask->mid, 8);
    push_request_init(&request, log->partition);
    push_library_send(&request.command, &call);
    *away = push_courier_call(cluster->courier, &request) != PUSH_FAILURE_NONE
            || !push_send_reply(request.reply, &sent);
    push_request_cleanup(&request);
    return !*away && sent.found && sent.owner != PUSH_OWNER_NOBODY
           && sent.heard;
}

typedef struct {
    push_wait_ref_t wait;
    push_ask_t *ask; /* NULL: it is not under way */
} asking_t;

static void send_all(push_cluster_t *cluster, const push_named_log_ref_t *log,
                     push_ask_t *asks, asking_t *asking, unsigned count)
{
    bool away = false;

    for (unsigned i = 0; i < count && !away; i++) {
        uint64_t request = push_awaited_number(&cluster->words->awaited);

        if (!begin(cluster, request, &asking[i].wait)) {
            continue;
        }
        if (send(cluster, log, &asks[i], request, &away)) {
            asking[i].ask = &asks[i];
        }
        else {
            push_awaited_end(&asking[i].wait);
        }
    }
}

static void gather(asking_t *asking, unsigned count)
{
    int64_t until = push_redis_now() + ANSWER_MS;

    for (unsigned i = 0; i < count; i++) {
        int64_t left = until - push_redis_now();
        push_wait_result_t result;

        if (!asking[i].ask) {
            continue;
        }
        result = push_awaited_wait(&asking[i].wait, PUSH_AWAITED_ANSWERED,
                                   left > 0 ? left : 0);
        push_awaited_end(&asking[i].wait);
        asking[i].ask->answered = result.happened & PUSH_AWAITED_ANSWERED;
        asking[i].ask->value = result.value;
    }
}

void push_ask(push_cluster_t *cluster, const push_named_log_ref_t *log,
              push_ask_t *asks, unsigned count)
{
    asking_t *asking = count ? calloc(count, sizeof(*asking)) : NULL;

    if (asking) {
        send_all(cluster, log, asks, asking, count);
        gather(asking, count);
        free(asking);
    }
}

bool push_ask_answered(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry)
{
    unsigned char key[PUSH_AWAITED_KEY];
    push_wait_result_t answered = {.happened = PUSH_AWAITED_ANSWERED};

    if (entry->body.len != VALUE_BYTES) {
        return false;
    }
    answered.value = (uint32_t)read_number(
        (const unsigned char *)entry->body.at, VALUE_BYTES);
    key_of(entry->request, key);
    return push_awaited_tell(&cluster->words->awaited, key, &answered);
}

/* ---- who is asked ---- */

typedef struct {
    const push_inbox_entry_t *entry;
    push_asked_t what;
    uint64_t mid;
    uint32_t value;
} asked_t;

static void ignore_message(void *data, const push_message_view_t *view)
{
    (void)data;
    (void)view;
}

static void take_life(void *data, const push_life_view_t *view)
{
    asked_t *asked = data;

    if (!memcmp(view->id, asked->entry->context, PUSH_CONTEXT_BYTES)) {
        asked->value = say_fate(
            view->fate, view->at ? view->at - push_mid_ms(asked->mid) : -1);
    }
}

static uint64_t number_of(push_asked_t what, const push_device_view_t *view)
{
    switch (what) {
    case PUSH_ASKED_PENDING:
        return view->pending;
    case PUSH_ASKED_IN_FLIGHT:
        return view->in_flight;
    case PUSH_ASKED_ACKED:
        return view->acked;
    default:
        return view->sent;
    }
}

static void take_device(void *data, const push_device_view_t *view)
{
    asked_t *asked = data;

    if (!memcmp(view->id, asked->entry->context, PUSH_CONTEXT_BYTES)) {
        uint64_t number = number_of(asked->what, view);

        asked->value = number < PUSH_ASK_NOTHING ? (uint32_t)number
                                                 : PUSH_ASK_NOTHING - 1;
    }
}

/* A question that this version does not know it knows nothing about. */
static void find_out(push_cluster_t *cluster, asked_t *asked)
{
    const push_inbox_entry_t *entry = asked->entry;
    push_text_t user = {entry->log.at + 1, entry->log.len - 1};
    push_time_t now = push_clock_now();
    const push_visitor_t visitor = {
        .message = ignore_message, .life = take_life, .data = asked};
    const push_sought_t sought = {.mid = asked->mid,
                                  .addressed = true,
                                  .audience = {.kind = PUSH_LOG_USER,
                                               .name = user}};

    if (asked->what == PUSH_ASKED_FATE) {
        push_view_message(cluster->store, &sought, &now, &visitor);
    }
    else if (asked->what <= PUSH_ASKED_SENT) {
        push_view_devices(cluster->store, user, &now, take_device, asked);
    }
}

void push_ask_asked(push_cluster_t *cluster, const push_inbox_entry_t *entry)
{
    const unsigned char *body = (const unsigned char *)entry->body.at;
    unsigned char said[VALUE_BYTES];
    push_answer_call_t answer = {.home = push_cluster_home(cluster,
                                                           entry->partition),
                                 .to = entry->from,
                                 .request = entry->request,
                                 .from = push_cluster_owner(cluster),
                                 .body = {(const char *)said, VALUE_BYTES}};
    asked_t asked = {.entry = entry, .value = PUSH_ASK_NOTHING};
    push_post_t *post;

    if (entry->body.len < BODY_BYTES || entry->log.at[0] != 'u') {
        return;
    }
    asked.what = (push_asked_t)body[0];
    asked.mid = read_number(body + 1, 8);
    find_out(cluster, &asked);
    post = push_post_begin(cluster, entry->partition);
    if (post) {
        write_number(said, asked.value, VALUE_BYTES);
        push_library_answer(&post->request.command, &answer);
        push_post_send(post);
    }
}
