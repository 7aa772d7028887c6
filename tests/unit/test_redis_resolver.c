/*
 * The thread that looks a name up: its code stays, though what it came in is
 * unloaded meanwhile.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "redis/resolver.h"
#include "wait.h"

static sem_t answer;
static atomic_int asker; /* the thread that waits for it */

/* In the place of the system's, for all that this program loads. */
__attribute__((visibility("default"))) int getaddrinfo(
    const char *name, const char *port, const struct addrinfo *hints,
    struct addrinfo **found)
{
    (void)port, (void)found;
    if (hints->ai_flags & AI_NUMERICHOST || strcmp(name, "late.test") != 0) {
        return EAI_NONAME;
    }
    atomic_store(&asker, gettid());
    while (sem_wait(&answer) != 0) {
    }
    return EAI_AGAIN;
}

/* The resolver as a library of its own, beside this program. */
static void *load(void)
{
    static const char name[] = "/resolver.so";
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));
    char *slash;

    ck_assert_int_gt(n, 0);
    path[n] = '\0';
    slash = strrchr(path, '/');
    ck_assert_ptr_nonnull(slash);
    strcpy(slash, name);
    return dlopen(path, RTLD_NOW);
}

START_TEST(a_library_is_unloaded_while_a_name_is_looked_up)
{
    push_resolver_t *(*start)(const push_address_t *);
    void (*release)(push_resolver_t *);
    push_address_t address = {.host = "late.test", .port = 6379};
    void *library = load();
    push_resolver_t *resolver;

    ck_assert_msg(library != NULL, "%s", dlerror());
    *(void **)&start = dlsym(library, "push_resolver_start");
    *(void **)&release = dlsym(library, "push_resolver_release");
    ck_assert(start != NULL && release != NULL);
    ck_assert_int_eq(sem_init(&answer, 0, 0), 0);
    resolver = start(&address);
    ck_assert_ptr_nonnull(resolver);
    wait_until(atomic_load(&asker) != 0);
    release(resolver);
    ck_assert_int_eq(dlclose(library), 0);
    ck_assert_int_eq(sem_post(&answer), 0);
    wait_until(tgkill(getpid(), atomic_load(&asker), 0) != 0
               && errno == ESRCH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_resolver");
    TCase *tc = case_add(suite, "unloading", 20);

    tcase_add_test(tc, a_library_is_unloaded_while_a_name_is_looked_up);
    return case_run(suite);
}
