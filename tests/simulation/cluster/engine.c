#include "simulation/cluster/engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broker/library/entries.h"
#include "broker/library/library.h"
#include "harness/keep.h"
#include "harness/library_model_part.h"
#include "harness/needs.h"
#include "simulation/cluster/judge.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/reply.h"
#include "simulation/cluster/texts.h"
#include "simulation/cluster/threads.h"

#define WORDS  256
#define LEASE  60000
#define PEERS  64u
#define HEAD   27u /* of a device's record */
#define KEYED  offsetof(struct model, now) /* bytes that are in keys */

/* A command, taken apart. */
typedef struct {
    push_text_t words[WORDS];
    unsigned count;
    const push_text_t *keys, *args; /* args[1] is the first */
    unsigned args_count;
    cs_master_t *master;
    struct model *m;
    FILE *out;
} call_t;

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

static void see_epoch(cs_master_t *master)
{
    if (master->model->has_epoch && !master->epoch) {
        master->epoch = ++engine.epochs;
    }
}

void cs_engine_reset(cs_fault_t fault)
{
    static const unsigned partitions[CS_MASTERS] = {0, CS_OTHER_PARTITION};

    cs_texts_reset();
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
    return i;
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

/* ---- names ---- */

unsigned cs_engine_log(push_text_t name)
{
    unsigned log = 0;

    while (log < MODEL_LOGS
           && (cs_log_name(log).len != name.len
               || memcmp(cs_log_name(log).at, name.at, name.len))) {
        log++;
    }
    return log;
}

static uint64_t number(push_text_t text)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < text.len; i++) {
        value = value * 10 + (uint64_t)(text.at[i] - '0');
    }
    return value;
}

static uint64_t arg(const call_t *call, unsigned i)
{
    return number(call->args[i]);
}

static bool is_set(const call_t *call, unsigned i)
{
    return call->args[i].len == 1 && call->args[i].at[0] == '1';
}

static unsigned log_arg(const call_t *call, unsigned i)
{
    unsigned log = cs_engine_log(call->args[i]);

    NEEDS(log < MODEL_LOGS, "a call is about an unknown log");
    return log;
}

static unsigned context_of(push_text_t id)
{
    unsigned context = cs_text_number(CS_CONTEXTS, id);

    NEEDS(context >= 1 && context <= MODEL_DEVICES, "an unknown context");
    return context - 1;
}

/* Owners are decimal numbers in commands, and in the model 1, 2…. */
static unsigned owner_of(push_text_t text)
{
    unsigned owner = text.len == 1 && text.at[0] == '0'
                         ? 0
                         : cs_text_number(CS_OWNERS, text);

    NEEDS(owner <= MODEL_OWNERS, "there were too many owners");
    return owner;
}

/* Who calls has a number. */
static unsigned caller_of(push_text_t text)
{
    unsigned owner = owner_of(text);

    NEEDS(owner != 0, "a node calls that has no number");
    return owner;
}

static unsigned owner_number(unsigned owner)
{
    return (unsigned)number(cs_text_of(CS_OWNERS, owner));
}

/* What stands behind the tag and the kind of a key. */
static push_text_t name_in_key(push_text_t key)
{
    const char *end = memchr(key.at, '}', key.len);
    uint32_t at = (uint32_t)(end - key.at) + 2;

    return (push_text_t){key.at + at, key.len - at};
}

/* ---- entries ---- */

static void pack_about_device(FILE *out, const struct model_entry *e)
{
    push_text_t log = cs_log_name(e->log);

    cs_pack(out, log.len, 2);
    cs_pack_text(out, log);
    cs_pack_text(out, cs_text_of(CS_CONTEXTS, e->device + 1));
}

