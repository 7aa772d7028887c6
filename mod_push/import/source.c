#include "import/source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk/save.h"
#include "store/disk/wal.h"

/*
 * The idea: what a start does up to the segment (see store/recovery/recover.c),
 * and then what a sweep does that writes all of it; but nothing is written.
 * The segment is address space, of which only what is used becomes memory.
 */

#define SEGMENT_MIN    ((uint64_t)256 << 20)
#define SEGMENT_MAX    ((uint64_t)32 << 30)
#define SEGMENT_FACTOR 8u /* small messages are larger there than on disk */

/* Far above what any server keeps: whoever wrote the state has seen to it. */
#define NO_LIMIT     1000000000u
#define RETENTION_MS 86400000

static bool refuse(push_sentence_t *why, const char *what)
{
    char found[256];

    snprintf(found, sizeof(found), "%.255s", why->text);
    snprintf(why->text, sizeof(why->text), "%s%s%s%s", what,
             found[0] ? " (" : "", found, found[0] ? ")" : "");
    return false;
}

/* ---- the directory ---- */

/* Nothing is made where there is no state. */
static bool enter(const char *dir, push_state_t *state, push_sentence_t *why)
{
    char name[PATH_MAX];
    struct stat st;

    if (stat(dir, &st)) {
        return refuse(why, strerror(errno));
    }
    state->owner = (push_owner_t){st.st_uid, st.st_gid};
    if (!S_ISDIR(st.st_mode)) {
        return refuse(why, "is not a directory");
    }
    snprintf(name, sizeof(name), "%s/" PUSH_STATE_FILE, dir);
    if (stat(name, &st)) {
        snprintf(why->text, sizeof(why->text), "%s", strerror(errno));
        return refuse(why, "holds no " PUSH_STATE_FILE
                           ": it is not the PushStateDir of a server");
    }
    state->path = dir;
    state->size = (uint64_t)st.st_size;
    state->lock = push_statedir_prepare(dir, &state->owner, why);
    return state->lock >= 0;
}

/* ---- reading ---- */

static bool check_end(const push_intake_t *intake, push_sentence_t *why)
{
    push_recovery_t *recovery = intake->recovery;
    const push_meta_record_t *meta = push_restore_meta(intake->restore);

    recovery->cut |= intake->status == PUSH_DURABLE_DAMAGED
                     || intake->status == PUSH_DURABLE_FAILED;
    *why = recovery->why;
    if (intake->status == PUSH_DURABLE_FOREIGN || !meta) {
        return refuse(why, "holds a " PUSH_STATE_FILE
                           " that mod_push did not write, or that is damaged "
                           "at its beginning");
    }
    if (!meta->version || meta->version > PUSH_STATE_VERSION) {
        return refuse(why, "holds a " PUSH_STATE_FILE
                           " of a newer version of mod_push: use its "
                           "push-import");
    }
    return true;
}

static bool read_all(push_intake_t *intake, const push_state_t *state,
                     push_sentence_t *why)
{
    if (!push_intake_read_state(intake, state)) {
        return refuse(why, "cannot be read for want of processes");
    }
    if (!check_end(intake, why)) {
        return false;
    }
    return push_intake_read_logs(intake, state)
           || refuse(why, "cannot be read for want of processes");
}

/* ---- the segment ---- */

static uint64_t size_for(const push_state_t *state)
{
    uint32_t pids[PUSH_LOGS_MAX];
    unsigned logs = push_wal_list(state->path, pids, PUSH_LOGS_MAX);
    uint64_t bytes = state->size + logs * PUSH_WAL_SIZE;
    uint64_t size = SEGMENT_MIN + bytes * SEGMENT_FACTOR;

    return (size < SEGMENT_MAX ? size : SEGMENT_MAX) & ~(uint64_t)0xffff;
}

static void *map(uint64_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return base == MAP_FAILED ? NULL : base;
}

static bool make_segment(push_source_t *source, const push_state_t *state)
{
    static const int nobody = -1;
    static const push_limits_t limits = {.max_pending = NO_LIMIT,
                                         .history = NO_LIMIT,
                                         .retention = RETENTION_MS,
                                         .idempotency = RETENTION_MS};
    push_mapping_t mapping = {
        .seats = 1, .events = &nobody, .receive = &nobody, .send = &nobody};
    push_guard_t *guard;

    source->size = size_for(state);
    source->base = map(source->size + sizeof(push_guard_t));
    if (!source->base) {
        return false;
    }
    guard = (push_guard_t *)((char *)source->base + source->size);
    mapping.base = source->base;
    mapping.size = source->size;
    mapping.guard = guard;
    return push_guard_create(guard)
           && push_store_create(&source->store, &mapping, &limits);
}

