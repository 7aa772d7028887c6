#include "store/recovery/intake.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/recovery/helper.h"
#include "store/disk/wal.h"

/* ---- what a reader says ---- */

/* Records, and logs that are not as they should be; then how it ended. */
typedef enum { SAID_RECORD, SAID_DAMAGED, SAID_LOG, SAID_END } said_t;

typedef struct {
    uint32_t said;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t status; /* push_durable_status_t; of SAID_LOG: which one */
    int64_t expires;
} frame_t;

#define VALUE_MAX (64u << 20)

/* ---- the readers ---- */

static bool say_frame(int fd, const frame_t *frame, const char *key,
                      const char *value)
{
    return push_helper_say(fd, frame, sizeof(*frame))
           && push_helper_say(fd, key, frame->key_len)
           && push_helper_say(fd, value, frame->value_len);
}

static bool say_text(int fd, said_t said, uint32_t status, const char *text)
{
    frame_t frame = {
        .said = said, .value_len = (uint32_t)strlen(text), .status = status};

    return say_frame(fd, &frame, "", text);
}

static bool say_record(void *data, const push_durable_item_t *item)
{
    int fd = *(const int *)data;
    frame_t frame = {.said = item->intact ? SAID_RECORD : SAID_DAMAGED,
                     .key_len = item->key.len,
                     .value_len = item->intact ? item->value.len : 0,
                     .expires = item->expires};

    return say_frame(fd, &frame, item->key.at, item->value.at);
}

static int read_state(int fd, void *data)
{
    const push_state_t *state = data;
    push_durable_error_t error = {""};
    push_durable_t *durable = NULL;
    push_durable_status_t status;
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/" PUSH_STATE_FILE, state->path);
    status = push_durable_open(&durable, path, 0, PUSH_DURABLE_READ, &error);
    if (status == PUSH_DURABLE_OK) {
        status = push_durable_read(durable, say_record, &fd, &error);
    }
    return say_text(fd, SAID_END, status, error.text) ? 0 : 1;
}

typedef struct {
    const push_intake_t *intake;
    push_wal_source_t source;
} reading_t;

static bool read_named(int fd, const reading_t *reading)
{
    for (unsigned i = 0; i < reading->intake->logs_count; i++) {
        const push_named_log_t *log = &reading->intake->logs[i].named;
        push_wal_status_t status = push_wal_read(&reading->source, log->pid,
                                                 log->id);
        char why[64];

        snprintf(why, sizeof(why), PUSH_WAL_PREFIX "%u %s", log->pid,
                 status == PUSH_WAL_MISSING ? "is missing"
                                            : "is not what was written");
        if (status == PUSH_WAL_STOPPED
            || (status != PUSH_WAL_WELL && !say_text(fd, SAID_LOG, i, why))) {
            return false;
        }
    }
    return true;
}

static bool is_named(const push_intake_t *intake, uint32_t pid)
{
    for (unsigned i = 0; i < intake->logs_count; i++) {
        if (intake->logs[i].named.pid == pid) {
            return true;
        }
    }
    return false;
}

/* Nothing relies on a log that is not named, but reading it does no harm. */
static bool read_others(const reading_t *reading)
{
    uint32_t pids[PUSH_LOGS_MAX];
    unsigned count = push_wal_list(reading->source.dir, pids, PUSH_LOGS_MAX);

    for (unsigned i = 0; i < count; i++) {
        if (!is_named(reading->intake, pids[i])
            && push_wal_read(&reading->source, pids[i], 0)
                   == PUSH_WAL_STOPPED) {
            return false;
        }
    }
    return true;
}

static int read_logs(int fd, void *data)
{
    reading_t reading = *(const reading_t *)data;

    reading.source.visit = say_record;
    reading.source.data = &fd;
    return read_named(fd, &reading) && read_others(&reading)
                   && say_text(fd, SAID_END, PUSH_DURABLE_OK, "")
               ? 0
               : 1;
}

