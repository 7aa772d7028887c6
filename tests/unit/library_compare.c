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

/* ---- what Redis has ---- */

/*
 * All keys with their ends and values, in one answer: to ask for each would
 * take a hundred round trips after each call.
 */
static const char dump[] =
    "local out = {} "
    "for _, k in ipairs(redis.call('KEYS', '*')) do "
    "local kind, v = redis.call('TYPE', k).ok, nil "
    "if kind == 'zset' then v = redis.call('ZRANGE', k, 0, -1, 'WITHSCORES') "
    "elseif kind == 'hash' then v = redis.call('HGETALL', k) "
    "else v = {redis.call('GET', k)} end "
    "out[#out + 1] = k "
    "out[#out + 1] = redis.call('PEXPIRETIME', k) "
    "out[#out + 1] = v end "
    "return out";

struct snapshot {
    const char *tag;
    const redisReply *all; /* key, end, value of each */
    unsigned keys;         /* that the model has, too */
};

static bool is_text(const redisReply *reply, push_text_t text)
{
    return reply->len == text.len && !memcmp(reply->str, text.at, text.len);
}

static uint64_t big(const char *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++) {
        number = number << 8 | (unsigned char)bytes[i];
    }
    return number;
}

/* "push:{tag}" and what follows. */
static push_text_t key_of(const struct snapshot *s, const char *kind,
                          push_text_t name)
{
    const char *head = keep_printf("push:{%s}%s", s->tag, kind);
    size_t len = strlen(head);
    char *key = keep(malloc(len + name.len + 1), free);

    memcpy(key, head, len);
    memcpy(key + len, name.at, name.len);
    return (push_text_t){key, (uint32_t)(len + name.len)};
}

/* The key's place among all; the end is behind it, and then the value. */
static redisReply **place_of(const struct snapshot *s, push_text_t key)
{
    for (size_t i = 0; i < s->all->elements; i += 3) {
        if (is_text(s->all->element[i], key)) {
            return &s->all->element[i];
        }
    }
    return NULL;
}

/* Its elements; none where there is no such key. */
static const redisReply *value_of(const struct snapshot *s, push_text_t key)
{
    static const redisReply nothing = {.type = REDIS_REPLY_ARRAY};
    redisReply **place = place_of(s, key);

    return place ? place[2] : &nothing;
}

/* Of a hash; NULL where it has none. */
static const redisReply *field_of(const redisReply *hash, push_text_t field)
{
    for (size_t i = 0; i < hash->elements; i += 2) {
        if (is_text(hash->element[i], field)) {
            return hash->element[i + 1];
        }
    }
    return NULL;
}

/* It is there and ends then; it is one more of those that the model has. */
static void compare_end(struct snapshot *s, push_text_t key, int64_t expires)
{
    redisReply **place = place_of(s, key);

    ck_assert_ptr_nonnull(place);
    ck_assert_int_eq(place[1]->integer, expires);
    s->keys++;
}

/* ---- keys ---- */

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

static void compare_lane(struct snapshot *s, push_text_t key,
                         const struct model_lane *lane)
{
    const redisReply *stored = value_of(s, key);

    ck_assert_uint_eq(stored->elements, 2 * lane->count);
    if (lane->count > 0) {
        compare_end(s, key, lane->expires);
    }
    for (unsigned i = 0; i < lane->count; i++) {
        compare_member(stored->element[2 * i], &lane->members[i]);
        ck_assert_uint_eq(strtoull(stored->element[2 * i + 1]->str, NULL, 10),
                          lane->members[i].tick);
    }
}

static void compare_topics(struct snapshot *s, push_text_t key,
                           const struct model_log *log)
{
    const redisReply *index = value_of(s, key);
    size_t count = 0;

    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        const struct model_topic *topic = &log->topics[i];
        char field[20] = "";
        push_text_t name = compare_topic(i + 1);
        const redisReply *stored;

        memcpy(field + 1, name.at, name.len);
        stored = field_of(index, (push_text_t){field, name.len + 1});
        ck_assert_int_eq(stored == NULL, topic->tick == 0);
        if (topic->tick != 0) {
            count++;
            ck_assert_uint_eq(stored->len, 14);
            ck_assert_uint_eq(big(stored->str, 7), topic->tick);
            ck_assert_uint_eq(big(stored->str + 7, 1), topic->lane);
            ck_assert_uint_eq(big(stored->str + 8, 6),
                              (uint64_t)topic->expires);
        }
    }
    ck_assert_uint_eq(index->elements, 2 * count);
    if (count > 0) {
        compare_end(s, key, log->topics_expire);
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

static void compare_devices(struct snapshot *s, push_text_t key,
                            const struct model_log *log)
{
    const redisReply *devices = value_of(s, key);
    size_t count = 0;

    for (unsigned i = 0; i < MODEL_DEVICES; i++) {
        const redisReply *stored = field_of(
            devices, (push_text_t){(const char *)compare_context(i),
                                   PUSH_CONTEXT_BYTES});

        ck_assert_int_eq(stored != NULL, log->devices[i].known);
        if (log->devices[i].known) {
            count++;
            compare_record_of(stored, &log->devices[i]);
        }
    }
    ck_assert_uint_eq(devices->elements, 2 * count);
    if (count > 0) {
        compare_end(s, key, log->devices_expire);
    }
}

static bool compare_followers(const struct snapshot *s, unsigned number,
                              const struct model_log *log)
{
    const redisReply *stored = field_of(value_of(s, key_of(s, "f", TEXT(""))),
                                        compare_log(number));
    size_t at = 0;

    for (int i = 0; i < MODEL_OWNERS && log->followers[i].owner; i++) {
        const struct model_follower *f = &log->followers[i];

        ck_assert_ptr_nonnull(stored);
        ck_assert_uint_ge(stored->len, at + 9);
        ck_assert_uint_eq(big(stored->str + at, 2), compare_owner(f->owner));
        ck_assert_uint_eq(big(stored->str + at + 2, 3), f->connected);
        ck_assert_uint_eq(big(stored->str + at + 5, 4), f->subscribers);
        at += 9;
    }
    ck_assert_int_eq(stored == NULL, at == 0);
    ck_assert(at == 0 || stored->len == at);
    return at > 0;
}

static void compare_tags_of(struct snapshot *s, push_text_t key,
                            const struct model_log *log)
{
    const redisReply *stored = value_of(s, key);

    ck_assert_uint_eq(stored->elements, log->tags_count > 0);
    if (log->tags_count > 0) {
        const redisReply *tags = stored->element[0];

        compare_tags((push_text_t){tags->str, (uint32_t)tags->len}, log->tags,
                     log->tags_count);
        compare_end(s, key, -1); /* they are kept */
    }
}

static void compare_answers(struct snapshot *s, const struct model *m)
{
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        const push_text_t id = {(const char *)compare_key(i + 1),
                                PUSH_KEY_BYTES};
        push_text_t key = key_of(s, "K", id);
        const redisReply *stored = value_of(s, key);
        const struct model_key *k = &m->keys[i];

        ck_assert_uint_eq(stored->elements, k->request != 0);
        if (k->request != 0) {
            const redisReply *answer = stored->element[0];

            ck_assert_uint_eq(big(answer->str, 8), k->request);
            ck_assert_uint_eq(big(answer->str + 8, 7), k->tick);
            ck_assert_uint_eq(answer->len, k->later ? 24 : 23);
            compare_end(s, key, k->expires);
        }
    }
}