static void pack_message(FILE *out, const struct model_entry *e)
{
    push_text_t log = cs_log_name(e->log);
    const struct model_member *member = &e->member;

    cs_pack(out, log.len, 2);
    cs_pack_text(out, log);
    cs_pack(out, e->lane, 1);
    cs_pack(out, member->tick, 7);
    cs_pack(out, (uint64_t)member->expires, 6);
    if (member->expires == 0) {
        cs_pack(out, member->dropped, 4);
        cs_pack(out, (uint64_t)member->until, 6);
        return;
    }
    cs_pack_text(out, cs_text_of(CS_RECORDS, member->record));
}

static void pack_recall(FILE *out, const struct model_entry *e,
                        unsigned partition)
{
    push_text_t log = cs_log_name(e->log);

    cs_pack(out, log.len, 2);
    cs_pack_text(out, log);
    cs_pack(out, e->tick, 7);
    cs_pack(out, push_mid_of_tick(e->recalled, partition), 8);
}

static void pack_body(FILE *out, const struct model_entry *e,
                      unsigned partition)
{
    switch (e->kind) {
    case PUSH_ENTRY_MESSAGE:
        pack_message(out, e);
        return;
    case PUSH_ENTRY_RECALL:
        pack_recall(out, e, partition);
        return;
    case PUSH_ENTRY_YIELD:
    case PUSH_ENTRY_FORCED:
        pack_about_device(out, e);
        cs_pack(out, e->fence, 4);
        cs_pack(out, e->owner ? owner_number(e->owner) : 0, 2);
        return;
    case PUSH_ENTRY_GRANT:
    case PUSH_ENTRY_ABSENT:
        pack_about_device(out, e);
        cs_pack(out, e->fence, 4);
        cs_pack(out, e->exact, 1);
        cs_pack(out, 0, 4);
        return;
    case PUSH_ENTRY_ACK:
    case PUSH_ENTRY_QUESTION:
        pack_about_device(out, e);
        break;
    default:
        break;
    }
    cs_pack_text(out, cs_text_of(CS_RECORDS, e->record));
}

static void pack_entries(FILE *out, const struct model_entries *entries,
                         unsigned partition)
{
    for (unsigned i = 0; i < entries->count; i++) {
        char *body = NULL;
        size_t len = 0;
        FILE *in = open_memstream(&body, &len);

        NEEDS(in != NULL, "no memory for an entry");
        pack_body(in, &entries->list[i], partition);
        fclose(in);
        cs_pack(out, partition, 2);
        cs_pack(out, (unsigned char)entries->list[i].kind, 1);
        cs_pack(out, len, 4);
        cs_pack_text(out, (push_text_t){body, (uint32_t)len});
        free(body);
    }
}

static void reply_entries(const call_t *call,
                          const struct model_entries *entries)
{
    char *bytes = NULL;
    size_t len = 0;
    FILE *in = open_memstream(&bytes, &len);

    NEEDS(in != NULL, "no memory for entries");
    pack_entries(in, entries, call->master->partition);
    fclose(in);
    cs_reply_text(call->out, (push_text_t){bytes, (uint32_t)len});
    free(bytes);
}

/* vm, epoch, time */
static void reply_origin_of(const call_t *call, push_text_t vm)
{
    see_epoch(call->master);
    cs_reply_text(call->out, vm);
    if (call->master->epoch) {
        fputs("$8\r\n", call->out);
        cs_pack(call->out, call->master->epoch, 8);
        fputs("\r\n", call->out);
    }
    else {
        cs_reply_string(call->out, "");
    }
    cs_reply_number(call->out, (uint64_t)call->m->now);
}

static void reply_origin(const call_t *call)
{
    const char *vm = call->master->vm;

    reply_origin_of(call, (push_text_t){vm, (uint32_t)strlen(vm)});
}

/* version, more, whole, entries */
static void reply_followed(const call_t *call,
                           const struct model_followed *followed, bool counts)
{
    static const struct model_entries nothing;

    cs_reply_number(call->out, counts ? 0 : followed->version);
    cs_reply_number(call->out, 0);
    cs_reply_number(call->out, !counts && followed->whole);
    reply_entries(call, counts ? &nothing : &followed->entries);
}

