#include "simulation/cluster/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mailbox.h"
#include "simulation/cluster/judge.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/texts.h"
#include "store/ops/delivery.h"
#include "store/shard/context.h"
#include "store/shard/shard.h"

#define PATIENCE_MS 7000
#define BUFFER      256
#define HISTORY     2048
#define GONE        256

/* A message that is on its way to a client. */
typedef struct {
    uint64_t seq, mid;
    unsigned lane;
    uint32_t dropped; /* a gap; it has no seq */
} item_t;

typedef struct {
    int node;
    unsigned life;
    push_stream_ref_t ref;
} stream_t;

typedef struct {
    push_cursor_t cursor; /* seq 0: none */
    uint32_t attempts;    /* ever; the number of the newest */
    bool asks;            /* that attempt has no answer */
    int64_t asked;
    bool open;
    uint32_t conn;
    uint64_t session;
    stream_t stream;
    bool over; /* the server has ended it */
    item_t buffer[BUFFER];
    unsigned from, count;
    uint64_t last_seq, last_mid[CS_LOGS][PUSH_LANES];
    bool acks; /* one is on its way */
    int64_t acked_at;
    struct {
        uint32_t conn;
        uint64_t seq;
        unsigned publish;
    } history[HISTORY];
    unsigned history_count;
} client_t;

static client_t clients[CS_CLIENTS];

/* Streams whose clients have left. */
static stream_t gone[GONE];
static unsigned gone_count;

void cs_people_reset(void)
{
    memset(clients, 0, sizeof(clients));
    gone_count = 0;
}

/* ---- requests ---- */

typedef struct {
    int who, node;
    uint32_t number;
    push_cursor_t cursor;
} job_t;

static job_t *job_of(int who, int node, uint32_t number)
{
    job_t *job = calloc(1, sizeof(*job));

    NEEDS(job != NULL, "no memory for a request");
    *job = (job_t){.who = who, .node = node, .number = number};
    return job;
}

static push_text_t text_of(const char *text)
{
    return (push_text_t){text, (uint32_t)strlen(text)};
}

static push_text_t device_name(int client)
{
    return text_of(client / (int)CS_USERS ? "tablet" : "phone");
}

static push_checkin_t checkin_of(int client)
{
    push_checkin_t checkin = {
        .user = cs_user_name((unsigned)client % CS_USERS),
        .explicit_acks = true,
        .lowest = PUSH_VERY_LOW,
        .max_in_flight = 16,
        .max_streams = 16,
        .max_devices = 16,
        .max_subscriptions = 64};

    checkin.labels[PUSH_LABEL_DEVICE] = device_name(client);
    return checkin;
}

unsigned cs_client_context(int client)
{
    unsigned char id[PUSH_CONTEXT_BYTES];

    push_store_context_id(cs_user_name((unsigned)client % CS_USERS),
                          device_name(client), (push_text_t){NULL, 0}, id);
    return cs_text_number(CS_CONTEXTS,
                          (push_text_t){(const char *)id, sizeof(id)})
           - 1;
}

/* ---- streams ---- */

static void leave(const stream_t *stream)
{
    if (gone_count == GONE) {
        cs_clients_notice();
    }
    gone[gone_count++] = *stream;
}

void cs_clients_notice(void)
{
    for (unsigned i = 0; i < gone_count; i++) {
        const stream_t *stream = &gone[i];
        int before = cs_enter(stream->node);

        if (cs_node_is_up(stream->node)
            && cs_node_life(stream->node) == stream->life) {
            push_broker_t *broker = cs_node_broker(stream->node);
            push_time_t now = push_clock_now();

            broker->release(broker, &stream->ref, &now);
        }
        cs_enter(before);
    }
    gone_count = 0;
}

static void begin_stream(client_t *c, const job_t *job,
                         const push_stream_ref_t *ref, uint64_t session)
{
    c->asks = false;
    c->open = true;
    c->over = false;
    c->conn = job->number;
    c->session = session;
    c->stream = (stream_t){job->node, cs_node_life(job->node), *ref};
    c->from = c->count = 0;
    c->last_seq = 0;
    memset(c->last_mid, 0, sizeof(c->last_mid));
}

