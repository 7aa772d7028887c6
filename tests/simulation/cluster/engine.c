#include "simulation/cluster/engine_part.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/call.h"
#include "broker/library/library.h"
#include "harness/keep.h"
#include "harness/library_model_part.h"
#include "harness/needs.h"
#include "simulation/cluster/judge.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/reply.h"
#include "simulation/cluster/texts.h"
#include "simulation/cluster/threads.h"

#define LEASE 60000
#define PEERS 64u
#define KEYED offsetof(struct model, now) /* bytes that are in keys */

static struct {
    cs_fault_t fault;
    cs_master_t masters[CS_MASTERS];
    unsigned addresses, vms, epochs, lives;
    struct {
        unsigned owner; /* 0: free */
        int64_t renewed;
    } peers[PEERS];
    unsigned before[MODEL_OWNERS]; /* how much was in each inbox */
    unsigned posted[MODEL_OWNERS];
    unsigned posted_count;
} engine;

/* ---- masters ---- */

static void name_vm(cs_master_t *master)
{
    snprintf(master->vm, sizeof(master->vm), "%u-%016x", PUSH_LIBRARY_VERSION,
             ++engine.vms);
}

static int64_t clock_of(const cs_master_t *master)
{
    return cs_wall() + master->ahead;
}

static void other_address(cs_master_t *master)
{
    master->address = engine.addresses++ % CS_ADDRESSES;
}

void cs_see_epoch(cs_master_t *master)
{
    if (master->model->has_epoch && !master->epoch) {
        master->epoch = ++engine.epochs;
    }
}

void cs_engine_reset(cs_fault_t fault)
{
    static const unsigned partitions[CS_MASTERS] = {0, CS_OTHER_PARTITION};

    cs_texts_reset();
    cs_left_reset();
    memset(&engine, 0, sizeof(engine));
    engine.fault = fault;
    for (unsigned i = 0; i < CS_MASTERS; i++) {
        cs_master_t *master = &engine.masters[i];

        master->partition = partitions[i];
        master->model = model_create(cs_wall());
        master->replica = model_create(cs_wall());
        other_address(master);
        name_vm(master);
    }
}

cs_master_t *cs_master(unsigned which)
{
    return &engine.masters[which];
}

unsigned cs_master_of(unsigned partition)
{
    unsigned i = 0;

    while (i < CS_MASTERS && engine.masters[i].partition != partition) {
        i++;
    }
    return i < CS_MASTERS ? i : partition % CS_MASTERS;
}

void cs_engine_replicate(unsigned which)
{
    cs_master_t *master = &engine.masters[which];

    memcpy(master->replica, master->model, KEYED);
}

void cs_engine_load(unsigned which)
{
    cs_master_t *master = &engine.masters[which];

    master->model->now = clock_of(master);
    model_load(master->model);
    name_vm(master);
}

void cs_engine_move(unsigned which)
{
    other_address(&engine.masters[which]);
    cs_engine_load(which);
    cs_engine_replicate(which);
}

void cs_engine_fail_over(unsigned which)
{
    cs_master_t *master = &engine.masters[which];

    memcpy(master->model, master->replica, KEYED);
    other_address(master);
    cs_engine_load(which);
}

void cs_engine_flush(unsigned which)
{
    cs_master_t *master = &engine.masters[which];

    memset(master->model, 0, KEYED);
    master->epoch = 0;
    if (which == 0) {
        memset(engine.peers, 0, sizeof(engine.peers));
    }
    cs_engine_replicate(which);
}
/* ---- messages ---- */

static unsigned topic_of(const cs_call_t *call)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in;
    unsigned topic;

    if (call->args_count < 4 || !call->args[4].len) {
        return 0;
    }
    in = open_memstream(&text, &len);
    NEEDS(in != NULL, "no memory for a topic");
    cs_pack_text(in, call->args[5]);
    fputc('\0', in);
    cs_pack_text(in, call->args[4]);
    fclose(in);
    topic = cs_text_number(CS_TOPICS, (push_text_t){text, (uint32_t)len});
    free(text);
    NEEDS(topic <= MODEL_TOPICS, "there are too many topics");
    return topic;
}

/* The next number of a packed word. */
static uint64_t next(push_text_t *word, unsigned bytes)
{
    uint64_t number;

    NEEDS(word->len >= bytes, "a packed word is too short");
    number = push_big(word->at, bytes);
    word->at += bytes;
    word->len -= bytes;
    return number;
}

