#include "store/recovery/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/recovery/helper.h"
#include "store/recovery/intake.h"
#include "store/disk/save.h"
#include "store/disk/wal.h"
#include "store/shm/clock.h"

/*
 * The idea: the parent never opens the files, and what was read is replaced,
 * not written to.  One helper process reads the old state and sends every
 * record through a pipe, another one the logs, whose key is in the state; both
 * may crash on a damaged page, and then what came before counts.  The parent
 * checks every record by its checksum, drops what expired, and builds the
 * objects: messages by mid, devices with their subscriptions, keys,
 * revocations.  The key of the hash that finds a name's shard comes from the
 * state as well, for a mid names its shard.  A third helper writes a new file
 * from the segment, which takes the place of the old one by rename().  So no
 * damage of the old file outlives a start, not even in LMDB's list of free
 * pages, which nothing checks, and a start that breaks off leaves the old file
 * as it was.  What was damaged is kept under another name.
 *
 * The file in which LMDB keeps its readers is made here too, without holes:
 * LMDB maps it, and on a full disk a write to a hole would kill a child.
 *
 * Helpers close all descriptors that they do not need (ports, the lock),
 * ignore the signals that end a server, and are killed by the kernel with the
 * parent, so that a start can be ended at any step.  Only the writer keeps the
 * lock: nobody may make a new file beside it.
 */

/* Records that are written at once, bytes. */
#define WRITE_BYTES ((size_t)8 << 20)

typedef struct {
    char state[PATH_MAX], next[PATH_MAX];
    char lock[PATH_MAX], next_lock[PATH_MAX]; /* what LMDB has beside them */
} names_t;

static void name_files(const push_state_t *state, names_t *names)
{
    snprintf(names->state, PATH_MAX, "%s/" PUSH_STATE_FILE, state->path);
    snprintf(names->next, PATH_MAX, "%s/" PUSH_STATE_NEXT, state->path);
    snprintf(names->lock, PATH_MAX, "%s/" PUSH_STATE_FILE "-lock",
             state->path);
    snprintf(names->next_lock, PATH_MAX, "%s/" PUSH_STATE_NEXT "-lock",
             state->path);
}

/* ---- reading ---- */

static bool refuse(push_recovery_t *recovery, const char *what)
{
    char found[256];

    snprintf(found, sizeof(found), "%.255s", recovery->why.text);
    snprintf(recovery->why.text, sizeof(recovery->why.text),
             "holds a " PUSH_STATE_FILE " that %s%s%s%s: move it away to "
             "start without it",
             what, found[0] ? " (" : "", found, found[0] ? ")" : "");
    return false;
}

static bool check_version(const push_intake_t *intake)
{
    const push_meta_record_t *meta = push_restore_meta(intake->restore);
    push_recovery_t *recovery = intake->recovery;

    if (meta) {
        if (meta->version && meta->version <= PUSH_STATE_VERSION) {
            return true;
        }
        snprintf(recovery->why.text, sizeof(recovery->why.text),
                 "it has version %u, this is version %u", meta->version,
                 PUSH_STATE_VERSION);
        return refuse(recovery, "another version of mod_push wrote");
    }
    if (!recovery->cut && !recovery->damaged) {
        return refuse(recovery, "mod_push did not write");
    }
    /* Without it nobody knows where all the rest belongs. */
    recovery->damaged += intake->records;
    push_restore_forget(intake->restore);
    return true;
}

static bool check_end(const push_intake_t *intake)
{
    push_recovery_t *recovery = intake->recovery;

    recovery->cut |= intake->status == PUSH_DURABLE_DAMAGED;
    switch (intake->status) {
    case PUSH_DURABLE_FOREIGN:
        return refuse(recovery, "is not one, or is damaged at its beginning");
    case PUSH_DURABLE_FAILED:
    case PUSH_DURABLE_FULL:
        recovery->cut = true;
        return intake->records || refuse(recovery, "cannot be read");
    default:
        return true;
    }
}