/* ---- messages ---- */

static unsigned topic_of(const call_t *call)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in;
    unsigned topic;

    if (!call->args[7].len) {
        return 0;
    }
    in = open_memstream(&text, &len);
    NEEDS(in != NULL, "no memory for a topic");
    cs_pack_text(in, call->args[8]);
    fputc('\0', in);
    cs_pack_text(in, call->args[7]);
    fclose(in);
    topic = cs_text_number(CS_TOPICS, (push_text_t){text, (uint32_t)len});
    free(text);
    NEEDS(topic <= MODEL_TOPICS, "there are too many topics");
    return topic;
}

static void run_publish(call_t *call)
{
    bool keyed = call->args[10].len != 0;
    struct model_publish publish = {
        .log = log_arg(call, 2),
        .lane = (unsigned)arg(call, 3),
        .ttl = (int64_t)arg(call, 4),
        .cap = (unsigned)arg(call, 5),
        .record = cs_text_number(CS_RECORDS, call->args[6]),
        .topic = topic_of(call),
        .window = (int64_t)arg(call, 11)};
    struct model_published done;

    NEEDS(publish.cap < MODEL_MEMBERS - 1, "a lane has more than the model");
    if (keyed) {
        publish.key = cs_text_number(CS_KEYS, call->args[0]);
        publish.request = cs_text_number(CS_REQUESTS, call->args[10]);
        NEEDS(publish.key <= MODEL_KEYS, "there are too many keys");
    }
    done = model_publish(call->m, &publish);
    if (done.outcome == 0) {
        cs_judge_stored(publish.log, call->args[6],
                         push_mid_of_tick(done.tick, call->master->partition));
    }
    cs_reply_array(call->out, 8);
    cs_reply_number(call->out, done.outcome);
    cs_reply_number(call->out, done.tick);
    cs_reply_number(call->out, done.recipients);
    cs_reply_number(call->out, done.connected);
    cs_reply_number(call->out, (uint64_t)call->m->now);
    cs_reply_number(call->out, done.remaining);
    cs_reply_number(call->out, (uint64_t)done.wait_us);
    cs_reply_number(call->out, 0);
}

static void run_recall(call_t *call)
{
    uint64_t tick = arg(call, 3);
    bool found = model_recall(call->m, log_arg(call, 2), tick);

    if (found) {
        cs_judge_recalled(push_mid_of_tick(tick, call->master->partition));
    }
    cs_reply_array(call->out, 3);
    cs_reply_number(call->out, found);
    cs_reply_number(
        call->out,
        found ? call->m->recalls[call->m->recalls_count - 1].tick : 0);
    cs_reply_number(call->out, 0);
}

/* ---- who follows ---- */

/* The log is read, and only later followed, if that is the fault. */
static void follow(call_t *call, const struct model_follow *follow,
                   struct model_followed *followed)
{
    struct model_follower before[MODEL_OWNERS];
    struct model_log *log = &call->m->logs[follow->log];

    memcpy(before, log->followers, sizeof(before));
    model_follow(call->m, follow, followed);
    if (engine.fault == CS_FOLLOW_AND_LOAD) {
        bool was = false;

        for (unsigned i = 0; i < MODEL_OWNERS; i++) {
            was |= before[i].owner == follow->owner;
        }
        if (!was) {
            memcpy(log->followers, before, sizeof(before));
        }
    }
}

static void run_follow(call_t *call)
{
    struct model_followed *followed = malloc(sizeof(*followed));
    struct model_follow what = {.log = log_arg(call, 2),
                                .owner = caller_of(call->args[3]),
                                .connected = (uint32_t)arg(call, 4),
                                .subscribers = (uint32_t)arg(call, 5),
                                .since = arg(call, 6)};

    NEEDS(followed != NULL, "no memory for an answer");
    follow(call, &what, followed);
    cs_reply_array(call->out, 7);
    reply_origin(call);
    reply_followed(call, followed, is_set(call, 8));
    free(followed);
}