static void *connect_client(void *data)
{
    job_t *job = data;
    client_t *c = &clients[job->who];
    push_broker_t *broker = cs_node_broker(job->node);
    push_text_t channel = cs_channel_name();
    push_checkin_t checkin = checkin_of(job->who);
    push_time_t now = push_clock_now();
    push_stream_ref_t ref;
    uint64_t session;
    push_status_t status;

    checkin.channels = &channel;
    checkin.channels_count = 1;
    checkin.cursor = job->cursor.seq ? &job->cursor : NULL;
    status = broker->claim(broker, &checkin, &now, &ref, &session);
    cs_say("node %d answers client %d: %d", job->node, job->who, status);
    if (status == PUSH_OK && c->attempts == job->number && c->asks) {
        begin_stream(c, job, &ref, session);
        cs_judge_came(job->who);
    }
    else if (status == PUSH_OK) {
        stream_t stream = {job->node, cs_node_life(job->node), ref};

        leave(&stream);
    }
    else if (c->attempts == job->number) {
        c->asks = false;
    }
    free(job);
    return NULL;
}

void cs_client_connect(int client, int node)
{
    client_t *c = &clients[client];
    job_t *job;

    if (c->asks && cs_now() > c->asked + PATIENCE_MS) {
        c->asks = false;
    }
    if (c->asks || c->open || !cs_node_is_up(node)) {
        return;
    }
    c->asks = true;
    c->asked = cs_now();
    job = job_of(client, node, ++c->attempts);
    job->cursor = c->cursor;
    job->cursor.has_session = false;
    cs_say("client %d comes to node %d with seq %lu", client, node,
           (unsigned long)c->cursor.seq);
    cs_thread_start(node, connect_client, job);
}

void cs_client_cut(int client)
{
    client_t *c = &clients[client];

    c->asks = false;
    if (c->open) {
        c->open = false;
        leave(&c->stream);
        cs_say("client %d leaves node %d", client, c->stream.node);
    }
}

bool cs_client_is_connected(int client)
{
    return clients[client].open && !clients[client].over;
}

/* ---- what comes ---- */

static void add_item(client_t *c, const item_t *item)
{
    if (c->count < BUFFER) {
        c->buffer[c->count++] = *item;
    }
}

static bool copy(void *data, const push_delivery_t *delivery,
                 push_written_sums_t *sums)
{
    client_t *c = data;

    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        add_item(c, &(item_t){.dropped = delivery->gaps[i].dropped});
    }
    for (unsigned i = 0; i < delivery->count; i++) {
        const push_pick_t *pick = &delivery->picks[i];

        add_item(c, &(item_t){.seq = pick->seq,
                              .mid = pick->message->mid,
                              .lane = push_message_urgency(pick->message)});
        push_written_sums_add(sums, pick->message, 1, 1);
    }
    return true;
}

/* Its node is there, as it was. */
static bool is_served(const client_t *c)
{
    return cs_node_is_up(c->stream.node)
           && cs_node_life(c->stream.node) == c->stream.life;
}

void cs_client_turn(int client)
{
    static push_delivery_t delivery;
    client_t *c = &clients[client];
    const push_copier_t copier = {copy, c};
    push_store_t *store;
    push_time_t now;
    int before;

    if (!c->open || c->over || cs_is_paused(c->stream.node)) {
        return;
    }
    if (!is_served(c)) {
        c->over = true;
        return;
    }
    if (c->count == c->from) {
        c->from = c->count = 0;
    }
    store = cs_node_store(c->stream.node);
    before = cs_enter(c->stream.node);
    if (push_delivery_state(store, &c->stream.ref) != PUSH_GOES_ON) {
        c->over = true;
        leave(&c->stream);
    }
    else if (c->count + PUSH_DELIVERY_MAX + 16 < BUFFER) {
        delivery = (push_delivery_t){.written = 0};
        now = push_clock_now();
        if (push_delivery_poll(store, &c->stream.ref, &now, &delivery, &copier)
            == PUSH_STALE) {
            c->over = true;
            leave(&c->stream);
        }
    }
    cs_enter(before);
}

