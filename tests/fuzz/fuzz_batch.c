/*
 * Whatever is published, a poll's answer is one JSON object that gives exactly
 * that payload and that content type back, also where it was written in two parts.
 * The reader is jansson, the codec the server's.
 *
 * The input: flags, the content type, 0xfe, the payload.
 */
#include <jansson.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "core/text.h"

#include "fuzz.h"

#define LARGEST 8192u
#define ROOM    (LARGEST * 6 + 4096)

/* Memory for one object. */
static push_ref_t alloc_one(push_heap_t *heap, size_t size, push_kind_t kind)
{
    (void)kind;
    heap->base = malloc(PUSH_REF_UNIT + size);
    REQUIRE(heap->base != NULL);
    return 1;
}

/* Appends what the output has. */
static size_t gather(const push_output_t *out, char *text)
{
    size_t size = 0;

    REQUIRE(!out->cut && out->bytes < ROOM);
    for (unsigned i = 0; i < out->count; i++) {
        memcpy(text + size, out->pieces[i].iov_base, out->pieces[i].iov_len);
        size += out->pieces[i].iov_len;
    }
    REQUIRE(size == out->bytes);
    return size;
}

/* The bytes of a value that was published as JSON, in the answer's text. */
static void check_data(const push_text_t *data, const char *text, size_t size)
{
    const char end[] = "}],\"cursor\":";
    const char *at = text;

    for (;;) {
        at = memmem(at, size - (size_t)(at - text), end, sizeof(end) - 1);
        REQUIRE(at != NULL);
        if ((size_t)(at - text) >= data->len
            && !memcmp(at - data->len, data->at, data->len)) {
            return;
        }
        at++;
    }
}

static void check_payload(const push_text_t *data, const json_t *message,
                          const char *answer, size_t size)
{
    const json_t *text = json_object_get(message, "text");
    const json_t *base64 = json_object_get(message, "base64");
    const json_t *value = json_object_get(message, "data");
    char *bytes;
    size_t count;

    REQUIRE(!!text + !!base64 + !!value == 1);
    REQUIRE(!base64 == push_text_valid(data->at, data->len));
    if (value) {
        check_data(data, answer, size);
    }
    if (text) {
        REQUIRE(json_string_length(text) == data->len);
        REQUIRE(!memcmp(json_string_value(text), data->at, data->len));
    }
    if (base64) {
        bytes = malloc(json_string_length(base64) + 1);
        REQUIRE(push_base64_decode(json_string_value(base64),
                                   json_string_length(base64), bytes, &count));
        REQUIRE(count == data->len && !memcmp(bytes, data->at, count));
        free(bytes);
    }
}

static void read_back(const push_content_t *content, const char *text,
                      size_t size)
{
    json_t *batch = json_loadb(text, size, 0, NULL);
    const json_t *messages = json_object_get(batch, "messages");
    const json_t *message = json_array_get(messages, 0);
    const json_t *type = json_object_get(message, "type");

    REQUIRE(json_array_size(messages) == 1);
    REQUIRE(!strcmp(json_string_value(json_object_get(batch, "cursor")),
                    "7.00000000001"));
    REQUIRE(json_is_true(json_object_get(batch, "more")));
    REQUIRE(!json_object_get(message, "ack") == !content->ack_now);
    REQUIRE(json_string_length(type) == content->type.len);
    REQUIRE(!content->type.len
            || !memcmp(json_string_value(type), content->type.at,
                       content->type.len));
    check_payload(&content->data, message, text, size);
    json_decref(batch);
}

static void add_batch(push_output_t *out, push_letter_t *letter)
{
    push_codec_json.seam(out, PUSH_SEAM_BEGIN);
    push_codec_json.seam(out, PUSH_SEAM_MESSAGES);
    push_codec_json.message(out, letter);
    push_codec_json.seam(out, PUSH_SEAM_END);
    push_codec_json.batch_end(out, letter, true);
}

static void check(const push_content_t *content, size_t part)
{
    static push_output_t out;
    static char text[ROOM], rest[ROOM];
    push_heap_t heap = {.alloc = alloc_one};
    push_message_spec_t spec = {.content = *content, .ttl = 1};
    push_letter_t letter = {.seq = 7, .meta = PUSH_META_TYPE};
    size_t size;

    letter.message = push_at(&heap, push_message_create(&heap, &spec, 1,
                                                        &(push_time_t){0}));
    push_output_begin(&out, 0);
    add_batch(&out, &letter);
    size = gather(&out, text);
    read_back(content, text, size);
    letter.resume = (push_resume_t){0};
    part %= size;
    push_output_begin(&out, part);
    add_batch(&out, &letter);
    REQUIRE(gather(&out, rest) == size - part);
    REQUIRE(!memcmp(rest, text + part, size - part));
    free(heap.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input_t in = {bytes + 1, size - 1};
    push_content_t content = {0};
    fuzz_input_t type;
    char *data;

    if (!size) {
        return 0;
    }
    type = fuzz_field(&in);
    data = fuzz_copy(in.at, in.left);
    content.ack_now = bytes[0] & 1;
    content.data = (push_text_t){data, (uint32_t)in.left};
    if (push_type_valid((const char *)type.at, type.left)) {
        content.type = (push_text_t){(const char *)type.at,
                                     (uint32_t)type.left};
    }
    if (in.left <= LARGEST) {
        check(&content, bytes[0] >> 1 | (size_t)in.left << 7);
    }
    free(data);
    return 0;
}
