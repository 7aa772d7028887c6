#include "store/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/durable.h"
#include "store/save.h"
#include "store/wal.h"

/* The reader is taken for dead when it says nothing for so long. */
#define SILENCE_MS 20000

/* Records that are written at once, bytes. */
#define WRITE_BYTES ((size_t)8 << 20)

typedef struct {
    const char *dir;
    char state[PATH_MAX], next[PATH_MAX], lock[PATH_MAX];
} names_t;

static void name_files(const push_state_t *state, names_t *names)
{
    names->dir = state->path;
    snprintf(names->state, PATH_MAX, "%s/" PUSH_STATE_FILE, state->path);
    snprintf(names->next, PATH_MAX, "%s/" PUSH_STATE_NEXT, state->path);
    snprintf(names->lock, PATH_MAX, "%s/" PUSH_STATE_FILE "-lock",
             state->path);
}

/* ---- between a process and its parent ---- */

/* What the reader says: records, then how it ended. */
typedef enum { SAID_RECORD, SAID_DAMAGED, SAID_END } said_t;

typedef struct {
    uint32_t said;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t status; /* push_durable_status_t, of SAID_END; value: why */
    int64_t expires;
} frame_t;

#define VALUE_MAX (64u << 20)

/* If it crashes, that is an answer: nobody shall report or dump it. */
static void become_expendable(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    const struct rlimit none = {0, 0};

    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        signal(crashes[i], SIG_DFL);
    }
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* A process of its own that runs work(fd, data) as the owner; -1: none. */
static pid_t start(const push_owner_t *owner, int (*work)(int fd, void *data),
                   void *data, int *from)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC)) {
        return -1;
    }
    pid = fork();
    if (!pid) {
        become_expendable();
        _exit(push_statedir_become(owner) ? work(ends[1], data) : 1);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
    }
    *from = ends[0];
    return pid;
}

/* True if it ended by itself, with status 0. */
static bool finish(pid_t pid, int from, bool kill_it)
{
    int status = 0;

    close(from);
    if (kill_it) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool say(int fd, const void *bytes, size_t len)
{
    while (len) {
        ssize_t done = write(fd, bytes, len);

        if (done < 0) {
            return false;
        }
        bytes = (const char *)bytes + done;
        len -= (size_t)done;
    }
    return true;
}

static bool hear(int fd, void *bytes, size_t len)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    while (len) {
        int ready = poll(&one, 1, SILENCE_MS);
        ssize_t got;

        if (ready < 0 && errno == EINTR) {
            continue;
        }
        got = ready > 0 ? read(fd, bytes, len) : 0;
        if (got <= 0) {
            return false;
        }
        bytes = (char *)bytes + got;
        len -= (size_t)got;
    }
    return true;
}

/* ---- the process that reads the old file ---- */

