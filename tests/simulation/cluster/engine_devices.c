#include "simulation/cluster/engine_part.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/call.h"
#include "broker/library/entries.h"
#include "harness/library_model_part.h"
#include "harness/needs.h"
#include "simulation/cluster/judge.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/reply.h"
#include "simulation/cluster/texts.h"

#define HEAD    27u /* of a device's record */
#define CS_LEFT 16u /* answers that are kept at once; the oldest goes */

/* ---- devices ---- */

static bool same_node(unsigned owner, unsigned other)
{
    return owner && other
           && cs_owner_number(owner) >> 10 == cs_owner_number(other) >> 10;
}

/* The session stays in the record, if that is the fault. */
static void keep_session(const cs_call_t *call, struct model_device *device,
                         const struct model_device *before, bool granted)
{
    if (granted && before->session
        && (call->fault == CS_EXACT_KEPT || call->fault == CS_BARE_SEQ)) {
        device->exact = true;
        device->session = before->session;
    }
    (void)call;
}

static void reply_claimed(cs_call_t *call, const struct model_claimed *claimed,
                          unsigned heard)
{
    bool refused = claimed->outcome > 2;
    bool granted = claimed->outcome < 2;

    cs_reply_array(call->out, 15);
    cs_reply_number(call->out, claimed->outcome);
    cs_reply_origin(call);
    cs_reply_followed(call, &claimed->followed,
                      refused || cs_is_set(call, 14));
    cs_reply_number(call->out, claimed->fence);
    cs_reply_number(call->out, granted && claimed->exact);
    cs_reply_text(call->out,
                  cs_text_of(CS_RECORDS, granted ? claimed->record : 0));
    cs_reply_text(call->out,
                  cs_text_of(CS_RECORDS, granted ? claimed->session : 0));
    cs_reply_number(call->out,
                    claimed->owner ? cs_owner_number(claimed->owner) : 0);
    cs_reply_number(call->out, heard);
    cs_reply_number(call->out, (uint64_t)(call->m->now - call->m->began));
}

void cs_run_claim(cs_call_t *call)
{
    struct model_claimed *claimed = malloc(sizeof(*claimed));
    struct model_claim claim = {
        .follow = {.log = cs_log_arg(call, 2),
                   .owner = cs_caller_of(call->args[4]),
                   .connected = (uint32_t)cs_arg(call, 11),
                   .subscribers = (uint32_t)cs_arg(call, 12),
                   .since = cs_arg(call, 13)},
        .device = cs_context_of(call->args[3]),
        .keep = (int64_t)cs_arg(call, 5),
        .force = call->args[6].len == 5,
        .known = cs_is_set(call, 7),
        .max_devices = (unsigned)cs_arg(call, 9),
        .max_streams = (unsigned)cs_arg(call, 10)};
    struct model_device *device =
        &call->m->logs[claim.follow.log].devices[claim.device];
    struct model_device before = *device;
    unsigned heard = 0;

    NEEDS(claimed != NULL, "no memory for an answer");
    claim.force |= same_node(before.owner, claim.follow.owner);
    model_claim(call->m, &claim, claimed);
    if (call->fault == CS_EXACT_KEPT || call->fault == CS_BARE_SEQ) {
        claimed->exact |= before.exact;
        claimed->session = before.exact ? before.session : claimed->session;
    }
    keep_session(call, device, &before, claimed->outcome < 2);
    if (claimed->outcome == 2 && model_is_alive(call->m, before.owner)) {
        heard = cs_node_listens(cs_owner_number(before.owner));
    }
    cs_judge_claimed(claim.follow.log, claim.device,
                     claimed->outcome < 2 && before.known && before.owner
                         && before.owner != claim.follow.owner);
    if (claimed->outcome == 1) {
        cs_judge_began(claim.follow.log, claim.device);
    }
    reply_claimed(call, claimed, heard);
    free(claimed);
}

static void reply_wrote(cs_call_t *call, const struct model_wrote *wrote)
{
    cs_reply_array(call->out, 3);
    cs_reply_number(call->out, wrote->outcome);
    cs_reply_number(call->out,
                    wrote->owner ? cs_owner_number(wrote->owner) : 0);
    cs_reply_number(call->out, wrote->fence);
}

void cs_run_yield(cs_call_t *call)
{
    struct model_write write = {
        .log = cs_log_arg(call, 2),
        .device = cs_context_of(call->args[3]),
        .owner = cs_owner_of(call->args[4]),
        .fence = (uint32_t)cs_arg(call, 5),
        .keep = (int64_t)cs_arg(call, 6),
        .to = cs_owner_of(call->args[7]),
        .absent = cs_is_set(call, 8),
        .exact = cs_is_set(call, 9),
        .record = cs_text_number(CS_RECORDS, call->args[10]),
        .session = cs_text_number(CS_RECORDS, call->args[11])};
    struct model_wrote wrote = model_yield(call->m, &write);

    if (wrote.outcome == 0 && cs_is_set(call, 12)) {
        model_unfollow(call->m, write.log, write.owner);
    }
    reply_wrote(call, &wrote);
}