static struct model_publish read_publish(const cs_call_t *call)
{
    push_text_t fixed = call->args[1];
    struct model_publish publish = {.log = cs_log_arg(call, 2),
                                    .record = cs_text_number(CS_RECORDS,
                                                             call->args[3]),
                                    .topic = topic_of(call)};

    NEEDS(next(&fixed, 2) == call->master->partition, "not its partition");
    publish.lane = (unsigned)next(&fixed, 1);
    publish.ttl = (int64_t)next(&fixed, 6);
    publish.cap = (unsigned)next(&fixed, 4);
    next(&fixed, 4); /* for counts of recipients alone */
    NEEDS(next(&fixed, 4) == 0, "rates are not simulated");
    if (fixed.len) {
        publish.window = (int64_t)next(&fixed, 6);
        publish.key = cs_text_number(CS_KEYS, call->args[0]);
        publish.request = cs_text_number(CS_REQUESTS, fixed);
    }
    NEEDS(publish.cap < MODEL_MEMBERS - 1, "a lane has more than the model");
    NEEDS(publish.key <= MODEL_KEYS, "there are too many keys");
    return publish;
}

static void run_publish(cs_call_t *call)
{
    struct model_publish publish = read_publish(call);
    struct model_published done = model_publish(call->m, &publish);

    if (done.outcome == 0) {
        cs_judge_stored(publish.log, call->args[3],
                        push_mid_of_tick(done.tick, call->master->partition));
    }
    fputs("$34\r\n", call->out);
    cs_pack(call->out, done.outcome, 1);
    cs_pack(call->out, done.tick, 7);
    cs_pack(call->out, done.recipients, 4);
    cs_pack(call->out, done.connected, 4);
    cs_pack(call->out, (uint64_t)call->m->now, 6);
    cs_pack(call->out, done.remaining, 4);
    cs_pack(call->out, (uint64_t)done.wait_us, 4);
    cs_pack(call->out, 0, 4);
    fputs("\r\n", call->out);
}

static void run_recall(cs_call_t *call)
{
    uint64_t tick = cs_arg(call, 3);
    bool found = model_recall(call->m, cs_log_arg(call, 2), tick);

    if (found) {
        cs_judge_recalled(push_mid_of_tick(tick, call->master->partition));
    }
    cs_reply_array(call->out, 3);
    cs_reply_number(call->out, found);
    cs_reply_number(call->out,
                    found ? call->m->recalls[call->m->recalls_count - 1].tick
                          : 0);
    cs_reply_number(call->out, 0);
}
/* ---- who follows ---- */

/* The log is read, and only later followed, if that is the fault. */
static void follow(cs_call_t *call, const struct model_follow *follow,
                   struct model_followed *followed)
{
    struct model_follower before[MODEL_OWNERS];
    struct model_log *log = &call->m->logs[follow->log];

    memcpy(before, log->followers, sizeof(before));
    model_follow(call->m, follow, followed);
    if (call->fault == CS_FOLLOW_AND_LOAD) {
        bool was = false;

        for (unsigned i = 0; i < MODEL_OWNERS; i++) {
            was |= before[i].owner == follow->owner;
        }
        if (!was) {
            memcpy(log->followers, before, sizeof(before));
        }
    }
}

static void run_follow(cs_call_t *call)
{
    struct model_followed *followed = malloc(sizeof(*followed));
    struct model_follow what = {.log = cs_log_arg(call, 2),
                                .owner = cs_caller_of(call->args[3]),
                                .connected = (uint32_t)cs_arg(call, 4),
                                .subscribers = (uint32_t)cs_arg(call, 5),
                                .since = cs_arg(call, 6)};

    NEEDS(followed != NULL, "no memory for an answer");
    follow(call, &what, followed);
    cs_reply_array(call->out, 7);
    cs_reply_origin(call);
    cs_reply_followed(call, followed, cs_is_set(call, 8));
    free(followed);
}

static void run_unfollow(cs_call_t *call)
{
    unsigned owner = cs_owner_of(call->args[2]);

    cs_reply_number(
        call->out,
        owner && model_unfollow(call->m, cs_log_arg(call, 1), owner));
}

static void run_resync(cs_call_t *call)
{
    struct model_followed *followed = malloc(sizeof(*followed));
    unsigned logs = (call->args_count - 2) / 5;

    NEEDS(followed != NULL, "no memory for an answer");
    cs_reply_array(call->out, 3 + 4 * logs);
    call->m->has_epoch = true;
    cs_reply_origin(call);
    for (unsigned i = 0; i < logs; i++) {
        unsigned at = 3 + 5 * i;
        struct model_follow what = {
            .log = cs_log_arg(call, at),
            .owner = cs_caller_of(call->args[2]),
            .connected = (uint32_t)cs_arg(call, at + 1),
            .subscribers = (uint32_t)cs_arg(call, at + 2),
            .since = cs_arg(call, at + 3)};

        model_follow(call->m, &what, followed);
        cs_reply_followed(call, followed, false);
    }
    free(followed);
}