static void run_unfollow(call_t *call)
{
    cs_reply_number(call->out, model_unfollow(call->m, log_arg(call, 1),
                                              caller_of(call->args[2])));
}

static void run_resync(call_t *call)
{
    struct model_followed *followed = malloc(sizeof(*followed));
    unsigned logs = (call->args_count - 2) / 5;

    NEEDS(followed != NULL, "no memory for an answer");
    cs_reply_array(call->out, 3 + 4 * logs);
    call->m->has_epoch = true;
    reply_origin(call);
    for (unsigned i = 0; i < logs; i++) {
        unsigned at = 3 + 5 * i;
        struct model_follow what = {.log = log_arg(call, at),
                                    .owner = caller_of(call->args[2]),
                                    .connected = (uint32_t)arg(call, at + 1),
                                    .subscribers = (uint32_t)arg(call, at + 2),
                                    .since = arg(call, at + 3)};

        model_follow(call->m, &what, followed);
        reply_followed(call, followed, false);
    }
    free(followed);
}

static void run_drain(call_t *call)
{
    struct model_drained *drained = malloc(sizeof(*drained));
    bool same = call->args[3].len == strlen(call->master->vm)
                && !memcmp(call->args[3].at, call->master->vm,
                           call->args[3].len);

    NEEDS(drained != NULL, "no memory for an answer");
    model_drain(call->m, caller_of(call->args[2]), same ? arg(call, 4) : 0,
                drained);
    cs_reply_array(call->out, 8);
    reply_origin(call);
    cs_reply_number(call->out, drained->lost);
    cs_reply_number(call->out, drained->first);
    cs_reply_number(call->out, drained->last);
    reply_entries(call, &drained->entries);
    cs_reply_number(call->out, drained->last);
    free(drained);
}

/* ---- devices ---- */

static bool same_node(unsigned owner, unsigned other)
{
    return owner && other
           && owner_number(owner) >> 10 == owner_number(other) >> 10;
}

/* The session stays in the record, if that is the fault. */
static void keep_session(const call_t *call, struct model_device *device,
                         const struct model_device *before, bool granted)
{
    if (granted && before->session
        && (engine.fault == CS_EXACT_KEPT || engine.fault == CS_BARE_SEQ)) {
        device->exact = true;
        device->session = before->session;
    }
    (void)call;
}

static void reply_claimed(call_t *call, const struct model_claimed *claimed,
                          unsigned heard)
{
    bool refused = claimed->outcome > 2;
    bool granted = claimed->outcome < 2;

    cs_reply_array(call->out, 15);
    cs_reply_number(call->out, claimed->outcome);
    reply_origin(call);
    reply_followed(call, &claimed->followed, refused || is_set(call, 14));
    cs_reply_number(call->out, claimed->fence);
    cs_reply_number(call->out, granted && claimed->exact);
    cs_reply_text(call->out,
                  cs_text_of(CS_RECORDS, granted ? claimed->record : 0));
    cs_reply_text(call->out,
                  cs_text_of(CS_RECORDS, granted ? claimed->session : 0));
    cs_reply_number(call->out,
                    claimed->owner ? owner_number(claimed->owner) : 0);
    cs_reply_number(call->out, heard);
    cs_reply_number(call->out, (uint64_t)(call->m->now - call->m->began));
}

