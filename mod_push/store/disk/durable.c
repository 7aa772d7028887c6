#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "store/disk/durable.h"

/*
 * Records in LMDB: one file, one table.
 *
 *   key                  value
 *   a record's key       checksum 8 | expires 8 | the record's value
 *   'X' expires 8 key    nothing: by these, what has expired is found
 *
 * LMDB writes pages anew, syncs them, and then syncs the page that makes them
 * valid; so a power cut leaves either the old state or the new one.  It has
 * no checksums, hence ours.
 */

#define INDEX     'X'
#define INDEX_MAX (1 + 8 + PUSH_RECORD_KEY_MAX)

/* Room that only deleting may use: deleting needs pages too. */
#define RESERVE ((uint64_t)1 << 20)

/* Pages of one write beyond those of its records. */
#define PAGES_BESIDE 64u

/* The bytes that LMDB maps for its usual number of readers, 126. */
#define READERS_BYTES 8192u

/* Expired records that are forgotten with a write, beside two a record. */
#define FORGET_MIN 256u

/* Against accidents, not against attackers: so the key is no secret. */
static const uint64_t sum_key[2] = {0x6d6f645f70757368ULL,
                                    0x7374617465000001ULL};

struct push_durable_t {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t size;
};

typedef struct {
    uint64_t sum;
    int64_t expires;
} head_t;

static push_durable_status_t fail(push_durable_error_t *error,
                                  const char *what, int status)
{
    snprintf(error->text, sizeof(error->text), "%s: %s", what,
             mdb_strerror(status));
    switch (status) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PUSH_DURABLE_FULL;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return PUSH_DURABLE_FOREIGN;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return PUSH_DURABLE_DAMAGED;
    default:
        return PUSH_DURABLE_FAILED;
    }
}

/* ---- open ---- */

static int open_table(push_durable_t *durable, bool create)
{
    MDB_txn *txn;
    int status = mdb_txn_begin(durable->env, NULL, create ? 0 : MDB_RDONLY,
                               &txn);

    if (status) {
        return status;
    }
    status = mdb_dbi_open(txn, NULL, 0, &durable->dbi);
    if (status) {
        mdb_txn_abort(txn);
        return status;
    }
    return mdb_txn_commit(txn);
}

/*
 * The file is no database: the end of the reading process says so to the one
 * that started it.
 */
__attribute__((noreturn)) static void end_reader(MDB_env *env,
                                                 const char *what)
{
    (void)env;
    (void)what;
    _exit(2);
}

/*
 * LMDB maps the file of its readers and writes to it there; it makes it with
 * holes, and on a full disk such a write ends the process.  So its blocks are
 * taken before.  To close it here drops LMDB's locks on it: this process must
 * not have the environment open.
 */
static int make_readers_whole(const char *path)
{
    char name[PATH_MAX];
    struct stat st;
    int fd, status = 0;

    snprintf(name, sizeof(name), "%s-lock", path);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    if (fstat(fd, &st)) {
        status = errno;
    }
    else if ((uint64_t)st.st_blocks * 512 < READERS_BYTES) {
        status = posix_fallocate(fd, 0, READERS_BYTES);
    }
    close(fd);
    return status;
}

static int open_env(push_durable_t *durable, const char *path,
                    push_durable_mode_t mode)
{
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD;
    int status = mdb_env_create(&durable->env);

    if (status) {
        return status;
    }
    /* LMDB would make a file that is not there, and it would be empty. */
    if (mode == PUSH_DURABLE_WRITE && access(path, R_OK | W_OK)) {
        return errno;
    }
    if (mode != PUSH_DURABLE_WRITE) {
        flags |= MDB_NOLOCK;
    }
    if (mode != PUSH_DURABLE_READ) {
        status = make_readers_whole(path);
        if (status) {
            return status;
        }
    }
    if (mode == PUSH_DURABLE_READ) {
        flags |= MDB_RDONLY;
        mdb_env_set_assert(durable->env, end_reader);
    }
    else {
        mdb_env_set_mapsize(durable->env, durable->size + RESERVE);
    }
    status = mdb_env_open(durable->env, path, flags, 0600);
    return status ? status : open_table(durable, mode == PUSH_DURABLE_CREATE);
}