static void run_drain(cs_call_t *call)
{
    struct model_drained *drained = malloc(sizeof(*drained));
    bool same = call->args[3].len == strlen(call->master->vm)
                && !memcmp(call->args[3].at, call->master->vm,
                           call->args[3].len);

    NEEDS(drained != NULL, "no memory for an answer");
    model_drain(call->m, cs_caller_of(call->args[2]),
                same ? cs_arg(call, 4) : 0, drained);
    cs_reply_array(call->out, 8);
    cs_reply_origin(call);
    cs_reply_number(call->out, drained->lost);
    cs_reply_number(call->out, drained->first);
    cs_reply_number(call->out, drained->last);
    cs_reply_entries(call, &drained->entries);
    cs_reply_number(call->out, drained->last);
    free(drained);
}
/* ---- the cluster ---- */

static void run_marks(cs_call_t *call)
{
    cs_reply_array(call->out, 0);
}

static void forget_peers(int64_t ms, int64_t began)
{
    for (unsigned i = 0; i < PEERS; i++) {
        int64_t since = engine.peers[i].renewed;

        since = since < began ? began : since;
        if (ms - since >= LEASE) {
            engine.peers[i].owner = 0;
        }
    }
}

static unsigned free_number(void)
{
    unsigned node = 0;

    while (node < PEERS && engine.peers[node].owner) {
        node++;
    }
    NEEDS(node < PEERS, "there are too many nodes");
    return node << 10 | (engine.lives++ % 1023 + 1);
}

static void reply_peers(cs_call_t *call, unsigned outcome, unsigned owner)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PEERS; i++) {
        count += engine.peers[i].owner != 0;
    }
    cs_reply_array(call->out, 6 + 4 * count);
    cs_reply_number(call->out, outcome);
    cs_reply_number(call->out, owner);
    cs_reply_string(call->out, call->master->vm);
    cs_reply_text(call->out, call->args[1]);
    cs_reply_text(call->out, call->args[2]);
    cs_reply_string(call->out, "12345678");
    for (unsigned i = 0; i < PEERS; i++) {
        if (engine.peers[i].owner) {
            cs_reply_number(call->out, engine.peers[i].owner);
            cs_reply_number(call->out, 0);
            cs_reply_string(call->out, "");
            cs_reply_string(call->out, "");
        }
    }
}

static void run_lease(cs_call_t *call)
{
    unsigned owner = (unsigned)cs_arg(call, 3), outcome = 0;

    forget_peers(call->m->now, call->m->began);
    if (!owner) {
        owner = free_number();
    }
    else if (engine.peers[owner >> 10].owner
             && engine.peers[owner >> 10].owner != owner) {
        outcome = 1;
    }
    if (!outcome) {
        engine.peers[owner >> 10].owner = owner;
        engine.peers[owner >> 10].renewed = call->m->now;
    }
    reply_peers(call, outcome, owner);
}
/* ---- what is kept for later: nobody here keeps any ---- */

static void run_later_next(cs_call_t *call)
{
    cs_reply_array(call->out, 4);
    cs_reply_string(call->out, call->master->vm);
    cs_reply_number(call->out, (uint64_t)call->m->now);
    cs_reply_number(call->out, 0);
    cs_reply_string(call->out, "");
}

static void run_due(cs_call_t *call)
{
    cs_reply_array(call->out, 3);
    cs_reply_number(call->out, (uint64_t)call->m->now);
    cs_reply_number(call->out, 0);
    cs_reply_number(call->out, 0);
}

/* ---- calls ---- */

static const struct {
    const char *name;
    void (*run)(cs_call_t *call);
} functions[] = {
    {"push_publish", run_publish},
    {"push_recall", run_recall},
    {"push_follow", run_follow},
    {"push_unfollow", run_unfollow},
    {"push_resync", run_resync},
    {"push_drain", run_drain},
    {"push_claim", cs_run_claim},
    {"push_reclaim", cs_run_claim},
    {"push_yield", cs_run_yield},
    {"push_save", cs_run_save},
    {"push_send", cs_run_send},
    {"push_answer", cs_run_answer},
    {"push_view", cs_run_view},
    {"push_read", cs_run_read},
    {"push_marks", run_marks},
    {"push_lease", run_lease},
    {"push_ask", cs_run_ask},
    {"push_leave", cs_run_leave},
    {"push_collect", cs_run_collect},
    {"push_later_next", run_later_next},
    {"push_due", run_due},
};