/* ---- the parent: what it hears ---- */

static bool take_record(push_intake_t *intake, const frame_t *frame,
                        const char *bytes)
{
    push_text_t key = {bytes, frame->key_len};
    push_text_t value = {bytes + frame->key_len, frame->value_len};
    push_named_log_t log;

    intake->records++;
    if (push_named_log_read(key, value, &log)) {
        if (intake->logs_count < PUSH_LOGS_MAX) {
            intake->logs[intake->logs_count++].named = log;
        }
        return true;
    }
    return push_restore_add(intake->restore, key, value, frame->expires);
}

static void take_why(push_intake_t *intake, const frame_t *frame,
                     const char *bytes)
{
    push_sentence_t *why = &intake->recovery->why;

    if (frame->value_len && !why->text[0]) {
        snprintf(why->text, sizeof(why->text), "%.*s", (int)frame->value_len,
                 bytes);
    }
}

static bool take_log(push_intake_t *intake, const frame_t *frame,
                     const char *bytes)
{
    if (frame->status >= intake->logs_count) {
        return false;
    }
    intake->logs[frame->status].spoiled = true;
    intake->recovery->logs++;
    take_why(intake, frame, bytes);
    return true;
}

/* False: what comes is not what a reader would say. */
static bool take_frame(push_intake_t *intake, const frame_t *frame,
                       const char *bytes)
{
    switch (frame->said) {
    case SAID_RECORD:
        return take_record(intake, frame, bytes);
    case SAID_DAMAGED:
        intake->recovery->damaged++;
        return true;
    case SAID_LOG:
        return take_log(intake, frame, bytes);
    case SAID_END:
        intake->status = (push_durable_status_t)frame->status;
        take_why(intake, frame, bytes);
        return true;
    default:
        return false;
    }
}

/* True up to the end that the reader said. */
static bool take_all(push_intake_t *intake, const push_helper_t *helper)
{
    frame_t frame = {.said = SAID_RECORD};
    bool well = true;

    while (well && frame.said != SAID_END) {
        char *bytes;
        size_t len;

        if (!push_helper_hear(helper, &frame, sizeof(frame))
            || frame.key_len > PUSH_RECORD_KEY_MAX + 16u
            || frame.value_len > VALUE_MAX) {
            return false;
        }
        len = (size_t)frame.key_len + frame.value_len;
        bytes = malloc(len + 1);
        well = bytes && push_helper_hear(helper, bytes, len)
               && take_frame(intake, &frame, bytes);
        free(bytes);
    }
    return well;
}

/*
 * The records heard up to the end of the helper, which may not have read all.
 */
static void hear_out(push_intake_t *intake, push_helper_t *helper)
{
    bool complete = take_all(intake, helper);

    complete = push_helper_finish(helper, !complete) && complete;
    if (!complete) {
        intake->recovery->cut = true;
        snprintf(intake->recovery->why.text,
                 sizeof(intake->recovery->why.text),
                 "its reader ended at once");
    }
}

bool push_intake_read_state(push_intake_t *intake, const push_state_t *state)
{
    push_state_t copy = *state;
    push_helper_t helper;

    if (!push_helper_start(&helper, &state->owner, -1, read_state, &copy)) {
        return false;
    }
    hear_out(intake, &helper);
    if (intake->recovery->cut) {
        intake->status = PUSH_DURABLE_OK;
    }
    return true;
}

bool push_intake_read_logs(push_intake_t *intake, const push_state_t *state)
{
    const push_meta_record_t *meta = push_restore_meta(intake->restore);
    push_durable_status_t status = intake->status;
    reading_t reading = {intake,
                         {.dir = state->path,
                          .key = {meta->hash_key[0], meta->hash_key[1]},
                          .version = meta->version}};
    push_helper_t helper;

    if (!push_helper_start(&helper, &state->owner, -1, read_logs, &reading)) {
        return false;
    }
    hear_out(intake, &helper);
    intake->status = status;
    return true;
}