push_durable_status_t push_durable_open(push_durable_t **opened,
                                        const char *path, uint64_t size,
                                        push_durable_mode_t mode,
                                        push_durable_error_t *error)
{
    push_durable_t *durable = calloc(1, sizeof(*durable));
    int status;

    if (!durable) {
        return fail(error, path, ENOMEM);
    }
    durable->size = size;
    status = open_env(durable, path, mode);
    if (status) {
        push_durable_close(durable);
        return fail(error, path, status);
    }
    *opened = durable;
    return PUSH_DURABLE_OK;
}

void push_durable_close(push_durable_t *durable)
{
    if (durable) {
        if (durable->env) {
            mdb_env_close(durable->env);
        }
        free(durable);
    }
}

/* ---- records ---- */

static uint64_t sum_of(const MDB_val *key, int64_t expires, const void *value,
                       size_t len)
{
    uint64_t chain[2] = {sum_key[0], sum_key[1]};

    chain[0] = push_hash(chain, key->mv_data, key->mv_size);
    chain[1] += (uint64_t)expires;
    return push_hash(chain, value, len);
}

static MDB_val index_key(unsigned char *room, int64_t expires,
                         const MDB_val *key)
{
    room[0] = INDEX;
    for (int i = 0; i < 8; i++) {
        room[1 + i] = (unsigned char)((uint64_t)expires >> (56 - 8 * i));
    }
    memcpy(room + 9, key->mv_data, key->mv_size);
    return (MDB_val){9 + key->mv_size, room};
}

static int64_t index_expires(const MDB_val *entry)
{
    const unsigned char *at = entry->mv_data;
    uint64_t expires = 0;

    for (int i = 0; i < 8; i++) {
        expires = expires << 8 | at[1 + i];
    }
    return (int64_t)expires;
}

static int unindex(const push_durable_t *durable, MDB_txn *txn,
                   const MDB_val *key, const MDB_val *value)
{
    unsigned char room[INDEX_MAX];
    MDB_val entry;
    head_t head;
    int status;

    if (value->mv_size < sizeof(head)) {
        return MDB_CORRUPTED;
    }
    memcpy(&head, value->mv_data, sizeof(head));
    entry = index_key(room, head.expires, key);
    status = mdb_del(txn, durable->dbi, &entry, NULL);
    return status == MDB_NOTFOUND ? 0 : status;
}

static int put(const push_durable_t *durable, MDB_txn *txn,
               const push_record_t *record)
{
    MDB_val key = {record->key_len, (void *)(uintptr_t)record->key};
    MDB_val value = {sizeof(head_t) + record->len, NULL};
    unsigned char room[INDEX_MAX];
    MDB_val entry, old, nothing = {0, NULL};
    head_t head = {.expires = record->expires};
    int status = mdb_get(txn, durable->dbi, &key, &old);

    if (!status && record->how == PUSH_RECORD_ADD) {
        return 0;
    }
    if (!status) {
        status = unindex(durable, txn, &key, &old);
    }
    if (status && status != MDB_NOTFOUND) {
        return status;
    }
    status = mdb_put(txn, durable->dbi, &key, &value, MDB_RESERVE);
    if (status) {
        return status;
    }
    head.sum = sum_of(&key, record->expires, record->value, record->len);
    memcpy(value.mv_data, &head, sizeof(head));
    memcpy((char *)value.mv_data + sizeof(head), record->value, record->len);
    if (!record->expires) {
        return 0;
    }
    entry = index_key(room, record->expires, &key);
    return mdb_put(txn, durable->dbi, &entry, &nothing, 0);
}

static int remove_record(const push_durable_t *durable, MDB_txn *txn,
                         const push_record_t *record)
{
    MDB_val key = {record->key_len, (void *)(uintptr_t)record->key};
    MDB_val old;
    int status = mdb_get(txn, durable->dbi, &key, &old);

    if (!status) {
        status = unindex(durable, txn, &key, &old);
    }
    if (!status) {
        status = mdb_del(txn, durable->dbi, &key, NULL);
    }
    return status == MDB_NOTFOUND ? 0 : status;
}