static void take_apart(cs_call_t *call, const push_command_t *command)
{
    size_t at = 0;
    unsigned keys;

    NEEDS(!command->failed && command->count < CS_WORDS, "no such command");
    for (unsigned i = 0; i < command->count; i++) {
        call->words[i] = (push_text_t){(const char *)command->bytes + at,
                                       command->lens[i]};
        at += command->lens[i];
    }
    call->count = command->count;
    keys = (unsigned)cs_number(call->words[2]);
    call->keys = call->words + 3;
    call->args = call->words + 2 + keys;
    call->args_count = call->count - 3 - keys;
}

static void dispatch(cs_call_t *call)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        if (strlen(functions[i].name) == call->words[1].len
            && !memcmp(functions[i].name, call->words[1].at,
                       call->words[1].len)) {
            functions[i].run(call);
            return;
        }
    }
    NEEDS(false, "%.*s is not simulated", (int)call->words[1].len,
          call->words[1].at);
}

static void look_at_inboxes(const struct model *m)
{
    for (unsigned i = 0; i < MODEL_OWNERS; i++) {
        engine.before[i] = m->inboxes[i].queue.count;
    }
}

static void find_posted(const struct model *m)
{
    engine.posted_count = 0;
    for (unsigned i = 0; i < MODEL_OWNERS; i++) {
        if (m->inboxes[i].queue.count > engine.before[i]) {
            engine.posted[engine.posted_count++] = cs_owner_number(i + 1);
        }
    }
}

char *cs_engine_run(unsigned which, const push_command_t *command, bool commit,
                    size_t *len)
{
    static cs_call_t call;
    char *bytes = NULL;

    call = (cs_call_t){.master = &engine.masters[which],
                       .m = engine.masters[which].model,
                       .fault = engine.fault};
    take_apart(&call, command);
    model_clock(call.m, clock_of(call.master));
    look_at_inboxes(call.m);
    call.out = open_memstream(&bytes, len);
    NEEDS(call.out != NULL, "no memory for an answer");
    dispatch(&call);
    fclose(call.out);
    find_posted(call.m);
    cs_see_epoch(call.master);
    if (commit) {
        cs_engine_replicate(which);
    }
    return bytes;
}

char *cs_engine_stale(unsigned which, const push_command_t *command,
                      size_t *len)
{
    static cs_call_t call;
    char *bytes = NULL;

    call = (cs_call_t){.master = &engine.masters[which],
                       .m = engine.masters[which].model,
                       .fault = engine.fault};
    take_apart(&call, command);
    call.out = open_memstream(&bytes, len);
    NEEDS(call.out != NULL, "no memory for an answer");
    cs_reply_array(call.out, 8);
    cs_reply_origin_of(&call, call.args[3]);
    cs_reply_number(call.out, 0);
    cs_reply_number(call.out, cs_arg(&call, 4) + 1);
    cs_reply_number(call.out, cs_arg(&call, 4));
    cs_reply_string(call.out, "");
    cs_reply_number(call.out, cs_arg(&call, 4));
    fclose(call.out);
    return bytes;
}

unsigned cs_engine_posted(unsigned owners[MODEL_OWNERS])
{
    memcpy(owners, engine.posted, sizeof(engine.posted));
    return engine.posted_count;
}
/* ---- what it knows ---- */

bool cs_engine_has(unsigned log, uint64_t mid, int64_t *expires)
{
    const cs_master_t *master = &engine.masters[cs_log_master(log)];
    unsigned lane;
    const struct model_member *m = cs_find_member(
        &master->model->logs[log], push_tick_of_mid(mid), &lane);

    *expires = m ? m->expires : 0;
    return m != NULL;
}

bool cs_engine_has_device(unsigned log, unsigned context)
{
    const struct model_device *d =
        &engine.masters[cs_log_master(log)].model->logs[log].devices[context];

    return d->known && d->record != 0;
}

int cs_engine_owner(unsigned log, unsigned context)
{
    const struct model_device *d =
        &engine.masters[cs_log_master(log)].model->logs[log].devices[context];

    return d->known && d->owner ? cs_node_of(cs_owner_number(d->owner))
                                : CS_NOBODY;
}
