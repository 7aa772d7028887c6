#include "simulation/cluster/engine_part.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/entries.h"
#include "harness/needs.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/reply.h"
#include "simulation/cluster/texts.h"

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

uint64_t cs_number(push_text_t text)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < text.len; i++) {
        value = value * 10 + (uint64_t)(text.at[i] - '0');
    }
    return value;
}

uint64_t cs_arg(const cs_call_t *call, unsigned i)
{
    return cs_number(call->args[i]);
}

bool cs_is_set(const cs_call_t *call, unsigned i)
{
    return call->args[i].len == 1 && call->args[i].at[0] == '1';
}

unsigned cs_log_arg(const cs_call_t *call, unsigned i)
{
    unsigned log = cs_engine_log(call->args[i]);

    NEEDS(log < MODEL_LOGS, "a call is about an unknown log");
    return log;
}

unsigned cs_context_of(push_text_t id)
{
    unsigned context = cs_text_number(CS_CONTEXTS, id);

    NEEDS(context >= 1 && context <= MODEL_DEVICES, "an unknown context");
    return context - 1;
}

/* Owners are decimal numbers in commands, and in the model 1, 2…. */
unsigned cs_owner_of(push_text_t text)
{
    unsigned owner = text.len == 1 && text.at[0] == '0'
                         ? 0
                         : cs_text_number(CS_OWNERS, text);

    NEEDS(owner <= MODEL_OWNERS, "there were too many owners");
    return owner;
}

/* Who follows, drains, claims or saves has a number.  The library refuses who
 * yields or leaves a log without one: nothing is his. */
unsigned cs_caller_of(push_text_t text)
{
    unsigned owner = cs_owner_of(text);

    NEEDS(owner != 0, "a node calls that has no number");
    return owner;
}

unsigned cs_owner_number(unsigned owner)
{
    return (unsigned)cs_number(cs_text_of(CS_OWNERS, owner));
}

/* What stands behind the tag and the kind of a key. */
static push_text_t name_in_key(push_text_t key)
{
    const char *end = memchr(key.at, '}', key.len);
    uint32_t at = (uint32_t)(end - key.at) + 2;

    return (push_text_t){key.at + at, key.len - at};
}
unsigned cs_log_of_key(push_text_t key)
{
    return cs_engine_log(name_in_key(key));
}

/* ---- entries ---- */

static void pack_about_device(FILE *out, const struct model_entry *e)
{
    push_text_t log = cs_log_name(e->log);

    cs_pack(out, log.len, 2);
    cs_pack_text(out, log);
    if (e->device == CS_NO_DEVICE) {
        cs_pack(out, 0, 8);
        cs_pack(out, 0, 8);
        return;
    }
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
        cs_pack(out, e->owner ? cs_owner_number(e->owner) : 0, 2);
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

void cs_reply_entries(const cs_call_t *call,
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
void cs_reply_origin_of(const cs_call_t *call, push_text_t vm)
{
    cs_see_epoch(call->master);
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

void cs_reply_origin(const cs_call_t *call)
{
    const char *vm = call->master->vm;

    cs_reply_origin_of(call, (push_text_t){vm, (uint32_t)strlen(vm)});
}

/* version, more, whole, entries */
void cs_reply_followed(const cs_call_t *call,
                       const struct model_followed *followed, bool counts)
{
    static const struct model_entries nothing;

    cs_reply_number(call->out, counts ? 0 : followed->version);
    cs_reply_number(call->out, 0);
    cs_reply_number(call->out, !counts && followed->whole);
    cs_reply_entries(call, counts ? &nothing : &followed->entries);
}
