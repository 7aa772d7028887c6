/*
 * The JSON that the C SDK reads (notices, results, problems) and writes: a
 * line of NDJSON is one line, and holds what was to be published.
 *
 * The input: user, event and topic, each ended by 0xfe, and the payload; or,
 * as a whole, a text to be read.
 */
#include <jansson.h>

#include "base64.h"
#include "json.h"

#include "fuzz.h"

static void check_ended(const char *text, size_t room)
{
    REQUIRE(memchr(text, '\0', room) != NULL);
}

static void read_all(const char *text, size_t size)
{
    pushc_result result = {.size = sizeof(result)};
    struct pushc_notice notice;
    char detail[64];

    pushc_json_notice(text, size, &notice);
    check_ended(notice.reason, sizeof(notice.reason));
    check_ended(notice.urgency, sizeof(notice.urgency));
    pushc_json_result(text, size, &result);
    check_ended(result.id, sizeof(result.id));
    check_ended(result.detail, sizeof(result.detail));
    REQUIRE(result.status == PUSHC_OK || result.status == PUSHC_ERR_HTTP
            || result.status == PUSHC_ERR_PROTOCOL);
    REQUIRE(result.status != PUSHC_OK || result.id[0]);
    pushc_json_problem(text, size, detail, sizeof(detail));
    check_ended(detail, sizeof(detail));
}

static void check_payload(const json_t *line, const pushc_outgoing *m)
{
    const json_t *text = json_object_get(line, "text");
    const json_t *coded = json_object_get(line, "base64");
    char *bytes = malloc(m->length + 4);

    REQUIRE(!text != !coded);
    if (text) {
        REQUIRE(json_string_length(text) == m->length);
        REQUIRE(!m->length
                || !memcmp(json_string_value(text), m->data, m->length));
    }
    else {
        REQUIRE(pushc_base64_decode(json_string_value(coded),
                                    json_string_length(coded), bytes)
                == (long)m->length);
        REQUIRE(!memcmp(bytes, m->data, m->length));
    }
    free(bytes);
}

static void check_string(const json_t *line, const char *name,
                         const char *value)
{
    const char *got = json_string_value(json_object_get(line, name));

    REQUIRE(got && !strcmp(got, value));
}

/* A text that is no UTF-8 cannot be told: then nothing is. */
static void write_line(const pushc_outgoing *m)
{
    struct pushc_mem mem = pushc_mem_make(NULL, NULL);
    struct pushc_buf out;
    json_t *line;

    pushc_buf_init(&out, &mem);
    if (pushc_json_line(&out, m, "key") == PUSHC_OK) {
        REQUIRE(memchr(out.bytes, '\n', out.length)
                == out.bytes + out.length - 1);
        line = json_loadb(out.bytes, out.length, 0, NULL);
        REQUIRE(line != NULL);
        check_string(line, "user", m->user);
        check_string(line, "event", m->event);
        check_string(line, "topic", m->topic);
        check_payload(line, m);
        json_decref(line);
    }
    pushc_buf_cleanup(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input_t in = {bytes, size};
    fuzz_input_t user = fuzz_field(&in);
    fuzz_input_t event = fuzz_field(&in);
    fuzz_input_t topic = fuzz_field(&in);
    char *names[] = {fuzz_string(user.at, user.left),
                     fuzz_string(event.at, event.left),
                     fuzz_string(topic.at, topic.left)};
    char *data = fuzz_copy(in.at, in.left);
    char *text = fuzz_copy(bytes, size);
    pushc_outgoing m = PUSHC_OUTGOING_INIT;

    m.user = names[0];
    m.event = names[1];
    m.topic = names[2];
    m.data = data;
    m.length = in.left;
    write_line(&m);
    read_all(text, size);
    for (int i = 0; i < 3; i++) {
        free(names[i]);
    }
    free(data);
    free(text);
    return 0;
}
