#include "store_disk.h"

#include <check.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core_world.h"
#include "store/disk/journal_thread.h"

void disk_pause(void)
{
    const struct timespec some = {0, 2000000};

    nanosleep(&some, NULL);
}

void disk_init(disk_t *disk)
{
    memset(disk, 0, sizeof(*disk));
    strcpy(disk->dir, "/tmp/push-disk-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(disk->dir));
    snprintf(disk->file, sizeof(disk->file), "%s/" PUSH_STATE_FILE, disk->dir);
    fixture_init(&disk->g, DISK_ROOM);
    push_local_init(&disk->broker, &disk->g.store);
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void disk_cleanup(disk_t *disk)
{
    push_journal_stop(&disk->g.store);
    fixture_cleanup(&disk->g);
    nftw(disk->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

push_recover_status_t disk_recover(disk_t *disk, size_t room)
{
    const push_state_t state = {disk->dir,
                                disk->size ? disk->size : DISK_SIZE,
                                {geteuid(), getegid()},
                                -1};

    push_journal_stop(&disk->g.store);
    fixture_cleanup(&disk->g);
    fixture_init(&disk->g, room);
    if (disk->guarded) {
        disk->g.store.guard = shared_memory(sizeof(push_guard_t));
        ck_assert(push_guard_create(disk->g.store.guard));
    }
    push_local_init(&disk->broker, &disk->g.store);
    return push_recover(&disk->g.store, &state, &disk->recovery);
}

static void report(void *data, bool well, const char *why)
{
    disk_t *disk = data;

    (void)why;
    atomic_fetch_add(well ? &disk->well : &disk->failed, 1);
}

void disk_start(disk_t *disk, push_durability_t durability, uint64_t size)
{
    const push_journal_options_t options = {.path = disk->file,
                                            .size = size,
                                            .durability = durability,
                                            .report = report,
                                            .data = disk};

    ck_assert(push_journal_start(&disk->g.store, &options));
}

void disk_again(disk_t *disk, push_durability_t durability)
{
    ck_assert_msg(disk_recover(disk, DISK_ROOM) == PUSH_RECOVERED, "%s",
                  disk->recovery.why.text);
    disk_start(disk, durability, DISK_SIZE);
}

push_status_t disk_accept(disk_t *disk, push_log_kind_t kind, const char *name,
                          const char *text)
{
    push_broker_t *broker = &disk->broker;
    push_publication_t publication = {.audience = {kind, named(name), 0},
                                      .spec = spec(text),
                                      .now = disk->g.now};
    push_commit_t commit = {0};
    push_answer_t answer;
    push_status_t status = broker->publish(broker, &publication, &commit,
                                           &answer);

    if (status != PUSH_OK) {
        return status;
    }
    disk->g.receipt = answer.receipt;
    return broker->settle(broker, &commit, &answer);
}

char *disk_bytes(const char *path, size_t *length)
{
    FILE *f = fopen(path, "r");
    char *bytes;
    long end;

    ck_assert_ptr_nonnull(f);
    fseek(f, 0, SEEK_END);
    end = ftell(f);
    rewind(f);
    bytes = malloc((size_t)end + 1);
    *length = fread(bytes, 1, (size_t)end, f);
    fclose(f);
    return bytes;
}

void disk_write(const char *path, const char *bytes, size_t length)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, length, f), length);
    ck_assert_int_eq(fclose(f), 0);
}

static void take_counts(void *data, const push_channel_view_t *view)
{
    disk_counts_t *counts = data;

    if (view->name.len == strlen(counts->name)
        && !memcmp(view->name.at, counts->name, view->name.len)) {
        counts->subscribers = view->subscribers;
        counts->connected = view->connected;
    }
}

disk_counts_t disk_counts(disk_t *disk, const char *channel)
{
    bool more;
    disk_counts_t counts = {.name = channel};
    const push_visitor_t visitor = {.channel = take_counts, .data = &counts};
    const push_view_t what = {.kind = PUSH_VIEW_CHANNELS,
                              .now = disk->g.now,
                              .list = {.limit = 100, .more = &more}};

    ck_assert_int_eq(disk->broker.view(&disk->broker, &what, &visitor),
                     PUSH_OK);
    return counts;
}
