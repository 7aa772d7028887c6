/*
 * For which devices a message is: the text of a publisher, and bytes that were
 * kept.  What is taken is written as a text that compiles to the same bytes,
 * and any device decides by any bytes.
 */
#include "core/ids.h"
#include "core/predicate.h"

#include "fuzz.h"

typedef struct {
    push_labels_t labels;
    char bytes[PUSH_LABELS_MAX];
} kept_t;

/* Some label of the input, the same for all: short enough for all of them. */
static void decide(push_text_t where, const char *bytes, size_t size)
{
    static const unsigned char id[PUSH_CONTEXT_BYTES] = "context";
    push_decider_t device;
    kept_t kept;

    memset(&kept, 0, sizeof(kept));
    for (unsigned i = 0; i < PUSH_LABELS; i++) {
        size_t len = size < PUSH_LABELS_MAX / PUSH_LABELS
                         ? size
                         : PUSH_LABELS_MAX / PUSH_LABELS;

        kept.labels.len[i] = (uint8_t)len;
        memcpy(kept.bytes + i * len, bytes, len);
    }
    device = (push_decider_t){&kept.labels, id, size % 2, NULL};
    push_where_holds(where, &device);
    push_where_variant(where);
}

static void check_text(const char *bytes, size_t size)
{
    push_predicate_t p = {0};
    push_predicate_t again = {0};
    push_predicate_wrong_t wrong = {{"", 0}, NULL};
    push_text_t where, same;
    char text[PUSH_WHERE_TEXT_MAX];

    if (!push_predicate_parse(&p, (push_text_t){bytes, (uint32_t)size}, &wrong)
        || !push_predicate_end(&p, &where, &wrong)) {
        REQUIRE(wrong.legal != NULL);
        return;
    }
    REQUIRE(where.len && where.len <= PUSH_WHERE_MAX);
    REQUIRE(push_predicate_valid(where));
    same = (push_text_t){text, (uint32_t)push_where_write(where, text)};
    REQUIRE(push_predicate_parse(&again, same, &wrong));
    REQUIRE(push_predicate_end(&again, &same, &wrong));
    REQUIRE(same.len == where.len && !memcmp(same.at, where.at, where.len));
    decide(where, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy = fuzz_copy(bytes, size);
    push_text_t where = {copy, (uint32_t)size};

    check_text(copy, size);
    decide(where, copy, size);
    if (size <= PUSH_WHERE_MAX) {
        char text[PUSH_WHERE_TEXT_MAX];

        REQUIRE(push_where_write(where, text) <= sizeof(text));
        REQUIRE(!push_predicate_valid(where) || push_where_formed(where));
    }
    free(copy);
    return 0;
}