static void compare_recalls(struct snapshot *s, const struct model *m)
{
    push_text_t key = key_of(s, "X", TEXT(""));
    const redisReply *stored = value_of(s, key);

    ck_assert_uint_eq(stored->elements, 2 * m->recalls_count);
    if (m->recalls_count > 0) {
        compare_end(s, key, m->recalls_expire);
    }
    for (unsigned i = 0; i < m->recalls_count; i++) {
        ck_assert_uint_eq(
            push_tick_of_mid(big(stored->element[2 * i]->str, 8)),
            m->recalls[i].recalled);
    }
}

static void compare_later(const redisReply *hash,
                          const struct model_later *later)
{
    char id[7];
    push_text_t record = compare_record(later->record);
    const redisReply *stored;

    for (int i = 0; i < 7; i++) {
        id[i] = (char)(later->id >> (48 - 8 * i));
    }
    stored = field_of(hash, (push_text_t){id, sizeof(id)});
    ck_assert_ptr_nonnull(stored);
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

static void compare_laters(struct snapshot *s, const struct model *m)
{
    push_text_t hash = key_of(s, "a", TEXT(""));
    push_text_t list = key_of(s, "A", TEXT(""));
    const redisReply *kept = value_of(s, hash);
    const redisReply *stored = value_of(s, list);
    size_t count = 0, topics = 0;
    long long looks = 0;

    for (int i = 0; i < MODEL_LATERS; i++) {
        const struct model_later *later = &m->laters[i];

        if (later->id != 0) {
            count++;
            topics += later->state == PUSH_LATER_KEPT && later->topic != 0;
            looks += later->look;
            compare_later(kept, later);
        }
    }
    ck_assert_uint_eq(stored->elements, 2 * count);
    for (size_t i = 1; i < stored->elements; i += 2) {
        looks -= strtoll(stored->element[i]->str, NULL, 10);
    }
    ck_assert_int_eq(looks, 0);
    if (m->laters_expire > 0) {
        compare_end(s, hash, m->laters_expire);
        ck_assert_uint_eq(kept->elements, 2 * (count + topics + 1));
    }
    if (count > 0) {
        compare_end(s, list, m->laters_expire);
    }
}

static bool compare_logs(struct snapshot *s, const struct model *m)
{
    bool followed = false;

    for (unsigned i = 0; i < MODEL_LOGS; i++) {
        const struct model_log *log = &m->logs[i];
        push_text_t name = compare_log(i);

        for (unsigned lane = 0; lane < 4; lane++) {
            compare_lane(s, key_of(s, keep_printf("%u", lane), name),
                         &log->lanes[lane]);
        }
        compare_topics(s, key_of(s, "T", name), log);
        compare_devices(s, key_of(s, "D", name), log);
        compare_tags_of(s, key_of(s, "S", name), log);
        followed = compare_followers(s, i, log) || followed;
        s->keys += log->full_at / 1000 + 1 > m->now;
    }
    return followed;
}

void compare_state(struct library *l, const struct model *m)
{
    struct snapshot s = {push_partition_tag(l->home.partition),
                         redis_call(l->redis, "EVAL %s 0", dump), 0};
    bool followed = compare_logs(&s, m);

    compare_answers(&s, m);
    compare_recalls(&s, m);
    compare_laters(&s, m);
    if (m->ceiling_key != 0) {
        const redisReply *ceiling = field_of(
            value_of(&s, key_of(&s, "h", TEXT(""))), TEXT("c"));

        ck_assert_ptr_nonnull(ceiling);
        ck_assert_uint_eq(strtoull(ceiling->str, NULL, 10), m->ceiling_key);
    }
    s.keys += followed + (m->ceiling_key != 0 || m->has_epoch);
    ck_assert_uint_eq(s.all->elements, 3 * s.keys);
}
