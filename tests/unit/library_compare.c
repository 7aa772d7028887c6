#include "library_compare.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/tag_calls.h"
#include "core/later.h"
#include "harness/case.h"
#include "harness/keep.h"
#include "redis/tags.h"

#define HEAD 27 /* of a device's record */

/* ---- names ---- */

push_text_t compare_log(unsigned log)
{
    static const char *const names[MODEL_LOGS] = {"uanna", "uberta", "cnews",
                                                  "b"};

    return text_of(names[log]);
}

push_text_t compare_topic(unsigned topic)
{
    return topic ? text_of(keep_printf("topic%u", topic)) : TEXT("");
}

push_text_t compare_device(unsigned device)
{
    return device ? text_of(keep_printf("device%u", device)) : TEXT("");
}

push_text_t compare_record(unsigned record)
{
    return record ? text_of(keep_printf("record%u", record)) : TEXT("");
}

push_text_t compare_session(unsigned session)
{
    return session ? text_of(keep_printf("session%u", session)) : TEXT("");
}

push_text_t compare_tag(unsigned channel)
{
    return text_of(keep_printf("tag%u", channel));
}

const unsigned char *compare_context(unsigned device)
{
    static const unsigned char contexts[MODEL_DEVICES][PUSH_CONTEXT_BYTES] = {
        "\001one", "\002two", "\003three", "\004four"};

    return contexts[device];
}

const unsigned char *compare_key(unsigned key)
{
    static const unsigned char keys[MODEL_KEYS][PUSH_KEY_BYTES] = {
        "key-----------1", "key-----------2", "key-----------3",
        "key-----------4"};

    return keys[key - 1];
}

unsigned compare_owner(unsigned owner)
{
    return owner ? push_owner_make(owner, 1) : PUSH_OWNER_NOBODY;
}

static bool same_text(push_text_t one, push_text_t other)
{
    return one.len == other.len
           && (!one.len || memcmp(one.at, other.at, one.len) == 0);
}

/* ---- entries ---- */

static void compare_message(const push_inbox_entry_t *entry,
                            const struct model_entry *expected)
{
    const struct model_member *member = &expected->member;

    ck_assert_uint_eq(entry->lane, expected->lane);
    ck_assert_uint_eq(entry->tick, expected->tick);
    ck_assert_int_eq(entry->expires, member->expires);
    ck_assert_int_eq(entry->is_mark, member->expires == 0);
    if (entry->is_mark) {
        ck_assert_uint_eq(entry->mark.dropped, member->dropped);
        ck_assert_int_eq(entry->mark.until, member->until);
    }
    else {
        ck_assert(same_text(entry->record, compare_record(member->record)));
    }
}

static void compare_ownership(const push_inbox_entry_t *entry,
                              const struct model_entry *expected)
{
    ck_assert_mem_eq(entry->context, compare_context(expected->device),
                     PUSH_CONTEXT_BYTES);
    ck_assert_uint_eq(entry->fence, expected->fence);
    ck_assert_uint_eq(entry->owner, compare_owner(expected->owner));
    ck_assert_int_eq(entry->exact, expected->exact);
    ck_assert(same_text(entry->record, compare_record(expected->record)));
    ck_assert(same_text(entry->session, compare_session(expected->session)));
}

static void compare_tags(push_text_t got, const struct model_tag *tags,
                         unsigned count)
{
    push_tag_t tag;

    for (unsigned i = 0; i < count; i++) {
        ck_assert(push_tag_next(&got, &tag));
        ck_assert(same_text(tag.channel, compare_tag(tags[i].channel)));
        ck_assert_uint_eq(tag.since, tags[i].since);
    }
    ck_assert_uint_eq(got.len, 0);
}

static void compare_entry(const push_inbox_entry_t *entry,
                          const struct model_entry *expected)
{
    ck_assert(entry->known);
    ck_assert_int_eq(entry->kind, expected->kind);
    ck_assert(same_text(entry->log, compare_log(expected->log)));
    switch (expected->kind) {
    case 'M':
        compare_message(entry, expected);
        break;
    case 'X':
        ck_assert_uint_eq(entry->tick, expected->tick);
        ck_assert_uint_eq(push_tick_of_mid(entry->mid), expected->recalled);
        break;
    case 'T':
        ck_assert_uint_eq(entry->tick, expected->tick);
        compare_tags(entry->body, expected->tags, expected->tags_count);
        break;
    default:
        compare_ownership(entry, expected);
        break;
    }
}

