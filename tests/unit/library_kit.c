#include "library_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/case.h"
#include "harness/keep.h"

#define CONTEXTS 256

/* One of each, whose other bytes are 'c'. */
static unsigned char contexts[CONTEXTS][PUSH_CONTEXT_BYTES];

push_text_t text_of(const char *string)
{
    return (push_text_t){string, (uint32_t)strlen(string)};
}

bool text_is(push_text_t text, const char *string)
{
    return text.len == strlen(string)
           && (!text.len || memcmp(text.at, string, text.len) == 0);
}

static void free_reply(void *reply)
{
    push_reply_free(reply);
}

const push_reply_t *library_send(struct library *l, push_command_t *command)
{
    const char **words = calloc(command->count, sizeof(*words));
    size_t *lens = calloc(command->count, sizeof(*lens));
    const unsigned char *at = command->bytes;
    push_reply_t *reply;

    ck_assert(push_command_ok(command));
    ck_assert_ptr_nonnull(words);
    ck_assert_ptr_nonnull(lens);
    for (unsigned i = 0; i < command->count; i++) {
        words[i] = (const char *)at;
        lens[i] = command->lens[i];
        at += command->lens[i];
    }
    reply = redisCommandArgv(l->redis->context, (int)command->count, words,
                             lens);
    ck_assert_ptr_nonnull(reply);
    free(words);
    free(lens);
    push_command_cleanup(command);
    return keep(reply, free_reply);
}

#define REQUIRE_REPLY(read)                                                   \
    ck_assert_msg(                                                            \
        read, "no such answer: %.*s", (int)push_reply_text(reply).len,        \
        push_reply_text(reply).len ? push_reply_text(reply).at : "")

/* ---- starting ---- */

void library_load(struct library *l)
{
    push_command_t command;

    push_library_load(&command, 0, true);
    ck_assert(push_library_is_loaded(library_send(l, &command)));
}

static struct library *start(const struct redis_options *options)
{
    struct library *l = calloc(1, sizeof(*l));

    ck_assert_ptr_nonnull(l);
    keep(l, free);
    memset(contexts, 'c', sizeof(contexts));
    for (int i = 0; i < CONTEXTS; i++) {
        contexts[i][0] = (unsigned char)i;
    }
    l->redis = redis_start(options);
    redis_call(l->redis, "PING");
    l->home = (push_home_t){TEXT("push:"), 77};
    return l;
}

struct library *library_start(const struct redis_options *options)
{
    struct library *l = start(options);

    library_load(l);
    return l;
}

static const char *replaced(const char *text, const char *what, const char *by)
{
    const char *at = strstr(text, what);

    if (at == NULL) {
        return text;
    }
    return keep_printf("%.*s%s%s", (int)(at - text), text, by,
                       replaced(at + strlen(what), what, by));
}

/* Only the clock is another one. */
struct library *library_start_clock(int64_t *now)
{
    struct library *l = start(NULL);
    push_text_t library = push_library_text();
    const char *text = keep_copy(library.at, library.len);
    const char *line = strchr(text, '\n');
    redisReply *at = redis_call(l->redis, "TIME");

    *now = strtoll(at->element[0]->str, NULL, 10) * 1000 + 86400000;
    text = keep_printf(
        "%.*s\nlocal clock_s, clock_us = %lld, 0\n"
        "local function clock() return {clock_s, clock_us} end\n%s\n"
        "redis.register_function('test_clock', function(_, a)\n"
        "  local to, step = _G.tonumber(a[1]), _G.tonumber(a[2])\n"
        "  local at = clock_s * 1000 + clock_us / 1000\n"
        "  repeat\n"
        "    at = at < to and math.min(at + step, to) or to\n"
        "    clock_s, clock_us = math.floor(at / 1000), at %% 1000 * 1000\n"
        "    if vm then now() end\n"
        "  until at == to\n"
        "  return 1\nend)\n",
        (int)(line - text), text, (long long)(*now / 1000),
        replaced(line, "call('TIME')", "clock()"));
    *now = *now / 1000 * 1000;
    redis_call(l->redis, "FUNCTION LOAD %s", text);
    return l;
}

void library_set_clock(struct library *l, int64_t now)
{
    redis_call(l->redis, "FCALL test_clock 0 %lld 1000", (long long)now);
}

void library_jump(struct library *l, int64_t now)
{
    redis_call(l->redis, "FCALL test_clock 0 %lld 1000000000", (long long)now);
}

/* ---- calls ---- */

push_publish_call_t library_message(struct library *l, const char *log,
                                    const char *record)
{
    return (push_publish_call_t){
        .home = l->home,
        .log = text_of(log),
        .lane = PUSH_NORMAL,
        .ttl = 60000,
        .record = text_of(record),
        .cap = 1000,
    };
}

