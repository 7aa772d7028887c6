#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "broker/local.h"
#include "store/disk/journal.h"
#include "store/recovery/recover.h"
#include "store_shared.h"

/* A store with its state on disk, in a directory of its own. */

#define DISK_ROOM ((size_t)4 << 20)
#define DISK_SIZE ((uint64_t)64 << 20)

typedef struct disk_t {
    fixture_t g;
    push_broker_t broker; /* of g.store */
    char dir[64];
    char file[96];
    uint64_t size; /* of the state at the next start; 0: DISK_SIZE */
    bool guarded; /* from the next start on there is a guard, a new one each */
    push_recovery_t recovery;
    _Atomic int failed; /* reports of failure */
    _Atomic int well;   /* and of the end of it */
} disk_t;

/* Makes the directory and an empty store; nothing is on disk yet. */
void disk_init(disk_t *disk);
void disk_cleanup(disk_t *disk);

/* A new segment that recovers what is in the directory. */
push_recover_status_t disk_recover(disk_t *disk, size_t room);

/* A journal in this process. */
void disk_start(disk_t *disk, push_durability_t durability, uint64_t size);

/* Stops the journal, if one runs, and begins again with what is on disk. */
void disk_again(disk_t *disk, push_durability_t durability);

/* Publishes with all that a publisher waits for. */
push_status_t disk_accept(disk_t *disk, push_log_kind_t kind, const char *name,
                          const char *text);

/* Who follows a channel. */
typedef struct disk_counts_t {
    const char *name;
    uint32_t subscribers, connected;
} disk_counts_t;

disk_counts_t disk_counts(disk_t *disk, const char *channel);

/* The whole file; its length in *length.  From malloc(). */
char *disk_bytes(const char *path, size_t *length);
void disk_write(const char *path, const char *bytes, size_t length);

/* Waits for a condition for ten seconds at most. */
#define DISK_AWAIT(condition)                                                 \
    do {                                                                      \
        int64_t end_ = push_clock_now().mono + 10000;                         \
        while (!(condition)) {                                                \
            ck_assert_msg(push_clock_now().mono < end_,                       \
                          "never came true: %s", #condition);                 \
            disk_pause();                                                     \
        }                                                                     \
    } while (0)

void disk_pause(void);

#endif