static void run_claim(call_t *call)
{
    struct model_claimed *claimed = malloc(sizeof(*claimed));
    struct model_claim claim = {.follow = {.log = log_arg(call, 2),
                                           .owner = caller_of(call->args[4]),
                                           .connected = (uint32_t)arg(call,
                                                                      11),
                                           .subscribers = (uint32_t)arg(call,
                                                                        12),
                                           .since = arg(call, 13)},
                                .device = context_of(call->args[3]),
                                .keep = (int64_t)arg(call, 5),
                                .force = call->args[6].len == 5,
                                .known = is_set(call, 7),
                                .max_devices = (unsigned)arg(call, 9),
                                .max_streams = (unsigned)arg(call, 10)};
    struct model_device *device = &call->m->logs[claim.follow.log]
                                       .devices[claim.device];
    struct model_device before = *device;
    unsigned heard = 0;

    NEEDS(claimed != NULL, "no memory for an answer");
    claim.force |= same_node(before.owner, claim.follow.owner);
    model_claim(call->m, &claim, claimed);
    if (engine.fault == CS_EXACT_KEPT || engine.fault == CS_BARE_SEQ) {
        claimed->exact |= before.exact;
        claimed->session = before.exact ? before.session : claimed->session;
    }
    keep_session(call, device, &before, claimed->outcome < 2);
    if (claimed->outcome == 2 && model_is_alive(call->m, before.owner)) {
        heard = cs_node_listens(owner_number(before.owner));
    }
    cs_judge_claimed(claim.follow.log, claim.device,
                      claimed->outcome < 2 && before.known && before.owner
                          && before.owner != claim.follow.owner);
    reply_claimed(call, claimed, heard);
    free(claimed);
}

static void reply_wrote(call_t *call, const struct model_wrote *wrote)
{
    cs_reply_array(call->out, 3);
    cs_reply_number(call->out, wrote->outcome);
    cs_reply_number(call->out, wrote->owner ? owner_number(wrote->owner) : 0);
    cs_reply_number(call->out, wrote->fence);
}

static void run_yield(call_t *call)
{
    struct model_write write = {.log = log_arg(call, 2),
                                .device = context_of(call->args[3]),
                                .owner = caller_of(call->args[4]),
                                .fence = (uint32_t)arg(call, 5),
                                .keep = (int64_t)arg(call, 6),
                                .to = owner_of(call->args[7]),
                                .absent = is_set(call, 8),
                                .exact = is_set(call, 9),
                                .record = cs_text_number(CS_RECORDS,
                                                         call->args[10]),
                                .session = cs_text_number(CS_RECORDS,
                                                          call->args[11])};
    struct model_wrote wrote = model_yield(call->m, &write);

    reply_wrote(call, &wrote);
}

static void run_save(call_t *call)
{
    unsigned log = cs_engine_log(name_in_key(call->keys[0]));
    struct model_write write = {.log = log,
                                .device = context_of(call->args[1]),
                                .owner = caller_of(call->args[2]),
                                .fence = (uint32_t)arg(call, 3),
                                .keep = (int64_t)arg(call, 4),
                                .online = is_set(call, 5),
                                .record = cs_text_number(CS_RECORDS,
                                                         call->args[6])};
    struct model_device *device = &call->m->logs[log].devices[write.device];
    struct model_device before = *device;
    struct model_wrote wrote = model_save(call->m, &write);

    keep_session(call, device, &before, wrote.outcome == 0);
    if (wrote.outcome == 0) {
        cs_judge_saved(log, write.device, cs_node(), write.fence);
    }
    reply_wrote(call, &wrote);
}

/* ---- what nodes ask each other ---- */

/* request, from and body: as they are in an entry. */
static unsigned rest_of(const call_t *call, unsigned at)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in = open_memstream(&text, &len);
    unsigned rest;

    NEEDS(in != NULL, "no memory for a question");
    cs_pack_text(in, call->args[at]);
    cs_pack(in, arg(call, at + 1), 2);
    cs_pack_text(in, call->args[at + 2]);
    fclose(in);
    rest = cs_text_number(CS_RECORDS, (push_text_t){text, (uint32_t)len});
    free(text);
    return rest;
}

