#include "store/disk/wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/random.h>

#include "store/disk/wal_internal.h"

struct push_wal_t {
    int fd;
    uint64_t key[2];
    uint64_t id;
    uint64_t at;
    uint32_t lap;
    uint32_t number; /* of the last batch in it */
    bool used;       /* since it began anew, even if in vain */
    char *buffer;    /* of the append at hand */
    size_t room;
    char path[PATH_MAX];
};

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
    return true;
}

static push_wal_mark_t make_mark(const push_wal_t *wal, uint32_t magic,
                                 size_t len)
{
    push_wal_mark_t mark = {.magic = magic,
                            .len = (uint32_t)len,
                            .lap = magic == PUSH_WAL_LOG ? 0 : wal->lap,
                            .number = wal->number,
                            .id = wal->id};

    mark.sum = push_wal_mark_sum(&mark, wal->key);
    return mark;
}

/* The directory too: the name of the file must outlive a power cut. */
static bool begin_file(const push_wal_t *wal, const char *dir)
{
    const push_wal_mark_t mark = make_mark(wal, PUSH_WAL_LOG, 0);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool well = fd >= 0 && fill(wal->fd)
                && write_at(wal->fd, (const char *)&mark, sizeof(mark), 0)
                && !fsync(wal->fd) && !fsync(fd);

    if (fd >= 0) {
        close(fd);
    }
    return well;
}

push_wal_t *push_wal_create(const char *dir, const uint64_t key[2])
{
    push_wal_t *wal = calloc(1, sizeof(*wal));

    if (!wal) {
        return NULL;
    }
    memcpy(wal->key, key, sizeof(wal->key));
    wal->at = PUSH_WAL_BEGIN;
    wal->lap = 1;
    snprintf(wal->path, sizeof(wal->path), "%s/" PUSH_WAL_PREFIX "%d", dir,
             (int)getpid());
    wal->fd = open(wal->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (wal->fd < 0) {
        free(wal);
        return NULL;
    }
    if (getrandom(&wal->id, sizeof(wal->id), 0) != sizeof(wal->id) || !wal->id
        || !begin_file(wal, dir)) {
        push_wal_destroy(wal, false);
        return NULL;
    }
    return wal;
}

uint64_t push_wal_id(const push_wal_t *wal)
{
    return wal->id;
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
    return push_wal_padded(sizeof(push_wal_frame_t) + record->key_len
                           + record->len);
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

static char *put_frame(const push_wal_t *wal, char *at,
                       const push_record_t *record)
{
    push_wal_frame_t frame = {.magic = PUSH_WAL_RECORD,
                              .key_len = record->key_len,
                              .value_len = record->len,
                              .lap = wal->lap,
                              .expires = record->expires};
    char *bytes = at + sizeof(frame);

    memset(at, 0, frame_size(record));
    memcpy(bytes, record->key, record->key_len);
    memcpy(bytes + record->key_len, record->value, record->len);
    frame.sum = push_wal_frame_sum(&frame, bytes, wal->key, wal->id);
    memcpy(at, &frame, sizeof(frame));
    return at + frame_size(record);
}

static void put_batch(const push_wal_t *wal, const push_records_t *records,
                      size_t len)
{
    const push_wal_mark_t head = make_mark(wal, PUSH_WAL_HEAD, len);
    const push_wal_mark_t tail = make_mark(wal, PUSH_WAL_TAIL, len);
    const push_record_t *record = records->first;
    char *at = wal->buffer + sizeof(head);

    memcpy(wal->buffer, &head, sizeof(head));
    for (; record; record = record->next) {
        if (record->how != PUSH_RECORD_REFRESH) {
            at = put_frame(wal, at, record);
        }
    }
    memcpy(at, &tail, sizeof(tail));
}

bool push_wal_append(push_wal_t *wal, const push_records_t *records)
{
    size_t len = 0, need;

    for (const push_record_t *r = records->first; r; r = r->next) {
        len += r->how == PUSH_RECORD_REFRESH ? 0 : frame_size(r);
    }
    need = len + 2 * sizeof(push_wal_mark_t);
    if (wal->at + need > PUSH_WAL_SIZE || !make_room(wal, need)) {
        return false;
    }
    wal->number++;
    wal->used = true;
    put_batch(wal, records, len);
    if (!write_at(wal->fd, wal->buffer, need, wal->at) || fdatasync(wal->fd)) {
        return false;
    }
    wal->at += need;
    return true;
}

/* A lap is never written to twice, or the rests of it would look damaged. */
void push_wal_rewind(push_wal_t *wal)
{
    if (wal->used) {
        wal->at = PUSH_WAL_BEGIN;
        wal->lap++;
        wal->number = 0;
        wal->used = false;
    }
}

/* ---- the files of a directory ---- */

/* The copy of a damaged log has more than a number behind the dot. */
static bool names_log(const char *name)
{
    const char *pid = name + sizeof(PUSH_WAL_PREFIX) - 1;

    return !strncmp(name, PUSH_WAL_PREFIX, sizeof(PUSH_WAL_PREFIX) - 1) && *pid
           && pid[strspn(pid, "0123456789")] == '\0';
}

/* The next name of a log in the directory; NULL behind the last. */
static const char *next_name(DIR *dir)
{
    const struct dirent *entry = readdir(dir);

    while (entry && !names_log(entry->d_name)) {
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
