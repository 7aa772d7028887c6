/*
 * Whatever is published, a reader of the stream gets exactly one event with
 * that type, that receipt and that payload, and no other field, also where it
 * was written in two parts.  The reader is the SDK's, the codec the server's.
 *
 * The input: flags, the event type, 0xfe, the payload.
 */
#include "codec/sse.h"
#include "base64.h"
#include "parser.h"

#include "fuzz.h"

/* The payload as a reader has to see it: every line end is LF. */
static size_t expected(const push_text_t *data, bool text, char *out)
{
    size_t len = 0;

    for (uint32_t i = 0; i < data->len; i++) {
        char c = data->at[i];

        if (text && c == '\r') {
            c = '\n';
            i += i + 1 < data->len && data->at[i + 1] == '\n';
        }
        out[len++] = c;
    }
    return len;
}

static void check_block(const push_content_t *content,
                        const struct pushc_block *block)
{
    bool text = push_text_valid(content->data.at, content->data.len);
    char *wanted = malloc(content->data.len + 1u);
    char *got = fuzz_copy(block->data, block->length);
    size_t len = expected(&content->data, text, wanted);

    REQUIRE(!strcmp(block->id, "7.00000000001") && block->has_id);
    REQUIRE(strlen(block->event)
            == (content->event.len ? content->event.len : 7));
    REQUIRE(!content->event.len
            || !memcmp(block->event, content->event.at, content->event.len));
    REQUIRE(block->ack_now == content->ack_now);
    REQUIRE(block->has_data);
    REQUIRE(text ? block->encoding == NULL
                 : !strcmp(block->encoding, "base64"));
    if (!text) {
        REQUIRE(pushc_base64_decode(block->data, block->length, got)
                == (long)len);
        REQUIRE(!memcmp(wanted, got, len));
    }
    else {
        REQUIRE(block->length == len && !memcmp(wanted, got, len));
    }
    free(wanted);
    free(got);
}

static void read_back(const push_content_t *content, const char *stream,
                      size_t size)
{
    struct pushc_mem mem = pushc_mem_make(NULL, NULL);
    struct pushc_parser parser;
    struct pushc_block block;
    const char *at = stream;

    pushc_parser_init(&parser, &mem, size + 1);
    REQUIRE(pushc_parser_next(&parser, &at, &size, &block)
            == PUSHC_PARSED_BLOCK);
    check_block(content, &block);
    REQUIRE(pushc_parser_next(&parser, &at, &size, &block)
            == PUSHC_PARSED_ALL);
    REQUIRE(size == 0 && parser.retry == 0);
    pushc_parser_cleanup(&parser);
}

/* Memory for one object. */
static push_ref_t alloc_one(push_heap_t *heap, size_t size, push_kind_t kind)
{
    (void)kind;
    heap->base = malloc(PUSH_REF_UNIT + size);
    REQUIRE(heap->base != NULL);
    return 1;
}

/* Appends what the output has. */
static size_t gather(const push_output_t *out, char *stream)
{
    size_t size = 0;

    REQUIRE(!out->cut);
    for (unsigned i = 0; i < out->count; i++) {
        memcpy(stream + size, out->pieces[i].iov_base, out->pieces[i].iov_len);
        size += out->pieces[i].iov_len;
    }
    REQUIRE(size == out->bytes);
    return size;
}

/* What is kept for other streams is the same, made anew or found. */
static void check_forms(push_letter_t letter, const char *stream, size_t size)
{
    static push_forms_t forms;
    static push_output_t out;
    static char again[1 << 17];

    forms.full = true;
    push_forms_begin(&forms);
    letter.forms = &forms;
    letter.resume = (push_resume_t){0};
    for (int time = 0; time < 2; time++) {
        push_output_begin(&out, 0);
        push_codec_sse.message(&out, &letter);
        REQUIRE(gather(&out, again) == size);
        REQUIRE(!memcmp(again, stream, size));
    }
}

static void check(const push_content_t *content, size_t part)
{
    static push_output_t out;
    static char stream[1 << 17], rest[1 << 17];
    push_heap_t heap = {.alloc = alloc_one};
    push_message_spec_t spec = {.content = *content, .ttl = 1};
    push_letter_t letter = {.seq = 7};
    size_t size;

    letter.message = push_at(&heap, push_message_create(&heap, &spec, 1,
                                                        &(push_time_t){0}));
    push_output_begin(&out, 0);
    push_codec_sse.message(&out, &letter);
    size = gather(&out, stream);
    part %= size;
    letter.resume = (push_resume_t){0};
    push_output_begin(&out, part);
    push_codec_sse.message(&out, &letter);
    REQUIRE(gather(&out, rest) == size - part);
    REQUIRE(!memcmp(rest, stream + part, size - part));
    check_forms(letter, stream, size);
    read_back(content, stream, size);
    free(heap.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input_t in = {bytes + 1, size - 1};
    push_content_t content = {0};
    fuzz_input_t event;
    char *data;

    if (!size) {
        return 0;
    }
    event = fuzz_field(&in);
    data = fuzz_copy(in.at, in.left);
    content.ack_now = bytes[0] & 1;
    content.data = (push_text_t){data, (uint32_t)in.left};
    if (push_event_valid((const char *)event.at, event.left)) {
        content.event = (push_text_t){(const char *)event.at,
                                      (uint32_t)event.left};
    }
    if (in.left <= 8192) {
        check(&content, bytes[0] >> 1 | (size_t)in.left << 7);
    }
    free(data);
    return 0;
}