/* The first entry of the index, if it has expired. */
static int first_expired(const push_durable_t *durable, MDB_cursor *cursor,
                         int64_t now, MDB_val *entry)
{
    unsigned char first[9] = {INDEX};
    MDB_val value;
    int status;

    (void)durable;
    *entry = (MDB_val){sizeof(first), first};
    status = mdb_cursor_get(cursor, entry, &value, MDB_SET_RANGE);
    if (status) {
        return status;
    }
    if (entry->mv_size <= 9 || *(unsigned char *)entry->mv_data != INDEX
        || index_expires(entry) > now) {
        return MDB_NOTFOUND;
    }
    return 0;
}

static int forget_one(const push_durable_t *durable, MDB_txn *txn,
                      MDB_cursor *cursor, const MDB_val *entry)
{
    unsigned char copy[PUSH_RECORD_KEY_MAX];
    MDB_val key = {entry->mv_size - 9, copy};
    int status;

    if (key.mv_size > sizeof(copy)) {
        return MDB_CORRUPTED;
    }
    memcpy(copy, (char *)entry->mv_data + 9, key.mv_size);
    status = mdb_cursor_del(cursor, 0);
    if (status) {
        return status;
    }
    status = mdb_del(txn, durable->dbi, &key, NULL);
    return status == MDB_NOTFOUND ? 0 : status;
}

static int forget(const push_durable_t *durable, MDB_txn *txn, int64_t now,
                  uint32_t max)
{
    MDB_cursor *cursor;
    MDB_val entry;
    int status = mdb_cursor_open(txn, durable->dbi, &cursor);

    if (status) {
        return status;
    }
    for (uint32_t i = 0; i < max && !status; i++) {
        status = first_expired(durable, cursor, now, &entry);
        if (!status) {
            status = forget_one(durable, txn, cursor, &entry);
        }
    }
    mdb_cursor_close(cursor);
    return status == MDB_NOTFOUND ? 0 : status;
}

/* ---- room ---- */

/* Pages that were given up, in LMDB's table of them. */
static uint64_t free_pages(MDB_txn *txn)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t pages = 0;

    if (mdb_cursor_open(txn, 0, &cursor)) {
        return 0;
    }
    while (!mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        size_t count;

        memcpy(&count, value.mv_data, sizeof(count));
        pages += count;
    }
    mdb_cursor_close(cursor);
    return pages;
}

/* True unless the records may need more than the limit leaves. */
static bool has_room(const push_durable_t *durable, MDB_txn *txn,
                     const push_records_t *records)
{
    uint64_t need = records->bytes * 2;
    MDB_envinfo info;
    uint64_t end;
    MDB_stat stat;

    mdb_env_info(durable->env, &info);
    mdb_env_stat(durable->env, &stat);
    end = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
    need += (uint64_t)PAGES_BESIDE * stat.ms_psize;
    if (end + need <= durable->size) {
        return true;
    }
    if (end < durable->size) {
        need -= need < durable->size - end ? need : durable->size - end;
    }
    return free_pages(txn) * stat.ms_psize >= need;
}

/* ---- writing ---- */

static int write_one(const push_durable_t *durable, MDB_txn *txn,
                     const push_record_t *record,
                     const push_durable_job_t *job)
{
    push_record_t *found = NULL;
    int status;

    if (record->expires && record->expires <= job->now) {
        return 0;
    }
    if (record->how != PUSH_RECORD_REFRESH) {
        return put(durable, txn, record);
    }
    if (!job->refresh(job->data, record, &found)) {
        return 0;
    }
    status = found ? put(durable, txn, found)
                   : remove_record(durable, txn, record);
    free(found);
    return status;
}

static int write_all(const push_durable_t *durable, MDB_txn *txn,
                     const push_durable_job_t *job)
{
    const push_record_t *record = job->records->first;
    uint32_t count = 0;
    int status = 0;

    while (record && !status) {
        status = write_one(durable, txn, record, job);
        record = record->next;
        count++;
    }
    return status ? status
                  : forget(durable, txn, job->now, FORGET_MIN + 2 * count);
}