static void note(client_t *c, int client, const item_t *item)
{
    for (unsigned i = 0; i < cs_publishes(); i++) {
        const cs_publish_t *p = cs_publish_at(i);

        if (p->mid != item->mid) {
            continue;
        }
        if (c->last_mid[p->log][item->lane] > item->mid) {
            cs_violation("order: client %d gets publish %u behind a later one "
                         "of its lane",
                         client, i);
        }
        c->last_mid[p->log][item->lane] = item->mid;
        if (c->history_count < HISTORY) {
            c->history[c->history_count].conn = c->conn;
            c->history[c->history_count].seq = item->seq;
            c->history[c->history_count++].publish = i;
        }
    }
}

static void take(client_t *c, int client, const item_t *item)
{
    if (item->dropped) {
        cs_judge_gap(client, item->dropped);
        return;
    }
    if (item->seq <= c->last_seq) {
        cs_violation("order: seq %lu follows %lu on a stream of client %d",
                     (unsigned long)item->seq, (unsigned long)c->last_seq,
                     client);
    }
    c->last_seq = item->seq;
    note(c, client, item);
    cs_judge_received(client, c->conn, item->mid);
    c->cursor = (push_cursor_t){.seq = item->seq,
                                .mid = item->mid,
                                .session = c->session,
                                .has_mid = true,
                                .has_session = true};
}

void cs_client_read(int client, unsigned count)
{
    client_t *c = &clients[client];

    while (c->open && count-- && c->from < c->count) {
        take(c, client, &c->buffer[c->from++]);
    }
    if (c->open && c->over && c->from == c->count) {
        c->open = false;
        cs_say("the stream of client %d ends", client);
    }
}

/* ---- what it acknowledges ---- */

static void *acknowledge(void *data)
{
    job_t *job = data;
    client_t *c = &clients[job->who];
    push_broker_t *broker = cs_node_broker(job->node);
    push_checkin_t checkin = checkin_of(job->who);
    push_time_t now = push_clock_now();
    int64_t sent = cs_now();
    push_status_t status;

    checkin.cursor = &job->cursor;
    status = broker->ack(broker, &checkin, &now);
    cs_say("node %d answers the acknowledgement of seq %lu by client %d: %d",
           job->node, (unsigned long)job->cursor.seq, job->who, status);
    for (unsigned i = 0; status == PUSH_OK && i < c->history_count; i++) {
        if (c->history[i].conn == job->number
            && c->history[i].seq <= job->cursor.seq) {
            cs_judge_acked(job->who, c->history[i].publish, sent);
        }
    }
    c->acks = false;
    free(job);
    return NULL;
}

void cs_client_acknowledge(int client, int node)
{
    client_t *c = &clients[client];
    job_t *job;

    if (c->acks && cs_now() > c->acked_at + PATIENCE_MS) {
        c->acks = false;
    }
    if (c->acks || !c->open || !c->last_seq || !cs_node_is_up(node)) {
        return;
    }
    c->acks = true;
    c->acked_at = cs_now();
    job = job_of(client, node, c->conn);
    job->cursor = c->cursor;
    cs_thread_start(node, acknowledge, job);
}

bool cs_client_at_rest(int client)
{
    const client_t *c = &clients[client];
    push_store_t *store;
    const push_device_t *device;
    bool rests;

    if (!c->open || c->over || !is_served(c) || c->from < c->count) {
        return false;
    }
    store = cs_node_store(c->stream.node);
    device = push_store_device_at(store, c->stream.ref.device);
    if (device->gen != c->stream.ref.gen) {
        return false;
    }
    cs_enter(c->stream.node);
    rests = !push_session_in_flight(device);
    if (rests) {
        push_time_t now = push_clock_now();

        rests = !push_mailbox_pending(&store->heaps[0], device, &now,
                                      PUSH_SUBSCRIPTION_USER,
                                      push_device_subscriptions_count(device));
    }
    cs_enter(CS_NOBODY);
    return rests;
}

/* ---- publishers ---- */

static push_audience_t audience_of(const cs_publish_t *p)
{
    static const push_log_kind_t kinds[CS_LOGS] = {
        PUSH_LOG_USER, PUSH_LOG_USER, PUSH_LOG_CHANNEL, PUSH_LOG_BROADCAST};

    return (push_audience_t){.kind = kinds[p->log],
                             .name = p->log == 3 ? (push_text_t){NULL, 0}
                                                 : cs_user_name(p->log)};
}