static bool say_frame(int fd, const frame_t *frame, const char *key,
                      const char *value)
{
    return say(fd, frame, sizeof(*frame)) && say(fd, key, frame->key_len)
           && say(fd, value, frame->value_len);
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

static bool say_logged(void *data, const push_wal_item_t *item)
{
    int fd = *(const int *)data;
    frame_t frame = {.said = SAID_RECORD,
                     .key_len = item->key.len,
                     .value_len = item->value.len,
                     .expires = item->expires};

    return say_frame(fd, &frame, item->key.at, item->value.at);
}

/* The logs come first: reading the state may be the end of this process. */
static int read_files(int fd, void *data)
{
    const names_t *names = data;
    push_durable_error_t error = {""};
    push_durable_t *durable = NULL;
    push_durable_status_t status;
    frame_t end = {.said = SAID_END};

    if (!push_wal_read(names->dir, say_logged, &fd)) {
        return 1;
    }
    status = push_durable_open(&durable, names->state, 0, PUSH_DURABLE_READ,
                               &error);
    if (status == PUSH_DURABLE_OK) {
        status = push_durable_read(durable, say_record, &fd, &error);
    }
    end.status = status;
    end.value_len = (uint32_t)strlen(error.text);
    return say_frame(fd, &end, "", error.text) ? 0 : 1;
}

/* ---- the parent: what it hears ---- */

typedef struct {
    push_restore_t *restore;
    push_recovery_t *recovery;
    push_durable_status_t status; /* of the end */
    uint64_t records;
} intake_t;

static bool take_record(intake_t *intake, const frame_t *frame,
                        const char *bytes)
{
    push_text_t key = {bytes, frame->key_len};
    push_text_t value = {bytes + frame->key_len, frame->value_len};

    intake->records++;
    return push_restore_add(intake->restore, key, value, frame->expires);
}

static void take_end(intake_t *intake, const frame_t *frame, const char *bytes)
{
    intake->status = (push_durable_status_t)frame->status;
    snprintf(intake->recovery->why.text, sizeof(intake->recovery->why.text),
             "%.*s", (int)frame->value_len, bytes);
}

/* False: what comes is not what the reader would say. */
static bool take_frame(intake_t *intake, const frame_t *frame,
                       const char *bytes)
{
    switch (frame->said) {
    case SAID_RECORD:
        return take_record(intake, frame, bytes);
    case SAID_DAMAGED:
        intake->recovery->damaged++;
        return true;
    case SAID_END:
        take_end(intake, frame, bytes);
        return true;
    default:
        return false;
    }
}

/* True up to the end that the reader said. */
static bool take_all(intake_t *intake, int from)
{
    frame_t frame = {.said = SAID_RECORD};
    bool well = true;

    while (well && frame.said != SAID_END) {
        char *bytes;
        size_t len;

        if (!hear(from, &frame, sizeof(frame))
            || frame.key_len > PUSH_RECORD_KEY_MAX + 16u
            || frame.value_len > VALUE_MAX) {
            return false;
        }
        len = (size_t)frame.key_len + frame.value_len;
        bytes = malloc(len + 1);
        well = bytes && hear(from, bytes, len)
               && take_frame(intake, &frame, bytes);
        free(bytes);
    }
    return well;
}

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

static bool check_version(const intake_t *intake)
{
    push_recovery_t *recovery = intake->recovery;
    uint32_t version = push_restore_version(intake->restore);

    if (push_restore_has_meta(intake->restore)) {
        if (version == PUSH_STATE_VERSION) {
            return true;
        }
        snprintf(recovery->why.text, sizeof(recovery->why.text),
                 "it has version %u, this is version %u", version,
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

/* False: refused.  What could be read is in intake->restore. */
static bool read_state(const push_state_t *state, names_t *names,
                       intake_t *intake)
{
    push_recovery_t *recovery = intake->recovery;
    int from = -1;
    pid_t pid = start(&state->owner, read_files, names, &from);
    bool complete;

    if (pid < 0) {
        return refuse(recovery, "cannot be read for want of processes");
    }
    complete = take_all(intake, from);
    complete = finish(pid, from, !complete) && complete;
    if (!complete) {
        snprintf(recovery->why.text, sizeof(recovery->why.text),
                 "its reader ended at once");
    }
    recovery->cut = !complete || intake->status == PUSH_DURABLE_DAMAGED;
    switch (complete ? intake->status : PUSH_DURABLE_OK) {
    case PUSH_DURABLE_FOREIGN:
        return refuse(recovery, "is not one, or is damaged at its beginning");
    case PUSH_DURABLE_FAILED:
    case PUSH_DURABLE_FULL:
        if (!intake->records) {
            return refuse(recovery, "cannot be read");
        }
        recovery->cut = true;
        break;
    default:
        break;
    }
    return check_version(intake);
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
                                            push_save_look, store};

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
    say(fd, error.text, strlen(error.text));
    return status == PUSH_DURABLE_OK ? 0 : 1;
}

/* True: the new file is whole and on disk. */
static bool write_state(push_store_t *store, const push_state_t *state,
                        names_t *names, push_recovery_t *recovery)
{
    writing_t writing = {store, state, names->next};
    char why[PUSH_DURABLE_WHY] = "";
    int from = -1;
    pid_t pid = start(&state->owner, write_file, &writing, &from);
    ssize_t len;

    if (pid < 0) {
        return false;
    }
    do {
        len = read(from, why, sizeof(why) - 1);
    } while (len < 0 && errno == EINTR);
    if (finish(pid, from, false)) {
        return true;
    }
    snprintf(recovery->why.text, sizeof(recovery->why.text), "%s",
             why[0] ? why : "its writer ended at once");
    unlink(names->next);
    return false;
}

/* ---- from the old file to the new one ---- */

static bool exists(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

/* What is damaged stays, under another name, for whoever wants to look. */
static void set_aside(names_t *names, push_recovery_t *recovery)
{
    char to[PATH_MAX + 32];

    snprintf(recovery->aside, sizeof(recovery->aside),
             PUSH_STATE_FILE ".damaged-%lld", (long long)time(NULL));
    snprintf(to, sizeof(to), "%.*s/%s",
             (int)(strlen(names->state) - strlen(PUSH_STATE_FILE) - 1),
             names->state, recovery->aside);
    if (rename(names->state, to)) {
        recovery->aside[0] = '\0';
    }
}

/* What the logs held is in the new state, or belonged to none. */
static void remove_logs(const push_state_t *state)
{
    uint32_t pids[256];
    unsigned count = push_wal_list(state->path, pids, 256);

    for (unsigned i = 0; i < count; i++) {
        push_wal_remove(state->path, pids[i]);
    }
}

static bool put_in_place(const push_state_t *state, const names_t *names)
{
    int dir = open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool well = !rename(names->next, names->state);

    unlink(names->lock);
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

static push_recover_status_t replace(push_store_t *store,
                                     const push_state_t *state, names_t *names,
                                     push_recovery_t *recovery)
{
    bool damaged = recovery->cut || recovery->damaged;
    push_sentence_t before = recovery->why;

    if (!write_state(store, state, names, recovery)) {
        if (exists(names->state) && !damaged) {
            return PUSH_RECOVER_NOT_WRITTEN;
        }
        return refuse_to_write(recovery, damaged);
    }
    recovery->why = before;
    if (damaged) {
        set_aside(names, recovery);
    }
    if (!put_in_place(state, names)) {
        snprintf(recovery->why.text, sizeof(recovery->why.text), "rename: %s",
                 strerror(errno));
        return refuse_to_write(recovery, damaged);
    }
    remove_logs(state);
    return PUSH_RECOVERED;
}

push_recover_status_t push_recover(push_store_t *store,
                                   const push_state_t *state,
                                   push_recovery_t *recovery)
{
    push_time_t now = push_clock_now();
    intake_t intake = {push_restore_create(&now), recovery, PUSH_DURABLE_OK,
                       0};
    push_recover_status_t status = PUSH_RECOVER_REFUSED;
    names_t names;

    memset(recovery, 0, sizeof(*recovery));
    name_files(state, &names);
    if (intake.restore
        && (!exists(names.state) || read_state(state, &names, &intake))) {
        if (recovery->cut || recovery->damaged) {
            push_restore_torn(intake.restore);
        }
        push_restore_apply(intake.restore, store, &recovery->restored);
        status = replace(store, state, &names, recovery);
    }
    push_restore_destroy(intake.restore);
    return status;
}
