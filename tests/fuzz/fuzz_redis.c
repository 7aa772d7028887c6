/*
 * Whatever a URL is: it is refused with a sentence, or what it names is legal.
 * Whatever a server sends: replies are the same wherever the bytes are cut, and
 * no slot map of it names a master that is none.
 *
 * The input: 'u' and a URL; or another byte, which says where to cut, and bytes
 * of a server.
 */
#include "redis/decoder.h"
#include "redis/failure.h"
#include "redis/slots.h"
#include "redis/url.h"

#include "fuzz.h"

static void check_url(const char *text)
{
    push_redis_url_t url;
    char why[PUSH_REDIS_WHY] = "";

    if (!push_redis_url_parse(&url, text, why)) {
        REQUIRE(why[0] && strlen(why) < sizeof(why));
        return;
    }
    REQUIRE(url.address.host[0]);
    REQUIRE(url.address.port || url.address.host[0] == '/');
    REQUIRE(!url.user[0] || url.password[0]);
    REQUIRE(url.sentinel == (url.master[0] != '\0'));
    REQUIRE(!url.tls || url.address.port);
}

static bool same_text(push_text_t a, push_text_t b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static void check_same(const push_reply_t *a, const push_reply_t *b)
{
    REQUIRE(push_reply_kind(a) == push_reply_kind(b));
    REQUIRE(same_text(push_reply_text(a), push_reply_text(b)));
    REQUIRE(push_reply_integer(a) == push_reply_integer(b));
    REQUIRE(push_reply_count(a) == push_reply_count(b));
    for (unsigned i = 0; i < push_reply_count(a); i++) {
        check_same(push_reply_at(a, i), push_reply_at(b, i));
    }
}

static void check_meaning(const push_reply_t *reply)
{
    const push_address_t asked = {"asked", 1};
    push_redirect_t redirect;
    push_slots_t slots;

    if (push_reply_kind(reply) == PUSH_REPLY_ERROR) {
        REQUIRE(push_failure_of(push_reply_text(reply)) < PUSH_FAILURES);
        if (push_redirect_parse(&redirect, push_reply_text(reply))) {
            REQUIRE(redirect.slot < PUSH_REDIS_SLOTS);
            REQUIRE(redirect.address.port);
        }
    }
    push_slots_init(&slots);
    if (push_slots_take(&slots, reply, &asked)) {
        for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
            REQUIRE(slots.master_of[i] == PUSH_NO_MASTER
                    || slots.masters[slots.master_of[i]].partitions);
        }
    }
}

/* The next reply of the bytes, cut in two; NULL: none, or no RESP2. */
static push_reply_t *next(push_decoder_t *decoder, const char *bytes,
                          size_t size, size_t cut)
{
    push_reply_t *reply = NULL;

    if (push_decoder_feed(decoder, bytes, cut)
        && push_decoder_next(decoder, &reply) == PUSH_DECODED_NONE
        && push_decoder_feed(decoder, bytes + cut, size - cut)) {
        push_decoder_next(decoder, &reply);
    }
    return reply;
}

static void check_replies(const char *bytes, size_t size, size_t cut)
{
    push_decoder_t *whole = push_decoder_create();
    push_decoder_t *parts = push_decoder_create();
    push_reply_t *one = next(whole, bytes, size, size);
    push_reply_t *two = next(parts, bytes, size, cut);

    REQUIRE(!one == !two);
    check_same(one, two);
    check_meaning(one);
    push_reply_free(one);
    push_reply_free(two);
    push_decoder_destroy(whole);
    push_decoder_destroy(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy;

    if (!size) {
        return 0;
    }
    if (bytes[0] == 'u') {
        copy = fuzz_string(bytes + 1, size - 1);
        check_url(copy);
    }
    else {
        copy = fuzz_copy(bytes + 1, size - 1);
        check_replies(copy, size - 1, size > 1 ? bytes[0] % size : 0);
    }
    free(copy);
    return 0;
}