static push_status_t publish(push_broker_t *broker, const cs_publish_t *p)
{
    static const char *const topics[] = {"", "t1", "t2"};
    char data[32], key[16];
    push_publication_t publication = {.audience = audience_of(p),
                                      .now = push_clock_now()};
    push_message_spec_t *spec = &publication.spec;
    push_commit_t commit = {0};
    push_answer_t answer;
    push_status_t status;

    snprintf(data, sizeof(data), "~p%u~", cs_publish_index(p));
    snprintf(key, sizeof(key), "key%u", cs_publish_index(p));
    spec->content.data = text_of(data);
    spec->topic = text_of(topics[p->topic]);
    spec->urgency = p->urgency;
    spec->ttl = p->ttl;
    if (p->device >= 0) {
        spec->device = device_name(p->device * (int)CS_USERS);
    }
    publication.key = p->keyed ? text_of(key) : (push_text_t){NULL, 0};
    status = broker->publish(broker, &publication, &commit, &answer);
    return status == PUSH_OK ? broker->settle(broker, &commit, &answer)
                             : status;
}

static void *publish_one(void *data)
{
    job_t *job = data;
    cs_publish_t *p = cs_publish_at((unsigned)job->who);
    push_status_t status = publish(cs_node_broker(job->node), p);

    cs_say("node %d answers publish %d: %d", job->node, job->who, status);
    p->told |= status == PUSH_OK;
    p->under_way = false;
    free(job);
    return NULL;
}

static void send(cs_publish_t *p, int node)
{
    if (cs_node_is_up(node)) {
        p->under_way = true;
        cs_thread_start(node, publish_one,
                        job_of((int)cs_publish_index(p), node, 0));
    }
}

void cs_publisher_end(unsigned log, int node)
{
    cs_publish_t *p = cs_publish_add();

    if (p) {
        p->log = log;
        p->device = -1;
        p->urgency = PUSH_NORMAL;
        p->ttl = 600000;
        p->keyed = true;
        send(p, node);
    }
}

void cs_publisher_publish(dice_t *d, int node)
{
    static const int64_t ttls[] = {600000, 600000, 600000, 20000};
    cs_publish_t *p;

    if (!cs_node_is_up(node) || cs_publishes() + CS_LOGS >= CS_PUBLISHES) {
        return;
    }
    p = cs_publish_add();
    p->log = dice_below(d, CS_LOGS);
    p->device = p->log < CS_USERS && dice_one_in(d, 4) ? (int)dice_below(d, 2)
                                                       : -1;
    p->urgency = (push_urgency_t)dice_below(d, 2) + PUSH_NORMAL;
    p->ttl = ttls[dice_below(d, 4)];
    p->topic = dice_one_in(d, 5) ? 1 + dice_below(d, 2) : 0;
    p->keyed = dice_one_in(d, 2);
    send(p, node);
}

/* One whose node died has no answer, and gets none. */
static bool may_ask(const cs_publish_t *p)
{
    return p->keyed && !p->told && !p->under_way;
}

void cs_publishers_again(int node)
{
    for (unsigned i = 0; i < cs_publishes(); i++) {
        cs_publish_t *p = cs_publish_at(i);

        if (may_ask(p)) {
            send(p, node);
            return;
        }
    }
}

unsigned cs_publishers_wait(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < cs_publishes(); i++) {
        count += may_ask(cs_publish_at(i));
    }
    return count;
}

static void *recall(void *data)
{
    job_t *job = data;
    cs_publish_t *p = cs_publish_at((unsigned)job->who);
    push_broker_t *broker = cs_node_broker(job->node);
    push_time_t now = push_clock_now();
    push_sought_t sought = {
        .mid = p->mid, .addressed = true, .audience = audience_of(p)};
    uint32_t recalled;
    push_status_t status = broker->recall(broker, &sought, &now, &recalled);

    cs_say("node %d answers the recall of publish %d: %d", job->node, job->who,
           status);
    free(job);
    return NULL;
}

void cs_publisher_recall(unsigned choice, int node)
{
    unsigned count = cs_publishes();

    if (count && cs_node_is_up(node) && cs_publish_at(choice % count)->told) {
        cs_thread_start(node, recall, job_of((int)(choice % count), node, 0));
    }
}
