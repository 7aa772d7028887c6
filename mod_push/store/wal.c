#include "store/wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hash.h"

#define FRAME_MAGIC 0x4c415750u /* "PWAL" */
#define UNIT        8u          /* frames begin at multiples of it */

struct push_wal_t {
    int fd;
    uint64_t at;
    char *buffer; /* of the append at hand */
    size_t room;
    char path[PATH_MAX];
};

typedef struct {
    uint32_t magic;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t zero;
    int64_t expires;
    uint64_t sum; /* of key, value and the fields above */
} frame_t;

static const uint64_t sum_key[2] = {0x6d6f645f70757368ULL, 0x636f6d6d6974ULL};

static uint64_t sum_of(const frame_t *frame, const char *bytes)
{
    uint64_t chain[2] = {sum_key[0], sum_key[1]};

    chain[0] = push_hash(chain, frame, offsetof(frame_t, sum));
    return push_hash(chain, bytes, (size_t)frame->key_len + frame->value_len);
}

static size_t padded(size_t len)
{
    return (len + UNIT - 1) / UNIT * UNIT;
}

static bool write_at(int fd, const char *bytes, size_t len, uint64_t at)
{
    while (len) {
        ssize_t done = pwrite(fd, bytes, len, (off_t)at);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        bytes += done;
        len -= (size_t)done;
        at += (uint64_t)done;
    }
    return true;
}

/* ---- writing ---- */

/* Zeros that are written, not a hole: appends then change no metadata. */
static bool fill(int fd)
{
    static const char zeros[65536];

    for (uint64_t at = 0; at < PUSH_WAL_SIZE; at += sizeof(zeros)) {
        if (!write_at(fd, zeros, sizeof(zeros), at)) {
            return false;
        }
    }
    return !fsync(fd);
}

push_wal_t *push_wal_create(const char *dir)
{
    push_wal_t *wal = calloc(1, sizeof(*wal));

    if (!wal) {
        return NULL;
    }
    snprintf(wal->path, sizeof(wal->path), "%s/" PUSH_WAL_PREFIX "%d", dir,
             (int)getpid());
    wal->fd = open(wal->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (wal->fd < 0) {
        free(wal);
        return NULL;
    }
    if (!fill(wal->fd)) {
        push_wal_destroy(wal, false);
        return NULL;
    }
    return wal;
}

void push_wal_destroy(push_wal_t *wal, bool needed)
{
    if (wal) {
        if (!needed) {
            unlink(wal->path);
        }
        close(wal->fd);
        free(wal->buffer);
        free(wal);
    }
}

static size_t frame_size(const push_record_t *record)
{
    return padded(sizeof(frame_t) + record->key_len + record->len);
}

static bool make_room(push_wal_t *wal, size_t need)
{
    char *buffer;

    if (need <= wal->room) {
        return true;
    }
    buffer = realloc(wal->buffer, need * 2);
    if (!buffer) {
        return false;
    }
    wal->buffer = buffer;
    wal->room = need * 2;
    return true;
}

static char *put_frame(char *at, const push_record_t *record)
{
    frame_t frame = {.magic = FRAME_MAGIC,
                     .key_len = record->key_len,
                     .value_len = record->len,
                     .expires = record->expires};
    char *bytes = at + sizeof(frame);

    memset(at, 0, frame_size(record));
    memcpy(bytes, record->key, record->key_len);
    memcpy(bytes + record->key_len, record->value, record->len);
    frame.sum = sum_of(&frame, bytes);
    memcpy(at, &frame, sizeof(frame));
    return at + frame_size(record);
}

bool push_wal_append(push_wal_t *wal, const push_records_t *records)
{
    const push_record_t *record;
    size_t need = 0;
    char *at;

    for (record = records->first; record; record = record->next) {
        need += record->how == PUSH_RECORD_LOOK ? 0 : frame_size(record);
    }
    if (wal->at + need > PUSH_WAL_SIZE || !make_room(wal, need)) {
        return false;
    }
    at = wal->buffer;
    for (record = records->first; record; record = record->next) {
        if (record->how != PUSH_RECORD_LOOK) {
            at = put_frame(at, record);
        }
    }
    if (!write_at(wal->fd, wal->buffer, need, wal->at) || fdatasync(wal->fd)) {
        return false;
    }
    wal->at += need;
    return true;
}

void push_wal_rewind(push_wal_t *wal)
{
    wal->at = 0;
}

/* ---- the files of a directory ---- */

/* The next name of a log in the directory; NULL behind the last. */
static const char *next_name(DIR *dir)
{
    const struct dirent *entry = readdir(dir);

    while (entry
           && strncmp(entry->d_name, PUSH_WAL_PREFIX,
                      sizeof(PUSH_WAL_PREFIX) - 1)) {
        entry = readdir(dir);
    }
    return entry ? entry->d_name : NULL;
}

unsigned push_wal_list(const char *path, uint32_t *pids, unsigned room)
{
    DIR *dir = opendir(path);
    const char *name = dir ? next_name(dir) : NULL;
    unsigned count = 0;

    while (name && count < room) {
        pids[count++] = (uint32_t)strtoul(name + sizeof(PUSH_WAL_PREFIX) - 1,
                                          NULL, 10);
        name = next_name(dir);
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

void push_wal_remove(const char *dir, uint32_t pid)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/" PUSH_WAL_PREFIX "%u", dir, pid);
    unlink(path);
}

/* Bytes of the frame at bytes, or 0: there is none. */
static size_t look_at(const char *bytes, size_t left, push_wal_item_t *item)
{
    const char *key = bytes + sizeof(frame_t);
    frame_t frame;

    if (left < sizeof(frame)) {
        return 0;
    }
    memcpy(&frame, bytes, sizeof(frame));
    left -= sizeof(frame);
    if (frame.magic != FRAME_MAGIC || frame.key_len > PUSH_RECORD_KEY_MAX
        || frame.key_len > left || frame.value_len > left - frame.key_len
        || frame.sum != sum_of(&frame, key)) {
        return 0;
    }
    item->key = (push_text_t){key, frame.key_len};
    item->value = (push_text_t){key + frame.key_len, frame.value_len};
    item->expires = frame.expires;
    return padded(sizeof(frame) + frame.key_len + frame.value_len);
}

static bool visit_all(const char *bytes, size_t len, push_wal_visit_t *visit,
                      void *data)
{
    size_t at = 0;

    while (at < len) {
        push_wal_item_t item;
        size_t size = look_at(bytes + at, len - at, &item);

        if (size && !visit(data, &item)) {
            return false;
        }
        at += size ? size : UNIT;
    }
    return true;
}

static bool read_file(int fd, push_wal_visit_t *visit, void *data)
{
    char *bytes = malloc(PUSH_WAL_SIZE);
    size_t len = 0;
    ssize_t got = 1;
    bool well;

    while (bytes && got > 0 && len < PUSH_WAL_SIZE) {
        got = read(fd, bytes + len, PUSH_WAL_SIZE - len);
        len += got > 0 ? (size_t)got : 0;
    }
    well = bytes && visit_all(bytes, len, visit, data);
    free(bytes);
    return well;
}

bool push_wal_read(const char *path, push_wal_visit_t *visit, void *data)
{
    DIR *dir = opendir(path);
    const char *name = dir ? next_name(dir) : NULL;
    bool well = true;

    while (name && well) {
        int fd = openat(dirfd(dir), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd >= 0) {
            well = read_file(fd, visit, data);
            close(fd);
        }
        name = next_name(dir);
    }
    if (dir) {
        closedir(dir);
    }
    return well;
}