push_publish_reply_t library_publish(struct library *l,
                                     const push_publish_call_t *call)
{
    push_publish_reply_t published;
    push_command_t command;
    const push_reply_t *reply;

    push_library_publish(&command, call);
    reply = library_send(l, &command);
    REQUIRE_REPLY(push_publish_reply(reply, &published));
    return published;
}

bool library_recall(struct library *l, const char *log, uint64_t tick)
{
    push_recall_call_t call = {l->home, text_of(log),
                               push_mid_of_tick(tick, l->home.partition)};
    push_recall_reply_t recalled;
    push_command_t command;
    const push_reply_t *reply;

    push_library_recall(&command, &call);
    reply = library_send(l, &command);
    REQUIRE_REPLY(push_recall_reply(reply, &recalled));
    return recalled.found;
}

struct library_node library_node(struct library *l, unsigned owner)
{
    struct library_node node = {l, owner, {"", 0}, 0};

    library_drain(&node);
    return node;
}

push_drain_reply_t library_drain(struct library_node *node)
{
    push_drain_call_t call = {node->library->home, node->owner, node->vm.id,
                              node->have};
    push_drain_reply_t drained;
    push_command_t command;
    const push_reply_t *reply;

    push_library_drain(&command, &call);
    reply = library_send(node->library, &command);
    REQUIRE_REPLY(push_drain_reply(reply, &drained));
    node->vm = drained.origin.vm;
    node->have = drained.last;
    return drained;
}

unsigned library_count(push_pieces_t run)
{
    push_entries_t entries;
    push_inbox_entry_t entry;
    unsigned count = 0;

    push_entries_begin(&entries, run);
    while (push_entries_next(&entries, &entry)) {
        ck_assert(entry.known);
        count++;
    }
    ck_assert(!entries.broken);
    return count;
}

push_inbox_entry_t library_entry(push_pieces_t run, unsigned n)
{
    push_entries_t entries;
    push_inbox_entry_t entry;

    push_entries_begin(&entries, run);
    for (unsigned i = 0; push_entries_next(&entries, &entry); i++) {
        if (i == n) {
            return entry;
        }
    }
    return (push_inbox_entry_t){.kind = '\0'};
}

push_inbox_entry_t library_only(struct library_node *node)
{
    push_drain_reply_t drained = library_drain(node);

    ck_assert_uint_eq(library_count(drained.entries), 1);
    return library_entry(drained.entries, 0);
}

push_follow_reply_t library_follow(struct library_node *node, const char *log,
                                   uint64_t since)
{
    push_follow_call_t call = {.home = node->library->home,
                               .owner = node->owner,
                               .following = {text_of(log), 1, 2, since,
                                             false}};
    push_follow_reply_t followed;
    push_command_t command;
    const push_reply_t *reply;

    push_library_follow(&command, &call);
    reply = library_send(node->library, &command);
    REQUIRE_REPLY(push_follow_reply(reply, &followed));
    return followed;
}

push_claim_call_t library_claim_call(struct library_node *node,
                                     const char *log, unsigned char context)
{
    return (push_claim_call_t){
        .device = {.home = node->library->home,
                   .log = text_of(log),
                   .context = contexts[context],
                   .owner = node->owner,
                   .keep = 3600000},
        .following = {text_of(log), 1, 1, 0, false},
        .id = TEXT("phone"),
        .max_devices = 64,
    };
}

push_claim_reply_t library_claim(struct library *l,
                                 const push_claim_call_t *call)
{
    push_claim_reply_t claimed;
    push_command_t command;
    const push_reply_t *reply;

    push_library_claim(&command, call);
    reply = library_send(l, &command);
    REQUIRE_REPLY(push_claim_reply(reply, &claimed));
    return claimed;
}

static push_save_reply_t saved(struct library *l, push_command_t *command)
{
    const push_reply_t *reply = library_send(l, command);
    push_save_reply_t answer;

    REQUIRE_REPLY(push_save_reply(reply, &answer));
    return answer;
}

push_save_reply_t library_yield(struct library *l,
                                const push_yield_call_t *call)
{
    push_command_t command;

    push_library_yield(&command, call);
    return saved(l, &command);
}

push_save_reply_t library_save(struct library *l, const push_save_call_t *call)
{
    push_command_t command;

    push_library_save(&command, call);
    return saved(l, &command);
}

/* ---- wakes ---- */

static void free_context(void *context)
{
    redisFree(context);
}

redisContext *library_subscribe(struct library_node *node)
{
    struct library *l = node->library;
    redisContext *context = redisConnect("127.0.0.1", l->redis->port);
    redisReply *reply;
    char channel[200];

    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(context->err, 0);
    keep(context, free_context);
    ck_assert(
        push_library_wake(&l->home, node->owner, channel, sizeof(channel)));
    reply = redisCommand(context, "SSUBSCRIBE %s", channel);
    ck_assert_ptr_nonnull(reply);
    ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
    freeReplyObject(reply);
    return context;
}