void compare_entries(push_pieces_t run, const struct model_entries *expected)
{
    push_entries_t entries;
    push_inbox_entry_t entry;
    unsigned count = 0;

    push_entries_begin(&entries, run);
    while (push_entries_next(&entries, &entry)) {
        ck_assert_uint_lt(count, expected->count);
        compare_entry(&entry, &expected->list[count++]);
    }
    ck_assert(!entries.broken);
    ck_assert_uint_eq(count, expected->count);
}

/* ---- keys ---- */

static uint64_t big(const char *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++) {
        number = number << 8 | (unsigned char)bytes[i];
    }
    return number;
}

/* "push:{tag}" and what follows. */
static const char *key_of(const struct library *l, const char *kind,
                          push_text_t name)
{
    return keep_printf("push:{%s}%s%.*s",
                       push_partition_tag(l->home.partition), kind,
                       (int)name.len, name.at);
}

/* Its count of keys is in *keys. */
static void compare_end(struct library *l, const char *key, int64_t expires,
                        unsigned *keys)
{
    ck_assert_int_eq(redis_call(l->redis, "PEXPIRETIME %s", key)->integer,
                     expires);
    (*keys)++;
}

static void compare_member(const redisReply *stored,
                           const struct model_member *member)
{
    push_text_t record = compare_record(member->record);

    ck_assert_uint_ge(stored->len, 13);
    ck_assert_uint_eq(big(stored->str, 7), member->tick);
    ck_assert_uint_eq(big(stored->str + 7, 6), (uint64_t)member->expires);
    if (member->expires == 0) {
        ck_assert_uint_eq(stored->len, 23);
        ck_assert_uint_eq(big(stored->str + 13, 4), member->dropped);
        ck_assert_uint_eq(big(stored->str + 17, 6), (uint64_t)member->until);
        return;
    }
    ck_assert_uint_eq(stored->len, 13 + record.len);
    ck_assert_mem_eq(stored->str + 13, record.at, record.len);
}

static void compare_lane(struct library *l, const char *key,
                         const struct model_lane *lane, unsigned *keys)
{
    redisReply *stored = redis_call(l->redis, "ZRANGE %s 0 -1 WITHSCORES",
                                    key);

    ck_assert_uint_eq(stored->elements, 2 * lane->count);
    if (lane->count > 0) {
        compare_end(l, key, lane->expires, keys);
    }
    for (unsigned i = 0; i < lane->count; i++) {
        compare_member(stored->element[2 * i], &lane->members[i]);
        ck_assert_uint_eq(strtoull(stored->element[2 * i + 1]->str, NULL, 10),
                          lane->members[i].tick);
    }
}

static void compare_topics(struct library *l, const char *key,
                           const struct model_log *log, unsigned *keys)
{
    long long count = 0;

    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        const struct model_topic *topic = &log->topics[i];
        char field[20] = "";
        push_text_t name = compare_topic(i + 1);
        redisReply *stored;

        memcpy(field + 1, name.at, name.len);
        stored = redis_call(l->redis, "HGET %s %b", key, field,
                            (size_t)name.len + 1);
        ck_assert_int_eq(stored->type == REDIS_REPLY_NIL, topic->tick == 0);
        if (topic->tick != 0) {
            count++;
            ck_assert_uint_eq(stored->len, 14);
            ck_assert_uint_eq(big(stored->str, 7), topic->tick);
            ck_assert_uint_eq(big(stored->str + 7, 1), topic->lane);
            ck_assert_uint_eq(big(stored->str + 8, 6),
                              (uint64_t)topic->expires);
        }
    }
    ck_assert_int_eq(redis_call(l->redis, "HLEN %s", key)->integer, count);
    if (count > 0) {
        compare_end(l, key, log->topics_expire, keys);
    }
}