/* False: refused.  What could be read is in intake->restore. */
static bool read_files(push_intake_t *intake, const push_state_t *state)
{
    static const char *const want = "cannot be read for want of processes";

    if (!push_intake_read_state(intake, state)) {
        return refuse(intake->recovery, want);
    }
    if (!check_end(intake) || !check_version(intake)) {
        return false;
    }
    return !push_restore_meta(intake->restore)
           || push_intake_read_logs(intake, state)
           || refuse(intake->recovery, want);
}

/* ---- the process that writes the new file ---- */

typedef struct {
    push_store_t *store;
    const push_state_t *state;
    const char *path;
} writing_t;

static bool add_meta(const push_store_t *store, push_records_t *records)
{
    push_record_t *first, *second;
    push_meta_record_t meta = {.version = PUSH_STATE_VERSION,
                               .node = store->segment->node};

    memcpy(meta.hash_key, store->segment->hash_key, sizeof(meta.hash_key));
    first = push_meta_make(&meta, PUSH_RECORD_META);
    second = push_meta_make(&meta, PUSH_RECORD_META_2);
    if (!first || !second) {
        free(first);
        free(second);
        return false;
    }
    push_records_append(records, first);
    push_records_append(records, second);
    return true;
}

static push_durable_status_t write_shards(push_durable_t *durable,
                                          push_store_t *store,
                                          push_records_t *records,
                                          push_durable_error_t *error)
{
    push_durable_status_t status = PUSH_DURABLE_OK;

    for (unsigned i = 0; i < PUSH_SHARDS && status == PUSH_DURABLE_OK; i++) {
        if (!push_save_shard(store, i, 0, records)) {
            snprintf(error->text, sizeof(error->text), "no memory");
            return PUSH_DURABLE_FAILED;
        }
        if (records->bytes > WRITE_BYTES || i == PUSH_SHARDS - 1) {
            const push_durable_job_t job = {records, push_clock_now().wall,
                                            push_save_refresh, store};

            status = push_durable_write(durable, &job, error);
            push_records_cleanup(records);
        }
    }
    return status;
}

static int write_file(int fd, void *data)
{
    const writing_t *writing = data;
    push_durable_error_t error = {""};
    push_records_t records = {0};
    push_durable_t *durable = NULL;
    push_durable_status_t status = PUSH_DURABLE_FAILED;

    unlink(writing->path);
    if (add_meta(writing->store, &records)) {
        status = push_durable_open(&durable, writing->path,
                                   writing->state->size, PUSH_DURABLE_CREATE,
                                   &error);
    }
    if (status == PUSH_DURABLE_OK) {
        status = write_shards(durable, writing->store, &records, &error);
        push_durable_close(durable);
    }
    push_helper_say(fd, error.text, strlen(error.text));
    return status == PUSH_DURABLE_OK ? 0 : 1;
}

/* True: the new file is whole and on disk. */
static bool write_state(push_store_t *store, const push_state_t *state,
                        names_t *names, push_recovery_t *recovery)
{
    writing_t writing = {store, state, names->next};
    char why[PUSH_DURABLE_WHY] = "";
    push_helper_t helper;
    ssize_t len;

    if (!push_helper_start(&helper, &state->owner, state->lock, write_file,
                           &writing)) {
        return false;
    }
    do {
        len = read(helper.from, why, sizeof(why) - 1);
    } while (len < 0 && errno == EINTR);
    if (push_helper_finish(&helper, false)) {
        return true;
    }
    snprintf(recovery->why.text, sizeof(recovery->why.text), "%s",
             why[0] ? why : "its writer ended at once");
    unlink(names->next);
    unlink(names->next_lock);
    return false;
}

/* ---- from the old file to the new one ---- */

