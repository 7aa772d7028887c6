#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk/wal_internal.h"

/*
 * Reading a log.  Which lap is the last one is what its marks say; from the
 * start on its batches must follow each other, and where they end no more of
 * it may come.  A batch that was cut off is damage too: whether it was cut
 * off before or after somebody was told that it is on disk, nobody can see.
 * What cannot be seen either is the loss of the last batches, where every byte
 * went back to what was there before.
 */

/* Before version 2 of the state there were frames alone. */
#define OLD_RECORD 0x4c415750u

static const uint64_t old_key[2] = {0x6d6f645f70757368ULL, 0x636f6d6d6974ULL};

typedef struct {
    const push_wal_source_t *source;
    const char *bytes;
    size_t len;
    uint64_t id; /* as the file says it */
} file_t;

/* ---- marks ---- */

static bool mark_at(const file_t *file, size_t at, push_wal_mark_t *mark)
{
    if (at > file->len || file->len - at < sizeof(*mark)) {
        return false;
    }
    memcpy(mark, file->bytes + at, sizeof(*mark));
    return (mark->magic == PUSH_WAL_LOG || mark->magic == PUSH_WAL_HEAD
            || mark->magic == PUSH_WAL_TAIL)
           && mark->sum == push_wal_mark_sum(mark, file->source->key);
}

/* The last lap of the log id that marks from `at` on tell of. */
static uint32_t last_lap(const file_t *file, size_t at, uint64_t id)
{
    push_wal_mark_t mark;
    uint32_t lap = 0;

    for (; at + sizeof(mark) <= file->len; at += PUSH_WAL_UNIT) {
        if (mark_at(file, at, &mark) && mark.id == id && mark.lap > lap) {
            lap = mark.lap;
        }
    }
    return lap;
}

/* ---- records ---- */

typedef struct {
    push_durable_item_t item;
    uint32_t lap;
} found_t;

/* Bytes of the frame at `at`, or 0: there is none. */
static size_t frame_at(const file_t *file, size_t at, found_t *found)
{
    bool old = file->source->version < 2;
    const char *key = file->bytes + at + sizeof(push_wal_frame_t);
    push_wal_frame_t frame;
    size_t left = file->len - at;

    if (at > file->len || left < sizeof(frame)) {
        return 0;
    }
    memcpy(&frame, file->bytes + at, sizeof(frame));
    left -= sizeof(frame);
    if (frame.magic != (old ? OLD_RECORD : PUSH_WAL_RECORD)
        || frame.key_len > PUSH_RECORD_KEY_MAX || frame.key_len > left
        || frame.value_len > left - frame.key_len
        || frame.sum
               != push_wal_frame_sum(&frame, key,
                                     old ? old_key : file->source->key,
                                     old ? 0 : file->id)) {
        return 0;
    }
    found->item = (push_durable_item_t){{key, frame.key_len},
                                        {key + frame.key_len, frame.value_len},
                                        frame.expires,
                                        true};
    found->lap = frame.lap;
    return push_wal_padded(sizeof(frame) + frame.key_len + frame.value_len);
}

/* Wherever they are: what follows on damage may well be intact. */
static bool visit_all(const file_t *file)
{
    size_t at = 0;

    while (at < file->len) {
        found_t found;
        size_t size = frame_at(file, at, &found);

        if (size && !file->source->visit(file->source->data, &found.item)) {
            return false;
        }
        at += size ? size : PUSH_WAL_UNIT;
    }
    return true;
}

/* ---- is it what was written? ---- */

/* Of the log itself. */
static bool begins_well(file_t *file, uint64_t id)
{
    push_wal_mark_t mark;

    if (!mark_at(file, 0, &mark) || mark.magic != PUSH_WAL_LOG) {
        file->id = id;
        return false;
    }
    file->id = mark.id;
    return mark.id == id && file->len == PUSH_WAL_SIZE;
}

/* The batch behind its head: all records, and its other mark. */
static bool batch_is_whole(const file_t *file, size_t at,
                           const push_wal_mark_t *head)
{
    size_t end = at + head->len;
    push_wal_mark_t tail;
    found_t found;

    while (at < end) {
        size_t size = frame_at(file, at, &found);

        if (!size || found.lap != head->lap) {
            return false;
        }
        at += size;
    }
    return at == end && mark_at(file, end, &tail)
           && tail.magic == PUSH_WAL_TAIL && tail.id == head->id
           && tail.lap == head->lap && tail.number == head->number;
}

static bool is_next(const file_t *file, const push_wal_mark_t *mark,
                    uint32_t lap, uint32_t number)
{
    return mark->magic == PUSH_WAL_HEAD && mark->id == file->id
           && mark->lap == lap && mark->number == number;
}

/* In the first lap there is nothing behind the last batch. */
static bool is_unused(const file_t *file, size_t at)
{
    while (at < file->len && !file->bytes[at]) {
        at++;
    }
    return at == file->len;
}

static bool laps_are_whole(const file_t *file)
{
    uint32_t lap = last_lap(file, PUSH_WAL_BEGIN, file->id);
    size_t at = PUSH_WAL_BEGIN;
    uint32_t number = 1;
    push_wal_mark_t mark;

    while (mark_at(file, at, &mark) && is_next(file, &mark, lap, number)) {
        if (!batch_is_whole(file, at + sizeof(mark), &mark)) {
            return false;
        }
        at += 2 * sizeof(mark) + mark.len;
        number++;
    }
    return lap > 1 ? last_lap(file, at, file->id) < lap : is_unused(file, at);
}

static push_wal_status_t judge(const push_wal_source_t *source, uint64_t id,
                               const char *bytes, size_t len)
{
    file_t file = {source, bytes, len, 0};
    bool whole = begins_well(&file, id) && laps_are_whole(&file);

    if (!visit_all(&file)) {
        return PUSH_WAL_STOPPED;
    }
    return whole || !id ? PUSH_WAL_WELL : PUSH_WAL_DAMAGED;
}

/* ---- the file ---- */

/* As far as it can be read. */
static size_t read_file(int fd, char *bytes)
{
    size_t len = 0;
    ssize_t got = 1;

    while (got > 0 && len < PUSH_WAL_SIZE) {
        got = pread(fd, bytes + len, PUSH_WAL_SIZE - len, (off_t)len);
        len += got > 0 ? (size_t)got : 0;
    }
    return len;
}

static int open_file(const push_wal_source_t *source, uint32_t pid)
{
    char path[PATH_MAX];
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "%s/" PUSH_WAL_PREFIX "%u", source->dir, pid);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
        errno = EINVAL;
    }
    return fd;
}

push_wal_status_t push_wal_read(const push_wal_source_t *source, uint32_t pid,
                                uint64_t id)
{
    push_wal_status_t status = PUSH_WAL_STOPPED;
    int fd = open_file(source, pid);
    char *bytes;

    if (fd < 0) {
        return !id               ? PUSH_WAL_WELL
               : errno == ENOENT ? PUSH_WAL_MISSING
                                 : PUSH_WAL_DAMAGED;
    }
    bytes = malloc(PUSH_WAL_SIZE);
    if (bytes) {
        status = judge(source, id, bytes, read_file(fd, bytes));
        free(bytes);
    }
    close(fd);
    return status;
}
