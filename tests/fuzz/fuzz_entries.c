/*
 * What Redis answers: entries of an inbox, and answers of functions.  Nothing
 * is read beyond the bytes, and whatever is taken keeps to its limits.
 */
#include <hiredis/hiredis.h>

#include "broker/library/cluster_calls.h"
#include "broker/library/peer_calls.h"
#include "broker/library/publish_calls.h"
#include "broker/library/rows.h"

#include "fuzz.h"

/* bytes: NULL if they are in pieces, whose bounds the reader keeps. */
static bool within(push_text_t text, const char *bytes, size_t size)
{
    return !text.len || !bytes
           || (text.at >= bytes && text.at + text.len <= bytes + size);
}

static void check_entries(push_pieces_t run, const char *bytes, size_t size)
{
    push_entries_t entries;
    push_inbox_entry_t entry;
    size_t count = 0;

    push_entries_begin(&entries, run);
    while (push_entries_next(&entries, &entry)) {
        count++;
        REQUIRE(entry.partition < PUSH_PARTITIONS);
        REQUIRE(entry.lane < PUSH_LANES);
        REQUIRE(entry.tick < UINT64_C(1) << 52);
        REQUIRE(entry.exact || !entry.session.len);
        REQUIRE(within(entry.log, bytes, size));
        REQUIRE(within(entry.record, bytes, size));
        REQUIRE(within(entry.session, bytes, size));
        REQUIRE(within(entry.body, bytes, size));
        REQUIRE(entry.known || (!entry.log.len && !entry.record.len));
        REQUIRE(!entry.is_mark || entry.kind == PUSH_ENTRY_MESSAGE);
    }
    REQUIRE(!bytes || count * 7 <= size);
    REQUIRE(entries.broken || entries.at == entries.end);
}

/* What another node says; a row's bytes are fields as well. */
static void check_fields(push_text_t fields, unsigned depth)
{
    const push_text_t all = fields;
    push_field_t field;

    while (push_field_next(&fields, &field)) {
        REQUIRE(field.name < 256);
        REQUIRE(within(field.bytes, all.at, all.len));
        push_field_number(&field);
        if (depth) {
            check_fields(field.bytes, depth - 1);
        }
    }
    push_field_text_of(all, 1);
}

static void check_followed(const push_followed_t *followed)
{
    REQUIRE(followed->version < UINT64_C(1) << 52);
    check_entries(followed->entries, followed->entries.text.at,
                  followed->entries.text.len);
}

static void check_follows(const push_reply_t *reply)
{
    push_follow_reply_t followed;
    push_resync_reply_t resynced;
    push_drain_reply_t drained;
    push_claim_reply_t claimed;

    if (push_follow_reply(reply, &followed)) {
        check_followed(&followed.followed);
        REQUIRE(strlen(followed.origin.vm.id) > 1);
    }
    if (push_resync_reply(reply, &resynced)) {
        REQUIRE(resynced.count <= PUSH_RESYNC_MAX);
        for (unsigned i = 0; i < resynced.count; i++) {
            check_followed(&resynced.logs[i]);
        }
    }
    if (push_drain_reply(reply, &drained)) {
        REQUIRE(drained.first <= drained.last + 1);
        check_entries(drained.entries, drained.entries.text.at,
                      drained.entries.text.len);
    }
    if (push_claim_reply(reply, &claimed)) {
        REQUIRE(claimed.outcome <= PUSH_CLAIMED_STREAMS);
        REQUIRE(claimed.owner <= UINT16_MAX);
        check_followed(&claimed.followed);
    }
}

static void check_others(const push_reply_t *reply)
{
    push_publish_reply_t published;
    push_recall_reply_t recalled;
    push_take_reply_t taken;
    push_save_reply_t saved;
    push_send_reply_t sent;
    push_meta_reply_t meta;
    push_hello_reply_t hello;
    push_text_t left;
    uint32_t count;
    bool first;
    bool heard[2];

    if (push_publish_reply(reply, &published)) {
        REQUIRE(published.outcome <= PUSH_PUBLISHED_RATE);
        REQUIRE(published.tick < UINT64_C(1) << 52);
        REQUIRE(published.rate.wait >= 0);
    }
    if (push_save_reply(reply, &saved)) {
        REQUIRE(saved.outcome <= PUSH_SAVED_GONE);
    }
    if (push_library_hello_reply(reply, &hello)) {
        REQUIRE(memchr(hello.vm.id, '\0', sizeof(hello.vm.id)) != NULL);
    }
    push_recall_reply(reply, &recalled);
    push_take_reply(reply, &taken);
    push_send_reply(reply, &sent);
    push_meta_reply(reply, &meta);
    push_ask_reply(reply, 2, heard);
    push_collect_reply(reply, &left);
    push_tell_reply(reply, &count);
    push_once_reply(reply, &first);
    push_library_is_loaded(reply);
}

static void check_lists(const push_reply_t *reply)
{
    push_lease_reply_t lease;
    push_revocation_t mark;
    push_viewed_t viewed;
    unsigned at = 0;

    if (push_lease_reply(reply, &lease)) {
        REQUIRE(lease.count <= PUSH_CLUSTER_NODES);
        REQUIRE(lease.outcome <= PUSH_LEASE_FULL);
    }
    while (push_marks_next(reply, &at, &mark)) {
        REQUIRE(at <= push_reply_count(reply));
    }
    at = 0;
    while (push_view_next(reply, &at, &viewed)) {
        REQUIRE(at <= push_reply_count(reply));
    }
}

/* hiredis asks for the memory of an array before it comes. */
static bool has_large_array(const char *bytes, size_t size)
{
    size_t digits = 0;
    bool array = false;

    for (size_t i = 0; i < size; i++) {
        bool digit = bytes[i] >= '0' && bytes[i] <= '9';

        digits = array && digit ? digits + 1 : 0;
        array = bytes[i] == '*' || (array && digit);
        if (digits > 4) {
            return true;
        }
    }
    return false;
}

static void check_replies(const char *bytes, size_t size)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    REQUIRE(reader != NULL);
    redisReaderFeed(reader, bytes, size);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        check_follows(reply);
        check_others(reply);
        check_lists(reply);
        freeReplyObject(reply);
        reply = NULL;
    }
    redisReaderFree(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy;

    if (!size) {
        return 0;
    }
    copy = fuzz_copy(bytes, size);
    check_fields((push_text_t){copy, (uint32_t)size}, 1);
    check_entries((push_pieces_t){{copy, (uint32_t)size}, NULL}, copy, size);
    if (!has_large_array(copy, size)) {
        check_replies(copy, size);
    }
    free(copy);
    return 0;
}