/* ---- from the segment to records ---- */

static bool add(push_record_list_t *list, push_record_t *record)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 256;
        push_record_t **at = realloc(list->at, room * sizeof(*at));

        if (!at) {
            free(record);
            return false;
        }
        list->at = at;
        list->room = room;
    }
    list->at[list->count++] = record;
    return true;
}

static bool is_alive(const push_record_t *record)
{
    push_message_record_t message;

    return push_message_read(
               (push_text_t){(const char *)record->key, record->key_len},
               (push_text_t){(const char *)record->value, record->len},
               &message)
           && message.fate == PUSH_LIVE;
}

static bool sort_in(push_source_t *source, push_record_t *record)
{
    switch (record->key[0]) {
    case PUSH_RECORD_MESSAGE:
        if (is_alive(record)) {
            return add(&source->messages, record);
        }
        break;
    case PUSH_RECORD_DEVICE:
        return add(&source->devices, record);
    case PUSH_RECORD_KEY:
        return add(&source->keys, record);
    case PUSH_RECORD_REVOKED:
        return add(&source->revoked, record);
    default:
        break;
    }
    free(record);
    return true;
}

/* Takes the record, which may only say what to write. */
static bool take(push_source_t *source, push_record_t *record)
{
    push_record_t *found;

    if (record->how != PUSH_RECORD_REFRESH) {
        return sort_in(source, record);
    }
    if (!push_save_refresh(&source->store, record, &found)) {
        free(record);
        return false;
    }
    free(record);
    return !found || sort_in(source, found);
}

static bool collect(push_source_t *source)
{
    push_records_t records = {0};
    bool well = true;

    for (unsigned i = 0; i < PUSH_SHARDS && well; i++) {
        push_record_t *record;

        well = push_save_shard(&source->store, i, 0, &records);
        record = well ? push_records_take(&records) : NULL;
        while (record && well) {
            well = take(source, record);
            record = well ? push_records_take(&records) : NULL;
        }
    }
    push_records_cleanup(&records);
    return well;
}

/* ---- all ---- */

static bool restore(push_source_t *source, push_intake_t *intake,
                    const push_state_t *state, push_sentence_t *why)
{
    push_recovery_t *recovery = &source->recovery;

    why->text[0] = '\0';
    if (!make_segment(source, state)) {
        return refuse(why, "cannot be restored for want of memory");
    }
    if (recovery->cut || recovery->damaged || recovery->logs) {
        push_restore_torn(intake->restore);
    }
    push_restore_apply(intake->restore, &source->store, &recovery->restored);
    if (recovery->restored.dropped) {
        return refuse(why, "is too large to be restored at once");
    }
    return collect(source)
           || refuse(why, "cannot be restored for want of memory");
}

bool push_source_open(push_source_t *source, const char *dir,
                      push_sentence_t *why)
{
    push_time_t now = push_clock_now();
    push_state_t state = {.lock = -1};
    push_intake_t *intake;
    bool well;

    memset(source, 0, sizeof(*source));
    source->lock = -1;
    why->text[0] = '\0';
    if (!enter(dir, &state, why)) {
        return false;
    }
    source->lock = state.lock;
    intake = calloc(1, sizeof(*intake));
    if (!intake) {
        return refuse(why, "cannot be restored for want of memory");
    }
    intake->recovery = &source->recovery;
    intake->restore = push_restore_create(&now);
    well = intake->restore && read_all(intake, &state, why)
           && restore(source, intake, &state, why);
    push_restore_destroy(intake->restore);
    free(intake);
    return well;
}

static void empty(push_record_list_t *list)
{
    while (list->count) {
        free(list->at[--list->count]);
    }
    free(list->at);
}

void push_source_close(push_source_t *source)
{
    empty(&source->messages);
    empty(&source->devices);
    empty(&source->keys);
    empty(&source->revoked);
    if (source->base) {
        munmap(source->base, source->size + sizeof(push_guard_t));
    }
    if (source->lock >= 0) {
        close(source->lock);
    }
}