static void compare_record_of(const redisReply *stored,
                              const struct model_device *d)
{
    push_text_t record = compare_record(d->record);
    push_text_t session = compare_session(d->session);
    const char *at = stored->str;

    ck_assert_uint_eq(stored->len, HEAD + record.len + session.len);
    ck_assert_uint_eq(big(at, 2), compare_owner(d->owner));
    ck_assert_uint_eq(big(at + 2, 1),
                      (unsigned)d->online + 2 * (unsigned)d->exact);
    ck_assert_uint_eq(big(at + 3, 4), d->fence);
    ck_assert_uint_eq(big(at + 11, 6), (uint64_t)d->left);
    ck_assert_uint_eq(big(at + 17, 6), (uint64_t)d->until);
    ck_assert_uint_eq(big(at + 23, 4), record.len);
    ck_assert_mem_eq(at + HEAD, record.at, record.len);
    ck_assert_mem_eq(at + HEAD + record.len, session.at, session.len);
}

static void compare_devices(struct library *l, const char *key,
                            const struct model_log *log, unsigned *keys)
{
    long long count = 0;

    for (unsigned i = 0; i < MODEL_DEVICES; i++) {
        redisReply *stored = redis_call(l->redis, "HGET %s %b", key,
                                        compare_context(i),
                                        (size_t)PUSH_CONTEXT_BYTES);

        ck_assert_int_eq(stored->type != REDIS_REPLY_NIL,
                         log->devices[i].known);
        if (log->devices[i].known) {
            count++;
            compare_record_of(stored, &log->devices[i]);
        }
    }
    ck_assert_int_eq(redis_call(l->redis, "HLEN %s", key)->integer, count);
    if (count > 0) {
        compare_end(l, key, log->devices_expire, keys);
    }
}

static bool compare_followers(struct library *l, unsigned number,
                              const struct model_log *log)
{
    push_text_t name = compare_log(number);
    redisReply *stored = redis_call(l->redis, "HGET %s %b",
                                    key_of(l, "f", TEXT("")), name.at,
                                    (size_t)name.len);
    size_t at = 0;

    for (int i = 0; i < MODEL_OWNERS && log->followers[i].owner; i++) {
        const struct model_follower *f = &log->followers[i];

        ck_assert_int_eq(stored->type, REDIS_REPLY_STRING);
        ck_assert_uint_ge(stored->len, at + 9);
        ck_assert_uint_eq(big(stored->str + at, 2), compare_owner(f->owner));
        ck_assert_uint_eq(big(stored->str + at + 2, 3), f->connected);
        ck_assert_uint_eq(big(stored->str + at + 5, 4), f->subscribers);
        at += 9;
    }
    ck_assert_int_eq(stored->type == REDIS_REPLY_NIL, at == 0);
    ck_assert(at == 0 || stored->len == at);
    return at > 0;
}

static void compare_tags_of(struct library *l, const char *key,
                            const struct model_log *log, unsigned *keys)
{
    redisReply *stored = redis_call(l->redis, "GET %s", key);

    ck_assert_int_eq(stored->type != REDIS_REPLY_NIL, log->tags_count > 0);
    if (log->tags_count > 0) {
        compare_tags((push_text_t){stored->str, (uint32_t)stored->len},
                     log->tags, log->tags_count);
        compare_end(l, key, -1, keys); /* they are kept */
    }
}

static void compare_answers(struct library *l, const struct model *m,
                            unsigned *keys)
{
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        const char *key = key_of(
            l, "K",
            (push_text_t){(const char *)compare_key(i + 1), PUSH_KEY_BYTES});
        /* A key's last byte is a NUL, where the string ends too. */
        redisReply *stored = redis_call(l->redis, "GET %b", key,
                                        strlen(key) + 1);
        const struct model_key *k = &m->keys[i];

        ck_assert_int_eq(stored->type != REDIS_REPLY_NIL, k->request != 0);
        if (k->request != 0) {
            ck_assert_uint_eq(big(stored->str, 8), k->request);
            ck_assert_uint_eq(big(stored->str + 8, 7), k->tick);
            ck_assert_uint_eq(stored->len, k->later ? 24 : 23);
            ck_assert_int_eq(redis_call(l->redis, "PEXPIRETIME %b", key,
                                        strlen(key) + 1)
                                 ->integer,
                             k->expires);
            (*keys)++;
        }
    }
}