static bool exists(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

/*
 * A damaged file stays, under another name, for an administrator to see: name
 * is that of a file in the directory.
 */
static void set_aside(const push_state_t *state, push_recovery_t *recovery,
                      const char *name)
{
    size_t len = strlen(recovery->aside);
    char kept[64], from[PATH_MAX], to[PATH_MAX];

    snprintf(kept, sizeof(kept), "%s.damaged-%lld", name,
             (long long)time(NULL));
    snprintf(from, sizeof(from), "%s/%s", state->path, name);
    snprintf(to, sizeof(to), "%s/%s", state->path, kept);
    if (!rename(from, to)) {
        snprintf(recovery->aside + len, sizeof(recovery->aside) - len, "%s%s",
                 len ? ", " : "", kept);
    }
}

static void set_logs_aside(const push_state_t *state, push_intake_t *intake)
{
    for (unsigned i = 0; i < intake->logs_count; i++) {
        char name[32];

        if (intake->logs[i].spoiled) {
            snprintf(name, sizeof(name), PUSH_WAL_PREFIX "%u",
                     intake->logs[i].named.pid);
            set_aside(state, intake->recovery, name);
        }
    }
}

/* All that the logs held is in the new state, or belonged to none. */
static void remove_logs(const push_state_t *state)
{
    uint32_t pids[PUSH_LOGS_MAX];
    unsigned count = push_wal_list(state->path, pids, PUSH_LOGS_MAX);

    for (unsigned i = 0; i < count; i++) {
        push_wal_remove(state->path, pids[i]);
    }
}

static bool put_in_place(const push_state_t *state, const names_t *names)
{
    int dir = open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool well = !rename(names->next, names->state);

    well = !rename(names->next_lock, names->lock) && well;
    well = dir >= 0 && !fsync(dir) && well;
    if (dir >= 0) {
        close(dir);
    }
    return well;
}

static push_recover_status_t refuse_to_write(push_recovery_t *recovery,
                                             bool damaged)
{
    char why[256];

    snprintf(why, sizeof(why), "%.255s", recovery->why.text);
    snprintf(recovery->why.text, sizeof(recovery->why.text),
             "cannot be written to (%s)%s", why,
             damaged ? ", and its " PUSH_STATE_FILE " is damaged" : "");
    return PUSH_RECOVER_REFUSED;
}

static bool is_damaged(const push_recovery_t *recovery)
{
    return recovery->cut || recovery->damaged || recovery->logs;
}

static push_recover_status_t replace(push_store_t *store,
                                     const push_state_t *state, names_t *names,
                                     push_intake_t *intake)
{
    push_recovery_t *recovery = intake->recovery;
    bool damaged = is_damaged(recovery);
    push_sentence_t before = recovery->why;

    if (!write_state(store, state, names, recovery)) {
        if (exists(names->state) && !damaged) {
            return PUSH_RECOVER_NOT_WRITTEN;
        }
        return refuse_to_write(recovery, damaged);
    }
    recovery->why = before;
    if (recovery->cut || recovery->damaged) {
        set_aside(state, recovery, PUSH_STATE_FILE);
    }
    if (!put_in_place(state, names)) {
        snprintf(recovery->why.text, sizeof(recovery->why.text), "rename: %s",
                 strerror(errno));
        return refuse_to_write(recovery, damaged);
    }
    set_logs_aside(state, intake);
    remove_logs(state);
    return PUSH_RECOVERED;
}

static push_recover_status_t recover(push_intake_t *intake,
                                     push_store_t *store,
                                     const push_state_t *state)
{
    names_t names;

    name_files(state, &names);
    if (exists(names.state) && !read_files(intake, state)) {
        return PUSH_RECOVER_REFUSED;
    }
    if (is_damaged(intake->recovery)) {
        push_restore_torn(intake->restore);
    }
    push_restore_apply(intake->restore, store, &intake->recovery->restored);
    return replace(store, state, &names, intake);
}

push_recover_status_t push_recover(push_store_t *store,
                                   const push_state_t *state,
                                   push_recovery_t *recovery)
{
    push_time_t now = push_clock_now();
    push_intake_t *intake = calloc(1, sizeof(*intake));
    push_recover_status_t status = PUSH_RECOVER_REFUSED;

    memset(recovery, 0, sizeof(*recovery));
    if (!intake) {
        return status;
    }
    intake->recovery = recovery;
    intake->restore = push_restore_create(&now);
    if (intake->restore) {
        status = recover(intake, store, state);
    }
    push_restore_destroy(intake->restore);
    free(intake);
    return status;
}