/* How many hear it. */
static unsigned post_heard(call_t *call, unsigned owner,
                           const struct model_entry *entry)
{
    if (!model_is_alive(call->m, owner)) {
        return 0;
    }
    model_post(call->m, owner, entry);
    return cs_node_listens(owner_number(owner));
}

static void run_send(call_t *call)
{
    unsigned log = log_arg(call, 2), device = context_of(call->args[3]);
    const struct model_device *d = &call->m->logs[log].devices[device];
    unsigned owner = d->known ? d->owner : 0;
    struct model_entry entry = {.kind = call->args[4].at[0],
                                .log = log,
                                .device = device,
                                .record = rest_of(call, 6)};

    cs_reply_array(call->out, 4);
    cs_reply_number(call->out, d->known);
    cs_reply_number(call->out, owner ? owner_number(owner) : 0);
    cs_reply_number(call->out, owner ? post_heard(call, owner, &entry) : 0);
    cs_reply_number(call->out, owner && model_is_alive(call->m, owner));
}

static void run_answer(call_t *call)
{
    struct model_entry entry = {.kind = PUSH_ENTRY_ANSWER,
                                .record = rest_of(call, 3)};

    cs_reply_number(call->out,
                    post_heard(call, owner_of(call->args[2]), &entry));
}

static const struct model_member *find_member(const struct model_log *log,
                                              uint64_t tick, unsigned *lane)
{
    for (*lane = 0; *lane < 4; ++*lane) {
        const struct model_lane *l = &log->lanes[*lane];

        for (unsigned i = 0; i < l->count; i++) {
            if (l->members[i].tick == tick && l->members[i].expires) {
                return &l->members[i];
            }
        }
    }
    return NULL;
}

static void run_read(call_t *call)
{
    unsigned log = cs_engine_log(name_in_key(call->keys[0])), lane;
    const struct model_member *m = find_member(&call->m->logs[log],
                                               arg(call, 1), &lane);
    push_text_t record = cs_text_of(CS_RECORDS, m ? m->record : 0);

    m = m && m->expires > call->m->now ? m : NULL;
    cs_reply_array(call->out, m ? 3 : 1);
    cs_reply_number(call->out, (uint64_t)call->m->now);
    if (m) {
        cs_reply_number(call->out, lane);
        fprintf(call->out, "$%u\r\n", 13 + record.len);
        cs_pack(call->out, m->tick, 7);
        cs_pack(call->out, (uint64_t)m->expires, 6);
        cs_pack_text(call->out, record);
        fputs("\r\n", call->out);
    }
}

/* All records of a user's devices. */
static void run_view(call_t *call)
{
    unsigned log = cs_engine_log(name_in_key(call->keys[0]));
    const struct model_device *devices = call->m->logs[log].devices;
    unsigned count = 0;

    for (unsigned i = 0; i < MODEL_DEVICES; i++) {
        count += devices[i].known;
    }
    cs_reply_array(call->out, 2 * count);
    for (unsigned i = 0; i < MODEL_DEVICES; i++) {
        const struct model_device *d = &devices[i];
        push_text_t record = cs_text_of(CS_RECORDS, d->record);
        push_text_t session = cs_text_of(CS_RECORDS, d->session);

        if (!d->known) {
            continue;
        }
        cs_reply_text(call->out, cs_text_of(CS_CONTEXTS, i + 1));
        fprintf(call->out, "$%u\r\n", HEAD + record.len + session.len);
        cs_pack(call->out, d->owner ? owner_number(d->owner) : 0, 2);
        cs_pack(call->out, (unsigned)d->online + 2u * d->exact, 1);
        cs_pack(call->out, d->fence, 4);
        cs_pack(call->out, 0, 4);
        cs_pack(call->out, (uint64_t)d->left, 6);
        cs_pack(call->out, (uint64_t)d->until, 6);
        cs_pack(call->out, record.len, 4);
        cs_pack_text(call->out, record);
        cs_pack_text(call->out, session);
        fputs("\r\n", call->out);
    }
}