static void compare_recalls(struct library *l, const struct model *m,
                            unsigned *keys)
{
    const char *key = key_of(l, "X", TEXT(""));
    redisReply *stored = redis_call(l->redis, "ZRANGE %s 0 -1 WITHSCORES",
                                    key);

    ck_assert_uint_eq(stored->elements, 2 * m->recalls_count);
    if (m->recalls_count > 0) {
        compare_end(l, key, m->recalls_expire, keys);
    }
    for (unsigned i = 0; i < m->recalls_count; i++) {
        ck_assert_uint_eq(
            push_tick_of_mid(big(stored->element[2 * i]->str, 8)),
            m->recalls[i].recalled);
    }
}

static void compare_later(struct library *l, const char *hash,
                          const struct model_later *later)
{
    unsigned char id[7];
    push_text_t record = compare_record(later->record);
    redisReply *stored;

    for (int i = 0; i < 7; i++) {
        id[i] = (unsigned char)(later->id >> (48 - 8 * i));
    }
    stored = redis_call(l->redis, "HGET %s %b", hash, id, sizeof(id));
    ck_assert_int_eq(stored->type, REDIS_REPLY_STRING);
    ck_assert_uint_eq(big(stored->str, 1), later->state);
    ck_assert_uint_eq(big(stored->str + 1, 6), (uint64_t)later->at);
    ck_assert_uint_eq(big(stored->str + 7, 7), later->message);
    ck_assert_uint_eq(big(stored->str + 14, 6), (uint64_t)later->window);
    if (later->state != PUSH_LATER_KEPT) {
        ck_assert_uint_eq(stored->len, 20);
        return;
    }
    ck_assert_uint_eq(big(stored->str + 20, 6), (uint64_t)later->ttl);
    ck_assert_uint_ge(stored->len, 34 + record.len);
    ck_assert_mem_eq(stored->str + stored->len - record.len, record.at,
                     record.len);
}

static void compare_laters(struct library *l, const struct model *m,
                           unsigned *keys)
{
    const char *hash = key_of(l, "a", TEXT(""));
    const char *list = key_of(l, "A", TEXT(""));
    redisReply *stored = redis_call(l->redis, "ZRANGE %s 0 -1 WITHSCORES",
                                    list);
    long long count = 0, topics = 0, looks = 0;

    for (int i = 0; i < MODEL_LATERS; i++) {
        const struct model_later *later = &m->laters[i];

        if (later->id != 0) {
            count++;
            topics += later->state == PUSH_LATER_KEPT && later->topic != 0;
            looks += later->look;
            compare_later(l, hash, later);
        }
    }
    ck_assert_uint_eq(stored->elements, 2 * (size_t)count);
    for (size_t i = 1; i < stored->elements; i += 2) {
        looks -= strtoll(stored->element[i]->str, NULL, 10);
    }
    ck_assert_int_eq(looks, 0);
    if (m->laters_expire > 0) {
        compare_end(l, hash, m->laters_expire, keys);
        ck_assert_int_eq(redis_call(l->redis, "HLEN %s", hash)->integer,
                         count + topics + 1);
    }
    if (count > 0) {
        compare_end(l, list, m->laters_expire, keys);
    }
}

void compare_state(struct library *l, const struct model *m)
{
    const char *header = key_of(l, "h", TEXT(""));
    bool followed = false;
    unsigned keys = 0;

    for (unsigned i = 0; i < MODEL_LOGS; i++) {
        const struct model_log *log = &m->logs[i];
        push_text_t name = compare_log(i);

        for (unsigned lane = 0; lane < 4; lane++) {
            compare_lane(l, key_of(l, keep_printf("%u", lane), name),
                         &log->lanes[lane], &keys);
        }
        compare_topics(l, key_of(l, "T", name), log, &keys);
        compare_devices(l, key_of(l, "D", name), log, &keys);
        compare_tags_of(l, key_of(l, "S", name), log, &keys);
        followed = compare_followers(l, i, log) || followed;
        keys += log->full_at / 1000 + 1 > m->now;
    }
    compare_answers(l, m, &keys);
    compare_recalls(l, m, &keys);
    compare_laters(l, m, &keys);
    if (m->ceiling_key != 0) {
        ck_assert_uint_eq(
            strtoull(redis_call(l->redis, "HGET %s c", header)->str, NULL, 10),
            m->ceiling_key);
    }
    keys += followed + (m->ceiling_key != 0 || m->has_epoch);
    ck_assert_int_eq(redis_call(l->redis, "DBSIZE")->integer, keys);
}
