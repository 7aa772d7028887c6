#include "http/identity/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_EVERY_MS 1000

/* Keys in use: freed when the file has newer ones and nobody reads them. */
typedef struct holder_t {
    struct holder_t *next;
    push_keyset_t *keys;
    unsigned readers;
} holder_t;

struct push_keyfile_t {
    char *path; /* never changes */

    /* ---- with the lock ---- */
    pthread_mutex_t lock;
    holder_t *holders; /* the newest first */
    int64_t checked;   /* mono ms; the last check of the file */
    struct stat seen;  /* the file at that check; zero: it was not there */
};

static const char no_memory[] = "no memory for its keys";

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino
           && a->st_size == b->st_size && a->st_mode == b->st_mode
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool read_all(int fd, char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t got = read(fd, bytes + at, len - at);

        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static push_keyset_t *read_keys(int fd, const struct stat *status,
                                const char **error)
{
    size_t len = (size_t)status->st_size;
    push_keyset_t *keys = NULL;
    char *bytes;

    *error = "it is no regular file of 1 byte to 256 KiB";
    if (!S_ISREG(status->st_mode) || status->st_size < 1
        || status->st_size > PUSH_KEYS_BYTES_MAX) {
        return NULL;
    }
    bytes = malloc(len);
    *error = bytes ? "it cannot be read" : no_memory;
    if (bytes && read_all(fd, bytes, len)) {
        keys = push_keyset_parse(bytes, len, error);
    }
    if (bytes) {
        explicit_bzero(bytes, len);
    }
    free(bytes);
    if (keys && keys->secret && status->st_mode & S_IROTH) {
        *error = "it holds a secret, and everybody may read it: chmod o-r";
        push_keyset_free(keys);
        keys = NULL;
    }
    return keys;
}

static push_keyset_t *load(const char *path, struct stat *status,
                           const char **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    push_keyset_t *keys = NULL;

    *error = "it cannot be opened";
    if (fd >= 0 && !fstat(fd, status)) {
        keys = read_keys(fd, status, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    return keys;
}

/* Takes the keys; false, with the keys freed, when there is no memory. */
static bool use_keys(push_keyfile_t *file, push_keyset_t *keys)
{
    holder_t *holder = calloc(1, sizeof(*holder));

    if (!holder) {
        push_keyset_free(keys);
        return false;
    }
    holder->keys = keys;
    holder->next = file->holders;
    file->holders = holder;
    return true;
}

/* Frees what nobody reads any more; the newest keys stay. */
static void drop_old(push_keyfile_t *file)
{
    holder_t **link = &file->holders->next;

    while (*link) {
        holder_t *holder = *link;

        if (holder->readers) {
            link = &holder->next;
        }
        else {
            *link = holder->next;
            push_keyset_free(holder->keys);
            free(holder);
        }
    }
}

push_keyfile_t *push_keyfile_open(const char *path, const char **error)
{
    push_keyfile_t *file = calloc(1, sizeof(*file));
    push_keyset_t *keys;

    *error = no_memory;
    if (!file) {
        return NULL;
    }
    pthread_mutex_init(&file->lock, NULL);
    file->path = strdup(path);
    keys = file->path ? load(path, &file->seen, error) : NULL;
    if (!keys || !use_keys(file, keys)) {
        push_keyfile_close(file);
        return NULL;
    }
    return file;
}

void push_keyfile_close(push_keyfile_t *file)
{
    while (file->holders) {
        holder_t *holder = file->holders;

        file->holders = holder->next;
        push_keyset_free(holder->keys);
        free(holder);
    }
    pthread_mutex_destroy(&file->lock);
    free(file->path);
    free(file);
}

const char *push_keyfile_path(const push_keyfile_t *file)
{
    return file->path;
}

static push_keyfile_change_t refresh(push_keyfile_t *file, int64_t now,
                                     const char **error)
{
    struct stat status = {0};
    push_keyset_t *keys;

    if (now - file->checked < CHECK_EVERY_MS) {
        return PUSH_KEYFILE_SAME;
    }
    file->checked = now;
    if (stat(file->path, &status)) {
        memset(&status, 0, sizeof(status));
    }
    if (same_file(&status, &file->seen)) {
        return PUSH_KEYFILE_SAME;
    }
    file->seen = status;
    keys = load(file->path, &status, error);
    if (!keys) {
        return PUSH_KEYFILE_BROKEN;
    }
    file->seen = status;
    return use_keys(file, keys) ? PUSH_KEYFILE_RENEWED : PUSH_KEYFILE_SAME;
}

const push_keyset_t *push_keyfile_acquire(push_keyfile_t *file, int64_t now,
                                          push_keyfile_change_t *change,
                                          const char **error)
{
    const push_keyset_t *keys;

    pthread_mutex_lock(&file->lock);
    *change = refresh(file, now, error);
    drop_old(file);
    file->holders->readers++;
    keys = file->holders->keys;
    pthread_mutex_unlock(&file->lock);
    return keys;
}

void push_keyfile_release(push_keyfile_t *file, const push_keyset_t *keys)
{
    holder_t *holder;

    pthread_mutex_lock(&file->lock);
    holder = file->holders;
    while (holder->keys != keys) {
        holder = holder->next;
    }
    holder->readers--;
    pthread_mutex_unlock(&file->lock);
}