void cs_run_save(cs_call_t *call)
{
    unsigned log = cs_log_of_key(call->keys[0]);
    struct model_write write = {.log = log,
                                .device = cs_context_of(call->args[1]),
                                .owner = cs_caller_of(call->args[2]),
                                .fence = (uint32_t)cs_arg(call, 3),
                                .keep = (int64_t)cs_arg(call, 4),
                                .online = cs_is_set(call, 5),
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
static unsigned rest_of(push_text_t request, uint64_t from, push_text_t body)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in = open_memstream(&text, &len);
    unsigned rest;

    NEEDS(in != NULL, "no memory for a question");
    cs_pack_text(in, request);
    cs_pack(in, from, 2);
    cs_pack_text(in, body);
    fclose(in);
    rest = cs_text_number(CS_RECORDS, (push_text_t){text, (uint32_t)len});
    free(text);
    return rest;
}

static unsigned rest_at(const cs_call_t *call, unsigned at)
{
    return rest_of(call->args[at], cs_arg(call, at + 1), call->args[at + 2]);
}

/* How many hear it. */
static unsigned post_heard(cs_call_t *call, unsigned owner,
                           const struct model_entry *entry)
{
    if (!model_is_alive(call->m, owner)) {
        return 0;
    }
    model_post(call->m, owner, entry);
    return cs_node_listens(cs_owner_number(owner));
}

void cs_run_send(cs_call_t *call)
{
    unsigned log = cs_log_arg(call, 2), device = cs_context_of(call->args[3]);
    const struct model_device *d = &call->m->logs[log].devices[device];
    unsigned owner = d->known ? d->owner : 0;
    struct model_entry entry = {.kind = call->args[4].at[0],
                                .log = log,
                                .device = device,
                                .record = rest_at(call, 6)};

    cs_reply_array(call->out, 4);
    cs_reply_number(call->out, d->known);
    cs_reply_number(call->out, owner ? cs_owner_number(owner) : 0);
    cs_reply_number(call->out, owner ? post_heard(call, owner, &entry) : 0);
    cs_reply_number(call->out, owner && model_is_alive(call->m, owner));
}

void cs_run_answer(cs_call_t *call)
{
    struct model_entry entry = {.kind = PUSH_ENTRY_ANSWER,
                                .record = rest_at(call, 3)};

    cs_reply_number(call->out,
                    post_heard(call, cs_owner_of(call->args[2]), &entry));
}

void cs_run_ask(cs_call_t *call)
{
    struct model_entry entry = {.kind = PUSH_ENTRY_QUESTION,
                                .log = CS_LOGS - 1,
                                .device = CS_NO_DEVICE,
                                .record = rest_at(call, 2)};

    cs_reply_array(call->out, call->args_count - 4);
    for (unsigned i = 5; i <= call->args_count; i++) {
        unsigned owner = cs_owner_of(call->args[i]);

        cs_reply_number(call->out, post_heard(call, owner, &entry));
    }
}

/* What nodes have left for who asked, in the VM of a master. */
static struct {
    char vm[24]; /* "": free */
    unsigned to, from;
    unsigned request, body; /* numbers of texts */
} left[CS_LEFT];
static unsigned left_next;

void cs_left_reset(void)
{
    memset(left, 0, sizeof(left));
    left_next = 0;
}

static unsigned find_left(const cs_call_t *call)
{
    unsigned to = cs_owner_of(call->args[2]);
    unsigned from = cs_owner_of(call->args[4]);
    unsigned request = cs_text_number(CS_ASKED, call->args[3]);
    unsigned i = 0;

    while (i < CS_LEFT
           && (strcmp(left[i].vm, call->master->vm) || left[i].to != to
               || left[i].from != from || left[i].request != request)) {
        i++;
    }
    return i;
}

void cs_run_leave(cs_call_t *call)
{
    unsigned i = find_left(call);
    struct model_entry entry = {.kind = PUSH_ENTRY_ANSWER};
    unsigned char len[4];

    i = i < CS_LEFT ? i : left_next++ % CS_LEFT;
    snprintf(left[i].vm, sizeof(left[i].vm), "%s", call->master->vm);
    left[i].to = cs_owner_of(call->args[2]);
    left[i].from = cs_owner_of(call->args[4]);
    left[i].request = cs_text_number(CS_ASKED, call->args[3]);
    left[i].body = cs_text_number(CS_RECORDS, call->args[5]);
    push_call_big(len, call->args[5].len, sizeof(len));
    entry.record = rest_of(call->args[3], cs_arg(call, 4),
                           (push_text_t){(const char *)len, sizeof(len)});
    cs_reply_number(call->out, post_heard(call, left[i].to, &entry));
}

void cs_run_collect(cs_call_t *call)
{
    unsigned i = find_left(call);

    cs_reply_array(call->out, i < CS_LEFT);
    if (i < CS_LEFT) {
        cs_reply_text(call->out, cs_text_of(CS_RECORDS, left[i].body));
        left[i].vm[0] = '\0';
    }
}

const struct model_member *cs_find_member(const struct model_log *log,
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

void cs_run_read(cs_call_t *call)
{
    unsigned log = cs_log_of_key(call->keys[0]), lane;
    const struct model_member *m = cs_find_member(&call->m->logs[log],
                                                  cs_arg(call, 1), &lane);
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
void cs_run_view(cs_call_t *call)
{
    unsigned log = cs_log_of_key(call->keys[0]);
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
        cs_pack(call->out, d->owner ? cs_owner_number(d->owner) : 0, 2);
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