/* One transaction; what it must not fill stays free for deleting. */
static int write_once(const push_durable_t *durable,
                      const push_durable_job_t *job)
{
    MDB_txn *txn;
    int status = mdb_txn_begin(durable->env, NULL, 0, &txn);

    if (status) {
        return status;
    }
    status = has_room(durable, txn, job->records)
                 ? write_all(durable, txn, job)
                 : MDB_MAP_FULL;
    if (status) {
        mdb_txn_abort(txn);
        return status;
    }
    return mdb_txn_commit(txn);
}

/* Nothing is written, but what has expired goes. */
static int make_room(const push_durable_t *durable, int64_t now)
{
    MDB_txn *txn;
    int status = mdb_txn_begin(durable->env, NULL, 0, &txn);

    if (status) {
        return status;
    }
    status = forget(durable, txn, now, UINT32_MAX);
    if (status) {
        mdb_txn_abort(txn);
        return status;
    }
    return mdb_txn_commit(txn);
}

push_durable_status_t push_durable_write(push_durable_t *durable,
                                         const push_durable_job_t *job,
                                         push_durable_error_t *error)
{
    int status = write_once(durable, job);

    if (status == MDB_MAP_FULL && !make_room(durable, job->now)) {
        status = write_once(durable, job);
    }
    return status ? fail(error, "cannot write", status) : PUSH_DURABLE_OK;
}

bool push_durable_tidy(push_durable_t *durable, int64_t now)
{
    MDB_cursor *cursor;
    MDB_val entry;
    MDB_txn *txn;
    int dead = 0;
    bool expired = false;

    mdb_reader_check(durable->env, &dead);
    if (mdb_txn_begin(durable->env, NULL, MDB_RDONLY, &txn)) {
        return false;
    }
    if (!mdb_cursor_open(txn, durable->dbi, &cursor)) {
        expired = !first_expired(durable, cursor, now, &entry);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return expired;
}

/* ---- reading ---- */

static push_text_t text_of(const MDB_val *value, size_t from)
{
    return (push_text_t){(const char *)value->mv_data + from,
                         (uint32_t)(value->mv_size - from)};
}

static push_durable_item_t item_of(const MDB_val *key, const MDB_val *value)
{
    push_durable_item_t item = {.key = text_of(key, 0)};
    head_t head;

    if (value->mv_size < sizeof(head)
        || value->mv_size - sizeof(head) > UINT32_MAX) {
        return item;
    }
    memcpy(&head, value->mv_data, sizeof(head));
    item.value = text_of(value, sizeof(head));
    item.expires = head.expires;
    item.intact = head.sum
                  == sum_of(key, head.expires, item.value.at, item.value.len);
    return item;
}

static bool rises(const unsigned char *last, size_t last_len,
                  const MDB_val *key)
{
    size_t both = last_len < key->mv_size ? last_len : key->mv_size;
    int order = memcmp(last, key->mv_data, both);

    return order < 0 || (!order && last_len < key->mv_size);
}

/* Keys rise, or else a damaged tree could be walked for ever. */
static int read_all(MDB_cursor *cursor, push_durable_visit_t *visit,
                    void *data)
{
    unsigned char last[INDEX_MAX];
    size_t last_len = 0;
    MDB_val key, value;
    int status;

    for (;;) {
        status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        if (status) {
            return status == MDB_NOTFOUND ? 0 : status;
        }
        if (!key.mv_size || key.mv_size > sizeof(last)
            || !rises(last, last_len, &key)) {
            return MDB_CORRUPTED;
        }
        last_len = key.mv_size;
        memcpy(last, key.mv_data, last_len);
        if (last[0] != INDEX) {
            push_durable_item_t item = item_of(&key, &value);

            if (!visit(data, &item)) {
                return 0;
            }
        }
    }
}

push_durable_status_t push_durable_read(push_durable_t *durable,
                                        push_durable_visit_t *visit,
                                        void *data,
                                        push_durable_error_t *error)
{
    MDB_cursor *cursor;
    MDB_txn *txn;
    int status = mdb_txn_begin(durable->env, NULL, MDB_RDONLY, &txn);

    if (status) {
        return fail(error, "cannot read", status);
    }
    status = mdb_cursor_open(txn, durable->dbi, &cursor);
    if (!status) {
        status = read_all(cursor, visit, data);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return status ? fail(error, "cannot read", status) : PUSH_DURABLE_OK;
}
