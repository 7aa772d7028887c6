#include "store/recovery/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long a start waits for the lock, and how often it looks. */
#define LOCK_MS    2000
#define LOCK_TRIES 200

__attribute__((format(printf, 2, 3))) static bool refuse(push_sentence_t *why,
                                                         const char *format,
                                                         ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why->text, sizeof(why->text), format, arguments);
    va_end(arguments);
    return false;
}

static bool make(const char *path, const push_owner_t *owner,
                 push_sentence_t *why)
{
    if (!mkdir(path, 0700)) {
        if (!geteuid() && chown(path, owner->uid, owner->gid)) {
            return refuse(why, "cannot be given to uid %u: %s",
                          (unsigned)owner->uid, strerror(errno));
        }
        return true;
    }
    return errno == EEXIST
           || refuse(why, "cannot be made: %s", strerror(errno));
}

static bool check_self(const char *path, const push_owner_t *owner,
                       push_sentence_t *why)
{
    struct stat st;

    if (stat(path, &st)) {
        return refuse(why, "cannot be looked at: %s", strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return refuse(why, "is not a directory");
    }
    if (st.st_uid != owner->uid) {
        return refuse(why,
                      "belongs to uid %u, but must belong to uid %u, as which "
                      "httpd serves (User): chown it",
                      (unsigned)st.st_uid, (unsigned)owner->uid);
    }
    if (st.st_mode & 077) {
        return refuse(why,
                      "can be used by others (mode %04o): it holds messages, "
                      "so chmod it to 0700",
                      (unsigned)st.st_mode & 07777);
    }
    return true;
}

/*
 * A user who can rename a directory on the way can put another one there. real
 * is a resolved path, which is taken apart: of the directory, or of a name
 * where it is going to be.
 */
static bool check_above(char real[PATH_MAX], push_sentence_t *why)
{
    struct stat st;

    while (strcmp(real, "/")) {
        memmove(real, dirname(real), strlen(dirname(real)) + 1);
        if (stat(real, &st)) {
            return refuse(why, "lies below %s, which cannot be looked at: %s",
                          real, strerror(errno));
        }
        if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX)) {
            return refuse(why,
                          "lies below %s, where everybody may rename it "
                          "(mode %04o)",
                          real, (unsigned)st.st_mode & 07777);
        }
    }
    return true;
}

static bool check_way(const char *path, push_sentence_t *why)
{
    char real[PATH_MAX];

    return realpath(path, real)
               ? check_above(real, why)
               : refuse(why, "cannot be resolved: %s", strerror(errno));
}

/* Whether make() could make it, and check_way() would let it be there. */
static bool check_absent(const char *path, push_sentence_t *why)
{
    char name[PATH_MAX], above[PATH_MAX + 2], real[PATH_MAX];

    snprintf(name, sizeof(name), "%s", path);
    snprintf(above, sizeof(above), "%s/.", dirname(name));
    if (!realpath(above, real)
        || faccessat(AT_FDCWD, real, W_OK | X_OK, AT_EACCESS)) {
        return refuse(why, "cannot be made: %s", strerror(errno));
    }
    if (strlen(real) + 2 >= sizeof(real)) {
        return refuse(why, "cannot be made: %s", strerror(ENAMETOOLONG));
    }
    strcat(real, "/.");
    return check_above(real, why);
}

/* The lock of a server that runs is not looked at, only whose file it is. */
static bool check_lock_file(const char *path, push_sentence_t *why)
{
    char name[PATH_MAX];
    struct stat st;

    snprintf(name, sizeof(name), "%s/" PUSH_STATE_LOCK, path);
    if (lstat(name, &st) || (S_ISREG(st.st_mode) && st.st_nlink == 1)) {
        return true;
    }
    return S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode)
               ? refuse(why, "cannot be written to: %s: %s", PUSH_STATE_LOCK,
                        strerror(S_ISDIR(st.st_mode) ? EISDIR : ELOOP))
               : refuse(why, "holds a file %s that is not ours: remove it",
                        PUSH_STATE_LOCK);
}

bool push_statedir_check(const char *path, const push_owner_t *owner,
                         push_sentence_t *why)
{
    struct stat st;

    if (lstat(path, &st) && errno == ENOENT) {
        return check_absent(path, why);
    }
    return check_self(path, owner, why) && check_way(path, why)
           && check_lock_file(path, why);
}

static int open_lock(const char *path, const push_owner_t *owner,
                     push_sentence_t *why)
{
    char name[PATH_MAX];
    struct stat st;
    int fd;

    snprintf(name, sizeof(name), "%s/" PUSH_STATE_LOCK, path);
    fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        refuse(why, "cannot be written to: %s: %s", PUSH_STATE_LOCK,
               strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1
        || (!geteuid() && fchown(fd, owner->uid, owner->gid))) {
        refuse(why, "holds a file %s that is not ours: remove it",
               PUSH_STATE_LOCK);
        close(fd);
        return -1;
    }
    return fd;
}

/*
 * The writer of a start that was killed holds the lock to its own end, which
 * comes when the disk lets go of it.
 */
static bool await_lock(int fd)
{
    const struct timespec some = {0, LOCK_MS * 1000000L / LOCK_TRIES};
    unsigned tries = 1;

    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (tries++ == LOCK_TRIES) {
            return false;
        }
        nanosleep(&some, NULL);
    }
    return true;
}

/* The lock belongs to the open file: children that are forked keep it. */
static bool take_lock(int fd, push_sentence_t *why)
{
    char holder[16] = "";

    if (!await_lock(fd)) {
        if (pread(fd, holder, sizeof(holder) - 1, 0) < 0) {
            holder[0] = '\0';
        }
        return refuse(why,
                      "is in use by another server, or by children that "
                      "outlived theirs (pid %d): stop them first",
                      atoi(holder));
    }
    snprintf(holder, sizeof(holder), "%d\n", (int)getpid());
    if (ftruncate(fd, 0)
        || pwrite(fd, holder, strlen(holder), 0) != (ssize_t)strlen(holder)) {
        /* Only the sentence above would have named it. */
        return true;
    }
    return true;
}

int push_statedir_prepare(const char *path, const push_owner_t *owner,
                          push_sentence_t *why)
{
    int fd;

    if (!make(path, owner, why) || !check_self(path, owner, why)
        || !check_way(path, why)) {
        return -1;
    }
    fd = open_lock(path, owner, why);
    if (fd >= 0 && !take_lock(fd, why)) {
        close(fd);
        fd = PUSH_STATEDIR_IN_USE;
    }
    return fd;
}

bool push_statedir_become(const push_owner_t *owner)
{
    return geteuid() != 0
           || (!setgroups(0, NULL) && !setgid(owner->gid)
               && !setuid(owner->uid));
}