/* ---- the cluster ---- */

static void run_marks(call_t *call)
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

static void reply_peers(call_t *call, unsigned outcome, unsigned owner)
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

static void run_lease(call_t *call)
{
    unsigned owner = (unsigned)arg(call, 3), outcome = 0;

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

/* ---- calls ---- */

static const struct {
    const char *name;
    void (*run)(call_t *call);
} functions[] = {
    {"push_publish", run_publish}, {"push_recall", run_recall},
    {"push_follow", run_follow},   {"push_unfollow", run_unfollow},
    {"push_resync", run_resync},   {"push_drain", run_drain},
    {"push_claim", run_claim},     {"push_reclaim", run_claim},
    {"push_yield", run_yield},     {"push_save", run_save},
    {"push_send", run_send},       {"push_answer", run_answer},
    {"push_view", run_view},       {"push_read", run_read},
    {"push_marks", run_marks},     {"push_lease", run_lease},
};

static void take_apart(call_t *call, const push_command_t *command)
{
    size_t at = 0;
    unsigned keys;

    NEEDS(!command->failed && command->count < WORDS, "no such command");
    for (unsigned i = 0; i < command->count; i++) {
        call->words[i] = (push_text_t){(const char *)command->bytes + at,
                                       command->lens[i]};
        at += command->lens[i];
    }
    call->count = command->count;
    keys = (unsigned)number(call->words[2]);
    call->keys = call->words + 3;
    call->args = call->words + 2 + keys;
    call->args_count = call->count - 3 - keys;
}

static void dispatch(call_t *call)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        if (strlen(functions[i].name) == call->words[1].len
            && !memcmp(functions[i].name, call->words[1].at,
                       call->words[1].len)) {
            functions[i].run(call);
            return;
        }
    }
    NEEDS(false, "%.*s is not simulated", (int)call->words[1].len, call->words[1].at);
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
            engine.posted[engine.posted_count++] = owner_number(i + 1);
        }
    }
}

char *cs_engine_run(unsigned which, const push_command_t *command, bool commit,
                    size_t *len)
{
    static call_t call;
    char *bytes = NULL;

    call = (call_t){.master = &engine.masters[which],
                    .m = engine.masters[which].model};
    take_apart(&call, command);
    model_clock(call.m, clock_of(call.master));
    look_at_inboxes(call.m);
    call.out = open_memstream(&bytes, len);
    NEEDS(call.out != NULL, "no memory for an answer");
    dispatch(&call);
    fclose(call.out);
    find_posted(call.m);
    see_epoch(call.master);
    if (commit) {
        cs_engine_replicate(which);
    }
    return bytes;
}

char *cs_engine_stale(unsigned which, const push_command_t *command,
                      size_t *len)
{
    static call_t call;
    char *bytes = NULL;

    call = (call_t){.master = &engine.masters[which],
                    .m = engine.masters[which].model};
    take_apart(&call, command);
    call.out = open_memstream(&bytes, len);
    NEEDS(call.out != NULL, "no memory for an answer");
    cs_reply_array(call.out, 8);
    reply_origin_of(&call, call.args[3]);
    cs_reply_number(call.out, 0);
    cs_reply_number(call.out, arg(&call, 4) + 1);
    cs_reply_number(call.out, arg(&call, 4));
    cs_reply_string(call.out, "");
    cs_reply_number(call.out, arg(&call, 4));
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
    const struct model_member *m = find_member(&master->model->logs[log],
                                               push_tick_of_mid(mid), &lane);

    *expires = m ? m->expires : 0;
    return m != NULL;
}

bool cs_engine_has_device(unsigned log, unsigned context)
{
    const struct model_device *d = &engine.masters[cs_log_master(log)]
                                        .model->logs[log]
                                        .devices[context];

    return d->known && d->record != 0;
}
